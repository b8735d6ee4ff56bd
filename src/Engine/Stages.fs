namespace Twofold.Engine

// The stages between a checked request and a receipt. Each takes the type that only the stage before it makes.
// In: a ValidRequest and what the engine is made of. Out: Loaded, Acquired, Invoked, Folded and at last the receipt with its report.

open System
open System.Diagnostics
open System.Threading
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

/// What an engine is made of; shared by all its runs.
[<NoComparison; NoEquality>]
type internal Machinery = {
    Engine: IWasmEngine
    Cache: ModuleCache
    Telemetry: Telemetry
    /// Null when the host keeps no modules.
    Store: IModuleStore
    Provider: IExternalProvider
    Skills: ISkillProvider
    /// How long a replay may take; zero: as long as it likes.
    ReplayDeadline: TimeSpan
    /// False: every run gets a new instance.
    Reuse: bool
    /// See PoolKey.
    Lane: int
}

/// Where a run's answers come from, and who looks on: the snapshot and the host's provider, or a receipt.
[<NoComparison; NoEquality>]
type internal Script = {
    View: IStateView
    Provider: IExternalProvider
    Functions: IHostFunctions
    Skills: ISkillProvider
    Witness: IWitness
    /// Null: nothing of the host is granted.
    WasiHost: IWasiHost
    /// Told when a function of the host keeps the guest's thread beyond the run's end; null: nobody could do anything about it.
    GiveUp: Action<EngineFault>
}

/// What the run calls: the entry, or what a skill's convention says.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal EntryCall =
    | Direct of arguments: Value[]
    /// An export of a WASI reactor: `_initialize` goes before it (WASI's application ABI), on the same gas.
    | Reactor of arguments: Value[]
    | Skill of calls: SkillCalls * input: byte[]

/// A loaded module whose entry can be called as the request wants.
[<NoComparison; NoEquality>]
type internal Loaded = private { Valid: ValidRequest; Lease: ModuleLease; Call: EntryCall }

/// A clean instance.
[<NoComparison; NoEquality>]
type internal Acquired = private { Loaded: Loaded; Instance: Pooled; Generation: int; PoolHit: bool }

/// A run that ended by itself.
[<NoComparison; NoEquality>]
type internal Invoked = private {
    Source: ValidRequest
    Run: RunContext
    Result: RunResult
    Digests: StateDigests
    Reads: Reads
    Hits: struct (bool * bool)
    RunTime: TimeSpan
}

/// A run with its outcome and, when it succeeded, its complete draft.
[<NoComparison; NoEquality>]
type internal Folded = private { Invoked: Invoked; Outcome: Outcome; Draft: Draft option; Message: string }

module internal Stages =
    let private refuse result = Result.mapError Refusal.Rejected result

    // ---- compileOrCache

    let private cacheKey (engine: IWasmEngine) (valid: ValidRequest) : CacheKey = {
        Module = valid.Recorded.ModuleHash.Text
        Schedule = Preparation.GasSchedule.version
        Engine = engine.Name
        EngineVersion = engine.Version
        Features = valid.Recorded.Policy.Features.Bits
        Limits = valid.LoadLimits
        Runtime = Environment.Version.ToString()
    }

    let private load (engine: IWasmEngine) (valid: ValidRequest) () =
        Decode.run valid.LoadLimits valid.Recorded.Policy.Features valid.Bytes
        |> Result.bind (Validate.run valid.LoadLimits valid.Recorded.Policy.Features)
        |> Result.bind engine.Load

    let private entryType (m: ValidModule) (entry: string) =
        match m.Module.Exports |> Array.tryFind (fun e -> e.Name = entry) with
        | Some e when e.Kind = ExternKind.Func -> Ok m.FuncTypes[e.Index]
        | Some e ->
            Error(Refuse.field "entry" "the export is not a function" "a function" $"'{entry}', a {string e.Kind |> _.ToLowerInvariant()}")
        | None ->
            let functions = m.Module.Exports |> Array.filter (fun e -> e.Kind = ExternKind.Func) |> Array.map _.Name
            let some = functions |> Array.truncate 8 |> String.concat ", "
            let more = if functions.Length > 8 then $" and {functions.Length - 8} more" else ""
            let expected = if functions.Length = 0 then "a module with exports" else $"one of {some}{more}"
            Error(Refuse.field "entry" "there is no such export" expected $"'{entry}'")

    let private argument index (t: ValType) (bits: uint64) =
        let name = $"argument {index}"

        if t = ValType.I64 then
            Ok(Value.FromBits(ValueKind.I64, bits))
        elif t = ValType.F64 then
            Ok(Value.FromBits(ValueKind.F64, bits))
        elif t = ValType.I32 || t = ValType.F32 then
            if bits > 0xFFFF_FFFFUL then
                Error(Refuse.field name $"the argument does not fit its type, {t}" "32 bits" $"0x%x{bits}")
            else
                Ok(Value.FromBits((if t = ValType.I32 then ValueKind.I32 else ValueKind.F32), bits))
        else
            Error(Refuse.field name "an argument of this type cannot be given" "i32, i64, f32 or f64" (string t))

    /// Whether an export that is called in a WASI world wants its module initialised first.
    let private isReactor (m: ValidModule) (request: RecordedRequest) =
        request.Wasi.IsSome && request.Entry <> "_start" && request.Entry <> "_initialize" && SkillCalls.initializes m

    let private entryCall (m: ValidModule) (request: RecordedRequest) (t: FuncType) : Result<EntryCall, Rejected> =
        let entry = request.Entry

        match request.Convention with
        | Convention.Contract ->
            if t.Params.Length = 0 && t.Results.Length = 1 && t.Results[0] = ValType.I32 then
                Ok(EntryCall.Direct [||])
            else
                Error(Refuse.field "entry" "a contract's entry has another signature" "[] -> [i32]" $"{t} for '{entry}'")
        | Convention.Raw given when given.Length <> t.Params.Length ->
            Error(Refuse.field "arguments" $"'{entry}' is {t}" $"{t.Params.Length} argument(s)" (string given.Length))
        | Convention.Raw given ->
            given
            |> List.mapi (fun i bits -> argument i t.Params[i] bits)
            |> List.sequenceResultM
            |> Result.map (Array.ofList >> (if isReactor m request then EntryCall.Reactor else EntryCall.Direct))
        | Convention.Skill input -> SkillCalls.find m entry t input |> Result.map (fun calls -> EntryCall.Skill(calls, input))

    /// The module alone, loaded at most once.
    let loadModule (m: Machinery) (valid: ValidRequest) : Result<ModuleLease, Refusal> =
        m.Cache.Get(cacheKey m.Engine valid, int64 valid.Bytes.Length, load m.Engine valid) |> refuse

    /// The module, loaded at most once, with the entry's arguments.
    let compileOrCache (m: Machinery) (valid: ValidRequest) : Result<Loaded, Refusal> =
        loadModule m valid
        |> Result.bind (fun lease ->
            entryType lease.Module.Module valid.Recorded.Entry
            |> Result.bind (entryCall lease.Module.Module valid.Recorded)
            |> Result.map (fun call -> { Valid = valid; Lease = lease; Call = call })
            |> Result.teeError (fun _ -> (lease :> IDisposable).Dispose())
            |> refuse)

    // ---- acquire

    /// An idle instance, or a new one linked under the request's policy; when as many run as may, after a wait that the deadline ends.
    let acquire (m: Machinery) (token: CancellationToken) (loaded: Loaded) : Result<Acquired, Refusal> =
        let policy = loaded.Valid.Recorded.Policy
        let grants = loaded.Valid.Recorded.Imports
        let release () = (loaded.Lease :> IDisposable).Dispose()
        let start = Stopwatch.GetTimestamp()

        // Instances are shared whoever was granted what: permissions are looked at for every run.
        let granted =
            match Linking.checkGrant loaded.Valid.Recorded.Skill loaded.Lease.Module.Module with
            | [] -> Ok()
            | first :: _ -> Error(Refusal.Rejected first)

        let rent () =
            loaded.Lease.Pool.Rent(
                Linking.poolKey policy grants loaded.Valid.LoadLimits m.Lane,
                m.Reuse,
                (fun () ->
                    match Linking.checkGranted policy grants loaded.Lease.Module.Module with
                    | [] -> Ok(Linking.settings policy grants loaded.Valid.LoadLimits)
                    | first :: _ -> Error first)
            )
            |> Result.map (fun (struct (pooled, generation, hit)) ->
                m.Telemetry.Acquired(start, hit)
                { Loaded = loaded; Instance = pooled; Generation = generation; PoolHit = hit })
            |> refuse

        let pool = loaded.Lease.Pool

        let rentInTurn () =
            pool.Enter(loaded.Valid.Deadline, token)
            |> Result.mapError Refusal.Fault
            |> Result.bind (fun () ->
                try
                    rent () |> Result.teeError (fun _ -> pool.Leave())
                with _ ->
                    pool.Leave()
                    reraise ())

        try
            granted |> Result.bind rentInTurn |> Result.teeError (fun _ -> release ())
        with _ ->
            release ()
            reraise ()

    // ---- invoke

    /// When the engine interrupts a run that computes. A gas limit ends it at the same place everywhere, a deadline of milliseconds at another one each
    /// time, and with no receipt: with both, a deadline under a second counts as one. A longer one is kept: hosts rely on it.
    let private patience (gas: int64) (deadline: TimeSpan) =
        if deadline <= TimeSpan.Zero || gas = Profile.UnlimitedGas then
            deadline
        else
            max deadline (TimeSpan.FromSeconds 1.0)

    /// Runs the entry and gives the instance back, clean or not at all.
    let invoke (m: Machinery) (script: ValidRequest -> Script) (token: CancellationToken) (a: Acquired) : Result<Invoked, Refusal> =
        let valid = a.Loaded.Valid
        let script = script valid
        let view = RecordingView script.View

        let giveUp =
            if isNull script.GiveUp then
                null
            else
                Action<EngineFault>(fun fault ->
                    a.Loaded.Lease.Pool.Quarantine a.Instance
                    script.GiveUp.Invoke fault)

        let modul = a.Loaded.Lease.Module.Module

        use run =
            new RunContext(
                valid.Recorded,
                view,
                script.Provider,
                script.Functions,
                script.Skills,
                script.Witness,
                Heap.heapBase modul,
                modul,
                valid.Deadline,
                token,
                script.WasiHost,
                giveUp
            )

        let instance = a.Instance.Instance
        let giveBack reusable = a.Loaded.Lease.Pool.Return(a.Instance, a.Generation, reusable) |> Result.mapError Refusal.Fault

        let settings = {
            Entry = valid.Recorded.Entry
            Arguments =
                (match a.Loaded.Call with
                 | EntryCall.Direct arguments
                 | EntryCall.Reactor arguments -> arguments
                 | EntryCall.Skill _ -> [||])
            Gas = valid.Recorded.Policy.Gas
            StackUnits = valid.Recorded.Policy.Wasm.StackUnits
            Data = run
            Deadline = patience valid.Recorded.Policy.Gas valid.Deadline
            Cancellation = token
        }

        use _ = a.Loaded.Lease
        let watch = Stopwatch.StartNew()
        let witness = script.Witness

        let runGuest () =
            match a.Loaded.Call with
            | EntryCall.Direct _ -> instance.Run settings
            | EntryCall.Reactor arguments ->
                let calls (guest: Guest) =
                    guest.Call "_initialize" |> ignore
                    guest.Call(settings.Entry, arguments)

                Ok(instance.RunCalls(settings, calls))
            | EntryCall.Skill(calls, input) ->
                let keep result = run.Draft <- Draft.evolve run.Draft (DraftEvent.ReturnDataSet result)
                Ok(instance.RunCalls(settings, SkillCalls.run calls input run.Call.Limits.ReturnDataBytes keep))

        let run' () =
            if isNull witness then
                runGuest ()
            else
                witness.Began(a.Loaded.Lease.Hit, a.PoolHit)
                let result = runGuest ()
                result |> Result.iter (fun ended -> witness.Ended(run, instance, ended))
                result

        let ended =
            try
                match run' () with
                | Error rejected -> Error(Refusal.Rejected rejected)
                // A host function that waited was stopped by the deadline, or the engine by its longer one.
                | Ok { End = RunEnd.Fault(EngineFault.Deadline _ | EngineFault.Cancelled) } when not token.IsCancellationRequested ->
                    Error(Refusal.Fault(EngineFault.Deadline valid.Deadline))
                | Ok { End = RunEnd.Fault fault } -> Error(Refusal.Fault fault)
                | Ok result ->
                    let elapsed = watch.Elapsed
                    Ok struct (result, instance.Digests(), elapsed)
            with e ->
                Error(Refusal.Fault(EngineFault.Bug $"{e.GetType().Name}: {e.Message}"))

        run.Wasi.Done()

        match ended with
        | Ok(struct (result, digests, elapsed)) ->
            m.Telemetry.ResetPages digests.MemoryBytes

            giveBack true
            |> Result.map (fun () -> {
                Source = valid
                Run = run
                Result = result
                Digests = digests
                Reads = view.Reads
                Hits = struct (a.Loaded.Lease.Hit, a.PoolHit)
                RunTime = elapsed
            })
        | Error refusal ->
            // Nothing is known about an instance after a fault, and little is lost with one after a refusal.
            giveBack false |> Result.bind (fun () -> Error refusal)

    // ---- foldDraft

    /// How a run ended, and words for it when the outcome alone has too few.
    let outcome (convention: Convention) (ended: RunEnd) : struct (Outcome * string) =
        match ended, convention with
        | RunEnd.Returned values, Convention.Contract when values.Length = 1 && values[0].Bits <> 0UL ->
            let status = int (uint32 values[0].Bits)
            struct (Outcome.Failed status, null)
        // A program that ends itself has not trapped: it has a status.
        | RunEnd.Trapped t, _ when int t.Code = HostTrap.Exit ->
            let outcome = if t.A = 0UL then Outcome.Returned [] else Outcome.Failed(int (uint32 t.A))
            struct (outcome, $"exited with status {t.A}")
        | RunEnd.Returned values, _ -> struct (Outcome.Returned(values |> Seq.map Outcome.ofValue |> List.ofSeq), null)
        | RunEnd.Trapped t, _ ->
            let code = int t.Code
            struct (Outcome.Trapped(code, t.A, t.B, t.C), "trapped: " + HostTrap.describe code t.A t.B t.C t.Detail)
        | RunEnd.Uncaught u, _ ->
            struct (Outcome.Uncaught(u.Tag, Option.ofObj u.Name, u.Values |> Seq.map Outcome.ofValue |> List.ofSeq), null)
        | RunEnd.OutOfGas, _ -> struct (Outcome.OutOfGas, null)
        | RunEnd.StackExhausted, _ -> struct (Outcome.StackExhausted, null)
        | RunEnd.Fault f, _ -> invalidOp $"a fault has no outcome: {f}"

    /// The draft, complete, or dropped with everything the run wrote.
    let foldDraft (invoked: Invoked) : Result<Folded, Refusal> =
        let struct (outcome, message) = outcome invoked.Source.Recorded.Convention invoked.Result.End

        let folded draft = {
            Invoked = invoked
            Outcome = outcome
            Draft = draft
            Message = if isNull message then Outcome.describe outcome else message
        }

        if outcome.Succeeded then
            Draft.complete invoked.Run.Draft
            |> Result.map (Some >> folded)
            |> Result.mapError (fun wrong -> Refusal.Fault(EngineFault.Bug $"a draft does not add up: %A{wrong}"))
        else
            Ok(folded None)

    // ---- receipt

    let private hash (bytes: byte[]) =
        match Hash32.tryOfBytes (ReadOnlySpan bytes) with
        | ValueSome h -> h
        | ValueNone -> Hash32.zero

    /// The receipt, and beside it what is only true of this run.
    let receipt (m: Machinery) (watch: Stopwatch) (folded: Folded) : ExecutionReport =
        let invoked = folded.Invoked

        let receipt: Receipt = {
            Request = invoked.Source.Recorded
            Versions = Versions.Current
            Outcome = folded.Outcome
            ReturnData = invoked.Run.Draft.ReturnData
            GasUsed = invoked.Result.GasUsed
            Draft = folded.Draft
            Journal = List.ofSeq invoked.Run.Journal
            Reads = invoked.Reads
            MemoryDigest = hash invoked.Digests.Memory
            GlobalsDigest = hash invoked.Digests.Globals
            Output = invoked.Run.Wasi.Digests()
        }

        let digest = ReceiptBytes.digest receipt
        let struct (cacheHit, poolHit) = invoked.Hits

        {
            Receipt = receipt
            ReceiptDigest = digest
            Message = folded.Message
            Elapsed = watch.Elapsed
            RunTime = invoked.RunTime
            CacheHit = cacheHit
            PoolHit = poolHit
            Engine = m.Engine.Name
            EngineVersion = m.Engine.Version
            Runtime = Environment.Version.ToString()
            MemoryBytes = invoked.Digests.MemoryBytes
            Log = [ for struct (level, text) in invoked.Run.Log -> level, text ]
            Output = invoked.Run.Wasi.Output
            ErrorOutput = invoked.Run.Wasi.ErrorOutput
            ExitStatus =
                match folded.Outcome, invoked.Result.End with
                | _, RunEnd.Trapped t when int t.Code = HostTrap.Exit -> Some(int (uint32 t.A))
                | Outcome.Returned _, _ -> Some 0
                | _ -> None
        }
