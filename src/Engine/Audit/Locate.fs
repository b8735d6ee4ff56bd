namespace Twofold.Engine.Audit

// Where two runs part: the first effect that differs, then by bisection on the gas limit the block, then what of the state differs there.
// In: a case, the side that differs, the side that agrees with the receipt, an engine that knows positions. Out: a Finding without its variants.
//
// Under a limit g both sides run the same instructions up to the last block that g pays for. So the smallest g at which anything that can be seen
// differs (ends, effects, draft, memory, globals, the gas that the refused charge wanted) names a block:
//     both are out of gas and only the wanted gas differs: the block that was refused has two prices, or the block before it went two ways
//     anything else: the last block that g pays for did it

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi
open Twofold.Engine

/// What locating needs beside the sides.
[<NoComparison; NoEquality>]
type internal LocateOptions = {
    Workshop: Workshop
    /// An engine whose instances know where they stopped; none: blocks are not named.
    Locator: IWasmEngine option
    /// See AuditOptions.
    SourceMap: string -> byte[]
}

module internal Locate =
    let private text (write: Text.Json.Utf8JsonWriter -> unit) = Write.line write

    let private effectText (e: Effect) = text (fun w -> EffectJson.write w e)
    let private answerText (a: Answer) = text (fun w -> AnswerJson.write w a)

    let private replyText (reply: JournalReply) =
        match reply with
        | JournalReply.Failed code -> answerText (Error code)
        | JournalReply.Kept reply -> answerText (Ok reply)
        | JournalReply.Digest hash -> $"a reply with the digest {hash}"

    let private unlimited gas = (gas = Profile.UnlimitedGas)

    let private side (limit: int64) (seen: Seen) = {
        Effect = effectText seen.Effect
        Reply = answerText seen.Answer
        GasLeft = if unlimited limit then Int64.MaxValue - seen.GasUsed else limit - seen.GasUsed
    }

    let private entrySide (e: JournalEntry) = { Effect = effectText e.Effect; Reply = replyText e.Reply; GasLeft = e.GasLeft }

    // ---- bisection

    /// The smallest g in (lo, hi] for which `differs`, which does not hold at lo and does at hi.
    let rec private smallest (differs: int64 -> bool) lo hi =
        if hi - lo <= 1L then
            hi
        else
            let middle = lo + (hi - lo) / 2L
            if differs middle then smallest differs lo middle else smallest differs middle hi

    let private okProbe (w: Workshop) case side gas =
        match w.Probe(side, case, gas) with
        | Ok p -> Some p
        | Error _ -> None

    /// Debug information is a guest's word: whatever is wrong with it, there is just no line.
    let private sourceLine (o: LocateOptions) (valid: ValidModule) offset : SourceLine option =
        try
            match Symbols.SourceLines.Read(valid.Module, o.SourceMap).Find offset with
            | ValueSome line -> Some { File = line.File; Line = line.Line }
            | ValueNone -> None
        with _ ->
            None

    let private blockAt (o: LocateOptions) (valid: ValidModule) (at: CodePosition) gasBefore gasAfter : CodeBlock = {
        Function = at.Function
        Name = valid.Names.Function at.Function |> Option.ofObj |> Option.defaultValue ""
        Offset = at.Offset
        Source = sourceLine o valid at.Offset
        GasBefore = gasBefore
        GasAfter = gasAfter
    }

    let private decoded (case: Case) : ValidModule option =
        let policy = case.Receipt.Request.Policy

        match Decode.run policy.Wasm policy.Features case.Bytes |> Result.bind (Validate.run policy.Wasm policy.Features) with
        | Ok valid -> Some valid
        | Error _ -> None

    let private freshSide (engine: IWasmEngine) : Side = {
        Variant = { Engine = engine.Name; Instance = InstanceKind.Fresh; Module = ModuleKind.Cached; Run = 1 }
        Engine = engine
        Past = []
    }

    /// The code that a run under this limit could not pay for; `exactly`: the block with the price, not what runs with it.
    let private refused
        (o: LocateOptions)
        (case: Case)
        (valid: ValidModule)
        (exactly: bool)
        (trapped: bool)
        (gas: int64)
        : CodeBlock option =
        o.Locator
        |> Option.bind (fun engine ->
            let at g = okProbe o.Workshop case (freshSide engine) g
            let place (p: Probe) where = Culprit.find valid exactly trapped where p.Callers

            match at gas with
            | Some({ Where = ValueSome where } as p) when p.IsOutOfGas && p.Wanted > gas ->
                // What was paid before: the smallest limit under which the same charge is refused.
                let before = smallest (fun g -> at g |> Option.exists (fun q -> q.Wanted = p.Wanted)) -1L gas
                Some(blockAt o valid (place p where) before p.Wanted)
            | Some({ Where = ValueSome where } as p) -> Some(blockAt o valid (place p where) gas gas)
            | _ -> None)

    /// State of both sides under their limits, side by side.
    let private compareStates (w: Workshop) case valid struct (expected: Side, gas) struct (found: Side, gas') : StateDifference list =
        let mutable differences = []

        let inner (a: IWasmInstance) = w.Probe(found, case, gas', (fun b -> differences <- StateDiff.compare valid a b)) |> ignore

        w.Probe(expected, case, gas, inner) |> ignore
        differences

    let private markOf (p: Probe) gasUsed : LastEqual = {
        Effect = p.Effects.Length - 1
        GasUsed = gasUsed
        Draft = p.Draft
        Memory = p.Memory
        Globals = p.Globals
    }

    /// What bisection found.
    [<NoComparison; NoEquality>]
    type private Parting = {
        At: int64
        Before: Probe option
        ExpectedThere: Probe option
        FoundThere: Probe option
        OnlyPrice: bool
        Block: CodeBlock option
        /// At the parting, or with the charge paid on which they part.
        State: StateDifference list
        /// The states were different before the first instruction.
        FromTheStart: bool
    }

    let private part
        (o: LocateOptions)
        (case: Case)
        (valid: ValidModule)
        (expected: Side)
        (found: Side)
        (r: Probe)
        (s: Probe)
        : Parting option =
        let w = o.Workshop
        let pair g = okProbe w case expected g, okProbe w case found g
        let sameEngine = (expected.Engine.Name = found.Engine.Name)

        let compare test g =
            match pair g with
            | Some a, Some b -> not (test a b)
            | _ -> true

        let whole a b = Probe.same a b && (not sameEngine || a.Rest = b.Rest)
        let fromTheStart = compare whole 0L
        let test = if fromTheStart then Probe.sameActs else whole
        let differs g = compare test g
        let hi = max r.GasUsed s.GasUsed

        if differs 0L || not (differs hi) then
            if fromTheStart then
                let a, b = pair 0L

                Some {
                    At = 0L
                    Before = None
                    ExpectedThere = a
                    FoundThere = b
                    OnlyPrice = false
                    Block = None
                    State = compareStates w case valid (expected, 0L) (found, 0L)
                    FromTheStart = true
                }
            else
                None
        else
            // Between the last effect that both made and the first that differs, if the states agree there.
            let common = Probe.commonEffects true r s
            let mark = if common = 0 then 0L else r.Effects[common - 1].GasUsed

            let lo, hi =
                if mark = 0L || mark >= hi then 0L, hi
                elif differs mark then 0L, mark
                else mark, hi

            let at = smallest differs lo hi
            let a, b = pair at
            let before = okProbe w case expected (at - 1L)

            let onlyCharge =
                match a, b with
                | Some a, Some b ->
                    a.IsOutOfGas && b.IsOutOfGas && a.Effects.Length = b.Effects.Length && a.Draft = b.Draft && Probe.sameState a b
                | _ -> false

            // With what was refused paid: the same block at another price, two blocks, or a growth that only one side is charged for.
            let further =
                let paid (p: Probe) = if p.IsOutOfGas && p.Wanted > 0L then p.Wanted else at

                match a, b with
                | Some a, Some b when paid a > at || paid b > at -> Some(struct (paid a, paid b))
                | _ -> None

            let onlyPrice =
                match further with
                | Some(struct (x, y)) when onlyCharge && x <> y ->
                    match okProbe w case expected x, okProbe w case found y with
                    | Some x, Some y -> Probe.sameButGas x y
                    | _ -> false
                | _ -> false

            let state =
                match compareStates w case valid (expected, at) (found, at), further with
                | there, Some(struct (x, y)) ->
                    match compareStates w case valid (expected, x) (found, y) with
                    | later when there.IsEmpty || later |> List.exists (fun d -> d.IsMemorySize || d.IsTableSize) -> later
                    | _ -> there
                | there, None -> there

            let trapped =
                [ a; b ]
                |> List.exists (fun p ->
                    match p with
                    | Some { Outcome = Some(Outcome.Trapped _) } -> true
                    | _ -> false)

            Some {
                At = at
                Before = before
                ExpectedThere = a
                FoundThere = b
                OnlyPrice = onlyPrice
                Block = refused o case valid onlyPrice trapped (if onlyPrice then at else at - 1L)
                State = state
                FromTheStart = fromTheStart
            }

    // ---- the whole

    /// Everything about a divergence but which variants show it and how to reproduce it.
    let private nothing (first: Divergence) : Finding = {
        Class = DivergenceClass.Engine
        Evidence = ""
        Variants = []
        Reference = None
        First = first
        Effect = None
        LastEqual = None
        Block = None
        State = []
        Note = ""
        Reproduce = ""
    }

    /// The recorded gas of an effect.
    let private usedAt (case: Case) index =
        let journal = case.Receipt.Journal

        if index >= 0 && index < journal.Length then
            let limit = case.Receipt.Request.Policy.Gas
            Some(limit - journal[index].GasLeft)
        else
            None

    let private recordedEffect (case: Case) index = case.Receipt.Journal |> List.tryItem index |> Option.map entrySide

    let private noBlock (o: LocateOptions) (f: Finding) =
        if f.Block.IsNone && o.Locator.IsNone then
            "no engine here can say where a run stopped: the block is not named"
        else
            ""

    let private saturating (a: int64) (b: int64) = if a > Int64.MaxValue - b then Int64.MaxValue else a + b

    let private notes (parts: string list) = parts |> List.filter (fun p -> p <> "") |> String.concat "; "

    /// Locates and classifies. `expected`: the side that agrees with the receipt, or differs otherwise than `found`; none: there is only the receipt.
    let run (o: LocateOptions) (case: Case) (first: Divergence) (expected: Side option) (found: Side) (onlyUsed: bool) : Finding =
        let w = o.Workshop
        let limit = case.Receipt.Request.Policy.Gas
        let valid = decoded case
        // A side that has gone astray may run for ever under a generous limit: it has had room enough to show what it does.
        let room =
            min
                limit
                (saturating (if case.Receipt.GasUsed > Int64.MaxValue / 4L then Int64.MaxValue else case.Receipt.GasUsed * 4L) 10_000_000L)

        let probe (side: Side) () = w.Probe(side, case, room)
        let whole = probe found () |> Result.toOption
        let reference = expected |> Option.bind (fun e -> probe e () |> Result.toOption)
        let how = Steady.unsteady (first.Component = ReplayComponent.Reply) (probe found)

        // With a host that answers at will, a second run of either side is no witness.
        let bisected =
            match valid, expected, reference, whole with
            | Some valid, Some e, Some r, Some s when how.IsNone && first.Component <> ReplayComponent.Reply ->
                part o case valid e found r s |> Option.map (fun p -> struct (valid, e, r, s, p))
            | _ -> None

        let effect =
            match reference, whole with
            | Some r, Some s when first.Component <> ReplayComponent.Reply && how.IsNone ->
                let n = Probe.commonEffects true r s

                if n < r.Effects.Length || n < s.Effects.Length then
                    Some {
                        Index = n
                        Expected = r.Effects |> Array.tryItem n |> Option.map (side limit)
                        Found = s.Effects |> Array.tryItem n |> Option.map (side limit)
                    }
                else
                    None
            | _ when first.Index >= 0 ->
                Some {
                    Index = first.Index
                    Expected = recordedEffect case first.Index
                    Found = whole |> Option.bind (fun s -> s.Effects |> Array.tryItem first.Index) |> Option.map (side limit)
                }
            | _ -> None

        let finding =
            match bisected with
            | Some(struct (valid, e, r, s, p)) ->
                let state =
                    match p.State with
                    | [] ->
                        let atEnd = max r.GasUsed s.GasUsed
                        compareStates w case valid (e, atEnd) (found, atEnd)
                    | there -> there

                let paid = p.Block |> Option.map _.GasBefore |> Option.defaultValue (max 0L (p.At - 1L))

                {
                    nothing first with
                        Effect = effect
                        LastEqual = if p.FromTheStart then None else p.Before |> Option.map (fun b -> markOf b paid)
                        Block = p.Block
                        State = state
                        Note =
                            if p.FromTheStart then
                                "the states differ before the first instruction; the block is where it shows"
                            else
                                ""
                }
            | None ->
                // The block that makes the effect, by the receipt's own gas.
                let block =
                    match valid, usedAt case first.Index with
                    | Some valid, Some used when used > 0L -> refused o case valid true false (used - 1L)
                    | _ -> None

                let last =
                    match usedAt case (first.Index - 1), whole with
                    | Some used, Some _ ->
                        okProbe w case found used
                        |> Option.filter (fun p -> p.Effects.Length = first.Index)
                        |> Option.map (fun p -> markOf p used)
                    | _ -> None

                let why =
                    match expected, reference, whole with
                    | _, _, None -> "the side that differs could not be run again"
                    | None, _, _ -> "no engine here agrees with the receipt: only the receipt's own journal could be compared"
                    | Some _, Some r, Some s when how.IsNone && Probe.same r s -> "run again, both sides agree"
                    | _ -> ""

                { nothing first with Effect = effect; LastEqual = last; Block = block; Note = why }

        let facts: Facts = {
            First = first
            Unsteady = how
            OnlyUsed = onlyUsed
            Past = found.Past |> List.map _.Name |> List.distinct |> String.concat ", "
            Expected = reference
            Found = whole
            ExpectedThere = bisected |> Option.bind (fun (struct (_, _, _, _, p)) -> if p.FromTheStart then None else p.ExpectedThere)
            FoundThere = bisected |> Option.bind (fun (struct (_, _, _, _, p)) -> if p.FromTheStart then None else p.FoundThere)
            OnlyPriceThere = bisected |> Option.exists (fun (struct (_, _, _, _, p)) -> p.OnlyPrice)
            State = bisected |> Option.map (fun (struct (_, _, _, _, p)) -> p.State) |> Option.defaultValue []
        }

        let struct (kind, evidence) = Classify.run facts

        { finding with Class = kind; Evidence = evidence; Note = notes [ finding.Note; noBlock o finding ] }
