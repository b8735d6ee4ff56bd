namespace Twofold.Conformance

// What the traces of other engines do not know: gas, and the numbers of traps. Every export of every random module is called with zeros on
// our engines and on the oracle. In: smith.zip, fuzz.zip. Out: the first call after which the two show something different.

open System.Text.Json
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

[<TestFixture>]
type SmithGas() =
    /// Lines of what happens: instantiation, host calls, each call's end and the gas used until then.
    let happenings (engine: TraceEngine) (valid: ValidModule) : string list =
        let lines = ResizeArray<string>()
        let m = valid.Module
        let zeros (types: ValType[]) = types |> Array.map (Twofold.Oracle.DefTypes.zero m.Types)
        // The oracle's host functions are over bits: of a vector they see the low half.
        let shown (values: Value[]) = values |> Array.map (fun v -> $"{v.Kind} {v.Bits}") |> String.concat " "

        // There is no zero of a reference that cannot be null.
        let callable (types: ValType[]) = types |> Array.forall (fun t -> not t.IsRef || t.IsNullable)

        let imports = [
            for i in m.Imports do
                match i.Type with
                | ExternType.Func t ->
                    let t = valid.FuncType t

                    {
                        Module = i.Module
                        Name = i.Name
                        Type = t
                        Call =
                            fun arguments ->
                                lines.Add $"host {i.Name} {shown arguments}"
                                zeros t.Results
                    }
                | _ -> ()
        ]

        match engine.Instantiate valid imports with
        | Error e -> lines.Add $"instantiation: {Ended.show e}"
        | Ok instance ->
            lines.Add $"instantiated, gas {instance.GasUsed()}"

            for e in m.Exports do
                if e.Kind = ExternKind.Func && callable valid.FuncTypes[e.Index].Params then
                    let result = instance.Invoke e.Name (zeros valid.FuncTypes[e.Index].Params)
                    lines.Add $"{e.Name}: {Ended.show result}, gas {instance.GasUsed()}"

        List.ofSeq lines

    let modules (source: string) : (string * byte[]) seq =
        match source with
        | smith when smith.StartsWith "smith " ->
            SmithTraces.read (TestData.archive "smith.zip") (int (smith.Substring 6)) |> Seq.map (fun t -> t.File, t.Bytes)
        | folder ->
            let zip = TestData.archive "fuzz.zip"

            zip.Names |> Seq.filter (fun n -> n.StartsWith $"{folder}/" && n.EndsWith ".wasm") |> Seq.map (fun n -> n, zip.Read n)

    [<TestCase "smith 0">]
    [<TestCase "smith 1">]
    [<TestCase "smith 2">]
    [<TestCase "smith 3">]
    [<TestCase "c10">]
    [<TestCase "c20">]
    [<TestCase "csimd">]
    member _.``gas and traps are the oracle's, call by call``(source: string) =
        let oracle = TraceEngines.all |> List.find (fun e -> e.Name = "oracle")
        let differences = ResizeArray<string>()
        let mutable calls = 0

        for name, bytes in modules source |> Seq.filter (fun (name, _) -> not (Skips.beyondOracle.Contains name)) do
            match Verdict.check bytes with
            | Error _ -> ()
            | Ok valid ->
                let expected = happenings oracle valid
                calls <- calls + expected.Length

                for engine in TraceEngines.all |> List.filter (fun e -> e.Name <> "oracle") do
                    let found = happenings engine valid

                    match Seq.zip expected found |> Seq.tryFind (fun (a, b) -> a <> b) with
                    | Some(a, b) -> differences.Add $"{name} on {engine.Name}: expected {a}, found {b}"
                    | None when expected.Length <> found.Length -> differences.Add $"{name} on {engine.Name}: another number of host calls"
                    | None -> ()

        TestContext.Progress.WriteLine
            $"gas of {source}: {calls} instantiations, host calls, results and ends compared, {differences.Count} modules differ"

        Assert.That(calls, Is.GreaterThan 100)
        Assert.That(differences, Is.Empty)
