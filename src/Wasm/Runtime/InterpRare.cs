// Instructions of the interpreter that are another method's: whole memories and tables, globals of references and vectors, memories beyond the first,
// function references; and the exceptions of guests.
// In: two words, the frame, the instance's block; gas and position have been written back. Out: the next word, or a WasmException.

namespace Twofold.Wasm;

/// <summary>Word.X of IOp.Rare. Operands are A, B, C; the second word has immediates in A and B, and in X which operands have 64 bits.</summary>
internal enum RareOp : ushort
{
    GlobalGetVec, GlobalGetVecFar, GlobalSetVec, GlobalSetVecFar, GlobalGetRef, GlobalSetRef,
    // A := address of W.X bytes at B + W.Imm in memory W.A, checked; C: 1 for 64-bit addresses.
    At,
    MemorySize, MemoryGrow, MemoryFill, MemoryCopy, MemoryInit, DataDrop,
    TableGet, TableSet, TableSize, TableGrow, TableFill, TableCopy, TableInit, ElemDrop,
    RefFunc,
}

internal static unsafe class InterpRare
{
    private static ulong Size(byte* fp, int slot, int wide) => wide != 0 ? *(ulong*)(fp + slot) : *(uint*)(fp + slot);

    public static Word* Run(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var v = w + 1;
        int wide = v->X;
        switch ((RareOp)w->X)
        {
            case RareOp.GlobalGetVec:
                Copy16(fp + w->A, (byte*)(ctx + w->B));
                break;
            case RareOp.GlobalGetVecFar:
                Copy16(fp + w->A, *(byte**)(ctx + w->B));
                break;
            case RareOp.GlobalSetVec:
                Copy16((byte*)(ctx + w->A), fp + w->B);
                break;
            case RareOp.GlobalSetVecFar:
                Copy16(*(byte**)(ctx + w->A), fp + w->B);
                break;
            case RareOp.GlobalGetRef:
                refs[rb + w->A] = Rt.GlobalGetRef(ctx, w->B);
                break;
            case RareOp.GlobalSetRef:
                Rt.GlobalSetRef(ctx, w->A, refs[rb + w->B]);
                break;
            case RareOp.At:
            {
                var slot = (MemorySlot*)(ctx + InstanceBlock.HeadSize + v->A * MemorySlot.Size);
                ulong index = Size(fp, w->B, w->C), offset = (ulong)v->Imm;
                ulong at = index + offset;
                if (at < index || v->X > slot->Length || at > slot->Length - v->X) throw Rt.TrapMemory(ctx, v->A, index, offset, v->X);
                *(nint*)(fp + w->A) = slot->Base + (nint)at;
                break;
            }

            case RareOp.MemorySize:
                *(ulong*)(fp + w->A) = Volatile.Read(ref ((MemorySlot*)(ctx + InstanceBlock.HeadSize + v->A * MemorySlot.Size))->Length) / LinearMemory.PageSize;
                break;
            case RareOp.MemoryGrow:
                *(long*)(fp + w->A) = Rt.MemoryGrow(ctx, v->A, Size(fp, w->B, wide));
                break;
            case RareOp.MemoryFill:
                Rt.MemoryFill(ctx, v->A, Size(fp, w->A, wide & 1), *(int*)(fp + w->B), Size(fp, w->C, wide & 4));
                break;
            case RareOp.MemoryCopy:
                Rt.MemoryCopy(ctx, v->A, v->B, Size(fp, w->A, wide & 1), Size(fp, w->B, wide & 2), Size(fp, w->C, wide & 4));
                break;
            case RareOp.MemoryInit:
                Rt.MemoryInit(ctx, v->A, v->B, Size(fp, w->A, wide & 1), Size(fp, w->B, wide & 2), Size(fp, w->C, wide & 4));
                break;
            case RareOp.DataDrop:
                Rt.DataDrop(ctx, v->A);
                break;
            case RareOp.TableGet:
                refs[rb + w->A] = Rt.TableGet(ctx, v->A, Size(fp, w->B, wide));
                break;
            case RareOp.TableSet:
                Rt.TableSet(ctx, v->A, Size(fp, w->A, wide), refs[rb + w->B]);
                break;
            case RareOp.TableSize:
                *(long*)(fp + w->A) = Rt.TableSize(ctx, v->A);
                break;
            case RareOp.TableGrow:
                *(long*)(fp + w->A) = Rt.TableGrow(ctx, v->A, refs[rb + w->B], Size(fp, w->C, wide));
                break;
            case RareOp.TableFill:
                Rt.TableFill(ctx, v->A, Size(fp, w->A, wide & 1), refs[rb + w->B], Size(fp, w->C, wide & 4));
                break;
            case RareOp.TableCopy:
                Rt.TableCopy(ctx, v->A, v->B, Size(fp, w->A, wide & 1), Size(fp, w->B, wide & 2), Size(fp, w->C, wide & 4));
                break;
            case RareOp.TableInit:
                Rt.TableInit(ctx, v->A, v->B, Size(fp, w->A, wide & 1), Size(fp, w->B, wide & 2), Size(fp, w->C, wide & 4));
                break;
            case RareOp.ElemDrop:
                Rt.ElemDrop(ctx, v->A);
                break;
            case RareOp.RefFunc:
                refs[rb + w->A] = Rt.RefFunc(ctx, v->A);
                break;
            default:
                throw new InvalidOperationException("no such rare instruction");
        }

        return w + 2;
    }

    private static void Copy16(byte* to, byte* from)
    {
        long low = *(long*)from, high = *(long*)(from + 8);
        *(long*)to = low;
        *(long*)(to + 8) = high;
    }
}

/// <summary>Throwing and catching (core specification 4.6.8).</summary>
internal static unsafe class InterpThrows
{
    /// <summary>throw: A the tag, B and C where its values start.</summary>
    public static void Throw(nint ctx, Word* w, byte* fp, object?[] refs, int rb)
    {
        var instance = Rt.Instance(ctx);
        var store = instance.Store;
        byte* from = fp + w->B;
        int r = rb + w->C;
        var area = (byte*)store.Block + StoreBlock.ResultsOffset;
        foreach (var kind in instance.Tags[w->A].Kinds)
        {
            int k = (int)(area - (byte*)store.Block - StoreBlock.ResultsOffset) / 16;
            if (kind >= ValueKind.FuncRef)
            {
                store.RefResults[k] = refs[r++];
            }
            else
            {
                *(long*)area = *(long*)from;
                from += 8;
                if (kind == ValueKind.V128)
                {
                    *(long*)(area + 8) = *(long*)from;
                    from += 8;
                }
            }

            area += 16;
        }

        Rt.Throw(ctx, w->A);
    }

    /// <summary>Where the exception on its way goes on in this function, its values in place, or null.</summary>
    public static Word* Handler(nint ctx, Word* ip, InterpFunc* func, byte* fp, object?[] refs, int rb)
    {
        var instance = Rt.Instance(ctx);
        var tries = instance.Code.Info(func->Index).Tries;
        if (tries.Length == 0) return null;
        var store = instance.Store;
        int at = (int)(ip - func->Code);

        // The last that begins before: it, or one around it.
        int low = 0, high = tries.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (tries[middle].Start <= at) low = middle + 1;
            else high = middle;
        }

        for (int k = low - 1; k >= 0; k = tries[k].Outer)
        {
            if (at >= tries[k].End) continue;
            foreach (ref readonly var c in tries[k].Clauses.AsSpan())
            {
                if (c.TagOffset >= 0 && *(nint*)(ctx + c.TagOffset) != store.Block->Pending) continue;
                Take(ctx, store, c, fp, refs, rb);
                return func->Code + c.Target;
            }
        }

        return null;
    }

    private static void Take(nint ctx, StoreData store, in InterpCatch c, byte* fp, object?[] refs, int rb)
    {
        var kinds = store.Thrown!.Tag.Kinds;
        object exception = c.TakesValues ? Rt.CatchValues(ctx) : Rt.CatchAny(ctx);
        byte* to = fp + c.Slot;
        int r = rb + c.Ref;
        if (c.TakesValues)
        {
            var area = (byte*)store.Block + StoreBlock.ResultsOffset;
            for (int k = 0; k < kinds.Length; k++, area += 16)
            {
                if (kinds[k] >= ValueKind.FuncRef)
                {
                    refs[r++] = store.RefResults[k];
                    store.RefResults[k] = null;
                    continue;
                }

                *(long*)to = *(long*)area;
                to += 8;
                if (kinds[k] != ValueKind.V128) continue;
                *(long*)to = *(long*)(area + 8);
                to += 8;
            }
        }

        if (c.TakesReference) refs[r] = exception;
    }
}
