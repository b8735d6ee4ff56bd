namespace Twofold.HostAbi

// What a table of host functions is made of: rows with their parameters, prices and what they do.
// In: nothing. Out: the types of every table (AbiTable, Wasi/WasiTable).

/// The two types that cross the boundary.
[<RequireQualifiedAccess>]
type AbiType =
    | I32
    | I64

    override t.ToString() =
        match t with
        | I32 -> "i32"
        | I64 -> "i64"

/// What a parameter means. Pointers and lengths are u32.
[<RequireQualifiedAccess>]
type ParamKind =
    /// An amount of a token, unsigned.
    | Amount
    /// A block height, unsigned.
    | Height
    /// A version number, unsigned.
    | Version
    /// A number of ResourceKind.
    | ResourceKind
    /// A log level.
    | Level
    /// A size in bytes for the allocator.
    | Size
    /// A line or column, for abort.
    | Position
    /// A block of the allocator, or 0.
    | Block
    /// An AssemblyScript string: UTF-16, its byte length in the four bytes before it; 0 is none.
    | ScriptText
    /// 42 bytes to read.
    | InAddress
    /// 32 bytes to read.
    | InHash
    /// Bytes to read; the next parameter is their Length.
    | InBytes
    /// How many bytes the pointer before it means.
    | Length
    /// 42 bytes to write.
    | OutAddress
    /// 32 bytes to write.
    | OutHash
    /// Room for the whole reply, however long it is: its length is asked for first.
    | OutBytes
    /// Room for a reply, written only when it fits; the next parameter is the Capacity.
    | OutCapped
    /// How many bytes there is room for.
    | Capacity
    /// Room for as many bytes as the next parameter, a FillLength, asks for.
    | OutFill
    /// How many bytes are wanted.
    | FillLength
    /// A number, a pointer or a length that WASI preview1 defines; WasiDispatch reads and writes what it means.
    | Preview1

/// One parameter.
type AbiParam = { Name: string; Type: AbiType; Kind: ParamKind }

/// What a call costs in gas: charged before it acts, except for the bytes it writes, which are charged before they are written.
type Price = {
    Base: int64
    /// For each byte read from guest memory as an argument and each byte written as a reply.
    PerByte: int64
    /// For each output that the call has to look at (see Decide.weight).
    PerItem: int64
}

/// What a row does.
[<RequireQualifiedAccess>]
type RowAction =
    /// It yields this effect: decide answers.
    | Yields of EffectKind
    /// The engine answers with the reason of the last failure.
    | LastError
    /// The same in tables whose functions answer with codes: the code of the last call, or 0.
    | LastCode
    /// The allocator gives a block.
    | Allocate
    /// The allocator takes a block back.
    | Free
    /// The run traps with a message.
    | Abort
    /// Not a function: a memory that the engine supplies.
    | Memory

/// One import.
type AbiRow = {
    Module: string
    Name: string
    Params: AbiParam list
    Result: AbiType option
    /// What the result is, in words.
    Answer: string
    Price: Price
    /// The version of the ABI that brought it.
    Since: int
    Doc: string
    Action: RowAction
    /// Refused at link time when the request switches randomness off.
    NeedsRandom: bool
} with

    /// The row as a line: `state_get(key_ptr i32, key_len i32, out_ptr i32) -> i32`.
    member r.Signature =
        match r.Action with
        | RowAction.Memory -> $"{r.Name} (memory)"
        | _ ->
            let ps = r.Params |> List.map (fun p -> $"{p.Name} {p.Type}") |> String.concat ", "

            match r.Result with
            | Some t -> $"{r.Name}({ps}) -> {t}"
            | None -> $"{r.Name}({ps})"

/// The published prices and the version of the ABI. A change of any price is a new schedule.
module Schedule =
    /// The version of the prices below; part of every receipt.
    [<Literal>]
    let version = 1

    /// The version of the ABI: names, signatures and meanings.
    [<Literal>]
    let abiVersion = 1

    // Ordinary sizes stay within 64 bits whatever the price; only absurd ones need more.
    let private ordinary (value: uint64) = value < 0x1_0000_0000UL

    let private cheap (price: int64) = price >= 0L && price < 0x1000_0000L

    let private sum (price: Price) (flat: int64) (bytes: uint64) (items: uint64) : int64 =
        if cheap flat && cheap price.PerByte && cheap price.PerItem && ordinary bytes && ordinary items then
            flat + price.PerByte * int64 bytes + price.PerItem * int64 items
        else
            let exact = bigint flat + bigint price.PerByte * bigint bytes + bigint price.PerItem * bigint items
            if exact > bigint System.Int64.MaxValue then System.Int64.MaxValue else int64 exact

    /// What a call pays before it acts: argument bytes read and outputs looked at. Saturates.
    let before (price: Price) (inputBytes: uint64) (items: uint64) : int64 = sum price price.Base inputBytes items

    /// What a call pays before its reply is written to guest memory. Saturates.
    let after (price: Price) (outputBytes: uint64) : int64 = sum price 0L outputBytes 0UL
