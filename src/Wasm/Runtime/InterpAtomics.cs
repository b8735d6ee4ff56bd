// Atomic instructions of the interpreter (threads proposal). An address must be a multiple of the access's size: that is tested before the bounds.
// In: three words (X: the opcode less 0xE00; A result, B index, C value; W.A memory, W.X 1 for 64-bit addresses, W.Imm offset; third: A expected value or
// timeout). Out: the next word, or a trap.

namespace Twofold.Wasm;

internal static unsafe class InterpAtomics
{
    // i32, i64, i32 8, i32 16, i64 8, i64 16, i64 32: the order of loads, stores and of each operator.
    private static ReadOnlySpan<byte> Sizes => [4, 8, 1, 2, 1, 2, 4];

    public static Word* Run(Word* w, byte* fp, nint ctx)
    {
        var v = w + 1;
        ulong index = v->X != 0 ? *(ulong*)(fp + w->B) : *(uint*)(fp + w->B);
        ulong offset = (ulong)v->Imm;
        byte* value = fp + w->C;
        byte* third = fp + w[2].A;
        switch (w->X)
        {
            case 0x00:
                *(int*)(fp + w->A) = Rt.AtomicNotify(ctx, v->A, index, offset, *(int*)value);
                return w + 3;
            case 0x01:
                *(int*)(fp + w->A) = Rt.AtomicWait(ctx, v->A, index, offset, 4, *(int*)value, *(long*)third);
                return w + 3;
            case 0x02:
                *(int*)(fp + w->A) = Rt.AtomicWait(ctx, v->A, index, offset, 8, *(long*)value, *(long*)third);
                return w + 3;
            case 0x03:
                Atomics.Fence();
                return w + 3;
        }

        int form = (w->X - 0x10) % 7;
        int size = Sizes[form];
        bool is64 = form is 1 or >= 4;
        if (((index + offset) & (ulong)(size - 1)) != 0) throw Rt.TrapUnaligned(index, offset, size);
        var slot = (MemorySlot*)(ctx + InstanceBlock.HeadSize + v->A * MemorySlot.Size);
        ulong at = index + offset, length = Volatile.Read(ref slot->Length);
        if (at < index || (ulong)size > length || at > length - (ulong)size) throw Rt.TrapMemory(ctx, v->A, index, offset, size);
        nint p = slot->Base + (nint)at;
        int group = (w->X - 0x10) / 7;
        if (group == 1)
        {
            switch (size)
            {
                case 1: Atomics.Store8(p, *(int*)value); break;
                case 2: Atomics.Store16(p, *(int*)value); break;
                case 4: Atomics.Store32(p, *(int*)value); break;
                default: Atomics.Store64(p, *(long*)value); break;
            }

            return w + 3;
        }

        if (size == 8)
        {
            *(long*)(fp + w->A) = Wide(group, p, *(long*)value, *(ulong*)third);
            return w + 3;
        }

        uint result = (uint)Narrow(group, size, p, *(int*)value, is64 ? *(ulong*)third : *(uint*)third);
        if (is64) *(ulong*)(fp + w->A) = result;
        else *(uint*)(fp + w->A) = result;
        return w + 3;
    }

    private static long Wide(int group, nint p, long value, ulong expected) => group switch
    {
        0 => Atomics.Load64(p),
        2 => Atomics.Add64(p, value),
        3 => Atomics.Sub64(p, value),
        4 => Atomics.And64(p, value),
        5 => Atomics.Or64(p, value),
        6 => Atomics.Xor64(p, value),
        7 => Atomics.Exchange64(p, value),
        _ => Atomics.CompareExchange64(p, expected, value),
    };

    private static int Narrow(int group, int size, nint p, int value, ulong expected) => (group, size) switch
    {
        (0, 1) => Atomics.Load8(p),
        (0, 2) => Atomics.Load16(p),
        (0, _) => Atomics.Load32(p),
        (2, 1) => Atomics.Add8(p, value),
        (2, 2) => Atomics.Add16(p, value),
        (2, _) => Atomics.Add32(p, value),
        (3, 1) => Atomics.Sub8(p, value),
        (3, 2) => Atomics.Sub16(p, value),
        (3, _) => Atomics.Sub32(p, value),
        (4, 1) => Atomics.And8(p, value),
        (4, 2) => Atomics.And16(p, value),
        (4, _) => Atomics.And32(p, value),
        (5, 1) => Atomics.Or8(p, value),
        (5, 2) => Atomics.Or16(p, value),
        (5, _) => Atomics.Or32(p, value),
        (6, 1) => Atomics.Xor8(p, value),
        (6, 2) => Atomics.Xor16(p, value),
        (6, _) => Atomics.Xor32(p, value),
        (7, 1) => Atomics.Exchange8(p, value),
        (7, 2) => Atomics.Exchange16(p, value),
        (7, _) => Atomics.Exchange32(p, value),
        (_, 1) => Atomics.CompareExchange8(p, expected, value),
        (_, 2) => Atomics.CompareExchange16(p, expected, value),
        _ => Atomics.CompareExchange32(p, expected, value),
    };
}
