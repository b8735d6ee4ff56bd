// The ASP.NET Core sample as its callers and operators meet it: a process of its own, HTTP on loopback, an OpenTelemetry collector of ours.
// In: the sample's own settings, with one skill more. Out: answers, statuses, limits for each caller, health, metrics that arrive.

using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Twofold.Hosting.Tests;

[TestFixture, NonParallelizable]
public sealed partial class AspNetHostTests
{
    private const string Pay = """{"to": "0xb0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0", "amount": 70}""";

    private Process host = null!;
    private HttpClient http = null!;
    private HttpListener collector = null!;
    private readonly List<string> exported = [];
    private readonly StringBuilder log = new();
    private string memory = "";

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();

    [OneTimeSetUp]
    public async Task Start()
    {
        collector = new HttpListener();
        int port = 20000 + Environment.ProcessId % 20000;
        while (true)
        {
            try
            {
                collector.Prefixes.Clear();
                collector.Prefixes.Add($"http://127.0.0.1:{port}/");
                collector.Start();
                break;
            }
            catch (HttpListenerException)
            {
                port++;
            }
        }

        _ = Collect();
        memory = Path.Combine(Path.GetTempPath(), $"twofold-sample-{Guid.NewGuid():n}.db");
        var sample = Path.Combine(Paths.Root, "samples", "aspnet-host");
        var start = new ProcessStartInfo("dotnet", [
            Path.Combine(Paths.Root, "artifacts", "bin", "aspnet-host", Paths.Configuration.ToLowerInvariant(), "aspnet-host.dll"),
            "--contentRoot", sample, "--urls", "http://127.0.0.1:0", "--Twofold:Skills:Memory", memory, "--Twofold:Health:Period", "00:00:00.200",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}";
        start.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        start.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "500";
        start.Environment["OTEL_BSP_SCHEDULE_DELAY"] = "500";
        host = Process.Start(start)!;
        var address = new TaskCompletionSource<string>();
        void Line(string? text)
        {
            if (text is null) return;
            lock (log) log.AppendLine(text);
            if (Listening().Match(text) is { Success: true } m) address.TrySetResult(m.Groups[1].Value);
        }

        host.OutputDataReceived += (_, e) => Line(e.Data);
        host.ErrorDataReceived += (_, e) => Line(e.Data);
        host.BeginOutputReadLine();
        host.BeginErrorReadLine();
        var first = await Task.WhenAny(address.Task, Task.Delay(TimeSpan.FromSeconds(60)));
        Assert.That(first, Is.SameAs(address.Task), () => $"the sample does not listen:\n{log}");
        http = new HttpClient { BaseAddress = new Uri(address.Task.Result) };
    }

    private async Task Collect()
    {
        try
        {
            while (true)
            {
                var context = await collector.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                lock (exported) exported.Add(context.Request.Url!.AbsolutePath + " " + Encoding.Latin1.GetString(body.ToArray()));
                context.Response.StatusCode = 200;
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // It was stopped.
        }
    }

    [OneTimeTearDown]
    public void Stop()
    {
        if (!host.HasExited) host.Kill();
        host.WaitForExit();
        host.Dispose();
        http.Dispose();
        collector.Close();
        File.Delete(memory);
    }

    private async Task<(HttpStatusCode Status, string Text)> Post(string path, string body, string? key)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        if (key is not null) message.Headers.Add("X-Api-Key", key);
        using var answer = await http.SendAsync(message);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task AContractIsExecutedAndItsDraftComesBack()
    {
        var (status, text) = await Post("/contracts/token/Transfer", Pay, "alice-key");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), text);
        using var json = JsonDocument.Parse(text);
        Assert.That(json.RootElement.GetProperty("succeeded").GetBoolean());
        // What the demo of the command says of the same call.
        Assert.That(json.RootElement.GetProperty("gas").GetInt64(), Is.EqualTo(53_475));
        Assert.That(json.RootElement.GetProperty("draft").GetRawText(), Does.Contain("\"amount\":\"70\"").Or.Contain("\"amount\": \"70\""));
        // Nothing was committed: the same again is the same.
        Assert.That((await Post("/contracts/token/Transfer", Pay, "alice-key")).Text, Is.EqualTo(text));
    }

    [Test]
    public async Task MistakesSayWhatIsWrong()
    {
        Assert.That((await Post("/contracts/token/Transfer", Pay, null)).Status, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await Post("/contracts/token/Transfer", Pay, "guess")).Status, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await Post("/contracts/nothing/Transfer", Pay, "alice-key")).Status, Is.EqualTo(HttpStatusCode.NotFound));
        var (status, text) = await Post("/contracts/token/Missing", Pay, "alice-key");
        Assert.That((status, text.Contains("Transfer")), Is.EqualTo((HttpStatusCode.BadRequest, true)), text);
        Assert.That((await Post("/contracts/token/Transfer", new string(' ', 70_000), "alice-key")).Status, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        var (poor, why) = await Post("/contracts/token/Transfer", Pay.Replace("70", "7000"), "alice-key");
        Assert.That((poor, why.Contains("failed with status 2")), Is.EqualTo((HttpStatusCode.UnprocessableEntity, true)), why);
    }

    [Test]
    public async Task CallersHaveLimitsOfTheirOwn()
    {
        // Bob has 10,000 gas a request and three requests a minute.
        var (status, text) = await Post("/contracts/token/Transfer", Pay, "bob-key");
        Assert.That((status, text.Contains("out of gas")), Is.EqualTo((HttpStatusCode.UnprocessableEntity, true)), text);
        var later = new List<(HttpStatusCode Status, string Text)>();
        for (int i = 0; i < 4; i++) later.Add(await Post("/contracts/token/Transfer", Pay, "bob-key"));
        var refused = later.FirstOrDefault(l => l.Status == HttpStatusCode.TooManyRequests);
        Assert.That(refused.Text, Does.Contain("calls a second"));
        Assert.That((await Post("/contracts/token/Transfer", Pay, "alice-key")).Status, Is.EqualTo(HttpStatusCode.OK), "another caller is not slowed");
    }

    [Test]
    public async Task ASkillAnswersAndRemembers()
    {
        var (status, text) = await Post("/skills/notes", """{"key": "milk", "text": "two bottles"}""", "alice-key");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), text);
        Assert.That((await Post("/skills/notes", """{"key": "milk"}""", "alice-key")).Text, Does.Contain("two bottles"));
        Assert.That((await Post("/skills/nothing", "{}", "alice-key")).Status, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task HealthIsShownWithCounters()
    {
        await Post("/contracts/token/Transfer", Pay, "alice-key");
        using var answer = await http.GetAsync("/health");
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.That(json.RootElement.GetProperty("status").GetString(), Is.EqualTo("Healthy"));
        var data = json.RootElement.GetProperty("entries").GetProperty("twofold").GetProperty("data");
        Assert.That(data.GetProperty("executions").GetInt64(), Is.GreaterThan(0));
        Assert.That(data.GetProperty("tenants.waiting").GetInt64(), Is.Zero);
    }

    [Test]
    public async Task MetricsAndTracesReachACollector()
    {
        Assert.That((await Post("/contracts/token/Transfer", Pay, "alice-key")).Status, Is.EqualTo(HttpStatusCode.OK));
        for (int i = 0; i < 600; i++)
        {
            lock (exported)
            {
                bool metrics = exported.Any(e => e.StartsWith("/v1/metrics") && e.Contains("twofold.execution.duration") && e.Contains("returned") && e.Contains("twofold.tenant.wait.duration"));
                bool traces = exported.Any(e => e.StartsWith("/v1/traces") && e.Contains("twofold.execute"));
                if (metrics && traces) return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"within 30 s neither or only one arrived; what did: {string.Join(", ", exported.Select(e => e.Split(' ')[0]))}");
    }
}
