namespace Twofold.Engine

// A skill's manifest: what it is, which module it runs, what it may use and what it may do (docs/skill.schema.json says the same for editors).
// In: JSON. Out: a manifest whose every field is usable, or the field that is wrong; and a manifest as JSON.

open System
open System.Text.Json
open Twofold.HostAbi

/// What a skill may use. Each number is at most what the skill profile, or the table below, allows.
type SkillLimits = {
    MemoryBytes: int64
    /// Int64.MaxValue is unlimited.
    Gas: int64
    Deadline: TimeSpan
    StackUnits: int
    /// Bytes of the result.
    OutputBytes: int
}

/// A manifest.
type SkillManifest = {
    Name: string
    Version: string
    /// For people; may be empty.
    Description: string
    /// The module's file, relative to the manifest's folder.
    Module: string
    /// Of the module's file.
    Sha256: Hash32
    Entry: string
    Limits: SkillLimits
    Permissions: Permission list
    /// What a WASI program finds; only with the permission wasi.
    World: SkillWorld
}

module SkillManifest =
    /// What a manifest's file is called in a skill's folder.
    [<Literal>]
    let FileName = "skill.json"

    /// Longest wait that a manifest may ask for: models answer slowly.
    let MaxDeadline = TimeSpan.FromMinutes 10.0

    /// Most bytes of a result that a manifest may ask for.
    [<Literal>]
    let MaxOutputBytes = 16_777_216

    /// What holds where a manifest says nothing: the skill profile's numbers.
    let defaults = {
        MemoryBytes = Profile.skill.Policy.Wasm.MemoryBytes
        Gas = Profile.skill.Policy.Gas
        Deadline = Profile.skill.Deadline
        StackUnits = Profile.skill.Policy.Wasm.StackUnits
        OutputBytes = Profile.skill.Policy.Run.Call.ReturnDataBytes
    }

    /// Names are folder names on every system, and namespaces of memory.
    let isName (text: string) =
        text.Length >= 1
        && text.Length <= 64
        && (Char.IsAsciiLetterLower text[0] || Char.IsAsciiDigit text[0])
        && Char.IsAsciiLetterOrDigit text[text.Length - 1]
        && text |> Seq.forall (fun c -> Char.IsAsciiLetterLower c || Char.IsAsciiDigit c || c = '-' || c = '_' || c = '.')
        && not (text.Contains "..")

    let private isVersion (text: string) =
        let main = text.Split([| '-'; '+' |], 2)[0]
        let parts = main.Split '.'

        text.Length <= 64
        && parts.Length = 3
        && parts
           |> Array.forall (fun p -> p.Length >= 1 && p.Length <= 9 && p |> Seq.forall Char.IsAsciiDigit && (p = "0" || p[0] <> '0'))
        && (text.Length = main.Length
            || (text.Length > main.Length + 1
                && text.Substring(main.Length + 1) |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '.' || c = '-' || c = '+')))

    /// A file in the manifest's folder or below it, on every system.
    let private isPath (text: string) =
        text.Length >= 1
        && text.Length <= 256
        && text.Split '/'
           |> Array.forall (fun p ->
               p <> ""
               && p <> "."
               && p <> ".."
               && p |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = '_' || c = '.'))

    let private text (n: Node) (fits: string -> bool) what =
        let t = n.Text
        if fits t then t else n.Expected what

    let private number (n: Node voption) (fallback: int64) (least: int64) (most: int64) =
        match n with
        | ValueNone -> fallback
        | ValueSome n ->
            let v = if n.Element.ValueKind = JsonValueKind.Number then n.I64 else n.Expected "a number"
            if v < least || v > most then n.Expected $"{least} to {most}" else v

    let private limits (n: Node voption) : SkillLimits =
        match n with
        | ValueNone -> defaults
        | ValueSome n ->
            n.Only [ "memoryBytes"; "gas"; "deadlineMs"; "stackUnits"; "outputBytes" ]
            let most = defaults

            {
                MemoryBytes = number (n.TryProp "memoryBytes") most.MemoryBytes 0L most.MemoryBytes
                Gas = number (n.TryProp "gas") most.Gas 0L Profile.UnlimitedGas
                Deadline =
                    number (n.TryProp "deadlineMs") (int64 most.Deadline.TotalMilliseconds) 1L (int64 MaxDeadline.TotalMilliseconds)
                    |> float
                    |> TimeSpan.FromMilliseconds
                StackUnits = int (number (n.TryProp "stackUnits") (int64 most.StackUnits) 1L (int64 most.StackUnits))
                OutputBytes = int (number (n.TryProp "outputBytes") (int64 most.OutputBytes) 0L (int64 MaxOutputBytes))
            }

    let private permission (n: Node) =
        match Permission.parse n.Text with
        | Ok p when p.Text.Length <= 512 -> p
        | Ok _ -> n.Fail "a permission is at most 512 characters long"
        | Error why -> n.Expected(why.Replace("expected ", ""))

    let private hash (n: Node) =
        let t = n.Text
        let digits = if t.StartsWith "0x" then t.Substring 2 else t

        match Hash32.tryParse ("0x" + digits) with
        | ValueSome h -> h
        | ValueNone -> n.Expected "the module's SHA-256, 64 hexadecimal digits"

    let private read (n: Node) : SkillManifest =
        n.Only [ "$schema"; "name"; "version"; "description"; "module"; "sha256"; "entry"; "limits"; "permissions"; "wasi" ]

        let orElse name fallback (read: Node -> 'T) =
            match n.TryProp name with
            | ValueSome v -> read v
            | ValueNone -> fallback

        let permissions = orElse "permissions" [] (fun p -> p.Items |> List.map permission)

        if (List.distinct permissions).Length <> permissions.Length then
            n.Prop("permissions").Fail "a permission is there twice"

        let world = orElse "wasi" SkillWorld.empty SkillWorld.read

        if (n.TryProp "wasi").IsSome && not (List.contains Permission.Wasi permissions) then
            n.Prop("wasi").Fail "arguments, environment and folders need the permission wasi"

        orElse "$schema" "" _.Text |> ignore

        {
            Name = text (n.Prop "name") isName "1 to 64 of a-z, 0-9, '-', '_' and single '.', beginning and ending with a letter or digit"
            Version = text (n.Prop "version") isVersion "a version like 1.2.3 or 1.2.3-beta.1"
            Description = orElse "description" "" (fun d -> text d (fun t -> t.Length <= 1024) "at most 1024 characters")
            Module = text (n.Prop "module") isPath "the module's file, relative to the manifest, of letters, digits, '-', '_', '.' and '/'"
            Sha256 = hash (n.Prop "sha256")
            Entry = orElse "entry" "execute" (fun e -> text e (fun t -> t.Length >= 1 && t.Length <= 256) "an export's name")
            Limits = limits (n.TryProp "limits")
            Permissions = permissions
            World = world
        }

    /// The manifest that JSON says, or the field that is wrong.
    let parse (json: byte[]) : Result<SkillManifest, string> =
        // A byte order mark is no JSON.
        let json = if json.AsSpan().StartsWith(Text.Encoding.UTF8.Preamble) then json[3..] else json
        Read.parse read (ReadOnlyMemory json)

    /// As JSON; limits that are the defaults are left out.
    let toJson (m: SkillManifest) : string =
        Write.toText (fun w ->
            Write.text w "name" m.Name
            Write.text w "version" m.Version

            if m.Description <> "" then
                Write.text w "description" m.Description

            Write.text w "module" m.Module
            Write.text w "sha256" (m.Sha256.Text.Substring 2)
            Write.text w "entry" m.Entry

            let changed =
                [
                    "memoryBytes", m.Limits.MemoryBytes, defaults.MemoryBytes
                    "gas", m.Limits.Gas, defaults.Gas
                    "deadlineMs", int64 m.Limits.Deadline.TotalMilliseconds, int64 defaults.Deadline.TotalMilliseconds
                    "stackUnits", int64 m.Limits.StackUnits, int64 defaults.StackUnits
                    "outputBytes", int64 m.Limits.OutputBytes, int64 defaults.OutputBytes
                ]
                |> List.filter (fun (_, a, b) -> a <> b)

            if not changed.IsEmpty then
                Write.object w "limits" (fun () -> changed |> List.iter (fun (name, n, _) -> w.WriteNumber(name, n)))

            Write.array w "permissions" m.Permissions (fun p -> w.WriteStringValue p.Text)

            if m.World <> SkillWorld.empty then
                SkillWorld.write w m.World)
