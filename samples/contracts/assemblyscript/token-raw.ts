// The same token without strings: packed parameters, fixed buffers, the host functions called directly.
// In: fields one after the other, numbers little-endian, no gaps. Out: a status; coins, state and events in the draft.
//
//   Initialize  symbol[8] name[32]             zero-padded
//   Mint        to[42] amount[8]
//   Transfer    to[42] amount[8]               or  to[42] amount[8] from[42]
//   GetBalance  of[42]                         answers 8 bytes
//   event "Transfer"                           from[42] to[42] amount[8]
//
// It shares its state layout with the readable token, so either can take over the other's state.

import * as env from "./env";
import { Status, failure } from "./contract";

// State keys. memory.data puts the bytes in the module's data, so there is nothing to allocate at run time.
const OWNER = memory.data<u8>([0x6f, 0x77, 0x6e, 0x65, 0x72]);
const NAME = memory.data<u8>([0x6e, 0x61, 0x6d, 0x65]);
const SYMBOL = memory.data<u8>([0x73, 0x79, 0x6d, 0x62, 0x6f, 0x6c]);
const SUPPLY = memory.data<u8>([0x73, 0x75, 0x70, 0x70, 0x6c, 0x79]);
const TRANSFER = memory.data<u8>([0x54, 0x72, 0x61, 0x6e, 0x73, 0x66, 0x65, 0x72]);
const OWNER_LENGTH = 5, NAME_LENGTH = 4, SYMBOL_LENGTH = 6, SUPPLY_LENGTH = 6, TRANSFER_LENGTH = 8;

const ADDRESS = 42, SYMBOL_MAX = 8, NAME_MAX = 32;

// One buffer for each thing that a call needs.
const params = memory.data(92);
const caller = memory.data(ADDRESS);
const owner = memory.data(ADDRESS);
const token = memory.data(ADDRESS + 1 + SYMBOL_MAX);
const number = memory.data(8);
const event = memory.data(92);

const TO: usize = 0, AMOUNT: usize = 42, FROM: usize = 50;

/** Reads the parameters if they are exactly `length` bytes. */
function read(length: i32): bool {
  return env.get_contract_params_len() == length && env.get_contract_params(params) == length;
}

/** Writes `<contract address>:<symbol>` to `token`; answers its length, or 0 before Initialize. */
function tokenId(): i32 {
  const length = env.state_len(SYMBOL, SYMBOL_LENGTH);
  if (length < 1 || length > SYMBOL_MAX) return 0;
  env.get_contract_address(token);
  store<u8>(token + ADDRESS, 0x3a);
  env.state_get(SYMBOL, SYMBOL_LENGTH, token + ADDRESS + 1);
  return ADDRESS + 1 + length;
}

/** The bytes of a zero-padded field up to its first zero. */
function fieldLength(field: usize, max: i32): i32 {
  let n = 0;
  while (n < max && load<u8>(field + n) != 0) n++;
  return n;
}

function isSymbol(field: usize, length: i32): bool {
  for (let i = 0; i < length; i++) {
    const c = load<u8>(field + i);
    if (c < 0x41 || c > 0x5a) return false;
  }
  return length >= 1;
}

export function Initialize(): i32 {
  if (env.state_exists(OWNER, OWNER_LENGTH)) return Status.AlreadyExists;
  if (!read(SYMBOL_MAX + NAME_MAX)) return Status.InvalidParameters;
  const symbolLength = fieldLength(params, SYMBOL_MAX);
  const nameLength = fieldLength(params + SYMBOL_MAX, NAME_MAX);
  if (nameLength < 1 || !isSymbol(params, symbolLength)) return Status.InvalidParameters;

  env.get_caller(caller);
  store<u64>(number, 0);
  if (!env.state_set(OWNER, OWNER_LENGTH, caller, ADDRESS)) return failure();
  if (!env.state_set(NAME, NAME_LENGTH, params + SYMBOL_MAX, nameLength)) return failure();
  if (!env.state_set(SYMBOL, SYMBOL_LENGTH, params, symbolLength)) return failure();
  if (!env.state_set(SUPPLY, SUPPLY_LENGTH, number, 8)) return failure();
  return Status.Success;
}

export function Mint(): i32 {
  const tokenLength = tokenId();
  if (tokenLength == 0) return Status.NotFound;
  if (!read(50)) return Status.InvalidParameters;
  const amount = load<u64>(params + AMOUNT);
  if (amount == 0) return Status.InvalidParameters;

  env.get_caller(caller);
  if (env.state_len(OWNER, OWNER_LENGTH) != ADDRESS) return Status.Unauthorized;
  env.state_get(OWNER, OWNER_LENGTH, owner);
  if (memory.compare(owner, caller, ADDRESS) != 0) return Status.Unauthorized;

  if (env.state_len(SUPPLY, SUPPLY_LENGTH) == 8) env.state_get(SUPPLY, SUPPLY_LENGTH, number);
  else store<u64>(number, 0);
  const supply = load<u64>(number);
  if (supply + amount < supply) return Status.InvalidParameters; // the sum of all coins fits in 64 bits
  if (!env.create_utxo_output(params + TO, amount, token, tokenLength)) return failure();
  store<u64>(number, supply + amount);
  if (!env.state_set(SUPPLY, SUPPLY_LENGTH, number, 8)) return failure();
  return Status.Success;
}

export function Transfer(): i32 {
  const tokenLength = tokenId();
  if (tokenLength == 0) return Status.NotFound;
  const named = read(92);
  if (!named && !read(50)) return Status.InvalidParameters;
  const amount = load<u64>(params + AMOUNT);
  if (amount == 0) return Status.InvalidParameters;

  // The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
  env.get_caller(caller);
  if (named && memory.compare(params + FROM, caller, ADDRESS) != 0) return Status.Unauthorized;

  if (!env.execute_utxo_transfer(caller, params + TO, amount, token, tokenLength)) return failure();
  memory.copy(event, caller, ADDRESS);
  memory.copy(event + ADDRESS, params + TO, ADDRESS);
  store<u64>(event + 2 * ADDRESS, amount);
  env.emit_event(TRANSFER, TRANSFER_LENGTH, event, 2 * ADDRESS + 8);
  return Status.Success;
}

export function GetBalance(): i32 {
  const tokenLength = tokenId();
  if (tokenLength == 0) return Status.NotFound;
  if (!read(ADDRESS)) return Status.InvalidParameters;

  const balance = env.query_utxo_balance(params, token, tokenLength);
  if (balance == 0 && env.get_last_error() != 0) return failure();
  store<u64>(number, balance);
  env.set_return_data(number, 8);
  return Status.Success;
}
