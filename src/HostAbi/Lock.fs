namespace Twofold.HostAbi

// Locks on outputs: what has to be so before a run may spend one, and their bytes in guest memory and in drafts.
// In: bytes from a guest. Out: a lock, or why it is none. Who may spend is judged in Selection.

/// A condition on an output. A lock narrows who may spend it; delegation and contract locks also let a contract spend it.
[<RequireQualifiedAccess>]
type Lock =
    /// Nothing but ownership.
    | None
    /// Not before this time, in Unix seconds.
    | Time of opens: uint64
    /// Not below this block height.
    | Height of opens: uint64
    /// Only when so many of these addresses (1 to 32, distinct, kept in ascending order) stand behind the run.
    | Threshold of required: int * members: Address list
    /// The owner lets this contract spend it too, until a time in Unix seconds (inclusive; 0: for ever).
    | Delegation of delegatee: Address * until: uint64
    /// Only runs of this contract may spend it, the owner by himself may not.
    | Contract of contract: Address

/// The bytes of locks: one tag byte, then fields.
///
///     00                                          none
///     01 opens:u64                                time
///     02 opens:u64                                height
///     03 required:u8 count:u8 count * address42   m-of-n
///     04 address42 until:u64                      delegation
///     05 address42                                contract
module Lock =
    /// How many members a threshold lock may have.
    [<Literal>]
    let MaxMembers = 32

    /// A threshold lock with its members in order, or nothing when the numbers make no sense.
    let tryThreshold (required: int) (members: Address seq) : Lock voption =
        let members = Seq.toList members
        let sorted = List.distinct members |> List.sort

        if sorted.Length <> members.Length || sorted.Length > MaxMembers || required < 1 || required > sorted.Length then
            ValueNone
        else
            ValueSome(Lock.Threshold(required, sorted))

    /// Appends the canonical bytes of a lock.
    let write (w: WireWriter) (lock: Lock) : unit =
        match lock with
        | Lock.None -> w.U8 0uy
        | Lock.Time opens ->
            w.U8 1uy
            w.U64 opens
        | Lock.Height opens ->
            w.U8 2uy
            w.U64 opens
        | Lock.Threshold(required, members) ->
            w.U8 3uy
            w.U8(byte required)
            w.U8(byte members.Length)
            List.iter w.Address members
        | Lock.Delegation(delegatee, until) ->
            w.U8 4uy
            w.Address delegatee
            w.U64 until
        | Lock.Contract contract ->
            w.U8 5uy
            w.Address contract

    /// The canonical bytes of a lock.
    let encode (lock: Lock) : byte[] =
        let w = WireWriter()
        write w lock
        w.ToArray()

    /// Reads one lock; members of a threshold may come in any order.
    let read (r: WireReader) : Lock =
        match r.U8() with
        | 0uy -> Lock.None
        | 1uy -> Lock.Time(r.U64())
        | 2uy -> Lock.Height(r.U64())
        | 3uy ->
            let required = int (r.U8())
            let count = int (r.U8())

            if count * Address.Length > r.Remaining then
                r.Fail $"a lock of {count} members, but {r.Remaining} bytes are left"
                Lock.None
            else
                let members = List.init count (fun _ -> r.Address())

                match tryThreshold required members with
                | ValueSome lock -> lock
                | ValueNone ->
                    r.Fail
                        $"a lock that needs {required} of {count} members: it takes 1 to {MaxMembers} distinct ones, and not more than there are"

                    Lock.None
        | 4uy ->
            let delegatee = r.Address()
            Lock.Delegation(delegatee, r.U64())
        | 5uy -> Lock.Contract(r.Address())
        | tag ->
            r.Fail $"unknown lock tag {tag}"
            Lock.None

    /// The lock that exactly these bytes say, or why they say none.
    let decode (bytes: byte[]) : Result<Lock, string> =
        let r = WireReader bytes
        let lock = read r
        r.Finish lock
