module Twofold.Security.Secrecy

// No secret of the host shows in anything that a guest can read or a receipt stores: paths, environment, names, times, inodes, owners, addresses, keys.
// In: two processes that differ in all of these, with every reader (Prober.fs). Out: byte for byte the same, and no planted word in any form.

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text
open NUnit.Framework
open Twofold.Engine
open Twofold.Security.Grounds

/// A host: where it lies, what it has planted, how old its files are.
type private Host = { Folder: string; Secret: string; Variables: (string * string) list; Modified: DateTime; Owner: string }

let private makeHost (place: string) (secret: string) (modified: DateTime) (owner: string) (zone: string) : Host =
    let folder = Directory.CreateDirectory(Path.Combine(place, $"{secret}-place-{Guid.NewGuid():N}")).FullName
    let home = Directory.CreateDirectory(Path.Combine(folder, $"{secret}-home")).FullName
    let granted = Directory.CreateDirectory(Path.Combine(folder, "granted")).FullName
    File.WriteAllText(Path.Combine(folder, "outside.txt"), $"{secret}-outside")
    File.WriteAllText(Path.Combine(granted, "plain.txt"), "what stands in the first file")
    Directory.CreateDirectory(Path.Combine(granted, "sub")) |> ignore
    File.WriteAllText(Path.Combine(granted, "sub", "inner.txt"), "what stands in the second")
    File.CreateSymbolicLink(Path.Combine(granted, "link"), "sub/inner.txt") |> ignore
    File.CreateSymbolicLink(Path.Combine(granted, "out"), "../outside.txt") |> ignore

    for file in Directory.GetFileSystemEntries(granted, "*", SearchOption.AllDirectories) do
        if isNull (FileInfo file).LinkTarget then
            File.SetLastWriteTimeUtc(file, modified)

    // Owners can only be given away by root; elsewhere they are the same on both hosts.
    use chown = Process.Start(ProcessStartInfo("chown", [ "-R"; "-h"; owner; granted ], RedirectStandardError = true))
    chown.WaitForExit()

    {
        Folder = folder
        Secret = secret
        Modified = modified
        Owner = owner
        Variables = [
            "TWOFOLD_PLANTED", $"{secret}-planted"
            "HOME", home
            "USER", $"{secret}-user"
            "LOGNAME", $"{secret}-user"
            "HOSTNAME", $"{secret}-machine"
            "TMPDIR", Directory.CreateDirectory(Path.Combine(folder, $"{secret}-tmp")).FullName
            "TZ", zone
            "AWS_SECRET_ACCESS_KEY", $"{secret}-key"
            "TWOFOLD_AI_KEY", $"{secret}-ai"
            "DOTNET_TieredCompilation", (if zone = "UTC" then "0" else "1")
        ]
    }

/// Runs the readers there; what they saw, by name.
let private probe (host: Host) : Map<string, byte[]> =
    let assembly = typeof<Host>.Assembly.Location

    let info =
        ProcessStartInfo(
            "dotnet",
            [ "exec"; assembly; "probe"; host.Folder ],
            WorkingDirectory = host.Folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true
        )

    for name, value in host.Variables do
        info.Environment[name] <- value

    use p = Process.Start info
    let error = p.StandardError.ReadToEndAsync()
    p.StandardOutput.ReadToEnd() |> ignore
    p.WaitForExit()
    Assert.That(p.ExitCode, Is.EqualTo 0, error.Result)
    Assert.That(File.ReadAllText(Path.Combine(host.Folder, "pointers")), Is.Empty, "words that are addresses in the process")

    Directory.GetFiles(Path.Combine(host.Folder, "seen"))
    |> Array.map (fun f -> Path.GetFileName f, File.ReadAllBytes f)
    |> Map.ofArray

/// The forms in which a word could stand somewhere.
let private formsOf (word: string) : byte[] list =
    let utf8, utf16 = Encoding.UTF8.GetBytes word, Encoding.Unicode.GetBytes word
    let inHex (b: byte[]) = Encoding.ASCII.GetBytes(Convert.ToHexStringLower b)
    let base64 (b: byte[]) = Encoding.ASCII.GetBytes(Convert.ToBase64String(b).TrimEnd '=')
    [ utf8; utf16; inHex utf8; inHex utf16; Encoding.ASCII.GetBytes(Convert.ToHexString utf8); base64 utf8 ]

/// Whether bytes hold a word in any form.
let private holds (word: string) (bytes: byte[]) = formsOf word |> List.exists (fun form -> bytes.AsSpan().IndexOf(ReadOnlySpan form) >= 0)

/// Words that this machine would rather keep: some stand in the runner's own environment.
let private words (host: Host) = [
    host.Secret
    host.Folder
    AppContext.BaseDirectory.TrimEnd '/'
    Environment.MachineName
    Environment.UserName

    for variable in [ "HOME"; "PWD"; "PATH"; "DOTNET_ROOT" ] do
        Environment.GetEnvironmentVariable variable
]

[<Test; Platform "Linux">]
let ``two hosts that differ in everything are one to guests and in receipts`` () =
    let memory = "/dev/shm"
    let elsewhere = if Directory.Exists memory then memory else Path.GetTempPath()
    let a = makeHost (Path.GetTempPath()) "sEcReTaLpHa" (DateTime(2011, 3, 4, 5, 6, 7, DateTimeKind.Utc)) "1234:1234" "UTC"
    let b = makeHost elsewhere "sEcReTbRaVo" (DateTime(1969, 7, 20, 20, 17, 40, DateTimeKind.Utc)) "4321:4321" "Asia/Kathmandu"

    try
        let seenA, seenB = probe a, probe b
        let addresses host = (File.ReadAllText(Path.Combine(host.Folder, "addresses"))).Split ' '

        Assert.That(
            Array.forall2 (<>) (addresses a) (addresses b),
            "the two processes lie at other addresses: else equal bytes would say nothing of them"
        )

        Assert.That((List.ofSeq seenA.Keys = List.ofSeq seenB.Keys))
        Assert.That(seenA.Count, Is.GreaterThan 60)

        for KeyValue(name, bytes) in seenA do
            if bytes <> seenB[name] then
                let at = Seq.zip bytes seenB[name] |> Seq.tryFindIndex (fun (x, y) -> x <> y)
                Assert.Fail $"{name} differs between the hosts, at byte {at} of {bytes.Length} and {seenB[name].Length}"

            for host in [ a; b ] do
                for word in words host do
                    // Short words stand in texts by chance.
                    if not (String.IsNullOrEmpty word) && word.Length > 4 then
                        Assert.That(holds word bytes, Is.False, $"{name} holds '{word}'")

        // Engines show a guest the same, too; only their own names stand in the names here.
        for KeyValue(name, bytes) in seenA do
            if name.StartsWith "compiled-" then
                for other in [ "interpreter-"; "wasmtime-" ] do
                    match seenA.TryFind(other + name.Substring 9) with
                    | Some same -> Assert.That((same = bytes), $"{other}{name.Substring 9}")
                    | None -> ()

        // The readers did read: what was granted is there.
        let output = seenA["compiled-fresh-wasi.output"]

        for word in [ "plain.txt"; "the first file"; "in the second"; "what was typed"; "NAME=value"; "argument" ] do
            Assert.That(output.AsSpan().IndexOf(ReadOnlySpan(Encoding.UTF8.GetBytes word)), Is.GreaterThanOrEqualTo 0, word)
    finally
        for host in [ a; b ] do
            Directory.Delete(host.Folder, true)

[<Test>]
let ``a planted word is found in every form`` () =
    let word = "sEcReTaLpHa"
    Assert.That((formsOf word).Length, Is.EqualTo 6)

    for form in formsOf word do
        Assert.That(holds word (Array.concat [ [| 0uy; 1uy |]; form; [| 2uy |] ]))

    Assert.That(holds word "nothing of the kind"B, Is.False)
