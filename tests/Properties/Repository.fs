/// Where the repository is, and the rule for generated files: checked in, never stale, rewritten with TWOFOLD_REWRITE=1.
/// In: the text that the code generates. Out: a failure that says which file differs and where.
module Twofold.Properties.Repository

open System
open System.IO
open NUnit.Framework

/// The folder that holds global.json, upwards from the test assembly.
let root =
    let rec up (dir: DirectoryInfo) =
        if isNull dir then failwith "no global.json above the test assembly"
        elif File.Exists(Path.Combine(dir.FullName, "global.json")) then dir.FullName
        else up dir.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// Whether generated files are to be written instead of compared.
let rewriting = Environment.GetEnvironmentVariable "TWOFOLD_REWRITE" = "1"

/// Compares a generated file with the checked-in one, or writes it.
let generated (path: string) (text: string) =
    let file = Path.Combine(root, path)

    if rewriting then
        Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
        File.WriteAllText(file, text)
    elif not (File.Exists file) then
        Assert.Fail $"{path} is missing: run the tests once with TWOFOLD_REWRITE=1"
    else
        let found = File.ReadAllLines file
        let expected = text.Split '\n' |> Array.toList |> List.rev

        let expected =
            match expected with
            | "" :: rest -> List.rev rest |> List.toArray
            | all -> List.rev all |> List.toArray

        for i in 0 .. max found.Length expected.Length - 1 do
            let at (lines: string[]) = if i < lines.Length then lines[i] else "<end of file>"

            if at found <> at expected then
                Assert.Fail $"{path} is stale at line {i + 1}: run the tests once with TWOFOLD_REWRITE=1\n  - {at found}\n  + {at expected}"
