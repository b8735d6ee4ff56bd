namespace Twofold.HostAbi

// The calls on open descriptors: reading, writing, seeking, listing, what they are and may do.
// In: a run's state and decoded arguments. Out: an errno; the answer stands in the state's reply.

open System
open System.Buffers.Binary

module internal WasiFdCalls =
    /// One call moves at most so many bytes; programs go on where a call stopped. Bounds the host's buffers.
    [<Literal>]
    let MaxTransfer = 0x100_0000

    /// Offsets and sizes are at most this, so that sums fit 64 bits.
    let private most = uint64 Int64.MaxValue / 2UL

    /// With the descriptor, when it is open and has a right.
    let inline private withFd (s: WasiState) (fd: uint32) (right: uint64) (missing: uint16) ([<InlineIfLambda>] act: Descriptor -> uint16) =
        let d = s.Fd fd

        if isNull d then Errno.Badf
        elif not (d.Has right) then missing
        else act d

    let fdstatGet (s: WasiState) fd =
        withFd s fd 0UL Errno.Badf (fun d ->
            let r = s.ReplyRoom 24
            r.Clear()
            r[0] <- d.Kind
            BinaryPrimitives.WriteUInt16LittleEndian(r.Slice 2, uint16 d.Flags)
            BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 8, d.Rights)
            BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 16, d.Inheriting)
            Errno.Success)

    let fdstatSetFlags (s: WasiState) fd (flags: uint32) =
        withFd s fd Rights.FdFdstatSetFlags Errno.Notcapable (fun d ->
            if flags &&& ~~~Flag.AllFdFlags <> 0u then
                Errno.Inval
            else
                d.Flags <- flags
                Errno.Success)

    let fdstatSetRights (s: WasiState) fd rights inheriting =
        withFd s fd 0UL Errno.Badf (fun d ->
            if rights &&& ~~~d.Rights <> 0UL || inheriting &&& ~~~d.Inheriting <> 0UL then
                Errno.Notcapable
            else
                d.Rights <- rights
                d.Inheriting <- inheriting
                Errno.Success)

    // ---- what a file is

    let private writeStat (s: WasiState) device ino (kind: byte) links size atim mtim ctim =
        let r = s.ReplyRoom 64
        r.Clear()
        BinaryPrimitives.WriteUInt64LittleEndian(r, device)
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 8, ino)
        r[16] <- kind
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 24, links)
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 32, size)
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 40, atim)
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 48, mtim)
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 56, ctim)
        Errno.Success

    /// A node in memory is on device 1.
    let statNode (s: WasiState) (n: Inode) = writeStat s 1UL n.Number n.Kind n.Links (uint64 n.Size) n.Atim n.Mtim n.Ctim

    /// A file of the host is on device 2.
    let statHost (s: WasiState) (answer: WasiHostAnswer) =
        if answer.Errno <> Errno.Success then
            answer.Errno
        else
            let b = ReadOnlySpan answer.Bytes
            let inode = BinaryPrimitives.ReadUInt64LittleEndian b
            let struct (atim, mtim, ctim) = s.HostTimes inode

            writeStat
                s
                2UL
                inode
                b[8]
                (BinaryPrimitives.ReadUInt64LittleEndian(b.Slice 9))
                (BinaryPrimitives.ReadUInt64LittleEndian(b.Slice 17))
                atim
                mtim
                ctim

    let filestatGet (s: WasiState) fd =
        withFd s fd Rights.FdFilestatGet Errno.Notcapable (fun d ->
            match d.Opened with
            | Opened.Stream _ -> writeStat s 0UL 0UL d.Kind 1UL 0UL 0UL 0UL 0UL
            | Opened.File f -> statNode s f
            | Opened.Directory n -> statNode s n
            | Opened.HostFile h
            | Opened.HostDirectory h -> statHost s (s.Host.Stat h))

    /// Whether flags say of each time one thing at most.
    let private areTimes (flags: uint32) =
        let both a b = flags &&& (a ||| b) = (a ||| b)
        flags <= 15u && not (both Flag.Atim Flag.AtimNow) && not (both Flag.Mtim Flag.MtimNow)

    /// What becomes of times: access, and change of data.
    let private changed (s: WasiState) (flags: uint32) (atim: uint64) (mtim: uint64) (struct (wasAtim, wasMtim)) =
        let pick given now wanted was =
            if flags &&& given <> 0u then wanted
            elif flags &&& now <> 0u then s.Now
            else was

        struct (pick Flag.Atim Flag.AtimNow atim wasAtim, pick Flag.Mtim Flag.MtimNow mtim wasMtim)

    /// Sets a node's times, when the flags make sense.
    let setTimes (s: WasiState) (flags: uint32) (atim: uint64) (mtim: uint64) (node: Inode) =
        if areTimes flags then
            let struct (a, m) = changed s flags atim mtim (struct (node.Atim, node.Mtim))
            node.Atim <- a
            node.Mtim <- m
            node.Ctim <- s.Now
            Errno.Success
        else
            Errno.Inval

    /// The same for a file of the host, which is set by `ask`. What the guest reads back is what it set, by its own clock: never the host's.
    let setHostTimes (s: WasiState) (flags: uint32) (atim: uint64) (mtim: uint64) (ask: unit -> WasiHostAnswer) =
        if areTimes flags then
            let answer = ask ()

            if answer.Errno = Errno.Success then
                let struct (wasAtim, wasMtim, _) = s.HostTimes answer.Number
                let struct (a, m) = changed s flags atim mtim (struct (wasAtim, wasMtim))
                s.SetHostTimes(answer.Number, struct (a, m, s.Now))

            answer.Errno
        else
            Errno.Inval

    let filestatSetTimes (s: WasiState) fd atim mtim flags =
        withFd s fd Rights.FdFilestatSetTimes Errno.Notcapable (fun d ->
            match d.Opened with
            | Opened.File f -> setTimes s flags atim mtim f
            | Opened.Directory n -> setTimes s flags atim mtim n
            | Opened.HostFile h
            | Opened.HostDirectory h -> setHostTimes s flags atim mtim (fun () -> s.Host.SetTimes(h, atim, mtim, flags))
            | Opened.Stream _ -> Errno.Inval)

    // ---- size

    let private resize (s: WasiState) (f: FileNode) (size: uint64) =
        if size > most then
            Errno.Fbig
        elif f.TryResize(int64 size) then
            f.Mtim <- s.Now
            f.Ctim <- s.Now
            Errno.Success
        else
            Errno.Nospc

    let filestatSetSize (s: WasiState) fd size =
        withFd s fd Rights.FdFilestatSetSize Errno.Notcapable (fun d ->
            match d.Opened with
            | Opened.File f -> resize s f size
            | Opened.HostFile h -> if size > most then Errno.Fbig else (s.Host.SetSize(h, size)).Errno
            | _ -> Errno.Inval)

    let allocate (s: WasiState) fd offset length =
        withFd s fd Rights.FdAllocate Errno.Notcapable (fun d ->
            if offset > most || length > most - offset then
                Errno.Fbig
            elif length = 0UL then
                Errno.Inval
            else
                match d.Opened with
                | Opened.File f when uint64 f.Size >= offset + length -> Errno.Success
                | Opened.File f -> resize s f (offset + length)
                | Opened.HostFile h ->
                    let stat = s.Host.Stat h

                    if stat.Errno <> Errno.Success then
                        stat.Errno
                    elif BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(stat.Bytes, 17, 8)) >= offset + length then
                        Errno.Success
                    else
                        (s.Host.SetSize(h, offset + length)).Errno
                | _ -> Errno.Badf)

    let advise (s: WasiState) fd (_offset: uint64) (_length: uint64) (advice: uint32) =
        withFd s fd 0UL Errno.Badf (fun d ->
            match d.Opened with
            | Opened.File _
            | Opened.HostFile _ when not (d.Has Rights.FdAdvise) -> Errno.Notcapable
            | Opened.File _
            | Opened.HostFile _ -> if advice > 5u then Errno.Inval else Errno.Success
            | Opened.Stream _ -> Errno.Spipe
            | _ -> Errno.Badf)

    let sync (s: WasiState) fd right =
        withFd s fd 0UL Errno.Badf (fun d ->
            match d.Opened with
            | Opened.Stream _ -> Errno.Inval
            | _ when not (d.Has right) -> Errno.Notcapable
            | Opened.HostFile h -> (s.Host.Sync h).Errno
            | _ -> Errno.Success)

    // ---- reading and writing

    let private readAt (s: WasiState) (d: Descriptor) (offset: uint64) (room: int) =
        match d.Opened with
        | Opened.File f ->
            // Not more room than there is to read: a large buffer for a small file costs nothing.
            let wanted = if offset >= uint64 f.Size then 0 else int (min (uint64 room) (uint64 f.Size - offset))
            let _ = f.Read(int64 (min offset most), s.ReplyRoom wanted)
            Errno.Success
        | Opened.HostFile h ->
            let answer = s.Host.Read(h, min offset most, room)
            let n = min room answer.Bytes.Length
            answer.Bytes.AsSpan(0, n).CopyTo(s.ReplyRoom n)
            answer.Errno
        | Opened.Stream 0 -> s.ReadInput room
        | _ -> Errno.Badf

    let read (s: WasiState) fd (room: uint32) =
        withFd s fd Rights.FdRead Errno.Badf (fun d ->
            let errno = readAt s d d.Position (int (min room (uint32 MaxTransfer)))

            if errno = Errno.Success then
                d.Position <- d.Position + uint64 s.ReplyLength

            errno)

    let pread (s: WasiState) fd (room: uint32) offset =
        withFd s fd Rights.FdRead Errno.Badf (fun d ->
            match d.Opened with
            | Opened.Stream _ -> Errno.Spipe
            | _ when offset > uint64 Int64.MaxValue -> Errno.Inval
            | _ -> readAt s d offset (int (min room (uint32 MaxTransfer))))

    let private wrote (s: WasiState) (count: int) = s.ReplyU32(uint32 count)

    let private writeAt (s: WasiState) (d: Descriptor) (offset: uint64) (data: ReadOnlyMemory<byte>) (moves: bool) =
        let append = d.Flags &&& Flag.Append <> 0u

        match d.Opened with
        | Opened.Stream 0 -> Errno.Badf
        | Opened.Stream n ->
            s.Write(n, data)
            wrote s data.Length
        | Opened.File f ->
            let at = if append then uint64 f.Size else offset

            if data.Length = 0 then
                wrote s 0
            elif at > most then
                Errno.Fbig
            elif f.TryWrite(int64 at, data.Span) then
                f.Mtim <- s.Now
                f.Ctim <- f.Mtim

                if moves then
                    d.Position <- at + uint64 data.Length

                wrote s data.Length
            else
                Errno.Nospc
        | Opened.HostFile h ->
            if offset > most then
                Errno.Fbig
            else
                let answer = s.Host.Write(h, offset, append, data)

                if answer.Errno <> Errno.Success then
                    answer.Errno
                else
                    let count = int (min answer.Number (uint64 data.Length))

                    if moves then
                        // Whoever appends is told where the end is now.
                        d.Position <-
                            if append && answer.Bytes.Length = 8 then
                                BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan answer.Bytes)
                            else
                                offset + uint64 count

                    wrote s count
        | Opened.Directory _
        | Opened.HostDirectory _ -> Errno.Badf

    let write (s: WasiState) fd (data: ReadOnlyMemory<byte>) =
        withFd s fd Rights.FdWrite Errno.Badf (fun d -> writeAt s d d.Position data true)

    let pwrite (s: WasiState) fd (data: ReadOnlyMemory<byte>) offset =
        withFd s fd Rights.FdWrite Errno.Badf (fun d ->
            match d.Opened with
            | Opened.Stream _ -> Errno.Spipe
            | _ when offset > uint64 Int64.MaxValue -> Errno.Inval
            | _ -> writeAt s d offset data false)

    // ---- position

    let seek (s: WasiState) fd (offset: uint64) (whence: uint32) =
        withFd s fd 0UL Errno.Badf (fun d ->
            // Asking where one is needs less than moving.
            let right = if whence = 1u && offset = 0UL then Rights.FdTell else Rights.FdSeek

            match d.Opened with
            | Opened.Stream _ -> Errno.Spipe
            | Opened.Directory _
            | Opened.HostDirectory _ -> Errno.Badf
            | _ when d.Rights &&& (right ||| Rights.FdSeek) = 0UL -> Errno.Notcapable
            | _ ->
                let start =
                    match whence, d.Opened with
                    | 0u, _ -> Ok 0L
                    | 1u, _ -> Ok(int64 d.Position)
                    | 2u, Opened.File f -> Ok f.Size
                    | 2u, Opened.HostFile h ->
                        let stat = s.Host.Stat h

                        if stat.Errno = Errno.Success then
                            Ok(BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan(stat.Bytes, 17, 8)))
                        else
                            Error stat.Errno
                    | _ -> Error Errno.Inval

                match start with
                | Error errno -> errno
                | Ok start ->
                    let place = bigint start + bigint (int64 offset)

                    if place.Sign < 0 then
                        Errno.Inval
                    elif place > bigint Int64.MaxValue then
                        Errno.Overflow
                    else
                        d.Position <- uint64 place
                        s.ReplyU64 d.Position)

    let tell (s: WasiState) fd =
        withFd s fd 0UL Errno.Badf (fun d ->
            match d.Opened with
            | Opened.Stream _ -> Errno.Spipe
            | Opened.Directory _
            | Opened.HostDirectory _ -> Errno.Badf
            | _ when not (d.Has Rights.FdTell) -> Errno.Notcapable
            | _ -> s.ReplyU64 d.Position)

    // ---- directories

    let prestatGet (s: WasiState) fd =
        withFd s fd 0UL Errno.Badf (fun d ->
            if isNull d.Preopen then
                Errno.Badf
            else
                let r = s.ReplyRoom 8
                r.Clear()
                BinaryPrimitives.WriteUInt32LittleEndian(r.Slice 4, uint32 (Text.Encoding.UTF8.GetByteCount d.Preopen))
                Errno.Success)

    let prestatDirName (s: WasiState) fd (room: uint32) =
        withFd s fd 0UL Errno.Badf (fun d ->
            if isNull d.Preopen then
                Errno.Badf
            else
                let name = Text.Encoding.UTF8.GetBytes d.Preopen

                if uint64 name.Length > uint64 room then
                    Errno.Nametoolong
                else
                    name.AsSpan().CopyTo(s.ReplyRoom name.Length)
                    Errno.Success)

    let private listed (n: Inode) (name: string) = { Ino = n.Number; Type = n.Kind; Name = Text.Encoding.UTF8.GetBytes name }

    /// What a host's listing says.
    let private hostListing (bytes: byte[]) : Listed list =
        let r = WireReader bytes
        let entries = ResizeArray()

        while r.Remaining > 0 do
            let ino = r.U64()
            let kind = r.U8()
            let name = r.Raw(int (r.U16()))
            entries.Add { Ino = ino; Type = kind; Name = name }

        List.ofSeq entries

    let private listing (s: WasiState) (d: Descriptor) : Result<Listed[], uint16> =
        match d.Opened with
        | Opened.Directory n ->
            [|
                listed n "."
                listed (if isNull n.Parent then n else n.Parent) ".."
                for KeyValue(name, node) in n.Entries do
                    listed node name
            |]
            |> Ok
        | Opened.HostDirectory h ->
            let stat = s.Host.Stat h
            let answer = s.Host.List h

            if answer.Errno <> Errno.Success then
                Error answer.Errno
            elif stat.Errno <> Errno.Success then
                Error stat.Errno
            else
                let ino = BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan stat.Bytes)

                let dot name = { Ino = ino; Type = FileType.Directory; Name = name }

                Array.ofList (dot "."B :: dot ".."B :: hostListing answer.Bytes) |> Ok
        | _ -> Error Errno.Notdir

    /// As much of a part as still fits the room.
    let private put (s: WasiState) (room: int) (used: int) (part: byte[]) =
        let n = min part.Length (room - used)
        part.AsSpan(0, n).CopyTo(s.Reply.AsSpan used)
        used + n

    let private writeEntries (s: WasiState) (entries: Listed[]) (room: int) (cookie: uint64) =
        s.Reserve room
        let mutable used = 0
        let mutable i = int cookie
        let head = Array.zeroCreate<byte> 24

        while i < entries.Length && used < room do
            let e = entries[i]
            BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan 0, uint64 (i + 1))
            BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan 8, e.Ino)
            BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan 16, uint32 e.Name.Length)
            BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan 20, uint32 e.Type)
            used <- put s room used head
            used <- put s room used e.Name
            i <- i + 1

        s.ReplyIs used
        Errno.Success

    let readdir (s: WasiState) fd (room: uint32) (cookie: uint64) =
        withFd s fd 0UL Errno.Badf (fun d ->
            if d.Kind <> FileType.Directory then
                Errno.Notdir
            elif not (d.Has Rights.FdReaddir) then
                Errno.Notcapable
            else
                let fresh = if cookie = 0UL || isNull d.Listing then listing s d else Ok d.Listing

                match fresh with
                | Error errno -> errno
                | Ok entries ->
                    if not (Object.ReferenceEquals(entries, d.Listing)) && not (s.TryKeepListing(d, entries)) then
                        Errno.Nomem
                    elif cookie > uint64 entries.Length then
                        Errno.Inval
                    else
                        writeEntries s entries (int (min room (uint32 MaxTransfer))) cookie)

    // ---- the table itself

    let close (s: WasiState) fd =
        withFd s fd 0UL Errno.Badf (fun _ ->
            s.Close fd
            Errno.Success)

    let renumber (s: WasiState) fd (target: uint32) =
        withFd s fd 0UL Errno.Badf (fun _ ->
            // Only onto a number that is in use: else programs could not know which numbers are the world's to give.
            withFd s target 0UL Errno.Badf (fun _ ->
                s.Move(fd, target)
                Errno.Success))

    let socket (s: WasiState) fd = withFd s fd 0UL Errno.Badf (fun _ -> Errno.Notsock)
