namespace Twofold.Engine

// A guest's call of a function that the host registered: the function sees its caller through a link that journals every step it takes.
// In: the guest's arguments; the function's reads, writes, charges and calls back. Out: its result's bits, or the run's end.
//
// A step is charged, weighed against the journal and then done; one that ends the run is journaled too, as the last, so that a replay ends there as well.
// What a function may keep of guest memory is a copy. Memory itself is only lent, as spans: while it is, the guest cannot be called (nothing moves), every other
// step first journals what was written through the spans, and whatever ends the run undoes what the journal does not hold.

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Runtime.ExceptionServices
open System.Threading
open System.Threading.Tasks
open Twofold
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.HostAbi

/// Prices of calls of registered functions (docs/SANDBOX.md).
module HostPrice =
    /// A call, and a call back into the guest.
    [<Literal>]
    let Call = 500L

    /// A byte read or written.
    [<Literal>]
    let Byte = 1L

/// A buffer that a function edits: where it belongs, and what the guest's memory holds there.
[<NoComparison; NoEquality>]
type private Edited = { Address: uint32; Buffer: byte[]; Kept: byte[] }

/// Memory that is lent for writing: where, and what the journal knows of it.
[<NoComparison; NoEquality>]
type private Lent = { At: uint32; Known: byte[] }

/// Guest memory to look at.
[<AbstractClass; Sealed>]
type private Here private () =
    static member private ReadOnly(bytes: ReadOnlySpan<byte>) = bytes
    static member Of(guest: Guest, address: uint32, length: uint32) : ReadOnlySpan<byte> = Here.ReadOnly(guest.Slice(address, length))

/// The caller of one call. Its methods run on the guest's thread; calls from others are sent there while it waits.
[<Sealed>]
type internal HostLink(run: RunContext, guest: Guest) =
    let owner = Environment.CurrentManagedThreadId
    let steps = List<HostStep>()
    let edits = List<Edited>()
    /// Buffers from before a call into the guest: over.
    let stale = List<Edited>()
    let lent = List<Lent>()
    /// Spans over the guest's memory that are out.
    let mutable loans = 0
    let mutable effect = Unchecked.defaultof<Effect>
    let mutable gasAtBegin = 0L
    /// What ends the run, once something does: a function that catches it changes nothing.
    let mutable ended: ExceptionDispatchInfo = null
    /// An effect was begun and is not answered yet.
    let mutable asked = false
    /// The call is over.
    let mutable closed = false
    let work = lazy (new BlockingCollection<unit -> unit>())

    let fail (e: exn) : 'T =
        if isNull ended then
            ended <- ExceptionDispatchInfo.Capture e

        ended.Throw()
        Unchecked.defaultof<'T>

    let live () =
        if not (isNull ended) then
            ended.Throw()

        if closed then
            invalidOp "the call of the host function is over: its caller is gone"

    /// Runs what a step does; whatever it throws ends the run with the step journaled.
    let step (attempt: HostStep) (bytes: uint64) (action: unit -> HostStep) =
        steps.Add attempt

        try
            guest.Charge(
                match attempt with
                | HostStep.Charge gas -> gas
                | _ -> int64 bytes * HostPrice.Byte
            )

            Interpreter.weigh run (HostCalls.weight attempt)
            steps[steps.Count - 1] <- action ()
        with e ->
            fail e

    let inside (address: uint32) (length: uint32) =
        if uint64 address + uint64 length > guest.MemorySize then
            raise (TrapException(TrapCode.HostRangeOutOfBounds, uint64 address, uint64 length, guest.MemorySize))

    let write (address: uint32) (bytes: byte[]) =
        let attempt = HostStep.Write(address, bytes)

        step attempt (uint64 bytes.Length) (fun () ->
            inside address (uint32 bytes.Length)
            bytes.AsSpan().CopyTo(guest.Slice(address, uint32 bytes.Length))
            attempt)

    /// What of `now` differs from what the journal knows: one range, from the first changed byte to the last. It is known then.
    let changed (address: uint32) (now: ReadOnlySpan<byte>) (known: byte[]) =
        let first = now.CommonPrefixLength(ReadOnlySpan<byte> known)

        if first < now.Length then
            let mutable last = now.Length

            while now[last - 1] = known[last - 1] do
                last <- last - 1

            let bytes = now.Slice(first, last - first).ToArray()
            write (address + uint32 first) bytes
            bytes.CopyTo(known, first)

    /// Journals what was written through spans, and writes back what changed in the buffers.
    let flush () =
        for l in lent do
            changed l.At (Here.Of(guest, l.At, uint32 l.Known.Length)) l.Known

        for e in edits do
            changed e.Address (ReadOnlySpan<byte> e.Buffer) e.Kept

    /// What the journal does not know of was never written.
    let undo () =
        for l in lent do
            l.Known.AsSpan().CopyTo(guest.Slice(l.At, uint32 l.Known.Length))

        lent.Clear()

    let overlap (address: uint32) (length: uint32) (e: Edited) =
        uint64 address < uint64 e.Address + uint64 e.Buffer.Length && uint64 e.Address < uint64 address + uint64 length

    let close next =
        let answer = { Steps = List.ofSeq steps; Next = next }
        steps.Clear()
        asked <- false
        Interpreter.answered run gasAtBegin effect (Ok(Reply.Host answer)) |> ignore

    let start (call: HostCall) =
        effect <- Effect.Host call
        gasAtBegin <- guest.GasLeft
        Interpreter.began run gasAtBegin effect
        asked <- true

    /// Journals that the function sees these bytes.
    let see (address: uint32) (length: uint32) =
        flush ()

        step (HostStep.Read(address, HostContent.Unread length)) (uint64 length) (fun () ->
            inside address length
            let content = HostCalls.content (Here.Of(guest, address, length))
            // An unread step was weighed; the bytes that are kept weigh more.
            Interpreter.weigh run (HostCalls.weight (HostStep.Read(address, content)) - 16UL)
            HostStep.Read(address, content))

    let read (address: uint32) (length: uint32) : byte[] =
        see address length
        // A copy: the function may do with it what it likes.
        guest.Slice(address, length).ToArray()

    /// Lends memory; `giveBack` ends it.
    let lend (address: uint32) (length: uint32) (writable: bool) =
        see address length

        if writable then
            lent.Add { At = address; Known = guest.Slice(address, length).ToArray() }

        loans <- loans + 1

    let giveBack (writable: bool) =
        loans <- loans - 1

        if writable then
            flush ()
            lent.RemoveAt(lent.Count - 1)

    let exportType (export: string) : FuncType =
        match run.Module.Module.Exports |> Array.tryFind (fun e -> e.Name = export && e.Kind = ExternKind.Func) with
        | Some e -> run.Module.FuncTypes[e.Index]
        | None -> invalidOp $"the guest exports no function '{export}'"

    let kindOf (t: ValType) =
        match ImportGrants.types |> List.tryFindIndex (fun known -> known = t) with
        | Some i -> LanguagePrimitives.EnumOfValue<byte, ValueKind>(byte (i + 1))
        | None -> invalidOp $"a host function cannot give or take a {t}"

    let enter (export: string) (arguments: uint64 list) : Value[] =
        if loans > 0 then
            invalidOp "the guest cannot be called while its memory is lent: it could move it"

        flush ()
        let t = exportType export
        let kinds = t.Params |> Array.map kindOf
        t.Results |> Array.iter (kindOf >> ignore)

        if kinds.Length <> arguments.Length then
            invalidOp $"'{export}' is {t}: {kinds.Length} argument(s), not {arguments.Length}"

        let values = arguments |> Seq.mapi (fun i bits -> Value.FromBits(kinds[i], bits)) |> Array.ofSeq
        // What the guest writes now is not the function's: buffers from before are not looked at again.
        stale.AddRange edits
        edits.Clear()
        close (HostNext.Entered(export, arguments))

        let results =
            try
                guest.Charge HostPrice.Call
                // Meanwhile it is the guest that has the thread.
                run.CameBack()
                let results = guest.Call(export, values)
                run.WentOut()
                Interpreter.reserve run (8UL * uint64 results.Length)
                start (HostCall.Resume [ for v in results -> v.Bits ])
                results
            with e ->
                fail e

        results

    let wait (task: Task) =
        let queue = work.Value

        if not task.IsCompleted then
            task.ContinueWith((fun (_: Task) -> queue.Add ignore), TaskContinuationOptions.ExecuteSynchronously) |> ignore

        try
            while not task.IsCompleted do
                queue.Take (run.Stopping) ()
        with :? OperationCanceledException when run.Stopping.IsCancellationRequested ->
            fail (GuestInterruptedException "a host function was waited for")

    /// On the guest's thread, whoever asks.
    let here (action: unit -> 'T) : 'T =
        if Environment.CurrentManagedThreadId = owner then
            live ()
            action ()
        else
            let result = TaskCompletionSource<'T> TaskCreationOptions.RunContinuationsAsynchronously

            work.Value.Add(fun () ->
                try
                    live ()
                    result.SetResult(action ())
                with e ->
                    result.SetException e)

            // When the guest has gone, nobody takes the work any more, and the run's end ends this.
            try
                result.Task.Wait run.Stopping
            with :? AggregateException ->
                ()

            result.Task.GetAwaiter().GetResult()

    member _.Begin(call: HostCall) = start call

    /// The function returned.
    member _.Return(bits: uint64) =
        if not (isNull ended) then
            ended.Throw()

        flush ()

        for e in stale do
            if not (e.Buffer.AsSpan().SequenceEqual(ReadOnlySpan e.Kept)) then
                invalidOp "a buffer was written after a call into the guest, which had ended its use"

        closed <- true
        close (HostNext.Returned bits)

    /// The function threw: what the run ends with.
    member _.Throw(e: exn) : exn =
        closed <- true
        undo ()

        match e with
        | _ when not (isNull ended) ->
            if asked then
                close HostNext.Stopped

            ended.SourceException
        | :? GuestTrapException as t ->
            let text = if isNull t.Message then "" else t.Message[.. HostCalls.KeptBytes - 1]
            close (HostNext.Trapped(t.Code, text))
            TrapException(enum<TrapCode> HostTrap.HostFunction, t.Code, 0UL, 0UL, text)
        | :? OperationCanceledException when run.Stopping.IsCancellationRequested -> GuestInterruptedException "a host function was stopped"
        | :? GuestInterruptedException -> e
        | _ -> HostFunctionException e

    /// Calls an export with the bits that a journal holds.
    member _.Enter(export: string, arguments: uint64 list) = enter export arguments |> ignore

    interface IHostCaller with
        member _.MemorySize = guest.MemorySize
        member _.GasLeft = guest.GasLeft
        member _.Stopping = run.Stopping
        member _.Read(address, length) = here (fun () -> read address length)

        member _.Write(address, bytes) =
            let bytes = Array.copy bytes

            here (fun () ->
                flush ()
                write address bytes

                // Buffers over the same bytes show what is there now, and what is lent is known to have it.
                let show (start: uint32) (into: byte[]) =
                    let from = max (uint64 address) (uint64 start)
                    let until = min (uint64 address + uint64 bytes.Length) (uint64 start + uint64 into.Length)

                    if from < until then
                        Array.Copy(bytes, int (from - uint64 address), into, int (from - uint64 start), int (until - from))

                for e in edits do
                    show e.Address e.Buffer
                    show e.Address e.Kept

                for l in lent do
                    show l.At l.Known)

        member _.Edit(address, length) =
            here (fun () ->
                match edits |> Seq.tryFind (overlap address length) with
                | Some e when e.Address = address && uint32 e.Buffer.Length = length -> e.Buffer
                | Some e ->
                    invalidOp
                        $"{length} bytes at {address} overlap a buffer of {e.Buffer.Length} bytes at {e.Address} that is being edited"
                | None ->
                    let bytes = read address length
                    edits.Add { Address = address; Buffer = bytes; Kept = Array.copy bytes }
                    bytes)

        member _.Borrow(address, length, writable) =
            if Environment.CurrentManagedThreadId <> owner then
                invalidOp "memory is lent on the guest's own thread only"

            live ()
            lend address length writable
            guest.Slice(address, length)

        member _.ReadSpan(address, length, reader) =
            here (fun () ->
                lend address length false

                try
                    reader.Invoke(guest.Slice(address, length))
                finally
                    giveBack false)

        member _.EditSpan(address, length, editor) =
            here (fun () ->
                lend address length true

                try
                    editor.Invoke(guest.Slice(address, length))
                with _ ->
                    // The function may catch this and go on: the bytes are as they were.
                    let l = lent[lent.Count - 1]
                    l.Known.AsSpan().CopyTo(guest.Slice(l.At, length))
                    lent.RemoveAt(lent.Count - 1)
                    loans <- loans - 1
                    reraise ()

                giveBack true)

        member _.Charge gas =
            if gas < 0L then
                raise (ArgumentOutOfRangeException(nameof gas, gas, "not negative"))

            here (fun () -> step (HostStep.Charge gas) 0UL (fun () -> HostStep.Charge gas))

        member _.Enter(export, arguments) =
            here (fun () ->
                let t = exportType export

                if
                    t.Params.Length <> arguments.Length || not (Array.forall2 (fun p (v: Value) -> kindOf p = v.Kind) t.Params arguments)
                then
                    invalidOp $"the arguments do not fit '{export}', which is {t}"

                enter export [ for v in arguments -> v.Bits ])

        member _.Wait task =
            if Environment.CurrentManagedThreadId <> owner then
                invalidOp "only the guest's own thread waits"

            live ()
            wait task

module internal HostLink =
    /// One call, from the guest's arguments to the bits of the result.
    let call (run: RunContext) (guest: Guest) (signature: HostSignature) (arguments: uint64 list) : uint64 =
        guest.Charge HostPrice.Call
        Interpreter.reserve run (8UL * uint64 arguments.Length)
        let link = HostLink(run, guest)
        link.Begin(HostCall.Call(signature.Module, signature.Name, arguments))

        try
            run.WentOut()
            let bits = run.Functions.Perform(signature, arguments, link)
            run.CameBack()

            if run.GivenUp then
                raise (GuestInterruptedException "nobody waits for this run any more")

            link.Return bits
            bits
        with e ->
            run.CameBack()
            raise (link.Throw e)
