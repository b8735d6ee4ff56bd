namespace Twofold.Conformance

// Runs one file of the official suite: its JSON commands, in order, on one host.
// In: the archive, a file's name, a host (or none: verdicts only). Out: a Tally of assertions.

open System.Collections.Generic
open System.Text.Json
open Twofold.Wasm
open Twofold.Wasm.Scripts
open Twofold.Wasm.Validation

/// Assertions of one file; every command but `register` counts as one.
type Tally = ScriptTally

/// A module of the file as later commands find it.
[<RequireQualifiedAccess>]
type private Slot =
    | Instance of obj
    /// Refused for a reason that is in the skip list; commands on it are skipped too.
    | Skipped of string
    /// Its `module` command failed; commands on it fail too, saying so.
    | Broken

module Runner =
    let private prop (c: JsonElement) (name: string) =
        match c.TryGetProperty name with
        | true, v -> v.GetString()
        | _ -> null

    let private needs (f: Feature) = $"{Skips.otherLevels}: needs {Feature.name f}"

    /// Runs all commands of a file.
    let run (zip: TestData.Archive) (file: string) (host: ISuiteHost option) : Tally =
        let tally = Tally()
        use json = JsonDocument.Parse(zip.Read file)
        let folder = file.Substring(0, file.LastIndexOf '/' + 1)
        let names = Dictionary<string, Slot>()
        let definitions = Dictionary<string, byte[]>()
        // Names under which a skipped module would have been importable.
        let missing = HashSet<string>()
        let mutable current = Slot.Broken
        let check = Verdict.checkWith (host |> Option.map _.Features |> Option.defaultValue Features.Default)
        let heapOf v = host |> Option.map (fun h -> h.HeapOf v) |> Option.defaultValue HeapType.Extern
        let noEngine = "no engine is plugged in"

        host
        |> Option.iter (fun h ->
            match h.Instantiate(Spectest.bytes h.Features) with
            | Ok s -> h.Register("spectest", s)
            | Error e -> tally.Fail(0, $"spectest does not instantiate: {e}"))

        let bytesOf c = zip.Read(folder + prop c "filename")

        let slot (c: JsonElement) (property: string) =
            match prop c property with
            | null -> current
            | name ->
                match names.TryGetValue name with
                | true, s -> s
                | _ -> Slot.Broken

        let pass () = tally.Passed <- tally.Passed + 1

        let fail (c: JsonElement) (message: string) =
            let line = c.GetProperty("line").GetInt32()
            let kind = prop c "type"
            tally.Fail(line, $"{kind}: {message}")

        let expectText c actual =
            let expected = prop c "text"

            if ScriptSkips.sameWording expected actual then
                pass ()
            else
                fail c $"expected \"{expected}\", got \"{actual}\""

        let importsMissing (valid: ValidModule) = valid.Module.Imports |> Array.exists (fun i -> missing.Contains i.Module)
        let skippedImports = $"{Skips.otherLevels}: imports from a skipped module"

        /// Instantiates for `module` and `module_instance`.
        let start (c: JsonElement) (bytes: byte[]) =
            match check bytes with
            | Error { Kind = RejectKind.Feature f } ->
                tally.Skip(needs f)
                Slot.Skipped(needs f)
            | Error e ->
                fail c (string e)
                Slot.Broken
            | Ok valid when importsMissing valid ->
                tally.Skip skippedImports
                Slot.Skipped skippedImports
            | Ok _ ->
                match host with
                | None ->
                    pass ()
                    Slot.Skipped noEngine
                | Some h ->
                    match h.Instantiate bytes with
                    | Ok instance ->
                        pass ()
                        Slot.Instance instance
                    | Error e ->
                        fail c $"{e}"
                        Slot.Broken

        let perform (c: JsonElement) (judge: CallEnd -> unit) =
            let action = c.GetProperty "action"

            match slot action "module", host with
            | Slot.Skipped reason, _ -> tally.Skip reason
            | Slot.Instance instance, Some h ->
                let field = prop action "field"

                if prop action "type" = "get" then
                    judge (h.Get(instance, field))
                else
                    let args = action.GetProperty("args").EnumerateArray() |> Seq.map Patterns.tryValue |> List.ofSeq

                    if List.forall Option.isSome args then
                        judge (h.Invoke(instance, field, args |> List.map Option.get |> Array.ofList))
                    else
                        fail c "an argument of a type that is not known here"
            | _ -> fail c "there is no module to act on"

        let verdict (c: JsonElement) (right: RejectKind -> bool) =
            match check (bytesOf c) with
            | Ok _ when Skips.contradicted |> Set.exists (fun (path, t) -> file.StartsWith path && prop c "text" = t) ->
                tally.Skip Skips.contradictedReason
            | Ok _ ->
                let expected = prop c "text"
                fail c $"accepted; expected \"{expected}\""
            | Error e when right e.Kind -> expectText c e.Message
            | Error { Kind = RejectKind.Feature f } -> tally.Skip(needs f)
            | Error e -> fail c $"wrong class: {e}"

        let notInstantiated (c: JsonElement) =
            let bytes = bytesOf c

            match check bytes, host with
            | Error { Kind = RejectKind.Feature f }, _ -> tally.Skip(needs f)
            | Error e, _ -> fail c (string e)
            | Ok valid, _ when importsMissing valid -> tally.Skip skippedImports
            | Ok _, None -> tally.Skip noEngine
            | Ok _, Some h ->
                match prop c "type", h.Instantiate bytes with
                | "assert_unlinkable", Error(NotInstantiated.Unlinkable m) -> expectText c m
                | "assert_uninstantiable", Error(NotInstantiated.Trapped m) -> expectText c m
                | _, Ok _ -> fail c "instantiated"
                | _, Error e -> fail c $"ended otherwise: {e}"

        for c in json.RootElement.GetProperty("commands").EnumerateArray() do
            match prop c "type" with
            | "module" ->
                current <- start c (bytesOf c)

                if not (isNull (prop c "name")) then
                    names[prop c "name"] <- current
            | "module_definition" ->
                match check (bytesOf c) with
                | Ok _ -> pass ()
                | Error { Kind = RejectKind.Feature f } -> tally.Skip(needs f)
                // Valid, and never instantiated: 2^64 bytes or entries.
                | Error { Kind = RejectKind.Limit } -> tally.Skip "larger than any limit of ours: never"
                | Error e -> fail c (string e)

                if not (isNull (prop c "name")) then
                    definitions[prop c "name"] <- bytesOf c
            | "module_instance" ->
                match definitions.TryGetValue(prop c "module") with
                | true, bytes ->
                    current <- start c bytes

                    if not (isNull (prop c "instance")) then
                        names[prop c "instance"] <- current
                | _ -> fail c "an unknown definition"
            | "register" ->
                match slot c "name", host with
                | Slot.Instance i, Some h -> h.Register(prop c "as", i)
                | Slot.Skipped _, _ -> missing.Add(prop c "as") |> ignore
                | _ -> ()
            | "action" ->
                perform c (fun e ->
                    match e with
                    | CallEnd.Returned _ -> pass ()
                    | e -> fail c $"{e}")
            | "assert_return" ->
                perform c (fun e ->
                    match e with
                    | CallEnd.Returned actual ->
                        let expected = c.GetProperty("expected").EnumerateArray() |> Array.ofSeq

                        if expected.Length = actual.Length && Array.forall2 (Patterns.matches heapOf) expected actual then
                            pass ()
                        else
                            let want = c.GetProperty("expected").GetRawText()
                            fail c $"%A{actual |> Array.map string}, expected {want}"
                    | e -> fail c $"{e}")
            | "assert_trap" ->
                perform c (fun e ->
                    match e with
                    | CallEnd.Trapped m -> expectText c m
                    | e -> fail c $"{e}")
            | "assert_exhaustion" ->
                perform c (fun e ->
                    match e with
                    | CallEnd.Exhausted m -> expectText c m
                    | e -> fail c $"{e}")
            | "assert_malformed" -> if prop c "module_type" = "text" then tally.Skip Skips.textFormat else verdict c _.IsMalformed
            | "assert_invalid" -> verdict c _.IsInvalid
            | "assert_unlinkable"
            | "assert_uninstantiable" -> notInstantiated c
            | "assert_malformed_custom"
            | "assert_invalid_custom" -> tally.Skip Skips.customAnnotations
            | "assert_exception" ->
                perform c (fun e ->
                    match e with
                    | CallEnd.Threw _ -> pass ()
                    | e -> fail c $"{e}")
            | "thread"
            | "wait" -> tally.Skip Skips.otherLevels
            | other -> fail c $"a command this runner does not know: {other}"

        tally
