// Vector instructions of the interpreter, by number (the opcode less 0xD000). NaN of float arithmetic becomes canonical at once.
// In: a word: A the result, B and C the operands; the third, a lane or sixteen bytes in the second word. Out: the next word.
// Three switches, so that none is too long for RyuJIT: lanes and memory, integers, floats. Memory operands are addresses that At has checked.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

using V = Vector128<byte>;

internal static unsafe class InterpVec
{
    /// <summary>Numbers are less than this.</summary>
    public const int Most = 0x120;

    public static Word* Run(Word* w, byte* fp) => w->X < 0x60 ? Lanes(w, fp) : w->X < 0xE0 ? Integers(w, fp) : Floats(w, fp);

    private static Exception Unknown(Word* w) => new InvalidOperationException($"no such vector instruction: 0x{w->X:x}");

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Word* Lanes(Word* w, byte* fp)
    {
        switch (w->X)
        {
            // Loads: B is an address.
            case 0x1: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsSByte()).AsByte(); break;
            case 0x2: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsByte()).AsByte(); break;
            case 0x3: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsInt16()).AsByte(); break;
            case 0x4: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsUInt16()).AsByte(); break;
            case 0x5: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsInt32()).AsByte(); break;
            case 0x6: *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsUInt32()).AsByte(); break;
            case 0x7: *(V*)(fp + w->A) = Vector128.Create(**(byte**)(fp + w->B)); break;
            case 0x8: *(V*)(fp + w->A) = Vector128.Create(**(short**)(fp + w->B)).AsByte(); break;
            case 0x9: *(V*)(fp + w->A) = Vector128.Create(**(int**)(fp + w->B)).AsByte(); break;
            case 0xA: *(V*)(fp + w->A) = Vector128.Create(**(long**)(fp + w->B)).AsByte(); break;
            case 0x0: *(V*)(fp + w->A) = **(V**)(fp + w->B); break;
            case 0xB: **(V**)(fp + w->A) = *(V*)(fp + w->B); break;
            // shuffle: lanes from 16 on are of the second operand.
            case 0xD:
            {
                V lanes = *(V*)(w + 1);
                *(V*)(fp + w->A) = Vector128.Shuffle(*(V*)(fp + w->B), lanes) | Vector128.Shuffle(*(V*)(fp + w->C), lanes - Vector128.Create((byte)16));
                return w + 2;
            }

            case 0xF: *(V*)(fp + w->A) = Vector128.Create(*(byte*)(fp + w->B)); break;
            case 0x10: *(V*)(fp + w->A) = Vector128.Create(*(short*)(fp + w->B)).AsByte(); break;
            case 0x11:
            case 0x13: *(V*)(fp + w->A) = Vector128.Create(*(int*)(fp + w->B)).AsByte(); break;
            case 0x12:
            case 0x14: *(V*)(fp + w->A) = Vector128.Create(*(long*)(fp + w->B)).AsByte(); break;
            // Lanes: C, or W.A when a lane is replaced. They lie in memory in their order.
            case 0x15: *(int*)(fp + w->A) = *(sbyte*)(fp + w->B + w->C); break;
            case 0x16: *(int*)(fp + w->A) = *(byte*)(fp + w->B + w->C); break;
            case 0x18: *(int*)(fp + w->A) = *(short*)(fp + w->B + 2 * w->C); break;
            case 0x19: *(int*)(fp + w->A) = *(ushort*)(fp + w->B + 2 * w->C); break;
            case 0x1B:
            case 0x1F: *(int*)(fp + w->A) = *(int*)(fp + w->B + 4 * w->C); break;
            case 0x1D:
            case 0x21: *(long*)(fp + w->A) = *(long*)(fp + w->B + 8 * w->C); break;
            case 0x17: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).WithElement(w[1].A, *(byte*)(fp + w->C)); return w + 2;
            case 0x1A: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt16().WithElement(w[1].A, *(short*)(fp + w->C)).AsByte(); return w + 2;
            case 0x1C:
            case 0x20: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt32().WithElement(w[1].A, *(int*)(fp + w->C)).AsByte(); return w + 2;
            case 0x1E:
            case 0x22: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt64().WithElement(w[1].A, *(long*)(fp + w->C)).AsByte(); return w + 2;
            // One lane from or to memory: C or A is an address.
            case 0x54: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).WithElement(w[1].A, **(byte**)(fp + w->C)); return w + 2;
            case 0x55: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt16().WithElement(w[1].A, **(short**)(fp + w->C)).AsByte(); return w + 2;
            case 0x56: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt32().WithElement(w[1].A, **(int**)(fp + w->C)).AsByte(); return w + 2;
            case 0x57: *(V*)(fp + w->A) = (*(V*)(fp + w->B)).AsInt64().WithElement(w[1].A, **(long**)(fp + w->C)).AsByte(); return w + 2;
            case 0x58: **(byte**)(fp + w->A) = *(byte*)(fp + w->B + w->C); break;
            case 0x59: **(short**)(fp + w->A) = *(short*)(fp + w->B + 2 * w->C); break;
            case 0x5A: **(int**)(fp + w->A) = *(int*)(fp + w->B + 4 * w->C); break;
            case 0x5B: **(long**)(fp + w->A) = *(long*)(fp + w->B + 8 * w->C); break;
            case 0x5C: *(V*)(fp + w->A) = Vector128.CreateScalar(**(int**)(fp + w->B)).AsByte(); break;
            case 0x5D: *(V*)(fp + w->A) = Vector128.CreateScalar(**(long**)(fp + w->B)).AsByte(); break;
            case 0xE: *(V*)(fp + w->A) = Vector128.Shuffle((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.swizzle
            case 0x23: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.eq
            case 0x24: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.ne
            case 0x25: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.lt_s
            case 0x26: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.lt_u
            case 0x27: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.gt_s
            case 0x28: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.gt_u
            case 0x29: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.le_s
            case 0x2A: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.le_u
            case 0x2B: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.ge_s
            case 0x2C: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.ge_u
            case 0x2D: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.eq
            case 0x2E: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.ne
            case 0x2F: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.lt_s
            case 0x30: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.lt_u
            case 0x31: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.gt_s
            case 0x32: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.gt_u
            case 0x33: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.le_s
            case 0x34: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.le_u
            case 0x35: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.ge_s
            case 0x36: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.ge_u
            case 0x37: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.eq
            case 0x38: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.ne
            case 0x39: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.lt_s
            case 0x3A: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.lt_u
            case 0x3B: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.gt_s
            case 0x3C: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.gt_u
            case 0x3D: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.le_s
            case 0x3E: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.le_u
            case 0x3F: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.ge_s
            case 0x40: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.ge_u
            case 0x41: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.eq
            case 0x42: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.ne
            case 0x43: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.lt
            case 0x44: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.gt
            case 0x45: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.le
            case 0x46: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); break; // f32x4.ge
            case 0x47: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.eq
            case 0x48: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.ne
            case 0x49: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.lt
            case 0x4A: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.gt
            case 0x4B: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.le
            case 0x4C: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); break; // f64x2.ge
            case 0x4D: *(V*)(fp + w->A) = Vector128.OnesComplement((*(V*)(fp + w->B))); break; // v128.not
            case 0x4E: *(V*)(fp + w->A) = Vector128.BitwiseAnd((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // v128.and
            case 0x4F: *(V*)(fp + w->A) = Vector128.AndNot((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // v128.andnot
            case 0x50: *(V*)(fp + w->A) = Vector128.BitwiseOr((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // v128.or
            case 0x51: *(V*)(fp + w->A) = Vector128.Xor((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // v128.xor
            case 0x52: *(V*)(fp + w->A) = Vector128.ConditionalSelect((*(V*)(fp + w[1].A)), (*(V*)(fp + w->B)), (*(V*)(fp + w->C))); return w + 2; // v128.bitselect
            case 0x53: *(int*)(fp + w->A) = Vec.V128AnyTrue((*(V*)(fp + w->B))) ? 1 : 0; break; // v128.any_true
            case 0x5E: *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4DemoteF64x2Zero((*(V*)(fp + w->B)))); break; // f32x4.demote_f64x2_zero
            case 0x5F: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.WidenLower((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f64x2.promote_low_f32x4
            default: throw Unknown(w);
        }

        return w + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Word* Integers(Word* w, byte* fp)
    {
        switch (w->X)
        {
            case 0x60: *(V*)(fp + w->A) = Vec.I8x16Abs((*(V*)(fp + w->B))); break; // i8x16.abs
            case 0x61: *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsSByte()).AsByte(); break; // i8x16.neg
            case 0x62: *(V*)(fp + w->A) = Vec.I8x16Popcnt((*(V*)(fp + w->B))); break; // i8x16.popcnt
            case 0x63: *(int*)(fp + w->A) = Vec.I8x16AllTrue((*(V*)(fp + w->B))) ? 1 : 0; break; // i8x16.all_true
            case 0x64: *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsSByte()); break; // i8x16.bitmask
            case 0x65: *(V*)(fp + w->A) = Vec.I8x16NarrowI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.narrow_i16x8_s
            case 0x66: *(V*)(fp + w->A) = Vec.I8x16NarrowI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.narrow_i16x8_u
            case 0x67: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Ceiling((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f32x4.ceil
            case 0x68: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Floor((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f32x4.floor
            case 0x69: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Truncate((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f32x4.trunc
            case 0x6A: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Round((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f32x4.nearest
            case 0x6B: *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsSByte(), *(int*)(fp + w->C) & 7).AsByte(); break; // i8x16.shl
            case 0x6C: *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsSByte(), *(int*)(fp + w->C) & 7).AsByte(); break; // i8x16.shr_s
            case 0x6D: *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)), *(int*)(fp + w->C) & 7); break; // i8x16.shr_u
            case 0x6E: *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.add
            case 0x6F: *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.add_sat_s
            case 0x70: *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.add_sat_u
            case 0x71: *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.sub
            case 0x72: *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.sub_sat_s
            case 0x73: *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.sub_sat_u
            case 0x74: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Ceiling((*(V*)(fp + w->B)).AsDouble()).AsByte()); break; // f64x2.ceil
            case 0x75: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Floor((*(V*)(fp + w->B)).AsDouble()).AsByte()); break; // f64x2.floor
            case 0x76: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.min_s
            case 0x77: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.min_u
            case 0x78: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); break; // i8x16.max_s
            case 0x79: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.max_u
            case 0x7A: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Truncate((*(V*)(fp + w->B)).AsDouble()).AsByte()); break; // f64x2.trunc
            case 0x7B: *(V*)(fp + w->A) = Vec.I8x16AvgrU((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.avgr_u
            case 0x7C: *(V*)(fp + w->A) = Vec.I16x8ExtaddPairwiseI8x16S((*(V*)(fp + w->B))); break; // i16x8.extadd_pairwise_i8x16_s
            case 0x7D: *(V*)(fp + w->A) = Vec.I16x8ExtaddPairwiseI8x16U((*(V*)(fp + w->B))); break; // i16x8.extadd_pairwise_i8x16_u
            case 0x7E: *(V*)(fp + w->A) = Vec.I32x4ExtaddPairwiseI16x8S((*(V*)(fp + w->B))); break; // i32x4.extadd_pairwise_i16x8_s
            case 0x7F: *(V*)(fp + w->A) = Vec.I32x4ExtaddPairwiseI16x8U((*(V*)(fp + w->B))); break; // i32x4.extadd_pairwise_i16x8_u
            case 0x80: *(V*)(fp + w->A) = Vec.I16x8Abs((*(V*)(fp + w->B))); break; // i16x8.abs
            case 0x81: *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt16()).AsByte(); break; // i16x8.neg
            case 0x82: *(V*)(fp + w->A) = Vec.I16x8Q15mulrSatS((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.q15mulr_sat_s
            case 0x83: *(int*)(fp + w->A) = Vec.I16x8AllTrue((*(V*)(fp + w->B))) ? 1 : 0; break; // i16x8.all_true
            case 0x84: *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt16()); break; // i16x8.bitmask
            case 0x85: *(V*)(fp + w->A) = Vec.I16x8NarrowI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.narrow_i32x4_s
            case 0x86: *(V*)(fp + w->A) = Vec.I16x8NarrowI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.narrow_i32x4_u
            case 0x87: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsSByte()).AsByte(); break; // i16x8.extend_low_i8x16_s
            case 0x88: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsSByte()).AsByte(); break; // i16x8.extend_high_i8x16_s
            case 0x89: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B))).AsByte(); break; // i16x8.extend_low_i8x16_u
            case 0x8A: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B))).AsByte(); break; // i16x8.extend_high_i8x16_u
            case 0x8B: *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt16(), *(int*)(fp + w->C) & 15).AsByte(); break; // i16x8.shl
            case 0x8C: *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt16(), *(int*)(fp + w->C) & 15).AsByte(); break; // i16x8.shr_s
            case 0x8D: *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt16(), *(int*)(fp + w->C) & 15).AsByte(); break; // i16x8.shr_u
            case 0x8E: *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.add
            case 0x8F: *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.add_sat_s
            case 0x90: *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.add_sat_u
            case 0x91: *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.sub
            case 0x92: *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.sub_sat_s
            case 0x93: *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.sub_sat_u
            case 0x94: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Round((*(V*)(fp + w->B)).AsDouble()).AsByte()); break; // f64x2.nearest
            case 0x95: *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.mul
            case 0x96: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.min_s
            case 0x97: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.min_u
            case 0x98: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); break; // i16x8.max_s
            case 0x99: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); break; // i16x8.max_u
            case 0x9B: *(V*)(fp + w->A) = Vec.I16x8AvgrU((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.avgr_u
            case 0x9C: *(V*)(fp + w->A) = Vec.I16x8ExtmulLowI8x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.extmul_low_i8x16_s
            case 0x9D: *(V*)(fp + w->A) = Vec.I16x8ExtmulHighI8x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.extmul_high_i8x16_s
            case 0x9E: *(V*)(fp + w->A) = Vec.I16x8ExtmulLowI8x16U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.extmul_low_i8x16_u
            case 0x9F: *(V*)(fp + w->A) = Vec.I16x8ExtmulHighI8x16U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.extmul_high_i8x16_u
            case 0xA0: *(V*)(fp + w->A) = Vec.I32x4Abs((*(V*)(fp + w->B))); break; // i32x4.abs
            case 0xA1: *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt32()).AsByte(); break; // i32x4.neg
            case 0xA3: *(int*)(fp + w->A) = Vec.I32x4AllTrue((*(V*)(fp + w->B))) ? 1 : 0; break; // i32x4.all_true
            case 0xA4: *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt32()); break; // i32x4.bitmask
            case 0xA7: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsInt16()).AsByte(); break; // i32x4.extend_low_i16x8_s
            case 0xA8: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsInt16()).AsByte(); break; // i32x4.extend_high_i16x8_s
            case 0xA9: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsUInt16()).AsByte(); break; // i32x4.extend_low_i16x8_u
            case 0xAA: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsUInt16()).AsByte(); break; // i32x4.extend_high_i16x8_u
            case 0xAB: *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt32(), *(int*)(fp + w->C) & 31).AsByte(); break; // i32x4.shl
            case 0xAC: *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt32(), *(int*)(fp + w->C) & 31).AsByte(); break; // i32x4.shr_s
            case 0xAD: *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt32(), *(int*)(fp + w->C) & 31).AsByte(); break; // i32x4.shr_u
            case 0xAE: *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.add
            case 0xB1: *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.sub
            case 0xB5: *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.mul
            case 0xB6: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.min_s
            case 0xB7: *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.min_u
            case 0xB8: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); break; // i32x4.max_s
            case 0xB9: *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); break; // i32x4.max_u
            case 0xBA: *(V*)(fp + w->A) = Vec.I32x4DotI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i32x4.dot_i16x8_s
            case 0xBC: *(V*)(fp + w->A) = Vec.I32x4ExtmulLowI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i32x4.extmul_low_i16x8_s
            case 0xBD: *(V*)(fp + w->A) = Vec.I32x4ExtmulHighI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i32x4.extmul_high_i16x8_s
            case 0xBE: *(V*)(fp + w->A) = Vec.I32x4ExtmulLowI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i32x4.extmul_low_i16x8_u
            case 0xBF: *(V*)(fp + w->A) = Vec.I32x4ExtmulHighI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i32x4.extmul_high_i16x8_u
            case 0xC0: *(V*)(fp + w->A) = Vec.I64x2Abs((*(V*)(fp + w->B))); break; // i64x2.abs
            case 0xC1: *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt64()).AsByte(); break; // i64x2.neg
            case 0xC3: *(int*)(fp + w->A) = Vec.I64x2AllTrue((*(V*)(fp + w->B))) ? 1 : 0; break; // i64x2.all_true
            case 0xC4: *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt64()); break; // i64x2.bitmask
            case 0xC7: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsInt32()).AsByte(); break; // i64x2.extend_low_i32x4_s
            case 0xC8: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsInt32()).AsByte(); break; // i64x2.extend_high_i32x4_s
            case 0xC9: *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsUInt32()).AsByte(); break; // i64x2.extend_low_i32x4_u
            case 0xCA: *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsUInt32()).AsByte(); break; // i64x2.extend_high_i32x4_u
            case 0xCB: *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt64(), *(int*)(fp + w->C) & 63).AsByte(); break; // i64x2.shl
            case 0xCC: *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt64(), *(int*)(fp + w->C) & 63).AsByte(); break; // i64x2.shr_s
            case 0xCD: *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt64(), *(int*)(fp + w->C) & 63).AsByte(); break; // i64x2.shr_u
            case 0xCE: *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.add
            case 0xD1: *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.sub
            case 0xD5: *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.mul
            case 0xD6: *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.eq
            case 0xD7: *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.ne
            case 0xD8: *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.lt_s
            case 0xD9: *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.gt_s
            case 0xDA: *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.le_s
            case 0xDB: *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); break; // i64x2.ge_s
            case 0xDC: *(V*)(fp + w->A) = Vec.I64x2ExtmulLowI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i64x2.extmul_low_i32x4_s
            case 0xDD: *(V*)(fp + w->A) = Vec.I64x2ExtmulHighI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i64x2.extmul_high_i32x4_s
            case 0xDE: *(V*)(fp + w->A) = Vec.I64x2ExtmulLowI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i64x2.extmul_low_i32x4_u
            case 0xDF: *(V*)(fp + w->A) = Vec.I64x2ExtmulHighI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i64x2.extmul_high_i32x4_u
            default: throw Unknown(w);
        }

        return w + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Word* Floats(Word* w, byte* fp)
    {
        switch (w->X)
        {
            case 0xE0: *(V*)(fp + w->A) = Vec.F32x4Abs((*(V*)(fp + w->B))); break; // f32x4.abs
            case 0xE1: *(V*)(fp + w->A) = Vec.F32x4Neg((*(V*)(fp + w->B))); break; // f32x4.neg
            case 0xE3: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Sqrt((*(V*)(fp + w->B)).AsSingle()).AsByte()); break; // f32x4.sqrt
            case 0xE4: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Add((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); break; // f32x4.add
            case 0xE5: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Subtract((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); break; // f32x4.sub
            case 0xE6: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Multiply((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); break; // f32x4.mul
            case 0xE7: *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Divide((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); break; // f32x4.div
            case 0xE8: *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f32x4.min
            case 0xE9: *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f32x4.max
            case 0xEA: *(V*)(fp + w->A) = Vec.F32x4Pmin((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // f32x4.pmin
            case 0xEB: *(V*)(fp + w->A) = Vec.F32x4Pmax((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // f32x4.pmax
            case 0xEC: *(V*)(fp + w->A) = Vec.F64x2Abs((*(V*)(fp + w->B))); break; // f64x2.abs
            case 0xED: *(V*)(fp + w->A) = Vec.F64x2Neg((*(V*)(fp + w->B))); break; // f64x2.neg
            case 0xEF: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Sqrt((*(V*)(fp + w->B)).AsDouble()).AsByte()); break; // f64x2.sqrt
            case 0xF0: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Add((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); break; // f64x2.add
            case 0xF1: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Subtract((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); break; // f64x2.sub
            case 0xF2: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Multiply((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); break; // f64x2.mul
            case 0xF3: *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Divide((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); break; // f64x2.div
            case 0xF4: *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f64x2.min
            case 0xF5: *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f64x2.max
            case 0xF6: *(V*)(fp + w->A) = Vec.F64x2Pmin((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // f64x2.pmin
            case 0xF7: *(V*)(fp + w->A) = Vec.F64x2Pmax((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // f64x2.pmax
            case 0xF8: *(V*)(fp + w->A) = Vector128.ConvertToInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); break; // i32x4.trunc_sat_f32x4_s
            case 0xF9: *(V*)(fp + w->A) = Vector128.ConvertToUInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); break; // i32x4.trunc_sat_f32x4_u
            case 0xFA: *(V*)(fp + w->A) = Vector128.ConvertToSingle((*(V*)(fp + w->B)).AsInt32()).AsByte(); break; // f32x4.convert_i32x4_s
            case 0xFB: *(V*)(fp + w->A) = Vector128.ConvertToSingle((*(V*)(fp + w->B)).AsUInt32()).AsByte(); break; // f32x4.convert_i32x4_u
            case 0xFC: *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2SZero((*(V*)(fp + w->B))); break; // i32x4.trunc_sat_f64x2_s_zero
            case 0xFD: *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2UZero((*(V*)(fp + w->B))); break; // i32x4.trunc_sat_f64x2_u_zero
            case 0xFE: *(V*)(fp + w->A) = Vec.F64x2ConvertLowI32x4S((*(V*)(fp + w->B))); break; // f64x2.convert_low_i32x4_s
            case 0xFF: *(V*)(fp + w->A) = Vec.F64x2ConvertLowI32x4U((*(V*)(fp + w->B))); break; // f64x2.convert_low_i32x4_u
            case 0x100: *(V*)(fp + w->A) = Vector128.Shuffle((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i8x16.relaxed_swizzle
            case 0x101: *(V*)(fp + w->A) = Vector128.ConvertToInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); break; // i32x4.relaxed_trunc_f32x4_s
            case 0x102: *(V*)(fp + w->A) = Vector128.ConvertToUInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); break; // i32x4.relaxed_trunc_f32x4_u
            case 0x103: *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2SZero((*(V*)(fp + w->B))); break; // i32x4.relaxed_trunc_f64x2_s_zero
            case 0x104: *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2UZero((*(V*)(fp + w->B))); break; // i32x4.relaxed_trunc_f64x2_u_zero
            case 0x105: *(V*)(fp + w->A) = Vec.CanonF32((((*(V*)(fp + w->B)).AsSingle() * (*(V*)(fp + w->C)).AsSingle()) + (*(V*)(fp + w[1].A)).AsSingle()).AsByte()); return w + 2; // f32x4.relaxed_madd
            case 0x106: *(V*)(fp + w->A) = Vec.CanonF32(((*(V*)(fp + w[1].A)).AsSingle() - ((*(V*)(fp + w->B)).AsSingle() * (*(V*)(fp + w->C)).AsSingle())).AsByte()); return w + 2; // f32x4.relaxed_nmadd
            case 0x107: *(V*)(fp + w->A) = Vec.CanonF64((((*(V*)(fp + w->B)).AsDouble() * (*(V*)(fp + w->C)).AsDouble()) + (*(V*)(fp + w[1].A)).AsDouble()).AsByte()); return w + 2; // f64x2.relaxed_madd
            case 0x108: *(V*)(fp + w->A) = Vec.CanonF64(((*(V*)(fp + w[1].A)).AsDouble() - ((*(V*)(fp + w->B)).AsDouble() * (*(V*)(fp + w->C)).AsDouble())).AsByte()); return w + 2; // f64x2.relaxed_nmadd
            case 0x109: *(V*)(fp + w->A) = Vector128.ConditionalSelect((*(V*)(fp + w[1].A)), (*(V*)(fp + w->B)), (*(V*)(fp + w->C))); return w + 2; // i8x16.relaxed_laneselect
            case 0x10A: *(V*)(fp + w->A) = Vector128.ConditionalSelect((*(V*)(fp + w[1].A)), (*(V*)(fp + w->B)), (*(V*)(fp + w->C))); return w + 2; // i16x8.relaxed_laneselect
            case 0x10B: *(V*)(fp + w->A) = Vector128.ConditionalSelect((*(V*)(fp + w[1].A)), (*(V*)(fp + w->B)), (*(V*)(fp + w->C))); return w + 2; // i32x4.relaxed_laneselect
            case 0x10C: *(V*)(fp + w->A) = Vector128.ConditionalSelect((*(V*)(fp + w[1].A)), (*(V*)(fp + w->B)), (*(V*)(fp + w->C))); return w + 2; // i64x2.relaxed_laneselect
            case 0x10D: *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f32x4.relaxed_min
            case 0x10E: *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f32x4.relaxed_max
            case 0x10F: *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f64x2.relaxed_min
            case 0x110: *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); break; // f64x2.relaxed_max
            case 0x111: *(V*)(fp + w->A) = Vec.I16x8Q15mulrSatS((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.relaxed_q15mulr_s
            case 0x112: *(V*)(fp + w->A) = Vec.I16x8RelaxedDotI8x16I7x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); break; // i16x8.relaxed_dot_i8x16_i7x16_s
            case 0x113: *(V*)(fp + w->A) = Vec.I32x4RelaxedDotI8x16I7x16AddS((*(V*)(fp + w->B)), (*(V*)(fp + w->C)), (*(V*)(fp + w[1].A))); return w + 2; // i32x4.relaxed_dot_i8x16_i7x16_add_s
            default: throw Unknown(w);
        }

        return w + 1;
    }
}
