namespace Twofold.Engine

// The index of a corpus: an append-only file of lines, each with a digest of its own. Where the parts of a corpus are.
// In: a folder. Out: lines that are whole, damage for those that are not; a torn last line (somebody was writing, or died) is no damage.
//
//     twofold corpus 1
//     0x<receipt's digest> 0x<module's hash> <bytes of the receipt's file> <first 8 digits of SHA-256 of what stands before>

open System
open System.Globalization
open System.IO
open System.Text
open Twofold.HostAbi

/// A line of an index.
[<Struct>]
type internal IndexLine = { Receipt: Hash32; Module: Hash32; Size: int64 }

module internal CorpusIndex =
    [<Literal>]
    let Version = 1

    let header = $"twofold corpus {Version}"
    let index (folder: string) = Path.Combine(folder, "index")
    let scratch (folder: string) = Path.Combine(folder, "tmp")
    let lockFile (folder: string) = Path.Combine(folder, "index.lock")
    let receipts (folder: string) = Path.Combine(folder, "receipts")
    let modules (folder: string) = Path.Combine(folder, "modules")

    let private digits (h: Hash32) = h.Text.Substring 2

    /// Relative to the corpus, with `/` everywhere. Two digits of the digest make the folder: 100,000 files in one folder are slow in many tools.
    let receiptName (h: Hash32) = let d = digits h in $"receipts/{d.Substring(0, 2)}/{d}.tfrc"

    let moduleName (h: Hash32) = $"modules/{digits h}.wasm"

    let private check (text: string) = (digits (Hash32.sha256 (ReadOnlySpan(Encoding.UTF8.GetBytes text)))).Substring(0, 8)

    let print (line: IndexLine) : string =
        let text = $"{line.Receipt.Text} {line.Module.Text} {line.Size.ToString CultureInfo.InvariantCulture}"
        $"{text} {check text}"

    let private parse (text: string) : Result<IndexLine, string> =
        match text.LastIndexOf ' ' with
        | at when at < 0 || text.Substring(at + 1) <> check (text.Substring(0, at)) ->
            Error "the line does not have the digest that it ends with"
        | at ->
            match text.Substring(0, at).Split ' ' with
            | [| receipt; wasm; size |] ->
                match
                    Hash32.tryParse receipt, Hash32.tryParse wasm, Int64.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture)
                with
                | ValueSome receipt, ValueSome wasm, (true, size) -> Ok { Receipt = receipt; Module = wasm; Size = size }
                | _ -> Error "not a line of an index"
            | _ -> Error "not a line of an index"

    /// Whether a folder says that it is a corpus: Ok false, it does not; an error, it is one of another version or cannot be read.
    let recognise (folder: string) : Result<bool, string> =
        let path = index folder

        if not (File.Exists path) then
            Ok false
        else
            Files.attempt path (fun () ->
                use stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete)
                let start = Array.zeroCreate<byte> 64
                let read = stream.ReadAtLeast(start.AsSpan(), start.Length, false)
                Encoding.UTF8.GetString(start, 0, read).Split('\n')[0])
            |> Result.bind (fun first ->
                // The header, or the beginning of one that was never finished.
                if header.StartsWith(first, StringComparison.Ordinal) then
                    Ok true
                elif first.StartsWith("twofold corpus ", StringComparison.Ordinal) then
                    Error $"{path}: '{first}'; this reads '{header}'"
                else
                    // A damaged header: the receipts are still there.
                    Ok(Directory.Exists(receipts folder)))

    /// A line of a damaged file may be as long as the file: no more than this is kept of it.
    [<Literal>]
    let private MaxLine = 512

    /// Every line, with its number, streamed. The last one only when it is ended by a line feed.
    let private rawLines (path: string) : seq<struct (int * string)> =
        seq {
            use stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite ||| FileShare.Delete, 65536)
            let line = StringBuilder()
            let mutable number = 1
            let mutable next = stream.ReadByte()

            while next >= 0 do
                if next = int '\n' then
                    struct (number, line.ToString())
                    line.Clear() |> ignore
                    number <- number + 1
                elif line.Length < MaxLine then
                    line.Append(char next) |> ignore

                next <- stream.ReadByte()
        }

    /// Every entry of the index in the order in which they were appended.
    let read (folder: string) : seq<Result<IndexLine, Damage>> =
        let damaged (number: int) reason = Error { Place = $"index line {number}"; Reason = reason }

        seq {
            for struct (number, text) in rawLines (index folder) do
                if number = 1 then
                    if text <> header then
                        damaged 1 $"the first line is not '{header}'"
                elif text <> "" then
                    match parse text with
                    | Ok line -> Ok line
                    | Error reason -> damaged number reason
        }

    /// Appends lines, at once and flushed to the disk. A torn last line is ended first, so that it spoils only itself.
    let append (folder: string) (durable: bool) (lines: IndexLine list) : unit =
        Files.locked (lockFile folder) (fun () ->
            use stream =
                new FileStream(index folder, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite ||| FileShare.Delete)

            let text = StringBuilder()

            if stream.Length = 0L then
                text.Append(header).Append('\n') |> ignore
            else
                stream.Seek(-1L, SeekOrigin.End) |> ignore

                if stream.ReadByte() <> int '\n' then
                    text.Append '\n' |> ignore

            for line in lines do
                text.Append(print line).Append('\n') |> ignore

            let bytes = Encoding.UTF8.GetBytes(text.ToString())
            stream.Seek(0L, SeekOrigin.End) |> ignore
            stream.Write(bytes, 0, bytes.Length)
            stream.Flush durable)
