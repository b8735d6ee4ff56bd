namespace Twofold.Conformance

// docs/SUITE.md and the table in README.md, made of whole runs of the suite: parts that different fixtures write, each between its own marks.
// In: a page, a part's name and lines. Out: the page rewritten (TWOFOLD_REWRITE=1), or a failure when it is stale.

open System
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation

module SuitePage =
    let suite = "docs/SUITE.md"
    let readme = "README.md"
    let private gate = obj ()

    /// Replaces what stands between a part's marks, or finds it current.
    let check (file: string) (part: string) (lines: string list) =
        let path = Path.Combine(Repository.root, file)
        let first, last = $"<!-- {part}: made by the conformance tests -->", $"<!-- end of {part} -->"
        let made = String.Join("\n", first :: "" :: lines @ [ ""; last ])

        lock gate (fun () ->
            let page = File.ReadAllText(path).ReplaceLineEndings "\n"
            let start, finish = page.IndexOf(first, StringComparison.Ordinal), page.IndexOf(last, StringComparison.Ordinal)
            Assert.That(start >= 0 && finish > start, $"{file} has no part {part}")
            let found = page.Substring(start, finish + last.Length - start)

            if Environment.GetEnvironmentVariable "TWOFOLD_REWRITE" = "1" then
                File.WriteAllText(path, page.Replace(found, made))
            else
                Assert.That(found, Is.EqualTo made, $"{file} is stale: run with TWOFOLD_REWRITE=1"))

/// Which feature a script is about: the newest that one of its modules needs.
module ScriptFeature =
    let private newestFirst = [
        Feature.Threads
        Feature.LegacyExceptions
        Feature.Gc
        Feature.Exceptions
        Feature.FunctionReferences
        Feature.Memory64
        Feature.MultiMemory
        Feature.ExtendedConst
        Feature.TailCall
        Feature.RelaxedSimd
        Feature.Simd
    ]

    /// Features are added one by one until the module is accepted.
    let private needed (bytes: byte[]) : Features =
        let limits = { Verdict.limits with MemoryBytes = Int64.MaxValue; TableEntries = Int64.MaxValue }
        let mutable features = Features.Wasm1
        let mutable go = true

        while go do
            match Decode.run limits features bytes |> Result.bind (Validate.run limits features) with
            | Error { Kind = RejectKind.Feature f } when not (features.Has f) -> features <- features.With f
            | _ -> go <- false

        features

    /// The row of the table that a script belongs to.
    let rowOf (script: byte[]) : string =
        let all =
            Script.parse script
            |> Result.defaultValue []
            |> List.choose (fun item ->
                match item.Command with
                | ScriptCommand.Module(_, m)
                | ScriptCommand.ModuleDefinition(_, m)
                | ScriptCommand.AssertUnlinkable(m, _)
                | ScriptCommand.AssertUninstantiable(m, _) -> Script.bytes m |> Result.toOption
                | _ -> None)
            |> List.map needed

        let uses (f: Feature) = all |> List.exists (fun x -> x.Has f)

        match newestFirst |> List.tryFind uses with
        | Some f -> Feature.name f
        | None when all |> List.exists (fun x -> x.Bits <> Features.Wasm1.Bits) -> "WebAssembly 2.0 without SIMD"
        | None -> "WebAssembly 1.0"
