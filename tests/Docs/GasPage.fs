namespace Twofold.Docs.Tests

// docs/GAS.md: the part between the marks is made of the opcode table and the schedule, so that the page cannot lie.

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

module GasTable =
    let private opening = "<!-- made of the opcode table; TWOFOLD_REWRITE=1 with the tests makes it again -->"
    let private closing = "<!-- end -->"

    let private row (gas: GasClass) =
        let names =
            Opcodes.all
            |> Seq.filter (fun i -> i.Gas = gas && i.Op < Op.Enter)
            |> Seq.map (fun i -> $"`{i.Name}`")
            |> Seq.distinct
            |> String.concat " "

        $"| {gas} | {GasSchedule.price gas} | {names} |"

    /// The generated part: a row a class, and the parts that depend on operands, each with figures computed by the schedule itself.
    let text =
        String.Join(
            "\n",
            [
                opening
                ""
                $"Schedule {GasSchedule.version}."
                ""
                "| class | price | instructions |"
                "|---|---|---|"
                yield! Enum.GetValues<GasClass>() |> Seq.map row
                ""
                "| beside the base | price | for example |"
                "|---|---|---|"
                $"| `memory.copy`, `memory.fill`, `memory.init` | 1 for every 8 bytes begun | 8 bytes: {GasSchedule.bytes 8UL}; 9 bytes: {GasSchedule.bytes 9UL}; 64 KiB: {GasSchedule.bytes 65536UL} |"
                $"| `table.copy`, `table.fill`, `table.init` | 2 an element | 10 elements: {GasSchedule.elements 10UL} |"
                $"| `memory.grow` that succeeds | 1,024 a page | 1 page: {GasSchedule.pages 1UL}; 16 pages: {GasSchedule.pages 16UL} |"
                $"| `table.grow` that succeeds | 1 an entry | 10 entries: {GasSchedule.entries 10UL} |"
                $"| `struct.new`, `array.new`, `throw`: the object made | 1 for every 8 bytes: a struct 16 + fields, an array 24 + elements, an exception 16 + values, each rounded up to 8 | an exception with an i32: {GasSchedule.allocation (GasSchedule.exceptionBytes [| ValType.I32 |])} |"
                $"| `array.fill`, `array.copy`, `array.init_*` | 1 for every 8 bytes begun of the elements written | 10 elements of 8 bytes: {GasSchedule.arrayElements { Storage = StorageType.Value ValType.I64; Mutable = true } 10u} |"
                $"| `try_table` | 1 a clause | 2 clauses: {GasSchedule.catches 2} |"
                $"| each call that an exception leaves | {GasSchedule.unwoundFrame} | 3 frames: {3L * GasSchedule.unwoundFrame} |"
                ""
                closing
            ]
        )

    /// A page with its generated part made again.
    let within (page: string) =
        let first = page.IndexOf(opening, StringComparison.Ordinal)
        let last = page.IndexOf(closing, StringComparison.Ordinal)

        if first < 0 || last < 0 then
            page
        else
            page.Substring(0, first) + text + page.Substring(last + closing.Length)

[<TestFixture>]
type GasPage() =
    [<Test>]
    member _.``the gas page is made of the opcode table``() =
        let page = Repository.read "docs/GAS.md"
        Assert.That(page, Does.Contain "<!-- end -->")
        Repository.current "docs/GAS.md" (GasTable.within page)

    [<Test>]
    member _.``every instruction has a row``() =
        for i in Opcodes.all do
            if i.Op < Op.Enter then
                Assert.That(GasTable.text, Does.Contain $"`{i.Name}`")
