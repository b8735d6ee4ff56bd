// What both AssemblyScript tokens and any other contract would want: statuses, text in and out of the host, the state.
// In: strings and numbers. Out: the host calls of env.ts, on UTF-8 bytes.

import * as env from "./env";

/** What an entry answers. Anything but Success drops every write of the run. */
export namespace Status {
  export const Success = 0;
  export const InvalidParameters = 1;
  export const InsufficientBalance = 2;
  export const Unauthorized = 3;
  export const NotFound = 4;
  export const AlreadyExists = 5;
  export const ExecutionFailed = 6;
}

/** The usual status for the host call that failed last; docs/HOST_ABI.md lists the reasons. */
export function failure(): i32 {
  const error = env.get_last_error();
  if ((error >= 1 && error <= 7) || (error >= 14 && error <= 16)) return Status.InvalidParameters; // malformed or too long
  switch (error) {
    case 8: case 21: return Status.NotFound;
    case 9: return Status.AlreadyExists;
    case 10: return Status.Unauthorized;
    case 11: case 12: return Status.InsufficientBalance; // too little, or enough but still locked
    default: return Status.ExecutionFailed;
  }
}

/** Tells a balance of 0 from a query that failed. */
export function hasFailed(): bool { return env.get_last_error() != 0; }

const ADDRESS_LENGTH = 42;

function utf8(text: string): ArrayBuffer { return String.UTF8.encode(text); }
function at(bytes: ArrayBuffer): usize { return changetype<usize>(bytes); }

/** The parameters as bytes; longer than `limit` is answered by null. */
export function parameters(limit: i32): Uint8Array | null {
  const length = env.get_contract_params_len();
  if (length > limit) return null;
  const bytes = new Uint8Array(length);
  if (length > 0) env.get_contract_params(bytes.dataStart);
  return bytes;
}

/** The address that signed the transaction. */
export function caller(): string {
  const address = new ArrayBuffer(ADDRESS_LENGTH);
  env.get_caller(at(address));
  return String.UTF8.decode(address);
}

/** The address of this contract. */
export function self(): string {
  const address = new ArrayBuffer(ADDRESS_LENGTH);
  env.get_contract_address(at(address));
  return String.UTF8.decode(address);
}

export namespace State {
  export function has(key: string): bool {
    const k = utf8(key);
    return env.state_exists(at(k), k.byteLength) != 0;
  }

  export function get(key: string): ArrayBuffer | null {
    const k = utf8(key);
    const length = env.state_len(at(k), k.byteLength);
    if (length == 0) return null;
    const value = new ArrayBuffer(length);
    env.state_get(at(k), k.byteLength, at(value));
    return value;
  }

  export function set(key: string, value: ArrayBuffer): bool {
    const k = utf8(key);
    return env.state_set(at(k), k.byteLength, at(value), value.byteLength) != 0;
  }

  export function getText(key: string): string | null {
    const value = get(key);
    return value ? String.UTF8.decode(value) : null;
  }

  export function setText(key: string, text: string): bool { return set(key, utf8(text)); }

  /** Numbers are kept as 8 bytes, little-endian. */
  export function getNumber(key: string): u64 {
    const value = get(key);
    return value && value.byteLength == 8 ? load<u64>(at(value)) : 0;
  }

  export function setNumber(key: string, number: u64): bool {
    const value = new ArrayBuffer(8);
    store<u64>(at(value), number);
    return set(key, value);
  }
}

export namespace Coins {
  export function balance(owner: string, token: string): u64 {
    const o = utf8(owner), t = utf8(token);
    return env.query_utxo_balance(at(o), at(t), t.byteLength);
  }

  export function create(to: string, amount: u64, token: string): bool {
    const a = utf8(to), t = utf8(token);
    return env.create_utxo_output(at(a), amount, at(t), t.byteLength) != 0;
  }

  export function transfer(from: string, to: string, amount: u64, token: string): bool {
    const f = utf8(from), a = utf8(to), t = utf8(token);
    return env.execute_utxo_transfer(at(f), at(a), amount, at(t), t.byteLength) != 0;
  }
}

export function isAddressLength(text: string): bool { return text.length == ADDRESS_LENGTH; }

export function answer(text: string): void {
  const bytes = utf8(text);
  env.set_return_data(at(bytes), bytes.byteLength);
}

export function emit(name: string, data: string): void {
  const n = utf8(name), d = utf8(data);
  env.emit_event(at(n), n.byteLength, at(d), d.byteLength);
}
