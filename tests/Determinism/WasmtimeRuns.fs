module Twofold.Determinism.WasmtimeRuns

// What a run on Wasmtime may meet: deadlines, cancellation, host functions that throw or call back, native stack that runs out, memory limits, threads.
// In: small guests as text. Out: the ending that every engine gives, or the fault that is Wasmtime's own; skipped where libwasmtime is absent.

open System
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Text
open Twofold.Tests
open Twofold.Wasmtime

let private engine () : IWasmEngine =
    match WasmtimeForTests.tryPlain () with
    | Some e -> e
    | None ->
        Assert.Ignore WasmtimeForTests.absent
        failwith "unreachable"

/// What modules are checked against; the store's own limits are narrower.
let private checkedAgainst = { WasmLimits.Contract with Memories = 3; Tables = 3 }

let private limits = { checkedAgainst with MemoryBytes = 20L * 65536L; TableEntries = 50L }

let private validWith limits (text: string) =
    Wat.parse text
    |> Result.bind (Decode.run limits Features.Executable)
    |> Result.bind (Validate.run limits Features.Executable)
    |> Result.defaultWith (fun e -> failwith (string e))

let private valid = validWith checkedAgainst

let private import name parameters results (f: Guest -> uint64[] -> uint64) : HostImport = {
    Module = "host"
    Name = name
    Type = { Params = parameters; Results = results }
    Function = HostFunction(fun guest arguments -> f guest (arguments.ToArray()))
}

let private settings functions : InstanceSettings = {
    Functions = functions
    Memory = Some("env", "memory")
    Limits = limits
    ReentryDepth = 3
}

let private run: RunSettings = {
    Entry = "f"
    Arguments = [||]
    Gas = Int64.MaxValue
    StackUnits = limits.StackUnits
    Data = null
    Deadline = TimeSpan.Zero
    Cancellation = CancellationToken.None
}

let private orFail what (r: Result<'a, Rejected>) =
    match r with
    | Ok x -> x
    | Error e -> failwith $"{what}: {e}"

/// Everything that can be seen of a run.
let private observe (e: IWasmEngine) functions (text: string) (s: RunSettings) =
    use loaded = e.Load(valid text) |> orFail "load"
    use instance = loaded.Instantiate(settings functions) |> orFail "instantiate"
    let result = instance.Run s |> orFail "run"
    let digests = instance.Digests()
    result, $"%A{result.End} gas {result.GasUsed} memory {Convert.ToHexString digests.Memory} globals {Convert.ToHexString digests.Globals}"

/// The run on Wasmtime; it must be the compiler's in everything.
let private agreed (functions: unit -> HostImport list) (text: string) (s: RunSettings) : RunResult =
    let result, found = observe (engine ()) (functions ()) text s
    let _, expected = observe (CompiledEngine CompileWhen.FirstCall) (functions ()) text s
    Assert.That(found, Is.EqualTo expected)
    result

let private spin = "(module (func (export \"f\") (loop (br 0))))"

[<Test>]
let ``an endless loop ends at its deadline, and other runs go on`` () =
    let e = engine ()

    use loaded =
        e.Load(
            valid
                "(module (func (export \"f\") (param i64) (result i64) (loop (br_if 0 (i64.ne (local.tee 0 (i64.sub (local.get 0) (i64.const 1))) (i64.const 0)))) (local.get 0)))"
        )
        |> orFail "load"

    use other = loaded.Instantiate(settings []) |> orFail "instantiate"
    // Long enough to be running when the other is interrupted: nudging the engine concerns both.
    let going = Task.Run(fun () -> other.Run { run with Arguments = [| Value.I64 400_000_000L |] })
    let result, _ = observe e [] spin { run with Deadline = TimeSpan.FromMilliseconds 60.0 }

    match result.End with
    | RunEnd.Fault(EngineFault.Deadline t) -> Assert.That(t.TotalMilliseconds, Is.EqualTo 60.0)
    | ended -> Assert.Fail $"%A{ended}"

    match going.Result with
    | Ok { End = RunEnd.Returned [| v |] } -> Assert.That(v.AsI64(), Is.EqualTo 0L)
    | ended -> Assert.Fail $"%A{ended}"

[<Test>]
let ``a cancelled run ends`` () =
    use source = new CancellationTokenSource(30)
    let result, _ = observe (engine ()) [] spin { run with Cancellation = source.Token }
    Assert.That(string result.End, Does.Contain "Cancelled")
    // Cancelled before it began.
    let result, _ = observe (engine ()) [] "(module (func (export \"f\")))" { run with Cancellation = source.Token }
    Assert.That(string result.End, Does.Contain "Cancelled")

let private calling =
    """(module
      (import "host" "call" (func $call (param i32 i64) (result i32)))
      (memory (export "memory") 1)
      (global $n (mut i32) (i32.const 0))
      (func (export "f") (result i32)
        (block $h (try_table (catch_all $h) (drop (call $call (i32.const -2) (i64.const -3)))))
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n))
      (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
      (func (export "trap") (result i32) (i32.load (i32.const 65533)))
      (func (export "again") (result i32) (call $call (i32.const -2) (i64.const -3))))"""

let private call f = fun () -> [ import "call" [| ValType.I32; ValType.I64 |] [| ValType.I32 |] f ]

[<Test>]
let ``what a host function throws ends the run, and no guest catches it`` () =
    let ended f = (agreed (call f) calling run).End

    match ended (fun _ _ -> raise (TrapException(TrapCode.Aborted, 7UL, 8UL, 9UL, "words"))) with
    | RunEnd.Trapped t -> Assert.That((t.Code, t.A, t.B, t.C, t.Detail), Is.EqualTo((TrapCode.Aborted, 7UL, 8UL, 9UL, "words")))
    | other -> Assert.Fail $"%A{other}"

    match ended (fun _ _ -> invalidOp "broken") with
    | RunEnd.Fault(EngineFault.HostFunction m) -> Assert.That(m, Is.EqualTo "InvalidOperationException: broken")
    | other -> Assert.Fail $"%A{other}"

    Assert.That(
        (ended (fun guest _ ->
            guest.Charge 1L
            0UL))
            .IsReturned
    )

    Assert.That(
        (agreed
            (call (fun guest _ ->
                guest.Charge 100_000L
                0UL))
            calling
            { run with Gas = 50_000L })
            .End.IsOutOfGas
    )

    match ended (fun guest _ -> uint64 (guest.Slice(65530u, 7u).Length)) with
    | RunEnd.Trapped t -> Assert.That((t.Code, t.A, t.B, t.C), Is.EqualTo((TrapCode.HostRangeOutOfBounds, 65530UL, 7UL, 65536UL)))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``host functions see arguments, memory and gas, and call back`` () =
    let seen = Collections.Generic.List<string>()

    let back (guest: Guest) (a: uint64[]) =
        seen.Add $"{a[0]:x} {a[1]:x} {guest.GasLeft} {guest.MemorySize}"
        guest.Slice(0u, 4u).Fill 9uy
        let results = guest.Call("add", Value.I32 20, Value.I32 22)
        let sum = results[0].AsI32()
        let old = guest.GrowMemory(2u)
        seen.Add $"{sum} {old} {guest.GasLeft} {guest.MemorySize} {guest.GrowMemory(100u)}"
        uint64 sum

    agreed (call back) calling { run with Gas = 1_000_000L } |> ignore
    Assert.That(seen.Count, Is.EqualTo 4)
    Assert.That(seen[0], Is.EqualTo seen[2])
    Assert.That(seen[1], Is.EqualTo seen[3])
    Assert.That(seen[0], Does.StartWith "fffffffe fffffffffffffffd")

[<Test>]
let ``a host function may catch what its call back ended in, and go on`` () =
    let numbers = Collections.Generic.List<string>()

    let back (guest: Guest) (_: uint64[]) =
        try
            guest.Call("trap") |> ignore
        with :? TrapException as t ->
            numbers.Add $"{t.Code} {t.A} {t.B} {t.C} {guest.GasLeft}"

        1UL

    Assert.That((agreed (call back) calling { run with Gas = 1_000_000L }).End.IsReturned)
    Assert.That(numbers.Count, Is.EqualTo 2)
    Assert.That(numbers[0], Does.StartWith "MemoryOutOfBounds 65533 4 65536")
    Assert.That(numbers[0], Is.EqualTo numbers[1])

[<Test>]
let ``re-entry ends at its depth`` () =
    let back (guest: Guest) (_: uint64[]) =
        let results = guest.Call("again")
        results[0].Bits

    match (agreed (call back) calling run).End with
    | RunEnd.Trapped t -> Assert.That((t.Code, t.A), Is.EqualTo((TrapCode.ReentryTooDeep, 3UL)))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``growth ends where the limits say, host's and guest's together`` () =
    let text =
        """(module
          (import "host" "grow" (func $grow (param i32) (result i32)))
          (memory 2 30) (memory 1)
          (table $t 10 funcref)
          (func (export "f") (result i32 i32 i32 i32 i32 i32)
            (memory.grow 0 (i32.const 5)) (call $grow (i32.const 4)) (memory.grow 1 (i32.const 9)) (memory.grow 1 (i32.const 8))
            (table.grow $t (ref.null func) (i32.const 41)) (table.grow $t (ref.null func) (i32.const 40))))"""

    let grow () = [ import "grow" [| ValType.I32 |] [| ValType.I32 |] (fun guest a -> uint64 (uint32 (guest.GrowMemory(uint32 a[0])))) ]

    match (agreed grow text run).End with
    | RunEnd.Returned v -> Assert.That(v |> Array.map _.AsI32(), Is.EqualTo(box [| 2; 7; -1; 1; -1; 10 |]))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a native stack that runs out is a fault, and the process goes on`` () =
    engine () |> ignore

    let down =
        "(module (func $g (param i64 i64) (result i64) (i64.add (call $g (local.get 1) (local.get 0)) (i64.const 1))) (func (export \"f\") (result i64) (call $g (i64.const 1) (i64.const 2))))"

    Assert.That((agreed (fun () -> []) down run).End.IsStackExhausted)
    // More frames than a byte for each unit can hold.
    let deep = { limits with StackUnits = WasmLimits.Host.StackUnits }
    let small = (WasmtimeForTests.tryEngine "small stack" (fun o -> o.WithStackBytesPerUnit 1)).Value :> IWasmEngine
    use loaded = small.Load(validWith { checkedAgainst with StackUnits = deep.StackUnits } down) |> orFail "load"
    use instance = loaded.Instantiate { settings [] with Limits = deep } |> orFail "instantiate"

    match instance.Run { run with StackUnits = deep.StackUnits } with
    | Ok { End = RunEnd.Fault(EngineFault.HostMemory m) } -> Assert.That(m, Does.Contain "native stack")
    | other -> Assert.Fail $"%A{other}"

    Assert.That((agreed (fun () -> []) down run).End.IsStackExhausted)

/// Frames that are large for their units: many values alive across calls, vectors among them.
[<Test>]
let ``the logical stack ends first, whatever the frames`` () =
    let names = [ for k in 0..39 -> k ]

    let floats =
        names
        |> List.map (fun k -> $"(local.set {k + 1} (f64.add (f64.convert_i32_s (local.get 0)) (f64.const {k})))")
        |> String.concat "\n"

    let sum = names |> List.map (fun k -> $"(f64.add (local.get {k + 1}))") |> String.concat " "
    let locals = String.replicate 40 "f64 "

    let scalar =
        $"(module (func $g (param i32) (result f64) (local {locals}) {floats} (call $g (i32.add (local.get 0) (i32.const 1))) {sum}) (func (export \"f\") (result f64) (call $g (i32.const 0))))"

    let vectors =
        names
        |> List.map (fun k -> $"(local.set {k + 1} (i32x4.splat (i32.mul (local.get 0) (i32.const {k + 3}))))")
        |> String.concat "\n"

    let lanes = names |> List.map (fun k -> $"(i32x4.add (local.get {k + 1}))") |> String.concat " "
    let vectorLocals = String.replicate 40 "v128 "

    let vector =
        $"(module (func $g (param i32) (result v128) (local {vectorLocals}) {vectors} (call $g (i32.add (local.get 0) (i32.const 1))) {lanes}) (func (export \"f\") (result v128) (call $g (i32.const 0))))"

    let least = "(module (func $g (call $g) (call $g)) (func (export \"f\") (call $g)))"

    let handlers =
        "(module (tag $t) (func $g (param i32) (result i32) (block $h (try_table (catch $t $h) (drop (call $g (i32.add (local.get 0) (i32.const 1)))))) (local.get 0)) (func (export \"f\") (result i32) (call $g (i32.const 0))))"

    for text in [ scalar; vector; least; handlers ] do
        Assert.That((agreed (fun () -> []) text run).End.IsStackExhausted, text)

[<Test>]
let ``instances run side by side on many threads`` () =
    let text =
        """(module (memory (export "memory") 1)
          (func (export "f") (param i32) (result i32) (local i32)
            (loop (i32.store (i32.and (i32.mul (local.get 1) (i32.const 4)) (i32.const 0xfffc)) (i32.mul (local.get 1) (local.get 0)))
              (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 20000))))
            (i32.load (i32.const 400))))"""

    use loaded = (engine ()).Load(valid text) |> orFail "load"

    Parallel.For(
        0,
        64,
        (fun k ->
            use instance = loaded.Instantiate(settings []) |> orFail "instantiate"

            for _ in 1..5 do
                match instance.Run { run with Arguments = [| Value.I32 k |]; Deadline = TimeSpan.FromSeconds 60.0 } with
                | Ok { End = RunEnd.Returned [| v |] } -> Assert.That(v.AsI32(), Is.EqualTo((16384 + 100) * k))
                | ended -> Assert.Fail $"%A{ended}"

                instance.Reset())
    )
    |> ignore

[<Test>]
let ``what does not link is refused in the compiler's words`` () =
    for text in
        [
            "(module (import \"host\" \"nothing\" (func)) (func (export \"f\")))"
            "(module (import \"host\" \"call\" (func (param i32))) (func (export \"f\")))"
            "(module (memory 21) (func (export \"f\")))"
            "(module (table 51 funcref) (func (export \"f\")))"
            "(module (import \"env\" \"memory\" (memory 1)) (import \"env\" \"memory\" (memory 1 3)) (func (export \"f\")))"
        ] do
        let refusal (e: IWasmEngine) =
            use loaded = e.Load(valid text) |> orFail "load"

            match loaded.Instantiate(settings (call (fun _ _ -> 0UL) ())) with
            | Error e -> string e
            | Ok instance ->
                use _ = instance
                "linked"

        Assert.That(refusal (engine ()), Is.EqualTo(refusal (CompiledEngine())), text)
        Assert.That(refusal (engine ()), Is.Not.EqualTo "linked")

[<Test>]
let ``uncaught exceptions carry tag, name and values`` () =
    let text =
        """(module (tag $other (param i32)) (tag $t (export "oops") (param i32 f64 i64 v128))
          (func (export "f") (throw $t (i32.const 5) (f64.const -0.5) (i64.const 7) (v128.const i64x2 1 2))))"""

    match (agreed (fun () -> []) text run).End with
    | RunEnd.Uncaught u ->
        Assert.That((u.Tag, u.Name), Is.EqualTo((1, "oops")))
        Assert.That(u.Values, Is.EqualTo(box [| Value.I32 5; Value.F64 -0.5; Value.I64 7L; Value.V128(1UL, 2UL) |]))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a module that the library's pool has no room for is refused`` () =
    let text = "(module (memory 1) (memory 1) (func (export \"f\")))"
    use loaded = (engine ()).Load(valid text) |> orFail "load"
    Assert.That(loaded.Module.MemoryTypes.Length, Is.EqualTo 2)
    let pooled = (WasmtimeForTests.tryEngine "the library's pool" (fun o -> o.WithPooledInstances 32)).Value :> IWasmEngine

    match pooled.Load(valid text) with
    | Error rejected ->
        Assert.That(rejected.Kind.IsLimit)
        Assert.That(string rejected, Does.Contain "Wasmtime")
    | Ok _ -> Assert.Fail "loaded"

/// The library handles signals of its own kind; .NET must still get those that it makes null references of.
[<Test>]
let ``a null reference in the host is an exception still`` () =
    (agreed (fun () -> []) "(module (func (export \"f\") unreachable))" run).End.IsTrapped |> Assert.That

    let nothing: string = null
    Assert.Throws<NullReferenceException>(fun () -> nothing.Length |> ignore) |> ignore
