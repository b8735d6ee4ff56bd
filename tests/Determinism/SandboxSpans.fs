module Twofold.Determinism.SandboxSpans

// Spans over guest memory, lent to functions of the host: what they read and wrote is in the receipt exactly, whatever ends the call.
// In: a guest that lends its memory and grows it between, delegates that write, throw in the middle, and try what they may not. Out: one receipt on every engine.

open System
open System.IO
open System.Text
open NUnit.Framework
open Twofold
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Tests
open Twofold.Determinism.Harness
open Twofold.Determinism.SandboxHostCalls

type private Sum = delegate of ReadOnlySpan<byte> -> int
type private Upper = delegate of Span<byte> -> unit
type private Copy = delegate of ReadOnlySpan<byte> * Span<byte> * bool -> int
type private Half = delegate of HostCaller * Span<byte> * int -> unit

let private guest =
    Encoding.UTF8.GetBytes
        """(module
  (import "env" "sum" (func $sum (param i32 i32) (result i32)))
  (import "env" "upper" (func $upper (param i32 i32)))
  (import "env" "copy" (func $copy (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "half" (func $half (param i32 i32 i32)))
  (memory (export "memory") 1 4)
  (data (i32.const 16) "hello world")
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "all") (result i32)
    (call $upper (i32.const 16) (i32.const 5))
    (drop (memory.grow (i32.const 1)))
    (drop (call $copy (i32.const 16) (i32.const 11) (i32.const 65536) (i32.const 40) (i32.const 1)))
    (drop (memory.grow (i32.const 1)))
    (call $upper (i32.const 65536) (i32.const 3000))
    (i32.add (call $sum (i32.const 16) (i32.const 11)) (i32.load8_u (i32.const 65546))))
  (func (export "sum") (param i32 i32) (result i32) (call $sum (local.get 0) (local.get 1)))
  (func (export "overlap") (result i32)
    (call $copy (i32.const 16) (i32.const 11) (i32.const 18) (i32.const 11) (i32.const 0)))
  (func (export "half") (param i32) (result i32)
    (call $half (i32.const 16) (i32.const 11) (local.get 0))
    (i32.load8_u (i32.const 16))))"""

let private upper (bytes: Span<byte>) =
    for i in 0 .. bytes.Length - 1 do
        if bytes[i] >= byte 'a' && bytes[i] <= byte 'z' then
            bytes[i] <- bytes[i] - 32uy

let private half (caller: HostCaller) (bytes: Span<byte>) (mode: int) =
    if mode <> 10 then
        bytes.Slice(0, 5).Fill(byte 'x')

    let caught (action: unit -> unit) =
        try
            action ()
            failwith "it was allowed"
        with :? InvalidOperationException ->
            ()

    match mode with
    | 0
    | 10 -> raise (GuestTrapException("in the middle", 3UL))
    | 1 -> raise (IOException "the disk is gone")
    | 2 -> caller.Read(4 * 65536, 1) |> ignore
    | 3 ->
        // What is read by a copy is what was written through the span; what is written by a copy shows in the span.
        Assert.That(caller.ReadString(14, 8), Is.EqualTo "\000\000xxxxx ")
        caller.Write(17, ReadOnlySpan "YY"B)
        bytes[5] <- byte '-'
        bytes[1] <- bytes[1] + 1uy
    | 4 ->
        caught (fun () -> caller.Call "grow" |> ignore)
        bytes[6] <- byte '!'
    | 5 ->
        // An editor that throws leaves nothing behind, also when the function goes on.
        caught (fun () ->
            caller.EditSpan(
                100,
                4,
                GuestEditor(fun b ->
                    b.Fill 9uy
                    invalidOp "no")
            ))

        let seen = caller.ReadSpan(100, 4, GuestReader<int>(fun b -> int b[0]))
        bytes[7] <- byte (48 + seen)
    | 6 -> caller.Charge Int64.MaxValue
    | 7 ->
        caller.EditSpan(200, 8, GuestEditor(fun b -> b[3] <- 7uy))
        caller.EditSpan(200, 8, GuestEditor(fun b -> b[4] <- b[3]))
    | n -> failwith $"half {n}"

let private delegates =
    dict [
        struct ("env", "sum"),
        Delegates.make
            "env.sum"
            (Sum(fun b ->
                let mutable n = 0

                for i in 0 .. b.Length - 1 do
                    n <- n + int b[i]

                n))
        struct ("env", "upper"), Delegates.make "env.upper" (Upper(fun b -> upper b))
        struct ("env", "copy"),
        Delegates.make
            "env.copy"
            (Copy(fun from into twice ->
                from.CopyTo into

                if twice then
                    from.CopyTo(into.Slice 10)

                from.Length))
        struct ("env", "half"), Delegates.make "env.half" (Half(fun caller bytes mode -> half caller bytes mode))
    ]
    |> System.Collections.ObjectModel.ReadOnlyDictionary
    |> HostDelegates

let private request (entry: string) (arguments: int list) (gas: int64) : ExecutionRequest = {
    Request.contract guest entry World.alice World.token World.empty with
        Convention = Convention.Raw(arguments |> List.map (uint32 >> uint64))
        Profile = Profile.sandbox
        Imports =
            Some {
                Allowed = [ (ImportPattern.TryParse "env.*").Value ]
                Functions = delegates.Signatures |> List.sortBy _.Name
            }
        Functions = delegates
        Limits = { RequestLimits.None with Gas = Some gas }
}

let private onAll entry arguments = onEveryEngine guest (request entry arguments 1_000_000L)

let private returned (n: int) : Outcome = Outcome.Returned [ { Kind = ValueKind.I32; Low = uint64 (uint32 n); High = 0UL } ]

/// Ranges that the journal says were written.
let private writes (r: ExecutionReport) = [
    for e in r.Receipt.Journal do
        match e.Reply with
        | JournalReply.Kept(Reply.Host answer) ->
            for s in answer.Steps do
                match s with
                | HostStep.Write(at, bytes) -> at, Encoding.Latin1.GetString bytes
                | _ -> ()
        | _ -> ()
]

[<Test>]
let ``what spans saw and changed is in one receipt on every engine, with growth between`` () =
    let r = onAll "all" []
    let sum = "HELLO world" |> Seq.sumBy int
    Assert.That((r.Receipt.Outcome = returned (sum + int 'H')), r.Message)

    let expected = [ 16u, "HELLO"; 65536u, "HELLO worlHELLO world"; 65542u, "WORLHELLO WORLD" ]

    Assert.That((writes r = expected), $"%A{writes r}")

[<Test>]
let ``spans that overlap are the same memory`` () =
    let r = onAll "overlap" []
    Assert.That((r.Receipt.Outcome = returned 11), r.Message)
    // `from` is copied as memory moves: hello world from 16 to 18.
    Assert.That((writes r = [ 18u, "hello world" ]), $"%A{writes r}")

[<Test>]
let ``wherever gas ends, nothing of a span is left that the journal does not hold`` () =
    let used = int (report shared (request "all" [] 1_000_000L)).Receipt.GasUsed
    let mutable outOfGas = 0

    for gas in 0L .. 37L .. int64 used do
        let limited = request "all" [] gas
        let r = report shared limited

        if r.Receipt.Outcome = Outcome.OutOfGas then
            outOfGas <- outOfGas + 1

        replay shared r.Receipt guest

        for name, e in engines.Value do
            Assert.That((report e limited).ReceiptDigest, Is.EqualTo r.ReceiptDigest, $"{name}, gas {gas}")
            replay e r.Receipt guest

    Assert.That(outOfGas, Is.GreaterThan 100)

[<Test>]
let ``a function that throws after writing half leaves the guest as it was`` () =
    let r, without = onAll "half" [ 0 ], onAll "half" [ 10 ]
    Assert.That((r.Receipt.Outcome = Outcome.Trapped(HostTrap.HostFunction, 3UL, 0UL, 0UL)), r.Message)
    Assert.That((r.Receipt.MemoryDigest = without.Receipt.MemoryDigest))
    Assert.That(writes r, Is.Empty)

    // A bad range: what was written before it was journaled before it.
    let bad = onAll "half" [ 2 ]

    match bad.Receipt.Outcome with
    | Outcome.Trapped(code, _, _, _) -> Assert.That(enum<TrapCode> code, Is.EqualTo TrapCode.HostRangeOutOfBounds)
    | other -> Assert.Fail(Outcome.describe other)

    Assert.That((writes bad = [ 16u, "xxxxx" ]), $"%A{writes bad}")
    Assert.That((onAll "half" [ 6 ]).Receipt.Outcome, Is.EqualTo Outcome.OutOfGas)

    for name, e in ("compiled", shared) :: engines.Value do
        match e.Execute(request "half" [ 1 ] 1_000_000L) with
        | Error(Refusal.Fault fault) -> Assert.That(string fault, Does.Contain "the disk is gone", name)
        | other -> Assert.Fail $"{name}: %A{other}"

        Assert.That((report e (request "half" [ 4 ] 1_000_000L)).Receipt.Outcome = returned (int 'x'), name)

[<Test>]
let ``copies and spans of the same bytes agree`` () =
    let r = onAll "half" [ 3 ]
    Assert.That((r.Receipt.Outcome = returned (int 'x')), r.Message)
    Assert.That((writes r = [ 16u, "xxxxx"; 17u, "YY"; 17u, "ZYxx-" ]), $"%A{writes r}")

[<Test>]
let ``the guest is not called while its memory is lent, and what an editor did before it threw is undone`` () =
    let r = onAll "half" [ 4 ]
    Assert.That((r.Receipt.Outcome = returned (int 'x')), r.Message)
    Assert.That((writes r = [ 16u, "xxxxx !" ]), $"%A{writes r}")
    let edited = onAll "half" [ 5 ]
    Assert.That((writes edited = [ 16u, "xxxxx"; 23u, "0" ]), $"%A{writes edited}")
    let twice = onAll "half" [ 7 ]
    Assert.That((writes twice = [ 16u, "xxxxx"; 203u, "\007"; 204u, "\007" ]), $"%A{writes twice}")

[<Test>]
let ``a range outside memory traps before the function is called`` () =
    for address, length in [ 65536, 1; 65530, 10; -1, 1; 0, -1 ] do
        match (onEveryEngine guest { request "sum" [ address; length ] 0L with Limits = RequestLimits.None }).Receipt.Outcome with
        | Outcome.Trapped(code, a, b, c) ->
            Assert.That(enum<TrapCode> code, Is.EqualTo TrapCode.HostRangeOutOfBounds)
            Assert.That((a, b, c), Is.EqualTo((uint64 (uint32 address), uint64 (uint32 length), 65536UL)))
        | other -> Assert.Fail(Outcome.describe other)

    for address, length in [ 65536, 0; 0, 0; 0, 65536 ] do
        Assert.That((onAll "sum" [ address; length ]).Receipt.Outcome.Succeeded)
