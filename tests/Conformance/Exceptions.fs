namespace Twofold.Conformance

// Exceptions between modules and hosts, their gas, their limit, and what they cost where there are none.
// In: small modules in text, through the public face. Out: failures by case. The instructions themselves are the suite's business.

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

[<TestFixture>]
type Exceptions() =
    let load (text: string) = Module.FromText text
    let answer (values: Value[]) = values[0].AsI32()

    let thrower =
        """(module (tag $t (export "t") (param i32)) (table (export "table") 4 funcref) (elem (i32.const 0) $f)
             (func $f (export "f") (param i32) (result i32) (if (local.get 0) (then (throw $t (local.get 0)))) (i32.const 7)))"""

    // Between the two: knows nothing of tags. The local and the memory show that it is left, and that its caller goes on rightly.
    let middle =
        """(module (import "a" "f" (func $f (param i32) (result i32))) (import "a" "table" (table $shared 1 funcref))
             (global $after (export "after") (mut i32) (i32.const 0))
             (func (export "direct") (param i32) (result i32) (call $f (local.get 0)) (global.set $after (i32.const 1)) (i32.add (i32.const 1)))
             (func $in (param i32) (result i32) (call_indirect $shared (param i32) (result i32) (local.get 0) (i32.const 0)) (global.set $after (i32.const 2)))
             (func (export "indirect") (param i32) (result i32) (i32.add (call $in (local.get 0)) (i32.const 2)))
             (func (export "tail") (param i32) (result i32) (return_call $f (local.get 0))))"""

    let catcher name =
        $"""(module (import "a" "t" (tag $t (param i32))) (import "b" "{name}" (func $g (param i32) (result i32)))
             (func (export "go") (param i32) (result i32)
               (block $caught (result i32)
                 (try_table (catch $t $caught) (return (call $g (local.get 0))))
                 unreachable)
               (i32.mul (i32.const 100))))"""

    [<TestCase("direct", 7 + 1)>]
    [<TestCase("indirect", 7 + 2)>]
    [<TestCase("tail", 7)>]
    member _.``an exception passes a module without tags``(name: string, plain: int) =
        use store = new Store()
        let linker = Linker()
        linker.DefineInstance("a", linker.Instantiate(store, load thrower)) |> ignore
        let b = linker.Instantiate(store, load middle)
        linker.DefineInstance("b", b) |> ignore
        let go = linker.Instantiate(store, load (catcher name)).GetFunction<int, int>("go")
        Assert.That(go.Invoke 5, Is.EqualTo 500)
        Assert.That((b.GetGlobal "after").Value, Is.EqualTo(Value.I32 0), "the code after the call")
        Assert.That(go.Invoke 0, Is.EqualTo plain)
        // The same function from the host: nobody catches.
        let e = Assert.Throws<UncaughtException>(fun () -> b.Call(name, Value.I32 9) |> ignore)
        Assert.That((e.Exception.GetValues() = [| Value.I32 9 |]))
        Assert.That(e.Tag.Name, Is.EqualTo "t")

    [<Test>]
    member _.``a function that comes later through an exported table may throw``() =
        use store = new Store()

        let early =
            load
                """(module (table (export "table") 2 funcref)
                     (func $in (param i32) (result i32) (i32.add (i32.const 1) (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1))))
                     (func (export "call") (param i32) (result i32) (i32.add (i32.const 1) (call $in (local.get 0)))))"""

        let first = Linker().Instantiate(store, early)
        let second = Linker().Instantiate(store, load thrower)
        first.GetTable("table").Set(1L, second.GetFunction "f")
        Assert.That(answer (first.Call("call", Value.I32 0)), Is.EqualTo 9)
        let e = Assert.Throws<UncaughtException>(fun () -> first.Call("call", Value.I32 3) |> ignore)
        Assert.That(e.Tag, Is.SameAs(second.GetTag "t"))

    [<Test>]
    member _.``a host function sees what the guest it called threw, and no guest catches what the host lets through``() =
        use store = new Store()

        let m =
            load
                """(module (import "h" "back" (func $back (param i32) (result i32))) (tag $t (param i32))
                     (func (export "throws") (param i32) (result i32) (throw $t (local.get 0)))
                     (func (export "go") (param i32) (result i32)
                       (block $all (try_table (catch_all $all) (return (call $back (local.get 0)))))
                       (i32.const -1)))"""

        let back =
            Func<Guest, int, int>(fun guest n ->
                if n > 0 then
                    try
                        answer (guest.Call("throws", Value.I32 n))
                    with :? UncaughtException as e ->
                        answer (e.Exception.GetValues()) + 1
                else
                    answer (guest.Call("throws", Value.I32 n)))

        let instance = Linker().Define("h", "back", back).Instantiate(store, m)
        Assert.That(answer (instance.Call("go", Value.I32 5)), Is.EqualTo 6)
        Assert.Throws<UncaughtException>(fun () -> instance.Call("go", Value.I32 0) |> ignore) |> ignore
        Assert.That(answer (instance.Call("go", Value.I32 6)), Is.EqualTo 7)

    [<Test>]
    member _.``a host's tag is caught by whoever imports it, and by its identity``() =
        use store = new Store()
        let tag = store.NewTag { Params = [| ValType.I64; ValType.F64 |]; Results = [||] }
        let other = store.NewTag { Params = [| ValType.I64; ValType.F64 |]; Results = [||] }

        let m =
            load
                """(module (import "h" "t" (tag $t (param i64 f64))) (import "h" "u" (tag $u (param i64 f64)))
                     (func $f (throw $t (i64.const 3) (f64.const 0.5)))
                     (func (export "go") (result i64 f64)
                       (block $u (result i64 f64)
                         (block $t (result i64 f64) (try_table (catch $u $u) (catch $t $t) (call $f)) unreachable)
                         return)
                       unreachable))"""

        let run (t: Tag) (u: Tag) =
            let instance = Linker().Define("h", "t", t).Define("h", "u", u).Instantiate(store, m)
            instance.Call "go"

        Assert.That((run tag other = [| Value.I64 3L; Value.F64 0.5 |]))
        // One tag under two names: the first clause takes it.
        let e = Assert.Throws<TrapException>(fun () -> run tag tag |> ignore)
        Assert.That(e.Code, Is.EqualTo TrapCode.Unreachable)

    [<Test>]
    member _.``an exception comes back from a fresh native stack``() =
        use store = new Store()

        let m =
            load
                """(module (tag $t (param i32))
                     (func $deep (param i32) (result i32)
                       (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 77))))
                       (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
                     (func (export "go") (param i32) (result i32)
                       (block $h (result i32) (try_table (catch $t $h) (return (call $deep (local.get 0)))) unreachable)))"""

        let instance = Linker().Instantiate(store, m)
        // About 100 bytes a frame: a stack of 1 MiB at most holds 10,000, the units allow over 100,000.
        let mutable result = 0
        let thread = Threading.Thread((fun () -> result <- answer (instance.Call("go", Value.I32 90_000))), 1 <<< 20)
        thread.Start()
        thread.Join()
        Assert.That(result, Is.EqualTo 77)

    [<Test>]
    member _.``throwing is paid by frames, as the page on gas counts``() =
        let text =
            """(module (tag $tag (export "tag") (param i32))
                 (func $f (param i32) (throw $tag (local.get 0)))
                 (func $g (param i32) (call $f (local.get 0)))
                 (func (export "go") (param i32) (result i32)
                   try (result i32) local.get 0 call $g local.get 0
                   catch $tag i32.const 1 i32.add
                   catch_all rethrow 0
                   end))"""

        let options = ModuleOptions().WithFeatures(Features.Default.With Feature.LegacyExceptions)
        let m = Module.FromText(text, options)
        // go: try 2, local.get 1, call 10, local.get 1; g: 1 + 10; f: 1 + 20 + 3 (24 bytes); two calls left; handler 2.
        let needed = 14L + 11L + 24L + 20L + 2L

        for gas in 0L .. needed + 1L do
            use store = new Store(StoreOptions().WithGas gas)
            let instance = Linker().Instantiate(store, m)

            if gas >= needed then
                Assert.That(answer (instance.Call("go", Value.I32 4)), Is.EqualTo 5)
                Assert.That(store.GasUsed, Is.EqualTo needed)
            else
                Assert.Throws<OutOfGasException>(fun () -> instance.Call("go", Value.I32 4) |> ignore) |> ignore
                Assert.That(store.GasUsed, Is.EqualTo gas)

    [<Test>]
    member _.``a module without tags is compiled as if there were no exceptions``() =
        let lowered text isOpen =
            let valid =
                match Text.Wat.parse text with
                | Ok bytes ->
                    match Verdict.check bytes with
                    | Ok valid -> valid
                    | Error e -> failwith $"{e}"
                | Error e -> failwith $"{e}"

            [
                for facts in [ MayThrow.none; MayThrow.facts valid isOpen ] do
                    [
                        for k in 0 .. valid.Module.Functions.Length - 1 do
                            String.Join("\n", (Lower.func (CilProof.context valid facts) (Prepare.func valid k)).Code |> Array.map string)
                    ]
            ]

        let body =
            """(import "h" "f" (func $f)) (table 1 funcref) (func $g (call $f) (call_indirect (i32.const 0))) (func (call $g))"""

        let plain = lowered $"(module {body})" false
        Assert.That((plain[1] = plain[0]), "closed, without tags")
        let tests = lowered $"(module {body})" true
        Assert.That((tests[1] <> tests[0]), "open")
        // With a tag that is never thrown: imports are a host's, and nothing in the module throws.
        let quiet = lowered $"(module {body} (tag))" false
        Assert.That((quiet[1] = quiet[0]), "a tag, but no throw")
        let loud = lowered $"(module {body} (tag $t) (func (throw $t)))" false
        Assert.That((loud[1] <> loud[0]), "a table, and a function that throws")
