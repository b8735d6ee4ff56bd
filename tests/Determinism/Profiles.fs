module Twofold.Determinism.Profiles

// Profiles are one table: what each row lets a guest do, and what it refuses by name.
// In: Profile.all. Out: tests of the rows against the design, and of modules against rows.

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Engine

let private check (p: Profile) (hex: string) =
    let bytes = Convert.FromHexString("0061736d01000000" + hex.Replace(" ", ""))
    Decode.run p.Policy.Wasm p.Policy.Features bytes |> Result.bind (Validate.run p.Policy.Wasm p.Policy.Features)

let private kind (r: Result<ValidModule, Rejected>) =
    match r with
    | Ok _ -> None
    | Error e -> Some e.Kind

let private sharedMemory = "0504 01 03 0001"

[<Test>]
let ``only the host's own modules may use threads`` () =
    for p in [ Profile.contract; Profile.skill; Profile.sandbox ] do
        Assert.That(p.Policy.Features.Has Feature.Threads, Is.False, p.Name)
        Assert.That(kind (check p sharedMemory), Is.EqualTo(Some(RejectKind.Feature Feature.Threads)), p.Name)

    Assert.That(Profile.hostProfile.Policy.Features.Has Feature.Threads, Is.EqualTo(Features.Executable.Has Feature.Threads))

[<Test>]
let ``no profile promises a feature that no engine executes`` () =
    for p in Profile.all do
        Assert.That(p.Policy.Features.And(Features.Executable).Bits, Is.EqualTo p.Policy.Features.Bits, p.Name)
        // What modules may use by default, a contract may use.
        Assert.That(
            Features.Default.Without(Feature.Threads).And(p.Policy.Features).Bits,
            Is.EqualTo(Features.Default.Without(Feature.Threads).Bits),
            p.Name
        )

[<Test>]
let ``the numbers are the design's`` () =
    let mib n = int64 n <<< 20
    let row (p: Profile) = p.Policy.Gas, p.Deadline.TotalSeconds, p.Policy.Wasm.MemoryBytes, int64 p.Policy.Wasm.ModuleBytes
    Assert.That((row Profile.contract = (100_000_000L, 30.0, mib 512, mib 10)))
    Assert.That((row Profile.skill = (Profile.UnlimitedGas, 30.0, mib 512, mib 10)))
    Assert.That((row Profile.sandbox = (Profile.UnlimitedGas, 30.0, mib 64, mib 10)))
    Assert.That((row Profile.hostProfile = (Profile.UnlimitedGas, 0.0, mib 4096, mib 256)))
    let c = Profile.contract.Policy.Wasm
    Assert.That((c.Functions, c.Params, c.Locals, c.Tables, c.TableEntries) = (20_000, 100, 10_000, 1, 10_000L))
    Assert.That((c.StackUnits, c.GcBytes, c.ArrayBytes, c.SubtypeDepth) = (262_144, mib 256, mib 1024, 63))
    Assert.That((Profile.contract.Policy.ImportModules = [ "env" ]))

[<Test>]
let ``a contract has one table of 10,000 entries and one memory, a host many`` () =
    // Two tables; a table of 10,001 entries; two memories.
    for hex in [ "0407 02 7000 00 7000 00"; "0405 01 7000 914e"; "0505 02 0000 0000" ] do
        let contract = kind (check Profile.contract hex)
        Assert.That((contract = Some RejectKind.Limit), $"{hex}: {contract}")
        Assert.That((kind (check Profile.hostProfile hex)).IsNone, hex)

    Assert.That((kind (check Profile.contract "0405 01 7000 904e")).IsNone)
