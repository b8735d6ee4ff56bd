namespace Twofold.Docs.Tests

// README's code is the code that is compiled here, and it does what the text beside it says.

open System
open NUnit.Framework

[<TestFixture>]
type Snippets() =
    let dedent (lines: string[]) =
        let indent = lines |> Seq.filter (fun l -> l.Trim() <> "") |> Seq.map (fun l -> l.Length - l.TrimStart().Length) |> Seq.min
        lines |> Array.map (fun l -> if l.Trim() = "" then "" else l.Substring indent)

    /// What stands between the marks of a source file.
    let markedAs (name: string) (path: string) =
        let lines = (Repository.read path).Split '\n'
        let first = lines |> Array.findIndex (fun l -> l.Trim() = $"// <{name}>")
        let last = lines |> Array.findIndex (fun l -> l.Trim() = $"// </{name}>")
        String.Join("\n", dedent lines[first + 1 .. last - 1]).Trim()

    let marked = markedAs "readme"

    /// The first block of a language on a page.
    let blockOf (page: string) (language: string) =
        let text = Repository.read page
        let opening = $"```{language}\n"
        let start = text.IndexOf(opening, StringComparison.Ordinal)
        Assert.That(start, Is.GreaterThanOrEqualTo 0, $"{page} has no {language}")
        let body = text.Substring(start + opening.Length)
        body.Substring(0, body.IndexOf("\n```", StringComparison.Ordinal)).Trim()

    let block = blockOf "README.md"

    let bob = "70 to 0x" + String.replicate 20 "b0"
    let change = "25 to 0x" + String.replicate 20 "a1"

    [<Test>]
    member _.``README's F# is what is compiled, and transfers``() =
        Assert.That(block "fsharp", Is.EqualTo(marked "tests/Docs/ReadmeSnippets.fs"))
        let lines = ReadmeSnippets.transfer Repository.root
        Assert.That(lines[0], Is.EqualTo bob)
        Assert.That(lines[1], Is.EqualTo change)
        Assert.That(lines[2], Does.StartWith "Identical")

    [<Test; NonParallelizable>]
    member _.``README's C# is what is compiled, and transfers``() =
        Assert.That(block "csharp", Is.EqualTo(marked "tests/Docs/CSharp/ReadmeSnippets.cs"))
        let text = Twofold.Snippets.ReadmeSnippets.Run Repository.root
        Assert.That(text, Is.EqualTo $"{bob}\n{change}\nIdentical\n")

    [<Test; NonParallelizable>]
    member _.``SKILLS.md's C# is what is compiled, and runs``() =
        Assert.That(blockOf "docs/SKILLS.md" "csharp", Is.EqualTo(markedAs "skills" "tests/Docs/CSharp/SkillSnippets.cs"))
        let memory = IO.Path.Combine(IO.Path.GetTempPath(), $"twofold-docs-{Guid.NewGuid():n}.db")

        try
            let text = Twofold.Snippets.SkillSnippets.Run(Repository.root, memory).GetAwaiter().GetResult()
            let lines = text.Split '\n'
            Assert.That(lines[0], Does.Contain "two bottles")
            Assert.That(lines[1], Is.EqualTo "Identical")
        finally
            IO.File.Delete memory

    [<Test>]
    member _.``SANDBOX.md's C# is what is compiled, and runs``() =
        let blocks (text: string) (opening: string) (closing: string) = [
            for part in text.Split opening |> Seq.skip 1 do
                let body = part.Substring(0, part.IndexOf(closing, StringComparison.Ordinal))
                String.Join("\n", dedent (body.TrimEnd().Trim('\n').Split '\n' |> Array.map (fun l -> l.TrimEnd()))).Trim()
        ]

        let compiled =
            blocks (Repository.read "tests/Docs/CSharp/SandboxSnippets.cs") "        // <sandbox>\n" "        // </sandbox>"

        let shown = blocks (Repository.read "docs/SANDBOX.md") "```csharp\n" "\n```"
        Assert.That(String.Join("\n--\n", shown), Is.EqualTo(String.Join("\n--\n", compiled)))
        Assert.That(Twofold.Snippets.SandboxSnippets.Run().GetAwaiter().GetResult(), Is.EqualTo "42\nIdentical\n42\n42\n")
