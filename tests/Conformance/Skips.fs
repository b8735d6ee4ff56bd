namespace Twofold.Conformance

// What of the suite is not run: each with its reason. The runner's own reasons, and wordings that differ, are in Twofold.Wasm.Scripts.ScriptSkips.
// In: levels of manifest.json, messages. Out: asked by the runner and the tests.

open Twofold.Wasm

module Skips =
    /// The feature levels that must pass completely.
    let levels =
        set [
            "1.0"
            "2.0-nosimd"
            "2.0"
            "2.0+relaxed_simd"
            "2.0+tail_call"
            "2.0+multi_memory"
            "2.0+memory64"
            "2.0+threads"
            "2.0+exceptions"
        ]

    /// The same for the oracle, which is ahead of the compiler while features are being built.
    let oracleLevels =
        Set.union
            levels
            (set [
                "2.0"
                "2.0+relaxed_simd"
                "2.0+memory64"
                "2.0+exceptions"
                "2.0+most(no gc)"
                "2.0+threads"
                "beyond wabt (gc / typed refs / new EH ...)"
            ])

    let levelsOf host = if host = "oracle" then oracleLevels else levels

    /// Files of other levels, whose first modules already need what is not there yet.
    let otherLevels = "next issue"

    /// Files of other levels that are worth running now, because most of their modules are plain: linking and imports.
    /// Modules that need a feature of the next issue are skipped one by one.
    let private plain = set [ "core/linking.json"; "core/imports.json" ]

    let private withReferences =
        set [
            // Typed references and GC, which have no level of their own.
            "bulk-memory/table-sub.json"
            "bulk-memory/table_init.json"
            "core/br_on_non_null.json"
            "core/br_on_null.json"
            "core/br_table.json"
            "core/call_ref.json"
            "core/data.json"
            "core/elem.json"
            "core/global.json"
            "core/instance.json"
            "core/local_init.json"
            "core/ref.json"
            "core/ref_as_non_null.json"
            "core/ref_is_null.json"
            "core/ref_null.json"
            "core/return_call_ref.json"
            "core/table.json"
            "core/type-canon.json"
            "core/type-equivalence.json"
            "core/type-rec.json"
            "core/unreached-valid.json"
            "gc/array.json"
            "gc/array_copy.json"
            "gc/array_fill.json"
            "gc/array_init_data.json"
            "gc/array_init_elem.json"
            "gc/array_new_data.json"
            "gc/array_new_elem.json"
            "gc/br_on_cast.json"
            "gc/br_on_cast_fail.json"
            "gc/extern.json"
            "gc/i31.json"
            "gc/ref_cast.json"
            "gc/ref_eq.json"
            "gc/ref_test.json"
            "gc/struct.json"
            "gc/type-subtyping.json"
        ]

    /// Files of levels that GC opened, too.
    let private withExceptions =
        set [
            "exceptions/tag.json"
            "exceptions/try_table.json"
            "legacy-exceptions/try_catch.json"
            "legacy-exceptions/try_delegate.json"
        ]

    let partly = Set.unionMany [ plain; withReferences; withExceptions ]

    /// Proposals that 3.0 does not contain: their files are not judged.
    let never = Twofold.Wasm.Scripts.ScriptSkips.proposals

    /// Modules outside the suite that need such a proposal.
    let neverModules =
        set [
            // 128-bit integers.
            "wide.wasm"
        ]

    /// Random modules of smith.zip that allocate arrays of more bytes than the oracle is given (the compiled engine reproduces their traces).
    let beyondOracle = set [ "01174.wasm"; "02090.wasm" ]

    let contradictedReason = "3.0 allows what an older proposal forbids (several memories, several tables)"

    /// The reason why a file is not judged, if there is one.
    let neverFile (file: string) = never |> List.tryFind (fun (prefix, _) -> file.StartsWith prefix) |> Option.map snd

    /// Verdicts of other proposals' files that 3.0 contradicts.
    let contradicted =
        set [
            // The threads proposal stands on WebAssembly 1.0: a second memory or table is an error there, and a valid module in 3.0.
            "proposals/threads/", "multiple memories"
            "proposals/threads/", "multiple tables"
        ]

    /// Assertions about the text format in the JSON form of the suite: WastTests runs them from the scripts themselves.
    let textFormat = "text format: judged from the scripts"

    /// Custom annotations (branch hints) are not looked at.
    let customAnnotations = "custom annotations: never"
