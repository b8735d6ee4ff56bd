// The prices that depend on an operand, in one place for compiled code's helpers and for the schedule that publishes them.
// In: the operand, taken as unsigned. Out: gas, saturating, never negative.

namespace Twofold.Wasm;

/// <summary>Operand-dependent gas prices of the schedule (design 4.2).</summary>
public static class GasPrices
{
    /// <summary>Gas for each page a growth adds.</summary>
    public const long PerPage = 1024;

    private static long Saturate(UInt128 gas) => gas > long.MaxValue ? long.MaxValue : (long)gas;

    /// <summary>memory.copy, memory.fill, memory.init, data segments: one unit for every 8 bytes begun.</summary>
    public static long Bytes(ulong n) => Saturate(((UInt128)n + 7) >> 3);

    /// <summary>table.copy, table.fill, table.init, element segments: two units an element.</summary>
    public static long Elements(ulong n) => Saturate((UInt128)n * 2);

    /// <summary>memory.grow that succeeds, and first pages.</summary>
    public static long Pages(ulong n) => Saturate((UInt128)n * PerPage);

    /// <summary>table.grow that succeeds, and first entries: one unit each.</summary>
    public static long Entries(ulong n) => Saturate(n);
}
