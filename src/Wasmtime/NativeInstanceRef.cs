// An instance in a store: its functions, memories, globals and tags by name, as far as somebody asks.
// In: the library's instance and what its module exports. Out: functions to call, values to read.

using System.Runtime.CompilerServices;
using System.Text;
using Twofold.Wasm;
using Twofold.Wasm.Binary;
using Twofold.Wasm.Validation;

namespace Twofold.Wasmtime;

/// <summary>A function of an instance; its signature is the module's.</summary>
internal sealed class NativeFunctionRef(NativeInstanceRef? instance, NativeFunc native, Signature signature)
{
    public NativeInstanceRef? Instance => instance;
    public NativeFunc Native => native;
    public Signature Signature => signature;

    public bool Takes(Value[] arguments)
    {
        var kinds = signature.Params;
        if (arguments.Length != kinds.Length) return false;
        for (int i = 0; i < kinds.Length; i++)
            if (arguments[i].Kind != kinds[i]) return false;
        return true;
    }
}

internal sealed unsafe class NativeInstanceRef
{
    private readonly NativeStore store;
    private readonly NativeModule module;
    private readonly Dictionary<string, NativeFunctionRef> functions = [];
    private readonly Tag?[] tags;
    private NativeInstance native;

    /// <param name="store">Whose instance it is.</param>
    /// <param name="module">What it is an instance of.</param>
    /// <param name="native">The library's instance.</param>
    /// <param name="imports">What was given for the module's imports.</param>
    /// <param name="supplied">Whether an imported memory was made for this instance: then it counts as its own.</param>
    public NativeInstanceRef(NativeStore store, NativeModule module, NativeInstance native, ReadOnlySpan<Supply> imports, bool supplied)
    {
        this.store = store;
        this.module = module;
        this.native = native;
        var valid = module.Valid;
        Memories = valid.MemoryTypes.Length == 0 ? [] : new NativeMemoryRef[valid.MemoryTypes.Length];
        TableMax = valid.TableTypes.Length == 0 ? [] : new ulong[valid.TableTypes.Length];
        int memories = 0;
        int tables = 0;
        foreach (var i in imports)
        {
            if (i.IsA(NativeExternKind.Memory))
            {
                Memories[memories] = MemoryAt(memories, i.Max);
                // However often it is imported, the supplied memory is one.
                if (supplied && memories == 0) Own(Memories[0]);
                memories++;
            }
            else if (i.IsA(NativeExternKind.Table))
            {
                TableMax[tables++] = i.Max;
            }
        }

        for (; memories < Memories.Length; memories++)
        {
            Memories[memories] = MemoryAt(memories, Supply.Addressable(valid.MemoryTypes[memories]));
            Own(Memories[memories]);
        }

        for (; tables < TableMax.Length; tables++)
        {
            TableMax[tables] = Supply.Addressable(valid.TableTypes[tables]);
            OwnEntries += TableSize(tables);
        }

        tags = valid.TagTypes.Length == 0 ? [] : new Tag?[valid.TagTypes.Length];
    }

    private void Own(NativeMemoryRef memory)
    {
        store.Memories.Add(memory);
        OwnPages += memory.CountedPages;
    }

    /// <summary>Pages of its own memories and entries of its own tables when it was made.</summary>
    public ulong OwnPages { get; private set; }
    public ulong OwnEntries { get; private set; }

    /// <summary>Greatest sizes of its tables, by index.</summary>
    public ulong[] TableMax { get; }

    public NativeStore Store => store;
    public NativeModule Module => module;

    /// <summary>By index, imported ones first.</summary>
    public NativeMemoryRef[] Memories { get; }

    public bool TryExport(byte[] name, out NativeExtern item)
    {
        NativeExtern found;
        fixed (byte* n = name)
        fixed (NativeInstance* i = &native)
        {
            bool there = Api.wasmtime_instance_export_get(store.Context, i, n, (nuint)name.Length, &found) != 0;
            item = found;
            return there;
        }
    }

    public NativeExtern Export(byte[] name) =>
        TryExport(name, out var item) ? item : throw new InvalidOperationException($"the instance has no export {Encoding.UTF8.GetString(name)}");

    private NativeMemoryRef MemoryAt(int index, ulong max)
    {
        var item = Export(module.MemoryNames[index]);
        return item.Kind == NativeExternKind.SharedMemory ? new NativeMemoryRef(store, default, item.SharedMemory, max) : new NativeMemoryRef(store, item.Item, 0, max);
    }

    /// <summary>An exported function by name, or null.</summary>
    public NativeFunctionRef? FindFunction(string name)
    {
        if (functions.TryGetValue(name, out var known)) return known;
        if (!module.TryFunction(name, out int index)) return null;
        return functions[name] = new NativeFunctionRef(this, Export(Encoding.UTF8.GetBytes(name)).Func, module.SignatureOf(index));
    }

    /// <summary>What is left of instantiation: sizes, segments, start.</summary>
    public NativeFunctionRef Start => new(this, Export(module.StartName).Func, Signature.Nothing);

    /// <summary>How many of the module's own globals count as written: the library writes all at once, our order is one by one.</summary>
    public int Written => (int)store.ReadGlobal(Export(module.WrittenName)).Bits;

    /// <summary>A global's value by its index in the module's index space.</summary>
    public Value Global(int index) => store.ReadGlobal(Export(module.GlobalNames[index]));

    /// <summary>Entries of a table by its index.</summary>
    public ulong TableSize(int index)
    {
        var item = Export(module.TableNames[index]);
        return Api.wasmtime_table_size(store.Context, &item.Item);
    }

    /// <summary>An export as another module imports it.</summary>
    public Supply Give(Export export)
    {
        var item = Export(Encoding.UTF8.GetBytes(export.Name));
        return new Supply(item, export.Kind switch
        {
            ExternKind.Memory => Memories[export.Index].MaxPages,
            ExternKind.Table => TableMax[export.Index],
            _ => 0,
        });
    }

    public Value TableEntry(int table, ulong index)
    {
        var item = Export(module.TableNames[table]);
        NativeValue v;
        return Api.wasmtime_table_get(store.Context, &item.Item, index, &v) != 0 ? store.Lift(v) : throw new ArgumentOutOfRangeException(nameof(index));
    }

    /// <summary>Our tag for the library's, if this instance's module defines it.</summary>
    public Tag? FindTag(NativeItem tag)
    {
        var valid = module.Valid;
        for (int i = valid.ImportedTags; i < tags.Length; i++)
        {
            var item = Export(module.TagNames[i]);
            if (Api.wasmtime_tag_eq(store.Context, &tag, &item.Item) != 0) return tags[i] ??= MakeTag(i);
        }

        return null;
    }

    private Tag MakeTag(int index)
    {
        var valid = module.Valid;
        var type = valid.TagTypes[index];
        string? name = valid.Module.Exports.FirstOrDefault(e => e.Kind == ExternKind.Tag && e.Index == index)?.Name;
        return new Tag(type, 0, Array.ConvertAll(type.Params, t => Kinds.Of(t, valid.Module.Types)), index, name);
    }
}
