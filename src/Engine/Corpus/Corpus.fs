namespace Twofold.Engine

// A corpus: a folder of receipts and of the modules that they are receipts of, kept for later audits (docs/CORPUS.md).
// In: receipts with their modules, from any number of threads and processes. Out: the same again, streamed; what is damaged is said and skipped.

open System
open System.Collections.Generic
open System.Collections.Concurrent
open System.IO
open Twofold.Wasm
open Twofold.HostAbi

/// Appends to a corpus. Thread-safe; other processes may append to the same folder.
[<Sealed>]
type CorpusWriter private (folder: string, durable: bool) =
    let scratch = CorpusIndex.scratch folder
    let known = ConcurrentDictionary<Hash32, unit>()

    let at (name: string) = Path.Combine(folder, name)

    /// Makes a file say these bytes, unless it does. A file of another content was damaged.
    let ensure (path: string) (bytes: byte[]) : bool =
        if
            File.Exists path
            && FileInfo(path).Length = bytes.LongLength
            && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes.AsSpan())
        then
            false
        else
            Directory.CreateDirectory(Path.GetDirectoryName path) |> ignore
            Files.writeWhole scratch durable path bytes
            true

    // What a process that died left behind; younger files may be somebody's work.
    let sweep () =
        if Directory.Exists scratch then
            for file in Directory.GetFiles scratch do
                if File.GetLastWriteTimeUtc file < DateTime.UtcNow.AddDays -1.0 then
                    File.Delete file

    let binary (receipt: Receipt) (wasm: byte[]) =
        ModuleShelf.Binary wasm
        |> Result.bind (fun bytes ->
            match Hash32.sha256 (ReadOnlySpan bytes) with
            | hash when hash = receipt.Request.ModuleHash -> Ok bytes
            | hash -> Error $"this is another module: the receipt is of {receipt.Request.ModuleHash}, this one is {hash}")

    let store (receipt: Receipt) (wasm: byte[]) : IndexLine voption =
        let hash = receipt.Request.ModuleHash

        // The module first: a receipt that is there has its module.
        if not (known.ContainsKey hash) then
            ensure (at (CorpusIndex.moduleName hash)) wasm |> ignore
            known[hash] <- ()

        let bytes = ReceiptBytes.encode receipt
        let digest = Hash32.sha256 (ReadOnlySpan bytes)

        if ensure (at (CorpusIndex.receiptName digest)) bytes then
            ValueSome { Receipt = digest; Module = hash; Size = bytes.LongLength }
        else
            ValueNone

    /// Opens a folder for appending; makes it when there is none. A folder with other things in it is refused.
    /// Durable: each append reaches the disk before it returns; otherwise when the operating system likes.
    static member Open(folder: string, durable: bool) : Result<CorpusWriter, string> =
        let path = Path.GetFullPath folder

        Files.attempt path (fun () ->
            if File.Exists path then
                Error $"{folder}: this is a file; a corpus is a folder"
            else
                let isEmpty = not (Directory.Exists path) || Seq.isEmpty (Directory.EnumerateFileSystemEntries path)

                CorpusIndex.recognise path
                |> Result.bind (fun isCorpus ->
                    // Another process may have just begun: its folders are there before its index.
                    if isCorpus || isEmpty || Directory.Exists(CorpusIndex.modules path) then
                        Directory.CreateDirectory path |> ignore
                        let writer = CorpusWriter(path, durable)
                        writer.Sweep()
                        Ok writer
                    else
                        Error $"{folder}: this folder holds other things and is no corpus"))
        |> Result.bind id

    static member Open(folder: string) = CorpusWriter.Open(folder, true)

    member private _.Sweep() = sweep ()

    /// The folder.
    member _.Folder = folder

    /// Appends receipts, each with its module (binary or text), with one line of the index each. How many were not there yet.
    member _.AppendAll(receipts: (Receipt * byte[]) seq) : Result<int, string> =
        Files.attempt folder (fun () ->
            let lines = List<IndexLine>()

            let problem =
                receipts
                |> Seq.tryPick (fun (receipt, wasm) ->
                    match binary receipt wasm with
                    | Error reason -> Some reason
                    | Ok wasm ->
                        ValueOption.iter lines.Add (store receipt wasm)
                        None)

            // What came before a module that does not fit is kept all the same.
            if lines.Count > 0 then
                CorpusIndex.append folder durable (List.ofSeq lines)

            match problem with
            | Some reason -> Error reason
            | None -> Ok lines.Count)
        |> Result.bind id

    /// Appends a receipt with its module; false: it was there already.
    member this.Append(receipt: Receipt, wasm: byte[]) : Result<bool, string> =
        this.AppendAll [ receipt, wasm ] |> Result.map (fun n -> n > 0)

module Corpus =
    /// Bytes of modules that a reader keeps.
    [<Literal>]
    let private ShelfBytes = 268435456L

    let private entry name digest receipt (shelf: ModuleShelf) : CorpusEntry = {
        Name = name
        Digest = digest
        Receipt = receipt
        LoadModule = fun () -> shelf.Load receipt.Request.ModuleHash
    }

    let private load (path: string) (name: string) (expected: Hash32 voption) (shelf: ModuleShelf) () : Result<CorpusEntry, Damage> =
        let damaged reason = Error { Place = name; Reason = reason }

        match Files.read path with
        | Error reason -> damaged reason
        | Ok bytes when expected.IsSome && Hash32.sha256 (ReadOnlySpan bytes) <> expected.Value ->
            damaged "the receipt was changed: it does not have the digest that its name is"
        | Ok bytes ->
            match ReceiptFile.decode bytes with
            | Error reason -> damaged reason
            | Ok receipt -> Ok(entry name (expected |> ValueOption.defaultWith (fun () -> ReceiptBytes.digest receipt)) receipt shelf)

    let private relative (folder: string) (path: string) = Path.GetRelativePath(folder, path).Replace('\\', '/')

    // ---- a corpus

    let private ofCorpus (folder: string) : seq<Result<CorpusItem, Damage>> =
        let find hash =
            let path = Path.Combine(folder, CorpusIndex.moduleName hash)
            if File.Exists path then ValueSome path else ValueNone

        let shelf = ModuleShelf(ShelfBytes, relative folder, find)

        let item (digest: Hash32) =
            let name = CorpusIndex.receiptName digest
            Ok { Name = name; Load = load (Path.Combine(folder, name)) name (ValueSome digest) shelf }

        // A folder's sorted files; a folder that cannot be listed is damage.
        let listed (path: string) (list: string -> string[]) : Result<string[], Damage> =
            Files.attempt path (fun () -> Files.sorted (list path))
            |> Result.mapError (fun reason -> { Place = relative folder path; Reason = reason })

        seq {
            let seen = HashSet<Hash32>()

            if File.Exists(CorpusIndex.index folder) then
                for line in CorpusIndex.read folder do
                    match line with
                    | Error damage -> Error damage
                    // Twice: two processes appended the same receipt at once, or two corpora were merged.
                    | Ok line ->
                        if seen.Add line.Receipt then
                            item line.Receipt

            // Receipts whose line is missing: a process died between file and line, the line is damaged, or the index is lost.
            if Directory.Exists(CorpusIndex.receipts folder) then
                match listed (CorpusIndex.receipts folder) Directory.GetDirectories with
                | Error damage -> Error damage
                | Ok folders ->
                    for path in folders do
                        match listed path Directory.GetFiles with
                        | Error damage -> Error damage
                        | Ok files ->
                            for file in files do
                                match Hash32.tryParse ("0x" + Path.GetFileNameWithoutExtension file) with
                                | ValueSome digest when relative folder file = CorpusIndex.receiptName digest ->
                                    if seen.Add digest then
                                        item digest
                                | _ -> Error { Place = relative folder file; Reason = "this is not a receipt's name" }
        }

    // ---- any folder, or one file

    let private walk =
        EnumerationOptions(RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint)

    let private flat = EnumerationOptions(IgnoreInaccessible = true)

    let private hasExtension (known: string list) (path: string) =
        let extension = Path.GetExtension(path).ToLowerInvariant()
        List.contains extension known

    let private files (folder: string) (options: EnumerationOptions) (extensions: string list) =
        Directory.EnumerateFiles(folder, "*", options) |> Seq.filter (hasExtension extensions) |> Array.ofSeq |> Files.sorted

    /// Modules of files and folders by hash, looked through when the first one is asked for.
    let private shelfOf (place: string -> string) (sources: (unit -> string seq) list) : ModuleShelf =
        let hashes =
            lazy
                (let found = Dictionary<Hash32, string>()

                 for source in sources do
                     for path in source () do
                         match Files.read path |> Result.bind ModuleShelf.Binary with
                         | Ok bytes -> found.TryAdd(Hash32.sha256 (ReadOnlySpan bytes), path) |> ignore
                         // No module at all; whoever needs it is told that there is none with its hash.
                         | Error _ -> ()

                 found)

        ModuleShelf(
            ShelfBytes,
            place,
            fun hash ->
                match hashes.Value.TryGetValue hash with
                | true, path -> ValueSome path
                | _ -> ValueNone
        )

    let private isModule = [ ".wasm"; ".wat" ]

    let private given (path: string) () : string seq = if Directory.Exists path then files path walk isModule else [| path |]

    let private ofFolder (folder: string) (modules: string list) : seq<Result<CorpusItem, Damage>> =
        let shelf = shelfOf (relative folder) ((modules |> List.map given) @ [ given folder ])

        seq {
            for path in files folder walk [ ".json"; ".tfrc"; ".receipt" ] do
                let name = relative folder path

                match Files.read path with
                | Error reason -> Error { Place = name; Reason = reason }
                | Ok bytes ->
                    // Snapshots and other documents may lie beside receipts.
                    if ReceiptFile.isBytes bytes || not (ReceiptFile.isOtherJson bytes) then
                        Ok { Name = name; Load = load path name ValueNone shelf }
        }

    let private ofFile (path: string) (modules: string list) : seq<Result<CorpusItem, Damage>> =
        let name = Path.GetFileName path
        let beside () : string seq = files (Path.GetDirectoryName(Path.GetFullPath path)) flat isModule
        // Modules that were named are the only ones: what lies beside must not stand in for them.
        let shelf = shelfOf Path.GetFileName (if modules.IsEmpty then [ beside ] else modules |> List.map given)
        Seq.singleton (Ok { Name = name; Load = load path name ValueNone shelf })

    /// What there is to audit at a path: a corpus, a folder with receipts and modules, or a receipt's file. `modules` are files and folders to look for
    /// modules in. Nothing is read yet but lists; enumerate again to see what was added meanwhile. An error: there is nothing at all.
    let items (path: string) (modules: string list) : Result<seq<Result<CorpusItem, Damage>>, string> =
        match modules |> List.tryFind (fun m -> not (File.Exists m || Directory.Exists m)) with
        | Some missing -> Error $"{missing}: there is no such file or folder"
        | None ->
            if File.Exists path then
                Ok(ofFile path modules)
            elif Directory.Exists path then
                CorpusIndex.recognise path
                |> Result.map (fun isCorpus ->
                    // An index that was lost leaves the two folders.
                    let looksLikeOne = Directory.Exists(CorpusIndex.receipts path) && Directory.Exists(CorpusIndex.modules path)
                    if isCorpus || looksLikeOne then ofCorpus path else ofFolder path modules)
            else
                Error $"{path}: there is no such file or folder"

    /// The same, with every receipt read.
    let read (path: string) (modules: string list) : Result<seq<Result<CorpusEntry, Damage>>, string> =
        items path modules |> Result.map (Seq.map (Result.bind (fun item -> item.Load())))

    /// About how many receipts there are (for progress bars): exact for a corpus that is whole.
    let count (path: string) : int64 =
        let counted =
            Files.attempt path (fun () ->
                if File.Exists path then
                    1L
                elif File.Exists(CorpusIndex.index path) then
                    CorpusIndex.read path |> Seq.sumBy (fun line -> if line.IsOk then 1L else 0L)
                elif Directory.Exists path then
                    files path walk [ ".json"; ".tfrc"; ".receipt" ] |> _.LongLength
                else
                    0L)

        Result.defaultValue 0L counted

    /// Appends one receipt; whoever has many opens a CorpusWriter.
    let append (folder: string) (receipt: Receipt) (wasm: byte[]) : Result<bool, string> =
        CorpusWriter.Open folder |> Result.bind (fun writer -> writer.Append(receipt, wasm))
