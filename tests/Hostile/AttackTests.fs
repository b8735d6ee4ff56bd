module Twofold.Hostile.AttackTests

// Every attack, run; the page docs/HOSTILE.md is made of the same list.
// In: the families' lists. Out: a test for each attack, named as the page names it; the page's table, compared or written.

open System.IO
open NUnit.Framework
open Twofold.Determinism
open Twofold.Hostile.Attack

let private all = Modules.attacks @ Floods.attacks @ Files.attacks @ Hosts.attacks

let private cases = [|
    for a in all do
        TestCaseData(a.Name).SetName(a.Name.Replace("`", ""))
|]

[<TestCaseSource(nameof cases)>]
let attack (name: string) =
    let a = all |> List.find (fun a -> a.Name = name)
    Assert.That(a.Run(), Is.EqualTo a.Ends)

[<Test>]
let ``the page lists every attack`` () =
    let opening = "<!-- made of the tests' list of attacks; TWOFOLD_REWRITE=1 with the tests makes it again -->"
    let closing = "<!-- end of attacks -->"
    let file = Repository.path [ "docs"; "HOSTILE.md" ]
    let page = File.ReadAllText file

    let table =
        String.concat "\n" [
            for family, attacks in List.groupBy _.Family all do
                ""
                $"### {family}"
                ""
                "| attack | what stops it | how it ends |"
                "|---|---|---|"

                for a in attacks do
                    $"| {a.Name} | {a.Stops} | {a.Ends} |"
        ]

    let first, last = page.IndexOf opening, page.IndexOf closing
    Assert.That(first, Is.GreaterThan 0)
    let made = page.Substring(0, first) + opening + "\n" + table + "\n\n" + page.Substring last

    if Repository.rewrite then
        File.WriteAllText(file, made)

    Assert.That(File.ReadAllText file, Is.EqualTo made, "run the tests with TWOFOLD_REWRITE=1")
