// The packages as somebody else gets them: packed, put into a local feed, consumed by a fresh C# project, and installed as a .NET tool.
// In: what the solution built. Out: the consumer's and the command's output, and what the packages hold.

using System.Diagnostics;
using System.IO.Compression;
using System.Reflection.PortableExecutable;
using NUnit.Framework;

namespace Twofold.Hosting.Tests;

[TestFixture, NonParallelizable]
public sealed class PackageTests
{
    private static readonly string[] Packed =
    [
        "src/Wasm/Runtime/Runtime.csproj", "src/Wasm/Wasm.fsproj", "src/HostAbi/HostAbi.fsproj", "src/Engine.fsproj", "src/Wasmtime/Wasmtime.csproj",
        "src/Hosting/Hosting.fsproj", "src/Skills/Skills.fsproj", "src/Cli/Cli.fsproj",
    ];

    private string work = "";
    private string feed = "";

    private static (int Code, string Text) TryRun(string folder, string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // What the test runner was started with is not what a user starts with.
        foreach (var name in new[] { "MSBUILDSDKSPATH", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly" }) start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var p = Process.Start(start)!;
        var error = p.StandardError.ReadToEndAsync();
        string text = p.StandardOutput.ReadToEnd() + error.Result;
        p.WaitForExit();
        return (p.ExitCode, text);
    }

    private static string Run(string folder, string file, params string[] arguments)
    {
        var (code, text) = TryRun(folder, file, arguments);
        Assert.That(code, Is.Zero, $"{file} {string.Join(' ', arguments)}\n{text}");
        return text;
    }

    [OneTimeSetUp]
    public void Pack()
    {
        work = Directory.CreateTempSubdirectory("twofold-packages").FullName;
        feed = Path.Combine(work, "feed");
        foreach (var project in Packed) Run(Paths.Root, "dotnet", "pack", project, "-c", Paths.Configuration, "--no-build", "--nologo", "-o", feed);
        // The user's packages are at hand, ours only from the feed.
        var user = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(work, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <fallbackPackageFolders><clear /><add key="user" value="{user}" /></fallbackPackageFolders>
              <packageSources><clear /><add key="feed" value="feed" /></packageSources>
            </configuration>
            """);
    }

    [OneTimeTearDown]
    public void Clean() => Directory.Delete(work, true);

    private ZipArchive Open(string id) => ZipFile.OpenRead(Directory.GetFiles(feed, id + ".0*.nupkg").Single());

    [TestCase("Twofold.Wasm.Runtime", "lib/net10.0/Twofold.Wasm.Runtime.dll")]
    [TestCase("Twofold.Wasm", "lib/net10.0/Twofold.Wasm.dll")]
    [TestCase("Twofold.HostAbi", "lib/net10.0/Twofold.HostAbi.dll")]
    [TestCase("Twofold", "lib/net10.0/Twofold.dll")]
    [TestCase("Twofold.Wasmtime", "lib/net10.0/Twofold.Wasmtime.dll")]
    [TestCase("Twofold.Extensions.Hosting", "lib/net10.0/Twofold.Extensions.Hosting.dll")]
    [TestCase("Twofold.Extensions.Skills", "lib/net10.0/Twofold.Extensions.Skills.dll")]
    public void AComesWithReadmeDocumentationAndSymbols(string id, string library)
    {
        using var package = Open(id);
        var names = package.Entries.Select(e => e.FullName).ToArray();
        Assert.That(names, Does.Contain("README.md").And.Contain("docs/HOSTING.md").And.Contain(library).And.Contain(Path.ChangeExtension(library, ".xml")));
        using var nuspec = new StreamReader(package.GetEntry(id + ".nuspec")!.Open());
        var text = nuspec.ReadToEnd();
        Assert.That(text, Does.Contain("<license type=\"expression\">Apache-2.0</license>").And.Contain("<readme>README.md</readme>").And.Contain("<description>"));
        using var bytes = new MemoryStream();
        using (var dll = package.GetEntry(library)!.Open()) dll.CopyTo(bytes);
        bytes.Position = 0;
        using var pe = new PEReader(bytes);
        Assert.That(pe.ReadDebugDirectory().Select(d => d.Type), Does.Contain(DebugDirectoryEntryType.EmbeddedPortablePdb));
    }

    [Test]
    public void AFreshProjectConsumesThem()
    {
        var project = Path.Combine(work, "consumer");
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Combine(project, "consumer.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Twofold.Extensions.Hosting" Version="0.1.0" />
                <PackageReference Include="Twofold.Wasmtime" Version="0.1.0" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), """"
            using System.Text;
            using Microsoft.Extensions.DependencyInjection;
            using Twofold;
            using Twofold.Extensions.Hosting;
            using Twofold.Wasmtime;

            var services = new ServiceCollection().AddTwofold(o => o.CachedModules = 2).BuildServiceProvider();
            var engine = services.GetRequiredService<TwofoldEngine>();
            var wat = Encoding.UTF8.GetBytes("""(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))""");
            var report = engine.Execute(ExecutionRequest.ForExport(wat, "add", 40, 2));
            Console.WriteLine($"{report.Receipt.Outcome} {engine.Replay(report.Receipt, wat).Kind}");
            Console.WriteLine(typeof(WasmtimeEngine).Assembly.GetName().Name);
            """");
        Run(project, "dotnet", "build", "-c", "Release", "--nologo");
        var text = Run(project, "dotnet", Path.Combine("bin", "Release", "net10.0", "consumer.dll"));
        Assert.That(text, Is.EqualTo("returned i32:42 Identical\nTwofold.Wasmtime\n"));
    }

    [Test]
    public void TheCommandIsAnInstallableTool()
    {
        var tools = Path.Combine(work, "tools");
        Run(work, "dotnet", "tool", "install", "Twofold.Cli", "--version", "0.1.0", "--tool-path", tools, "--configfile", Path.Combine(work, "nuget.config"));
        var wat = Path.Combine(work, "answer.wat");
        File.WriteAllText(wat, """(module (func (export "answer") (result i32) i32.const 42))""");
        var text = Run(work, Path.Combine(tools, OperatingSystem.IsWindows() ? "twofold.exe" : "twofold"), "run", wat, "--invoke", "answer");
        Assert.That(text, Does.StartWith("outcome    returned i32:42"));
    }
}
