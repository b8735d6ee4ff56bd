namespace Twofold.HostAbi

// What derives from the table of `cis`: the reference page docs/CIS.md and the C header sdk/c/twofold_skill.h.
// In: CisTable, codes, limits. Out: texts; a test compares them with the checked-in ones.

open System.Globalization
open System.Text

/// Generates docs/CIS.md and sdk/c/twofold_skill.h.
module CisDocs =
    let private n (value: int64) = value.ToString("N0", CultureInfo.InvariantCulture)

    let private opening =
        """# The host functions of skills

Written from the table in `src/HostAbi` (`TWOFOLD_REWRITE=1 dotnet test tests/Properties` writes it again); do not edit. C skills include `sdk/c/twofold_skill.h`,
which comes from the same table. How skills are made, installed and run is in [SKILLS.md](SKILLS.md).

## Conventions

- A skill imports from the module `cis`; it may also import the functions of contracts from `env` ([HOST_ABI.md](HOST_ABI.md); there 0 means failure), and WASI with the permission `wasi`.
  An import that the manifest's permissions do not cover is refused before anything runs.
- Pointers and lengths are u32. A range outside memory traps.
- **An answer is its full length**, written only when it fits `out_cap`; `read_reply` fetches it into more room, without asking outside again. **A negative answer is a code.**
  `last_error` gives the code of the last call, 0 when it succeeded.
- Every answer is kept in the receipt with its bytes, failures too: a replay asks nobody.
- A key or an address that the permissions do not cover is DENIED; nobody outside is asked.

## Functions

Prices are gas: a base, then for each byte read as an argument or written as an answer. Putting the input into the guest's memory and taking the result out costs
"""

    let markdown: string =
        let b = StringBuilder()
        let line (s: string) = b.Append(s).Append('\n') |> ignore
        b.Append(opening.TrimEnd '\n').Append(' ') |> ignore
        line $"{n CisTable.handOver.Base} + {n CisTable.handOver.PerByte}/byte each."
        line ""
        line "| function | what it does | result | gas |"
        line "|---|---|---|---|"

        for row in CisTable.rows do
            let perByte = if row.Price.PerByte > 0L then $" + {n row.Price.PerByte}/byte" else ""
            line $"| `{row.Signature}` | {row.Doc} | {row.Answer} | {n row.Price.Base}{perByte} |"

        line ""
        line "## Codes"
        line ""
        line "| code | name | meaning |"
        line "|---|---|---|"
        line "| 0 | | (`last_error` only) the last call succeeded |"

        for _, code, name, doc in SkillError.all do
            line $"| {code} | {name} | {doc} |"

        line ""
        line "## Limits"
        line ""
        line "| what | most | above it |"
        line "|---|---|---|"

        for what, most in
            [
                "key", HostLimits.Contract.KeyBytes
                "value", HostLimits.Contract.ValueBytes
                "prompt", CisLimits.PromptBytes
                "address", CisLimits.UrlBytes
                "body of http_request, document of http_request_full", CisLimits.RequestBytes
                "answer", CisLimits.ReplyBytes
            ] do
            line $"| {what} | {n most} bytes | TOO_LARGE |"

        line ""
        line "## http_request_full"
        line ""

        line
            "The request is a JSON object: `url`; `method` (GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS; GET when it is absent); `headers`, an object of strings;"

        line
            "`body`, text, or `bodyBase64`, bytes. Headers that are about the connection (Host, Content-Length, Transfer-Encoding, Connection, Upgrade, TE, Trailer, Expect,"

        line
            "Keep-Alive, Proxy-*) and members of other names are INVALID. The answer is `{\"status\": 200, \"headers\": {...}, \"body\": \"...\"}` whatever the status, with"

        line "names of headers in lower case and in order, and `bodyBase64` when the body is not UTF-8."
        b.ToString()

    let private cType (p: AbiParam) =
        match p.Kind with
        | ParamKind.InBytes -> "const void *"
        | ParamKind.OutCapped -> "void *"
        | _ -> "uint32_t "

    let header: string =
        let b = StringBuilder()
        let line (s: string) = b.Append(s).Append('\n') |> ignore
        line "/* Twofold: the host functions that a skill may import, for C (clang --target=wasm32)."
        line " *"
        line " * Generated from the table in src/HostAbi; do not edit. The meaning of everything is in docs/CIS.md."
        line " * An answer is its full length, written only when it fits; a negative one is a code. */"
        line "#ifndef TWOFOLD_SKILL_H"
        line "#define TWOFOLD_SKILL_H"
        line ""
        line "#include <stdint.h>"
        line ""
        line "#define TWOFOLD_SKILL_EXPORT(name) __attribute__((export_name(#name)))"
        line "#define TWOFOLD_CIS(name) extern __attribute__((import_module(\"cis\"), import_name(name)))"
        line "/* What execute(ptr, len) answers. */"
        line "#define TWOFOLD_RESULT(ptr, len) ((int64_t)((uint64_t)(uint32_t)(uintptr_t)(ptr) << 32 | (uint32_t)(len)))"
        line ""
        line "enum cis_error {"

        for _, code, name, doc in SkillError.all do
            line $"    CIS_{name} = {code}, /* {doc} */"

        line "};"

        for row in CisTable.rows do
            let result = if row.Result.IsSome then "int32_t " else "void "

            let ps =
                match row.Params with
                | [] -> "void"
                | ps -> ps |> List.map (fun p -> cType p + p.Name) |> String.concat ", "

            line ""
            line $"/* {row.Doc}\n * Answers {row.Answer}. */"
            line $"TWOFOLD_CIS(\"{row.Name}\")"
            line $"{result}cis_{row.Name}({ps});"

        line ""
        line "#endif"
        b.ToString()
