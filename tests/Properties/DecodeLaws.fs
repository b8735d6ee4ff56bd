/// Laws of decoding and validation: total on any bytes, the same answer each time, bounded cost, exact integers.
/// In: generated and hostile bytes. Out: failures with the bytes.
module Twofold.Properties.DecodeLaws

open System
open System.Diagnostics
open NUnit.Framework
open FsCheck.NUnit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Properties.DecodeGen

let private limits = WasmLimits.Contract
let private decode bytes = Decode.run limits Features.Default bytes
let private check bytes = decode bytes |> Result.bind (Validate.run limits Features.Default)

/// The refusal, or a failed test.
let private refused bytes : Rejected =
    match check bytes with
    | Error e -> e
    | Ok _ -> raise (AssertionException "accepted")

[<Property(MaxTest = 3000, Arbitrary = [| typeof<Arbitraries> |])>]
let ``decode never throws on any bytes, and what is accepted decodes again`` (Bytes bytes) =
    match check bytes with
    | Error e -> e.Message <> "" && e.Offset <= bytes.Length && not (Seq.exists Char.IsControl (string e))
    | Ok m ->
        seq { 0 .. m.Module.Code.Length - 1 }
        |> Seq.forall (fun i ->
            let body = m.Body i
            body.Code.Length > 0 && body.Code[body.Code.Length - 1].Op = Op.End)

[<Property(MaxTest = 500, Arbitrary = [| typeof<Arbitraries> |])>]
let ``the same bytes get the same answer, in any array`` (Bytes bytes) =
    let answer b =
        match check b with
        | Ok m -> $"ok {m.FuncTypes.Length} {m.Module.Exports.Length}"
        | Error e -> $"{e}"

    answer bytes = answer (Array.copy bytes)

[<Property(MaxTest = 500, Arbitrary = [| typeof<Arbitraries> |])>]
let ``what all features accept, fewer accept or refuse by a feature's name`` (Bytes bytes, bits: uint32) =
    let mutable fewer = Features.All

    for i in 0..16 do
        if (bits >>> i) &&& 1u = 1u then
            fewer <- fewer.Without(enum<Feature> i)

    let under (features: Features) = Decode.run limits features bytes |> Result.bind (Validate.run limits features)

    match under fewer, under Features.All with
    | Ok _, more -> more.IsOk
    | Error e, Ok _ -> e.Kind.IsFeature
    | Error _, Error _ -> true

[<Property(MaxTest = 500, Arbitrary = [| typeof<Arbitraries> |])>]
let ``what WebAssembly 1.0 accepts, the default accepts`` (Bytes bytes) =
    let first = Decode.run limits Features.Wasm1 bytes |> Result.bind (Validate.run limits Features.Wasm1)
    first.IsError || (check bytes).IsOk

/// A global's initialiser as decoded.
let private constant (valType: byte) (opcode: byte) (encoded: byte[]) =
    moduleOf [ section 6 (Array.concat [ [| 1uy; valType; 0uy; opcode |]; encoded; [| 0x0Buy |] ]) ]
    |> decode
    |> Result.map (fun m -> m.Globals[0].Init[0].Imm)

[<Property>]
let ``an i32 survives every allowed length of LEB128, and one more is too long`` (n: int) =
    [ 1..5 ] |> List.forall (fun width -> constant 0x7Fuy 0x41uy (sleb width (int64 n)) = Ok(int64 n))
    && (match constant 0x7Fuy 0x41uy (sleb 6 (int64 n)) with
        | Error e -> e.Message = "integer representation too long"
        | Ok _ -> false)

[<Property>]
let ``an i64 survives every allowed length of LEB128, and one more is too long`` (n: int64) =
    [ 1..10 ] |> List.forall (fun width -> constant 0x7Euy 0x42uy (sleb width n) = Ok n)
    && (match constant 0x7Euy 0x42uy (sleb 11 n) with
        | Error e -> e.Message = "integer representation too long"
        | Ok _ -> false)

[<Test>]
let ``no prefix of a sample throws, and an accepted one ends where a section ends`` () =
    for sample in samples.Value |> Array.filter (fun s -> s.Length < 4000) do
        for n in 0 .. sample.Length - 1 do
            match decode (Array.truncate n sample) with
            | Error e when n < 8 -> Assert.That(e.Message, Is.EqualTo "unexpected end")
            | Error e -> Assert.That(e.Kind.IsMalformed, $"{n} bytes: {e}")
            | Ok m -> Assert.That(m.Code.Length, Is.EqualTo m.Functions.Length)

[<Test>]
let ``samples are valid`` () =
    Assert.That(samples.Value.Length, Is.GreaterThan 0)

    for sample in samples.Value do
        match check sample with
        | Ok _ -> ()
        | Error e -> Assert.Fail(string e)

/// Blocks nested n deep, closed again.
let private nested n =
    withBody (Array.concat [ [| 0uy |]; Array.init (2 * n) (fun i -> if i % 2 = 0 then 0x02uy else 0x40uy); Array.create (n + 1) 0x0Buy ])

[<Test>]
let ``99,999 nested blocks are validated without native recursion, one more is over the limit`` () =
    let small = Threading.Thread((fun () -> Assert.That((check (nested 99_999)).IsOk)), 128 * 1024)
    small.Start()
    small.Join()
    Assert.That((refused (nested 100_000)).Kind, Is.EqualTo RejectKind.Limit)

[<TestCase(1)>]
[<TestCase(2)>]
[<TestCase(3)>]
[<TestCase(4)>]
[<TestCase(5)>]
[<TestCase(6)>]
[<TestCase(7)>]
[<TestCase(9)>]
[<TestCase(10)>]
[<TestCase(11)>]
[<TestCase(13)>]
let ``a count of 2^32 - 1 in 15 bytes costs nothing`` (id: int) =
    let bytes = moduleOf [ section id [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x0Fuy |] ]
    decode bytes |> ignore
    let before = GC.GetAllocatedBytesForCurrentThread()
    let answer = decode bytes
    let spent = GC.GetAllocatedBytesForCurrentThread() - before
    Assert.That(answer.IsError)
    Assert.That(spent, Is.LessThan 65_536L)

[<Test>]
let ``2^32 - 1 locals in ten bytes are over the limit and cost nothing; 2^32 are malformed`` () =
    let locals (groups: (uint64 * byte) list) =
        withBody (
            Array.concat [
                leb (uint64 groups.Length)
                for n, t in groups do
                    leb n
                    [| t |]
                [| 0x0Buy |]
            ]
        )

    let one = locals [ 0xFFFFFFFFUL, 0x7Fuy ]
    check one |> ignore
    let before = GC.GetAllocatedBytesForCurrentThread()
    let answer = refused one
    Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan 65_536L)
    Assert.That(answer.Kind, Is.EqualTo RejectKind.Limit)
    let two = refused (locals [ 0xFFFFFFFFUL, 0x7Fuy; 1UL, 0x7Euy ])
    Assert.That(two.Kind, Is.EqualTo RejectKind.Malformed)
    Assert.That(two.Message, Is.EqualTo "too many locals")
    Assert.That((check (locals [ 10_000UL, 0x7Fuy ])).IsOk)
    Assert.That((refused (locals [ 10_001UL, 0x7Fuy ])).Kind, Is.EqualTo RejectKind.Limit)

/// A module whose one body is as large as the contract profile allows, over function types of a hundred values.
let private huge (types: byte[] list) (body: byte[]) =
    moduleOf [
        section 1 (Array.concat (leb (uint64 types.Length) :: types))
        section 3 [| 1uy; 0uy |]
        section 10 (Array.concat [ [| 1uy |]; leb (uint64 body.Length); body ])
    ]

let private wide = Array.create 100 0x7Fuy

let private typeOf ps rs = Array.concat [ [| 0x60uy |]; leb (uint64 (Array.length ps)); ps; leb (uint64 (Array.length rs)); rs ]

/// `br_table` over two labels of different types in turn, 7.6 million times.
let private hugeTable =
    lazy
        (huge
            [ typeOf [||] wide; typeOf [||] (Array.copy wide) ]
            (Array.concat [
                [| 0uy; 0x02uy; 1uy; 0uy; 0x0Euy |]
                leb 7_600_000UL
                Array.init 7_600_001 (fun i -> byte (i &&& 1))
                [| 0x0Buy; 0x0Buy |]
            ]))

/// A call of a hundred parameters and results at every second byte.
let private hugeCalls =
    lazy
        (huge
            [ typeOf wide wide ]
            (Array.concat [ [| 0uy; 0uy |]; Array.init 7_600_000 (fun i -> if i % 2 = 0 then 0x10uy else 0uy); [| 0x0Buy |] ]))

/// A block of a hundred parameters and results at every third byte.
let private hugeBlocks =
    lazy
        (huge
            [ typeOf wide wide ]
            (Array.concat [
                [| 0uy; 0uy |]
                Array.init 7_500_000 (fun i ->
                    match i % 3 with
                    | 0 -> 0x02uy
                    | 1 -> 0uy
                    | _ -> 0x0Buy)
                [| 0x0Buy |]
            ]))

[<Test>]
let ``the widest types at every instruction of the largest body take bounded time`` () =
    for name, bytes in [ "br_table", hugeTable.Value; "call", hugeCalls.Value; "block", hugeBlocks.Value ] do
        let clock = Stopwatch.StartNew()

        // Contracts may have bodies of half a megabyte only.
        let limits = { limits with BodyBytes = WasmLimits.Host.BodyBytes }

        match Decode.run limits Features.Default bytes |> Result.bind (Validate.run limits Features.Default) with
        | Error e -> Assert.Fail $"{name}: {e}"
        | Ok _ -> Assert.That(clock.ElapsedMilliseconds, Is.LessThan 10_000L, name)

[<Test>]
let ``bad magic, a component and 10 MiB and a byte are refused by name`` () =
    Assert.That((refused [| 1uy .. 8uy |]).Message, Is.EqualTo "magic header not detected")
    let c = refused [| 0uy; 0x61uy; 0x73uy; 0x6Duy; 0x0Duy; 0uy; 1uy; 0uy |]
    Assert.That(c.Kind, Is.EqualTo RejectKind.Component)
    Assert.That(c.Expected, Does.Contain "core module")
    let big = refused (Array.append preamble (Array.zeroCreate (10 * 1024 * 1024 - 7)))
    Assert.That(big.Kind, Is.EqualTo RejectKind.Limit)
    Assert.That(big.Found, Is.EqualTo "10485761 bytes")

[<Test>]
let ``a memory of 8193 pages is refused at 512 MiB, 8192 are not`` () =
    let memory (pages: uint64) = moduleOf [ section 5 (Array.append [| 1uy; 0uy |] (leb pages)) ]
    Assert.That((check (memory 8192UL)).IsOk)
    let e = refused (memory 8193UL)
    Assert.That(e.Kind, Is.EqualTo RejectKind.Limit)
    Assert.That(e.Found, Is.EqualTo "8193 pages")

[<Test>]
let ``opcodes that nothing defines are malformed`` () =
    for op in [ 0xFFuy; 0xF3uy; 0x27uy; 0xC5uy; 0x1Duy ] do
        let e = refused (withBody [| 0uy; op; 0x0Buy |])
        Assert.That(e.Kind, Is.EqualTo RejectKind.Malformed)
        Assert.That(e.Message, Does.StartWith "illegal opcode")
