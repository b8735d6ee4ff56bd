namespace Twofold.Wasm.Instrument

// Relaxed vector instructions as sequences of plain ones with the pinned result (docs/WASM.md), so that no engine has a choice.
// In: the instruction, its operands on the stack. Out: plain instructions.

open Twofold.Wasm
open Twofold.Wasm.Binary

module internal WriteVectors =
    /// One plain instruction that is the relaxed one's pinned meaning; 0 for those that need several.
    let private plain (op: Op) : Op =
        match op with
        | 0xD100us -> 0xD00Eus
        | 0xD101us -> 0xD0F8us
        | 0xD102us -> 0xD0F9us
        | 0xD103us -> 0xD0FCus
        | 0xD104us -> 0xD0FDus
        | 0xD109us
        | 0xD10Aus
        | 0xD10Bus
        | 0xD10Cus -> 0xD052us
        | 0xD10Dus -> 0xD0E8us
        | 0xD10Eus -> 0xD0E9us
        | 0xD10Fus -> 0xD0F4us
        | 0xD110us -> 0xD0F5us
        | 0xD111us -> 0xD082us
        | _ -> 0us

    /// a * b + c or -(a * b) + c, rounded twice.
    let private multiplyAdd (w: Writer) (mul: Op) (neg: Op voption) (add: Op) =
        let c = w.Temp(ValType.V128, 0)
        w.Set c
        w.Op mul
        ValueOption.iter (fun (n: Op) -> w.Op n) neg
        w.Get c
        w.Op add

    let private shuffle (w: Writer) (lanes: int[]) =
        let half first = Array.fold (fun acc k -> (acc <<< 8) ||| uint64 lanes[first + k]) 0UL [| 7; 6; 5; 4; 3; 2; 1; 0 |]
        let high = half 8
        w.Put(Op.I8x16Shuffle, int (uint32 high), int (high >>> 32), int64 (half 0))

    /// i16x8: both signed, neighbouring products added, saturated.
    let private dot (w: Writer) =
        let a, b = w.Temp(ValType.V128, 0), w.Temp(ValType.V128, 1)
        w.Set b
        w.Set a
        w.Get a
        w.Get b
        w.Op 0xD09Cus
        w.Get a
        w.Get b
        w.Op 0xD09Dus
        w.Set b
        w.Set a
        // 16-bit lanes 0, 2, 4, 6 of both, then 1, 3, 5, 7.
        let even = [| 0; 1; 4; 5; 8; 9; 12; 13; 16; 17; 20; 21; 24; 25; 28; 29 |]
        w.Get a
        w.Get b
        shuffle w even
        w.Get a
        w.Get b
        shuffle w (even |> Array.map (fun k -> k + 2))
        w.Op 0xD08Fus

    let isRelaxed (op: Op) = op >= 0xD100us && op <= 0xD113us

    let relaxed (w: Writer) (i: Instr) =
        match i.Op with
        | 0xD105us -> multiplyAdd w 0xD0E6us ValueNone 0xD0E4us
        | 0xD106us -> multiplyAdd w 0xD0E6us (ValueSome 0xD0E1us) 0xD0E4us
        | 0xD107us -> multiplyAdd w 0xD0F2us ValueNone 0xD0F0us
        | 0xD108us -> multiplyAdd w 0xD0F2us (ValueSome 0xD0EDus) 0xD0F0us
        | 0xD112us -> dot w
        | 0xD113us ->
            let c = w.Temp(ValType.V128, 2)
            w.Set c
            dot w
            // Neighbours added: i32x4.extadd_pairwise_i16x8_s.
            w.Op 0xD07Eus
            w.Get c
            w.Op 0xD0AEus
        | op -> w.Op(plain op)
