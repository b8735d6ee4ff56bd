namespace Twofold.Wasm.Symbols

// From an instruction of a module to the line of its source: DWARF in custom sections, or the source map that `sourceMappingURL` names.
// In: a module's bytes, and whoever can fetch the named map. Out: places, where the module says any. Debug information is a guest's word: it is shown, never trusted.

open System
open System.Text
open Twofold.Wasm.Binary

/// The source lines of one module; reading them takes time and memory in proportion to the debug information.
[<Sealed>]
type internal SourceLines private (table: LineTable) =
    /// How many places are known; 0 when the module has no debug information.
    member _.Count = table.Rows
    /// The place that the instruction at this offset of the binary belongs to.
    member _.Find(offset: int) : SourceLine voption = table.Find offset

    /// The URL in a module's `sourceMappingURL` section, or null.
    static member MapUrl(m: Module) : string =
        match m.Customs |> Array.tryFindBack (fun c -> c.Name = "sourceMappingURL") with
        | None -> null
        | Some c ->
            let r = Reader(m.Bytes, Twofold.Wasm.Features.Default)
            r.Pos <- c.Start
            r.End <- c.Start + c.Length
            let url = r.Name()
            if r.Ok then url else null

    /// `fetch` gives the bytes of the map with that URL, or null; `data:` URLs are read here.
    static member Read(m: Module, fetch: string -> byte[]) : SourceLines =
        let section name : SectionRange =
            match m.Customs |> Array.tryFind (fun c -> c.Name = name) with
            | Some c -> { Start = c.Start; Length = c.Length }
            | None -> { Start = 0; Length = 0 }

        // The module is decoded, so its sections are where they say.
        let rec codeSection (at: int) =
            if at >= m.Bytes.Length then
                -1
            else
                let r = Reader(m.Bytes, Twofold.Wasm.Features.Default)
                r.Pos <- at
                r.End <- m.Bytes.Length
                let id = r.Byte()
                let size = r.Length()

                if not r.Ok then -1
                elif id = 10uy then r.Pos
                else codeSection (r.Pos + size)

        let lines = section ".debug_line"
        let code = codeSection 8

        if lines.Length > 0 && code >= 0 then
            SourceLines(DebugLines.read m.Bytes code lines (section ".debug_line_str") (section ".debug_str"))
        else
            let json =
                match SourceLines.MapUrl m with
                | null -> null
                | url when url.StartsWith("data:", StringComparison.Ordinal) ->
                    let comma = url.IndexOf ','

                    if comma < 0 then
                        null
                    elif url.AsSpan(0, comma).EndsWith ";base64" then
                        let bytes = Array.zeroCreate<byte>(url.Length - comma)

                        match Convert.TryFromBase64Chars(url.AsSpan(comma + 1), Span bytes) with
                        | true, n -> bytes[.. n - 1]
                        | _ -> null
                    else
                        Encoding.UTF8.GetBytes(Uri.UnescapeDataString(url.Substring(comma + 1)))
                | url -> fetch url

            SourceLines(if isNull json then LineTable.Empty else SourceMap.read json)
