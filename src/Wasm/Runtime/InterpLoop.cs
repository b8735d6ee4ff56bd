// The interpreter's loop: one switch over instruction words; calls between interpreted functions stay inside.
// In: a function, its arguments at the start of its frame, units. Out: results at the same place, or an exception on its way (StoreBlock.Pending);
// traps and other endings are .NET exceptions, thrown when gas and position have been written back.
//
// Written for RyuJIT: operands are read straight from the frame, what is rare is another method's, and locals are few, so that ip, fp, ctx, mem and gas
// stay in registers. NaN becomes canonical at each arithmetic instruction, unlike in compiled code, which it is compared with.

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

    /// <summary>Runs a function and all that it calls. `units` are what its caller has left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(InterpStack stack, InterpState* state, InterpFunc* func, nint ctx, byte* fp, int rb, int units)
    {
        var store = *(StoreBlock**)ctx;
        var refs = stack.Refs;
        var top = stack.TopFrame;
        byte* mem = *(byte**)(ctx + MemoryBase);
        long gas = store->Gas;
        Word* ip;
        InterpFunc* callee;
        FuncEntry* entry;
        Function? target;
        nint context;
        ulong at;
        double d = 0;
        float f;
        int code;

        top->Ip = InterpStack.Exit;
        top->Fp = fp;
        top->Func = func;
        top->Context = ctx;
        top->Refs = rb;
        top->Units = units;
        top++;

    Enter:
        if (Volatile.Read(ref *(nint*)&func->Code) == 0)
        {
            state->Func = func;
            state->Ip = null;
            InterpCalls.Translate(ctx, func->Index);
        }

        ip = func->Code;
        units -= func->FrameUnits;
        if (units < 0) goto NoStack;
        for (byte* p = fp + func->ParamBytes; p < fp + func->LocalBytes; p += 8) *(long*)p = 0;
        if (func->RefSlots != 0) refs = stack.Prepare(func, rb);

        while (true)
        {
            switch ((IOp)(ip++)->Op)
            {
                case IOp.Exit:
                    store->Gas = gas;
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
                case IOp.Br: ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNz: if (*(int*)(fp + ip[-1].A) != 0) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrZ: if (*(int*)(fp + ip[-1].A) == 0) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNull: if (refs[rb + ip[-1].A] is null) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNonNull: if (refs[rb + ip[-1].A] is not null) ip = (Word*)((byte*)ip + ip[-1].C); continue;
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
                    if (func->RefSlots != 0) Array.Clear(refs, rb, func->RefSlots);
                    goto Leave;
                case IOp.ReturnRef:
                    refs[rb] = refs[rb + ip[-1].A];
                    Array.Clear(refs, rb + 1, func->RefSlots - 1);
                    goto Leave;
                case IOp.ReturnMany:
                    InterpCalls.ReturnMany(fp, refs, rb, ip - 1, func->RefSlots);
                    goto Leave;

                // ---- calls: the callee's frame begins at its arguments

                case IOp.Call:
                    callee = (InterpFunc*)ip->Imm;
                    top->Ip = ip + 1;
                    top->Fp = fp;
                    top->Func = func;
                    top->Context = ctx;
                    top->Refs = rb;
                    top->Units = units;
                    top++;
                    fp += ip[-1].A;
                    rb += ip[-1].C;
                    func = callee;
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
                    state->Func = func;
                    state->Ip = ip - 1;
                    store->Gas = gas;
                    entry = InterpCalls.Indirect(ctx, ip, fp + ip[-1].B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Element(ctx, ip, fp + ip[-1].B);
                        goto CallOut;
                    }

                    goto CallEntry;
                case IOp.CallRef:
                    target = Unsafe.As<Function?>(refs[rb + ip[-1].B]);
                    if (target is null) goto NullReference;
                    context = target.Context;
                    callee = (InterpFunc*)target.Interpreted;
                    if (callee == null) goto CallOut;
                    goto CallContext;
                case IOp.ReturnCall:
                    if (func->RefSlots != 0) InterpCalls.Drop(refs, rb, func, ip - 1);
                    units += func->FrameUnits;
                    func = (InterpFunc*)ip->Imm;
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
                    state->Func = func;
                    state->Ip = ip - 1;
                    store->Gas = gas;
                    entry = InterpCalls.Indirect(ctx, ip, fp + ip[-1].B);
                    if (entry->Interpreted == 0)
                    {
                        target = InterpCalls.Element(ctx, ip, fp + ip[-1].B);
                        goto LeaveTo;
                    }

                    goto ContinueEntry;
                case IOp.ReturnCallRef:
                    target = Unsafe.As<Function?>(refs[rb + ip[-1].B]);
                    if (target is null) goto NullReference;
                    if (target.Interpreted == 0) goto LeaveTo;
                    if (func->RefSlots != 0) InterpCalls.Drop(refs, rb, func, ip - 1);
                    units += func->FrameUnits;
                    func = (InterpFunc*)target.Interpreted;
                    ctx = target.Context;
                    mem = *(byte**)(ctx + MemoryBase);
                    goto Enter;

                // ---- moves, constants, globals

                case IOp.Move: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.MoveVec: *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(fp + ip[-1].B); continue;
                case IOp.MoveRef: refs[rb + ip[-1].A] = refs[rb + ip[-1].B]; continue;
                case IOp.Copy: Buffer.MemoryCopy(fp + ip[-1].B, fp + ip[-1].A, ip[-1].C, ip[-1].C); continue;
                case IOp.CopyRefs: Array.Copy(refs, rb + ip[-1].B, refs, rb + ip[-1].A, ip[-1].C); continue;
                case IOp.Const: *(long*)(fp + ip[-1].A) = ip[-1].Imm; continue;
                case IOp.ConstVec:
                    *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)ip;
                    ip++;
                    continue;
                case IOp.NullRef: refs[rb + ip[-1].A] = null; continue;
                case IOp.Select:
                    *(long*)(fp + ip[-1].A) = *(int*)(fp + ip->A) != 0 ? *(long*)(fp + ip[-1].B) : *(long*)(fp + ip[-1].C);
                    ip++;
                    continue;
                case IOp.SelectVec:
                    *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(fp + (*(int*)(fp + ip->A) != 0 ? ip[-1].B : ip[-1].C));
                    ip++;
                    continue;
                case IOp.SelectRef:
                    refs[rb + ip[-1].A] = refs[rb + (*(int*)(fp + ip->A) != 0 ? ip[-1].B : ip[-1].C)];
                    ip++;
                    continue;
                case IOp.GlobalGet: *(long*)(fp + ip[-1].A) = *(long*)(ctx + ip[-1].B); continue;
                case IOp.GlobalGetFar: *(long*)(fp + ip[-1].A) = **(long**)(ctx + ip[-1].B); continue;
                case IOp.GlobalSet32: *(int*)(ctx + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet64: *(long*)(ctx + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet32Far: **(int**)(ctx + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.GlobalSet64Far: **(long**)(ctx + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.RefIsNull: *(int*)(fp + ip[-1].A) = refs[rb + ip[-1].B] is null ? 1 : 0; continue;
                case IOp.At:
                    at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C;
                    if (at + ip[-1].X > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds;
                    *(byte**)(fp + ip[-1].A) = mem + at;
                    continue;

                // ---- out of line: gas and position are written back, because all of these may end the run

                case IOp.Rare:
                    store->Gas = gas;
                    state->Func = func;
                    state->Ip = ip - 1;
                    ip = InterpRare.Run(ip - 1, fp, refs, rb, ctx);
                    gas = store->Gas;
                    continue;
                case IOp.Gc:
                    store->Gas = gas;
                    state->Func = func;
                    state->Ip = ip - 1;
                    ip = InterpGc.Run(ip - 1, fp, refs, rb, ctx);
                    gas = store->Gas;
                    continue;
                case IOp.Atomic:
                    store->Gas = gas;
                    state->Func = func;
                    state->Ip = ip - 1;
                    ip = InterpAtomics.Run(ip - 1, fp, ctx);
                    gas = store->Gas;
                    continue;
                case IOp.Vec:
                    ip = InterpVec.Run(ip - 1, fp);
                    continue;

                // ---- exceptions

                case IOp.Throw:
                    store->Gas = gas;
                    state->Func = func;
                    state->Ip = ip - 1;
                    InterpThrows.Throw(ctx, ip - 1, fp, refs, rb);
                    stack.ThrownAt(state);
                    goto Handlers;
                case IOp.ThrowRef:
                    store->Gas = gas;
                    state->Func = func;
                    state->Ip = ip - 1;
                    Rt.ThrowRef(ctx, refs[rb + ip[-1].A]);
                    stack.ThrownAt(state);
                    goto Handlers;

                // ---- numbers and memory

                case IOp.I32Eqz: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) == 0 ? 1 : 0; continue;
                case IOp.I32Eq: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) == *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32Ne: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) != *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32LtS: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) < *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32LtU: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) < *(uint*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32GtS: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) > *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32GtU: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) > *(uint*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32LeS: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) <= *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32LeU: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) <= *(uint*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32GeS: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) >= *(int*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32GeU: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) >= *(uint*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64Eqz: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) == 0 ? 1 : 0; continue;
                case IOp.I64Eq: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) == *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64Ne: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) != *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64LtS: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) < *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64LtU: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) < *(ulong*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64GtS: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) > *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64GtU: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) > *(ulong*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64LeS: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) <= *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64LeU: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) <= *(ulong*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64GeS: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) >= *(long*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I64GeU: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) >= *(ulong*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Eq: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) == *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Ne: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) != *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Lt: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) < *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Gt: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) > *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Le: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) <= *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F32Ge: *(int*)(fp + ip[-1].A) = *(float*)(fp + ip[-1].B) >= *(float*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Eq: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) == *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Ne: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) != *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Lt: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) < *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Gt: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) > *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Le: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) <= *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.F64Ge: *(int*)(fp + ip[-1].A) = *(double*)(fp + ip[-1].B) >= *(double*)(fp + ip[-1].C) ? 1 : 0; continue;
                case IOp.I32Clz: *(int*)(fp + ip[-1].A) = BitOperations.LeadingZeroCount(*(uint*)(fp + ip[-1].B)); continue;
                case IOp.I32Ctz: *(int*)(fp + ip[-1].A) = BitOperations.TrailingZeroCount(*(uint*)(fp + ip[-1].B)); continue;
                case IOp.I32Popcnt: *(int*)(fp + ip[-1].A) = BitOperations.PopCount(*(uint*)(fp + ip[-1].B)); continue;
                case IOp.I32Add: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) + *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Sub: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) - *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Mul: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) * *(int*)(fp + ip[-1].C); continue;
                case IOp.I32DivS: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; if (*(int*)(fp + ip[-1].C) == -1 && *(int*)(fp + ip[-1].B) == int.MinValue) goto Overflow; *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) / *(int*)(fp + ip[-1].C); continue;
                case IOp.I32DivU: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) / *(uint*)(fp + ip[-1].C); continue;
                case IOp.I32RemS: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].C) == -1 ? 0 : *(int*)(fp + ip[-1].B) % *(int*)(fp + ip[-1].C); continue;
                case IOp.I32RemU: if (*(int*)(fp + ip[-1].C) == 0) goto DivideByZero; *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) % *(uint*)(fp + ip[-1].C); continue;
                case IOp.I32And: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) & *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Or: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) | *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Xor: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) ^ *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Shl: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) << *(int*)(fp + ip[-1].C); continue;
                case IOp.I32ShrS: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); continue;
                case IOp.I32ShrU: *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); continue;
                case IOp.I32Rotl: *(uint*)(fp + ip[-1].A) = BitOperations.RotateLeft(*(uint*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); continue;
                case IOp.I32Rotr: *(uint*)(fp + ip[-1].A) = BitOperations.RotateRight(*(uint*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); continue;
                case IOp.I64Clz: *(long*)(fp + ip[-1].A) = BitOperations.LeadingZeroCount(*(ulong*)(fp + ip[-1].B)); continue;
                case IOp.I64Ctz: *(long*)(fp + ip[-1].A) = BitOperations.TrailingZeroCount(*(ulong*)(fp + ip[-1].B)); continue;
                case IOp.I64Popcnt: *(long*)(fp + ip[-1].A) = BitOperations.PopCount(*(ulong*)(fp + ip[-1].B)); continue;
                case IOp.I64Add: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) + *(long*)(fp + ip[-1].C); continue;
                case IOp.I64Sub: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) - *(long*)(fp + ip[-1].C); continue;
                case IOp.I64Mul: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) * *(long*)(fp + ip[-1].C); continue;
                case IOp.I64DivS: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; if (*(long*)(fp + ip[-1].C) == -1 && *(long*)(fp + ip[-1].B) == long.MinValue) goto Overflow; *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) / *(long*)(fp + ip[-1].C); continue;
                case IOp.I64DivU: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) / *(ulong*)(fp + ip[-1].C); continue;
                case IOp.I64RemS: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].C) == -1 ? 0 : *(long*)(fp + ip[-1].B) % *(long*)(fp + ip[-1].C); continue;
                case IOp.I64RemU: if (*(long*)(fp + ip[-1].C) == 0) goto DivideByZero; *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) % *(ulong*)(fp + ip[-1].C); continue;
                case IOp.I64And: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) & *(long*)(fp + ip[-1].C); continue;
                case IOp.I64Or: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) | *(long*)(fp + ip[-1].C); continue;
                case IOp.I64Xor: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) ^ *(long*)(fp + ip[-1].C); continue;
                case IOp.I64Shl: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) << *(int*)(fp + ip[-1].C); continue;
                case IOp.I64ShrS: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); continue;
                case IOp.I64ShrU: *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) >> *(int*)(fp + ip[-1].C); continue;
                case IOp.I64Rotl: *(ulong*)(fp + ip[-1].A) = BitOperations.RotateLeft(*(ulong*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); continue;
                case IOp.I64Rotr: *(ulong*)(fp + ip[-1].A) = BitOperations.RotateRight(*(ulong*)(fp + ip[-1].B), *(int*)(fp + ip[-1].C)); continue;
                case IOp.F32Abs: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) & int.MaxValue; continue;
                case IOp.F32Neg: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) ^ int.MinValue; continue;
                case IOp.F32Ceil: f = MathF.Ceiling(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Floor: f = MathF.Floor(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Trunc: f = MathF.Truncate(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Nearest: f = MathF.Round(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Sqrt: f = MathF.Sqrt(*(float*)(fp + ip[-1].B)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Add: f = *(float*)(fp + ip[-1].B) + *(float*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Sub: f = *(float*)(fp + ip[-1].B) - *(float*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Mul: f = *(float*)(fp + ip[-1].B) * *(float*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Div: f = *(float*)(fp + ip[-1].B) / *(float*)(fp + ip[-1].C); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Min: f = Num.Min32(*(float*)(fp + ip[-1].B), *(float*)(fp + ip[-1].C)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Max: f = Num.Max32(*(float*)(fp + ip[-1].B), *(float*)(fp + ip[-1].C)); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F32Copysign: *(int*)(fp + ip[-1].A) = (*(int*)(fp + ip[-1].B) & int.MaxValue) | (*(int*)(fp + ip[-1].C) & int.MinValue); continue;
                case IOp.F64Abs: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) & long.MaxValue; continue;
                case IOp.F64Neg: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) ^ long.MinValue; continue;
                case IOp.F64Ceil: d = Math.Ceiling(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Floor: d = Math.Floor(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Trunc: d = Math.Truncate(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Nearest: d = Math.Round(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Sqrt: d = Math.Sqrt(*(double*)(fp + ip[-1].B)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Add: d = *(double*)(fp + ip[-1].B) + *(double*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Sub: d = *(double*)(fp + ip[-1].B) - *(double*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Mul: d = *(double*)(fp + ip[-1].B) * *(double*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Div: d = *(double*)(fp + ip[-1].B) / *(double*)(fp + ip[-1].C); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Min: d = Num.Min64(*(double*)(fp + ip[-1].B), *(double*)(fp + ip[-1].C)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Max: d = Num.Max64(*(double*)(fp + ip[-1].B), *(double*)(fp + ip[-1].C)); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.F64Copysign: *(long*)(fp + ip[-1].A) = (*(long*)(fp + ip[-1].B) & long.MaxValue) | (*(long*)(fp + ip[-1].C) & long.MinValue); continue;
                case IOp.I32WrapI64: *(int*)(fp + ip[-1].A) = (int)*(long*)(fp + ip[-1].B); continue;
                case IOp.I32TruncF32S: d = *(float*)(fp + ip[-1].B); if (!(d > -2147483649.0 && d < 2147483648.0)) goto BadTruncation; *(int*)(fp + ip[-1].A) = (int)d; continue;
                case IOp.I32TruncF32U: d = *(float*)(fp + ip[-1].B); if (!(d > -1.0 && d < 4294967296.0)) goto BadTruncation; *(int*)(fp + ip[-1].A) = Num.F64ToU32(d); continue;
                case IOp.I32TruncF64S: d = *(double*)(fp + ip[-1].B); if (!(d > -2147483649.0 && d < 2147483648.0)) goto BadTruncation; *(int*)(fp + ip[-1].A) = (int)d; continue;
                case IOp.I32TruncF64U: d = *(double*)(fp + ip[-1].B); if (!(d > -1.0 && d < 4294967296.0)) goto BadTruncation; *(int*)(fp + ip[-1].A) = Num.F64ToU32(d); continue;
                case IOp.I64ExtendI32S: *(long*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.I64ExtendI32U: *(long*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B); continue;
                case IOp.I64TruncF32S: d = *(float*)(fp + ip[-1].B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) goto BadTruncation; *(long*)(fp + ip[-1].A) = (long)d; continue;
                case IOp.I64TruncF32U: d = *(float*)(fp + ip[-1].B); if (!(d > -1.0 && d < 18446744073709551616.0)) goto BadTruncation; *(long*)(fp + ip[-1].A) = Num.F64ToU64(d); continue;
                case IOp.I64TruncF64S: d = *(double*)(fp + ip[-1].B); if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) goto BadTruncation; *(long*)(fp + ip[-1].A) = (long)d; continue;
                case IOp.I64TruncF64U: d = *(double*)(fp + ip[-1].B); if (!(d > -1.0 && d < 18446744073709551616.0)) goto BadTruncation; *(long*)(fp + ip[-1].A) = Num.F64ToU64(d); continue;
                case IOp.F32ConvertI32S: *(float*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.F32ConvertI32U: *(float*)(fp + ip[-1].A) = (float)(long)*(uint*)(fp + ip[-1].B); continue;
                case IOp.F32ConvertI64S: *(float*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.F32ConvertI64U: *(float*)(fp + ip[-1].A) = Num.U64ToF32(*(long*)(fp + ip[-1].B)); continue;
                case IOp.F32DemoteF64: f = (float)*(double*)(fp + ip[-1].B); *(int*)(fp + ip[-1].A) = f == f ? BitConverter.SingleToInt32Bits(f) : Nan32; continue;
                case IOp.F64ConvertI32S: *(double*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.F64ConvertI32U: *(double*)(fp + ip[-1].A) = (double)(long)*(uint*)(fp + ip[-1].B); continue;
                case IOp.F64ConvertI64S: *(double*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.F64ConvertI64U: *(double*)(fp + ip[-1].A) = Num.U64ToF64(*(long*)(fp + ip[-1].B)); continue;
                case IOp.F64PromoteF32: d = *(float*)(fp + ip[-1].B); *(long*)(fp + ip[-1].A) = d == d ? BitConverter.DoubleToInt64Bits(d) : Nan64; continue;
                case IOp.I32ReinterpretF32: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.I64ReinterpretF64: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.F32ReinterpretI32: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.F64ReinterpretI64: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.I32Extend8S: *(int*)(fp + ip[-1].A) = *(sbyte*)(fp + ip[-1].B); continue;
                case IOp.I32Extend16S: *(int*)(fp + ip[-1].A) = *(short*)(fp + ip[-1].B); continue;
                case IOp.I64Extend8S: *(long*)(fp + ip[-1].A) = *(sbyte*)(fp + ip[-1].B); continue;
                case IOp.I64Extend16S: *(long*)(fp + ip[-1].A) = *(short*)(fp + ip[-1].B); continue;
                case IOp.I64Extend32S: *(long*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.I32TruncSatF32S: *(int*)(fp + ip[-1].A) = Num.SatF32I32S(*(float*)(fp + ip[-1].B)); continue;
                case IOp.I32TruncSatF32U: *(int*)(fp + ip[-1].A) = Num.SatF32I32U(*(float*)(fp + ip[-1].B)); continue;
                case IOp.I32TruncSatF64S: *(int*)(fp + ip[-1].A) = Num.SatF64I32S(*(double*)(fp + ip[-1].B)); continue;
                case IOp.I32TruncSatF64U: *(int*)(fp + ip[-1].A) = Num.SatF64I32U(*(double*)(fp + ip[-1].B)); continue;
                case IOp.I64TruncSatF32S: *(long*)(fp + ip[-1].A) = Num.SatF32I64S(*(float*)(fp + ip[-1].B)); continue;
                case IOp.I64TruncSatF32U: *(long*)(fp + ip[-1].A) = Num.SatF32I64U(*(float*)(fp + ip[-1].B)); continue;
                case IOp.I64TruncSatF64S: *(long*)(fp + ip[-1].A) = Num.SatF64I64S(*(double*)(fp + ip[-1].B)); continue;
                case IOp.I64TruncSatF64U: *(long*)(fp + ip[-1].A) = Num.SatF64I64U(*(double*)(fp + ip[-1].B)); continue;
                case IOp.I32EqK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) == ip[-1].C ? 1 : 0; continue;
                case IOp.I32NeK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) != ip[-1].C ? 1 : 0; continue;
                case IOp.I32LtSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) < ip[-1].C ? 1 : 0; continue;
                case IOp.I32LtUK: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) < (uint)ip[-1].C ? 1 : 0; continue;
                case IOp.I32GtSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) > ip[-1].C ? 1 : 0; continue;
                case IOp.I32GtUK: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) > (uint)ip[-1].C ? 1 : 0; continue;
                case IOp.I32LeSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) <= ip[-1].C ? 1 : 0; continue;
                case IOp.I32LeUK: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) <= (uint)ip[-1].C ? 1 : 0; continue;
                case IOp.I32GeSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) >= ip[-1].C ? 1 : 0; continue;
                case IOp.I32GeUK: *(int*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) >= (uint)ip[-1].C ? 1 : 0; continue;
                case IOp.I32AddK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) + ip[-1].C; continue;
                case IOp.I32SubK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) - ip[-1].C; continue;
                case IOp.I32MulK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) * ip[-1].C; continue;
                case IOp.I32DivSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) / ip[-1].C; continue;
                case IOp.I32DivUK: *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) / (uint)ip[-1].C; continue;
                case IOp.I32RemSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) % ip[-1].C; continue;
                case IOp.I32RemUK: *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) % (uint)ip[-1].C; continue;
                case IOp.I32AndK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) & ip[-1].C; continue;
                case IOp.I32OrK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) | ip[-1].C; continue;
                case IOp.I32XorK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) ^ ip[-1].C; continue;
                case IOp.I32ShlK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) << ip[-1].C; continue;
                case IOp.I32ShrSK: *(int*)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B) >> ip[-1].C; continue;
                case IOp.I32ShrUK: *(uint*)(fp + ip[-1].A) = *(uint*)(fp + ip[-1].B) >> ip[-1].C; continue;
                case IOp.I32RotlK: *(uint*)(fp + ip[-1].A) = BitOperations.RotateLeft(*(uint*)(fp + ip[-1].B), ip[-1].C); continue;
                case IOp.I32RotrK: *(uint*)(fp + ip[-1].A) = BitOperations.RotateRight(*(uint*)(fp + ip[-1].B), ip[-1].C); continue;
                case IOp.I64EqK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) == ip[-1].C ? 1 : 0; continue;
                case IOp.I64NeK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) != ip[-1].C ? 1 : 0; continue;
                case IOp.I64LtSK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) < ip[-1].C ? 1 : 0; continue;
                case IOp.I64LtUK: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) < (ulong)(long)ip[-1].C ? 1 : 0; continue;
                case IOp.I64GtSK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) > ip[-1].C ? 1 : 0; continue;
                case IOp.I64GtUK: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) > (ulong)(long)ip[-1].C ? 1 : 0; continue;
                case IOp.I64LeSK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) <= ip[-1].C ? 1 : 0; continue;
                case IOp.I64LeUK: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) <= (ulong)(long)ip[-1].C ? 1 : 0; continue;
                case IOp.I64GeSK: *(int*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) >= ip[-1].C ? 1 : 0; continue;
                case IOp.I64GeUK: *(int*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) >= (ulong)(long)ip[-1].C ? 1 : 0; continue;
                case IOp.I64AddK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) + ip[-1].C; continue;
                case IOp.I64SubK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) - ip[-1].C; continue;
                case IOp.I64MulK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) * ip[-1].C; continue;
                case IOp.I64DivSK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) / ip[-1].C; continue;
                case IOp.I64DivUK: *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) / (ulong)(long)ip[-1].C; continue;
                case IOp.I64RemSK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) % ip[-1].C; continue;
                case IOp.I64RemUK: *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) % (ulong)(long)ip[-1].C; continue;
                case IOp.I64AndK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) & ip[-1].C; continue;
                case IOp.I64OrK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) | (long)ip[-1].C; continue;
                case IOp.I64XorK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) ^ ip[-1].C; continue;
                case IOp.I64ShlK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) << ip[-1].C; continue;
                case IOp.I64ShrSK: *(long*)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B) >> ip[-1].C; continue;
                case IOp.I64ShrUK: *(ulong*)(fp + ip[-1].A) = *(ulong*)(fp + ip[-1].B) >> ip[-1].C; continue;
                case IOp.I64RotlK: *(ulong*)(fp + ip[-1].A) = BitOperations.RotateLeft(*(ulong*)(fp + ip[-1].B), ip[-1].C); continue;
                case IOp.I64RotrK: *(ulong*)(fp + ip[-1].A) = BitOperations.RotateRight(*(ulong*)(fp + ip[-1].B), ip[-1].C); continue;
                case IOp.BrI32Eq: if (*(int*)(fp + ip[-1].A) == *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32Ne: if (*(int*)(fp + ip[-1].A) != *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LtS: if (*(int*)(fp + ip[-1].A) < *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LtU: if (*(uint*)(fp + ip[-1].A) < *(uint*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GtS: if (*(int*)(fp + ip[-1].A) > *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GtU: if (*(uint*)(fp + ip[-1].A) > *(uint*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LeS: if (*(int*)(fp + ip[-1].A) <= *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LeU: if (*(uint*)(fp + ip[-1].A) <= *(uint*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GeS: if (*(int*)(fp + ip[-1].A) >= *(int*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GeU: if (*(uint*)(fp + ip[-1].A) >= *(uint*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32EqK: if (*(int*)(fp + ip[-1].A) == ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32NeK: if (*(int*)(fp + ip[-1].A) != ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LtSK: if (*(int*)(fp + ip[-1].A) < ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LtUK: if (*(uint*)(fp + ip[-1].A) < (uint)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GtSK: if (*(int*)(fp + ip[-1].A) > ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GtUK: if (*(uint*)(fp + ip[-1].A) > (uint)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LeSK: if (*(int*)(fp + ip[-1].A) <= ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32LeUK: if (*(uint*)(fp + ip[-1].A) <= (uint)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GeSK: if (*(int*)(fp + ip[-1].A) >= ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI32GeUK: if (*(uint*)(fp + ip[-1].A) >= (uint)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64Eq: if (*(long*)(fp + ip[-1].A) == *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64Ne: if (*(long*)(fp + ip[-1].A) != *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LtS: if (*(long*)(fp + ip[-1].A) < *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LtU: if (*(ulong*)(fp + ip[-1].A) < *(ulong*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GtS: if (*(long*)(fp + ip[-1].A) > *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GtU: if (*(ulong*)(fp + ip[-1].A) > *(ulong*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LeS: if (*(long*)(fp + ip[-1].A) <= *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LeU: if (*(ulong*)(fp + ip[-1].A) <= *(ulong*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GeS: if (*(long*)(fp + ip[-1].A) >= *(long*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GeU: if (*(ulong*)(fp + ip[-1].A) >= *(ulong*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64EqK: if (*(long*)(fp + ip[-1].A) == ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64NeK: if (*(long*)(fp + ip[-1].A) != ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LtSK: if (*(long*)(fp + ip[-1].A) < ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LtUK: if (*(ulong*)(fp + ip[-1].A) < (ulong)(long)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GtSK: if (*(long*)(fp + ip[-1].A) > ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GtUK: if (*(ulong*)(fp + ip[-1].A) > (ulong)(long)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LeSK: if (*(long*)(fp + ip[-1].A) <= ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64LeUK: if (*(ulong*)(fp + ip[-1].A) <= (ulong)(long)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GeSK: if (*(long*)(fp + ip[-1].A) >= ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrI64GeUK: if (*(ulong*)(fp + ip[-1].A) >= (ulong)(long)ip[-1].B) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Eq: if (*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Ne: if (*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Lt: if (*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Gt: if (*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Le: if (*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF32Ge: if (*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Eq: if (!(*(float*)(fp + ip[-1].A) == *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Ne: if (!(*(float*)(fp + ip[-1].A) != *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Lt: if (!(*(float*)(fp + ip[-1].A) < *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Gt: if (!(*(float*)(fp + ip[-1].A) > *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Le: if (!(*(float*)(fp + ip[-1].A) <= *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF32Ge: if (!(*(float*)(fp + ip[-1].A) >= *(float*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Eq: if (*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Ne: if (*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Lt: if (*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Gt: if (*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Le: if (*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrF64Ge: if (*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B)) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Eq: if (!(*(double*)(fp + ip[-1].A) == *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Ne: if (!(*(double*)(fp + ip[-1].A) != *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Lt: if (!(*(double*)(fp + ip[-1].A) < *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Gt: if (!(*(double*)(fp + ip[-1].A) > *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Le: if (!(*(double*)(fp + ip[-1].A) <= *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.BrNotF64Ge: if (!(*(double*)(fp + ip[-1].A) >= *(double*)(fp + ip[-1].B))) ip = (Word*)((byte*)ip + ip[-1].C); continue;
                case IOp.Load32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(fp + ip[-1].A) = *(int*)(mem + at); continue;
                case IOp.Load64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(long*)(mem + at); continue;
                case IOp.Load8SI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(fp + ip[-1].A) = *(sbyte*)(mem + at); continue;
                case IOp.Load8UI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(fp + ip[-1].A) = *(byte*)(mem + at); continue;
                case IOp.Load16SI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(fp + ip[-1].A) = *(short*)(mem + at); continue;
                case IOp.Load16UI32: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(fp + ip[-1].A) = *(ushort*)(mem + at); continue;
                case IOp.Load8SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(sbyte*)(mem + at); continue;
                case IOp.Load8UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(byte*)(mem + at); continue;
                case IOp.Load16SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(short*)(mem + at); continue;
                case IOp.Load16UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(ushort*)(mem + at); continue;
                case IOp.Load32SI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(int*)(mem + at); continue;
                case IOp.Load32UI64: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(fp + ip[-1].A) = *(uint*)(mem + at); continue;
                case IOp.Store32: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 4 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(int*)(mem + at) = *(int*)(fp + ip[-1].B); continue;
                case IOp.Store64: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 8 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(long*)(mem + at) = *(long*)(fp + ip[-1].B); continue;
                case IOp.Store8: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 1 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(byte*)(mem + at) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.Store16: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 2 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(short*)(mem + at) = *(short*)(fp + ip[-1].B); continue;
                case IOp.V128Load: at = *(uint*)(fp + ip[-1].B) + (ulong)(uint)ip[-1].C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(Vector128<byte>*)(fp + ip[-1].A) = *(Vector128<byte>*)(mem + at); continue;
                case IOp.V128Store: at = *(uint*)(fp + ip[-1].A) + (ulong)(uint)ip[-1].C; if (at + 16 > *(ulong*)(ctx + MemoryLength)) goto OutOfBounds; *(Vector128<byte>*)(mem + at) = *(Vector128<byte>*)(fp + ip[-1].B); continue;
                case IOp.AtLoad32: *(int*)(fp + ip[-1].A) = **(int**)(fp + ip[-1].B); continue;
                case IOp.AtLoad64: *(long*)(fp + ip[-1].A) = **(long**)(fp + ip[-1].B); continue;
                case IOp.AtLoad8SI32: *(int*)(fp + ip[-1].A) = **(sbyte**)(fp + ip[-1].B); continue;
                case IOp.AtLoad8UI32: *(int*)(fp + ip[-1].A) = **(byte**)(fp + ip[-1].B); continue;
                case IOp.AtLoad16SI32: *(int*)(fp + ip[-1].A) = **(short**)(fp + ip[-1].B); continue;
                case IOp.AtLoad16UI32: *(int*)(fp + ip[-1].A) = **(ushort**)(fp + ip[-1].B); continue;
                case IOp.AtLoad8SI64: *(long*)(fp + ip[-1].A) = **(sbyte**)(fp + ip[-1].B); continue;
                case IOp.AtLoad8UI64: *(long*)(fp + ip[-1].A) = **(byte**)(fp + ip[-1].B); continue;
                case IOp.AtLoad16SI64: *(long*)(fp + ip[-1].A) = **(short**)(fp + ip[-1].B); continue;
                case IOp.AtLoad16UI64: *(long*)(fp + ip[-1].A) = **(ushort**)(fp + ip[-1].B); continue;
                case IOp.AtLoad32SI64: *(long*)(fp + ip[-1].A) = **(int**)(fp + ip[-1].B); continue;
                case IOp.AtLoad32UI64: *(long*)(fp + ip[-1].A) = **(uint**)(fp + ip[-1].B); continue;
                case IOp.AtStore32: **(int**)(fp + ip[-1].A) = *(int*)(fp + ip[-1].B); continue;
                case IOp.AtStore64: **(long**)(fp + ip[-1].A) = *(long*)(fp + ip[-1].B); continue;
                case IOp.AtStore8: **(byte**)(fp + ip[-1].A) = *(byte*)(fp + ip[-1].B); continue;
                case IOp.AtStore16: **(short**)(fp + ip[-1].A) = *(short*)(fp + ip[-1].B); continue;

                default:
                    throw new InvalidOperationException($"no such instruction of the interpreter: {ip[-1].Op}");
            }

        CallEntry:
            callee = (InterpFunc*)entry->Interpreted;
            context = entry->Context;
        CallContext:
            top->Ip = ip + 1;
            top->Fp = fp;
            top->Func = func;
            top->Context = ctx;
            top->Refs = rb;
            top->Units = units;
            top++;
            fp += ip[-1].A;
            rb += ip[-1].C;
            func = callee;
            ctx = context;
            mem = *(byte**)(ctx + MemoryBase);
            goto Enter;

        ContinueEntry:
            if (func->RefSlots != 0) InterpCalls.Drop(refs, rb, func, ip - 1);
            units += func->FrameUnits;
            func = (InterpFunc*)entry->Interpreted;
            ctx = entry->Context;
            mem = *(byte**)(ctx + MemoryBase);
            goto Enter;

        CallOut:
            store->Gas = gas;
            state->Func = func;
            state->Ip = ip - 1;
            stack.TopFrame = top;
            stack.TopSlot = fp + func->FrameBytes;
            stack.TopRef = rb + func->RefSlots;
            InterpCalls.Out(stack, ctx, target, fp + ip[-1].A, rb + ip[-1].C, units);
            refs = stack.Refs;
            gas = store->Gas;
            ip++;
            if (store->Pending != 0) goto Unwound;
            continue;

        LeaveTo:
            // A tail call out of the loop: its results are this frame's, and an exception of it is this frame's caller's.
            store->Gas = gas;
            state->Func = func;
            state->Ip = ip - 1;
            stack.TopFrame = top;
            stack.TopSlot = fp + func->FrameBytes;
            stack.TopRef = rb + func->RefSlots;
            InterpCalls.Out(stack, ctx, target, fp, rb, units + func->FrameUnits);
            refs = stack.Refs;
            gas = store->Gas;
            if (store->Pending != 0) goto LeaveThrowing;
            InterpCalls.ClearAfter(refs, rb, func, target);
            goto Leave;

        Leave:
            top--;
            ip = top->Ip;
            fp = top->Fp;
            func = top->Func;
            rb = top->Refs;
            units = top->Units;
            if (ctx != top->Context)
            {
                ctx = top->Context;
                mem = *(byte**)(ctx + MemoryBase);
            }

            continue;

        Unwound:
            gas -= 10;
            if (gas < 0) throw Rt.OutOfGas(ctx, gas);
        Handlers:
            ip = InterpThrows.Handler(ctx, state, fp, refs, rb);
            if (ip != null) continue;
        LeaveThrowing:
            if (func->RefSlots != 0) Array.Clear(refs, rb, func->RefSlots);
            top--;
            if (top->Ip == InterpStack.Exit)
            {
                store->Gas = gas;
                return;
            }

            ip = top->Ip;
            fp = top->Fp;
            func = top->Func;
            rb = top->Refs;
            units = top->Units;
            ctx = top->Context;
            mem = *(byte**)(ctx + MemoryBase);
            state->Func = func;
            state->Ip = ip - 2;
            goto Unwound;
        }

        // ---- endings

    OutOfBounds:
        store->Gas = gas;
        state->Func = func;
        state->Ip = ip - 1;
        throw InterpCalls.OutOfBounds(ctx, ip - 1, at);
    BadTruncation:
        store->Gas = gas;
        state->Func = func;
        state->Ip = ip - 1;
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
        store->Gas = gas;
        state->Func = func;
        state->Ip = ip - 1;
        throw Rt.Trap(code);
    NoGas:
        stack.TopFrame = top;
        state->Func = func;
        state->Ip = ip - 1;
        throw Rt.OutOfGas(ctx, gas);
    Interrupted:
        store->Gas = gas;
        state->Func = func;
        state->Ip = ip - 1;
        throw Rt.Interrupted(ctx);
    NoStack:
        store->Gas = gas;
        state->Func = func;
        state->Ip = func->Code;
        throw Rt.StackExhausted(ctx);
    }
}
