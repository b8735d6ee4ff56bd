namespace Twofold.Engine

// From a guest's call of a WASI function to its effect and back: pointers and lengths are read and written here.
// In: a row of the WASI table, the guest's raw arguments and memory. Out: the errno; gas is charged, bounds are checked, the effect is journaled.
//
// The order is that of Dispatch:
//   1 charge the base price and the bytes of paths and subscriptions     2 make room in the journal (traps)
//   3 read the arguments (traps), 4 decode them (fails)                  5 charge the data that is written
//   6 perform and journal it                                             7 charge the reply's bytes     8 write the reply (traps)

open System
open System.Buffers.Binary
open Twofold.Wasm
open Twofold.HostAbi

module internal WasiDispatch =
    /// As on most systems.
    [<Literal>]
    let MaxVectors = 1024u

    /// Subscriptions of one poll: more than descriptors can be open.
    [<Literal>]
    let MaxSubscriptions = 8192u

    /// What a path argument may have; what is longer than any path is refused before it is read.
    [<Literal>]
    let MaxPathBytes = 65536u

    // ---- reading

    let private bytes (guest: Guest) (address: uint64) (length: uint64) : byte[] = guest.Slice(uint32 address, uint32 length).ToArray()

    let private u32At (guest: Guest) (address: uint32) =
        BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit (guest.Slice(address, 4u)))

    /// Bytes of an array at a pointer: they never begin anew at 0, not in a memory of 4 GiB either.
    let private item (guest: Guest) (array: uint64) (index: uint32) (size: uint32) : Span<byte> =
        let at = uint64 (uint32 array) + uint64 index * uint64 size

        if at > 0xFFFF_FFFFUL then
            raise (TrapException(TrapCode.HostRangeOutOfBounds, at, uint64 size, guest.MemorySize))

        guest.Slice(uint32 at, size)

    /// Vectors of addresses and lengths: how many bytes they are together; each must lie inside memory.
    let private total (guest: Guest) (vectors: uint64) (count: uint64) : uint64 =
        let mutable sum = 0UL
        let mutable i = 0u

        while i < uint32 count do
            let at = item guest vectors i 8u
            let address = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit at)
            let length = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit (at.Slice 4))
            let _ = guest.Slice(address, length)
            sum <- sum + uint64 length
            i <- i + 1u

        sum

    let private gather (guest: Guest) (vectors: uint64) (count: uint64) (target: byte[]) (length: int) =
        let mutable filled = 0
        let mutable i = 0u

        while filled < length && i < uint32 count do
            let at = item guest vectors i 8u
            let address = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit at)
            let size = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit (at.Slice 4))
            let n = min (int size) (length - filled)
            guest.Slice(address, uint32 n).CopyTo(target.AsSpan(filled, n))
            filled <- filled + n
            i <- i + 1u

    let private scatter (guest: Guest) (vectors: uint64) (count: uint64) (data: ReadOnlySpan<byte>) =
        let mutable at = 0
        let mutable i = 0u

        while at < data.Length && i < uint32 count do
            let vector = item guest vectors i 8u
            let address = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit vector)
            let size = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit (vector.Slice 4))
            let n = min (int64 size) (int64 (data.Length - at)) |> int
            data.Slice(at, n).CopyTo(guest.Slice(address, uint32 n))
            at <- at + n
            i <- i + 1u

    // ---- arguments

    /// Where a function's bytes are told: the indexes of lengths of paths, or of a count of vectors or subscriptions.
    let private pathLengths (f: WasiFunction) : int list =
        match f with
        | WasiFunction.PathCreateDirectory
        | WasiFunction.PathReadlink
        | WasiFunction.PathRemoveDirectory
        | WasiFunction.PathUnlinkFile -> [ 2 ]
        | WasiFunction.PathFilestatGet
        | WasiFunction.PathFilestatSetTimes
        | WasiFunction.PathOpen -> [ 3 ]
        | WasiFunction.PathLink -> [ 3; 6 ]
        | WasiFunction.PathRename -> [ 2; 5 ]
        | WasiFunction.PathSymlink -> [ 1; 4 ]
        | _ -> []

    /// The indexes of vectors and their count, for what is written.
    let private written (f: WasiFunction) : struct (int * int) voption =
        match f with
        | WasiFunction.FdWrite
        | WasiFunction.FdPwrite
        | WasiFunction.SockSend -> ValueSome(struct (1, 2))
        | _ -> ValueNone

    /// The same for what is read.
    let private read (f: WasiFunction) : struct (int * int) voption =
        match f with
        | WasiFunction.FdRead
        | WasiFunction.FdPread
        | WasiFunction.SockRecv -> ValueSome(struct (1, 2))
        | _ -> ValueNone

    /// The effect of a call. `room` is how many bytes its vectors have place for, `data` what they hold.
    let private decode (f: WasiFunction) (guest: Guest) (a: uint64[]) (room: uint32) (data: WasiData) : WasiEffect =
        let n i = uint32 a[i]
        let path i = bytes guest a[i] a[i + 1]

        match f with
        | WasiFunction.ArgsGet -> WasiEffect.ArgsGet
        | WasiFunction.ArgsSizesGet -> WasiEffect.ArgsSizesGet
        | WasiFunction.EnvironGet -> WasiEffect.EnvironGet
        | WasiFunction.EnvironSizesGet -> WasiEffect.EnvironSizesGet
        | WasiFunction.ClockResGet -> WasiEffect.ClockResGet(n 0)
        | WasiFunction.ClockTimeGet -> WasiEffect.ClockTimeGet(n 0, a[1])
        | WasiFunction.FdAdvise -> WasiEffect.FdAdvise(n 0, a[1], a[2], n 3)
        | WasiFunction.FdAllocate -> WasiEffect.FdAllocate(n 0, a[1], a[2])
        | WasiFunction.FdClose -> WasiEffect.FdClose(n 0)
        | WasiFunction.FdDatasync -> WasiEffect.FdDatasync(n 0)
        | WasiFunction.FdFdstatGet -> WasiEffect.FdFdstatGet(n 0)
        | WasiFunction.FdFdstatSetFlags -> WasiEffect.FdFdstatSetFlags(n 0, n 1)
        | WasiFunction.FdFdstatSetRights -> WasiEffect.FdFdstatSetRights(n 0, a[1], a[2])
        | WasiFunction.FdFilestatGet -> WasiEffect.FdFilestatGet(n 0)
        | WasiFunction.FdFilestatSetSize -> WasiEffect.FdFilestatSetSize(n 0, a[1])
        | WasiFunction.FdFilestatSetTimes -> WasiEffect.FdFilestatSetTimes(n 0, a[1], a[2], n 3)
        | WasiFunction.FdPread -> WasiEffect.FdPread(n 0, room, a[3])
        | WasiFunction.FdPrestatGet -> WasiEffect.FdPrestatGet(n 0)
        | WasiFunction.FdPrestatDirName -> WasiEffect.FdPrestatDirName(n 0, n 2)
        | WasiFunction.FdPwrite -> WasiEffect.FdPwrite(n 0, data, a[3])
        | WasiFunction.FdRead -> WasiEffect.FdRead(n 0, room)
        | WasiFunction.FdReaddir -> WasiEffect.FdReaddir(n 0, n 2, a[3])
        | WasiFunction.FdRenumber -> WasiEffect.FdRenumber(n 0, n 1)
        | WasiFunction.FdSeek -> WasiEffect.FdSeek(n 0, a[1], n 2)
        | WasiFunction.FdSync -> WasiEffect.FdSync(n 0)
        | WasiFunction.FdTell -> WasiEffect.FdTell(n 0)
        | WasiFunction.FdWrite -> WasiEffect.FdWrite(n 0, data)
        | WasiFunction.PathCreateDirectory -> WasiEffect.PathCreateDirectory(n 0, path 1)
        | WasiFunction.PathFilestatGet -> WasiEffect.PathFilestatGet(n 0, n 1, path 2)
        | WasiFunction.PathFilestatSetTimes -> WasiEffect.PathFilestatSetTimes(n 0, n 1, path 2, a[4], a[5], n 6)
        | WasiFunction.PathLink -> WasiEffect.PathLink(n 0, n 1, path 2, n 4, path 5)
        | WasiFunction.PathOpen -> WasiEffect.PathOpen(n 0, n 1, path 2, n 4, a[5], a[6], n 7)
        | WasiFunction.PathReadlink -> WasiEffect.PathReadlink(n 0, path 1, n 4)
        | WasiFunction.PathRemoveDirectory -> WasiEffect.PathRemoveDirectory(n 0, path 1)
        | WasiFunction.PathRename -> WasiEffect.PathRename(n 0, path 1, n 3, path 4)
        | WasiFunction.PathSymlink -> WasiEffect.PathSymlink(path 0, n 2, path 3)
        | WasiFunction.PathUnlinkFile -> WasiEffect.PathUnlinkFile(n 0, path 1)
        | WasiFunction.PollOneoff -> WasiEffect.PollOneoff(bytes guest a[0] (a[2] * 48UL))
        | WasiFunction.ProcExit -> WasiEffect.ProcExit(n 0)
        | WasiFunction.ProcRaise -> WasiEffect.ProcRaise(n 0)
        | WasiFunction.SchedYield -> WasiEffect.SchedYield
        | WasiFunction.RandomGet -> WasiEffect.RandomGet(n 1)
        | WasiFunction.SockAccept -> WasiEffect.SockAccept(n 0, n 1)
        | WasiFunction.SockRecv -> WasiEffect.SockRecv(n 0, room, n 3)
        | WasiFunction.SockSend -> WasiEffect.SockSend(n 0, data, n 3)
        | WasiFunction.SockShutdown -> WasiEffect.SockShutdown(n 0, n 1)

    // ---- the reply

    let private put (guest: Guest) (address: uint64) (data: ReadOnlySpan<byte>) =
        data.CopyTo(guest.Slice(uint32 address, uint32 data.Length))

    let private putU32 (guest: Guest) (address: uint64) (value: int) =
        BinaryPrimitives.WriteUInt32LittleEndian(guest.Slice(uint32 address, 4u), uint32 value)

    /// Texts at one place, pointers to them at another.
    let private putTexts (guest: Guest) (pointers: uint64) (texts: uint64) (data: ReadOnlySpan<byte>) =
        put guest texts data
        let mutable from = 0
        let mutable i = 0u

        while from < data.Length do
            BinaryPrimitives.WriteUInt32LittleEndian(item guest pointers i 4u, uint32 texts + uint32 from)
            from <- from + data.Slice(from).IndexOf 0uy + 1
            i <- i + 1u

    let private reply (f: WasiFunction) (guest: Guest) (a: uint64[]) (r: ReadOnlySpan<byte>) =
        match f with
        | WasiFunction.ArgsGet
        | WasiFunction.EnvironGet -> putTexts guest a[0] a[1] r
        | WasiFunction.ArgsSizesGet
        | WasiFunction.EnvironSizesGet ->
            put guest a[0] (r.Slice(0, 4))
            put guest a[1] (r.Slice 4)
        | WasiFunction.ClockResGet
        | WasiFunction.FdFdstatGet
        | WasiFunction.FdFilestatGet
        | WasiFunction.FdPrestatGet
        | WasiFunction.FdPrestatDirName
        | WasiFunction.FdTell -> put guest a[1] r
        | WasiFunction.ClockTimeGet -> put guest a[2] r
        | WasiFunction.FdSeek
        | WasiFunction.FdWrite -> put guest a[3] r
        | WasiFunction.FdPwrite
        | WasiFunction.PathFilestatGet -> put guest a[4] r
        | WasiFunction.PathOpen -> put guest a[8] r
        | WasiFunction.FdRead ->
            scatter guest a[1] a[2] r
            putU32 guest a[3] r.Length
        | WasiFunction.FdPread ->
            scatter guest a[1] a[2] r
            putU32 guest a[4] r.Length
        | WasiFunction.FdReaddir ->
            put guest a[1] r
            putU32 guest a[4] r.Length
        | WasiFunction.PathReadlink ->
            put guest a[3] r
            putU32 guest a[5] r.Length
        | WasiFunction.PollOneoff ->
            put guest a[1] r
            putU32 guest a[3] (r.Length / 32)
        | WasiFunction.RandomGet -> put guest a[0] r
        | _ -> ()

    // ---- the whole

    let private noData = WasiData.Of(ReadOnlySpan<byte>.Empty)

    /// The function behind a row.
    let call (f: WasiFunction) (price: Price) (run: RunContext) (guest: Guest) (a: uint64[]) : uint64 =
        let mutable given = 0UL
        let mutable refused = 0us

        for i in pathLengths f do
            given <- given + (a[i] &&& 0xFFFF_FFFFUL)

            if uint32 a[i] > MaxPathBytes then
                refused <- Errno.Nametoolong

        if f = WasiFunction.PollOneoff then
            given <- a[2] * 48UL

            if uint32 a[2] > MaxSubscriptions then
                refused <- Errno.Inval

        let vectors = if (written f).IsSome then written f else read f

        match vectors with
        | ValueSome(struct (_, count)) when uint32 a[count] > MaxVectors -> refused <- Errno.Inval
        | _ -> ()

        if f = WasiFunction.RandomGet && uint32 a[1] > uint32 WasiFdCalls.MaxTransfer then
            refused <- Errno.Inval

        // What is refused by its size is paid like a call without bytes.
        guest.Charge(Schedule.before price (if refused = 0us then given else 0UL) 0UL)

        if refused <> 0us then
            uint64 refused
        else
            Interpreter.reserve run given

            let sum =
                match vectors with
                // Vectors for a descriptor that is not open are not looked at: the call fails for that, whatever they say.
                | ValueSome(struct (at, count)) when run.Wasi.Run.IsOpen(uint32 a[0]) -> total guest a[at] a[count]
                | _ -> 0UL

            let moved = int (min sum (uint64 WasiFdCalls.MaxTransfer))

            let data =
                match written f with
                | ValueSome(struct (at, count)) ->
                    let buffer = run.Wasi.Input moved
                    gather guest a[at] a[count] buffer moved
                    ReadOnlyMemory(buffer, 0, moved)
                | ValueNone -> ReadOnlyMemory.Empty

            let mark = if data.Length = 0 then noData else WasiData.Of data.Span
            let effect = decode f guest a (uint32 moved) mark

            if data.Length > 0 then
                guest.Charge(Schedule.after price (uint64 data.Length))

            let errno = Interpreter.performWasi run guest.GasLeft f effect data

            if errno = Errno.Success then
                let answer = run.Wasi.Run.Reply
                guest.Charge(Schedule.after price (uint64 answer.Length))
                reply f guest a answer.Span

            uint64 errno
