namespace Twofold.Wasm.Text

// A module as text that parses back to an equivalent module: same types, code, segments; names of functions kept, other custom sections left out.
// In: a decoded Module. Out: WAT, or why a body does not decode.

open System
open System.Collections.Generic
open System.Text
open Twofold.Wasm
open Twofold.Wasm.Binary

module private Parts =
    let limits (o: StringBuilder) (l: SizeLimits) =
        if l.Is64 then
            o.Append "i64 " |> ignore

        o.Append l.Min |> ignore
        l.Max |> ValueOption.iter (fun m -> o.Append(' ').Append m |> ignore)

        if l.Shared then
            o.Append " shared" |> ignore

    let tableType (o: StringBuilder) (t: TableType) =
        limits o t.Limits
        o.Append(' ').Append(string t.Element) |> ignore

    let globalType (o: StringBuilder) (t: GlobalType) =
        if t.Mutable then
            o.Append("(mut ").Append(string t.Value).Append(')') |> ignore
        else
            o.Append(string t.Value) |> ignore

    let fieldType (o: StringBuilder) (f: FieldType) =
        let storage =
            match f.Storage with
            | StorageType.I8 -> "i8"
            | StorageType.I16 -> "i16"
            | StorageType.Value t -> string t

        if f.Mutable then
            o.Append("(mut ").Append(storage).Append(')') |> ignore
        else
            o.Append storage |> ignore

    let valTypes (o: StringBuilder) (word: string) (types: ValType[]) =
        if types.Length > 0 then
            o.Append(" (").Append(word) |> ignore

            for t in types do
                o.Append(' ').Append(string t) |> ignore

            o.Append ')' |> ignore

[<Sealed>]
type private ModulePrinter(limits: WasmLimits, features: Features, m: Module, chars: int) =
    let o = StringBuilder()

    let importedFuncs = m.Imports |> Array.filter _.Type.IsFunc |> Array.length

    /// Identifiers of functions from the name section, made unique by leaving repeated ones out.
    let ids =
        let taken = HashSet<string>()
        // Exports and imports lend names too; all of them are only for reading.
        let names = ModuleNames.Read m

        Array.init (importedFuncs + m.Functions.Length) (fun i ->
            match names.Function i with
            | null
            | "" -> null
            | name when taken.Add name -> StringText.id name
            | _ -> null)

    let func (i: int) = if uint32 i < uint32 ids.Length && not (isNull ids[i]) then ids[i] else string (uint32 i)
    let code = CodePrinter(o, func)

    let line (text: string) = o.Append("  (").Append text |> ignore
    let endLine () = o.Append(")\n") |> ignore
    let number (i: int) = o.Append(" (;").Append(i).Append(";)") |> ignore

    let funcHead (i: int) (typeIndex: int) =
        if isNull ids[i] then
            number i
        else
            o.Append(' ').Append(ids[i]).Append(" (;").Append(i).Append(";)") |> ignore

        o.Append(" (type ").Append(uint32 typeIndex).Append(')') |> ignore

    let signature (typeIndex: int) =
        if uint32 typeIndex < uint32 m.Types.Length then
            match m.Types[typeIndex].Composite with
            | CompositeType.Func t ->
                Parts.valTypes o "param" t.Params
                Parts.valTypes o "result" t.Results
            | _ -> ()

    let composite (t: CompositeType) =
        match t with
        | CompositeType.Func f ->
            o.Append " (func" |> ignore
            Parts.valTypes o "param" f.Params
            Parts.valTypes o "result" f.Results
        | CompositeType.Struct fields ->
            o.Append " (struct" |> ignore

            for f in fields do
                o.Append " (field " |> ignore
                Parts.fieldType o f
                o.Append ')' |> ignore
        | CompositeType.Array f ->
            o.Append " (array " |> ignore
            Parts.fieldType o f

        o.Append ')' |> ignore

    let types () =
        m.Types
        |> Array.iteri (fun i t ->
            if t.GroupSize > 1 && t.GroupStart = i then
                line "rec\n"

            line "type"
            number i

            if t.Super >= 0 || not t.Final then
                o.Append(if t.Final then " (sub final" else " (sub") |> ignore

                if t.Super >= 0 then
                    o.Append(' ').Append t.Super |> ignore

                composite t.Composite
                o.Append ')' |> ignore
            else
                composite t.Composite

            endLine ()

            if t.GroupSize > 1 && t.GroupStart + t.GroupSize = i + 1 then
                o.Append "  )\n" |> ignore)

    let imports () =
        let mutable next = 0

        for i in m.Imports do
            line "import "
            StringText.name o i.Module
            o.Append ' ' |> ignore
            StringText.name o i.Name

            match i.Type with
            | ExternType.Func t ->
                o.Append " (func" |> ignore
                funcHead next t
                next <- next + 1
            | ExternType.Table t ->
                o.Append " (table " |> ignore
                Parts.tableType o t
            | ExternType.Memory l ->
                o.Append " (memory " |> ignore
                Parts.limits o l
            | ExternType.Global g ->
                o.Append " (global " |> ignore
                Parts.globalType o g
            | ExternType.Tag t -> o.Append(" (tag (type ").Append(uint32 t).Append(')') |> ignore

            o.Append ')' |> ignore
            endLine ()

    let locals (types: ValType[]) (first: int) =
        if types.Length > first then
            o.Append "    (local" |> ignore

            for i in first .. types.Length - 1 do
                o.Append(' ').Append(string types[i]) |> ignore

            o.Append ")\n" |> ignore

    let paramCount (typeIndex: int) =
        match m.Types[typeIndex].Composite with
        | CompositeType.Func t -> t.Params.Length
        | _ -> 0

    let funcs () : Result<unit, Rejected> =
        let reader = BodyReader(limits, features, m)
        let mutable error = ValueNone
        let mutable i = 0

        while error.IsNone && i < m.Functions.Length do
            if reader.Read i then
                let body = reader.ToBody()
                line "func"
                funcHead (importedFuncs + i) m.Functions[i]
                signature m.Functions[i]
                o.Append '\n' |> ignore
                locals body.Locals (paramCount m.Functions[i])
                code.Body(body, 2)
                o.Append "  )\n" |> ignore

                if o.Length > chars then
                    error <-
                        ValueSome(
                            Rejected.limit
                                m.Code[i].Start
                                "the module's text is too long to print"
                                $"{chars} characters"
                                $"more, in function {importedFuncs + i}"
                        )
            else
                error <- ValueSome reader.Error

            i <- i + 1

        match error with
        | ValueSome e -> Error e
        | ValueNone -> Ok()

    let constant (e: ConstExpr) (word: string) =
        o.Append(" (").Append word |> ignore
        code.Const e
        o.Append ')' |> ignore

    let tables () =
        for t in m.Tables do
            line "table "
            Parts.tableType o t.Type

            if not (isNull t.Init) then
                o.Append ' ' |> ignore
                code.Const t.Init

            endLine ()

    let globals () =
        for g in m.Globals do
            line "global "
            Parts.globalType o g.Type
            o.Append ' ' |> ignore
            code.Const g.Init
            endLine ()

    let exports () =
        for e in m.Exports do
            line "export "
            StringText.name o e.Name

            let word, index =
                match e.Kind with
                | ExternKind.Func -> "func", func e.Index
                | ExternKind.Table -> "table", string (uint32 e.Index)
                | ExternKind.Memory -> "memory", string (uint32 e.Index)
                | ExternKind.Global -> "global", string (uint32 e.Index)
                | _ -> "tag", string (uint32 e.Index)

            o.Append(" (").Append(word).Append(' ').Append(index).Append(')') |> ignore
            endLine ()

    let place (word: string) (mode: SegmentMode) =
        match mode with
        | SegmentMode.Passive -> ()
        | SegmentMode.Declarative -> o.Append " declare" |> ignore
        | SegmentMode.Active(index, offset) ->
            if index <> 0 then
                o.Append(" (").Append(word).Append(' ').Append(uint32 index).Append(')') |> ignore

            constant offset "offset "

    let elems () =
        m.Elems
        |> Array.iteri (fun i e ->
            line "elem"
            number i
            place "table" e.Mode

            if isNull e.Funcs then
                o.Append(' ').Append(string e.Type) |> ignore

                for x in e.Exprs do
                    constant x "item "
            elif e.Type = ValType.FuncRef then
                // Expressions that are all functions; plain indices would have the type (ref func).
                o.Append " funcref" |> ignore

                for f in e.Funcs do
                    o.Append(" (ref.func ").Append(func f).Append(')') |> ignore
            else
                o.Append " func" |> ignore

                for f in e.Funcs do
                    o.Append(' ').Append(func f) |> ignore

            endLine ())

    let datas () =
        m.Datas
        |> Array.iteri (fun i d ->
            line "data"
            number i
            place "memory" d.Mode
            o.Append ' ' |> ignore
            StringText.append o (ReadOnlySpan(m.Bytes, d.Start, d.Length))
            endLine ())

    member _.Run() : Result<string, Rejected> =
        let name = (ModuleNames.Read m).Module
        o.Append "(module" |> ignore

        if name <> "" then
            o.Append(' ').Append(StringText.id name) |> ignore

        o.Append '\n' |> ignore
        types ()
        imports ()

        funcs ()
        |> Result.map (fun () ->
            tables ()

            for l in m.Memories do
                line "memory "
                Parts.limits o l
                endLine ()

            for t in m.Tags do
                o.Append("  (tag (type ").Append(uint32 t).Append("))\n") |> ignore

            globals ()
            exports ()

            if m.Start >= 0 then
                o.Append("  (start ").Append(func m.Start).Append(")\n") |> ignore

            elems ()
            datas ()
            o.Append(")\n").ToString())

/// Modules as text.
module Printer =
    /// Refuses a text of more characters than that.
    let internal runWithin (chars: int) (limits: WasmLimits) (features: Features) (m: Module) : Result<string, Rejected> =
        Refused.catch (fun () -> ModulePrinter(limits, features, m, chars).Run()) |> Result.bind id

    /// Prints a decoded module. Bodies are decoded on the way, so limits and features are asked for again.
    let run (limits: WasmLimits) (features: Features) (m: Module) : Result<string, Rejected> = runWithin TextLimits.chars limits features m
