namespace Twofold.HostAbi

// malloc, alloc and free for guests that bring no allocator: size classes with free lists, all of it inside guest memory, so that a reset of
// the memory resets the heap. In: a guest's memory and where its heap begins. Out: pointers.
//
// Deterministic (the bytes of memory and the call decide) and constant time. A guest may overwrite everything here: each word read back is
// checked before use, so the worst that a guest does is to lose blocks or to overlap its own; nothing outside its memory is ever touched.
//
//     start: magic  top  limit  0      heads: one u32 for each class (0: empty)      blocks...
//     block: tag u32 (live or free, and the class)  next u32  pad 8  |  payload, 16-aligned

/// The allocator behind `malloc`, `alloc` and `free`.
module Allocator =
    [<Literal>]
    let private Magic = 0x50414854u // "THAP"

    [<Literal>]
    let private Live = 0x4C560000u

    [<Literal>]
    let private Free = 0x46520000u

    [<Literal>]
    let private HeaderBytes = 16u

    [<Literal>]
    let private PageBytes = 65536UL

    /// Payload sizes: steps of 16 up to 128, then four classes for each doubling, up to 2 GiB: at most a quarter of a block is unused.
    let private sizes: uint32[] = [|
        for i in 1u .. 8u -> 16u * i
        for power in 7..30 do
            for quarter in 5u .. 8u -> (1u <<< power) / 4u * quarter
    |]

    let private controlBytes = 16u + 4u * uint32 sizes.Length |> fun n -> (n + 15u) &&& ~~~15u

    /// The largest block there is.
    let maxBytes = sizes[sizes.Length - 1]

    /// The class of a size: the first one that is large enough.
    let private classOf (size: uint32) : int =
        match System.Array.BinarySearch(sizes, size) with
        | found when found >= 0 -> found
        | missing -> ~~~missing

    /// Where the heap begins: after the guest's own data when it exports where that ends (`__heap_base`), otherwise behind the memory it has at its
    /// first allocation, which then grows. The caller remembers it for the rest of the run.
    let heapStart (heapBase: uint32 voption) (memory: IGuestMemory) : uint64 =
        let at =
            match heapBase with
            | ValueSome address -> uint64 address
            | ValueNone -> memory.Size

        (at + 15UL) &&& ~~~15UL

    /// Memory that reaches to an address (exclusive), grown when it has to be. False: it cannot be.
    let private reach (memory: IGuestMemory) (address: uint64) : bool =
        address <= memory.Size
        || (address <= 0x1_0000_0000UL
            && memory.Grow(uint32 ((address - memory.Size + PageBytes - 1UL) / PageBytes))
            && address <= memory.Size)

    /// The heap's control block, made at the first call. Nothing when there is no memory for it.
    let private opened (memory: IGuestMemory) (start: uint64) : uint32 voption =
        if not (reach memory (start + uint64 controlBytes)) then
            ValueNone
        else
            let at = uint32 start

            if memory.ReadU32 at <> Magic then
                memory.WriteU32(at, Magic)
                memory.WriteU32(at + 4u, at + controlBytes)
                memory.WriteU32(at + 8u, uint32 (min memory.Size 0xFFFF_FFF0UL))

                for i in 0 .. sizes.Length - 1 do
                    memory.WriteU32(at + 16u + 4u * uint32 i, 0u)

            ValueSome at

    /// Whether a pointer can be the payload of a block of this heap with this tag, and its payload inside memory.
    let private isBlock (memory: IGuestMemory) (at: uint32) (pointer: uint32) (tag: uint32) (size: uint32) : bool =
        pointer % 16u = 0u
        && uint64 pointer >= uint64 at + uint64 controlBytes + uint64 HeaderBytes
        && uint64 pointer + uint64 size <= memory.Size
        && memory.ReadU32(pointer - HeaderBytes) = tag

    /// A new block behind all others.
    let private fresh (memory: IGuestMemory) (at: uint32) (size: uint32) (tag: uint32) : Result<uint32, HostErrorCode> =
        let top = uint64 (memory.ReadU32(at + 4u))
        let limit = uint64 (memory.ReadU32(at + 8u))
        let first = uint64 at + uint64 controlBytes
        let sane = top % 16UL = 0UL && first <= top && top <= limit && limit <= memory.Size
        let needed = uint64 HeaderBytes + uint64 size

        // Pages that somebody else grew behind our limit are theirs: then go on behind them. So too when the guest spoilt our numbers.
        let block =
            if sane && top + needed <= limit then top
            elif sane && (limit = memory.Size || limit = 0xFFFF_FFF0UL) then top
            else memory.Size

        // The last 16 bytes of a 4 GiB memory are not used, so that every end fits 32 bits.
        if block + needed > 0xFFFF_FFF0UL || not (reach memory (block + needed)) then
            Error HostErrorCode.OutOfMemory
        else
            memory.WriteU32(at + 4u, uint32 (block + needed))

            if not sane || block + needed > limit then
                memory.WriteU32(at + 8u, uint32 (min memory.Size 0xFFFF_FFF0UL))

            memory.WriteU32(uint32 block, tag)
            memory.WriteU32(uint32 block + 4u, 0u)
            Ok(uint32 block + HeaderBytes)

    /// A block of at least `size` bytes (of 1 when 0 are asked for), aligned to 16; its content is whatever was there before.
    let allocate (memory: IGuestMemory) (start: uint64) (size: uint32) : Result<uint32, HostErrorCode> =
        if size > maxBytes then
            Error HostErrorCode.OutOfMemory
        else
            match opened memory start with
            | ValueNone -> Error HostErrorCode.OutOfMemory
            | ValueSome at ->
                let cls = classOf (max 1u size)
                let head = at + 16u + 4u * uint32 cls
                let pointer = memory.ReadU32 head
                let live = Live ||| uint32 cls

                if pointer <> 0u && isBlock memory at pointer (Free ||| uint32 cls) sizes[cls] then
                    memory.WriteU32(head, memory.ReadU32(pointer - HeaderBytes + 4u))
                    memory.WriteU32(pointer - HeaderBytes, live)
                    Ok pointer
                else
                    // An entry that is no free block was written by the guest: the list is lost.
                    if pointer <> 0u then
                        memory.WriteU32(head, 0u)

                    fresh memory at sizes[cls] live

    /// Takes a block back. 0 is ignored.
    let free (memory: IGuestMemory) (start: uint64) (pointer: uint32) : Result<unit, HostErrorCode> =
        if pointer = 0u then
            Ok()
        elif start + uint64 controlBytes > memory.Size || memory.ReadU32(uint32 start) <> Magic then
            Error HostErrorCode.InvalidPointer
        else
            let at = uint32 start
            let tagged = pointer >= HeaderBytes && uint64 pointer <= memory.Size && pointer % 16u = 0u
            let tag = if tagged then memory.ReadU32(pointer - HeaderBytes) else 0u
            let cls = int (tag ^^^ Live)

            if tagged && cls >= 0 && cls < sizes.Length && isBlock memory at pointer tag sizes[cls] then
                let head = at + 16u + 4u * uint32 cls
                memory.WriteU32(pointer - HeaderBytes, Free ||| uint32 cls)
                memory.WriteU32(pointer - HeaderBytes + 4u, memory.ReadU32 head)
                memory.WriteU32(head, pointer)
                Ok()
            else
                Error HostErrorCode.InvalidPointer
