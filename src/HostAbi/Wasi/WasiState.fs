namespace Twofold.HostAbi

// What changes while a WASI program runs: open descriptors, clocks, the place in standard input and in the random stream, captured output, files.
// In: a world, the policy's limits and the host's port. Out: used by the calls (WasiFdCalls, WasiPathCalls); made for one run and dropped with it.

open System
open System.Buffers
open System.Buffers.Binary
open System.Collections.Generic
open System.Threading

/// What a descriptor is open on.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Opened =
    /// 0 standard input, 1 output, 2 error.
    | Stream of number: int
    | File of FileNode
    | Directory of DirectoryNode
    | HostFile of handle: int
    | HostDirectory of handle: int

/// One entry of a listing.
[<Struct>]
type internal Listed = { Ino: uint64; Type: byte; Name: byte[] }

[<Sealed; AllowNullLiteral>]
type internal Descriptor(opened: Opened, kind: byte, rights: uint64, inheriting: uint64) =
    member _.Opened = opened
    member _.Kind = kind
    member val Rights = rights with get, set
    member val Inheriting = inheriting with get, set
    member val Flags = 0u with get, set
    member val Position = 0UL with get, set
    /// What the guest calls a granted directory; null for all others.
    member val Preopen: string = null with get, set
    /// The directory as its last rewinding found it: cookies are places in it.
    member val Listing: Listed[] = null with get, set
    /// What the listing weighs against the limit on files.
    member val ListingWeight = 0L with get, set
    member d.Has(right: uint64) = d.Rights &&& right = right

/// More output than the policy allows: the bytes to be written, those written before, the limit. The engine makes a trap of it.
exception internal OutputOverflow of wanted: int64 * before: int64 * limit: int64

/// Limits and switches that a world runs under.
type internal WasiRules = { OutputBytes: int64; FileBytes: int64; FixedTime: bool }

[<Sealed>]
type internal WasiState(world: WasiWorld, rules: WasiRules, host: IWasiHost, cancellation: unit -> CancellationToken) =
    let room = FileRoom rules.FileBytes
    let fds = List<Descriptor>()
    let mutable moved = 0UL
    let mutable byGas = 0UL
    let mutable reply: byte[] = Array.zeroCreate 256
    let mutable replyLength = 0
    let mutable nextHandle = 0
    let mutable drawn = 0UL
    let mutable inputRead = 0
    let output = ArrayBufferWriter<byte>()
    let errorOutput = ArrayBufferWriter<byte>()

    // What this run set on files of the host, by virtual inode: access, change of data, change of the file.
    let hostTimes = Dictionary<uint64, struct (uint64 * uint64 * uint64)>()

    // Another stream than get_random's of the same seed.
    let seed = lazy (Security.Cryptography.SHA256.HashData(Array.append "twofold.wasi.random.1"B world.Seed))

    let streamKind = if world.Terminal then FileType.CharacterDevice else FileType.Unknown

    let streamRights = Rights.FdFdstatSetFlags ||| Rights.FdFilestatGet ||| Rights.PollFdReadwrite

    do
        fds.Add(Descriptor(Opened.Stream 0, streamKind, streamRights ||| Rights.FdRead, 0UL))
        fds.Add(Descriptor(Opened.Stream 1, streamKind, streamRights ||| Rights.FdWrite, 0UL))
        fds.Add(Descriptor(Opened.Stream 2, streamKind, streamRights ||| Rights.FdWrite, 0UL))

        for p in world.Preopens do
            let opened =
                match p.Content with
                | WasiDirectory.Memory entries ->
                    let root = DirectoryNode(room.NextNumber(), world.Clocks.Start, null)
                    FileTree.fill room world.Clocks.Start root entries
                    Opened.Directory root
                | WasiDirectory.Host ->
                    let handle = nextHandle
                    nextHandle <- nextHandle + 1
                    host.OpenPreopen(handle, p.Guest, p.Grant) |> ignore
                    Opened.HostDirectory handle

            let inheriting = Rights.ofGrant p.Grant
            fds.Add(Descriptor(opened, FileType.Directory, inheriting &&& Rights.directory, inheriting, Preopen = p.Guest))

    member _.World = world
    member _.Host = host
    member _.Room = room

    // ---- clocks

    /// How far gas has moved the clocks; set before each call.
    member _.SetGas(used: int64) = byGas <- (if rules.FixedTime then 0UL else uint64 used)
    member _.Monotonic = moved + byGas
    member _.Now = world.Clocks.Start + moved + byGas
    member _.Tick() = moved <- moved + world.Clocks.Step
    member _.Sleep(nanoseconds: uint64) = moved <- moved + nanoseconds

    /// The times of a file of the host: as old as the run, unless the run set them. Its own times would say when it was made.
    member _.HostTimes(inode: uint64) : struct (uint64 * uint64 * uint64) =
        match hostTimes.TryGetValue inode with
        | true, times -> times
        | _ ->
            let start = world.Clocks.Start
            struct (start, start, start)

    member _.SetHostTimes(inode: uint64, times) = hostTimes[inode] <- times

    // ---- the reply of the call that goes on

    member _.Reply = reply
    member _.ReplyLength = replyLength
    member _.ClearReply() = replyLength <- 0

    /// Room for a reply of so many bytes; they hold whatever was there.
    member _.ReplyRoom(length: int) : Span<byte> =
        if reply.Length < length then
            reply <- Array.zeroCreate (max length (min (reply.Length * 2) 0x100_0000))

        replyLength <- length
        reply.AsSpan(0, length)

    /// The same, for whoever fills the reply piece by piece.
    member s.Reserve(length: int) : unit =
        let _ = s.ReplyRoom length
        ()

    /// The reply is shorter than the room that was asked for.
    member _.ReplyIs(length: int) = replyLength <- length

    member s.ReplyU32(value: uint32) =
        BinaryPrimitives.WriteUInt32LittleEndian(s.ReplyRoom 4, value)
        Errno.Success

    member s.ReplyU64(value: uint64) =
        BinaryPrimitives.WriteUInt64LittleEndian(s.ReplyRoom 8, value)
        Errno.Success

    // ---- descriptors

    /// Descriptors a program may have open: what most systems give a process.
    static member MaxDescriptors = 4096

    /// Null when it is not open.
    member _.Fd(fd: uint32) : Descriptor = if fd < uint32 fds.Count then fds[int fd] else null

    /// The lowest free number, or none when there are too many.
    member _.TryAdd(d: Descriptor) : uint32 voption =
        match fds.IndexOf null with
        | -1 when fds.Count >= WasiState.MaxDescriptors -> ValueNone
        | -1 ->
            fds.Add d
            ValueSome(uint32 (fds.Count - 1))
        | free ->
            fds[free] <- d
            ValueSome(uint32 free)

    member _.NewHandle() =
        let h = nextHandle
        nextHandle <- nextHandle + 1
        h

    /// What an entry of a listing weighs beside its name.
    static member ListedWeight = 64L

    /// Forgets a descriptor's listing.
    member _.DropListing(d: Descriptor) =
        room.GiveBack d.ListingWeight
        d.ListingWeight <- 0L
        d.Listing <- null

    /// Keeps a listing in place of the one before; false when there is no room for it. A program may open one large directory thousands of times, and
    /// each descriptor has a listing of its own.
    member s.TryKeepListing(d: Descriptor, entries: Listed[]) =
        s.DropListing d
        let weight = entries |> Array.sumBy (fun e -> WasiState.ListedWeight + int64 e.Name.Length)

        if room.TryTake weight then
            d.ListingWeight <- weight
            d.Listing <- entries
            true
        else
            false

    /// Lets go of what a descriptor is open on.
    member s.Release(d: Descriptor) =
        s.DropListing d

        match d.Opened with
        | Opened.File f ->
            f.Opens <- f.Opens - 1
            FileTree.release room f
        | Opened.HostFile h
        | Opened.HostDirectory h -> host.Close h
        | Opened.Directory _
        | Opened.Stream _ -> ()

    member s.Close(fd: uint32) =
        let d = fds[int fd]
        fds[int fd] <- null
        s.Release d

    /// Puts a descriptor in the place of another one.
    member s.Move(fd: uint32, target: uint32) =
        if fd <> target then
            s.Release fds[int target]
            fds[int target] <- fds[int fd]
            fds[int fd] <- null

    // ---- streams

    member _.Output = output
    member _.ErrorOutput = errorOutput

    member _.Write(stream: int, data: ReadOnlyMemory<byte>) =
        let before = int64 output.WrittenCount + int64 errorOutput.WrittenCount

        if int64 data.Length > rules.OutputBytes - before then
            raise (OutputOverflow(int64 data.Length, before, rules.OutputBytes))

        (if stream = 1 then output else errorOutput).Write data.Span

        if not (isNull host) then
            host.Output(stream, data)

    /// Bytes of standard input that are there at once, as far as the world knows.
    member _.InputLeft =
        match world.Input with
        | WasiInput.Bytes bytes -> uint64 (bytes.Length - inputRead)
        | WasiInput.Host -> 1UL

    /// Reads standard input into the reply.
    member s.ReadInput(length: int) : uint16 =
        match world.Input with
        | WasiInput.Bytes bytes ->
            let n = min length (bytes.Length - inputRead)
            bytes.AsSpan(inputRead, n).CopyTo(s.ReplyRoom n)
            inputRead <- inputRead + n
            Errno.Success
        | WasiInput.Host ->
            let answer = host.ReadInput(length, cancellation ())
            let n = min length answer.Bytes.Length
            answer.Bytes.AsSpan(0, n).CopyTo(s.ReplyRoom n)
            answer.Errno

    // ---- randomness

    /// The next bytes of the stream, as the reply.
    member s.Draw(length: int) =
        let bytes = Random.bytes seed.Value Hash32.zero drawn length
        drawn <- drawn + uint64 length
        bytes.AsSpan().CopyTo(s.ReplyRoom length)
        Errno.Success
