namespace Twofold.Docs.Tests

// Rules of the house that a machine can check.

open System
open System.IO
open System.Text.RegularExpressions
open NUnit.Framework

[<TestFixture>]
type House() =
    [<Test>]
    member _.``the solution lists every project``() =
        let listed =
            Regex.Matches(Repository.read "Twofold.slnx", "Path=\"([^\"]+)\"")
            |> Seq.map _.Groups[1].Value
            |> Seq.filter (fun p -> p.EndsWith "proj")
            |> Seq.sort
            |> List.ofSeq

        let there = Repository.files "*.fsproj" @ Repository.files "*.csproj" |> List.sort
        Assert.That(String.Join('\n', listed), Is.EqualTo(String.Join('\n', there)))

    [<Test>]
    member _.``every project commits its lock file``() =
        for project in Repository.files "*.fsproj" @ Repository.files "*.csproj" do
            let folder = Path.GetDirectoryName(Repository.at project)
            Assert.That(File.Exists(Path.Combine(folder, "packages.lock.json")), Is.True, project)

    [<Test>]
    member _.``every source file opens with what it is for``() =
        let opens (path: string) =
            let lines = (Repository.read path).Split '\n' |> Array.truncate 12
            lines |> Array.exists (fun l -> l.StartsWith "//")

        let bare = Repository.files "*.fs" @ Repository.files "*.cs" |> List.filter (opens >> not)
        Assert.That(bare, Is.Empty)

    [<Test>]
    member _.``no page and no script holds a machine's path``() =
        let suspicious = Regex @"(?<![\w./])/(work|home|root|Users)/\w"

        let found = [
            for pattern in [ "*.md"; "*.fs"; "*.fsx"; "*.cs"; "*.fsproj"; "*.csproj"; "*.props"; "*.targets"; "*.sh"; "*.mjs"; "*.json" ] do
                for path in Repository.files pattern do
                    if suspicious.IsMatch(Repository.read path) then
                        path
        ]

        Assert.That(found |> List.filter (fun p -> p <> "tests/Docs/House.fs"), Is.Empty)
