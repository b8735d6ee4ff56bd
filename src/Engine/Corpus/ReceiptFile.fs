namespace Twofold.Engine

// A receipt in a file of either form, canonical bytes or JSON, told apart by content; and files that appear whole or not at all.
// In: bytes, paths. Out: receipts, or why there is none; files.

open System
open System.IO
open System.Text
open System.Text.Json
open System.Threading
open Twofold.HostAbi

module ReceiptFile =
    let private magic = "TFRC"B

    let private strict = UTF8Encoding(false, true)

    /// Begins as canonical bytes do.
    let isBytes (bytes: byte[]) : bool = bytes.AsSpan().StartsWith(magic.AsSpan())

    /// The receipt that these bytes say, in either form.
    let decode (bytes: byte[]) : Result<Receipt, string> =
        if isBytes bytes then
            ReceiptBytes.decode bytes
        else
            try
                ReceiptJson.ofJson ((strict.GetString bytes).TrimStart '\uFEFF')
            with :? DecoderFallbackException ->
                Error "not a receipt: neither canonical bytes nor UTF-8 text"

    /// JSON that never was a receipt, such as a snapshot beside receipts: an object without a receipt's two first names, or no object.
    let internal isOtherJson (bytes: byte[]) : bool =
        try
            use document = JsonDocument.Parse(ReadOnlyMemory bytes, JsonDocumentOptions(MaxDepth = 64))
            let root = document.RootElement

            root.ValueKind <> JsonValueKind.Object
            || not (fst (root.TryGetProperty "receipt")) && not (fst (root.TryGetProperty "digest"))
        with :? JsonException ->
            false

/// I/O that answers with a sentence, and writes that are whole or absent.
module internal Files =
    let describe (path: string) (e: exn) =
        match e with
        | :? FileNotFoundException
        | :? DirectoryNotFoundException -> $"{path}: there is no such file"
        | :? UnauthorizedAccessException when Directory.Exists path -> $"{path}: this is a folder"
        | :? UnauthorizedAccessException -> $"{path}: access denied"
        | e -> $"{path}: {e.Message}"

    /// The failures that a file system can have.
    let attempt (path: string) (work: unit -> 'T) : Result<'T, string> =
        try
            Ok(work ())
        with
        | :? IOException as e -> Error(describe path e)
        | :? UnauthorizedAccessException as e -> Error(describe path e)
        | :? ArgumentException as e -> Error(describe path e)
        | :? NotSupportedException as e -> Error(describe path e)

    let read (path: string) : Result<byte[], string> = attempt path (fun () -> File.ReadAllBytes path)

    /// Ordinal order: the same everywhere.
    let sorted (paths: string[]) : string[] = Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) paths

    /// Writes to a file of its own in `scratch` (the same file system), flushes to the disk, then renames: readers see all of it or nothing.
    let writeWhole (scratch: string) (durable: bool) (path: string) (bytes: byte[]) : unit =
        Directory.CreateDirectory scratch |> ignore
        let temporary = Path.Combine(scratch, Guid.NewGuid().ToString "N")

        try
            using (new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None)) (fun stream ->
                stream.Write(bytes, 0, bytes.Length)
                stream.Flush durable)

            File.Move(temporary, path, true)
        with _ ->
            File.Delete temporary
            reraise ()

    /// Runs with the lock that the file stands for; the operating system drops it when a process dies. Waits for at most 30 s.
    let locked (path: string) (work: unit -> 'T) : 'T =
        let until = Environment.TickCount64 + 30_000L

        let rec enter (pause: int) =
            match
                (try
                    ValueSome(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
                 with
                 | :? DirectoryNotFoundException
                 | :? FileNotFoundException -> reraise ()
                 | :? IOException when Environment.TickCount64 < until -> ValueNone)
            with
            | ValueSome stream -> stream
            | ValueNone ->
                Thread.Sleep pause
                enter (min 20 (pause + 1))

        use _ = enter 1
        work ()
