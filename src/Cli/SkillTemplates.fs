namespace Twofold.Cli

// What `twofold skill new` writes: a manifest, a source in the language that was asked for, what the source includes, and how to build it.
// In: a name and a language. Out: files by path.

open System.IO
open System.Reflection

module SkillTemplates =
    /// The SDK's files travel inside the command.
    let private sdk (name: string) : string =
        use stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("sdk/" + name)

        if isNull stream then
            invalidOp $"the command was built without sdk/{name}"

        use reader = new StreamReader(stream)
        reader.ReadToEnd()

    let private zeros = System.String('0', 64)

    let private manifest name =
        $"""{{
  "name": "{name}",
  "version": "0.1.0",
  "description": "Greets whoever it is given.",
  "module": "skill.wasm",
  "sha256": "{zeros}",
  "entry": "execute",
  "permissions": []
}}
"""

    let private readme name build =
        $"""# {name}

A skill for Twofold: `{{"name": "Ada"}}` in, `{{"greeting": "Hello, Ada"}}` out.

    {build}
    twofold skill check . --update
    twofold skill install .
    twofold skill run {name} --input '{{"name": "Ada"}}'

`--update` writes the module's SHA-256 into skill.json. What a skill may ask of the host, and the permission that it needs for that, is in docs/CIS.md and docs/SKILLS.md of Twofold.
"""

    let private typescript =
        """// {"name": "..."} in, {"greeting": "..."} out.

import { allocate, inputText, member, quote, result } from "./sdk";

export function alloc(size: i32): usize { return allocate(size); }
export function dealloc(ptr: usize, len: i32): void { }

export function execute(ptr: usize, len: i32): i64 {
  const name = member(inputText(ptr, len), "name");
  if (name == null) return result("{\"error\":\"who?\"}");
  return result("{\"greeting\":" + quote("Hello, " + name) + "}");
}
"""

    let private c =
        """/* {"name": "..."} in, {"greeting": "..."} out. */
#include "skill.h"

TWOFOLD_SKILL_EXPORT(execute) int64_t execute(const char *input, uint32_t length) {
    skill_text name = {0}, hello = {0}, out = {0};
    if (skill_member(input, length, "name", &name)) {
        skill_puts(&hello, "Hello, ");
        skill_put(&hello, name.at, name.length);
        skill_puts(&out, "{\"greeting\":");
        skill_quote(&out, hello.at, hello.length);
        skill_puts(&out, "}");
    } else {
        skill_puts(&out, "{\"error\":\"who?\"}");
    }
    return TWOFOLD_RESULT(out.at, out.length);
}
"""

    let private rust =
        """// {"name": "..."} in, {"greeting": "..."} out.

#[path = "sdk.rs"]
mod skill;

fn run(input: &str) -> String {
    match skill::member(input, "name") {
        Some(name) => {
            let mut out = String::from("{\"greeting\":");
            out.push_str(&skill::quote(&(String::from("Hello, ") + &name)));
            out.push('}');
            out
        }
        None => String::from("{\"error\":\"who?\"}"),
    }
}

/// # Safety
/// The host gives a block of its input.
#[no_mangle]
pub unsafe extern "C" fn execute(at: *const u8, length: usize) -> i64 {
    let input = core::slice::from_raw_parts(at, length);
    skill::result(run(&String::from_utf8_lossy(input)).into_bytes())
}
"""

    let private package name =
        $"""{{
  "name": "{name}",
  "private": true,
  "scripts": {{ "build": "asc skill.ts --runtime stub -O3 --shrinkLevel 1 -o skill.wasm" }},
  "devDependencies": {{ "assemblyscript": "0.28.20" }}
}}
"""

    let private clang =
        "clang-14 --target=wasm32 -std=c11 -Os -ffreestanding -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -o skill.wasm skill.c"

    let private rustc =
        "rustc --edition 2021 --crate-type cdylib --target wasm32-unknown-unknown -C opt-level=s -C panic=abort -C lto -C strip=symbols -o skill.wasm skill.rs"

    /// The files of a new skill in a language, or the languages that there are.
    let files (name: string) (language: string) : Result<(string * string) list, string> =
        let common build = [ "skill.json", manifest name; "README.md", readme name build ]

        match language with
        | "as"
        | "assemblyscript" ->
            Ok(
                common "npm install && npm run build"
                @ [ "skill.ts", typescript; "sdk.ts", sdk "skill.ts"; "package.json", package name ]
            )
        | "c" -> Ok(common clang @ [ "skill.c", c; "skill.h", sdk "skill.h"; "twofold_skill.h", sdk "twofold_skill.h" ])
        | "rust" -> Ok(common rustc @ [ "skill.rs", rust; "sdk.rs", sdk "skill.rs" ])
        | other -> Error $"--language: '{other}' is none of as, c and rust"
