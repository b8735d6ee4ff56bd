/// Bombs for WASI: links, directories, names, sizes, descriptors, cookies, clocks, subscriptions, arguments.
/// In: worlds in memory. Out: attacks; each guest answers with an errno or a count.
module Twofold.Hostile.Files

open Twofold.HostAbi
open Twofold.Engine
open Twofold.Hostile.Attack

let private family = "WASI"

let private root entries = {
    WasiWorld.empty with
        Preopens = [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Memory entries } ]
}

/// A guest of WASI; `path` calls begin at descriptor 3, texts lie at 0, answers at 4096.
let private guest pages (data: string) (body: string) =
    Everywhere.wasm
        $"""(module {Sweep.imports AbiTable.wasi} (memory (export "memory") {pages} 1024) {data}
            (func $open (param $dir i32) (param $at i32) (param $len i32) (param $flags i32) (result i32)
              (call $path_open (local.get $dir) (i32.const 1) (local.get $at) (local.get $len) (local.get $flags)
                (i64.const 0x1FFFFFFF) (i64.const 0x1FFFFFFF) (i32.const 0) (i32.const 4096)))
            (func $openDirectory (param $dir i32) (param $at i32) (result i32)
              (call $path_open (local.get $dir) (i32.const 0) (local.get $at) (i32.const 1) (i32.const 2)
                (i64.const 0x6600) (i64.const 0x6600) (i32.const 0) (i32.const 4096)))
            (func $opened (result i32) (i32.load (i32.const 4096)))
            (func (export "run") (result i32) (local $n i32) (local $e i32) (local $fd i32) {body}))"""

let private inWorld name stops ends world pages data body =
    byRequest family name stops ends (fun () -> { request cell unlimited (guest pages data body) with Wasi = Some world })

let private plain name stops ends data body = inWorld name stops ends (root []) 1 data body

let private errno name number = $"returns {number}: {name}"

/// The page says an errno's name; the tests compare its number.
let private failing name stops (errnoName: string, number: uint16) world pages data body =
    let a = inWorld name stops $"returns {number}" world pages data body
    { a with Ends = errno errnoName number; Run = fun () -> $"{a.Run()}: {errnoName}" }

let private text at (s: string) = $"(data (i32.const {at}) \"{s}\")"

/// Calls until one fails; its errno.
let private until (call: string) = $"(loop $l (br_if $l (i32.eqz (local.tee $e {call})))) (local.get $e)"

let private file = [ "file", WasiNode.File "some bytes"B ]

let private chain n = [ for i in 1..n -> $"l{i:d3}", WasiNode.Link(if i = n then "file" else $"l{i + 1:d3}") ]

/// Links each of which walks a directory forth and back as long as a path may be.
let private farm =
    let back = String.replicate 580 "dir/../"

    [ "dir", WasiNode.Directory [] ]
    @ file
    @ [ for i in 1..40 -> $"l{i:d3}", WasiNode.Link(if i = 40 then "file" else back + $"l{i + 1:d3}") ]

let private many n = [ for i in 0 .. n - 1 -> $"n{i:d5}", WasiNode.File [||] ]

let private nospc, loop, inval, fbig =
    ("NOSPC", Errno.Nospc), ("LOOP", Errno.Loop), ("INVAL", Errno.Inval), ("FBIG", Errno.Fbig)

let private files = "the limit on files in memory"

/// A name of ten digits at 0, counted up.
let private counted =
    "(local.set $n (i32.add (local.get $n) (i32.const 1)))
     (i32.store (i32.const 0) (i32.add (i32.const 0x41414141) (i32.and (local.get $n) (i32.const 0x0F0F0F0F))))
     (i32.store (i32.const 4) (i32.add (i32.const 0x41414141) (i32.and (i32.shr_u (local.get $n) (i32.const 4)) (i32.const 0x0F0F0F0F))))"

let attacks: Attack list = [
    failing "two links to each other" "links followed: 40 at most" loop (root []) 1 (text 0 "ab")
    <| "(drop (call $path_symlink (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 1) (i32.const 1)))
        (drop (call $path_symlink (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 0) (i32.const 1)))
        (call $open (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0))"
    failing "a chain of 41 links" "the same" loop (root (file @ chain 41)) 1 (text 0 "l001")
    <| "(call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0))"
    inWorld
        "a farm of 40 links, each as long as a path may be, walked twenty times"
        "links and lengths of paths: the work of a call is bounded"
        "returns 0"
        (root (List.sortBy fst farm))
        1
        (text 0 "l001")
        "(loop $l
           (local.set $e (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 4096)))
           (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20))))
         (local.get $e)"
    failing
        "links that lead out, absolute and by `..`"
        "no path leaves what was granted"
        ("PERM", Errno.Perm)
        (root [])
        1
        (text 0 "../../etc")
    <| "(drop (call $path_symlink (i32.const 0) (i32.const 9) (i32.const 3) (i32.const 6) (i32.const 1)))
        (call $open (i32.const 3) (i32.const 6) (i32.const 1) (i32.const 0))"
    failing "directories in directories, as deep as it goes" files nospc (root []) 1 (text 0 "d")
    <| "(local.set $fd (i32.const 3))
        (loop $l
          (if (i32.eqz (local.tee $e (call $path_create_directory (local.get $fd) (i32.const 0) (i32.const 1)))) (then
            (if (call $openDirectory (local.get $fd) (i32.const 0)) (then (return (i32.const -1))))
            (if (i32.gt_u (local.get $fd) (i32.const 3)) (then (drop (call $fd_close (local.get $fd)))))
            (local.set $fd (call $opened)) (br $l))))
        (local.get $e)"
    failing "files in one directory, as many as it goes" files nospc (root []) 1 ""
    <| $"(loop $l {counted}
           (if (i32.eqz (local.tee $e (call $open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 1)))) (then
             (drop (call $fd_close (call $opened))) (br $l))))
         (local.get $e)"
    failing "files that are unlinked and stay open" files nospc (root []) 1 (text 0 "f")
    <| "(loop $l
          (if (i32.eqz (local.tee $e (call $open (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 1)))) (then
            (drop (call $path_unlink_file (i32.const 3) (i32.const 0) (i32.const 1))) (br $l))))
        (local.get $e)"
    failing "a name of 256 bytes" "names have 255" ("NAMETOOLONG", Errno.Nametoolong) (root []) 1 (text 0 (String.replicate 256 "n"))
    <| "(if (call $path_create_directory (i32.const 3) (i32.const 0) (i32.const 255)) (then (return (i32.const -1))))
        (call $path_create_directory (i32.const 3) (i32.const 0) (i32.const 256))"
    failing
        "a path of 65,537 bytes"
        "it is refused before it is read"
        ("NAMETOOLONG", Errno.Nametoolong)
        (root [])
        2
        ""
        "(call $path_create_directory (i32.const 3) (i32.const 0) (i32.const 65537))"
    failing "cookies of `fd_readdir` from 2^63 on" "a cookie is a place in the listing" inval (root file) 1 ""
    <| "(call $fd_readdir (i32.const 3) (i32.const 0) (i32.const 4096) (i64.const -1) (i32.const 8192))"
    failing
        "one directory of a thousand files, listed by as many descriptors as there are"
        "listings count as files in memory"
        ("NOMEM", Errno.Nomem)
        (root (many 1000))
        1
        (text 0 ".")
        "(loop $l
           (if (call $openDirectory (i32.const 3) (i32.const 0)) (then (return (i32.const -1))))
           (br_if $l (i32.eqz (local.tee $e
             (call $fd_readdir (call $opened) (i32.const 8192) (i32.const 64) (i64.const 0) (i32.const 8))))))
         (local.get $e)"
    failing "`fd_allocate` of 2^63 bytes" "sizes end at 2^62" fbig (root file) 1 (text 0 "file")
    <| "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0)))
        (call $fd_allocate (call $opened) (i64.const 0) (i64.const 0x8000000000000000))"
    failing "a file of 2^61 bytes, nothing but a hole" "holes count as files in memory do" nospc (root file) 1 (text 0 "file")
    <| "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0)))
        (call $fd_filestat_set_size (call $opened) (i64.const 0x2000000000000000))"
    failing "a byte written at 2^60" "the same" nospc (root file) 1 (text 0 "file" + text 8 "\\00\\00\\00\\00\\01\\00\\00\\00")
    <| "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0)))
        (drop (call $fd_seek (call $opened) (i64.const 0x1000000000000000) (i32.const 0) (i32.const 4104)))
        (call $fd_write (call $opened) (i32.const 8) (i32.const 1) (i32.const 4104))"
    failing "`path_open` until it is refused" "descriptors: 4,096" ("MFILE", Errno.Mfile) (root file) 1 (text 0 "file")
    <| until "(call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0))"
    byRequest family "descriptors renumbered onto each other, for ever" "the journal's limit" "trap 64 JournalFull" (fun () ->
        let body =
            "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0)))
             (drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0)))
             (loop $l (drop (call $fd_renumber (i32.const 4) (i32.const 5))) (drop (call $fd_renumber (i32.const 5) (i32.const 4)))
               (drop (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 0))) (br $l))
             (unreachable)"

        { request cell unlimited (guest 1 (text 0 "file") body) with Wasi = Some(root file) })
    byRequest family "`random_get` of all memory, 64 MiB" "16 MiB a call" $"returns {Errno.Inval}" (fun () ->
        request roomy unlimited (guest 1024 "" "(call $random_get (i32.const 0) (i32.const 0x4000000))"))
    failing "`poll_oneoff` with 2^20 subscriptions" "8,192 a call" inval (root []) 1 ""
    <| "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0x100000) (i32.const 0))"
    plain "`poll_oneoff` with 8,192 subscriptions over each other" "events are written after all were read" "returns 0" ""
    <| "(drop (memory.grow (i32.const 10)))
        (call $poll_oneoff (i32.const 0) (i32.const 16) (i32.const 8192) (i32.const 655360))"
    plain
        "a clock that rings in 585 years, again and again"
        "nothing waits: virtual clocks move"
        "returns 0"
        (text 16 "\\01\\00\\00\\00\\00\\00\\00\\00\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff")
        "(loop $l
           (local.set $e (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
           (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
         (local.get $e)"
    failing
        "a thousand vectors, each of all memory, written to a file"
        "16 MiB a call, and the limit on files"
        nospc
        (root file)
        128
        (text 60000 "file")
    <| "(loop $l
          (i32.store offset=4 (i32.shl (local.get $n) (i32.const 3)) (i32.const 0x800000))
          (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1024))))
        (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 60000) (i32.const 4) (i32.const 0)
          (i64.const 0x1FFFFFFF) (i64.const 0x1FFFFFFF) (i32.const 0) (i32.const 60016)))
        (call $fd_write (i32.load (i32.const 60016)) (i32.const 0) (i32.const 1024) (i32.const 60016))"
    byRequest
        family
        "an environment of 10 MiB and a byte"
        "the limit on parameters counts arguments and environment"
        "rejected: request"
        (fun () ->
            let world = { root [] with Env = [ "A", String.replicate 10485759 "x" ] }
            { request cell unlimited (guest 1 "" "(i32.const 0)") with Wasi = Some world })
    byRequest family "a million arguments" "the same: each weighs eight bytes besides" "rejected: request" (fun () ->
        let world = { root [] with Args = List.replicate 1_500_000 "" }
        { request cell unlimited (guest 1 "" "(i32.const 0)") with Wasi = Some world })
    byRequest family "an environment of 1 MiB taken into 64 KiB" "the check of ranges" "trap 17 HostRangeOutOfBounds" (fun () ->
        let world = { root [] with Env = [ "A", String.replicate 1048576 "x" ] }

        {
            request cell unlimited (guest 1 "" "(call $environ_get (i32.const 0) (i32.const 16))") with
                Wasi = Some world
        })
]
