namespace Twofold.Docs.Tests

// docs/WASI.md: the list of functions is made of the table, so that the page cannot lie.

open System
open NUnit.Framework
open Twofold.HostAbi

[<TestFixture>]
type WasiPage() =
    static let opening = "<!-- made of the table of WASI functions; TWOFOLD_REWRITE=1 with the tests makes it again -->"
    static let closing = "<!-- end of functions -->"

    static let text =
        String.Join(
            "\n",
            [
                opening
                ""
                "| number | function | what it does | gas |"
                "|---|---|---|---|"
                for row in AbiTable.wasi do
                    match row.Action with
                    | RowAction.Yields kind ->
                        let gas = row.Price.Base.ToString("#,0", Globalization.CultureInfo.InvariantCulture)
                        $"| `%02X{kind.Number}` | `{row.Signature}` | {row.Doc} | {gas} |"
                    | _ -> ()
                ""
                closing
            ]
        )

    [<Test>]
    member _.``the list of functions is made of the table in code``() =
        let page = Repository.read "docs/WASI.md"
        let first = page.IndexOf(opening, StringComparison.Ordinal)
        let last = page.IndexOf(closing, StringComparison.Ordinal)
        Assert.That(first, Is.GreaterThan 0)
        Assert.That(last, Is.GreaterThan first)
        Repository.current "docs/WASI.md" (page.Substring(0, first) + text + page.Substring(last + closing.Length))
