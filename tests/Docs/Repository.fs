namespace Twofold.Docs.Tests

// The repository as files: pages, sources, generated parts.
// In: paths from the root. Out: texts; TWOFOLD_REWRITE=1 writes what would be compared.

open System
open System.IO
open NUnit.Framework

module Repository =
    let root =
        let rec up (dir: DirectoryInfo) =
            if File.Exists(Path.Combine(dir.FullName, "Directory.Packages.props")) then
                dir.FullName
            else
                up dir.Parent

        up (DirectoryInfo AppContext.BaseDirectory)

    let at (path: string) = Path.Combine(root, path)
    let read (path: string) = File.ReadAllText(at path).ReplaceLineEndings "\n"

    /// Whether generated files are to be written instead of compared.
    let rewriting = Environment.GetEnvironmentVariable "TWOFOLD_REWRITE" = "1"

    /// Files below the root, as paths from it; folders that hold nothing of ours are left out.
    let files (pattern: string) : string list =
        let skipped = set [ "artifacts"; "bin"; "obj"; "node_modules"; ".git"; "TestResults" ]

        let rec below (dir: string) = [
            yield! Directory.GetFiles(dir, pattern)
            for d in Directory.GetDirectories dir do
                if not (skipped.Contains(Path.GetFileName d)) then
                    yield! below d
        ]

        below root |> List.map (fun f -> Path.GetRelativePath(root, f).Replace('\\', '/')) |> List.sort

    /// Compares a generated text with the file, or writes it.
    let current (path: string) (text: string) =
        if rewriting then
            File.WriteAllText(at path, text)

        Assert.That(File.Exists(at path), Is.True, $"{path} is missing: run the tests with TWOFOLD_REWRITE=1")
        Assert.That(read path, Is.EqualTo text, $"{path} is stale: run the tests with TWOFOLD_REWRITE=1")
