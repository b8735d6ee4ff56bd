namespace Twofold.Cli

// `twofold inspect`: what a module imports, exports and needs, and what each profile would say to it.
// In: a module's file. Out: an ending; 2 when no profile can read the module at all.

open System
open System.Text.Json
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi
open Twofold.Engine

module Inspect =
    /// What a profile would say: refusals, none when it accepts.
    type private Verdict = { Profile: string; Refusals: Rejected list }

    let private load (policy: Policy) (bytes: byte[]) =
        Decode.run policy.Wasm policy.Features bytes |> Result.bind (Validate.run policy.Wasm policy.Features)

    let private verdict (bytes: byte[]) (p: Profile) : Verdict =
        let refusals =
            match load p.Policy bytes with
            | Error r -> [ r ]
            | Ok m -> Linking.check p.Policy m

        { Profile = p.Name; Refusals = refusals }

    let private number n one many = if n = 1 then $"1 {one}" else $"{n} {many}"

    let private limits one many (l: SizeLimits) =
        match l.Max with
        | ValueSome max -> $"{l.Min} to {max} {many}"
        | ValueNone -> (if l.Min = 1UL then $"1 {one}" else $"{l.Min} {many}") + " or more"

    let private pages (l: SizeLimits) = limits "page" "pages" l
    let private table (t: TableType) = string t.Element + ", " + limits "entry" "entries" t.Limits
    let private globalType (t: GlobalType) = (if t.Mutable then "mutable " else "") + string t.Value

    let private externType (m: ValidModule) (t: ExternType) =
        match t with
        | ExternType.Func i -> $"func {m.FuncType i}"
        | ExternType.Memory l -> $"memory {pages l}"
        | ExternType.Table t -> $"table {table t}"
        | ExternType.Global g -> $"global {globalType g}"
        | ExternType.Tag _ -> "tag"

    let private export (m: ValidModule) (e: Export) =
        match e.Kind with
        | ExternKind.Func -> $"func {m.FuncTypes[e.Index]}"
        | ExternKind.Memory -> $"memory {pages m.MemoryTypes[e.Index]}"
        | ExternKind.Table -> $"table {table m.TableTypes[e.Index]}"
        | ExternKind.Global -> $"global {globalType m.GlobalTypes[e.Index]}"
        | _ -> "tag"

    /// Exports that a contract call may name.
    let private entries (m: ValidModule) =
        m.Module.Exports
        |> Seq.filter (fun e -> e.Kind = ExternKind.Func)
        |> Seq.filter (fun e -> m.FuncTypes[e.Index].Params.Length = 0 && m.FuncTypes[e.Index].Results = [| ValType.I32 |])
        |> Seq.map _.Name
        |> List.ofSeq

    let private counts (m: ValidModule) = [
        "function", "functions", m.Module.Functions.Length
        "memory", "memories", m.MemoryTypes.Length
        "table", "tables", m.TableTypes.Length
        "global", "globals", m.GlobalTypes.Length
        "element segment", "element segments", m.Module.Elems.Length
        "data segment", "data segments", m.Module.Datas.Length
    ]

    /// Refusals that say the same of several imports, in one line.
    let private together (refusals: Rejected list) =
        refusals
        |> List.groupBy (fun r -> r.Kind, r.Message, r.Expected, r.Found)
        |> List.map (fun (_, group) ->
            match group with
            | [ r ] -> string r
            | first :: _ ->
                let places = group |> List.map (fun r -> r.Where.Replace("import ", "")) |> String.concat ", "
                string { first with Where = places; Offset = -1 }
            | [] -> "")

    let private text (bytes: byte[]) (m: ValidModule) (verdicts: Verdict list) =
        let pad (lines: (string * string) list) =
            let width = if lines.IsEmpty then 0 else lines |> List.map (fun (a, _) -> a.Length) |> List.max
            lines |> List.map (fun (a, b) -> $"  {a.PadRight width}  {b}")

        String.Join(
            Environment.NewLine,
            [
                $"module     {Hash32.sha256 (ReadOnlySpan bytes)}"
                $"size       {Show.count bytes.LongLength} bytes"
                "has        "
                + (counts m
                   |> List.filter (fun (_, _, n) -> n > 0)
                   |> List.map (fun (one, many, n) -> number n one many)
                   |> String.concat ", ")
                if m.Module.Imports.Length > 0 then
                    "imports"
                    yield! pad [ for i in m.Module.Imports -> Show.plain $"{i.Module}.{i.Name}", externType m i.Type ]
                if m.Module.Exports.Length > 0 then
                    "exports"
                    yield! pad [ for e in m.Module.Exports -> Show.plain e.Name, export m e ]
                match entries m with
                | [] -> ()
                | names -> "entries    " + Show.plain (String.concat ", " names) + " (callable with `twofold exec`)"
                "memories   " + (if m.MemoryTypes.Length = 0 then "none" else m.MemoryTypes |> Seq.map pages |> String.concat "; ")
                "profiles"
                for v in verdicts do
                    match v.Refusals with
                    | [] -> $"  {v.Profile}: accepts it"
                    | refusals ->
                        $"  {v.Profile}: rejects it"

                        for line in together refusals do
                            "    " + line
            ]
        )

    let private json (bytes: byte[]) (m: ValidModule) (verdicts: Verdict list) =
        let items (w: Utf8JsonWriter) (name: string) (all: 'T seq) (write: 'T -> unit) =
            w.WriteStartArray name

            for item in all do
                w.WriteStartObject()
                write item
                w.WriteEndObject()

            w.WriteEndArray()

        Show.json (fun w ->
            w.WriteNumber("exitCode", Exit.Success)
            w.WriteString("module", (Hash32.sha256 (ReadOnlySpan bytes)).Text)
            w.WriteNumber("bytes", bytes.Length)
            counts m |> List.iter (fun (_, many, n) -> w.WriteNumber(many.Replace(" segments", "Segments"), n))

            items w "imports" m.Module.Imports (fun i ->
                w.WriteString("module", i.Module)
                w.WriteString("name", i.Name)
                w.WriteString("type", externType m i.Type))

            items w "exports" m.Module.Exports (fun e ->
                w.WriteString("name", e.Name)
                w.WriteString("type", export m e))

            w.WriteStartArray "entries"
            entries m |> List.iter (fun (name: string) -> w.WriteStringValue name)
            w.WriteEndArray()

            items w "profiles" verdicts (fun v ->
                w.WriteString("name", v.Profile)
                w.WriteBoolean("accepts", v.Refusals.IsEmpty)
                items w "refusals" v.Refusals (Show.rejection w)))

    let run (a: ParseResults<InspectArgs>) : Ending =
        let asJson = a.Contains InspectArgs.Json

        result {
            let! bytes = Inputs.moduleBytes (a.GetResult InspectArgs.File) |> Result.mapError Stop.Usage
            let! m = load Profile.hostProfile.Policy bytes |> Result.mapError (Refusal.Rejected >> Stop.Refused)
            let verdicts = Profile.all |> List.map (verdict bytes)
            return Ending.ok (if asJson then json bytes m verdicts else text bytes m verdicts)
        }
        |> Result.defaultWith (Execute.stopped asJson)
