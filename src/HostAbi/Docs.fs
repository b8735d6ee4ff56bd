namespace Twofold.HostAbi

// The reference page for contract authors: docs/HOST_ABI.md. Tables come from the table of functions, the codes and the limits; the rest is prose.
// In: AbiTable, codes, limits. Out: the text of the page; a test compares it with the checked-in one.

open System.Globalization
open System.Text

/// Generates docs/HOST_ABI.md.
module Docs =
    let private n (value: int64) = value.ToString("N0", CultureInfo.InvariantCulture)

    let private conventions =
        """# The host ABI of contracts

Written from the table in `src/HostAbi` (`TWOFOLD_REWRITE=1 dotnet test tests/Properties` writes it again); do not edit. C contracts include `sdk/c/twofold.h`,
which comes from the same table.

## Conventions

- A contract imports from the module `env`. A name that is not listed here, or one with another signature, is rejected before anything runs, with both signatures shown.
- Its entry takes nothing and returns an i32, the [status](#statuses). Any status but 0, a trap, or running out of gas drops everything the run wanted: outputs, writes, events.
  Return data stays, as the message.
- Pointers and lengths are u32. Numbers are little-endian, unsigned where they are amounts, heights, versions or times (Unix seconds).
- An address is 42 ASCII bytes: `0x` and 40 hexadecimal digits. Upper-case digits are accepted, also inside token ids, and mean the same address; the host itself
  writes lower case only. Compare addresses after you have made both lower case.
- A hash is 32 bytes. A token id is empty for the native coin, or `<contract address>:<name>` with a name of 1 to 128 bytes of UTF-8 (colons allowed).
- A range outside memory traps, even an empty one that begins beyond the end. Arguments are read and checked from left to right.
- **A result of 0 means failure**, and `get_last_error()` says why. Success is a length, a handle, a count or 1. Every call but `get_last_error` sets the last error, to 0 when it
  succeeds: that tells an empty value, a balance of 0 or a "no" (result 0, last error 0) from a failure. Functions without a result can only fail this way.
- A call that fails changes nothing. A guest reads its own writes: state, balances and spending see what the run has done so far.

## Functions

Prices are gas: a base, then for each byte read as an argument or written as a reply, then for each output looked at.
"""

    let private groups = [
        "The request", (fun (r: AbiRow) -> r.Name.StartsWith "get_" && r.Name <> "get_last_error" && not r.NeedsRandom)
        "State of the contract", (fun r -> r.Name.StartsWith "state_")
        "Value", (fun r -> r.Name.Contains "utxo" || r.Name.Contains "output")
        "Answers, events, logs", (fun r -> List.contains r.Name [ "set_return_data"; "emit_event"; "log" ])
        "Outside", (fun r -> r.NeedsRandom || r.Name = "declare_external_state" || r.Name = "read_reply")
        "Errors, memory", (fun _ -> true)
    ]

    let private priceText (p: Price) =
        let extra = [
            if p.PerByte > 0L then
                $"{n p.PerByte}/byte"
            if p.PerItem > 0L then
                $"{n p.PerItem}/output"
        ]

        String.concat " + " (n p.Base :: extra)

    let private value =
        """
## Value

Value is unspent outputs (UTXOs): an owner, a token, an amount above 0, a lock. A run consumes some as inputs and creates others, and the ledger commits both or neither. For every token:
outputs + burned = inputs + minted.

**Who may be spent.** A run may spend outputs of the caller, of the contract itself, and outputs whose lock delegates to the contract or names it. `from` anything else is UNAUTHORIZED. A contract
that takes `from` from its parameters decides by itself whether the caller may ask for that: coins of the contract and coins that are locked or delegated to it are open to every run of it.
Calling a contract opens the caller's own unlocked coins to it; the draft shows what it took before anything is signed.

| lock | the caller's and the contract's own outputs | other owners' outputs |
|---|---|---|
| none | open | never |
| time, height | open from then on (the block's time or height reaches it), LOCKED before | never |
| m-of-n | open when at least m of the n addresses are the caller or the contract | never |
| delegation | open | open to the named contract, until its time (inclusive) |
| contract | open to runs of that contract only, whoever owns them | the same |

**Which are spent.** Largest amount first, equal amounts by transaction id, then index, until the amount is covered; outputs that this run created are candidates like all others. What is over goes
back to the owner as change, *with the lock of the last output chosen*: change of an escrow stays in escrow. Inputs are recorded when value is spent, never by asking for a balance.
An output that a run creates and spends again never comes into being; its index is not used twice.

**Tokens.** `create_utxo_output`, its locked form and the batch create outputs of the contract's *own* tokens (`<its address>:<name>`) by minting. Outputs of any other token, the native coin too, are
paid from what the contract itself owns, change to the contract: to pass on a caller's coins, use `execute_utxo_transfer`, or transfer them to the contract first.

**Burning.** A transfer to the zero address (`0x` and forty `0`) creates no output and records the amount as burned. Creating an output for the zero address is INVALID_ADDRESS.

**Failing.** An amount of 0 is INVALID_AMOUNT. Too little is INSUFFICIENT_BALANCE; LOCKED when outputs that are not open yet would make up for it; UNAUTHORIZED when only outputs that this run may not
spend would. A balance, or the total of what a run mints or burns of a token, above 2^64 - 1 is OVERFLOW.

`query_utxo_balance` counts all that an address owns, locked or not, so a transfer of a whole balance can still be LOCKED.

## Locks

One tag byte, then fields; the bytes must end there.

| bytes | lock |
|---|---|
| `00` | none |
| `01` opens:u64 | time, in Unix seconds |
| `02` opens:u64 | block height |
| `03` required:u8 count:u8 count * address[42] | m-of-n: 1 to 32 distinct addresses in any order, 1 <= required <= count |
| `04` address[42] until:u64 | delegation to a contract; until 0 means for ever |
| `05` address[42] | contract |

## Batches

`batch_create_outputs` takes

    count:u32   count * ( owner:address[42]  amount:u64  token_len:u16 token  lock_len:u16 lock )

without gaps, little-endian, and the bytes must end there. A lock_len of 0 is no lock. Either all outputs are created, in order, or none; the error is that of the first that cannot be. Malformed bytes are INVALID_BATCH.

## Randomness

`get_random` reads on in one stream of bytes per run. Block i of it is SHA-256 of: the 16 ASCII bytes `twofold.random.1`, the length of the request's seed (u32) and the seed, the transaction id
(32 bytes), i (u64). It is as unpredictable as the seed that the caller's layer chose, no more. Without a seed: RANDOM_UNAVAILABLE. A request that switches randomness off rejects a module that imports it.

## External claims

`declare_external_state` answers from the claims that the request declares, compared byte for byte. It returns the full length of the value and writes it only when it fits `out_cap`; `read_reply`
fetches it again into more room.

## Memory

`malloc`, `alloc` and `free` are for guests without an allocator. Blocks are aligned to 16 bytes and come in sizes of 16 to 128 in steps of 16, then four sizes for each doubling; the heap begins at the exported global
`__heap_base`, or behind the memory the guest has at its first allocation, and grows as needed. A block of 0 bytes is one of 16. All of it lives in guest memory: a guest that overwrites it harms only itself.
A module that imports `memory` gets one page, growing up to the request's limit.
"""

    let private authors =
        """
## Writing a contract

Parameters are bytes as the caller gives them: by convention a JSON object in UTF-8, or packed fields (`to[42] amount[8]`). In C:

```c
#include "twofold.h"

TWOFOLD_ENTRY(Transfer) {
    struct { char to[42]; uint8_t amount[8]; } p;
    char caller[42];
    uint64_t amount = 0;
    if (twofold_get_contract_params_len() != sizeof p) return TWOFOLD_INVALID_PARAMETERS;
    twofold_get_contract_params(&p);
    for (int i = 7; i >= 0; i--) amount = amount << 8 | p.amount[i];
    twofold_get_caller(caller);
    if (!twofold_execute_utxo_transfer(caller, p.to, amount, 0, 0))
        return twofold_status_of_last_error();
    twofold_emit_event("Transfer", 8, &p, sizeof p);
    return TWOFOLD_SUCCESS;
}
```

    clang-14 --target=wasm32 -O2 -nostdlib -Wl,--no-entry -I sdk/c -o coin.wasm coin.c

Ask for a length before you ask for bytes (`get_contract_params_len`, `state_len`): `get_contract_params` and `state_get` write the whole value, however long it is. `samples/contracts` has whole tokens in four languages.
"""

    let private limits =
        let l = HostLimits.Contract

        [
            "state key, state id", l.KeyBytes, "KEY_TOO_LONG; an empty one is INVALID_PARAMETER"
            "state value, state data, proof, resource metadata", l.ValueBytes, "VALUE_TOO_LONG"
            "event, name and data together; log line", l.EventBytes, "EVENT_TOO_LONG"
            "return data", l.ReturnDataBytes, "RETURN_DATA_TOO_LONG"
            "bytes of one get_random", l.RandomBytes, "INVALID_PARAMETER"
            "outputs of one batch", l.BatchOutputs, "TOO_MANY_OUTPUTS"
            "outputs of each sort in a draft", l.Outputs, "TOO_MANY_OUTPUTS"
            "inputs of a draft", l.Inputs, "TOO_MANY_INPUTS"
        ]

    /// The text of the page.
    let markdown: string =
        let b = StringBuilder()
        let line (s: string) = b.Append(s).Append('\n') |> ignore
        line conventions

        line
            $"This is ABI version {Schedule.abiVersion}, with the prices of schedule {Schedule.version}; all rows are of version 1 unless they say otherwise."

        let mutable rest = AbiTable.env

        for title, belongs in groups do
            let mine = rest |> List.filter belongs
            rest <- rest |> List.filter (belongs >> not)
            line ""
            line $"### {title}"
            line ""
            line "| function | what it does | result | gas |"
            line "|---|---|---|---|"

            for row in mine do
                let since = if row.Since > 1 then $" Since version {row.Since}." else ""
                line $"| `{row.Signature}` | {row.Doc}{since} | {row.Answer} | {priceText row.Price} |"

        line ""
        line "## Statuses"
        line ""
        line "What an entry returns; other numbers are the contract's own."
        line ""
        line "| status | name | meaning |"
        line "|---|---|---|"

        for _, number, name, doc in ContractStatus.all do
            line $"| {number} | {name} | {doc} |"

        line ""
        line "## Errors"
        line ""

        line
            "What `get_last_error` returns, and the status that a contract would usually answer with (`twofold_status_of_last_error` in the C header)."

        line ""
        line "| code | name | meaning | status |"
        line "|---|---|---|---|"
        line "| 0 | | the last call succeeded | |"

        for _, number, name, doc, status in HostErrorCode.all do
            line $"| {number} | {name} | {doc} | {ContractStatus.number status} |"

        line value
        line "## Limits"
        line ""
        line "Of the contract profile; a request may lower them."
        line ""
        line "| what | most | above it |"
        line "|---|---|---|"

        for what, most, code in limits do
            line $"| {what} | {n most} | {code} |"

        b.Append(authors) |> ignore
        b.ToString()
