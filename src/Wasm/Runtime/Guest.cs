// What a host function sees of the guest that called it; every engine has its own implementation.
// In: the running instance. Out: bounds-checked memory, gas, re-entry. A bad range traps with its numbers; it never reaches the host.

namespace Twofold.Wasm;

/// <summary>The guest during a host call. Valid only until the host function returns.</summary>
public abstract class Guest
{
    /// <summary>What the host attached to this run.</summary>
    public abstract object? Data { get; }

    /// <summary>Size in bytes of the guest's memory 0; 0 when it has none.</summary>
    public abstract ulong MemorySize { get; }

    /// <summary>The bytes <paramref name="address"/> .. +<paramref name="length"/> of memory 0.
    /// Traps (<see cref="TrapCode.HostRangeOutOfBounds"/>) when any of them lies outside. Not to be kept across a call that may grow the memory.</summary>
    public abstract Span<byte> Slice(uint address, uint length);

    /// <summary>Gas that is left.</summary>
    public abstract long GasLeft { get; }

    /// <summary>Takes gas; ends the run with out of gas when less is left. Negative amounts are an error of the host.</summary>
    public abstract void Charge(long gas);

    /// <summary>Grows memory 0 by pages of 64 KiB and returns the old size in pages, or -1 when the limits say no. Takes no gas: the host function charges what it finds right (GasPrices.Pages is what memory.grow costs).</summary>
    public abstract long GrowMemory(uint pages);

    /// <summary>Calls an export of the guest on the stack and gas that are left; nested at most as deep as the profile allows.</summary>
    public abstract Value[] Call(string export, params Value[] arguments);
}

/// <summary>A host function over raw bits: one u64 per parameter (an i32 zero-extended), and the result's bits (0 when there is none).</summary>
/// <param name="guest">The calling guest.</param>
/// <param name="arguments">The arguments' bits.</param>
public delegate ulong HostFunction(Guest guest, ReadOnlySpan<ulong> arguments);
