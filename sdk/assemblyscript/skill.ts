// What a skill in AssemblyScript needs: the host functions of module "cis" (docs/CIS.md) with strings, memory, and a little JSON.
// In: strings. Out: answers; a call that fails gives null, and lastError() says why.

// @ts-nocheck: editors without the AssemblyScript plugin do not know these decorators.
@external("cis", "ai_prompt") declare function ai_prompt(prompt: usize, promptLen: i32, out: usize, cap: i32): i32;
@external("cis", "memory_get") declare function memory_get(key: usize, keyLen: i32, out: usize, cap: i32): i32;
@external("cis", "memory_set") declare function memory_set(key: usize, keyLen: i32, value: usize, valueLen: i32): void;
@external("cis", "http_request") declare function http_request(url: usize, urlLen: i32, body: usize, bodyLen: i32, out: usize, cap: i32): i32;
@external("cis", "http_request_full") declare function http_request_full(request: usize, requestLen: i32, out: usize, cap: i32): i32;
@external("cis", "read_reply") declare function read_reply(out: usize, cap: i32): i32;
@external("cis", "last_error") declare function last_error(): i32;

/** The code of the last call, 0 when it succeeded. */
export function lastError(): i32 { return last_error(); }

function bytes(text: string): ArrayBuffer { return String.UTF8.encode(text); }

/** The whole answer: asked for with no room first, then read from the reply that the host has kept. */
function answer(length: i32): string | null {
  if (length < 0) return null;
  const buffer = new ArrayBuffer(length);
  read_reply(changetype<usize>(buffer), length);
  return String.UTF8.decode(buffer);
}

/** Asks the model. Only a skill that calls it imports it. */
export function aiPrompt(prompt: string): string | null {
  const p = bytes(prompt);
  return answer(ai_prompt(changetype<usize>(p), p.byteLength, 0, 0));
}

export function memoryGet(key: string): string | null {
  const k = bytes(key);
  return answer(memory_get(changetype<usize>(k), k.byteLength, 0, 0));
}

export function memorySet(key: string, value: string): bool {
  const k = bytes(key), v = bytes(value);
  memory_set(changetype<usize>(k), k.byteLength, changetype<usize>(v), v.byteLength);
  return last_error() == 0;
}

/** GET without a body, POST with one. */
export function httpRequest(url: string, body: string = ""): string | null {
  const u = bytes(url), b = bytes(body);
  return answer(http_request(changetype<usize>(u), u.byteLength, changetype<usize>(b), b.byteLength, 0, 0));
}

/** A JSON document in, a JSON document out. */
export function httpRequestFull(request: string): string | null {
  const r = bytes(request);
  return answer(http_request_full(changetype<usize>(r), r.byteLength, 0, 0));
}

/** A block for the host to put the input into. The stub runtime gives nothing back: a run is short, and its memory goes with it. */
export function allocate(size: i32): usize { return heap.alloc(size); }

/** The input as text. */
export function inputText(ptr: usize, len: i32): string { return String.UTF8.decodeUnsafe(ptr, len); }

/** What execute answers. */
export function result(text: string): i64 {
  const b = bytes(text);
  const at = heap.alloc(b.byteLength);
  memory.copy(at, changetype<usize>(b), b.byteLength);
  return ((<i64>at) << 32) | <i64>b.byteLength;
}

/** A JSON string with its quotes. */
export function quote(text: string): string {
  let out = "\"";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c == 34 || c == 92) out += "\\" + String.fromCharCode(c);
    else if (c < 32) out += "\\u00" + (c < 16 ? "0" : "") + c.toString(16);
    else out += String.fromCharCode(c);
  }
  return out + "\"";
}

/** A string member of a JSON object that is not nested; escapes of one letter are understood. */
export function member(json: string, name: string): string | null {
  const wanted = quote(name);
  let i = json.indexOf(wanted);
  if (i < 0) return null;
  i += wanted.length;
  while (i < json.length && json.charCodeAt(i) <= 32) i++;
  if (json.charAt(i++) != ":") return null;
  while (i < json.length && json.charCodeAt(i) <= 32) i++;
  if (json.charAt(i++) != "\"") return null;
  let value = "";
  while (i < json.length) {
    let c = json.charAt(i++);
    if (c == "\"") return value;
    if (c == "\\") {
      c = json.charAt(i++);
      if (c == "n") c = "\n";
      else if (c == "t") c = "\t";
      else if (c == "r") c = "\r";
    }
    value += c;
  }
  return null;
}
