namespace Twofold.Conformance

// Runs one script (.wast) of the official suite through our own text format: the twin of Runner, which runs its JSON form.
// In: a script's bytes, a host. Out: a Tally of assertions; text-only assertions are judged too.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.Wasm.Validation

/// Values and patterns of scripts, as hosts have them.
module private ScriptValues =
    /// None: a type that no level here has.
    let tryValue (v: ScriptValue) : Value option =
        match v with
        | ScriptValue.I32 b -> Some(Value.FromBits(ValueKind.I32, uint64 b))
        | ScriptValue.I64 b -> Some(Value.FromBits(ValueKind.I64, b))
        | ScriptValue.F32 b -> Some(Value.FromBits(ValueKind.F32, uint64 b))
        | ScriptValue.F64 b -> Some(Value.FromBits(ValueKind.F64, b))
        | ScriptValue.RefNull "extern" -> Some(Value.ExternRef null)
        | ScriptValue.RefNull "func" -> Some(Value.Ref(ValueKind.FuncRef, null))
        | ScriptValue.RefExtern n -> Some(Value.ExternRef(box (int n)))
        | ScriptValue.RefNull _
        | ScriptValue.RefHost _
        | ScriptValue.Later _ -> None

    let rec matches (pattern: ScriptPattern) (actual: Value) : bool =
        let f32 mask bits = actual.Kind = ValueKind.F32 && actual.Bits &&& mask = bits
        let f64 mask bits = actual.Kind = ValueKind.F64 && actual.Bits &&& mask = bits

        match pattern with
        | ScriptPattern.F32CanonicalNaN -> f32 0x7FFFFFFFUL 0x7FC00000UL
        | ScriptPattern.F32ArithmeticNaN -> f32 0x7FC00000UL 0x7FC00000UL
        | ScriptPattern.F64CanonicalNaN -> f64 0x7FFFFFFFFFFFFFFFUL 0x7FF8000000000000UL
        | ScriptPattern.F64ArithmeticNaN -> f64 0x7FF8000000000000UL 0x7FF8000000000000UL
        | ScriptPattern.AnyNull -> actual.Kind >= ValueKind.FuncRef && isNull actual.Reference
        | ScriptPattern.AnyRef "func" -> actual.Kind = ValueKind.FuncRef && not (isNull actual.Reference)
        | ScriptPattern.AnyRef "extern" -> actual.Kind = ValueKind.ExternRef && not (isNull actual.Reference)
        | ScriptPattern.AnyRef _ -> false
        | ScriptPattern.Either ps -> ps |> List.exists (fun p -> matches p actual)
        | ScriptPattern.Value(ScriptValue.RefExtern n) -> actual.Kind = ValueKind.ExternRef && obj.Equals(actual.Reference, box (int n))
        | ScriptPattern.Value(ScriptValue.RefNull heap) ->
            isNull actual.Reference
            && (match heap with
                | "func" -> actual.Kind = ValueKind.FuncRef
                | "extern" -> actual.Kind = ValueKind.ExternRef
                | _ -> false)
        | ScriptPattern.Value v ->
            match tryValue v with
            | Some v -> v.Kind = actual.Kind && v.Bits = actual.Bits
            | None -> false

/// A module of the script as later commands find it.
[<RequireQualifiedAccess>]
type private ScriptSlot =
    | Instance of obj
    | Skipped of string
    | Broken

module WastRunner =
    let private sameWording (expected: string) (actual: string) =
        actual.StartsWith expected
        || expected.StartsWith actual
        || Set.union Skips.wordings Skips.textWordings |> Set.exists (fun (e, a) -> expected.StartsWith e && actual.StartsWith a)

    let private needs (f: Feature) = $"{Skips.otherLevels}: needs {Feature.name f}"

    /// Text to a verdict: refused by the text format, the decoder or the validator.
    let private check (m: ScriptModule) : Result<byte[] * ValidModule, Rejected> =
        Script.bytes m |> Result.bind (fun b -> Verdict.check b |> Result.map (fun v -> b, v))

    let private runItems (file: string) (items: ScriptItem list) (h: ISuiteHost) : Tally =
        let tally = Tally()
        let names = Dictionary<string, ScriptSlot>()
        let definitions = Dictionary<string, ScriptModule>()
        let missing = HashSet<string>()
        let mutable current = ScriptSlot.Broken
        let mutable latest: ScriptModule option = None

        match h.Instantiate Spectest.bytes with
        | Ok s -> h.Register("spectest", s)
        | Error e -> tally.Failures.Add $"spectest does not instantiate: {e}"

        let pass () = tally.Passed <- tally.Passed + 1

        let slot (name: string option) =
            match name with
            | None -> current
            | Some n ->
                match names.TryGetValue n with
                | true, s -> s
                | _ -> ScriptSlot.Broken

        let importsMissing (valid: ValidModule) = valid.Module.Imports |> Array.exists (fun i -> missing.Contains i.Module)
        let skippedImports = $"{Skips.otherLevels}: imports from a skipped module"

        for item in items do
            let fail (message: string) = tally.Failures.Add $"{file}:{item.Line}: {message}"

            let expectText (expected: string) (actual: string) =
                if sameWording expected actual then pass () else fail $"expected \"{expected}\", got \"{actual}\""

            let start (m: ScriptModule) =
                match check m with
                | Error { Kind = RejectKind.Feature f } ->
                    tally.Skip(needs f)
                    ScriptSlot.Skipped(needs f)
                | Error e ->
                    fail (string e)
                    ScriptSlot.Broken
                | Ok(_, valid) when importsMissing valid ->
                    tally.Skip skippedImports
                    ScriptSlot.Skipped skippedImports
                | Ok(bytes, _) ->
                    match h.Instantiate bytes with
                    | Ok instance ->
                        pass ()
                        ScriptSlot.Instance instance
                    | Error e ->
                        fail $"{e}"
                        ScriptSlot.Broken

            let named (name: string option) (s: ScriptSlot) =
                current <- s
                name |> Option.iter (fun n -> names[n] <- s)

            let perform (a: ScriptAction) (judge: CallEnd -> unit) =
                let name =
                    match a with
                    | ScriptAction.Invoke(m, _, _)
                    | ScriptAction.Get(m, _) -> m

                match slot name, a with
                | ScriptSlot.Skipped reason, _ -> tally.Skip reason
                | ScriptSlot.Broken, _ -> fail "there is no module to act on"
                | ScriptSlot.Instance i, ScriptAction.Get(_, export) -> judge (h.Get(i, export))
                | ScriptSlot.Instance i, ScriptAction.Invoke(_, export, args) ->
                    let values = args |> List.map ScriptValues.tryValue

                    if List.forall Option.isSome values then
                        judge (h.Invoke(i, export, values |> List.map Option.get |> Array.ofList))
                    else
                        fail "an argument of a type that is not known here"

            let verdict (m: ScriptModule) (expected: string) (right: RejectKind -> bool) =
                match check m with
                | Ok _ -> fail $"accepted; expected \"{expected}\""
                | Error e when right e.Kind -> expectText expected e.Message
                | Error { Kind = RejectKind.Feature f } -> tally.Skip(needs f)
                | Error e -> fail $"wrong class: {e}; expected \"{expected}\""

            let notInstantiated (m: ScriptModule) (judge: NotInstantiated -> unit) =
                match check m with
                | Error { Kind = RejectKind.Feature f } -> tally.Skip(needs f)
                | Error e -> fail (string e)
                | Ok(_, valid) when importsMissing valid -> tally.Skip skippedImports
                | Ok(bytes, _) ->
                    match h.Instantiate bytes with
                    | Ok _ -> fail "instantiated"
                    | Error e -> judge e

            match item.Command with
            | ScriptCommand.Module(name, m) -> named name (start m)
            | ScriptCommand.ModuleDefinition(name, m) ->
                match check m with
                | Ok _ -> pass ()
                | Error { Kind = RejectKind.Feature f } -> tally.Skip(needs f)
                | Error e -> fail (string e)

                latest <- Some m
                name |> Option.iter (fun n -> definitions[n] <- m)
            | ScriptCommand.ModuleInstance(name, definition) ->
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
            | ScriptCommand.Register(name, m) ->
                match slot m with
                | ScriptSlot.Instance i -> h.Register(name, i)
                | ScriptSlot.Skipped _ -> missing.Add name |> ignore
                | ScriptSlot.Broken -> fail "there is no module to register"
            | ScriptCommand.Action a ->
                perform a (fun e ->
                    match e with
                    | CallEnd.Returned _ -> pass ()
                    | e -> fail $"{e}")
            | ScriptCommand.AssertReturn(a, expected) ->
                perform a (fun e ->
                    match e with
                    | CallEnd.Returned actual when
                        actual.Length = expected.Length && List.forall2 ScriptValues.matches expected (List.ofArray actual)
                        ->
                        pass ()
                    | CallEnd.Returned actual -> fail $"%A{actual |> Array.map string}, expected %A{expected}"
                    | e -> fail $"{e}")
            | ScriptCommand.AssertTrap(a, m) ->
                perform a (fun e ->
                    match e with
                    | CallEnd.Trapped actual -> expectText m actual
                    | e -> fail $"{e}")
            | ScriptCommand.AssertExhaustion(a, m) ->
                perform a (fun e ->
                    match e with
                    | CallEnd.Exhausted actual -> expectText m actual
                    | e -> fail $"{e}")
            | ScriptCommand.AssertMalformed(m, text) ->
                // A custom section's own annotations are not looked at, so that their mistakes are not seen.
                if text.Contains "annotation:" || text.StartsWith "misplaced @" then
                    tally.Skip Skips.customAnnotations
                else
                    verdict m text _.IsMalformed
            | ScriptCommand.AssertInvalid(m, text) -> verdict m text _.IsInvalid
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
            | ScriptCommand.AssertException _ -> tally.Skip Skips.otherLevels
            | ScriptCommand.Other word when word.EndsWith "_custom" -> tally.Skip Skips.customAnnotations
            | ScriptCommand.Other _ -> tally.Skip Skips.otherLevels

        tally

    /// Runs all commands of a script.
    let run (file: string) (script: byte[]) (host: ISuiteHost) : Tally =
        match Script.parse script with
        | Ok items -> runItems file items host
        | Error e ->
            let tally = Tally()
            tally.Failures.Add $"{file}: {e}"
            tally
