namespace Twofold.Properties

// The digest of memories against the oracle's, which gathers what is hashed chunk by chunk.
// In: memories of a few pages, mostly zeroes, with bytes here and there, at the edges of chunks above all. Out: the same SHA-256.

open System.Runtime.InteropServices
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Twofold.Wasm
open Twofold.Oracle

[<TestFixture; Parallelizable(ParallelScope.All)>]
type DigestLaws() =
    static let page = 65536

    let ours (memories: byte[][]) =
        use digest = new MemoryDigest()

        for m in memories do
            let pin = GCHandle.Alloc(m, GCHandleType.Pinned)
            digest.Memory(pin.AddrOfPinnedObject(), uint64 m.Length)
            pin.Free()

        digest.Done()

    let written: Gen<int * byte * int> =
        gen {
            let! chunk = Gen.choose (0, 3 * page / 4096 - 1)
            let! inside = Gen.frequency [ 2, Gen.elements [ 0; 1; 4094; 4095 ]; 1, Gen.choose (0, 4095) ]
            let! value = Gen.choose (0, 255)
            let! length = Gen.elements [ 1; 1; 1; 2; 4096; 8192; 20000 ]
            return chunk * 4096 + inside, byte value, length
        }

    let memory: Gen<byte[]> =
        gen {
            let! pages = Gen.choose (0, 3)
            let! writes = Gen.listOf written
            let bytes = Array.zeroCreate<byte>(pages * page)

            for at, value, length in writes do
                for k in at .. min (at + length) bytes.Length - 1 do
                    bytes[k] <- value

            return bytes
        }

    let memories = Gen.choose (0, 3) |> Gen.bind (fun n -> Gen.arrayOfLength n memory) |> Arb.fromGen

    [<Test>]
    member _.``the digest of memories is the oracle's``() =
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest 300,
            Prop.forAll memories (fun memories -> ours memories = Digest.ofMemories memories)
        )

    /// What is not in the digest could change unseen: one byte anywhere, its place, and where one memory ends and the next begins.
    [<Test>]
    member _.``a digest changes with every byte, its place, and the sizes of memories``() =
        let one at value size =
            let m = Array.zeroCreate<byte> size
            m[at] <- value
            m

        let all = [
            for at in [ 0; 4095; 4096; page - 1 ] do
                for value in [ 1uy; 255uy ] do
                    [| one at value page |]
            [| one 0 1uy (2 * page) |]
            [| one 0 1uy page; Array.zeroCreate page |]
            [| Array.zeroCreate page; one 0 1uy page |]
            [| one page 1uy (2 * page) |]
            [| Array.zeroCreate page |]
            [| Array.zeroCreate (2 * page) |]
            [| [||] |]
            [||]
        ]

        Assert.That(all |> List.map ours |> List.distinct |> List.length, Is.EqualTo all.Length)
