namespace Twofold.Wasm.Scripts

// Runs a script of the official suite's format (.wast) on an engine and judges each command as the reference interpreter does.
// In: a script's bytes, a host. Out: a ScriptTally: what passed, what failed on which line, what was skipped and why.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation

/// A command that did not do what it says.
[<Struct>]
type ScriptFailure = { Line: int; Message: string }

/// Commands of one script; every command but `register` counts as one.
[<Sealed>]
type ScriptTally() =
    let failures = ResizeArray<ScriptFailure>()
    let skips = SortedDictionary<string, int>(StringComparer.Ordinal)
    member val Passed = 0 with get, set
    member _.Failures = failures
    /// How many commands were skipped for each reason.
    member _.Skips = skips
    member _.Failed = failures.Count
    member _.Skipped = Seq.sum skips.Values
    member _.Fail(line: int, message: string) = failures.Add { Line = line; Message = message }

    member _.Skip(reason: string) =
        skips[reason] <-
            (match skips.TryGetValue reason with
             | true, n -> n + 1
             | _ -> 1)

    override t.ToString() = $"{t.Passed} passed, {t.Failed} failed, {t.Skipped} skipped"

/// What is not judged, and which wordings differ from the reference interpreter's: each with its reason, nowhere else.
module ScriptSkips =
    let customAnnotations = "custom annotations are not looked at"

    let threads = "scripts with several threads (thread, wait) are not run"

    let unknownCommand = "a command that this runner does not know"

    let missingImports = "imports from a skipped module"

    /// The threads proposal's copy of memory.wast is of 1.0.
    let oldLimits = "limits are 64-bit numbers in the text since 3.0; too large ones are invalid, not malformed"

    let oldCounts = "several tables are valid since 2.0, several memories since 3.0"

    let needs (f: Feature) = $"needs {Feature.name f}"

    /// Why a text that must be malformed is not judged, if it is not.
    let ofMalformed (message: string) : string voption =
        // A custom section's own annotations are not looked at, so that their mistakes are not seen.
        if message.Contains "annotation:" || message.StartsWith("misplaced @", StringComparison.Ordinal) then
            ValueSome customAnnotations
        elif message = "i32 constant out of range" then
            ValueSome oldLimits
        else
            ValueNone

    /// Proposals that 3.0 does not contain, by the folders of their scripts, which have syntax and opcodes of their own.
    let proposals: (string * string) list = [
        "proposals/custom-descriptors/",
        "custom descriptors (type descriptors, exact types) are no part of 3.0: new type forms, casts and allocations"
        "proposals/custom-page-sizes/", "custom page sizes are no part of 3.0: memories of single bytes, another form of limits"
        "proposals/wide-arithmetic/", "wide arithmetic (128-bit integers) is no part of 3.0: new opcodes"
    ]

    /// Why a script is not run at all, if it is not.
    let ofScript (name: string) : string voption =
        let name = name.Replace('\\', '/')

        match proposals |> List.tryFind (fun (folder, _) -> name.Contains(folder, StringComparison.Ordinal)) with
        | Some(_, reason) -> ValueSome reason
        | None -> ValueNone

    /// Why a module that must be invalid is not judged, if it is not.
    let ofInvalid (message: string) : string voption =
        // The threads proposal's copies of memory.wast and imports.wast are of 1.0.
        if message = "multiple memories" || message = "multiple tables" then
            ValueSome oldCounts
        else
            ValueNone

    let ofCommand (word: string) : string =
        if word.EndsWith("_custom", StringComparison.Ordinal) then customAnnotations
        elif word = "thread" || word = "wait" then threads
        else $"{unknownCommand}: {word}"

    /// Pairs of the suite's wording and ours, where ours differs for a reason.
    /// The reference interpreter reads on over the end of a section and then compares sizes; we stop at the section's end.
    let wordings: (string * string) list = [
        // One trap code for null of every kind.
        "null function reference", "null reference"
        "null structure reference", "null reference"
        "null array reference", "null reference"
        "null i31 reference", "null reference"
        "section size mismatch", "unexpected end of section or function"
        "length out of bounds", "unexpected end of section or function"
        "integer representation too long", "unexpected end of section or function"
        "integer too large", "unexpected end of section or function"
        // A number that is longer than its section: what follows is read as a section.
        "integer representation too long", "malformed section id"
        "integer too large", "malformed section id"
        // One trap code for null, whatever was expected there.
        "null function reference", "null reference"
        "null structure reference", "null reference"
        "null array reference", "null reference"
        "null i31 reference", "null reference"
        "null exception reference", "null reference"
    ]

    let sameWording (expected: string) (actual: string) =
        actual.StartsWith(expected, StringComparison.Ordinal)
        || expected.StartsWith(actual, StringComparison.Ordinal)
        || wordings
           |> List.exists (fun (e, a) -> expected.StartsWith(e, StringComparison.Ordinal) && actual.StartsWith(a, StringComparison.Ordinal))

/// A module of the script as later commands find it.
[<RequireQualifiedAccess>]
type private Slot =
    | Instance of obj
    /// Refused for a reason that is in the skip list; commands on it are skipped too.
    | Skipped of string
    /// Its `module` command failed; commands on it fail too, saying so.
    | Broken

/// How strictly scripts are judged.
[<NoComparison>]
type ScriptSettings = {
    /// What modules may be; the features are the host's.
    Limits: WasmLimits
    /// Compare the messages of traps and refusals with the script's, as prefixes; their class is compared in any case.
    CompareMessages: bool
} with

    /// Limits for modules that are defined and never instantiated: memories and tables of any size that the specification allows.
    static member internal AnySize = { WasmLimits.Host with MemoryBytes = Int64.MaxValue; TableEntries = Int64.MaxValue }

    /// The host profile, with the tables that the suite declares (up to 2^32 - 1 entries) allowed.
    static member Default = { Limits = { WasmLimits.Host with TableEntries = 0x100000000L }; CompareMessages = true }

/// One script on one host.
[<Sealed>]
type private Run(settings: ScriptSettings, h: IScriptHost, tally: ScriptTally) =
    let names = Dictionary<string, Slot>()
    let definitions = Dictionary<string, ScriptModule>()
    // Names under which a skipped module would have been importable.
    let missing = HashSet<string>()
    let mutable current = Slot.Broken
    let mutable latest: ScriptModule option = None
    let mutable line = 0

    let pass () = tally.Passed <- tally.Passed + 1
    let fail (message: string) = tally.Fail(line, message)

    let expectText (expected: string) (actual: string) =
        if not settings.CompareMessages || ScriptSkips.sameWording expected actual then
            pass ()
        else
            fail $"expected \"{expected}\", got \"{actual}\""

    /// Text to a verdict: refused by the text format, the decoder or the validator.
    let checkWithin (limits: WasmLimits) (features: Features) (m: ScriptModule) : Result<byte[] * ValidModule, Rejected> =
        Script.bytes m
        |> Result.bind (fun bytes ->
            Decode.run limits features bytes |> Result.bind (Validate.run limits features) |> Result.map (fun valid -> bytes, valid))

    let check = checkWithin settings.Limits

    /// Why a module cannot be linked here: it imports from a skipped one, or of `spectest` what needs a feature that the host has not.
    let importsMissing (valid: ValidModule) : string voption =
        let wanted = valid.Module.Imports
        let wantsSpectest (name: string) = wanted |> Array.exists (fun i -> i.Module = "spectest" && i.Name = name)

        if wanted |> Array.exists (fun i -> missing.Contains i.Module) then
            ValueSome ScriptSkips.missingImports
        elif wantsSpectest "shared_memory" && not (h.Features.Has Feature.Threads) then
            ValueSome(ScriptSkips.needs Feature.Threads)
        elif wantsSpectest "table64" && not (h.Features.Has Feature.Memory64) then
            ValueSome(ScriptSkips.needs Feature.Memory64)
        else
            ValueNone

    let slot (name: string option) =
        match name with
        | None -> current
        | Some n ->
            match names.TryGetValue n with
            | true, s -> s
            | _ -> Slot.Broken

    let start (m: ScriptModule) : Slot =
        match check h.Features m with
        | Error { Kind = RejectKind.Feature f } ->
            tally.Skip(ScriptSkips.needs f)
            Slot.Skipped(ScriptSkips.needs f)
        | Error e ->
            fail (string e)
            Slot.Broken
        | Ok(bytes, valid) ->
            match importsMissing valid with
            | ValueSome reason ->
                tally.Skip reason
                Slot.Skipped reason
            | ValueNone ->
                match h.Instantiate bytes with
                | Ok instance ->
                    pass ()
                    Slot.Instance instance
                | Error e ->
                    fail $"not instantiated: {e}"
                    Slot.Broken

    let named (name: string option) (s: Slot) =
        current <- s
        name |> Option.iter (fun n -> names[n] <- s)

    let perform (a: ScriptAction) (judge: CallEnd -> unit) =
        let name =
            match a with
            | ScriptAction.Invoke(m, _, _)
            | ScriptAction.Get(m, _) -> m

        match slot name, a with
        | Slot.Skipped reason, _ -> tally.Skip reason
        | Slot.Broken, _ -> fail "there is no module to act on"
        | Slot.Instance i, ScriptAction.Get(_, export) -> judge (h.Get(i, export))
        | Slot.Instance i, ScriptAction.Invoke(_, export, args) ->
            let values = args |> List.map ScriptValues.tryValue

            if List.forall Option.isSome values then
                judge (h.Invoke(i, export, values |> List.map Option.get |> Array.ofList))
            else
                fail "an argument of a type that is not known here"

    let ended (e: CallEnd) = fail $"ended otherwise: {e}"

    /// Verdicts are the same whatever the host executes.
    let verdict (m: ScriptModule) (expected: string) (right: RejectKind -> bool) =
        match check Features.All m with
        | Ok _ -> fail $"accepted; expected \"{expected}\""
        | Error e when right e.Kind -> expectText expected e.Message
        | Error e -> fail $"wrong class: {e}; expected \"{expected}\""

    let notInstantiated (m: ScriptModule) (judge: NotInstantiated -> unit) =
        match check h.Features m with
        | Error { Kind = RejectKind.Feature f } -> tally.Skip(ScriptSkips.needs f)
        | Error e -> fail (string e)
        | Ok(bytes, valid) ->
            match importsMissing valid with
            | ValueSome reason -> tally.Skip reason
            | ValueNone ->
                match h.Instantiate bytes with
                | Ok _ -> fail "instantiated"
                | Error e -> judge e

    let definition (name: string option) (m: ScriptModule) =
        match checkWithin ScriptSettings.AnySize h.Features m with
        | Ok _ -> pass ()
        | Error { Kind = RejectKind.Feature f } -> tally.Skip(ScriptSkips.needs f)
        | Error e -> fail (string e)

        latest <- Some m
        name |> Option.iter (fun n -> definitions[n] <- m)

    let instance (name: string option) (definition: string option) =
        let found =
            match definition with
            | None -> latest
            | Some d ->
                match definitions.TryGetValue d with
                | true, m -> Some m
                | _ -> None

        match found with
        | Some m -> named name (start m)
        | None -> fail "an unknown definition"

    let show (v: Value) = v.ToString()

    member _.Spectest() =
        match h.Instantiate(Spectest.bytes h.Features) with
        | Ok s -> h.Register("spectest", s)
        | Error e -> fail $"spectest does not instantiate: {e}"

    member _.Command(item: ScriptItem) =
        line <- item.Line

        match item.Command with
        | ScriptCommand.Module(name, m) -> named name (start m)
        | ScriptCommand.ModuleDefinition(name, m) -> definition name m
        | ScriptCommand.ModuleInstance(name, from) -> instance name from
        | ScriptCommand.Register(name, m) ->
            match slot m with
            | Slot.Instance i ->
                missing.Remove name |> ignore
                h.Register(name, i)
            | Slot.Skipped _ -> missing.Add name |> ignore
            | Slot.Broken -> fail "there is no module to register"
        | ScriptCommand.Action a ->
            perform a (fun e ->
                match e with
                | CallEnd.Returned _ -> pass ()
                | e -> ended e)
        | ScriptCommand.AssertReturn(a, expected) ->
            perform a (fun e ->
                match e with
                | CallEnd.Returned actual when
                    actual.Length = expected.Length && List.forall2 (ScriptValues.matches h.HeapOf) expected (List.ofArray actual)
                    ->
                    pass ()
                | CallEnd.Returned actual ->
                    let shown = actual |> Array.map show |> String.concat " "
                    fail $"returned [{shown}], expected %A{expected}"
                | e -> ended e)
        | ScriptCommand.AssertTrap(a, m) ->
            perform a (fun e ->
                match e with
                | CallEnd.Trapped actual -> expectText m actual
                | e -> ended e)
        | ScriptCommand.AssertExhaustion(a, m) ->
            perform a (fun e ->
                match e with
                | CallEnd.Exhausted actual -> expectText m actual
                | e -> ended e)
        | ScriptCommand.AssertException a ->
            perform a (fun e ->
                match e with
                | CallEnd.Threw _ -> pass ()
                | e -> ended e)
        | ScriptCommand.AssertMalformed(m, text) ->
            match ScriptSkips.ofMalformed text with
            | ValueSome reason -> tally.Skip reason
            | ValueNone -> verdict m text _.IsMalformed
        | ScriptCommand.AssertInvalid(m, text) ->
            match ScriptSkips.ofInvalid text with
            | ValueSome reason -> tally.Skip reason
            | ValueNone -> verdict m text _.IsInvalid
        | ScriptCommand.AssertUnlinkable(m, text) ->
            notInstantiated m (fun e ->
                match e with
                | NotInstantiated.Unlinkable actual -> expectText text actual
                | e -> fail $"ended otherwise: {e}")
        | ScriptCommand.AssertUninstantiable(m, text) ->
            notInstantiated m (fun e ->
                match e with
                | NotInstantiated.Trapped actual -> expectText text actual
                | e -> fail $"ended otherwise: {e}")
        | ScriptCommand.Other word -> tally.Skip(ScriptSkips.ofCommand word)

module ScriptRunner =
    /// Counts a script's commands as skipped.
    let skip (reason: string) (script: byte[]) : ScriptTally =
        let tally = ScriptTally()

        for _ in 1 .. (Script.parse script |> Result.map List.length |> Result.defaultValue 1) do
            tally.Skip reason

        tally

    /// Runs all commands of a script. One that cannot be read at all is one failure, on its own line.
    let run (settings: ScriptSettings) (script: byte[]) (host: IScriptHost) : ScriptTally =
        let tally = ScriptTally()

        match Script.parse script with
        | Ok items ->
            let run = Run(settings, host, tally)
            run.Spectest()

            for item in items do
                run.Command item
        | Error e -> tally.Fail(0, string e)

        tally
