// A token, the readable way: parameters are JSON, answers and events are JSON.
// In: {"to": "0x...", "amount": 5} and its like. Out: a status; coins, state and events in the draft.
// The same contract is written in C, in Rust and in WebAssembly text beside this folder; README.md says what all of them do.

import { Status, State, Coins, failure, hasFailed, parameters, caller, self, isAddressLength, answer, emit } from "./contract";
import { Fields, parseAmount } from "./json";

/** The token's id, `<contract address>:<symbol>`; null before Initialize. */
function tokenId(): string | null {
  const symbol = State.getText("symbol");
  return symbol === null ? null : self() + ":" + symbol;
}

function fields(): Fields | null {
  const bytes = parameters(1024);
  return bytes === null ? null : new Fields(bytes);
}

function isSymbol(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x41 || c > 0x5a) return false;
  }
  return text.length >= 1 && text.length <= 8;
}

/** {"name": "Gold", "symbol": "GLD"}: whoever calls first owns the token. */
export function Initialize(): i32 {
  if (State.has("owner")) return Status.AlreadyExists;

  const given = fields();
  if (given === null) return Status.InvalidParameters;
  const name = given.get("name"), symbol = given.get("symbol");
  if (name === null || symbol === null) return Status.InvalidParameters;
  if (name.length < 1 || name.length > 32 || !isSymbol(symbol)) return Status.InvalidParameters;

  if (!State.setText("owner", caller())) return failure();
  if (!State.setText("name", name)) return failure();
  if (!State.setText("symbol", symbol)) return failure();
  if (!State.setNumber("supply", 0)) return failure();
  return Status.Success;
}

/** {"to": "0x...", "amount": 5}: the owner makes new coins. */
export function Mint(): i32 {
  const token = tokenId();
  if (token === null) return Status.NotFound;

  const given = fields();
  if (given === null) return Status.InvalidParameters;
  const to = given.get("to"), amountText = given.get("amount");
  if (to === null || amountText === null) return Status.InvalidParameters;
  const amount = parseAmount(amountText);
  if (!isAddressLength(to) || amount == 0) return Status.InvalidParameters;
  if (State.getText("owner") != caller()) return Status.Unauthorized;

  const supply = State.getNumber("supply");
  if (supply + amount < supply) return Status.InvalidParameters; // the sum of all coins fits in 64 bits
  if (!Coins.create(to, amount, token)) return failure();
  if (!State.setNumber("supply", supply + amount)) return failure();
  return Status.Success;
}

/** {"to": "0x...", "amount": 5, "from": "0x..."}: moves the caller's coins; "from" may be left out. */
export function Transfer(): i32 {
  const token = tokenId();
  if (token === null) return Status.NotFound;

  const given = fields();
  if (given === null) return Status.InvalidParameters;
  const to = given.get("to"), amountText = given.get("amount");
  if (to === null || amountText === null) return Status.InvalidParameters;
  const amount = parseAmount(amountText);
  if (!isAddressLength(to) || amount == 0) return Status.InvalidParameters;

  // The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
  const from = caller(), named = given.get("from");
  if (given.malformed || (named !== null && !isAddressLength(named))) return Status.InvalidParameters;
  if (named !== null && named != from) return Status.Unauthorized;

  if (!Coins.transfer(from, to, amount, token)) return failure();
  emit("Transfer", '{"from":"' + from + '","to":"' + to + '","amount":' + amount.toString() + "}");
  return Status.Success;
}

/** {"of": "0x..."}: answers the balance as a JSON number. */
export function GetBalance(): i32 {
  const token = tokenId();
  if (token === null) return Status.NotFound;

  const given = fields();
  if (given === null) return Status.InvalidParameters;
  const whose = given.get("of");
  if (whose === null || !isAddressLength(whose)) return Status.InvalidParameters;

  const balance = Coins.balance(whose, token);
  if (balance == 0 && hasFailed()) return failure();
  answer(balance.toString());
  return Status.Success;
}
