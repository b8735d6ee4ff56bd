// Vector instructions as steps of the interpreter's chain, by number as in InterpVec, which is their slow twin.
// In: the word, the frame. Out: the frame written. A step with `ref ip` has a second word and moves on by itself. See InterpSteps.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

using V = Vector128<byte>;

internal static unsafe class InterpVecSteps
{
    private const MethodImplOptions In = MethodImplOptions.AggressiveInlining;

    [MethodImpl(In)] public static void V000(Word* w, byte* fp) { *(V*)(fp + w->A) = **(V**)(fp + w->B); }
    [MethodImpl(In)] public static void V001(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsSByte()).AsByte(); }
    [MethodImpl(In)] public static void V002(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsByte()).AsByte(); }
    [MethodImpl(In)] public static void V003(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsInt16()).AsByte(); }
    [MethodImpl(In)] public static void V004(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsUInt16()).AsByte(); }
    [MethodImpl(In)] public static void V005(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsInt32()).AsByte(); }
    [MethodImpl(In)] public static void V006(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower(Vector128.CreateScalar(**(long**)(fp + w->B)).AsUInt32()).AsByte(); }
    [MethodImpl(In)] public static void V007(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(**(byte**)(fp + w->B)); }
    [MethodImpl(In)] public static void V008(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(**(short**)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V009(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(**(int**)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V00A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(**(long**)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V00B(Word* w, byte* fp) { **(V**)(fp + w->A) = *(V*)(fp + w->B); }
    [MethodImpl(In)] public static bool V00D(ref Word* ip, byte* fp) { V lanes = *(V*)(ip + 1); *(V*)(fp + ip->A) = Vector128.Shuffle(*(V*)(fp + ip->B), lanes) | Vector128.Shuffle(*(V*)(fp + ip->C), lanes - Vector128.Create((byte)16)); ip += 2; return true; }
    [MethodImpl(In)] public static void V00E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Shuffle((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.swizzle
    [MethodImpl(In)] public static void V00F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(byte*)(fp + w->B)); }
    [MethodImpl(In)] public static void V010(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(short*)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V011(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(int*)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V012(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(long*)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V013(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(int*)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V014(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Create(*(long*)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V015(Word* w, byte* fp) { *(int*)(fp + w->A) = *(sbyte*)(fp + w->B + w->C); }
    [MethodImpl(In)] public static void V016(Word* w, byte* fp) { *(int*)(fp + w->A) = *(byte*)(fp + w->B + w->C); }
    [MethodImpl(In)] public static bool V017(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).WithElement(ip[1].A, *(byte*)(fp + ip->C)); ip += 2; return true; }
    [MethodImpl(In)] public static void V018(Word* w, byte* fp) { *(int*)(fp + w->A) = *(short*)(fp + w->B + 2 * w->C); }
    [MethodImpl(In)] public static void V019(Word* w, byte* fp) { *(int*)(fp + w->A) = *(ushort*)(fp + w->B + 2 * w->C); }
    [MethodImpl(In)] public static bool V01A(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt16().WithElement(ip[1].A, *(short*)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V01B(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B + 4 * w->C); }
    [MethodImpl(In)] public static bool V01C(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt32().WithElement(ip[1].A, *(int*)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V01D(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B + 8 * w->C); }
    [MethodImpl(In)] public static bool V01E(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt64().WithElement(ip[1].A, *(long*)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V01F(Word* w, byte* fp) { *(int*)(fp + w->A) = *(int*)(fp + w->B + 4 * w->C); }
    [MethodImpl(In)] public static bool V020(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt32().WithElement(ip[1].A, *(int*)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V021(Word* w, byte* fp) { *(long*)(fp + w->A) = *(long*)(fp + w->B + 8 * w->C); }
    [MethodImpl(In)] public static bool V022(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt64().WithElement(ip[1].A, *(long*)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V023(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.eq
    [MethodImpl(In)] public static void V024(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.ne
    [MethodImpl(In)] public static void V025(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.lt_s
    [MethodImpl(In)] public static void V026(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.lt_u
    [MethodImpl(In)] public static void V027(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.gt_s
    [MethodImpl(In)] public static void V028(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.gt_u
    [MethodImpl(In)] public static void V029(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.le_s
    [MethodImpl(In)] public static void V02A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.le_u
    [MethodImpl(In)] public static void V02B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.ge_s
    [MethodImpl(In)] public static void V02C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.ge_u
    [MethodImpl(In)] public static void V02D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.eq
    [MethodImpl(In)] public static void V02E(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.ne
    [MethodImpl(In)] public static void V02F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.lt_s
    [MethodImpl(In)] public static void V030(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.lt_u
    [MethodImpl(In)] public static void V031(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.gt_s
    [MethodImpl(In)] public static void V032(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.gt_u
    [MethodImpl(In)] public static void V033(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.le_s
    [MethodImpl(In)] public static void V034(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.le_u
    [MethodImpl(In)] public static void V035(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.ge_s
    [MethodImpl(In)] public static void V036(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.ge_u
    [MethodImpl(In)] public static void V037(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.eq
    [MethodImpl(In)] public static void V038(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.ne
    [MethodImpl(In)] public static void V039(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.lt_s
    [MethodImpl(In)] public static void V03A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.lt_u
    [MethodImpl(In)] public static void V03B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.gt_s
    [MethodImpl(In)] public static void V03C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.gt_u
    [MethodImpl(In)] public static void V03D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.le_s
    [MethodImpl(In)] public static void V03E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.le_u
    [MethodImpl(In)] public static void V03F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.ge_s
    [MethodImpl(In)] public static void V040(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.ge_u
    [MethodImpl(In)] public static void V041(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.eq
    [MethodImpl(In)] public static void V042(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.ne
    [MethodImpl(In)] public static void V043(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.lt
    [MethodImpl(In)] public static void V044(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.gt
    [MethodImpl(In)] public static void V045(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.le
    [MethodImpl(In)] public static void V046(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte(); } // f32x4.ge
    [MethodImpl(In)] public static void V047(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.eq
    [MethodImpl(In)] public static void V048(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.ne
    [MethodImpl(In)] public static void V049(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.lt
    [MethodImpl(In)] public static void V04A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.gt
    [MethodImpl(In)] public static void V04B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.le
    [MethodImpl(In)] public static void V04C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte(); } // f64x2.ge
    [MethodImpl(In)] public static void V04D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.OnesComplement((*(V*)(fp + w->B))); } // v128.not
    [MethodImpl(In)] public static void V04E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.BitwiseAnd((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // v128.and
    [MethodImpl(In)] public static void V04F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.AndNot((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // v128.andnot
    [MethodImpl(In)] public static void V050(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.BitwiseOr((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // v128.or
    [MethodImpl(In)] public static void V051(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Xor((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // v128.xor
    [MethodImpl(In)] public static bool V052(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vector128.ConditionalSelect((*(V*)(fp + ip[1].A)), (*(V*)(fp + ip->B)), (*(V*)(fp + ip->C))); ip += 2; return true; } // v128.bitselect
    [MethodImpl(In)] public static void V053(Word* w, byte* fp) { *(int*)(fp + w->A) = Vec.V128AnyTrue((*(V*)(fp + w->B))) ? 1 : 0; } // v128.any_true
    [MethodImpl(In)] public static bool V054(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).WithElement(ip[1].A, **(byte**)(fp + ip->C)); ip += 2; return true; }
    [MethodImpl(In)] public static bool V055(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt16().WithElement(ip[1].A, **(short**)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static bool V056(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt32().WithElement(ip[1].A, **(int**)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static bool V057(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = (*(V*)(fp + ip->B)).AsInt64().WithElement(ip[1].A, **(long**)(fp + ip->C)).AsByte(); ip += 2; return true; }
    [MethodImpl(In)] public static void V058(Word* w, byte* fp) { **(byte**)(fp + w->A) = *(byte*)(fp + w->B + w->C); }
    [MethodImpl(In)] public static void V059(Word* w, byte* fp) { **(short**)(fp + w->A) = *(short*)(fp + w->B + 2 * w->C); }
    [MethodImpl(In)] public static void V05A(Word* w, byte* fp) { **(int**)(fp + w->A) = *(int*)(fp + w->B + 4 * w->C); }
    [MethodImpl(In)] public static void V05B(Word* w, byte* fp) { **(long**)(fp + w->A) = *(long*)(fp + w->B + 8 * w->C); }
    [MethodImpl(In)] public static void V05C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.CreateScalar(**(int**)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V05D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.CreateScalar(**(long**)(fp + w->B)).AsByte(); }
    [MethodImpl(In)] public static void V05E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4DemoteF64x2Zero((*(V*)(fp + w->B)))); } // f32x4.demote_f64x2_zero
    [MethodImpl(In)] public static void V05F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.WidenLower((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f64x2.promote_low_f32x4
    [MethodImpl(In)] public static void V060(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I8x16Abs((*(V*)(fp + w->B))); } // i8x16.abs
    [MethodImpl(In)] public static void V061(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsSByte()).AsByte(); } // i8x16.neg
    [MethodImpl(In)] public static void V062(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I8x16Popcnt((*(V*)(fp + w->B))); } // i8x16.popcnt
    [MethodImpl(In)] public static void V063(Word* w, byte* fp) { *(int*)(fp + w->A) = Vec.I8x16AllTrue((*(V*)(fp + w->B))) ? 1 : 0; } // i8x16.all_true
    [MethodImpl(In)] public static void V064(Word* w, byte* fp) { *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsSByte()); } // i8x16.bitmask
    [MethodImpl(In)] public static void V065(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I8x16NarrowI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.narrow_i16x8_s
    [MethodImpl(In)] public static void V066(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I8x16NarrowI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.narrow_i16x8_u
    [MethodImpl(In)] public static void V067(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Ceiling((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f32x4.ceil
    [MethodImpl(In)] public static void V068(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Floor((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f32x4.floor
    [MethodImpl(In)] public static void V069(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Truncate((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f32x4.trunc
    [MethodImpl(In)] public static void V06A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Round((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f32x4.nearest
    [MethodImpl(In)] public static void V06B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsSByte(), *(int*)(fp + w->C) & 7).AsByte(); } // i8x16.shl
    [MethodImpl(In)] public static void V06C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsSByte(), *(int*)(fp + w->C) & 7).AsByte(); } // i8x16.shr_s
    [MethodImpl(In)] public static void V06D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)), *(int*)(fp + w->C) & 7); } // i8x16.shr_u
    [MethodImpl(In)] public static void V06E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.add
    [MethodImpl(In)] public static void V06F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.add_sat_s
    [MethodImpl(In)] public static void V070(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.add_sat_u
    [MethodImpl(In)] public static void V071(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.sub
    [MethodImpl(In)] public static void V072(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.sub_sat_s
    [MethodImpl(In)] public static void V073(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.sub_sat_u
    [MethodImpl(In)] public static void V074(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Ceiling((*(V*)(fp + w->B)).AsDouble()).AsByte()); } // f64x2.ceil
    [MethodImpl(In)] public static void V075(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Floor((*(V*)(fp + w->B)).AsDouble()).AsByte()); } // f64x2.floor
    [MethodImpl(In)] public static void V076(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.min_s
    [MethodImpl(In)] public static void V077(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.min_u
    [MethodImpl(In)] public static void V078(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsSByte(), (*(V*)(fp + w->C)).AsSByte()).AsByte(); } // i8x16.max_s
    [MethodImpl(In)] public static void V079(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.max_u
    [MethodImpl(In)] public static void V07A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Truncate((*(V*)(fp + w->B)).AsDouble()).AsByte()); } // f64x2.trunc
    [MethodImpl(In)] public static void V07B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I8x16AvgrU((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.avgr_u
    [MethodImpl(In)] public static void V07C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtaddPairwiseI8x16S((*(V*)(fp + w->B))); } // i16x8.extadd_pairwise_i8x16_s
    [MethodImpl(In)] public static void V07D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtaddPairwiseI8x16U((*(V*)(fp + w->B))); } // i16x8.extadd_pairwise_i8x16_u
    [MethodImpl(In)] public static void V07E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtaddPairwiseI16x8S((*(V*)(fp + w->B))); } // i32x4.extadd_pairwise_i16x8_s
    [MethodImpl(In)] public static void V07F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtaddPairwiseI16x8U((*(V*)(fp + w->B))); } // i32x4.extadd_pairwise_i16x8_u
    [MethodImpl(In)] public static void V080(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8Abs((*(V*)(fp + w->B))); } // i16x8.abs
    [MethodImpl(In)] public static void V081(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt16()).AsByte(); } // i16x8.neg
    [MethodImpl(In)] public static void V082(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8Q15mulrSatS((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.q15mulr_sat_s
    [MethodImpl(In)] public static void V083(Word* w, byte* fp) { *(int*)(fp + w->A) = Vec.I16x8AllTrue((*(V*)(fp + w->B))) ? 1 : 0; } // i16x8.all_true
    [MethodImpl(In)] public static void V084(Word* w, byte* fp) { *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt16()); } // i16x8.bitmask
    [MethodImpl(In)] public static void V085(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8NarrowI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.narrow_i32x4_s
    [MethodImpl(In)] public static void V086(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8NarrowI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.narrow_i32x4_u
    [MethodImpl(In)] public static void V087(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsSByte()).AsByte(); } // i16x8.extend_low_i8x16_s
    [MethodImpl(In)] public static void V088(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsSByte()).AsByte(); } // i16x8.extend_high_i8x16_s
    [MethodImpl(In)] public static void V089(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B))).AsByte(); } // i16x8.extend_low_i8x16_u
    [MethodImpl(In)] public static void V08A(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B))).AsByte(); } // i16x8.extend_high_i8x16_u
    [MethodImpl(In)] public static void V08B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt16(), *(int*)(fp + w->C) & 15).AsByte(); } // i16x8.shl
    [MethodImpl(In)] public static void V08C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt16(), *(int*)(fp + w->C) & 15).AsByte(); } // i16x8.shr_s
    [MethodImpl(In)] public static void V08D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt16(), *(int*)(fp + w->C) & 15).AsByte(); } // i16x8.shr_u
    [MethodImpl(In)] public static void V08E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.add
    [MethodImpl(In)] public static void V08F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.add_sat_s
    [MethodImpl(In)] public static void V090(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.AddSaturate((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.add_sat_u
    [MethodImpl(In)] public static void V091(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.sub
    [MethodImpl(In)] public static void V092(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.sub_sat_s
    [MethodImpl(In)] public static void V093(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.SubtractSaturate((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.sub_sat_u
    [MethodImpl(In)] public static void V094(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Round((*(V*)(fp + w->B)).AsDouble()).AsByte()); } // f64x2.nearest
    [MethodImpl(In)] public static void V095(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.mul
    [MethodImpl(In)] public static void V096(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.min_s
    [MethodImpl(In)] public static void V097(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.min_u
    [MethodImpl(In)] public static void V098(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsInt16(), (*(V*)(fp + w->C)).AsInt16()).AsByte(); } // i16x8.max_s
    [MethodImpl(In)] public static void V099(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsUInt16(), (*(V*)(fp + w->C)).AsUInt16()).AsByte(); } // i16x8.max_u
    [MethodImpl(In)] public static void V09B(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8AvgrU((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.avgr_u
    [MethodImpl(In)] public static void V09C(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtmulLowI8x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.extmul_low_i8x16_s
    [MethodImpl(In)] public static void V09D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtmulHighI8x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.extmul_high_i8x16_s
    [MethodImpl(In)] public static void V09E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtmulLowI8x16U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.extmul_low_i8x16_u
    [MethodImpl(In)] public static void V09F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8ExtmulHighI8x16U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.extmul_high_i8x16_u
    [MethodImpl(In)] public static void V0A0(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4Abs((*(V*)(fp + w->B))); } // i32x4.abs
    [MethodImpl(In)] public static void V0A1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt32()).AsByte(); } // i32x4.neg
    [MethodImpl(In)] public static void V0A3(Word* w, byte* fp) { *(int*)(fp + w->A) = Vec.I32x4AllTrue((*(V*)(fp + w->B))) ? 1 : 0; } // i32x4.all_true
    [MethodImpl(In)] public static void V0A4(Word* w, byte* fp) { *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt32()); } // i32x4.bitmask
    [MethodImpl(In)] public static void V0A7(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsInt16()).AsByte(); } // i32x4.extend_low_i16x8_s
    [MethodImpl(In)] public static void V0A8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsInt16()).AsByte(); } // i32x4.extend_high_i16x8_s
    [MethodImpl(In)] public static void V0A9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsUInt16()).AsByte(); } // i32x4.extend_low_i16x8_u
    [MethodImpl(In)] public static void V0AA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsUInt16()).AsByte(); } // i32x4.extend_high_i16x8_u
    [MethodImpl(In)] public static void V0AB(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt32(), *(int*)(fp + w->C) & 31).AsByte(); } // i32x4.shl
    [MethodImpl(In)] public static void V0AC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt32(), *(int*)(fp + w->C) & 31).AsByte(); } // i32x4.shr_s
    [MethodImpl(In)] public static void V0AD(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt32(), *(int*)(fp + w->C) & 31).AsByte(); } // i32x4.shr_u
    [MethodImpl(In)] public static void V0AE(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.add
    [MethodImpl(In)] public static void V0B1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.sub
    [MethodImpl(In)] public static void V0B5(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.mul
    [MethodImpl(In)] public static void V0B6(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.min_s
    [MethodImpl(In)] public static void V0B7(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Min((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.min_u
    [MethodImpl(In)] public static void V0B8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsInt32(), (*(V*)(fp + w->C)).AsInt32()).AsByte(); } // i32x4.max_s
    [MethodImpl(In)] public static void V0B9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Max((*(V*)(fp + w->B)).AsUInt32(), (*(V*)(fp + w->C)).AsUInt32()).AsByte(); } // i32x4.max_u
    [MethodImpl(In)] public static void V0BA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4DotI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i32x4.dot_i16x8_s
    [MethodImpl(In)] public static void V0BC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtmulLowI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i32x4.extmul_low_i16x8_s
    [MethodImpl(In)] public static void V0BD(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtmulHighI16x8S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i32x4.extmul_high_i16x8_s
    [MethodImpl(In)] public static void V0BE(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtmulLowI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i32x4.extmul_low_i16x8_u
    [MethodImpl(In)] public static void V0BF(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4ExtmulHighI16x8U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i32x4.extmul_high_i16x8_u
    [MethodImpl(In)] public static void V0C0(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I64x2Abs((*(V*)(fp + w->B))); } // i64x2.abs
    [MethodImpl(In)] public static void V0C1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Negate((*(V*)(fp + w->B)).AsInt64()).AsByte(); } // i64x2.neg
    [MethodImpl(In)] public static void V0C3(Word* w, byte* fp) { *(int*)(fp + w->A) = Vec.I64x2AllTrue((*(V*)(fp + w->B))) ? 1 : 0; } // i64x2.all_true
    [MethodImpl(In)] public static void V0C4(Word* w, byte* fp) { *(int*)(fp + w->A) = (int)Vector128.ExtractMostSignificantBits((*(V*)(fp + w->B)).AsInt64()); } // i64x2.bitmask
    [MethodImpl(In)] public static void V0C7(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsInt32()).AsByte(); } // i64x2.extend_low_i32x4_s
    [MethodImpl(In)] public static void V0C8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsInt32()).AsByte(); } // i64x2.extend_high_i32x4_s
    [MethodImpl(In)] public static void V0C9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenLower((*(V*)(fp + w->B)).AsUInt32()).AsByte(); } // i64x2.extend_low_i32x4_u
    [MethodImpl(In)] public static void V0CA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.WidenUpper((*(V*)(fp + w->B)).AsUInt32()).AsByte(); } // i64x2.extend_high_i32x4_u
    [MethodImpl(In)] public static void V0CB(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftLeft((*(V*)(fp + w->B)).AsInt64(), *(int*)(fp + w->C) & 63).AsByte(); } // i64x2.shl
    [MethodImpl(In)] public static void V0CC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightArithmetic((*(V*)(fp + w->B)).AsInt64(), *(int*)(fp + w->C) & 63).AsByte(); } // i64x2.shr_s
    [MethodImpl(In)] public static void V0CD(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ShiftRightLogical((*(V*)(fp + w->B)).AsUInt64(), *(int*)(fp + w->C) & 63).AsByte(); } // i64x2.shr_u
    [MethodImpl(In)] public static void V0CE(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Add((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.add
    [MethodImpl(In)] public static void V0D1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Subtract((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.sub
    [MethodImpl(In)] public static void V0D5(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Multiply((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.mul
    [MethodImpl(In)] public static void V0D6(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Equals((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.eq
    [MethodImpl(In)] public static void V0D7(Word* w, byte* fp) { *(V*)(fp + w->A) = ~Vector128.Equals((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.ne
    [MethodImpl(In)] public static void V0D8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThan((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.lt_s
    [MethodImpl(In)] public static void V0D9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThan((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.gt_s
    [MethodImpl(In)] public static void V0DA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.LessThanOrEqual((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.le_s
    [MethodImpl(In)] public static void V0DB(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.GreaterThanOrEqual((*(V*)(fp + w->B)).AsInt64(), (*(V*)(fp + w->C)).AsInt64()).AsByte(); } // i64x2.ge_s
    [MethodImpl(In)] public static void V0DC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I64x2ExtmulLowI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i64x2.extmul_low_i32x4_s
    [MethodImpl(In)] public static void V0DD(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I64x2ExtmulHighI32x4S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i64x2.extmul_high_i32x4_s
    [MethodImpl(In)] public static void V0DE(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I64x2ExtmulLowI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i64x2.extmul_low_i32x4_u
    [MethodImpl(In)] public static void V0DF(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I64x2ExtmulHighI32x4U((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i64x2.extmul_high_i32x4_u
    [MethodImpl(In)] public static void V0E0(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F32x4Abs((*(V*)(fp + w->B))); } // f32x4.abs
    [MethodImpl(In)] public static void V0E1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F32x4Neg((*(V*)(fp + w->B))); } // f32x4.neg
    [MethodImpl(In)] public static void V0E3(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Sqrt((*(V*)(fp + w->B)).AsSingle()).AsByte()); } // f32x4.sqrt
    [MethodImpl(In)] public static void V0E4(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Add((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); } // f32x4.add
    [MethodImpl(In)] public static void V0E5(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Subtract((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); } // f32x4.sub
    [MethodImpl(In)] public static void V0E6(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Multiply((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); } // f32x4.mul
    [MethodImpl(In)] public static void V0E7(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vector128.Divide((*(V*)(fp + w->B)).AsSingle(), (*(V*)(fp + w->C)).AsSingle()).AsByte()); } // f32x4.div
    [MethodImpl(In)] public static void V0E8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f32x4.min
    [MethodImpl(In)] public static void V0E9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f32x4.max
    [MethodImpl(In)] public static void V0EA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F32x4Pmin((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // f32x4.pmin
    [MethodImpl(In)] public static void V0EB(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F32x4Pmax((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // f32x4.pmax
    [MethodImpl(In)] public static void V0EC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2Abs((*(V*)(fp + w->B))); } // f64x2.abs
    [MethodImpl(In)] public static void V0ED(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2Neg((*(V*)(fp + w->B))); } // f64x2.neg
    [MethodImpl(In)] public static void V0EF(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Sqrt((*(V*)(fp + w->B)).AsDouble()).AsByte()); } // f64x2.sqrt
    [MethodImpl(In)] public static void V0F0(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Add((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); } // f64x2.add
    [MethodImpl(In)] public static void V0F1(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Subtract((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); } // f64x2.sub
    [MethodImpl(In)] public static void V0F2(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Multiply((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); } // f64x2.mul
    [MethodImpl(In)] public static void V0F3(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vector128.Divide((*(V*)(fp + w->B)).AsDouble(), (*(V*)(fp + w->C)).AsDouble()).AsByte()); } // f64x2.div
    [MethodImpl(In)] public static void V0F4(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f64x2.min
    [MethodImpl(In)] public static void V0F5(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f64x2.max
    [MethodImpl(In)] public static void V0F6(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2Pmin((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // f64x2.pmin
    [MethodImpl(In)] public static void V0F7(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2Pmax((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // f64x2.pmax
    [MethodImpl(In)] public static void V0F8(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); } // i32x4.trunc_sat_f32x4_s
    [MethodImpl(In)] public static void V0F9(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToUInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); } // i32x4.trunc_sat_f32x4_u
    [MethodImpl(In)] public static void V0FA(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToSingle((*(V*)(fp + w->B)).AsInt32()).AsByte(); } // f32x4.convert_i32x4_s
    [MethodImpl(In)] public static void V0FB(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToSingle((*(V*)(fp + w->B)).AsUInt32()).AsByte(); } // f32x4.convert_i32x4_u
    [MethodImpl(In)] public static void V0FC(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2SZero((*(V*)(fp + w->B))); } // i32x4.trunc_sat_f64x2_s_zero
    [MethodImpl(In)] public static void V0FD(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2UZero((*(V*)(fp + w->B))); } // i32x4.trunc_sat_f64x2_u_zero
    [MethodImpl(In)] public static void V0FE(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2ConvertLowI32x4S((*(V*)(fp + w->B))); } // f64x2.convert_low_i32x4_s
    [MethodImpl(In)] public static void V0FF(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.F64x2ConvertLowI32x4U((*(V*)(fp + w->B))); } // f64x2.convert_low_i32x4_u
    [MethodImpl(In)] public static void V100(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.Shuffle((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i8x16.relaxed_swizzle
    [MethodImpl(In)] public static void V101(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); } // i32x4.relaxed_trunc_f32x4_s
    [MethodImpl(In)] public static void V102(Word* w, byte* fp) { *(V*)(fp + w->A) = Vector128.ConvertToUInt32((*(V*)(fp + w->B)).AsSingle()).AsByte(); } // i32x4.relaxed_trunc_f32x4_u
    [MethodImpl(In)] public static void V103(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2SZero((*(V*)(fp + w->B))); } // i32x4.relaxed_trunc_f64x2_s_zero
    [MethodImpl(In)] public static void V104(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I32x4TruncSatF64x2UZero((*(V*)(fp + w->B))); } // i32x4.relaxed_trunc_f64x2_u_zero
    [MethodImpl(In)] public static bool V105(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vec.CanonF32((((*(V*)(fp + ip->B)).AsSingle() * (*(V*)(fp + ip->C)).AsSingle()) + (*(V*)(fp + ip[1].A)).AsSingle()).AsByte()); ip += 2; return true; } // f32x4.relaxed_madd
    [MethodImpl(In)] public static bool V106(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vec.CanonF32(((*(V*)(fp + ip[1].A)).AsSingle() - ((*(V*)(fp + ip->B)).AsSingle() * (*(V*)(fp + ip->C)).AsSingle())).AsByte()); ip += 2; return true; } // f32x4.relaxed_nmadd
    [MethodImpl(In)] public static bool V107(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vec.CanonF64((((*(V*)(fp + ip->B)).AsDouble() * (*(V*)(fp + ip->C)).AsDouble()) + (*(V*)(fp + ip[1].A)).AsDouble()).AsByte()); ip += 2; return true; } // f64x2.relaxed_madd
    [MethodImpl(In)] public static bool V108(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vec.CanonF64(((*(V*)(fp + ip[1].A)).AsDouble() - ((*(V*)(fp + ip->B)).AsDouble() * (*(V*)(fp + ip->C)).AsDouble())).AsByte()); ip += 2; return true; } // f64x2.relaxed_nmadd
    [MethodImpl(In)] public static bool V109(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vector128.ConditionalSelect((*(V*)(fp + ip[1].A)), (*(V*)(fp + ip->B)), (*(V*)(fp + ip->C))); ip += 2; return true; } // i8x16.relaxed_laneselect
    [MethodImpl(In)] public static bool V10A(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vector128.ConditionalSelect((*(V*)(fp + ip[1].A)), (*(V*)(fp + ip->B)), (*(V*)(fp + ip->C))); ip += 2; return true; } // i16x8.relaxed_laneselect
    [MethodImpl(In)] public static bool V10B(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vector128.ConditionalSelect((*(V*)(fp + ip[1].A)), (*(V*)(fp + ip->B)), (*(V*)(fp + ip->C))); ip += 2; return true; } // i32x4.relaxed_laneselect
    [MethodImpl(In)] public static bool V10C(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vector128.ConditionalSelect((*(V*)(fp + ip[1].A)), (*(V*)(fp + ip->B)), (*(V*)(fp + ip->C))); ip += 2; return true; } // i64x2.relaxed_laneselect
    [MethodImpl(In)] public static void V10D(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f32x4.relaxed_min
    [MethodImpl(In)] public static void V10E(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF32(Vec.F32x4Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f32x4.relaxed_max
    [MethodImpl(In)] public static void V10F(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Min((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f64x2.relaxed_min
    [MethodImpl(In)] public static void V110(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.CanonF64(Vec.F64x2Max((*(V*)(fp + w->B)), (*(V*)(fp + w->C)))); } // f64x2.relaxed_max
    [MethodImpl(In)] public static void V111(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8Q15mulrSatS((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.relaxed_q15mulr_s
    [MethodImpl(In)] public static void V112(Word* w, byte* fp) { *(V*)(fp + w->A) = Vec.I16x8RelaxedDotI8x16I7x16S((*(V*)(fp + w->B)), (*(V*)(fp + w->C))); } // i16x8.relaxed_dot_i8x16_i7x16_s
    [MethodImpl(In)] public static bool V113(ref Word* ip, byte* fp) { *(V*)(fp + ip->A) = Vec.I32x4RelaxedDotI8x16I7x16AddS((*(V*)(fp + ip->B)), (*(V*)(fp + ip->C)), (*(V*)(fp + ip[1].A))); ip += 2; return true; } // i32x4.relaxed_dot_i8x16_i7x16_add_s
}
