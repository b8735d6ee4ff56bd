namespace Twofold.Oracle

// Instructions on memories and tables (core specification 4.6.4-4.6.5), each with its checks in the specification's order and the
// numbers of its trap. In: operands. Out: the result, or a TrapException that says where, how far and how large.
// Where two ranges are checked (copy, init), the source comes first, then the destination: the specification leaves it open,
// because the trap is the same; ours is fixed, because its numbers are in receipts.

open System
open System.Buffers.Binary
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

module Access =
    let private trap code (a: uint64) (b: uint64) (c: uint64) : 'a = raise (TrapException(code, a, b, c))

    // --- memory

    /// Index plus offset, never wrapping: 33 bits at most for an i32, 65 for an i64.
    let effective (i: Instr) (index: Value) : bigint = bigint index.Bits + bigint (uint64 i.Imm)

    /// The bytes at an effective address; traps when any lies outside. The trap's number is 2^64 - 1 for what lies above.
    let bytesAt (memory: Memory) (address: bigint) (count: int) : Span<byte> =
        let size = uint64 memory.Bytes.Length

        if address + bigint count > bigint size then
            trap TrapCode.MemoryOutOfBounds (uint64 (min address (bigint UInt64.MaxValue))) (uint64 count) size

        Span<byte>(memory.Bytes, int address, count)

    let load (memory: Memory) (i: Instr) (index: Value) : Value =
        let info = Opcodes.info i.Op
        let b = bytesAt memory (effective i index) info.AccessBytes

        match i.Op with
        | 0x28us -> Value.I32(BinaryPrimitives.ReadInt32LittleEndian b)
        | 0x29us -> Value.I64(BinaryPrimitives.ReadInt64LittleEndian b)
        | 0x2Aus -> Value.FromBits(ValueKind.F32, uint64 (BinaryPrimitives.ReadUInt32LittleEndian b))
        | 0x2Bus -> Value.FromBits(ValueKind.F64, BinaryPrimitives.ReadUInt64LittleEndian b)
        | 0x2Cus -> Value.I32(int (sbyte b[0]))
        | 0x2Dus -> Value.I32(int b[0])
        | 0x2Eus -> Value.I32(int (BinaryPrimitives.ReadInt16LittleEndian b))
        | 0x2Fus -> Value.I32(int (BinaryPrimitives.ReadUInt16LittleEndian b))
        | 0x30us -> Value.I64(int64 (sbyte b[0]))
        | 0x31us -> Value.I64(int64 b[0])
        | 0x32us -> Value.I64(int64 (BinaryPrimitives.ReadInt16LittleEndian b))
        | 0x33us -> Value.I64(int64 (BinaryPrimitives.ReadUInt16LittleEndian b))
        | 0x34us -> Value.I64(int64 (BinaryPrimitives.ReadInt32LittleEndian b))
        | 0x35us -> Value.I64(int64 (BinaryPrimitives.ReadUInt32LittleEndian b))
        | _ -> invalidOp $"not a load: {info.Name}"

    /// Stores the value's low bytes: all of them for a full store, fewer for a narrow one.
    let store (memory: Memory) (i: Instr) (index: Value) (value: Value) =
        let count = (Opcodes.info i.Op).AccessBytes
        let b = bytesAt memory (effective i index) count

        for k in 0 .. count - 1 do
            b[k] <- byte (value.Bits >>> (8 * k))

    // --- vectors

    /// v128.load and its variants that take no vector: extending, splatting, and zeros above.
    let loadVector (memory: Memory) (i: Instr) (index: Value) : Value =
        let info = Opcodes.info i.Op
        let b = (bytesAt memory (effective i index) info.AccessBytes).ToArray()
        let whole = Array.append b (Array.zeroCreate (16 - b.Length))
        let raw = Value.V128(BitConverter.ToUInt64(whole, 0), BitConverter.ToUInt64(whole, 8))

        let extend width extension =
            Vector.join (2 * width) ((Vector.split width raw).[.. 64 / width - 1] |> Array.map (fun lane -> extension (64 - width) lane))

        let signed shift (lane: uint64) = uint64 (int64 (lane <<< shift) >>> shift)
        let unsigned _ (lane: uint64) = lane
        let splat width = Vector.join width (Array.replicate (128 / width) (Vector.split width raw).[0])

        match info.Name with
        | "v128.load"
        | "v128.load32_zero"
        | "v128.load64_zero" -> raw
        | "v128.load8x8_s" -> extend 8 signed
        | "v128.load8x8_u" -> extend 8 unsigned
        | "v128.load16x4_s" -> extend 16 signed
        | "v128.load16x4_u" -> extend 16 unsigned
        | "v128.load32x2_s" -> extend 32 signed
        | "v128.load32x2_u" -> extend 32 unsigned
        | "v128.load8_splat" -> splat 8
        | "v128.load16_splat" -> splat 16
        | "v128.load32_splat" -> splat 32
        | "v128.load64_splat" -> splat 64
        | name -> invalidOp $"not a vector load: {name}"

    let storeVector (memory: Memory) (i: Instr) (index: Value) (value: Value) =
        let b = bytesAt memory (effective i index) 16
        BinaryPrimitives.WriteUInt64LittleEndian(b.Slice(0, 8), value.Bits)
        BinaryPrimitives.WriteUInt64LittleEndian(b.Slice(8, 8), value.HighBits)

    /// Lane access: the lane's number stands above the alignment.
    let loadLane (memory: Memory) (i: Instr) (index: Value) (value: Value) : Value =
        let count = (Opcodes.info i.Op).AccessBytes
        let b = bytesAt memory (effective i index) count
        let mutable bits = 0UL

        for k in 0 .. count - 1 do
            bits <- bits ||| (uint64 b[k] <<< (8 * k))

        Vector.join (8 * count) (Vector.split (8 * count) value |> Array.updateAt (i.B >>> 8) bits)

    let storeLane (memory: Memory) (i: Instr) (index: Value) (value: Value) =
        let count = (Opcodes.info i.Op).AccessBytes
        let b = bytesAt memory (effective i index) count
        let lane = (Vector.split (8 * count) value)[i.B >>> 8]

        for k in 0 .. count - 1 do
            b[k] <- byte (lane >>> (8 * k))

    // --- ranges

    /// A range for a bulk instruction; `a`, `n` and the size it must fit into are the trap's numbers.
    let range code (start: Value) (n: uint64) (size: int) : int =
        let a = start.Bits

        if bigint a + bigint n > bigint size then
            trap code a n (uint64 size)

        int a

    let private memoryRange start n (bytes: byte[]) = range TrapCode.MemoryOutOfBounds start n bytes.Length

    /// Data into memory; also how an active segment is placed.
    let memoryInit (memory: Memory) (data: byte[]) (destination: Value) (source: Value) (n: uint64) =
        let s = memoryRange source n data
        let d = memoryRange destination n memory.Bytes
        Array.Copy(data, s, memory.Bytes, d, int n)

    let memoryCopy (target: Memory) (origin: Memory) (destination: Value) (source: Value) (n: uint64) =
        let s = memoryRange source n origin.Bytes
        let d = memoryRange destination n target.Bytes
        Array.Copy(origin.Bytes, s, target.Bytes, d, int n) // copies as if through a buffer

    let memoryFill (memory: Memory) (destination: Value) (value: Value) (n: uint64) =
        let d = memoryRange destination n memory.Bytes
        Array.Fill(memory.Bytes, byte value.Bits, d, int n)

    // --- tables

    let private tableRange start n size = range TrapCode.TableOutOfBounds start n size

    let tableGet (table: Table) (index: Value) : Value = table.Entries[tableRange index 1UL table.Entries.Count]

    let tableSet (table: Table) (index: Value) (value: Value) = table.Entries[tableRange index 1UL table.Entries.Count] <- value

    let tableFill (table: Table) (start: Value) (value: Value) (n: uint64) =
        let d = tableRange start n table.Entries.Count

        for k in d .. d + int n - 1 do
            table.Entries[k] <- value

    let tableInit (table: Table) (elements: Value[]) (destination: Value) (source: Value) (n: uint64) =
        let s = tableRange source n elements.Length
        let d = tableRange destination n table.Entries.Count

        for k in 0 .. int n - 1 do
            table.Entries[d + k] <- elements[s + k]

    let tableCopy (target: Table) (origin: Table) (destination: Value) (source: Value) (n: uint64) =
        let s = tableRange source n origin.Entries.Count
        let d = tableRange destination n target.Entries.Count
        let moved = origin.Entries.GetRange(s, int n)

        for k in 0 .. int n - 1 do
            target.Entries[d + k] <- moved[k]

    /// The function an indirect call reaches: element present, not null, of a subtype of the expected type.
    let callee (table: Table) (expected: DefType) (index: Value) : Func =
        let i = index.Bits

        if i >= uint64 table.Entries.Count then
            trap TrapCode.UndefinedElement i 1UL (uint64 table.Entries.Count)

        match table.Entries[int i].Reference with
        | :? Func as f when DefTypes.isSubtype f.DefType expected -> f
        | :? Func -> trap TrapCode.IndirectCallTypeMismatch i 0UL 0UL
        | _ -> trap TrapCode.UninitializedElement i 0UL 0UL
