module Twofold.Determinism.WasmtimeLibraries

// Finding, refusing and describing libwasmtime, and its modules on disk. What needs a library that is missing or wrong runs in a process of its own,
// because a process has one library for ever: the command is asked there. Skipped where libwasmtime is absent.

open System
open System.Diagnostics
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Text
open Twofold.Tests
open Twofold.Wasmtime

let private engine change name =
    match WasmtimeForTests.tryEngine name change with
    | Some e -> e
    | None ->
        Assert.Ignore WasmtimeForTests.absent
        failwith "unreachable"

[<Test>]
let ``the library says where it is, which version, and that every probe held`` () =
    let l = (engine id "plain").Library
    Assert.That(int (l.Version.Split('.')[0]), Is.InRange(WasmtimeLibrary.OldestVersion, WasmtimeLibrary.NewestVersion))
    Assert.That(File.Exists l.Path)
    Assert.That(l.Probes.Count, Is.GreaterThanOrEqualTo 12)
    Assert.That(l.Probes |> Seq.filter (fun p -> not (isNull p.Failure)), Is.Empty)
    let lines = WasmtimeLibrary.Describe()
    Assert.That(lines[0], Does.Contain l.Version)
    Assert.That(lines[0], Does.Contain l.Path)
    Assert.That(lines.Count, Is.EqualTo(1 + l.Probes.Count))

[<Test>]
let ``a second library in the process is refused`` () =
    let first = (engine id "plain").Library
    let other = Path.Combine(TestContext.CurrentContext.WorkDirectory, "other-" + Guid.NewGuid().ToString "n")
    Directory.CreateDirectory other |> ignore
    let copy = Path.Combine(other, Path.GetFileName first.Path)
    File.Copy(first.Path, copy)

    try
        let e = Assert.Throws<WasmtimeUnavailableException>(fun () -> WasmtimeLibrary.Load other |> ignore)
        Assert.That(e.Message, Does.Contain "only one")
        Assert.That(e.Message, Does.Contain first.Path)
    finally
        Directory.Delete(other, true)

[<Test>]
let ``what is named and is not there is said`` () =
    engine id "plain" |> ignore
    let missing = Path.Combine(TestContext.CurrentContext.WorkDirectory, "no-such-library.so")
    let e = Assert.Throws<WasmtimeUnavailableException>(fun () -> WasmtimeLibrary.Load missing |> ignore)
    Assert.That(e.Message, Does.Contain missing)
    Assert.That(e.Message, Does.Contain "does not exist")
    Assert.That(e.Message, Does.Contain WasmtimeLibrary.Variable)
    let empty = Directory.CreateTempSubdirectory "twofold-empty"
    let e = Assert.Throws<WasmtimeUnavailableException>(fun () -> WasmtimeLibrary.Load empty.FullName |> ignore)
    Assert.That(e.Message, Does.Contain "holds no")
    empty.Delete()

[<Test>]
let ``versions are read from what the library compiles`` () =
    engine id "plain" |> ignore
    // As the library writes it: what is no such file has no version, and says so.
    for bytes in [ [||]; Array.zeroCreate<byte> 100; Array.append [| 0x7Fuy; 'E'B; 'L'B; 'F'B; 2uy; 1uy |] (Array.create 100 0xFFuy) ] do
        let e = Assert.Throws<WasmtimeUnavailableException>(fun () -> EngineVersion.Parse(ReadOnlySpan bytes) |> ignore)
        Assert.That(e.Message, Does.Contain "version")

// ---- modules on disk

let private limits = WasmLimits.Contract

let private valid (n: int) =
    Wat.parse $"(module (func (export \"f\") (result i32) (i32.const {n})))"
    |> Result.bind (Decode.run limits Features.Default)
    |> Result.bind (Validate.run limits Features.Default)
    |> Result.defaultWith (fun e -> failwith (string e))

let private answer (engine: WasmtimeEngine) (n: int) : int =
    let engine = engine :> IWasmEngine
    let orFail (r: Result<'a, Rejected>) = r |> Result.defaultWith (fun e -> failwith (string e))
    use loaded = engine.Load(valid n) |> orFail

    use instance = loaded.Instantiate { Functions = []; Memory = None; Limits = limits; ReentryDepth = 1 } |> orFail

    let result =
        instance.Run {
            Entry = "f"
            Arguments = [||]
            Gas = 1000L
            StackUnits = limits.StackUnits
            Data = null
            Deadline = TimeSpan.Zero
            Cancellation = Threading.CancellationToken.None
        }
        |> orFail

    match result.End with
    | RunEnd.Returned [| v |] -> v.AsI32()
    | other -> failwith $"%A{other}"

[<Test>]
let ``modules are kept on disk; a damaged entry is made again and never trusted`` () =
    let folder = (Directory.CreateTempSubdirectory "twofold-modules").FullName

    let fresh () =
        match WasmtimeForTests.options.Value with
        | Some o -> new WasmtimeEngine(o.WithCacheFolder folder)
        | None ->
            Assert.Ignore WasmtimeForTests.absent
            failwith "unreachable"

    let counts (e: WasmtimeEngine) = e.Cache.Hits, e.Cache.Misses
    let entry () = Directory.GetFiles folder |> Array.exactlyOne

    try
        use first = fresh ()
        Assert.That(answer first 41, Is.EqualTo 41)
        Assert.That(counts first, Is.EqualTo((0, 1)))
        let good = File.ReadAllBytes(entry ())
        use second = fresh ()
        Assert.That(answer second 41, Is.EqualTo 41)
        Assert.That(counts second, Is.EqualTo((1, 0)))

        let damages: (string * (byte[] -> byte[])) list = [
            "one bit",
            (fun b ->
                b[b.Length / 2] <- b[b.Length / 2] ^^^ 1uy
                b)
            "half of it", (fun b -> Array.truncate (b.Length / 2) b)
            "nothing", (fun _ -> [||])
            "another file", (fun b -> Array.zeroCreate b.Length)
            "the hash",
            (fun b ->
                b[25] <- b[25] ^^^ 1uy
                b)
        ]

        for what, damage in damages do
            File.WriteAllBytes(entry (), damage (Array.copy good))
            use e = fresh ()
            Assert.That(answer e 41, Is.EqualTo 41, what)
            Assert.That(counts e, Is.EqualTo((0, 1)), what)
            Assert.That(File.ReadAllBytes(entry ()).Length, Is.EqualTo good.Length, what)

        // Another module under this one's name would be another key: nothing of it is found.
        use last = fresh ()
        Assert.That(answer last 42, Is.EqualTo 42)
        Assert.That(counts last, Is.EqualTo((0, 1)))
        Assert.That(Directory.GetFiles(folder).Length, Is.EqualTo 2)
    finally
        Directory.Delete(folder, true)
