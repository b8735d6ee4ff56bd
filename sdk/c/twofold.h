/* Twofold: the host functions that a contract may import, for C (clang --target=wasm32).
 *
 * Generated from the ABI table in src/HostAbi; do not edit. The meaning of everything is in docs/HOST_ABI.md.
 * A result of 0 means failure; twofold_get_last_error() tells a failure from an empty value. */
#ifndef TWOFOLD_H
#define TWOFOLD_H

#include <stdint.h>

#define TWOFOLD_ABI_VERSION 1
#define TWOFOLD_IMPORT(name) extern __attribute__((import_module("env"), import_name(name)))
/* An entry of a contract: TWOFOLD_ENTRY(Transfer) { ... return TWOFOLD_SUCCESS; } */
#define TWOFOLD_ENTRY(name) __attribute__((export_name(#name))) int32_t name(void)

#define TWOFOLD_ADDRESS_LENGTH 42
#define TWOFOLD_HASH_LENGTH 32
#define TWOFOLD_TOKEN_NAME_MAX 128

/* What an entry answers. */
enum twofold_contract_status {
    TWOFOLD_SUCCESS = 0, /* The call did what it was asked to do; the draft is kept. */
    TWOFOLD_INVALID_PARAMETERS = 1, /* The parameters are missing, malformed or out of range. */
    TWOFOLD_INSUFFICIENT_BALANCE = 2, /* There is not enough to spend, or it is still locked. */
    TWOFOLD_UNAUTHORIZED = 3, /* The caller may not do this. */
    TWOFOLD_NOT_FOUND = 4, /* What was asked for does not exist. */
    TWOFOLD_ALREADY_EXISTS = 5, /* What was to be made is already there. */
    TWOFOLD_EXECUTION_FAILED = 6, /* Anything else. */
};

/* What twofold_get_last_error() answers. */
enum twofold_error {
    TWOFOLD_E_NONE = 0, /* The last call succeeded. */
    TWOFOLD_E_INVALID_PARAMETER = 1, /* An argument is out of its range (an empty key, an unknown resource kind, too many random bytes). */
    TWOFOLD_E_INVALID_ADDRESS = 2, /* Not `0x` and 40 hexadecimal digits, or the zero address where somebody must own. */
    TWOFOLD_E_INVALID_TOKEN = 3, /* Neither empty nor `<contract address>:<name>` with a name of 1 to 128 bytes. */
    TWOFOLD_E_INVALID_AMOUNT = 4, /* An amount of zero. */
    TWOFOLD_E_INVALID_UTF8 = 5, /* An event's name or a log line that is not valid UTF-8. */
    TWOFOLD_E_INVALID_LOCK = 6, /* A lock that does not decode. */
    TWOFOLD_E_INVALID_BATCH = 7, /* A batch that does not decode. */
    TWOFOLD_E_NOT_FOUND = 8, /* No such state key or block. */
    TWOFOLD_E_ALREADY_EXISTS = 9, /* This run has already appended that state version or resource. */
    TWOFOLD_E_UNAUTHORIZED = 10, /* The run may not spend what belongs to this address. */
    TWOFOLD_E_INSUFFICIENT_BALANCE = 11, /* The outputs that the run may spend do not cover the amount. */
    TWOFOLD_E_LOCKED = 12, /* They would, but a time or height lock is not open yet. */
    TWOFOLD_E_OVERFLOW = 13, /* A sum does not fit 64 bits. */
    TWOFOLD_E_KEY_TOO_LONG = 14, /* A state key or a state id above the limit. */
    TWOFOLD_E_VALUE_TOO_LONG = 15, /* A state value, state data, proof or metadata above the limit. */
    TWOFOLD_E_EVENT_TOO_LONG = 16, /* An event (name and data together) or a log line above the limit. */
    TWOFOLD_E_RETURN_DATA_TOO_LONG = 17, /* Return data above the limit; what was set before stays. */
    TWOFOLD_E_TOO_MANY_INPUTS = 18, /* The draft would consume more outputs than the limit. */
    TWOFOLD_E_TOO_MANY_OUTPUTS = 19, /* The batch or the draft would create more outputs than the limit. */
    TWOFOLD_E_RANDOM_UNAVAILABLE = 20, /* The request carries no random seed. */
    TWOFOLD_E_CLAIM_NOT_DECLARED = 21, /* The request does not declare this claim. */
    TWOFOLD_E_NO_REPLY = 22, /* There has been no external reply to read again. */
    TWOFOLD_E_OUT_OF_MEMORY = 23, /* The allocator cannot grow the memory any further. */
    TWOFOLD_E_INVALID_POINTER = 24, /* free() of something that the allocator did not give or was given back already. */
};

/* The first byte of a lock, see docs/HOST_ABI.md for what follows it. */
enum twofold_lock {
    TWOFOLD_LOCK_NONE = 0,
    TWOFOLD_LOCK_TIME = 1,
    TWOFOLD_LOCK_HEIGHT = 2,
    TWOFOLD_LOCK_THRESHOLD = 3,
    TWOFOLD_LOCK_DELEGATION = 4,
    TWOFOLD_LOCK_CONTRACT = 5,
};

/* The kind in twofold_append_resource_output. */
enum twofold_resource {
    TWOFOLD_RESOURCE_WASM = 1,
    TWOFOLD_RESOURCE_ONNX = 2,
    TWOFOLD_RESOURCE_DOCUMENT = 3,
};

/* The handle of the draft that this run fills.
 * Answers a handle, always 1. */
TWOFOLD_IMPORT("get_current_transaction")
uint32_t twofold_get_current_transaction(void);

/* Writes the 32 bytes of the transaction id.
 * Answers 32. */
TWOFOLD_IMPORT("get_transaction_id")
uint32_t twofold_get_transaction_id(void *out32);

/* Writes the address that calls the contract, in lower case.
 * Answers 42. */
TWOFOLD_IMPORT("get_caller")
uint32_t twofold_get_caller(void *out42);

/* Writes the contract's own address, in lower case.
 * Answers 42. */
TWOFOLD_IMPORT("get_contract_address")
uint32_t twofold_get_contract_address(void *out42);

/* How many bytes of parameters the caller gave.
 * Answers the length; 0 without an error when there are none. */
TWOFOLD_IMPORT("get_contract_params_len")
uint32_t twofold_get_contract_params_len(void);

/* Writes the parameters, all of them: ask for their length first.
 * Answers the length; 0 without an error when there are none. */
TWOFOLD_IMPORT("get_contract_params")
uint32_t twofold_get_contract_params(void *out_ptr);

/* Sets the return data; the last call counts. After a failure it is kept as the message.
 * Answers nothing. */
TWOFOLD_IMPORT("set_return_data")
void twofold_set_return_data(const void *data_ptr, uint32_t data_len);

/* The height of the block that this run is part of.
 * Answers the height. */
TWOFOLD_IMPORT("get_block_height")
uint64_t twofold_get_block_height(void);

/* The time of the block, never of the machine.
 * Answers Unix seconds. */
TWOFOLD_IMPORT("get_timestamp")
uint64_t twofold_get_timestamp(void);

/* Writes the hash of an earlier block that the request knows; NOT_FOUND otherwise.
 * Answers 32. */
TWOFOLD_IMPORT("get_block_hash")
uint32_t twofold_get_block_hash(uint64_t height, void *out32);

/* What an address owns in a token, locked or not, less what this run has spent, plus what it has created. Records no inputs.
 * Answers the balance; 0 without an error when there is none. */
TWOFOLD_IMPORT("query_utxo_balance")
uint64_t twofold_query_utxo_balance(const void *addr42, const void *token_ptr, uint32_t token_len);

/* Spends outputs of `from`, creates one for `to` and one for the change. To the zero address: burns.
 * Answers 1. */
TWOFOLD_IMPORT("execute_utxo_transfer")
uint32_t twofold_execute_utxo_transfer(const void *from42, const void *to42, uint64_t amount, const void *token_ptr, uint32_t token_len);

/* Creates an output: of an own token by minting it, of any other token paid from what the contract itself owns.
 * Answers a handle (1 + the output's index). */
TWOFOLD_IMPORT("create_utxo_output")
uint32_t twofold_create_utxo_output(const void *addr42, uint64_t amount, const void *token_ptr, uint32_t token_len);

/* The same with a lock on the new output.
 * Answers a handle (1 + the output's index). */
TWOFOLD_IMPORT("create_asset_output_with_lock")
uint32_t twofold_create_asset_output_with_lock(const void *addr42, uint64_t amount, const void *token_ptr, uint32_t token_len, const void *lock_ptr, uint32_t lock_len);

/* Creates many outputs or none.
 * Answers how many were created. */
TWOFOLD_IMPORT("batch_create_outputs")
uint32_t twofold_batch_create_outputs(const void *batch_ptr, uint32_t batch_len);

/* Records a version of a state with its proof, for the layer that commits. The same id and version twice is ALREADY_EXISTS.
 * Answers a handle (1 + its index among state outputs). */
TWOFOLD_IMPORT("append_state_output")
uint32_t twofold_append_state_output(const void *id_ptr, uint32_t id_len, uint64_t version, const void *hash32, const void *data_ptr, uint32_t data_len, const void *proof_ptr, uint32_t proof_len);

/* Publishes a module (1), model (2) or document (3) by its hash. The same kind and hash twice is ALREADY_EXISTS.
 * Answers a handle (1 + its index among resource outputs). */
TWOFOLD_IMPORT("append_resource_output")
uint32_t twofold_append_resource_output(int32_t kind, const void *hash32, const void *meta_ptr, uint32_t meta_len);

/* How long the value under a key is; NOT_FOUND when there is none.
 * Answers the length; 0 without an error for an empty value. */
TWOFOLD_IMPORT("state_len")
uint32_t twofold_state_len(const void *key_ptr, uint32_t key_len);

/* Writes the value under a key, all of it: ask for its length first. NOT_FOUND when there is none.
 * Answers the length; 0 without an error for an empty value. */
TWOFOLD_IMPORT("state_get")
uint32_t twofold_state_get(const void *key_ptr, uint32_t key_len, void *out_ptr);

/* Puts a value under a key of the contract's own space.
 * Answers 1. */
TWOFOLD_IMPORT("state_set")
uint32_t twofold_state_set(const void *key_ptr, uint32_t key_len, const void *val_ptr, uint32_t val_len);

/* Whether there is a value under a key.
 * Answers 1, or 0 without an error when there is none. */
TWOFOLD_IMPORT("state_exists")
uint32_t twofold_state_exists(const void *key_ptr, uint32_t key_len);

/* Removes a key; NOT_FOUND when there is none.
 * Answers 1. */
TWOFOLD_IMPORT("state_delete")
uint32_t twofold_state_delete(const void *key_ptr, uint32_t key_len);

/* Adds an event to the draft. The name is any valid UTF-8.
 * Answers nothing. */
TWOFOLD_IMPORT("emit_event")
void twofold_emit_event(const void *name_ptr, uint32_t name_len, const void *data_ptr, uint32_t data_len);

/* A line for people (UTF-8; 0 debug, 1 info, 2 warning, 3 error). It is journaled, and no part of the draft.
 * Answers nothing. */
TWOFOLD_IMPORT("log")
void twofold_log(int32_t level, const void *text_ptr, uint32_t text_len);

/* The value that comes with verified evidence for a claim which the request declares; CLAIM_NOT_DECLARED otherwise.
 * Answers the full length; written only when it fits. */
TWOFOLD_IMPORT("declare_external_state")
uint32_t twofold_declare_external_state(const void *claim_ptr, uint32_t claim_len, void *out_ptr, uint32_t out_cap);

/* The last external reply again, when it did not fit: never a second call outside.
 * Answers the full length; written only when it fits. */
TWOFOLD_IMPORT("read_reply")
uint32_t twofold_read_reply(void *out_ptr, uint32_t out_cap);

/* Writes the next bytes of the stream that follows from the request's seed and the transaction id.
 * Answers len; 0 without an error when none were wanted. */
TWOFOLD_IMPORT("get_random")
uint32_t twofold_get_random(void *out_ptr, uint32_t len);

/* Why the last host call failed. Every call but this one sets it, to 0 when it succeeds.
 * Answers a code, or 0 when the last call succeeded. */
TWOFOLD_IMPORT("get_last_error")
uint32_t twofold_get_last_error(void);

/* A block of guest memory, for guests without an allocator.
 * Answers a pointer, aligned to 16, or 0. */
TWOFOLD_IMPORT("malloc")
void *twofold_malloc(uint32_t size);

/* The same as malloc.
 * Answers a pointer, aligned to 16, or 0. */
TWOFOLD_IMPORT("alloc")
void *twofold_alloc(uint32_t size);

/* Gives a block back; 0 is ignored, anything else that is not a live block sets INVALID_POINTER.
 * Answers nothing. */
TWOFOLD_IMPORT("free")
void twofold_free(void *ptr);

/* AssemblyScript's abort: the run traps with the message.
 * Answers never. */
TWOFOLD_IMPORT("abort") __attribute__((noreturn))
void twofold_abort(const void *message, const void *file, int32_t line, int32_t column);

/* The status that an entry would usually answer with after a host call that failed. */
static inline int32_t twofold_status_of_last_error(void) {
    switch (twofold_get_last_error()) {
    case TWOFOLD_E_NONE: return TWOFOLD_SUCCESS;
    case TWOFOLD_E_INVALID_PARAMETER:
    case TWOFOLD_E_INVALID_ADDRESS:
    case TWOFOLD_E_INVALID_TOKEN:
    case TWOFOLD_E_INVALID_AMOUNT:
    case TWOFOLD_E_INVALID_UTF8:
    case TWOFOLD_E_INVALID_LOCK:
    case TWOFOLD_E_INVALID_BATCH:
    case TWOFOLD_E_KEY_TOO_LONG:
    case TWOFOLD_E_VALUE_TOO_LONG:
    case TWOFOLD_E_EVENT_TOO_LONG:
        return TWOFOLD_INVALID_PARAMETERS;
    case TWOFOLD_E_INSUFFICIENT_BALANCE:
    case TWOFOLD_E_LOCKED:
        return TWOFOLD_INSUFFICIENT_BALANCE;
    case TWOFOLD_E_UNAUTHORIZED:
        return TWOFOLD_UNAUTHORIZED;
    case TWOFOLD_E_NOT_FOUND:
    case TWOFOLD_E_CLAIM_NOT_DECLARED:
        return TWOFOLD_NOT_FOUND;
    case TWOFOLD_E_ALREADY_EXISTS:
        return TWOFOLD_ALREADY_EXISTS;
    default: return TWOFOLD_EXECUTION_FAILED;
    }
}

#endif
