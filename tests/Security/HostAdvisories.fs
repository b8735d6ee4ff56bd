module Twofold.Security.HostAdvisories

// What went wrong elsewhere where a guest meets its host: panics that cross, paths that lead out, padding that tells, prices that miss: each test
// bears the advisory's name (docs/ADVISORIES.md). In: guests in text, directories of the host. Out: typed endings, errnos, bytes; nothing of the host.

open System
open System.IO
open NUnit.Framework
open Twofold
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests.World
open Twofold.Security.Grounds

let private wasi = "wasi_snapshot_preview1"

// ---- host functions

/// A sandbox on an engine with one host function of the form () -> i32, and a module loaded.
let private sandboxWith (engine: IWasmEngine) (f: Delegate) (wat: string) : Sandbox =
    let sandbox = Sandbox.Create(SandboxOptions().WithEngine(engine).WithHostFunction("host", "f", f))
    sandbox.LoadAsync(Utf8.bytes wat).GetAwaiter().GetResult()
    sandbox

let private execute (s: Sandbox) (entry: string) : SandboxResult = s.ExecuteAsync(entry).GetAwaiter().GetResult()
let private close (s: Sandbox) = s.DisposeAsync().AsTask().GetAwaiter().GetResult()

// There: a panic of a host function unwound through the guest, or took the node's time and the process with it.
// Here: no handler of the guest sees it; the run is a fault without a receipt, and the same sandbox runs on.
[<Test>]
let ``CWA-2024-008: a host panic crossing the guest`` () =
    let wat =
        """(module (import "host" "f" (func $f (result i32))) (global $seen (mut i32) (i32.const 0))
             (func (export "run") (result i32) (block $h (try_table (catch_all $h) (drop (call $f)))) (global.set $seen (i32.const 1)) (i32.const 1))
             (func (export "seen") (result i32) (global.get $seen)))"""

    for name, engine in engines do
        let s = sandboxWith engine (Func<int>(fun () -> raise (InvalidOperationException "a secret of the host"))) wat
        let failed = execute s "run"
        Assert.That(failed.End, Is.EqualTo SandboxEnd.HostFailure, name)
        Assert.That(failed.Receipt, Is.Null)
        Assert.That((execute s "seen").Get<int>(), Is.EqualTo 0, name)
        close s

// There: the guest's allocator called a host function that called the allocator: the host's stack overflowed.
// Here: calls back and forth end at the depth of the profile, the same on every engine, and catch_all does not hold them.
[<Test>]
let ``CWA-2023-002 and CWA-2022-004: host and guest that call each other`` () =
    let wat =
        """(module (import "host" "f" (func $f (result i32))) (memory (export "memory") 1)
             (func (export "alloc") (param i32) (result i32) (block $h (try_table (catch_all $h) (return (call $f)))) (i32.const 0))
             (func (export "run") (result i32) (call $f))
             (func (export "fine") (result i32) (i32.const 5)))"""

    let again = Func<HostCaller, int>(fun c -> int (c.Return "x"))

    let endings = [
        for _, engine in engines do
            let s = sandboxWith engine again wat
            let r = execute s "run"
            Assert.That((execute s "fine").Get<int>(), Is.EqualTo 5)
            close s
            r.End, r.GasUsed, r.Error
    ]

    Assert.That((List.distinct endings).Length, Is.EqualTo 1, $"%A{endings}")
    let ending, _, _ = endings.Head
    Assert.That(ending, Is.EqualTo SandboxEnd.Trapped, $"%A{endings}")

// There: a tag was imported by name without its type: exceptions carried one thing and were caught as another.
// Here: a tag that nobody supplies is refused by name, in every profile.
[<Test>]
let ``GHSA-cfhf-m2cr-62wj: imported tags`` () =
    let wat =
        """(module (import "env" "memory" (tag (param i64))) (import "env" "t" (tag (param i32))) (func (export "run")))"""

    for _, engine in engines do
        use e = executor engine null 0

        for profile in Profile.all do
            let r = refused e (callOf profile wat "run" [])
            Assert.That((r.Kind.IsLink || r.Kind.IsFeature), $"{profile.Name}: {r}")

// ---- values and addresses

// There: one address had two spellings, so that what was locked under one was looked for under the other.
// Here: both spellings are one owner, in balances and in receipts.
[<Test>]
let ``CWA-2022-002: two spellings of one address`` () =
    let owner =
        match Address.tryParse ("0x" + String.replicate 20 "ab") with
        | ValueSome a -> a
        | ValueNone -> failwith "an address"

    let coin: Utxo = {
        Id = { Transaction = Hash32.zero; Index = 0u }
        Owner = owner
        Token = TokenId.Native
        Amount = 77UL
        Lock = Lock.None
    }

    let wat (spelling: string) =
        $"""(module (import "env" "query_utxo_balance" (func $b (param i32 i32 i32) (result i64))) (memory (export "memory") 1)
              (data (i32.const 0) "0x{spelling}")
              (func (export "run") (result i64) (call $b (i32.const 0) (i32.const 0) (i32.const 0))))"""

    let balance spelling =
        let request = callOf Profile.contract (wat spelling) "run" []
        returned { request with Snapshot = Snapshot.view { Snapshot.empty with Utxos = [ coin ] } }

    for digits in [ "ab"; "AB"; "Ab"; "aB" ] do
        Assert.That((balance (String.replicate 20 digits) = [ 77UL ]), digits)

// There: answers to queries came in an order, or with text, that was each node's own.
// Here: however a host lists what is unspent, the receipt is the same.
[<Test>]
let ``CWA-2022-001, CWA-2022-003 and CWA-2024-006: queries that differ from node to node`` () =
    let payer =
        match Address.tryParse ("0x" + String.replicate 40 "a") with
        | ValueSome a -> a
        | ValueNone -> failwith "an address"

    let coins = [
        for i in 0u .. 9u ->
            ({
                Id = { Transaction = Hash32.sha256 (ReadOnlySpan [| byte i |]); Index = i }
                Owner = payer
                Token = TokenId.Native
                Amount = uint64 (100u - i % 3u)
                Lock = Lock.None
            }
            : Utxo)
    ]

    let wat =
        """(module (import "env" "execute_utxo_transfer" (func $t (param i32 i32 i64 i32 i32) (result i32))) (memory (export "memory") 1)
             (data (i32.const 0) "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") (data (i32.const 64) "0x1111111111111111111111111111111111111111")
             (func (export "run") (result i32) (call $t (i32.const 0) (i32.const 64) (i64.const 450) (i32.const 0) (i32.const 0))))"""

    let digest (listed: Utxo list) =
        let view = {
            new IStateView with
                member _.Utxos(_, _) = List.toArray listed
                member _.State(_, _) = ValueNone
                member _.BlockHash _ = ValueNone
        }

        let r = everywhere { callOf Profile.contract wat "run" [] with Snapshot = view; Caller = payer }
        Assert.That(r.Receipt.Draft.Value.Inputs, Has.Count.EqualTo 5, r.Message)
        r.ReceiptDigest

    let digests = [ coins; List.rev coins; List.sortBy (fun c -> c.Id.Transaction.Text) coins ] |> List.map digest
    Assert.That(List.distinct digests, Has.Length.EqualTo 1)

// ---- WASI

/// A call of a WASI function by numbers; its errno is the result.
let private calling (name: string) (parameters: string) (body: string) =
    $"""(module (import "{wasi}" "{name}" (func $f (param {parameters}) (result i32))) (memory (export "memory") 1) {body})"""

// There: fd_renumber onto itself, onto the standard streams or from a descriptor that is closed panicked the host.
// Here: every pair of numbers has an errno, and what is open afterwards is one of them.
[<Test>]
let ``CVE-2025-53901: fd_renumber`` () =
    for a in [ 0u; 1u; 2u; 3u; 4u; 99u; UInt32.MaxValue ] do
        for b in [ 0u; 1u; 2u; 3u; 4u; 99u; UInt32.MaxValue ] do
            let e = Effects(worldWith WasiGrant.All [])
            let isOpen n = n <= 3u
            let errno = e.Errno(WasiEffect.FdRenumber(a, b))
            Assert.That(errno, Is.EqualTo(if isOpen a && isOpen b then Errno.Success else Errno.Badf), $"{a} {b}")

            if errno = Errno.Success then
                Assert.That(e.Errno(WasiEffect.FdFdstatGet b), Is.EqualTo Errno.Success)
                Assert.That(e.Errno(WasiEffect.FdFdstatGet a), Is.EqualTo(if a = b then Errno.Success else Errno.Badf))

    let wat =
        calling
            "fd_renumber"
            "i32 i32"
            """(func (export "run") (result i32 i32 i32 i32)
             (call $f (i32.const 3) (i32.const 3)) (call $f (i32.const 1) (i32.const 0)) (call $f (i32.const 1) (i32.const 2)) (call $f (i32.const 3) (i32.const 7)))"""

    Assert.That((returned (programOf wat "run" (worldWith WasiGrant.All [])) = [ 0UL; 0UL; 8UL; 8UL ]))

// There: a program without a grant could reach the files of the host.
// Here: without a directory every path call on every descriptor fails, and nothing is made.
[<Test>]
let ``GHSA-4mq4-7rw3-vm5j: files without a grant`` () =
    let name = $"twofold-not-made-{Guid.NewGuid():N}"

    for path in [ name; "/etc/passwd"; "."; ".."; "/"; $"/tmp/{name}" ] do
        for fd in 0u .. 9u do
            let e = Effects WasiWorld.empty
            Assert.That(fst (e.Open(fd, path, Flag.Creat, 0u)), Is.AnyOf(Errno.Badf, Errno.Notdir))
            Assert.That(e.Errno(WasiEffect.PathFilestatGet(fd, 1u, Utf8.bytes path)), Is.AnyOf(Errno.Badf, Errno.Notdir))
            Assert.That(e.Errno(WasiEffect.FdPrestatGet fd), Is.EqualTo Errno.Badf)

    Assert.That(File.Exists name, Is.False)
    Assert.That(File.Exists(Path.Combine(Path.GetTempPath(), name)), Is.False)

// There: a slash behind a path, or behind a link's target, let the last link be followed out of the granted directory; so did renaming such a link.
// Here: the kernel resolves everything beneath the directory; with slashes, without, created, renamed, cut off: nothing leads out.
[<Test; Platform "Linux">]
let ``GHSA-vqjp-4c8c-hfgg and GHSA-m9f7-9w4p-gv38: slashes behind links`` () =
    use p = new Playground()
    Directory.CreateDirectory(p.At "sub") |> ignore
    p.Write("sub/inside", "inside")

    for name, target in [ "up", ".."; "upSlash", "../"; "file", "../secret.txt"; "top", p.Top; "topSlash", p.Top + "/"; "in", "sub/" ] do
        p.Link(name, target)

    let host = p.Host WasiGrant.All
    let mutable handle = 10

    let opened path oflags =
        handle <- handle + 1
        let answer = host.Open(handle, 0, path, true, oflags, 0u, true, true)
        host.Close handle
        answer.Errno

    for link in [ "up"; "upSlash"; "file"; "top"; "topSlash" ] do
        for path in
            [
                link
                link + "/"
                link + "//"
                link + "/."
                link + "/secret.txt"
                link + "/secret.txt/"
                $"./{link}/"
                $"sub/../{link}/"
            ] do
            for oflags in [ 0u; Flag.Creat; Flag.Trunc; Flag.Creat ||| Flag.Trunc; Flag.Directory ] do
                Assert.That(opened path oflags, Is.Not.EqualTo Errno.Success, $"{path} {oflags}")

            let slashed = path.EndsWith '/' || path.EndsWith "." || path.Contains "secret"

            if slashed then
                Assert.That((host.StatPath(0, path, false)).Errno, Is.Not.EqualTo Errno.Success, path)
                Assert.That((host.SetTimesPath(0, path, false, 1UL, 1UL, 5u)).Errno, Is.Not.EqualTo Errno.Success, path)
                Assert.That((host.Rename(0, path, 0, "stolen")).Errno, Is.Not.EqualTo Errno.Success, path)
                Assert.That((host.Unlink(0, path)).Errno, Is.Not.EqualTo Errno.Success, path)
                Assert.That((host.ReadLink(0, path)).Errno, Is.Not.EqualTo Errno.Success, path)

            Assert.That((host.Rename(0, "sub/inside", 0, link + "/moved")).Errno, Is.Not.EqualTo Errno.Success, link)
            Assert.That((host.MakeDirectory(0, link + "/made/")).Errno, Is.Not.EqualTo Errno.Success, link)

    Assert.That(opened "in/inside" 0u, Is.EqualTo Errno.Success)
    host.Done()
    Assert.That(p.Secret, Does.StartWith "the secret")
    Assert.That(Directory.GetFileSystemEntries p.Top, Has.Length.EqualTo 2)

// There: polls were not paid for by what they made the host do, and some waited in the host's time.
// Here: each subscription is paid for, and the longest wait takes no time at all.
[<Test>]
let ``GHSA-j366-h8gg-77pm: polls around the meter`` () =
    let wat =
        calling
            "poll_oneoff"
            "i32 i32 i32 i32"
            """(func (export "one") (result i32) (i64.store (i32.const 24) (i64.const -1)) (call $f (i32.const 0) (i32.const 32768) (i32.const 1) (i32.const 60000)))
               (func (export "many") (result i32) (call $f (i32.const 0) (i32.const 32768) (i32.const 600) (i32.const 60000)))
               (func (export "all") (result i32) (call $f (i32.const 0) (i32.const 32768) (i32.const -1) (i32.const 60000)))"""

    let request entry = programOf wat entry WasiWorld.empty
    let clock = Diagnostics.Stopwatch.StartNew()
    Assert.That((returned (request "one") = [ 0UL ]))
    Assert.That((returned (request "all") = [ uint64 Errno.Inval ]))
    Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromMinutes 5.0), "nobody waited for the 584 years that were asked for")
    let gas entry = (everywhere (request entry)).Receipt.GasUsed
    Assert.That(gas "many" - gas "one", Is.GreaterThanOrEqualTo(599L * 48L))

// There: guests chose sizes that the host then allocated: of random bytes, of buffers without a stream behind them.
// Here: what no memory of the guest could hold is refused before anything is made of it.
[<Test>]
let ``GHSA-852m-cvvp-9p4w and GHSA-gqmc-89g8-p25r: sizes that the host allocates`` () =
    let random =
        calling
            "random_get"
            "i32 i32"
            """(func (export "all") (result i32) (call $f (i32.const 0) (i32.const -1)))
           (func (export "fits") (result i32) (call $f (i32.const 0) (i32.const 65536)))"""

    Assert.That((returned (programOf random "all" WasiWorld.empty) = [ uint64 Errno.Inval ]))
    Assert.That((returned (programOf random "fits" WasiWorld.empty) = [ 0UL ]))
    let before = GC.GetAllocatedBytesForCurrentThread()
    let e = Effects(worldWith WasiGrant.All [ "f", WasiNode.File [| 1uy |] ])
    let fd = e.Opened("f", 0u, 0u)

    for effect in
        [
            WasiEffect.FdRead(fd, UInt32.MaxValue)
            WasiEffect.FdPread(fd, UInt32.MaxValue, 0UL)
            WasiEffect.FdRead(0u, UInt32.MaxValue)
            WasiEffect.PathReadlink(3u, "f"B, UInt32.MaxValue)
            WasiEffect.FdPrestatDirName(3u, UInt32.MaxValue)
        ] do
        e.Do effect |> ignore

    Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan 1_000_000L)

// There: padding of structures went to guests with whatever lay in the host's memory.
// Here: over a memory full of ones, after calls that leave random bytes in the reply's buffer, all padding is zero.
[<Test>]
let ``GHSA-96f6-r43r-8c24: padding that tells`` () =
    let e = Effects(worldWith WasiGrant.All [ "a", WasiNode.File [| 1uy |] ])

    let zero (effect: WasiEffect) (places: (int * int) list) =
        e.Reply(WasiEffect.RandomGet 200u) |> ignore
        let reply = e.Reply effect

        for at, n in places do
            for i in at .. at + n - 1 do
                Assert.That(reply[i], Is.EqualTo 0uy, $"%A{effect}, byte {i}")

    zero (WasiEffect.FdFdstatGet 3u) [ 1, 1; 4, 4 ]
    zero (WasiEffect.FdFilestatGet 3u) [ 17, 7 ]
    zero (WasiEffect.PathFilestatGet(3u, 0u, "a"B)) [ 17, 7 ]
    zero (WasiEffect.FdPrestatGet 3u) [ 0, 4 ]
    // One entry is 24 bytes and its name: the type stands in byte 20, and so it goes on.
    zero (WasiEffect.FdReaddir(3u, 200u, 0UL)) [ 21, 3; 25 + 21, 3; 25 + 26 + 21, 3 ]
    let sub = Array.zeroCreate<byte> 48
    sub[8] <- 1uy
    zero (WasiEffect.PollOneoff sub) [ 11, 5; 24, 8 ]

// There: a time before 1970 on a file of the host, or one far off that a guest sets, panicked the host.
// Here: the host's times are not shown at all, and any time can be set or is refused.
[<Test; Platform "Linux">]
let ``GHSA-mr2v-56j5-cmfc: times before the epoch`` () =
    use p = new Playground()
    p.Write("a", "a")
    File.SetLastWriteTimeUtc(p.At "a", DateTime(1931, 1, 1, 0, 0, 0, DateTimeKind.Utc))

    let wat =
        $"""(module (import "{wasi}" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
              (import "{wasi}" "path_filestat_set_times" (func $set (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
              (memory (export "memory") 1) (data (i32.const 0) "a")
              (func (export "run") (result i32 i64 i32 i32)
                (call $stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 64)) (i64.load (i32.const 112))
                (i32.gt_u (call $set (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 5)) (i32.const 76))
                (call $set (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 1) (i64.const 1) (i32.const 15))))"""

    Assert.That((returned (p.Request(wat, "run")) = [ 0UL; WasiWorld.clocks.Start; 0UL; uint64 Errno.Inval ]))
