/* Twofold: the host functions that a skill may import, for C (clang --target=wasm32).
 *
 * Generated from the table in src/HostAbi; do not edit. The meaning of everything is in docs/CIS.md.
 * An answer is its full length, written only when it fits; a negative one is a code. */
#ifndef TWOFOLD_SKILL_H
#define TWOFOLD_SKILL_H

#include <stdint.h>

#define TWOFOLD_SKILL_EXPORT(name) __attribute__((export_name(#name)))
#define TWOFOLD_CIS(name) extern __attribute__((import_module("cis"), import_name(name)))
/* What execute(ptr, len) answers. */
#define TWOFOLD_RESULT(ptr, len) ((int64_t)((uint64_t)(uint32_t)(uintptr_t)(ptr) << 32 | (uint32_t)(len)))

enum cis_error {
    CIS_NOT_FOUND = -1, /* There is no value under this key. */
    CIS_DENIED = -2, /* The manifest's permissions do not cover this key or address, or the address (after a redirect too) leads where no skill may go. */
    CIS_TIMEOUT = -3, /* The other side did not answer in time. */
    CIS_UNAVAILABLE = -4, /* The other side cannot be reached, or the host offers no such service. */
    CIS_INVALID = -5, /* An argument is malformed: an empty key, a prompt that is not UTF-8, an address or a request that is none. */
    CIS_TOO_LARGE = -6, /* An argument or the answer is above its limit. */
    CIS_NO_REPLY = -7, /* There has been no answer to read again. */
    CIS_FAILED = -8, /* The other side answered with an error (an HTTP status outside 200 to 299, an answer that makes no sense). */
};

/* Asks the host's model; the prompt and the answer are UTF-8. Needs the permission `ai`.
 * Answers the full length, or a negative code; written only when it fits. */
TWOFOLD_CIS("ai_prompt")
int32_t cis_ai_prompt(const void *prompt_ptr, uint32_t prompt_len, void *out_ptr, uint32_t out_cap);

/* The value under a key of the skill's own memory, which outlives runs. Needs `memory:<prefix>` for the key.
 * Answers the full length, or a negative code; written only when it fits. */
TWOFOLD_CIS("memory_get")
int32_t cis_memory_get(const void *key_ptr, uint32_t key_len, void *out_ptr, uint32_t out_cap);

/* Puts a value under a key of the skill's own memory. Needs `memory:<prefix>` for the key.
 * Answers nothing; `last_error` says whether it went well. */
TWOFOLD_CIS("memory_set")
void cis_memory_set(const void *key_ptr, uint32_t key_len, const void *val_ptr, uint32_t val_len);

/* GET without a body, POST with one (as application/json); the answer is the body of a response with a status of 200 to 299. Needs `http:<host pattern>`.
 * Answers the full length, or a negative code; written only when it fits. */
TWOFOLD_CIS("http_request")
int32_t cis_http_request(const void *url_ptr, uint32_t url_len, const void *body_ptr, uint32_t body_len, void *out_ptr, uint32_t out_cap);

/* The same with everything: a JSON document with method, url, headers and body; back comes one with status, headers and body.
 * Answers the full length, or a negative code; written only when it fits. */
TWOFOLD_CIS("http_request_full")
int32_t cis_http_request_full(const void *request_ptr, uint32_t request_len, void *out_ptr, uint32_t out_cap);

/* The last answer again, when it did not fit: never a second call outside.
 * Answers the full length, or a negative code; written only when it fits. */
TWOFOLD_CIS("read_reply")
int32_t cis_read_reply(void *out_ptr, uint32_t out_cap);

/* Why the last call of `cis` failed. Every call but this one sets it.
 * Answers a negative code, or 0 when the last call succeeded. */
TWOFOLD_CIS("last_error")
int32_t cis_last_error(void);

#endif
