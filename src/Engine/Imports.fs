namespace Twofold.Engine

// Which imports a request grants beside the modules of its profile, and which of them the host answers by functions of its own.
// In: patterns as people write them, signatures of registered functions. Out: part of the request, and so of the receipt: linking needs nothing else.

open System
open Twofold.Wasm

/// Imports that are allowed: `*` (all), `env.*` (of one module), `env.log` (one), `env.log_*` (those that begin so).
type ImportPattern = private {
    Pattern: string
} with

    member p.Text = p.Pattern

    /// The pattern that a text means; none of an empty text and of one with a star anywhere but at its end.
    static member TryParse(text: string) : ImportPattern voption =
        let star = if isNull text then -1 else text.IndexOf '*'

        if String.IsNullOrEmpty text || (star >= 0 && star <> text.Length - 1) then ValueNone
        elif text = "*" || text.Contains '.' then ValueSome { Pattern = text }
        else ValueNone

    /// Whether an import is among those. The module's name must be there whole: `env.*` allows nothing of a module `env.x`.
    member p.Matches(moduleName: string, name: string) : bool =
        let text = p.Pattern
        let within = moduleName.Length + 1

        text = "*"
        || (text.StartsWith(moduleName + ".", StringComparison.Ordinal)
            && (if text.EndsWith '*' then
                    name.AsSpan().StartsWith(text.AsSpan(within, text.Length - within - 1), StringComparison.Ordinal)
                else
                    text.AsSpan(within).SequenceEqual(name.AsSpan())))

/// A function that the host registered: what a module must import to get it. i32, i64, f32, f64, and at most one result.
type HostSignature = { Module: string; Name: string; Type: FuncType }

/// What a request grants of imports.
type ImportGrants = {
    Allowed: ImportPattern list
    /// Answered by the host's own functions, even where the ABI has a function of the same name.
    Functions: HostSignature list
} with

    member g.Allows(moduleName, name) = g.Allowed |> List.exists _.Matches(moduleName, name)

    member g.TryFunction(moduleName: string, name: string) = g.Functions |> List.tryFind (fun f -> f.Module = moduleName && f.Name = name)

module ImportGrants =
    /// The types that cross the border to registered functions.
    let internal types = [ ValType.I32; ValType.I64; ValType.F32; ValType.F64 ]

    /// What is wrong with a signature, or nothing.
    let check (s: HostSignature) : string option =
        let supported (t: ValType) = List.contains t types

        if isNull s.Module || isNull s.Name then
            Some "a registered function has a module and a name"
        elif not (Array.forall supported s.Type.Params && Array.forall supported s.Type.Results) then
            Some "parameters and results are i32, i64, f32 and f64"
        elif s.Type.Results.Length > 1 then
            Some "a registered function has at most one result"
        else
            None
