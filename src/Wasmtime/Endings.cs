// What the library's own traps mean. Those with numbers never come from it: instrumented code writes a reason first.
// In: the code of a trap, its words. Out: the exception that our engines end with; an unknown code is a fault, never a guess.

using Twofold.Wasm;

namespace Twofold.Wasmtime;

internal static class Endings
{
    /// <summary>Reasons that instrumented code writes beside trap codes.</summary>
    public const int OutOfGas = 100, StackExhausted = 101, HostMemory = 102;

    // wasmtime_trap_code_enum of versions 48 to 50.
    private const int StackOverflow = 0, IndirectNull = 4, BadSignature = 5, IntegerOverflow = 6, DivisionByZero = 7, BadConversion = 8, Unreachable = 9, WaitNotShared = 12, NullReference = 13, AllocationTooLarge = 15, CastFailure = 16;

    public static Exception OfNative(int code, string words, ulong a, long stackBytes, int units) => code switch
    {
        IndirectNull => new TrapException(TrapCode.UninitializedElement, a),
        BadSignature => new TrapException(TrapCode.IndirectCallTypeMismatch, a),
        IntegerOverflow => new TrapException(TrapCode.IntegerOverflow),
        DivisionByZero => new TrapException(TrapCode.IntegerDivideByZero),
        BadConversion => new TrapException(TrapCode.InvalidConversionToInteger),
        Unreachable => new TrapException(TrapCode.Unreachable),
        WaitNotShared => new TrapException(TrapCode.ExpectedSharedMemory),
        NullReference => new TrapException(TrapCode.NullReference),
        CastFailure => new TrapException(TrapCode.CastFailure),
        // Units were left: the native stack must never decide.
        StackOverflow => new HostMemoryException($"the native stack of {stackBytes} bytes overflowed while units of the logical stack were left (last seen: {units}); give the engine a larger one"),
        AllocationTooLarge => new HostMemoryException("the library could not allocate an object: " + words),
        -1 when words.Contains("GC heap out of memory", StringComparison.Ordinal) => new HostMemoryException(words),
        _ => new InvalidOperationException($"the library ended the guest with code {code}, which has no meaning here: {words}"),
    };
}
