namespace Twofold.Wasm;
internal static unsafe class InterpGc { public static Word* Run(Word* w, byte* fp, object?[] refs, int rb, nint ctx) => throw new NotSupportedException(); }
internal static unsafe class InterpAtomics { public static Word* Run(Word* w, byte* fp, nint ctx) => throw new NotSupportedException(); }
internal static unsafe class InterpVec { public static Word* Run(Word* w, byte* fp) => throw new NotSupportedException(); }
