module Twofold.Hostile.CallerTests

// Functions that a host registers see their caller through HostCaller: everything of it that takes an address, and the hand-over of bytes, with every bad
// pointer and length. In: guests that pass on what they are given. Out: results of ours, the same on every engine, replayed; never a failure of host or engine.

open System
open System.Reflection
open NUnit.Framework
open Twofold
open Twofold.Wasm
open Twofold.Hostile.Sweep

/// What the functions of this name do with two numbers of the guest.
let private functions: (string * Func<HostCaller, int, int, int>) list =
    // A host does not make 4 GiB because a guest says so.
    let some (n: int) = Array.create (int (min (uint32 n) 100_000u)) 7uy

    [
        "Read", Func<_, _, _, _>(fun c a n -> c.Read(a, n).Length)
        "ReadString", Func<_, _, _, _>(fun c a n -> c.ReadString(a, n).Length)
        "ReadInt32", Func<_, _, _, _>(fun c a _ -> c.ReadInt32 a)
        "ReadInt64", Func<_, _, _, _>(fun c a _ -> int (c.ReadInt64 a))
        "Write",
        Func<_, _, _, _>(fun c a n ->
            c.Write(a, ReadOnlySpan(some n))
            0)
        "WriteInt32",
        Func<_, _, _, _>(fun c a n ->
            c.WriteInt32(a, n)
            0)
        "WriteInt64",
        Func<_, _, _, _>(fun c a n ->
            c.WriteInt64(a, int64 n)
            0)
        "Edit",
        Func<_, _, _, _>(fun c a n ->
            let buffer = c.Edit(a, n)

            if buffer.Length > 0 then
                buffer[buffer.Length - 1] <- 9uy

            buffer.Length)
        "ReadSpan", Func<_, _, _, _>(fun c a n -> c.ReadSpan(a, n, GuestReader<int>(fun bytes -> bytes.Length)))
        "EditSpan",
        Func<_, _, _, _>(fun c a n ->
            c.EditSpan(
                a,
                n,
                GuestEditor(fun bytes ->
                    if bytes.Length > 0 then
                        bytes[bytes.Length - 1] <- 9uy)
            )

            0)
        // The guest's alloc gives the first number.
        "Return", Func<_, _, _, _>(fun c _ n -> int (c.Return(String('x', (some n).Length))))
        "Call", Func<_, _, _, _>(fun c a n -> (c.Call("again", Value.I32 a, Value.I32 n)[0]).AsI32())
    ]

[<Test>]
let ``all that a host function can do with an address is swept`` () =
    let takesAddress (m: MethodInfo) = m.GetParameters() |> Array.exists (fun p -> p.Name = "address")
    let all = typeof<HostCaller>.GetMethods() |> Array.filter takesAddress |> Array.map _.Name
    Assert.That(all.Length, Is.GreaterThan 6)

    for name in all do
        Assert.That((functions |> List.exists (fun (n, _) -> n = name)), name)

let private shapes = [ Shape.NoPages; Shape.OnePage; Shape.Grows ]

let private guest (shape: Shape) =
    let lines (line: string -> string) = functions |> List.map (fst >> line) |> String.concat "\n"
    let grow = if shape = Shape.Grows then "(drop (memory.grow (i32.const 1)))" else ""

    Everywhere.wasm
        $"""(module
          {lines (fun n -> $"(import \"host\" \"{n}\" (func ${n} (param i32 i32) (result i32)))")}
          (memory (export "memory") {(if shape = Shape.NoPages then 0 else 1)} 4)
          (global $at (mut i32) (i32.const 0)) (global $answer (mut i64) (i64.const 0))
          (func (export "alloc") (param i32) (result i32) (global.get $at))
          (func (export "again") (param i32 i32) (result i32) (local.get 0))
          (func (export "bytes") (param i32 i32) (result i64) (i64.load (i32.const 0)))
          {lines (fun n ->
               $"(func (export \"{n}\") (param i32 i32) (result i32) (global.set $at (local.get 0)) {grow} (call ${n} (local.get 0) (local.get 1)))")})"""

let private options (engine: IWasmEngine) =
    let o = SandboxOptions().WithEngine(engine).WithGasLimit(10_000_000L)
    functions |> List.fold (fun (o: SandboxOptions) (name, f) -> o.WithHostFunction("host", name, f)) o

/// On every engine: an end of ours, one receipt, an identical replay.
let private everywhere (wasm: byte[]) (calls: (string * (Sandbox -> SandboxResult)) list) =
    let sandboxes = Everywhere.pooled |> List.map (fun (name, e) -> name, Sandbox.Create(options e.Options.Engine))

    try
        for _, s in sandboxes do
            s.LoadAsync(wasm).GetAwaiter().GetResult()

        for what, call in calls do
            let results = sandboxes |> List.map (fun (name, s) -> name, s, call s)
            let _, _, (first: SandboxResult) = results.Head

            for name, s, r in results do
                let ours = [ SandboxEnd.Returned; SandboxEnd.Trapped; SandboxEnd.OutOfGas ]
                Assert.That((List.contains r.End ours), $"{what}, {name}: {r.End} {r.Error}")
                Assert.That(r.Receipt.Digest, Is.EqualTo first.Receipt.Digest, $"{what}, {name}")
                Assert.That((s.Replay r.Receipt).Kind, Is.EqualTo ReplayKind.Identical, $"{what}, {name}")
    finally
        for _, s in sandboxes do
            s.DisposeAsync().AsTask().GetAwaiter().GetResult()

[<TestCaseSource(nameof shapes)>]
let ``functions of the host`` (shape: Shape) =
    everywhere (guest shape) [
        for name, _ in functions do
            let pairs =
                [
                    for a in bad32 shape.End [] do
                        for n in [ 0UL; 1UL; 8UL ] -> a, n
                ]
                @ badPairs shape.End

            for a, n in pairs do
                let run (s: Sandbox) = s.ExecuteAsync(name, Value.I32(int (uint32 a)), Value.I32(int (uint32 n))).GetAwaiter().GetResult()
                $"{name} {a} {n}, {shape}", run
    ]

[<Test>]
let ``places for input and output that the guest gives`` () =
    let guest (at: uint64) (answer: uint64) =
        Everywhere.wasm
            $"""(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const {int (uint32 at)}))
                (func (export "run") (param i32 i32) (result i64) (i64.const {int64 answer})))"""

    for at, answer in
        [
            for at in bad32 65536UL [] -> at, 4UL
            for p, n in badPairs 65536UL -> 8UL, (p <<< 32) ||| n
        ] do
        everywhere (guest at answer) [
            $"{at} {answer}", (fun s -> s.ExecuteBytesAsync("run", "input"B, Threading.CancellationToken.None).GetAwaiter().GetResult())
        ]
