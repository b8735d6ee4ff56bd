// A C# host in one file: runs the sample token (AssemblyScript), prints what a transfer would do, and proves it by replaying the receipt.
// In: the path of samples/contracts/wasm/token-as.wasm. Out: the outcome, gas and draft on standard output; exit code 0 when the replay agrees.

using System.Text;
using Twofold;

const string owner = "0x1111111111111111111111111111111111111111";
const string alice = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const string bob = "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const string token = "0xcccccccccccccccccccccccccccccccccccccccc";

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: csharp-host token-as.wasm");
    return 2;
}

byte[] wasm = await File.ReadAllBytesAsync(args[0]);
using var engine = new TwofoldEngine(new EngineOptions().WithCachedModules(8));

// The world before: the token exists, Alice has 60 and 40 of its coins.
string gold = token + ":GLD";
string earlier = "0x" + new string('0', 63) + "1";
var snapshot = Snapshot.Empty
    .WithBlock(height: 1000, timestamp: 1_760_000_000)
    .WithState(token, "owner"u8.ToArray(), Encoding.ASCII.GetBytes(owner))
    .WithState(token, "name"u8.ToArray(), "Gold"u8.ToArray())
    .WithState(token, "symbol"u8.ToArray(), "GLD"u8.ToArray())
    .WithState(token, "supply"u8.ToArray(), BitConverter.GetBytes(100UL))
    .WithOutput(new UnspentOutput(earlier, 0, alice, gold, 60))
    .WithOutput(new UnspentOutput(earlier, 1, alice, gold, 40));

var request = ExecutionRequest.ForContract(wasm, "Transfer", caller: alice, contract: token)
    .WithParameters($$"""{"to": "{{bob}}", "amount": 5}""")
    .WithSnapshot(snapshot)
    .WithGas(1_000_000);

using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
ExecutionReport report = await engine.ExecuteAsync(request, patience.Token);

if (!report.TryGetReceipt(out Receipt? receipt) || receipt.Draft is not { } draft)
{
    Console.Error.WriteLine(report.Message);
    return 1;
}

Console.WriteLine($"outcome   {receipt.Outcome.Kind}, gas {receipt.GasUsed}");
foreach (UnspentOutput input in draft.Inputs) Console.WriteLine($"input     {input.Amount} of {input.Owner}");
foreach (DraftOutput output in draft.Outputs) Console.WriteLine($"output    {output.Amount} to {output.Owner}");
foreach (DraftEventInfo told in draft.Events) Console.WriteLine($"event     {told.Name} {told.DataText}");

// Anybody who has the receipt and the module can check it: no snapshot, no provider.
ReplayResult replay = engine.Replay(Receipt.FromJson(receipt.ToJson()), wasm);
Console.WriteLine($"replay    {replay.Kind}");
return replay.Kind == ReplayKind.Identical ? 0 : 1;
