// One engine of the library: how modules are compiled and how instances are allocated.
// In: options, binaries. Out: compiled modules as handles; errors of the library as text.

using System.Runtime.InteropServices;
using System.Text;
using Twofold.Wasm.Text;

namespace Twofold.Wasmtime;

/// <summary>What an engine of the library is made with.</summary>
/// <param name="NativeNan">The library makes NaN canonical after each instruction; else the instrumented code does it where bits are seen.</param>
/// <param name="StackBytes">Native stack that guests may use.</param>
/// <param name="Pooling">Instances come from slots that are kept, reset by copy-on-write.</param>
/// <param name="Slots">How many instances the pool holds at once.</param>
/// <param name="SlotMemory">Bytes that a pooled memory may grow to.</param>
internal sealed record NativeEngineOptions(bool NativeNan, long StackBytes, bool Pooling = false, int Slots = 64, long SlotMemory = 1L << 32)
{
    public static readonly NativeEngineOptions Plain = new(NativeNan: true, StackBytes: 512 << 10);
}

internal sealed unsafe class NativeEngine : SafeHandle
{
    public NativeEngine(NativeEngineOptions options) : base(0, true)
    {
        Options = options;
        nint config = Api.wasm_config_new();
        byte nan = options.NativeNan ? (byte)1 : (byte)0;
        Api.wasmtime_config_epoch_interruption_set(config, 1);
        Api.wasmtime_config_max_wasm_stack_set(config, (nuint)options.StackBytes);
        // Not used here, but the library wants it to be no smaller.
        Api.wasmtime_config_async_stack_size_set(config, (nuint)options.StackBytes);
        Api.wasmtime_config_cranelift_nan_canonicalization_set(config, nan);
        Api.wasmtime_config_gc_support_set(config, 1);
        Api.wasmtime_config_wasm_reference_types_set(config, 1);
        Api.wasmtime_config_wasm_function_references_set(config, 1);
        Api.wasmtime_config_wasm_gc_set(config, 1);
        Api.wasmtime_config_wasm_exceptions_set(config, 1);
        Api.wasmtime_config_wasm_tail_call_set(config, 1);
        Api.wasmtime_config_wasm_bulk_memory_set(config, 1);
        Api.wasmtime_config_wasm_multi_value_set(config, 1);
        Api.wasmtime_config_wasm_multi_memory_set(config, 1);
        Api.wasmtime_config_wasm_memory64_set(config, 1);
        Api.wasmtime_config_wasm_threads_set(config, 1);
        Api.wasmtime_config_shared_memory_set(config, 1);
        Api.wasmtime_config_wasm_simd_set(config, 1);
        // Relaxed operations are encoded as plain ones; were one left, it would at least not depend on the CPU.
        Api.wasmtime_config_wasm_relaxed_simd_set(config, 1);
        Api.wasmtime_config_wasm_relaxed_simd_deterministic_set(config, 1);
        if (options.Pooling) Pool(config, options);
        // Takes the configuration.
        SetHandle(Api.wasm_engine_new_with_config(config));
        if (IsInvalid) throw new WasmtimeUnavailableException("the library refuses the configuration that is needed (it says why on standard error)");
    }

    private static void Pool(nint config, NativeEngineOptions options)
    {
        nint pool = Api.wasmtime_pooling_allocation_config_new();
        uint slots = (uint)options.Slots;
        Api.wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
        Api.wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
        Api.wasmtime_pooling_allocation_config_total_tables_set(pool, slots);
        Api.wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, slots);
        Api.wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
        Api.wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, 1);
        Api.wasmtime_pooling_allocation_config_max_memory_size_set(pool, (nuint)options.SlotMemory);
        Api.wasmtime_pooling_allocation_config_table_elements_set(pool, 20_000);
        Api.wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, 1 << 20);
        Api.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 64 << 10);
        Api.wasmtime_pooling_allocation_strategy_set(config, pool);
        Api.wasmtime_pooling_allocation_config_delete(pool);
    }

    public NativeEngineOptions Options { get; }
    public nint Pointer => handle;

    /// <summary>The library's function types: each belongs to the engine that first saw it.</summary>
    public NativeTypeCache Types { get; } = new();
    public override bool IsInvalid => handle == 0;

    private readonly object sync = new();
    private nint converter;

    /// <summary>A module of conversions between anyref and externref.</summary>
    public nint Converter
    {
        get
        {
            lock (sync)
            {
                if (converter == 0)
                    converter = Compile(Wat.parse("""
                        (module
                          (func (export "a") (param externref) (result anyref) (any.convert_extern (local.get 0)))
                          (func (export "e") (param anyref) (result externref) (extern.convert_any (local.get 0))))
                        """).ResultValue);
                return converter;
            }
        }
    }

    protected override bool ReleaseHandle()
    {
        if (converter != 0) Api.wasmtime_module_delete(converter);
        Types.Free();
        Api.wasm_engine_delete(handle);
        return true;
    }

    /// <summary>Compiles a binary; a refusal of the library is an InvalidOperationException with its words.</summary>
    public nint Compile(ReadOnlySpan<byte> binary)
    {
        nint module;
        fixed (byte* p = binary)
        {
            nint error = Api.wasmtime_module_new(handle, p, (nuint)binary.Length, &module);
            GC.KeepAlive(this);
            return error == 0 ? module : throw new InvalidOperationException(TakeMessage(error));
        }
    }

    public static byte[] Serialize(nint module)
    {
        NativeBytes bytes;
        nint error = Api.wasmtime_module_serialize(module, &bytes);
        if (error != 0) throw new InvalidOperationException(TakeMessage(error));
        byte[] copy = new ReadOnlySpan<byte>(bytes.Data, checked((int)bytes.Size)).ToArray();
        Api.wasm_byte_vec_delete(&bytes);
        return copy;
    }

    /// <summary>A module from what Serialize gave; 0 when the library does not take it (another version or configuration). Only our own bytes may come here: they are machine code.</summary>
    public nint Deserialize(ReadOnlySpan<byte> bytes)
    {
        nint module;
        fixed (byte* p = bytes)
        {
            nint error = Api.wasmtime_module_deserialize(handle, p, (nuint)bytes.Length, &module);
            GC.KeepAlive(this);
            if (error == 0) return module;
            Api.wasmtime_error_delete(error);
            return 0;
        }
    }

    /// <summary>Makes every store of this engine that runs ask whether it should go on. From any thread.</summary>
    public void Nudge()
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            Api.wasmtime_engine_increment_epoch(handle);
        }
        catch (ObjectDisposedException)
        {
            // Nothing of it runs any more.
        }
        finally
        {
            if (held) DangerousRelease();
        }
    }

    /// <summary>An error's words; the error is given back.</summary>
    public static string TakeMessage(nint error)
    {
        NativeBytes text;
        Api.wasmtime_error_message(error, &text);
        Api.wasmtime_error_delete(error);
        return Take(&text);
    }

    /// <summary>A trap's words; the trap stays.</summary>
    public static string TrapMessage(nint trap)
    {
        NativeBytes text;
        Api.wasm_trap_message(trap, &text);
        return Take(&text);
    }

    private static string Take(NativeBytes* text)
    {
        string s = Encoding.UTF8.GetString(text->Data, (int)text->Size).TrimEnd('\0');
        Api.wasm_byte_vec_delete(text);
        return s;
    }
}
