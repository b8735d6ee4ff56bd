// Calls of the interpreter into and out of its loop: boxed and native entries, host functions, compiled code; endings that need numbers.
// In: arguments at the start of a frame. Out: results at the same place, or an exception on its way. Frames of compiled code that called in between
// stay on the native stack; deep guests go on on a fresh one, as compiled code does.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

internal static unsafe class InterpCalls
{
    private const MethodImplOptions Cold = MethodImplOptions.NoInlining;

    /// <summary>Set by the linker, which knows types.</summary>
    public static Func<Function, InterpSignature> Describe { get; set; } = _ => throw new InvalidOperationException("no linker");

    // ---- into the loop

    /// <summary>A call from the host with boxed arguments, which fit. With an exception on its way there are no results.</summary>
    public static Value[] Call(Function f, int units, Value[] arguments)
    {
        var store = f.Store;
        var signature = f.Calling ??= Describe(f);
        var stack = InterpStack.Of(store);
        byte* slots = stack.TopSlot;
        int rb = stack.TopRef;
        stack.Room(rb + signature.Params.Length);
        byte* to = slots;
        int r = rb;
        for (int i = 0; i < arguments.Length; i++) Put(stack, ref to, ref r, signature.Params[i], arguments[i]);
        Execute(store, f.Context, (InterpFunc*)f.Interpreted, slots, rb, units);
        var kinds = signature.Results;
        if (store.IsThrowing || kinds.Length == 0) return [];
        var results = new Value[kinds.Length];
        to = slots;
        r = rb;
        for (int i = 0; i < results.Length; i++) results[i] = Take(stack, ref to, ref r, kinds[i]);
        return results;
    }

    private static void Put(InterpStack stack, ref byte* to, ref int r, ValueKind kind, Value value)
    {
        if (kind >= ValueKind.FuncRef)
        {
            stack.Refs[r++] = kind == ValueKind.AnyRef ? GcRt.AnyOfExtern(value.Reference) : value.Reference;
            return;
        }

        *(ulong*)to = value.Bits;
        to += 8;
        if (kind != ValueKind.V128) return;
        *(ulong*)to = value.HighBits;
        to += 8;
    }

    private static Value Take(InterpStack stack, ref byte* from, ref int r, ValueKind kind)
    {
        if (kind >= ValueKind.FuncRef)
        {
            var reference = stack.Refs[r];
            stack.Refs[r++] = null;
            return Value.Ref(kind, kind == ValueKind.AnyRef ? GcRt.ExternOfAny(reference) : reference);
        }

        ulong low = *(ulong*)from;
        from += 8;
        if (kind != ValueKind.V128) return Value.FromBits(kind, low);
        ulong high = *(ulong*)from;
        from += 8;
        return Value.V128(low, high);
    }

    /// <summary>Runs a function whose arguments are in place at the top of the store's stack.</summary>
    public static void Execute(StoreData store, nint ctx, InterpFunc* func, byte* slots, int rb, int units)
    {
        byte here;
        if ((nint)(&here) < ((InstanceBlock*)ctx)->NativeLimit && Rt.StackSlow(ctx))
        {
            nint low = store.Block->StackLow;
            nint f = (nint)func, at = (nint)slots;
            try
            {
                NativeStack.RunFresh(() =>
                {
                    store.UseStack(NativeStack.Low());
                    Enter(store, ctx, (InterpFunc*)f, (byte*)at, rb, units);
                });
            }
            finally
            {
                store.UseStack(low);
            }

            return;
        }

        Enter(store, ctx, func, slots, rb, units);
    }

    private static void Enter(StoreData store, nint ctx, InterpFunc* func, byte* slots, int rb, int units)
    {
        var stack = store.Interp!;
        var frame = stack.TopFrame;
        byte* top = stack.TopSlot;
        int topRef = stack.TopRef;
        var run = new InterpRun
        {
            Stack = stack,
            Refs = stack.Refs,
            Base = rb,
            Units = units,
            Func = func,
            Top = frame,
            Store = store.Block,
            Mode = Rt.Instance(ctx).Code.Mode,
        };
        if (run.Mode != InterpMode.Loop) run.Chain = InterpChain.Table;
        stack.Fits(units);
        stack.Cleared = int.MaxValue;
        bool ended = false;
        try
        {
            InterpLoop.Run(ref run, ctx, slots);
            ended = true;
        }
        catch (Exception e) when (stack.Note(e, run))
        {
            throw;
        }
        finally
        {
            stack.TopFrame = frame;
            stack.TopSlot = top;
            stack.TopRef = topRef;
            if (!ended) stack.ClearFrom(rb);
        }
    }

    // ---- entry points for compiled code and typed delegates: generated methods put the arguments, enter, and take the results

    public static nint EntrySlots(nint ctx) => (nint)InterpStack.Of(Rt.Store(ctx)).TopSlot;

    public static void EntryReference(nint ctx, int index, object? value)
    {
        var stack = InterpStack.Of(Rt.Store(ctx));
        stack.Room(stack.TopRef + index + 1);
        stack.Refs[stack.TopRef + index] = value;
    }

    public static void EntryRun(nint ctx, int units, int index) => EntryRunNext(ctx, units, Rt.Instance(ctx).Code.Interpreted(index));

    /// <summary>The same for a thunk that serves all functions of a signature: the caller has put the InterpFunc into StoreBlock.Entering.</summary>
    public static void EntryRunNext(nint ctx, int units, nint func)
    {
        var store = Rt.Store(ctx);
        var stack = InterpStack.Of(store);
        Execute(store, ctx, (InterpFunc*)func, stack.TopSlot, stack.TopRef, units);
    }

    public static object? EntryResult(nint ctx, int index)
    {
        var stack = InterpStack.Of(Rt.Store(ctx));
        if (stack.TopRef + index >= stack.Refs.Length) return null;
        var value = stack.Refs[stack.TopRef + index];
        stack.Refs[stack.TopRef + index] = null;
        return value;
    }

    // ---- both tiers

    /// <summary>A function (a loop of it, by number) has got hot. Whatever comes of it is none of the guest's business.</summary>
    [MethodImpl(Cold)]
    public static void Hot(nint ctx, int index, int loop) => Rt.Instance(ctx).Code.Hot(index, loop);

    /// <summary>As a compiled function's own look at the native stack, for a frame of so many bytes.</summary>
    [MethodImpl(Cold)]
    public static bool HasStack(nint ctx, nint bytes)
    {
        byte here;
        nint limit = Volatile.Read(ref ((InstanceBlock*)ctx)->NativeLimit);
        return (nint)(&here) > limit && (nint)(&here) - limit > bytes;
    }

    /// <summary>A reference local of a frame that compiled code takes over.</summary>
    public static object? LocalReference(nint ctx, int index) => GetReference(Rt.Store(ctx).Interp!, index);

    // ---- out of the loop

    /// <summary>The function behind an import.</summary>
    [MethodImpl(Cold)]
    public static Function Import(nint ctx, int index) => Rt.Instance(ctx).Functions[index]!;

    /// <summary>The entry that an indirect call names, or its trap. `operands` is the call's second word.</summary>
    [MethodImpl(Cold)]
    public static FuncEntry* Indirect(nint ctx, Word* operands, byte* at)
    {
        ulong index = Index(operands, at);
        var table = (TableSlot*)(ctx + operands->C);
        if (index < table->Length && table->Entries != 0)
        {
            var entry = (FuncEntry*)table->Entries + index;
            if (entry->Type == operands->B || ((operands->X & 1) != 0 && GcRt.IsSubtype(entry->Type, operands->B) != 0)) return entry;
        }

        throw Rt.TrapIndirect(ctx, operands->A, index);
    }

    [MethodImpl(Cold)]
    public static Function Element(nint ctx, Word* operands, byte* at) => (Function)Rt.Instance(ctx).Tables[operands->A].Get(Index(operands, at))!;

    private static ulong Index(Word* operands, byte* at) => (operands->X & 2) != 0 ? *(ulong*)at : *(uint*)at;

    /// <summary>Calls a host function or compiled code.</summary>
    [MethodImpl(Cold)]
    public static void Out(InterpStack stack, nint ctx, Function target, byte* slots, int rb, int units)
    {
        target.Store.Block->Caller = ctx;
        var signature = target.Calling ??= Describe(target);
        if (target.Source is null)
        {
            switch (Rt.Holder(target.Context).Target)
            {
                case HostFunction:
                    CallWords(signature, target.Context, slots, units);
                    return;
                case HostCallback:
                    CallBoxed(stack, signature, target.Context, slots, rb, units);
                    return;
            }
        }

        signature.Leave.Value(stack, target.Code, target.Context, units, (nint)slots, rb);
    }

    private static void CallWords(InterpSignature signature, nint block, byte* slots, int units)
    {
        var kinds = signature.Params;
        ulong* words = stackalloc ulong[kinds.Length + 1];
        for (int i = 0; i < kinds.Length; i++)
            words[i] = kinds[i] is ValueKind.I32 or ValueKind.F32 ? *(uint*)(slots + 8 * i) : *(ulong*)(slots + 8 * i);
        ulong result = Rt.CallHost(block, units, words, kinds.Length);
        if (signature.Results.Length > 0) *(ulong*)slots = result;
    }

    private static void CallBoxed(InterpStack stack, InterpSignature signature, nint block, byte* slots, int rb, int units)
    {
        var arguments = new Value[signature.Params.Length];
        byte* at = slots;
        int r = rb;
        for (int i = 0; i < arguments.Length; i++) arguments[i] = Take(stack, ref at, ref r, signature.Params[i]);
        var results = Rt.CallHostBoxed(block, units, arguments);
        at = slots;
        r = rb;
        stack.Room(rb + results.Length);
        for (int i = 0; i < results.Length; i++) Put(stack, ref at, ref r, signature.Results[i], results[i]);
    }

    public static void SetReference(InterpStack stack, int index, object? value)
    {
        stack.Room(index + 1);
        stack.Refs[index] = value;
    }

    public static object? GetReference(InterpStack stack, int index)
    {
        var value = stack.Refs[index];
        stack.Refs[index] = null;
        return value;
    }

    // ---- leaving frames

    /// <summary>Several results: numbers and vectors, then references, to the start of the frame.</summary>
    [MethodImpl(Cold)]
    public static void ReturnMany(byte* fp, object?[] refs, int rb, Word* w, int refSlots)
    {
        Buffer.MemoryCopy(fp + w->A, fp, w->B, w->B);
        int count = w[1].A;
        if (count > 0) Array.Copy(refs, rb + w->C, refs, rb, count);
        Array.Clear(refs, rb + count, refSlots - count);
    }

    /// <summary>A tail call: what the frame kept beside the arguments is dropped.</summary>
    [MethodImpl(Cold)]
    public static void Drop(object?[] refs, int rb, InterpFunc* func, Word* call) => Array.Clear(refs, rb + call->C, func->RefSlots - call->C);

    /// <summary>The same after a tail call out of the loop, which left its results.</summary>
    [MethodImpl(Cold)]
    public static void ClearAfter(object?[] refs, int rb, InterpFunc* func, Function target)
    {
        int kept = 0;
        foreach (var kind in target.Calling!.Results)
            if (kind >= ValueKind.FuncRef) kept++;
        if (func->RefSlots > kept) Array.Clear(refs, rb + kept, func->RefSlots - kept);
    }

    // ---- rare

    [MethodImpl(Cold)]
    public static void Translate(nint ctx, int index) => Rt.Instance(ctx).Code.Translate(index);

    /// <summary>An access of the first memory at `at`, its constant offset included.</summary>
    [MethodImpl(Cold)]
    public static Exception OutOfBounds(nint ctx, Word* w, ulong at)
    {
        var op = InterpChain.Plain(w->Op);
        bool isSum = op >= IOp.Load32K && op <= IOp.Store16Add;
        uint offset = isSum ? w->X : (uint)w->C;
        if (isSum) op = op >= IOp.Load32Add ? op - IOp.Load32Add + IOp.Load32 : op - IOp.Load32K + IOp.Load32;
        int bytes = op switch
        {
            IOp.Load64 or IOp.Store64 => 8,
            IOp.Load8SI32 or IOp.Load8UI32 or IOp.Load8SI64 or IOp.Load8UI64 or IOp.Store8 => 1,
            IOp.Load16SI32 or IOp.Load16UI32 or IOp.Load16SI64 or IOp.Load16UI64 or IOp.Store16 => 2,
            IOp.V128Load or IOp.V128Store => 16,
            IOp.At => w->X,
            _ => 4,
        };
        return Rt.TrapMemory(ctx, 0, at - offset, offset, bytes);
    }
}
