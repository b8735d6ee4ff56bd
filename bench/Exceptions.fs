namespace Twofold.Bench

// What it costs to throw and to catch: in the same frame, through one call, through ten.
// In: a module in the legacy encoding, which node 20 executes without a flag, so that both run the same bytes. Out: nanoseconds a throw, ours beside V8's.

open System
open System.Globalization
open Twofold.Wasm

module Exceptions =
    // $down throws n frames below its caller; each run of `go` catches `count` exceptions, counting what they carry.
    let private text =
        """(module (tag $t (param i32))
             (func $down (param $n i32) (result i32)
               (if (i32.eqz (local.get $n)) (then (throw $t (i32.const 1))))
               (i32.add (call $down (i32.sub (local.get $n) (i32.const 1))) (i32.const 1)))
             (func (export "same") (param $count i32) (result i32) (local $sum i32)
               loop $again
                 try (result i32) i32.const 1 throw $t catch $t end
                 local.get $sum i32.add local.set $sum
                 local.get $count i32.const 1 i32.sub local.tee $count br_if $again
               end
               local.get $sum)
             (func (export "deep") (param $count i32) (param $frames i32) (result i32) (local $sum i32)
               loop $again
                 try (result i32) local.get $frames i32.const 1 i32.sub call $down catch $t end
                 local.get $sum i32.add local.set $sum
                 local.get $count i32.const 1 i32.sub local.tee $count br_if $again
               end
               local.get $sum))"""

    let private cases = [ "same frame", 0; "1 frame", 1; "10 frames", 10 ]

    /// The least of 30 batches: other work on a machine only ever slows a run down.
    let private least count (run: int -> int) =
        Measure.warmUp 1000.0 (fun () -> run count)

        Seq.init 30 (fun _ ->
            let struct (ms, answer) = Measure.once (fun () -> run count)

            if answer <> count then
                failwith $"{answer} caught, not {count}"

            ms * 1e6 / float count)
        |> Seq.min

    let private v8 (bytes: byte[]) : float list option =
        let script =
            $"""const e = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('{Convert.ToBase64String bytes}', 'base64'))).exports;
               for (const frames of [0, 1, 10]) {{
                 const n = 5000, run = () => frames ? e.deep(n, frames) : e.same(n);
                 const stop = performance.now() + 1000; while (performance.now() < stop) run();
                 let least = 1e9;
                 for (let k = 0; k < 30; k++) {{ const t = performance.now(); run(); least = Math.min(least, performance.now() - t); }}
                 console.log(least * 1e6 / n);
               }}"""

        V8.start [ "-e"; script ]
        |> Option.map (fun p ->
            use p = p
            let text = p.StandardOutput.ReadToEnd()
            p.WaitForExit()

            [
                for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) -> Double.Parse(line, CultureInfo.InvariantCulture)
            ])

    let run () =
        let bytes =
            match Text.Wat.parse text with
            | Ok bytes -> bytes
            | Error e -> failwith $"{e}"

        use store = new Store()
        let instance = Linker().Instantiate(store, Module.Load bytes)
        let same = instance.GetFunction<int, int> "same"
        let deep = instance.GetFunction<int, int, int> "deep"
        let theirs = v8 bytes
        printfn "| throw and catch | Twofold ns | V8 ns | a second |"
        printfn "|---|---|---|---|"

        cases
        |> List.iteri (fun k (name, frames) ->
            let ns = least 5000 (fun n -> if frames = 0 then same.Invoke n else deep.Invoke(n, frames))

            let other =
                match theirs with
                | Some figures when figures.Length > k -> figures[k].ToString("F0", CultureInfo.InvariantCulture)
                | _ -> "-"

            printfn "| %s | %.0f | %s | %.1f million |" name ns other (1e3 / ns))

        0
