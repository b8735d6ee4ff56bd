// The interpreter's loop: one switch over instruction words; calls between interpreted functions stay inside.
// In: a function, its arguments at the start of its frame, s.Units. Out: results at the same place, or an exception on its way (StoreBlock.Pending);
// traps and other endings are .NET exceptions, thrown when gas and position have been written back.
//
// Written for RyuJIT: operands are read straight from the frame, what is rare is another method's, and what is not needed at each instruction is in
// InterpRun, so that ip, fp, ctx and gas stay in registers. A result is computed before its place, or the place would be kept on the stack meanwhile.
// NaN becomes canonical at each arithmetic instruction, unlike in compiled code, which it is compared with.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

#pragma warning disable CS1718 // d == d is the test for NaN

internal static unsafe class InterpLoop
{
    // The first memory's slot comes right after the instance's head.
    private const int MemoryBase = InstanceBlock.HeadSize;
    private const int MemoryLength = InstanceBlock.HeadSize + 8;
    private const int InterruptOffset = 16;

    private const int Nan32 = 0x7FC00000;
    private const long Nan64 = 0x7FF8000000000000;

    /// <summary>Runs a function and all that it calls.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ref InterpRun s, nint ctx, byte* fp)
    {
        long gas = s.Store->Gas;
        Word* ip;
        InterpFunc* callee;
        FuncEntry* entry;
        Function? target;
        nint context, native, leave;
        ulong at;
        double d = 0;
        float f;
        int op;
        int code, i32;
        uint u32;
        long i64;
        ulong u64;

        s.Top->Ip = InterpStack.Exit;
        s.Top->Fp = fp;
        s.Top->Func = s.Func;
        s.Top->Context = ctx;
        s.Top->Refs = s.Base;
        s.Top->Units = s.Units;
        s.Top++;

    Enter:
        if (Volatile.Read(ref *(nint*)&s.Func->Code) == 0)
        {
            s.Ip = null;
            InterpCalls.Translate(ctx, s.Func->Index);
        }

        if (s.Chain == null) InterpChain.Warm(ref s);
        ip = s.Func->Code;
        s.Units -= s.Func->FrameUnits;
        if (s.Units < 0) goto NoStack;
        for (byte* p = fp + s.Func->ParamBytes; p < fp + s.Func->LocalBytes; p += 8) *(long*)p = 0;
        if (s.Func->RefSlots != 0) s.Refs = s.Stack.Prepare(s.Func, s.Base);

        while (true)
        {
            if (s.Chain != null)
            {
                // Until something comes up that is the loop's.
#pragma warning disable CS8500 // The run stands on this thread's stack, where nothing moves it.
                ((delegate*<Word*, byte*, nint, long, void*, nint*, void>)s.Chain[ip->Op])(ip, fp, ctx, gas, Unsafe.AsPointer(ref s), s.Chain);
#pragma warning restore CS8500
                ip = s.Ip;
                fp = s.Fp;
                ctx = s.Context;
                gas = s.Gas;
            }

            op = (ip++)->Op;
        Again:
            switch ((IOp)op)
            {
                case IOp.Exit:
                    s.Store->Gas = gas;
                    return;
                case IOp.Charge:
                    gas -= ip[-1].Imm;
                    if (gas < 0) goto NoGas;
                    continue;
                case IOp.ChargePoll:
                    gas -= ip[-1].Imm;
                    if (gas < Volatile.Read(ref *(long*)(ctx + InterruptOffset))) goto NoGas;
                    continue;
                case IOp.Poll:
                    if (Volatile.Read(ref *(long*)(ctx + InterruptOffset)) != 0) goto Interrupted;
                    continue;
                case IOp.Unreachable:
                    code = (int)TrapCode.Unreachable;
                    goto Trap;
                case IOp.Br: goto Jump;
                case IOp.BrNz: if (*(int*)(fp + ip[-1].A) != 0) goto Jump; goto Pay;
                case IOp.BrZ: if (*(int*)(fp + ip[-1].A) == 0) goto Jump; goto Pay;
                case IOp.BrNull: if (s.Refs[s.Base + ip[-1].A] is null) goto Jump; goto Pay;
                case IOp.BrNonNull: if (s.Refs[s.Base + ip[-1].A] is not null) goto Jump; goto Pay;
                case IOp.BrTable:
                    ip += Math.Min(*(uint*)(fp + ip[-1].A), (uint)ip[-1].B - 1);
                    ip = (Word*)((byte*)(ip + 1) + ip->C);
                    continue;

                // ---- returns

                case IOp.Return64:
                    *(long*)fp = *(long*)(fp + ip[-1].A);
                    goto case IOp.Return;
                case IOp.ReturnVec:
                    *(Vector128<byte>*)fp = *(Vector128<byte>*)(fp + ip[-1].A);
                    goto case IOp.Return;
                case IOp.Return:
                    if (s.Func->RefSlots != 0) Array.Clear(s.Refs, s.Base, s.Func->RefSlots);
                    goto Leave;
                case IOp.ReturnRef:
                    s.Refs[s.Base] = s.Refs[s.Base + ip[-1].A];
                    Array.Clear(s.Refs, s.Base + 1, s.Func->RefSlots - 1);
                    goto Leave;
                case IOp.ReturnMany:
                    InterpCalls.ReturnMany(fp, s.Refs, s.Base, ip - 1, s.Func->RefSlots);
                    goto Leave;

                // ---- calls: the callee's frame begins at its arguments

                case IOp.Call:
                    callee = (InterpFunc*)ip->Imm;
                    s.Top->Ip = ip + 1;
                    s.Top->Fp = fp;
                    s.Top->Func = s.Func;
                    s.Top->Context = ctx;
                    s.Top->Refs = s.Base;
                    s.Top->Units = s.Units;
                    s.Top++;
                    fp += ip[-1].A;
                    s.Base += ip[-1].C;
                    s.Func = callee;
                    goto Enter;
                case IOp.CallImport:
                    entry = (FuncEntry*)(ctx + ip->B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Import(ctx, ip->A);
                        goto CallOut;
                    }

                    goto CallEntry;
                case IOp.CallIndirect:
                    s.Ip = ip - 1;
                    s.Store->Gas = gas;
                    entry = InterpCalls.Indirect(ctx, ip, fp + ip[-1].B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Element(ctx, ip, fp + ip[-1].B);
                        goto CallOut;
                    }

                    goto CallEntry;
                case IOp.CallRef:
                    target = Unsafe.As<Function?>(s.Refs[s.Base + ip[-1].B]);
                    if (target is null) goto NullReference;
                    context = target.Context;
                    callee = (InterpFunc*)target.Interpreted;
                    if (callee == null) goto CallOut;
                    goto CallContext;
                case IOp.ReturnCall:
                    if (s.Func->RefSlots != 0) InterpCalls.Drop(s.Refs, s.Base, s.Func, ip - 1);
                    s.Units += s.Func->FrameUnits;
                    s.Func = (InterpFunc*)ip->Imm;
                    goto Enter;
                case IOp.ReturnCallImport:
                    entry = (FuncEntry*)(ctx + ip->B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Import(ctx, ip->A);
                        goto LeaveTo;
                    }

                    goto ContinueEntry;
                case IOp.ReturnCallIndirect:
                    s.Ip = ip - 1;
                    s.Store->Gas = gas;
                    entry = InterpCalls.Indirect(ctx, ip, fp + ip[-1].B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Element(ctx, ip, fp + ip[-1].B);
                        goto LeaveTo;
                    }

                    goto ContinueEntry;
                case IOp.ReturnCallRef:
                    target = Unsafe.As<Function?>(s.Refs[s.Base + ip[-1].B]);
                    if (target is null) goto NullReference;
                    if (target.Interpreted == 0) goto LeaveTo;
                    if (s.Func->RefSlots != 0) InterpCalls.Drop(s.Refs, s.Base, s.Func, ip - 1);
                    s.Units += s.Func->FrameUnits;
                    s.Func = (InterpFunc*)target.Interpreted;
                    ctx = target.Context;
                    goto Enter;

                // ---- moves, constants, globals

                case IOp.Move: i64 = *(long*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.MoveVec: *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(fp + ip[-1].B); continue;
                case IOp.MoveRef: s.Refs[s.Base + ip[-1].A] = s.Refs[s.Base + ip[-1].B]; continue;
                case IOp.Copy: Buffer.MemoryCopy(fp + ip[-1].B, fp + ip[-1].A, ip[-1].C, ip[-1].C); continue;
                case IOp.CopyRefs: Array.Copy(s.Refs, s.Base + ip[-1].B, s.Refs, s.Base + ip[-1].A, ip[-1].C); continue;
                case IOp.Const: i64 = ip[-1].Imm; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.ConstVec:
                    *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)ip;
                    ip++;
                    continue;
                case IOp.NullRef: s.Refs[s.Base + ip[-1].A] = null; continue;
                // Without a branch: it would be mispredicted half of the time, and the dispatch after it with it.
                case IOp.Select:
                    i32 = *(int*)(fp + ip->A);
                    i32 = ip[-1].B ^ ((ip[-1].B ^ ip[-1].C) & (i32 == 0 ? -1 : 0));
                    i64 = *(long*)(fp + i32);
                    *(long*)(fp + ip[-1].A) = i64;
                    ip++;
                    continue;
                case IOp.SelectVec:
                    i32 = *(int*)(fp + ip->A);
                    i32 = ip[-1].B ^ ((ip[-1].B ^ ip[-1].C) & (i32 == 0 ? -1 : 0));
                    *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(fp + i32);
                    ip++;
                    continue;
                case IOp.SelectRef:
                    s.Refs[s.Base + ip[-1].A] = s.Refs[s.Base + (*(int*)(fp + ip->A) != 0 ? ip[-1].B : ip[-1].C)];
                    ip++;
                    continue;
                case IOp.GlobalGet: i64 = *(long*)(ctx + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.GlobalGetFar: i64 = **(long**)(ctx + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.GlobalSet32: *(int*)(ctx + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet64: *(long*)(ctx + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet32Far: **(int**)(ctx + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet64Far: **(long**)(ctx + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.RefIsNull: i32 = s.Refs[s.Base + ip[-1].B] is null ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.At:
                    at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C;
                    if (at + ip[-1].X > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds;
                    *(byte**)(fp + ip[-1].A) = *(byte**)(ctx + MemoryBase) + at;
                    continue;

                // ---- out of line: gas and position are written back, because all of these may end the run

                case IOp.Rare:
                    s.Store->Gas = gas;
                    s.Ip = ip - 1;
                    ip = InterpRare.Run(ip - 1, fp, s.Refs, s.Base, ctx);
                    gas = s.Store->Gas;
                    continue;
                case IOp.Gc:
                    s.Store->Gas = gas;
                    s.Ip = ip - 1;
                    ip = InterpGc.Run(ip - 1, fp, s.Refs, s.Base, ctx);
                    gas = s.Store->Gas;
                    continue;
                case IOp.Atomic:
                    s.Store->Gas = gas;
                    s.Ip = ip - 1;
                    ip = InterpAtomics.Run(ip - 1, fp, ctx);
                    gas = s.Store->Gas;
                    continue;
                case IOp.Vec:
                    ip = InterpVec.Run(ip - 1, fp);
                    continue;

                // ---- exceptions

                case IOp.Throw:
                    s.Store->Gas = gas;
                    s.Ip = ip - 1;
                    InterpThrows.Throw(ctx, ip - 1, fp, s.Refs, s.Base);
                    s.Stack.ThrownAt(ip - 1, s.Func);
                    goto Handlers;
                case IOp.ThrowRef:
                    s.Store->Gas = gas;
                    s.Ip = ip - 1;
                    Rt.ThrowRef(ctx, s.Refs[s.Base + ip[-1].A]);
                    s.Stack.ThrownAt(ip - 1, s.Func);
                    goto Handlers;

                // ---- numbers and memory

                case IOp.I32Eqz: i32 = *(int*)(fp + ip[-1].B) == 0 ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Eq: i32 = *(int*)(fp + ip[-1].B) == *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Ne: i32 = *(int*)(fp + ip[-1].B) != *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LtS: i32 = *(int*)(fp + ip[-1].B) < *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LtU: i32 = *(uint*)(fp + ip[-1].B) < *(uint*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GtS: i32 = *(int*)(fp + ip[-1].B) > *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GtU: i32 = *(uint*)(fp + ip[-1].B) > *(uint*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LeS: i32 = *(int*)(fp + ip[-1].B) <= *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LeU: i32 = *(uint*)(fp + ip[-1].B) <= *(uint*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GeS: i32 = *(int*)(fp + ip[-1].B) >= *(int*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GeU: i32 = *(uint*)(fp + ip[-1].B) >= *(uint*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64Eqz: i32 = *(long*)(fp + ip[-1].B) == 0 ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64Eq: i32 = *(long*)(fp + ip[-1].B) == *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64Ne: i32 = *(long*)(fp + ip[-1].B) != *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LtS: i32 = *(long*)(fp + ip[-1].B) < *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LtU: i32 = *(ulong*)(fp + ip[-1].B) < *(ulong*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GtS: i32 = *(long*)(fp + ip[-1].B) > *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GtU: i32 = *(ulong*)(fp + ip[-1].B) > *(ulong*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LeS: i32 = *(long*)(fp + ip[-1].B) <= *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LeU: i32 = *(ulong*)(fp + ip[-1].B) <= *(ulong*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GeS: i32 = *(long*)(fp + ip[-1].B) >= *(long*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GeU: i32 = *(ulong*)(fp + ip[-1].B) >= *(ulong*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Eq: i32 = *(float*)(fp + ip[-1].B) == *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Ne: i32 = *(float*)(fp + ip[-1].B) != *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Lt: i32 = *(float*)(fp + ip[-1].B) < *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Gt: i32 = *(float*)(fp + ip[-1].B) > *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Le: i32 = *(float*)(fp + ip[-1].B) <= *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Ge: i32 = *(float*)(fp + ip[-1].B) >= *(float*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Eq: i32 = *(double*)(fp + ip[-1].B) == *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Ne: i32 = *(double*)(fp + ip[-1].B) != *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Lt: i32 = *(double*)(fp + ip[-1].B) < *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Gt: i32 = *(double*)(fp + ip[-1].B) > *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Le: i32 = *(double*)(fp + ip[-1].B) <= *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Ge: i32 = *(double*)(fp + ip[-1].B) >= *(double*)(fp + ip[-1].C) ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Clz: i32 = BitOperations.LeadingZeroCount(*(uint*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Ctz: i32 = BitOperations.TrailingZeroCount(*(uint*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Popcnt: i32 = BitOperations.PopCount(*(uint*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Add: i32 = *(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Sub: i32 = *(int*)(fp + ip[-1].B) - *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Mul: i32 = *(int*)(fp + ip[-1].B) * *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32DivS: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; if (*(int*)(fp + ip[-1].C) == -1 && *(int*)(fp + ip[-1].B) == int.MinValue) goto Overflow; i32 = *(int*)(fp + ip[-1].B) / *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32DivU: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; u32 = *(uint*)(fp + ip[-1].B) / *(uint*)(fp + ip[-1].C); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32RemS: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; i32 = *(int*)(fp + ip[-1].C) == -1 ? 0 : *(int*)(fp + ip[-1].B) % *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32RemU: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; u32 = *(uint*)(fp + ip[-1].B) % *(uint*)(fp + ip[-1].C); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32And: i32 = *(int*)(fp + ip[-1].B) & *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Or: i32 = *(int*)(fp + ip[-1].B) | *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Xor: i32 = *(int*)(fp + ip[-1].B) ^ *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Shl: i32 = *(int*)(fp + ip[-1].B) << *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32ShrS: i32 = *(int*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32ShrU: u32 = *(uint*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32Rotl: u32 = BitOperations.RotateLeft(*(uint*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32Rotr: u32 = BitOperations.RotateRight(*(uint*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I64Clz: i64 = BitOperations.LeadingZeroCount(*(ulong*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Ctz: i64 = BitOperations.TrailingZeroCount(*(ulong*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Popcnt: i64 = BitOperations.PopCount(*(ulong*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Add: i64 = *(long*)(fp + ip[-1].B) + *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Sub: i64 = *(long*)(fp + ip[-1].B) - *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Mul: i64 = *(long*)(fp + ip[-1].B) * *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64DivS: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; if (*(long*)(fp + ip[-1].C) == -1 && *(long*)(fp + ip[-1].B) == long.MinValue) goto Overflow; i64 = *(long*)(fp + ip[-1].B) / *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64DivU: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; u64 = *(ulong*)(fp + ip[-1].B) / *(ulong*)(fp + ip[-1].C); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64RemS: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; i64 = *(long*)(fp + ip[-1].C) == -1 ? 0 : *(long*)(fp + ip[-1].B) % *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64RemU: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; u64 = *(ulong*)(fp + ip[-1].B) % *(ulong*)(fp + ip[-1].C); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64And: i64 = *(long*)(fp + ip[-1].B) & *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Or: i64 = *(long*)(fp + ip[-1].B) | *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Xor: i64 = *(long*)(fp + ip[-1].B) ^ *(long*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Shl: i64 = *(long*)(fp + ip[-1].B) << *(int*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ShrS: i64 = *(long*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ShrU: u64 = *(ulong*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64Rotl: u64 = BitOperations.RotateLeft(*(ulong*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64Rotr: u64 = BitOperations.RotateRight(*(ulong*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.F32Abs: i32 = *(int*)(fp + ip[-1].B) & int.MaxValue; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Neg: i32 = *(int*)(fp + ip[-1].B) ^ int.MinValue; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Ceil: f = MathF.Ceiling(*(float*)(fp + ip[-1].B)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Floor: f = MathF.Floor(*(float*)(fp + ip[-1].B)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Trunc: f = MathF.Truncate(*(float*)(fp + ip[-1].B)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Nearest: f = MathF.Round(*(float*)(fp + ip[-1].B)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Sqrt: f = MathF.Sqrt(*(float*)(fp + ip[-1].B)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Add: f = *(float*)(fp + ip[-1].B) + *(float*)(fp + ip[-1].C); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Sub: f = *(float*)(fp + ip[-1].B) - *(float*)(fp + ip[-1].C); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Mul: f = *(float*)(fp + ip[-1].B) * *(float*)(fp + ip[-1].C); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Div: f = *(float*)(fp + ip[-1].B) / *(float*)(fp + ip[-1].C); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Min: f = Num.Min32(*(float*)(fp + ip[-1].B), *(float*)(fp + ip[-1].C)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Max: f = Num.Max32(*(float*)(fp + ip[-1].B), *(float*)(fp + ip[-1].C)); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F32Copysign: i32 = (*(int*)(fp + ip[-1].B) & int.MaxValue) | (*(int*)(fp + ip[-1].C) & int.MinValue); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64Abs: i64 = *(long*)(fp + ip[-1].B) & long.MaxValue; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Neg: i64 = *(long*)(fp + ip[-1].B) ^ long.MinValue; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Ceil: d = Math.Ceiling(*(double*)(fp + ip[-1].B)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Floor: d = Math.Floor(*(double*)(fp + ip[-1].B)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Trunc: d = Math.Truncate(*(double*)(fp + ip[-1].B)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Nearest: d = Math.Round(*(double*)(fp + ip[-1].B)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Sqrt: d = Math.Sqrt(*(double*)(fp + ip[-1].B)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Add: d = *(double*)(fp + ip[-1].B) + *(double*)(fp + ip[-1].C); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Sub: d = *(double*)(fp + ip[-1].B) - *(double*)(fp + ip[-1].C); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Mul: d = *(double*)(fp + ip[-1].B) * *(double*)(fp + ip[-1].C); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Div: d = *(double*)(fp + ip[-1].B) / *(double*)(fp + ip[-1].C); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Min: d = Num.Min64(*(double*)(fp + ip[-1].B), *(double*)(fp + ip[-1].C)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Max: d = Num.Max64(*(double*)(fp + ip[-1].B), *(double*)(fp + ip[-1].C)); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F64Copysign: i64 = (*(long*)(fp + ip[-1].B) & long.MaxValue) | (*(long*)(fp + ip[-1].C) & long.MinValue); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I32WrapI64: i32 = (int)*(long*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncF32S: d = *(float*)(fp + ip[-1].B); if (!(d > -2147483649.0 && d < 2147483648.0)) goto BadTruncation; i32 = (int)d; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncF32U: d = *(float*)(fp + ip[-1].B); if (!(d > -1.0 && d < 4294967296.0)) goto BadTruncation; i32 = Num.F64ToU32(d); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncF64S: d = *(double*)(fp + ip[-1].B); if (!(d > -2147483649.0 && d < 2147483648.0)) goto BadTruncation; i32 = (int)d; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncF64U: d = *(double*)(fp + ip[-1].B); if (!(d > -1.0 && d < 4294967296.0)) goto BadTruncation; i32 = Num.F64ToU32(d); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64ExtendI32S: i64 = *(int*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ExtendI32U: i64 = *(uint*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncF32S: d = *(float*)(fp + ip[-1].B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) goto BadTruncation; i64 = (long)d; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncF32U: d = *(float*)(fp + ip[-1].B); if (!(d > -1.0 && d < 18446744073709551616.0)) goto BadTruncation; i64 = Num.F64ToU64(d); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncF64S: d = *(double*)(fp + ip[-1].B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) goto BadTruncation; i64 = (long)d; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncF64U: d = *(double*)(fp + ip[-1].B); if (!(d > -1.0 && d < 18446744073709551616.0)) goto BadTruncation; i64 = Num.F64ToU64(d); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F32ConvertI32S: f = *(int*)(fp + ip[-1].B); *(float*)(fp + ip[-1].A) = f; continue;
                case IOp.F32ConvertI32U: f = (float)(long)*(uint*)(fp + ip[-1].B); *(float*)(fp + ip[-1].A) = f; continue;
                case IOp.F32ConvertI64S: f = *(long*)(fp + ip[-1].B); *(float*)(fp + ip[-1].A) = f; continue;
                case IOp.F32ConvertI64U: f = Num.U64ToF32(*(long*)(fp + ip[-1].B)); *(float*)(fp + ip[-1].A) = f; continue;
                case IOp.F32DemoteF64: f = (float)*(double*)(fp + ip[-1].B); i32 = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64ConvertI32S: d = *(int*)(fp + ip[-1].B); *(double*)(fp + ip[-1].A) = d; continue;
                case IOp.F64ConvertI32U: d = (double)(long)*(uint*)(fp + ip[-1].B); *(double*)(fp + ip[-1].A) = d; continue;
                case IOp.F64ConvertI64S: d = *(long*)(fp + ip[-1].B); *(double*)(fp + ip[-1].A) = d; continue;
                case IOp.F64ConvertI64U: d = Num.U64ToF64(*(long*)(fp + ip[-1].B)); *(double*)(fp + ip[-1].A) = d; continue;
                case IOp.F64PromoteF32: d = *(float*)(fp + ip[-1].B); i64 = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I32ReinterpretF32: i32 = *(int*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64ReinterpretF64: i64 = *(long*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.F32ReinterpretI32: i32 = *(int*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.F64ReinterpretI64: i64 = *(long*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I32Extend8S: i32 = *(sbyte*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32Extend16S: i32 = *(short*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64Extend8S: i64 = *(sbyte*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Extend16S: i64 = *(short*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64Extend32S: i64 = *(int*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I32TruncSatF32S: i32 = Num.SatF32I32S(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncSatF32U: i32 = Num.SatF32I32U(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncSatF64S: i32 = Num.SatF64I32S(*(double*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32TruncSatF64U: i32 = Num.SatF64I32U(*(double*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64TruncSatF32S: i64 = Num.SatF32I64S(*(float*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncSatF32U: i64 = Num.SatF32I64U(*(float*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncSatF64S: i64 = Num.SatF64I64S(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64TruncSatF64U: i64 = Num.SatF64I64U(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I32EqK: i32 = *(int*)(fp + ip[-1].B) == ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32NeK: i32 = *(int*)(fp + ip[-1].B) != ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LtSK: i32 = *(int*)(fp + ip[-1].B) < ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LtUK: i32 = *(uint*)(fp + ip[-1].B) < (uint)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GtSK: i32 = *(int*)(fp + ip[-1].B) > ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GtUK: i32 = *(uint*)(fp + ip[-1].B) > (uint)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LeSK: i32 = *(int*)(fp + ip[-1].B) <= ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32LeUK: i32 = *(uint*)(fp + ip[-1].B) <= (uint)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GeSK: i32 = *(int*)(fp + ip[-1].B) >= ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32GeUK: i32 = *(uint*)(fp + ip[-1].B) >= (uint)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32AddK: i32 = *(int*)(fp + ip[-1].B) + ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32SubK: i32 = *(int*)(fp + ip[-1].B) - ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32MulK: i32 = *(int*)(fp + ip[-1].B) * ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32DivSK: i32 = *(int*)(fp + ip[-1].B) / ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32DivUK: u32 = *(uint*)(fp + ip[-1].B) / (uint)ip[-1].C; *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32RemSK: i32 = *(int*)(fp + ip[-1].B) % ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32RemUK: u32 = *(uint*)(fp + ip[-1].B) % (uint)ip[-1].C; *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32AndK: i32 = *(int*)(fp + ip[-1].B) & ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32OrK: i32 = *(int*)(fp + ip[-1].B) | ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32XorK: i32 = *(int*)(fp + ip[-1].B) ^ ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32ShlK: i32 = *(int*)(fp + ip[-1].B) << ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32ShrSK: i32 = *(int*)(fp + ip[-1].B) >> ip[-1].C; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I32ShrUK: u32 = *(uint*)(fp + ip[-1].B) >> ip[-1].C; *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32RotlK: u32 = BitOperations.RotateLeft(*(uint*)(fp + ip[-1].B), ip[-1].C); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I32RotrK: u32 = BitOperations.RotateRight(*(uint*)(fp + ip[-1].B), ip[-1].C); *(uint*)(fp + ip[-1].A) = u32; continue;
                case IOp.I64EqK: i32 = *(long*)(fp + ip[-1].B) == ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64NeK: i32 = *(long*)(fp + ip[-1].B) != ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LtSK: i32 = *(long*)(fp + ip[-1].B) < ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LtUK: i32 = *(ulong*)(fp + ip[-1].B) < (ulong)(long)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GtSK: i32 = *(long*)(fp + ip[-1].B) > ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GtUK: i32 = *(ulong*)(fp + ip[-1].B) > (ulong)(long)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LeSK: i32 = *(long*)(fp + ip[-1].B) <= ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64LeUK: i32 = *(ulong*)(fp + ip[-1].B) <= (ulong)(long)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GeSK: i32 = *(long*)(fp + ip[-1].B) >= ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64GeUK: i32 = *(ulong*)(fp + ip[-1].B) >= (ulong)(long)ip[-1].C ? 1 : 0; *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.I64AddK: i64 = *(long*)(fp + ip[-1].B) + ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64SubK: i64 = *(long*)(fp + ip[-1].B) - ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64MulK: i64 = *(long*)(fp + ip[-1].B) * ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64DivSK: i64 = *(long*)(fp + ip[-1].B) / ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64DivUK: u64 = *(ulong*)(fp + ip[-1].B) / (ulong)(long)ip[-1].C; *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64RemSK: i64 = *(long*)(fp + ip[-1].B) % ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64RemUK: u64 = *(ulong*)(fp + ip[-1].B) % (ulong)(long)ip[-1].C; *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64AndK: i64 = *(long*)(fp + ip[-1].B) & ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64OrK: i64 = *(long*)(fp + ip[-1].B) | (long)ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64XorK: i64 = *(long*)(fp + ip[-1].B) ^ ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ShlK: i64 = *(long*)(fp + ip[-1].B) << ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ShrSK: i64 = *(long*)(fp + ip[-1].B) >> ip[-1].C; *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.I64ShrUK: u64 = *(ulong*)(fp + ip[-1].B) >> ip[-1].C; *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64RotlK: u64 = BitOperations.RotateLeft(*(ulong*)(fp + ip[-1].B), ip[-1].C); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.I64RotrK: u64 = BitOperations.RotateRight(*(ulong*)(fp + ip[-1].B), ip[-1].C); *(ulong*)(fp + ip[-1].A) = u64; continue;
                case IOp.BrI32Eq: if (*(int*)(fp + ip[-1].A) == *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32Ne: if (*(int*)(fp + ip[-1].A) != *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32LtS: if (*(int*)(fp + ip[-1].A) < *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32LtU: if (*(uint*)(fp + ip[-1].A) < *(uint*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32GtS: if (*(int*)(fp + ip[-1].A) > *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32GtU: if (*(uint*)(fp + ip[-1].A) > *(uint*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32LeS: if (*(int*)(fp + ip[-1].A) <= *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32LeU: if (*(uint*)(fp + ip[-1].A) <= *(uint*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32GeS: if (*(int*)(fp + ip[-1].A) >= *(int*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32GeU: if (*(uint*)(fp + ip[-1].A) >= *(uint*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI32EqK: if (*(int*)(fp + ip[-1].A) == ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32NeK: if (*(int*)(fp + ip[-1].A) != ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32LtSK: if (*(int*)(fp + ip[-1].A) < ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32LtUK: if (*(uint*)(fp + ip[-1].A) < (uint)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32GtSK: if (*(int*)(fp + ip[-1].A) > ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32GtUK: if (*(uint*)(fp + ip[-1].A) > (uint)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32LeSK: if (*(int*)(fp + ip[-1].A) <= ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32LeUK: if (*(uint*)(fp + ip[-1].A) <= (uint)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32GeSK: if (*(int*)(fp + ip[-1].A) >= ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI32GeUK: if (*(uint*)(fp + ip[-1].A) >= (uint)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64Eq: if (*(long*)(fp + ip[-1].A) == *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64Ne: if (*(long*)(fp + ip[-1].A) != *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64LtS: if (*(long*)(fp + ip[-1].A) < *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64LtU: if (*(ulong*)(fp + ip[-1].A) < *(ulong*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64GtS: if (*(long*)(fp + ip[-1].A) > *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64GtU: if (*(ulong*)(fp + ip[-1].A) > *(ulong*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64LeS: if (*(long*)(fp + ip[-1].A) <= *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64LeU: if (*(ulong*)(fp + ip[-1].A) <= *(ulong*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64GeS: if (*(long*)(fp + ip[-1].A) >= *(long*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64GeU: if (*(ulong*)(fp + ip[-1].A) >= *(ulong*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrI64EqK: if (*(long*)(fp + ip[-1].A) == ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64NeK: if (*(long*)(fp + ip[-1].A) != ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64LtSK: if (*(long*)(fp + ip[-1].A) < ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64LtUK: if (*(ulong*)(fp + ip[-1].A) < (ulong)(long)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64GtSK: if (*(long*)(fp + ip[-1].A) > ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64GtUK: if (*(ulong*)(fp + ip[-1].A) > (ulong)(long)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64LeSK: if (*(long*)(fp + ip[-1].A) <= ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64LeUK: if (*(ulong*)(fp + ip[-1].A) <= (ulong)(long)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64GeSK: if (*(long*)(fp + ip[-1].A) >= ip[-1].B) goto Jump; goto Pay;
                case IOp.BrI64GeUK: if (*(ulong*)(fp + ip[-1].A) >= (ulong)(long)ip[-1].B) goto Jump; goto Pay;
                case IOp.BrF32Eq: if (*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF32Ne: if (*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF32Lt: if (*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF32Gt: if (*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF32Le: if (*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF32Ge: if (*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrNotF32Eq: if (!(*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF32Ne: if (!(*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF32Lt: if (!(*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF32Gt: if (!(*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF32Le: if (!(*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF32Ge: if (!(*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrF64Eq: if (*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF64Ne: if (*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF64Lt: if (*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF64Gt: if (*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF64Le: if (*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrF64Ge: if (*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B)) goto Jump; goto Pay;
                case IOp.BrNotF64Eq: if (!(*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF64Ne: if (!(*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF64Lt: if (!(*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF64Gt: if (!(*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF64Le: if (!(*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.BrNotF64Ge: if (!(*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B))) goto Jump; goto Pay;
                case IOp.Load32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8SI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8UI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16SI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16UI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Store32: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + ip[-1].B); continue;
                case IOp.Store64: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + ip[-1].B); continue;
                case IOp.Store8: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.Store16: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + ip[-1].B); continue;
                case IOp.Load32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8SI32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8UI32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16SI32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16UI32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8SI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8UI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16SI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16UI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32SI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32UI64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + ip[-1].C) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Store32K: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + ip[-1].C) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + ip[-1].B); continue;
                case IOp.Store64K: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + ip[-1].C) + ip[-1].X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + ip[-1].B); continue;
                case IOp.Store8K: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + ip[-1].C) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.Store16K: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + ip[-1].C) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + ip[-1].B); continue;
                case IOp.Load32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(long*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8SI32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8UI32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16SI32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load16UI32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i32 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.Load8SI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(sbyte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load8UI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(byte*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16SI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(short*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load16UI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(ushort*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32SI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(int*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Load32UI64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; i64 = *(uint*)(*(byte**)(ctx + MemoryBase) + at); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.Store32Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(*(byte**)(ctx + MemoryBase) + at) = *(int*)(fp + ip[-1].B); continue;
                case IOp.Store64Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(*(byte**)(ctx + MemoryBase) + at) = *(long*)(fp + ip[-1].B); continue;
                case IOp.Store8Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(byte*)(*(byte**)(ctx + MemoryBase) + at) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.Store16Add: at = (ulong)(uint)(*(int*)(fp + ip[-1].A) + *(int*)(fp + ip[-1].C)) + ip[-1].X; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(short*)(*(byte**)(ctx + MemoryBase) + at) = *(short*)(fp + ip[-1].B); continue;
                case IOp.V128Load: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(*(byte**)(ctx + MemoryBase) + at); continue;
                case IOp.V128Store: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(Vector128<byte>*)(*(byte**)(ctx + MemoryBase) + at) = *(Vector128<byte>*)(fp + ip[-1].B); continue;
                case IOp.AtLoad32: i32 = **(int**)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.AtLoad64: i64 = **(long**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad8SI32: i32 = **(sbyte**)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.AtLoad8UI32: i32 = **(byte**)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.AtLoad16SI32: i32 = **(short**)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.AtLoad16UI32: i32 = **(ushort**)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = i32; continue;
                case IOp.AtLoad8SI64: i64 = **(sbyte**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad8UI64: i64 = **(byte**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad16SI64: i64 = **(short**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad16UI64: i64 = **(ushort**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad32SI64: i64 = **(int**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtLoad32UI64: i64 = **(uint**)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = i64; continue;
                case IOp.AtStore32: **(int**)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.AtStore64: **(long**)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.AtStore8: **(byte**)(fp + ip[-1].A) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.AtStore16: **(short**)(fp + ip[-1].A) = *(short*)(fp + ip[-1].B); continue;

                // ---- branches to a charge

                case IOp.PayBr: goto JumpPaying;
                case IOp.PayBrNz: if (*(int*)(fp + ip[-1].A) != 0) goto JumpPaying; goto Pay;
                case IOp.PayBrZ: if (*(int*)(fp + ip[-1].A) == 0) goto JumpPaying; goto Pay;
                case IOp.PayBrI32Eq: if (*(int*)(fp + ip[-1].A) == *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32Ne: if (*(int*)(fp + ip[-1].A) != *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LtS: if (*(int*)(fp + ip[-1].A) < *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LtU: if (*(uint*)(fp + ip[-1].A) < *(uint*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GtS: if (*(int*)(fp + ip[-1].A) > *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GtU: if (*(uint*)(fp + ip[-1].A) > *(uint*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LeS: if (*(int*)(fp + ip[-1].A) <= *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LeU: if (*(uint*)(fp + ip[-1].A) <= *(uint*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GeS: if (*(int*)(fp + ip[-1].A) >= *(int*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GeU: if (*(uint*)(fp + ip[-1].A) >= *(uint*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI32EqK: if (*(int*)(fp + ip[-1].A) == ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32NeK: if (*(int*)(fp + ip[-1].A) != ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LtSK: if (*(int*)(fp + ip[-1].A) < ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LtUK: if (*(uint*)(fp + ip[-1].A) < (uint)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GtSK: if (*(int*)(fp + ip[-1].A) > ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GtUK: if (*(uint*)(fp + ip[-1].A) > (uint)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LeSK: if (*(int*)(fp + ip[-1].A) <= ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32LeUK: if (*(uint*)(fp + ip[-1].A) <= (uint)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GeSK: if (*(int*)(fp + ip[-1].A) >= ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI32GeUK: if (*(uint*)(fp + ip[-1].A) >= (uint)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64Eq: if (*(long*)(fp + ip[-1].A) == *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64Ne: if (*(long*)(fp + ip[-1].A) != *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LtS: if (*(long*)(fp + ip[-1].A) < *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LtU: if (*(ulong*)(fp + ip[-1].A) < *(ulong*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GtS: if (*(long*)(fp + ip[-1].A) > *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GtU: if (*(ulong*)(fp + ip[-1].A) > *(ulong*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LeS: if (*(long*)(fp + ip[-1].A) <= *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LeU: if (*(ulong*)(fp + ip[-1].A) <= *(ulong*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GeS: if (*(long*)(fp + ip[-1].A) >= *(long*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GeU: if (*(ulong*)(fp + ip[-1].A) >= *(ulong*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrI64EqK: if (*(long*)(fp + ip[-1].A) == ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64NeK: if (*(long*)(fp + ip[-1].A) != ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LtSK: if (*(long*)(fp + ip[-1].A) < ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LtUK: if (*(ulong*)(fp + ip[-1].A) < (ulong)(long)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GtSK: if (*(long*)(fp + ip[-1].A) > ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GtUK: if (*(ulong*)(fp + ip[-1].A) > (ulong)(long)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LeSK: if (*(long*)(fp + ip[-1].A) <= ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64LeUK: if (*(ulong*)(fp + ip[-1].A) <= (ulong)(long)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GeSK: if (*(long*)(fp + ip[-1].A) >= ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrI64GeUK: if (*(ulong*)(fp + ip[-1].A) >= (ulong)(long)ip[-1].B) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Eq: if (*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Ne: if (*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Lt: if (*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Gt: if (*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Le: if (*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF32Ge: if (*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Eq: if (!(*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Ne: if (!(*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Lt: if (!(*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Gt: if (!(*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Le: if (!(*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF32Ge: if (!(*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Eq: if (*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Ne: if (*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Lt: if (*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Gt: if (*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Le: if (*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrF64Ge: if (*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B)) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Eq: if (!(*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Ne: if (!(*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Lt: if (!(*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Gt: if (!(*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Le: if (!(*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;
                case IOp.PayBrNotF64Ge: if (!(*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B))) goto JumpPaying; goto Pay;

                // ---- both tiers: what gets hot goes on in compiled code. The words behind these stay right for whoever does not.

                case IOp.Heat:
                    if (ip[-1].A > 0)
                    {
                        ip[-1].A--;
                        continue;
                    }

                    ip[-1].A = int.MaxValue;
                    InterpCalls.Hot(ctx, s.Func->Index, -1);
                    goto case IOp.Native;
                case IOp.Native:
                    // A frame that nothing has been done in: the compiled function takes its arguments and its place.
                    native = Volatile.Read(ref s.Func->Native);
                    if (native == 0) continue;
                    leave = s.Func->Leave;
                    goto GoOn;
                case IOp.LoopHeat:
                    if (ip[-1].A > 0)
                    {
                        ip[-1].A--;
                        continue;
                    }

                    ip[-1].A = int.MaxValue;
                    InterpCalls.Hot(ctx, s.Func->Index, ip[-1].X);
                    goto case IOp.LoopNative;
                case IOp.LoopNative:
                    native = Volatile.Read(ref ((LoopEntry*)ip[-1].Imm)->Code);
                    // The method does not look at the native stack itself; with little left (or an interrupt on its way) the frame stays here.
                    if (native == 0 || !InterpCalls.HasStack(ctx, ((LoopEntry*)ip[-1].Imm)->FrameBytes)) continue;
                    leave = ((LoopEntry*)ip[-1].Imm)->Leave;
                    gas += ((LoopEntry*)ip[-1].Imm)->Charge;
                    goto GoOn;

                default:
                    if (op > (int)IOp.Count && op < InterpChain.Most)
                    {
                        op = (int)InterpChain.Plain((ushort)op);
                        goto Again;
                    }

                    throw new InvalidOperationException($"no such instruction of the interpreter: {ip[-1].Op}");
            }

        Jump:
            ip = (Word*)((byte*)ip + ip[-1].C);
            continue;

        JumpPaying:
            // The charge stands at the target; an end is its end.
            if (s.Chain == null) InterpChain.Warm(ref s);
            ip = (Word*)((byte*)ip + ip[-1].C) + 1;
            gas -= ip[-1].Imm;
            if (gas < Volatile.Read(ref *(long*)(ctx + InterruptOffset))) goto NoGas;
            continue;

        Pay:
            // The charge of the block that a branch which is not taken falls into.
            gas -= ip[-1].X;
            if (gas < 0) goto NoGas;
            continue;

        CallEntry:
            callee = (InterpFunc*)entry->Interpreted;
            context = entry->Context;
        CallContext:
            s.Top->Ip = ip + 1;
            s.Top->Fp = fp;
            s.Top->Func = s.Func;
            s.Top->Context = ctx;
            s.Top->Refs = s.Base;
            s.Top->Units = s.Units;
            s.Top++;
            fp += ip[-1].A;
            s.Base += ip[-1].C;
            s.Func = callee;
            ctx = context;
            goto Enter;

        ContinueEntry:
            if (s.Func->RefSlots != 0) InterpCalls.Drop(s.Refs, s.Base, s.Func, ip - 1);
            s.Units += s.Func->FrameUnits;
            s.Func = (InterpFunc*)entry->Interpreted;
            ctx = entry->Context;
            goto Enter;

        CallOut:
            s.Store->Gas = gas;
            s.Ip = ip - 1;
            s.Stack.TopFrame = s.Top;
            s.Stack.TopSlot = fp + s.Func->FrameBytes;
            s.Stack.TopRef = s.Base + s.Func->RefSlots;
            InterpCalls.Out(s.Stack, ctx, target, fp + ip[-1].A, s.Base + ip[-1].C, s.Units);
            s.Refs = s.Stack.Refs;
            s.Stack.Cleared = int.MaxValue;
            gas = s.Store->Gas;
            ip++;
            if (s.Store->Pending != 0) goto Unwound;
            continue;

        LeaveTo:
            // A tail call out of the loop: its results are this frame's, and an exception of it is this frame's caller's. The frame's place is given up:
            // whoever is called has taken the arguments from it before anything runs there.
            s.Store->Gas = gas;
            s.Ip = ip - 1;
            s.Stack.TopFrame = s.Top;
            s.Stack.TopSlot = fp;
            s.Stack.TopRef = s.Base;
            InterpCalls.Out(s.Stack, ctx, target, fp, s.Base, s.Units + s.Func->FrameUnits);
            s.Refs = s.Stack.Refs;
            s.Stack.Cleared = int.MaxValue;
            gas = s.Store->Gas;
            if (s.Store->Pending != 0) goto LeaveThrowing;
            InterpCalls.ClearAfter(s.Refs, s.Base, s.Func, target);
            goto Leave;

        GoOn:
            // Like a tail call out of the loop: the units are the caller's, the frame's place is given up, results and exceptions are its caller's.
            s.Store->Gas = gas;
            s.Ip = ip - 1;
            s.Stack.TopFrame = s.Top;
            s.Stack.TopSlot = fp;
            s.Stack.TopRef = s.Base;
            ((delegate*<InterpStack, nint, nint, int, nint, int, void>)leave)(s.Stack, native, ctx, s.Units + s.Func->FrameUnits, (nint)fp, s.Base);
            s.Refs = s.Stack.Refs;
            s.Stack.Cleared = int.MaxValue;
            gas = s.Store->Gas;
            if (s.Store->Pending != 0) goto LeaveThrowing;
            if (s.Func->RefSlots > s.Func->RefResults) Array.Clear(s.Refs, s.Base + s.Func->RefResults, s.Func->RefSlots - s.Func->RefResults);
            goto Leave;

        Leave:
            s.Top--;
            ip = s.Top->Ip;
            fp = s.Top->Fp;
            s.Func = s.Top->Func;
            s.Base = s.Top->Refs;
            s.Units = s.Top->Units;
            if (ctx != s.Top->Context)
            {
                ctx = s.Top->Context;
            }

            continue;

        Unwound:
            gas -= 10;
            if (gas < 0) throw Rt.OutOfGas(ctx, gas);
        Handlers:
            ip = InterpThrows.Handler(ctx, s.Ip, s.Func, fp, s.Refs, s.Base);
            if (ip != null) continue;
        LeaveThrowing:
            if (s.Func->RefSlots != 0) Array.Clear(s.Refs, s.Base, s.Func->RefSlots);
            s.Top--;
            if (s.Top->Ip == InterpStack.Exit)
            {
                s.Store->Gas = gas;
                return;
            }

            ip = s.Top->Ip;
            fp = s.Top->Fp;
            s.Func = s.Top->Func;
            s.Base = s.Top->Refs;
            s.Units = s.Top->Units;
            ctx = s.Top->Context;
            s.Ip = ip - 2;
            goto Unwound;
        }

        // ---- endings

    OutOfBounds:
        s.Store->Gas = gas;
        s.Ip = ip - 1;
        throw InterpCalls.OutOfBounds(ctx, ip - 1, at);
    BadTruncation:
        s.Store->Gas = gas;
        s.Ip = ip - 1;
        throw Rt.TrapTrunc(d);
    DivideByZero:
        code = (int)TrapCode.IntegerDivideByZero;
        goto Trap;
    Overflow:
        code = (int)TrapCode.IntegerOverflow;
        goto Trap;
    NullReference:
        code = (int)TrapCode.NullReference;
    Trap:
        s.Store->Gas = gas;
        s.Ip = ip - 1;
        throw Rt.Trap(code);
    NoGas:
        s.Ip = ip - 1;
        throw Rt.OutOfGas(ctx, gas);
    Interrupted:
        s.Store->Gas = gas;
        s.Ip = ip - 1;
        throw Rt.Interrupted(ctx);
    NoStack:
        s.Store->Gas = gas;
        s.Ip = s.Func->Code;
        throw Rt.StackExhausted(ctx);
    }
}
