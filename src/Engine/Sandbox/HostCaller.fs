namespace Twofold

// The guest that calls, as a registered delegate sees it: memory by copies and by spans that are lent, gas, calls back.
// In: addresses and lengths as the guest gave them. Out: bytes; a range outside memory is a trap of the guest.

open System
open System.Buffers.Binary
open System.Text
open System.Threading
open Twofold.Wasm
open Twofold.Engine

/// The guest during a call of a registered function: an optional first parameter of its delegate. Valid until the function has returned, or its task is done;
/// any thread may use it, but waits for the guest's own then. Everything it does is journaled. What ends the run (a bad range, gas) ends it even if the function
/// catches the exception.
[<Sealed; AllowNullLiteral>]
type HostCaller internal (caller: IHostCaller) =
    let strict = UTF8Encoding(false, true)

    let text (bytes: byte[]) =
        try
            strict.GetString bytes
        with :? DecoderFallbackException ->
            raise (GuestTrapException "a text that is not UTF-8")

    /// Bytes of the guest's memory 0, now.
    member _.MemorySize = int64 caller.MemorySize
    /// Gas that is left.
    member _.GasLeft = caller.GasLeft
    /// Set when the run is cancelled or its deadline has passed.
    member _.CancellationToken: CancellationToken = caller.Stopping

    /// A copy of the guest's bytes. Costs one gas for each.
    member _.Read(address: int, length: int) : byte[] = caller.Read(uint32 address, uint32 length)
    /// The text whose UTF-8 these bytes are; others trap.
    member _.ReadString(address: int, length: int) : string = text (caller.Read(uint32 address, uint32 length))

    /// A little-endian number.
    member _.ReadInt32(address: int) : int = BinaryPrimitives.ReadInt32LittleEndian(ReadOnlySpan(caller.Read(uint32 address, 4u)))

    /// A little-endian number.
    member _.ReadInt64(address: int) : int64 = BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan(caller.Read(uint32 address, 8u)))

    /// Writes bytes. Costs one gas for each.
    member _.Write(address: int, bytes: ReadOnlySpan<byte>) = caller.Write(uint32 address, bytes.ToArray())

    /// Writes a number, little-endian.
    member _.WriteInt32(address: int, value: int) =
        let bytes = Array.zeroCreate 4
        BinaryPrimitives.WriteInt32LittleEndian(Span bytes, value)
        caller.Write(uint32 address, bytes)

    /// Writes a number, little-endian.
    member _.WriteInt64(address: int, value: int64) =
        let bytes = Array.zeroCreate 8
        BinaryPrimitives.WriteInt64LittleEndian(Span bytes, value)
        caller.Write(uint32 address, bytes)

    /// A buffer with the guest's bytes; what is changed in it is written back when the function returns, reads, writes or calls the guest. Over after a call into
    /// the guest. Buffers that overlap in part are refused.
    member _.Edit(address: int, length: int) : Span<byte> = Span<byte>(caller.Edit(uint32 address, uint32 length))

    /// Lends the guest's own bytes, without a copy, for as long as `reader` runs; the guest cannot be called meanwhile. Costs one gas for each byte.
    member _.ReadSpan(address: int, length: int, reader: GuestReader<'T>) : 'T =
        caller.ReadSpan(uint32 address, uint32 length, Arguments.notNull (nameof reader) reader)

    /// Lends the guest's own bytes for as long as `editor` runs; what it changed is journaled when it returns, and undone when it throws. Costs one gas for each byte, and
    /// one for each from the first that changed to the last.
    member _.EditSpan(address: int, length: int, editor: GuestEditor) : unit =
        caller.EditSpan(uint32 address, uint32 length, Arguments.notNull (nameof editor) editor)

    /// What a delegate's parameters of spans are made of.
    member internal _.BorrowToRead(address: int, length: int) : ReadOnlySpan<byte> =
        HostCaller.ReadOnly(caller.Borrow(uint32 address, uint32 length, false))

    member internal _.BorrowToEdit(address: int, length: int) : Span<byte> = caller.Borrow(uint32 address, uint32 length, true)

    static member private ReadOnly(bytes: ReadOnlySpan<byte>) = bytes

    /// Takes gas for the function's own work; ends the run when less is left.
    member _.Charge(gas: int64) = caller.Charge gas

    /// Calls an export of the guest with numbers: on the gas and stack that are left, and at most as deep as the profile allows.
    member _.Call(export: string, [<ParamArray>] arguments: Value[]) : Value[] =
        caller.Enter(Arguments.notNull (nameof export) export, Arguments.notNull (nameof arguments) arguments)

    /// Writes a text as UTF-8 into a block that the guest's own `alloc` gives; where it is and how long, as `pointer << 32 | length`.
    member this.Return(text: string) : int64 =
        let bytes = Encoding.UTF8.GetBytes(Arguments.notNull (nameof text) text)
        let at = (this.Call("alloc", Value.I32 bytes.Length)[0]).AsI32()
        caller.Write(uint32 at, bytes)
        (int64 at <<< 32) ||| int64 bytes.Length
