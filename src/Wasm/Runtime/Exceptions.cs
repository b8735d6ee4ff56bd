// Exceptions of the guest: tags, the objects that are thrown, and what a host gets of one that no guest caught (core specification 4.2.10, 4.2.11).
// In: made by compiled code and the linker. Out: found again in the store while they are on their way; a .NET exception only at the host's edge.
//
// Guests throw without .NET's exceptions: the thrown object waits in the store, StoreBlock.Pending holds its tag's number, and every function on
// the way returns anything at all; callers look at Pending. A .NET exception is made where a host called the guest.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Twofold.Wasm;

/// <summary>A tag of a store: what kind of exception is thrown. Its identity is the reference's identity.</summary>
public sealed class Tag
{
    private static long last;

    internal Tag(object typeObject, int canonicalType, ValueKind[] kinds, int index, string? name)
    {
        TypeObject = typeObject;
        CanonicalType = canonicalType;
        Kinds = kinds;
        Index = index;
        Name = name;
        Number = (nint)Interlocked.Increment(ref last);
        Bytes = 16;
        foreach (var k in kinds)
        {
            Bytes += k switch
            {
                ValueKind.I32 or ValueKind.F32 => 4,
                ValueKind.V128 => 16,
                _ => 8,
            };
            if (k >= ValueKind.FuncRef) HasReferences = true;
        }

        Bytes = (Bytes + 7) & ~7;
    }

    /// <summary>The FuncType.</summary>
    internal object TypeObject { get; }
    internal int CanonicalType { get; }
    internal ValueKind[] Kinds { get; }

    /// <summary>Never 0, and no other tag's in this process: what compiled code compares.</summary>
    internal nint Number { get; }

    /// <summary>What an exception of it counts for against the limit on objects (GasSchedule.exceptionBytes).</summary>
    internal int Bytes { get; }
    internal bool HasReferences { get; }

    /// <summary>Its index among the tags of the module that defines it; -1 for a host's.</summary>
    public int Index { get; }

    /// <summary>The first name under which the module that defines it exports it, or null.</summary>
    public string? Name { get; }

    /// <summary>The kinds of value that an exception of it carries.</summary>
    public IReadOnlyList<ValueKind> Parameters => Kinds;

    /// <summary>The signature in the text format's words.</summary>
    public string Signature => TypeObject.ToString()!;

    /// <inheritdoc/>
    public override string ToString() => $"{Name ?? (Index < 0 ? "host tag" : $"tag {Index}")}: {Signature}";
}

/// <summary>An exception that a guest threw: what an exnref refers to.</summary>
public sealed class ExceptionInstance
{
    internal ExceptionInstance(Tag tag, ulong[] bits, object?[]? references)
    {
        Tag = tag;
        Bits = bits;
        References = references;
    }

    /// <summary>Its tag.</summary>
    public Tag Tag { get; }

    /// <summary>Two words a value.</summary>
    internal ulong[] Bits { get; }

    /// <summary>By value; null when there are none.</summary>
    internal object?[]? References { get; }

    /// <summary>Its values, one for each parameter of the tag.</summary>
    public Value[] GetValues()
    {
        var values = new Value[Tag.Kinds.Length];
        for (int i = 0; i < values.Length; i++)
        {
            var kind = Tag.Kinds[i];
            values[i] = kind >= ValueKind.FuncRef ? Value.Ref(kind, kind == ValueKind.AnyRef ? GcRt.ExternOfAny(References![i]) : References![i]) : Value.FromBits(kind, Bits[2 * i], Bits[2 * i + 1]);
        }

        return values;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Tag.Name ?? $"tag {Tag.Index}"} ({string.Join(", ", GetValues())})";
}

/// <summary>The guest threw an exception that it did not catch: deterministic, part of the receipt. A host function may catch it after calling
/// the guest back; let through, it ends the run, and no guest can catch it any more.</summary>
public sealed class UncaughtException : WasmException
{
    /// <summary>The guest threw this.</summary>
    public UncaughtException(ExceptionInstance exception) : base($"uncaught exception: {exception}") => Exception = exception;

    /// <summary>What was thrown.</summary>
    public ExceptionInstance Exception { get; }

    /// <summary>Its tag.</summary>
    public Tag Tag => Exception.Tag;
}

/// <summary>What compiled code calls to throw and to catch.</summary>
internal static unsafe partial class Rt
{
    private static readonly ulong[] NoBits = [];

    /// <summary>throw: the values wait where further results do. Ends in the trap AllocationLimit when the run has made too many bytes of objects.</summary>
    [MethodImpl(Cold)]
    public static void Throw(nint context, int tagIndex)
    {
        var instance = Instance(context);
        var tag = instance.Tags[tagIndex];
        var store = instance.Store;
        store.Allocate((ulong)tag.Bytes);
        int count = tag.Kinds.Length;
        ulong[] bits = NoBits;
        object?[]? references = null;
        if (count > 0)
        {
            bits = new ulong[2 * count];
            var area = new ReadOnlySpan<ulong>((byte*)store.Block + StoreBlock.ResultsOffset, 2 * count);
            for (int i = 0; i < count; i++)
            {
                // Only as many bits as the value has: what else stands there is left from others.
                switch (tag.Kinds[i])
                {
                    case ValueKind.I32 or ValueKind.F32:
                        bits[2 * i] = (uint)area[2 * i];
                        break;
                    case ValueKind.I64 or ValueKind.F64:
                        bits[2 * i] = area[2 * i];
                        break;
                    case ValueKind.V128:
                        bits[2 * i] = area[2 * i];
                        bits[2 * i + 1] = area[2 * i + 1];
                        break;
                }
            }

            if (tag.HasReferences)
            {
                references = new object?[count];
                for (int i = 0; i < count; i++)
                {
                    references[i] = store.RefResults[i];
                    store.RefResults[i] = null;
                }
            }
        }

        store.Thrown = new ExceptionInstance(tag, bits, references);
        store.Block->Pending = tag.Number;
    }

    /// <summary>throw_ref.</summary>
    [MethodImpl(Cold)]
    public static void ThrowRef(nint context, object? exception)
    {
        if (exception is null) throw new TrapException(TrapCode.NullReference);
        var store = Store(context);
        var thrown = Unsafe.As<ExceptionInstance>(exception);
        store.Thrown = thrown;
        store.Block->Pending = thrown.Tag.Number;
    }

    /// <summary>A clause takes the exception on its way: its values are where further results are, from the first on.</summary>
    [MethodImpl(Cold)]
    public static object CatchValues(nint context)
    {
        var store = Store(context);
        var thrown = store.Thrown!;
        new ReadOnlySpan<ulong>(thrown.Bits).CopyTo(new Span<ulong>((byte*)store.Block + StoreBlock.ResultsOffset, thrown.Bits.Length));
        if (thrown.References is { } references) references.CopyTo(store.RefResults, 0);
        store.Thrown = null;
        store.Block->Pending = 0;
        return thrown;
    }

    /// <summary>The same for a clause that takes no values.</summary>
    [MethodImpl(Cold)]
    public static object CatchAny(nint context)
    {
        var store = Store(context);
        var thrown = store.Thrown!;
        store.Thrown = null;
        store.Block->Pending = 0;
        return thrown;
    }

    /// <summary>The exception that a call from the host ended in, as a .NET exception.</summary>
    [MethodImpl(Cold)]
    public static void RaiseUncaught(StoreBlock* block)
    {
        var store = Unsafe.As<StoreData>(GCHandle.FromIntPtr(block->Handle).Target!);
        throw new UncaughtException(store.TakeThrown());
    }
}
