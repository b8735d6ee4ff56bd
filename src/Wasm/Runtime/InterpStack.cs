// The interpreter's stack of a store: frames in native memory, references in an array, and where the last run ended.
// In: units of the logical stack. Out: room for every frame that those can pay for: a frame takes at most 8 bytes a unit less the 16 that each costs,
// so the stack never grows and never decides anything.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>One for each store, made when the interpreter first runs in it.</summary>
internal sealed unsafe class InterpStack : IDisposable
{
    /// <summary>Where the outermost frame of a run returns to.</summary>
    public static readonly Word* Exit = MakeExit();

    /// <summary>Room for arguments and results of a function that units do not suffice for any more: more than 1,000 vectors.</summary>
    private const int Arguments = 4096;

    /// <summary>Runs of the loop that no units were paid for: tail calls that go to and fro between compiled and interpreted instances leave one each, and
    /// native frames with it.</summary>
    private const int Unpaid = 50_000;

    private readonly int units;
    private Exception? noted;
    private Word* endIp;
    private InterpFunc* endFunc;
    private Word* thrownIp;
    private InterpFunc* thrownFunc;
    // The frames that the run stood in.
    private InterpFrame* endTop;

    private InterpStack(int units)
    {
        this.units = units;
        // Reserved, not touched: a run pays for what it uses.
        Slots = (byte*)NativeMemory.Alloc((nuint)units + Arguments, 8);
        Frames = (InterpFrame*)NativeMemory.Alloc((nuint)(units / 16) + Unpaid, (nuint)sizeof(InterpFrame));
        TopSlot = Slots;
        TopFrame = Frames;
    }

    private byte* Slots { get; set; }
    private InterpFrame* Frames { get; set; }

    /// <summary>Where the next run of the loop begins: after everything that runs below it use.</summary>
    public byte* TopSlot;
    public InterpFrame* TopFrame;
    public int TopRef;

    /// <summary>References by number; grows.</summary>
    public object?[] Refs = new object?[32];

    /// <summary>While a run ends: from here on references are null already.</summary>
    public int Cleared = int.MaxValue;

    /// <summary>A run of the loop that did not return gives up its references; those of the runs that it stood around were given up before.</summary>
    public void ClearFrom(int rb)
    {
        int end = Math.Min(Cleared, Refs.Length);
        if (end > rb) Array.Clear(Refs, rb, end - rb);
        Cleared = Math.Min(Cleared, rb);
    }

    private static Word* MakeExit()
    {
        var word = (Word*)NativeMemory.AllocZeroed(16);
        word->Op = (ushort)IOp.Exit;
        return word;
    }

    /// <summary>The stack of a store, large enough for its units.</summary>
    public static InterpStack Of(StoreData store)
    {
        var stack = store.Interp;
        int wanted = Math.Max(store.Block->UnitsLimit, store.Block->Units);
        if (stack is not null && stack.units >= wanted) return stack;
        if (stack is not null)
        {
            if (stack.TopFrame != stack.Frames) throw new InvalidOperationException("units were added to a run");
            stack.Dispose();
        }

        return store.Interp = new InterpStack(wanted);
    }

    /// <summary>Room for a frame's references, which are null but for the parameters.</summary>
    public object?[] Prepare(InterpFunc* func, int rb)
    {
        Room(rb + func->RefSlots);
        Array.Clear(Refs, rb + func->RefParams, func->RefSlots - func->RefParams);
        return Refs;
    }

    /// <summary>A run of the loop with these units begins at the top: there must be room for all frames that they pay for.</summary>
    public void Fits(int left)
    {
        if (TopFrame - Frames + left / 16 + 2 > units / 16 + Unpaid || TopSlot - Slots > 8L * (units - left))
            throw new HostMemoryException("tail calls between compiled and interpreted instances left too many frames behind");
    }

    public void Room(int count)
    {
        if (count > Refs.Length) Array.Resize(ref Refs, Math.Max(count, 2 * Refs.Length));
    }

    // ---- where a run ended

    /// <summary>A new run: nothing is known of its end.</summary>
    public void Begin()
    {
        noted = null;
        endFunc = null;
        thrownFunc = null;
        endTop = null;
    }

    /// <summary>A filter, so that the innermost run of the loop answers first; it never catches.</summary>
    public bool Note(Exception e, in InterpRun run)
    {
        if (!ReferenceEquals(e, noted))
        {
            noted = e;
            endIp = run.Ip;
            endFunc = run.Func;
            endTop = run.Top;
        }

        return false;
    }

    public void ThrownAt(Word* ip, InterpFunc* func)
    {
        thrownIp = ip;
        thrownFunc = func;
    }

    /// <summary>The function and the word that ended the run, or that threw the exception which nobody caught; 0 for none.</summary>
    public (nint Func, nint Ip) End => ((nint)endFunc, (nint)endIp);
    public (nint Func, nint Ip) Thrown => ((nint)thrownFunc, (nint)thrownIp);

    /// <summary>The calls that a block stood in which could not be paid, innermost first, up to the last entry from outside the loop. Right until the next run.</summary>
    public (nint Func, nint Ip)[] EndCallers()
    {
        var callers = new List<(nint Func, nint Ip)>();
        if (endTop != null)
            for (var frame = endTop - 1; frame >= Frames && frame->Ip != Exit; frame--)
                callers.Add(((nint)frame->Func, (nint)(frame->Ip - 1)));
        return [.. callers];
    }

    public void Dispose()
    {
        if (Slots == null) return;
        NativeMemory.Free(Slots);
        NativeMemory.Free(Frames);
        Slots = null;
        Refs = [];
        GC.SuppressFinalize(this);
    }

    ~InterpStack() => Dispose();
}

/// <summary>What is known of a translated function beside its code.</summary>
internal sealed class InterpInfo
{
    /// <summary>Byte offset in the module by word.</summary>
    public int[] Offsets = [];

    /// <summary>By where they begin; one that stands in another comes after it.</summary>
    public InterpTry[] Tries = [];
}

/// <summary>A try_table: words [Start, End), what it stands in (-1 for none), its clauses.</summary>
internal sealed class InterpTry
{
    public int Start;
    public int End;
    public int Outer = -1;
    public InterpCatch[] Clauses = [];
}

/// <summary>A clause: its tag's place in the instance's block or -1 for all; where its values go; whether the exception comes after them; where it goes on.</summary>
internal struct InterpCatch
{
    public int TagOffset;
    public bool TakesValues;
    public bool TakesReference;
    public int Slot;
    public int Ref;
    public int Target;
}

/// <summary>How the interpreter calls functions of a type.</summary>
/// <param name="Params">Kinds of the parameters.</param>
/// <param name="Results">Kinds of the results.</param>
/// <param name="Leave">Calls an entry point of compiled code or of a typed host function: stack, code, context, units, arguments, number of the first
/// reference. Results go where the arguments were, unless an exception is on its way.</param>
internal sealed record InterpSignature(ValueKind[] Params, ValueKind[] Results, Lazy<InterpLeave> Leave);

/// <summary>See <see cref="InterpSignature"/>.</summary>
internal delegate void InterpLeave(InterpStack stack, nint code, nint context, int units, nint slots, int refs);
