// The raw token in C: packed parameters, the host functions called directly.
// In: fields one after the other, numbers little-endian, no gaps. Out: a status; coins, state and events in the draft.
#include "token.h"

typedef struct { uint8_t symbol[SYMBOL_MAX], name[NAME_MAX]; } initialize_params; // zero-padded
typedef struct __attribute__((packed)) { uint8_t to[ADDRESS]; uint64_t amount; } payment;
typedef struct __attribute__((packed)) { payment pay; uint8_t from[ADDRESS]; } transfer_params; // "from" may be left out
typedef struct __attribute__((packed)) { uint8_t from[ADDRESS]; payment pay; } transfer_event;

/// Reads the parameters if they are exactly this long.
static bool read(void *out, uint32_t length) {
  return twofold_get_contract_params_len() == length && twofold_get_contract_params(out) == length;
}

/// The bytes of a zero-padded field up to its first zero.
static uint32_t field_length(const uint8_t *field, uint32_t max) {
  uint32_t length = 0;
  while (length < max && field[length]) length++;
  return length;
}

TWOFOLD_ENTRY(Initialize) {
  initialize_params p;
  if (twofold_state_exists(KEY("owner"))) return TWOFOLD_ALREADY_EXISTS;
  if (!read(&p, sizeof p)) return TWOFOLD_INVALID_PARAMETERS;
  return initialize(p.name, field_length(p.name, NAME_MAX), p.symbol, field_length(p.symbol, SYMBOL_MAX));
}

TWOFOLD_ENTRY(Mint) {
  payment p;
  token_id token;
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  if (!read(&p, sizeof p) || p.amount == 0) return TWOFOLD_INVALID_PARAMETERS;
  return mint(&token, p.to, p.amount);
}

TWOFOLD_ENTRY(Transfer) {
  transfer_params p;
  transfer_event event;
  token_id token;
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  bool has_from = read(&p, sizeof p);
  if ((!has_from && !read(&p, sizeof p.pay)) || p.pay.amount == 0) return TWOFOLD_INVALID_PARAMETERS;

  int32_t status = transfer(&token, event.from, has_from ? p.from : 0, p.pay.to, p.pay.amount);
  if (status != TWOFOLD_SUCCESS) return status;
  event.pay = p.pay;
  twofold_emit_event(KEY("Transfer"), &event, sizeof event);
  return TWOFOLD_SUCCESS;
}

TWOFOLD_ENTRY(GetBalance) {
  uint8_t whose[ADDRESS];
  uint64_t balance;
  token_id token;
  if (!read_token_id(&token)) return TWOFOLD_NOT_FOUND;
  if (!read(whose, ADDRESS)) return TWOFOLD_INVALID_PARAMETERS;
  if (!read_balance(&token, whose, &balance)) return failure();
  twofold_set_return_data(&balance, 8);
  return TWOFOLD_SUCCESS;
}
