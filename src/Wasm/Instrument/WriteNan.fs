namespace Twofold.Wasm.Instrument

// NaNs made canonical: x >= x ? x : nan for scalars, lane by lane for vectors.
// In: places that NanPlaces found, right behind the instruction that gives the values. Out: the same values on the stack, clean.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Compiler

module internal WriteNan =
    let private canonical (w: Writer) (t: ValType) (lanes: NanLanes) =
        let value = w.Temp(t, 4)
        w.Tee value

        if t.IsVec then
            let bits = if lanes = NanLanes.F32 then 0x7FC000007FC00000L else 0x7FF8000000000000L
            w.Put(Op.V128Const, int (uint32 bits), int (bits >>> 32), bits)
            w.Get value
            w.Get value
            // f32x4.eq, f64x2.eq, v128.bitselect.
            w.Op(if lanes = NanLanes.F32 then 0xD041us else 0xD047us)
            w.Op 0xD052us
        else
            let single = t = ValType.F32
            w.Put((if single then Op.F32Const else Op.F64Const), 0, 0, (if single then 0x7FC00000L else 0x7FF8000000000000L))
            w.Get value
            w.Get value
            // f32.ge, f64.ge: one flag of the processor, where equality takes two.
            w.Op(if single then 0x60us else 0x66us)
            w.Op Op.Select

    /// Cleans results that lie on the stack; `types` are those of what lies above them, from the top down.
    let places (w: Writer) (types: int -> ValType) (list: System.Collections.Generic.List<NanPlace>) =
        let deepest = list |> Seq.map _.Above |> Seq.max

        let clean above =
            for p in list do
                if p.Above = above then
                    canonical w p.Type p.Lanes

        // What lies above the deepest one steps aside, each in its own local.
        for above in 0 .. deepest - 1 do
            clean above
            w.Set(w.Temp(types above, 16 + above))

        clean deepest

        for above in deepest - 1 .. -1 .. 0 do
            w.GetAs(types above, w.Temp(types above, 16 + above))
