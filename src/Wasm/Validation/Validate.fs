namespace Twofold.Wasm.Validation

// Module validation (core specification, section 3.4): every section, then every body, in file order.
// In: limits, features, a decoded Module. Out: a ValidModule, or the first violated rule with its offset and place.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

module Validate =
    /// Pages of a 32-bit memory.
    let private maxPages = 65536UL
    let private maxEntries = 0xFFFFFFFFUL

    let private sizes (offset: int) (where: string) (bound: uint64) (message: string) (s: SizeLimits) =
        let reject text expected found = Some { Rejected.invalid offset text with Where = where; Expected = expected; Found = found }

        if s.Min > bound then
            reject message $"a minimum of at most {bound}" $"{s.Min}"
        elif s.Max.IsSome && s.Max.Value > bound then
            reject message $"a maximum of at most {bound}" $"{s.Max.Value}"
        elif s.Max.IsSome && s.Min > s.Max.Value then
            reject "size minimum must not be greater than maximum" $"at most {s.Max.Value}" $"{s.Min}"
        elif s.Shared && s.Max.IsNone then
            reject "shared memory must have maximum" "a maximum" "none"
        else
            None

    let private table offset where (t: TableType) = sizes offset where maxEntries "table size" t.Limits
    let private memory offset where (s: SizeLimits) = sizes offset where maxPages "memory size must be at most 65536 pages (4GiB)" s

    let private firstOf (checks: seq<Rejected option>) = checks |> Seq.tryPick id

    let private unknownType offset where (index: int) = Some { Rejected.invalid offset $"unknown type {uint32 index}" with Where = where }

    let private importCheck (features: Features) (c: Context) (i: Import) =
        let where = $"import {i.Module}.{i.Name}"

        match i.Type with
        | ExternType.Func t
        | ExternType.Tag t -> if isNull (box (c.FuncType t)) then unknownType i.Offset where t else None
        | ExternType.Table t -> table i.Offset where t
        | ExternType.Memory s -> memory i.Offset where s
        | ExternType.Global g ->
            if g.Mutable && not (features.Has Feature.MutableGlobals) then
                Some { Reader.Missing(Feature.MutableGlobals, i.Offset, "an imported mutable global") with Where = where }
            else
                None

    let private declarations (limits: WasmLimits) (features: Features) (c: Context) =
        let m = c.Module

        seq {
            yield! m.Imports |> Seq.map (importCheck features c)

            for i in 0 .. m.Functions.Length - 1 do
                if isNull (box c.FuncTypes[c.ImportedFuncs + i]) then
                    yield unknownType m.Code[i].Start $"function {c.ImportedFuncs + i}" m.Functions[i]

            for i in 0 .. m.Tables.Length - 1 do
                yield table m.Tables[i].Offset $"table {c.ImportedTables + i}" m.Tables[i].Type

            for i in 0 .. m.Memories.Length - 1 do
                yield memory -1 $"memory {c.ImportedMemories + i}" m.Memories[i]

            if c.Tables.Length > 1 && not (features.Has Feature.ReferenceTypes) then
                yield Some(Reader.Missing(Feature.ReferenceTypes, -1, "a second table"))

            if c.Memories.Length > 1 && not (features.Has Feature.MultiMemory) then
                yield Some(Reader.Missing(Feature.MultiMemory, -1, "a second memory"))

            if c.Tables.Length > limits.Tables then
                yield Some(Rejected.limit -1 "too many tables" limits.Tables c.Tables.Length)

            if c.Memories.Length > limits.Memories then
                yield Some(Rejected.limit -1 "too many memories" limits.Memories c.Memories.Length)

            for t in c.Tables do
                if t.Limits.Min > uint64 limits.TableEntries then
                    yield Some(Rejected.limit -1 "a table is too large" limits.TableEntries t.Limits.Min)

            for s in c.Memories do
                if s.Min > uint64 limits.MemoryBytes / 65536UL then
                    let allowed = $"{limits.MemoryBytes / 65536L} pages"
                    yield Some(Rejected.limit -1 "a memory is too large" allowed $"{s.Min} pages")
        }

    let private exports (features: Features) (c: Context) =
        let seen = HashSet<string>()

        seq {
            for e in c.Module.Exports do
                let fail text = Some { Rejected.invalid e.Offset text with Where = $"export {e.Name}" }

                let space, name =
                    match e.Kind with
                    | ExternKind.Func -> c.FuncTypes.Length, "function"
                    | ExternKind.Table -> c.Tables.Length, "table"
                    | ExternKind.Memory -> c.Memories.Length, "memory"
                    | ExternKind.Global -> c.Globals.Length, "global"
                    | _ -> c.Module.Tags.Length, "tag"

                if uint32 e.Index >= uint32 space then
                    yield fail $"unknown {name} {uint32 e.Index}"
                elif not (seen.Add e.Name) then
                    yield fail "duplicate export name"
                elif e.Kind = ExternKind.Global && c.Globals[e.Index].Mutable && not (features.Has Feature.MutableGlobals) then
                    yield
                        Some {
                            Reader.Missing(Feature.MutableGlobals, e.Offset, "an exported mutable global") with
                                Where = $"export {e.Name}"
                        }
        }

    let private start (c: Context) =
        let s = c.Module.Start

        if s = -1 then
            None
        elif uint32 s >= uint32 c.FuncTypes.Length then
            Some(Rejected.invalid -1 $"unknown function {s}")
        else
            let t = c.FuncTypes[s]

            if t.Params.Length > 0 || t.Results.Length > 0 then
                Some { Rejected.invalid -1 "start function" with Where = $"function {s}"; Expected = "[] -> []"; Found = string t }
            else
                None

    /// Runs a constant expression's rules; None when it holds.
    let private constExpr (v: FuncValidator) features where code expected globals offset =
        v.ConstExpr(features, code, expected, globals, offset)

        match v.Error with
        | ValueSome e -> Some { e with Where = where }
        | ValueNone -> None

    let private elem (v: FuncValidator) features (c: Context) index (e: ElemSegment) =
        let where = $"element segment {index}"
        let fail text = Some { Rejected.invalid e.Offset text with Where = where }

        seq {
            match e.Mode with
            | SegmentMode.Active(t, offset) ->
                if uint32 t >= uint32 c.Tables.Length then
                    yield fail $"unknown table {uint32 t}"
                elif not (Subtype.matches c.Module.Types e.Type c.Tables[t].Element) then
                    yield
                        Some {
                            Rejected.invalid e.Offset "type mismatch" with
                                Where = where
                                Expected = string c.Tables[t].Element
                                Found = string e.Type
                        }

                yield constExpr v features where offset ValType.I32 c.Globals.Length e.Offset
            | _ -> ()

            if isNull e.Funcs then
                for x in e.Exprs do
                    yield constExpr v features where x e.Type c.Globals.Length e.Offset
            else
                match e.Funcs |> Array.tryFind (fun f -> uint32 f >= uint32 c.FuncTypes.Length) with
                | Some f -> yield fail $"unknown function {uint32 f}"
                | None -> ()
        }
        |> firstOf

    let private data (v: FuncValidator) features (c: Context) index (d: DataSegment) =
        let where = $"data segment {index}"

        match d.Mode with
        | SegmentMode.Active(m, offset) ->
            if uint32 m >= uint32 c.Memories.Length then
                Some { Rejected.invalid d.Offset $"unknown memory {uint32 m}" with Where = where }
            else
                constExpr v features where offset ValType.I32 c.Globals.Length d.Offset
        | _ -> None

    let private bodies (limits: WasmLimits) (features: Features) (v: FuncValidator) (c: Context) =
        let m = c.Module
        let reader = BodyReader(limits, features, m)
        let mutable error = None
        let mutable i = 0

        while i < m.Code.Length && error.IsNone do
            let function' = c.ImportedFuncs + i

            if reader.Read i then
                let instrs = reader.Instrs
                v.Body(c.FuncTypes[function'], reader.Locals, reader.LocalCount, instrs.Code, instrs.Count, instrs.Labels)

                let slots = int64 reader.LocalCount + 5L * int64 v.Highest

                if v.Error.IsSome then
                    error <- Some v.Error.Value
                elif slots > int64 limits.FrameSlots then
                    error <-
                        Some(
                            Rejected.limit m.Code[i].Start "a function's frame is too large (locals + 5 * operands)" limits.FrameSlots slots
                        )
            else
                error <- Some reader.Error

            error <- error |> Option.map (fun e -> { e with Where = (ModuleNames.Read m).Describe function' })
            i <- i + 1

        error

    /// Proves a module valid. The first error in file order is reported, so the answer is the same on every machine.
    let run (limits: WasmLimits) (features: Features) (m: Module) : Result<ValidModule, Rejected> =
        let features = Implemented.restrict features
        let c = Context m
        let v = FuncValidator c

        let firstError =
            seq {
                yield! declarations limits features c

                // A global's initialiser sees the globals before it.
                for i in 0 .. m.Globals.Length - 1 do
                    let g = m.Globals[i]
                    let index = c.ImportedGlobals + i
                    yield constExpr v features $"global {index}" g.Init g.Type.Value index g.Offset

                yield! exports features c
                yield start c
                yield! m.Elems |> Seq.mapi (elem v features c)
                yield! m.Datas |> Seq.mapi (data v features c)
                yield bodies limits features v c
            }
            |> firstOf

        match firstError with
        | Some e -> Error e
        | None -> Ok(ValidModule(c, limits, features))
