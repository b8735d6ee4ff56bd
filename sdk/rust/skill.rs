// What a skill in Rust needs: the host functions of module "cis" (docs/CIS.md) with slices and Results, memory, and a little JSON.
// In: bytes. Out: answers, or codes. A skill is one file: `mod skill;` (or #[path]) and its own `fn run(&[u8]) -> Vec<u8>`.
#![allow(dead_code)]

mod cis {
    #[link(wasm_import_module = "cis")]
    extern "C" {
        #[cfg(feature = "ai")]
        pub fn ai_prompt(prompt: *const u8, prompt_len: usize, out: *mut u8, cap: usize) -> i32;
        #[cfg(feature = "memory")]
        pub fn memory_get(key: *const u8, key_len: usize, out: *mut u8, cap: usize) -> i32;
        #[cfg(feature = "memory")]
        pub fn memory_set(key: *const u8, key_len: usize, value: *const u8, value_len: usize);
        #[cfg(feature = "http")]
        pub fn http_request(url: *const u8, url_len: usize, body: *const u8, body_len: usize, out: *mut u8, cap: usize) -> i32;
        #[cfg(feature = "http")]
        pub fn http_request_full(request: *const u8, request_len: usize, out: *mut u8, cap: usize) -> i32;
        pub fn read_reply(out: *mut u8, cap: usize) -> i32;
        pub fn last_error() -> i32;
    }
}

/// A negative code of docs/CIS.md.
pub type Code = i32;

/// The whole answer: asked for with no room first, then read from the reply that the host has kept.
fn answer(length: i32) -> Result<Vec<u8>, Code> {
    if length < 0 {
        return Err(length);
    }
    let mut bytes = vec![0u8; length as usize];
    match unsafe { cis::read_reply(bytes.as_mut_ptr(), bytes.len()) } {
        code if code < 0 => Err(code),
        _ => Ok(bytes),
    }
}

#[cfg(feature = "ai")]
pub fn ai_prompt(prompt: &str) -> Result<Vec<u8>, Code> {
    answer(unsafe { cis::ai_prompt(prompt.as_ptr(), prompt.len(), core::ptr::null_mut(), 0) })
}

#[cfg(feature = "memory")]
pub fn memory_get(key: &str) -> Result<Vec<u8>, Code> {
    answer(unsafe { cis::memory_get(key.as_ptr(), key.len(), core::ptr::null_mut(), 0) })
}

#[cfg(feature = "memory")]
pub fn memory_set(key: &str, value: &[u8]) -> Result<(), Code> {
    unsafe { cis::memory_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    match unsafe { cis::last_error() } {
        0 => Ok(()),
        code => Err(code),
    }
}

/// GET without a body, POST with one.
#[cfg(feature = "http")]
pub fn http_request(url: &str, body: &[u8]) -> Result<Vec<u8>, Code> {
    answer(unsafe { cis::http_request(url.as_ptr(), url.len(), body.as_ptr(), body.len(), core::ptr::null_mut(), 0) })
}

/// A block for the host to put the input into.
#[no_mangle]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    let mut block = Vec::<u8>::with_capacity(size.max(1));
    let at = block.as_mut_ptr();
    core::mem::forget(block);
    at
}

/// Gives a block back that alloc gave, or that execute answered with.
///
/// # Safety
/// The block must be one of those, with its length.
#[no_mangle]
pub unsafe extern "C" fn dealloc(at: *mut u8, size: usize) {
    drop(Vec::from_raw_parts(at, 0, size.max(1)));
}

/// What `execute` answers.
pub fn result(bytes: Vec<u8>) -> i64 {
    // As long as it is large, so that dealloc knows the block; never empty, for the same reason.
    let block = bytes.into_boxed_slice();
    let length = block.len();
    let at = Box::into_raw(block) as *mut u8 as usize;
    ((at as u64) << 32 | length as u64) as i64
}

/// A JSON string with its quotes.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 32 => {
                let hex = b"0123456789abcdef";
                out.push_str("\\u00");
                out.push(hex[c as usize >> 4] as char);
                out.push(hex[c as usize & 15] as char);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A string member of a JSON object that is not nested; escapes of one letter are understood.
pub fn member(json: &str, name: &str) -> Option<String> {
    let wanted = quote(name);
    let mut rest = &json[json.find(&wanted)? + wanted.len()..];
    rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                c => value.push(c),
            },
            c => value.push(c),
        }
    }
}
