namespace Twofold.Conformance

// A module in both tiers: a run shows the same whenever its functions and loops go over to compiled code, and the compiler is never in anybody's way.
// In: small modules in text. Out: failures by program and moment. The suite, traces, mutants, random modules and the oracle's laws run on tiers as well.

open System
open System.Runtime.CompilerServices
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler

[<TestFixture; NonParallelizable>]
type TierTests() =
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

    /// Calls the guest's `back`, and gives what that gives.
    let back = {
        Module = "env"
        Name = "back"
        Type = { Params = [| ValType.I32 |]; Results = [| ValType.I32 |] }
        Function =
            HostFunction(fun guest arguments ->
                let results = guest.Call("back", Value.I32(int arguments[0]))
                results[0].Bits)
    }

    let instantiate (engine: IWasmEngine) (valid: ValidModule) =
        (engine.Load valid |> orFail).Instantiate { Functions = [ back ]; Memory = None; Limits = limits; ReentryDepth = 8 }
        |> orFail

    let run (instance: IWasmInstance) gas units argument =
        let result =
            instance.Run {
                Entry = "go"
                Arguments = [| Value.I32 argument |]
                Gas = gas
                StackUnits = units
                Data = null
                Deadline = TimeSpan.Zero
                Cancellation = CancellationToken.None
            }
            |> orFail

        let digests = instance.Digests()

        let shown =
            $"%A{result.End} gas {result.GasUsed} {Convert.ToHexString digests.Memory} {Convert.ToHexString digests.Globals}"

        instance.Reset()
        shown

    static let programs = [
        // Locals of every type live through two loops, one in the other; what they hold is stored at the end.
        "locals",
        20,
        """(module (memory 1) (func (export "go") (param $n i32) (result i64)
             (local $i i32) (local $j i32) (local $l i64) (local $f f32) (local $d f64) (local $v v128) (local $w v128) (local $k f32)
             (local.set $f (f32.const nan:0x200123)) (local.set $k (f32.const 1.5)) (local.set $v (v128.const i32x4 1 2 3 0x7fa12345))
             (loop $outer
               (local.set $j (i32.const 0))
               (loop $inner
                 (local.set $l (i64.add (i64.mul (local.get $l) (i64.const 31)) (i64.extend_i32_u (i32.xor (local.get $i) (local.get $j)))))
                 (local.set $d (f64.add (local.get $d) (f64.div (f64.convert_i32_s (local.get $j)) (f64.convert_i32_s (local.get $i)))))
                 (local.set $w (v128.xor (local.get $v) (i64x2.splat (local.get $l))))
                 (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 5))))
               (f32.store (i32.mul (local.get $i) (i32.const 8)) (local.get $f))
               (local.set $k (f32.mul (local.get $k) (f32.const 1.25)))
               (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
             (v128.store (i32.const 1024) (local.get $v)) (v128.store (i32.const 1040) (local.get $w)) (f64.store (i32.const 1056) (local.get $d))
             (f32.store (i32.const 1064) (local.get $k)) (local.get $l)))"""
        // A local that is NaN's own bits on one way in and arithmetic's on the other.
        "nan",
        9,
        """(module (memory 1) (func (export "go") (param $n i32) (result i32) (local $x f64) (local $y f32) (local $i i32)
             (local.set $x (f64.reinterpret_i64 (i64.const 0x7FF4000000000123))) (local.set $y (f32.reinterpret_i32 (i32.const 0xFFA00001)))
             (loop $l
               (f64.store (i32.mul (local.get $i) (i32.const 16)) (local.get $x))
               (f32.store offset=8 (i32.mul (local.get $i) (i32.const 16)) (local.get $y))
               (if (i32.eq (local.get $i) (i32.const 4)) (then
                 (local.set $x (f64.mul (local.get $x) (f64.const -1))) (local.set $y (f32.sqrt (f32.const -1)))))
               (if (i32.eq (local.get $i) (i32.const 6)) (then (local.set $x (f64.neg (local.get $x)))))
               (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
             (local.get $i)))"""
        // References in locals, parameters and results, numbers between them.
        "references",
        12,
        """(module (type $s (struct (field (mut i32)) (field (mut (ref null $s))))) (type $f (func (param i32) (result i32)))
             (func $one (type $f) (i32.add (local.get 0) (i32.const 1))) (func $two (type $f) (i32.mul (local.get 0) (i32.const 2)))
             (elem declare func $one $two)
             (func $pair (param $a (ref null $s)) (param $n i32) (param $b (ref null $s)) (result (ref null $s) i32 (ref null $s))
               (struct.new $s (local.get $n) (local.get $a)) (i32.add (local.get $n) (i32.const 3)) (struct.new $s (i32.const 9) (local.get $b)))
             (func (export "go") (param $n i32) (result i32) (local $h (ref null $s)) (local $t (ref null $s)) (local $g (ref null $f)) (local $i i32) (local $sum i32)
               (local.set $g (ref.func $one))
               (loop $l
                 (call $pair (local.get $h) (local.get $i) (local.get $t)) (local.set $t) (local.set $sum (i32.add (local.get $sum))) (local.set $h)
                 (local.set $sum (call_ref $f (local.get $sum) (local.get $g)))
                 (if (i32.and (local.get $i) (i32.const 1)) (then (local.set $g (ref.func $two))) (else (local.set $g (ref.func $one))))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
               (block $out (loop $count
                 (br_if $out (ref.is_null (local.get $h)))
                 (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 7)) (struct.get $s 0 (local.get $h))))
                 (local.set $h (struct.get $s 1 (local.get $h))) (br $count)))
               (local.get $sum)))"""
        // References of interpreted frames under compiled ones, which call what is interpreted still.
        "references below",
        14,
        """(module (type $s (struct (field i32)))
             (func $keep (param $a (ref null $s)) (param $b (ref null $s)) (result i32) (local $c (ref null $s)) (local $d (ref null $s))
               (local.set $c (struct.new $s (i32.const 1000))) (local.set $d (local.get $a))
               (i32.add (struct.get $s 0 (local.get $c)) (i32.add (struct.get $s 0 (local.get $d)) (struct.get $s 0 (local.get $b)))))
             (func $down (param $n i32) (param $a (ref null $s)) (result i32) (local $mine (ref null $s)) (local $r i32)
               (local.set $mine (struct.new $s (i32.mul (local.get $n) (i32.const 3))))
               (local.set $r (if (result i32) (i32.eqz (local.get $n))
                 (then (call $keep (local.get $a) (local.get $mine)))
                 (else (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $mine)))))
               (i32.add (i32.mul (local.get $r) (i32.const 5)) (i32.add (struct.get $s 0 (local.get $mine)) (struct.get $s 0 (local.get $a)))))
             (func (export "go") (param $n i32) (result i32) (call $down (local.get $n) (struct.new $s (i32.const 7)))))"""
        // Exceptions that pass frames of both kinds, caught in the loop and at last by nobody.
        "exceptions",
        11,
        """(module (tag $e (param i32)) (tag $o (param f64))
             (func $throws (param i32) (result i32)
               (if (i32.eq (local.get 0) (i32.const 10)) (then (throw $o (f64.const 2.5))))
               (if (i32.rem_u (local.get 0) (i32.const 3)) (then (throw $e (i32.mul (local.get 0) (i32.const 5)))))
               (local.get 0))
             (func $between (param i32) (result i32) (local i32) (i32.add (call $throws (local.get 0)) (i32.const 100)))
             (func (export "go") (param $n i32) (result i32) (local $i i32) (local $sum i32)
               (loop $l
                 (local.set $sum (i32.add (local.get $sum)
                   (block $h (result i32) (try_table (result i32) (catch $e $h) (call $between (local.get $i))))))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
               (local.get $sum)))"""
        // A try_table around the loop: the compiled frame has the handler.
        "handler around",
        9,
        """(module (tag $e (param i64)) (func $leaf (param i32) (if (i32.eq (local.get 0) (i32.const 6)) (then (throw $e (i64.const 77)))))
             (func (export "go") (param $n i32) (result i64) (local $i i32)
               (block $h (result i64) (try_table (catch $e $h) (loop $l (call $leaf (local.get $i))
                   (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))) (i64.extend_i32_u (local.get $i)))))"""
        // Recursion to and fro, through a table, in a loop, and out of stack with enough of it asked for.
        "calls",
        9,
        """(module (type $f (func (param i32) (result i32))) (table funcref (elem $a $b $c))
             (func $a (type $f) (local i32) (local $r i32)
               (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
               (loop $l (local.set $r (i32.add (local.get $r) (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.rem_u (local.get 0) (i32.const 3)))))
                 (br_if $l (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 2))))
               (local.get $r))
             (func $b (type $f) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 3)) (else (i32.add (call $c (i32.sub (local.get 0) (i32.const 1))) (i32.const 5)))))
             (func $c (type $f) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 4)) (else (i32.mul (call $a (i32.sub (local.get 0) (i32.const 1))) (i32.const 3)))))
             (func (export "go") (param $n i32) (result i32) (i32.add (call $a (local.get $n)) (i32.add (call $b (local.get $n)) (call $c (local.get $n))))))"""
        // Tail calls in and out of what is interpreted; deeper than there is stack for frames.
        "tail calls",
        20_000,
        """(module (func $even (param i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1)) (else (return_call $odd (call $less (local.get 0))))))
             (func $odd (param i32) (result i32) (local i64 i64) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0)) (else (return_call $even (call $less (local.get 0))))))
             (func $less (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))
             (func (export "go") (param $n i32) (result i32) (i32.add (call $even (local.get $n)) (i32.const 40))))"""
        // Go's way: one loop, one table of branches; and a loop that pays nothing by itself.
        "dispatch",
        40,
        """(module (global $g (mut i32) (i32.const 0)) (memory 1)
             (func (export "go") (param $n i32) (result i32) (local $pc i32) (local $acc i32)
               (loop $run
                 (block $end (block $c (block $b (block $a (br_table $a $b $c $end (local.get $pc)))
                       (local.set $acc (i32.add (local.get $acc) (i32.const 3))) (local.set $pc (i32.const 1)) (br $run))
                     (global.set $g (i32.add (global.get $g) (local.get $acc))) (local.set $pc (i32.const 2)) (br $run))
                   (local.set $n (i32.sub (local.get $n) (i32.const 1))) (i32.store (local.get $n) (local.get $acc))
                   (local.set $pc (select (i32.const 0) (i32.const 3) (local.get $n))) (br $run)))
               (loop $empty (loop $deeper)) (local.get $acc)))"""
        // Ends in the middle of a loop, with numbers.
        "trap",
        30,
        """(module (memory 1) (func $at (param i32) (result i32) (i32.load offset=65000 (i32.mul (local.get 0) (i32.const 40))))
             (func (export "go") (param $n i32) (result i32) (local $i i32) (local $s i32)
               (loop $l (local.set $s (i32.add (local.get $s) (call $at (local.get $i)))) (i32.store (i32.mul (local.get $i) (i32.const 4)) (i32.const 7))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
               (local.get $s)))"""
        // The host calls back into what is on the stack.
        "host",
        6,
        """(module (import "env" "back" (func $host (param i32) (result i32)))
             (func $back (export "back") (param i32) (result i32) (local $i i32) (local $s i32)
               (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
               (loop $l (local.set $s (i32.add (local.get $s) (call $host (i32.sub (local.get 0) (i32.const 1)))))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2))))
               (local.get $s))
             (func (export "go") (param $n i32) (result i32) (call $back (local.get $n))))"""
    ]

    static let moments = [ 0; 1; 2; 3; 4; 7; 11 ]

    static let policies = [
        for calls in moments @ [ Int32.MaxValue ] do
            for iterations in moments @ [ Int32.MaxValue ] do
                TierPolicy.after calls iterations (if (calls + iterations) % 2 = 0 then InterpMode.Loop else InterpMode.Chain)
        for seed in 1..6 do
            TierPolicy.random seed 12 InterpMode.Loop
    ]

    /// A policy in the background that switches soon.
    static let soon = {
        TierPolicy.usual with
            Calls = fun _ -> 2
            Iterations = fun _ _ -> 3
    }

    /// Keeps the one thread that compiles busy until it is disposed.
    static let hold () =
        let go = new ManualResetEventSlim false
        let holds = new ManualResetEventSlim false

        CompileQueue.Add(fun () ->
            holds.Set()
            go.Wait())
        |> ignore

        holds.Wait()

        {
            new IDisposable with
                member _.Dispose() =
                    go.Set()
                    Assert.That(CompileQueue.Wait(TimeSpan.FromSeconds 120.0))
        }

    static member Programs = [| for name, _, _ in programs -> TestCaseData name |]

    member private _.Program name : int * ValidModule =
        let _, n, text = programs |> List.find (fun (other, _, _) -> other = name)
        n, validate text

    [<TestCaseSource("Programs")>]
    member t.``a run shows the same whenever it goes over to compiled code``(name: string) =
        let n, valid = t.Program name
        use reference = instantiate (CompiledEngine CompileWhen.FirstCall) valid
        let expected = run reference Int64.MaxValue 200_000 n

        for policy in policies do
            use instance = instantiate (CompiledEngine policy) valid

            // The first run goes over on its way, the second finds it done.
            for again in 1..2 do
                Assert.That(run instance Int64.MaxValue 200_000 n, Is.EqualTo expected, $"{policy.Tier}, run {again}")

        Assert.That(isNull TieredCode.Failure, $"%A{TieredCode.Failure}")

    [<Test>]
    member t.``tail calls never go to and fro between interpreted and compiled code``() =
        let _, valid = t.Program "tail calls"
        use reference = instantiate (CompiledEngine CompileWhen.FirstCall) valid
        // More than native frames could be left behind.
        let n = 300_000
        let expected = run reference Int64.MaxValue 1_000 n

        // One of the two hot from the beginning, the other never.
        for hot in 0..1 do
            let policy = { TierPolicy.after 0 0 InterpMode.Loop with Calls = fun index -> if index = hot then 0 else Int32.MaxValue }

            use instance = instantiate (CompiledEngine policy) valid
            Assert.That(run instance Int64.MaxValue 1_000 n, Is.EqualTo expected, $"function {hot} hot")

    [<TestCaseSource("Programs")>]
    member t.``gas and stack end where they end, whenever it goes over``(name: string) =
        let n, valid = t.Program name
        let n = min n 12
        use reference = instantiate (CompiledEngine CompileWhen.FirstCall) valid

        let gas =
            let whole = run reference Int64.MaxValue 200_000 n
            int64 ((whole.Substring(whole.LastIndexOf "gas " + 4)).Split(' ')[0])

        let limits = [
            for k in 0L .. max 1L (gas / 60L) .. gas do
                struct (k, 200_000)
            for units in 0..3..200 do
                struct (gas, units)
        ]

        let expected = limits |> List.map (fun (struct (gas, units)) -> run reference gas units n)

        for policy in
            [
                TierPolicy.after 0 0 InterpMode.Loop
                TierPolicy.after Int32.MaxValue 1 InterpMode.Chain
                TierPolicy.after 1 2 InterpMode.Loop
                TierPolicy.random 5 8 InterpMode.Chain
            ] do
            for (struct (gas, units)), expected in List.zip limits expected do
                // Each on a module of its own, so that it goes over in this run.
                use instance = instantiate (CompiledEngine policy) valid
                Assert.That(run instance gas units n, Is.EqualTo expected, $"{policy.Tier}, gas {gas}, {units} units")

    [<Test>]
    member t.``a guest never waits for the compiler``() =
        let n, valid = t.Program "locals"
        use reference = instantiate (CompiledEngine CompileWhen.FirstCall) valid
        let expected = run reference Int64.MaxValue 200_000 n
        use instance = instantiate (CompiledEngine soon) valid

        do
            use _ = hold ()

            for _ in 1..10 do
                Assert.That(run instance Int64.MaxValue 200_000 n, Is.EqualTo expected)

        for _ in 1..3 do
            Assert.That(run instance Int64.MaxValue 200_000 n, Is.EqualTo expected)

    [<Test>]
    member _.``what gets hot is compiled, by calls and by loops``() =
        let valid =
            validate
                """(module (func $cold (result i32) (i32.const 1)) (func $hot (param i32) (result i32) (i32.add (local.get 0) (call $cold)))
                     (func (export "go") (param i32) (result i32) (local i32)
                       (loop $l (local.set 1 (call $hot (local.get 1))) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))"""

        let code =
            TieredCode(valid, NanPolicy.OnEscape, false, { soon with Calls = fun index -> if index = 0 then Int32.MaxValue else 2 })

        let store = new StoreData(Int64.MaxValue, 10_000, 1L <<< 30, 1000L, 4, 1L <<< 20)

        match Link.allocate store code [||] with
        | Error e -> failwith (string e)
        | Ok instance ->
            let go () =
                match Link.callExport instance "go" [| Value.I32 50 |] with
                | Ok r -> Assert.That(r[0], Is.EqualTo(Value.I32 50))
                | Error e -> failwith (string e)

            go ()
            Assert.That(CompileQueue.Wait(TimeSpan.FromSeconds 120.0))
            Assert.That(code.Compiled 1, Is.Not.EqualTo 0n, "called often")
            Assert.That(code.Compiled 0, Is.EqualTo 0n, "interpreted for ever")
            Assert.That(code.Compiled 2, Is.EqualTo 0n, "called once")
            Assert.That(code.LoopsCompiled, Is.EqualTo 1, "its loop")
            // What loops long is compiled whole when it is called again.
            for _ in 1..3 do
                go ()
                Assert.That(CompileQueue.Wait(TimeSpan.FromSeconds 120.0))

            Assert.That(code.Compiled 2, Is.Not.EqualTo 0n, "called often enough now")
            store.Dispose()

    [<Test>]
    member _.``a wish that fails is nobody's trouble``() =
        let before = CompileQueue.Failures
        Assert.That(CompileQueue.Add(fun () -> failwith "planted"))
        let mutable ran = false
        Assert.That(CompileQueue.Add(fun () -> ran <- true))
        Assert.That(CompileQueue.Wait(TimeSpan.FromSeconds 60.0))
        Assert.That(ran)
        Assert.That(CompileQueue.Failures, Is.EqualTo(before + 1))

    [<MethodImpl(MethodImplOptions.NoInlining)>]
    static member private Heat
        (valid: ValidModule, run: IWasmInstance -> unit, instantiate: IWasmEngine -> ValidModule -> IWasmInstance)
        : WeakReference =
        let weak = WeakReference valid

        do
            use instance = instantiate (CompiledEngine soon) valid
            run instance

        weak

    [<MethodImpl(MethodImplOptions.NoInlining)>]
    static member private HeatNew(t: TierTests, instantiate, run) : WeakReference =
        let _, valid = t.Program "locals"
        TierTests.Heat(valid, run, instantiate)

    [<Test>]
    member t.``a module is freed while its functions wait to be compiled``() =
        use _ = hold ()
        let weak = TierTests.HeatNew(t, instantiate, (fun i -> run i Int64.MaxValue 200_000 20 |> ignore))
        let mutable rounds = 0

        while weak.IsAlive && rounds < 50 do
            GC.Collect()
            GC.WaitForPendingFinalizers()
            Thread.Sleep 5
            rounds <- rounds + 1

        Assert.That(weak.IsAlive, Is.False)

    [<Test>]
    member t.``several threads heat one module``() =
        let failures = CompileQueue.Failures

        for name, n, _ in programs do
            let _, valid = t.Program name
            use reference = instantiate (CompiledEngine CompileWhen.FirstCall) valid
            let expected = run reference Int64.MaxValue 200_000 n

            for _ in 1..3 do
                let engine = CompiledEngine soon :> IWasmEngine
                let loaded = engine.Load valid |> orFail
                let wrong = ref 0

                let threads = [
                    for _ in 1..4 ->
                        Thread(
                            ThreadStart(fun () ->
                                use instance =
                                    loaded.Instantiate { Functions = [ back ]; Memory = None; Limits = limits; ReentryDepth = 8 } |> orFail

                                for _ in 1..8 do
                                    if run instance Int64.MaxValue 200_000 n <> expected then
                                        Interlocked.Increment wrong |> ignore),
                            16 <<< 20
                        )
                ]

                for thread in threads do
                    thread.Start()

                for thread in threads do
                    thread.Join()

                Assert.That(wrong.Value, Is.EqualTo 0, name)

        Assert.That(CompileQueue.Wait(TimeSpan.FromSeconds 120.0))
        Assert.That(CompileQueue.Failures, Is.EqualTo failures, $"%A{CompileQueue.Failure}")
