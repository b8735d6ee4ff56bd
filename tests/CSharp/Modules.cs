// Where the tests' modules come from: compiled ones beside them, and small ones made here byte by byte.
// In: a name, or a description. Out: a loaded Module.

using Twofold.Wasm;

namespace Twofold.CSharp;

internal static class Modules
{
    public static byte[] Bytes(string name)
    {
        using var stream = typeof(Modules).Assembly.GetManifestResourceStream(name)!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    public static Module Load(string name) => Module.Load(Bytes(name));

    private static byte[] Unsigned(uint value)
    {
        var bytes = new List<byte>();
        do
        {
            byte b = (byte)(value & 0x7F);
            value >>= 7;
            bytes.Add(value == 0 ? b : (byte)(b | 0x80));
        }
        while (value != 0);
        return [.. bytes];
    }

    private static byte[] Section(byte id, params byte[][] content)
    {
        var body = content.SelectMany(c => c).ToArray();
        return [id, .. Unsigned((uint)body.Length), .. body];
    }

    /// <summary>A module with one exported function "f" of i32 parameters and results, i64 locals and a body (without its end).</summary>
    public static byte[] One(int parameters, int results, int locals, byte[] code)
    {
        byte[] declared = locals == 0 ? [0] : [1, .. Unsigned((uint)locals), 0x7E];
        byte[] body = [.. declared, .. code, 0x0B];
        return
        [
            0, 0x61, 0x73, 0x6D, 1, 0, 0, 0,
            .. Section(1, [1, 0x60], Unsigned((uint)parameters), Enumerable.Repeat((byte)0x7F, parameters).ToArray(), Unsigned((uint)results), Enumerable.Repeat((byte)0x7F, results).ToArray()),
            .. Section(3, [1, 0]),
            .. Section(7, [1, 1, (byte)'f', 0, 0]),
            .. Section(10, [1], Unsigned((uint)body.Length), body),
        ];
    }
}
