namespace Twofold.Wasm.Preparation

// The published price list. Any change is a new version, because receipts carry gas.
// In: a gas class from the opcode table, or the operand of an instruction whose price depends on it. Out: gas.

open Twofold.Wasm.Binary

module GasSchedule =
    /// Part of receipts and cache keys.
    let version = 1

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
