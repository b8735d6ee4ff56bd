module Twofold.Skills.Tests.Manifests

// Manifests: what is accepted comes back, what is refused names its field, and the published schema says the same as the reader.
// In: JSON. Out: failures by case.

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open NUnit.Framework
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests.World

let private hash = String('a', 64)

let private plain (changes: (string * string) list) =
    let all = [ "name", "\"summarize\""; "version", "\"1.0.0\""; "module", "\"skill.wasm\""; "sha256", $"\"{hash}\"" ]

    let kept = all |> List.filter (fun (n, _) -> changes |> List.forall (fun (m, _) -> m <> n))
    let members = kept @ (changes |> List.filter (fun (_, v) -> v <> "")) |> List.map (fun (n, v) -> $"\"{n}\": {v}")
    "{" + String.Join(", ", members) + "}"

/// What is wrong with each, by the field that its refusal must name; none: it is right.
let private cases: (string * string option) list = [
    plain [], None
    plain [ "$schema", "\"skill.schema.json\"" ], None
    plain [
        "permissions",
        """["ai", "wasi", "memory:", "memory:notes/", "http:*", "http:api.example.com", "http:*.example.com:8443", "http:https://[2001:db8::1]"]"""
    ],
    None
    plain [ "limits", """{"memoryBytes": 1048576, "gas": 5000, "deadlineMs": 600000, "stackUnits": 100, "outputBytes": 0}""" ], None
    plain [ "entry", "\"main\""; "description", "\"words\"" ], None
    plain [ "module", "\"a/b-c_d.wasm\""; "version", "\"0.1.0-beta.1\"" ], None
    plain [ "name", "\"Summarize\"" ], Some "name"
    plain [ "name", "\"../x\"" ], Some "name"
    plain [ "name", "\"a..b\"" ], Some "name"
    plain [ "name", "\"\"" ], Some "name"
    plain [ "name", "7" ], Some "name"
    plain [ "name", "" ], Some "name"
    plain [ "version", "\"1.0\"" ], Some "version"
    plain [ "version", "\"01.0.0\"" ], Some "version"
    plain [ "module", "\"../skill.wasm\"" ], Some "module"
    plain [ "module", "\"/etc/passwd\"" ], Some "module"
    plain [ "module", "\"a\\\\b\"" ], Some "module"
    plain [ "sha256", "\"abc\"" ], Some "sha256"
    plain [ "sha256", "" ], Some "sha256"
    plain [ "entry", "\"\"" ], Some "entry"
    plain [ "limits", """{"memoryBytes": 536870913}""" ], Some "limits.memoryBytes"
    plain [ "limits", """{"gas": -1}""" ], Some "limits.gas"
    plain [ "limits", """{"deadlineMs": 0}""" ], Some "limits.deadlineMs"
    plain [ "limits", """{"deadlineMs": 600001}""" ], Some "limits.deadlineMs"
    plain [ "limits", """{"stackUnits": "many"}""" ], Some "limits.stackUnits"
    plain [ "limits", """{"outputBytes": 16777217}""" ], Some "limits.outputBytes"
    plain [ "limits", """{"memory": 1}""" ], Some "limits"
    plain [ "permissions", "\"ai\"" ], Some "permissions"
    plain [ "permissions", """["ai", "files"]""" ], Some "permissions[1]"
    plain [ "permissions", """["http:"]""" ], Some "permissions[0]"
    plain [ "permissions", """["http:example.com/path"]""" ], Some "permissions[0]"
    plain [ "permissions", """["http:ex*mple.com"]""" ], Some "permissions[0]"
    plain [ "permissions", """["http:ftp://example.com"]""" ], Some "permissions[0]"
    plain [ "permissions", """["ai", "ai"]""" ], Some "permissions"
    plain [ "permision", "[]" ], Some "permision"
    plain [
        "permissions", """["ai", "wasi"]"""
        "wasi",
        """{"args": ["-x", "é"], "env": {"A": "1", "B": ""}, "folders": {"/data": {"files": {"a/b.txt": "x\n", "a/c": ""}}, "tmp": {"access": "all"}, "/w": {"access": "write"}}}"""
    ],
    None
    plain [ "permissions", """["wasi"]"""; "wasi", "{}" ], None
    plain [ "wasi", """{"args": ["x"]}""" ], Some "permission wasi"
    plain [ "permissions", """["ai"]"""; "wasi", """{"args": ["x"]}""" ], Some "permission wasi"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"args": [7]}""" ], Some "wasi.args[0]"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"dirs": {}}""" ], Some "wasi"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"env": {"A=B": "1"}}""" ], Some "wasi.env"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"env": {"A": 1}}""" ], Some "wasi.env.A"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"/d": {"access": "host"}}}""" ], Some "read, write or all"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"/d": {"path": "/etc"}}}""" ], Some "wasi.folders"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"": {}}}""" ], Some "wasi.folders"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"/d": {"files": {"../x": ""}}}}""" ], Some "wasi.folders"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"/d": {"files": {"a//x": ""}}}}""" ], Some "wasi.folders"
    plain [ "permissions", """["wasi"]"""; "wasi", """{"folders": {"/d": {"files": {"a": 1}}}}""" ], Some "wasi.folders"
    "[]", Some "document"
]

[<Test>]
let ``refusals name the field, and what is accepted comes back`` () =
    for json, wrong in cases do
        match SkillManifest.parse (bytes json), wrong with
        | Ok m, None ->
            match SkillManifest.parse (bytes (SkillManifest.toJson m)) with
            | Ok back -> Assert.That((back = m), json)
            | Error why -> Assert.Fail $"{json}: {why}"
        | Error why, Some field -> Assert.That(why, Does.Contain field, json)
        | Ok _, Some field -> Assert.Fail $"accepted, but {field} is wrong: {json}"
        | Error why, None -> Assert.Fail $"{json}: {why}"

// ---- the schema, judged by a small validator of the words that it uses

let private schema = lazy (JsonDocument.Parse(File.ReadAllText(ofRepository "docs/skill.schema.json")).RootElement)

let rec private valid (schema: JsonElement) (e: JsonElement) : bool =
    let rule (name: string) (holds: JsonElement -> bool) =
        match schema.TryGetProperty name with
        | true, r -> holds r
        | _ -> true

    let known = [
        "$schema"
        "$id"
        "title"
        "description"
        "type"
        "required"
        "properties"
        "additionalProperties"
        "pattern"
        "minLength"
        "maxLength"
        "minimum"
        "maximum"
        "items"
        "uniqueItems"
        "default"
        "anyOf"
        "const"
        "enum"
        "propertyNames"
        "contains"
        "dependentSchemas"
    ]

    for p in schema.EnumerateObject() do
        Assert.That(known, Does.Contain p.Name, "the validator does not know this word of the schema")

    let isType (t: JsonElement) =
        match t.GetString(), e.ValueKind with
        | "object", JsonValueKind.Object
        | "string", JsonValueKind.String
        | "array", JsonValueKind.Array -> true
        | "integer", JsonValueKind.Number -> fst (e.TryGetInt64())
        | _ -> false

    let isText = e.ValueKind = JsonValueKind.String
    let isNumber = e.ValueKind = JsonValueKind.Number && fst (e.TryGetInt64())
    let isObject = e.ValueKind = JsonValueKind.Object
    let isArray = e.ValueKind = JsonValueKind.Array

    rule "type" isType
    && rule "pattern" (fun p -> not isText || Regex.IsMatch(e.GetString(), p.GetString()))
    && rule "minLength" (fun n -> not isText || e.GetString().Length >= n.GetInt32())
    && rule "maxLength" (fun n -> not isText || e.GetString().Length <= n.GetInt32())
    && rule "minimum" (fun n -> not isNumber || e.GetInt64() >= n.GetInt64())
    && rule "maximum" (fun n -> not isNumber || e.GetInt64() <= n.GetInt64())
    && rule "const" (fun c -> isText && e.GetString() = c.GetString())
    && rule "enum" (fun all -> all.EnumerateArray() |> Seq.exists (fun c -> isText && e.GetString() = c.GetString()))
    && rule "propertyNames" (fun names ->
        not isObject
        || e.EnumerateObject() |> Seq.forall (fun p -> Regex.IsMatch(p.Name, (names.GetProperty "pattern").GetString())))
    && rule "contains" (fun s -> not isArray || e.EnumerateArray() |> Seq.exists (valid s))
    && rule "dependentSchemas" (fun all ->
        not isObject || all.EnumerateObject() |> Seq.forall (fun p -> not (fst (e.TryGetProperty p.Name)) || valid p.Value e))
    && rule "anyOf" (fun any -> any.EnumerateArray() |> Seq.exists (fun s -> valid s e))
    && rule "required" (fun names -> not isObject || names.EnumerateArray() |> Seq.forall (fun n -> fst (e.TryGetProperty(n.GetString()))))
    && rule "items" (fun s -> not isArray || e.EnumerateArray() |> Seq.forall (valid s))
    && rule "uniqueItems" (fun _ ->
        not isArray || (e.EnumerateArray() |> Seq.map _.GetRawText() |> Seq.distinct |> Seq.length) = e.GetArrayLength())
    && (not isObject
        || e.EnumerateObject()
           |> Seq.forall (fun p ->
               match schema.TryGetProperty "properties" with
               | true, all when fst (all.TryGetProperty p.Name) -> valid (all.GetProperty p.Name) p.Value
               | _ ->
                   rule "additionalProperties" (fun more ->
                       if more.ValueKind = JsonValueKind.Object then valid more p.Value else more.GetBoolean())))

[<Test>]
let ``the published schema agrees with the reader`` () =
    for json, wrong in cases do
        use document = JsonDocument.Parse json
        Assert.That(valid schema.Value document.RootElement, Is.EqualTo wrong.IsNone, json)

[<Test>]
let ``the manifest that SKILLS.md shows is one`` () =
    let page = File.ReadAllText(ofRepository "docs/SKILLS.md")
    let shown = Regex.Match(page, "```json\n(.*?)```", RegexOptions.Singleline).Groups[1].Value

    match SkillManifest.parse (bytes shown) with
    | Ok m -> Assert.That(m.Limits.OutputBytes, Is.EqualTo 65536)
    | Error why -> Assert.Fail why

    use document = JsonDocument.Parse shown
    Assert.That(valid schema.Value document.RootElement)
    // And the part of one that the page shows of a WASI program's world.
    let world = Regex.Match(page, "```json\n(\"wasi\".*?)```", RegexOptions.Singleline).Groups[1].Value
    let whole = plain [ "permissions", """["wasi"]""" ] |> fun text -> text.TrimEnd('}') + ", " + world + "}"

    match SkillManifest.parse (bytes whole) with
    | Ok m -> Assert.That((m.World.Args, m.World.Folders.Length), Is.EqualTo(([ "--brief" ], 2)))
    | Error why -> Assert.Fail why

[<Test>]
let ``the samples are what they say, by schema, reader and hash`` () =
    let folders = Directory.GetDirectories(ofRepository "samples/skills")
    Assert.That(folders.Length, Is.EqualTo 3)

    for folder in folders do
        use document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "skill.json")))
        Assert.That(valid schema.Value document.RootElement, folder)

        match Skill.load folder with
        | Ok s -> Assert.That(s.Manifest.Name, Is.EqualTo(Path.GetFileName folder))
        | Error why -> Assert.Fail why

[<Test>]
let ``another module than the manifest names is refused before anything runs`` () =
    let b = wasm echo
    let m = { manifest "test" [] b with Sha256 = Hash32.zero }

    match Skill.check m b with
    | Error [ r ] ->
        Assert.That((r.Where, r.Expected, r.Found), Is.EqualTo(("sha256", Hash32.zero.Text, (Hash32.sha256 (ReadOnlySpan b)).Text)))
    | other -> Assert.Fail $"{other}"

[<Test>]
let ``limits of a manifest are in force`` () =
    let growing =
        skillModule
            ""
            """(func (export "execute") (param i32 i32) (result i64)
                 (i32.store8 (i32.const 0) (i32.add (i32.const 48) (i32.lt_s (memory.grow (i32.const 15)) (i32.const 0))))
                 (i64.const 1))"""

    let limited (change: SkillLimits -> SkillLimits) =
        let b = wasm growing
        let m = manifest "test" [] b
        skillOf { m with Limits = change m.Limits } b

    // 17 pages, "0"; 16 are too few for it, "1".
    Assert.That(resultOf (run nobody (limited (fun l -> { l with MemoryBytes = 17L * 65536L })) ""), Is.EqualTo "0")
    Assert.That(resultOf (run nobody (limited (fun l -> { l with MemoryBytes = 16L * 65536L })) ""), Is.EqualTo "1")
    Assert.That(((run nobody (limited (fun l -> { l with Gas = 100L })) "").Receipt.Outcome = Outcome.OutOfGas))
    Assert.That(((run nobody (limited (fun l -> { l with StackUnits = 1 })) "").Receipt.Outcome = Outcome.StackExhausted))

    match (run nobody (limited (fun l -> { l with OutputBytes = 0 })) "").Receipt.Outcome with
    | Outcome.Trapped(HostTrap.SkillResultTooLong, 1UL, 0UL, _) -> ()
    | other -> Assert.Fail(Outcome.describe other)
