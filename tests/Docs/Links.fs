namespace Twofold.Docs.Tests

// Pages lead somewhere: every relative link of every page names a file (and a heading) that is there, and every page of docs/ is in its index.

open System
open System.IO
open System.Text.RegularExpressions
open NUnit.Framework

[<TestFixture>]
type Links() =
    static member Pages = Repository.files "*.md" |> List.map (fun p -> TestCaseData(p).SetName p)

    /// A heading's anchor, as code hosts make it.
    static member private Anchor(heading: string) = Regex.Replace(heading.Trim().ToLowerInvariant().Replace(' ', '-'), @"[^\w\-]", "")

    [<TestCaseSource("Pages")>]
    member _.``links lead somewhere``(page: string) =
        let text = Regex.Replace(Repository.read page, @"```.*?```", "", RegexOptions.Singleline)

        let wrong = [
            for m in Regex.Matches(text, @"\]\(([^)\s]+)\)") do
                let target = m.Groups[1].Value

                if not (target.Contains "://" || target.StartsWith "mailto:") then
                    let path, anchor =
                        match target.IndexOf '#' with
                        | -1 -> target, ""
                        | i -> target.Substring(0, i), target.Substring(i + 1)

                    let file =
                        if path = "" then
                            Repository.at page
                        else
                            Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Repository.at page), path))

                    if not (Path.Exists file) then
                        target
                    elif anchor <> "" && file.EndsWith ".md" then
                        let headings =
                            File.ReadAllLines file |> Seq.filter _.StartsWith("#") |> Seq.map (fun l -> Links.Anchor(l.TrimStart '#'))

                        if not (Seq.contains anchor headings) then
                            target
        ]

        Assert.That(wrong, Is.Empty, $"{page} has links that lead nowhere")

    [<Test>]
    member _.``every page of docs is in its index``() =
        let index = Repository.read "docs/README.md"

        for page in Directory.GetFiles(Repository.at "docs", "*.md") |> Array.map Path.GetFileName do
            if page <> "README.md" then
                Assert.That(index, Does.Contain $"({page})")
