namespace Twofold.Docs.Tests

// docs/ADVISORIES.md and the tests by advisories' names: each row has its test, each test its row.

open System.Text.RegularExpressions
open NUnit.Framework

[<TestFixture>]
type AdvisoriesPage() =
    [<Test>]
    member _.``every advisory on the page is a test, and every such test is on the page``() =
        let tests =
            [ "tests/Security/CodeAdvisories.fs"; "tests/Security/HostAdvisories.fs" ]
            |> List.collect (fun file -> [
                for m in Regex.Matches(Repository.read file, @"\[<Test[^\]]*>\]\nlet ``([^`]+)``") -> m.Groups[1].Value
            ])

        let rows = [
            for line in (Repository.read "docs/ADVISORIES.md").Split '\n' do
                let cells = line.Split '|'

                if cells.Length = 5 && not (cells[1].StartsWith "-") && cells[1] <> " test " then
                    Assert.That(cells[2].Trim(), Is.Not.Empty, line)
                    Assert.That(cells[3].Trim(), Is.Not.Empty, line)
                    cells[1].Trim()
        ]

        Assert.That(String.concat "\n" (List.sort rows), Is.EqualTo(String.concat "\n" (List.sort tests)))
        Assert.That(rows.Length, Is.GreaterThanOrEqualTo 30)
