namespace Twofold.Conformance

// Binaryen's random modules on every engine: logs, results and traps as V8 had them when each export was called with zeros.
// In: fuzz.zip. Out: modules that differ, with the first differing line. V8's traces do not show NaN payloads or which trap it was.

open System
open System.Globalization
open System.Text.Json
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// One line of a trace.
[<RequireQualifiedAccess>]
type private Event =
    | Log of name: string * Value[]
    | Returned of export: string * Value[]
    | Trapped of export: string * TrapCode
    | Other of string

module private FuzzTrace =
    /// A value as JavaScript prints it: `5`, `-0`, `nan`, `Infinity`, `7n` for an i64.
    let private prints (text: string) (v: Value) =
        let number (x: float) =
            if Double.IsNaN x then
                text = "nan"
            else
                let expected =
                    match text with
                    | "Infinity" -> infinity
                    | "-Infinity" -> -infinity
                    | t -> Double.Parse(t, CultureInfo.InvariantCulture)

                BitConverter.DoubleToInt64Bits expected = BitConverter.DoubleToInt64Bits x

        match v.Kind with
        | ValueKind.I32 -> text = (v.AsI32()).ToString CultureInfo.InvariantCulture
        | ValueKind.I64 -> text = (v.AsI64()).ToString CultureInfo.InvariantCulture + "n"
        | ValueKind.F32 -> text <> "-" && number (float (v.AsF32()))
        | ValueKind.F64 -> text <> "-" && number (v.AsF64())
        | _ -> text = (if isNull v.Reference then "null" else "func")

    let private printAll (text: string) (values: Value[]) =
        match values with
        | [||] -> text = "-" || text = ""
        | [| v |] -> prints text v
        | many ->
            let parts = text.Trim('[', ']').Split ','
            parts.Length = many.Length && Array.forall2 prints parts many

    let matches (line: string) (event: Event) =
        match event with
        | Event.Log(name, values) -> line.StartsWith $"log {name} " && printAll (line.Substring(5 + name.Length)) values
        | Event.Returned(name, values) -> line.StartsWith $"{name} => " && printAll (line.Substring(name.Length + 4)) values
        | Event.Trapped(name, _) -> line = $"{name} ! trap"
        | Event.Other text -> line = text

    let private show (event: Event) =
        match event with
        | Event.Log(name, values)
        | Event.Returned(name, values) -> name + ": " + (values |> Array.map string |> String.concat " ")
        | Event.Trapped(name, code) -> $"{name} trapped: {code}"
        | Event.Other text -> text

    /// What the tracing host does: every export in order, the module's own fuel filled up before each.
    let private events (engine: TraceEngine) (valid: ValidModule) : Event list =
        let events = ResizeArray<Event>()
        let m = valid.Module
        // An import with vectors was called: JavaScript throws a TypeError then.
        let noVectors = ref false

        let imports = [
            for i in m.Imports do
                match i.Type with
                | ExternType.Func t -> {
                    Module = i.Module
                    Name = i.Name
                    Type = valid.FuncType t
                    Call =
                        fun arguments ->
                            if Array.contains ValType.V128 (valid.FuncType t).Params then
                                noVectors.Value <- true
                                invalidOp "no vectors"

                            events.Add(Event.Log(i.Name, arguments))
                            [||]
                  }
                | _ -> ()
        ]

        match engine.Instantiate valid imports with
        | Error _ -> events.Add(Event.Other "instantiate: trap")
        | Ok instance ->
            let functions = m.Exports |> Array.filter (fun e -> e.Kind = ExternKind.Func)
            let refuel = functions |> Array.tryFind (fun e -> e.Name = "hangLimitInitializer")

            for e in functions |> Array.filter (fun e -> Some e <> refuel) do
                refuel |> Option.iter (fun r -> instance.Invoke r.Name [||] |> ignore)
                let parameters = valid.FuncTypes[e.Index].Params

                // JavaScript has no vectors, and refuses before it looks at the arguments.
                if Seq.append parameters valid.FuncTypes[e.Index].Results |> Seq.contains ValType.V128 then
                    events.Add(Event.Other $"{e.Name} ! type")
                // The tracing host passes the number 0, which is no i64.
                elif Array.contains ValType.I64 parameters then
                    events.Add(Event.Other $"{e.Name} skipped")
                else
                    let zeros = parameters |> Array.map (fun t -> Value.FromBits(Twofold.Oracle.Values.kind t, 0UL))

                    let ended =
                        try
                            instance.Invoke e.Name zeros
                        with _ when noVectors.Value ->
                            RunEnd.Fault(EngineFault.HostFunction "no vectors")

                    match ended with
                    | _ when noVectors.Value ->
                        noVectors.Value <- false
                        events.Add(Event.Other $"{e.Name} ! type")
                    | RunEnd.Returned values -> events.Add(Event.Returned(e.Name, values))
                    | RunEnd.Trapped t -> events.Add(Event.Trapped(e.Name, t.Code))
                    | other -> events.Add(Event.Other $"{e.Name}: {other}")

        List.ofSeq events

    let difference (engine: TraceEngine) (valid: ValidModule) (lines: string list) : string option =
        let found = events engine valid

        Seq.zip lines found
        |> Seq.tryFind (fun (line, event) -> not (matches line event))
        |> Option.map (fun (line, event) -> $"expected {line}, found {show event}")
        |> Option.orElse (
            if lines.Length = found.Length then
                None
            else
                Some $"expected {lines.Length} lines, found {found.Length}"
        )

[<TestFixture>]
type FuzzTests() =
    /// These two look at the bits of a NaN that arithmetic made. V8 leaves what the processor gives (a negative NaN on x64), ours is canonical;
    /// an oracle that does not canonicalise reproduces both.
    let payloadsShow = set [ "c10/123.wasm"; "c10/244.wasm" ]

    static member Cases() = [
        for engine in TraceEngines.all do
            for folder in [ "c10"; "c20"; "csimd" ] -> TestCaseData(engine.Name, folder)
    ]

    [<TestCaseSource("Cases")>]
    member _.``V8's traces are reproduced``(engine: string, folder: string) =
        let engine = TraceEngines.all |> List.find (fun e -> e.Name = engine)
        let zip = TestData.archive "fuzz.zip"
        use json = JsonDocument.Parse(zip.Read $"{folder}/traces.json")
        let differences = ResizeArray<string>()
        let mutable passed = 0
        let mutable skipped = 0

        for trace in json.RootElement.EnumerateObject() do
            match Verdict.check (zip.Read $"{folder}/{trace.Name}") with
            | Error rejected -> differences.Add $"{trace.Name} refused: {rejected}"
            | Ok _ when payloadsShow.Contains $"{folder}/{trace.Name}" -> skipped <- skipped + 1
            | Ok valid ->
                let lines = [ for line in trace.Value.EnumerateArray() -> line.GetString() ]

                match FuzzTrace.difference engine valid lines with
                | None -> passed <- passed + 1
                | Some d -> differences.Add $"{trace.Name}: {d}"

        TestContext.Progress.WriteLine
            $"fuzz {folder} on {engine.Name}: {passed} passed, {differences.Count} failed, {skipped} skipped: NaN payloads"

        Assert.That(passed, Is.GreaterThan 0)
        Assert.That(differences, Is.Empty)
