// Compiled modules on disk, across processes.
// In: instrumented bytes, the versions that matter. Out: compiled modules; an entry that is damaged or does not fit is made again, never trusted.
//
// An entry is `twofold-wasmtime 1`, a zero, the SHA-256 of all that follows, and the library's own serialised module. Its name is the SHA-256 of
// the key (design 4.11: module hash, schedule, versions, features, options, runtime). What is read back is machine code: the hash finds damage, not an
// attacker, so the folder must be ours alone.

using System.Security.Cryptography;
using System.Text;
using Twofold.Wasm.Preparation;

namespace Twofold.Wasmtime;

internal sealed class ModuleCacheOnDisk
{
    private const int HashBytes = 32;
    private static readonly byte[] Magic = "twofold-wasmtime 1\0"u8.ToArray();
    private readonly string folder;

    public ModuleCacheOnDisk(string folder)
    {
        this.folder = folder;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>How many modules came from the disk, and how many were compiled.</summary>
    public int Hits;
    public int Misses;

    public string FileOf(NativeEngine engine, string versions, byte[] instrumented)
    {
        string key = $"{Convert.ToHexString(SHA256.HashData(instrumented))}\n{GasSchedule.version}\n{versions}\n{engine.Options}\n{Environment.Version}\n{System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture}";
        return Path.Combine(folder, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key))).ToLowerInvariant() + ".wasmtime");
    }

    /// <summary>The compiled module: from its entry, or compiled now and written there.</summary>
    public nint Load(NativeEngine engine, string versions, byte[] instrumented)
    {
        string file = FileOf(engine, versions, instrumented);
        nint module = Read(engine, file);
        if (module != 0)
        {
            Interlocked.Increment(ref Hits);
            return module;
        }

        Interlocked.Increment(ref Misses);
        module = engine.Compile(instrumented);
        Write(file, NativeEngine.Serialize(module));
        return module;
    }

    private static nint Read(NativeEngine engine, string file)
    {
        byte[] entry;
        try
        {
            entry = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }

        int start = Magic.Length + HashBytes;
        if (entry.Length < start || !entry.AsSpan(0, Magic.Length).SequenceEqual(Magic)) return 0;
        var body = entry.AsSpan(start);
        return SHA256.HashData(body).AsSpan().SequenceEqual(entry.AsSpan(Magic.Length, HashBytes)) ? engine.Deserialize(body) : 0;
    }

    /// <summary>Whole or not at all: a file of another name, then renamed. A cache that cannot be written is only slow.</summary>
    private static void Write(string file, byte[] serialized)
    {
        string temporary = $"{file}.{Environment.ProcessId}.{Guid.NewGuid():n}.tmp";
        try
        {
            using (var f = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                f.Write(Magic);
                f.Write(SHA256.HashData(serialized));
                f.Write(serialized);
                f.Flush(flushToDisk: true);
            }

            File.Move(temporary, file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException)
            {
                // Left for whoever cleans the folder.
            }
        }
    }
}
