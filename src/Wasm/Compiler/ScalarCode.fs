namespace Twofold.Wasm.Compiler

// CIL of the scalar instructions whose operands are on the CIL stack already.
// In: an opcode. Out: instructions in a CilWriter.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal ScalarCode =
    let unary (e: CilWriter) (o: Op) =
        match o with
        | 0x45us -> e.Not32()
        | 0x50us ->
            e.Add(Cil.LdcI8 0L)
            e.Op OpCodes.Ceq
        | 0x67us -> e.CallNum "Clz32"
        | 0x68us -> e.CallNum "Ctz32"
        | 0x69us -> e.CallNum "Popcnt32"
        | 0x79us -> e.CallNum "Clz64"
        | 0x7Aus -> e.CallNum "Ctz64"
        | 0x7Bus -> e.CallNum "Popcnt64"
        | 0x8Bus -> e.CallNum "Abs32"
        | 0x8Cus -> e.CallNum "Neg32"
        | 0x8Dus -> e.Add(Cil.Call Methods.ceil32)
        | 0x8Eus -> e.Add(Cil.Call Methods.floor32)
        | 0x8Fus -> e.Add(Cil.Call Methods.trunc32)
        | 0x90us -> e.Add(Cil.Call Methods.round32)
        | 0x91us -> e.Add(Cil.Call Methods.sqrt32)
        | 0x99us -> e.CallNum "Abs64"
        | 0x9Aus -> e.CallNum "Neg64"
        | 0x9Bus -> e.Add(Cil.Call Methods.ceil64)
        | 0x9Cus -> e.Add(Cil.Call Methods.floor64)
        | 0x9Dus -> e.Add(Cil.Call Methods.trunc64)
        | 0x9Eus -> e.Add(Cil.Call Methods.round64)
        | 0x9Fus -> e.Add(Cil.Call Methods.sqrt64)
        | 0xA7us -> e.Op OpCodes.Conv_I4
        // Checked conversions: the value is an f64 in range.
        | 0xA8us
        | 0xAAus -> e.Op OpCodes.Conv_I4
        | 0xA9us
        | 0xABus -> e.CallNum "F64ToU32"
        | 0xAEus
        | 0xB0us -> e.Op OpCodes.Conv_I8
        | 0xAFus
        | 0xB1us -> e.CallNum "F64ToU64"
        | 0xACus -> e.Op OpCodes.Conv_I8
        | 0xADus -> e.Op OpCodes.Conv_U8
        | 0xB2us
        | 0xB4us
        | 0xB6us -> e.Op OpCodes.Conv_R4
        | 0xB3us ->
            e.Op OpCodes.Conv_U8
            e.Op OpCodes.Conv_R4
        | 0xB5us -> e.CallNum "U64ToF32"
        | 0xB7us
        | 0xB9us
        | 0xBBus -> e.Op OpCodes.Conv_R8
        | 0xB8us ->
            e.Op OpCodes.Conv_U8
            e.Op OpCodes.Conv_R8
        | 0xBAus -> e.CallNum "U64ToF64"
        | 0xBCus -> e.Add(Cil.Call Methods.bitsOf32)
        | 0xBDus -> e.Add(Cil.Call Methods.bitsOf64)
        | 0xBEus -> e.ReinterpretBits CilType.I4 CilType.R4
        | 0xBFus -> e.ReinterpretBits CilType.I8 CilType.R8
        | 0xC0us -> e.Op OpCodes.Conv_I1
        | 0xC1us -> e.Op OpCodes.Conv_I2
        | 0xC2us ->
            e.Op OpCodes.Conv_I1
            e.Op OpCodes.Conv_I8
        | 0xC3us ->
            e.Op OpCodes.Conv_I2
            e.Op OpCodes.Conv_I8
        | 0xC4us ->
            e.Op OpCodes.Conv_I4
            e.Op OpCodes.Conv_I8
        | 0xC00us -> e.CallNum "SatF32I32S"
        | 0xC01us -> e.CallNum "SatF32I32U"
        | 0xC02us -> e.CallNum "SatF64I32S"
        | 0xC03us -> e.CallNum "SatF64I32U"
        | 0xC04us -> e.CallNum "SatF32I64S"
        | 0xC05us -> e.CallNum "SatF32I64U"
        | 0xC06us -> e.CallNum "SatF64I64S"
        | 0xC07us -> e.CallNum "SatF64I64U"
        | Op.RefIsNull ->
            e.Op OpCodes.Ldnull
            e.Op OpCodes.Ceq
        | _ -> invalidOp $"no e.Unary Lower.instruction e 0x%x{o}"

    let binary (e: CilWriter) (o: Op) =
        match o with
        | 0x46us
        | 0x51us
        | 0x5Bus
        | 0x61us -> e.Op OpCodes.Ceq
        | 0x47us
        | 0x52us
        | 0x5Cus
        | 0x62us ->
            e.Op OpCodes.Ceq
            e.Not32()
        | 0x48us
        | 0x53us
        | 0x5Dus
        | 0x63us -> e.Op OpCodes.Clt
        | 0x49us
        | 0x54us -> e.Op OpCodes.Clt_Un
        | 0x4Aus
        | 0x55us
        | 0x5Eus
        | 0x64us -> e.Op OpCodes.Cgt
        | 0x4Bus
        | 0x56us -> e.Op OpCodes.Cgt_Un
        | 0x4Cus
        | 0x57us ->
            e.Op OpCodes.Cgt
            e.Not32()
        // Floats: a <= b is not (a > b or unordered).
        | 0x4Dus
        | 0x58us
        | 0x5Fus
        | 0x65us ->
            e.Op OpCodes.Cgt_Un
            e.Not32()
        | 0x4Eus
        | 0x59us ->
            e.Op OpCodes.Clt
            e.Not32()
        | 0x4Fus
        | 0x5Aus
        | 0x60us
        | 0x66us ->
            e.Op OpCodes.Clt_Un
            e.Not32()
        | 0x6Aus
        | 0x7Cus
        | 0x92us
        | 0xA0us -> e.Op OpCodes.Add
        | 0x6Bus
        | 0x7Dus
        | 0x93us
        | 0xA1us -> e.Op OpCodes.Sub
        | 0x6Cus
        | 0x7Eus
        | 0x94us
        | 0xA2us -> e.Op OpCodes.Mul
        | 0x6Dus
        | 0x7Fus
        | 0x95us
        | 0xA3us -> e.Op OpCodes.Div
        | 0x6Eus
        | 0x80us -> e.Op OpCodes.Div_Un
        | 0x6Fus -> e.CallNum "RemS32"
        | 0x81us -> e.CallNum "RemS64"
        | 0x70us
        | 0x82us -> e.Op OpCodes.Rem_Un
        | 0x71us
        | 0x83us -> e.Op OpCodes.And
        | 0x72us
        | 0x84us -> e.Op OpCodes.Or
        | 0x73us
        | 0x85us -> e.Op OpCodes.Xor
        | 0x74us
        | 0x75us
        | 0x76us ->
            e.Add(Cil.LdcI4 31)
            e.Op OpCodes.And

            e.Op(
                match o with
                | 0x74us -> OpCodes.Shl
                | 0x75us -> OpCodes.Shr
                | _ -> OpCodes.Shr_Un
            )
        | 0x86us
        | 0x87us
        | 0x88us ->
            e.Op OpCodes.Conv_I4
            e.Add(Cil.LdcI4 63)
            e.Op OpCodes.And

            e.Op(
                match o with
                | 0x86us -> OpCodes.Shl
                | 0x87us -> OpCodes.Shr
                | _ -> OpCodes.Shr_Un
            )
        | 0x77us -> e.CallNum "Rotl32"
        | 0x78us -> e.CallNum "Rotr32"
        | 0x89us -> e.CallNum "Rotl64"
        | 0x8Aus -> e.CallNum "Rotr64"
        | 0x96us -> e.CallNum "Min32"
        | 0x97us -> e.CallNum "Max32"
        | 0x98us -> e.CallNum "Copysign32"
        | 0xA4us -> e.CallNum "Min64"
        | 0xA5us -> e.CallNum "Max64"
        | 0xA6us -> e.CallNum "Copysign64"
        | _ -> invalidOp $"no e.Binary Lower.instruction e 0x%x{o}"

    let load (e: CilWriter) (o: Op) =
        match o with
        | 0x28us -> e.Op OpCodes.Ldind_I4
        | 0x29us -> e.Op OpCodes.Ldind_I8
        | 0x2Aus -> e.Op OpCodes.Ldind_R4
        | 0x2Bus -> e.Op OpCodes.Ldind_R8
        | 0x2Cus -> e.Op OpCodes.Ldind_I1
        | 0x2Dus -> e.Op OpCodes.Ldind_U1
        | 0x2Eus -> e.Op OpCodes.Ldind_I2
        | 0x2Fus -> e.Op OpCodes.Ldind_U2
        | 0x30us ->
            e.Op OpCodes.Ldind_I1
            e.Op OpCodes.Conv_I8
        | 0x31us ->
            e.Op OpCodes.Ldind_U1
            e.Op OpCodes.Conv_U8
        | 0x32us ->
            e.Op OpCodes.Ldind_I2
            e.Op OpCodes.Conv_I8
        | 0x33us ->
            e.Op OpCodes.Ldind_U2
            e.Op OpCodes.Conv_U8
        | 0x34us ->
            e.Op OpCodes.Ldind_I4
            e.Op OpCodes.Conv_I8
        | _ ->
            e.Op OpCodes.Ldind_U4
            e.Op OpCodes.Conv_U8
