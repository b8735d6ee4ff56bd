namespace Twofold.Conformance

// Directories and streams of the host: what is granted works and replays without the host; what is not cannot be reached, whatever names, links and
// other processes do. In: temporary directories. Out: tests; they run where host directories can be granted (Linux).

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

/// A directory of the host with a secret beside it; both go away with it.
type private Playground() =
    let top = Directory.CreateTempSubdirectory "twofold-wasi-"
    let inside = top.CreateSubdirectory "granted"
    let secret = "the secret beside the granted directory"
    do File.WriteAllText(Path.Combine(top.FullName, "secret.txt"), secret)
    member _.Top = top.FullName
    member _.Path = inside.FullName
    member _.Secret = secret
    member _.File(name: string, text: string) = File.WriteAllText(Path.Combine(inside.FullName, name), text)

    member _.Grants = { WasiGrants.None with Directories = Map [ "/", inside.FullName ] }

    interface IDisposable with
        member _.Dispose() = Directory.Delete(top.FullName, true)

/// A stream that waits until it is disposed.
type private Silence() =
    inherit Stream()
    let over = new ManualResetEventSlim()
    override _.CanRead = true
    override _.CanWrite = false
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) = raise (NotSupportedException())

    override _.Read(_: byte[], _: int, _: int) =
        over.Wait()
        0

    override _.Dispose(_: bool) = over.Set()

[<TestFixture; Platform "Linux">]
type WasiHostTests() =
    static let perm, notcapable, loop, noent = Errno.Perm, Errno.Notcapable, Errno.Loop, Errno.Noent

    /// A host with its directory open as handle 0.
    static let opened (p: Playground) (grant: WasiGrant) : IWasiHost =
        let host = (WasiHosts.source p.Grants).Open()
        host.OpenPreopen(0, "/", grant) |> ignore
        host

    static let tryRead (host: IWasiHost) (handle: int) (path: string) : Result<string, uint16> =
        let answer = host.Open(handle, 0, path, true, 0u, 0u, true, false)

        if answer.Errno <> 0us then
            Error answer.Errno
        else
            let read = host.Read(handle, 0UL, 4096)
            host.Close handle
            if read.Errno = 0us then Ok(Encoding.UTF8.GetString read.Bytes) else Error read.Errno

    // ---- the official suite over real directories

    static let archive = lazy (TestData.archive "wasi.zip")

    static member Programs: string list =
        match TestData.tryFolder () with
        | Some folder when File.Exists(Path.Combine(folder, "wasi.zip")) ->
            archive.Value.Names
            |> Array.filter (fun n -> n.EndsWith ".json" && Encoding.UTF8.GetString(archive.Value.Read n).Contains "\"root\"")
            |> Array.map _.Replace(".json", "")
            |> Array.filter (fun n -> not (n.EndsWith "manifest"))
            |> Array.sort
            |> List.ofArray
        | _ -> [ "absent" ]

    [<TestCaseSource(nameof WasiHostTests.Programs)>]
    member _.``a program of the suite over a real directory, replayed without it``(name: string) =
        if name = "absent" then
            Assert.Ignore TestData.absent

        use p = new Playground()
        let root = name.Split('/')[0] + "/fs-tests.dir/"

        for entry in archive.Value.Names |> Array.filter _.StartsWith(root) do
            let target = Path.Combine(p.Path, entry.Substring root.Length)
            Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
            File.WriteAllBytes(target, archive.Value.Read entry)

        let wasm = archive.Value.Read(name + ".wasm")

        let world = {
            WasiWorld.empty with
                Args = [ name ]
                Preopens = [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Host } ]
        }

        let request = { WasiPrograms.request wasm "_start" world with WasiHost = WasiHosts.source p.Grants }
        let executor = WasiPrograms.executor "compiled"
        let report = WasiPrograms.run executor request
        Assert.That(report.ExitStatus, Is.EqualTo(Some 0), $"{report.Message}\n{WasiPrograms.text report.ErrorOutput}")

        // Nothing of the host is left to ask.
        Directory.Delete(p.Path, true)
        Directory.CreateDirectory p.Path |> ignore
        WasiPrograms.replays executor report wasm

        // The host's own names, numbers and times are in nobody's receipt.
        let json = ReceiptJson.toJson report.Receipt

        for word in [ p.Top; Path.GetFileName p.Top; Environment.UserName; Environment.MachineName ] do
            if word.Length > 4 then
                Assert.That(json, Does.Not.Contain word)

    // ---- nothing escapes

    [<Test>]
    member _.``names, links and absolute paths do not lead out``() =
        use p = new Playground()
        p.File("plain.txt", "plain")
        Directory.CreateDirectory(Path.Combine(p.Path, "sub")) |> ignore
        let link (name: string) (target: string) = File.CreateSymbolicLink(Path.Combine(p.Path, name), target) |> ignore
        link "up" "../secret.txt"
        link "absolute" (Path.Combine(p.Top, "secret.txt"))
        link "root" "/"
        link "around" "sub/../../secret.txt"
        link "good" "sub/../plain.txt"
        link "self" "self"
        link "proc" "/proc/self/root"
        let host = opened p WasiGrant.All

        for path in
            [
                "../secret.txt"
                "sub/../../secret.txt"
                "up"
                "absolute"
                "around"
                "root/etc/passwd"
                "proc/etc/passwd"
                Path.Combine(p.Top, "secret.txt")
            ] do
            Assert.That(tryRead host 7 path, Is.EqualTo(Error perm: Result<string, uint16>), path)
            Assert.That((host.StatPath(0, path, true)).Errno, Is.EqualTo perm, path)

        Assert.That(tryRead host 7 "good", Is.EqualTo(Ok "plain": Result<string, uint16>))
        Assert.That(tryRead host 7 "self", Is.EqualTo(Error loop: Result<string, uint16>))
        // Neither do changes.
        Assert.That((host.MakeDirectory(0, "../made")).Errno, Is.Not.EqualTo 0us)
        Assert.That((host.Unlink(0, "root/../secret.txt")).Errno, Is.Not.EqualTo 0us)
        Assert.That((host.Rename(0, "plain.txt", 0, "../stolen")).Errno, Is.Not.EqualTo 0us)
        Assert.That((host.Link(0, "up", 0, "hard")).Errno, Is.EqualTo 0us, "a link to a link is a link")
        Assert.That(tryRead host 7 "hard", Is.EqualTo(Error perm: Result<string, uint16>))
        Assert.That((host.Open(8, 0, "root/tmp/x", true, 1u, 0u, false, true)).Errno, Is.EqualTo perm)
        host.Done()
        Assert.That(File.ReadAllText(Path.Combine(p.Top, "secret.txt")), Is.EqualTo p.Secret)

    [<Test>]
    member _.``a race of renames does not lead out``() =
        use p = new Playground()
        // `here` is now a directory with a file of that name, now a link to where the secret is.
        let real, decoy, here = Path.Combine(p.Path, "real"), Path.Combine(p.Path, "decoy"), Path.Combine(p.Path, "here")
        Directory.CreateDirectory real |> ignore
        File.WriteAllText(Path.Combine(real, "secret.txt"), "harmless")
        File.CreateSymbolicLink(decoy, p.Top) |> ignore
        use stop = new CancellationTokenSource()

        let racer =
            Task.Factory.StartNew(
                (fun () ->
                    while not stop.IsCancellationRequested do
                        Directory.Move(real, here)
                        Directory.Move(here, real)
                        // A link to a directory: the link is moved.
                        Directory.Move(decoy, here)
                        Directory.Move(here, decoy)),
                TaskCreationOptions.LongRunning
            )

        let host = opened p WasiGrant.All
        let mutable reads = 0

        for i in 1..20_000 do
            match tryRead host (100 + i) "here/secret.txt" with
            | Ok text ->
                Assert.That(text, Is.EqualTo "harmless")
                reads <- reads + 1
            | Error errno -> Assert.That([ perm; noent; Errno.Notdir ], Does.Contain errno)

            // Going up and down again through what is being moved.
            match tryRead host (100 + i) "here/../real/../here/secret.txt" with
            | Ok text -> Assert.That(text, Is.EqualTo "harmless")
            | Error _ -> ()

            (host.Unlink(0, "here/never-there")).Errno |> ignore

        stop.Cancel()
        racer.Wait()
        host.Done()
        Assert.That(reads, Is.GreaterThan 0)
        Assert.That(File.ReadAllText(Path.Combine(p.Top, "secret.txt")), Is.EqualTo p.Secret)

    [<Test>]
    member _.``a grant is a grant: reading, writing, making``() =
        use p = new Playground()
        p.File("a.txt", "a")
        let host = opened p WasiGrant.ReadOnly
        Assert.That(tryRead host 1 "a.txt", Is.EqualTo(Ok "a": Result<string, uint16>))
        Assert.That((host.Open(2, 0, "a.txt", true, 0u, 0u, true, true)).Errno, Is.EqualTo notcapable)
        Assert.That((host.Open(2, 0, "b.txt", true, 1u, 0u, true, false)).Errno, Is.EqualTo notcapable)
        Assert.That((host.Open(2, 0, "a.txt", true, 8u, 0u, true, false)).Errno, Is.EqualTo notcapable)

        for refused in
            [
                host.MakeDirectory(0, "d")
                host.Unlink(0, "a.txt")
                host.Rename(0, "a.txt", 0, "b.txt")
                host.Symlink("a.txt", 0, "l")
                host.Link(0, "a.txt", 0, "l")
                host.RemoveDirectory(0, "d")
            ] do
            Assert.That(refused.Errno, Is.EqualTo notcapable)

        host.Done()
        let writer = opened p { Read = true; Write = true; Create = false }
        Assert.That((writer.Open(2, 0, "a.txt", true, 0u, 0u, true, true)).Errno, Is.EqualTo 0us)
        Assert.That((writer.Write(2, 0UL, false, ReadOnlyMemory "b"B)).Number, Is.EqualTo 1UL)
        Assert.That((writer.Open(3, 0, "new", true, 1u, 0u, true, true)).Errno, Is.EqualTo notcapable)
        writer.Done()
        Assert.That(File.ReadAllText(Path.Combine(p.Path, "a.txt")), Is.EqualTo "b")

    [<Test>]
    member _.``listings are sorted, inodes virtual, devices and pipes no files``() =
        use p = new Playground()

        for name in [ "b"; "a"; "ü"; "C" ] do
            p.File(name, name)

        use mkfifo = Diagnostics.Process.Start("mkfifo", Path.Combine(p.Path, "pipe"))
        mkfifo.WaitForExit()
        let host = opened p WasiGrant.All
        let listed = (host.List 0).Bytes
        let r = WireReader listed

        let names = [
            while r.Remaining > 0 do
                let ino = r.U64()
                Assert.That(ino, Is.InRange(1UL, 6UL))
                r.U8() |> ignore
                Encoding.UTF8.GetString(r.Raw(int (r.U16())))
        ]

        Assert.That((names = [ "C"; "a"; "b"; "pipe"; "ü" ]), $"%A{names}")
        // Would wait for ever for somebody who writes.
        Assert.That((host.Open(5, 0, "pipe", true, 0u, 0u, true, false)).Errno, Is.EqualTo Errno.Notsup)
        host.Done()

    // ---- streams

    [<Test>]
    member _.``a stream that never says anything is waited for until the deadline, and the next run is clean``() =
        let wasm = TestData.path "cmds/minigzip.wasm" |> File.ReadAllBytes
        use input = new Silence()

        let waiting = {
            WasiPrograms.request wasm "_start" { WasiWorld.empty with Input = WasiInput.Host } with
                WasiHost = WasiHosts.source { WasiGrants.None with Input = input }
                Profile = { Profile.hostProfile with Deadline = TimeSpan.FromSeconds 1.0 }
        }

        let executor = WasiPrograms.executor "compiled"

        match executor.Execute waiting with
        | Error(Refusal.Fault(EngineFault.Deadline _)) -> ()
        | Error other -> Assert.Fail $"{other}"
        | Ok report -> Assert.Fail report.Message

        let plain = WasiPrograms.request wasm "_start" WasiWorld.empty
        Assert.That((WasiPrograms.run executor plain).ExitStatus, Is.EqualTo(Some 0))

    [<Test>]
    member _.``what comes from a stream is journaled, and goes out while the program runs``() =
        let wasm = TestData.path "cmds/minigzip.wasm" |> File.ReadAllBytes
        let text = String.replicate 1000 "a line from outside\n" |> Encoding.UTF8.GetBytes
        use passed = new MemoryStream()

        let request = {
            WasiPrograms.request wasm "_start" { WasiWorld.empty with Input = WasiInput.Host } with
                WasiHost = WasiHosts.source { WasiGrants.None with Input = new MemoryStream(text); Output = passed }
        }

        let executor = WasiPrograms.executor "compiled"
        let report = WasiPrograms.run executor request
        WasiPrograms.same (passed.ToArray()) report.Output
        WasiPrograms.replays executor report wasm

    [<Test>]
    member _.``a flood of output ends in a trap of its own``() =
        let wasm = TestData.path "cmds/minigzip.wasm" |> File.ReadAllBytes
        let policy = { Profile.hostProfile.Policy with Run = { Profile.hostProfile.Policy.Run with OutputBytes = 10L } }
        let text = Encoding.UTF8.GetBytes "more than ten bytes, packed or not"

        let request = {
            WasiPrograms.request wasm "_start" { WasiWorld.empty with Input = WasiInput.Bytes text } with
                Profile = { Profile.hostProfile with Policy = policy }
        }

        match (WasiPrograms.run (WasiPrograms.executor "compiled") request).Receipt.Outcome with
        | Outcome.Trapped(66, _, _, 10UL) -> ()
        | other -> Assert.Fail(Outcome.describe other)
