namespace Twofold.Cli.Tests

// `doctor`: says what there is, and ends in 1 when there is something to mend.

open System.Text.Json
open NUnit.Framework

[<TestFixture>]
type Doctors() =
    let parts (ran: Ran) =
        use json = JsonDocument.Parse ran.Output

        Map [
            for c in json.RootElement.GetProperty("checks").EnumerateArray() ->
                c.GetProperty("part").GetString(), (c.GetProperty("health").GetString(), c.GetProperty("found").GetString())
        ]

    [<Test>]
    member _.``this machine is described``() =
        let ran = Command.run [ "doctor" ]
        Assert.That(ran.Code, Is.LessThanOrEqualTo 1, string ran)

        for part in
            [
                "runtime"
                "engine compiled"
                "processor"
                "memory"
                "address space"
                "reset"
                "temporary folder"
                "cache folder"
                "culture"
            ] do
            Assert.That(ran.Output, Does.Contain part)

        let parts = parts (Command.run [ "doctor"; "--json" ])
        Assert.That(fst parts["engine compiled"], Is.EqualTo "ok")
        Assert.That(snd parts["runtime"], Does.StartWith ".NET")

    [<Test>]
    member _.``what is wrong is a problem, with what to do``() =
        // Without vectors, and without a temporary folder; DOTNET_ variables are this runtime's own.
        let variables = [ "DOTNET_EnableHWIntrinsic", "0"; "TMPDIR", Files.fresh "nowhere" ]
        let ran = Command.runWith variables [ "doctor"; "--json" ]
        Assert.That(ran.Code, Is.EqualTo 1, string ran)
        let parts = parts ran
        Assert.That(fst parts["vectors"], Is.EqualTo "problem")
        Assert.That(snd parts["processor switches"], Does.Contain "EnableHWIntrinsic")
        Assert.That(fst parts["engine compiled"], Is.EqualTo "ok")
        Assert.That((Command.runWith variables [ "doctor" ]).Output, Does.Contain "unset DOTNET_EnableHWIntrinsic")

        if not (System.OperatingSystem.IsWindows()) then
            Assert.That(fst parts["temporary folder"], Is.EqualTo "problem")
