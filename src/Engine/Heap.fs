namespace Twofold.Engine

// Guest memory as HostAbi wants it, and the host's allocator inside it (`malloc`, `alloc`, `free`).
// In: the calling guest. Out: bytes, growth that is paid for, blocks.

open System
open System.Buffers.Binary
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

/// The calling guest's memory. Addresses are checked by whoever asks; the guest checks them again.
[<Sealed>]
type internal LentMemory(guest: Guest) =
    interface IGuestMemory with
        member _.Size = guest.MemorySize
        member _.Read(address, length) = guest.Slice(address, length).ToArray()
        member _.Write(address, bytes) = bytes.AsSpan().CopyTo(guest.Slice(address, uint32 bytes.Length))
        member _.ReadU32 address = BinaryPrimitives.ReadUInt32LittleEndian(Span.op_Implicit (guest.Slice(address, 4u)))
        member _.WriteU32(address, value) = BinaryPrimitives.WriteUInt32LittleEndian(guest.Slice(address, 4u), value)

        // A page costs what memory.grow charges for one: the allocator is no cheap way around it.
        member _.Grow pages =
            if guest.GrowMemory pages < 0L then
                false
            else
                guest.Charge(Preparation.GasSchedule.pages (uint64 pages))
                true

module internal Heap =
    /// Where a guest's own data ends, when it says so by exporting the constant `__heap_base` as compilers do.
    let heapBase (m: ValidModule) : uint32 voption =
        m.Module.Exports
        |> Array.tryFind (fun e -> e.Name = "__heap_base" && e.Kind = ExternKind.Global && e.Index >= m.ImportedGlobals)
        |> Option.bind (fun e ->
            let g = m.Module.Globals[e.Index - m.ImportedGlobals]

            match g.Init with
            | [| only |] when only.Op = Op.I32Const && not g.Type.Mutable -> Some(uint32 only.Imm)
            | _ -> None)
        |> Option.toValueOption

    let private start (run: RunContext) memory =
        match run.HeapStart with
        | ValueSome at -> at
        | ValueNone ->
            let at = Allocator.heapStart run.HeapBase memory
            run.HeapStart <- ValueSome at
            at

    let allocate (run: RunContext) (memory: IGuestMemory) (size: uint64) : Result<uint64, HostErrorCode> =
        Allocator.allocate memory (start run memory) (uint32 size) |> Result.map uint64

    let free (run: RunContext) (memory: IGuestMemory) (pointer: uint64) : Result<uint64, HostErrorCode> =
        Allocator.free memory (start run memory) (uint32 pointer) |> Result.map (fun () -> 0UL)
