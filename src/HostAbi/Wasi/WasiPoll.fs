namespace Twofold.HostAbi

// Clocks, and poll_oneoff: nothing really waits. Whatever is open is ready; when only clocks are waited for, they move to the first that rings.
// In: a run's state and subscriptions of 48 bytes. Out: an errno; events of 32 bytes stand in the state's reply.

open System
open System.Buffers.Binary

module internal WasiPoll =
    /// A clock's time; none when there is no such clock.
    let clock (s: WasiState) (id: uint32) : uint64 voption =
        match id with
        | 0u -> ValueSome s.Now
        // The time that the program has worked is the time that has passed: it is alone in its world.
        | 1u
        | 2u
        | 3u -> ValueSome s.Monotonic
        | _ -> ValueNone

    [<Literal>]
    let private SubscriptionBytes = 48

    [<Literal>]
    let private EventBytes = 32

    let private u32 (subs: byte[]) at = BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(subs, at, 4))
    let private u64 (subs: byte[]) at = BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(subs, at, 8))
    let private isAbsolute (subs: byte[]) at = subs[at + 40] &&& 1uy <> 0uy

    /// Adds the event of the subscription at this place.
    let private add (s: WasiState) (events: int) (subs: byte[]) (at: int) (errno: uint16) (bytes: uint64) =
        let r = s.Reply.AsSpan(events * EventBytes, EventBytes)
        r.Clear()
        subs.AsSpan(at, 8).CopyTo r
        BinaryPrimitives.WriteUInt16LittleEndian(r.Slice 8, errno)
        r[10] <- subs[at + 8]
        BinaryPrimitives.WriteUInt64LittleEndian(r.Slice 16, bytes)

    /// How long a clock subscription still waits.
    let private wait (s: WasiState) (subs: byte[]) at : Result<uint64, uint16> =
        let timeout = u64 subs (at + 24)

        match clock s (u32 subs (at + 16)) with
        | ValueNone -> Error Errno.Inval
        | ValueSome now when isAbsolute subs at -> Ok(if timeout > now then timeout - now else 0UL)
        | ValueSome _ -> Ok timeout

    /// What is ready on a descriptor.
    let private readiness (s: WasiState) (subs: byte[]) at : struct (uint16 * uint64) =
        let d = s.Fd(u32 subs (at + 16))

        if isNull d then
            struct (Errno.Badf, 0UL)
        elif not (d.Has Rights.PollFdReadwrite) then
            struct (Errno.Notcapable, 0UL)
        else
            match d.Opened, subs[at + 8] with
            | Opened.Stream 0, 1uy -> struct (Errno.Success, s.InputLeft)
            | Opened.File f, 1uy -> struct (Errno.Success, (if uint64 f.Size > d.Position then uint64 f.Size - d.Position else 0UL))
            | _ -> struct (Errno.Success, 0UL)

    let run (s: WasiState) (subs: byte[]) : uint16 =
        let places = [| for i in 0 .. subs.Length / SubscriptionBytes - 1 -> i * SubscriptionBytes |]

        if places.Length = 0 || places |> Array.exists (fun at -> subs[at + 8] > 2uy) then
            Errno.Inval
        else
            s.Reserve(places.Length * EventBytes)
            let mutable events = 0
            let mutable shortest = ValueNone

            for at in places do
                if subs[at + 8] = 0uy then
                    match wait s subs at with
                    | Ok left ->
                        shortest <-
                            match shortest with
                            | ValueSome least when least <= left -> shortest
                            | _ -> ValueSome left
                    | Error errno ->
                        add s events subs at errno 0UL
                        events <- events + 1
                else
                    let struct (errno, bytes) = readiness s subs at
                    add s events subs at errno bytes
                    events <- events + 1

            // Nothing is ready: time passes until the first clock rings.
            let passed =
                match shortest with
                | ValueSome least when events = 0 ->
                    s.Sleep least
                    least
                | _ -> 0UL

            for at in places do
                if subs[at + 8] = 0uy then
                    match wait s subs at with
                    | Ok left when left = 0UL || (not (isAbsolute subs at) && left <= passed) ->
                        add s events subs at Errno.Success 0UL
                        events <- events + 1
                    | _ -> ()

            s.ReplyIs(events * EventBytes)
            Errno.Success
