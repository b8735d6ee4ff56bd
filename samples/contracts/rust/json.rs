// Reads the parameters of the readable token: one flat JSON object. In: bytes. Out: a field's text inside them, or that they are malformed.
//
//   object = { "key": value, ... }     spaces anywhere, keys and strings in printable ASCII without escapes
//   value  = "text" | digits
//
// A field's text is what counts: 5 and "5" are the same amount (JavaScript loses integers above 2^53, strings it keeps).
// A field that is asked for and appears twice makes the object malformed: nobody should guess which amount was meant.

pub struct Malformed;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip_while(&mut self, test: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.0.iter().position(|&c| !test(c)).unwrap_or(self.0.len());
        let (skipped, rest) = self.0.split_at(length);
        self.0 = rest;
        skipped
    }

    fn skip_spaces(&mut self) {
        self.skip_while(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn take(&mut self, wanted: u8) -> bool {
        self.skip_spaces();
        match self.0.split_first() {
            Some((&c, rest)) if c == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Malformed> {
        if self.take(wanted) { Ok(()) } else { Err(Malformed) }
    }

    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        self.expect(b'"')?;
        let text = self.skip_while(|c| matches!(c, b' '..=b'~') && c != b'"' && c != b'\\');
        match self.0.split_first() {
            Some((b'"', rest)) => {
                self.0 = rest;
                Ok(text)
            }
            _ => Err(Malformed),
        }
    }

    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        self.skip_spaces();
        let digits = self.skip_while(|c| c.is_ascii_digit());
        if digits.is_empty() { self.string() } else { Ok(digits) }
    }
}

/// Looks a key up; walks the whole object each time, so that anything malformed is seen.
pub fn field<'a>(object: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let mut reader = Reader(object);
    let mut found = None;
    reader.expect(b'{')?;
    if !reader.take(b'}') {
        loop {
            let name = reader.string()?;
            reader.expect(b':')?;
            let value = reader.value()?;
            if name == key {
                if found.is_some() {
                    return Err(Malformed);
                }
                found = Some(value);
            }
            if !reader.take(b',') {
                break;
            }
        }
        reader.expect(b'}')?;
    }
    reader.skip_spaces();
    if reader.0.is_empty() { Ok(found) } else { Err(Malformed) }
}

/// A positive amount in decimal digits.
pub fn parse_amount(digits: &[u8]) -> Option<u64> {
    let mut amount: u64 = 0;
    for &c in digits {
        if !c.is_ascii_digit() {
            return None;
        }
        amount = amount.checked_mul(10)?.checked_add(u64::from(c - b'0'))?;
    }
    if amount > 0 { Some(amount) } else { None }
}

/// Text in a buffer: as many bytes as the longest answer or event has.
pub struct Text {
    bytes: [u8; 133],
    length: usize,
}

impl Text {
    pub fn new() -> Text {
        Text { bytes: [0; 133], length: 0 }
    }

    pub fn push(mut self, more: &[u8]) -> Text {
        for &c in more {
            self.bytes[self.length] = c;
            self.length += 1;
        }
        self
    }

    pub fn push_number(self, mut number: u64) -> Text {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.push(&digits[at..]);
            }
        }
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
