// How the engine is made. Immutable; each With gives another.

namespace Twofold.Wasmtime;

/// <summary>How float arithmetic gets its one NaN on Wasmtime. All give the same results.</summary>
public enum WasmtimeNan
{
    /// <summary>Instrumented code makes NaNs canonical where their bits can be seen. Fast; the default.</summary>
    OnEscape,

    /// <summary>Wasmtime's own switch: after every instruction. Slow; the twin to compare with.</summary>
    Switch,
}

/// <summary>Options of <see cref="WasmtimeEngine"/>. Immutable.</summary>
public sealed class WasmtimeOptions
{
    /// <summary>Plain options: the library wherever it is found, instances on demand, no cache on disk.</summary>
    public WasmtimeOptions() { }

    private WasmtimeOptions(WasmtimeOptions from)
    {
        Library = from.Library;
        Nan = from.Nan;
        PooledInstances = from.PooledInstances;
        CacheFolder = from.CacheFolder;
        StackBytesPerUnit = from.StackBytesPerUnit;
    }

    /// <summary>The library's file or folder; null: TWOFOLD_WASMTIME, the application's own folder, the system.</summary>
    public string? Library { get; private init; }

    /// <summary>How NaN becomes canonical.</summary>
    public WasmtimeNan Nan { get; private init; }

    /// <summary>Instances that a pool of slots holds, reset by copy-on-write; 0: every instance gets memory of its own. A pooled engine takes modules of one memory and one table, and slots for so many at once.</summary>
    public int PooledInstances { get; private init; }

    /// <summary>Where compiled modules are kept across processes; null: nowhere. Only this engine may write there: what is read back is machine code.</summary>
    public string? CacheFolder { get; private init; }

    /// <summary>Native stack for each unit of the logical stack, in bytes.</summary>
    public int StackBytesPerUnit { get; private init; } = 16;

    /// <summary>The same with a library, by its file or folder.</summary>
    public WasmtimeOptions WithLibrary(string? path) => new(this) { Library = path };

    /// <summary>The same with another way to canonical NaNs.</summary>
    public WasmtimeOptions WithNan(WasmtimeNan nan) => new(this) { Nan = nan };

    /// <summary>The same with a pool of slots for so many instances; 0: none.</summary>
    public WasmtimeOptions WithPooledInstances(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new(this) { PooledInstances = count };
    }

    /// <summary>The same with a cache on disk; null: none.</summary>
    public WasmtimeOptions WithCacheFolder(string? folder) => new(this) { CacheFolder = folder };

    /// <summary>The same with another size of the native stack. Too small a stack ends deep guests in a fault, never in an outcome.</summary>
    public WasmtimeOptions WithStackBytesPerUnit(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        return new(this) { StackBytesPerUnit = bytes };
    }
}
