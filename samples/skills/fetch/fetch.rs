// A skill that fetches: {"url": "https://..."} answers {"length": n, "start": "the first 200 characters"}, or {"error": code} (docs/CIS.md).
// In: that JSON. Out: JSON. Which hosts it may ask is in skill.json, not here.

#[path = "../../../sdk/rust/skill.rs"]
mod skill;

fn run(input: &[u8]) -> String {
    let url = match core::str::from_utf8(input).ok().and_then(|text| skill::member(text, "url")) {
        Some(url) => url,
        None => return String::from("{\"error\":-5}"),
    };
    match skill::http_request(&url, b"") {
        Ok(body) => {
            let text = String::from_utf8_lossy(&body);
            let start: String = text.chars().take(200).collect();
            let mut out = String::from("{\"length\":");
            out.push_str(&body.len().to_string());
            out.push_str(",\"start\":");
            out.push_str(&skill::quote(&start));
            out.push('}');
            out
        }
        Err(code) => {
            let mut out = String::from("{\"error\":");
            out.push_str(&code.to_string());
            out.push('}');
            out
        }
    }
}

/// # Safety
/// The host gives a block of its input.
#[no_mangle]
pub unsafe extern "C" fn execute(at: *const u8, length: usize) -> i64 {
    skill::result(run(core::slice::from_raw_parts(at, length)).into_bytes())
}
