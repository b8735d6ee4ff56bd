// What can end a guest's run, as .NET sees it: trap codes with fixed numbers, and one exception type per kind of ending.
// In: thrown by the cold blocks of compiled code and by runtime helpers, always after gas was written back to the store.
// Out: caught at the edge (IWasmInstance) and turned into an Outcome or an EngineFault; the typed C# face lets them through.

namespace Twofold.Wasm;

/// <summary>Why a guest trapped. Numbers are part of receipts: fixed for ever, never reused.</summary>
public enum TrapCode
{
    /// <summary>The instruction <c>unreachable</c> was executed.</summary>
    Unreachable = 1,
    /// <summary>A memory access outside the memory. Numbers: address, length, memory size in bytes.</summary>
    MemoryOutOfBounds = 2,
    /// <summary>A table access outside the table. Numbers: index, length, table size.</summary>
    TableOutOfBounds = 3,
    /// <summary>An indirect call's index is outside the table. Numbers: index, 1, table size.</summary>
    UndefinedElement = 4,
    /// <summary>An indirect call through a null element. Numbers: index.</summary>
    UninitializedElement = 5,
    /// <summary>An indirect call whose signature is not the callee's. Numbers: index.</summary>
    IndirectCallTypeMismatch = 6,
    /// <summary>An integer division or remainder by zero.</summary>
    IntegerDivideByZero = 7,
    /// <summary>An integer division or a float-to-integer conversion whose result does not fit.</summary>
    IntegerOverflow = 8,
    /// <summary>NaN converted to an integer.</summary>
    InvalidConversionToInteger = 9,
    /// <summary>A null reference was used where a value was needed.</summary>
    NullReference = 10,
    /// <summary>A reference was not of the type it was cast to.</summary>
    CastFailure = 11,
    /// <summary>An array access outside the array. Numbers: index, length, array size.</summary>
    ArrayOutOfBounds = 12,
    /// <summary>More than the allowed bytes of GC objects were allocated. Numbers: asked, allocated so far, limit.</summary>
    AllocationLimit = 13,
    /// <summary>An atomic access whose address is not a multiple of its size. Numbers: address, length.</summary>
    UnalignedAtomic = 14,
    /// <summary>An atomic wait on a memory that is not shared.</summary>
    ExpectedSharedMemory = 15,
    /// <summary>The guest asked the host to stop it (<c>env.abort</c>). The message travels beside the code.</summary>
    Aborted = 16,
    /// <summary>A host function was given a range that lies outside the guest's memory. Numbers: address, length, memory size in bytes.</summary>
    HostRangeOutOfBounds = 17,
    /// <summary>The guest re-entered itself through host functions more often than allowed. Numbers: depth.</summary>
    ReentryTooDeep = 18,
}

/// <summary>The base of everything that ends a guest's run before it returned.</summary>
public abstract class WasmException : Exception
{
    private protected WasmException(string message) : base(message) { }
}

/// <summary>A trap: deterministic, part of the receipt. At most three numbers say where and how far (see <see cref="TrapCode"/>).</summary>
public sealed class TrapException : WasmException
{
    /// <summary>A trap with its numbers.</summary>
    public TrapException(TrapCode code, ulong a = 0, ulong b = 0, ulong c = 0, string? detail = null)
        : base(Describe(code, a, b, c, detail))
    {
        Code = code;
        A = a;
        B = b;
        C = c;
        Detail = detail;
    }

    /// <summary>The code, fixed for ever.</summary>
    public TrapCode Code { get; }

    /// <summary>First number: an address or index; 0 where the code has none.</summary>
    public ulong A { get; }

    /// <summary>Second number: a length; 0 where the code has none.</summary>
    public ulong B { get; }

    /// <summary>Third number: the size that was exceeded; 0 where the code has none.</summary>
    public ulong C { get; }

    /// <summary>Text that the guest supplied (<c>env.abort</c>), or null.</summary>
    public string? Detail { get; }

    /// <summary>The sentence for people; the specification's wording first.</summary>
    public static string Describe(TrapCode code, ulong a, ulong b, ulong c, string? detail) => code switch
    {
        TrapCode.Unreachable => "unreachable",
        TrapCode.MemoryOutOfBounds => $"out of bounds memory access: {b} byte(s) at address {a}, memory size {c}",
        TrapCode.TableOutOfBounds => $"out of bounds table access: {b} element(s) at index {a}, table size {c}",
        TrapCode.UndefinedElement => $"undefined element: index {a}, table size {c}",
        TrapCode.UninitializedElement => $"uninitialized element {a}",
        TrapCode.IndirectCallTypeMismatch => $"indirect call type mismatch at element {a}",
        TrapCode.IntegerDivideByZero => "integer divide by zero",
        TrapCode.IntegerOverflow => "integer overflow",
        TrapCode.InvalidConversionToInteger => "invalid conversion to integer",
        TrapCode.NullReference => "null reference",
        TrapCode.CastFailure => "cast failure",
        TrapCode.ArrayOutOfBounds => $"out of bounds array access: {b} element(s) at index {a}, array size {c}",
        TrapCode.AllocationLimit => $"allocation limit: {a} byte(s) asked, {b} allocated, limit {c}",
        TrapCode.UnalignedAtomic => $"unaligned atomic: {b} byte(s) at address {a}",
        TrapCode.ExpectedSharedMemory => "expected shared memory",
        TrapCode.Aborted => detail is null ? "the guest aborted" : $"the guest aborted: {detail}",
        TrapCode.HostRangeOutOfBounds => $"host function given {b} byte(s) at address {a}, memory size {c}",
        TrapCode.ReentryTooDeep => $"re-entered {a} times",
        _ => $"trap {(int)code}",
    };
}

/// <summary>Gas ran out: deterministic, part of the receipt; gas used equals the limit.</summary>
public sealed class OutOfGasException : WasmException
{
    /// <summary>Gas ran out under this limit.</summary>
    public OutOfGasException(long limit) : base($"out of gas: all {limit} units are used; give a higher limit or make the guest do less") => Limit = limit;

    /// <summary>The limit, in gas.</summary>
    public long Limit { get; }
}

/// <summary>The logical stack ran out: deterministic, part of the receipt.</summary>
public sealed class StackExhaustedException : WasmException
{
    /// <summary>The logical stack ran out under this limit.</summary>
    public StackExhaustedException(int limit) : base($"call stack exhausted: all {limit} units of the logical stack are used") => Limit = limit;

    /// <summary>The limit, in units (a frame costs 16 + locals + maximum operand height; a v128 counts 2).</summary>
    public int Limit { get; }
}

/// <summary>The run was interrupted from outside: never deterministic, never in a receipt.</summary>
public sealed class GuestInterruptedException : WasmException
{
    /// <summary>The run was interrupted, and why.</summary>
    public GuestInterruptedException(string reason) : base(reason) { }
}
