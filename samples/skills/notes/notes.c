/* A skill that remembers: {"key": "milk", "text": "two bottles"} writes a note, {"key": "milk"} reads it.
 * In: that JSON. Out: {"key": ..., "text": ...}, or {"error": code} (docs/CIS.md). Its memory outlives the run. */
#include "skill.h"

TWOFOLD_SKILL_EXPORT(execute) int64_t execute(const char *input, uint32_t length) {
    skill_text name = {0}, key = {0}, text = {0}, out = {0};
    skill_puts(&key, "notes/");
    int32_t error = CIS_INVALID;
    if (skill_member(input, length, "key", &name)) {
        skill_put(&key, name.at, name.length);
        if (skill_member(input, length, "text", &text)) {
            cis_memory_set(key.at, key.length, text.at, text.length);
            error = cis_last_error();
        } else {
            char small[64];
            int32_t found = cis_memory_get(key.at, key.length, small, sizeof small);
            error = found < 0 ? found : 0;
            if (found >= 0 && (uint32_t)found <= sizeof small) {
                skill_put(&text, small, (uint32_t)found);
            } else if (found > 0) {
                /* It did not fit: the answer is read again, nobody is asked again. */
                char *all = alloc((uint32_t)found);
                cis_read_reply(all, (uint32_t)found);
                skill_put(&text, all, (uint32_t)found);
            }
        }
    }
    if (error) {
        skill_puts(&out, "{\"error\":");
        skill_number(&out, error);
    } else {
        skill_puts(&out, "{\"key\":");
        skill_quote(&out, name.at, name.length);
        skill_puts(&out, ",\"text\":");
        skill_quote(&out, text.at, text.length);
    }
    skill_puts(&out, "}");
    return TWOFOLD_RESULT(out.at, out.length);
}
