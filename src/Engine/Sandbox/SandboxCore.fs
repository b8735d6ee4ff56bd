namespace Twofold.Engine

// A module under a sandbox's options, ready to be executed: what sandboxes, plugins and tenants share.
// In: options and a module's bytes. Out: runs on threads of our own; what came of them.

open System
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open Twofold
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

/// A loaded module. Immutable.
[<NoComparison; NoEquality>]
type internal LoadedModule = {
    Bytes: byte[]
    Hash: Hash32
    Valid: ValidModule
    Settings: SandboxSettings
    Grants: ImportGrants
    Functions: IHostFunctions
}

/// What a function is given.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal CallInput =
    | Numbers of Value[]
    /// Bytes that the guest's `alloc` gets room for; bytes come back the same way.
    | Bytes of byte[]

module internal SandboxCore =
    let private pattern (text: string) = (ImportPattern.TryParse text).Value

    let private capabilities = [
        SandboxCapabilities.Log, [ "env.log" ]
        SandboxCapabilities.Allocator, [ "env.malloc"; "env.alloc"; "env.free"; "env.memory" ]
        SandboxCapabilities.Abort, [ "env.abort" ]
        SandboxCapabilities.Random, [ "env.get_random" ]
        SandboxCapabilities.Wasi, [ "wasi_snapshot_preview1.*" ]
    ]

    /// What a module is granted: of the registered functions those that it imports, so that its receipts depend on no others.
    let private grants (s: SandboxSettings) (imports: (string * string) list) : ImportGrants =
        let named = List.ofSeq s.Allowed

        let registered =
            HostDelegates(s.Functions).Signatures
            |> List.filter (fun f ->
                List.contains (f.Module, f.Name) imports && (named.IsEmpty || named |> List.exists _.Matches(f.Module, f.Name)))
            |> List.sortWith (fun a b -> compare (a.Module, a.Name) (b.Module, b.Name))

        {
            Allowed =
                List.distinct [
                    yield! named
                    for capability, patterns in capabilities do
                        if s.Capabilities.HasFlag capability then
                            yield! List.map pattern patterns
                    for f in registered do
                        pattern $"{f.Module}.{f.Name}"
                ]
            Functions = registered
        }

    let private importsOf (m: Module) = [ for i in m.Imports -> i.Module, i.Name ]

    let private plain (s: SandboxSettings) (bytes: byte[]) : Twofold.Engine.ExecutionRequest = {
        Request.contract bytes "" Address.zero Address.zero Snapshot.empty with
            Convention = Convention.Raw []
            Profile = s.Profile
            RandomSeed = s.Seed
    }

    /// A module that may run under these options, or why not.
    let load (executor: Executor) (s: SandboxSettings) (source: byte[]) : Result<LoadedModule, Refusal> =
        executor.LoadModule(plain s source)
        |> Result.bind (fun (struct (valid, bytes, hash)) ->
            let granted = grants s (importsOf valid.Module)

            match Linking.checkGranted s.Profile.Policy (Some granted) valid with
            | first :: _ -> Error(Refusal.Rejected first)
            | [] ->
                Ok {
                    Bytes = bytes
                    Hash = hash
                    Valid = valid
                    Settings = s
                    Grants = granted
                    Functions = HostDelegates s.Functions
                })

    /// Bytes of a stream, but no more than a module may have, and one.
    let readStream (s: SandboxSettings) (stream: Stream) (token: CancellationToken) : Task<byte[]> =
        task {
            let most = s.Profile.Policy.Wasm.ModuleBytes
            use kept = new MemoryStream()
            let buffer = Array.zeroCreate<byte> 65536
            let mutable more = true

            while more do
                let! n = stream.ReadAsync(buffer.AsMemory(), token)
                kept.Write(buffer, 0, n)
                // One byte too many is enough to be refused.
                more <- n > 0 && kept.Length <= int64 most

            return kept.ToArray()
        }

    let orThrow (result: Result<'T, Refusal>) : 'T =
        match result with
        | Ok value -> value
        | Error(Refusal.Rejected r) -> raise (RejectedException(Rejection r))
        | Error(Refusal.Fault f) -> raise (InvalidOperationException(string f))

    /// The arguments as a request has them; the kinds must be those of the function, so that a long never passes for an int.
    let private request
        (m: LoadedModule)
        (entry: string)
        (input: CallInput)
        (gas: int64)
        : Result<Twofold.Engine.ExecutionRequest, Refusal> =
        let most = m.Settings.Profile.Policy.Gas
        let plain = plain m.Settings m.Bytes

        let made = {
            plain with
                Entry = entry
                Convention =
                    match input with
                    | CallInput.Numbers arguments -> Convention.Raw [ for v in arguments -> v.Bits ]
                    | CallInput.Bytes bytes -> Convention.Skill bytes
                Imports = Some m.Grants
                Functions = m.Functions
                // A request may only lower its profile's gas; a later attempt has a profile with more.
                Profile =
                    (if gas > most then
                         { plain.Profile with Policy = { plain.Profile.Policy with Gas = gas } }
                     else
                         plain.Profile)
                Limits = { RequestLimits.None with Gas = (if gas < most then Some gas else None) }
        }

        let wrong =
            match input, m.Valid.Module.Exports |> Array.tryFind (fun e -> e.Name = entry && e.Kind = ExternKind.Func) with
            | CallInput.Numbers arguments, Some e when (m.Valid.FuncTypes[e.Index]).Params.Length = arguments.Length ->
                Seq.zip (m.Valid.FuncTypes[e.Index]).Params arguments
                |> Seq.indexed
                |> Seq.tryFind (fun (_, (t, v)) -> (string t).ToUpperInvariant() <> (string v.Kind).ToUpperInvariant())
                |> Option.map (fun (i, (t, v)) ->
                    Refuse.field $"argument {i}" $"'{entry}' is {m.Valid.FuncTypes[e.Index]}" (string t) (string v))
            // The pipeline says what is wrong with the others.
            | _ -> None

        match wrong with
        | Some rejected -> Error(Refusal.Rejected rejected)
        | None -> Ok made

    /// Executes on the calling thread, again with more gas where the options say so. `apart` is answered in the result's place when a function of the host keeps the
    /// thread beyond the deadline; null: nobody waits on another thread.
    let execute
        (executor: Executor)
        (m: LoadedModule)
        (retry: GasRetry)
        (entry: string)
        (input: CallInput)
        (gas: int64)
        (since: int64)
        (token: CancellationToken)
        (apart: TaskCompletionSource<SandboxResult>)
        : SandboxResult =
        let rec attempt (gas: int64) (tried: int64 list) =
            let tried = gas :: tried

            let giveUp =
                if isNull apart then
                    null
                else
                    Action<EngineFault>(fun fault ->
                        apart.TrySetResult(SandboxResult.make (Error(Refusal.Fault fault)) (Stopwatch.GetElapsedTime since) tried)
                        |> ignore)

            let result = request m entry input gas |> Result.bind (fun r -> executor.Execute(r, token, giveUp))
            let answered = not (isNull apart) && apart.Task.IsCompleted

            match result with
            | Ok { Receipt = { Outcome = Outcome.OutOfGas } } when
                not (isNull retry)
                && tried.Length < retry.Attempts
                && gas < retry.Ceiling
                && not token.IsCancellationRequested
                && not answered
                ->
                attempt (retry.Next gas) tried
            | result -> SandboxResult.make result (Stopwatch.GetElapsedTime since) tried

        attempt gas []
