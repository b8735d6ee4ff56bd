// libwasmtime, found and loaded once for the process: symbols, version and probes are checked before anything runs on it.
// In: a path or nothing. Out: the one library of the process, or a WasmtimeUnavailableException that says what was found and what to do.

using System.Runtime.InteropServices;

namespace Twofold.Wasmtime;

/// <summary>One probe of the library: a promise of ours that rests on its behaviour, and what came of it.</summary>
/// <param name="Name">What was tried.</param>
/// <param name="Failure">Null when it held; else what was seen instead.</param>
public sealed record WasmtimeProbe(string Name, string? Failure);

/// <summary>The libwasmtime of this process. There is at most one: the first that is loaded stays.</summary>
public sealed class WasmtimeLibrary
{
    /// <summary>The oldest version that is accepted.</summary>
    public const int OldestVersion = 48;

    /// <summary>The newest version that is accepted: what this binding was tested with.</summary>
    public const int NewestVersion = 50;

    /// <summary>The environment variable that names the library's file or its folder.</summary>
    public const string Variable = "TWOFOLD_WASMTIME";

    private static readonly object Sync = new();
    private static WasmtimeLibrary? loaded;
    private static WasmtimeUnavailableException? refused;

    private WasmtimeLibrary(string path, string foundBy, string version, IReadOnlyList<WasmtimeProbe> probes)
    {
        Path = path;
        FoundBy = foundBy;
        Version = version;
        Probes = probes;
    }

    /// <summary>The file, or the bare name when the system found it.</summary>
    public string Path { get; }

    /// <summary>Which of the places had it: the option, the variable, the application, the system.</summary>
    public string FoundBy { get; }

    /// <summary>The version as the library writes it into what it compiles.</summary>
    public string Version { get; }

    /// <summary>The promises that were tried when it was loaded; all held.</summary>
    public IReadOnlyList<WasmtimeProbe> Probes { get; }

    internal static string FileName =>
        OperatingSystem.IsWindows() ? "wasmtime.dll" : OperatingSystem.IsMacOS() ? "libwasmtime.dylib" : "libwasmtime.so";

    internal static string RuntimesFolder
    {
        get
        {
            string os = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
            return $"runtimes/{os}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}/native";
        }
    }

    /// <summary>The library of this process: loaded before, or looked for now. Thread-safe.</summary>
    /// <param name="path">The file or its folder; null: the variable, then the application's own folder, then the system.</param>
    /// <exception cref="WasmtimeUnavailableException">There is none, or it cannot be used.</exception>
    public static WasmtimeLibrary Load(string? path = null)
    {
        lock (Sync)
        {
            if (loaded is { } l)
            {
                if (path is not null && !SameFile(Resolve(path, "the option"), l.Path))
                    throw new WasmtimeUnavailableException($"only one libwasmtime can be used in a process: {l.Path} ({l.FoundBy}) is loaded already, {path} was asked for");
                return l;
            }

            // A library that was refused stays loaded in the process, and another must not join it.
            if (refused is { } r) throw new WasmtimeUnavailableException(r.Message);
            return loaded = Find(path);
        }
    }

    /// <summary>The library, or why there is none.</summary>
    public static bool TryLoad(string? path, out WasmtimeLibrary? library, out string? why)
    {
        try
        {
            library = Load(path);
            why = null;
            return true;
        }
        catch (WasmtimeUnavailableException e)
        {
            library = null;
            why = e.Message;
            return false;
        }
    }

    /// <summary>Lines for people: where it was found, its version, its probes; or why it cannot be used.</summary>
    public static IReadOnlyList<string> Describe(string? path = null)
    {
        if (!TryLoad(path, out var l, out string? why)) return ["wasmtime: not available", $"  {why}"];
        var lines = new List<string> { $"wasmtime {l!.Version}: {l.Path} (found by {l.FoundBy})" };
        foreach (var p in l.Probes) lines.Add($"  {p.Name}: {p.Failure ?? "holds"}");
        return lines;
    }

    private static bool SameFile(string a, string b) =>
        string.Equals(System.IO.Path.GetFullPath(a), System.IO.Path.GetFullPath(b), OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    /// <summary>A file that exists, given itself or its folder.</summary>
    private static string Resolve(string path, string by)
    {
        string file = Directory.Exists(path) ? System.IO.Path.Combine(path, FileName) : path;
        if (File.Exists(file)) return System.IO.Path.GetFullPath(file);
        throw new WasmtimeUnavailableException(
            Directory.Exists(path)
                ? $"{by} names the folder {path}, which holds no {FileName}. {WasmtimeUnavailableException.Advice}"
                : $"{by} names {path}, which does not exist. {WasmtimeUnavailableException.Advice}");
    }

    private static WasmtimeLibrary Find(string? path)
    {
        if (path is not null) return Open(Resolve(path, "the option"), "the option");
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return Open(Resolve(named, $"the variable {Variable}"), $"the variable {Variable}");
        string own = System.IO.Path.Combine(AppContext.BaseDirectory, RuntimesFolder, FileName);
        // A published application for one platform has its native files beside itself.
        string beside = System.IO.Path.Combine(AppContext.BaseDirectory, FileName);
        if (File.Exists(own)) return Open(own, "the application");
        if (File.Exists(beside)) return Open(beside, "the application");
        if (NativeLibrary.TryLoad(FileName, out nint handle)) return Check(handle, FileName, "the system");
        throw new WasmtimeUnavailableException(
            $"no libwasmtime was found: the option and the variable {Variable} are not set, the application has no {RuntimesFolder}/{FileName}, and the system knows no {FileName}. {WasmtimeUnavailableException.Advice}");
    }

    private static WasmtimeLibrary Open(string file, string by)
    {
        nint handle;
        try
        {
            handle = NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new WasmtimeUnavailableException($"{file} (found by {by}) cannot be loaded: {e.Message} {WasmtimeUnavailableException.Advice}");
        }

        return Check(handle, file, by);
    }

    private static WasmtimeLibrary Check(nint handle, string file, string by)
    {
        try
        {
            Structures.Check();
            var missing = Api.Fill(handle);
            if (missing.Count > 0)
                throw new WasmtimeUnavailableException(
                    $"{file} (found by {by}) lacks {missing.Count} of the functions that are needed ({string.Join(", ", missing.Take(3))}{(missing.Count > 3 ? ", .." : "")}): it is another version, or built without them. {WasmtimeUnavailableException.Advice}");

            string version = EngineVersion.Read();
            if (!int.TryParse(version.Split('.')[0], out int major) || major < OldestVersion || major > NewestVersion)
                throw new WasmtimeUnavailableException($"{file} (found by {by}) is Wasmtime {version}. {WasmtimeUnavailableException.Advice}");

            var probes = WasmtimeProbes.Run();
            var broken = probes.Where(p => p.Failure is not null).ToList();
            if (broken.Count > 0)
                throw new WasmtimeUnavailableException(
                    $"{file} (found by {by}), Wasmtime {version}, does not behave as is relied upon: {string.Join("; ", broken.Select(p => $"{p.Name}: {p.Failure}"))}. {WasmtimeUnavailableException.Advice}");

            return new WasmtimeLibrary(file, by, version, probes);
        }
        catch (WasmtimeUnavailableException e)
        {
            refused = e;
            throw;
        }
    }
}
