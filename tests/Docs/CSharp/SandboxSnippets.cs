// The C# of docs/SANDBOX.md, compiled and run by the docs tests; what stands between two marks is one block of the page, in order.

using System.Text;
using Twofold.Wasm;

namespace Twofold.Snippets;

/// <summary>The sandbox page's C#.</summary>
public static class SandboxSnippets
{
    private static readonly byte[] Wasm = Encoding.UTF8.GetBytes("""
        (module
          (import "env" "price" (func $price (param i32) (result f64)))
          (import "env" "shout" (func $shout (param i32 i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "hello")
          (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "total") (param i32) (result f64)
            (call $shout (i32.const 0) (i32.const 5))
            (f64.mul (call $price (i32.const 7)) (f64.convert_i32_s (local.get 0)))))
        """);

    private static readonly byte[] Plugin = Encoding.UTF8.GetBytes("""(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))""");

    /// <summary>Runs them; what they printed.</summary>
    public static async Task<string> Run()
    {
        using var text = new StringWriter { NewLine = "\n" };
        await Sandboxes(text, Wasm);
        await Plugins(text, Plugin, Plugin);
        await Tenants(text, Plugin);
        return text.ToString();
    }

    private static async Task Sandboxes(TextWriter console, byte[] wasm)
    {
        // <sandbox>
        var options = new SandboxOptions()
            .WithMemoryLimit(16 << 20)
            .WithGasLimit(10_000_000)
            .WithDeadline(TimeSpan.FromSeconds(2))
            .WithHostFunction("env", "price", async (int article) => { await Task.Delay(1); return article * 1.5; })
            .WithHostFunction("env", "shout", (Span<byte> text) =>
            {
                foreach (ref byte letter in text) letter &= 0xDF;
            });

        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(wasm);
        SandboxResult result = await sandbox.ExecuteAsync("total", 4);
        console.WriteLine(result.Success ? $"{result.Get<double>()}" : result.Error);       // 42
        console.WriteLine(sandbox.Replay(result.Receipt).Kind);                             // Identical: no function was called
        // </sandbox>
    }

    private static async Task Plugins(TextWriter console, byte[] version1, byte[] version2)
    {
        // <sandbox>
        await using var host = new PluginHost(new SandboxOptions().WithGasLimit(1_000_000));
        Plugin plugin = await host.LoadAsync("adder", version1);        // or LoadFolderAsync("plugins")
        var add = plugin.Bind<Func<int, int, int>>("add");
        console.WriteLine(add(40, 2));                                  // 42
        await plugin.SwapAsync(version2);                               // add now calls the new version
        await host.UnloadAsync("adder");
        // </sandbox>
    }

    private static async Task Tenants(TextWriter console, byte[] wasm)
    {
        // <sandbox>
        var tenants = new TenantScheduler();
        tenants.Add("alice", new TenantQuota().WithGas(50_000_000, TimeSpan.FromMinutes(1)).WithMaxConcurrency(2).WithRate(100, burst: 20));

        await using var manager = new SandboxManager();
        Sandbox adder = manager.Create("adder", new SandboxOptions().WithGasLimit(1_000_000));
        await adder.LoadAsync(wasm);
        SandboxResult result = await tenants.ExecuteAsync("alice", adder, "add", 40, 2);
        if (result.End == SandboxEnd.Refused) console.WriteLine($"try again in {result.RetryAfter}");
        else console.WriteLine(result.Get<int>());                      // 42
        // </sandbox>
    }
}
