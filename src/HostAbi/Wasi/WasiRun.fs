namespace Twofold.HostAbi

// One run of a WASI program: its effects are performed here, each against the state that those before it left.
// In: a world, rules and a host's port; effects with the data that they wrote. Out: errnos, and the reply's bytes for guest memory.

open System
open System.Buffers.Binary
open System.Threading

/// What a program sees of WASI, while it runs.
[<Sealed>]
type WasiRun internal (state: WasiState) =
    let s = state

    let texts (items: string list) = items |> List.map Utf8.bytes

    let args = lazy (texts s.World.Args)
    let env = lazy (s.World.Env |> List.map (fun (name, value) -> $"{name}={value}") |> texts)

    /// Each with a NUL behind it.
    let joined (items: byte[] list) =
        let r = s.ReplyRoom(items |> List.sumBy (fun i -> i.Length + 1))
        let mutable at = 0

        for item in items do
            item.AsSpan().CopyTo(r.Slice at)
            r[at + item.Length] <- 0uy
            at <- at + item.Length + 1

        Errno.Success

    let sizes (items: byte[] list) =
        let r = s.ReplyRoom 8
        BinaryPrimitives.WriteUInt32LittleEndian(r, uint32 items.Length)
        BinaryPrimitives.WriteUInt32LittleEndian(r.Slice 4, items |> List.sumBy (fun i -> uint32 i.Length + 1u))
        Errno.Success

    // ----

    /// The world of a run: made anew for each.
    internal new(world, rules, host, cancellation: unit -> CancellationToken) = WasiRun(WasiState(world, rules, host, cancellation))

    member internal _.State = s

    /// Whether a descriptor is open.
    member _.IsOpen(fd: uint32) = not (isNull (s.Fd fd))

    /// The reply of the last effect that succeeded.
    member _.Reply = ReadOnlyMemory(s.Reply, 0, s.ReplyLength)

    /// Whether the journal keeps a function's reply. The others keep its length: content that follows from the request and from what the run wrote.
    static member internal KeepsReply(f: WasiFunction) =
        match f with
        | WasiFunction.ArgsGet
        | WasiFunction.EnvironGet
        | WasiFunction.FdRead
        | WasiFunction.FdPread
        | WasiFunction.FdReaddir
        | WasiFunction.FdPrestatDirName
        | WasiFunction.PathReadlink
        | WasiFunction.PollOneoff
        | WasiFunction.RandomGet -> false
        | _ -> true

    /// Performs an effect. `data` is what the guest wrote, `gasUsed` what the run has used so far.
    member _.Perform(effect: WasiEffect, data: ReadOnlyMemory<byte>, gasUsed: int64) : uint16 =
        s.SetGas gasUsed
        s.ClearReply()

        let errno =
            match effect with
            | WasiEffect.ArgsGet -> joined args.Value
            | WasiEffect.ArgsSizesGet -> sizes args.Value
            | WasiEffect.EnvironGet -> joined env.Value
            | WasiEffect.EnvironSizesGet -> sizes env.Value
            | WasiEffect.ClockResGet id -> if (WasiPoll.clock s id).IsSome then s.ReplyU64 s.World.Clocks.Step else Errno.Inval
            | WasiEffect.ClockTimeGet(id, _) ->
                s.Tick()

                match WasiPoll.clock s id with
                | ValueSome now -> s.ReplyU64 now
                | ValueNone -> Errno.Inval
            | WasiEffect.FdAdvise(fd, offset, length, advice) -> WasiFdCalls.advise s fd offset length advice
            | WasiEffect.FdAllocate(fd, offset, length) -> WasiFdCalls.allocate s fd offset length
            | WasiEffect.FdClose fd -> WasiFdCalls.close s fd
            | WasiEffect.FdDatasync fd -> WasiFdCalls.sync s fd Rights.FdDatasync
            | WasiEffect.FdFdstatGet fd -> WasiFdCalls.fdstatGet s fd
            | WasiEffect.FdFdstatSetFlags(fd, flags) -> WasiFdCalls.fdstatSetFlags s fd flags
            | WasiEffect.FdFdstatSetRights(fd, rights, inheriting) -> WasiFdCalls.fdstatSetRights s fd rights inheriting
            | WasiEffect.FdFilestatGet fd -> WasiFdCalls.filestatGet s fd
            | WasiEffect.FdFilestatSetSize(fd, size) -> WasiFdCalls.filestatSetSize s fd size
            | WasiEffect.FdFilestatSetTimes(fd, atim, mtim, flags) -> WasiFdCalls.filestatSetTimes s fd atim mtim flags
            | WasiEffect.FdPread(fd, room, offset) -> WasiFdCalls.pread s fd room offset
            | WasiEffect.FdPrestatGet fd -> WasiFdCalls.prestatGet s fd
            | WasiEffect.FdPrestatDirName(fd, room) -> WasiFdCalls.prestatDirName s fd room
            | WasiEffect.FdPwrite(fd, _, offset) -> WasiFdCalls.pwrite s fd data offset
            | WasiEffect.FdRead(fd, room) -> WasiFdCalls.read s fd room
            | WasiEffect.FdReaddir(fd, room, cookie) -> WasiFdCalls.readdir s fd room cookie
            | WasiEffect.FdRenumber(fd, target) -> WasiFdCalls.renumber s fd target
            | WasiEffect.FdSeek(fd, offset, whence) -> WasiFdCalls.seek s fd offset whence
            | WasiEffect.FdSync fd -> WasiFdCalls.sync s fd Rights.FdSync
            | WasiEffect.FdTell fd -> WasiFdCalls.tell s fd
            | WasiEffect.FdWrite(fd, _) -> WasiFdCalls.write s fd data
            | WasiEffect.PathCreateDirectory(fd, path) -> WasiPathCalls.createDirectory s fd path
            | WasiEffect.PathFilestatGet(fd, lookup, path) -> WasiPathCalls.filestatGet s fd lookup path
            | WasiEffect.PathFilestatSetTimes(fd, lookup, path, atim, mtim, flags) ->
                WasiPathCalls.filestatSetTimes s fd lookup path atim mtim flags
            | WasiEffect.PathLink(fd, lookup, path, newFd, newPath) -> WasiPathCalls.link s fd lookup path newFd newPath
            | WasiEffect.PathOpen(fd, lookup, path, oflags, rights, inheriting, fdflags) ->
                WasiPathCalls.openPath s fd lookup path oflags rights inheriting fdflags
            | WasiEffect.PathReadlink(fd, path, room) -> WasiPathCalls.readlink s fd path room
            | WasiEffect.PathRemoveDirectory(fd, path) -> WasiPathCalls.removeDirectory s fd path
            | WasiEffect.PathRename(fd, path, newFd, newPath) -> WasiPathCalls.rename s fd path newFd newPath
            | WasiEffect.PathSymlink(target, fd, path) -> WasiPathCalls.symlink s target fd path
            | WasiEffect.PathUnlinkFile(fd, path) -> WasiPathCalls.unlink s fd path
            | WasiEffect.PollOneoff subs -> WasiPoll.run s subs
            // The engine ends the run.
            | WasiEffect.ProcExit _ -> Errno.Success
            | WasiEffect.ProcRaise _ -> Errno.Notsup
            | WasiEffect.SchedYield -> Errno.Success
            | WasiEffect.RandomGet room -> s.Draw(int room)
            | WasiEffect.SockAccept(fd, _)
            | WasiEffect.SockRecv(fd, _, _)
            | WasiEffect.SockSend(fd, _, _)
            | WasiEffect.SockShutdown(fd, _) -> WasiFdCalls.socket s fd

        if errno <> Errno.Success then
            s.ClearReply()

        errno

    /// What was written to standard output and to standard error.
    member _.Output = s.Output.WrittenSpan.ToArray()
    member _.ErrorOutput = s.ErrorOutput.WrittenSpan.ToArray()
