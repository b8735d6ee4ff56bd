/// Bytes for the decoder: noise, noise in the shape of sections, real modules with damage, and hand-built hostile modules.
/// In: the sample contracts of this repository. Out: generators, and builders of modules.
module Twofold.Properties.DecodeGen

open System
open System.IO
open FsCheck
open FsCheck.FSharp

let preamble = [| 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy |]

/// Unsigned LEB128.
let rec leb (n: uint64) : byte[] = if n < 0x80UL then [| byte n |] else Array.append [| byte n ||| 0x80uy |] (leb (n >>> 7))

/// Signed LEB128 in at least `width` bytes: longer forms repeat the sign, as the specification allows up to a limit.
let sleb (width: int) (n: int64) : byte[] =
    let bytes = ResizeArray<byte>()
    let mutable v = n
    let mutable more = true

    while more do
        let b = byte (v &&& 0x7FL)
        v <- v >>> 7
        let last = (v = 0L && b &&& 0x40uy = 0uy) || (v = -1L && b &&& 0x40uy <> 0uy)
        more <- not last || bytes.Count + 1 < width
        bytes.Add(if more then b ||| 0x80uy else b)

    bytes.ToArray()

let section (id: int) (content: byte[]) = Array.concat [ [| byte id |]; leb (uint64 content.Length); content ]
let moduleOf (sections: byte[] list) = Array.concat (preamble :: sections)

/// A module with one function of type [] -> [] whose body (locals and instructions) is given.
let withBody (body: byte[]) =
    moduleOf [
        section 1 [| 1uy; 0x60uy; 0uy; 0uy |]
        section 3 [| 1uy; 0uy |]
        section 10 (Array.concat [ [| 1uy |]; leb (uint64 body.Length); body ])
    ]

/// The compiled sample contracts: real modules of four toolchains.
let samples =
    lazy
        (Directory.GetFiles(Path.Combine(Repository.root, "samples", "contracts", "wasm"), "*.wasm")
         |> Array.sort
         |> Array.map File.ReadAllBytes)

let private bytes n = Gen.arrayOfLength n (Gen.choose (0, 255) |> Gen.map byte)
let private someBytes = Gen.sized (fun n -> Gen.choose (0, max 1 (4 * n)) |> Gen.bind bytes)

/// Bytes that start like a module and go on in sections with plausible sizes.
let private sections =
    gen {
        let! n = Gen.choose (0, 8)

        let! parts =
            Gen.listOfLength
                n
                (gen {
                    let! id = Gen.choose (0, 14)
                    let! content = someBytes
                    return section id content
                })

        return moduleOf parts
    }

let private mutate (b: byte[]) =
    gen {
        let! at = Gen.choose (0, max 0 (b.Length - 1))
        let! other = Gen.choose (0, max 0 (b.Length - 1))
        let! value = Gen.choose (0, 255)
        let! kind = Gen.choose (0, 6)
        let low, high = min at other, max at other

        return
            match kind with
            | _ when b.Length = 0 -> b
            | 0 -> b |> Array.mapi (fun i x -> if i = at then byte value else x)
            | 1 -> b |> Array.mapi (fun i x -> if i = at then x ^^^ (1uy <<< (value &&& 7)) else x)
            | 2 -> Array.removeAt at b
            | 3 -> Array.insertAt at (byte value) b
            | 4 -> Array.truncate at b
            | 5 -> Array.concat [ b[.. high - 1]; b[low .. high - 1]; b[high..] ]
            // A count or size of 2^32 - 1 where a byte was.
            | _ -> Array.concat [ b[.. at - 1]; [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x0Fuy |]; b[at + 1 ..] ]
    }

let private damaged =
    gen {
        let! b = Gen.elements samples.Value
        let! times = Gen.choose (1, 4)
        let mutable g = Gen.constant b

        for _ in 1..times do
            g <- Gen.bind mutate g

        return! g
    }

/// Anything that may be handed to the decoder; printed as its first bytes.
type Bytes =
    | Bytes of byte[]

    override this.ToString() =
        let (Bytes b) = this
        $"{b.Length} bytes {Convert.ToHexString(Array.truncate 200 b)}"

type Arbitraries =
    static member Bytes() = Gen.frequency [ 1, someBytes; 2, sections; 4, damaged ] |> Gen.map Bytes |> Arb.fromGen
