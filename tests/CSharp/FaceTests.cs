// The face of the wasm layer as a C# host uses it: typed and untyped calls, host functions, sharing between instances, errors that say what and where.
// In: small modules. Out: results and messages.

using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

[TestFixture]
public class FaceTests
{
    private static Linker Again() => new Linker().Define("env", "again", (int x) => x);

    [Test]
    public void AddGivesEightTypedAndUntyped()
    {
        using var store = new Store();
        var instance = Again().Instantiate(store, Modules.Load("basics"));
        Assert.That(instance.GetFunction<int, int, int>("add")(5, 3), Is.EqualTo(8));
        Assert.That(instance.Call("add", 5, 3), Is.EqualTo(new[] { Value.I32(8) }));
        Assert.That(instance.GetFunction("add").Call(5, 3)[0].AsI32(), Is.EqualTo(8));
        Assert.That(instance.GetFunction("add").Signature, Is.EqualTo("[i32 i32] -> [i32]"));
    }

    [Test]
    public void ImportsAndExportsAreListedInOrder()
    {
        var module = Modules.Load("user");
        Assert.That(module.Imports.Select(i => i.ToString()), Is.EqualTo(new[]
        {
            "shared.memory: memory 1",
            "shared.table: table 4 funcref",
            "shared.counter: global (mut i32)",
            "shared.seven: func [] -> [i32]",
        }));
        Assert.That(module.Exports.Select(e => e.Name), Is.EqualTo(new[] { "poke", "grow", "set", "sum" }));
    }

    [Test]
    public void MissingAndIllTypedExportsSayWhatWasExpectedAndFound()
    {
        using var store = new Store();
        var instance = Again().Instantiate(store, Modules.Load("basics"));
        var wrong = Assert.Throws<RejectedException>(() => instance.GetFunction<int, int>("add"))!.Rejection;
        Assert.That((wrong.Where, wrong.Expected, wrong.Found), Is.EqualTo(("export add", "func [i32] -> [i32]", "func [i32 i32] -> [i32]")));
        var missing = Assert.Throws<RejectedException>(() => instance.GetAction("ad"))!.Rejection;
        Assert.That(missing.Found, Does.Contain("add"));
        var kind = Assert.Throws<RejectedException>(() => instance.GetMemory("add"))!.Rejection;
        Assert.That((kind.Expected, kind.Found), Is.EqualTo(("a memory", "func [i32 i32] -> [i32]")));
        var arguments = Assert.Throws<RejectedException>(() => instance.Call("add", 5, 3L))!.Rejection;
        Assert.That((arguments.Expected, arguments.Found), Is.EqualTo(("(i32, i32)", "(i32, i64)")));
    }

    [Test]
    public void MissingAndIllTypedImportsShowBothTypes()
    {
        using var store = new Store();
        var module = Modules.Load("basics");
        var missing = Assert.Throws<RejectedException>(() => new Linker().Instantiate(store, module))!.Rejection;
        Assert.That((missing.Kind, missing.Where, missing.Expected), Is.EqualTo((RejectionKind.Link, "import env.again", "func [i32] -> [i32]")));
        var linker = new Linker().Define("env", "again", (long x) => { });
        var wrong = Assert.Throws<RejectedException>(() => linker.Instantiate(store, module))!.Rejection;
        Assert.That((wrong.Expected, wrong.Found), Is.EqualTo(("func [i32] -> [i32]", "func [i64] -> []")));
        var odd = Assert.Throws<RejectedException>(() => new Linker().Define("env", "again", (string s) => 1))!.Rejection;
        Assert.That(odd.Found, Is.EqualTo("String"));
    }

    [Test]
    public void HostFunctionsOfEveryType()
    {
        using var store = new Store();
        string? seen = null;
        var pair = new FuncType([ValType.I32], [ValType.I32, ValType.I64]);
        var linker = new Linker()
            .Define("env", "mix", (int a, long b, float c, double d) => a + b + c + d)
            .Define("env", "text", (Guest guest, uint address, uint length) => { seen = System.Text.Encoding.UTF8.GetString(guest.Slice(address, length)); })
            .Define("env", "pair", pair, (_, a) => [a[0].AsI32() + 1, -5L])
            .Define("env", "keep", (object? o) => o);
        var instance = linker.Instantiate(store, Modules.Load("host"));
        Assert.That(instance.GetFunction<double>("mix")(), Is.EqualTo(5.5));
        instance.GetAction("text")();
        Assert.That(seen, Is.EqualTo("hello"));
        Assert.That(instance.Call("pair", 41), Is.EqualTo(new Value[] { 42, -5L }));
        var token = new object();
        Assert.That(instance.GetFunction<object?, object?>("keep")(token), Is.SameAs(token));
        Assert.That(instance.Call("keep", Value.ExternRef(null))[0].Reference, Is.Null);
        var trap = Assert.Throws<TrapException>(() => instance.Call("outside"))!;
        Assert.That((trap.Code, trap.A, trap.B, trap.C), Is.EqualTo((TrapCode.HostRangeOutOfBounds, 65534ul, 5ul, 65536ul)));
    }

    [Test]
    public void AHostFunctionThatDeclaresOtherResultsThanItGivesIsTold()
    {
        using var store = new Store();
        var pair = new FuncType([ValType.I32], [ValType.I32, ValType.I64]);
        var linker = new Linker()
            .Define("env", "mix", (int a, long b, float c, double d) => 0d)
            .Define("env", "text", (int a, int b) => { })
            .Define("env", "pair", pair, (_, a) => [1, 2])
            .Define("env", "keep", (object? o) => o);
        var instance = linker.Instantiate(store, Modules.Load("host"));
        Assert.That(Assert.Throws<InvalidOperationException>(() => instance.Call("pair", 1))!.Message, Does.Contain("I32, I64"));
    }

    [Test]
    public void AHostFunctionsExceptionComesOutUnchanged()
    {
        using var store = new Store();
        var linker = new Linker().Define("env", "again", new Func<int, int>(_ => throw new FormatException("mine")));
        var instance = linker.Instantiate(store, Modules.Load("basics"));
        Assert.That(Assert.Throws<FormatException>(() => instance.Call("reenter", 1))!.Message, Is.EqualTo("mine"));
        Assert.That(instance.GetFunction<int, int, int>("add")(5, 3), Is.EqualTo(8));
    }

    [Test]
    public void InstancesShareWhatTheyImport()
    {
        using var store = new Store();
        var shared = new Linker().Instantiate(store, Modules.Load("shared"));
        var user = new Linker().DefineInstance("shared", shared).Instantiate(store, Modules.Load("user"));
        user.GetAction<int, int>("poke")(100, 77);
        Assert.That(shared.GetFunction<int, int>("peek")(100), Is.EqualTo(77));
        Assert.That(shared.GetMemory("memory").Read<int>(100), Is.EqualTo(77));
        Assert.That(user.GetFunction<int, int>("grow")(1), Is.EqualTo(1));
        Assert.That(shared.GetFunction<int>("size")(), Is.EqualTo(2), "the length that the other instance caches moves too");
        Assert.That(shared.GetFunction<int, int>("peek")(65536 + 4), Is.Zero);
        Assert.That(user.GetFunction<int, int>("grow")(2), Is.EqualTo(-1), "the declared maximum is three pages");
        var callAt = shared.GetFunction<int, int>("callAt");
        Assert.That((callAt(1), callAt(2)), Is.EqualTo((9, 7)), "functions of another instance through the table");
        Assert.That(Assert.Throws<TrapException>(() => callAt(0))!.Code, Is.EqualTo(TrapCode.UninitializedElement));
        Assert.That(Assert.Throws<TrapException>(() => callAt(4))!.Code, Is.EqualTo(TrapCode.UndefinedElement));
        user.GetAction<int>("set")(40);
        Assert.That(shared.GetFunction<int>("bump")(), Is.EqualTo(41));
        shared.GetGlobal("counter").Value = 1;
        Assert.That(shared.GetFunction<int>("bump")(), Is.EqualTo(2));
        Assert.That(user.GetFunction<int>("sum")(), Is.EqualTo(16));
        var table = shared.GetTable("table");
        table.Set(0, shared.GetFunction("seven"));
        Assert.That(callAt(0), Is.EqualTo(7));
        Assert.Throws<ArgumentException>(() => table.Set(0, "text"));
    }

    [Test]
    public void MemoriesTablesAndGlobalsOfTheHost()
    {
        using var store = new Store();
        var memory = new Memory(store, 1, 2);
        var table = new Table(store, true, 4, 4);
        var counter = new Global(store, 7, true);
        var linker = new Linker()
            .Define("shared", "memory", store, memory)
            .Define("shared", "table", store, table)
            .Define("shared", "counter", store, counter)
            .Define("shared", "seven", () => 7);
        var user = linker.Instantiate(store, Modules.Load("user"));
        user.GetAction<int, int>("poke")(4, 5);
        Assert.That(memory.Read<int>(4), Is.EqualTo(5));
        user.GetAction<int>("set")(9);
        Assert.That(counter.Value, Is.EqualTo((Value)9));
        Assert.That(((Function)table.Get(1)).Call()[0].AsI32(), Is.EqualTo(9));
        Assert.That(((Function)table.Get(2)).Call()[0].AsI32(), Is.EqualTo(7), "a host function in a guest's table");
        Assert.That(memory.WriteString(10, "zwölf"), Is.EqualTo(6));
        Assert.That(memory.ReadString(10, 6), Is.EqualTo("zwölf"));
        var bad = Assert.Throws<TrapException>(() => memory.Read<long>(65530))!;
        Assert.That(bad.Message, Does.Contain("8 byte(s) at address 65530").And.Contain("65536"));
        using var other = new Store();
        Assert.Throws<ArgumentException>(() => linker.Instantiate(other, Modules.Load("user")));
    }

    [Test]
    public void GasIsExactAndSaysHowMuch()
    {
        using var store = new Store(new StoreOptions().WithGas(1_000_000));
        var instance = Again().Instantiate(store, Modules.Load("basics"));
        store.Refuel(1000);
        Assert.That(Assert.Throws<OutOfGasException>(() => instance.Call("loop"))!.Message, Does.Contain("1000"));
        Assert.That(store.GasUsed, Is.EqualTo(1000));
        store.Refuel(1000);
        Assert.Throws<TrapException>(() => instance.Call("oob", -1));
        Assert.That(store.GasUsed, Is.EqualTo(3), "local.get 1, i32.load 2: a trap leaves gas exact");
    }

    [Test]
    public void BadBytesAreRefusedByName()
    {
        (string Name, byte[] Bytes, RejectionKind Kind, string Reason)[] cases =
        [
            ("empty", [], RejectionKind.Malformed, "unexpected end"),
            ("magic", [1, 2, 3, 4, 1, 0, 0, 0], RejectionKind.Malformed, "magic header not detected"),
            ("version", [0, 0x61, 0x73, 0x6D, 2, 0, 0, 0], RejectionKind.Malformed, "unknown binary version"),
            ("component", [0, 0x61, 0x73, 0x6D, 0x0D, 0, 1, 0], RejectionKind.Component, "component"),
        ];
        foreach (var c in cases)
        {
            Assert.That(Module.TryLoad(c.Bytes, new ModuleOptions(), out var module, out var rejection), Is.False, c.Name);
            Assert.That(module, Is.Null, c.Name);
            Assert.That(rejection.Kind, Is.EqualTo(c.Kind), c.Name);
            Assert.That(rejection.ToString(), Does.Contain(c.Reason), c.Name);
        }
    }

    [Test]
    public void TextIsAModuleWhereverBytesAre()
    {
        var text = System.Text.Encoding.UTF8.GetBytes("\n;; seven\n(module (func (export \"f\") (result i32) (i32.const 7)))");
        using var store = new Store();
        Assert.That(new Linker().Instantiate(store, Module.Load(text)).GetFunction<int>("f")(), Is.EqualTo(7));
        Assert.That(Module.TryLoad(text, new ModuleOptions(), out var module, out _), Is.True);
        Assert.That(module.Exports[0].Name, Is.EqualTo("f"));

        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, text);
        Assert.That(Module.Load(path).Exports[0].Name, Is.EqualTo("f"), "by content, whatever the file is called");
        File.Delete(path);

        var wrong = System.Text.Encoding.UTF8.GetBytes("(module\n  (func (i32.ad)))");
        Assert.That(Module.TryLoad(wrong, new ModuleOptions(), out _, out var rejection), Is.False);
        Assert.That(rejection.Kind, Is.EqualTo(RejectionKind.Malformed));
        Assert.That(rejection.Where, Is.EqualTo("line 2, column 10"));
    }

    [Test]
    public void ADisposedStoreIsNoCrash()
    {
        var store = new Store();
        var instance = Again().Instantiate(store, Modules.Load("basics"));
        var add = instance.GetFunction<int, int, int>("add");
        var memory = instance.GetMemory("memory");
        store.Dispose();
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(() => add(1, 2));
        Assert.Throws<ObjectDisposedException>(() => instance.Call("add", 1, 2));
        Assert.Throws<ObjectDisposedException>(() => memory.Read<int>(0));
        store.Interrupt("late");
    }

    [Test]
    public void EightThreadsComputeTheSameOverOneModule()
    {
        var module = Modules.Load("basics");
        var results = new int[8];
        Parallel.For(0, 8, i =>
        {
            using var store = new Store();
            results[i] = Again().Instantiate(store, module).GetFunction<int, int>("fibi")(20);
        });
        Assert.That(results, Is.All.EqualTo(6765));
    }
}
