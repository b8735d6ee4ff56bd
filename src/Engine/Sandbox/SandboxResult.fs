namespace Twofold

// What came of an execution in a sandbox: one object, nothing thrown for what a guest does.
// In: a report or a refusal. Out: success and values, or the kind of failure with one line for people; gas, memory, time, output, the receipt.

open System
open System.Collections.Generic
open System.Text
open Twofold.Wasm
open Twofold.Engine

/// How an execution ended.
type SandboxEnd =
    /// The function returned.
    | Returned = 0
    /// The module, the function or its arguments were refused; nothing ran.
    | Rejected = 1
    /// The guest trapped, or a host function ended it.
    | Trapped = 2
    /// The guest threw an exception that it did not catch, or a program exited with a status.
    | Failed = 3
    /// Gas ran out.
    | OutOfGas = 4
    /// The logical stack ran out.
    | StackExhausted = 5
    /// The deadline passed.
    | Timeout = 6
    /// The caller cancelled.
    | Cancelled = 7
    /// A host function threw, or the host had no memory left, or no instance became free within the deadline.
    | HostFailure = 8
    /// A bug of the engine.
    | EngineFailure = 9
    /// A quota of the tenant is used up: try again after RetryAfter.
    | Refused = 10

/// What came of one execution.
[<Sealed; AllowNullLiteral>]
type SandboxResult
    internal
    (
        ending: SandboxEnd,
        error: string,
        report: Twofold.Engine.ExecutionReport voption,
        elapsed: TimeSpan,
        attempts: int,
        retryAfter: TimeSpan
    ) =
    let fact fallback pick =
        match report with
        | ValueSome(r: Twofold.Engine.ExecutionReport) -> pick r
        | ValueNone -> fallback

    let receipt = lazy (fact null (fun r -> Twofold.Receipt r.Receipt))

    let values =
        lazy
            (match report with
             | ValueSome r -> (Twofold.Outcome r.Receipt.Outcome).Values
             | ValueNone -> Arguments.list [])

    /// Whether the function returned.
    member _.Success = (ending = SandboxEnd.Returned)
    /// How it ended.
    member _.End = ending
    /// One line for people, or null when it succeeded. A deadline says "timeout".
    member _.Error: string = error
    /// What the function returned; what an uncaught exception carried.
    member _.Values: IReadOnlyList<Value> = values.Value

    /// What the guest wrote: its log lines, each with a line feed, and then WASI's standard output.
    member _.Output: string =
        fact "" (fun r ->
            let lines = StringBuilder()

            for _, line in r.Log do
                lines.Append(line).Append('\n') |> ignore

            lines.Append(Encoding.UTF8.GetString r.Output).ToString())

    /// What a program wrote to WASI's standard error.
    member _.ErrorOutput: string = fact "" (fun r -> Encoding.UTF8.GetString r.ErrorOutput)
    /// Milliseconds from the call to its end, waiting for a turn, loading and attempts among them.
    member _.ElapsedMilliseconds = elapsed.TotalMilliseconds
    /// Milliseconds in the guest and its host calls, of the last attempt.
    member _.RunMilliseconds = fact 0.0 _.RunTime.TotalMilliseconds
    /// Gas used by the last attempt; 0 without a receipt.
    member _.GasUsed = fact 0L _.Receipt.GasUsed
    /// The most bytes of memory that the guest had (memories never shrink); 0 without a receipt.
    member _.MemoryPeak = fact 0L _.MemoryBytes
    /// How many times it was executed: more than once after out of gas, when the options say so.
    member _.Attempts = attempts
    /// When to try again, after Refused; TimeSpan.MaxValue: never under this quota. Zero otherwise.
    member _.RetryAfter = retryAfter
    /// The receipt of the last attempt; null when there is none (rejected, timeout, cancelled, failures of the host).
    member _.Receipt: Twofold.Receipt = receipt.Value

    /// What a function on bytes returned; what a guest set as its return data. Empty without a receipt.
    member _.GetReturnData() : byte[] = fact [||] (fun r -> Array.copy r.Receipt.ReturnData)
    /// The same as the text whose UTF-8 it is.
    member _.ReturnText: string = fact "" (fun r -> Encoding.UTF8.GetString r.Receipt.ReturnData)

    /// The one value returned, as int, uint, long, ulong, float, double or bool (not zero). Throws InvalidOperationException when it is another, or there is none.
    member this.Get<'T>() : 'T =
        if not this.Success then
            raise (InvalidOperationException $"the execution did not return: {error}")

        let found = values.Value

        if found.Count <> 1 then
            raise (InvalidOperationException $"the function returned {found.Count} values")

        let v = found[0]
        let t = typeof<'T>

        let value: obj =
            if t = typeof<int> then box (v.AsI32())
            elif t = typeof<uint32> then box (uint32 (v.AsI32()))
            elif t = typeof<int64> then box (v.AsI64())
            elif t = typeof<uint64> then box (uint64 (v.AsI64()))
            elif t = typeof<float32> then box (v.AsF32())
            elif t = typeof<double> then box (v.AsF64())
            elif t = typeof<bool> then box (v.AsI32() <> 0)
            else raise (InvalidOperationException $"a WebAssembly value is no {t.Name}")

        unbox<'T> value

    override _.ToString() = if isNull error then fact "returned" _.Message else error

module internal SandboxResult =
    /// An end as metrics have it.
    let name (ending: SandboxEnd) =
        match ending with
        | SandboxEnd.Returned -> "returned"
        | SandboxEnd.Rejected -> "rejected"
        | SandboxEnd.Trapped -> "trapped"
        | SandboxEnd.Failed -> "failed"
        | SandboxEnd.OutOfGas -> "out_of_gas"
        | SandboxEnd.StackExhausted -> "stack_exhausted"
        | SandboxEnd.Timeout -> "timeout"
        | SandboxEnd.Cancelled -> "cancelled"
        | SandboxEnd.HostFailure -> "host_failure"
        | SandboxEnd.Refused -> "refused"
        | _ -> "engine_failure"

    let private endOf (outcome: Twofold.Engine.Outcome) =
        match outcome with
        | Outcome.Returned _ -> SandboxEnd.Returned
        | Outcome.Failed _
        | Outcome.Uncaught _ -> SandboxEnd.Failed
        | Outcome.Trapped _ -> SandboxEnd.Trapped
        | Outcome.OutOfGas -> SandboxEnd.OutOfGas
        | Outcome.StackExhausted -> SandboxEnd.StackExhausted

    /// What a run came to; `tried`: the gas of each attempt, the last first.
    let make (result: Result<Twofold.Engine.ExecutionReport, Refusal>) (elapsed: TimeSpan) (tried: int64 list) : SandboxResult =
        let attempts = tried.Length

        match result with
        | Ok report ->
            match endOf report.Receipt.Outcome with
            | SandboxEnd.Returned -> SandboxResult(SandboxEnd.Returned, null, ValueSome report, elapsed, attempts, TimeSpan.Zero)
            | SandboxEnd.OutOfGas when attempts > 1 ->
                let gas = tried |> List.rev |> List.map string |> String.concat ", "
                let error = $"out of gas, {attempts} times: tried with {gas}"
                SandboxResult(SandboxEnd.OutOfGas, error, ValueSome report, elapsed, attempts, TimeSpan.Zero)
            | SandboxEnd.OutOfGas ->
                let error = $"out of gas: all {tried.Head} units are used"
                SandboxResult(SandboxEnd.OutOfGas, error, ValueSome report, elapsed, attempts, TimeSpan.Zero)
            | other -> SandboxResult(other, report.Message, ValueSome report, elapsed, attempts, TimeSpan.Zero)
        | Error refusal ->
            let ending =
                match refusal with
                | Refusal.Rejected _ -> SandboxEnd.Rejected
                | Refusal.Fault fault ->
                    match fault with
                    | EngineFault.Deadline _ -> SandboxEnd.Timeout
                    | EngineFault.Cancelled -> SandboxEnd.Cancelled
                    | EngineFault.HostFunction _
                    | EngineFault.PoolExhausted _
                    | EngineFault.HostMemory _ -> SandboxEnd.HostFailure
                    | EngineFault.Bug _ -> SandboxEnd.EngineFailure

            SandboxResult(ending, refusal.ToString(), ValueNone, elapsed, attempts, TimeSpan.Zero)

    let refused (why: string) (retryAfter: TimeSpan) : SandboxResult =
        SandboxResult(SandboxEnd.Refused, why, ValueNone, TimeSpan.Zero, 0, retryAfter)

    let cancelled (elapsed: TimeSpan) : SandboxResult =
        SandboxResult(SandboxEnd.Cancelled, "cancelled", ValueNone, elapsed, 0, TimeSpan.Zero)
