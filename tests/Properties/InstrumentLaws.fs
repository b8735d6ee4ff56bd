/// What instrumented modules promise beyond the laws of all engines (OracleLaws runs those on them too).
/// In: texts. Out: differences from the compiled engine, or from what is said.
module Twofold.Properties.InstrumentLaws

open System
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Compiler
open Twofold.Wasm.Instrument
open Twofold.Wasm.Text
open Twofold.Wasm.Validation
open Twofold.Instrumented

let private limits = WasmLimits.Host

let private validate (text: string) : ValidModule =
    match Wat.parse text |> Result.bind (Decode.run limits Features.All) |> Result.bind (Validate.run limits Features.All) with
    | Ok valid -> valid
    | Error e -> failwith $"{e}"

let private settings limits = { Functions = []; Memory = None; Limits = limits; ReentryDepth = 8 }

let private run (engine: IWasmEngine) limits (valid: ValidModule) (gas: int64) (arguments: Value[]) =
    match engine.Load valid |> Result.bind (fun m -> m.Instantiate(settings limits)) with
    | Error e -> failwith $"{engine.Name}: {e}"
    | Ok instance ->
        use instance = instance

        let result =
            instance.Run {
                Entry = "f"
                Arguments = arguments
                Gas = gas
                StackUnits = 100_000
                Data = null
                Deadline = TimeSpan.Zero
                Cancellation = CancellationToken.None
            }

        match result with
        | Error e -> failwith $"{engine.Name}: {e}"
        | Ok r ->
            let digests = instance.Digests()
            $"{OracleRuns.show r.End}; gas {r.GasUsed}; {Convert.ToHexString digests.Memory}; {Convert.ToHexString digests.Globals}"

let private engines = InstrumentedEngines.all

let private compiled: IWasmEngine = CompiledEngine CompileWhen.FirstCall

let private same limits text gas arguments =
    let valid = validate text
    let expected = run compiled limits valid gas arguments

    for engine in engines do
        Assert.That(run engine limits valid gas arguments, Is.EqualTo expected, $"{engine.Name}, gas {gas}")

/// A NaN of arithmetic shown in every way; the last operand is the program's own NaN, which stays.
let private nans =
    """(module
         (memory 1)
         (global $g (mut f64) (f64.const 0))
         (func $id (param f32) (result f32) local.get 0)
         (func (export "f") (param f64 f32 v128) (result f64 f32 v128 i64 f32)
           (local $sum f64)
           (loop $again
             (local.set $sum (f64.add (local.get $sum) (f64.div (local.get 0) (local.get 0)))))
           (global.set $g (f64.sqrt (f64.const -1)))
           (f64.store (i32.const 8) (local.get $sum))
           (f32.store (i32.const 16) (f32.demote_f64 (local.get $sum)))
           (v128.store (i32.const 32) (f32x4.div (local.get 2) (local.get 2)))
           (local.get $sum)
           (call $id (f32.mul (f32.div (local.get 1) (local.get 1)) (f32.const 2)))
           (f64x2.sub (f64x2.div (local.get 2) (local.get 2)) (local.get 2))
           (i64.reinterpret_f64 (select (local.get $sum) (f64.const nan:0x4000000000001) (i32.const 1)))
           (f32.const nan:0x200001)))"""

let private zeros = [| Value.F64 0.0; Value.F32 0.0f; Value.V128(0UL, 0UL) |]

[<Test>]
let ``NaNs are canonical where they are seen, on an engine that leaves them alone`` () =
    same limits nans Int64.MaxValue zeros
    // No locals, no blocks: found by smith.zip.
    same limits """(module (func (export "f") (result i64) (i64.reinterpret_f64 (f64.sqrt (f64.const -1)))))""" 100L [||]

[<Test>]
let ``an engine that leaves NaNs alone is told apart when nothing is encoded`` () =
    let valid = validate nans

    let results options nan =
        match Prepared.Make(valid, options, nan) with
        | Error e -> failwith $"{e}"
        | Ok prepared ->
            use store = new InstrumentedStore(limits, Int64.MaxValue, 100_000, 8)

            match store.Instantiate(prepared, (fun _ -> ValueNone)) with
            | Error e -> failwith $"{e}"
            | Ok live ->
                store.Start live |> ignore
                OracleRuns.show (store.Call(live, "f", zeros))

    let native = InstrumentOptions.Default
    let right = results native NanPolicy.OnEscape
    Assert.That(results { native with Nan = NanMode.OnEscape } NanPolicy.Never, Is.EqualTo right)
    Assert.That(results { native with Nan = NanMode.Each } NanPolicy.Never, Is.EqualTo right)
    Assert.That(results native NanPolicy.Never, Is.Not.EqualTo right)

let private constants =
    """(module
         (type $pair (struct (field i64) (field i8)))
         (type $bytes (array (mut i8)))
         (type $pairs (array (mut (ref null $pair))))
         (memory 1 3)
         (table 2 (ref null $pairs))
         (global $a (ref $bytes) (array.new $bytes (i32.const 7) (i32.const 100)))
         (global $b (ref $pairs) (array.new_fixed $pairs 2 (struct.new $pair (i64.const 1) (i32.const 2)) (ref.null $pair)))
         (global $c (mut i32) (i32.const 5))
         (elem (table 0) (i32.const 1) (ref null $pairs) (item (array.new_default $pairs (i32.const 9))))
         (data (i32.const 65530) "abcdef")
         (func $start (global.set $c (i32.const 6)) (drop (memory.grow (i32.const 1))))
         (start $start)
         (func (export "f") (param i32) (result i32)
           (array.get_u $bytes (global.get $a) (local.get 0))
           (array.len (table.get 0 (i32.const 1)))
           (i32.add)))"""

[<Test>]
let ``instantiation pays and ends as ours does, wherever gas and the limit on objects end`` () =
    let argument = [| Value.I32 3 |]

    // Where gas ends among the objects of globals our engines have written only some of the globals: Written says which.
    let used = 20_000L

    for gas in [ 0L; 5L; 1024L; 1025L; used ] @ [ 1070L .. 1200L ] @ [ 2_000L..13L..3_000L ] do
        same limits constants gas argument

    for bytes in [ 0L..8L..400L ] do
        same { limits with GcBytes = bytes } constants Int64.MaxValue argument

let private relaxed = [| 0xD100us .. 0xD113us |] |> Array.map (fun op -> (Opcodes.info op).Name)

[<TestCaseSource(nameof relaxed)>]
let ``relaxed instructions have the pinned result`` (name: string) =
    let info = Opcodes.all |> Array.find (fun i -> i.Name = name)
    let operands = info.Pops.Length
    let parameters = String.replicate operands "v128 "
    let gets = String.Join(" ", [ for k in 0 .. operands - 1 -> $"(local.get {k})" ])
    let text = $"(module (func (export \"f\") (param {parameters}) (result v128) ({info.Name} {gets})))"

    let interesting = [|
        struct (0UL, 0UL)
        struct (0x8000800080008000UL, 0x7FFF7FFF80007FFFUL)
        struct (0x7FC00000FF800001UL, 0x3F8000017F7FFFFFUL)
        struct (0x7FF8000000000001UL, 0xFFF0000000000000UL)
        struct (0x3FF0000000000001UL, 0xBFEFFFFFFFFFFFFFUL)
        struct (0x80FF7F0102030405UL, 0x0F10111FFEFDFCFBUL)
        struct (0x4F0000004F800000UL, 0xCF000001DF000000UL)
    |]

    for a in 0 .. interesting.Length - 1 do
        for b in 0 .. interesting.Length - 1 do
            let pick k = let struct (low, high) = interesting[(a + k * b + k) % interesting.Length] in Value.V128(low, high)
            same limits text 1_000_000L (Array.init operands pick)

[<Test>]
let ``an imported memory grows to its own maximum`` () =
    let under = validate """(module (memory (export "m") 1 2) (func (export "f")))"""

    let over =
        validate
            """(module (import "under" "m" (memory 1 10)) (func (export "f") (result i32 i32) (memory.grow (i32.const 1)) (memory.grow (i32.const 1))))"""

    let make valid =
        match Prepared.Make(valid, InstrumentOptions.Default) with
        | Ok p -> p
        | Error e -> failwith $"{e}"

    use store = new InstrumentedStore(limits, 10_000L, 1000, 8)

    let instantiate valid find =
        match store.Instantiate(make valid, find) with
        | Error e -> failwith $"{e}"
        | Ok live ->
            store.Start live |> ignore
            live

    let first = instantiate under (fun _ -> ValueNone)
    let second = instantiate over (fun i -> first.Find i.Name |> ValueOption.map Ok)

    Assert.That(
        OracleRuns.show (store.Call(second, "f", [||])),
        Is.EqualTo(OracleRuns.show (RunEnd.Returned [| Value.I32 1; Value.I32 -1 |]))
    )

[<Test>]
let ``growth that the engine refuses after our yes is the host's fault`` () =
    let valid =
        validate """(module (memory 1) (table 1 funcref) (func (export "f") (result i32) (memory.grow (i32.const 100))))"""

    match Prepared.Make(valid, InstrumentOptions.Default) with
    | Error e -> failwith $"{e}"
    | Ok prepared ->
        use store = new InstrumentedStore(limits, Int64.MaxValue, 1000, 8, 10L * 65536L)

        match store.Instantiate(prepared, (fun _ -> ValueNone)) with
        | Error e -> failwith $"{e}"
        | Ok live ->
            store.Start live |> ignore
            Assert.That(OracleRuns.show (store.Call(live, "f", [||])), Does.StartWith "fault out of host memory")

[<Test>]
let ``names that the module uses itself are left to it`` () =
    let text =
        """(module
             (global (export "twofold.global.0") i32 (i32.const 3))
             (func (export "twofold.start") unreachable)
             (func (export "f") (result i32) (i32.const 7)))"""

    same limits text 100L [||]

    match Instrument.modul (validate text) InstrumentOptions.Default with
    | Ok m -> Assert.That(m.Start, Is.EqualTo "_twofold.start")
    | Error e -> failwith $"{e}"

[<Test>]
let ``a body that becomes too large for engines is refused by name`` () =
    let locals = String.replicate 49_998 "i32 "
    let text = $"(module (memory 1) (func $many (export \"f\") (local {locals}) (drop (i32.load (local.get 0)))))"

    match Instrument.modul (validate text) InstrumentOptions.Default with
    | Ok _ -> Assert.Fail "accepted"
    | Error e ->
        Assert.That(e.Kind, Is.EqualTo RejectKind.Limit)
        Assert.That(string e, Does.Contain("function 0 (many)").And.Contain("too many locals"))

/// A little of everything that has numbers in its encoding.
let private planted =
    """(module
         (memory 1 3)
         (table 2 4 funcref)
         (elem (table 0) (i32.const 0) func $leaf)
         (type $t (func (param i32) (result i32)))
         (tag $e (param i32))
         (func $leaf (type $t)
           (if (i32.eq (local.get 0) (i32.const 85)) (then (throw $e (i32.const 1))))
           (i32.load offset=4 (local.get 0)))
         (func $throws (param i32) (local i32 i32 i32 i32 i32) (throw $e (local.get 0)))
         (func (export "f") (param $at i32) (param $n i32) (result i32)
           (local $sum i32)
           (i64.store offset=8 (local.get $at) (i64.const 7))
           (local.set $sum (memory.grow (local.get $n)))
           (memory.fill (i32.add (local.get $at) (i32.const 3)) (i32.const 1) (i32.add (local.get $n) (i32.const 9)))
           (local.set $sum (i32.add (local.get $sum) (table.grow 0 (ref.null func) (local.get $n))))
           (block $h (result i32)
             (try_table (catch $e $h)
               (loop $again
                 (local.set $sum
                   (i32.add (local.get $sum) (call_indirect (type $t) (i32.add (local.get $at) (i32.const 8)) (i32.shr_u (i32.sub (local.get $n) (i32.const 1)) (i32.const 2)))))
                 (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                 (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
               (call $throws (local.get $at)))
             (i32.const 0))
           (i32.add (local.get $sum))))"""

/// Everything that can be seen of a written module, gas and stack swept.
let private seen (prepared: Prepared) (most: int64) : string =
    let run gas units at n =
        // The engine itself allows more than we do.
        let limits = { limits with MemoryBytes = 4L * 65536L; TableEntries = 8L; GcBytes = 24L }
        use store = new InstrumentedStore(limits, gas, units, 8, 1L <<< 30)

        match store.Instantiate(prepared, (fun _ -> ValueNone)) with
        | Error e -> string e
        | Ok live ->
            let ended =
                match store.Start live with
                | RunEnd.Returned _ -> store.Call(live, "f", [| Value.I32 at; Value.I32 n |])
                | ended -> ended

            let m = live.Inner.Memories[0]
            let bytes = Span<byte>.op_Implicit(m.Span(0UL, uint32 m.Length)): ReadOnlySpan<byte>
            $"{OracleRuns.show ended} {store.GasUsed} {m.Length} {Convert.ToHexString(bytes.Slice(0, 64))} {bytes.LastIndexOfAnyExcept 0uy}"

    String.Join(
        "\n",
        [
            for at, n in
                [
                    0, 1
                    77, 1
                    65520, 3
                    65520, 1
                    65521, 1
                    65529, 1
                    65529, 0
                    131056, 1
                    131060, 1
                    196600, 2
                    -1, 0
                    0, 3
                    0, 2
                    0, 0
                    65524, 0
                ] do
                run 1_000_000L 1000 at n
            for gas in [ 0L; 1023L; 1024L ] @ [ 1_025L .. 1_080L ] @ [ 2_070L .. most ] do
                run gas 1000 0 1
            for units in [ 18..60 ] do
                run 1_000_000L units 0 1
        ]
    )

[<Test>]
let ``numbers that are written matter: one off by one is seen`` () =
    let valid = validate planted

    let written =
        match Instrument.modul valid InstrumentOptions.Default with
        | Ok w -> w
        | Error e -> failwith $"{e}"

    let again bytes =
        Decode.run limits Features.All bytes
        |> Result.bind (Validate.run limits Features.All)
        |> Result.defaultWith (fun e -> failwith $"{e}")

    let whole = again written.Bytes
    let bodies = Array.init whole.Module.Functions.Length whole.Body
    let prepared bytes = Prepared(valid, written, CompiledCode(again bytes, NanPolicy.OnEscape))

    let used =
        use store = new InstrumentedStore({ limits with GcBytes = 24L }, 1_000_000L, 1000, 8)

        match store.Instantiate(prepared written.Bytes, (fun _ -> ValueNone)) with
        | Error e -> failwith $"{e}"
        | Ok live ->
            store.Start live |> ignore
            Assert.That(OracleRuns.show (store.Call(live, "f", [| Value.I32 0; Value.I32 1 |])), Does.StartWith "returned")
            store.GasUsed

    let expected = seen (prepared written.Bytes) used
    let mutable numbers = 0

    let survivors = [
        for f in 0 .. bodies.Length - 1 do
            for at in 0 .. bodies[f].Code.Length - 1 do
                let i = bodies[f].Code[at]

                let next k = if at + k < bodies[f].Code.Length then bodies[f].Code[at + k].Op else Op.End
                // A charge, the end of an access, a frame.
                let charge = i.Op = Op.I64Const && next 1 = Op.I64Sub && next 2 = Op.LocalTee
                let reach = i.Op = Op.I64Const && next 1 = Op.I64Add && next 2 = Op.LocalTee && next 3 <> Op.GlobalGet
                let frame = i.Op = Op.I32Const && next 1 = Op.I32Sub && next 2 = Op.LocalTee

                if charge || reach || frame then
                    numbers <- numbers + 1
                    let code = Array.copy bodies[f].Code
                    code[at] <- { i with Imm = i.Imm + 1L }

                    let mutant = Encode.withBodies whole.Module (fun k -> if k = f then { bodies[k] with Code = code } else bodies[k])

                    if seen (prepared mutant) used = expected then
                        $"function {f}, instruction {at}: {(Opcodes.info i.Op).Name} {i.Imm}"
    ]

    TestContext.Progress.WriteLine $"{numbers} charges, reaches and frames"
    Assert.That(numbers, Is.GreaterThanOrEqualTo 15)
    Assert.That(survivors, Is.Empty)
