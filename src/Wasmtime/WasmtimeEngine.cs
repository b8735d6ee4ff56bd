// Wasmtime as one of Twofold's engines: instrumented modules, compiled and executed by libwasmtime.
// In: valid modules. Out: modules that run with the same results, gas, traps and digests as on every other engine.

using System.Collections.Concurrent;
using Microsoft.FSharp.Core;
using Twofold.Wasm;
using Twofold.Wasm.Instrument;
using Twofold.Wasm.Validation;

namespace Twofold.Wasmtime;

/// <summary>The native engine. Thread-safe; keep one for the life of the process.</summary>
public sealed class WasmtimeEngine : IWasmEngine, IDisposable
{
    // By bytes of native stack: a setting of the library's engine, not of a run.
    private readonly ConcurrentDictionary<long, Lazy<NativeEngine>> engines = [];
    private readonly WasmtimeOptions options;
    private readonly ModuleCacheOnDisk? cache;

    /// <summary>An engine with plain options.</summary>
    /// <exception cref="WasmtimeUnavailableException">There is no library that can be used.</exception>
    public WasmtimeEngine() : this(new WasmtimeOptions()) { }

    /// <summary>An engine.</summary>
    /// <exception cref="WasmtimeUnavailableException">There is no library that can be used.</exception>
    public WasmtimeEngine(WasmtimeOptions options)
    {
        this.options = options ?? throw new ArgumentNullException(nameof(options));
        Library = WasmtimeLibrary.Load(options.Library);
        if (options.CacheFolder is { } folder) cache = new ModuleCacheOnDisk(folder);
    }

    /// <summary>Modules on disk, for tests.</summary>
    internal ModuleCacheOnDisk Cache => cache!;

    /// <summary>The library it runs on.</summary>
    public WasmtimeLibrary Library { get; }

    /// <inheritdoc/>
    public string Name => "wasmtime";

    /// <summary>The library's version and ours of what is made for it.</summary>
    public string Version => $"{Library.Version}/{InstrumentVersion}";

    private static string InstrumentVersion => Instrument.version.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public FSharpResult<IWasmModule, Rejected> Load(ValidModule valid)
    {
        ArgumentNullException.ThrowIfNull(valid);
        var made = LoadNative(valid, false);
        return made.IsOk
            ? FSharpResult<IWasmModule, Rejected>.NewOk(new WasmtimeModule(made.ResultValue))
            : FSharpResult<IWasmModule, Rejected>.NewError(made.ErrorValue);
    }

    /// <summary>Instruments and compiles, or takes what the cache has.</summary>
    internal FSharpResult<NativeModule, Rejected> LoadNative(ValidModule valid, bool othersMayThrow)
    {
        var nan = options.Nan == WasmtimeNan.Switch ? NanMode.Native : NanMode.OnEscape;
        var instrumented = Instrument.modul(valid, new InstrumentOptions(nan, othersMayThrow, false));
        if (instrumented.IsError) return FSharpResult<NativeModule, Rejected>.NewError(instrumented.ErrorValue);
        var engine = EngineFor(valid.Limits.StackUnits);
        byte[] bytes = instrumented.ResultValue.Bytes;
        try
        {
            nint native = cache is null ? engine.Compile(bytes) : cache.Load(engine, Version, bytes);
            return FSharpResult<NativeModule, Rejected>.NewOk(new NativeModule(valid, instrumented.ResultValue, new ModuleHandle(engine, native)));
        }
        catch (InvalidOperationException e)
        {
            // It is valid: what the library refuses is a limit of its own, or of the pool that was asked for.
            return FSharpResult<NativeModule, Rejected>.NewError(new Rejected(RejectKind.Limit, "Wasmtime does not take the module", -1, "", "what Wasmtime takes", e.Message));
        }
    }

    /// <summary>The library's engine whose native stack holds so many units.</summary>
    internal NativeEngine EngineFor(int units)
    {
        // Steps of a megabyte, so that profiles that differ little share one.
        long bytes = ((long)units * options.StackBytesPerUnit + (1 << 20) - 1) & ~((1L << 20) - 1);
        var made = new NativeEngineOptions(options.Nan == WasmtimeNan.Switch, bytes, options.PooledInstances > 0, Math.Max(1, options.PooledInstances));
        return engines.GetOrAdd(bytes, _ => new Lazy<NativeEngine>(() => new NativeEngine(made))).Value;
    }

    /// <summary>Frees the library's engines. Modules and instances that are still there keep what they need.</summary>
    public void Dispose()
    {
        foreach (var e in engines.Values)
            if (e.IsValueCreated) e.Value.Dispose();
    }
}
