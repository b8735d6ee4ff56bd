module Twofold.Security.Readers

// Guests that read all they can of their host and hand over their whole memory: every function of every table with numbers that lie in memory, and WASI
// call by call over a directory of the host. In: tables of host functions. Out: modules in text.

open System
open Twofold.HostAbi

/// Pages of the readers' memories; all is handed over.
[<Literal>]
let private Pages = 4

let private memoryBytes = Pages * 65536

/// Functions that end the run, or would never come back.
let private ending = set [ "abort"; "proc_exit" ]

let private rows (modules: string list) =
    AbiTable.all
    |> List.filter (fun r -> List.contains r.Module modules && r.Action <> RowAction.Memory && not (ending.Contains r.Name))

let private import (r: AbiRow) =
    let parameters = r.Params |> List.map (fun p -> string p.Type) |> String.concat " "
    let result = r.Result |> Option.map (fun t -> $"(result {t})") |> Option.defaultValue ""
    $"""(import "{r.Module}" "{r.Name}" (func $%s{r.Module}.{r.Name} (param {parameters}) {result}))"""

/// Notes a result where the log has come to.
let private noted (r: AbiRow) (call: string) =
    match r.Result with
    | None -> call
    | Some AbiType.I32 -> $"(call $note (i64.extend_i32_s {call}))"
    | Some AbiType.I64 -> $"(call $note {call})"

let private frame (imports: AbiRow list) (rest: string) (data: string) =
    let lines = imports |> List.map import |> String.concat "\n"

    $"""(module {lines}
          (memory (export "memory") {Pages})
          (global $log (mut i32) (i32.const 4096))
          (func $note (param i64) (i64.store (global.get $log) (local.get 0)) (global.set $log (i32.add (global.get $log) (i32.const 8))))
          {data}
          {rest})"""

/// Every function of these tables, each i32 this number: pointers, lengths and descriptors at once.
let private sweep (imports: AbiRow list) (numbers: int list) =
    [
        for n in numbers do
            for r in imports do
                let arguments =
                    r.Params
                    |> List.map (fun p ->
                        match p.Type with
                        | AbiType.I32 -> $"(i32.const {n})"
                        | AbiType.I64 -> $"(i64.const {n})")
                    |> String.concat " "

                noted r $"(call $%s{r.Module}.{r.Name} {arguments})"
    ]
    |> String.concat "\n"

/// A contract that calls all of `env`; its memory is the return data.
let contract =
    let imports = rows [ "env" ]

    frame
        imports
        $"""(func (export "run") (result i32) {sweep imports [ 0; 3; 20000; 40000 ]}
              (call $env.set_return_data (i32.const 0) (i32.const {memoryBytes})) (i32.const 0))"""
        """(data (i32.const 20000) "0x1111111111111111111111111111111111111111")"""

/// A skill that calls all of `cis`, with addresses, keys and prompts; its memory is the result.
let skill (addresses: string list) =
    let imports = rows [ "cis" ]

    let texts = addresses |> List.mapi (fun i text -> 30000 + i * 512, text)
    let asks = [ "http_request_full"; "ai_prompt"; "memory_get" ]

    let asked =
        [
            for at, text in texts do
                let n = Text.Encoding.UTF8.GetByteCount text

                for name in asks do
                    $"(call $note (i64.extend_i32_s (call $cis.{name} (i32.const {at}) (i32.const {n}) (i32.const 60000) (i32.const 4096))))"
                    "(call $note (i64.extend_i32_s (call $cis.last_error)))"
                    "(call $note (i64.extend_i32_s (call $cis.read_reply (i32.const 70000) (i32.const 4096))))"

                $"(call $note (i64.extend_i32_s (call $cis.http_request (i32.const {at}) (i32.const {n}) (i32.const 0) (i32.const 0) (i32.const 60000) (i32.const 4096))))"
        ]
        |> String.concat "\n"

    let escaped (text: string) = text.Replace("\\", "\\\\").Replace("\"", "\\\"")
    let data = texts |> List.map (fun (at, text) -> $"(data (i32.const {at}) \"{escaped text}\")") |> String.concat "\n"

    frame
        imports
        $"""(func (export "alloc") (param i32) (result i32) (i32.const 100000))
            (func (export "execute") (param i32 i32) (result i64) {sweep imports [ 0; 20000 ]} {asked} (i64.const {memoryBytes}))"""
        data

// ---- WASI

/// An argument: a number, room for an answer, a text by pointer and length.
type private Argument =
    | N of int64
    | Room of int
    | Path of string

/// A program that looks at everything; descriptor 3 is a directory of the host, 4 one in memory. Its memory is its standard output.
let program =
    let imports = rows [ "wasi_snapshot_preview1" ]
    let byName = imports |> List.map (fun r -> r.Name, r) |> dict
    let mutable room = 32768
    let mutable paths = 512
    let data = Collections.Generic.List<string>()

    let take (bytes: int) =
        let at = room
        room <- room + (bytes + 15) / 16 * 16
        int64 at

    let text (path: string) =
        let at = paths
        paths <- paths + path.Length
        data.Add $"(data (i32.const {at}) \"{path}\")"
        [ int64 at; int64 path.Length ]

    let call (name: string) (arguments: Argument list) =
        let r = byName[name]

        let values =
            arguments
            |> List.collect (fun a ->
                match a with
                | N n -> [ n ]
                | Room bytes -> [ take bytes ]
                | Path p -> text p)

        let typed = List.zip r.Params values |> List.map (fun (p, v) -> $"({p.Type}.const {v})") |> String.concat " "
        noted r $"(call $wasi_snapshot_preview1.{name} {typed})"

    let all = 0x1FFF_FFFFL
    let reading = 0x20_4026L
    // The one vector stands at 256; each reading has room of its own.
    let vector = N 256L
    let toRoom () = $"(i32.store (i32.const 256) (i32.const {take 256})) (i32.store (i32.const 260) (i32.const 256))"

    let aboutDescriptor (fd: int64) = [
        call "fd_fdstat_get" [ N fd; Room 24 ]
        call "fd_filestat_get" [ N fd; Room 64 ]
        call "fd_prestat_get" [ N fd; Room 8 ]
        call "fd_prestat_dir_name" [ N fd; Room 64; N 64L ]
        call "fd_tell" [ N fd; Room 8 ]
        call "fd_readdir" [ N fd; Room 1024; N 1024L; N 0L; Room 4 ]
        call "fd_seek" [ N fd; N 0L; N 2L; Room 8 ]
        toRoom ()
        call "fd_pread" [ N fd; vector; N 1L; N 0L; Room 4 ]
        toRoom ()
        call "fd_read" [ N fd; vector; N 1L; Room 4 ]
        call "fd_advise" [ N fd; N 0L; N 0L; N 0L ]
        call "fd_sync" [ N fd ]
    ]

    let aboutPath (fd: int64) (path: string) = [
        call "path_filestat_get" [ N fd; N 0L; Path path; Room 64 ]
        call "path_filestat_get" [ N fd; N 1L; Path path; Room 64 ]
        call "path_readlink" [ N fd; Path path; Room 256; N 256L; Room 4 ]
        call "path_open" [ N fd; N 1L; Path path; N 0L; N reading; N all; N 0L; Room 4 ]
    ]

    let changes (fd: int64) = [
        call "path_open" [ N fd; N 0L; Path "made"; N 1L; N all; N 0L; N 0L; Room 4 ]
        yield! aboutPath fd "made"
        call "path_unlink_file" [ N fd; Path "made" ]
        call "path_open" [ N fd; N 0L; Path "again"; N 1L; N all; N 0L; N 0L; Room 4 ]
        yield! aboutPath fd "again"
        call "path_create_directory" [ N fd; Path "folder" ]
        yield! aboutPath fd "folder"
        call "path_rename" [ N fd; Path "again"; N fd; Path "folder/moved" ]
        call "path_symlink" [ Path "folder/moved"; N fd; Path "newlink" ]
        call "path_link" [ N fd; N 0L; Path "folder/moved"; N fd; Path "hard" ]
        call "path_filestat_set_times" [ N fd; N 0L; Path "hard"; N 5L; N 6L; N 9L ]
        yield! aboutPath fd "hard"
        call "path_remove_directory" [ N fd; Path "folder" ]
        call "fd_filestat_set_times" [ N fd; N 1L; N 2L; N 6L ]
        call "fd_readdir" [ N fd; Room 1024; N 1024L; N 0L; Room 4 ]
    ]

    let lines =
        [
            for name in [ "args"; "environ" ] do
                call $"{name}_sizes_get" [ Room 4; Room 4 ]
                call $"{name}_get" [ Room 256; Room 1024 ]
            for clock in 0L .. 4L do
                call "clock_res_get" [ N clock; Room 8 ]
                call "clock_time_get" [ N clock; N 0L; Room 8 ]
            call "random_get" [ Room 256; N 256L ]
            call "sched_yield" []
            call "proc_raise" [ N 9L ]
            for fd in 0L .. 5L do
                yield! aboutDescriptor fd
            for fd in [ 3L; 4L ] do
                for path in
                    [
                        "plain.txt"
                        "sub"
                        "sub/inner.txt"
                        "link"
                        "out"
                        "missing"
                        "../outside.txt"
                        "/etc/passwd"
                        "/proc/self/environ"
                        "sub/../plain.txt"
                        "plain.txt/"
                        "."
                    ] do
                    yield! aboutPath fd path

                yield! changes fd
            for fd in 5L .. 12L do
                yield! aboutDescriptor fd
            call "poll_oneoff" [ Room 96; Room 64; N 2L; Room 4 ]
            for fd in [ 0L; 3L ] do
                call "sock_accept" [ N fd; N 0L; Room 4 ]
                call "sock_shutdown" [ N fd; N 0L ]
            sweep imports [ 0; 120000 ]
        ]
        |> String.concat "\n"

    // A sweep writes over what lies from its number on.
    if room > 120_000 then
        invalidOp $"the answers take {room} bytes"

    frame
        imports
        $"""(func (export "_start")
              {lines}
              ;; a sweep may have closed or moved what it liked: memory goes to what is still standard output
              (i32.store (i32.const 256) (i32.const 0)) (i32.store (i32.const 260) (i32.const {memoryBytes}))
              (call $note (i64.extend_i32_s (call $wasi_snapshot_preview1.fd_write (i32.const 1) (i32.const 256) (i32.const 1) (i32.const 264)))))"""
        (String.concat "\n" data)
