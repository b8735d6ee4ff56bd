module Twofold.Determinism.Face

// The C# face does what the F# side does: same receipts, misuse named, cancellation as .NET has it.
// In: calls as a C# host makes them. Out: the face's classes and exceptions.

open System
open System.Collections.Generic
open System.Text
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold
open Twofold.Determinism.Assemble

let private wasm = Repository.contract "token-raw-c"
let private alice = World.alice.Text
let private token = World.token.Text

let private snapshot = lazy (Snapshot.FromJson(Twofold.Engine.SnapshotJson.toJson (Tokens.furnished "token-raw-c")))

let private transfer amount =
    ExecutionRequest
        .ForContract(wasm, "Transfer", alice, token)
        .WithParameters(World.parameters "token-raw-c" (World.Transfer(World.bob, amount)))
        .WithSnapshot(snapshot.Value)
        .WithTransactionId((World.transaction 9).Text)

let private endless = guest [ def "run" [] [ i32 ] (forever [] @ constant 0) ] |> assemble

let private patient = ExecutionProfile.Contract.WithGas(Int64.MaxValue).WithDeadline TimeSpan.Zero

[<Test>]
let ``the face gives the receipt that the F# side gives`` () =
    use engine = new TwofoldEngine()
    let report = engine.Execute(transfer 5UL)

    let inner =
        Harness.report
            Harness.fresh
            (World.request "token-raw-c" (Tokens.furnished "token-raw-c") World.alice 9 (World.Transfer(World.bob, 5UL)))

    Assert.That(report.Status, Is.EqualTo ReportStatus.Completed)
    Assert.That(report.Receipt.Digest, Is.EqualTo inner.ReceiptDigest.Text)
    Assert.That(report.Receipt.Outcome.Kind, Is.EqualTo OutcomeKind.Returned)
    Assert.That(report.Receipt.Draft.Outputs.Count, Is.EqualTo 2)
    Assert.That(report.Receipt.Draft.Events[0].Name, Is.EqualTo "Transfer")
    Assert.That(report.Receipt.Journal[0].Call, Is.Not.Empty)
    Assert.That(Receipt.FromBytes(report.Receipt.ToBytes()), Is.EqualTo report.Receipt)
    Assert.That(Receipt.FromJson(report.Receipt.ToJson()), Is.EqualTo report.Receipt)
    Assert.That(engine.Replay(report.Receipt, wasm).Kind, Is.EqualTo ReplayKind.Identical)
    Assert.That(engine.LoadedModules, Is.EqualTo 1)
    Assert.That(engine.Evict report.Receipt.ModuleHash, Is.EqualTo 1)
    Assert.That(engine.LoadedModules, Is.EqualTo 0)

[<Test>]
let ``a host's own store is read like a snapshot`` () =
    use engine = new TwofoldEngine()

    let reader = {
        new IStateReader with
            member _.GetOutputs(owner, id) =
                snapshot.Value.Outputs |> Seq.filter (fun u -> u.Owner = owner && u.Token = id) |> Seq.toArray
                :> IReadOnlyList<UnspentOutput>

            member _.GetState(contract, key) =
                match snapshot.Value.TryGetState(contract, key) with
                | true, value -> value
                | _ -> null

            member _.GetBlockHash _ = null
    }

    let bySnapshot = engine.Execute((transfer 5UL).WithBlock(7UL, 8UL)).Receipt
    let byStore = engine.Execute((transfer 5UL).WithState(reader).WithBlock(7UL, 8UL)).Receipt
    Assert.That(byStore.Draft.ToJson(), Is.EqualTo(bySnapshot.Draft.ToJson()))

[<Test>]
let ``failures are apart: failed, rejected, faulted`` () =
    use engine = new TwofoldEngine()
    let failed = engine.Execute(transfer 101UL)
    Assert.That(failed.Receipt.Outcome.Kind, Is.EqualTo OutcomeKind.Failed)
    Assert.That(failed.Receipt.Outcome.Status, Is.EqualTo 2)
    Assert.That(failed.Receipt.Draft, Is.Null)

    let rejected = engine.Execute(ExecutionRequest.ForContract([| 1uy; 2uy |], "run", alice, token))
    Assert.That(rejected.Status, Is.EqualTo ReportStatus.Rejected)
    Assert.That(rejected.Rejection.Kind, Is.EqualTo Twofold.Wasm.RejectionKind.Malformed)
    let missing = Assert.Throws<InvalidOperationException>(fun () -> rejected.Receipt |> ignore)
    Assert.That(missing.Message, Does.Contain "malformed")

    let slow =
        ExecutionRequest.ForContract(endless, "run", alice, token).WithProfile(patient.WithDeadline(TimeSpan.FromMilliseconds 50.0))

    let late = engine.Execute slow
    Assert.That(late.Status, Is.EqualTo ReportStatus.Faulted)
    Assert.That(late.FaultKind, Is.EqualTo FaultKind.Deadline)

    let trapped = engine.Execute(ExecutionRequest.ForExport((guest [ def "run" [] [] unreachable ] |> assemble), "run"))
    Assert.That(trapped.Receipt.Outcome.TrapCode, Is.EqualTo Twofold.Wasm.TrapCode.Unreachable)

    let sum = guest [ def "add" [ i32; i32 ] [ i32 ] (local 0 @ local 1 @ add) ] |> assemble
    let returned = engine.Execute(ExecutionRequest.ForExport(sum, "add", 5UL, 3UL))
    Assert.That(returned.Receipt.Outcome.Values[0].AsI32(), Is.EqualTo 8)

[<Test>]
let ``cancelling throws OperationCanceledException, within a moment`` () =
    use engine = new TwofoldEngine()
    use source = new CancellationTokenSource(100)
    let request = ExecutionRequest.ForContract(endless, "run", alice, token).WithProfile patient
    let watch = Diagnostics.Stopwatch.StartNew()
    let task = engine.ExecuteAsync(request, source.Token)
    Assert.That(Action(fun () -> task.GetAwaiter().GetResult() |> ignore), Throws.InstanceOf<OperationCanceledException>())
    Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds 5.0))
    Assert.That(engine.IdleInstances, Is.EqualTo 0)

[<Test>]
let ``misuse is named by its parameter`` () =
    let throwing (parameter: string) (work: unit -> unit) =
        let e = Assert.Catch<ArgumentException>(fun () -> work ())
        Assert.That(e.ParamName, Is.EqualTo parameter)

    throwing "caller" (fun () -> ExecutionRequest.ForContract(wasm, "run", "alice", token) |> ignore)
    throwing "wasm" (fun () -> ExecutionRequest.ForContract(null, "run", alice, token) |> ignore)
    throwing "snapshot" (fun () -> (transfer 1UL).WithSnapshot(Unchecked.defaultof<_>) |> ignore)
    throwing "id" (fun () -> (transfer 1UL).WithTransactionId "0x12" |> ignore)
    throwing "token" (fun () -> UnspentOutput((World.transaction 1).Text, 0u, alice, "GLD", 1UL) |> ignore)
    throwing "gas" (fun () -> ExecutionProfile.Contract.WithGas -1L |> ignore)
    throwing "count" (fun () -> EngineOptions().WithCachedModules 0 |> ignore)
    throwing "request" (fun () -> (use e = new TwofoldEngine() in e.Execute(Unchecked.defaultof<_>) |> ignore))
    let wrong = Assert.Throws<FormatException>(fun () -> Snapshot.FromJson """{"utxos": 5}""" |> ignore)
    Assert.That(wrong.Message, Does.Contain "utxos")
    Assert.Throws<FormatException>(fun () -> Receipt.FromBytes(Encoding.ASCII.GetBytes "hello") |> ignore) |> ignore

[<Test>]
let ``what a host does with its arrays afterwards changes nothing`` () =
    use engine = new TwofoldEngine()
    let mine = Array.copy wasm
    let parameters = World.parameters "token-raw-c" (World.Transfer(World.bob, 5UL))

    let request =
        ExecutionRequest.ForContract(mine, "Transfer", alice, token).WithParameters(parameters).WithSnapshot snapshot.Value

    let before = engine.Execute(request).Receipt
    Array.Clear mine
    Array.Clear parameters
    Array.Clear(before.GetReturnData())
    Assert.That(engine.Execute(request).Receipt.Digest, Is.EqualTo before.Digest)

[<Test>]
let ``an external source is asked for what the request does not declare`` () =
    let code = constant 0 @ constant 5 @ constant 100 @ constant 50 @ call 0

    let bytes =
        guest [ def "run" [] [ i32 ] code ]
        |> fun g ->
            assemble {
                g with
                    Imports = [ "env", "declare_external_state", [ i32; i32; i32; i32 ], [ i32 ] ]
                    Data = List.ofArray (Encoding.ASCII.GetBytes "price")
            }

    let source = {
        new IExternalSource with
            member _.DeclareState(_, claim) = if Encoding.ASCII.GetString claim = "price" then Encoding.ASCII.GetBytes "42" else null
    }

    use engine = new TwofoldEngine(EngineOptions().WithExternalSource source)
    use plain = new TwofoldEngine()
    let request = ExecutionRequest.ForExport(bytes, "run").WithProfile ExecutionProfile.Contract
    let receipt = engine.Execute(request).Receipt
    Assert.That(receipt.Outcome.Values[0].AsI32(), Is.EqualTo 2)
    Assert.That(plain.Replay(receipt, bytes).Kind, Is.EqualTo ReplayKind.Identical)
    Assert.That(plain.Execute(request).Receipt.Outcome.Values[0].AsI32(), Is.EqualTo 0)
    let declared = request.WithClaim(Encoding.ASCII.GetBytes "price", Encoding.ASCII.GetBytes "0042", [||])
    Assert.That(plain.Execute(declared).Receipt.Outcome.Values[0].AsI32(), Is.EqualTo 4)

[<Test>]
let ``a request with text is the request with the text's binary form`` () =
    use engine = new TwofoldEngine()
    let bytes (text: string) = Encoding.UTF8.GetBytes text
    let text = bytes "(module (func (export \"f\") (result i32) (i32.const 0)))"

    let binary =
        match Twofold.Wasm.Text.Wat.parseBytes text with
        | Ok bytes -> bytes
        | Error e -> failwith $"{e}"

    let receipt (wasm: byte[]) = engine.Execute(ExecutionRequest.ForContract(wasm, "f", alice, token)).Receipt
    let ofText, ofBinary = receipt text, receipt binary
    Assert.That(ofText, Is.EqualTo ofBinary)
    Assert.That(engine.Replay(ofText, binary).Kind, Is.EqualTo ReplayKind.Identical)
    Assert.That(engine.Replay(ofBinary, text).Kind, Is.EqualTo ReplayKind.Identical)
    Assert.That(engine.Replay(ofBinary, bytes "(module (fun))").Kind, Is.EqualTo ReplayKind.CannotJudge)

    // What is wrong in a text is told by line; a text longer than the profile's limit is not read.
    let rejected (wasm: byte[]) = engine.Execute(ExecutionRequest.ForContract(wasm, "f", alice, token)).Rejection
    Assert.That((rejected (bytes "(module\n (fun))")).Where, Is.EqualTo "line 2, column 3")
    let long = bytes ("(module)" + String(' ', ExecutionProfile.Contract.ModuleSizeLimit))
    Assert.That((rejected long).Kind, Is.EqualTo Twofold.Wasm.RejectionKind.Limit)
