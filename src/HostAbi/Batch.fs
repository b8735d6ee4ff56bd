namespace Twofold.HostAbi

// The bytes of batch_create_outputs.
// In: bytes from a guest. Out: the outputs they ask for, or why not; nothing is judged here but the form.

/// A batch: a count, then each output, without gaps.
///
///     count:u32  count * ( owner:address42  amount:u64  token_len:u16 token  lock_len:u16 lock )
///
/// An empty lock is no lock; otherwise the lock's encoding (see Lock), exactly.
module Batch =
    /// Owner, amount and two lengths.
    let private smallest = Address.Length + 8 + 2 + 2

    /// The bytes of a batch.
    let encode (outputs: AssetOutput list) : byte[] =
        let w = WireWriter()
        w.U32(uint32 outputs.Length)

        for o in outputs do
            let token = Utf8.bytes o.Token.Text
            let lock = if o.Lock = Lock.None then [||] else Lock.encode o.Lock
            w.Address o.Owner
            w.U64 o.Amount
            w.U16(uint16 token.Length)
            w.Raw token
            w.U16(uint16 lock.Length)
            w.Raw lock

        w.ToArray()

    let private item (r: WireReader) : AssetOutput =
        let owner = r.Address()
        let amount = r.U64()
        let token = r.Raw(int (r.U16()))

        let token =
            match TokenId.tryOfBytes (System.ReadOnlySpan token) with
            | ValueSome token -> token
            | ValueNone ->
                r.Fail "not a token id"
                TokenId.Native

        let lock =
            match r.Raw(int (r.U16())) with
            | [||] -> Lock.None
            | bytes ->
                match Lock.decode bytes with
                | Ok lock -> lock
                | Error e ->
                    r.Fail e
                    Lock.None

        { Owner = owner; Token = token; Amount = amount; Lock = lock }

    /// The outputs that exactly these bytes ask for, or what is wrong with them.
    let decode (bytes: byte[]) : Result<AssetOutput list, string> =
        let r = WireReader bytes
        let items = r.Items(smallest, item)
        r.Finish(List.ofArray items)
