// A module and its instances on Wasmtime, as every engine has them.
// In: settings, runs. Out: endings, gas, digests. Each run has a store of its own, made when it starts and kept until the reset: nothing can leak from one to the next.

using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.FSharp.Core;
using Twofold.Wasm;
using Twofold.Wasm.Binary;

namespace Twofold.Wasmtime;

internal sealed class WasmtimeModule(NativeModule native) : IWasmModule
{
    private readonly IWasmModule judge = ((IWasmEngine)new CompiledEngine()).Load(native.Valid).ResultValue;
    private LinkPlan? latest;

    public Twofold.Wasm.Validation.ValidModule Module => native.Valid;

    public FSharpResult<IWasmInstance, Rejected> Instantiate(InstanceSettings settings)
    {
        var plan = latest;
        if (plan is null || !ReferenceEquals(plan.Settings, settings))
        {
            // What links and fits the limits is judged once for all engines: by linking in our own, where nothing is compiled.
            var judged = judge.Instantiate(settings);
            if (judged.IsError) return judged;
            judged.ResultValue.Dispose();
            latest = plan = new LinkPlan(native, settings);
        }

        return FSharpResult<IWasmInstance, Rejected>.NewOk(new WasmtimeInstance(native, plan));
    }

    // The library's module goes with its last instance.
    public void Dispose() => judge.Dispose();
}

/// <summary>What every instance made with the same settings is linked with.</summary>
internal sealed class LinkPlan
{
    public LinkPlan(NativeModule module, InstanceSettings settings)
    {
        Settings = settings;
        var imports = module.Valid.Module.Imports;
        var hosts = new List<HostEntry>();
        Functions = new int[imports.Length];
        Types = new nint[imports.Length];
        for (int i = 0; i < imports.Length; i++)
        {
            if (imports[i].Type is ExternType.Func f)
            {
                var host = settings.Functions.First(h => h.Module == imports[i].Module && h.Name == imports[i].Name);
                var signature = Signature.Of(host.Type, module.Valid.Module.Types);
                Functions[i] = hosts.Count;
                Types[i] = module.Handle.Engine.Types.FuncType(signature);
                hosts.Add(new HostEntry(signature, host.Function));
            }
            else if (imports[i].Type is ExternType.Memory m && Memory is null)
            {
                // From one page at least, by the first import's limits.
                Memory = new SizeLimits(Math.Max(1, m.Item.Min), m.Item.Max, m.Item.Is64, m.Item.Shared);
            }
        }

        Hosts = [.. hosts];
    }

    public InstanceSettings Settings { get; }
    public HostEntry[] Hosts { get; }

    /// <summary>By import: the index of its host function, and the library's type of it.</summary>
    public int[] Functions { get; }
    public nint[] Types { get; }

    /// <summary>The type of the memory to supply, if the module imports one.</summary>
    public SizeLimits? Memory { get; }
}

internal sealed class WasmtimeInstance(NativeModule module, LinkPlan plan) : IWasmInstance, IInspectable
{
    private NativeStore? store;
    private NativeInstanceRef? instance;
    private bool clean = true;

    public FSharpResult<RunResult, Rejected> Run(RunSettings settings)
    {
        if (Check(settings) is { } rejected) return FSharpResult<RunResult, Rejected>.NewError(rejected);
        return FSharpResult<RunResult, Rejected>.NewOk(RunOnStack(settings, null));
    }

    public RunResult RunCalls(RunSettings settings, Func<Guest, Value[]> calls) => RunOnStack(settings, calls);

    private RunResult RunOnStack(RunSettings settings, Func<Guest, Value[]>? calls)
    {
        if (!clean) throw new InvalidOperationException("an instance is reset between runs");
        clean = false;
        long stack = module.Handle.Engine.Options.StackBytes;
        RunResult? result = null;
        if (NativeStack.Remaining() >= stack + GuestThread.Reserve) result = RunHere(settings, calls);
        else GuestThread.Run(stack, () => result = RunHere(settings, calls));
        return result!;
    }

    private Rejected? Check(RunSettings settings)
    {
        Rejected Refused(string message, string expected, string found) => new(RejectKind.Request, message, -1, $"export {settings.Entry}", expected, found);
        if (!module.TryExport(settings.Entry, out var export) || export.Kind != ExternKind.Func)
        {
            string names = string.Join(", ", module.Valid.Module.Exports.Take(20).Select(e => e.Name));
            return Refused("no such export", "a function", export is null ? (names.Length == 0 ? "no exports at all" : $"only {names}") : $"a {export.Kind.ToString().ToLowerInvariant()}");
        }

        var kinds = module.SignatureOf(export.Index).Params;
        var given = settings.Arguments;
        bool fits = kinds.Length == given.Length;
        for (int i = 0; fits && i < kinds.Length; i++) fits = kinds[i] == given[i].Kind;
        static string Show(IEnumerable<ValueKind> k) => string.Join(", ", k.Select(x => x.ToString().ToLowerInvariant()));
        if (!fits) return Refused("the arguments do not fit the function", $"({Show(kinds)})", $"({Show(given.Select(v => v.Kind))})");
        // A null of the right kind fits unless the parameter forbids it; other references cannot come from outside.
        var types = module.Valid.FuncTypes[export.Index].Params;
        for (int i = 0; i < types.Length; i++)
            if (types[i].IsRef && (given[i].Reference is not null || !types[i].IsNullable))
                return Refused($"argument {i} is a reference that the parameter's type does not allow", $"({Show(kinds)})", $"({Show(given.Select(v => v.Kind))})");
        return null;
    }

    private RunResult RunHere(RunSettings settings, Func<Guest, Value[]>? calls)
    {
        Deadline? deadline = null;
        CancellationTokenRegistration cancel = default;
        Exception? ended;
        Value[]? results = null;
        try
        {
            Make();
            var s = store!;
            s.Begin(settings.Gas, settings.StackUnits);
            s.Data = settings.Data;
            deadline = Deadline.Start(s, settings.Deadline);
            if (settings.Cancellation.CanBeCanceled) cancel = settings.Cancellation.Register(static store => ((NativeStore)store!).Interrupt("cancelled"), s);
            if (s.Invoke(instance!.Start, [], out ended) is not null)
            {
                s.Units = settings.StackUnits;
                results = calls is null ? s.Invoke(instance.FindFunction(settings.Entry)!, settings.Arguments, out ended) : s.CallsFromHost(instance, calls);
            }
        }
        catch (Exception e)
        {
            ended = e;
        }
        finally
        {
            deadline?.Stop();
            cancel.Dispose();
        }

        var end = results is not null ? RunEnd.NewReturned(results) : Ending.ofException(ended);
        if (end is RunEnd.Fault { Item: var fault } && fault.IsCancelled && deadline is { Late: true }) end = RunEnd.NewFault(EngineFault.NewDeadline(settings.Deadline));
        if (store is not null) store.Data = null;
        return new RunResult(end, end.IsOutOfGas || store is null ? settings.Gas : settings.Gas - store.Gas);
    }

    /// <summary>The store and the instance of the next run, or of the last one while nobody has reset it.</summary>
    private void Make()
    {
        if (instance is not null) return;
        var settings = plan.Settings;
        var s = new NativeStore(module.Handle.Engine, settings.Limits, settings.ReentryDepth, plan.Hosts);
        try
        {
            var imports = module.Valid.Module.Imports;
            var own = imports.Length == 0 ? [] : new Supply[imports.Length];
            Supply memory = default;
            if (plan.Memory is { } type) memory = s.NewMemory(type);
            for (int i = 0; i < own.Length; i++) own[i] = plan.Types[i] != 0 ? s.NewFunction(plan.Functions[i], plan.Types[i]) : memory;
            instance = s.Instantiate(module, own, supplied: true, out string? why)
                // It was linked before, in our own engine: only memory can be missing.
                ?? throw new HostMemoryException("the library could not instantiate the module: " + why);
            store = s;
        }
        catch
        {
            s.Dispose();
            throw;
        }
    }

    public unsafe StateDigests Digests()
    {
        Make();
        using var memories = new MemoryDigest();
        ulong total = 0;
        foreach (var m in instance!.Memories)
        {
            total += m.Length;
            memories.Memory((nint)m.Data, m.Length);
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> word = stackalloc byte[8];
        var types = module.Valid.GlobalTypes;
        int written = instance.Written;
        for (int i = 0; i < types.Length; i++)
        {
            if (types[i].Value.IsRef) continue;
            var v = GlobalValue(i, written);
            BinaryPrimitives.WriteUInt64LittleEndian(word, v.Bits);
            hash.AppendData(word);
            if (!types[i].Value.IsVec) continue;
            BinaryPrimitives.WriteUInt64LittleEndian(word, v.HighBits);
            hash.AppendData(word);
        }

        return new StateDigests(memories.Done(), hash.GetHashAndReset(), (long)total);
    }

    private static unsafe ReadOnlySpan<byte> Span(NativeMemoryRef memory, ulong at, int length) => new(memory.Data + at, length);

    /// <summary>A global's value. A run that ended while it was made ready has not written all of its own; those that are numbers are zero then.</summary>
    private Value GlobalValue(int index, int written)
    {
        var v = instance!.Global(index);
        return index < module.Valid.ImportedGlobals + written || v.Kind > ValueKind.V128 ? v : Value.FromBits(v.Kind, 0);
    }

    // Every run has a store of its own: nothing is left to compare.
    public byte[] ResetDigest() => [];

    // Compiled code keeps no position.
    public FSharpValueOption<CodePosition> Where() => FSharpValueOption<CodePosition>.ValueNone;

    public void Reset()
    {
        Dispose();
        clean = true;
    }

    public void Dispose()
    {
        instance = null;
        store?.Dispose();
        store = null;
    }

    // ---- for audits

    public ulong[] MemorySizes
    {
        get
        {
            Make();
            return Array.ConvertAll(instance!.Memories, m => m.Length);
        }
    }

    public void ReadMemory(int memory, ulong address, Span<byte> into) => Span(instance!.Memories[memory], address, into.Length).CopyTo(into);

    public Value Global(int index)
    {
        Make();
        return GlobalValue(index, instance!.Written);
    }

    public ulong[] TableSizes
    {
        get
        {
            Make();
            var sizes = new ulong[module.Valid.TableTypes.Length];
            for (int i = 0; i < sizes.Length; i++) sizes[i] = instance!.TableSize(i);
            return sizes;
        }
    }

    public Value TableEntry(int table, ulong index) => instance!.TableEntry(table, index);

    // The library does not tell.
    public int[] DataSizes => [];
    public int[] ElemSizes => [];
    public long GasWanted => store?.GasWanted ?? -1;
    public CodePosition[] Callers => [];
}
