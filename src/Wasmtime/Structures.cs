// The structures of Wasmtime's C API that a host of core modules needs, laid out as versions 48 to 50 have them.
// In: nothing. Out: blittable structs; their sizes are checked once, when the library is loaded.

using System.Runtime.InteropServices;

namespace Twofold.Wasmtime;

/// <summary>wasm_byte_vec_t: bytes that the library allocated, given back by wasm_byte_vec_delete.</summary>
internal unsafe struct NativeBytes
{
    public nuint Size;
    public byte* Data;
}

/// <summary>wasm_valtype_vec_t.</summary>
internal unsafe struct NativeTypes
{
    public nuint Size;
    public nint* Data;
}

/// <summary>wasmtime_func_t; a null reference has store 0.</summary>
internal struct NativeFunc
{
    public ulong Store;
    public nint Private;
}

/// <summary>wasmtime_instance_t.</summary>
internal struct NativeInstance
{
    public ulong Store;
    public nuint Private;
}

/// <summary>wasmtime_memory_t, wasmtime_table_t, wasmtime_global_t and wasmtime_tag_t: 24 bytes that only the library reads.</summary>
internal struct NativeItem
{
    public ulong Store;
    public ulong Private1;
    public ulong Private2;
}

/// <summary>wasmtime_anyref_t, wasmtime_externref_t, wasmtime_exnref_t: a root that must be given back; null has store 0.</summary>
internal struct NativeRef
{
    public ulong Store;
    public ulong Private1;
    public nint Private2;
}

internal enum NativeExternKind : byte
{
    Func = 0,
    Global = 1,
    Table = 2,
    Memory = 3,
    SharedMemory = 4,
    Tag = 5,
}

/// <summary>wasmtime_extern_t.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct NativeExtern
{
    [FieldOffset(0)] public NativeExternKind Kind;
    [FieldOffset(8)] public NativeFunc Func;
    [FieldOffset(8)] public NativeItem Item;
    [FieldOffset(8)] public nint SharedMemory;
}

internal enum NativeKind : byte
{
    I32 = 0,
    I64 = 1,
    F32 = 2,
    F64 = 3,
    V128 = 4,
    FuncRef = 5,
    ExternRef = 6,
    AnyRef = 7,
    ExnRef = 8,
}

/// <summary>wasmtime_val_t.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct NativeValue
{
    [FieldOffset(0)] public NativeKind Kind;
    [FieldOffset(8)] public ulong Low;
    [FieldOffset(16)] public ulong High;
    [FieldOffset(8)] public NativeFunc Func;
    [FieldOffset(8)] public NativeRef Ref;
}

/// <summary>wasmtime_val_raw_t: a value without its type.</summary>
internal struct NativeRaw
{
    public ulong Low;
    public ulong High;
}

internal static unsafe class Structures
{
    /// <summary>Sizes that the library was compiled with; a mistake here would corrupt memory, so it is refused at once.</summary>
    public static void Check()
    {
        Check(sizeof(NativeValue), 32, "wasmtime_val_t");
        Check(sizeof(NativeRaw), 16, "wasmtime_val_raw_t");
        Check(sizeof(NativeExtern), 32, "wasmtime_extern_t");
        Check(sizeof(NativeFunc), 16, "wasmtime_func_t");
        Check(sizeof(NativeInstance), 16, "wasmtime_instance_t");
        Check(sizeof(NativeItem), 24, "wasmtime_memory_t");
        Check(sizeof(NativeRef), 24, "wasmtime_anyref_t");
    }

    private static void Check(int found, int expected, string name)
    {
        if (found != expected) throw new WasmtimeUnavailableException($"{name} has {found} bytes here and {expected} in the library: this platform's layout is not supported");
    }
}
