namespace Twofold.Conformance

// What of the suite is not run, and which wordings differ: each with its reason, nowhere else.
// In: levels of manifest.json, messages. Out: asked by the runner and the tests.

module Skips =
    /// The feature levels that must pass completely.
    let levels = set [ "1.0"; "2.0-nosimd"; "2.0+tail_call"; "2.0+multi_memory" ]

    /// The same for the oracle, which is ahead of the compiler while features are being built.
    let oracleLevels = levels

    let levelsOf host = if host = "oracle" then oracleLevels else levels

    /// Files of other levels, whose first modules already need what is not there yet.
    let otherLevels = "next issue"

    /// Files of other levels that are worth running now, because most of their modules are plain: linking and imports.
    /// Modules that need a feature of the next issue are skipped one by one.
    let partly = set [ "core/linking.json"; "core/imports.json" ]

    /// Proposals that 3.0 does not contain: their files are not judged. Each with what it would take.
    let never = [
        "proposals/custom-descriptors/",
        "custom descriptors (type descriptors, exact types) are no part of 3.0: new type forms, casts and allocations"
        "proposals/custom-page-sizes/", "custom page sizes are no part of 3.0: memories of single bytes, another form of limits"
        "proposals/wide-arithmetic/", "wide arithmetic (128-bit integers) is no part of 3.0: new opcodes"
    ]

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

    /// Pairs of the suite's wording and ours, where ours differs for a reason.
    /// The reference interpreter reads on over the end of a section and then compares sizes; we stop at the section's end.
    let wordings =
        set [
            "section size mismatch", "unexpected end of section or function"
            "length out of bounds", "unexpected end of section or function"
            "integer representation too long", "unexpected end of section or function"
            "integer too large", "unexpected end of section or function"
            // A number that is longer than its section: what follows is read as a section.
            "integer representation too long", "malformed section id"
            "integer too large", "malformed section id"
        ]

    /// The same for text, whose mistakes our parser may see at another token.
    let textWordings: Set<string * string> = set []
