// The library's function types, made once for an engine: a type belongs to the engine that first saw it.
// In: signatures. Out: handles that live as long as the engine; there are few different ones.

using System.Collections.Concurrent;
using Twofold.Wasm;

namespace Twofold.Wasmtime;

internal sealed unsafe class NativeTypeCache
{
    private readonly ConcurrentDictionary<string, nint> types = [];

    public nint FuncType(Signature s) => types.GetOrAdd(Key(s), _ => Make(s));

    /// <summary>With the engine, when nothing uses it any more.</summary>
    public void Free()
    {
        foreach (nint t in types.Values) Api.wasm_functype_delete(t);
        types.Clear();
    }

    private static string Key(Signature s)
    {
        var key = new char[s.Params.Length + 1 + s.Results.Length];
        for (int i = 0; i < s.Params.Length; i++) key[i] = (char)('0' + (int)s.Params[i]);
        key[s.Params.Length] = '>';
        for (int i = 0; i < s.Results.Length; i++) key[s.Params.Length + 1 + i] = (char)('0' + (int)s.Results[i]);
        return new string(key);
    }

    private static nint Make(Signature s)
    {
        NativeTypes parameters, results;
        Vector(s.Params, &parameters);
        Vector(s.Results, &results);
        // Takes both.
        return Api.wasm_functype_new(&parameters, &results);
    }

    private static void Vector(ValueKind[] kinds, NativeTypes* into)
    {
        nint* types = stackalloc nint[kinds.Length];
        for (int i = 0; i < kinds.Length; i++) types[i] = Type(kinds[i]);
        Api.wasm_valtype_vec_new(into, (nuint)kinds.Length, types);
    }

    private static nint Type(ValueKind kind) => kind switch
    {
        ValueKind.I32 => Api.wasm_valtype_new(0),
        ValueKind.I64 => Api.wasm_valtype_new(1),
        ValueKind.F32 => Api.wasm_valtype_new(2),
        ValueKind.F64 => Api.wasm_valtype_new(3),
        ValueKind.V128 => Api.wasmtime_wasm_valtype_v128(),
        // WASM_EXTERNREF, WASM_FUNCREF.
        ValueKind.ExternRef => Api.wasm_valtype_new(128),
        ValueKind.FuncRef => Api.wasm_valtype_new(129),
        _ => throw new NotSupportedException($"a host function over a value of kind {kind}"),
    };
}
