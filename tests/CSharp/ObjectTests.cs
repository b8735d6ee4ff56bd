// Objects of guests as a C# host meets them: views of fields, elements and i31, identity, what is refused, and that memory and generated classes come back.
// In: small modules as text. Out: values, errors that say what does not fit, weak references that die.

using System.Runtime.CompilerServices;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

[TestFixture]
public class ObjectTests
{
    private const string Zoo = """
        (module
          (type $base (sub (struct (field i8) (field (mut i32)))))
          (type $all (sub $base (struct (field i8) (field (mut i32)) (field i16) (field i64) (field f32) (field f64) (field v128)
            (field anyref) (field funcref) (field externref) (field (ref null $base)))))
          (type $bytes (array (mut i8)))
          (type $words (array i16))
          (type $refs (array anyref))
          (func $f (export "f"))
          (global $kept (export "kept") (mut anyref) (ref.null any))
          (global $base (export "base") (mut (ref null $base)) (ref.null $base))
          (table (export "table") 2 anyref)
          (func (export "all") (param externref) (result anyref)
            (struct.new $all (i32.const -1) (i32.const -2) (i32.const -3) (i64.const -4) (f32.const 1.5) (f64.const nan:0x8000000000001)
              (v128.const i64x2 5 6) (ref.i31 (i32.const -7)) (ref.func $f) (local.get 0) (ref.null $base)))
          (func (export "bytes") (result anyref) (array.new_fixed $bytes 3 (i32.const 1) (i32.const 255) (i32.const 256)))
          (func (export "words") (result anyref) (array.new $words (i32.const -1) (i32.const 2)))
          (func (export "refs") (param anyref) (result anyref) (array.new_fixed $refs 2 (local.get 0) (ref.null any)))
          (func (export "make") (result (ref $base)) (struct.new $base (i32.const 1) (i32.const 2)))
          (func (export "poke") (param (ref $base)) (struct.set $base 1 (local.get 0) (i32.const 77)))
          (func (export "same") (param anyref anyref) (result i32)
            (ref.eq (ref.cast eqref (local.get 0)) (ref.cast eqref (local.get 1))))
          (func (export "i31") (param i32) (result i31ref) (ref.i31 (local.get 0)))
          (func (export "number") (param i31ref) (result i32) (i31.get_s (local.get 0)))
          (func (export "ref") (result funcref) (ref.func $f))
          (func (export "echo") (param anyref) (result anyref) (local.get 0)))
        """;

    private static Instance Guest(Store store, string text = Zoo) => new Linker().Instantiate(store, Module.FromText(text));

    private static T As<T>(Value[] results) where T : class
    {
        Assert.That(results, Has.Length.EqualTo(1));
        Assert.That(results[0].Kind, Is.EqualTo(ValueKind.AnyRef));
        Assert.That(results[0].Reference, Is.InstanceOf<T>());
        return (T)results[0].Reference!;
    }

    [Test]
    public void FieldsOfEveryType()
    {
        var token = new object();
        GcStruct s;
        using (var store = new Store())
        {
            var guest = Guest(store);
            s = As<GcStruct>(guest.Call("all", Value.ExternRef(token)));
            Assert.That(s.GetField(8).Reference, Is.SameAs(guest.GetFunction("f")));
        }

        // The view outlives the store.
        Assert.That(s.FieldCount, Is.EqualTo(11));
        Assert.That(s.ToString(), Is.EqualTo("struct"));
        var fields = Enumerable.Range(0, 8).Select(s.GetField).ToArray();
        Assert.That(fields[..7], Is.EqualTo(new Value[] { 255, -2, 65533, -4L, 1.5f, Value.FromBits(ValueKind.F64, 0x7FF8000000000001), Value.V128(5, 6) }));
        Assert.That(fields[7].Kind, Is.EqualTo(ValueKind.AnyRef));
        Assert.That(((GcI31)fields[7].Reference!).Value, Is.EqualTo(-7));
        Assert.That(s.GetField(9), Is.EqualTo(Value.ExternRef(token)));
        Assert.That(s.GetField(10), Is.EqualTo(Value.AnyRef(null)));
        Assert.Throws<ArgumentOutOfRangeException>(() => s.GetField(11));
        Assert.Throws<ArgumentOutOfRangeException>(() => s.GetField(-1));
    }

    [Test]
    public void ElementsAreReadAsTheGuestWouldUnsigned()
    {
        using var store = new Store();
        var guest = Guest(store);
        var bytes = As<GcArray>(guest.Call("bytes"));
        Assert.That(Enumerable.Range(0, bytes.Length).Select(bytes.GetElement), Is.EqualTo(new Value[] { 1, 255, 0 }));
        Assert.That(As<GcArray>(guest.Call("words")).GetElement(1), Is.EqualTo(Value.I32(65535)));
        var refs = As<GcArray>(guest.Call("refs", Value.AnyRef(bytes)));
        Assert.That(refs.GetElement(0).Reference, Is.SameAs(bytes));
        Assert.That(refs.GetElement(1), Is.EqualTo(Value.AnyRef(null)));
        Assert.That(refs.ToString(), Is.EqualTo("array"));
        Assert.Throws<ArgumentOutOfRangeException>(() => refs.GetElement(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => refs.GetElement(-1));
    }

    [Test]
    public void ObjectsKeepTheirIdentityAndShowWhatTheGuestWrites()
    {
        using var store = new Store();
        var guest = Guest(store);
        var a = As<GcStruct>(guest.Call("make"));
        var all = As<GcStruct>(guest.Call("all", Value.ExternRef(null)));
        Assert.That(a.FieldCount, Is.EqualTo(2));
        Assert.That(a.GetField(1), Is.EqualTo(Value.I32(2)));
        guest.Call("poke", Value.AnyRef(a));
        guest.Call("poke", Value.AnyRef(all));
        Assert.That((a.GetField(1).AsI32(), all.GetField(1).AsI32()), Is.EqualTo((77, 77)), "a subtype is taken where its supertype is");
        Assert.That(As<GcStruct>(guest.Call("echo", Value.AnyRef(a))), Is.SameAs(a));
        Assert.That(guest.GetFunction<GcObject, GcObject>("echo")(a), Is.SameAs(a));
        Assert.That(guest.Call("same", Value.AnyRef(a), Value.AnyRef(a))[0].AsI32(), Is.EqualTo(1));
        Assert.That(guest.Call("same", Value.AnyRef(a), Value.AnyRef(all))[0].AsI32(), Is.Zero);
        Assert.That(guest.GetFunction<Function>("ref")(), Is.SameAs(guest.GetFunction("f")));
        guest.GetGlobal("kept").Value = Value.AnyRef(a);
        guest.GetTable("table").Set(1, a);
        Assert.That(guest.GetGlobal("kept").Value.Reference, Is.SameAs(a));
        Assert.That(guest.GetTable("table").Get(1), Is.SameAs(a));
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(5000)]
    [TestCase((1 << 30) - 1)]
    [TestCase(-(1 << 30))]
    public void I31IsItsNumber(int number)
    {
        using var store = new Store();
        var guest = Guest(store);
        Assert.That(As<GcI31>(guest.Call("i31", number)).Value, Is.EqualTo(number));
        Assert.That(guest.Call("number", Value.I31(number))[0].AsI32(), Is.EqualTo(number));
        Assert.That(guest.Call("same", Value.I31(number), Value.AnyRef(GcI31.Of(number)))[0].AsI32(), Is.EqualTo(1));
        Assert.That(Value.I31(number).ToString(), Is.EqualTo($"anyref:i31:{number}"));
    }

    [Test]
    public void AHostsObjectTravelsAsAnyrefAndIsNoObjectOfTheGuests()
    {
        using var store = new Store();
        var guest = Guest(store);
        Assert.That(guest.Call("echo", Value.AnyRef("mine"))[0].Reference, Is.SameAs("mine"));
        Assert.That(Assert.Throws<TrapException>(() => guest.Call("same", Value.AnyRef("mine"), Value.AnyRef("mine")))!.Code, Is.EqualTo(TrapCode.CastFailure));
        var wrong = Assert.Throws<RejectedException>(() => guest.Call("poke", Value.AnyRef("mine")))!.Rejection;
        Assert.That((wrong.Where, wrong.Reason), Is.EqualTo(("export poke", "argument 0 is a reference that the parameter's type does not allow")));
        wrong = Assert.Throws<RejectedException>(() => guest.Call("poke", Value.AnyRef(null)))!.Rejection;
        Assert.That(wrong.Reason, Does.Contain("does not allow"));
        wrong = Assert.Throws<RejectedException>(() => guest.Call("poke", guest.Call("bytes")[0]))!.Rejection;
        Assert.That(wrong.Reason, Does.Contain("does not allow"));
        Assert.Throws<ArgumentException>(() => guest.GetGlobal("base").Value = Value.AnyRef("mine"));
    }

    [Test]
    public void AnObjectOfAnotherStoreIsRefusedEverywhere()
    {
        using var mine = new Store();
        using var other = new Store();
        var guest = Guest(mine);
        // The very same module, so that only the store differs.
        var foreign = new Linker().Instantiate(other, guest.Module).Call("make")[0];
        var reason = Assert.Throws<RejectedException>(() => guest.Call("same", Value.I31(1), foreign))!.Rejection.Reason;
        Assert.That(reason, Is.EqualTo("argument 1 is a reference of another store"));
        Assert.That(Assert.Throws<RejectedException>(() => guest.Call("poke", foreign))!.Rejection.Reason, Does.Contain("another store"));
        var typed = guest.GetFunction<GcObject, GcObject>("echo");
        Assert.That(Assert.Throws<ArgumentException>(() => typed((GcObject)foreign.Reference!))!.Message, Does.Contain("another store"));
        Assert.That(Assert.Throws<ArgumentException>(() => guest.GetTable("table").Set(0, foreign.Reference))!.Message, Does.Contain("another store"));
        Assert.That(Assert.Throws<ArgumentException>(() => guest.GetGlobal("kept").Value = foreign)!.Message, Does.Contain("another store"));
        Assert.That(Assert.Throws<ArgumentException>(() => new Global(mine, foreign, true))!.Message, Does.Contain("another store"));
        // An i31 belongs to nobody.
        Assert.That(typed(GcI31.Of(3)), Is.SameAs(GcI31.Of(3)));
        const string asking = """(module (import "host" "give" (func $give (result anyref))) (func (export "ask") (result anyref) (call $give)))""";
        var linker = new Linker().Define("host", "give", () => (GcObject)foreign.Reference!);
        var asker = linker.Instantiate(mine, Module.FromText(asking));
        Assert.That(Assert.Throws<InvalidOperationException>(() => asker.Call("ask"))!.Message, Does.Contain("another store"));
        Assert.That(((GcStruct)foreign.Reference!).GetField(1).AsI32(), Is.EqualTo(2), "nothing of it was changed");
    }

    private const string Greedy = """
        (module
          (type $n (struct (field (ref null $n)) (field i32)))
          (global $list (mut (ref null $n)) (ref.null $n))
          (func (export "grow") (loop $again (global.set $list (struct.new $n (global.get $list) (i32.const 1))) (br $again)))
          (func (export "million") (result anyref) (local $k i32)
            (loop $again
              (global.set $list (struct.new $n (global.get $list) (local.get $k)))
              (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 1000000))))
            (global.get $list))
          (func (export "drop") (global.set $list (ref.null $n))))
        """;

    [Test]
    public void AHostileAllocatorIsBoundedAndGivesEverythingBack()
    {
        const long limit = 32 << 20;
        long before = GC.GetTotalMemory(true);
        Grow(limit, before);
        for (int k = 0; k < 10 && GC.GetTotalMemory(true) - before > limit / 8; k++) GC.WaitForPendingFinalizers();
        Assert.That(GC.GetTotalMemory(true) - before, Is.LessThan(limit / 8), "a disposed store keeps nothing");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Grow(long limit, long before)
    {
        using var store = new Store(new StoreOptions().WithGcLimit(limit));
        var guest = Guest(store, Greedy);
        // 16 + 8 + 4, rounded up: 32 bytes a node.
        var trap = Assert.Throws<TrapException>(() => guest.Call("grow"))!;
        Assert.That((trap.Code, trap.A, trap.B, trap.C), Is.EqualTo((TrapCode.AllocationLimit, 32ul, (ulong)limit, (ulong)limit)));
        long held = GC.GetTotalMemory(true) - before;
        Assert.That(held, Is.InRange(limit / 2, limit * 5 / 2), "what is counted is near what is held");
        Assert.Throws<TrapException>(() => guest.Call("grow"), "the count is never given back within a run");
        guest.GetAction("drop")();
        Assert.That(GC.GetTotalMemory(true) - before, Is.LessThan(limit / 2), "the collector takes what the guest dropped");
        store.Refuel(long.MaxValue);
        Assert.Throws<TrapException>(() => guest.Call("grow"), "a new run counts anew");
        GC.KeepAlive(guest);
    }

    [Test]
    public void AListOfAMillionObjectsNeedsNoStack()
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var store = new Store();
                var guest = Guest(store, Greedy);
                var last = As<GcStruct>(guest.Call("million"));
                GC.Collect();
                int nodes = 0;
                for (var at = last; at != null; at = (GcStruct?)at.GetField(0).Reference) if (++nodes >= 1000) break;
                Assert.That(nodes, Is.EqualTo(1000));
                Assert.That(last.GetField(1).AsI32(), Is.EqualTo(999_999));
                guest.GetAction("drop")();
                GC.Collect();
            }
            catch (Exception e)
            {
                failure = e;
            }
        }, 256 << 10);
        thread.Start();
        thread.Join();
        Assert.That(failure, Is.Null);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Class, WeakReference Assembly, WeakReference Module) Used()
    {
        using var store = new Store();
        var guest = Guest(store);
        var made = As<GcStruct>(guest.Call("all", Value.ExternRef(null)));
        var type = made.GetType();
        Assert.That(type.IsCollectible);
        return (new(type), new(type.Assembly), new(guest.Module));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (GcStruct Kept, WeakReference Class) UsedAndKept()
    {
        using var store = new Store();
        var made = As<GcStruct>(Guest(store).Call("make"));
        return (made, new(made.GetType()));
    }

    private static bool Dies(WeakReference r)
    {
        for (int k = 0; k < 20 && r.IsAlive; k++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return !r.IsAlive;
    }

    [Test]
    public void GeneratedClassesGoWithTheirModule()
    {
        var (type, assembly, module) = Used();
        Assert.That(Dies(module), "the module");
        Assert.That(Dies(type), "the class");
        Assert.That(Dies(assembly), "its assembly");
    }

    [Test]
    public void AnObjectThatAHostKeepsKeepsItsClass()
    {
        var (kept, type) = UsedAndKept();
        Assert.That(Dies(type), Is.False);
        Assert.That(kept.GetField(1), Is.EqualTo(Value.I32(2)));
        GC.KeepAlive(kept);
    }
}
