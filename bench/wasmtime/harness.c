// Wasmtime by its bare C API, to compare our binding with: the same binaries, the same configuration, nothing of ours.
// In: harness COMMAND NAN FILE [ARGUMENT]; NAN is 1 when the library shall make NaNs canonical. Out: one figure on stdout, and the answer.
//
//   kernel  best CPU milliseconds of 15 warm runs of export `run`
//   call    nanoseconds of a call of export `add`
//   units   the same, with the global of stack units set before each call, as every host of instrumented code must
//   life    nanoseconds of store + instantiation + deletion
//
// Imports are satisfied by kind: globals of module `twofold` as our host makes them, env.host_inc, nothing else.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasm.h>
#include <wasmtime.h>

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *what, wasmtime_error_t *error, wasm_trap_t *trap) {
  wasm_byte_vec_t text = {0, NULL};
  if (error) wasmtime_error_message(error, &text);
  if (trap) wasm_trap_message(trap, &text);
  fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data);
  exit(1);
}

static wasm_trap_t *host_inc(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t n) {
  values[0].i64 += 1;
  return NULL;
}

static wasm_engine_t *engine;
static wasmtime_module_t *module;
static wasm_importtype_vec_t imports;
static wasmtime_global_t gas, stack;
static int has_gas;

static int is(const wasm_name_t *name, const char *text) { return name->size == strlen(text) && !memcmp(name->data, text, name->size); }

static void instantiate(wasmtime_context_t *context, wasmtime_instance_t *instance) {
  wasmtime_extern_t given[64];
  for (size_t i = 0; i < imports.size; i++) {
    const wasm_externtype_t *type = wasm_importtype_type(imports.data[i]);
    const wasm_name_t *name = wasm_importtype_name(imports.data[i]);
    if (wasm_externtype_kind(type) == WASM_EXTERN_GLOBAL) {
      const wasm_globaltype_t *g = wasm_externtype_as_globaltype_const(type);
      wasmtime_val_t v = {0};
      v.kind = wasm_valtype_kind(wasm_globaltype_content(g)) == WASM_I32 ? WASMTIME_I32 : WASMTIME_I64;
      if (is(name, "gas")) v.of.i64 = INT64_MAX / 2;
      else if (is(name, "stack")) v.of.i32 = 262144;
      else if (is(name, "pages")) v.of.i64 = 8192;
      else if (is(name, "entries")) v.of.i64 = 10000;
      else if (is(name, "objects_limit")) v.of.i64 = 256 << 20;
      given[i].kind = WASMTIME_EXTERN_GLOBAL;
      wasmtime_error_t *error = wasmtime_global_new(context, g, &v, &given[i].of.global);
      if (error) fail("global", error, NULL);
      if (is(name, "gas")) { gas = given[i].of.global; has_gas = 1; }
      if (is(name, "stack")) stack = given[i].of.global;
    } else {
      given[i].kind = WASMTIME_EXTERN_FUNC;
      wasmtime_func_new_unchecked(context, wasm_externtype_as_functype_const(type), host_inc, NULL, NULL, &given[i].of.func);
    }
  }
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error = wasmtime_instance_new(context, module, given, imports.size, instance, &trap);
  if (error || trap) fail("instantiate", error, trap);
}

static wasmtime_func_t export_of(wasmtime_context_t *context, wasmtime_instance_t *instance, const char *name) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(context, instance, name, strlen(name), &item)) { fprintf(stderr, "no export %s\n", name); exit(1); }
  return item.of.func;
}

static void set(wasmtime_context_t *context, wasmtime_global_t *g, int kind, int64_t bits) {
  wasmtime_val_t v = {0};
  v.kind = kind;
  v.of.i64 = bits;
  wasmtime_global_set(context, g, &v);
}

static void call(wasmtime_context_t *context, wasmtime_func_t *f, wasmtime_val_raw_t *values, size_t n) {
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error = wasmtime_func_call_unchecked(context, f, values, n, &trap);
  if (error || trap) fail("call", error, trap);
}

static wasmtime_store_t *fresh(wasmtime_context_t **context, wasmtime_instance_t *instance) {
  wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
  *context = wasmtime_store_context(store);
  wasmtime_context_set_epoch_deadline(*context, 1000000);
  instantiate(*context, instance);
  return store;
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "harness kernel|call|units|life NAN FILE [ARGUMENT]\n"); return 2; }
  wasm_config_t *config = wasm_config_new();
  wasmtime_config_epoch_interruption_set(config, true);
  wasmtime_config_max_wasm_stack_set(config, 4 << 20);
  wasmtime_config_async_stack_size_set(config, 4 << 20);
  wasmtime_config_cranelift_nan_canonicalization_set(config, atoi(argv[2]));
  wasmtime_config_wasm_gc_set(config, true);
  wasmtime_config_wasm_function_references_set(config, true);
  wasmtime_config_wasm_exceptions_set(config, true);
  wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
  if (getenv("POOL")) {
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 64 << 10);
    wasmtime_pooling_allocation_strategy_set(config, pool);
  }
  engine = wasm_engine_new_with_config(config);

  FILE *file = fopen(argv[3], "rb");
  if (!file) { perror(argv[3]); return 1; }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(size);
  if (fread(bytes, 1, size, file) != (size_t)size) return 1;
  wasmtime_error_t *error = wasmtime_module_new(engine, bytes, size, &module);
  if (error) fail("compile", error, NULL);
  wasmtime_module_imports(module, &imports);

  wasmtime_context_t *context;
  wasmtime_instance_t instance;

  if (!strcmp(argv[1], "life")) {
    double best = 1e9;
    for (int batch = 0; batch < 9; batch++) {
      double start = now(CLOCK_PROCESS_CPUTIME_ID);
      for (int i = 0; i < 2000; i++) wasmtime_store_delete(fresh(&context, &instance));
      double each = (now(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e6 / 2000;
      if (each < best) best = each;
    }
    printf("%.1f 0\n", best);
    return 0;
  }

  wasmtime_store_t *store = fresh(&context, &instance);
  wasmtime_val_raw_t values[2];
  if (has_gas) {
    wasmtime_func_t start = export_of(context, &instance, "twofold.start");
    call(context, &start, values, 0);
    set(context, &stack, WASMTIME_I32, 262144);
  }

  if (!strcmp(argv[1], "call") || !strcmp(argv[1], "units")) {
    int units = argv[1][0] == 'u';
    wasmtime_func_t add = export_of(context, &instance, "add");
    double best = 1e9;
    for (int batch = 0; batch < 9; batch++) {
      double start = now(CLOCK_PROCESS_CPUTIME_ID);
      for (int i = 0; i < 1000000; i++) { values[0].i32 = i; values[1].i32 = 1; if (units) set(context, &stack, WASMTIME_I32, 262144); call(context, &add, values, 2); }
      double each = (now(CLOCK_PROCESS_CPUTIME_ID) - start);
      if (each < best) best = each;
    }
    printf("%.2f %d\n", best, values[0].i32);
    return 0;
  }

  wasmtime_func_t run = export_of(context, &instance, "run");
  double best = 1e9;
  int64_t answer = 0;
  for (int i = 0; i < 18; i++) {
    if (has_gas) { set(context, &gas, WASMTIME_I64, INT64_MAX / 2); set(context, &stack, WASMTIME_I32, 262144); }
    memset(values, 0, sizeof values);
    values[0].i32 = atoi(argv[4]);
    double start = now(CLOCK_PROCESS_CPUTIME_ID);
    call(context, &run, values, 1);
    double each = now(CLOCK_PROCESS_CPUTIME_ID) - start;
    if (i >= 3 && each < best) best = each;
    answer = values[0].i64;
  }
  printf("%.3f %llu\n", best, (unsigned long long)answer);
  return 0;
}
