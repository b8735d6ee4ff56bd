namespace Twofold.Wasm.Scripts

// The module `spectest` that scripts import, as the reference interpreter has it: print functions that print nothing, constants, tables, memories.
// In: nothing. Out: its text and bytes. A module of its own, so that linking between instances is what a script exercises.

open Twofold.Wasm
open Twofold.Wasm.Text

module Spectest =
    /// Without what needs later features, so that every engine can make it.
    let private plain =
        """
          (func (export "print"))
          (func (export "print_i32") (param i32))
          (func (export "print_i64") (param i64))
          (func (export "print_f32") (param f32))
          (func (export "print_f64") (param f64))
          (func (export "print_i32_f32") (param i32 f32))
          (func (export "print_f64_f64") (param f64 f64))
          (table (export "table") 10 20 funcref)
          (memory (export "memory") 1 2)
          (global (export "global_i32") i32 (i32.const 666))
          (global (export "global_i64") i64 (i64.const 666))
          (global (export "global_f32") f32 (f32.const 666.6))
          (global (export "global_f64") f64 (f64.const 666.6))"""

    /// The module's text for an engine with these features.
    let text (features: Features) : string =
        let table64 = if features.Has Feature.Memory64 then "\n  (table (export \"table64\") i64 10 20 funcref)" else ""

        let shared =
            if features.Has Feature.Threads && features.Has Feature.MultiMemory then
                "\n  (memory (export \"shared_memory\") 1 2 shared)"
            else
                ""

        $"(module $spectest{plain}{table64}{shared})"

    let bytes (features: Features) : byte[] =
        match Wat.parse (text features) with
        | Ok bytes -> bytes
        | Error e -> invalidOp $"spectest: {e}"
