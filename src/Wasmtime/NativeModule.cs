// A module of ours, instrumented and compiled by the library: shared by any number of stores and threads.
// In: a valid module, an engine of the library, a cache. Out: handles to instantiate, signatures, names of what is exported.

using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Twofold.Wasm;
using Twofold.Wasm.Binary;
using Twofold.Wasm.Instrument;
using Twofold.Wasm.Validation;

namespace Twofold.Wasmtime;

/// <summary>A compiled module of the library.</summary>
internal sealed unsafe class ModuleHandle : SafeHandle
{
    public ModuleHandle(NativeEngine engine, nint module) : base(0, true)
    {
        Engine = engine;
        // The engine's types are used by whoever links the module.
        bool held = false;
        engine.DangerousAddRef(ref held);
        SetHandle(module);
    }

    public NativeEngine Engine { get; }
    public nint Pointer => handle;
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Api.wasmtime_module_delete(handle);
        Engine.DangerousRelease();
        return true;
    }
}

internal sealed class NativeModule
{
    private readonly ConcurrentDictionary<int, Signature> signatures = [];
    private readonly Dictionary<string, Export> exports = [];

    public NativeModule(ValidModule valid, InstrumentedModule instrumented, ModuleHandle handle)
    {
        Valid = valid;
        Instrumented = instrumented;
        Handle = handle;
        foreach (var e in valid.Module.Exports) exports[e.Name] = e;
        MemoryNames = Array.ConvertAll(instrumented.Memories, Encoding.UTF8.GetBytes);
        GlobalNames = Array.ConvertAll(instrumented.Globals, Encoding.UTF8.GetBytes);
        TableNames = Array.ConvertAll(instrumented.Tables, Encoding.UTF8.GetBytes);
        TagNames = Array.ConvertAll(instrumented.Tags, Encoding.UTF8.GetBytes);
        WrittenName = Encoding.UTF8.GetBytes(instrumented.Written);
        StartName = Encoding.UTF8.GetBytes(instrumented.Start);
    }

    public ValidModule Valid { get; }
    public InstrumentedModule Instrumented { get; }
    public ModuleHandle Handle { get; }

    /// <summary>Under what names things are exported, by index, hidden ones too.</summary>
    public byte[][] MemoryNames { get; }
    public byte[][] GlobalNames { get; }
    public byte[][] TableNames { get; }
    public byte[][] TagNames { get; }
    public byte[] StartName { get; }
    public byte[] WrittenName { get; }

    /// <summary>An exported function's index, by name.</summary>
    public bool TryFunction(string name, out int index)
    {
        bool found = exports.TryGetValue(name, out var e) && e.Kind == ExternKind.Func;
        index = found ? e!.Index : -1;
        return found;
    }

    public bool TryExport(string name, out Export export)
    {
        bool found = exports.TryGetValue(name, out var e);
        export = e!;
        return found;
    }

    /// <summary>The signature of a function, by its index.</summary>
    public Signature SignatureOf(int function) => signatures.GetOrAdd(function, i => Signature.Of(Valid.FuncTypes[i], Valid.Module.Types));
}
