// The guest as host functions see it, over a store of the library.
// In: the calling instance's memory 0, the store's gas. Out: bounds-checked memory, charges, growth by our verdict, re-entry.

using Twofold.Wasm;

namespace Twofold.Wasmtime;

internal sealed unsafe class StoreGuest(NativeStore store) : Guest
{
    public override object? Data => store.Data;

    public override ulong MemorySize => store.Memory is { } m ? m.Length : 0;

    public override long GasLeft => store.Gas;

    public override Span<byte> Slice(uint address, uint length)
    {
        ulong size = MemorySize;
        if (address > size || length > size - address || length > int.MaxValue) throw new TrapException(TrapCode.HostRangeOutOfBounds, address, length, size);
        // A guest without memory was refused above, unless nothing was asked of it.
        return store.Memory is { } m ? new Span<byte>(m.Data + address, (int)length) : throw new TrapException(TrapCode.HostRangeOutOfBounds, address, length, 0);
    }

    public override void Charge(long gas)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(gas);
        store.Charge(gas);
    }

    public override long GrowMemory(uint pages) => store.Memory is { } m ? store.Grow(m, pages) : -1;

    public override Value[] Call(string export, params Value[] arguments)
    {
        var caller = store.Running ?? throw new InvalidOperationException("no guest is calling");
        if (store.Depth >= store.ReentryLimit) throw new TrapException(TrapCode.ReentryTooDeep, (ulong)store.Depth);
        store.Depth++;
        int units = store.Units;
        try
        {
            var function = caller.FindFunction(export) ?? throw new InvalidOperationException($"export {export}: the guest exports no such function");
            if (!function.Takes(arguments)) throw new InvalidOperationException($"export {export}: the arguments do not fit the function");
            return store.Invoke(function, arguments, out var ended) ?? throw ended!;
        }
        finally
        {
            store.Depth--;
            store.Units = units;
        }
    }
}
