namespace Twofold.Bench

// What objects cost: making structs and arrays, reading and writing them, casts, calls through function references.
// In: a module of one loop for each operation. Out: nanoseconds an operation, the loop itself included, and bytes a second as the limit on objects counts them.

open System
open Twofold.Wasm

module Objects =
    /// A loop that does something `count` times and answers with $sum, which is `count` in the end.
    let private loop (name: string) (prologue: string) (body: string) =
        $"""(func (export "{name}") (param $count i32) (result i32) (local $k i32) (local $sum i32) (local $p (ref null $node)) (local $o anyref) (local $a (ref null $row))
              {prologue}
              (loop $again
                {body}
                (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (local.get $count))))
              (local.get $sum))"""

    let private plus (one: string) = $"(local.set $sum (i32.add (local.get $sum) ({one})))"

    // Reads go round a ring of 64 nodes, so that none can be taken out of its loop.
    let private next = "(local.set $p (struct.get $node $next (local.get $p)))"
    let private ring = "(local.set $p (global.get $ring))"

    /// Name, prologue, body, counted bytes.
    let private cases = [
        "the loop alone", "", plus "i32.const 1", 0
        "`struct.new`, dropped at once",
        "",
        "(local.set $o (struct.new $pair (local.get $k) (ref.null any)))" + plus "ref.test (ref struct) (local.get $o)",
        32
        "`struct.new`, into a list that grows",
        "(global.set $list (ref.null $pair))",
        "(global.set $list (struct.new $pair (local.get $k) (global.get $list)))" + plus "i32.const 1",
        32
        "`array.new_default` of 8 i32",
        "",
        "(local.set $a (array.new_default $row (i32.const 8)))" + plus "i32.shr_u (array.len (local.get $a)) (i32.const 3)",
        56
        "field read (the next of a ring)", ring, next + plus "i32.const 1", 0
        "the same and a field write", ring, next + "(struct.set $node $seen (local.get $p) (local.get $k))" + plus "i32.const 1", 0
        "the same from `anyref` with `ref.cast`",
        ring,
        "(local.set $p (ref.cast (ref $node) (struct.get $node $any (local.get $p))))" + plus "i32.const 1",
        0
        "call of a known function", "", "(local.set $sum (call $one (local.get $sum)))", 0
        "`call_ref` through a field of a ring",
        ring,
        next + "(local.set $sum (call_ref $f (local.get $sum) (struct.get $node $method (local.get $p))))",
        0
        "`array.get`, 1,024 elements over and over",
        "(local.set $a (array.new $row (i32.const 1) (i32.const 1024)))",
        plus "array.get $row (local.get $a) (i32.and (local.get $k) (i32.const 1023))",
        0
    ]

    let private text =
        let loops = cases |> List.mapi (fun k (_, prologue, body, _) -> loop $"case{k}" prologue body) |> String.concat "\n"

        $"""(module
              (type $f (func (param i32) (result i32)))
              (type $pair (struct (field i32) (field anyref)))
              (type $row (array (mut i32)))
              (type $node (struct (field $next (mut (ref null $node))) (field $any (mut anyref)) (field $seen (mut i32)) (field $method (ref $f))))
              (global $list (mut (ref null $pair)) (ref.null $pair))
              (global $ring (mut (ref null $node)) (ref.null $node))
              (elem declare func $one)
              (func $one (type $f) (i32.add (local.get 0) (i32.const 1)))
              (func $start (local $k i32) (local $first (ref null $node)) (local $last (ref null $node))
                (local.set $first (struct.new $node (ref.null $node) (ref.null any) (i32.const 0) (ref.func $one)))
                (local.set $last (local.get $first))
                (loop $again
                  (local.set $last (struct.new $node (local.get $last) (local.get $last) (i32.const 0) (ref.func $one)))
                  (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 63))))
                (struct.set $node $next (local.get $first) (local.get $last))
                (struct.set $node $any (local.get $first) (local.get $last))
                (global.set $ring (local.get $first)))
              (start $start)
              {loops})"""

    let private count = 100_000

    let run () =
        use store = new Store(StoreOptions().WithGcLimit Int64.MaxValue)
        let instance = Linker().Instantiate(store, Module.FromText text)
        printfn "| operation | ns | millions/s | counted bytes | .NET's bytes | counted MB/s |"
        printfn "|---|---|---|---|---|---|"

        cases
        |> List.iteri (fun k (name, _, _, bytes) ->
            let f = instance.GetFunction<int, int> $"case{k}"
            Measure.warmUp 300.0 (fun () -> f.Invoke count)

            // The least of 50 batches: other work on a machine only ever slows a run down. Collections fall into some batches and not
            // into others, so for what allocates it is the median.
            let times =
                Array.init 50 (fun _ ->
                    let struct (ms, answer) = Measure.once (fun () -> f.Invoke count)

                    if answer <> count then
                        failwith $"{name}: {answer} instead of {count}"

                    ms * 1e6 / float count)

            let ns = if bytes > 0 then Measure.median times else Array.min times
            // What the host's heap really gives shows that RyuJIT has not removed the objects.
            let before = GC.GetAllocatedBytesForCurrentThread()
            f.Invoke count |> ignore

            let own = (GC.GetAllocatedBytesForCurrentThread() - before + int64 count / 2L) / int64 count

            let objects = if bytes > 0 then $"{bytes} | {own} | %.0f{float bytes * 1e3 / ns}" else $"- | {own} | -"

            printfn $"| {name} | %.2f{ns} | %.0f{1e3 / ns} | {objects} |")

        0
