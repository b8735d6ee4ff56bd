// A skill that asks a model: {"text": "..."} answers {"summary": "..."}, or {"error": code} (docs/CIS.md). Texts that it has seen before are answered from its memory.
// In: that JSON. Out: JSON.

import { allocate, aiPrompt, inputText, lastError, member, memoryGet, memorySet, quote, result } from "../../../sdk/assemblyscript/skill";

export function alloc(size: i32): usize { return allocate(size); }
export function dealloc(ptr: usize, len: i32): void { }

// A short name for a text: FNV-1a over its characters.
function nameOf(text: string): string {
  let h: u64 = 0xcbf29ce484222325;
  for (let i = 0; i < text.length; i++) h = (h ^ <u64>text.charCodeAt(i)) * 0x100000001b3;
  return "summaries/" + h.toString(16);
}

export function execute(ptr: usize, len: i32): i64 {
  const text = member(inputText(ptr, len), "text");
  if (text == null) return result("{\"error\":-5}");
  const key = nameOf(text);
  const known = memoryGet(key);
  if (known != null) return result("{\"summary\":" + quote(known) + ",\"remembered\":true}");
  const summary = aiPrompt("Summarize in one sentence:\n" + text);
  if (summary == null) return result("{\"error\":" + lastError().toString() + "}");
  memorySet(key, summary);
  return result("{\"summary\":" + quote(summary) + "}");
}
