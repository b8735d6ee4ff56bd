;; The raw token in WebAssembly text: packed parameters, fixed buffers, the host functions called directly.
;; In: fields one after the other, numbers little-endian, no gaps. Out: a status; coins, state and events in the draft.
;;
;;   Initialize  symbol[8] name[32]        zero-padded
;;   Mint        to[42] amount[8]
;;   Transfer    to[42] amount[8]          or  to[42] amount[8] from[42]
;;   GetBalance  of[42]                    answers 8 bytes
;;   event "Transfer"                      from[42] to[42] amount[8]
(module
  (import "env" "get_caller" (func $get_caller (param i32) (result i32)))
  (import "env" "get_contract_address" (func $get_contract_address (param i32) (result i32)))
  (import "env" "get_contract_params_len" (func $get_contract_params_len (result i32)))
  (import "env" "get_contract_params" (func $get_contract_params (param i32) (result i32)))
  (import "env" "set_return_data" (func $set_return_data (param i32 i32)))
  (import "env" "state_exists" (func $state_exists (param i32 i32) (result i32)))
  (import "env" "state_len" (func $state_len (param i32 i32) (result i32)))
  (import "env" "state_get" (func $state_get (param i32 i32 i32) (result i32)))
  (import "env" "state_set" (func $state_set (param i32 i32 i32 i32) (result i32)))
  (import "env" "query_utxo_balance" (func $query_utxo_balance (param i32 i32 i32) (result i64)))
  (import "env" "create_utxo_output" (func $create_utxo_output (param i32 i64 i32 i32) (result i32)))
  (import "env" "execute_utxo_transfer" (func $execute_utxo_transfer (param i32 i32 i64 i32 i32) (result i32)))
  (import "env" "emit_event" (func $emit_event (param i32 i32 i32 i32)))
  (import "env" "get_last_error" (func $get_last_error (result i32)))

  ;; Memory: 0 names, 64 number[8], 128 params[92], 256 owner[42], 320 token[51], 384 the event, which opens with the caller[42].
  (memory (export "memory") 1)
  (data (i32.const 0) "owner")
  (data (i32.const 8) "name")
  (data (i32.const 16) "symbol")
  (data (i32.const 24) "supply")
  (data (i32.const 32) "Transfer")

  ;; Statuses: 0 success, 1 invalid parameters, 2 insufficient balance, 3 unauthorized, 4 not found, 5 already exists, 6 failed.
  ;; The usual status for the host call that failed last, by get_last_error's numbers 0 to 21 (docs/HOST_ABI.md lists them).
  (func $failure (result i32)
    (block $other
      (block $insufficient
        (block $unauthorized
          (block $exists
            (block $missing
              (block $invalid
                (br_table $other $invalid $invalid $invalid $invalid $invalid $invalid $invalid $missing $exists $unauthorized
                  $insufficient $insufficient $other $invalid $invalid $invalid $other $other $other $other $missing $other (call $get_last_error)))
              (return (i32.const 1)))
            (return (i32.const 4)))
          (return (i32.const 5)))
        (return (i32.const 3)))
      (return (i32.const 2)))
    (i32.const 6))

  ;; Reads the parameters to 128 if they are exactly $length bytes.
  (func $read (param $length i32) (result i32)
    (if (i32.ne (call $get_contract_params_len) (local.get $length))
      (then (return (i32.const 0))))
    (i32.eq (call $get_contract_params (i32.const 128)) (local.get $length)))

  ;; Writes `<contract address>:<symbol>` to 320; answers its length, or 0 before Initialize.
  (func $token_id (result i32)
    (local $length i32)
    (local.set $length (call $state_len (i32.const 16) (i32.const 6)))
    (if (i32.gt_u (i32.sub (local.get $length) (i32.const 1)) (i32.const 7)) ;; not 1 to 8
      (then (return (i32.const 0))))
    (drop (call $get_contract_address (i32.const 320)))
    (i32.store8 (i32.const 362) (i32.const 0x3a))
    (drop (call $state_get (i32.const 16) (i32.const 6) (i32.const 363)))
    (i32.add (local.get $length) (i32.const 43)))

  ;; The bytes of a zero-padded field up to its first zero.
  (func $field_length (param $field i32) (param $max i32) (result i32)
    (local $n i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $n) (local.get $max)))
        (br_if $done (i32.eqz (i32.load8_u (i32.add (local.get $field) (local.get $n)))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $next)))
    (local.get $n))

  ;; One capital letter or more.
  (func $is_symbol (param $field i32) (param $length i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $length))
        (then
          (if (i32.gt_u (i32.sub (i32.load8_u (i32.add (local.get $field) (local.get $i))) (i32.const 0x41)) (i32.const 25))
            (then (return (i32.const 0))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (i32.ne (local.get $length) (i32.const 0)))

  (func $same_address (param $a i32) (param $b i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.lt_u (local.get $i) (i32.const 42))
        (then
          (if (i32.ne (i32.load8_u (i32.add (local.get $a) (local.get $i))) (i32.load8_u (i32.add (local.get $b) (local.get $i))))
            (then (return (i32.const 0))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (i32.const 1))

  (func (export "Initialize") (result i32)
    (local $symbol_length i32) (local $name_length i32)
    (if (call $state_exists (i32.const 0) (i32.const 5)) (then (return (i32.const 5))))
    (if (i32.eqz (call $read (i32.const 40))) (then (return (i32.const 1))))
    (local.set $symbol_length (call $field_length (i32.const 128) (i32.const 8)))
    (local.set $name_length (call $field_length (i32.const 136) (i32.const 32)))
    (if (i32.eqz (local.get $name_length)) (then (return (i32.const 1))))
    (if (i32.eqz (call $is_symbol (i32.const 128) (local.get $symbol_length))) (then (return (i32.const 1))))

    (drop (call $get_caller (i32.const 384)))
    (i64.store (i32.const 64) (i64.const 0))
    (if (i32.eqz (call $state_set (i32.const 0) (i32.const 5) (i32.const 384) (i32.const 42)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 8) (i32.const 4) (i32.const 136) (local.get $name_length)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 16) (i32.const 6) (i32.const 128) (local.get $symbol_length)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 24) (i32.const 6) (i32.const 64) (i32.const 8)))
      (then (return (call $failure))))
    (i32.const 0))

  (func (export "Mint") (result i32)
    (local $token_length i32) (local $amount i64) (local $supply i64)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (if (i32.eqz (call $read (i32.const 50))) (then (return (i32.const 1))))
    (local.set $amount (i64.load (i32.const 170)))
    (if (i64.eqz (local.get $amount)) (then (return (i32.const 1))))

    (drop (call $get_caller (i32.const 384)))
    (if (i32.ne (call $state_len (i32.const 0) (i32.const 5)) (i32.const 42)) (then (return (i32.const 3))))
    (drop (call $state_get (i32.const 0) (i32.const 5) (i32.const 256)))
    (if (i32.eqz (call $same_address (i32.const 256) (i32.const 384))) (then (return (i32.const 3))))

    (i64.store (i32.const 64) (i64.const 0))
    (if (i32.eq (call $state_len (i32.const 24) (i32.const 6)) (i32.const 8))
      (then (drop (call $state_get (i32.const 24) (i32.const 6) (i32.const 64)))))
    (local.set $supply (i64.add (i64.load (i32.const 64)) (local.get $amount)))
    (if (i64.lt_u (local.get $supply) (local.get $amount)) (then (return (i32.const 1)))) ;; the sum of all coins fits in 64 bits
    (if (i32.eqz (call $create_utxo_output (i32.const 128) (local.get $amount) (i32.const 320) (local.get $token_length)))
      (then (return (call $failure))))
    (i64.store (i32.const 64) (local.get $supply))
    (if (i32.eqz (call $state_set (i32.const 24) (i32.const 6) (i32.const 64) (i32.const 8)))
      (then (return (call $failure))))
    (i32.const 0))

  (func (export "Transfer") (result i32)
    (local $token_length i32) (local $named i32) (local $amount i64)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (local.set $named (call $read (i32.const 92)))
    (if (i32.eqz (local.get $named))
      (then (if (i32.eqz (call $read (i32.const 50))) (then (return (i32.const 1))))))
    (local.set $amount (i64.load (i32.const 170)))
    (if (i64.eqz (local.get $amount)) (then (return (i32.const 1))))

    ;; The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
    (drop (call $get_caller (i32.const 384)))
    (if (local.get $named)
      (then (if (i32.eqz (call $same_address (i32.const 178) (i32.const 384))) (then (return (i32.const 3))))))

    (if (i32.eqz (call $execute_utxo_transfer
          (i32.const 384) (i32.const 128) (local.get $amount) (i32.const 320) (local.get $token_length)))
      (then (return (call $failure))))
    (memory.copy (i32.const 426) (i32.const 128) (i32.const 50)) ;; to[42] amount[8], after from[42]
    (call $emit_event (i32.const 32) (i32.const 8) (i32.const 384) (i32.const 92))
    (i32.const 0))

  (func (export "GetBalance") (result i32)
    (local $token_length i32) (local $balance i64)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (if (i32.eqz (call $read (i32.const 42))) (then (return (i32.const 1))))

    (local.set $balance (call $query_utxo_balance (i32.const 128) (i32.const 320) (local.get $token_length)))
    (if (i64.eqz (local.get $balance))
      (then (if (call $get_last_error) (then (return (call $failure)))))) ;; 0 with an error is no balance
    (i64.store (i32.const 64) (local.get $balance))
    (call $set_return_data (i32.const 64) (i32.const 8))
    (i32.const 0)))
