module Twofold.Skills.Tests.World

// Small skills in text, and one harness that runs each in every way: twice, fresh and pooled, on every engine, replayed; all receipts are the same bytes.
// In: a skill's text, permissions, an input, what the outside answers. Out: the receipt.

open System
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Tests

let root =
    let rec up (dir: DirectoryInfo) =
        if File.Exists(Path.Combine(dir.FullName, "Directory.Packages.props")) then
            dir.FullName
        else
            up dir.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let ofRepository (path: string) = Path.Combine(root, path)

let private own = lazy (Directory.CreateTempSubdirectory("twofold-skills-").FullName)
let mutable private last = 0

/// A folder that nothing is in yet.
let folder () = Directory.CreateDirectory(Path.Combine(own.Value, string (Threading.Interlocked.Increment &last))).FullName

/// Removed when all tests have ended.
let removeFolders () =
    if own.IsValueCreated then
        Directory.Delete(own.Value, true)

let bytes (text: string) = Utf8.bytes text
let text (bytes: byte[]) = Text.Encoding.UTF8.GetString bytes

let wasm (wat: string) =
    match Text.Wat.toBinary WasmLimits.Host Features.All (Utf8.bytes wat) with
    | Ok b -> b
    | Error e -> failwith $"{e}"

/// A bump allocator and what most skills here need; `rest` is the skill.
let skillModule (imports: string) (rest: string) =
    $"""(module {imports}
      (memory (export "memory") 2)
      (global $top (mut i32) (i32.const 65536))
      (func $alloc (export "alloc") (param i32) (result i32)
        global.get $top
        global.get $top local.get 0 i32.add i32.const 15 i32.add i32.const -16 i32.and global.set $top)
      (func (export "dealloc") (param i32 i32))
      {rest})"""

/// Answers with what it was given.
let echo =
    skillModule
        ""
        """(func (export "execute") (param i32 i32) (result i64)
             local.get 0 i64.extend_i32_u i64.const 32 i64.shl local.get 1 i64.extend_i32_u i64.or)"""

/// Passes its input to a function of `cis` of the form (ptr, len, out, cap) and answers what came, or the code as four bytes at 0.
let passing name =
    skillModule
        $"""(import "cis" "{name}" (func $ask (param i32 i32 i32 i32) (result i32)))
            (import "cis" "read_reply" (func $again (param i32 i32) (result i32)))
            (import "cis" "last_error" (func $why (result i32)))"""
        """(func (export "execute") (param i32 i32) (result i64) (local $n i32) (local $at i32)
             (local.set $n (call $ask (local.get 0) (local.get 1) (i32.const 0) (i32.const 0)))
             (if (i32.lt_s (local.get $n) (i32.const 0)) (then
               (i32.store (i32.const 0) (call $why))
               (return (i64.const 4))))
             (local.set $at (call $alloc (local.get $n)))
             (drop (call $again (local.get $at) (local.get $n)))
             (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $n))))"""

let permissions (texts: string list) =
    texts
    |> List.map (fun t ->
        match Permission.parse t with
        | Ok p -> p
        | Error why -> failwith why)

let manifest (name: string) (granted: string list) (wasm: byte[]) : SkillManifest = {
    Name = name
    Version = "1.0.0"
    Description = ""
    Module = "skill.wasm"
    Sha256 = Hash32.sha256 (ReadOnlySpan wasm)
    Entry = "execute"
    Limits = SkillManifest.defaults
    Permissions = permissions granted
    World = { Args = []; Env = []; Folders = [] }
}

/// The same as text.
let manifestText (granted: string list) (wasm: byte[]) = SkillManifest.toJson (manifest "test" granted wasm)

let skillOf (m: SkillManifest) (wasm: byte[]) =
    match Skill.check m wasm with
    | Ok s -> s
    | Error refused -> failwith (String.Join("; ", refused))

let skill granted (wat: string) =
    let b = wasm wat
    skillOf (manifest "test" granted b) b

/// Why a skill is refused, all reasons in one line.
let refusal granted (wat: string) =
    let b = wasm wat

    match Skill.check (manifest "test" granted b) b with
    | Ok _ -> "accepted"
    | Error refused -> String.Join("; ", refused)

/// Answers with a function and counts.
type Outside(answer: SkillEffect -> SkillAnswer) =
    let mutable asked = 0
    member _.Asked = asked

    interface ISkillProvider with
        member _.Answer(_, effect, _) =
            asked <- asked + 1
            answer effect

let nobody = Outside(fun _ -> SkillAnswer.Failed SkillError.Unavailable)

let engines: (string * IWasmEngine) list = [
    "compiled", CompiledEngine() :> IWasmEngine
    "interpreter", InterpretedEngine() :> IWasmEngine
    match WasmtimeForTests.tryPlain () with
    | Some engine -> "wasmtime", engine :> IWasmEngine
    | None -> ()
]

let executor (engine: IWasmEngine) (outside: ISkillProvider) idle =
    new Executor(
        {
            ExecutorOptions.For engine with
                Skills = outside
                Pool = { PoolOptions.Default with IdlePerModule = idle; ProveResets = true }
        }
    )

let private report (e: Executor) request : ExecutionReport =
    match e.Execute request with
    | Ok report -> report
    | Error refusal -> failwith $"no receipt: {refusal}"

/// Runs the request in every way. A replay asks nobody.
let everyWay (outside: ISkillProvider) (request: ExecutionRequest) : ExecutionReport =
    let wasm =
        match request.Module with
        | ModuleSource.Bytes b -> b
        | ModuleSource.Stored _ -> failwith "a stored module"

    let reports = [
        for name, engine in engines do
            use fresh = executor engine outside 0
            use pooled = executor engine outside 4
            yield $"{name}, fresh", report fresh request
            yield $"{name}, fresh again", report fresh request
            yield $"{name}, pooled", report pooled request
            yield $"{name}, pooled again", report pooled request
    ]

    let _, first = reports.Head
    let encoded = ReceiptBytes.encode first.Receipt

    for name, r in reports.Tail do
        if ReceiptBytes.encode r.Receipt <> encoded then
            Assert.Fail $"{name} gives another receipt:\n{ReceiptJson.toJson r.Receipt}\n{ReceiptJson.toJson first.Receipt}"

    // Through its readable form, as a receipt would arrive.
    match ReceiptJson.ofJson (ReceiptJson.toJson first.Receipt) with
    | Error why -> Assert.Fail why
    | Ok receipt ->
        for name, engine in engines do
            use e = executor engine null 4

            for round in 1..2 do
                match e.Replay(receipt, wasm) with
                | ReplayResult.Identical _ -> ()
                | other -> Assert.Fail $"the replay on {name}, round {round}: {other}"

    first

let run outside (s: Skill) (input: string) = everyWay outside (Skill.request s (bytes input))
let resultOf (r: ExecutionReport) = text r.Receipt.ReturnData
