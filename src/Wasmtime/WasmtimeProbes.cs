// What is promised on Wasmtime rests on how the library behaves: each such behaviour is tried once, when it is loaded.
// In: the library's entry points. Out: a probe for each promise, with what was seen where it does not hold. Each takes a millisecond or two.

using System.Diagnostics;
using Twofold.Wasm;
using Twofold.Wasm.Text;

namespace Twofold.Wasmtime;

internal static unsafe class WasmtimeProbes
{
    private static readonly ValueKind[] None = [];

    /// <summary>Tries everything.</summary>
    public static IReadOnlyList<WasmtimeProbe> Run()
    {
        using var engine = new NativeEngine(NativeEngineOptions.Plain);
        (string Name, Func<NativeEngine, string?> Try)[] all =
        [
            ("traps have the codes that are mapped", Traps),
            ("the switch makes every NaN canonical", Nans),
            ("memories grow up to their maximum and no further", Growth),
            ("endless loops are interrupted by epochs", Interrupts),
            ("a native stack overflow is a trap of its own", Overflow),
            ("tail calls take no stack", TailCalls),
            ("exceptions carry their values and are seen by the host", Exceptions),
            ("a host's error is caught by no guest", HostErrors),
            ("a host function may call the guest back", Reentry),
            ("objects, casts and references work", Objects),
            ("SIMD gives the specification's results", Vectors),
            ("modules come back from their serialised form", Serialization),
        ];
        return Array.ConvertAll(all, p => new WasmtimeProbe(p.Name, Guarded(() => p.Try(engine))));
    }

    private static string? Guarded(Func<string?> attempt)
    {
        try
        {
            return attempt();
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message}";
        }
    }

    // ---- the little there is to run a module

    private static byte[] Assemble(string text)
    {
        var made = Wat.parse(text);
        return made.IsOk ? made.ResultValue : throw new InvalidOperationException(made.ErrorValue.ToString());
    }

    private sealed class Trial : IDisposable
    {
        private readonly NativeInstance instance;
        private readonly nint module;

        public Trial(NativeEngine engine, string text, params HostEntry[] hosts)
        {
            module = engine.Compile(Assemble(text));
            Store = new NativeStore(engine, WasmLimits.Host, 8, hosts);
            var imports = new NativeExtern[hosts.Length];
            for (int i = 0; i < hosts.Length; i++) imports[i] = Store.NewFunction(i, engine.Types.FuncType(hosts[i].Signature)).Extern;
            instance = Store.InstantiateRaw(module, imports, out string? why);
            if (why is not null) throw new InvalidOperationException(why);
        }

        public NativeStore Store { get; }

        /// <summary>Calls an export; how it ended, as words.</summary>
        public string Call(string name, ValueKind[] results, params Value[] arguments)
        {
            NativeExtern item;
            NativeInstance i = instance;
            byte[] n = System.Text.Encoding.UTF8.GetBytes(name);
            fixed (byte* p = n)
                if (Api.wasmtime_instance_export_get(Store.Context, &i, p, (nuint)n.Length, &item) == 0) return "no such export";
            var f = new NativeFunctionRef(null, item.Func, new Signature(Array.ConvertAll(arguments, a => a.Kind), results));
            var got = Store.Invoke(f, arguments, out var ended);
            return got is not null ? string.Join(" ", got) : ended is TrapException t ? $"trap {(int)t.Code}" : $"{ended!.GetType().Name}";
        }

        public void Dispose()
        {
            Store.Dispose();
            Api.wasmtime_module_delete(module);
        }
    }

    private static string? Expect(string what, string expected, string found) => expected == found ? null : $"{what}: expected {expected}, found {found}";

    // ---- probes

    private static string? Traps(NativeEngine engine)
    {
        (string Body, TrapCode Code)[] cases =
        [
            ("unreachable", TrapCode.Unreachable),
            ("(drop (i32.div_u (i32.const 1) (local.get 0)))", TrapCode.IntegerDivideByZero),
            ("(drop (i64.rem_s (i64.const 1) (i64.extend_i32_s (local.get 0))))", TrapCode.IntegerDivideByZero),
            ("(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get 0) (i32.const 1))))", TrapCode.IntegerOverflow),
            ("(drop (i32.trunc_f32_s (f32.div (f32.const 0) (f32.convert_i32_s (local.get 0)))))", TrapCode.InvalidConversionToInteger),
            ("(drop (i32.trunc_f64_u (f64.add (f64.const 1e30) (f64.convert_i32_s (local.get 0)))))", TrapCode.IntegerOverflow),
            ("(drop (struct.get $s 0 (ref.null $s)))", TrapCode.NullReference),
            ("(drop (ref.as_non_null (ref.null func)))", TrapCode.NullReference),
            ("(call_ref $f (ref.null $f))", TrapCode.NullReference),
            ("(throw_ref (ref.null exn))", TrapCode.NullReference),
            ("(drop (ref.cast (ref $s) (ref.i31 (local.get 0))))", TrapCode.CastFailure),
            ("(call_indirect (type $f) (i32.const 1))", TrapCode.UninitializedElement),
            ("(call_indirect (type $f) (i32.const 0))", TrapCode.IndirectCallTypeMismatch),
            ("(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))", TrapCode.ExpectedSharedMemory),
        ];
        var text = new System.Text.StringBuilder("(module (type $f (func)) (type $s (struct (field i32))) (memory 1) (table 2 funcref) (func $g (param i32)) (elem (i32.const 0) $g)\n");
        for (int i = 0; i < cases.Length; i++) text.AppendLine($"(func (export \"{i}\") (param i32) {cases[i].Body})");
        using var t = new Trial(engine, text.Append(')').ToString());
        for (int i = 0; i < cases.Length; i++)
            if (Expect(cases[i].Body, $"trap {(int)cases[i].Code}", t.Call($"{i}", None, Value.I32(0))) is { } wrong)
                return wrong;
        return null;
    }

    private static string? Nans(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module
              (func (export "add32") (param i32) (result i32) (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (local.get 0)) (f32.const 1))))
              (func (export "zero64") (param f64) (result i64) (i64.reinterpret_f64 (f64.div (local.get 0) (local.get 0))))
              (func (export "min64") (param i64) (result i64) (i64.reinterpret_f64 (f64.min (f64.reinterpret_i64 (local.get 0)) (f64.const 0))))
              (func (export "sqrt") (param f32) (result i32) (i32.reinterpret_f32 (f32.sqrt (local.get 0))))
              (func (export "promote") (param i32) (result i64) (i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (local.get 0)))))
              (func (export "lanes") (param i64) (result i64)
                (i64x2.extract_lane 1 (f64x2.mul (i64x2.splat (local.get 0)) (f64x2.splat (f64.const 2))))))
            """);
        string quiet64 = Value.I64(0x7FF8000000000000).ToString();
        string quiet32 = Value.I32(0x7FC00000).ToString();
        return Expect("f32.add", quiet32, t.Call("add32", [ValueKind.I32], Value.I32(unchecked((int)0xFFA00001))))
               ?? Expect("f64.div", quiet64, t.Call("zero64", [ValueKind.I64], Value.F64(0)))
               ?? Expect("f64.min", quiet64, t.Call("min64", [ValueKind.I64], Value.I64(unchecked((long)0xFFF4000000000001))))
               ?? Expect("f32.sqrt", quiet32, t.Call("sqrt", [ValueKind.I32], Value.F32(-1)))
               ?? Expect("f64.promote_f32", quiet64, t.Call("promote", [ValueKind.I64], Value.I32(unchecked((int)0xFFC12345))))
               ?? Expect("f64x2.mul", quiet64, t.Call("lanes", [ValueKind.I64], Value.I64(unchecked((long)0xFFFC000000000001))));
    }

    private static string? Growth(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module (memory 1 3) (table 1 4 funcref)
              (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
              (func (export "entries") (param i32) (result i32) (table.grow (ref.null func) (local.get 0)))
              (func (export "last") (result i32) (i32.load8_u (i32.const 196607))))
            """);
        string Grow(string f, int by) => t.Call(f, [ValueKind.I32], Value.I32(by));
        return Expect("memory.grow", "i32:1", Grow("grow", 2)) ?? Expect("the last byte", "i32:0", t.Call("last", [ValueKind.I32])) ?? Expect("memory.grow beyond", "i32:-1", Grow("grow", 1))
               ?? Expect("table.grow", "i32:1", Grow("entries", 3)) ?? Expect("table.grow beyond", "i32:-1", Grow("entries", 1));
    }

    private static string? Interrupts(NativeEngine engine)
    {
        using var t = new Trial(engine, "(module (func (export \"spin\") (loop (br 0))) (func (export \"two\") (result i32) (i32.const 2)))");
        // Another store's interrupt is not ours.
        engine.Nudge();
        if (Expect("after another's interrupt", "i32:2", t.Call("two", [ValueKind.I32])) is { } wrong) return wrong;
        var clock = Stopwatch.StartNew();
        using var timer = new Timer(_ => t.Store.Interrupt("probe"), null, 2, Timeout.Infinite);
        string ended = t.Call("spin", None);
        return Expect("an endless loop", nameof(GuestInterruptedException), ended) ?? (clock.Elapsed < TimeSpan.FromSeconds(5) ? null : $"it took {clock.Elapsed}");
    }

    private static string? Overflow(NativeEngine engine)
    {
        string? wrong = null;
        GuestThread.Run(engine.Options.StackBytes, () =>
        {
            using var t = new Trial(engine, "(module (func $f (export \"down\") (param i32) (result i32) (i32.add (i32.const 1) (call $f (local.get 0)))) (func (export \"two\") (result i32) (i32.const 2)))");
            wrong = Expect("endless recursion", nameof(HostMemoryException), t.Call("down", [ValueKind.I32], Value.I32(1))) ?? Expect("afterwards", "i32:2", t.Call("two", [ValueKind.I32]));
        });
        return wrong;
    }

    private static string? TailCalls(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module (func $f (export "f") (param i32 i64) (result i64)
              (if (result i64) (i32.eqz (local.get 0)) (then (local.get 1))
                (else (return_call $f (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 3)))))))
            """);
        return Expect("a million tail calls", "i64:3000000", t.Call("f", [ValueKind.I64], Value.I32(1_000_000), Value.I64(0)));
    }

    private static string? Exceptions(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module (tag $e (param i32 f64))
              (func $throw (param i32) (throw $e (local.get 0) (f64.const 2.5)))
              (func (export "catch") (param i32) (result i32)
                (local f64)
                (block $h (result i32 f64) (try_table (catch $e $h) (call $throw (local.get 0))) (return (i32.const -1)))
                (local.set 1) (i32.add (i32.trunc_f64_s (local.get 1))))
              (func (export "again") (param i32) (result i32)
                (block $h (result exnref)
                  (try_table (result exnref) (catch_all_ref $h)
                    (block $i (result exnref) (try_table (catch_all_ref $i) (call $throw (local.get 0))) (unreachable)) (throw_ref)))
                (drop) (i32.const 7)))
            """);
        if ((Expect("a caught exception", "i32:42", t.Call("catch", [ValueKind.I32], Value.I32(40))) ?? Expect("thrown again", "i32:7", t.Call("again", [ValueKind.I32], Value.I32(1)))) is { } wrong) return wrong;
        using var u = new Trial(engine, "(module (tag $e (param i64)) (func (export \"f\") (param i64) (throw $e (local.get 0))))");
        // The tag is none of a module of ours: that it is asked for shows that the exception came out.
        return Expect("an uncaught exception", nameof(UnknownTagException), u.Call("f", None, Value.I64(5)));
    }

    private static HostEntry Host(ValueKind[] parameters, ValueKind[] results, HostFunction f) => new(new Signature(parameters, results), f);

    private static string? HostErrors(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module (import "h" "f" (func $f))
              (func (export "f") (result i32) (block $h (try_table (catch_all $h) (call $f))) (i32.const 1)))
            """, Host([], [], (_, _) => throw new TrapException(TrapCode.Aborted)));
        return Expect("a host function that traps", $"trap {(int)TrapCode.Aborted}", t.Call("f", [ValueKind.I32]));
    }

    private static string? Reentry(NativeEngine engine)
    {
        Trial? t = null;
        using (t = new Trial(engine, """
            (module (import "h" "f" (func $f (param i32) (result i32)))
              (func (export "out") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
              (func (export "in") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 10))))
            """, Host([ValueKind.I32], [ValueKind.I32], (_, a) => t!.Call("in", [ValueKind.I32], Value.I32((int)a[0])) == "i32:40" ? 41UL : 0UL)))
            return Expect("a call back", "i32:42", t.Call("out", [ValueKind.I32], Value.I32(4)));
    }

    private static string? Objects(NativeEngine engine)
    {
        using var t = new Trial(engine, """
            (module (type $p (sub (struct (field $x (mut i32))))) (type $q (sub $p (struct (field $x (mut i32)) (field i8)))) (type $a (array (mut i16)))
              (func (export "f") (param i32) (result i32)
                (local $o (ref null $p)) (local $l (ref null $a))
                (local.set $o (struct.new $q (local.get 0) (i32.const 300)))
                (local.set $l (array.new $a (i32.const -1) (i32.const 5)))
                (struct.set $p $x (local.get $o) (i32.add (struct.get $p $x (local.get $o)) (array.len (local.get $l))))
                (i32.add
                  (i32.add (struct.get $p $x (local.get $o)) (struct.get_u $q 1 (ref.cast (ref $q) (local.get $o))))
                  (i32.add (array.get_s $a (local.get $l) (i32.const 4)) (i31.get_s (ref.i31 (i32.const -2))))))
              (func (export "churn") (param i32) (result i32)
                (local $o (ref null $p))
                (loop $l (local.set $o (struct.new $p (local.get 0))) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (struct.get $p $x (local.get $o))))
            """);
        return Expect("objects", "i32:56", t.Call("f", [ValueKind.I32], Value.I32(10))) ?? Expect("a hundred thousand objects", "i32:1", t.Call("churn", [ValueKind.I32], Value.I32(100_000)));
    }

    private static string? Vectors(NativeEngine engine)
    {
        (string Code, string Expected)[] cases =
        [
            ("(i8x16.swizzle (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) (v128.const i8x16 15 16 255 0 0 0 0 0 0 0 0 0 0 0 0 0))", "v128:0x01010101010101010101010101000010"),
            ("(i16x8.q15mulr_sat_s (v128.const i16x8 -32768 1 16384 0 0 0 0 0) (v128.const i16x8 -32768 32767 16384 0 0 0 0 0))", "v128:0x00000000000000000000200000017fff"),
            ("(f32x4.min (v128.const f32x4 -0 0 1 nan) (v128.const f32x4 0 -0 2 1))", "v128:0x7fc000003f8000008000000080000000"),
            ("(f32x4.pmin (v128.const f32x4 -0 0 1 2) (v128.const f32x4 0 -0 2 1))", "v128:0x3f8000003f8000000000000080000000"),
            ("(i32x4.trunc_sat_f32x4_s (v128.const f32x4 nan 3e9 -3e9 -1.5))", "v128:0xffffffff800000007fffffff00000000"),
            ("(i8x16.narrow_i16x8_u (v128.const i16x8 -1 256 255 0 1 2 3 4) (v128.const i16x8 -32768 32767 0 0 0 0 0 0))", "v128:0x000000000000ff000403020100ffff00"),
            ("(i32x4.dot_i16x8_s (v128.const i16x8 -32768 -32768 1 2 3 4 5 6) (v128.const i16x8 -32768 -32768 1 2 3 4 5 6))", "v128:0x0000003d000000190000000580000000"),
            ("(f64x2.nearest (v128.const f64x2 2.5 -0.5))", "v128:0x80000000000000004000000000000000"),
            ("(i64x2.shr_s (v128.const i64x2 -8 8) (i32.const 65))", "v128:0x0000000000000004fffffffffffffffc"),
        ];
        var text = new System.Text.StringBuilder("(module\n");
        for (int i = 0; i < cases.Length; i++) text.AppendLine($"(func (export \"{i}\") (result v128) {cases[i].Code})");
        using var t = new Trial(engine, text.Append(')').ToString());
        for (int i = 0; i < cases.Length; i++)
            if (Expect(cases[i].Code, cases[i].Expected, t.Call($"{i}", [ValueKind.V128])) is { } wrong)
                return wrong;
        return null;
    }

    private static string? Serialization(NativeEngine engine)
    {
        nint module = engine.Compile(Assemble("(module (func (export \"f\")))"));
        nint again = engine.Deserialize(NativeEngine.Serialize(module));
        Api.wasmtime_module_delete(module);
        if (again == 0) return "refused";
        Api.wasmtime_module_delete(again);
        return null;
    }
}
