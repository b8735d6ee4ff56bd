namespace Twofold.Engine

// The calling convention of skills (docs/SKILLS.md): which shape an entry has, and the calls that a run makes, in order:
//
//     _initialize()             if the module exports it
//     in = alloc(len)           the host writes the input there
//     out = execute(in, len)    (ptr << 32 | len), or execute(in) -> ptr of a text that ends with a zero byte
//     dealloc(out, len)         after the host read it; then dealloc(in, len), unless it is the same block. Only if the module exports it.
//
// In: a valid module and an entry's name; the guest of a run. Out: a shape, or a refusal; the entry's results, and the skill's result as the
// run's return data. One gas limit is over all of it; the host's own part is charged here.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

/// How a skill's entry takes its input and gives its result.
[<RequireQualifiedAccess>]
type SkillShape =
    /// (ptr, len) -> i64: ptr << 32 | len.
    | Counted
    /// (ptr) -> ptr: both end with a zero byte.
    | Terminated
    /// () -> nothing, an i32 or an i64: it takes no input; a number is its result, in decimal.
    | Plain

/// What of a module's exports a skill run calls.
type SkillCalls = private {
    Entry: string
    Shape: SkillShape
    Initialize: bool
    /// How many arguments `dealloc` takes; 0: there is none.
    DeallocArguments: int
} with

    member c.HowCalled = c.Shape

module internal SkillCalls =
    let private i32 = ValType.I32

    let private signature (m: ValidModule) (name: string) : FuncType voption =
        m.Module.Exports
        |> Array.tryFind (fun e -> e.Name = name && e.Kind = ExternKind.Func)
        |> Option.map (fun e -> m.FuncTypes[e.Index])
        |> Option.toValueOption

    let private refused what expected found = Error(Refuse.field "entry" what expected found)

    let private shape entry (t: FuncType) =
        match t.Params, t.Results with
        | [| a; b |], [| r |] when a = i32 && b = i32 && r = ValType.I64 -> Ok SkillShape.Counted
        | [| a |], [| r |] when a = i32 && r = i32 -> Ok SkillShape.Terminated
        | [||], [||] -> Ok SkillShape.Plain
        | [||], [| r |] when r = i32 || r = ValType.I64 -> Ok SkillShape.Plain
        | _ ->
            refused
                "a skill's entry has another signature"
                "[i32 i32] -> [i64], [i32] -> [i32], or nothing to nothing, i32 or i64"
                $"{t} for '{entry}'"

    let private check (m: ValidModule) name wanted (fits: FuncType -> bool) =
        match signature m name with
        | ValueSome t when fits t -> Ok()
        | ValueSome t -> refused $"a skill's {name} has another signature" wanted $"{t}"
        | ValueNone -> refused $"a skill that takes input exports {name}" wanted "no such function"

    let private isAlloc (t: FuncType) = t.Params = [| i32 |] && t.Results = [| i32 |]

    let private deallocArguments (m: ValidModule) =
        match signature m "dealloc" with
        | ValueNone -> Ok 0
        | ValueSome t when t.Results.Length = 0 && (t.Params.Length = 1 || t.Params.Length = 2) && Array.forall ((=) i32) t.Params ->
            Ok t.Params.Length
        | ValueSome t -> refused "a skill's dealloc has another signature" "[i32 i32] -> [] or [i32] -> []" $"{t}"

    /// Whether the module wants `_initialize` called before its other exports (WASI's application ABI).
    let initializes (m: ValidModule) : bool =
        match signature m "_initialize" with
        | ValueSome t -> t.Params.Length = 0 && t.Results.Length = 0
        | ValueNone -> false

    /// What a run of the entry calls, or why the module is no skill.
    let find (m: ValidModule) (entry: string) (t: FuncType) (input: byte[]) : Result<SkillCalls, Rejected> =
        shape entry t
        |> Result.bind (fun shape ->
            (match shape with
             | SkillShape.Plain -> Ok()
             | SkillShape.Terminated when Array.contains 0uy input ->
                 Error(Refuse.field "input" "the skill takes texts that end with a zero byte" "an input without zero bytes" "one with")
             | _ -> check m "alloc" "[i32] -> [i32]" isAlloc)
            |> Result.bind (fun () -> deallocArguments m)
            |> Result.map (fun dealloc -> { Entry = entry; Shape = shape; Initialize = initializes m; DeallocArguments = dealloc }))

    let private pay (guest: Guest) (bytes: int64) = guest.Charge(Schedule.before CisTable.handOver (uint64 bytes) 0UL)

    let private trap code a b = raise (TrapException(enum<TrapCode> code, a, b, 0UL))
    let private number (n: int) = Value.I32 n

    let private give (guest: Guest) (input: byte[]) (ending: int) : uint32 =
        let size = input.Length + ending
        pay guest (int64 size)
        let blocks = guest.Call("alloc", number size)
        let at = uint32 blocks[0].Bits

        // A block at 0 may be one of no bytes; an allocator that has none left says it so too.
        if at = 0u && size > 0 then
            trap HostTrap.SkillNoRoom (uint64 size) 0UL

        let room = guest.Slice(at, uint32 size)
        input.AsSpan().CopyTo room

        if ending > 0 then
            room[input.Length] <- 0uy

        at

    let private read (guest: Guest) (limit: int) (at: uint32) (length: uint32) : byte[] =
        if length > uint32 limit then
            trap HostTrap.SkillResultTooLong (uint64 length) (uint64 limit)

        pay guest (int64 length)
        guest.Slice(at, length).ToArray()

    /// How long a text is that ends with a zero byte.
    let private measure (guest: Guest) (limit: int) (at: uint32) : uint32 =
        if uint64 at >= guest.MemorySize then
            raise (TrapException(TrapCode.HostRangeOutOfBounds, uint64 at, 1UL, guest.MemorySize))

        let rest = guest.MemorySize - uint64 at
        let seen = min rest (uint64 limit + 1UL)

        match guest.Slice(at, uint32 seen).IndexOf 0uy with
        | -1 when seen < rest || seen > uint64 limit -> trap HostTrap.SkillResultTooLong seen (uint64 limit)
        | -1 -> raise (TrapException(TrapCode.HostRangeOutOfBounds, uint64 at, rest + 1UL, guest.MemorySize))
        | n -> uint32 n

    let private free (guest: Guest) (calls: SkillCalls) (at: uint32) (length: uint32) =
        match calls.DeallocArguments with
        | 0 -> ()
        | 1 -> guest.Call("dealloc", number (int at)) |> ignore
        | _ -> guest.Call("dealloc", number (int at), number (int length)) |> ignore

    let private decimal (results: Value[]) =
        match results with
        | [||] -> [||]
        | values when values[0].Kind = ValueKind.I32 -> Utf8.bytes (string (int values[0].Bits))
        | values -> Utf8.bytes (string (int64 values[0].Bits))

    /// Makes the calls. `limit` bounds the result in bytes; `keep` takes it.
    let run (calls: SkillCalls) (input: byte[]) (limit: int) (keep: byte[] -> unit) (guest: Guest) : Value[] =
        if calls.Initialize then
            guest.Call "_initialize" |> ignore

        match calls.Shape with
        | SkillShape.Plain ->
            let results = guest.Call calls.Entry
            keep (decimal results)
            results
        | SkillShape.Counted ->
            let given = give guest input 0
            let results = guest.Call(calls.Entry, number (int given), number input.Length)
            let packed = results[0].Bits
            let at, length = uint32 (packed >>> 32), uint32 packed
            keep (read guest limit at length)
            free guest calls at length

            if at <> given then
                free guest calls given (uint32 input.Length)

            results
        | SkillShape.Terminated ->
            let given = give guest input 1
            let results = guest.Call(calls.Entry, number (int given))
            let at = uint32 results[0].Bits
            let length = measure guest limit at
            keep (read guest limit at length)
            free guest calls at (length + 1u)

            if at <> given then
                free guest calls given (uint32 input.Length + 1u)

            results
