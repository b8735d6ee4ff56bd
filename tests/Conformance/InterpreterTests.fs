namespace Twofold.Conformance

// What only the interpreter promises or needs: exact positions of ends, calls between interpreted and compiled instances, no compilation, references given up.
// In: small modules in text. Out: failures by case. That it executes instructions rightly is the suite's, the traces' and the oracle's business.

open System
open System.Runtime.CompilerServices
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

[<TestFixture("chain")>]
[<TestFixture("loop")>]
type InterpreterTests(mode: string) =
    let engine = InterpretedEngine(if mode = "loop" then InterpMode.Loop else InterpMode.Chain)

    let orFail (r: Result<'T, Rejected>) =
        match r with
        | Ok v -> v
        | Error e -> failwith (string e)

    let limits = { WasmLimits.Host with StackUnits = 200_000 }

    let validate (text: string) =
        Text.Wat.parse text
        |> Result.bind (Decode.run limits Features.Executable)
        |> Result.bind (Validate.run limits Features.Executable)
        |> orFail

    let instantiate (valid: ValidModule) =
        ((engine :> IWasmEngine).Load valid |> orFail).Instantiate { Functions = []; Memory = None; Limits = limits; ReentryDepth = 4 }
        |> orFail

    let run (instance: IWasmInstance) entry arguments gas units =
        instance.Run {
            Entry = entry
            Arguments = arguments
            Gas = gas
            StackUnits = units
            Data = null
            Deadline = TimeSpan.Zero
            Cancellation = CancellationToken.None
        }
        |> orFail

    /// The prepared instruction at a position. `Charge` stands where the instruction that begins its block does.
    let at (valid: ValidModule) (p: CodePosition) : Instr list =
        (Prepare.func valid (p.Function - valid.ImportedFuncs)).Code
        |> Array.filter (fun i -> i.Offset = p.Offset)
        |> List.ofArray

    let names (valid: ValidModule) (p: CodePosition) =
        at valid p |> List.filter (fun i -> i.Op < Op.Enter) |> List.map (fun i -> (Opcodes.info i.Op).Name)

    let named (valid: ValidModule) (p: CodePosition) = valid.Names.Function p.Function

    // Each export traps in `$inner`, at the only instruction of its name there.
    static let traps = [
        "unreachable", "(func $inner (drop (i32.const 1)) (unreachable))"
        "i32.div_s", "(func $inner (local i32) (drop (i32.add (i32.const 2) (i32.div_s (i32.const 1) (local.get 0)))))"
        "i32.div_s", "(func $inner (local i32) (local.set 0 (i32.div_s (i32.const -2147483648) (i32.const -1))))"
        "i64.rem_u", "(func $inner (local i64) (local.set 0 (i64.rem_u (i64.const 1) (local.get 0))))"
        "i32.trunc_f64_s", "(func $inner (drop (i32.trunc_f64_s (f64.const 3e9))))"
        "i32.load", "(func $inner (drop (i32.load offset=8 (i32.const 65530))))"
        "i32.load8_u",
        "(func $inner (local i32) (local.set 0 (i32.const 65000)) (drop (i32.load8_u (i32.add (local.get 0) (i32.const 536)))))"
        "i64.store", "(func $inner (local i32) (i64.store (i32.add (local.get 0) (i32.const -8)) (i64.const 1)))"
        "v128.load", "(func $inner (drop (v128.load (i32.const 65521))))"
        "v128.load8_splat", "(func $inner (drop (v128.load8_splat (i32.const 65536))))"
        "memory.fill", "(func $inner (memory.fill (i32.const 65536) (i32.const 0) (i32.const 1)))"
        "table.get", "(func $inner (drop (table.get $t (i32.const 9))))"
        "call_indirect", "(func $inner (nop) (call_indirect $t (type $v) (i32.const 0)))"
        "call_ref", "(func $inner (call_ref $v (ref.null $v)))"
        "ref.as_non_null", "(func $inner (drop (ref.as_non_null (ref.null func))))"
        "struct.get", "(func $inner (drop (struct.get $s 0 (ref.null $s))))"
        "array.get", "(func $inner (drop (array.get $a (array.new_default $a (i32.const 3)) (i32.const 3))))"
        "ref.cast", "(func $inner (drop (ref.cast (ref $s) (array.new_default $a (i32.const 3)))))"
        "throw", "(func $inner (throw $e))"
    ]

    static member Traps = traps |> List.mapi (fun k (op, text) -> TestCaseData(op, text).SetName $"position {k}: {op}") |> Array.ofList

    [<TestCaseSource("Traps")>]
    member _.``an end is at its instruction``(op: string, inner: string) =
        let valid =
            validate
                $"""(module (type $v (func)) (type $s (struct (field i32))) (type $a (array i32)) (tag $e) (memory 1) (table $t 1 funcref)
                     {inner}
                     (func $between (if (i32.const 1) (then (call $inner))))
                     (func (export "f") (local i32) (local.set 0 (i32.const 3)) (loop (call $between) (br_if 0 (local.get 0)))))"""

        use instance = instantiate valid
        Assert.That(instance.Where().IsNone, "nothing ran")
        let result = run instance "f" [||] 100_000L 10_000

        match result.End with
        | RunEnd.Trapped _
        | RunEnd.Uncaught _ -> ()
        | other -> Assert.Fail $"ended otherwise: {other}"

        let p = instance.Where().Value
        Assert.That(named valid p, Is.EqualTo "inner")
        Assert.That(names valid p, Does.Contain op)

    [<Test>]
    member _.``out of gas is at the charge that could not be paid, for every limit``() =
        let valid =
            validate
                """(module (tag $e (param i32)) (memory 1)
                     (func $leaf (param i32) (result i32) (if (i32.and (local.get 0) (i32.const 1)) (then (throw $e (local.get 0)))) (i32.load (i32.const 4)))
                     (func $catch (param i32) (result i32)
                       (block $h (result i32) (try_table (result i32) (catch $e $h) (call $leaf (local.get 0)))))
                     (func (export "f") (result i32) (local $i i32) (local $sum i32)
                       (loop $again
                         (if (i32.gt_s (local.get $i) (i32.const 2)) (then (local.set $sum (i32.add (local.get $sum) (call $catch (local.get $i)))))
                           (else (local.set $sum (i32.const 9))))
                         (block $b (br_if $b (i32.eq (local.get $i) (i32.const 4))) (i32.store (i32.const 0) (local.get $i)))
                         (local.set $i (i32.add (local.get $i) (i32.const 1)))
                         (br_if $again (i32.lt_s (local.get $i) (i32.const 7))))
                       (local.get $sum)))"""

        use instance = instantiate valid
        let inspect = instance :?> IInspectable
        let whole = (run instance "f" [||] Int64.MaxValue 10_000).GasUsed
        instance.Reset()
        // The memory's first page is paid before any function runs.
        let mutable before = GasSchedule.pages 1UL
        let mutable charges = 0
        run instance "f" [||] (before - 1L) 10_000 |> ignore
        Assert.That(instance.Where().IsNone)
        instance.Reset()

        while before < whole do
            // The least limit that this charge refuses, and the greatest: the same place.
            let position limit =
                let result = run instance "f" [||] limit 10_000
                Assert.That(result.End.IsOutOfGas, $"limit {limit} of {whole}")
                let p = instance.Where().Value
                let wanted = inspect.GasWanted
                instance.Reset()
                struct (p, wanted)

            let struct (p, wanted) = position before
            let struct (q, _) = position (wanted - 1L)
            Assert.That((p = q), $"{p} and {q}")
            let prepared = at valid p
            let cost = wanted - before

            // A block's charge, or the price of a frame that an exception leaves.
            let isCharge = prepared |> List.exists (fun i -> i.Op = Op.Charge && i.Imm = cost)
            let isUnwound = cost = GasSchedule.unwoundFrame && prepared |> List.exists (fun i -> i.Op = Op.Call)

            Assert.That(isCharge || isUnwound, $"gas {before} + {cost} at {p}: %A{names valid p}")

            before <- wanted
            charges <- charges + 1

        Assert.That(before, Is.EqualTo whole)
        Assert.That(charges, Is.GreaterThan 30)

    [<Test>]
    member _.``a stack that is used up ends at the entry of the function that found none``() =
        let valid = validate """(module (func $deep (export "f") (param i64) (nop) (call $deep (local.get 0))))"""
        use instance = instantiate valid

        for units in 0..40 do
            let result = run instance "f" [| Value.I64 1L |] Int64.MaxValue (units * 18 + 7)
            Assert.That(result.End.IsStackExhausted)
            let p = instance.Where().Value
            Assert.That(at valid p |> List.exists (fun i -> i.Op = Op.Enter))
            instance.Reset()

    [<Test>]
    member _.``calls of interpreted functions take no native stack``() =
        let valid =
            validate
                """(module (table $t 1 funcref) (elem (i32.const 0) $odd) (type $f (func (param i32) (result i32)))
                     (func $even (export "even") (param i32) (result i32)
                       (if (result i32) (local.get 0) (then (call_indirect $t (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))) (else (i32.const 1))))
                     (func $odd (param i32) (result i32)
                       (if (result i32) (local.get 0) (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))"""

        use instance = instantiate valid
        let mutable answer = None
        // 8,000 frames on the smallest stack that .NET gives.
        let thread =
            Thread((fun () -> answer <- Some (run instance "even" [| Value.I32 8_000 |] Int64.MaxValue 200_000).End), 128 * 1024)

        thread.Start()
        thread.Join()

        match answer with
        | Some(RunEnd.Returned [| v |]) -> Assert.That(v.AsI32(), Is.EqualTo 1)
        | other -> Assert.Fail $"%A{other}"

    // ---- instances of both kinds in one store

    [<TestCase(10_000, true)>]
    [<TestCase(-1, false)>]
    member _.``tail calls that go to and fro between both kinds end in a fault before they use native memory without bound``
        (rounds: int, ends: bool)
        =
        use store = new Store(StoreOptions().WithStackUnits 20_000)
        let linker = Linker()

        let text (other: string) =
            $"""(module {other} (type $f (func (param i32) (result i32)))
                 (func $go (export "go") (param i32) (result i32)
                   (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
                   (return_call_indirect $t (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.and (local.get 0) (i32.const 1))))
                 """

        let load (text: string) kind =
            linker.Instantiate(store, Module.FromText(text, ModuleOptions().WithEngine(kind).WithCompile CompileWhen.FirstCall))

        let first = load (text "(table $t (export \"table\") 2 funcref)" + "(elem (i32.const 0) $go))") EngineKind.Compiled

        linker.DefineInstance("a", first) |> ignore

        load (text "(import \"a\" \"table\" (table $t 2 funcref))" + "(elem (i32.const 1) $go))") EngineKind.Interpreter
        |> ignore

        let go (n: int) = (first.Call("go", Value.I32 n)[0]).AsI32()

        if ends then
            Assert.That(go rounds, Is.EqualTo 7)
        else
            Assert.Throws<HostMemoryException>(fun () -> go rounds |> ignore) |> ignore
            // And then as if nothing had been.
            Assert.That(go 100, Is.EqualTo 7)

    static member Kinds = [|
        for a in [ "compiled"; "interpreter"; "tiered" ] do
            for b in [ "compiled"; "interpreter"; "tiered" ] do
                for c in [ "compiled"; "interpreter"; "tiered" ] do
                    TestCaseData(a, b, c)
    |]

    /// Tiered: some functions at their second call, some later, loops at once.
    static member private Options(kind: string) =
        match kind with
        | "interpreter" -> ModuleOptions().WithEngine EngineKind.Interpreter
        | "tiered" -> ModuleOptions().WithTiers(Twofold.Wasm.Compiler.TierPolicy.random 3 4 InterpMode.Loop)
        | _ -> ModuleOptions().WithCompile CompileWhen.FirstCall

    [<TestCaseSource("Kinds")>]
    member _.``compiled and interpreted instances call each other``(a: string, b: string, c: string) =
        use store = new Store(StoreOptions().WithStackUnits(2_000_000))
        let linker = Linker()
        let load (text: string) kind = linker.Instantiate(store, Module.FromText(text, InterpreterTests.Options kind))

        linker.Define("host", "twice", Func<int, int>(fun v -> 2 * v)) |> ignore

        let first =
            load
                """(module (import "host" "twice" (func $twice (param i32) (result i32))) (tag $t (export "t") (param i32 externref))
                     (func (export "values") (param i32 f64 externref v128) (result externref i32 f64 v128 i64)
                       (local.get 2) (call $twice (local.get 0)) (local.get 1) (local.get 3) (i64.const -7))
                     (func (export "throws") (param i32 externref) (result i32) (throw $t (local.get 0) (local.get 1)))
                     (func $down (export "down") (param i32) (result i32)
                       (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 77)) (else (return_call $down (i32.sub (local.get 0) (i32.const 1)))))))"""
                a

        linker.DefineInstance("a", first) |> ignore

        let second =
            load
                """(module (import "a" "values" (func $values (param i32 f64 externref v128) (result externref i32 f64 v128 i64)))
                     (import "a" "throws" (func $throws (param i32 externref) (result i32))) (import "a" "down" (func $down (param i32) (result i32)))
                     (table (export "table") 3 funcref) (elem (i32.const 0) $values $throws $down)
                     (func (export "values") (param i32 f64 externref v128) (result externref i32 f64 v128 i64)
                       (call $values (i32.add (local.get 0) (i32.const 1)) (local.get 1) (local.get 2) (local.get 3)))
                     (func (export "throws") (param i32 externref) (result i32) (return_call $throws (local.get 0) (local.get 1)))
                     (func (export "down") (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1))))"""
                b

        linker.DefineInstance("b", second) |> ignore

        let third =
            load
                """(module (import "a" "t" (tag $t (param i32 externref))) (import "b" "table" (table $t0 3 funcref))
                     (import "b" "values" (func $values (param i32 f64 externref v128) (result externref i32 f64 v128 i64)))
                     (import "b" "throws" (func $throws (param i32 externref) (result i32))) (import "b" "down" (func $down (param i32) (result i32)))
                     (type $f (func (param i32) (result i32))) (type $g (func (param i32 externref) (result i32)))
                     (func (export "values") (param i32 f64 externref v128) (result externref i32 f64 v128 i64)
                       (call $values (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
                     (func (export "caught") (param i32 externref) (result i32 externref)
                       (block $h (result i32 externref)
                         (try_table (catch $t $h) (drop (call $throws (local.get 0) (local.get 1)))) (i32.const -1) (ref.null extern)))
                     (func (export "caught table") (param i32 externref) (result i32 externref)
                       (block $h (result i32 externref)
                         (try_table (catch $t $h) (drop (call_indirect $t0 (type $g) (local.get 0) (local.get 1) (i32.const 1)))) (i32.const -1) (ref.null extern)))
                     (func (export "down") (param i32) (result i32) (i32.add (call $down (local.get 0)) (call_indirect $t0 (type $f) (local.get 0) (i32.const 2)))))"""
                c

        let thing = obj ()
        let vector = Value.V128(1UL, 0x8000000000000002UL)

        let results =
            third.Call("values", Value.I32 20, Value.F64(BitConverter.Int64BitsToDouble 0x7FF4000000000123L), Value.ExternRef thing, vector)

        Assert.That(results[0].Reference, Is.SameAs thing)
        Assert.That(results[1], Is.EqualTo(Value.I32 42))
        Assert.That(results[2].Bits, Is.EqualTo 0x7FF4000000000123UL)
        Assert.That(results[3], Is.EqualTo vector)
        Assert.That(results[4], Is.EqualTo(Value.I64 -7L))

        for export in [ "caught"; "caught table" ] do
            let results = third.Call(export, Value.I32 5, Value.ExternRef thing)
            Assert.That(results[0], Is.EqualTo(Value.I32 5), export)
            Assert.That(results[1].Reference, Is.SameAs thing, export)

        Assert.That(third.GetFunction<int, int>("down").Invoke 1_000_000, Is.EqualTo(78 + 77))

        let uncaught =
            Assert.Throws<UncaughtException>(fun () -> second.Call("throws", Value.I32 3, Value.ExternRef null) |> ignore)

        Assert.That((uncaught.Exception.GetValues()[0] = Value.I32 3))

    [<MethodImpl(MethodImplOptions.NoInlining)>]
    static member private Give(instance: Instance, entry: string) : WeakReference =
        let thing = obj ()

        try
            instance.Call(entry, Value.ExternRef thing) |> ignore
        with :? TrapException ->
            ()

        WeakReference thing

    [<TestCase("pass")>]
    [<TestCase("trap")>]
    [<TestCase("tail")>]
    [<TestCase("throw")>]
    member _.``references are given up when their frame is left``(entry: string) =
        use store = new Store()

        let m =
            Module.FromText(
                """(module (tag $e (param externref))
                     (func $keep (param externref i32) (local externref) (local.set 2 (local.get 0)))
                     (func (export "pass") (param externref) (local externref) (local.set 1 (local.get 0)) (call $keep (local.get 1) (i32.const 1)))
                     (func (export "trap") (param externref) (local externref) (local.set 1 (local.get 0)) (call $keep (local.get 1) (i32.const 1)) unreachable)
                     (func $nothing)
                     (func (export "tail") (param externref) (local externref) (local.set 1 (local.get 0)) (return_call $nothing))
                     (func $throws (param externref) (throw $e (local.get 0)))
                     (func (export "throw") (param externref) (block $h (result externref) (try_table (catch $e $h) (call $throws (local.get 0))) (ref.null extern)) (drop)))""",
                ModuleOptions().WithEngine EngineKind.Interpreter
            )

        let instance = Linker().Instantiate(store, m)
        let weak = InterpreterTests.Give(instance, entry)
        GC.Collect()
        GC.WaitForPendingFinalizers()
        GC.Collect()
        Assert.That(weak.IsAlive, Is.False)
        GC.KeepAlive instance
