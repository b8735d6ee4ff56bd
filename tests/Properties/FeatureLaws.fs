/// Features one by one: what is switched off is refused by its name, at the place that needs it.
/// In: tiny modules, each with one need; modules with several. Out: the kind and the offset of the refusal.
module Twofold.Properties.FeatureLaws

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Properties.DecodeGen

let private limits = WasmLimits.Host
let private under (features: Features) (bytes: byte[]) = Decode.run limits features bytes |> Result.bind (Validate.run limits features)

/// A body that needs one feature: with all others on, the answer must name it and the opcode's offset.
[<TestCase("c0", Feature.SignExtension)>]
[<TestCase("fc00", Feature.SaturatingFloatToInt)>]
[<TestCase("02000b", Feature.MultiValue)>]
[<TestCase("fc0d00", Feature.BulkMemory)>]
[<TestCase("2500", Feature.ReferenceTypes)>]
[<TestCase("fd0c00000000000000000000000000000000", Feature.Simd)>]
[<TestCase("fd8002", Feature.RelaxedSimd)>]
[<TestCase("1200", Feature.TailCall)>]
[<TestCase("3f01", Feature.MultiMemory)>]
[<TestCase("fe0300", Feature.Threads)>]
[<TestCase("fb0000", Feature.Gc)>]
[<TestCase("d3", Feature.Gc)>]
[<TestCase("1400", Feature.FunctionReferences)>]
[<TestCase("1f40000b", Feature.Exceptions)>]
[<TestCase("0a", Feature.Exceptions)>]
[<TestCase("06400b", Feature.LegacyExceptions)>]
let ``what is switched off is refused by the feature's name at its offset`` (hex: string) (feature: Feature) =
    let code = Array.concat [ [| 0uy |]; Convert.FromHexString hex; [| 0x0Buy |] ]
    let bytes = withBody code
    let features = Features.All.Without feature

    match Decode.run limits features bytes |> Result.bind (Validate.run limits features) with
    | Ok _ -> Assert.Fail "accepted"
    | Error e ->
        Assert.That(e.Kind, Is.EqualTo(RejectKind.Feature feature), string e)
        Assert.That(Convert.ToHexString(bytes, e.Offset, 1), Is.EqualTo(hex.Substring(0, 2).ToUpperInvariant()))
        Assert.That(e.Where, Is.EqualTo "function 0")

let private hex (sections: string) = Array.append preamble (Convert.FromHexString(sections.Replace(" ", "")))

/// Sections in hex (id, size, content), and the offset of what needs the feature.
[<TestCase("0208 01 0161 0162 03 7f 01", Feature.MutableGlobals, 11)>]
[<TestCase("0606 01 7f00 2300 0b", Feature.ExtendedConst, 13)>]
[<TestCase("0609 01 7f00 4101 4102 6a 0b", Feature.ExtendedConst, 17)>]
[<TestCase("0503 01 04 00", Feature.Memory64, 11)>]
[<TestCase("0404 01 70 04 00", Feature.Memory64, 12)>]
[<TestCase("0505 02 0000 0000", Feature.MultiMemory, 13)>]
[<TestCase("0504 01 03 0001", Feature.Threads, 11)>]
[<TestCase("0407 02 7000 00 7000 00", Feature.ReferenceTypes, 14)>]
[<TestCase("0105 01 60 00 017b", Feature.Simd, 14)>]
[<TestCase("0106 01 60 00 027f7f", Feature.MultiValue, 11)>]
[<TestCase("0103 01 5f 00", Feature.Gc, 11)>]
[<TestCase("0106 01 60 00 01 6470", Feature.FunctionReferences, 14)>]
[<TestCase("0104 01 60 0000 0d03 01 0000", Feature.Exceptions, 14)>]
[<TestCase("0105 01 60 00 01 69", Feature.Exceptions, 14)>]
[<TestCase("0c01 00", Feature.BulkMemory, 8)>]
let ``a section's need is refused by name and offset`` (sections: string) (feature: Feature) (offset: int) =
    // Tags belong to both forms of exceptions: with either they are right.
    let features =
        if feature = Feature.Exceptions then
            Features.All.Without(feature).Without Feature.LegacyExceptions
        else
            Features.All.Without feature

    match under features (hex sections) with
    | Ok _ -> Assert.Fail "accepted"
    | Error e ->
        Assert.That(e.Kind, Is.EqualTo(RejectKind.Feature feature), string e)
        Assert.That(e.Offset, Is.EqualTo offset)

/// A function with v128.const (offset 23), then a passive data segment (offset 46).
let private vectorThenBulk =
    hex "0104 01 600000 0302 01 00 0a17 01 15 00 fd0c 00000000000000000000000000000000 1a 0b 0b03 01 01 00"

[<Test>]
let ``of several needs the first in the file is named, whichever stage sees it`` () =
    Assert.That((under Features.All vectorThenBulk).IsOk)

    match under Features.Wasm1 vectorThenBulk with
    | Error e -> Assert.That((e.Kind, e.Offset), Is.EqualTo((RejectKind.Feature Feature.Simd, 23)), string e)
    | Ok _ -> Assert.Fail "accepted"

    match under (Features.Wasm1.With Feature.Simd) vectorThenBulk with
    | Error e -> Assert.That((e.Kind, e.Offset), Is.EqualTo((RejectKind.Feature Feature.BulkMemory, 46)), string e)
    | Ok _ -> Assert.Fail "accepted"

[<Test>]
let ``the sets are what the editions contain`` () =
    let names (f: Features) = Enum.GetValues<Feature>() |> Array.filter f.Has

    Assert.That(names Features.Wasm1, Is.EquivalentTo [| Feature.MutableGlobals |])
    Assert.That((names Features.Wasm2).Length, Is.EqualTo 7)

    Assert.That(names Features.All |> Array.except (names Features.Wasm3), Is.EquivalentTo [| Feature.LegacyExceptions; Feature.Threads |])

    Assert.That(Features.Default.And(Features.All).Bits, Is.EqualTo Features.Default.Bits)
    Assert.That(Features.Default.And(Features.Executable).Bits, Is.EqualTo Features.Default.Bits)
