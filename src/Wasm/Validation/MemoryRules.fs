namespace Twofold.Wasm.Validation

// Memories, tables, vectors' lanes and atomics (core specification, sections 3.4.11-3.4.14, and the threads proposal).
// Addresses have the type of the memory or table they go to: i32 or i64; a copy between two kinds has the length that both have.
// In: one instruction. Out: pops and pushes on the stack, or the violated rule.

open Twofold.Wasm
open Twofold.Wasm.Binary

type internal MemoryRules(c: Context, limits: WasmLimits) =
    inherit ObjectRules(c, limits)

    let narrower (a: ValType) (b: ValType) = if a.Code = ValType.I64.Code then b else a

    /// An access: alignment, offset and address, then the row's other operands.
    member v.Access(i: inref<Instr>, row: OpInfo) =
        let address = v.Memory i.A
        let align = i.B &&& 0xFF

        if align > 4 || (1 <<< align) > row.AccessBytes then
            v.Fail "alignment must not be larger than natural"
        elif row.Gas = GasClass.Atomic && (1 <<< align) <> row.AccessBytes then
            v.Fail "atomic alignment must be natural"

        if address.Code <> ValType.I64.Code then
            if uint64 i.Imm > 0xFFFFFFFFUL then
                v.Fail "offset out of range"

            v.PopVals row.Pops
        else
            let mutable k = row.Pops.Length - 1

            while k > 0 do
                v.PopVal row.Pops[k] |> ignore
                k <- k - 1

            v.PopVal address |> ignore

        if row.Imm = Imm.MemArgLane && (i.B >>> 8) >= 16 / row.AccessBytes then
            v.Fail "invalid lane index"

        v.PushVals row.Pushes

    /// Lanes of the vector that an extract or replace works on.
    member private _.Lanes(op: Op) =
        if op <= 0xD017us then 16
        elif op <= 0xD01Aus then 8
        elif op <= 0xD01Cus then 4
        elif op <= 0xD01Eus then 2
        elif op <= 0xD020us then 4
        else 2

    member v.LaneIndex(i: inref<Instr>) =
        if i.A >= v.Lanes i.Op then
            v.Fail "invalid lane index"

    /// Each of sixteen bytes names one of 32 lanes.
    member v.Shuffle(i: inref<Instr>) =
        if (i.Imm ||| i.High) &&& 0xE0E0E0E0E0E0E0E0L <> 0L then
            v.Fail "invalid lane index"

    // ---- memories

    member v.MemorySize(index: int) = v.PushVal(v.Memory index)

    member v.MemoryGrow(index: int) =
        let address = v.Memory index
        v.PopVal address |> ignore
        v.PushVal address

    member v.MemoryInit(data: int, memory: int) =
        let address = v.Memory memory
        v.Data data
        v.PopVal ValType.I32 |> ignore
        v.PopVal ValType.I32 |> ignore
        v.PopVal address |> ignore

    member v.MemoryCopy(target: int, source: int) =
        let t = v.Memory target
        let s = v.Memory source
        v.PopVal(narrower t s) |> ignore
        v.PopVal s |> ignore
        v.PopVal t |> ignore

    member v.MemoryFill(index: int) =
        let address = v.Memory index
        v.PopVal address |> ignore
        v.PopVal ValType.I32 |> ignore
        v.PopVal address |> ignore

    // ---- tables

    member v.TableGet(index: int) =
        let t = v.Table index
        v.PopVal(v.TableAddress index) |> ignore
        v.PushVal t

    member v.TableSet(index: int) =
        let t = v.Table index
        v.PopVal t |> ignore
        v.PopVal(v.TableAddress index) |> ignore

    member v.TableSize(index: int) =
        v.Table index |> ignore
        v.PushVal(v.TableAddress index)

    member v.TableGrow(index: int) =
        let t = v.Table index
        v.PopVal(v.TableAddress index) |> ignore
        v.PopVal t |> ignore
        v.PushVal(v.TableAddress index)

    member v.TableFill(index: int) =
        let t = v.Table index
        v.PopVal(v.TableAddress index) |> ignore
        v.PopVal t |> ignore
        v.PopVal(v.TableAddress index) |> ignore

    member v.TableCopy(target: int, source: int) =
        let t = v.Table target
        let s = v.Table source

        if v.Ok && not (v.Types.Matches(s, t)) then
            v.Mismatch(string t, string s)

        let targetAddress = v.TableAddress target
        let sourceAddress = v.TableAddress source
        v.PopVal(narrower targetAddress sourceAddress) |> ignore
        v.PopVal sourceAddress |> ignore
        v.PopVal targetAddress |> ignore

    member v.TableInit(elem: int, table: int) =
        let t = v.Table table
        let s = v.Elem elem

        if v.Ok && not (v.Types.Matches(s, t)) then
            v.Mismatch(string t, string s)

        v.PopVal ValType.I32 |> ignore
        v.PopVal ValType.I32 |> ignore
        v.PopVal(v.TableAddress table) |> ignore
