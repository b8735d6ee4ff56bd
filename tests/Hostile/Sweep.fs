/// Calls of every host function with every bad pointer and length, made of the ABI tables: a new row is swept without anybody adding a test.
/// In: a table, a memory's shape. Out: a guest with an export for each row, and for each row one plausible call and all its hostile neighbours.
module Twofold.Hostile.Sweep

open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism

/// The memories that guests have when they call.
[<RequireQualifiedAccess>]
type Shape =
    /// No memory at all.
    | None
    | NoPages
    | OnePage
    /// Imported; it grows by a page before the call (and WASI's file is opened before that).
    | Grows

    /// Where memory ends when the call comes.
    member s.End =
        match s with
        | None
        | NoPages -> 0UL
        | OnePage -> 65536UL
        | Grows -> 131072UL

    member s.HasPages = s.End > 0UL

// ---- what lies where in a memory with pages

let private address, hash, text, script, vectors, subscription = 256, 320, 64, 512, 128, 160
let private file, fresh, link, directory = 64, 96, 80, 100

let private caller = string World.alice

let private data =
    $"""(data (i32.const {file}) "file") (data (i32.const {link}) "link") (data (i32.const {fresh}) "new") (data (i32.const {directory}) "dir")
        (data (i32.const {vectors}) "\00\04\00\00\10\00\00\00\00\08\00\00\10\00\00\00")
        (data (i32.const {subscription + 16}) "\01\00\00\00") (data (i32.const {subscription + 24}) "\e8\03")
        (data (i32.const {address}) "{caller}") (data (i32.const {script - 4}) "\04\00\00\00h\00i\00")"""

/// Arrays of vectors that a guest ought not to give, each at its own place: outside memory, over each other, over the array itself, without end.
let private badVectors (shape: Shape) : (uint64 * (uint64 * uint64) list) list =
    let ends = shape.End

    [
        [ ends, 1UL ]
        [ ends - 1UL, 2UL ]
        [ 0UL, 0xFFFF_FFFFUL ]
        [ 0x8000_0000UL, 0x8000_0000UL ]
        [ 0xFFFF_FFF0UL, 0x20UL ]
        [ ends, 0UL ]
        [ 0xFFFF_FFFFUL, 0UL ]
        [ 0UL, ends; 0UL, ends ]
        [ 20000UL, 64UL; 20006UL, 64UL ]
        // What is read lands on the vectors that say where it goes.
        [ 12288UL + 64UL * 9UL, 12UL; 20000UL, 64UL ]
        // The same with the place for the answer.
        [ 4096UL + 512UL * 3UL, 600UL; 20000UL, 64UL ]
    ]
    |> List.mapi (fun i vectors -> 12288UL + 64UL * uint64 i, vectors)

let private vectorData (shape: Shape) =
    let little (n: uint64) = System.BitConverter.GetBytes(uint32 n) |> Array.map (fun b -> $"\\{b:x2}") |> System.String.Concat

    [
        for at, vectors in badVectors shape do
            let bytes = vectors |> List.map (fun (address, length) -> little address + little length) |> System.String.Concat
            $"(data (i32.const {at}) \"{bytes}\")"
    ]
    |> String.concat " "

// ---- plausible arguments

let private preview1 (row: AbiRow) (index: int) (p: AbiParam) : uint64 =
    let onDirectory = row.Name.StartsWith "path_" || row.Name = "fd_readdir" || row.Name.StartsWith "fd_prestat"
    // A name that is not there yet, a link, a directory: whichever the call is for.
    let path, length =
        match row.Name with
        | "path_create_directory"
        | "path_symlink" -> fresh, 3
        | "path_readlink" -> link, 4
        | "path_remove_directory" -> directory, 3
        | _ -> file, 4

    match p.Name with
    | "fd" when onDirectory -> 3UL
    | "old_fd"
    | "new_fd" -> 3UL
    | "fd"
    | "to" -> 4UL
    | "new_path" -> uint64 fresh
    | "new_path_len" -> 3UL
    | "target" -> uint64 file
    | "target_len" -> 4UL
    | "path" when row.Name <> "fd_prestat_dir_name" -> uint64 path
    | "path_len" -> uint64 length
    | "old_path" -> uint64 file
    | "old_path_len" -> 4UL
    | "iovs"
    | "ciovs" -> uint64 vectors
    | "iovs_len"
    | "ciovs_len" -> 2UL
    | "in" -> uint64 subscription
    | "nsubscriptions" -> 1UL
    | "buf_len" -> 64UL
    | "len"
    | "size" -> 16UL
    | "flags"
    | "old_flags"
    | "id"
    | "advice"
    | "whence"
    | "fst_flags"
    | "oflags"
    | "fdflags"
    | "code" -> 0UL
    | _ when p.Type = AbiType.I64 -> 0UL
    // A place for an answer, each its own.
    | _ -> uint64 (4096 + 512 * index)

let private plausibleOne (row: AbiRow) (index: int) (p: AbiParam) : uint64 =
    match p.Kind with
    | ParamKind.Amount
    | ParamKind.Version
    | ParamKind.Level
    | ParamKind.Position -> 1UL
    | ParamKind.Height -> 999UL
    | ParamKind.ResourceKind -> 1UL
    | ParamKind.Size -> 64UL
    | ParamKind.Block -> 0UL
    | ParamKind.ScriptText -> uint64 script
    | ParamKind.InAddress -> uint64 address
    | ParamKind.InHash -> uint64 hash
    | ParamKind.InBytes -> uint64 text
    | ParamKind.Length -> 4UL
    | ParamKind.Capacity -> 256UL
    | ParamKind.FillLength -> 32UL
    | ParamKind.OutAddress
    | ParamKind.OutHash
    | ParamKind.OutBytes
    | ParamKind.OutCapped
    | ParamKind.OutFill -> uint64 (4096 + 512 * index)
    | ParamKind.Preview1 -> preview1 row index p

/// A call that a guest could mean.
let plausible (row: AbiRow) : uint64 list = row.Params |> List.mapi (plausibleOne row)

// ---- hostile arguments

let private u32 (n: uint64) = n &&& 0xFFFF_FFFFUL

/// What a pointer, length, count, flag or descriptor of 32 bits takes in turn; `others` are the call's other arguments: overlaps.
let bad32 (ends: uint64) (others: uint64 list) : uint64 list =
    [
        0UL
        1UL
        5UL // closed, as descriptors go
        4097UL // misaligned
        65536UL // the end of the first page, whether memory grew or not
        u32 (ends - 1UL)
        ends
        ends + 1UL
        0x7FFF_FFFFUL
        0x8000_0000UL
        0xFFFF_FFFEUL
        0xFFFF_FFFFUL
    ]
    @ (others |> List.filter (fun n -> n > 16UL && n < 0x1_0000_0000UL))

let private bad64 = [
    0UL
    1UL
    0x7FFF_FFFFUL
    0x8000_0000UL
    0xFFFF_FFFFUL
    0x1_0000_0000UL
    0x3FFF_FFFF_FFFF_FFFFUL
    0x4000_0000_0000_0000UL
    0x7FFF_FFFF_FFFF_FFFFUL
    0x8000_0000_0000_0000UL
    0xFFFF_FFFF_FFFF_FFFFUL
]

/// What two parameters that follow each other take together, as if a pointer and its length.
let badPairs (ends: uint64) : (uint64 * uint64) list = [
    ends, 0UL
    u32 (ends - 1UL), 1UL
    u32 (ends - 1UL), 2UL
    ends, 1UL
    0UL, ends
    0UL, ends + 1UL
    1UL, ends
    0x7FFF_FFFFUL, 0x7FFF_FFFFUL
    0x8000_0000UL, 0x8000_0000UL
    0xFFFF_FFF0UL, 0x20UL // ends beyond 2^32
    0xFFFF_FFFFUL, 1UL
    0xFFFF_FFFFUL, 0xFFFF_FFFFUL
]

/// All hostile neighbours of a row's plausible call, each once.
let hostile (shape: Shape) (row: AbiRow) : uint64 list list =
    let call = plausible row
    let is32 i = row.Params[i].Type = AbiType.I32
    let others i = call |> List.indexed |> List.filter (fun (j, _) -> j <> i) |> List.map snd

    [
        for i in 0 .. call.Length - 1 do
            for value in (if is32 i then bad32 shape.End (others i) else bad64) do
                List.updateAt i value call

        for i in 0 .. call.Length - 2 do
            if is32 i && is32 (i + 1) then
                for a, b in badPairs shape.End do
                    call |> List.updateAt i a |> List.updateAt (i + 1) b

        if shape.HasPages then
            for i in 0 .. call.Length - 2 do
                if row.Params[i].Name.EndsWith "iovs" then
                    for at, vectors in badVectors shape do
                        for count in [ uint64 vectors.Length; 1024UL; 1025UL; 0xFFFF_FFFFUL ] do
                            call |> List.updateAt i at |> List.updateAt (i + 1) count
    ]
    |> List.distinct

// ---- the guest

/// Rows that are called.
let rows (table: AbiRow list) : AbiRow list = table |> List.filter (fun r -> r.Action <> RowAction.Memory)

let private signature (row: AbiRow) =
    let ps = row.Params |> List.map (fun p -> string p.Type) |> String.concat " "
    let result = row.Result |> Option.map (fun t -> $"(result {t})") |> Option.defaultValue ""
    $"(param {ps}) {result}"

/// Imports of rows as text, each under its own name.
let imports (table: AbiRow list) : string =
    rows table
    |> List.map (fun row -> $"(import \"{row.Module}\" \"{row.Name}\" (func ${row.Name} {signature row}))")
    |> String.concat "\n"

/// Opens `file` for everything: descriptor 4.
let private opens =
    $"(drop (call $path_open (i32.const 3) (i32.const 0) (i32.const {file}) (i32.const 4) (i32.const 0) (i64.const 0x1FFFFFFF) (i64.const 0x1FFFFFFF) (i32.const 0) (i32.const 4000)))"

/// Imports the whole table; exports each row under its name, and makes what its call needs first.
let guest (table: AbiRow list) (shape: Shape) : byte[] =
    let rows = rows table
    let isWasi = rows |> List.exists (fun r -> r.Module = WasiTable.Module)

    let export (row: AbiRow) =
        let arguments = row.Params |> List.mapi (fun i _ -> $"(local.get {i})") |> String.concat " "

        let before = [
            if isWasi && shape.HasPages then
                opens
            if shape = Shape.Grows then
                "(drop (memory.grow (i32.const 1)))"
        ]

        let before = String.concat " " before
        $"(func (export \"{row.Name}\") {signature row} {before} (call ${row.Name} {arguments}))"

    let imported, own =
        match shape with
        | Shape.None -> "", ""
        | Shape.NoPages -> "", """(memory (export "memory") 0 4)"""
        | Shape.OnePage -> "", """(memory (export "memory") 1 4)"""
        | Shape.Grows -> """(import "env" "memory" (memory 1 4))""", ""

    let lines = [
        imports table
        imported
        own
        if shape.HasPages then
            data
            vectorData shape
        yield! rows |> List.map export
    ]

    Everywhere.wasm ("(module\n" + String.concat "\n" lines + ")")

let private everything = {
    Name = "sweep"
    Version = "1.0.0"
    Permissions =
        [ "ai"; "memory"; "http:*"; "wasi" ]
        |> List.choose (fun text ->
            match Permission.parse text with
            | Ok p -> Some p
            | Error _ -> None)
}

let world = {
    WasiWorld.empty with
        Args = [ "program"; "one" ]
        Env = [ "NAME", "value" ]
        Input = WasiInput.Bytes "standard input"B
        Preopens = [
            {
                Guest = "/"
                Grant = WasiGrant.All
                Content =
                    WasiDirectory.Memory [
                        "dir", WasiNode.Directory []
                        "file", WasiNode.File "what the file holds"B
                        "link", WasiNode.Link "file"
                    ]
            }
        ]
}

/// A call of a row by the guest that has it.
let request (wasm: byte[]) (row: AbiRow) (arguments: uint64 list) : ExecutionRequest = {
    Request.contract wasm row.Name World.alice World.token World.empty with
        Convention = Convention.Raw arguments
        Profile = Profile.skill
        Parameters = "parameters"B
        RandomSeed = Some "seed"B
        Skill = Some everything
        Wasi = Some world
}
