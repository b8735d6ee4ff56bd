namespace Twofold.Cli.Tests

// Each exit code, apart from a guest's own status.

open System.IO
open NUnit.Framework
open Twofold.Engine

[<TestFixture>]
type Endings() =
    let says (text: string) (ran: Ran) =
        Assert.That(ran.Error, Does.Contain text)
        Assert.That(ran.Error.TrimEnd().Split('\n'), Has.Length.EqualTo 1, "one line on standard error")

    let run (wasm: byte[]) args = [ "run"; Files.withBytes "m.wasm" wasm; "--invoke"; "f" ] @ args

    [<Test>]
    member _.``a contract's own status ends in 1, whatever its number``() =
        Command.ending 1 [ "exec"; Files.withBytes "m.wasm" (Wasm.status 4); "f" ] |> says "status 4"
        Command.ending 1 (Demo.transfer (Demo.parameters 1000) Demo.snapshot []) |> says "InsufficientBalance"

    [<Test>]
    member _.``a trap ends in 3``() = Command.ending 3 (run Wasm.trap []) |> says "unreachable"

    [<Test>]
    member _.``gas and stack that run out end in 4``() =
        Command.ending 4 (run Wasm.endless [ "--gas"; "1000" ]) |> says "out of gas"
        Command.ending 4 (run Wasm.recursion []) |> says "stack"

    [<Test>]
    member _.``a deadline that passes ends in 5``() = Command.ending 5 (run Wasm.endless [ "--timeout"; "0.2" ]) |> says "timeout"

    [<Test>]
    member _.``a replay that differs ends in 1 and says how, one of another module in 2``() =
        let file = Files.fresh "receipt.json"
        Command.ending 0 (Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--receipt"; file ]) |> ignore

        match ReceiptJson.ofJson (File.ReadAllText file) with
        | Error e -> Assert.Fail e
        | Ok receipt ->
            let changed = Files.withText "changed.json" (ReceiptJson.toJson { receipt with GasUsed = receipt.GasUsed + 1L })
            let ran = Command.ending 1 [ "replay"; changed; "--module"; Demo.wasm ]
            says "GasUsed differs" ran

            Command.ending 2 [ "replay"; file; "--module"; Files.ofRepository "samples/contracts/wasm/token-c.wasm" ]
            |> says "another module"
