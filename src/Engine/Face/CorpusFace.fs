namespace Twofold

// Corpora as C# sees them: receipts with their modules in a folder, kept for audits (docs/CORPUS.md).
// In: receipts and modules. Out: the same again, streamed. What the file system refuses is an IOException; what is damaged is said entry by entry.

open System.Collections.Generic
open System.IO
open Twofold.Engine

/// A receipt of a corpus, or what is damaged in its place.
[<Sealed>]
type CorpusEntry internal (entry: Result<Twofold.Engine.CorpusEntry, Damage>) =
    let whole () =
        match entry with
        | Ok e -> e
        | Error damage -> raise (InvalidDataException(damage.ToString()))

    /// The file, relative to the corpus; or the line of its index.
    member _.Name =
        match entry with
        | Ok e -> e.Name
        | Error damage -> damage.Place

    /// Why the receipt cannot be used, or null.
    member _.Damage: string =
        match entry with
        | Ok _ -> null
        | Error damage -> damage.Reason

    /// The receipt. Throws InvalidDataException when it is damaged.
    member _.Receipt: Twofold.Receipt = Twofold.Receipt((whole ()).Receipt)

    /// The module's bytes in the binary format. Throws InvalidDataException when it is not there, or damaged.
    member _.GetModule() : byte[] =
        match (whole ()).LoadModule() with
        | Ok bytes -> Array.copy bytes
        | Error damage -> raise (InvalidDataException(damage.ToString()))

    override _.ToString() =
        match entry with
        | Ok e -> e.Name
        | Error damage -> damage.ToString()

/// A folder of receipts and their modules. Thread-safe; other processes may use the same folder.
[<Sealed; AllowNullLiteral>]
type Corpus private (writer: CorpusWriter) =
    static let orThrow (result: Result<'T, string>) : 'T =
        match result with
        | Ok value -> value
        | Error why -> raise (IOException why)

    member internal _.Writer = writer

    /// The folder.
    member _.Folder = writer.Folder

    /// A corpus to append to; the folder is made when it is not there. Throws IOException when it holds other things.
    static member Open(folder: string) : Corpus = Corpus(orThrow (CorpusWriter.Open(Arguments.notNull (nameof folder) folder)))

    /// Appends a receipt and its module (binary or text); it is on the disk when this returns. False: it was there already.
    member _.Append(receipt: Twofold.Receipt, wasm: byte[]) : bool =
        let receipt = Arguments.notNull (nameof receipt) receipt
        writer.Append(receipt.Inner, Arguments.notNull (nameof wasm) wasm) |> orThrow

    /// Reads everything in the order in which it was appended, one entry at a time.
    member _.Read() : IEnumerable<CorpusEntry> = Corpus.Read writer.Folder

    /// Reads a corpus, any folder of receipts and modules, or a receipt's file with modules beside it. Nothing is written.
    static member Read(path: string) : IEnumerable<CorpusEntry> =
        Twofold.Engine.Corpus.read (Arguments.notNull (nameof path) path) [] |> orThrow |> Seq.map CorpusEntry
