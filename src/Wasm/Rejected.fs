namespace Twofold.Wasm

// Why a module or request was refused before anything ran: one record for every stage up to linking.
// In: made by Decode, Validate, Prepare and the linker. Out: shown to people; never thrown inside, never in a receipt.

/// The class of a refusal; the official suite tests it.
[<RequireQualifiedAccess>]
type RejectKind =
    /// The bytes are not a module (core specification, section 5).
    | Malformed
    /// The module breaks a validation rule (section 3).
    | Invalid
    /// The module needs a feature that is switched off.
    | Feature of Feature
    /// The module or request exceeds a limit of the profile.
    | Limit
    /// An import is missing or has another type (section 4.5.4).
    | Link
    /// A component, not a core module: not a goal yet.
    | Component
    /// A field of the request is unusable.
    | Request

/// A refusal that says what, where and what was expected.
type Rejected = {
    Kind: RejectKind
    /// The specification's wording where it has one (`type mismatch`, `unexpected end`), else a short sentence.
    Message: string
    /// Byte offset in the module, or -1 where there is none.
    Offset: int
    /// Where in the module or request: `function 12 (add)`, `import env.log`, `gas limit`; empty where the offset says it all.
    Where: string
    /// What would have been right, and what was there; empty where the message says it.
    Expected: string
    Found: string
} with

    /// One line for people.
    override this.ToString() =
        let kind =
            match this.Kind with
            | RejectKind.Malformed -> "malformed module"
            | RejectKind.Invalid -> "invalid module"
            | RejectKind.Feature f -> $"needs {Feature.name f}, which is switched off"
            | RejectKind.Limit -> "over a limit"
            | RejectKind.Link -> "link error"
            | RejectKind.Component -> "component"
            | RejectKind.Request -> "invalid request"

        // Names come from the module: no control character or endless name of a guest reaches a terminal or a log.
        let clean (text: string) =
            let shown = if text.Length > 300 then text.Substring(0, 300) + "..." else text

            shown
            |> String.map (fun c ->
                match System.Char.GetUnicodeCategory c with
                | System.Globalization.UnicodeCategory.Control
                | System.Globalization.UnicodeCategory.Format
                | System.Globalization.UnicodeCategory.LineSeparator
                | System.Globalization.UnicodeCategory.ParagraphSeparator -> '\uFFFD'
                | _ -> c)

        let at = if this.Offset >= 0 then $" at offset 0x%x{this.Offset}" else ""
        let where = if this.Where <> "" then $" in {this.Where}" else ""
        let expected = if this.Expected <> "" then $"; expected {this.Expected}" else ""
        let found = if this.Found <> "" then $", found {this.Found}" else ""
        $"{kind}: {clean this.Message}{clean where}{at}{clean expected}{clean found}"

module Rejected =
    let at kind offset message = { Kind = kind; Message = message; Offset = offset; Where = ""; Expected = ""; Found = "" }

    let malformed offset message = at RejectKind.Malformed offset message
    let invalid offset message = at RejectKind.Invalid offset message

    let limit offset message allowed found = {
        at RejectKind.Limit offset message with
            Expected = $"at most {allowed}"
            Found = string found
    }
