// Steps of the interpreter's chain: what one instruction does, for the handlers that Chain.fs makes of them. The loop (InterpLoop) is their slow twin.
// In: the word, the frame, the instance's block, gas. Out: the frame written; a step that cannot end well changes nothing and says so (false), and the
// loop executes that word again and ends the run: traps, gas that does not suffice and interrupts are the loop's alone.
//
// A plain step goes on with the next word; a step with `ref ip` moves on by itself. Each is inlined into its handler, where the parameters are registers.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

#pragma warning disable CS1718 // d != d is the test for NaN

internal static unsafe class InterpSteps
{
    private const MethodImplOptions In = MethodImplOptions.AggressiveInlining;
    private const int MemoryBase = InstanceBlock.HeadSize;
    private const int MemoryLength = InstanceBlock.HeadSize + 8;
    private const int InterruptOffset = 16;
    private const int Nan32 = 0x7FC00000;
    private const long Nan64 = 0x7FF8000000000000;

    // ---- numbers, moves, globals. Float results are written as they are and NaN after them, which is a branch that is never taken: chosen before it is
    // written, the result would wait for the comparison, and the next instruction for it.

    [MethodImpl(In)] public static void Move(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void MoveVec(Word* w, byte* fp) { *(Vector128<byte>*)(fp + w->A) = *(Vector128<byte>*)(fp + w->B); }
    [MethodImpl(In)] public static void Copy(Word* w, byte* fp) { Buffer.MemoryCopy(fp + w->B, fp + w->A, w->C, w->C); }
    [MethodImpl(In)] public static void Const(Word* w, byte* fp) { *(long*)(fp + w->A) = w->Imm; }
    [MethodImpl(In)] public static void GlobalGet(Word* w, byte* fp, nint ctx) { *(long*)(fp + w->A) = *(long*)(ctx + w->B); }
    [MethodImpl(In)] public static void GlobalGetFar(Word* w, byte* fp, nint ctx) { *(long*)(fp + w->A) = **(long**)(ctx + w->B); }
    [MethodImpl(In)] public static void GlobalSet32(Word* w, byte* fp, nint ctx) { *(int*)(ctx + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void GlobalSet64(Word* w, byte* fp, nint ctx) { *(long*)(ctx + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void GlobalSet32Far(Word* w, byte* fp, nint ctx) { **(int**)(ctx + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void GlobalSet64Far(Word* w, byte* fp, nint ctx) { **(long**)(ctx + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void I32Eqz(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) == 0 ? 1 : 0; }
    [MethodImpl(In)] public static void I32Eq(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) == *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32Ne(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) != *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32LtS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) < *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32LtU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) < *(uint*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32GtS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) > *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32GtU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) > *(uint*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32LeS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) <= *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32LeU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) <= *(uint*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32GeS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) >= *(int*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32GeU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) >= *(uint*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64Eqz(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) == 0 ? 1 : 0; }
    [MethodImpl(In)] public static void I64Eq(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) == *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64Ne(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) != *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64LtS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) < *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64LtU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) < *(ulong*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64GtS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) > *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64GtU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) > *(ulong*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64LeS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) <= *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64LeU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) <= *(ulong*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64GeS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) >= *(long*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I64GeU(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) >= *(ulong*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Eq(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) == *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Ne(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) != *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Lt(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) < *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Gt(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) > *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Le(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) <= *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F32Ge(Word* w, byte* fp) { *(int*)(fp + w->A) = *(float*)(fp + w->B) >= *(float*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Eq(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) == *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Ne(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) != *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Lt(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) < *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Gt(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) > *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Le(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) <= *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void F64Ge(Word* w, byte* fp) { *(int*)(fp + w->A) = *(double*)(fp + w->B) >= *(double*)(fp + w->C) ? 1 : 0; }
    [MethodImpl(In)] public static void I32Clz(Word* w, byte* fp) { *(int*)(fp + w->A) = BitOperations.LeadingZeroCount(*(uint*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32Ctz(Word* w, byte* fp) { *(int*)(fp + w->A) = BitOperations.TrailingZeroCount(*(uint*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32Popcnt(Word* w, byte* fp) { *(int*)(fp + w->A) = BitOperations.PopCount(*(uint*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32Add(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) + *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Sub(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) - *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Mul(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) * *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32And(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) & *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Or(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) | *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Xor(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) ^ *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Shl(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) << *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32ShrS(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) >> *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32ShrU(Word* w, byte* fp) { *(uint*)(fp + w->A) = *(uint*)(fp + w->B) >> *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I32Rotl(Word* w, byte* fp) { *(uint*)(fp + w->A) = BitOperations.RotateLeft(*(uint*)(fp + w->B), *(int*)(fp + w->C)); }
    [MethodImpl(In)] public static void I32Rotr(Word* w, byte* fp) { *(uint*)(fp + w->A) = BitOperations.RotateRight(*(uint*)(fp + w->B), *(int*)(fp + w->C)); }
    [MethodImpl(In)] public static void I64Clz(Word* w, byte* fp) { *(long*)(fp + w->A) = BitOperations.LeadingZeroCount(*(ulong*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64Ctz(Word* w, byte* fp) { *(long*)(fp + w->A) = BitOperations.TrailingZeroCount(*(ulong*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64Popcnt(Word* w, byte* fp) { *(long*)(fp + w->A) = BitOperations.PopCount(*(ulong*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64Add(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) + *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Sub(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) - *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Mul(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) * *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64And(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) & *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Or(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) | *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Xor(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) ^ *(long*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Shl(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) << *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I64ShrS(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) >> *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I64ShrU(Word* w, byte* fp) { *(ulong*)(fp + w->A) = *(ulong*)(fp + w->B) >> *(int*)(fp + w->C); }
    [MethodImpl(In)] public static void I64Rotl(Word* w, byte* fp) { *(ulong*)(fp + w->A) = BitOperations.RotateLeft(*(ulong*)(fp + w->B), *(int*)(fp + w->C)); }
    [MethodImpl(In)] public static void I64Rotr(Word* w, byte* fp) { *(ulong*)(fp + w->A) = BitOperations.RotateRight(*(ulong*)(fp + w->B), *(int*)(fp + w->C)); }
    [MethodImpl(In)] public static void F32Abs(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) & int.MaxValue; }
    [MethodImpl(In)] public static void F32Neg(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) ^ int.MinValue; }
    [MethodImpl(In)] public static void F32Ceil(Word* w, byte* fp) { float f = MathF.Ceiling(*(float*)(fp + w->B)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Floor(Word* w, byte* fp) { float f = MathF.Floor(*(float*)(fp + w->B)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Trunc(Word* w, byte* fp) { float f = MathF.Truncate(*(float*)(fp + w->B)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Nearest(Word* w, byte* fp) { float f = MathF.Round(*(float*)(fp + w->B)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Sqrt(Word* w, byte* fp) { float f = MathF.Sqrt(*(float*)(fp + w->B)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Add(Word* w, byte* fp) { float f = *(float*)(fp + w->B) + *(float*)(fp + w->C); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Sub(Word* w, byte* fp) { float f = *(float*)(fp + w->B) - *(float*)(fp + w->C); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Mul(Word* w, byte* fp) { float f = *(float*)(fp + w->B) * *(float*)(fp + w->C); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Div(Word* w, byte* fp) { float f = *(float*)(fp + w->B) / *(float*)(fp + w->C); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Min(Word* w, byte* fp) { float f = Num.Min32(*(float*)(fp + w->B), *(float*)(fp + w->C)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Max(Word* w, byte* fp) { float f = Num.Max32(*(float*)(fp + w->B), *(float*)(fp + w->C)); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F32Copysign(Word* w, byte* fp) { *(int*)(fp + w->A) = (*(int*)(fp + w->B) & int.MaxValue) | (*(int*)(fp + w->C) & int.MinValue); }
    [MethodImpl(In)] public static void F64Abs(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) & long.MaxValue; }
    [MethodImpl(In)] public static void F64Neg(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) ^ long.MinValue; }
    [MethodImpl(In)] public static void F64Ceil(Word* w, byte* fp) { double d = Math.Ceiling(*(double*)(fp + w->B)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Floor(Word* w, byte* fp) { double d = Math.Floor(*(double*)(fp + w->B)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Trunc(Word* w, byte* fp) { double d = Math.Truncate(*(double*)(fp + w->B)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Nearest(Word* w, byte* fp) { double d = Math.Round(*(double*)(fp + w->B)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Sqrt(Word* w, byte* fp) { double d = Math.Sqrt(*(double*)(fp + w->B)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Add(Word* w, byte* fp) { double d = *(double*)(fp + w->B) + *(double*)(fp + w->C); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Sub(Word* w, byte* fp) { double d = *(double*)(fp + w->B) - *(double*)(fp + w->C); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Mul(Word* w, byte* fp) { double d = *(double*)(fp + w->B) * *(double*)(fp + w->C); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Div(Word* w, byte* fp) { double d = *(double*)(fp + w->B) / *(double*)(fp + w->C); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Min(Word* w, byte* fp) { double d = Num.Min64(*(double*)(fp + w->B), *(double*)(fp + w->C)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Max(Word* w, byte* fp) { double d = Num.Max64(*(double*)(fp + w->B), *(double*)(fp + w->C)); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void F64Copysign(Word* w, byte* fp) { *(long*)(fp + w->A) = (*(long*)(fp + w->B) & long.MaxValue) | (*(long*)(fp + w->C) & long.MinValue); }
    [MethodImpl(In)] public static void I32WrapI64(Word* w, byte* fp) { *(int*)(fp + w->A) = (int)*(long*)(fp + w->B); }
    [MethodImpl(In)] public static void I64ExtendI32S(Word* w, byte* fp) { *(long*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void I64ExtendI32U(Word* w, byte* fp) { *(long*)(fp + w->A) = *(uint*)(fp + w->B); }
    [MethodImpl(In)] public static void F32ConvertI32S(Word* w, byte* fp) { *(float*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void F32ConvertI32U(Word* w, byte* fp) { *(float*)(fp + w->A) = (float)(long)*(uint*)(fp + w->B); }
    [MethodImpl(In)] public static void F32ConvertI64S(Word* w, byte* fp) { *(float*)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void F32ConvertI64U(Word* w, byte* fp) { *(float*)(fp + w->A) = Num.U64ToF32(*(long*)(fp + w->B)); }
    [MethodImpl(In)] public static void F32DemoteF64(Word* w, byte* fp) { float f = (float)*(double*)(fp + w->B); *(float*)(fp + w->A) = f; if (f != f) *(int*)(fp + w->A) = Nan32; }
    [MethodImpl(In)] public static void F64ConvertI32S(Word* w, byte* fp) { *(double*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void F64ConvertI32U(Word* w, byte* fp) { *(double*)(fp + w->A) = (double)(long)*(uint*)(fp + w->B); }
    [MethodImpl(In)] public static void F64ConvertI64S(Word* w, byte* fp) { *(double*)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void F64ConvertI64U(Word* w, byte* fp) { *(double*)(fp + w->A) = Num.U64ToF64(*(long*)(fp + w->B)); }
    [MethodImpl(In)] public static void F64PromoteF32(Word* w, byte* fp) { double d = *(float*)(fp + w->B); *(double*)(fp + w->A) = d; if (d != d) *(long*)(fp + w->A) = Nan64; }
    [MethodImpl(In)] public static void I32ReinterpretF32(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void I64ReinterpretF64(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void F32ReinterpretI32(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void F64ReinterpretI64(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void I32Extend8S(Word* w, byte* fp) { *(int*)(fp + w->A) = *(sbyte*)(fp + w->B); }
    [MethodImpl(In)] public static void I32Extend16S(Word* w, byte* fp) { *(int*)(fp + w->A) = *(short*)(fp + w->B); }
    [MethodImpl(In)] public static void I64Extend8S(Word* w, byte* fp) { *(long*)(fp + w->A) = *(sbyte*)(fp + w->B); }
    [MethodImpl(In)] public static void I64Extend16S(Word* w, byte* fp) { *(long*)(fp + w->A) = *(short*)(fp + w->B); }
    [MethodImpl(In)] public static void I64Extend32S(Word* w, byte* fp) { *(long*)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void I32TruncSatF32S(Word* w, byte* fp) { *(int*)(fp + w->A) = Num.SatF32I32S(*(float*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32TruncSatF32U(Word* w, byte* fp) { *(int*)(fp + w->A) = Num.SatF32I32U(*(float*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32TruncSatF64S(Word* w, byte* fp) { *(int*)(fp + w->A) = Num.SatF64I32S(*(double*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32TruncSatF64U(Word* w, byte* fp) { *(int*)(fp + w->A) = Num.SatF64I32U(*(double*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64TruncSatF32S(Word* w, byte* fp) { *(long*)(fp + w->A) = Num.SatF32I64S(*(float*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64TruncSatF32U(Word* w, byte* fp) { *(long*)(fp + w->A) = Num.SatF32I64U(*(float*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64TruncSatF64S(Word* w, byte* fp) { *(long*)(fp + w->A) = Num.SatF64I64S(*(double*)(fp + w->B)); }
    [MethodImpl(In)] public static void I64TruncSatF64U(Word* w, byte* fp) { *(long*)(fp + w->A) = Num.SatF64I64U(*(double*)(fp + w->B)); }
    [MethodImpl(In)] public static void I32EqK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) == w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32NeK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) != w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32LtSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) < w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32LtUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) < (uint)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32GtSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) > w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32GtUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) > (uint)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32LeSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) <= w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32LeUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) <= (uint)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32GeSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) >= w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32GeUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(uint*)(fp + w->B) >= (uint)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I32AddK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) + w->C; }
    [MethodImpl(In)] public static void I32SubK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) - w->C; }
    [MethodImpl(In)] public static void I32MulK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) * w->C; }
    [MethodImpl(In)] public static void I32DivSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) / w->C; }
    [MethodImpl(In)] public static void I32DivUK(Word* w, byte* fp) { *(uint*)(fp + w->A) = *(uint*)(fp + w->B) / (uint)w->C; }
    [MethodImpl(In)] public static void I32RemSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) % w->C; }
    [MethodImpl(In)] public static void I32RemUK(Word* w, byte* fp) { *(uint*)(fp + w->A) = *(uint*)(fp + w->B) % (uint)w->C; }
    [MethodImpl(In)] public static void I32AndK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) & w->C; }
    [MethodImpl(In)] public static void I32OrK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) | w->C; }
    [MethodImpl(In)] public static void I32XorK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) ^ w->C; }
    [MethodImpl(In)] public static void I32ShlK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) << w->C; }
    [MethodImpl(In)] public static void I32ShrSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B) >> w->C; }
    [MethodImpl(In)] public static void I32ShrUK(Word* w, byte* fp) { *(uint*)(fp + w->A) = *(uint*)(fp + w->B) >> w->C; }
    [MethodImpl(In)] public static void I32RotlK(Word* w, byte* fp) { *(uint*)(fp + w->A) = BitOperations.RotateLeft(*(uint*)(fp + w->B), w->C); }
    [MethodImpl(In)] public static void I32RotrK(Word* w, byte* fp) { *(uint*)(fp + w->A) = BitOperations.RotateRight(*(uint*)(fp + w->B), w->C); }
    [MethodImpl(In)] public static void I64EqK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) == w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64NeK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) != w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64LtSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) < w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64LtUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) < (ulong)(long)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64GtSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) > w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64GtUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) > (ulong)(long)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64LeSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) <= w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64LeUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) <= (ulong)(long)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64GeSK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(long*)(fp + w->B) >= w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64GeUK(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ulong*)(fp + w->B) >= (ulong)(long)w->C ? 1 : 0; }
    [MethodImpl(In)] public static void I64AddK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) + w->C; }
    [MethodImpl(In)] public static void I64SubK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) - w->C; }
    [MethodImpl(In)] public static void I64MulK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) * w->C; }
    [MethodImpl(In)] public static void I64DivSK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) / w->C; }
    [MethodImpl(In)] public static void I64DivUK(Word* w, byte* fp) { *(ulong*)(fp + w->A) = *(ulong*)(fp + w->B) / (ulong)(long)w->C; }
    [MethodImpl(In)] public static void I64RemSK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) % w->C; }
    [MethodImpl(In)] public static void I64RemUK(Word* w, byte* fp) { *(ulong*)(fp + w->A) = *(ulong*)(fp + w->B) % (ulong)(long)w->C; }
    [MethodImpl(In)] public static void I64AndK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) & w->C; }
    [MethodImpl(In)] public static void I64OrK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) | (long)w->C; }
    [MethodImpl(In)] public static void I64XorK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) ^ w->C; }
    [MethodImpl(In)] public static void I64ShlK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) << w->C; }
    [MethodImpl(In)] public static void I64ShrSK(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B) >> w->C; }
    [MethodImpl(In)] public static void I64ShrUK(Word* w, byte* fp) { *(ulong*)(fp + w->A) = *(ulong*)(fp + w->B) >> w->C; }
    [MethodImpl(In)] public static void I64RotlK(Word* w, byte* fp) { *(ulong*)(fp + w->A) = BitOperations.RotateLeft(*(ulong*)(fp + w->B), w->C); }
    [MethodImpl(In)] public static void I64RotrK(Word* w, byte* fp) { *(ulong*)(fp + w->A) = BitOperations.RotateRight(*(ulong*)(fp + w->B), w->C); }
    [MethodImpl(In)] public static void AtLoad32(Word* w, byte* fp) { *(int*)(fp + w->A) = **(int**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(long**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad8SI32(Word* w, byte* fp) { *(int*)(fp + w->A) = **(sbyte**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad8UI32(Word* w, byte* fp) { *(int*)(fp + w->A) = **(byte**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad16SI32(Word* w, byte* fp) { *(int*)(fp + w->A) = **(short**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad16UI32(Word* w, byte* fp) { *(int*)(fp + w->A) = **(ushort**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad8SI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(sbyte**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad8UI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(byte**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad16SI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(short**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad16UI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(ushort**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad32SI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(int**)(fp + w->B); }
    [MethodImpl(In)] public static void AtLoad32UI64(Word* w, byte* fp) { *(long*)(fp + w->A) = **(uint**)(fp + w->B); }
    [MethodImpl(In)] public static void AtStore32(Word* w, byte* fp) { **(int**)(fp + w->A) = *(int*)(fp + w->B); }
    [MethodImpl(In)] public static void AtStore64(Word* w, byte* fp) { **(long**)(fp + w->A) = *(long*)(fp + w->B); }
    [MethodImpl(In)] public static void AtStore8(Word* w, byte* fp) { **(byte**)(fp + w->A) = *(byte*)(fp + w->B); }
    [MethodImpl(In)] public static void AtStore16(Word* w, byte* fp) { **(short**)(fp + w->A) = *(short*)(fp + w->B); }

    // ---- what may trap: accesses of memory, divisions, truncations

    [MethodImpl(In)] public static bool I32DivS(Word* w, byte* fp) { if (*(int*)(fp + w->C) == 0) return false; if (*(int*)(fp + w->C) == -1 && *(int*)(fp + w->B) == int.MinValue) return false; int i32 = *(int*)(fp + w->B) / *(int*)(fp + w->C); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I32DivU(Word* w, byte* fp) { if (*(int*)(fp + w->C) == 0) return false; uint u32 = *(uint*)(fp + w->B) / *(uint*)(fp + w->C); *(uint*)(fp + w->A) = u32; return true; }
    [MethodImpl(In)] public static bool I32RemS(Word* w, byte* fp) { if (*(int*)(fp + w->C) == 0) return false; int i32 = *(int*)(fp + w->C) == -1 ? 0 : *(int*)(fp + w->B) % *(int*)(fp + w->C); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I32RemU(Word* w, byte* fp) { if (*(int*)(fp + w->C) == 0) return false; uint u32 = *(uint*)(fp + w->B) % *(uint*)(fp + w->C); *(uint*)(fp + w->A) = u32; return true; }
    [MethodImpl(In)] public static bool I64DivS(Word* w, byte* fp) { if (*(long*)(fp + w->C) == 0) return false; if (*(long*)(fp + w->C) == -1 && *(long*)(fp + w->B) == long.MinValue) return false; long i64 = *(long*)(fp + w->B) / *(long*)(fp + w->C); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool I64DivU(Word* w, byte* fp) { if (*(long*)(fp + w->C) == 0) return false; ulong u64 = *(ulong*)(fp + w->B) / *(ulong*)(fp + w->C); *(ulong*)(fp + w->A) = u64; return true; }
    [MethodImpl(In)] public static bool I64RemS(Word* w, byte* fp) { if (*(long*)(fp + w->C) == 0) return false; long i64 = *(long*)(fp + w->C) == -1 ? 0 : *(long*)(fp + w->B) % *(long*)(fp + w->C); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool I64RemU(Word* w, byte* fp) { if (*(long*)(fp + w->C) == 0) return false; ulong u64 = *(ulong*)(fp + w->B) % *(ulong*)(fp + w->C); *(ulong*)(fp + w->A) = u64; return true; }
    [MethodImpl(In)] public static bool I32TruncF32S(Word* w, byte* fp) { double d = *(float*)(fp + w->B); if (!(d > -2147483649.0 && d < 2147483648.0)) return false; int i32 = (int)d; *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I32TruncF32U(Word* w, byte* fp) { double d = *(float*)(fp + w->B); if (!(d > -1.0 && d < 4294967296.0)) return false; int i32 = Num.F64ToU32(d); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I32TruncF64S(Word* w, byte* fp) { double d = *(double*)(fp + w->B); if (!(d > -2147483649.0 && d < 2147483648.0)) return false; int i32 = (int)d; *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I32TruncF64U(Word* w, byte* fp) { double d = *(double*)(fp + w->B); if (!(d > -1.0 && d < 4294967296.0)) return false; int i32 = Num.F64ToU32(d); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool I64TruncF32S(Word* w, byte* fp) { double d = *(float*)(fp + w->B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) return false; long i64 = (long)d; *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool I64TruncF32U(Word* w, byte* fp) { double d = *(float*)(fp + w->B); if (!(d > -1.0 && d < 18446744073709551616.0)) return false; long i64 = Num.F64ToU64(d); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool I64TruncF64S(Word* w, byte* fp) { double d = *(double*)(fp + w->B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) return false; long i64 = (long)d; *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool I64TruncF64U(Word* w, byte* fp) { double d = *(double*)(fp + w->B); if (!(d > -1.0 && d < 18446744073709551616.0)) return false; long i64 = Num.F64ToU64(d); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8SI32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8UI32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16SI32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16UI32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8SI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8UI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16SI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16UI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32SI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32UI64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Store32(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->A) + (ulong)(uint)w->C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store64(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->A) + (ulong)(uint)w->C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store8(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->A) + (ulong)(uint)w->C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store16(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->A) + (ulong)(uint)w->C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Load32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8SI32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8UI32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16SI32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16UI32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8SI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8UI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16SI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16UI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32SI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32UI64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + w->C) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Store32K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + w->C) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store64K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + w->C) + w->X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store8K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + w->C) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store16K(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + w->C) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Load32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8SI32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8UI32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16SI32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load16UI32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; int i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + w->A) = i32; return true; }
    [MethodImpl(In)] public static bool Load8SI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load8UI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16SI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load16UI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32SI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Load32UI64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->B) + *(int*)(fp + w->C)) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; long i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + w->A) = i64; return true; }
    [MethodImpl(In)] public static bool Store32Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + *(int*)(fp + w->C)) + w->X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) return false; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store64Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + *(int*)(fp + w->C)) + w->X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) return false; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store8Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + *(int*)(fp + w->C)) + w->X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) return false; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool Store16Add(Word* w, byte* fp, nint ctx) { ulong at = (ulong)(uint)(*(int*)(fp + w->A) + *(int*)(fp + w->C)) + w->X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) return false; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + w->B); return true; }
    [MethodImpl(In)] public static bool V128Load(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) return false; *(Vector128<byte>*)(fp + w->A) = *(Vector128<byte>*)(*(byte**)(ctx + MemoryBase) + at); return true; }
    [MethodImpl(In)] public static bool V128Store(Word* w, byte* fp, nint ctx) { ulong at = *(uint*)(fp + w->A) + (ulong)(uint)w->C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) return false; *(Vector128<byte>*)(*(byte**)(ctx + MemoryBase) + at) = *(Vector128<byte>*)(fp + w->B); return true; }

    // ---- control

    [MethodImpl(In)] public static bool Charge(Word* w, ref long gas)
    {
        long left = gas - w->Imm;
        if (left < 0) return false;
        gas = left;
        return true;
    }

    [MethodImpl(In)] public static bool ChargePoll(Word* w, nint ctx, ref long gas)
    {
        long left = gas - w->Imm;
        if (left < Volatile.Read(ref *(long*)(ctx + InterruptOffset))) return false;
        gas = left;
        return true;
    }

    [MethodImpl(In)] public static bool Poll(nint ctx) => Volatile.Read(ref *(long*)(ctx + InterruptOffset)) == 0;

    [MethodImpl(In)] private static bool Jump(ref Word* ip)
    {
        ip = (Word*)((byte*)(ip + 1) + ip->C);
        return true;
    }

    /// <summary>The charge at the target is paid, and an interrupt looked for.</summary>
    [MethodImpl(In)] private static bool JumpPaying(ref Word* ip, nint ctx, ref long gas)
    {
        var target = (Word*)((byte*)(ip + 1) + ip->C);
        long left = gas - target->Imm;
        if (left < Volatile.Read(ref *(long*)(ctx + InterruptOffset))) return false;
        gas = left;
        ip = target + 1;
        return true;
    }

    /// <summary>A branch that is not taken pays the block that follows.</summary>
    [MethodImpl(In)] private static bool Pay(ref Word* ip, ref long gas)
    {
        long left = gas - ip->X;
        if (left < 0) return false;
        gas = left;
        ip++;
        return true;
    }

    [MethodImpl(In)] public static bool Br(ref Word* ip) => Jump(ref ip);
    [MethodImpl(In)] public static bool PayBr(ref Word* ip, nint ctx, ref long gas) => JumpPaying(ref ip, ctx, ref gas);

    [MethodImpl(In)] public static bool BrTable(ref Word* ip, byte* fp)
    {
        var target = ip + 1 + Math.Min(*(uint*)(fp + ip->A), (uint)ip->B - 1);
        ip = (Word*)((byte*)(target + 1) + target->C);
        return true;
    }

    [MethodImpl(In)] public static bool BrNz(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) != 0 ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrZ(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) == 0 ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32Eq(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) == *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32Ne(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) != *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LtS(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) < *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LtU(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) < *(uint*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GtS(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) > *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GtU(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) > *(uint*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LeS(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) <= *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LeU(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) <= *(uint*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GeS(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) >= *(int*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GeU(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) >= *(uint*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32EqK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) == ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32NeK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) != ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LtSK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) < ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LtUK(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) < (uint)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GtSK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) > ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GtUK(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) > (uint)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LeSK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) <= ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32LeUK(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) <= (uint)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GeSK(ref Word* ip, byte* fp, ref long gas) => *(int*)(fp + ip->A) >= ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI32GeUK(ref Word* ip, byte* fp, ref long gas) => *(uint*)(fp + ip->A) >= (uint)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64Eq(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) == *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64Ne(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) != *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LtS(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) < *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LtU(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) < *(ulong*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GtS(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) > *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GtU(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) > *(ulong*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LeS(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) <= *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LeU(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) <= *(ulong*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GeS(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) >= *(long*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GeU(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) >= *(ulong*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64EqK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) == ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64NeK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) != ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LtSK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) < ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LtUK(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) < (ulong)(long)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GtSK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) > ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GtUK(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) > (ulong)(long)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LeSK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) <= ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64LeUK(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) <= (ulong)(long)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GeSK(ref Word* ip, byte* fp, ref long gas) => *(long*)(fp + ip->A) >= ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrI64GeUK(ref Word* ip, byte* fp, ref long gas) => *(ulong*)(fp + ip->A) >= (ulong)(long)ip->B ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Eq(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) == *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Ne(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) != *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Lt(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) < *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Gt(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) > *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Le(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) <= *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF32Ge(ref Word* ip, byte* fp, ref long gas) => *(float*)(fp + ip->A) >= *(float*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Eq(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) == *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Ne(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) != *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Lt(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) < *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Gt(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) > *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Le(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) <= *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF32Ge(ref Word* ip, byte* fp, ref long gas) => !(*(float*)(fp + ip->A) >= *(float*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Eq(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) == *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Ne(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) != *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Lt(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) < *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Gt(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) > *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Le(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) <= *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrF64Ge(ref Word* ip, byte* fp, ref long gas) => *(double*)(fp + ip->A) >= *(double*)(fp + ip->B) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Eq(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) == *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Ne(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) != *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Lt(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) < *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Gt(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) > *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Le(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) <= *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool BrNotF64Ge(ref Word* ip, byte* fp, ref long gas) => !(*(double*)(fp + ip->A) >= *(double*)(fp + ip->B)) ? Jump(ref ip) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNz(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) != 0 ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrZ(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) == 0 ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) == *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) != *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LtS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) < *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LtU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) < *(uint*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GtS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) > *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GtU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) > *(uint*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LeS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) <= *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LeU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) <= *(uint*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GeS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) >= *(int*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GeU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) >= *(uint*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32EqK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) == ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32NeK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) != ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LtSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) < ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LtUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) < (uint)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GtSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) > ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GtUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) > (uint)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LeSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) <= ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32LeUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) <= (uint)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GeSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(int*)(fp + ip->A) >= ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI32GeUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(uint*)(fp + ip->A) >= (uint)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) == *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) != *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LtS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) < *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LtU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) < *(ulong*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GtS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) > *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GtU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) > *(ulong*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LeS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) <= *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LeU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) <= *(ulong*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GeS(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) >= *(long*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GeU(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) >= *(ulong*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64EqK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) == ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64NeK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) != ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LtSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) < ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LtUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) < (ulong)(long)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GtSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) > ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GtUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) > (ulong)(long)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LeSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) <= ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64LeUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) <= (ulong)(long)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GeSK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(long*)(fp + ip->A) >= ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrI64GeUK(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(ulong*)(fp + ip->A) >= (ulong)(long)ip->B ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) == *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) != *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Lt(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) < *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Gt(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) > *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Le(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) <= *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF32Ge(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(float*)(fp + ip->A) >= *(float*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) == *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) != *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Lt(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) < *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Gt(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) > *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Le(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) <= *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF32Ge(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(float*)(fp + ip->A) >= *(float*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) == *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) != *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Lt(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) < *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Gt(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) > *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Le(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) <= *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrF64Ge(ref Word* ip, byte* fp, nint ctx, ref long gas) => *(double*)(fp + ip->A) >= *(double*)(fp + ip->B) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Eq(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) == *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Ne(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) != *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Lt(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) < *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Gt(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) > *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Le(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) <= *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);
    [MethodImpl(In)] public static bool PayBrNotF64Ge(ref Word* ip, byte* fp, nint ctx, ref long gas) => !(*(double*)(fp + ip->A) >= *(double*)(fp + ip->B)) ? JumpPaying(ref ip, ctx, ref gas) : Pay(ref ip, ref gas);

    // ---- calls between interpreted functions, when nothing stands in the way: there is code, the stack suffices, no references to look after

    [MethodImpl(In)] private static bool Enter(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s, InterpFunc* callee, nint context)
    {
        var code = (Word*)Volatile.Read(ref *(nint*)&callee->Code);
        if (code == null || callee->FrameUnits > s.Units || callee->RefSlots != 0) return false;
        var top = s.Top;
        top->Ip = ip + 2;
        top->Fp = fp;
        top->Func = s.Func;
        top->Context = ctx;
        top->Refs = s.Base;
        top->Units = s.Units;
        s.Top = top + 1;
        s.Units -= callee->FrameUnits;
        s.Base += ip->C;
        s.Func = callee;
        fp += ip->A;
        ctx = context;
        ip = code;
        byte* p = fp + callee->ParamBytes, end = fp + callee->LocalBytes;
        for (; p < end; p += 8) *(long*)p = 0;
        return true;
    }

    [MethodImpl(In)] public static bool Call(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s) =>
        Enter(ref ip, ref fp, ref ctx, ref s, (InterpFunc*)ip[1].Imm, ctx);

    [MethodImpl(In)] public static bool CallImport(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s)
    {
        var entry = (FuncEntry*)(ctx + ip[1].B);
        return entry->Interpreted != 0 && Enter(ref ip, ref fp, ref ctx, ref s, (InterpFunc*)entry->Interpreted, entry->Context);
    }

    [MethodImpl(In)] public static bool CallIndirect(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s)
    {
        ulong index = (ip[1].X & 2) != 0 ? *(ulong*)(fp + ip->B) : *(uint*)(fp + ip->B);
        var table = (TableSlot*)(ctx + ip[1].C);
        if (index >= table->Length || table->Entries == 0) return false;
        var entry = (FuncEntry*)table->Entries + index;
        return entry->Type == ip[1].B && entry->Interpreted != 0
            && Enter(ref ip, ref fp, ref ctx, ref s, (InterpFunc*)entry->Interpreted, entry->Context);
    }

    [MethodImpl(In)] public static bool Return(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s)
    {
        if (s.Func->RefSlots != 0) return false;
        var top = s.Top - 1;
        s.Top = top;
        ip = top->Ip;
        fp = top->Fp;
        ctx = top->Context;
        s.Func = top->Func;
        s.Base = top->Refs;
        s.Units = top->Units;
        return true;
    }

    [MethodImpl(In)] public static bool Return64(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s)
    {
        if (s.Func->RefSlots != 0) return false;
        *(long*)fp = *(long*)(fp + ip->A);
        return Return(ref ip, ref fp, ref ctx, ref s);
    }

    [MethodImpl(In)] public static bool ReturnVec(ref Word* ip, ref byte* fp, ref nint ctx, ref InterpRun s)
    {
        if (s.Func->RefSlots != 0) return false;
        *(Vector128<byte>*)fp = *(Vector128<byte>*)(fp + ip->A);
        return Return(ref ip, ref fp, ref ctx, ref s);
    }

    // ---- both tiers: counting; what is hot is the loop's

    [MethodImpl(In)] public static bool Heat(Word* w)
    {
        if (w->A <= 0) return false;
        w->A--;
        return true;
    }

    [MethodImpl(In)] public static bool LoopHeat(Word* w) => Heat(w);

    // ---- two words

    [MethodImpl(In)] public static bool Select(ref Word* ip, byte* fp)
    {
        // Without a branch: it would be mispredicted half of the time.
        int from = ip->B ^ ((ip->B ^ ip->C) & (*(int*)(fp + ip[1].A) == 0 ? -1 : 0));
        *(long*)(fp + ip->A) = *(long*)(fp + from);
        ip += 2;
        return true;
    }

    [MethodImpl(In)] public static bool SelectVec(ref Word* ip, byte* fp)
    {
        int from = ip->B ^ ((ip->B ^ ip->C) & (*(int*)(fp + ip[1].A) == 0 ? -1 : 0));
        *(Vector128<byte>*)(fp + ip->A) = *(Vector128<byte>*)(fp + from);
        ip += 2;
        return true;
    }

    [MethodImpl(In)] public static bool ConstVec(ref Word* ip, byte* fp)
    {
        *(Vector128<byte>*)(fp + ip->A) = *(Vector128<byte>*)(ip + 1);
        ip += 2;
        return true;
    }

    // ---- out of line, as in the loop

    [MethodImpl(In)] public static bool At(Word* w, byte* fp, nint ctx)
    {
        ulong at = *(uint*)(fp + w->B) + (ulong)(uint)w->C;
        if (at + w->X > *(ulong*)(ctx + MemoryLength)) return false;
        *(byte**)(fp + w->A) = *(byte**)(ctx + MemoryBase) + at;
        return true;
    }

    [MethodImpl(In)] public static bool Vec(ref Word* ip, byte* fp)
    {
        ip = InterpVec.Run(ip, fp);
        return true;
    }

    [MethodImpl(In)] public static bool Rare(ref Word* ip, byte* fp, nint ctx, ref long gas, ref InterpRun s)
    {
        s.Store->Gas = gas;
        s.Ip = ip;
        ip = InterpRare.Run(ip, fp, s.Refs, s.Base, ctx);
        gas = s.Store->Gas;
        return true;
    }

    [MethodImpl(In)] public static bool Gc(ref Word* ip, byte* fp, nint ctx, ref long gas, ref InterpRun s)
    {
        s.Store->Gas = gas;
        s.Ip = ip;
        ip = InterpGc.Run(ip, fp, s.Refs, s.Base, ctx);
        gas = s.Store->Gas;
        return true;
    }

    [MethodImpl(In)] public static bool Atomic(ref Word* ip, byte* fp, nint ctx, ref long gas, ref InterpRun s)
    {
        s.Store->Gas = gas;
        s.Ip = ip;
        ip = InterpAtomics.Run(ip, fp, ctx);
        gas = s.Store->Gas;
        return true;
    }

    /// <summary>Back to the loop, which executes the word at ip.</summary>
    [MethodImpl(In)] public static void Leave(Word* w, byte* fp, nint ctx, long gas, ref InterpRun s)
    {
        s.Ip = w;
        s.Fp = fp;
        s.Context = ctx;
        s.Gas = gas;
    }
}
