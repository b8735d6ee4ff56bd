namespace Twofold.HostAbi

// Between a guest's numbers and values: which bytes a row reads, and where its reply is written. The only place that knows about pointers.
// In: a row, the call's raw arguments, a memory. Out: inputs for Call.decode, or the access that is outside memory (a trap).

open System

/// A guest's memory, as the engine lends it. Addresses are checked before any access; an implementation need not check again.
type IGuestMemory =
    /// Bytes, now.
    abstract Size: uint64
    abstract Read: address: uint32 * length: uint32 -> byte[]
    abstract Write: address: uint32 * bytes: byte[] -> unit
    abstract ReadU32: address: uint32 -> uint32
    abstract WriteU32: address: uint32 * value: uint32 -> unit
    /// So many more pages of 64 KiB, or false and nothing has changed.
    abstract Grow: pages: uint32 -> bool

/// An access outside memory.
type MemoryFault = { Address: uint32; Length: uint64; MemoryBytes: uint64 }

/// A decoded argument: a number, or the bytes that a pointer meant.
[<RequireQualifiedAccess>]
type Input =
    | Value of uint64
    | Bytes of byte[]

/// Moving arguments and replies.
module Marshal =
    let private check (memory: IGuestMemory) (address: uint32) (length: uint64) : Result<unit, MemoryFault> =
        if uint64 address + length > memory.Size then
            Error { Address = address; Length = length; MemoryBytes = memory.Size }
        else
            Ok()

    /// Pairs of a parameter and its argument; `next` is the argument after it.
    let private paired (row: AbiRow) (args: uint64[]) =
        row.Params |> List.mapi (fun i p -> struct (p.Kind, args[i], (if i + 1 < args.Length then uint32 args[i + 1] else 0u)))

    /// How many bytes the call reads: what Schedule.before charges for.
    let inputBytes (row: AbiRow) (args: uint64[]) : uint64 =
        paired row args
        |> List.sumBy (fun (struct (kind, _, next)) ->
            match kind with
            | ParamKind.InAddress -> uint64 Address.Length
            | ParamKind.InHash -> uint64 Hash32.Length
            | ParamKind.InBytes -> uint64 next
            | _ -> 0UL)

    /// The call's inputs in order: values, and bytes in place of pointers. Lengths and places for replies are left out, but for FillLength.
    let inputs (row: AbiRow) (memory: IGuestMemory) (args: uint64[]) : Result<Input list, MemoryFault> =
        let read (address: uint64) (length: uint32) =
            check memory (uint32 address) (uint64 length)
            |> Result.map (fun () -> Some(Input.Bytes(memory.Read(uint32 address, length))))

        let one (struct (kind, arg: uint64, next)) =
            match kind with
            | ParamKind.InAddress -> read arg (uint32 Address.Length)
            | ParamKind.InHash -> read arg (uint32 Hash32.Length)
            | ParamKind.InBytes -> read arg next
            | ParamKind.Amount
            | ParamKind.Height
            | ParamKind.Version -> Ok(Some(Input.Value arg))
            | ParamKind.ResourceKind
            | ParamKind.Level
            | ParamKind.Size
            | ParamKind.Position
            | ParamKind.Block
            | ParamKind.ScriptText
            | ParamKind.FillLength -> Ok(Some(Input.Value(uint64 (uint32 arg))))
            | ParamKind.Length
            | ParamKind.Capacity
            | ParamKind.OutAddress
            | ParamKind.OutHash
            | ParamKind.OutBytes
            | ParamKind.OutCapped
            | ParamKind.OutFill
            | ParamKind.Preview1 -> Ok None

        let rec go collected rest =
            match rest with
            | [] -> Ok(List.rev collected)
            | head :: rest ->
                match one head with
                | Ok(Some input) -> go (input :: collected) rest
                | Ok None -> go collected rest
                | Error fault -> Error fault

        go [] (paired row args)

    /// Where a reply's bytes go, when they are to be written.
    let private target (row: AbiRow) (args: uint64[]) (reply: Reply) : struct (uint32 * byte[]) voption =
        match reply with
        | Reply.Bytes bytes ->
            paired row args
            |> List.tryPick (fun (struct (kind, arg, next)) ->
                match kind with
                | ParamKind.OutAddress
                | ParamKind.OutHash
                | ParamKind.OutBytes
                | ParamKind.OutFill -> Some(struct (uint32 arg, bytes))
                | ParamKind.OutCapped when uint64 bytes.Length <= uint64 next -> Some(struct (uint32 arg, bytes))
                | _ -> None)
            |> function
                | Some found -> ValueSome found
                | None -> ValueNone
        | _ -> ValueNone

    /// How many bytes `output` will write: what Schedule.after charges for.
    let outputBytes (row: AbiRow) (args: uint64[]) (reply: Reply) : uint64 =
        match target row args reply with
        | ValueSome(struct (_, bytes)) -> uint64 bytes.Length
        | ValueNone -> 0UL

    /// Writes the reply where the call wants it and gives the function's result.
    let output (row: AbiRow) (memory: IGuestMemory) (args: uint64[]) (reply: Reply) : Result<uint64, MemoryFault> =
        match target row args reply with
        | ValueSome(struct (address, bytes)) ->
            check memory address (uint64 bytes.Length)
            |> Result.map (fun () ->
                memory.Write(address, bytes)
                Reply.result reply)
        | ValueNone -> Ok(Reply.result reply)

    /// The text of an AssemblyScript string for abort's message: UTF-16 with its byte length in the four bytes before it. For people only, so a
    /// pointer to nonsense gives no text instead of a trap; at most 1 KiB is read.
    let scriptText (memory: IGuestMemory) (pointer: uint32) : string =
        if pointer < 4u || uint64 pointer > memory.Size then
            ""
        else
            let length = min (memory.ReadU32(pointer - 4u)) 1024u &&& ~~~1u

            match check memory pointer (uint64 length) with
            | Ok() -> Text.Encoding.Unicode.GetString(memory.Read(pointer, length))
            | Error _ -> ""
