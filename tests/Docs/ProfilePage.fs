namespace Twofold.Docs.Tests

// docs/ARCHITECTURE.md: the table of profiles is made of the table in code (src/Engine/Profile.fs), so that the page cannot lie.

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Engine

module ProfileTable =
    let private opening = "<!-- made of Profile.all; TWOFOLD_REWRITE=1 with the tests makes it again -->"
    let private closing = "<!-- end of profiles -->"

    let private mib (bytes: int64) = if bytes >= (1L <<< 30) then $"{bytes >>> 30} GiB" else $"{bytes >>> 20} MiB"
    let private count (n: int64) = n.ToString("#,0", Globalization.CultureInfo.InvariantCulture)

    /// What the row leaves out of the host's features, which are all that this version executes.
    let private features (p: Profile) =
        let most =
            if p.Name = "host" then
                p.Policy.Features
            else
                Profile.hostProfile.Policy.Features.With Feature.Threads

        let off = Enum.GetValues<Feature>() |> Array.filter (fun f -> most.Has f && not (p.Policy.Features.Has f))

        if off.Length = 0 then "all" else "all but " + (off |> Array.map Feature.name |> String.concat ", ")

    let private rows: (string * (Profile -> string)) list = [
        "features", features
        "gas", (fun p -> if p.Policy.Gas = Profile.UnlimitedGas then "unlimited unless set" else count p.Policy.Gas)
        "deadline", (fun p -> if p.Deadline = TimeSpan.Zero then "none" else $"{p.Deadline.TotalSeconds} s")
        "module size", (fun p -> mib (int64 p.Policy.Wasm.ModuleBytes))
        "memory, all together", (fun p -> mib p.Policy.Wasm.MemoryBytes)
        "memories", (fun p -> count p.Policy.Wasm.Memories)
        "tables, entries of all", (fun p -> $"{count p.Policy.Wasm.Tables}, {count p.Policy.Wasm.TableEntries}")
        "bytes of objects made in a run", (fun p -> mib p.Policy.Wasm.GcBytes)
        "functions", (fun p -> count p.Policy.Wasm.Functions)
        "parameters, locals", (fun p -> $"{count p.Policy.Wasm.Params}, {count p.Policy.Wasm.Locals}")
        "bytes of a function", (fun p -> count p.Policy.Wasm.BodyBytes)
        "fields of a struct, depth of supertypes", (fun p -> $"{count p.Policy.Wasm.Fields}, {count p.Policy.Wasm.SubtypeDepth}")
        "units of the logical stack", (fun p -> count p.Policy.Wasm.StackUnits)
        "journal", (fun p -> mib p.Policy.Run.JournalBytes)
        "output, files in memory", (fun p -> $"{mib p.Policy.Run.OutputBytes}, {mib p.Policy.Run.FileBytes}")
        "imports",
        (fun p ->
            match p.Policy.ImportModules with
            | [] -> "an allow-list that the host fills"
            | names -> names |> List.map (fun n -> $"`{n}`") |> String.concat ", ")
        "clocks stand still, random off, allocator",
        (fun p ->
            let yes on = if on then "yes" else "no"
            let s = p.Policy.Switches
            $"{yes s.FixedTime}, {yes s.RandomOff}, {yes s.Allocator}")
    ]

    let text =
        let line (cells: string list) = "| " + String.concat " | " cells + " |"

        String.Join(
            "\n",
            [
                opening
                ""
                line ("" :: [ for p in Profile.all -> p.Name ])
                "|" + String.replicate (Profile.all.Length + 1) "---|"
                for name, cell in rows do
                    line (name :: [ for p in Profile.all -> cell p ])
                ""
                closing
            ]
        )

    /// A page with the table made again.
    let within (page: string) =
        let first = page.IndexOf(opening, StringComparison.Ordinal)
        let last = page.IndexOf(closing, StringComparison.Ordinal)

        if first < 0 || last < 0 then
            page
        else
            page.Substring(0, first) + text + page.Substring(last + closing.Length)

[<TestFixture>]
type ProfilePage() =
    [<Test>]
    member _.``the profiles' table is made of the table in code``() =
        let page = Repository.read "docs/ARCHITECTURE.md"
        Assert.That(page, Does.Contain "<!-- end of profiles -->")
        Repository.current "docs/ARCHITECTURE.md" (ProfileTable.within page)
