// The worlds of WASI programs as C# hosts make them: every option reaches the program, wrong ones are refused at once, host directories and streams replay.
// In: small programs as text. Out: what they write, receipts, exceptions with parameter names.

using System.Text;
using NUnit.Framework;

namespace Twofold.CSharp;

public class WasiTests
{
    private const string Wasi = "wasi_snapshot_preview1";

    // Writes N bytes from an address to standard output; what fills them comes before.
    private static byte[] Program(string imports, string body, string data = "") => SandboxTests.Wat($"""
        (module {imports}
          (import "{Wasi}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1) {data}
          (func $out (param i32 i32) (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
          (func (export "_start") {body}))
        """);

    private static string Import(string name, string parameters) => $"""(import "{Wasi}" "{name}" (func ${name} (param {parameters}) (result i32)))""";

    // Copies standard input to standard output.
    private static readonly byte[] Echo = Program(Import("fd_read", "i32 i32 i32 i32"), """
        (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 4096))
        (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $out (i32.const 1024) (i32.load (i32.const 24)))
        """);

    // Reads /notes.txt of descriptor 3 and appends a line to it, when it may.
    private static readonly byte[] Notes = Program(
        Import("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32") + Import("fd_read", "i32 i32 i32 i32"), """
        (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 80)))
        (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 4096))
        (drop (call $fd_read (i32.load (i32.const 80)) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $out (i32.const 1024) (i32.load (i32.const 24)))
        (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 0x40) (i64.const 0) (i32.const 1) (i32.const 80)))
          (then (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 5))
            (drop (call $write (i32.load (i32.const 80)) (i32.const 0) (i32.const 1) (i32.const 8)))))
        """, """(data (i32.const 64) "notes.txt")""");

    private static string Run(byte[] program, WasiOptions world)
    {
        using var engine = new TwofoldEngine();
        ExecutionReport report = engine.Execute(ExecutionRequest.ForProgram(program, world));
        Assert.That(report.ExitStatus, Is.EqualTo(0), report.Message);
        // Nothing of the host is asked again.
        Assert.That(engine.Replay(Receipt.FromJson(report.Receipt.ToJson()), program).Kind, Is.EqualTo(ReplayKind.Identical));
        return Encoding.UTF8.GetString(report.GetOutput());
    }

    [Test]
    public void Arguments_and_environment_are_what_the_host_says()
    {
        var arguments = Program(Import("args_sizes_get", "i32 i32") + Import("args_get", "i32 i32"), """
            (drop (call $args_sizes_get (i32.const 16) (i32.const 20))) (drop (call $args_get (i32.const 64) (i32.const 1024)))
            (call $out (i32.const 1024) (i32.load (i32.const 20)))
            """);
        var environment = Program(Import("environ_sizes_get", "i32 i32") + Import("environ_get", "i32 i32"), """
            (drop (call $environ_sizes_get (i32.const 16) (i32.const 20))) (drop (call $environ_get (i32.const 64) (i32.const 1024)))
            (call $out (i32.const 1024) (i32.load (i32.const 20)))
            """);
        var world = new WasiOptions().WithArguments("name", "zwölf", "").WithEnvironment("A", "1").WithEnvironment("B", "=x").WithEnvironment("A", "2");
        Assert.That(Run(arguments, world), Is.EqualTo("name\0zwölf\0\0"));
        Assert.That(Run(environment, world), Is.EqualTo("B==x\0A=2\0"));
        Assert.That(Run(environment, new WasiOptions()), Is.Empty);
        Assert.That(world.Arguments, Is.EqualTo(new[] { "name", "zwölf", "" }));
    }

    [Test]
    public void Options_do_not_change_what_they_were_made_of()
    {
        var plain = new WasiOptions();
        var other = plain.WithArguments("x").WithInput("in"u8.ToArray());
        Assert.That(plain.Arguments, Is.EqualTo(new[] { "program" }));
        Assert.That(Run(Echo, plain), Is.Empty);
        Assert.That(Run(Echo, other), Is.EqualTo("in"));
        byte[] bytes = "in"u8.ToArray();
        var kept = plain.WithInput(bytes);
        bytes[0] = (byte)'o';
        Assert.That(Run(Echo, kept), Is.EqualTo("in"));
    }

    [Test]
    public void Streams_come_in_and_go_out_while_the_program_runs()
    {
        using var passed = new MemoryStream();
        var world = new WasiOptions().WithInput(new MemoryStream("typed"u8.ToArray())).WithOutput(passed, null!);
        Assert.That(Run(Echo, world), Is.EqualTo("typed"));
        Assert.That(Encoding.UTF8.GetString(passed.ToArray()), Is.EqualTo("typed"));
    }

    [Test]
    public void Seeds_and_clocks_decide_what_programs_find()
    {
        var random = Program(Import("random_get", "i32 i32"), "(drop (call $random_get (i32.const 64) (i32.const 32))) (call $out (i32.const 64) (i32.const 32))");
        Assert.That(Run(random, new WasiOptions().WithSeed([1])), Is.EqualTo(Run(random, new WasiOptions().WithSeed([1]))));
        Assert.That(Run(random, new WasiOptions().WithSeed([1])), Is.Not.EqualTo(Run(random, new WasiOptions().WithSeed([2]))));

        var time = Program(Import("clock_time_get", "i32 i64 i32"), "(drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))) (call $out (i32.const 64) (i32.const 8))");
        var start = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.FromHours(2));
        using var engine = new TwofoldEngine();
        var world = new WasiOptions().WithClocks(start, TimeSpan.FromMilliseconds(1));
        byte[] seen = engine.Execute(ExecutionRequest.ForProgram(time, world)).GetOutput();
        Assert.That(BitConverter.ToUInt64(seen), Is.EqualTo((ulong)start.ToUnixTimeSeconds() * 1_000_000_000UL + 1_000_000UL));
    }

    [Test]
    public void Files_in_memory_are_new_in_every_run()
    {
        var files = new Dictionary<string, byte[]> { ["notes.txt"] = "first"u8.ToArray(), ["a/b/c.txt"] = [] };
        var world = new WasiOptions().WithFiles("/", files, WasiAccess.All);
        Assert.That(Run(Notes, world), Is.EqualTo("first"));
        Assert.That(Run(Notes, world), Is.EqualTo("first"));
        Assert.That(Run(Notes, new WasiOptions().WithFiles("/", files, WasiAccess.None)), Is.Empty);
    }

    [Test]
    [Platform("Linux")]
    public void Directories_of_the_host_are_used_as_far_as_they_are_granted()
    {
        string folder = Directory.CreateTempSubdirectory("twofold-csharp-").FullName;
        string file = Path.Combine(folder, "notes.txt");
        try
        {
            File.WriteAllText(file, "first");
            Assert.That(Run(Notes, new WasiOptions().WithHostDirectory(folder, "/", WasiAccess.Read)), Is.EqualTo("first"));
            Assert.That(File.ReadAllText(file), Is.EqualTo("first"));
            Assert.That(Run(Notes, new WasiOptions().WithHostDirectory(folder, "/", WasiAccess.Read | WasiAccess.Write)), Is.EqualTo("first"));
            Assert.That(File.ReadAllText(file), Is.EqualTo("firstnotes"));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Test]
    public void Wrong_options_are_refused_with_their_names()
    {
        var world = new WasiOptions();
        var none = new Dictionary<string, byte[]>();
        string? Parameter<T>(Action action) where T : ArgumentException => Assert.Throws<T>(() => action())!.ParamName;
        Assert.That(Parameter<ArgumentNullException>(() => world.WithArguments(null!)), Is.EqualTo("arguments"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithEnvironment(null!, "")), Is.EqualTo("name"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithEnvironment("A", null!)), Is.EqualTo("value"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithInput((byte[])null!)), Is.EqualTo("input"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithInput((Stream)null!)), Is.EqualTo("input"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithFiles("/", null!, WasiAccess.Read)), Is.EqualTo("files"));
        Assert.That(Parameter<ArgumentNullException>(() => world.WithFiles(null!, none, WasiAccess.Read)), Is.EqualTo("guest"));
        Assert.That(Parameter<ArgumentOutOfRangeException>(() => world.WithClocks(DateTimeOffset.UnixEpoch.AddTicks(-1), TimeSpan.FromTicks(1))), Is.EqualTo("start"));
        Assert.That(Parameter<ArgumentOutOfRangeException>(() => world.WithClocks(DateTimeOffset.UnixEpoch, TimeSpan.Zero)), Is.EqualTo("step"));
        Assert.That(Parameter<ArgumentException>(() => world.WithFiles("/", none, WasiAccess.Read).WithFiles("/", none, WasiAccess.Read)), Is.EqualTo("guest"));
        Assert.Throws<DirectoryNotFoundException>(() => world.WithHostDirectory(Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("n")), "/", WasiAccess.Read));

        // What only shows with the whole request is a rejection.
        using var engine = new TwofoldEngine();
        ExecutionReport report = engine.Execute(ExecutionRequest.ForProgram(Echo, world.WithEnvironment("A=B", "")));
        Assert.That(report.Rejection, Is.Not.Null);
        Assert.That(engine.Execute(ExecutionRequest.ForProgram(Echo, world.WithFiles("/", new Dictionary<string, byte[]> { ["a/../b"] = [] }, WasiAccess.Read))).Rejection, Is.Not.Null);
    }
}
