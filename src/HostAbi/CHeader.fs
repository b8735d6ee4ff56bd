namespace Twofold.HostAbi

// The header for contracts in C: sdk/c/twofold.h, written from the table.
// In: AbiTable, statuses, errors. Out: the text of the file; a test compares it with the checked-in one.

open System.Text

/// Generates sdk/c/twofold.h.
module CHeader =
    let private cType (p: AbiParam) =
        match p.Kind, p.Type with
        | (ParamKind.InAddress | ParamKind.InHash | ParamKind.InBytes | ParamKind.ScriptText), _ -> "const void *"
        | (ParamKind.OutAddress | ParamKind.OutHash | ParamKind.OutBytes | ParamKind.OutCapped | ParamKind.OutFill | ParamKind.Block), _ ->
            "void *"
        | (ParamKind.Level | ParamKind.ResourceKind | ParamKind.Position), _ -> "int32_t "
        | _, AbiType.I32 -> "uint32_t "
        | _, AbiType.I64 -> "uint64_t "

    let private declaration (row: AbiRow) =
        let result =
            match row.Action, row.Result with
            | RowAction.Allocate, _ -> "void *"
            | _, Some AbiType.I32 -> "uint32_t "
            | _, Some AbiType.I64 -> "uint64_t "
            | _, None -> "void "

        let ps =
            match row.Params with
            | [] -> "void"
            | ps -> ps |> List.map (fun p -> cType p + p.Name) |> String.concat ", "

        let attribute = if row.Action = RowAction.Abort then " __attribute__((noreturn))" else ""

        $"/* {row.Doc}\n * Answers {row.Answer}. */\nTWOFOLD_IMPORT(\"{row.Name}\"){attribute}\n{result}twofold_{row.Name}({ps});\n"

    /// The text of the header.
    let text: string =
        let b = StringBuilder()
        let line (s: string) = b.Append(s).Append('\n') |> ignore

        line "/* Twofold: the host functions that a contract may import, for C (clang --target=wasm32)."
        line " *"
        line " * Generated from the ABI table in src/HostAbi; do not edit. The meaning of everything is in docs/HOST_ABI.md."
        line " * A result of 0 means failure; twofold_get_last_error() tells a failure from an empty value. */"
        line "#ifndef TWOFOLD_H"
        line "#define TWOFOLD_H"
        line ""
        line "#include <stdint.h>"
        line ""
        line $"#define TWOFOLD_ABI_VERSION {Schedule.abiVersion}"
        line "#define TWOFOLD_IMPORT(name) extern __attribute__((import_module(\"env\"), import_name(name)))"
        line "/* An entry of a contract: TWOFOLD_ENTRY(Transfer) { ... return TWOFOLD_SUCCESS; } */"
        line "#define TWOFOLD_ENTRY(name) __attribute__((export_name(#name))) int32_t name(void)"
        line ""
        line $"#define TWOFOLD_ADDRESS_LENGTH {Address.Length}"
        line $"#define TWOFOLD_HASH_LENGTH {Hash32.Length}"
        line $"#define TWOFOLD_TOKEN_NAME_MAX {TokenId.MaxNameBytes}"
        line ""
        line "/* What an entry answers. */"
        line "enum twofold_contract_status {"

        for _, n, name, doc in ContractStatus.all do
            line $"    TWOFOLD_{name} = {n}, /* {doc} */"

        line "};"
        line ""
        line "/* What twofold_get_last_error() answers. */"
        line "enum twofold_error {"
        line "    TWOFOLD_E_NONE = 0, /* The last call succeeded. */"

        for _, n, name, doc, _ in HostErrorCode.all do
            line $"    TWOFOLD_E_{name} = {n}, /* {doc} */"

        line "};"
        line ""
        line "/* The first byte of a lock, see docs/HOST_ABI.md for what follows it. */"
        line "enum twofold_lock {"
        line "    TWOFOLD_LOCK_NONE = 0,"
        line "    TWOFOLD_LOCK_TIME = 1,"
        line "    TWOFOLD_LOCK_HEIGHT = 2,"
        line "    TWOFOLD_LOCK_THRESHOLD = 3,"
        line "    TWOFOLD_LOCK_DELEGATION = 4,"
        line "    TWOFOLD_LOCK_CONTRACT = 5,"
        line "};"
        line ""
        line "/* The kind in twofold_append_resource_output. */"
        line "enum twofold_resource {"

        for kind, name in [ ResourceKind.Wasm, "WASM"; ResourceKind.Onnx, "ONNX"; ResourceKind.Document, "DOCUMENT" ] do
            line $"    TWOFOLD_RESOURCE_{name} = {kind.Number},"

        line "};"
        line ""

        for row in AbiTable.env do
            if row.Action <> RowAction.Memory then
                line (declaration row)

        line "/* The status that an entry would usually answer with after a host call that failed. */"
        line "static inline int32_t twofold_status_of_last_error(void) {"
        line "    switch (twofold_get_last_error()) {"
        line "    case TWOFOLD_E_NONE: return TWOFOLD_SUCCESS;"

        for status, _, name, _ in ContractStatus.all do
            let cases = HostErrorCode.all |> List.filter (fun (_, _, _, _, s) -> s = status)

            if status <> ContractStatus.ExecutionFailed && not cases.IsEmpty then
                for _, _, error, _, _ in cases do
                    line $"    case TWOFOLD_E_{error}:"

                line $"        return TWOFOLD_{name};"

        line "    default: return TWOFOLD_EXECUTION_FAILED;"
        line "    }"
        line "}"
        line ""
        line "#endif"
        b.ToString()
