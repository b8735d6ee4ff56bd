// The interpreter's chain: one handler for each operation, which does its step and jumps to the next word's handler. The loop starts it and takes over
// again where it ends. In: operations of published code. Out: a table of handlers, which Chain.fs compiles once the loop has run for a while.
//
// Handlers are generated because C# promises no tail calls. Each is a few instructions of the processor with the state in registers, and its own indirect
// jump, which the processor predicts far better than the one jump of a switch.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

internal static unsafe class InterpChain
{
    /// <summary>Operations, and pairs of them that have a handler in common; their numbers come after the operations'.</summary>
    public const int Most = (int)IOp.Count + 512;

    /// <summary>Handlers by operation; null while there is only the loop.</summary>
    public static nint* Table;

    /// <summary>Branches and calls until the chain is made; 0: never, or done.</summary>
    private static int cold;

    /// <summary>The first operation of a pair, by its number less IOp.Count.</summary>
    public static ushort* First;

    /// <summary>Operations of code that was published.</summary>
    private static readonly bool[] used = new bool[Most];
    private static readonly object gate = new();
    /// <summary>Held while the chain is made, which takes long; nobody who runs a guest waits for it then.</summary>
    private static readonly object making = new();
    private static Func<int, nint>? make;

    /// <summary>What compiles handlers, and how soon. The last operation's handler, IOp.Count's, leads back to the loop.</summary>
    public static void Configure(Func<int, nint> compile, ushort[] firsts, int cold)
    {
        lock (gate)
        {
            if (make is not null) return;
            First = (ushort*)NativeMemory.AllocZeroed((nuint)(2 * firsts.Length + 2));
            for (int k = 0; k < firsts.Length; k++) First[k] = firsts[k];
            make = compile;
            InterpChain.cold = cold;
        }
    }

    /// <summary>The operation that a word has by itself.</summary>
    public static IOp Plain(ushort op) => op < (int)IOp.Count ? (IOp)op : (IOp)First[op - (int)IOp.Count];

    /// <summary>Called by the loop for each branch to a charge and each call while it has no chain.</summary>
    public static void Warm(ref InterpRun run)
    {
        if (run.Mode == InterpMode.Loop) return;
        // Several threads may count at once: it does not matter who makes the chain.
        if (Table == null && cold > 0 && --cold == 0)
        {
            if (run.Mode != InterpMode.Background || !CompileQueue.Add(Start)) Start();
        }

        run.Chain = Table;
    }

    /// <summary>Makes the chain now.</summary>
    public static void Start()
    {
        lock (making)
        {
            if (Table != null || make is null) return;
            var table = (nint*)NativeMemory.AllocZeroed(8 * Most);
            nint leave = make((int)IOp.Count);
            bool[] known;
            lock (gate) known = (bool[])used.Clone();
            for (int op = 0; op < Most; op++) table[op] = known[op] ? Handler(op, leave) : leave;
            lock (gate)
            {
                // Code that was published meanwhile.
                for (int op = 0; op < Most; op++)
                    if (used[op] && !known[op]) table[op] = Handler(op, leave);
                Thread.MemoryBarrier();
                Table = table;
            }
        }
    }

    private static nint Handler(int op, nint leave)
    {
        nint handler = make!(op);
        return handler == 0 ? leave : handler;
    }

    /// <summary>Code is about to be executed. Second words are taken for operations too, which costs nothing but a handler.</summary>
    public static void Published(ReadOnlySpan<Word> words)
    {
        lock (gate)
        {
            foreach (ref readonly var word in words)
            {
                int op = word.Op;
                if (op >= Most || used[op]) continue;
                used[op] = true;
                if (Table != null) Volatile.Write(ref Table[op], Handler(op, Table[(int)IOp.Count]));
            }
        }
    }
}
