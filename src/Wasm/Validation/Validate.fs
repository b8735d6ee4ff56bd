namespace Twofold.Wasm.Validation

// Module validation (core specification, section 3.4): every section, then every body, in file order.
// In: limits, features, a decoded Module. Out: a ValidModule, or the first violated rule with its offset and place.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

module Validate =
    /// Pages of a memory, entries of a table, by address type (core 3.2.15-3.2.16).
    let private maxPages (s: SizeLimits) = if s.Is64 then 1UL <<< 48 else 65536UL

    let private maxEntries (s: SizeLimits) = if s.Is64 then UInt64.MaxValue else 0xFFFFFFFFUL

    let private sizes (offset: unit -> int) (where: string) (bound: uint64) (message: string) (s: SizeLimits) =
        let reject text expected found = Some { Rejected.invalid (offset ()) text with Where = where; Expected = expected; Found = found }

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

    let private unknownType (offset: unit -> int) where (index: int) =
        Some { Rejected.invalid (offset ()) $"unknown type {uint32 index}" with Where = where }

    /// A value type outside of the type section and bodies.
    let private valueType (c: Context) offset where (t: ValType) =
        if t.IsRef && t.Heap.IsConcrete && t.Heap.Index >= c.Types.Count then
            unknownType offset where t.Heap.Index
        else
            None

    let private table (c: Context) offset where (t: TableType) =
        match valueType c offset where t.Element with
        | None -> sizes offset where (maxEntries t.Limits) "table size" t.Limits
        | error -> error

    let private memory offset where (s: SizeLimits) =
        let bound = maxPages s

        let message =
            if s.Is64 then
                "memory size must be at most 2^48 pages"
            else
                "memory size must be at most 65536 pages (4GiB)"

        sizes offset where bound message s

    let private tag (c: Context) offset where (typeIndex: int) =
        match c.FuncType typeIndex |> box with
        | null -> unknownType offset where typeIndex
        | t ->
            let t = t :?> FuncType

            if t.Results.Length > 0 then
                Some { Rejected.invalid (offset ()) "non-empty tag result type" with Where = where; Found = string t }
            else
                None

    let private firstOf (checks: seq<Rejected option>) = checks |> Seq.tryPick id

    let private importCheck (c: Context) (i: Import) =
        let where = $"import {i.Module}.{i.Name}"
        let offset () = i.Offset

        match i.Type with
        | ExternType.Func t -> if isNull (box (c.FuncType t)) then unknownType offset where t else None
        | ExternType.Tag t -> tag c offset where t
        | ExternType.Table t -> table c offset where t
        | ExternType.Memory s -> memory offset where s
        | ExternType.Global g -> valueType c offset where g.Value

    let private tooMany what (allowed: int) (found: int) =
        if found > allowed then Some(Rejected.limit -1 $"too many {what}" allowed found) else None

    /// Index spaces, and what is needed before any expression is looked at.
    let private declarations (limits: WasmLimits) (c: Context) =
        let m = c.Module

        seq {
            yield! m.Imports |> Seq.map (importCheck c)

            for i in 0 .. m.Functions.Length - 1 do
                if isNull (box c.FuncTypes[c.ImportedFuncs + i]) then
                    yield unknownType (fun () -> m.Code[i].Start) $"function {c.ImportedFuncs + i}" m.Functions[i]

            for i in 0 .. m.Tables.Length - 1 do
                yield table c (fun () -> m.Tables[i].Offset) $"table {c.ImportedTables + i}" m.Tables[i].Type

            for i in 0 .. m.Memories.Length - 1 do
                yield memory (fun () -> Decode.offsetOf m "memory section" i) $"memory {c.ImportedMemories + i}" m.Memories[i]

            for i in 0 .. m.Tags.Length - 1 do
                yield tag c (fun () -> Decode.offsetOf m "tag section" i) $"tag {c.ImportedTags + i}" m.Tags[i]

            for i in 0 .. m.Globals.Length - 1 do
                yield valueType c (fun () -> m.Globals[i].Offset) $"global {c.ImportedGlobals + i}" m.Globals[i].Type.Value

            for i in 0 .. m.Elems.Length - 1 do
                yield valueType c (fun () -> m.Elems[i].Offset) $"element segment {i}" m.Elems[i].Type

            yield tooMany "tables" limits.Tables c.Tables.Length
            yield tooMany "memories" limits.Memories c.Memories.Length

            for t in c.Tables do
                if limits.TableEntries < Int64.MaxValue && t.Limits.Min > uint64 limits.TableEntries then
                    yield Some(Rejected.limit -1 "a table is too large" limits.TableEntries t.Limits.Min)

            for s in c.Memories do
                if limits.MemoryBytes < Int64.MaxValue && s.Min > uint64 limits.MemoryBytes / 65536UL then
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
                    | _ -> c.TagTypes.Length, "tag"

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
        let at () = Decode.offsetOf c.Module "start section" 0

        if s = -1 then
            None
        elif uint32 s >= uint32 c.FuncTypes.Length then
            Some(Rejected.invalid (at ()) $"unknown function {s}")
        else
            let t = c.FuncTypes[s]

            if t.Params.Length > 0 || t.Results.Length > 0 then
                Some {
                    Rejected.invalid (at ()) "start function" with
                        Where = $"function {s}"
                        Expected = "[] -> []"
                        Found = string t
                }
            else
                None

    /// Runs a constant expression's rules; None when it holds.
    let private constExpr (v: FuncValidator) where code expected globals offset =
        v.ConstExpr(code, expected, globals, offset)

        match v.Error with
        | ValueSome e -> Some { e with Where = where }
        | ValueNone -> None

    let private elem (v: FuncValidator) (c: Context) index (e: ElemSegment) =
        let where = $"element segment {index}"
        let fail text = Some { Rejected.invalid e.Offset text with Where = where }

        seq {
            match e.Mode with
            | SegmentMode.Active(t, offset) ->
                if uint32 t >= uint32 c.Tables.Length then
                    yield fail $"unknown table {uint32 t}"
                elif not (c.Types.Matches(e.Type, c.Tables[t].Element)) then
                    yield
                        Some {
                            Rejected.invalid e.Offset "type mismatch" with
                                Where = where
                                Expected = string c.Tables[t].Element
                                Found = string e.Type
                        }

                yield constExpr v where offset (v.TableAddress t) c.Globals.Length e.Offset
            | _ -> ()

            if isNull e.Funcs then
                for x in e.Exprs do
                    yield constExpr v where x e.Type c.Globals.Length e.Offset
            else
                match e.Funcs |> Array.tryFind (fun f -> uint32 f >= uint32 c.FuncTypes.Length) with
                | Some f -> yield fail $"unknown function {uint32 f}"
                | None -> ()
        }
        |> firstOf

    let private data (v: FuncValidator) (c: Context) index (d: DataSegment) =
        let where = $"data segment {index}"

        match d.Mode with
        | SegmentMode.Active(m, offset) ->
            if uint32 m >= uint32 c.Memories.Length then
                Some { Rejected.invalid d.Offset $"unknown memory {uint32 m}" with Where = where }
            else
                constExpr v where offset (v.Memory m) c.Globals.Length d.Offset
        | _ -> None

    let private bodies (limits: WasmLimits) (features: Features) (v: FuncValidator) (c: Context) =
        let m = c.Module
        let reader = BodyReader(limits, features, m)
        let instrs = reader.Instrs
        let mutable error = None
        let mutable i = 0
        // For the delegates, which cannot see a mutable local.
        let at = [| 0 |]

        let start =
            Action(fun () -> v.StartBody(c.FuncTypes[c.ImportedFuncs + at[0]], reader.Locals, reader.LocalCount, reader.Groups))

        let pieces = Action(fun () -> v.Body(instrs.Code, instrs.Count, instrs.Labels, instrs.Catches))

        while i < m.Code.Length && error.IsNone do
            let function' = c.ImportedFuncs + i
            at[0] <- i

            if reader.Read(i, start, pieces) then
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

    let private check (limits: WasmLimits) (features: Features) (c: Context) : Rejected option =
        let m = c.Module
        let v = FuncValidator(c, limits)

        seq {
            yield! declarations limits c

            // Tables come before globals: their initialisers see imported ones.
            for i in 0 .. m.Tables.Length - 1 do
                let t = m.Tables[i]
                let where = $"table {c.ImportedTables + i}"

                if not (isNull t.Init) then
                    yield constExpr v where t.Init t.Type.Element c.ImportedGlobals t.Offset
                elif not t.Type.Element.IsDefaultable then
                    yield
                        Some {
                            Rejected.invalid t.Offset "type mismatch" with
                                Where = where
                                Expected = "an initial value"
                                Found = $"none for {t.Type.Element}"
                        }

            // A global's initialiser sees the globals before it.
            for i in 0 .. m.Globals.Length - 1 do
                let g = m.Globals[i]
                let index = c.ImportedGlobals + i
                yield constExpr v $"global {index}" g.Init g.Type.Value index g.Offset

            yield! exports features c
            yield start c
            yield! m.Elems |> Seq.mapi (elem v c)
            yield! m.Datas |> Seq.mapi (data v c)
            yield bodies limits features v c
        }
        |> firstOf

    /// Proves a module valid. The first error in file order is reported, so the answer is the same on every machine.
    let run (limits: WasmLimits) (features: Features) (m: Module) : Result<ValidModule, Rejected> =
        match TypeRules.run limits m with
        | Error e -> Error e
        | Ok types ->
            let c = Context(m, types)

            match check limits features c with
            | None -> Ok(ValidModule(c, limits, features))
            | Some e ->
                types.Release()
                Error e
