namespace Twofold.Wasm.Preparation

// The published price list. Any change is a new version, because receipts carry gas.
// In: a gas class from the opcode table, or the operand of an instruction whose price depends on it. Out: gas.

open Twofold.Wasm
open Twofold.Wasm.Binary

module GasSchedule =
    /// Part of receipts and cache keys.
    let version = 2

    /// Price of an instruction's class, charged with its basic block before the block runs.
    let price (gas: GasClass) =
        match gas with
        | GasClass.Free -> 0L
        | GasClass.Simple -> 1L
        | GasClass.Divide -> 5L
        | GasClass.Memory -> 2L
        | GasClass.Global -> 2L
        | GasClass.Branch -> 2L
        | GasClass.Call -> 10L
        | GasClass.CallIndirect -> 15L
        | GasClass.Table -> 3L
        | GasClass.Vector -> 2L
        | GasClass.Allocate -> 10L
        | GasClass.Cast -> 3L
        | GasClass.Throw -> 20L
        | GasClass.Atomic -> 4L
        | _ -> 20L

    // The parts that depend on operands. The runtime helpers (C#) charge by the same constants; a test compares them.

    /// memory.copy, memory.fill, memory.init: one unit for every 8 bytes begun.
    let bytes (n: uint64) = Twofold.Wasm.GasPrices.Bytes n

    /// table.copy, table.fill, table.init: two units an element.
    let elements (n: uint64) = Twofold.Wasm.GasPrices.Elements n

    /// memory.grow that succeeds, and a memory's first pages at instantiation.
    let pages (n: uint64) = Twofold.Wasm.GasPrices.Pages n

    /// table.grow that succeeds, and a table's first entries at instantiation.
    let entries (n: uint64) = Twofold.Wasm.GasPrices.Entries n

    /// Bytes of a field or array element, as objects are counted: packed integers 1 and 2, references 8, a v128 16.
    let storageBytes (s: StorageType) =
        match s with
        | StorageType.I8 -> 1
        | StorageType.I16 -> 2
        | StorageType.Value t ->
            match t.Code with
            | 0x7F
            | 0x7D -> 4
            | 0x7B -> 16
            | _ -> 8

    let private rounded (bytes: uint64) = (bytes + 7UL) &&& ~~~7UL

    /// Bytes that a struct counts for (design 4.8): 16, and its fields without gaps, rounded up to 8. No engine's own layout matters.
    let structBytes (fields: FieldType[]) : uint64 = 16UL + rounded (fields |> Array.sumBy (fun f -> uint64 (storageBytes f.Storage)))

    /// Bytes that an array counts for: 24, and its elements rounded up to 8. At most 2^32 elements of 16 bytes: no overflow.
    let arrayBytes (element: FieldType) (length: uint32) : uint64 = 24UL + rounded (uint64 length * uint64 (storageBytes element.Storage))

    /// Bytes that an exception counts for: 16, and its values, rounded up to 8.
    let exceptionBytes (values: ValType[]) : uint64 =
        16UL + rounded (values |> Array.sumBy (fun t -> uint64 (storageBytes (StorageType.Value t))))

    /// An object of this size beside its instruction's base: one unit for every 8 bytes. Where the size is known from the type
    /// (struct.new, struct.new_default, array.new_fixed, throw) it is part of the basic block's charge; else it is charged when the length is known, before the instruction's own checks.
    let allocation (bytes: uint64) = Twofold.Wasm.GasPrices.Bytes bytes

    /// array.fill, array.copy, array.init_data, array.init_elem: one unit for every 8 bytes begun of the elements written.
    let arrayElements (element: FieldType) (n: uint32) = Twofold.Wasm.GasPrices.Bytes(uint64 n * uint64 (storageBytes element.Storage))

    /// A function's locals, parameters included: one unit for every sixteen (a v128 counts two), in its first basic block. Engines set them to zero at each call,
    /// and a call must not cost the same with nine thousand of them. Ordinary functions have fewer than sixteen and pay nothing.
    let locals (width: int) = int64 (width / 16)

    /// A `try_table`: one unit a clause, when it is entered, as part of the basic block it stands in.
    let catches (clauses: int) = int64 clauses

    /// Each call that an exception leaves, charged in the frame of that call's instruction before its handlers are looked at.
    let unwoundFrame = 10L
