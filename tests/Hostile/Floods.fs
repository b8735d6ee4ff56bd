/// Floods: output, events, log lines, journals, state, the host's allocator, return data.
/// In: nothing. Out: attacks on the host functions of contracts and on output.
module Twofold.Hostile.Floods

open Twofold.HostAbi
open Twofold.Engine
open Twofold.Hostile.Attack

let private family = "Floods"

/// A guest of `env` and WASI with a page of memory; `run` gives an i32.
let private guest (fields: string) (body: string) =
    let imports = Sweep.imports (AbiTable.env @ AbiTable.wasi)
    $"(module {imports} (memory (export \"memory\") 1 64) {fields} (func (export \"run\") (result i32) (local $n i32) {body}))"

let private forever (body: string) = guest "" $"(loop $l {body} (br $l)) (unreachable)"

let private flood name stops ends body = byGuest family name stops ends unlimited (forever body)

/// The same, in as many calls as gas buys.
let private paid name body = byGuest family name "gas" "out of gas" 1_000_000L (forever body)

let private journal = "the journal's limit: every call weighs 64 bytes and what it moves"
let private output = "the limit on output"
let private full = "trap 64 JournalFull"

let private stdout = "(i32.store (i32.const 8) (i32.const 1000)) (i32.store (i32.const 12) (i32.const 4096))"

let attacks: Attack list = [
    flood
        "`fd_write` of 4 KiB to standard output, for ever"
        output
        "trap 66 OutputFull"
        $"{stdout} (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))"
    flood
        "`fd_write` of a byte to standard error, for ever"
        "the journal's limit comes first"
        full
        "(i32.store (i32.const 12) (i32.const 1)) (drop (call $fd_write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))"
    flood "`log` of 4 KiB, for ever" output "trap 66 OutputFull" "(call $log (i32.const 1) (i32.const 0) (i32.const 4096))"
    flood
        "empty log lines, for ever"
        "the limit on output: a line weighs a byte"
        full
        "(call $log (i32.const 1) (i32.const 0) (i32.const 0))"
    flood "events, for ever" journal full "(call $emit_event (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1000))"
    flood "return data of 64 KiB, again and again" journal full "(call $set_return_data (i32.const 0) (i32.const 65536))"
    flood
        "state under ever new keys"
        journal
        full
        "(i32.store (i32.const 0) (local.tee $n (i32.add (local.get $n) (i32.const 1))))
         (drop (call $state_set (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1000)))"
    paid "reading and deleting state that is not there, for ever" "(drop (call $state_delete (i32.const 0) (i32.const 64)))"
    paid "outputs of the contract's own token, for ever"
    <| "(drop (call $get_contract_address (i32.const 0)))
        (memory.copy (i32.const 100) (i32.const 0) (i32.const 42)) (i32.store16 (i32.const 142) (i32.const 0x783A))
        (drop (call $create_utxo_output (i32.const 0) (i64.const 1) (i32.const 100) (i32.const 44)))"
    flood "claims of 60 KiB about the world outside, for ever" journal full
    <| "(drop (call $declare_external_state (i32.const 0) (i32.const 60000) (i32.const 0) (i32.const 4)))"
    paid "64 KiB of random bytes, again and again" "(drop (call $get_random (i32.const 0) (i32.const 65536)))"
    flood "`get_caller`, for ever, gas unlimited" journal full "(drop (call $get_caller (i32.const 0)))"
    paid "`get_caller`, for ever" "(drop (call $get_caller (i32.const 0)))"
    flood "`sched_yield`, for ever, gas unlimited" journal full "(drop (call $sched_yield))"
    paid "`get_last_error`, for ever" "(drop (call $get_last_error))"
    byGuest
        family
        "`malloc` until it is refused, then on"
        "memory's maximum: the guest sees 0"
        "returns 0"
        unlimited
        (guest "" "(block $out (loop $l (br_if $out (i32.eqz (call $malloc (i32.const 40000)))) (br $l))) (call $malloc (i32.const 40000))")
    paid "`malloc` and `free` with the heap overwritten each time"
    <| "(drop (call $malloc (i32.const 16)))
        (memory.fill (i32.const 65536) (i32.const -1) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
        (local.set $n (i32.add (local.get $n) (i32.const 16)))
        (call $free (local.get $n)) (call $free (i32.const -16))"
    paid "`free` of one block again and again"
    <| "(if (i32.eqz (local.get $n)) (then (local.set $n (call $malloc (i32.const 64))))) (call $free (local.get $n))"
    byGuest
        family
        "`abort` with a text of 4 GiB"
        "the text ends with memory: none of it is read"
        "trap 16 Aborted"
        1_000_000L
        (guest
            ""
            "(i32.store (i32.const 65532) (i32.const -1))
             (call $abort (i32.const 65536) (i32.const -1) (i32.const 0) (i32.const 0)) (unreachable)")
]
