module Twofold.Hostile.SweepTests

// The sweep, run: each call ends in a value, an errno or a trap of ours, the same on every engine, pooled and fresh, and in the replay.
// In: the tables. Out: tests, one for each table and shape of memory; a list of what no plausible call brings to success, so that the sweep means something.

open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Hostile.Sweep

let private tables = [ "env", AbiTable.env; "cis", AbiTable.cis; "wasi", AbiTable.wasi ]

let private shapes = [ Shape.None; Shape.NoPages; Shape.OnePage; Shape.Grows ]

let private cases = [|
    for table, _ in tables do
        for shape in shapes do
            TestCaseData(table, shape).SetName $"host functions of {table}, memory: {shape}"
|]

let private rowsOf table = tables |> List.find (fun (name, _) -> name = table) |> snd

[<TestCaseSource(nameof cases)>]
let sweep (table: string) (shape: Shape) =
    let table = rowsOf table
    let wasm = guest table shape
    let mutable calls = 0

    for row in rows table do
        let digest () =
            match Everywhere.agree $"{row.Name}, plausible" calls (request wasm row (plausible row)) with
            | Ok r -> string r.ReceiptDigest
            | Error refusal -> failwith $"{row.Name}: {refusal}"

        let before = digest ()

        for arguments in hostile shape row do
            let what = $"{row.Name} %A{arguments}, {shape}"

            match Everywhere.agree what calls (request wasm row arguments) with
            | Ok _ -> calls <- calls + 1
            | Error refusal -> Assert.Fail $"{what}: {refusal}"

        Assert.That(digest (), Is.EqualTo before, $"{row.Name}: after its hostile calls")

    Everywhere.nextIsClean $"{shape}"
    TestContext.Progress.WriteLine $"{calls} calls"

[<Test>]
let ``all rows of all tables are swept`` () =
    let swept = tables |> List.collect (snd >> rows) |> List.map (fun r -> r.Module, r.Name)
    let all = AbiTable.all |> List.filter (fun r -> r.Action <> RowAction.Memory) |> List.map (fun r -> r.Module, r.Name)
    Assert.That((set swept = set all))

/// Calls whose plausible form is refused or ends the run, as it should.
let private unsuccessful =
    set [
        "abort" // traps
        "proc_exit" // ends
        "proc_raise" // not supported
        "sock_accept" // files are no sockets
        "sock_recv"
        "sock_send"
        "sock_shutdown"
    ]

[<Test>]
let ``plausible calls of WASI succeed, and none of any table traps`` () =
    for name, table in tables do
        let wasm = guest table Shape.OnePage

        for row in rows table do
            match (Everywhere.fresh.Execute(request wasm row (plausible row))) with
            | Ok { Receipt = { Outcome = Outcome.Returned values } } ->
                match values with
                | [ errno ] when name = "wasi" && not (unsuccessful.Contains row.Name) -> Assert.That(errno.Low, Is.Zero, row.Name)
                | _ -> ()
            | other -> Assert.That(unsuccessful.Contains row.Name, $"{row.Name}: {Everywhere.ending other}")

[<Test>]
let ``nothing to read or write is no error, wherever it lies not`` () =
    for table, name, at in [ "wasi", "fd_write", 1; "wasi", "fd_read", 1; "wasi", "fd_pread", 1; "wasi", "fd_pwrite", 1 ] do
        let wasm = guest (rowsOf table) Shape.OnePage
        let row = (AbiTable.tryFind WasiTable.Module name).Value

        for address in [ 128UL; 65536UL ] do
            let call = plausible row |> List.updateAt at address |> List.updateAt (at + 1) 0UL
            let r = Everywhere.agree $"{name} of nothing" -1 (request wasm row call)
            Assert.That(Everywhere.ending r, Is.EqualTo "returns 0", $"{name} at {address}")

[<Test>]
let ``hostile calls of many threads on one pool have the receipts that they have alone`` () =
    let wasm = guest AbiTable.wasi Shape.OnePage

    let calls = [|
        for row in rows AbiTable.wasi do
            for i, arguments in List.indexed (hostile Shape.OnePage row) do
                if i % 17 = 0 then
                    request wasm row arguments
    |]

    let digest (e: Executor) (r: ExecutionRequest) =
        match e.Execute r with
        | Ok report -> string report.ReceiptDigest
        | other -> Everywhere.ending other

    for name, e in Everywhere.pooled do
        let alone = calls |> Array.map (digest e)
        let together = Array.Parallel.map (digest e) (Array.append calls (Array.rev calls))
        Assert.That((together = Array.append alone (Array.rev alone)), name)
        Everywhere.returned name e
