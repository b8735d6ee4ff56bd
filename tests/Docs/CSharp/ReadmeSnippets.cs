// The C# of README.md, compiled and run by the docs tests; what stands between the marks is what README.md shows.

namespace Twofold.Snippets;

/// <summary>The README's C#.</summary>
public static class ReadmeSnippets
{
    /// <summary>Runs it; what it printed.</summary>
    public static string Run(string folder)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var old = (Out: Console.Out, Folder: Directory.GetCurrentDirectory());
        Console.SetOut(text);
        Directory.SetCurrentDirectory(folder);
        try
        {
            Snippet();
        }
        finally
        {
            Console.SetOut(old.Out);
            Directory.SetCurrentDirectory(old.Folder);
        }
        return text.ToString();
    }

    private static void Snippet()
    {
        // <readme>
        using var engine = new TwofoldEngine();
        byte[] wasm = File.ReadAllBytes("samples/contracts/wasm/token-as.wasm");
        string alice = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", token = "0xc0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";

        ExecutionRequest request = ExecutionRequest.ForContract(wasm, "Transfer", caller: alice, contract: token)
            .WithParameters("""{"to": "0xb0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0", "amount": 70}""")
            .WithSnapshot(Snapshot.FromJson(File.ReadAllText("samples/demo/snapshot.json")))
            .WithGas(1_000_000);

        ExecutionReport report = engine.Execute(request);
        if (report.TryGetReceipt(out Receipt receipt) && receipt.Outcome.IsSuccess)
            foreach (DraftOutput output in receipt.Draft.Outputs)
                Console.WriteLine($"{output.Amount} to {output.Owner}");
        else
            Console.WriteLine(report.Message);

        ReplayResult replay = engine.Replay(Receipt.FromJson(receipt.ToJson()), wasm);
        Console.WriteLine(replay.Kind); // Identical
        // </readme>
    }
}
