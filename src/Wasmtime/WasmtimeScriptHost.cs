// Wasmtime as scripts of the official suite need it: several instances in one store, exports imported by the next.
// In: bytes, names, values. Out: results and endings; gas is unlimited, the logical stack is what the limits say.

using Microsoft.FSharp.Core;
using Twofold.Wasm;
using Twofold.Wasm.Binary;
using Twofold.Wasm.Scripts;
using Twofold.Wasm.Validation;

namespace Twofold.Wasmtime;

/// <summary>A store of Wasmtime for one script.</summary>
public sealed class WasmtimeScriptHost : IScriptHost
{
    private readonly WasmtimeEngine engine;
    private readonly WasmLimits limits;
    private readonly NativeStore store;
    private readonly Dictionary<string, NativeInstanceRef> registered = [];

    /// <summary>A host for one script, on an engine.</summary>
    public WasmtimeScriptHost(WasmtimeEngine engine, WasmLimits limits)
    {
        this.engine = engine ?? throw new ArgumentNullException(nameof(engine));
        this.limits = limits;
        // Address space only: memories of the suite declare up to 4 GiB each and touch little.
        store = new NativeStore(engine.EngineFor(limits.StackUnits), Limited(limits), 8, []);
    }

    private static WasmLimits Limited(WasmLimits l) =>
        new(l.ModuleBytes, l.Functions, l.Params, l.Results, l.Locals, l.FrameSlots, l.Declarations, l.Fields, l.SubtypeDepth, l.FixedElements, l.Tables, l.TableEntries,
            1L << 40, l.Memories, l.GcBytes, l.ArrayBytes, l.BodyBytes, l.Nesting, l.StackUnits);

    /// <inheritdoc/>
    public Features Features => Features.Executable;

    /// <inheritdoc/>
    public FSharpResult<object, NotInstantiated> Instantiate(byte[] bytes)
    {
        static FSharpResult<object, NotInstantiated> No(NotInstantiated why) => FSharpResult<object, NotInstantiated>.NewError(why);
        var valid = Decode.run(limits, Features, bytes);
        var proved = valid.IsOk ? Validate.run(limits, Features, valid.ResultValue) : FSharpResult<ValidModule, Rejected>.NewError(valid.ErrorValue);
        if (proved.IsError) return No(NotInstantiated.NewRefused(proved.ErrorValue.ToString()));
        var loaded = engine.LoadNative(proved.ResultValue, true);
        if (loaded.IsError) return No(NotInstantiated.NewRefused(loaded.ErrorValue.ToString()));
        var module = loaded.ResultValue;
        var imports = module.Valid.Module.Imports;
        var own = new Supply[imports.Length];
        for (int i = 0; i < own.Length; i++)
        {
            var import = imports[i];
            if (!registered.TryGetValue(import.Module, out var from) || !from.Module.TryExport(import.Name, out var export))
                return No(NotInstantiated.NewUnlinkable($"unknown import {import.Module}.{import.Name}"));
            if (KindOf(import.Type) != export.Kind) return No(NotInstantiated.NewUnlinkable($"incompatible import type {import.Module}.{import.Name}: a {export.Kind}"));
            own[i] = from.Give(export);
        }

        var instance = store.Instantiate(module, own, false, out string? why);
        if (instance is null) return No(NotInstantiated.NewUnlinkable(why!));
        var ended = Call(instance.Start, []);
        return ended switch
        {
            CallEnd.Returned => FSharpResult<object, NotInstantiated>.NewOk(instance),
            CallEnd.Trapped t => No(NotInstantiated.NewTrapped(t.Item)),
            CallEnd.Exhausted e => No(NotInstantiated.NewTrapped(e.Item)),
            CallEnd.Threw e => No(NotInstantiated.NewTrapped(e.Item)),
            var other => No(NotInstantiated.NewRefused(other.ToString())),
        };
    }

    private static ExternKind KindOf(ExternType type) => type switch
    {
        ExternType.Func => ExternKind.Func,
        ExternType.Table => ExternKind.Table,
        ExternType.Memory => ExternKind.Memory,
        ExternType.Global => ExternKind.Global,
        _ => ExternKind.Tag,
    };

    private CallEnd Call(NativeFunctionRef function, Value[] arguments)
    {
        CallEnd? end = null;
        GuestThread.Run(engine.EngineFor(limits.StackUnits).Options.StackBytes, () =>
        {
            store.Begin(long.MaxValue, limits.StackUnits);
            try
            {
                var results = store.Invoke(function, arguments, out var ended);
                end = results is not null
                    ? CallEnd.NewReturned(results)
                    : ended switch
                    {
                        TrapException t => CallEnd.NewTrapped(t.Message),
                        StackExhaustedException e => CallEnd.NewExhausted(e.Message),
                        UncaughtException e => CallEnd.NewThrew(e.Message),
                        var other => CallEnd.NewUnusable($"{other!.GetType().Name}: {other.Message}"),
                    };
            }
            catch (Exception e)
            {
                end = CallEnd.NewUnusable($"{e.GetType().Name}: {e.Message}");
            }
        });
        return end!;
    }

    /// <inheritdoc/>
    public void Register(string name, object instance) => registered[name] = (NativeInstanceRef)instance;

    /// <inheritdoc/>
    public CallEnd Invoke(object instance, string export, Value[] arguments)
    {
        var function = ((NativeInstanceRef)instance).FindFunction(export);
        if (function is null) return CallEnd.NewUnusable($"no exported function {export}");
        return function.Takes(arguments) ? Call(function, arguments) : CallEnd.NewUnusable("the arguments do not fit");
    }

    /// <inheritdoc/>
    public CallEnd Get(object instance, string export)
    {
        var i = (NativeInstanceRef)instance;
        return i.Module.TryExport(export, out var e) && e.Kind == ExternKind.Global ? CallEnd.NewReturned([i.Global(e.Index)]) : CallEnd.NewUnusable($"no exported global {export}");
    }

    /// <inheritdoc/>
    public HeapType HeapOf(Value value) => value.Kind switch
    {
        ValueKind.FuncRef => HeapType.Func,
        ValueKind.ExnRef => HeapType.Exn,
        ValueKind.AnyRef => value.Reference switch
        {
            GcI31 => HeapType.I31,
            NativeReference { Heap: NativeHeap.Array } => HeapType.Array,
            NativeReference { Heap: NativeHeap.Struct } => HeapType.Struct,
            _ => HeapType.Any,
        },
        _ => HeapType.Extern,
    };

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();
}
