module Twofold.Determinism.CorpusLaws

// Corpora: what is appended is read back, whoever else appends and whatever is damaged; nothing that is damaged hides anything that is not.
// In: receipts of real runs, and copies of them with another gas. Out: entries and damage.

open System
open System.IO
open System.Threading.Tasks
open NUnit.Framework
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let private wasm = Repository.contract "token-raw-c"
let private other = Repository.contract "token-as"

let private receiptOf name = (report shared (request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL)))).Receipt

let private real = lazy (receiptOf "token-raw-c")

/// Receipts that differ; only the first is one of a run.
let private receipts count = [ for i in 0 .. count - 1 -> { real.Value with GasUsed = real.Value.GasUsed + int64 i } ]

let private digests (receipts: Receipt list) = receipts |> List.map ReceiptBytes.digest

let private inFolder (work: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("twofold-corpus-").FullName

    try
        work (Path.Combine(folder, "corpus"))
    finally
        Directory.Delete(folder, true)

let private ok (result: Result<'T, string>) : 'T =
    match result with
    | Ok value -> value
    | Error why ->
        Assert.Fail why
        failwith why

let private refused (result: Result<'T, string>) : string =
    match result with
    | Ok _ -> failwith "this was accepted"
    | Error why -> why

let private write folder receipts = ok ((ok (CorpusWriter.Open(folder, false))).AppendAll(receipts |> List.map (fun r -> r, wasm)))

/// What is whole, in order, and what is not.
let private readBack path modules : CorpusEntry list * Damage list =
    let entries, damage = ok (Corpus.read path modules) |> List.ofSeq |> List.partition _.IsOk

    entries
    |> List.choose (function
        | Ok e -> Some e
        | Error _ -> None),
    damage
    |> List.choose (function
        | Error d -> Some d
        | Ok _ -> None)

let private found (entries: CorpusEntry list) = entries |> List.map _.Digest

let private index folder = Path.Combine(folder, "index")

let private fileOf folder (receipt: Receipt) =
    let digits = (ReceiptBytes.digest receipt).Text.Substring 2
    Path.Combine(folder, "receipts", digits.Substring(0, 2), digits + ".tfrc")

[<Test>]
let ``what is appended is read back in order, once, with its module`` () =
    inFolder (fun folder ->
        let all = receipts 20
        Assert.That(write folder all, Is.EqualTo 20)
        Assert.That(write folder (List.truncate 5 all), Is.EqualTo 0, "appended again")
        Assert.That(ok (Corpus.append folder (receiptOf "token-as") other), Is.True)
        let entries, damage = readBack folder []
        Assert.That(damage, Is.Empty)
        Assert.That((found entries = digests all @ [ ReceiptBytes.digest (receiptOf "token-as") ]))
        Assert.That(Corpus.count folder, Is.EqualTo 21L)
        Assert.That(Directory.GetFiles(Path.Combine(folder, "modules")), Has.Length.EqualTo 2)
        Assert.That(Directory.GetFiles(Path.Combine(folder, "tmp")), Is.Empty)

        for e in entries do
            match e.LoadModule() with
            | Ok bytes -> Assert.That((Hash32.sha256 (ReadOnlySpan bytes) = e.Receipt.Request.ModuleHash))
            | Error d -> Assert.Fail(string d)

        replay shared entries.Head.Receipt wasm)

[<Test>]
let ``a receipt of another module is not taken`` () =
    inFolder (fun folder -> Assert.That(refused (Corpus.append folder real.Value other), Does.Contain "another module"))

[<Test>]
let ``an index that was torn anywhere loses nothing`` () =
    inFolder (fun folder ->
        let all = receipts 3
        write folder all |> ignore
        let whole = File.ReadAllBytes(index folder)

        for length in whole.Length - 1 .. -1 .. 0 do
            File.WriteAllBytes(index folder, Array.truncate length whole)
            let entries, damage = readBack folder []
            Assert.That(damage, Is.Empty, $"{length} bytes")
            Assert.That((Set.ofList (digests all) = Set.ofList (found entries)), $"{length} bytes"))

[<Test>]
let ``after a torn line one can append, and only that line is damaged`` () =
    inFolder (fun folder ->
        let all = receipts 4
        write folder (List.truncate 3 all) |> ignore
        let whole = File.ReadAllBytes(index folder)
        let last = Array.FindLastIndex(whole, whole.Length - 2, (fun b -> b = 10uy))

        for length in [ whole.Length - 1; whole.Length - 40; last + 2; last + 1; 5; 0 ] do
            if File.Exists(fileOf folder all[3]) then
                File.Delete(fileOf folder all[3])

            File.WriteAllBytes(index folder, Array.truncate length whole)
            write folder [ all[3] ] |> ignore
            let entries, damage = readBack folder []
            Assert.That((Set.ofList (digests all) = Set.ofList (found entries)), $"{length} bytes")
            Assert.That(entries.Length, Is.EqualTo 4)
            Assert.That(damage.Length, Is.LessThanOrEqualTo 1, $"{length} bytes: %A{damage}"))

[<Test>]
let ``every damaged part is reported, and everything else is read`` () =
    inFolder (fun folder ->
        let all = receipts 6
        write folder all |> ignore
        // 1. A byte of a receipt. 2. Half of one. 3. One that is gone. 4. A line of the index. 5. A stranger's file.
        let flip (path: string) (at: int) =
            let bytes = File.ReadAllBytes path
            bytes[at] <- bytes[at] ^^^ 1uy
            File.WriteAllBytes(path, bytes)

        flip (fileOf folder all[0]) 300
        File.WriteAllBytes(fileOf folder all[1], Array.truncate 100 (File.ReadAllBytes(fileOf folder all[1])))
        File.Delete(fileOf folder all[2])
        let lines = File.ReadAllLines(index folder)
        lines[4] <- lines[4].Replace(' ', '_')
        File.WriteAllLines(index folder, lines)
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(fileOf folder all[3]), "notes.txt"), "mine")
        let entries, damage = readBack folder []
        Assert.That((Set.ofList (found entries) = Set.ofList (digests all[3..])))
        let said = damage |> List.map string |> String.concat "\n"

        for part in [ "was changed"; "no such file"; "index line 5"; "notes.txt" ] do
            Assert.That(said, Does.Contain part)

        Assert.That(damage.Length, Is.EqualTo 5, said)

        // A module: the entries are there, their module is not; appending mends it.
        let moduleFile = Directory.GetFiles(Path.Combine(folder, "modules"))[0]
        flip moduleFile 20
        let entries, _ = readBack folder []

        match entries.Head.LoadModule() with
        | Ok _ -> Assert.Fail "a changed module was accepted"
        | Error d -> Assert.That(string d, Does.Contain "the module was changed")

        // Gone receipts and changed ones too.
        write folder all |> ignore
        let entries, _ = readBack folder []
        Assert.That(entries.Length, Is.EqualTo 6)
        Assert.That(entries |> List.forall (fun e -> (e.LoadModule()).IsOk)))

[<Test>]
let ``many writers at once lose and tear nothing`` () =
    inFolder (fun folder ->
        let all = receipts 160 |> Array.ofList
        // Eight writers, as eight processes would be; some receipts are appended by two of them.
        let writers = [| for _ in 1..8 -> lazy (ok (CorpusWriter.Open(folder, false))) |]

        let one w =
            for i in w * 20 .. w * 20 + 24 do
                ok (writers[w].Value.Append(all[i % all.Length], wasm)) |> ignore

        Parallel.For(0, 8, ParallelOptions(MaxDegreeOfParallelism = 8), one) |> ignore
        let entries, damage = readBack folder []
        Assert.That(damage, Is.Empty)
        Assert.That(entries.Length, Is.EqualTo 160)
        Assert.That(File.ReadAllLines(index folder).Length, Is.InRange(161, 200)))

[<Test>]
let ``receipts are read while others are appended`` () =
    inFolder (fun folder ->
        write folder (receipts 1) |> ignore
        let more = receipts 60 |> List.tail
        let writing = Task.Run(fun () -> more |> List.iter (fun r -> write folder [ r ] |> ignore))

        while not writing.IsCompleted do
            Assert.That(snd (readBack folder []), Is.Empty)

        writing.Wait()
        Assert.That((fst (readBack folder [])).Length, Is.EqualTo 60))

[<Test>]
let ``reading streams`` () =
    inFolder (fun folder ->
        write folder (receipts 4000) |> ignore
        let items = ok (Corpus.items folder [])
        let before = GC.GetTotalMemory true
        let mutable most = 0L
        let mutable count = 0

        for item in items do
            match item |> Result.bind (fun i -> i.Load()) with
            | Ok _ -> count <- count + 1
            | Error d -> Assert.Fail(string d)

            if count % 1000 = 0 then
                most <- max most (GC.GetTotalMemory true - before)

        Assert.That(count, Is.EqualTo 4000)
        // What stays is the set of digests, below a hundred bytes each; the receipts' files alone are some 3 KB each.
        Assert.That(most, Is.LessThan 2_000_000L))

[<Test>]
let ``a lone receipt in either form, with its module beside it or named`` () =
    inFolder (fun folder ->
        Directory.CreateDirectory folder |> ignore
        let at name = Path.Combine(folder, name)
        File.WriteAllText(at "a.json", ReceiptJson.toJson real.Value)
        File.WriteAllBytes(at "b.tfrc", ReceiptBytes.encode real.Value)
        File.WriteAllBytes(at "other.wasm", other)

        for file in [ at "a.json"; at "b.tfrc" ] do
            let entries, damage = readBack file []
            Assert.That(damage, Is.Empty)

            match entries.Head.LoadModule() with
            | Ok _ -> Assert.Fail "there is no such module yet"
            | Error d -> Assert.That(string d, Does.Contain "there is no such module")

        Directory.CreateDirectory(at "modules") |> ignore
        File.WriteAllBytes(at "modules/m.bin", wasm)

        for file, modules in [ at "a.json", [ at "modules/m.bin" ]; at "b.tfrc", [ at "other.wasm"; at "modules/m.bin" ] ] do
            let entries, _ = readBack file modules
            Assert.That((entries.Head.LoadModule()).IsOk)

        Assert.That(refused (Corpus.items (at "a.json") [ at "nowhere" ]), Does.Contain "nowhere"))

[<Test>]
let ``a plain folder of receipts, modules and other things`` () =
    inFolder (fun folder ->
        let at (name: string) =
            let path = Path.Combine(folder, name)
            Directory.CreateDirectory(Path.GetDirectoryName path) |> ignore
            path

        File.WriteAllText(at "deep/a.json", ReceiptJson.toJson real.Value)
        File.WriteAllBytes(at "b.tfrc", ReceiptBytes.encode (receiptOf "token-as"))
        File.WriteAllBytes(at "deep/c.wasm", wasm)
        File.WriteAllBytes(at "modules/token.wasm", other)
        File.WriteAllText(at "snapshot.json", "{\"utxos\": []}")
        File.WriteAllText(at "half.json", (ReceiptJson.toJson real.Value).Substring(0, 500))
        File.WriteAllText(at "changed.json", (ReceiptJson.toJson real.Value).Replace("\"gasUsed\": \"", "\"gasUsed\": \"1"))
        File.WriteAllText(at "readme.txt", "hello")
        let entries, damage = readBack folder []
        Assert.That([ for e in entries -> e.Name ] = [ "b.tfrc"; "deep/a.json" ])
        Assert.That([ for d in damage -> d.Place ] = [ "changed.json"; "half.json" ])
        Assert.That(entries |> List.forall (fun e -> (e.LoadModule()).IsOk)))

[<Test>]
let ``what is no corpus is not made one`` () =
    inFolder (fun folder ->
        Directory.CreateDirectory folder |> ignore
        File.WriteAllText(Path.Combine(folder, "thesis.txt"), "mine")
        Assert.That(refused (CorpusWriter.Open folder), Does.Contain "other things")
        File.WriteAllText(index folder, "twofold corpus 2\n")
        Assert.That(refused (CorpusWriter.Open folder), Does.Contain "twofold corpus 2")
        Assert.That(refused (Corpus.items folder []), Does.Contain "twofold corpus 2")
        Assert.That(refused (CorpusWriter.Open(index folder)), Does.Contain "this is a file")
        Assert.That(refused (Corpus.items (folder + "x") []), Does.Contain "no such file or folder"))

// ---- as C# sees it

[<Test>]
let ``an engine with a corpus keeps what it executes`` () =
    inFolder (fun folder ->
        let kept = Twofold.Corpus.Open folder
        use engine = new Twofold.TwofoldEngine(Twofold.EngineOptions().WithCorpus kept)
        let add = File.ReadAllBytes(Repository.path [ "bench"; "kernels"; "wasm"; "add.wasm" ])

        let call (x: uint64) = engine.Execute(Twofold.ExecutionRequest.ForExport(add, "add", x, 3UL))

        for x in [ 5UL; 6UL; 5UL ] do
            Assert.That((call x).RecordingError, Is.Null)

        let entries = List.ofSeq (kept.Read())
        Assert.That(entries.Length, Is.EqualTo 2)

        for e in entries do
            Assert.That(e.Damage, Is.Null)
            Assert.That(engine.Replay(e.Receipt, e.GetModule()).Kind, Is.EqualTo Twofold.ReplayKind.Identical)

        Assert.That(kept.Append(entries.Head.Receipt, add), Is.False)
        // A corpus that cannot be written to any more: the receipt is there all the same, and the report says so.
        Directory.Delete(folder, true)
        File.WriteAllText(folder, "in the way")
        let report = call 7UL
        Assert.That(report.RecordingError, Is.Not.Null)
        Assert.That(report.Receipt.GasUsed, Is.GreaterThan 0L)
        Assert.Throws<IOException>(fun () -> Twofold.Corpus.Open folder |> ignore) |> ignore
        File.Delete folder
        // What is damaged is an entry that says so.
        kept.Append(report.Receipt, add) |> ignore
        File.WriteAllText(Directory.GetFiles(Path.Combine(folder, "receipts"), "*", SearchOption.AllDirectories)[0], "")
        let damaged = Seq.exactlyOne (Twofold.Corpus.Read folder)
        Assert.That(damaged.Damage, Does.Contain "was changed")
        Assert.Throws<InvalidDataException>(fun () -> damaged.Receipt |> ignore) |> ignore)
