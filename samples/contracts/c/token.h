// What both C tokens do once their parameters are read: the rules of the token, on the host functions of twofold.h.
// In: addresses and amounts, each checked for its form. Out: a status.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "twofold.h"

enum { ADDRESS = TWOFOLD_ADDRESS_LENGTH, SYMBOL_MAX = 8, NAME_MAX = 32 };

/// A text in quotes as a pointer and a length, which is how the host takes keys and names.
#define KEY(text) (text), sizeof(text) - 1

/// `<contract address>:<symbol>`
typedef struct { uint8_t bytes[ADDRESS + 1 + SYMBOL_MAX]; uint32_t length; } token_id;

static bool same_address(const uint8_t *a, const uint8_t *b) {
  for (int i = 0; i < ADDRESS; i++)
    if (a[i] != b[i]) return false;
  return true;
}

static inline uint8_t *append(uint8_t *to, const void *from, uint32_t length) {
  __builtin_memcpy(to, from, length); // becomes memory.copy: there is no C library here
  return to + length;
}

/// The status for the host call that failed last.
static int32_t failure(void) {
  int32_t status = twofold_status_of_last_error();
  return status == TWOFOLD_SUCCESS ? TWOFOLD_EXECUTION_FAILED : status;
}

/// False before Initialize.
static bool read_token_id(token_id *token) {
  uint32_t length = twofold_state_len(KEY("symbol"));
  if (length < 1 || length > SYMBOL_MAX) return false;
  twofold_get_contract_address(token->bytes);
  token->bytes[ADDRESS] = ':';
  twofold_state_get(KEY("symbol"), token->bytes + ADDRESS + 1);
  token->length = ADDRESS + 1 + length;
  return true;
}

static bool is_symbol(const uint8_t *symbol, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    if (symbol[i] < 'A' || symbol[i] > 'Z') return false;
  return length >= 1 && length <= SYMBOL_MAX;
}

static int32_t initialize(const uint8_t *name, uint32_t name_length, const uint8_t *symbol, uint32_t symbol_length) {
  uint8_t owner[ADDRESS];
  uint64_t supply = 0;
  if (name_length < 1 || name_length > NAME_MAX || !is_symbol(symbol, symbol_length)) return TWOFOLD_INVALID_PARAMETERS;
  twofold_get_caller(owner);
  if (!twofold_state_set(KEY("owner"), owner, ADDRESS)) return failure();
  if (!twofold_state_set(KEY("name"), name, name_length)) return failure();
  if (!twofold_state_set(KEY("symbol"), symbol, symbol_length)) return failure();
  if (!twofold_state_set(KEY("supply"), &supply, 8)) return failure();
  return TWOFOLD_SUCCESS;
}

static int32_t mint(const token_id *token, const uint8_t *to, uint64_t amount) {
  uint8_t caller[ADDRESS], owner[ADDRESS];
  uint64_t supply = 0;
  twofold_get_caller(caller);
  if (twofold_state_len(KEY("owner")) != ADDRESS) return TWOFOLD_UNAUTHORIZED;
  twofold_state_get(KEY("owner"), owner);
  if (!same_address(caller, owner)) return TWOFOLD_UNAUTHORIZED;

  if (twofold_state_len(KEY("supply")) == 8) twofold_state_get(KEY("supply"), &supply);
  if (__builtin_add_overflow(supply, amount, &supply)) return TWOFOLD_INVALID_PARAMETERS; // the sum of all coins fits in 64 bits
  if (!twofold_create_utxo_output(to, amount, token->bytes, token->length)) return failure();
  if (!twofold_state_set(KEY("supply"), &supply, 8)) return failure();
  return TWOFOLD_SUCCESS;
}

/// Pays from the caller, whose address it writes to `from`; `named` is the address that the parameters gave, or null.
static int32_t transfer(const token_id *token, uint8_t *from, const uint8_t *named, const uint8_t *to, uint64_t amount) {
  // The host would also let a contract spend its own coins and those delegated to it: not at just anybody's request.
  twofold_get_caller(from);
  if (named && !same_address(named, from)) return TWOFOLD_UNAUTHORIZED;
  return twofold_execute_utxo_transfer(from, to, amount, token->bytes, token->length) ? TWOFOLD_SUCCESS : failure();
}

/// False when the host refuses the query; a balance of 0 is not a failure.
static bool read_balance(const token_id *token, const uint8_t *whose, uint64_t *balance) {
  *balance = twofold_query_utxo_balance(whose, token->bytes, token->length);
  return *balance > 0 || twofold_get_last_error() == TWOFOLD_E_NONE;
}
