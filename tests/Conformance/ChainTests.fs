namespace Twofold.Conformance

// What the interpreter's translation and its chain make of loops: constants with places of their own, sums that wait, branches that pay, a handler for
// each operation. In: small modules in text, every limit of gas. Out: the first difference from the oracle. That instructions are executed rightly on chain
// and loop alike is also the laws' and the suite's business.

open System
open System.Reflection
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Interpreter

[<TestFixture>]
type ChainTests() =
    let limits = { WasmLimits.Host with StackUnits = 20_000 }

    let orFail (r: Result<'T, Rejected>) =
        match r with
        | Ok v -> v
        | Error e -> failwith (string e)

    let validate (text: string) =
        Text.Wat.parse text
        |> Result.bind (Decode.run limits Features.Executable)
        |> Result.bind (Validate.run limits Features.Executable)
        |> orFail

    let instantiate (engine: IWasmEngine) valid =
        (engine.Load valid |> orFail).Instantiate { Functions = []; Memory = None; Limits = limits; ReentryDepth = 4 } |> orFail

    let runEntry (entry: string) (instance: IWasmInstance) arguments gas (cancellation: CancellationToken) =
        instance.Run {
            Entry = entry
            Arguments = arguments
            Gas = gas
            StackUnits = 20_000
            Data = null
            Deadline = TimeSpan.Zero
            Cancellation = cancellation
        }
        |> orFail

    let run = runEntry "f"

    let engines: (string * IWasmEngine) list = [
        "compiled", CompiledEngine CompileWhen.FirstCall
        "chain", InterpretedEngine InterpMode.Chain
        "loop", InterpretedEngine InterpMode.Loop
    ]

    let translated (valid: ValidModule) index = InterpretedCode(valid, InterpMode.Chain).Translated(index).Words

    /// The operations of the module's first function.
    let words (valid: ValidModule) =
        translated valid 0
        |> Array.map (fun w -> if w.Op < uint16 InterpChain.Most then InterpChain.Plain w.Op else IOp.Exit)
        |> List.ofArray

    let count op (found: IOp list) = found |> List.filter ((=) op) |> List.length

    /// End, gas and place of a run with each limit of gas, on every engine as on the oracle.
    let same (valid: ValidModule) arguments =
        use oracle = instantiate (Twofold.Oracle.OracleEngine()) valid
        let whole = run oracle arguments 1_000_000L CancellationToken.None
        let limits = [ 1_000_000L; whole.GasUsed; yield! [ 1L .. max 1L (whole.GasUsed / 97L) .. whole.GasUsed ] ]

        for limit in limits do
            oracle.Reset()
            let expected = run oracle arguments limit CancellationToken.None

            for name, engine in engines do
                use instance = instantiate engine valid
                let found = run instance arguments limit CancellationToken.None
                let show (r: RunResult) = $"%A{r.End}, gas {r.GasUsed}"

                if show found <> show expected then
                    Assert.Fail $"{name}, gas {limit}: {show found}\nthe oracle: {show expected}"

    /// A loop that multiplies and adds `n` constants, of which no instruction has room.
    let constants n =
        let one k = $"(local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.5)) (f64.const {k}.25)))"

        validate
            $"""(module (memory 1) (func (export "f") (param $i i32) (result i64) (local $x f64) (local $v v128)
                 (loop $again
                   {[ 1..n ] |> List.map one |> String.concat " "}
                   (local.set $v (f64x2.splat (local.get $x)))
                   (f64.store (i32.const 0) (local.get $x))
                   (call $clobber (i64.const -1) (i64.const -1) (i64.const -1))
                   (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                   (br_if $again (local.get $i)))
                 (i64.add (i64.load (i32.const 0)) (i64.reinterpret_f64 (f64x2.extract_lane 1 (local.get $v)))))
                 (func $clobber (param i64 i64 i64) (local i64 i64 i64) (local.set 5 (i64.const 3)) (local.set 4 (local.get 0))))"""

    // What ends runs, calls out of the loop, and has references in arrays is the loop's alone.
    static let loopOnly =
        set [
            IOp.Exit
            IOp.Native
            IOp.LoopNative
            IOp.Unreachable
            IOp.BrNull
            IOp.BrNonNull
            IOp.ReturnRef
            IOp.ReturnMany
            IOp.CallRef
            IOp.ReturnCall
            IOp.ReturnCallImport
            IOp.ReturnCallIndirect
            IOp.ReturnCallRef
            IOp.MoveRef
            IOp.CopyRefs
            IOp.NullRef
            IOp.SelectRef
            IOp.RefIsNull
            IOp.Throw
            IOp.ThrowRef
        ]

    // Each reads $i, which a loop changes, and gives an i32. $p is another local.
    static let sums = [
        "an address", "(i32.load (i32.add (local.get $i) (i32.const 8)))"
        "an address that is a difference", "(i32.load8_u (i32.sub (i32.const 65536) (i32.add (local.get $i) (i32.const 1))))"
        "an address below", "(i32.load offset=16 (i32.sub (local.get $i) (i32.const 4)))"
        "a sum that wraps", "(i32.load (i32.add (i32.add (local.get $i) (i32.const -8)) (i32.const 8)))"
        "a sum that wraps into the offset", "(i32.load offset=12 (i32.add (local.get $i) (i32.const -16)))"
        "an offset too long for the word", "(i32.load offset=65600 (i32.add (local.get $i) (i32.const -100)))"
        "out of bounds", "(i32.load (i32.add (local.get $i) (i32.const 65525)))"
        "a store", "(i32.store (i32.add (local.get $i) (i32.const 4)) (i32.mul (local.get $i) (local.get $i))) (i32.load (i32.const 12))"
        "a store of a sum",
        "(i32.store offset=3 (i32.add (i32.const 4) (local.get $i)) (i32.add (local.get $i) (i32.const 7))) (i32.load offset=3 (i32.const 12))"
        "a local that is set before the sum is asked for",
        "(i32.add (local.get $i) (i32.const 5)) (local.set $i (i32.add (local.get $i) (i32.const 1))) (i32.add (local.get $i) (i32.const 3)) (i32.mul)"
        "two sums of a local that is set",
        "(i32.add (local.get $p) (i32.const 5)) (i32.add (local.get $p) (i32.const 6)) (local.set $p (local.get $i)) (i32.xor)"
        "a tee between", "(i32.add (local.get $p) (i32.const 2)) (local.tee $p (i32.add (local.get $p) (i32.const 9))) (i32.sub)"
        "a condition", "(if (result i32) (i32.add (local.get $i) (i32.const -8)) (then (i32.const 1)) (else (i32.const 2)))"
        "carried by a branch",
        "(block (result i32) (i32.add (local.get $i) (i32.const 3)) (br_if 0 (i32.and (local.get $i) (i32.const 4))) (i32.const 2) (i32.mul))"
        "selected",
        "(select (i32.add (local.get $i) (i32.const 3)) (i32.add (local.get $p) (i32.const 4)) (i32.and (local.get $i) (i32.const 4)))"
        "an argument", "(call $twice (i32.add (local.get $i) (i32.const 3)))"
        "many at once",
        String.replicate 40 "(i32.add (local.get $i) (i32.const 3))"
        + "(local.set $i (i32.add (local.get $i) (i32.const 4)))"
        + String.replicate 39 "(i32.add)"
    ]

    // The kernels of the benchmarks, and arguments that let them do a little of everything.
    static let kernels = [
        "fibonacci", 9
        "sha256", 1
        "keccak", 1
        "matmul", 6
        "sort", 60
        "nbody", 4
        "sieve", 300
        "interp", 2
        "indirect", 40
        "mandelbrot", 6
        "lz", 300
        "hashmap", 60
        "field", 8
        "distance", 6
        "tree", 12
        "mandelbrotv", 6
        "matf32", 6
        "matf32v", 8
        "blend", 1
        "blendv", 1
    ]

    static let kernel (name: string) =
        System.IO.File.ReadAllBytes(System.IO.Path.Combine(Repository.root, "bench", "kernels", "wasm", name + ".wasm"))

    static member Sums = sums |> List.map (fun (name, text) -> TestCaseData(text).SetName $"sums: {name}") |> Array.ofList

    [<TestCaseSource("Sums")>]
    member _.``the sum of a local and a constant waits until somebody asks``(text: string) =
        same
            (validate
                $"""(module (memory 1) (data (i32.const 0) "abcdefghijklmnopqrstuvwxyz0123456789")
                     (func (export "f") (result i32) (local $i i32) (local $p i32) (local $sum i32)
                       (loop $again
                         (local.set $p (i32.mul (local.get $i) (i32.const 3)))
                         {text}
                         (local.set $sum (i32.add (i32.rotl (local.get $sum) (i32.const 5))))
                         (local.set $i (i32.add (local.get $i) (i32.const 4)))
                         (br_if $again (i32.lt_u (local.get $i) (i32.const 24))))
                       (i32.add (local.get $sum) (i32.const 1)))
                     (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))""")
            [||]

    [<Test>]
    member _.``an address that is a local and a constant takes no word``() =
        let found =
            words (
                validate
                    """(module (memory 1) (func (export "f") (param i32)
                         (i64.store offset=8 (i32.add (local.get 0) (i32.const 64)) (i64.mul (i64.load (i32.add (local.get 0) (i32.const 16))) (i64.load (local.get 0))))))"""
            )

        Assert.That(count IOp.I32AddK found, Is.Zero, $"%A{found}")
        Assert.That(count IOp.Load64K found, Is.EqualTo 1)
        Assert.That(count IOp.Store64K found, Is.EqualTo 1)

    [<Test>]
    member _.``constants of loops have places, as many as a frame has room for``([<Values(1, 2, 5, 12, 13, 14, 20)>] n: int) =
        let valid = constants n
        let found = words valid
        let before = found |> List.takeWhile (fun op -> op = IOp.Const) |> List.length
        // Those of the loop, 0.5 and the address 0.
        let wanted = n + 2
        Assert.That(before, Is.EqualTo(min Words.MostConstants wanted))
        // What found no place, and three arguments.
        Assert.That(count IOp.Const found - before, Is.EqualTo(wanted - before + 3))
        same valid [| Value.I32 3 |]

    [<Test>]
    member _.``frames with constants use the stack that their units pay for, down to the last``() =
        let valid =
            validate
                $"""(module (memory 1) (func $deep (export "f") (param $n i32) (result f64) (local $x f64)
                     (loop $again
                       {[ 1..14 ] |> List.map (fun k -> $"(local.set $x (f64.add (local.get $x) (f64.const {k}.5)))") |> String.concat " "}
                       (br_if $again (f64.lt (local.get $x) (f64.const 100))))
                     (f64.add (local.get $x) (call $deep (i32.add (local.get $n) (i32.const 1))))))"""

        same valid [| Value.I32 0 |]

    [<Test>]
    member _.``branches to a charge pay it``() =
        let valid =
            validate
                """(module (func (export "f") (param $i i32) (param $j i64) (param $x f64) (result i32) (local $sum i32)
                     (loop $again
                       (block $out
                         (br_if $out (i32.eqz (i32.and (local.get $i) (i32.const 3))))
                         (br_if $out (i64.gt_s (local.get $j) (i64.const 5)))
                         (br_if $out (f64.lt (local.get $x) (f64.const 2)))
                         (br_if $out (i32.lt_u (local.get $i) (local.get $sum)))
                         (local.set $sum (i32.add (local.get $sum) (i32.const 3))))
                       (if (i32.and (local.get $i) (i32.const 1))
                         (then (local.set $sum (i32.xor (local.get $sum) (local.get $i))))
                         (else (local.set $j (i64.add (local.get $j) (i64.const 1)))))
                       (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                       (local.set $x (f64.add (local.get $x) (f64.const 0.25)))
                       (br_if $again (i32.gt_s (local.get $i) (i32.const 0))))
                     (local.get $sum)))"""

        let found = words valid

        for op in [ IOp.PayBrI32GtSK; IOp.PayBrI64GtSK; IOp.PayBrF64Lt; IOp.PayBrI32LtU; IOp.PayBr ] do
            Assert.That(count op found, Is.GreaterThan 0, $"{op}: %A{found}")

        for x in [ 0.0; 3.0; Double.NaN ] do
            same valid [| Value.I32 21; Value.I64 -2L; Value.F64 x |]

    [<Test>]
    member _.``each operation has a step, or is known to be the loop's``() =
        let steps (t: Type) = t.GetMethods(BindingFlags.Static ||| BindingFlags.Public) |> Array.map _.Name |> Set.ofArray

        let known = steps typeof<InterpSteps>

        for n in 0 .. int IOp.Count - 1 do
            let op = LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 n)
            Assert.That(known.Contains(string op), Is.Not.EqualTo(loopOnly.Contains op), string op)

        let vectors = steps typeof<InterpVecSteps>

        for n in 0x00..0x113 do
            // The three accesses and constants that have words of their own, and numbers that no instruction has.
            let missing = n = 0x0C || not (Opcodes.all |> Seq.exists (fun o -> int o.Op = 0xD000 + n))

            if not missing then
                Assert.That(vectors.Contains $"V%03X{n}", $"0x%X{n}")

    [<Test>]
    member _.``every pair of operations that has a handler occurs in the kernels``() =
        let load (name: string) =
            Decode.run limits Features.Executable (kernel name) |> Result.bind (Validate.run limits Features.Executable) |> orFail

        let found =
            set [
                for name, _ in kernels do
                    let valid = load name

                    for k in 0 .. valid.Module.Functions.Length - 1 do
                        for w in translated valid k do
                            int w.Op
            ]

        let missing = Fuse.pairNumbers |> List.filter (found.Contains >> not) |> List.map Fuse.operations
        Assert.That(missing, Is.Empty, $"%A{missing}")

    static member Kernels = kernels |> List.map (fun (name, n) -> TestCaseData(name, n).SetName $"kernels: {name}") |> Array.ofList

    [<TestCaseSource("Kernels")>]
    member _.``kernels end alike on chain and loop, and where the compiler does, wherever gas ends``(name: string, argument: int) =
        let valid =
            Decode.run limits Features.Executable (kernel name) |> Result.bind (Validate.run limits Features.Executable) |> orFail

        let show (instance: IWasmInstance) gas =
            let r = runEntry "run" instance [| Value.I32 argument |] gas CancellationToken.None
            $"%A{r.End}, gas {r.GasUsed}"

        use compiled = instantiate (CompiledEngine CompileWhen.FirstCall) valid
        use chained = instantiate (InterpretedEngine InterpMode.Chain) valid
        use looped = instantiate (InterpretedEngine InterpMode.Loop) valid
        let most = 200_000_000L
        let whole = (runEntry "run" compiled [| Value.I32 argument |] most CancellationToken.None).GasUsed
        Assert.That(whole, Is.GreaterThan 1000L)

        // Primes, so that the limits fall on different blocks of the loops.
        for k in 0L .. 60L do
            let limit = if k = 0L then most else min whole (1L + (whole * k / 61L) + 7L * k * k % 101L)

            for instance in [ compiled; chained; looped ] do
                instance.Reset()

            let expected = show compiled limit
            Assert.That(show chained limit, Is.EqualTo expected, $"gas {limit}, chain")
            Assert.That(show looped limit, Is.EqualTo expected, $"gas {limit}, loop")
            Assert.That((chained.Where() = looped.Where()), $"gas {limit}: {chained.Where()}, {looped.Where()}")

    [<Test>]
    member _.``an endless loop on the chain can be ended, and lets the garbage collector work``() =
        let valid =
            validate
                """(module (func (export "f") (param i32) (loop $again (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br $again))))"""

        use instance = instantiate (InterpretedEngine InterpMode.Chain) valid
        use cancellation = new CancellationTokenSource()
        let mutable ended = None

        let thread = Thread(fun () -> ended <- Some((run instance [| Value.I32 0 |] Int64.MaxValue cancellation.Token).End))

        thread.Start()
        Thread.Sleep 50

        for _ in 1..5 do
            GC.Collect()

        cancellation.Cancel()
        Assert.That(thread.Join 60_000, "still running")

        match ended with
        | Some(RunEnd.Fault _) -> ()
        | other -> Assert.Fail $"%A{other}"
