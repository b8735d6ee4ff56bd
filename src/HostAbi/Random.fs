namespace Twofold.HostAbi

// The random stream of a run: SHA-256 in counter mode, so that it is the same everywhere and seekable.
// In: the request's seed and transaction id. Out: any stretch of the stream.

open System

/// Block i of the stream is SHA-256 of: the 16 ASCII bytes `twofold.random.1`, the seed's length (u32) and bytes, the 32 bytes of the
/// transaction id, i (u64); numbers are little-endian. get_random takes the stream's bytes in order, call after call.
module Random =
    /// So many bytes of the stream, from a position on.
    let bytes (seed: byte[]) (transaction: Hash32) (position: uint64) (count: int) : byte[] =
        let result = Array.zeroCreate<byte> count
        let mutable filled = 0

        while filled < count do
            let at = position + uint64 filled
            let w = WireWriter()
            w.Raw(Text.Encoding.ASCII.GetBytes "twofold.random.1")
            w.Bytes seed
            w.Hash transaction
            w.U64(at / 32UL)
            let block = Security.Cryptography.SHA256.HashData(w.ToArray())
            let skip = int (at % 32UL)
            let take = min (32 - skip) (count - filled)
            Array.blit block skip result filled take
            filled <- filled + take

        result
