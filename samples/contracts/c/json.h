// Reads the parameters of the readable token: one flat JSON object. In: bytes. Out: a field's text inside them, or a verdict.
//
//   object = { "key": value, ... }     spaces anywhere, keys and strings in printable ASCII without escapes
//   value  = "text" | digits
//
// A field's text is what counts: 5 and "5" are the same amount (JavaScript loses integers above 2^53, strings it keeps).
// A field that is asked for and appears twice makes the object malformed: nobody should guess which amount was meant.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct { const uint8_t *bytes; uint32_t length; } text;
typedef struct { const uint8_t *at, *end; } reader;
typedef enum { ABSENT, FOUND, MALFORMED } verdict;

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static void skip_spaces(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool take(reader *r, uint8_t c) {
  skip_spaces(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool read_string(reader *r, text *out) {
  if (!take(r, '"')) return false;
  for (out->bytes = r->at; r->at < r->end; r->at++) {
    if (*r->at == '"') {
      out->length = (uint32_t)(r->at++ - out->bytes);
      return true;
    }
    if (*r->at < 0x20 || *r->at > 0x7e || *r->at == '\\') return false;
  }
  return false;
}

static bool read_value(reader *r, text *out) {
  skip_spaces(r);
  for (out->bytes = r->at; r->at < r->end && is_digit(*r->at);) r->at++;
  out->length = (uint32_t)(r->at - out->bytes);
  return out->length > 0 || read_string(r, out);
}

static bool same_text(text a, const char *b) {
  uint32_t i = 0;
  while (i < a.length && b[i] && a.bytes[i] == (uint8_t)b[i]) i++;
  return i == a.length && !b[i];
}

/// Looks a key up; walks the whole object each time, so that anything malformed is seen.
static verdict field(text object, const char *key, text *out) {
  reader r = {object.bytes, object.bytes + object.length};
  verdict result = ABSENT;
  if (!take(&r, '{')) return MALFORMED;
  if (!take(&r, '}')) {
    do {
      text name, value;
      if (!read_string(&r, &name) || !take(&r, ':') || !read_value(&r, &value)) return MALFORMED;
      if (same_text(name, key)) {
        if (result == FOUND) return MALFORMED;
        result = FOUND;
        *out = value;
      }
    } while (take(&r, ','));
    if (!take(&r, '}')) return MALFORMED;
  }
  skip_spaces(&r);
  return r.at == r.end ? result : MALFORMED;
}

/// A positive amount in decimal digits; 0 stands for anything that is not one, too large ones included.
static uint64_t parse_amount(text digits) {
  uint64_t amount = 0;
  for (uint32_t i = 0; i < digits.length; i++) {
    if (!is_digit(digits.bytes[i])) return 0;
    uint64_t digit = digits.bytes[i] - '0';
    if (amount > (UINT64_MAX - digit) / 10) return 0;
    amount = amount * 10 + digit;
  }
  return amount;
}

/// Writes a number in decimal and answers its length, 20 at most.
static uint32_t write_decimal(uint64_t number, uint8_t *out) {
  uint8_t digits[20];
  uint32_t length = 0;
  do digits[length++] = (uint8_t)('0' + number % 10); while (number /= 10);
  for (uint32_t i = 0; i < length; i++) out[i] = digits[length - 1 - i];
  return length;
}
