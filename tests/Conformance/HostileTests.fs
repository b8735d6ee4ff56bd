namespace Twofold.Conformance

// Bad input is refused, or accepted, compiled and run, in bounded time and memory. Allocated bytes are exact; bounds of time leave room for a machine with other work.
// In: HostileModules, prefixes of real modules. Out: a verdict, the bytes that this thread allocated, the time.

open System
open System.Diagnostics
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation
open Twofold.Conformance

/// A module, what is said of it, and what saying so may allocate.
[<NoComparison; NoEquality>]
type HostileCase = {
    Name: string
    Limits: WasmLimits
    Make: unit -> byte[]
    Verdict: string
    MiB: int
} with

    override c.ToString() = c.Name

[<TestFixture; NonParallelizable>]
type HostileTests() =
    /// Milliseconds; what is measured takes a hundredth of it on a quiet machine.
    let patience = 30_000L

    let check (limits: WasmLimits) (bytes: byte[]) = Decode.run limits Features.All bytes |> Result.bind (Validate.run limits Features.All)

    let verdict (r: Result<'a, Rejected>) =
        match r with
        | Ok _ -> "ok"
        | Error { Kind = RejectKind.Feature f } -> Feature.name f
        | Error e -> (string e.Kind).ToLowerInvariant()

    /// The answer, with bytes and milliseconds.
    let cost (action: unit -> 'a) : struct ('a * int64 * int64) =
        let before = GC.GetAllocatedBytesForCurrentThread()
        let clock = Stopwatch.StartNew()
        let answer = action ()
        struct (answer, GC.GetAllocatedBytesForCurrentThread() - before, clock.ElapsedMilliseconds)

    static let contract, host = WasmLimits.Contract, WasmLimits.Host

    static member Modules() : HostileCase list =
        let case name limits make verdict mib = { Name = name; Limits = limits; Make = make; Verdict = verdict; MiB = mib }

        [
            case "99,999 blocks" contract (fun () -> HostileModules.nestedBlocks 99_999) "ok" 24
            case "100,000 blocks" contract (fun () -> HostileModules.nestedBlocks 100_000) "limit" 24
            case "99,999 ifs" contract (fun () -> HostileModules.nestedIfs 99_999) "ok" 40
            case "99,999 loops" contract (fun () -> HostileModules.nestedLoops 99_999) "ok" 24
            case "99,999 try_tables" contract (fun () -> HostileModules.nestedTryTables 99_999) "ok" 40
            case "99,999 tries" contract (fun () -> HostileModules.nestedTries 99_999) "ok" 40
            case "10,001 locals, contract" contract (fun () -> HostileModules.locals 10_001) "limit" 1
            case "50,000 locals" host (fun () -> HostileModules.locals 50_000) "ok" 1
            case "50,001 locals" host (fun () -> HostileModules.locals 50_001) "limit" 1
            case "50,000 locals, all used" host (fun () -> HostileModules.usedLocals 50_000) "ok" 16
            case "a million labels" host (fun () -> HostileModules.brTable 1_000_000) "ok" 8
            case "a million labels with values" host (fun () -> HostileModules.brTableWithValues 1_000_000) "ok" 8
            case "a chain of 60 subtypes" contract (fun () -> HostileModules.subtypeChain 60) "ok" 1
            case "a chain of 100,000 subtypes" contract (fun () -> HostileModules.subtypeChain 100_000) "limit" 48
            case "half a million casts along a chain" host (fun () -> HostileModules.castsAlongChain 60 500_000) "ok" 8
            case "a recursion group of 100,000 types" contract (fun () -> HostileModules.recGroup 100_000) "ok" 192
            case "100,001 types" contract (fun () -> HostileModules.recGroup 100_001) "limit" 1
            case "100,000 equal groups" contract (fun () -> HostileModules.equalGroups 100_000) "ok" 128
            case "a million fields" host (fun () -> HostileModules.fields 1_000_000) "limit" 16
            case "a constant expression of nine megabytes" host (fun () -> HostileModules.deepConstant 3_000_000) "limit" 64
            case "names of three megabytes" contract (fun () -> HostileModules.longNames 3_000_000) "ok" 40
            case "10,000 custom sections of a kilobyte" contract (fun () -> HostileModules.customs 10_000_000 1_000) "ok" 4
            case "three million custom sections" contract (fun () -> HostileModules.customs 9_000_000 3) "limit" 16
            case "a million names of functions that do not exist" host (fun () -> HostileModules.names 1_000_000) "ok" 1
            case "a million operands" host (fun () -> HostileModules.tallStack 1_000_000) "limit" 32
            case "20,000 functions with 10,000 locals" contract (fun () -> HostileModules.manyFunctions 20_000 10_000) "ok" 2
            case "a million functions with 50,000 locals" host (fun () -> HostileModules.manyFunctions 1_000_000 50_000) "ok" 40
            case "three million element expressions" contract (fun () -> HostileModules.elementExpressions 3_000_000) "ok" 64
            case "a body of half a megabyte" contract (fun () -> HostileModules.longBody 524_288 1uy) "ok" 1
            case "the same and a byte" contract (fun () -> HostileModules.longBody 524_289 1uy) "limit" 1
            case "a body of 7.6 MB" host (fun () -> HostileModules.longBody 7_600_000 1uy) "ok" 1
            case "a body of 7.6 MB of calls" host (fun () -> HostileModules.reachableCalls 7_600_000) "ok" 1
            case "a body of 7.6 MB with a million blocks" host (fun () -> HostileModules.branchyBody 7_600_000) "ok" 1
        ]

    [<TestCaseSource("Modules")>]
    member _.``a hostile module is judged in bounded time and memory``(case: HostileCase) =
        let bytes = case.Make()
        // Once for the tables that are made on first use.
        check case.Limits (HostileModules.code [||]) |> ignore
        let struct (r, allocated, milliseconds) = cost (fun () -> check case.Limits bytes)
        TestContext.Progress.WriteLine $"{case.Name}: {bytes.Length} bytes, {verdict r}, {allocated / 1024L} KiB, {milliseconds} ms"

        match r with
        | Error e when e.Kind.IsFeature -> Assert.Ignore(string e)
        | _ -> ()

        Assert.That(verdict r, Is.EqualTo case.Verdict, string r)
        Assert.That(allocated, Is.LessThanOrEqualTo(int64 case.MiB <<< 20), "bytes")
        Assert.That(milliseconds, Is.LessThan patience)

    static member Counts() =
        HostileModules.enormousCounts |> List.map (fun (name, bytes) -> TestCaseData(name, bytes).SetName $"enormous: {name}")

    [<TestCaseSource("Counts")>]
    member _.Enormous(_name: string, bytes: byte[]) =
        Assert.That(bytes.Length, Is.LessThanOrEqualTo 44)

        for limits in [ contract; host ] do
            check limits bytes |> ignore
            let struct (r, allocated, _) = cost (fun () -> check limits bytes)
            Assert.That(r.IsError)
            Assert.That(allocated, Is.LessThan 65_536L)

    static member Programs() =
        let case (name: string) (make: unit -> byte[]) = TestCaseData(make).SetName $"runs: {name}"

        [
            case "99,999 blocks" (fun () -> HostileModules.nestedBlocks 99_999)
            case "99,999 ifs" (fun () -> HostileModules.nestedIfs 99_999)
            case "99,999 loops" (fun () -> HostileModules.nestedLoops 99_999)
            case "99,999 try_tables" (fun () -> HostileModules.nestedTryTables 99_999)
            case "99,999 tries" (fun () -> HostileModules.nestedTries 99_999)
            case "50,000 locals" (fun () -> HostileModules.usedLocals 50_000)
            case "a million labels" (fun () -> HostileModules.brTable 1_000_000)
            case "a million labels with values" (fun () -> HostileModules.brTableWithValues 1_000_000)
            case "a constant expression" (fun () -> HostileModules.deepConstant 10_000)
            case "10,000 operands" (fun () -> HostileModules.tallStack 10_000)
            case "half a megabyte of nothing" (fun () -> HostileModules.longBody 524_288 1uy)
            case "half a megabyte of blocks" (fun () -> HostileModules.branchyBody 524_000)
            case "half a megabyte of calls" (fun () -> HostileModules.reachableCalls 524_000)
        ]

    [<TestCaseSource("Programs")>]
    member _.Runs(make: unit -> byte[]) =
        let bytes = make ()

        match Verdict.check bytes with
        | Error e when e.Kind.IsFeature -> Assert.Ignore(string e)
        | _ -> ()

        let struct (_, _, milliseconds) =
            cost (fun () ->
                let loaded = Module.Load(bytes, ModuleOptions().WithLimits(host).WithEagerCompilation true)
                use store = new Store()
                let instance = Linker().Instantiate(store, loaded)

                if loaded.Exports.Count > 0 then
                    instance.Call "f" |> ignore)

        TestContext.Progress.WriteLine $"{TestContext.CurrentContext.Test.Name}: {bytes.Length} bytes, {milliseconds} ms"
        Assert.That(milliseconds, Is.LessThan patience)

    static member TextCases() =
        HostileModules.texts |> List.map (fun (name, make, reads) -> TestCaseData(make, reads).SetName $"text: {name}")

    [<TestCaseSource("TextCases")>]
    member _.Texts(make: unit -> string, reads: bool) =
        let text = make ()
        let struct (r, allocated, milliseconds) = cost (fun () -> Wat.parse text)

        TestContext.Progress.WriteLine
            $"{TestContext.CurrentContext.Test.Name}: {text.Length} characters, {verdict r}, {allocated / 1024L} KiB, {milliseconds} ms"

        Assert.That(r.IsOk, Is.EqualTo reads, string r)
        Assert.That(allocated, Is.LessThan(16_000_000L + 300L * int64 text.Length))
        Assert.That(milliseconds, Is.LessThan patience)

    static member Short() =
        match TestData.tryFolder () with
        | None -> [ "" ]
        | Some root -> [
            for f in Directory.GetFiles(Path.Combine(root, "guests"), "*.wasm") |> Array.sort do
                if FileInfo(f).Length < 1_000L then
                    Path.GetFileName f
          ]

    /// One small module of every feature: no prefix throws, and none that ends inside a section is a module.
    [<TestCaseSource("Short")>]
    member _.``every prefix is judged``(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        let bytes = File.ReadAllBytes(TestData.path $"guests/{file}")
        let mutable accepted = 0

        for n in 0 .. bytes.Length - 1 do
            match check host (Array.truncate n bytes) with
            | Ok _ -> accepted <- accepted + 1
            | Error e -> Assert.That(e.Offset, Is.LessThanOrEqualTo n)

        // The preamble alone, and ends of sections before the functions are declared or after the bodies.
        Assert.That(accepted, Is.LessThan 40)
