// The digest of memories that receipts carry: their sizes, and what in them is not zero.
// In: memories in index order, as they lie. Out: SHA-256, the same for every engine, however it keeps its memory.
//
// Most of most memories was never written. Scanning for zeroes costs a fiftieth of hashing them.

using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Twofold.Wasm;

/// <summary>
/// For each memory: its size in bytes (u64), then each longest run of chunks of 4096 bytes that are not all zero, as the index of its first chunk (u64), the number
/// of its chunks (u64) and their bytes, then u64.MaxValue. Numbers are little-endian.
/// </summary>
internal sealed unsafe class MemoryDigest : IDisposable
{
    public const int Chunk = 4096;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private static bool IsZero(byte* chunk) => !new ReadOnlySpan<byte>(chunk, Chunk).ContainsAnyExcept((byte)0);

    private void Number(ulong n)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, n);
        hash.AppendData(word);
    }

    /// <summary>The next memory: where it is and its bytes, a multiple of the chunk's.</summary>
    public void Memory(nint @base, ulong bytes)
    {
        Number(bytes);
        byte* memory = (byte*)@base;
        ulong chunks = bytes / Chunk;
        ulong at = 0;
        while (at < chunks)
        {
            if (IsZero(memory + at * Chunk))
            {
                at++;
                continue;
            }

            ulong first = at;
            while (at < chunks && !IsZero(memory + at * Chunk)) at++;
            Number(first);
            Number(at - first);
            for (ulong from = first; from < at;)
            {
                ulong step = Math.Min(at - from, 1 << 18);
                hash.AppendData(new ReadOnlySpan<byte>(memory + from * Chunk, (int)step * Chunk));
                from += step;
            }
        }

        Number(ulong.MaxValue);
    }

    public byte[] Done() => hash.GetHashAndReset();

    public void Dispose() => hash.Dispose();
}
