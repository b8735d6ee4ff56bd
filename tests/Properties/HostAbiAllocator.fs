/// Laws of the allocator: blocks never overlap, the same calls give the same pointers, and no guest can make it leave its memory.
/// In: generated calls, and garbage written anywhere. Out: a counterexample.
module Twofold.Properties.HostAbiAllocator

open System
open System.Buffers.Binary
open NUnit.Framework
open FsCheck
open FsCheck.FSharp
open FsCheck.NUnit
open Twofold.HostAbi

/// A memory that refuses any access outside itself, loudly.
type Memory(pages: int, most: int) =
    let mutable bytes: byte[] = Array.zeroCreate (pages * 65536)
    member _.Bytes = bytes

    interface IGuestMemory with
        member _.Size = uint64 bytes.LongLength
        member _.Read(address, length) = bytes.AsSpan(int address, int length).ToArray()
        member _.Write(address, source) = source.CopyTo(bytes, int address)
        member _.ReadU32 address = BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(bytes, int address, 4))
        member _.WriteU32(address, value) = BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(int address, 4), value)

        member _.Grow pages =
            if uint64 bytes.Length / 65536UL + uint64 pages > uint64 most then
                false
            else
                Array.Resize(&bytes, bytes.Length + int pages * 65536)
                true

type Step =
    | Allocate of size: uint32
    | Free of which: int
    /// The guest grows its memory by itself.
    | GrowOutside
    /// The guest writes where it likes.
    | Scribble of at: int * value: uint32

let private genStep hostile =
    Gen.frequency [
        6,
        Gen.oneof [ Gen.choose (0, 300); Gen.choose (0, 30_000); Gen.choose (1, 18) |> Gen.map (fun p -> (1 <<< p) + 1) ]
        |> Gen.map (uint32 >> Allocate)
        4, Gen.choose (0, 1000) |> Gen.map Free
        1, Gen.constant GrowOutside
        (if hostile then 6 else 0),
        Gen.map2
            (fun at value -> Scribble(at, value))
            (Gen.choose (0, 4000))
            (Gen.oneof [
                Gen.elements [
                    0u
                    1u
                    16u
                    32u
                    0xFFFFFFFFu
                    0xFFFFFFF0u
                    0x46520000u
                    0x4C560000u
                    0x46520003u
                    0x50414854u
                    65536u
                    131072u
                ]
                Gen.choose (0, 200_000) |> Gen.map (fun n -> uint32 n &&& ~~~15u)
            ])
    ]

type Honest = Honest of Step list
type Hostile = Hostile of Step list

type Steps =
    static member Honest() = Arb.fromGen (Gen.listOf (genStep false) |> Gen.map Honest)

    static member Hostile() = Arb.fromGen (Gen.listOf (genStep true) |> Gen.map Hostile)

/// What the calls answered, and the blocks that are live at the end; `check` sees each new block with those that are live.
let private run (heapBase: uint32 voption) (steps: Step list) check =
    let memory = Memory(1, 14)
    let start = Allocator.heapStart heapBase memory
    let live = ResizeArray<struct (uint32 * uint32)>()

    let answers = [
        for step in steps do
            match step with
            | Allocate size ->
                let answer = Allocator.allocate memory start size

                match answer with
                | Ok p ->
                    check memory live p size
                    live.Add(struct (p, size))
                | Error _ -> ()

                Result.map int64 answer
            | Free which when live.Count > 0 ->
                let i = which % live.Count
                let struct (p, _) = live[i]
                live.RemoveAt i
                Allocator.free memory start p |> Result.map (fun () -> 0L)
            | Free which -> Allocator.free memory start (uint32 which) |> Result.map (fun () -> 0L)
            | GrowOutside -> Ok(if (memory :> IGuestMemory).Grow 1u then 1L else 0L)
            | Scribble(at, value) ->
                (memory :> IGuestMemory).WriteU32(uint32 at * 4u, value)
                Ok 0L
    ]

    answers, memory.Bytes

let private ignoreBlock _ _ _ _ = ()

[<Property(Arbitrary = [| typeof<Steps> |], MaxTest = 500)>]
let ``blocks are aligned, inside memory and never overlap`` (Honest steps) =
    for heapBase in [ ValueNone; ValueSome 1000u ] do
        run heapBase steps (fun memory live p size ->
            let inside = uint64 p + uint64 size <= (memory :> IGuestMemory).Size
            let clear = live |> Seq.forall (fun (struct (q, other)) -> p + size <= q || q + other <= p)

            if p % 16u <> 0u || p < 1000u || not inside || not clear then
                failwith $"{p}, {size} bytes")
        |> ignore

[<Property(Arbitrary = [| typeof<Steps> |], MaxTest = 300)>]
let ``live blocks keep what a guest writes into them`` (Honest steps) =
    let memory = Memory(1, 60)
    let guest = memory :> IGuestMemory
    let start = Allocator.heapStart (ValueSome 5000u) memory
    let live = ResizeArray<struct (uint32 * uint32 * byte)>()
    let mutable colour = 0uy

    let intact () = live |> Seq.forall (fun (struct (p, size, c)) -> memory.Bytes.AsSpan(int p, int size).ContainsAnyExcept c |> not)

    steps
    |> List.forall (fun step ->
        match step with
        | Allocate size ->
            match Allocator.allocate memory start size with
            | Ok p ->
                colour <- colour + 1uy
                guest.Write(p, Array.create (int size) colour)
                live.Add(struct (p, size, colour))
            | Error _ -> ()
        | Free which when live.Count > 0 ->
            let struct (p, _, _) = live[which % live.Count]
            live.RemoveAt(which % live.Count)
            Assert.That((Allocator.free memory start p).IsOk)
            Assert.That((Allocator.free memory start p = Error HostErrorCode.InvalidPointer), "freed twice")
        | _ -> ()

        intact ())

[<Property(Arbitrary = [| typeof<Steps> |], MaxTest = 300)>]
let ``the same calls give the same pointers and the same memory`` (Hostile steps) =
    run ValueNone steps ignoreBlock = run ValueNone steps ignoreBlock
    && run (ValueSome 64u) steps ignoreBlock = run (ValueSome 64u) steps ignoreBlock

[<Property(Arbitrary = [| typeof<Steps> |], MaxTest = 1500)>]
let ``whatever a guest writes into the heap, the allocator stays inside memory`` (Hostile steps) =
    for heapBase in [ ValueSome 0u; ValueSome 64u; ValueSome 65_000u; ValueSome 0xFFFFFFFFu; ValueNone ] do
        run heapBase steps (fun memory _ p size ->
            if uint64 p + uint64 size > (memory :> IGuestMemory).Size then
                failwith $"{p}, {size} bytes")
        |> ignore

[<Test>]
let ``a freed block is given again, and memory that cannot grow is OutOfMemory`` () =
    let memory = Memory(1, 2)
    let start = Allocator.heapStart (ValueSome 100u) memory

    match Allocator.allocate memory start 100u with
    | Ok p ->
        Assert.That((Allocator.free memory start p).IsOk)
        Assert.That((Allocator.allocate memory start 112u = Ok p))
    | Error code -> Assert.Fail $"{code}"

    Assert.That((Allocator.allocate memory start 200_000u = Error HostErrorCode.OutOfMemory))
    Assert.That((Allocator.allocate memory start UInt32.MaxValue = Error HostErrorCode.OutOfMemory))
    Assert.That((Allocator.allocate memory start 60_000u).IsOk)
    Assert.That((Allocator.free memory start 0u).IsOk)

[<Test>]
let ``every size has a block of at most a quarter more`` () =
    for size in Seq.concat [ seq { 1u .. 5000u }; seq { for p in 13..19 -> (1u <<< p) + 1u } ] do
        let memory = Memory(1, 60)

        match Allocator.allocate memory 0UL size, Allocator.allocate memory 0UL size with
        | Ok a, Ok b ->
            Assert.That(b - a - 16u, Is.GreaterThanOrEqualTo size)
            Assert.That(b - a - 16u, Is.LessThanOrEqualTo(max (size + 15u) (size + size / 4u)))
        | other -> Assert.Fail $"%A{other}"
