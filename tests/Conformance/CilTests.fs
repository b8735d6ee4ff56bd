namespace Twofold.Conformance

// What the compiler lowers, proved function by function: types on the CIL stack, and no local read before it was written.
// In: the sample contracts, the bench kernels, and where the data is present the random and real modules. Out: the first problem of each.

open System.IO
open System.Reflection.Emit
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// What the CLR would make of the compiler's output, without asking it.
module CilProof =
    /// The first problem of each function, and how many functions there are.
    let context (valid: ValidModule) (throws: ThrowFacts) = {
        Valid = valid
        Layout = Layout.ofModule valid
        CodeTable = 16n
        TypeIds = Array.init valid.Module.Types.Length id
        Classes = StructClasses valid.Module.Types
        ConstCell = fun _ -> 8n
        FreshStackThunk = fun _ -> 8n
        Known = fun _ -> 0n
        Nan = NanPolicy.OnEscape
        Throws = lazy throws
    }

    /// Both variants of the code: with imports that cannot throw, and with such that can.
    let problems (name: string) (valid: ValidModule) : int * string list =
        let count = valid.Module.Functions.Length

        count,
        [
            for isOpen in [ false; true ] do
                let context = context valid (MayThrow.facts valid isOpen)

                for i in 0 .. count - 1 do
                    match CilCheck.problem (Lower.func context (Prepare.func valid i)) with
                    | null -> ()
                    | text -> $"{name}: {text}"
        ]

[<TestFixture>]
type CilTests() =
    let problems (name: string) (bytes: byte[]) =
        match Verdict.check bytes with
        // Verdicts have tests of their own.
        | Error _ -> 0, []
        | Ok valid -> CilProof.problems name valid

    let prove (modules: (string * byte[]) seq) =
        let results = modules |> Seq.map (fun (name, bytes) -> problems name bytes) |> List.ofSeq
        Assert.That(results |> List.collect snd, Is.Empty)
        Assert.That(results |> List.sumBy fst, Is.GreaterThan 0, "functions proved")

    [<Test>]
    member _.``What is checked in lowers to sound CIL``() =
        [ "samples/contracts/wasm"; "bench/kernels/wasm" ]
        |> Seq.collect (fun d -> Directory.GetFiles(Path.Combine(Repository.root, d), "*.wasm"))
        |> Seq.map (fun f -> Path.GetFileName f, File.ReadAllBytes f)
        |> prove

    [<TestCase "smith.zip">]
    [<TestCase "fuzz.zip">]
    member _.``Random modules lower to sound CIL``(zip: string) =
        let archive = TestData.archive zip

        archive.Names |> Seq.filter (fun n -> n.EndsWith ".wasm") |> Seq.map (fun n -> n, archive.Read n) |> prove

    [<TestCase "quickjs-emscripten.wasm">]
    [<TestCase "sql-wasm.wasm">]
    member _.``Real modules lower to sound CIL``(file: string) = prove [ file, File.ReadAllBytes(TestData.path $"real/{file}") ]

    [<Test>]
    member _.``Unsound CIL is found``() =
        let check (code: Cil list) =
            CilCheck.problem {
                Name = "f"
                Sig = { Params = [| CilType.Native; CilType.I4 |]; Result = CilType.I4 }
                Locals = [| CilType.I4; CilType.I8 |]
                Code = Array.ofList code
                Labels = 2
            }

        let ret = Cil.Op OpCodes.Ret
        Assert.That(check [ Cil.LdcI4 1; ret ], Is.Null)
        Assert.That(check [ Cil.LdcI8 1L; ret ], Does.Contain "I4 expected, I8 found")
        Assert.That(check [ Cil.Ldloc 0; ret ], Does.Contain "read before it is written")
        Assert.That(check [ ret ], Does.Contain "empty stack")
        Assert.That(check [ Cil.LdcI4 1; Cil.LdcI4 1; ret ], Does.Contain "values left")
        Assert.That(check [ Cil.LdcI4 1; Cil.LdcI8 1L; Cil.Op OpCodes.Add; ret ], Does.Contain "operands I4 and I8")
        Assert.That(check [ Cil.LdcI4 1 ], Does.Contain "without a return")
        Assert.That(check [ Cil.LdcI4 1; Cil.Branch(OpCodes.Br, 0); Cil.Label 0; ret ], Does.Contain "values on the stack at a branch")

        // Written on one way only.
        Assert.That(
            check [ Cil.Ldarg 1; Cil.Branch(OpCodes.Brtrue, 0); Cil.LdcI4 5; Cil.Stloc 0; Cil.Label 0; Cil.Ldloc 0; ret ],
            Does.Contain "local 0 is read before it is written"
        )
