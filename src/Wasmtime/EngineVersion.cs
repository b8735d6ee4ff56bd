// The library's version. There is no function that tells it; what it compiles is an ELF file with a section `.wasmtime.engine`
// that begins with a zero byte, a length byte and the version as text.
// In: an empty module, compiled and serialised. Out: the version, or a WasmtimeUnavailableException.

using System.Buffers.Binary;
using System.Text;

namespace Twofold.Wasmtime;

internal static unsafe class EngineVersion
{
    private static readonly byte[] EmptyModule = [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];

    public static string Read()
    {
        using var engine = new NativeEngine(NativeEngineOptions.Plain);
        nint module = engine.Compile(EmptyModule);
        try
        {
            return Parse(NativeEngine.Serialize(module));
        }
        finally
        {
            Api.wasmtime_module_delete(module);
        }
    }

    internal static string Parse(ReadOnlySpan<byte> elf)
    {
        try
        {
            var section = Section(elf, ".wasmtime.engine");
            if (section.Length > 2 && section[0] == 0 && section.Length >= 2 + section[1]) return Encoding.ASCII.GetString(section.Slice(2, section[1]));
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            // Not the file that was expected: said below.
        }

        throw new WasmtimeUnavailableException($"the library's version cannot be read from what it compiles. {WasmtimeUnavailableException.Advice}");
    }

    /// <summary>A section of a 64-bit little-endian ELF file by its name; empty when there is none.</summary>
    private static ReadOnlySpan<byte> Section(ReadOnlySpan<byte> elf, string name)
    {
        if (elf.Length < 64 || !elf[..4].SequenceEqual("\u007fELF"u8) || elf[4] != 2 || elf[5] != 1) return default;
        int headers = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3A..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3C..]);
        int names = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3E..]);
        int At(ReadOnlySpan<byte> e, int section, int field) => checked((int)BinaryPrimitives.ReadUInt64LittleEndian(e[(headers + section * size + field)..]));
        int strings = At(elf, names, 0x18);
        for (int i = 0; i < count; i++)
        {
            int nameAt = BinaryPrimitives.ReadInt32LittleEndian(elf[(headers + i * size)..]);
            var found = elf[(strings + nameAt)..];
            int end = found.IndexOf((byte)0);
            if (end == name.Length && Encoding.ASCII.GetString(found[..end]) == name) return elf.Slice(At(elf, i, 0x18), At(elf, i, 0x20));
        }

        return default;
    }
}
