namespace Twofold.HostAbi

// The parts that drafts, effects and snapshots share in canonical bytes: lists, outputs, unspent outputs, state and resource outputs.
// In: values, or a reader. Out: bytes without a header, or values; errors stay in the reader.

/// Writing and reading the parts of drafts and effects.
module internal Parts =
    let items (w: WireWriter) (write: 'T -> unit) (values: 'T[]) =
        w.U32(uint32 values.Length)
        Array.iter write values

    let writeOutput (w: WireWriter) (o: AssetOutput) =
        w.Address o.Owner
        w.Token o.Token
        w.U64 o.Amount
        Lock.write w o.Lock

    let readOutput (r: WireReader) : AssetOutput =
        let owner = r.Address()
        let token = r.Token()
        let amount = r.U64()

        { Owner = owner; Token = token; Amount = amount; Lock = Lock.read r }

    // Owner, token length, amount, lock tag.
    let outputSize = Address.Length + 4 + 8 + 1

    /// Appends an unspent output (without a header: part of drafts and snapshots).
    let writeUtxo (w: WireWriter) (u: Utxo) : unit =
        w.Hash u.Id.Transaction
        w.U32 u.Id.Index

        writeOutput w { Owner = u.Owner; Token = u.Token; Amount = u.Amount; Lock = u.Lock }

    /// Reads an unspent output.
    let readUtxo (r: WireReader) : Utxo =
        let transaction = r.Hash()
        let index = r.U32()
        let o = readOutput r

        {
            Id = { Transaction = transaction; Index = index }
            Owner = o.Owner
            Token = o.Token
            Amount = o.Amount
            Lock = o.Lock
        }

    /// The least bytes an unspent output takes, for WireReader.Items.
    let utxoSize = Hash32.Length + 4 + outputSize

    let writeStateOutput (w: WireWriter) (o: StateOutput) =
        w.Bytes o.Id
        w.U64 o.Version
        w.Hash o.Hash
        w.Bytes o.Data
        w.Bytes o.Proof

    let readStateOutput (r: WireReader) : StateOutput =
        let id = r.Bytes()
        let version = r.U64()
        let hash = r.Hash()
        let data = r.Bytes()

        { Id = id; Version = version; Hash = hash; Data = data; Proof = r.Bytes() }

    let writeResource (w: WireWriter) (o: ResourceOutput) =
        w.U8(byte o.Kind.Number)
        w.Hash o.Hash
        w.Bytes o.Metadata

    let readResource (r: WireReader) : ResourceOutput =
        let kind =
            match ResourceKind.TryOfNumber(int (r.U8())) with
            | ValueSome kind -> kind
            | ValueNone ->
                r.Fail "unknown resource kind"
                ResourceKind.Document

        let hash = r.Hash()

        { Kind = kind; Hash = hash; Metadata = r.Bytes() }
