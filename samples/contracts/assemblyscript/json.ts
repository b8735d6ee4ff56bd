// Reads the parameters of the readable token: one flat JSON object.
// In: bytes. Out: the text of a field, or the verdict that the bytes are no such object.
//
//   object = { "key": value, ... }     spaces anywhere, keys and strings in printable ASCII without escapes
//   value  = "text" | digits
//
// A field's text is what counts: 5 and "5" are the same amount (JavaScript loses integers above 2^53, strings it keeps).
// A field that is asked for and appears twice makes the object malformed: nobody should guess which amount was meant.

const QUOTE: u8 = 0x22, BACKSLASH: u8 = 0x5c, COLON: u8 = 0x3a, COMMA: u8 = 0x2c, OPEN: u8 = 0x7b, CLOSE: u8 = 0x7d;

function isDigit(c: u8): bool { return c >= 0x30 && c <= 0x39; }
function isSpace(c: u8): bool { return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09; }

export class Fields {
  /** True once anything was found that the grammar above does not allow. */
  malformed: bool = false;
  private at: i32 = 0;

  constructor(private bytes: Uint8Array) {}

  /** The field's text, or null when it is absent or the object is malformed. Walks the whole object each time. */
  get(key: string): string | null {
    let found: string | null = null;
    this.at = 0;
    if (!this.take(OPEN)) return this.reject();
    if (!this.take(CLOSE)) {
      do {
        const name = this.string();
        if (name === null || !this.take(COLON)) return this.reject();
        const value = this.value();
        if (value === null) return this.reject();
        if (name == key) {
          if (found !== null) return this.reject();
          found = value;
        }
      } while (this.take(COMMA));
      if (!this.take(CLOSE)) return this.reject();
    }
    this.skipSpaces();
    if (this.at < this.bytes.length) return this.reject();
    return found;
  }

  private reject(): string | null { this.malformed = true; return null; }

  private skipSpaces(): void {
    while (this.at < this.bytes.length && isSpace(this.bytes[this.at])) this.at++;
  }

  private take(c: u8): bool {
    this.skipSpaces();
    if (this.at >= this.bytes.length || this.bytes[this.at] != c) return false;
    this.at++;
    return true;
  }

  private string(): string | null {
    if (!this.take(QUOTE)) return null;
    const start = this.at;
    for (; this.at < this.bytes.length; this.at++) {
      const c = this.bytes[this.at];
      if (c == QUOTE) return this.text(start, this.at++);
      if (c < 0x20 || c > 0x7e || c == BACKSLASH) return null;
    }
    return null;
  }

  private value(): string | null {
    this.skipSpaces();
    const start = this.at;
    while (this.at < this.bytes.length && isDigit(this.bytes[this.at])) this.at++;
    return this.at > start ? this.text(start, this.at) : this.string();
  }

  private text(start: i32, end: i32): string {
    return String.UTF8.decodeUnsafe(this.bytes.dataStart + start, end - start);
  }
}

/** A positive amount in decimal digits; 0 stands for anything that is not one, too large ones included. */
export function parseAmount(text: string): u64 {
  let amount: u64 = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x30 || c > 0x39) return 0;
    const digit: u64 = c - 0x30;
    if (amount > (u64.MAX_VALUE - digit) / 10) return 0;
    amount = amount * 10 + digit;
  }
  return amount;
}
