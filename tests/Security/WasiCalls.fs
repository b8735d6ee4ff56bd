module Twofold.Security.WasiCalls

// Calls of WASI one by one, where a slip would be a hole: rights, ways out, renames, cookies, clocks, times, vectors in guest memory.
// In: effects on worlds in memory, small guests, directories of the host. Out: errnos and bytes.

open System
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Security.Grounds

let private path (text: string) = Utf8.bytes text
let private file (text: string) = WasiNode.File(Utf8.bytes text)

let private all: (string * WasiNode) list = [
    "a", file "a's content"
    "d", WasiNode.Directory [ "b", file "b's"; "up", WasiNode.Link "../a"; "out", WasiNode.Link "../../a" ]
    "e", WasiNode.Directory []
]

let private stat (lookup: uint32) name = WasiEffect.PathFilestatGet(3u, lookup, path name)
let private rename a b = WasiEffect.PathRename(3u, path a, 3u, path b)
let private unlink name = WasiEffect.PathUnlinkFile(3u, path name)

[<Test>]
let ``every call below a descriptor wants its right`` () =
    let e = Effects(worldWith WasiGrant.ReadOnly all)

    let refusals = [
        rename "a" "x"
        unlink "a"
        WasiEffect.PathCreateDirectory(3u, path "x")
        WasiEffect.PathRemoveDirectory(3u, path "e")
        WasiEffect.PathSymlink(path "a", 3u, path "x")
        WasiEffect.PathLink(3u, 0u, path "a", 3u, path "x")
        WasiEffect.PathFilestatSetTimes(3u, 0u, path "a", 1UL, 1UL, 5u)
        WasiEffect.FdFilestatSetTimes(3u, 1UL, 1UL, 5u)
        WasiEffect.PathOpen(3u, 1u, path "x", Flag.Creat, Rights.FdRead, 0UL, 0u)
        WasiEffect.PathOpen(3u, 1u, path "a", Flag.Trunc, Rights.FdRead, 0UL, 0u)
        WasiEffect.PathOpen(3u, 1u, path "a", 0u, Rights.FdRead ||| Rights.FdWrite, 0UL, 0u)
    ]

    for effect in refusals do
        Assert.That(e.Errno effect, Is.EqualTo Errno.Notcapable, $"%A{effect}")

    // All rights are asked for; those that the directory passes on are given.
    let fd = e.Opened("a", 0u, 0u)
    Assert.That(fst (e.Write(fd, [| 1uy |])), Is.EqualTo Errno.Badf)
    Assert.That(e.Errno(WasiEffect.FdFilestatSetSize(fd, 0UL)), Is.EqualTo Errno.Notcapable)
    Assert.That(e.Errno(WasiEffect.FdAllocate(fd, 0UL, 100UL)), Is.EqualTo Errno.Notcapable)
    Assert.That(e.Errno(WasiEffect.FdFilestatSetTimes(fd, 1UL, 1UL, 5u)), Is.EqualTo Errno.Notcapable)
    Assert.That((e.Content "a" = Utf8.bytes "a's content"))

[<Test>]
let ``rights that were dropped do not come back, and none can be added`` () =
    let e = Effects(worldWith WasiGrant.All all)
    let fd = e.Opened("a", 0u, 0u)
    Assert.That(e.Errno(WasiEffect.FdFdstatSetRights(fd, Rights.FdRead, 0UL)), Is.EqualTo Errno.Success)
    Assert.That(e.U64(WasiEffect.FdFdstatGet fd, 8), Is.EqualTo Rights.FdRead)
    Assert.That(e.Errno(WasiEffect.FdFdstatSetRights(fd, Rights.FdRead ||| Rights.FdWrite, 0UL)), Is.EqualTo Errno.Notcapable)
    Assert.That(fst (e.Write(fd, [| 1uy |])), Is.EqualTo Errno.Badf)
    Assert.That(e.Errno(WasiEffect.FdSeek(fd, 0UL, 0u)), Is.EqualTo Errno.Notcapable)
    // What a directory does not pass on nothing below it has.
    let inheriting = Rights.FdRead ||| Rights.PathOpen

    Assert.That(e.Errno(WasiEffect.FdFdstatSetRights(3u, Rights.PathOpen ||| Rights.PathFilestatGet, inheriting)), Is.EqualTo Errno.Success)

    let below = e.Opened("d", Flag.Directory, 0u)
    Assert.That(e.U64(WasiEffect.FdFdstatGet below, 8) &&& ~~~inheriting, Is.EqualTo 0UL)
    Assert.That(e.Errno(WasiEffect.PathUnlinkFile(below, path "b")), Is.EqualTo Errno.Notcapable)
    Assert.That(fst (e.Write(e.Opened("a", 0u, 0u), [| 1uy |])), Is.EqualTo Errno.Badf)

[<Test>]
let ``no path leads above its descriptor`` () =
    let e = Effects(worldWith WasiGrant.All all)
    let below = e.Opened("d", Flag.Directory, 0u)

    for fd, name in
        [
            3u, ".."
            3u, "../a"
            3u, "d/../../a"
            3u, "d/out"
            3u, "e/../../tree/a"
            3u, "/a"
            // Up from a subdirectory there is a directory, but not for whoever holds only this descriptor.
            below, ".."
            below, "../a"
            below, "up"
        ] do
        Assert.That(e.Errno(WasiEffect.PathFilestatGet(fd, 1u, path name)), Is.EqualTo Errno.Perm, name)
        Assert.That(fst (e.Open(fd, name, 0u, 0u)), Is.EqualTo Errno.Perm, name)

        // A link itself may go, wherever it leads.
        if name[0] = '.' || name[0] = '/' then
            Assert.That(e.Errno(WasiEffect.PathUnlinkFile(fd, path name)), Is.EqualTo Errno.Perm, name)

    Assert.That((e.Content "d/../a" = Utf8.bytes "a's content"))
    Assert.That((e.Content "d/up" = Utf8.bytes "a's content"))
    Assert.That(e.Errno(WasiEffect.PathSymlink(path "/etc", 3u, path "l")), Is.EqualTo Errno.Perm)

[<Test>]
let ``renames over what is there, and what they must not do`` () =
    let e = Effects(worldWith WasiGrant.All all)
    let inode name = BitConverter.ToUInt64(e.Reply(stat 0u name), 8)
    let moved = inode "a"
    let held = e.Opened("d/b", 0u, 0u)
    Assert.That(e.Errno(rename "a" "d/b"), Is.EqualTo Errno.Success)
    Assert.That(e.Errno(stat 0u "a"), Is.EqualTo Errno.Noent)
    Assert.That(inode "d/b", Is.EqualTo moved)
    Assert.That((e.Content "d/b" = Utf8.bytes "a's content"))
    // The file that was there lives on for whoever has it open, with no name.
    Assert.That((e.Reply(WasiEffect.FdPread(held, 10u, 0UL)) = Utf8.bytes "b's"))
    Assert.That(e.U64(WasiEffect.FdFilestatGet held, 24), Is.EqualTo 0UL)

    for a, b, errno in
        [
            "d", "e/../d/inside", Errno.Inval
            "d", "d/b", Errno.Inval
            "e", "d/b", Errno.Notdir
            "d/b", "e", Errno.Isdir
            "e", "d", Errno.Notempty
            "missing", "x", Errno.Noent
            "d/b", "x/", Errno.Notdir
            "d/b", "d/b", Errno.Success
            "d", "e", Errno.Success
            "e/b", "f", Errno.Success
        ] do
        Assert.That(e.Errno(rename a b), Is.EqualTo errno, $"{a} -> {b}")

    Assert.That((FileLaws.namesThrough e 3u 4096 = [ "."; ".."; "e"; "f" ]))
    // A moved directory has its new parent above it.
    Assert.That(e.Errno(stat 1u "e/up"), Is.EqualTo Errno.Noent)

[<Test>]
let ``room that removed files took is given back when nothing holds them`` () =
    let content = Array.create 8000 1uy
    let limit = WasiWorld.weightOf 8000L
    let e = Effects(worldWith WasiGrant.All [ "a", WasiNode.File content ], limit)
    Assert.That(fst (e.Open(3u, "b", Flag.Creat, 0u)), Is.EqualTo Errno.Nospc)
    let held = e.Opened("a", 0u, 0u)
    Assert.That(e.Errno(unlink "a"), Is.EqualTo Errno.Success)
    Assert.That(fst (e.Open(3u, "b", Flag.Creat, 0u)), Is.EqualTo Errno.Nospc)
    Assert.That(e.Errno(WasiEffect.FdClose held), Is.EqualTo Errno.Success)
    let fd = e.Opened("b", Flag.Creat, 0u)
    Assert.That(fst (e.Write(fd, content)), Is.EqualTo Errno.Success)
    Assert.That(fst (e.Write(fd, content)), Is.EqualTo Errno.Nospc)

[<Test>]
let ``opening truncates, appends and creates as its flags say`` () =
    let e = Effects(worldWith WasiGrant.All all)
    let fd = e.Opened("a", 0u, Flag.Append)
    Assert.That(fst (e.Write(fd, "+"B)), Is.EqualTo Errno.Success)
    Assert.That(e.Errno(WasiEffect.FdSeek(fd, 0UL, 0u)), Is.EqualTo Errno.Success)
    Assert.That(fst (e.Write(fd, "+"B)), Is.EqualTo Errno.Success)
    Assert.That(e.U64(WasiEffect.FdTell fd, 0), Is.EqualTo 13UL)
    Assert.That((e.Content "a" = Utf8.bytes "a's content++"))
    let cut = e.Opened("a", Flag.Trunc, 0u)
    Assert.That(e.U64(WasiEffect.FdFilestatGet cut, 32), Is.EqualTo 0UL)
    Assert.That(fst (e.Open(3u, "a", Flag.Creat ||| Flag.Excl, 0u)), Is.EqualTo Errno.Exist)
    Assert.That(fst (e.Open(3u, "a", Flag.Directory, 0u)), Is.EqualTo Errno.Notdir)
    Assert.That(fst (e.Open(3u, "none", 0u, 0u)), Is.EqualTo Errno.Noent)

[<Test>]
let ``cookies are places in the listing of the last rewinding`` () =
    let e = Effects(worldWith WasiGrant.All all)

    let names cookie =
        FileLaws.entriesOf (e.Reply(WasiEffect.FdReaddir(3u, 4096u, cookie))) |> List.map (fun (next, _, _, name) -> next, name)

    Assert.That((names 0UL = [ 1UL, "."; 2UL, ".."; 3UL, "a"; 4UL, "d"; 5UL, "e" ]))
    Assert.That((names 3UL = [ 4UL, "d"; 5UL, "e" ]))
    Assert.That((names 5UL = []))
    Assert.That(e.Errno(WasiEffect.FdReaddir(3u, 4096u, 6UL)), Is.EqualTo Errno.Inval)
    Assert.That(e.Errno(WasiEffect.FdReaddir(3u, 4096u, UInt64.MaxValue)), Is.EqualTo Errno.Inval)
    e.Open(3u, "B", Flag.Creat, 0u) |> ignore
    Assert.That((names 2UL = [ 3UL, "a"; 4UL, "d"; 5UL, "e" ]), "not rewound")
    Assert.That((names 0UL |> List.map snd = [ "."; ".."; "B"; "a"; "d"; "e" ]), "rewound")

[<Test>]
let ``clocks move by their step and by what is waited for, and by nothing else`` () =
    let clocks = { Start = 1_000_000UL; Step = 7UL }
    let e = Effects({ WasiWorld.empty with Clocks = clocks })
    let time id = e.U64(WasiEffect.ClockTimeGet(id, 0UL), 0)
    Assert.That(time 0u, Is.EqualTo 1_000_007UL)
    Assert.That(time 1u, Is.EqualTo 14UL)
    Assert.That(time 2u, Is.EqualTo 21UL)
    Assert.That(e.U64(WasiEffect.ClockResGet 0u, 0), Is.EqualTo 7UL)
    Assert.That(time 0u, Is.EqualTo 1_000_028UL)

    let wait (clock: uint32) (nanoseconds: uint64) (isAbsolute: bool) =
        let sub = Array.zeroCreate<byte> 48
        BitConverter.TryWriteBytes(sub.AsSpan 16, clock) |> ignore
        BitConverter.TryWriteBytes(sub.AsSpan 24, nanoseconds) |> ignore
        sub[40] <- (if isAbsolute then 1uy else 0uy)
        sub

    // The nearest of three.
    let subs = Array.concat [ wait 1u 5_000UL false; wait 0u 1_001_028UL true; wait 1u 3_000UL false ]
    Assert.That((e.Reply(WasiEffect.PollOneoff subs)).Length, Is.EqualTo 32)
    Assert.That(time 1u, Is.EqualTo 1_035UL)
    // What is past rings at once.
    Assert.That((e.Reply(WasiEffect.PollOneoff(wait 0u 5UL true))).Length, Is.EqualTo 32)
    Assert.That(time 1u, Is.EqualTo 1_042UL)

// ---- times of the host's files

[<Test; Platform "Linux">]
let ``times that a program sets are set on the host, and read back by the program's own clock`` () =
    use p = new Playground()
    p.Write("a", "a")
    p.Link("l", "a")
    let before = File.GetLastWriteTimeUtc(p.At "a")
    let host = p.Host WasiGrant.All
    // 2001-02-03T04:05:06.7, in nanoseconds; the time of access stays.
    let mtim = 981_173_106_700_000_000UL
    let answer = host.SetTimesPath(0, "a", false, 0UL, mtim, Flag.Mtim)
    Assert.That(answer.Errno, Is.EqualTo Errno.Success)
    Assert.That(File.GetLastWriteTimeUtc(p.At "a"), Is.EqualTo(DateTime(2001, 2, 3, 4, 5, 6, 700, DateTimeKind.Utc)))
    Assert.That((host.StatPath(0, "a", false)).Bytes[0], Is.EqualTo(byte answer.Number), "the number that stat tells")
    // Now is the host's now, on the host.
    host.Open(1, 0, "a", true, 0u, 0u, true, true) |> ignore
    Assert.That((host.SetTimes(1, 0UL, 0UL, Flag.MtimNow)).Errno, Is.EqualTo Errno.Success)
    Assert.That(File.GetLastWriteTimeUtc(p.At "a"), Is.GreaterThanOrEqualTo before)
    // A link itself, or what it leads to; a directory too.
    Assert.That((host.SetTimesPath(0, "l", false, mtim, mtim, Flag.Atim ||| Flag.Mtim)).Errno, Is.EqualTo Errno.Success)
    Assert.That(File.GetLastWriteTimeUtc(p.At "a"), Is.GreaterThanOrEqualTo before)
    Assert.That((host.SetTimesPath(0, "l", true, mtim, mtim, Flag.Mtim)).Errno, Is.EqualTo Errno.Success)
    Assert.That((File.GetLastWriteTimeUtc(p.At "a")).Year, Is.EqualTo 2001)
    Assert.That((host.SetTimes(0, 0UL, mtim, Flag.Mtim)).Errno, Is.EqualTo Errno.Success)
    Assert.That((Directory.GetLastWriteTimeUtc p.Path).Year, Is.EqualTo 2001)
    Assert.That((host.SetTimesPath(0, "../secret.txt", true, mtim, mtim, Flag.Mtim)).Errno, Is.EqualTo Errno.Perm)
    host.Done()
    let reader = p.Host WasiGrant.ReadOnly
    Assert.That((reader.SetTimesPath(0, "a", true, mtim, mtim, Flag.Mtim)).Errno, Is.EqualTo Errno.Notcapable)
    Assert.That((reader.SetTimes(0, mtim, mtim, Flag.Mtim)).Errno, Is.EqualTo Errno.Notcapable)
    reader.Done()

/// What a program that sets times and reads them back finds: mtim and atim of the file, mtim of another name of it, of another file.
let private timesProgram =
    """(module
      (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $set (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "abc")
      (func (export "run") (result i32 i64 i64 i64 i64)
        (call $set (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 5) (i64.const 77) (i32.const 4))
        (drop (call $stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 64)))
        (drop (call $stat (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 128)))
        (drop (call $stat (i32.const 3) (i32.const 0) (i32.const 2) (i32.const 1) (i32.const 192)))
        (i64.load (i32.const 112)) (i64.load (i32.const 104)) (i64.load (i32.const 176)) (i64.load (i32.const 240))))"""

[<Test; Platform "Linux">]
let ``a program reads the times that it set, and of all other files the world's start`` () =
    use p = new Playground()
    p.Write("a", "a")
    p.Write("c", "c")
    p.Link("b", "a")
    let start = WasiWorld.clocks.Start
    Assert.That((returned (p.Request(timesProgram, "run")) = [ 0UL; 77UL; start; start; start ]))

/// Two files, one after the other in one place; are their inodes different? And is an open one's number still its own when it has no name?
let private inodesProgram =
    """(module
      (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fstat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "new")
      (func $make (result i32)
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 1) (i64.const 0x200042) (i64.const 0) (i32.const 0) (i32.const 16)))
        (i32.load (i32.const 16)))
      (func $inode (result i64)
        (drop (call $stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 64)))
        (i64.load (i32.const 72)))
      (func $gone (drop (call $unlink (i32.const 3) (i32.const 0) (i32.const 3))))
      (func (export "run") (result i64 i64 i64 i64 i64) (local $fd i32) (local $first i64)
        (drop (call $close (call $make)))
        (local.set $first (call $inode))
        (call $gone)
        (drop (call $close (call $make)))
        (local.get $first) (call $inode)
        (call $gone)
        (local.set $fd (call $make))
        (call $inode)
        (call $gone)
        (drop (call $fstat (local.get $fd) (i32.const 64)))
        (i64.load (i32.const 72))
        (drop (call $close (local.get $fd)))
        (drop (call $close (call $make)))
        (call $inode)
        (call $gone)))"""

[<Test; Platform "Linux">]
let ``a new file has a new number, whether or not the host uses inodes again`` () =
    use p = new Playground()
    Assert.That((returned (p.Request(inodesProgram, "run")) = [ 1UL; 2UL; 3UL; 3UL; 4UL ]))
    // A name moved over another, and onto itself.
    p.Write("a", "a")
    p.Write("b", "b")
    let host = p.Host WasiGrant.All
    let number name = (host.StatPath(0, name, false)).Bytes[0]
    let a, b = number "a", number "b"
    Assert.That((host.Rename(0, "a", 0, "a")).Errno, Is.EqualTo Errno.Success)
    Assert.That(number "a", Is.EqualTo a)
    Assert.That((host.Rename(0, "a", 0, "b")).Errno, Is.EqualTo Errno.Success)
    Assert.That(number "b", Is.EqualTo a)
    p.Write("c", "c")
    Assert.That(number "c", Is.GreaterThan b)
    host.Done()

// ---- vectors in guest memory

/// Writes three vectors (one empty, one that ends where memory ends), reads the file back through three others and gives all counts and sums.
let private vectors =
    """(module
      (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "f")
      (data (i32.const 100) "hello")
      (data (i32.const 65533) "end")
      ;; (100, 5), (0, 0), (65533, 3); then (1000, 2), (1010, 4), (1020, 50)
      (data (i32.const 200) "\64\00\00\00\05\00\00\00\00\00\00\00\00\00\00\00\fd\ff\00\00\03\00\00\00")
      (data (i32.const 300) "\e8\03\00\00\02\00\00\00\f2\03\00\00\04\00\00\00\fc\03\00\00\32\00\00\00")
      (func $made (result i32)
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 9) (i64.const 0x42) (i64.const 0) (i32.const 0) (i32.const 16)))
        (i32.load (i32.const 16)))
      (func (export "run") (result i32 i32 i64 i64 i64 i32 i32) (local $fd i32)
        (local.set $fd (call $made))
        (drop (call $write (local.get $fd) (i32.const 200) (i32.const 3) (i32.const 20)))
        (i32.load (i32.const 20))
        (drop (call $pread (local.get $fd) (i32.const 300) (i32.const 3) (i64.const 0) (i32.const 24)))
        (i32.load (i32.const 24))
        (i64.load (i32.const 1000)) (i64.load (i32.const 1010)) (i64.load (i32.const 1020))
        (drop (call $pwrite (local.get $fd) (i32.const 200) (i32.const 1) (i64.const 6) (i32.const 28)))
        (i32.load (i32.const 28))
        ;; the position is behind what fd_write wrote: 8 of now 11
        (drop (call $read (local.get $fd) (i32.const 300) (i32.const 3) (i32.const 32)))
        (i32.load (i32.const 32)))
      ;; a vector that ends a byte beyond memory, first or last
      (func (export "beyond") (result i32)
        (i32.store (i32.const 220) (i32.const 4))
        (call $write (call $made) (i32.const 200) (i32.const 3) (i32.const 20))))"""

let private bits (text: string) = BitConverter.ToUInt64(Array.append (Utf8.bytes text) (Array.zeroCreate 8), 0)

[<Test>]
let ``vectors are gathered and scattered byte for byte`` () =
    let world = worldWith WasiGrant.All []

    Assert.That((returned (programOf vectors "run" world) = [ 8UL; 8UL; bits "he"; bits "lloe"; bits "nd"; 5UL; 3UL ]))

    Assert.That((trapped (programOf vectors "beyond" world) = (TrapCode.HostRangeOutOfBounds, 65533UL, 4UL, 65536UL)))

[<Test; Platform "Linux">]
let ``vectors reach the host's files byte for byte`` () =
    use p = new Playground()
    Assert.That((returned (p.Request(vectors, "run")) = [ 8UL; 8UL; bits "he"; bits "lloe"; bits "nd"; 5UL; 3UL ]))
    Assert.That(File.ReadAllText(p.At "f"), Is.EqualTo "helloehello")
