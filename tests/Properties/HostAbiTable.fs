/// Laws of the ABI table: rows and effects agree one to one, numbers are fixed, generated files are not stale.
/// In: the table. Out: failures by row.
module Twofold.Properties.HostAbiTable

open Microsoft.FSharp.Reflection
open NUnit.Framework
open Twofold.HostAbi

// Cases without fields; a nested family stands with every function of its own.
let private kinds () =
    FSharpType.GetUnionCases typeof<EffectKind>
    |> Array.filter (fun c -> c.GetFields().Length = 0)
    |> Array.map (fun c -> FSharpValue.MakeUnion(c, [||]) :?> EffectKind)
    |> Array.toList
    |> List.append (WasiFunction.All |> List.map EffectKind.Wasi)

let private cases<'T> () = FSharpType.GetUnionCases typeof<'T> |> Array.map (fun c -> FSharpValue.MakeUnion(c, [||]) :?> 'T) |> Array.toList

[<Test>]
let ``each row has one effect and each effect one row`` () =
    let yielded =
        AbiTable.all
        |> List.choose (fun r ->
            match r.Action with
            | RowAction.Yields kind -> Some kind
            | _ -> None)

    Assert.That(yielded |> List.countBy id |> List.filter (fun (_, n) -> n <> 1), Is.Empty)
    // What hosts register themselves is in no table.
    Assert.That(List.except (EffectKind.HostCall :: EffectKind.HostResume :: yielded) (kinds ()), Is.Empty)

[<Test>]
let ``the header is not stale`` () = Repository.generated "sdk/c/twofold.h" CHeader.text

// One page of guest memory with something valid for each kind of pointer: addresses at 0, a hash at 100, a lock at 200, a batch at 300, text at 1000.
let private guest () =
    let memory = HostAbiAllocator.Memory(1, 1) :> IGuestMemory
    memory.Write(0u, HostAbiGen.caller.Bytes)
    memory.Write(100u, (HostAbiGen.hash 1).Bytes)
    memory.Write(200u, Lock.encode (Lock.Time 5UL))
    memory.Write(300u, Batch.encode [])
    memory.Write(1000u, Utf8.bytes (HostAbiGen.ownToken "COIN").Text)
    memory

/// Valid arguments for any row, by the meaning of its parameters.
let private arguments (row: AbiRow) =
    let at, length =
        match row.Name with
        | "create_asset_output_with_lock" ->
            (fun name -> if name = "lock_ptr" then 200UL else 1000UL), (fun name -> if name = "lock_len" then 9UL else 47UL)
        | "batch_create_outputs" -> (fun _ -> 300UL), (fun _ -> 4UL)
        | _ -> (fun _ -> 1000UL), (fun _ -> 47UL)

    row.Params
    |> List.map (fun p ->
        match p.Kind with
        | ParamKind.InAddress -> 0UL
        | ParamKind.InHash -> 100UL
        | ParamKind.InBytes -> at p.Name
        | ParamKind.Length -> length p.Name
        | ParamKind.OutAddress
        | ParamKind.OutHash
        | ParamKind.OutBytes
        | ParamKind.OutCapped
        | ParamKind.OutFill -> 2000UL
        | ParamKind.Capacity -> 64UL
        | ParamKind.ResourceKind -> 2UL
        | _ -> 7UL)
    |> List.toArray

let private yielding =
    AbiTable.env @ AbiTable.cis
    |> List.choose (fun row ->
        match row.Action with
        | RowAction.Yields kind -> Some(row, kind)
        | _ -> None)

[<Test>]
let ``each row's arguments decode to its own effect`` () =
    for row, kind in yielding do
        match Marshal.inputs row (guest ()) (arguments row) with
        | Ok inputs ->
            match Call.decode kind inputs with
            | Ok effect -> Assert.That((Effect.kind effect = kind), row.Name)
            | Error code -> Assert.Fail $"{row.Name}: {code}"
        | Error fault -> Assert.Fail $"{row.Name}: %A{fault}"

[<Test>]
let ``a pointer outside memory is a fault with its numbers`` () =
    for row, _ in yielding do
        row.Params
        |> List.iteri (fun i p ->
            match p.Kind with
            | ParamKind.InAddress
            | ParamKind.InHash
            | ParamKind.InBytes ->
                for outside in [ 65536UL - 3UL; 65537UL; 0xFFFFFFFFUL ] do
                    let args = arguments row
                    args[i] <- outside

                    match Marshal.inputs row (guest ()) args with
                    | Error fault -> Assert.That((fault.Address = uint32 outside && fault.MemoryBytes = 65536UL), $"{row.Name} {p.Name}")
                    | Ok _ -> Assert.Fail $"{row.Name} {p.Name} at {outside}"
            | ParamKind.OutAddress
            | ParamKind.OutHash
            | ParamKind.OutBytes
            | ParamKind.OutCapped
            | ParamKind.OutFill ->
                let args = arguments row
                args[i] <- 65536UL - 3UL
                Assert.That((Marshal.output row (guest ()) args (Reply.Bytes(Array.zeroCreate 4))).IsError, $"{row.Name} {p.Name}")
                args[i] <- 65536UL - 4UL
                Assert.That((Marshal.output row (guest ()) args (Reply.Bytes(Array.zeroCreate 4))).IsOk, $"{row.Name} {p.Name}")
            | _ -> ())

[<Test>]
let ``a capped reply is written only when it fits, and always answers its full length`` () =
    match AbiTable.tryFind "env" "read_reply" with
    | ValueSome row ->
        for size, written in [ 64, 64UL; 65, 0UL ] do
            let memory = guest ()
            let reply = Reply.Bytes(Array.create size 9uy)
            Assert.That(Marshal.outputBytes row (arguments row) reply, Is.EqualTo written)
            Assert.That((Marshal.output row memory (arguments row) reply = Ok(uint64 size)))
            Assert.That(memory.Read(2000u, 1u)[0], Is.EqualTo(if written > 0UL then 9uy else 0uy))
    | ValueNone -> Assert.Fail "read_reply"

[<Test>]
let ``an AssemblyScript message is read carefully`` () =
    let memory = guest ()
    let text = System.Text.Encoding.Unicode.GetBytes "oops ü"
    memory.WriteU32(2996u, uint32 text.Length)
    memory.Write(3000u, text)
    Assert.That(Marshal.scriptText memory 3000u, Is.EqualTo "oops ü")
    memory.WriteU32(65532u, 0xFFFFFFFFu)

    for pointer in [ 0u; 3u; 65536u; 65537u; 0xFFFFFFFFu ] do
        Assert.That(Marshal.scriptText memory pointer, Is.EqualTo "")

[<Test>]
let ``numbers of statuses, errors and effects are distinct, and those published stay`` () =
    let distinct numbers = List.distinct numbers = numbers
    Assert.That(distinct (ContractStatus.all |> List.map (fun (_, n, _, _) -> n)))
    Assert.That((List.sort WasiFunction.All = List.sort (cases<WasiFunction>())))
    Assert.That(distinct (kinds () |> List.map _.Number))

    // The listing is the registry: appending is fine, changing a line here is a break of every contract and receipt.
    let published =
        "1 InvalidParameter, 2 InvalidAddress, 3 InvalidToken, 4 InvalidAmount, 5 InvalidUtf8, 6 InvalidLock, 7 InvalidBatch, 8 NotFound, "
        + "9 AlreadyExists, 10 Unauthorized, 11 InsufficientBalance, 12 Locked, 13 Overflow, 14 KeyTooLong, 15 ValueTooLong, 16 EventTooLong, "
        + "17 ReturnDataTooLong, 18 TooManyInputs, 19 TooManyOutputs, 20 RandomUnavailable, 21 ClaimNotDeclared, 22 NoReply, 23 OutOfMemory, "
        + "24 InvalidPointer"

    let listed = HostErrorCode.all |> List.map (fun (code, n, _, _, _) -> $"{n} {code}") |> String.concat ", "

    Assert.That(listed, Does.StartWith published)
    Assert.That((cases<HostErrorCode>() |> List.map HostErrorCode.number |> List.sort = [ 1 .. HostErrorCode.all.Length ]))

    for code in cases<HostErrorCode>() do
        Assert.That((HostErrorCode.tryOfNumber (HostErrorCode.number code) = ValueSome code))

[<Test>]
let ``prices saturate`` () =
    let price = { Base = 1L; PerByte = System.Int64.MaxValue; PerItem = 3L }

    Assert.That(Schedule.before price 0UL 2UL, Is.EqualTo 7L)
    Assert.That(Schedule.before price System.UInt64.MaxValue System.UInt64.MaxValue, Is.EqualTo System.Int64.MaxValue)

[<Test>]
let ``the reference page is not stale`` () = Repository.generated "docs/HOST_ABI.md" Docs.markdown

[<Test>]
let ``the page and the header of skills are not stale`` () =
    Repository.generated "docs/CIS.md" CisDocs.markdown
    Repository.generated "sdk/c/twofold_skill.h" CisDocs.header

[<Test>]
let ``codes of skills are distinct, negative, and those published stay`` () =
    let listed = SkillError.all |> List.map (fun (e, n, _, _) -> $"{n} {e}") |> String.concat ", "

    Assert.That(listed, Does.StartWith "-1 NotFound, -2 Denied, -3 Timeout, -4 Unavailable, -5 Invalid, -6 TooLarge, -7 NoReply, -8 Failed")

    for error in cases<SkillError>() do
        Assert.That((SkillError.tryOfCode (SkillError.code error) = ValueSome error))
