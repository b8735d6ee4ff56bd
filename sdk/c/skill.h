/* What a skill in C needs beside the host functions: memory, and as much JSON as small skills want.
 * In: the input that the host put into memory. Out: text for execute to answer with (TWOFOLD_RESULT).
 * One skill is one file; include this in it once. */
#ifndef SKILL_H
#define SKILL_H

#include <stdint.h>
#include "twofold_skill.h"

extern unsigned char __heap_base;
static uint32_t skill_top;

/* A block, aligned to 16, or 0 when there is no more memory. Nothing is given back: a run is short, and its memory goes with it. */
TWOFOLD_SKILL_EXPORT(alloc) void *alloc(uint32_t size) {
    if (!skill_top) skill_top = (uint32_t)(uintptr_t)&__heap_base;
    uint32_t at = (skill_top + 15) & ~15u;
    uint64_t end = (uint64_t)at + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
    if (end > have && __builtin_wasm_memory_grow(0, (uint32_t)((end - have + 65535) >> 16)) == (uint32_t)-1) return 0;
    skill_top = (uint32_t)end;
    return (void *)(uintptr_t)at;
}

TWOFOLD_SKILL_EXPORT(dealloc) void dealloc(void *ptr, uint32_t size) {
    (void)ptr;
    (void)size;
}

/* ---- text that grows */

typedef struct {
    char *at;
    uint32_t length, room;
} skill_text;

static void skill_put(skill_text *t, const char *bytes, uint32_t length) {
    if (t->length + length > t->room) {
        uint32_t room = (t->length + length) * 2 + 64;
        char *more = alloc(room);
        if (!more) __builtin_trap();
        for (uint32_t i = 0; i < t->length; i++) more[i] = t->at[i];
        t->at = more;
        t->room = room;
    }
    for (uint32_t i = 0; i < length; i++) t->at[t->length + i] = bytes[i];
    t->length += length;
}

static void skill_puts(skill_text *t, const char *text) {
    uint32_t n = 0;
    while (text[n]) n++;
    skill_put(t, text, n);
}

static void skill_number(skill_text *t, int64_t value) {
    char digits[24];
    int n = sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do digits[--n] = (char)('0' + rest % 10); while (rest /= 10);
    if (value < 0) digits[--n] = '-';
    skill_put(t, digits + n, (uint32_t)sizeof digits - n);
}

/* A JSON string with its quotes. */
static void skill_quote(skill_text *t, const char *bytes, uint32_t length) {
    static const char hex[] = "0123456789abcdef";
    skill_put(t, "\"", 1);
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            char two[2] = {'\\', (char)c};
            skill_put(t, two, 2);
        } else if (c < 32) {
            char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            skill_put(t, six, 6);
        } else {
            skill_put(t, (const char *)&bytes[i], 1);
        }
    }
    skill_put(t, "\"", 1);
}

/* ---- the input: a string member of a JSON object that is not nested; escapes of one letter are understood */

static int skill_member(const char *json, uint32_t length, const char *name, skill_text *value) {
    uint32_t i = 0, wanted = 0;
    while (name[wanted]) wanted++;
    while (i < length) {
        if (json[i++] != '"') continue;
        uint32_t start = i;
        while (i < length && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
        if (i >= length) return 0;
        uint32_t end = i++;
        while (i < length && (json[i] == ' ' || json[i] == '\n' || json[i] == '\t' || json[i] == '\r')) i++;
        if (i >= length || json[i] != ':') continue;
        int same = end - start == wanted;
        for (uint32_t k = 0; same && k < wanted; k++) same = json[start + k] == name[k];
        i++;
        while (i < length && (json[i] == ' ' || json[i] == '\n' || json[i] == '\t' || json[i] == '\r')) i++;
        if (i >= length || json[i] != '"') continue;
        i++;
        while (i < length && json[i] != '"') {
            char c = json[i++];
            if (c == '\\' && i < length) {
                c = json[i++];
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
            }
            if (same) skill_put(value, &c, 1);
        }
        i++;
        if (same) return 1;
    }
    return 0;
}

#endif
