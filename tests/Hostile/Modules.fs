/// Modules that ask for what they can: memories, tables, segments, start functions, recursion, exceptions, objects.
/// In: nothing. Out: attacks; each needs no import.
module Twofold.Hostile.Modules

open Twofold.Hostile.Attack

let private family = "Memories, tables, code"

let private lines (items: string seq) = String.concat "\n" items

/// `run` with a body, and whatever else.
let private guest (fields: string) (body: string) = $"(module {fields} (func (export \"run\") (result i32) {body}))"

let private forever (body: string) = guest "" $"(loop $l {body} (br $l)) (unreachable)"

let private storm name stops ends gas wat = byGuest family name stops ends gas wat

let private manyMemories n =
    let grow i = $"(block $out{i} (loop $l{i} (br_if $out{i} (i32.eq (memory.grow {i} (i32.const 1)) (i32.const -1))) (br $l{i})))"
    let size i = $"(local.set $n (i32.add (local.get $n) (memory.size {i})))"

    guest (lines [ for _ in 1..n -> "(memory 0)" ]) $"(local $n i32) {lines [ for i in 0 .. n - 1 -> grow i + size i ]} (local.get $n)"

let private deep = "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))"

let private wide =
    let locals = String.replicate 9_000 " i64"

    $"(func $wide (param i32) (result i32) (local{locals}) (local.set 8999 (i64.extend_i32_u (local.get 0)))
        (i32.add (i32.wrap_i64 (local.get 8999)) (call $wide (i32.add (local.get 0) (i32.const 1)))))"

let private throwing =
    "(tag $t) (func $down (param i32) (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))) (throw $t))"

let attacks: Attack list = [
    storm
        "`memory.grow` by a page until it is refused"
        "the limit on all memories: the guest sees -1"
        "returns 256"
        unlimited
        (guest "(memory 0)" "(block $out (loop $l (br_if $out (i32.eq (memory.grow (i32.const 1)) (i32.const -1))) (br $l))) (memory.size)")
    storm
        "`memory.grow` by 2^32 - 1 pages, for ever"
        "gas"
        "out of gas"
        1_000_000L
        (guest "(memory 0)" "(loop $l (drop (memory.grow (i32.const -1))) (br $l)) (unreachable)")
    storm "a memory that begins with 4 GiB" "the limit on all memories, before anything runs" "rejected: limit" 1_000_000L
    <| guest "(memory 65536)" "(i32.const 0)"
    storm "a 64-bit memory that begins with 2^56 bytes" "the same" "rejected: limit" 1_000_000L
    <| guest "(memory i64 0x10000000000)" "(i32.const 0)"
    storm
        "a hundred memories that grow against each other"
        "the limit is on all of them together"
        "returns 256"
        unlimited
        (manyMemories 100)
    storm "a hundred and one memories" "the limit on memories of a module" "rejected: limit" 1_000_000L (manyMemories 101)
    storm
        "`table.grow` until it is refused"
        "the limit on the entries of all tables: the guest sees -1"
        "returns 200000"
        unlimited
        (guest
            "(table 0 funcref)"
            "(block $out (loop $l (br_if $out (i32.eq (table.grow (ref.null func) (i32.const 10000)) (i32.const -1))) (br $l))) (table.size)")
    storm "a table that begins with an entry more than the limit" "the limit on entries, before anything runs" "rejected: limit" 1_000_000L
    <| guest "(table 200001 funcref)" "(i32.const 0)"
    storm "`table.fill` of 200,000 entries, for ever" "gas: bulk operations pay by their length" "out of gas" 10_000_000L
    <| guest "(table 200000 funcref)" "(loop $l (table.fill (i32.const 0) (ref.null func) (i32.const 200000)) (br $l)) (unreachable)"
    byRequest family "a data segment of 10 MiB" "the limit on modules, before anything is decoded" "rejected: limit" (fun () ->
        let data = String.replicate 10_485_760 "x"
        request cell unlimited (Everywhere.wasm (guest $"(memory 256) (data (i32.const 0) \"{data}\")" "(i32.const 0)")))
    storm "a data segment that ends beyond memory" "the check of segments" "trap 2 MemoryOutOfBounds" 1_000_000L
    <| guest "(memory 1) (data (i32.const 65530) \"0123456789\")" "(i32.const 0)"
    storm "an element segment that ends beyond its table" "the check of segments" "trap 3 TableOutOfBounds" 1_000_000L
    <| guest "(table 1 funcref) (elem (i32.const 1) func $f) (func $f)" "(i32.const 0)"
    storm "`memory.fill` of 16 MiB, for ever" "gas: bulk operations pay by their length" "out of gas" 20_000_000L
    <| guest "(memory 256)" "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000)) (br $l)) (unreachable)"
    storm "a start function without end" "gas" "out of gas" 1_000_000L
    <| guest "(func $s (loop $l (br $l))) (start $s)" "(i32.const 0)"
    storm "a start function that recurses" "the logical stack" "call stack exhausted" unlimited
    <| guest (deep + "(func $s (drop (call $deep (i32.const 0)))) (start $s)") "(i32.const 0)"
    storm "a start function that traps" "the trap is the outcome" "trap 1 Unreachable" 1_000_000L
    <| guest "(func $s unreachable) (start $s)" "(i32.const 0)"
    storm "a loop without end" "gas" "out of gas" 1_000_000L (forever "")
    storm "recursion without end" "the logical stack" "call stack exhausted" unlimited (guest deep "(call $deep (i32.const 0))")
    storm "recursion with 9,000 locals in each frame" "the logical stack: a frame pays for its locals" "call stack exhausted" unlimited
    <| guest wide "(call $wide (i32.const 0))"
    storm
        "recursion through a table"
        "the logical stack"
        "call stack exhausted"
        unlimited
        (guest
            "(type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) func $a $b)
             (func $a (result i32) (i32.add (i32.const 1) (call_indirect (type $t) (i32.const 1))))
             (func $b (result i32) (i32.add (i32.const 1) (call_indirect (type $t) (i32.const 0))))"
            "(call $a)")
    storm "tail calls without end" "gas" "out of gas" 1_000_000L
    <| guest "(func $f (result i32) (return_call $f))" "(return_call $f)"
    storm
        "exceptions thrown through a thousand frames, for ever"
        "gas: a throw pays for the frames it unwinds"
        "out of gas"
        5_000_000L
        (guest throwing "(loop $l (block $h (try_table (catch $t $h) (call $down (i32.const 1000)))) (br $l)) (unreachable)")
    storm "an exception that nobody catches" "it is the outcome" "uncaught exception of tag 0" 1_000_000L
    <| guest throwing "(call $down (i32.const 1000)) (unreachable)"
    storm
        "exceptions with payload, for ever"
        "the limit on bytes of objects: exceptions count"
        "trap 13 AllocationLimit"
        unlimited
        (guest
            "(tag $t (param i64 i64 i64 i64))"
            "(loop $l
               (block $h (result i64 i64 i64 i64)
                 (try_table (result i64 i64 i64 i64) (catch $t $h)
                   (throw $t (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))
               (drop) (drop) (drop) (drop) (br $l)) (unreachable)")
    storm
        "a list of objects without end"
        "the limit on bytes of objects"
        "trap 13 AllocationLimit"
        unlimited
        (guest
            "(type $n (struct (field (ref null $n)))) (global $head (mut (ref null $n)) (ref.null $n))"
            "(loop $l (global.set $head (struct.new $n (global.get $head))) (br $l)) (unreachable)")
    storm "objects made and dropped, for ever" "the limit on bytes of objects: dropped ones count" "trap 13 AllocationLimit" unlimited
    <| guest "(type $a (array (mut i64)))" "(loop $l (drop (array.new_default $a (i32.const 1000))) (br $l)) (unreachable)"
    storm "an array of 2^32 - 1 elements" "the limit on bytes of objects" "trap 13 AllocationLimit" unlimited
    <| guest "(type $a (array i64))" "(array.len (array.new_default $a (i32.const -1)))"
    byTime family "a loop without end, gas unlimited" (fun () -> Everywhere.wasm (forever ""))
    byTime family "a start function without end, gas unlimited" (fun () ->
        Everywhere.wasm (guest "(func $s (loop $l (br $l))) (start $s)" "(i32.const 0)"))
    byTime family "`memory.fill` of 16 MiB for ever, gas unlimited" (fun () ->
        Everywhere.wasm (
            guest "(memory 256)" "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000)) (br $l)) (unreachable)"
        ))
    byTime family "exceptions for ever, gas unlimited" (fun () ->
        Everywhere.wasm (
            guest throwing "(loop $l (block $h (try_table (catch $t $h) (call $down (i32.const 1000)))) (br $l)) (unreachable)"
        ))
]
