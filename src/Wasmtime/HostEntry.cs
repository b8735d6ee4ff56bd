// A host function as a store of the library calls it, and the one native callback behind all of them.
// In: raw words of the guest's call. Out: the delegate's results; whatever it throws is kept in the store and comes back as a trap,
// so that no .NET exception ever crosses native frames.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Twofold.Wasm;

namespace Twofold.Wasmtime;

/// <summary>What a function's parameters and results are, as hosts know them.</summary>
internal sealed class Signature
{
    public Signature(ValueKind[] parameters, ValueKind[] results)
    {
        Params = parameters;
        Results = results;
        Numeric = Array.TrueForAll(parameters, k => k <= ValueKind.V128) && Array.TrueForAll(results, k => k <= ValueKind.V128);
        Slots = Math.Max(parameters.Length, results.Length);
    }

    public static readonly Signature Nothing = new([], []);

    public ValueKind[] Params { get; }
    public ValueKind[] Results { get; }

    /// <summary>No references: values can travel as words.</summary>
    public bool Numeric { get; }
    public int Slots { get; }

    public static Signature Of(FuncType type, SubType[] types) =>
        new(Array.ConvertAll(type.Params, t => Kinds.Of(t, types)), Array.ConvertAll(type.Results, t => Kinds.Of(t, types)));
}

internal static class Kinds
{
    /// <summary>The kind that hosts know a value type by; concrete types are looked up in their module's.</summary>
    public static ValueKind Of(ValType type, SubType[] types)
    {
        if (!type.IsRef)
            return type.Code switch
            {
                0x7F => ValueKind.I32,
                0x7E => ValueKind.I64,
                0x7D => ValueKind.F32,
                0x7C => ValueKind.F64,
                0x7B => ValueKind.V128,
                _ => throw new ArgumentOutOfRangeException(nameof(type), type.ToString()),
            };
        var heap = type.Heap;
        if (heap.IsConcrete) return types[heap.Index].Composite.IsFunc ? ValueKind.FuncRef : ValueKind.AnyRef;
        return heap.Code switch
        {
            0 or 1 => ValueKind.FuncRef,
            2 or 3 => ValueKind.ExternRef,
            10 or 11 => ValueKind.ExnRef,
            _ => ValueKind.AnyRef,
        };
    }

    public static NativeKind Native(ValueKind kind) => kind switch
    {
        ValueKind.I32 => NativeKind.I32,
        ValueKind.I64 => NativeKind.I64,
        ValueKind.F32 => NativeKind.F32,
        ValueKind.F64 => NativeKind.F64,
        ValueKind.V128 => NativeKind.V128,
        ValueKind.FuncRef => NativeKind.FuncRef,
        ValueKind.ExternRef => NativeKind.ExternRef,
        ValueKind.AnyRef => NativeKind.AnyRef,
        ValueKind.ExnRef => NativeKind.ExnRef,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind.ToString()),
    };
}

/// <summary>A host function: over words (numbers, one result at most) or over values without references.</summary>
internal sealed class HostEntry
{
    public HostEntry(Signature signature, HostFunction words)
    {
        Signature = signature;
        Words = words;
        Narrow = Array.ConvertAll(signature.Params, IsNarrow);
        HasResult = signature.Results.Length == 1;
        NarrowResult = HasResult && IsNarrow(signature.Results[0]);
    }

    private static bool IsNarrow(ValueKind k) => k is ValueKind.I32 or ValueKind.F32;

    public HostEntry(Signature signature, HostCallback values)
    {
        Signature = signature;
        Values = values;
        Narrow = [];
    }

    public Signature Signature { get; }
    public HostFunction? Words { get; }
    public HostCallback? Values { get; }

    /// <summary>Which parameters have 32 bits: the upper half of their word says nothing.</summary>
    public bool[] Narrow { get; }
    public bool HasResult { get; }
    public bool NarrowResult { get; }
}

internal static unsafe class HostCalls
{
    /// <summary>Arguments that a call has room for without allocating; a type may have more.</summary>
    private const int Few = 16;

    /// <summary>The native callback; its data is the function's index among the store's host functions.</summary>
    public static readonly delegate* unmanaged<nint, nint, NativeRaw*, nuint, nint> Pointer = &Call;

    // All in one method, and nothing cleared: this is what a host call costs.
    [UnmanagedCallersOnly]
    [SkipLocalsInit]
    private static nint Call(nint index, nint caller, NativeRaw* values, nuint slots)
    {
        // The store whose function this thread called last; asking the caller's context for it costs two native calls.
        var store = NativeStore.OfThread!;
        try
        {
            var entry = store.Hosts[index];
            var narrow = entry.Narrow;
            if (entry.Words is not { } words || narrow.Length > Few)
            {
                Slow(store, entry, values);
                return 0;
            }

            ulong* arguments = stackalloc ulong[Few];
            for (int i = 0; i < narrow.Length; i++) arguments[i] = narrow[i] ? (uint)values[i].Low : values[i].Low;
            ulong result = words(store.Guest, new ReadOnlySpan<ulong>(arguments, narrow.Length));
            if (entry.HasResult) values[0].Low = entry.NarrowResult ? (uint)result : result;
            return 0;
        }
        catch (Exception e)
        {
            return store.Keep(e);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Slow(NativeStore store, HostEntry entry, NativeRaw* values)
    {
        var s = entry.Signature;
        if (entry.Words is { } words)
        {
            var bits = new ulong[entry.Narrow.Length];
            for (int i = 0; i < bits.Length; i++) bits[i] = entry.Narrow[i] ? (uint)values[i].Low : values[i].Low;
            ulong result = words(store.Guest, bits);
            if (entry.HasResult) values[0].Low = entry.NarrowResult ? (uint)result : result;
            return;
        }

        var arguments = new Value[s.Params.Length];
        for (int i = 0; i < arguments.Length; i++) arguments[i] = Value.FromBits(s.Params[i], values[i].Low, s.Params[i] == ValueKind.V128 ? values[i].High : 0);
        var results = entry.Values!(store.Guest, arguments) ?? [];
        bool right = results.Length == s.Results.Length;
        for (int i = 0; right && i < results.Length; i++) right = results[i].Kind == s.Results[i];
        if (!right)
            throw new InvalidOperationException(
                $"a host function declared results ({string.Join(", ", s.Results)}) and gave ({string.Join(", ", results.Select(r => r.Kind))})");
        for (int i = 0; i < results.Length; i++) values[i] = new NativeRaw { Low = results[i].Bits, High = results[i].HighBits };
    }
}
