namespace Twofold.Docs.Tests

// The page of promises names tests that exist, and the example workflow is YAML that calls commands that exist.

open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open NUnit.Framework

[<TestFixture>]
type DeterminismPage() =
    let page = Repository.read "docs/DETERMINISM.md"
    let workflow = "docs/examples/audit.yml"

    [<Test>]
    member _.``every test that a promise names exists``() =
        let named = Regex.Matches(page, "`(tests/[^`]+\\.fs)` \"([^\"]+)\"")
        Assert.That(named.Count, Is.GreaterThan 30)

        let missing = [
            for m in named do
                let file, name = m.Groups[1].Value, m.Groups[2].Value

                if not (File.Exists(Repository.at file)) || not ((Repository.read file).Contains $"``{name}``") then
                    $"{file}: {name}"
        ]

        Assert.That(missing, Is.Empty)

    [<Test>]
    member _.``every promise names a test``() =
        let rows = page.Split '\n' |> Array.filter (fun l -> l.StartsWith "| " && l.Split('|').Length = 5) |> Array.skip 1

        Assert.That(rows.Length, Is.GreaterThan 20)

        for row in rows do
            Assert.That(Regex.IsMatch(row.Split('|')[3], "`tests/[^`]+\\.fs` \""), row)

    [<Test>]
    member _.``the example workflow is YAML``() =
        let script =
            "import sys, yaml; d = yaml.safe_load(open(sys.argv[1])); print(' '.join(s.get('run', '').replace('\\n', ' ; ') for s in d['jobs']['audit']['steps']))"

        let info =
            ProcessStartInfo(
                "python3",
                [ "-c"; script; Repository.at workflow ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        let ran =
            try
                use p = Process.Start info
                let error = p.StandardError.ReadToEndAsync()
                let output = p.StandardOutput.ReadToEnd()
                p.WaitForExit()
                Some(p.ExitCode, output, error.Result)
            with :? System.ComponentModel.Win32Exception ->
                None

        match ran with
        | None -> Assert.Ignore "no python3 on this machine: the YAML is not parsed"
        | Some(_, _, error) when error.Contains "No module named" -> Assert.Ignore "python3 has no yaml module here: the YAML is not parsed"
        | Some(code, output, error) ->
            Assert.That(code, Is.EqualTo 0, error)
            Assert.That(output, Does.Contain "twofold audit corpus --report")

    [<Test>]
    member _.``the example workflow calls commands that exist``() =
        let arguments = Repository.read "src/Cli/Arguments.fs"

        for m in Regex.Matches(Repository.read workflow, @"run: twofold (\w+)") do
            let verb = m.Groups[1].Value
            let case = verb.Substring(0, 1).ToUpperInvariant() + verb.Substring 1
            Assert.That(arguments, Does.Contain $"CliPrefix.None)>] {case} of", verb)
