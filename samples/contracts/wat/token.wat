;; The readable token in WebAssembly text: parameters are JSON, answers and events are JSON.
;; In: {"to": "0x...", "amount": 5} and its like. Out: a status; coins, state and events in the draft.
;; The first half reads and writes text, the entries stand at the end.
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

  ;; Memory: names and pieces of text, then a place for each thing that a call needs:
  ;;   96 number[8]   128 caller[42]   192 owner[42]   256 token[51]   384 digits[20]   512 event[133]   1024 params[1024]
  (memory (export "memory") 1)
  (data (i32.const 0) "owner")
  (data (i32.const 8) "name")
  (data (i32.const 16) "symbol")
  (data (i32.const 24) "supply")
  (data (i32.const 32) "Transfer")
  (data (i32.const 40) "to")
  (data (i32.const 48) "amount")
  (data (i32.const 56) "from")
  (data (i32.const 64) "of")
  (data (i32.const 320) "{\"from\":\"")
  (data (i32.const 336) "\",\"to\":\"")
  (data (i32.const 352) "\",\"amount\":")

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

  ;; ---- JSON: one flat object, { "key": value, ... }, where a value is "text" or digits and text is printable ASCII without
  ;; escapes. A value's text is what counts (5 and "5" are the same amount). A field that is asked for and stands there twice
  ;; makes the object malformed: nobody should guess which amount was meant.

  (global $at (mut i32) (i32.const 0))         ;; the reader's place in the parameters, and their end
  (global $end (mut i32) (i32.const 0))
  (global $text (mut i32) (i32.const 0))       ;; the string or value read last
  (global $text_length (mut i32) (i32.const 0))
  (global $value (mut i32) (i32.const 0))      ;; what $field found
  (global $value_length (mut i32) (i32.const 0))

  ;; The byte at the reader's place, -1 at the end.
  (func $byte (result i32)
    (if (i32.ge_u (global.get $at) (global.get $end)) (then (return (i32.const -1))))
    (i32.load8_u (global.get $at)))

  (func $advance
    (global.set $at (i32.add (global.get $at) (i32.const 1))))

  (func $skip_spaces
    (local $c i32)
    (block $done
      (loop $next
        (local.set $c (call $byte))
        (br_if $done (i32.eqz (i32.or
          (i32.or (i32.eq (local.get $c) (i32.const 0x20)) (i32.eq (local.get $c) (i32.const 0x09)))
          (i32.or (i32.eq (local.get $c) (i32.const 0x0a)) (i32.eq (local.get $c) (i32.const 0x0d))))))
        (call $advance)
        (br $next))))

  ;; Passes the character $c, spaces before it included; 0 when something else stands there.
  (func $take (param $c i32) (result i32)
    (call $skip_spaces)
    (if (i32.ne (call $byte) (local.get $c)) (then (return (i32.const 0))))
    (call $advance)
    (i32.const 1))

  (func $is_digit (param $c i32) (result i32)
    (i32.lt_u (i32.sub (local.get $c) (i32.const 0x30)) (i32.const 10)))

  ;; Reads a string; 0 when none stands there.
  (func $string (result i32)
    (local $c i32)
    (if (i32.eqz (call $take (i32.const 0x22))) (then (return (i32.const 0))))
    (global.set $text (global.get $at))
    (loop $next
      (local.set $c (call $byte))
      (if (i32.eq (local.get $c) (i32.const 0x22))
        (then
          (global.set $text_length (i32.sub (global.get $at) (global.get $text)))
          (call $advance)
          (return (i32.const 1))))
      (if (i32.gt_u (i32.sub (local.get $c) (i32.const 0x20)) (i32.const 0x5e)) ;; not 0x20 to 0x7e, or the end
        (then (return (i32.const 0))))
      (if (i32.eq (local.get $c) (i32.const 0x5c)) (then (return (i32.const 0))))
      (call $advance)
      (br $next))
    (unreachable))

  ;; Reads a string or digits; 0 when neither stands there.
  (func $any_value (result i32)
    (call $skip_spaces)
    (if (i32.eqz (call $is_digit (call $byte))) (then (return (call $string))))
    (global.set $text (global.get $at))
    (loop $next
      (call $advance)
      (br_if $next (call $is_digit (call $byte))))
    (global.set $text_length (i32.sub (global.get $at) (global.get $text)))
    (i32.const 1))

  (func $same (param $a i32) (param $b i32) (param $length i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $length))
        (then
          (if (i32.ne (i32.load8_u (i32.add (local.get $a) (local.get $i))) (i32.load8_u (i32.add (local.get $b) (local.get $i))))
            (then (return (i32.const 0))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (i32.const 1))

  ;; Looks the key up in the whole object: 1 and $value when found, 0 when absent, -1 when malformed.
  (func $field (param $key i32) (param $key_length i32) (result i32)
    (local $found i32) (local $match i32)
    (global.set $at (i32.const 1024))
    (if (i32.eqz (call $take (i32.const 0x7b))) (then (return (i32.const -1))))
    (if (i32.eqz (call $take (i32.const 0x7d)))
      (then
        (loop $next
          (if (i32.eqz (call $string)) (then (return (i32.const -1))))
          (local.set $match (i32.eq (global.get $text_length) (local.get $key_length)))
          (if (local.get $match)
            (then (local.set $match (call $same (global.get $text) (local.get $key) (local.get $key_length)))))
          (if (i32.eqz (call $take (i32.const 0x3a))) (then (return (i32.const -1))))
          (if (i32.eqz (call $any_value)) (then (return (i32.const -1))))
          (if (local.get $match)
            (then
              (if (local.get $found) (then (return (i32.const -1))))
              (local.set $found (i32.const 1))
              (global.set $value (global.get $text))
              (global.set $value_length (global.get $text_length))))
          (br_if $next (call $take (i32.const 0x2c))))
        (if (i32.eqz (call $take (i32.const 0x7d))) (then (return (i32.const -1))))))
    (call $skip_spaces)
    (if (i32.ne (global.get $at) (global.get $end)) (then (return (i32.const -1))))
    (local.get $found))

  ;; Reads the parameters to 1024; 0 when they are too long.
  (func $read_params (result i32)
    (local $length i32)
    (local.set $length (call $get_contract_params_len))
    (if (i32.gt_u (local.get $length) (i32.const 1024)) (then (return (i32.const 0))))
    (if (local.get $length) (then (drop (call $get_contract_params (i32.const 1024)))))
    (global.set $end (i32.add (i32.const 1024) (local.get $length)))
    (i32.const 1))

  ;; The field as an address; 0 unless it is there and has 42 characters (the host judges the rest).
  (func $address_field (param $key i32) (param $key_length i32) (result i32)
    (if (i32.ne (call $field (local.get $key) (local.get $key_length)) (i32.const 1)) (then (return (i32.const 0))))
    (if (i32.ne (global.get $value_length) (i32.const 42)) (then (return (i32.const 0))))
    (global.get $value))

  ;; The field "amount"; 0 unless it is decimal digits, positive and below 2^64.
  (func $amount_field (result i64)
    (local $amount i64) (local $digit i64) (local $i i32) (local $c i32)
    (if (i32.ne (call $field (i32.const 48) (i32.const 6)) (i32.const 1)) (then (return (i64.const 0))))
    (loop $next
      (if (i32.lt_u (local.get $i) (global.get $value_length))
        (then
          (local.set $c (i32.load8_u (i32.add (global.get $value) (local.get $i))))
          (if (i32.eqz (call $is_digit (local.get $c))) (then (return (i64.const 0))))
          (local.set $digit (i64.extend_i32_u (i32.sub (local.get $c) (i32.const 0x30))))
          ;; amount * 10 + digit must stay below 2^64
          (if (i64.gt_u (local.get $amount) (i64.div_u (i64.sub (i64.const -1) (local.get $digit)) (i64.const 10)))
            (then (return (i64.const 0))))
          (local.set $amount (i64.add (i64.mul (local.get $amount) (i64.const 10)) (local.get $digit)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (local.get $amount))

  ;; Writes $number in decimal so that it ends at 404; answers where it starts.
  (func $decimal (param $number i64) (result i32)
    (local $at i32)
    (local.set $at (i32.const 404))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 0x30) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $next (i64.ne (local.get $number) (i64.const 0))))
    (local.get $at))

  ;; Copies text and answers where the next piece goes.
  (func $append (param $to i32) (param $from i32) (param $length i32) (result i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length))
    (i32.add (local.get $to) (local.get $length)))

  ;; ---- The token

  ;; Writes `<contract address>:<symbol>` to 256; answers its length, or 0 before Initialize.
  (func $token_id (result i32)
    (local $length i32)
    (local.set $length (call $state_len (i32.const 16) (i32.const 6)))
    (if (i32.gt_u (i32.sub (local.get $length) (i32.const 1)) (i32.const 7)) ;; not 1 to 8
      (then (return (i32.const 0))))
    (drop (call $get_contract_address (i32.const 256)))
    (i32.store8 (i32.const 298) (i32.const 0x3a))
    (drop (call $state_get (i32.const 16) (i32.const 6) (i32.const 299)))
    (i32.add (local.get $length) (i32.const 43)))

  ;; One to eight capital letters.
  (func $is_symbol (param $text i32) (param $length i32) (result i32)
    (local $i i32)
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $length))
        (then
          (if (i32.gt_u (i32.sub (i32.load8_u (i32.add (local.get $text) (local.get $i))) (i32.const 0x41)) (i32.const 25))
            (then (return (i32.const 0))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (i32.le_u (i32.sub (local.get $length) (i32.const 1)) (i32.const 7)))

  ;; {"name": "Gold", "symbol": "GLD"}: whoever calls first owns the token.
  (func (export "Initialize") (result i32)
    (local $name i32) (local $name_length i32)
    (if (call $state_exists (i32.const 0) (i32.const 5)) (then (return (i32.const 5))))
    (if (i32.eqz (call $read_params)) (then (return (i32.const 1))))
    (if (i32.ne (call $field (i32.const 8) (i32.const 4)) (i32.const 1)) (then (return (i32.const 1))))
    (local.set $name (global.get $value))
    (local.set $name_length (global.get $value_length))
    (if (i32.ne (call $field (i32.const 16) (i32.const 6)) (i32.const 1)) (then (return (i32.const 1))))
    (if (i32.gt_u (i32.sub (local.get $name_length) (i32.const 1)) (i32.const 31)) (then (return (i32.const 1)))) ;; not 1 to 32
    (if (i32.eqz (call $is_symbol (global.get $value) (global.get $value_length))) (then (return (i32.const 1))))

    (drop (call $get_caller (i32.const 128)))
    (i64.store (i32.const 96) (i64.const 0))
    (if (i32.eqz (call $state_set (i32.const 0) (i32.const 5) (i32.const 128) (i32.const 42)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 8) (i32.const 4) (local.get $name) (local.get $name_length)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 16) (i32.const 6) (global.get $value) (global.get $value_length)))
      (then (return (call $failure))))
    (if (i32.eqz (call $state_set (i32.const 24) (i32.const 6) (i32.const 96) (i32.const 8)))
      (then (return (call $failure))))
    (i32.const 0))

  ;; {"to": "0x...", "amount": 5}: the owner makes new coins.
  (func (export "Mint") (result i32)
    (local $token_length i32) (local $to i32) (local $amount i64) (local $supply i64)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (if (i32.eqz (call $read_params)) (then (return (i32.const 1))))
    (local.set $to (call $address_field (i32.const 40) (i32.const 2)))
    (if (i32.eqz (local.get $to)) (then (return (i32.const 1))))
    (local.set $amount (call $amount_field))
    (if (i64.eqz (local.get $amount)) (then (return (i32.const 1))))

    (drop (call $get_caller (i32.const 128)))
    (if (i32.ne (call $state_len (i32.const 0) (i32.const 5)) (i32.const 42)) (then (return (i32.const 3))))
    (drop (call $state_get (i32.const 0) (i32.const 5) (i32.const 192)))
    (if (i32.eqz (call $same (i32.const 192) (i32.const 128) (i32.const 42))) (then (return (i32.const 3))))

    (i64.store (i32.const 96) (i64.const 0))
    (if (i32.eq (call $state_len (i32.const 24) (i32.const 6)) (i32.const 8))
      (then (drop (call $state_get (i32.const 24) (i32.const 6) (i32.const 96)))))
    (local.set $supply (i64.add (i64.load (i32.const 96)) (local.get $amount)))
    (if (i64.lt_u (local.get $supply) (local.get $amount)) (then (return (i32.const 1)))) ;; the sum of all coins fits in 64 bits
    (if (i32.eqz (call $create_utxo_output (local.get $to) (local.get $amount) (i32.const 256) (local.get $token_length)))
      (then (return (call $failure))))
    (i64.store (i32.const 96) (local.get $supply))
    (if (i32.eqz (call $state_set (i32.const 24) (i32.const 6) (i32.const 96) (i32.const 8)))
      (then (return (call $failure))))
    (i32.const 0))

  ;; {"to": "0x...", "amount": 5, "from": "0x..."}: moves the caller's coins; "from" may be left out.
  (func (export "Transfer") (result i32)
    (local $token_length i32) (local $to i32) (local $amount i64) (local $named i32) (local $at i32) (local $digits i32)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (if (i32.eqz (call $read_params)) (then (return (i32.const 1))))
    (local.set $to (call $address_field (i32.const 40) (i32.const 2)))
    (if (i32.eqz (local.get $to)) (then (return (i32.const 1))))
    (local.set $amount (call $amount_field))
    (if (i64.eqz (local.get $amount)) (then (return (i32.const 1))))

    ;; The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
    (drop (call $get_caller (i32.const 128)))
    (local.set $named (call $field (i32.const 56) (i32.const 4)))
    (if (i32.lt_s (local.get $named) (i32.const 0)) (then (return (i32.const 1))))
    (if (local.get $named)
      (then
        (if (i32.ne (global.get $value_length) (i32.const 42)) (then (return (i32.const 1))))
        (if (i32.eqz (call $same (global.get $value) (i32.const 128) (i32.const 42))) (then (return (i32.const 3))))))

    (if (i32.eqz (call $execute_utxo_transfer
          (i32.const 128) (local.get $to) (local.get $amount) (i32.const 256) (local.get $token_length)))
      (then (return (call $failure))))

    ;; {"from":"0x...","to":"0x...","amount":5}
    (local.set $digits (call $decimal (local.get $amount)))
    (local.set $at (call $append (i32.const 512) (i32.const 320) (i32.const 9)))
    (local.set $at (call $append (local.get $at) (i32.const 128) (i32.const 42)))
    (local.set $at (call $append (local.get $at) (i32.const 336) (i32.const 8)))
    (local.set $at (call $append (local.get $at) (local.get $to) (i32.const 42)))
    (local.set $at (call $append (local.get $at) (i32.const 352) (i32.const 11)))
    (local.set $at (call $append (local.get $at) (local.get $digits) (i32.sub (i32.const 404) (local.get $digits))))
    (i32.store8 (local.get $at) (i32.const 0x7d))
    (call $emit_event (i32.const 32) (i32.const 8) (i32.const 512) (i32.sub (local.get $at) (i32.const 511)))
    (i32.const 0))

  ;; {"of": "0x..."}: answers the balance as a JSON number.
  (func (export "GetBalance") (result i32)
    (local $token_length i32) (local $whose i32) (local $balance i64) (local $digits i32)
    (local.set $token_length (call $token_id))
    (if (i32.eqz (local.get $token_length)) (then (return (i32.const 4))))
    (if (i32.eqz (call $read_params)) (then (return (i32.const 1))))
    (local.set $whose (call $address_field (i32.const 64) (i32.const 2)))
    (if (i32.eqz (local.get $whose)) (then (return (i32.const 1))))

    (local.set $balance (call $query_utxo_balance (local.get $whose) (i32.const 256) (local.get $token_length)))
    (if (i64.eqz (local.get $balance))
      (then (if (call $get_last_error) (then (return (call $failure)))))) ;; 0 with an error is no balance
    (local.set $digits (call $decimal (local.get $balance)))
    (call $set_return_data (local.get $digits) (i32.sub (i32.const 404) (local.get $digits)))
    (i32.const 0)))
