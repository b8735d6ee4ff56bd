namespace Twofold.Engine

// Between a run and its WASI world: the host's port with its answers written down for the journal, and the port that a replay answers from.
// In: a recorded request and the host's port, or a journal. Out: the run's WasiRun, and what the host answered during the call that goes on.

open System
open System.Buffers
open System.Threading
open Twofold.HostAbi

module private Transcript =
    let write (w: WireWriter) (a: WasiHostAnswer) =
        w.U16 a.Errno
        w.U64 a.Number
        w.Bytes a.Bytes

    /// A journal that was tampered with answers failures, and the replay says where it parts.
    let read (r: WireReader) : WasiHostAnswer =
        let errno = r.U16()
        let number = r.U64()
        let bytes = r.Bytes()

        if r.Ok then
            { Errno = errno; Number = number; Bytes = bytes }
        else
            { Errno = Errno.Io; Number = 0UL; Bytes = [||] }

/// Passes calls on to the host and writes its answers down.
[<Sealed>]
type internal JournaledHost(host: IWasiHost) =
    let mutable written: WireWriter = Unchecked.defaultof<_>

    let note (answer: WasiHostAnswer) =
        let answer = if isNull answer.Bytes then { answer with Bytes = [||] } else answer

        if isNull (box written) then
            written <- WireWriter()

        Transcript.write written answer
        answer

    /// What was answered since the last call of this; null when nothing was asked.
    member _.Take() : byte[] =
        if isNull (box written) then
            null
        else
            let bytes = written.ToArray()
            written <- Unchecked.defaultof<_>
            bytes

    interface IWasiHost with
        // Not in the journal: a preopen that is not there is refused before the run.
        member _.OpenPreopen(handle, guest, grant) = host.OpenPreopen(handle, guest, grant)
        member _.Close handle = host.Close handle
        member _.Output(stream, data) = host.Output(stream, data)
        member _.Done() = host.Done()

        member _.Open(handle, parent, path, follow, oflags, fdflags, read, write) =
            note (host.Open(handle, parent, path, follow, oflags, fdflags, read, write))

        member _.Read(handle, offset, length) = note (host.Read(handle, offset, length))
        member _.Write(handle, offset, append, data) = note (host.Write(handle, offset, append, data))
        member _.Stat handle = note (host.Stat handle)
        member _.StatPath(parent, path, follow) = note (host.StatPath(parent, path, follow))
        member _.SetSize(handle, size) = note (host.SetSize(handle, size))
        member _.SetTimes(handle, atim, mtim, flags) = note (host.SetTimes(handle, atim, mtim, flags))

        member _.SetTimesPath(parent, path, follow, atim, mtim, flags) = note (host.SetTimesPath(parent, path, follow, atim, mtim, flags))

        member _.Sync handle = note (host.Sync handle)
        member _.List handle = note (host.List handle)
        member _.MakeDirectory(parent, path) = note (host.MakeDirectory(parent, path))
        member _.RemoveDirectory(parent, path) = note (host.RemoveDirectory(parent, path))
        member _.Unlink(parent, path) = note (host.Unlink(parent, path))
        member _.Rename(parent, path, newParent, newPath) = note (host.Rename(parent, path, newParent, newPath))
        member _.Link(parent, path, newParent, newPath) = note (host.Link(parent, path, newParent, newPath))
        member _.Symlink(target, parent, path) = note (host.Symlink(target, parent, path))
        member _.ReadLink(parent, path) = note (host.ReadLink(parent, path))
        member _.ReadInput(length, token) = note (host.ReadInput(length, token))

/// Answers from a journal: `recorded` gives what was kept of the entry that the replay has come to.
[<Sealed>]
type internal ReplayedHost(recorded: unit -> byte[]) =
    let mutable source: byte[] = null
    let mutable reader: WireReader = Unchecked.defaultof<_>

    // A call may ask more than once; a new entry has other bytes.
    let next () =
        let bytes = recorded ()

        if not (obj.ReferenceEquals(bytes, source)) then
            source <- bytes
            reader <- WireReader bytes

        Transcript.read reader

    let ok = { Errno = 0us; Number = 0UL; Bytes = [||] }

    interface IWasiHost with
        member _.OpenPreopen(_, _, _) = ok
        member _.Close _ = ()
        member _.Output(_, _) = ()
        member _.Done() = ()
        member _.Open(_, _, _, _, _, _, _, _) = next ()
        member _.Read(_, _, _) = next ()
        member _.Write(_, _, _, _) = next ()
        member _.Stat _ = next ()
        member _.StatPath(_, _, _) = next ()
        member _.SetSize(_, _) = next ()
        member _.SetTimes(_, _, _, _) = next ()
        member _.SetTimesPath(_, _, _, _, _, _) = next ()
        member _.Sync _ = next ()
        member _.List _ = next ()
        member _.MakeDirectory(_, _) = next ()
        member _.RemoveDirectory(_, _) = next ()
        member _.Unlink(_, _) = next ()
        member _.Rename(_, _, _, _) = next ()
        member _.Link(_, _, _, _) = next ()
        member _.Symlink(_, _, _) = next ()
        member _.ReadLink(_, _) = next ()
        member _.ReadInput(_, _) = next ()

/// A run's WASI, made when its first function is called.
[<Sealed>]
type internal WasiLink(request: RecordedRequest, host: IWasiHost, cancellation: unit -> CancellationToken) =
    let host = if isNull host then Unchecked.defaultof<JournaledHost> else JournaledHost host
    let port = if isNull (box host) then null else host :> IWasiHost

    let run =
        lazy
            (let rules = {
                OutputBytes = request.Policy.Run.OutputBytes
                FileBytes = request.Policy.Run.FileBytes
                FixedTime = request.Policy.Switches.FixedTime
             }

             WasiRun(request.Wasi |> Option.defaultValue WasiWorld.empty, rules, port, cancellation))

    let mutable input: byte[] = [||]

    /// Gas of the whole run, for clocks that advance with it.
    member _.Gas = request.Policy.Gas
    member _.Run = run.Value
    /// Whether any function was called.
    member _.Used = run.IsValueCreated
    /// What the host answered during the last effect; null when it was not asked.
    member _.Answered() : byte[] = if isNull (box host) then null else host.Take()

    /// Room to gather what a guest writes.
    member _.Input(length: int) : byte[] =
        if input.Length < length then
            input <- Array.zeroCreate (max length (min (input.Length * 2) WasiFdCalls.MaxTransfer))

        input

    /// The run has ended, however it did.
    member _.Done() =
        if run.IsValueCreated && not (isNull port) then
            port.Done()

    /// What was written, for the receipt; none when no function was called.
    member _.Digests() : OutputDigests option =
        if run.IsValueCreated then
            let digest (bytes: byte[]) : StreamDigest = { Length = bytes.LongLength; Hash = Hash32.sha256 (ReadOnlySpan bytes) }
            Some { Output = digest run.Value.Output; Error = digest run.Value.ErrorOutput }
        else
            None

    member _.Output = if run.IsValueCreated then run.Value.Output else [||]
    member _.ErrorOutput = if run.IsValueCreated then run.Value.ErrorOutput else [||]
