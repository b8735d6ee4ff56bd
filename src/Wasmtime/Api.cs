// The entry points of libwasmtime that we call: one function pointer each, under the C name, filled once.
// In: a loaded library. Out: pointers, or the names of those that it lacks.
// Entry points that only read or write a word are called without a transition of the collector's state (SuppressGCTransition): they neither block nor call back.

using System.Reflection;
using System.Runtime.InteropServices;

namespace Twofold.Wasmtime;

#pragma warning disable IDE1006, CA1707 // The names are the C API's.

internal static unsafe class Api
{
    public static delegate* unmanaged<nint> wasm_config_new;
    public static delegate* unmanaged<nint, void> wasm_config_delete;
    public static delegate* unmanaged<nint, nint> wasm_engine_new_with_config;
    public static delegate* unmanaged<nint, void> wasm_engine_delete;
    public static delegate* unmanaged<NativeBytes*, void> wasm_byte_vec_delete;
    public static delegate* unmanaged<byte, nint> wasm_valtype_new;
    public static delegate* unmanaged<nint> wasmtime_wasm_valtype_v128;
    public static delegate* unmanaged<NativeTypes*, nuint, nint*, void> wasm_valtype_vec_new;
    public static delegate* unmanaged<NativeTypes*, NativeTypes*, nint> wasm_functype_new;
    public static delegate* unmanaged<nint, void> wasm_functype_delete;
    public static delegate* unmanaged<nint, byte, nint> wasm_globaltype_new;
    public static delegate* unmanaged<nint, void> wasm_globaltype_delete;
    public static delegate* unmanaged<nint, void> wasm_memorytype_delete;
    public static delegate* unmanaged<nint, NativeBytes*, void> wasm_trap_message;
    public static delegate* unmanaged<nint, void> wasm_trap_delete;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_epoch_interruption_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_threads_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_shared_memory_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_tail_call_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_reference_types_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_function_references_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_gc_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_gc_support_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_simd_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_relaxed_simd_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_relaxed_simd_deterministic_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_bulk_memory_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_multi_value_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_multi_memory_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_memory64_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_wasm_exceptions_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_cranelift_nan_canonicalization_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_memory_init_cow_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_config_max_wasm_stack_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_config_async_stack_size_set;
    public static delegate* unmanaged<nint, byte, void> wasmtime_config_cranelift_opt_level_set;
    public static delegate* unmanaged<nint, ulong, void> wasmtime_config_memory_reservation_set;
    public static delegate* unmanaged<nint, ulong, void> wasmtime_config_memory_guard_size_set;
    public static delegate* unmanaged<nint> wasmtime_pooling_allocation_config_new;
    public static delegate* unmanaged<nint, void> wasmtime_pooling_allocation_config_delete;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_total_core_instances_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_total_memories_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_total_tables_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_total_gc_heaps_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_max_memories_per_module_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_max_tables_per_module_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_pooling_allocation_config_max_memory_size_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_pooling_allocation_config_table_elements_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_pooling_allocation_config_max_core_instance_size_set;
    public static delegate* unmanaged<nint, nuint, void> wasmtime_pooling_allocation_config_linear_memory_keep_resident_set;
    public static delegate* unmanaged<nint, uint, void> wasmtime_pooling_allocation_config_max_unused_warm_slots_set;
    public static delegate* unmanaged<nint, nint, void> wasmtime_pooling_allocation_strategy_set;
    public static delegate* unmanaged<nint, void> wasmtime_engine_increment_epoch;
    public static delegate* unmanaged<nint, NativeBytes*, void> wasmtime_error_message;
    public static delegate* unmanaged<nint, void> wasmtime_error_delete;
    public static delegate* unmanaged<byte*, nint> wasmtime_error_new;
    public static delegate* unmanaged<byte*, nuint, nint> wasmtime_trap_new;
    public static delegate* unmanaged<nint, byte*, byte> wasmtime_trap_code;
    public static delegate* unmanaged<nint, byte*, nuint, nint*, nint> wasmtime_module_new;
    public static delegate* unmanaged<nint, void> wasmtime_module_delete;
    public static delegate* unmanaged<nint, NativeBytes*, nint> wasmtime_module_serialize;
    public static delegate* unmanaged<nint, byte*, nuint, nint*, nint> wasmtime_module_deserialize;
    public static delegate* unmanaged<nint, nint, nint, nint> wasmtime_store_new;
    public static delegate* unmanaged[SuppressGCTransition]<nint, nint> wasmtime_store_context;
    public static delegate* unmanaged<nint, long, long, long, long, long, void> wasmtime_store_limiter;
    public static delegate* unmanaged<nint, void> wasmtime_store_delete;
    public static delegate* unmanaged<nint, delegate* unmanaged<nint, nint, ulong*, byte*, nint>, nint, nint, void> wasmtime_store_epoch_deadline_callback;
    public static delegate* unmanaged[SuppressGCTransition]<nint, nint> wasmtime_context_get_data;
    public static delegate* unmanaged[SuppressGCTransition]<nint, ulong, void> wasmtime_context_set_epoch_deadline;
    public static delegate* unmanaged<nint, nint> wasmtime_context_gc;
    public static delegate* unmanaged<nint, NativeRef*, byte> wasmtime_context_take_exception;
    public static delegate* unmanaged[SuppressGCTransition]<nint, byte> wasmtime_context_has_exception;
    public static delegate* unmanaged[SuppressGCTransition]<nint, nint> wasmtime_caller_context;
    public static delegate* unmanaged<nint, nint> wasmtime_linker_new;
    public static delegate* unmanaged<nint, void> wasmtime_linker_delete;
    public static delegate* unmanaged<nint, byte, void> wasmtime_linker_allow_shadowing;
    public static delegate* unmanaged<nint, nint, byte*, nuint, byte*, nuint, NativeExtern*, nint> wasmtime_linker_define;
    public static delegate* unmanaged<nint, byte*, nuint, byte*, nuint, nint, delegate* unmanaged<nint, nint, NativeRaw*, nuint, nint>, nint, nint, nint> wasmtime_linker_define_func_unchecked;
    public static delegate* unmanaged<nint, nint, byte*, nuint, byte*, nuint, NativeExtern*, byte> wasmtime_linker_get;
    public static delegate* unmanaged<nint, nint, nint, NativeInstance*, nint*, nint> wasmtime_linker_instantiate;
    public static delegate* unmanaged<nint, nint, delegate* unmanaged<nint, nint, NativeRaw*, nuint, nint>, nint, nint, NativeFunc*, void> wasmtime_func_new_unchecked;
    public static delegate* unmanaged<nint, NativeFunc*, NativeValue*, nuint, NativeValue*, nuint, nint*, nint> wasmtime_func_call;
    public static delegate* unmanaged<nint, NativeFunc*, NativeRaw*, nuint, nint*, nint> wasmtime_func_call_unchecked;
    public static delegate* unmanaged<nint, nint, NativeExtern*, nuint, NativeInstance*, nint*, nint> wasmtime_instance_new;
    public static delegate* unmanaged<nint, NativeInstance*, byte*, nuint, NativeExtern*, byte> wasmtime_instance_export_get;
    public static delegate* unmanaged<NativeExtern*, void> wasmtime_extern_delete;
    public static delegate* unmanaged<nint, nint, NativeValue*, NativeItem*, nint> wasmtime_global_new;
    public static delegate* unmanaged[SuppressGCTransition]<nint, NativeItem*, NativeValue*, void> wasmtime_global_get;
    public static delegate* unmanaged[SuppressGCTransition]<nint, NativeItem*, NativeValue*, nint> wasmtime_global_set;
    public static delegate* unmanaged<ulong, byte, ulong, byte, byte, byte, nint*, nint> wasmtime_memorytype_new;
    public static delegate* unmanaged<nint, nint, NativeItem*, nint> wasmtime_memory_new;
    public static delegate* unmanaged[SuppressGCTransition]<nint, NativeItem*, byte*> wasmtime_memory_data;
    public static delegate* unmanaged[SuppressGCTransition]<nint, NativeItem*, nuint> wasmtime_memory_data_size;
    public static delegate* unmanaged<nint, NativeItem*, ulong, ulong*, nint> wasmtime_memory_grow;
    public static delegate* unmanaged<nint, byte*> wasmtime_sharedmemory_data;
    public static delegate* unmanaged<nint, nuint> wasmtime_sharedmemory_data_size;
    public static delegate* unmanaged<nint, void> wasmtime_sharedmemory_delete;
    public static delegate* unmanaged[SuppressGCTransition]<nint, NativeItem*, ulong> wasmtime_table_size;
    public static delegate* unmanaged<nint, NativeItem*, ulong, NativeValue*, byte> wasmtime_table_get;
    public static delegate* unmanaged<nint, NativeItem*, NativeItem*, byte> wasmtime_tag_eq;
    public static delegate* unmanaged<nint, NativeRef*, NativeItem*, nint> wasmtime_exnref_tag;
    public static delegate* unmanaged<nint, NativeRef*, nuint> wasmtime_exnref_field_count;
    public static delegate* unmanaged<nint, NativeRef*, nuint, NativeValue*, nint> wasmtime_exnref_field;
    public static delegate* unmanaged<NativeValue*, void> wasmtime_val_unroot;
    public static delegate* unmanaged<NativeRef*, void> wasmtime_exnref_unroot;
    public static delegate* unmanaged<nint, nint, delegate* unmanaged<nint, void>, NativeRef*, byte> wasmtime_externref_new;
    public static delegate* unmanaged<nint, NativeRef*, nint> wasmtime_externref_data;
    public static delegate* unmanaged<nint, uint, NativeRef*, void> wasmtime_anyref_from_i31;
    public static delegate* unmanaged<nint, NativeRef*, byte> wasmtime_anyref_is_i31;
    public static delegate* unmanaged<nint, NativeRef*, int*, byte> wasmtime_anyref_i31_get_s;
    public static delegate* unmanaged<nint, NativeRef*, byte> wasmtime_anyref_is_struct;
    public static delegate* unmanaged<nint, NativeRef*, byte> wasmtime_anyref_is_array;

    /// <summary>Fills every field from the library; the names that it does not export.</summary>
    public static List<string> Fill(nint library)
    {
        var missing = new List<string>();
        foreach (var field in typeof(Api).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            if (NativeLibrary.TryGetExport(library, field.Name, out nint address)) SetPointer(field, address);
            else missing.Add(field.Name);
        }

        return missing;
    }

    // A field of a function pointer's type takes its address as a native integer.
    private static void SetPointer(FieldInfo field, nint address) => field.SetValue(null, address);
}
