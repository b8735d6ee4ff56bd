namespace Twofold.Engine

// What a corpus gives to whoever reads it: receipts with their modules, and what of it is damaged.
// In: files (Corpus.fs). Out: audits, reports, the C# face.

open Twofold.HostAbi

/// A file, or a line of an index, that cannot be used. It is reported and skipped.
type Damage = {
    /// The file, relative to the corpus, or `index line N`.
    Place: string
    Reason: string
} with

    override d.ToString() = $"{d.Place}: {d.Reason}"

/// A receipt of a corpus, read and checked against its digest.
[<NoComparison; NoEquality>]
type CorpusEntry = {
    /// Its file, relative to the corpus.
    Name: string
    /// SHA-256 of the receipt's canonical bytes.
    Digest: Hash32
    Receipt: Receipt
    /// The module's bytes, checked against their hash. Modules are shared between entries: do not write into them.
    LoadModule: unit -> Result<byte[], Damage>
}

/// A receipt that is known to be there and not read yet: listing is cheap, and loading may be done on any thread.
[<NoComparison; NoEquality>]
type CorpusItem = {
    /// Its file, relative to the corpus.
    Name: string
    Load: unit -> Result<CorpusEntry, Damage>
}
