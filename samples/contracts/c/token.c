// The readable token in C: parameters are JSON, answers and events are JSON.
// In: {"to": "0x...", "amount": 5} and its like. Out: a status; coins, state and events in the draft.
#include "json.h"
#include "token.h"
#include "twofold.h"

static uint8_t params[1024];

static bool read_params(text *object) {
  uint32_t length = twofold_get_contract_params_len();
  if (length > sizeof params) return false;
  if (length > 0) twofold_get_contract_params(params);
  object->bytes = params;
  object->length = length;
  return true;
}

/// The field "to" or "of": 42 characters (the host judges the rest).
static bool read_address(text object, const char *key, const uint8_t **address) {
  text value;
  if (field(object, key, &value) != FOUND || value.length != ADDRESS) return false;
  *address = value.bytes;
  return true;
}

static bool read_amount(text object, uint64_t *amount) {
  text value;
  if (field(object, "amount", &value) != FOUND) return false;
  *amount = parse_amount(value);
  return *amount > 0;
}

/// {"name": "Gold", "symbol": "GLD"}: whoever calls first owns the token.
TWOFOLD_ENTRY(Initialize) {
  text object, name, symbol;
  if (twofold_state_exists(KEY("owner"))) return TWOFOLD_ALREADY_EXISTS;
  if (!read_params(&object)) return TWOFOLD_INVALID_PARAMETERS;
  if (field(object, "name", &name) != FOUND || field(object, "symbol", &symbol) != FOUND) return TWOFOLD_INVALID_PARAMETERS;
  return initialize(name.bytes, name.length, symbol.bytes, symbol.length);
}

/// {"to": "0x...", "amount": 5}: the owner makes new coins.
TWOFOLD_ENTRY(Mint) {
  text object;
  const uint8_t *to;
  uint64_t amount;
  token_id token;
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  if (!read_params(&object) || !read_address(object, "to", &to) || !read_amount(object, &amount)) return TWOFOLD_INVALID_PARAMETERS;
  return mint(&token, to, amount);
}

/// {"to": "0x...", "amount": 5, "from": "0x..."}: moves the caller's coins; "from" may be left out.
TWOFOLD_ENTRY(Transfer) {
  text object, named;
  const uint8_t *to;
  uint64_t amount;
  token_id token;
  uint8_t from[ADDRESS];
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  if (!read_params(&object) || !read_address(object, "to", &to) || !read_amount(object, &amount)) return TWOFOLD_INVALID_PARAMETERS;
  verdict has_from = field(object, "from", &named);
  if (has_from == MALFORMED || (has_from == FOUND && named.length != ADDRESS)) return TWOFOLD_INVALID_PARAMETERS;

  int32_t status = transfer(&token, from, has_from == FOUND ? named.bytes : 0, to, amount);
  if (status != TWOFOLD_SUCCESS) return status;

  // {"from":"0x...","to":"0x...","amount":5}
  uint8_t event[9 + ADDRESS + 8 + ADDRESS + 11 + 20 + 1], *at = event;
  at = append(at, "{\"from\":\"", 9);
  at = append(at, from, ADDRESS);
  at = append(at, "\",\"to\":\"", 8);
  at = append(at, to, ADDRESS);
  at = append(at, "\",\"amount\":", 11);
  at += write_decimal(amount, at);
  *at++ = '}';
  twofold_emit_event(KEY("Transfer"), event, (uint32_t)(at - event));
  return TWOFOLD_SUCCESS;
}

/// {"of": "0x..."}: answers the balance as a JSON number.
TWOFOLD_ENTRY(GetBalance) {
  text object;
  const uint8_t *whose;
  uint64_t balance;
  token_id token;
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  if (!read_params(&object) || !read_address(object, "of", &whose)) return TWOFOLD_INVALID_PARAMETERS;
  if (!read_balance(&token, whose, &balance)) return failure();
  uint8_t digits[20];
  twofold_set_return_data(digits, write_decimal(balance, digits));
  return TWOFOLD_SUCCESS;
}
