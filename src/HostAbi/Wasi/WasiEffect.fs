namespace Twofold.HostAbi

// What a guest asks of WASI preview1, as values: one case for each of its 46 functions, with decoded arguments instead of pointers.
// In: made by WasiDispatch from a call. Out: performed by the run's WASI world, journaled; WasiFields writes and reads them.

open System

/// The functions of preview1, in the order of its specification.
[<RequireQualifiedAccess>]
type WasiFunction =
    | ArgsGet
    | ArgsSizesGet
    | EnvironGet
    | EnvironSizesGet
    | ClockResGet
    | ClockTimeGet
    | FdAdvise
    | FdAllocate
    | FdClose
    | FdDatasync
    | FdFdstatGet
    | FdFdstatSetFlags
    | FdFdstatSetRights
    | FdFilestatGet
    | FdFilestatSetSize
    | FdFilestatSetTimes
    | FdPread
    | FdPrestatGet
    | FdPrestatDirName
    | FdPwrite
    | FdRead
    | FdReaddir
    | FdRenumber
    | FdSeek
    | FdSync
    | FdTell
    | FdWrite
    | PathCreateDirectory
    | PathFilestatGet
    | PathFilestatSetTimes
    | PathLink
    | PathOpen
    | PathReadlink
    | PathRemoveDirectory
    | PathRename
    | PathSymlink
    | PathUnlinkFile
    | PollOneoff
    | ProcExit
    | ProcRaise
    | SchedYield
    | RandomGet
    | SockAccept
    | SockRecv
    | SockSend
    | SockShutdown

    /// The number in encodings, fixed for ever.
    member f.Number: byte =
        match f with
        | ArgsGet -> 0x90uy
        | ArgsSizesGet -> 0x91uy
        | EnvironGet -> 0x92uy
        | EnvironSizesGet -> 0x93uy
        | ClockResGet -> 0x94uy
        | ClockTimeGet -> 0x95uy
        | FdAdvise -> 0x96uy
        | FdAllocate -> 0x97uy
        | FdClose -> 0x98uy
        | FdDatasync -> 0x99uy
        | FdFdstatGet -> 0x9Auy
        | FdFdstatSetFlags -> 0x9Buy
        | FdFdstatSetRights -> 0x9Cuy
        | FdFilestatGet -> 0x9Duy
        | FdFilestatSetSize -> 0x9Euy
        | FdFilestatSetTimes -> 0x9Fuy
        | FdPread -> 0xA0uy
        | FdPrestatGet -> 0xA1uy
        | FdPrestatDirName -> 0xA2uy
        | FdPwrite -> 0xA3uy
        | FdRead -> 0xA4uy
        | FdReaddir -> 0xA5uy
        | FdRenumber -> 0xA6uy
        | FdSeek -> 0xA7uy
        | FdSync -> 0xA8uy
        | FdTell -> 0xA9uy
        | FdWrite -> 0xAAuy
        | PathCreateDirectory -> 0xABuy
        | PathFilestatGet -> 0xACuy
        | PathFilestatSetTimes -> 0xADuy
        | PathLink -> 0xAEuy
        | PathOpen -> 0xAFuy
        | PathReadlink -> 0xB0uy
        | PathRemoveDirectory -> 0xB1uy
        | PathRename -> 0xB2uy
        | PathSymlink -> 0xB3uy
        | PathUnlinkFile -> 0xB4uy
        | PollOneoff -> 0xB5uy
        | ProcExit -> 0xB6uy
        | ProcRaise -> 0xB7uy
        | SchedYield -> 0xB8uy
        | RandomGet -> 0xB9uy
        | SockAccept -> 0xBAuy
        | SockRecv -> 0xBBuy
        | SockSend -> 0xBCuy
        | SockShutdown -> 0xBDuy

    /// Every function.
    static member All: WasiFunction list = [
        WasiFunction.ArgsGet
        WasiFunction.ArgsSizesGet
        WasiFunction.EnvironGet
        WasiFunction.EnvironSizesGet
        WasiFunction.ClockResGet
        WasiFunction.ClockTimeGet
        WasiFunction.FdAdvise
        WasiFunction.FdAllocate
        WasiFunction.FdClose
        WasiFunction.FdDatasync
        WasiFunction.FdFdstatGet
        WasiFunction.FdFdstatSetFlags
        WasiFunction.FdFdstatSetRights
        WasiFunction.FdFilestatGet
        WasiFunction.FdFilestatSetSize
        WasiFunction.FdFilestatSetTimes
        WasiFunction.FdPread
        WasiFunction.FdPrestatGet
        WasiFunction.FdPrestatDirName
        WasiFunction.FdPwrite
        WasiFunction.FdRead
        WasiFunction.FdReaddir
        WasiFunction.FdRenumber
        WasiFunction.FdSeek
        WasiFunction.FdSync
        WasiFunction.FdTell
        WasiFunction.FdWrite
        WasiFunction.PathCreateDirectory
        WasiFunction.PathFilestatGet
        WasiFunction.PathFilestatSetTimes
        WasiFunction.PathLink
        WasiFunction.PathOpen
        WasiFunction.PathReadlink
        WasiFunction.PathRemoveDirectory
        WasiFunction.PathRename
        WasiFunction.PathSymlink
        WasiFunction.PathUnlinkFile
        WasiFunction.PollOneoff
        WasiFunction.ProcExit
        WasiFunction.ProcRaise
        WasiFunction.SchedYield
        WasiFunction.RandomGet
        WasiFunction.SockAccept
        WasiFunction.SockRecv
        WasiFunction.SockSend
        WasiFunction.SockShutdown
    ]

/// Bytes that a guest wrote, as a journal keeps them: up to 64 as they are, more as their SHA-256. They follow from the run, so replay makes them again.
[<CustomEquality; NoComparison>]
type WasiData = private {
    Count: uint32
    Kept: byte[]
} with

    /// How many are kept as they are.
    static member Inline = 64

    /// How many bytes there were.
    member d.Length = d.Count
    /// The bytes, or 32 bytes of digest when there were more than `Inline`.
    member d.Mark = d.Kept

    static member Of(bytes: ReadOnlySpan<byte>) : WasiData = {
        Count = uint32 bytes.Length
        Kept =
            if bytes.Length <= WasiData.Inline then
                bytes.ToArray()
            else
                Security.Cryptography.SHA256.HashData bytes
    }

    /// The one with this length and mark, if there can be such a one.
    static member TryOf(length: uint32, mark: byte[]) : WasiData voption =
        let expected = if length <= uint32 WasiData.Inline then int length else 32
        if mark.Length = expected then ValueSome { Count = length; Kept = mark } else ValueNone

    override d.Equals(other) =
        match other with
        | :? WasiData as o -> d.Count = o.Count && d.Kept.AsSpan().SequenceEqual(o.Kept.AsSpan())
        | _ -> false

    override d.GetHashCode() = int d.Count

/// A call of a WASI function. Descriptors, flags and clocks are the guest's numbers; texts are bytes as the guest gave them; `room` is how many bytes it has place for.
[<RequireQualifiedAccess; NoComparison>]
type WasiEffect =
    | ArgsGet
    | ArgsSizesGet
    | EnvironGet
    | EnvironSizesGet
    | ClockResGet of clock: uint32
    | ClockTimeGet of clock: uint32 * precision: uint64
    | FdAdvise of fd: uint32 * offset: uint64 * length: uint64 * advice: uint32
    | FdAllocate of fd: uint32 * offset: uint64 * length: uint64
    | FdClose of fd: uint32
    | FdDatasync of fd: uint32
    | FdFdstatGet of fd: uint32
    | FdFdstatSetFlags of fd: uint32 * flags: uint32
    | FdFdstatSetRights of fd: uint32 * rights: uint64 * inheriting: uint64
    | FdFilestatGet of fd: uint32
    | FdFilestatSetSize of fd: uint32 * size: uint64
    | FdFilestatSetTimes of fd: uint32 * atim: uint64 * mtim: uint64 * flags: uint32
    | FdPread of fd: uint32 * room: uint32 * offset: uint64
    | FdPrestatGet of fd: uint32
    | FdPrestatDirName of fd: uint32 * room: uint32
    | FdPwrite of fd: uint32 * data: WasiData * offset: uint64
    | FdRead of fd: uint32 * room: uint32
    | FdReaddir of fd: uint32 * room: uint32 * cookie: uint64
    | FdRenumber of fd: uint32 * target: uint32
    | FdSeek of fd: uint32 * offset: uint64 * whence: uint32
    | FdSync of fd: uint32
    | FdTell of fd: uint32
    | FdWrite of fd: uint32 * data: WasiData
    | PathCreateDirectory of fd: uint32 * path: byte[]
    | PathFilestatGet of fd: uint32 * lookup: uint32 * path: byte[]
    | PathFilestatSetTimes of fd: uint32 * lookup: uint32 * path: byte[] * atim: uint64 * mtim: uint64 * flags: uint32
    | PathLink of fd: uint32 * lookup: uint32 * path: byte[] * newFd: uint32 * newPath: byte[]
    | PathOpen of fd: uint32 * lookup: uint32 * path: byte[] * oflags: uint32 * rights: uint64 * inheriting: uint64 * fdflags: uint32
    | PathReadlink of fd: uint32 * path: byte[] * room: uint32
    | PathRemoveDirectory of fd: uint32 * path: byte[]
    | PathRename of fd: uint32 * path: byte[] * newFd: uint32 * newPath: byte[]
    | PathSymlink of target: byte[] * fd: uint32 * path: byte[]
    | PathUnlinkFile of fd: uint32 * path: byte[]
    /// The subscriptions as they lay in memory, 48 bytes each.
    | PollOneoff of subscriptions: byte[]
    | ProcExit of status: uint32
    | ProcRaise of signal: uint32
    | SchedYield
    | RandomGet of room: uint32
    | SockAccept of fd: uint32 * flags: uint32
    | SockRecv of fd: uint32 * room: uint32 * flags: uint32
    | SockSend of fd: uint32 * data: WasiData * flags: uint32
    | SockShutdown of fd: uint32 * how: uint32

/// Writes or reads the fields of an effect, one after the other: a writer gives back what it was given, a reader what it read instead.
type internal IWasiFields =
    abstract U32: name: string * value: uint32 -> uint32
    abstract U64: name: string * value: uint64 -> uint64
    abstract Bytes: name: string * value: byte[] -> byte[]
    abstract Data: name: string * value: WasiData -> WasiData

module WasiEffect =
    /// Which function was called.
    let func (effect: WasiEffect) : WasiFunction =
        match effect with
        | WasiEffect.ArgsGet -> WasiFunction.ArgsGet
        | WasiEffect.ArgsSizesGet -> WasiFunction.ArgsSizesGet
        | WasiEffect.EnvironGet -> WasiFunction.EnvironGet
        | WasiEffect.EnvironSizesGet -> WasiFunction.EnvironSizesGet
        | WasiEffect.ClockResGet _ -> WasiFunction.ClockResGet
        | WasiEffect.ClockTimeGet _ -> WasiFunction.ClockTimeGet
        | WasiEffect.FdAdvise _ -> WasiFunction.FdAdvise
        | WasiEffect.FdAllocate _ -> WasiFunction.FdAllocate
        | WasiEffect.FdClose _ -> WasiFunction.FdClose
        | WasiEffect.FdDatasync _ -> WasiFunction.FdDatasync
        | WasiEffect.FdFdstatGet _ -> WasiFunction.FdFdstatGet
        | WasiEffect.FdFdstatSetFlags _ -> WasiFunction.FdFdstatSetFlags
        | WasiEffect.FdFdstatSetRights _ -> WasiFunction.FdFdstatSetRights
        | WasiEffect.FdFilestatGet _ -> WasiFunction.FdFilestatGet
        | WasiEffect.FdFilestatSetSize _ -> WasiFunction.FdFilestatSetSize
        | WasiEffect.FdFilestatSetTimes _ -> WasiFunction.FdFilestatSetTimes
        | WasiEffect.FdPread _ -> WasiFunction.FdPread
        | WasiEffect.FdPrestatGet _ -> WasiFunction.FdPrestatGet
        | WasiEffect.FdPrestatDirName _ -> WasiFunction.FdPrestatDirName
        | WasiEffect.FdPwrite _ -> WasiFunction.FdPwrite
        | WasiEffect.FdRead _ -> WasiFunction.FdRead
        | WasiEffect.FdReaddir _ -> WasiFunction.FdReaddir
        | WasiEffect.FdRenumber _ -> WasiFunction.FdRenumber
        | WasiEffect.FdSeek _ -> WasiFunction.FdSeek
        | WasiEffect.FdSync _ -> WasiFunction.FdSync
        | WasiEffect.FdTell _ -> WasiFunction.FdTell
        | WasiEffect.FdWrite _ -> WasiFunction.FdWrite
        | WasiEffect.PathCreateDirectory _ -> WasiFunction.PathCreateDirectory
        | WasiEffect.PathFilestatGet _ -> WasiFunction.PathFilestatGet
        | WasiEffect.PathFilestatSetTimes _ -> WasiFunction.PathFilestatSetTimes
        | WasiEffect.PathLink _ -> WasiFunction.PathLink
        | WasiEffect.PathOpen _ -> WasiFunction.PathOpen
        | WasiEffect.PathReadlink _ -> WasiFunction.PathReadlink
        | WasiEffect.PathRemoveDirectory _ -> WasiFunction.PathRemoveDirectory
        | WasiEffect.PathRename _ -> WasiFunction.PathRename
        | WasiEffect.PathSymlink _ -> WasiFunction.PathSymlink
        | WasiEffect.PathUnlinkFile _ -> WasiFunction.PathUnlinkFile
        | WasiEffect.PollOneoff _ -> WasiFunction.PollOneoff
        | WasiEffect.ProcExit _ -> WasiFunction.ProcExit
        | WasiEffect.ProcRaise _ -> WasiFunction.ProcRaise
        | WasiEffect.SchedYield -> WasiFunction.SchedYield
        | WasiEffect.RandomGet _ -> WasiFunction.RandomGet
        | WasiEffect.SockAccept _ -> WasiFunction.SockAccept
        | WasiEffect.SockRecv _ -> WasiFunction.SockRecv
        | WasiEffect.SockSend _ -> WasiFunction.SockSend
        | WasiEffect.SockShutdown _ -> WasiFunction.SockShutdown

    let private none: byte[] = [||]
    let private noData = WasiData.Of(ReadOnlySpan<byte>.Empty)

    /// An effect of a function with nothing in it, for readers.
    let internal blank (f: WasiFunction) : WasiEffect =
        match f with
        | WasiFunction.ArgsGet -> WasiEffect.ArgsGet
        | WasiFunction.ArgsSizesGet -> WasiEffect.ArgsSizesGet
        | WasiFunction.EnvironGet -> WasiEffect.EnvironGet
        | WasiFunction.EnvironSizesGet -> WasiEffect.EnvironSizesGet
        | WasiFunction.ClockResGet -> WasiEffect.ClockResGet(0u)
        | WasiFunction.ClockTimeGet -> WasiEffect.ClockTimeGet(0u, 0UL)
        | WasiFunction.FdAdvise -> WasiEffect.FdAdvise(0u, 0UL, 0UL, 0u)
        | WasiFunction.FdAllocate -> WasiEffect.FdAllocate(0u, 0UL, 0UL)
        | WasiFunction.FdClose -> WasiEffect.FdClose(0u)
        | WasiFunction.FdDatasync -> WasiEffect.FdDatasync(0u)
        | WasiFunction.FdFdstatGet -> WasiEffect.FdFdstatGet(0u)
        | WasiFunction.FdFdstatSetFlags -> WasiEffect.FdFdstatSetFlags(0u, 0u)
        | WasiFunction.FdFdstatSetRights -> WasiEffect.FdFdstatSetRights(0u, 0UL, 0UL)
        | WasiFunction.FdFilestatGet -> WasiEffect.FdFilestatGet(0u)
        | WasiFunction.FdFilestatSetSize -> WasiEffect.FdFilestatSetSize(0u, 0UL)
        | WasiFunction.FdFilestatSetTimes -> WasiEffect.FdFilestatSetTimes(0u, 0UL, 0UL, 0u)
        | WasiFunction.FdPread -> WasiEffect.FdPread(0u, 0u, 0UL)
        | WasiFunction.FdPrestatGet -> WasiEffect.FdPrestatGet(0u)
        | WasiFunction.FdPrestatDirName -> WasiEffect.FdPrestatDirName(0u, 0u)
        | WasiFunction.FdPwrite -> WasiEffect.FdPwrite(0u, noData, 0UL)
        | WasiFunction.FdRead -> WasiEffect.FdRead(0u, 0u)
        | WasiFunction.FdReaddir -> WasiEffect.FdReaddir(0u, 0u, 0UL)
        | WasiFunction.FdRenumber -> WasiEffect.FdRenumber(0u, 0u)
        | WasiFunction.FdSeek -> WasiEffect.FdSeek(0u, 0UL, 0u)
        | WasiFunction.FdSync -> WasiEffect.FdSync(0u)
        | WasiFunction.FdTell -> WasiEffect.FdTell(0u)
        | WasiFunction.FdWrite -> WasiEffect.FdWrite(0u, noData)
        | WasiFunction.PathCreateDirectory -> WasiEffect.PathCreateDirectory(0u, none)
        | WasiFunction.PathFilestatGet -> WasiEffect.PathFilestatGet(0u, 0u, none)
        | WasiFunction.PathFilestatSetTimes -> WasiEffect.PathFilestatSetTimes(0u, 0u, none, 0UL, 0UL, 0u)
        | WasiFunction.PathLink -> WasiEffect.PathLink(0u, 0u, none, 0u, none)
        | WasiFunction.PathOpen -> WasiEffect.PathOpen(0u, 0u, none, 0u, 0UL, 0UL, 0u)
        | WasiFunction.PathReadlink -> WasiEffect.PathReadlink(0u, none, 0u)
        | WasiFunction.PathRemoveDirectory -> WasiEffect.PathRemoveDirectory(0u, none)
        | WasiFunction.PathRename -> WasiEffect.PathRename(0u, none, 0u, none)
        | WasiFunction.PathSymlink -> WasiEffect.PathSymlink(none, 0u, none)
        | WasiFunction.PathUnlinkFile -> WasiEffect.PathUnlinkFile(0u, none)
        | WasiFunction.PollOneoff -> WasiEffect.PollOneoff(none)
        | WasiFunction.ProcExit -> WasiEffect.ProcExit(0u)
        | WasiFunction.ProcRaise -> WasiEffect.ProcRaise(0u)
        | WasiFunction.SchedYield -> WasiEffect.SchedYield
        | WasiFunction.RandomGet -> WasiEffect.RandomGet(0u)
        | WasiFunction.SockAccept -> WasiEffect.SockAccept(0u, 0u)
        | WasiFunction.SockRecv -> WasiEffect.SockRecv(0u, 0u, 0u)
        | WasiFunction.SockSend -> WasiEffect.SockSend(0u, noData, 0u)
        | WasiFunction.SockShutdown -> WasiEffect.SockShutdown(0u, 0u)

    /// Visits an effect's fields in their order: the order of the function's parameters.
    let internal visit (v: IWasiFields) (effect: WasiEffect) : WasiEffect =
        match effect with
        | WasiEffect.ArgsGet -> effect
        | WasiEffect.ArgsSizesGet -> effect
        | WasiEffect.EnvironGet -> effect
        | WasiEffect.EnvironSizesGet -> effect
        | WasiEffect.ClockResGet(clock) -> WasiEffect.ClockResGet(v.U32("clock", clock))
        | WasiEffect.ClockTimeGet(clock, precision) -> WasiEffect.ClockTimeGet(v.U32("clock", clock), v.U64("precision", precision))
        | WasiEffect.FdAdvise(fd, offset, length, advice) ->
            WasiEffect.FdAdvise(v.U32("fd", fd), v.U64("offset", offset), v.U64("length", length), v.U32("advice", advice))
        | WasiEffect.FdAllocate(fd, offset, length) ->
            WasiEffect.FdAllocate(v.U32("fd", fd), v.U64("offset", offset), v.U64("length", length))
        | WasiEffect.FdClose(fd) -> WasiEffect.FdClose(v.U32("fd", fd))
        | WasiEffect.FdDatasync(fd) -> WasiEffect.FdDatasync(v.U32("fd", fd))
        | WasiEffect.FdFdstatGet(fd) -> WasiEffect.FdFdstatGet(v.U32("fd", fd))
        | WasiEffect.FdFdstatSetFlags(fd, flags) -> WasiEffect.FdFdstatSetFlags(v.U32("fd", fd), v.U32("flags", flags))
        | WasiEffect.FdFdstatSetRights(fd, rights, inheriting) ->
            WasiEffect.FdFdstatSetRights(v.U32("fd", fd), v.U64("rights", rights), v.U64("inheriting", inheriting))
        | WasiEffect.FdFilestatGet(fd) -> WasiEffect.FdFilestatGet(v.U32("fd", fd))
        | WasiEffect.FdFilestatSetSize(fd, size) -> WasiEffect.FdFilestatSetSize(v.U32("fd", fd), v.U64("size", size))
        | WasiEffect.FdFilestatSetTimes(fd, atim, mtim, flags) ->
            WasiEffect.FdFilestatSetTimes(v.U32("fd", fd), v.U64("atim", atim), v.U64("mtim", mtim), v.U32("flags", flags))
        | WasiEffect.FdPread(fd, room, offset) -> WasiEffect.FdPread(v.U32("fd", fd), v.U32("room", room), v.U64("offset", offset))
        | WasiEffect.FdPrestatGet(fd) -> WasiEffect.FdPrestatGet(v.U32("fd", fd))
        | WasiEffect.FdPrestatDirName(fd, room) -> WasiEffect.FdPrestatDirName(v.U32("fd", fd), v.U32("room", room))
        | WasiEffect.FdPwrite(fd, data, offset) -> WasiEffect.FdPwrite(v.U32("fd", fd), v.Data("data", data), v.U64("offset", offset))
        | WasiEffect.FdRead(fd, room) -> WasiEffect.FdRead(v.U32("fd", fd), v.U32("room", room))
        | WasiEffect.FdReaddir(fd, room, cookie) -> WasiEffect.FdReaddir(v.U32("fd", fd), v.U32("room", room), v.U64("cookie", cookie))
        | WasiEffect.FdRenumber(fd, target) -> WasiEffect.FdRenumber(v.U32("fd", fd), v.U32("target", target))
        | WasiEffect.FdSeek(fd, offset, whence) -> WasiEffect.FdSeek(v.U32("fd", fd), v.U64("offset", offset), v.U32("whence", whence))
        | WasiEffect.FdSync(fd) -> WasiEffect.FdSync(v.U32("fd", fd))
        | WasiEffect.FdTell(fd) -> WasiEffect.FdTell(v.U32("fd", fd))
        | WasiEffect.FdWrite(fd, data) -> WasiEffect.FdWrite(v.U32("fd", fd), v.Data("data", data))
        | WasiEffect.PathCreateDirectory(fd, path) -> WasiEffect.PathCreateDirectory(v.U32("fd", fd), v.Bytes("path", path))
        | WasiEffect.PathFilestatGet(fd, lookup, path) ->
            WasiEffect.PathFilestatGet(v.U32("fd", fd), v.U32("lookup", lookup), v.Bytes("path", path))
        | WasiEffect.PathFilestatSetTimes(fd, lookup, path, atim, mtim, flags) ->
            WasiEffect.PathFilestatSetTimes(
                v.U32("fd", fd),
                v.U32("lookup", lookup),
                v.Bytes("path", path),
                v.U64("atim", atim),
                v.U64("mtim", mtim),
                v.U32("flags", flags)
            )
        | WasiEffect.PathLink(fd, lookup, path, newFd, newPath) ->
            WasiEffect.PathLink(
                v.U32("fd", fd),
                v.U32("lookup", lookup),
                v.Bytes("path", path),
                v.U32("newFd", newFd),
                v.Bytes("newPath", newPath)
            )
        | WasiEffect.PathOpen(fd, lookup, path, oflags, rights, inheriting, fdflags) ->
            WasiEffect.PathOpen(
                v.U32("fd", fd),
                v.U32("lookup", lookup),
                v.Bytes("path", path),
                v.U32("oflags", oflags),
                v.U64("rights", rights),
                v.U64("inheriting", inheriting),
                v.U32("fdflags", fdflags)
            )
        | WasiEffect.PathReadlink(fd, path, room) -> WasiEffect.PathReadlink(v.U32("fd", fd), v.Bytes("path", path), v.U32("room", room))
        | WasiEffect.PathRemoveDirectory(fd, path) -> WasiEffect.PathRemoveDirectory(v.U32("fd", fd), v.Bytes("path", path))
        | WasiEffect.PathRename(fd, path, newFd, newPath) ->
            WasiEffect.PathRename(v.U32("fd", fd), v.Bytes("path", path), v.U32("newFd", newFd), v.Bytes("newPath", newPath))
        | WasiEffect.PathSymlink(target, fd, path) ->
            WasiEffect.PathSymlink(v.Bytes("target", target), v.U32("fd", fd), v.Bytes("path", path))
        | WasiEffect.PathUnlinkFile(fd, path) -> WasiEffect.PathUnlinkFile(v.U32("fd", fd), v.Bytes("path", path))
        | WasiEffect.PollOneoff(subscriptions) -> WasiEffect.PollOneoff(v.Bytes("subscriptions", subscriptions))
        | WasiEffect.ProcExit(status) -> WasiEffect.ProcExit(v.U32("status", status))
        | WasiEffect.ProcRaise(signal) -> WasiEffect.ProcRaise(v.U32("signal", signal))
        | WasiEffect.SchedYield -> effect
        | WasiEffect.RandomGet(room) -> WasiEffect.RandomGet(v.U32("room", room))
        | WasiEffect.SockAccept(fd, flags) -> WasiEffect.SockAccept(v.U32("fd", fd), v.U32("flags", flags))
        | WasiEffect.SockRecv(fd, room, flags) -> WasiEffect.SockRecv(v.U32("fd", fd), v.U32("room", room), v.U32("flags", flags))
        | WasiEffect.SockSend(fd, data, flags) -> WasiEffect.SockSend(v.U32("fd", fd), v.Data("data", data), v.U32("flags", flags))
        | WasiEffect.SockShutdown(fd, how) -> WasiEffect.SockShutdown(v.U32("fd", fd), v.U32("how", how))
