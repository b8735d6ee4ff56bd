// Code of the interpreter: one function as an array of 16-byte words in native memory, and what a frame of it needs.
// In: written by Interpreter/Translate.fs. Out: read by InterpLoop.cs.
//
// Operands are byte offsets into the frame: locals first, then the operand stack, each value at the place its height gives it; 8 bytes a value, 16 a
// vector. References stand in an array beside it, by number. A branch's distance counts from the word after the branch.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>One instruction word; some instructions take a second one for further operands.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct Word
{
    [FieldOffset(0)] public ushort Op;
    [FieldOffset(2)] public ushort X;
    [FieldOffset(4)] public int A;
    [FieldOffset(8)] public int B;
    [FieldOffset(12)] public int C;
    /// <summary>In place of B and C.</summary>
    [FieldOffset(8)] public long Imm;
}

/// <summary>A defined function of a module as callers see it; in native memory, one for each, at the same place as long as the module lives.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InterpFunc
{
    /// <summary>Null until the first call.</summary>
    public Word* Code;
    /// <summary>Units of the logical stack; what follows is right once there is code.</summary>
    public int FrameUnits;
    /// <summary>Bytes of the parameters, of all locals, of the whole frame.</summary>
    public int ParamBytes;
    public int LocalBytes;
    public int FrameBytes;
    /// <summary>References: parameters, all places.</summary>
    public int RefParams;
    public int RefSlots;
    /// <summary>Among the defined functions.</summary>
    public int Index;
    /// <summary>References among the results.</summary>
    public int RefResults;
    /// <summary>Where a module has both tiers: the entry point of the compiled function, 0 while there is none, and how the loop calls it (InterpLeave).</summary>
    public nint Native;
    public nint Leave;

    /// <summary>Gives the function its code: last of all, because other threads may call it at once. The words' address, to be freed by the caller.</summary>
    public static nint Publish(nint at, Word[] words, int units, int paramBytes, int localBytes, int frameBytes, int refParams, int refSlots,
        int refResults)
    {
        var f = (InterpFunc*)at;
        var code = (Word*)NativeMemory.AlignedAlloc((nuint)(16 * words.Length), 16);
        words.CopyTo(new Span<Word>(code, words.Length));
        InterpChain.Published(words);
        f->FrameUnits = units;
        f->ParamBytes = paramBytes;
        f->LocalBytes = localBytes;
        f->FrameBytes = frameBytes;
        f->RefParams = refParams;
        f->RefSlots = refSlots;
        f->RefResults = refResults;
        Volatile.Write(ref *(nint*)&f->Code, (nint)code);
        return (nint)code;
    }

    /// <summary>The compiled function is there: how it is called first, because other threads may look at once.</summary>
    public static void Join(nint at, nint native, nint leave)
    {
        var f = (InterpFunc*)at;
        f->Leave = leave;
        Volatile.Write(ref f->Native, native);
    }

    /// <summary>From now on the function's first word leads to compiled code.</summary>
    public static void Switch(nint at)
    {
        var word = (Word*)Volatile.Read(ref *(nint*)&((InterpFunc*)at)->Code);
        if (word != null && word->Op == (ushort)IOp.Heat) Volatile.Write(ref word->Op, (ushort)IOp.Native);
    }

    /// <summary>The same for a loop, by its word.</summary>
    public static void Switch(nint at, int index, nint method, nint leave, int frameBytes)
    {
        var word = ((InterpFunc*)at)->Code + index;
        if (word->Op != (ushort)IOp.LoopHeat) return;
        var entry = (LoopEntry*)word->Imm;
        entry->Leave = leave;
        entry->FrameBytes = frameBytes;
        Volatile.Write(ref entry->Code, method);
        Volatile.Write(ref word->Op, (ushort)IOp.LoopNative);
    }

    /// <summary>A wish that found no place: some events later there is another.</summary>
    public static void Cool(nint at, int index, int events)
    {
        var word = ((InterpFunc*)at)->Code + index;
        if (word->Op == (ushort)IOp.LoopHeat || word->Op == (ushort)IOp.Heat) word->A = events;
    }
}

/// <summary>A loop that compiled code can be entered at, in native memory beside the words.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoopEntry
{
    /// <summary>The method, 0 while there is none; how the loop calls it; bytes of native stack that its own frame may take.</summary>
    public nint Code;
    public nint Leave;
    public nint FrameBytes;
    /// <summary>Gas that the iteration has paid when the loop's word is reached: compiled code begins before the charge.</summary>
    public long Charge;

    public static unsafe void Begin(nint at, long charge) => ((LoopEntry*)at)->Charge = charge;
}

/// <summary>What a call keeps of its caller.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct InterpFrame
{
    public Word* Ip;
    public byte* Fp;
    public InterpFunc* Func;
    public nint Context;
    public int Refs;
    public int Units;
}

/// <summary>Who executes words: the loop, and the chain once this process has executed enough of them; the loop alone; the chain from the start; the loop,
/// and the chain once another thread has made it.</summary>
internal enum InterpMode
{
    Warm, Loop, Chain, Background,
}

/// <summary>A run of the loop: what it needs less often than at each instruction. Ip is right where something may end the run.</summary>
internal unsafe struct InterpRun
{
    public InterpStack Stack;
    /// <summary>The stack's references, and where the frame's begin.</summary>
    public object?[] Refs;
    public int Base;
    /// <summary>Units that are left.</summary>
    public int Units;
    public InterpFunc* Func;
    public InterpFrame* Top;
    public StoreBlock* Store;
    public Word* Ip;
    /// <summary>Where the chain was left, with Ip.</summary>
    public byte* Fp;
    public nint Context;
    public long Gas;
    /// <summary>Handlers, or null for the loop alone; null for good where that is asked for.</summary>
    public nint* Chain;
    public InterpMode Mode;
}

/// <summary>Instructions of the interpreter. W is the second word.</summary>
internal enum IOp : ushort
{
    // Returns to whoever entered the loop.
    Exit,
    // Imm: gas. The second also looks for an interrupt; the third does nothing else.
    Charge, ChargePoll, Poll,
    Unreachable,
    // By C bytes, if A is so.
    Br, BrNz, BrZ, BrNull, BrNonNull,
    // A: index, B: number of words that follow, one a target; the last is the default.
    BrTable,
    // Results go to the start of the frame: none, the number or vector at A, B bytes at A and W.A references at C.
    Return, Return64, ReturnVec, ReturnRef, ReturnMany,
    // A: where the arguments start, C: their references; W.Imm: the InterpFunc.
    Call,
    // W.A: function index, W.B: its entry in the instance's block.
    CallImport,
    // B: index; W.A: table, W.B: type, W.C: its slot in the block, W.X: 1 when subtypes are asked for, 2 when the index has 64 bits.
    CallIndirect,
    // B: the reference.
    CallRef,
    // The same, with the arguments at the start of the frame.
    ReturnCall, ReturnCallImport, ReturnCallIndirect, ReturnCallRef,
    // A := B.
    Move, MoveVec, MoveRef,
    // C bytes (references) from B to A, upwards.
    Copy, CopyRefs,
    // A := Imm; A := W as 16 bytes; A := null.
    Const, ConstVec, NullRef,
    // A := W.A <> 0 ? B : C.
    Select, SelectVec, SelectRef,
    // A := the global's cell at B; Far: at the address in it. Stores: the cell at A := B.
    GlobalGet, GlobalGetFar, GlobalSet32, GlobalSet64, GlobalSet32Far, GlobalSet64Far,
    // A := reference B is null.
    RefIsNull,
    // A := address of X bytes at B + C in the first memory, checked.
    At,
    // By X, out of line: see InterpRare, InterpGc, InterpAtomics; vectors (InterpVec) take two operands, or a third in W.A.
    Rare, Gc, Atomic, Vec,
    // A: the tag; B, C: where its values start; A: the exception.
    Throw, ThrowRef,

    // The instructions 0x45 to 0xC4 in the order of their opcodes, then the saturating conversions: A := B op C.
    I32Eqz, I32Eq, I32Ne, I32LtS, I32LtU, I32GtS, I32GtU, I32LeS, I32LeU, I32GeS, I32GeU, I64Eqz, I64Eq, I64Ne, I64LtS, I64LtU, I64GtS, I64GtU,
    I64LeS, I64LeU, I64GeS, I64GeU, F32Eq, F32Ne, F32Lt, F32Gt, F32Le, F32Ge, F64Eq, F64Ne, F64Lt, F64Gt, F64Le, F64Ge, I32Clz, I32Ctz, I32Popcnt,
    I32Add, I32Sub, I32Mul, I32DivS, I32DivU, I32RemS, I32RemU, I32And, I32Or, I32Xor, I32Shl, I32ShrS, I32ShrU, I32Rotl, I32Rotr, I64Clz, I64Ctz,
    I64Popcnt, I64Add, I64Sub, I64Mul, I64DivS, I64DivU, I64RemS, I64RemU, I64And, I64Or, I64Xor, I64Shl, I64ShrS, I64ShrU, I64Rotl, I64Rotr, F32Abs,
    F32Neg, F32Ceil, F32Floor, F32Trunc, F32Nearest, F32Sqrt, F32Add, F32Sub, F32Mul, F32Div, F32Min, F32Max, F32Copysign, F64Abs, F64Neg, F64Ceil,
    F64Floor, F64Trunc, F64Nearest, F64Sqrt, F64Add, F64Sub, F64Mul, F64Div, F64Min, F64Max, F64Copysign, I32WrapI64, I32TruncF32S, I32TruncF32U,
    I32TruncF64S, I32TruncF64U, I64ExtendI32S, I64ExtendI32U, I64TruncF32S, I64TruncF32U, I64TruncF64S, I64TruncF64U, F32ConvertI32S, F32ConvertI32U,
    F32ConvertI64S, F32ConvertI64U, F32DemoteF64, F64ConvertI32S, F64ConvertI32U, F64ConvertI64S, F64ConvertI64U, F64PromoteF32, I32ReinterpretF32,
    I64ReinterpretF64, F32ReinterpretI32, F64ReinterpretI64, I32Extend8S, I32Extend16S, I64Extend8S, I64Extend16S, I64Extend32S, I32TruncSatF32S,
    I32TruncSatF32U, I32TruncSatF64S, I32TruncSatF64U, I64TruncSatF32S, I64TruncSatF32U, I64TruncSatF64S, I64TruncSatF64U,

    // Comparisons and arithmetic with a constant: A := B op constant C.
    I32EqK, I32NeK, I32LtSK, I32LtUK, I32GtSK, I32GtUK, I32LeSK, I32LeUK, I32GeSK, I32GeUK, I32AddK, I32SubK, I32MulK, I32DivSK, I32DivUK, I32RemSK,
    I32RemUK, I32AndK, I32OrK, I32XorK, I32ShlK, I32ShrSK, I32ShrUK, I32RotlK, I32RotrK, I64EqK, I64NeK, I64LtSK, I64LtUK, I64GtSK, I64GtUK, I64LeSK,
    I64LeUK, I64GeSK, I64GeUK, I64AddK, I64SubK, I64MulK, I64DivSK, I64DivUK, I64RemSK, I64RemUK, I64AndK, I64OrK, I64XorK, I64ShlK, I64ShrSK,
    I64ShrUK, I64RotlK, I64RotrK,

    // Compare and branch: of A and B (or constant B), by C bytes. Each conditional branch, when it is not taken, pays X for the block that follows.
    BrI32Eq, BrI32Ne, BrI32LtS, BrI32LtU, BrI32GtS, BrI32GtU, BrI32LeS, BrI32LeU, BrI32GeS, BrI32GeU, BrI32EqK, BrI32NeK, BrI32LtSK, BrI32LtUK,
    BrI32GtSK, BrI32GtUK, BrI32LeSK, BrI32LeUK, BrI32GeSK, BrI32GeUK, BrI64Eq, BrI64Ne, BrI64LtS, BrI64LtU, BrI64GtS, BrI64GtU, BrI64LeS, BrI64LeU,
    BrI64GeS, BrI64GeU, BrI64EqK, BrI64NeK, BrI64LtSK, BrI64LtUK, BrI64GtSK, BrI64GtUK, BrI64LeSK, BrI64LeUK, BrI64GeSK, BrI64GeUK, BrF32Eq, BrF32Ne,
    BrF32Lt, BrF32Gt, BrF32Le, BrF32Ge, BrNotF32Eq, BrNotF32Ne, BrNotF32Lt, BrNotF32Gt, BrNotF32Le, BrNotF32Ge, BrF64Eq, BrF64Ne, BrF64Lt, BrF64Gt,
    BrF64Le, BrF64Ge, BrNotF64Eq, BrNotF64Ne, BrNotF64Lt, BrNotF64Gt, BrNotF64Le, BrNotF64Ge,

    // Accesses to a first memory of 32-bit addresses: A := [B + C], [A + C] := B.
    Load32, Load64, Load8SI32, Load8UI32, Load16SI32, Load16UI32, Load8SI64, Load8UI64, Load16SI64, Load16UI64, Load32SI64, Load32UI64, Store32,
    Store64, Store8, Store16, V128Load, V128Store,

    // The same at (B plus constant C) + X and at (B plus C) + X, sums of 32 bits; stores: A in place of B.
    Load32K, Load64K, Load8SI32K, Load8UI32K, Load16SI32K, Load16UI32K, Load8SI64K, Load8UI64K, Load16SI64K, Load16UI64K, Load32SI64K, Load32UI64K,
    Store32K, Store64K, Store8K, Store16K, Load32Add, Load64Add, Load8SI32Add, Load8UI32Add, Load16SI32Add, Load16UI32Add, Load8SI64Add,
    Load8UI64Add, Load16SI64Add, Load16UI64Add, Load32SI64Add, Load32UI64Add, Store32Add, Store64Add, Store8Add, Store16Add,

    // Accesses at the address that At has checked.
    AtLoad32, AtLoad64, AtLoad8SI32, AtLoad8UI32, AtLoad16SI32, AtLoad16UI32, AtLoad8SI64, AtLoad8UI64, AtLoad16SI64, AtLoad16UI64, AtLoad32SI64,
    AtLoad32UI64, AtStore32, AtStore64, AtStore8, AtStore16,

    // Branches to a Charge or ChargePoll, which they do themselves when they are taken; in the order of the plain ones.
    PayBr, PayBrNz, PayBrZ, PayBrI32Eq, PayBrI32Ne, PayBrI32LtS, PayBrI32LtU, PayBrI32GtS, PayBrI32GtU, PayBrI32LeS, PayBrI32LeU, PayBrI32GeS, PayBrI32GeU,
    PayBrI32EqK, PayBrI32NeK, PayBrI32LtSK, PayBrI32LtUK, PayBrI32GtSK, PayBrI32GtUK, PayBrI32LeSK, PayBrI32LeUK, PayBrI32GeSK, PayBrI32GeUK, PayBrI64Eq,
    PayBrI64Ne, PayBrI64LtS, PayBrI64LtU, PayBrI64GtS, PayBrI64GtU, PayBrI64LeS, PayBrI64LeU, PayBrI64GeS, PayBrI64GeU, PayBrI64EqK, PayBrI64NeK, PayBrI64LtSK,
    PayBrI64LtUK, PayBrI64GtSK, PayBrI64GtUK, PayBrI64LeSK, PayBrI64LeUK, PayBrI64GeSK, PayBrI64GeUK, PayBrF32Eq, PayBrF32Ne, PayBrF32Lt, PayBrF32Gt,
    PayBrF32Le, PayBrF32Ge, PayBrNotF32Eq, PayBrNotF32Ne, PayBrNotF32Lt, PayBrNotF32Gt, PayBrNotF32Le, PayBrNotF32Ge, PayBrF64Eq, PayBrF64Ne, PayBrF64Lt,
    PayBrF64Gt, PayBrF64Le, PayBrF64Ge, PayBrNotF64Eq, PayBrNotF64Ne, PayBrNotF64Lt, PayBrNotF64Gt, PayBrNotF64Le, PayBrNotF64Ge,

    // Where a module has both tiers. A function's first word; A: calls that are left until it is hot; and the same word once the function is compiled.
    Heat, Native,
    // After a loop's charge; X: its number, A: iterations that are left, Imm: its LoopEntry; and the same word once compiled code can be entered here.
    LoopHeat, LoopNative,

    Count,
}
