namespace Twofold.Wasm.Validation

// Blocks, branches, calls and exceptions (core specification, sections 3.4.8-3.4.10; legacy exceptions as their proposal has them).
// In: one instruction. Out: pops and pushes on the stack, or the violated rule.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

type internal ControlRules(c: Context) =
    inherit Lookups(c)
    static let nothing: ValType[] = [||]
    // Types that one br_table has compared already, by identity.
    let seen = HashSet<ValType[]>(HashIdentity.Reference)

    let list (ts: ValType[]) = ts |> Array.map string |> String.concat " "

    /// Parameters and results of a block type; parameters are popped.
    member v.BlockType(i: inref<Instr>, starts: outref<ValType[]>, ends: outref<ValType[]>) =
        starts <- nothing
        ends <- nothing

        if i.A = -2 then
            let t = ValType i.B
            v.CheckType t
            ends <- v.Singleton t
        elif i.A >= 0 then
            let t = v.FuncType i.A
            starts <- t.Params
            ends <- t.Results

    member v.Block(i: inref<Instr>) =
        let mutable starts = nothing
        let mutable ends = nothing
        v.BlockType(&i, &starts, &ends)

        if i.Op = Op.If then
            v.PopVal ValType.I32 |> ignore

        v.PopVals starts
        v.PushCtrl(i.Op, starts, ends)

    member v.Else() =
        let frame = v.Innermost
        v.PopCtrl()
        v.PushCtrl(Op.Else, frame.StartTypes, frame.EndTypes)

    member v.BrIf(label: int) =
        v.PopVal ValType.I32 |> ignore
        let ts = v.LabelTypes label
        v.PopVals ts
        v.PushVals ts

    member v.BrTable(labels: int[]) =
        v.PopVal ValType.I32 |> ignore
        let last = v.LabelTypes labels[labels.Length - 1]
        let mutable previous = last
        let mutable i = 0
        seen.Clear()

        while i < labels.Length - 1 && v.Ok do
            let ts = v.LabelTypes labels[i]

            if v.Ok && not (obj.ReferenceEquals(ts, previous)) then
                if ts.Length <> last.Length then
                    v.Mismatch($"a label with {last.Length} values, as the default has", string ts.Length)
                elif ts.Length < 2 || seen.Add ts then
                    v.PeekVals ts

                previous <- ts

            i <- i + 1

        v.PopVals last
        v.Unreachable()

    /// A branch that takes `t` with it when it is taken: the label's last type; what lies below stays for who goes on.
    member v.BranchWith(label: int, t: ValType) =
        let ts = v.LabelTypes label

        if v.Ok then
            if ts.Length = 0 then
                v.Mismatch($"a label that takes {t}", "one that takes nothing")
            elif not (v.Types.Matches(t, ts[ts.Length - 1])) then
                v.Mismatch(string ts[ts.Length - 1], string t)
            else
                v.PopFirst(ts, ts.Length - 1)
                v.PushFirst(ts, ts.Length - 1)

    member v.BrOnNull(label: int) =
        let t = v.PopRef()
        let ts = v.LabelTypes label
        v.PopVals ts
        v.PushVals ts
        v.PushVal(ValType.Ref(false, t.Heap))

    member v.BrOnNonNull(label: int) =
        let t = v.PopRef()
        v.BranchWith(label, ValType.Ref(false, t.Heap))

    /// br_on_cast and br_on_cast_fail: the target type lies below the source; one of the two ways has what is left of the source.
    member v.BrOnCast(i: inref<Instr>) =
        let sourceHeap = HeapType(int (uint32 i.Imm))
        let targetHeap = HeapType(int (i.Imm >>> 32))
        v.CheckHeap sourceHeap
        v.CheckHeap targetHeap

        if v.Ok then
            let source = ValType.Ref(i.B &&& 1 <> 0, sourceHeap)
            let target = ValType.Ref(i.B &&& 2 <> 0, targetHeap)
            let rest = ValType.Ref(source.IsNullable && not target.IsNullable, sourceHeap)

            if not (v.Types.Matches(target, source)) then
                v.Mismatch($"a type below {source}", string target)

            v.PopVal source |> ignore

            if i.Op = Op.BrOnCast then
                v.BranchWith(i.A, target)
                v.PushVal rest
            else
                v.BranchWith(i.A, rest)
                v.PushVal target

    // ---- calls

    /// Parameters and results of a call, which leaves the function if it is a tail call: its results must be the caller's own.
    member v.Call(t: FuncType, tail: bool) =
        v.PopVals t.Params

        if tail then
            if not (v.Types.MatchesAll(t.Results, v.FunctionResults)) then
                v.Mismatch($"results [{list v.FunctionResults}]", $"[{list t.Results}]")

            v.Unreachable()
        else
            v.PushVals t.Results

    member v.CallFunc(index: int, tail: bool) =
        if uint32 index < uint32 c.FuncTypes.Length then
            v.Call(c.FuncTypes[index], tail)
        else
            v.Fail $"unknown function {uint32 index}"

    member v.CallIndirect(typeIndex: int, table: int, tail: bool) =
        let element = v.Table table

        if not (v.Types.Matches(element, ValType.FuncRef)) then
            v.Mismatch($"a table of {ValType.FuncRef}", $"one of {element}")

        let t = v.FuncType typeIndex
        v.PopVal(v.TableAddress table) |> ignore
        v.Call(t, tail)

    member v.CallRef(typeIndex: int, tail: bool) =
        let t = v.FuncType typeIndex

        if v.Ok then
            v.PopVal(ValType.Ref(true, HeapType.Concrete typeIndex)) |> ignore
            v.Call(t, tail)

    // ---- exceptions

    /// One clause of a try_table: what it hands over must fit its label, which is outside of the block.
    member private v.Clause(clause: inref<Catch>) =
        let label = v.LabelTypes clause.Label
        let values = if clause.Kind < 2 then v.Tag clause.Tag else nothing
        let withRef = clause.Kind = 1 || clause.Kind = 3
        let count = values.Length + (if withRef then 1 else 0)

        if v.Ok then
            let mutable fits = label.Length = count
            let mutable i = 0

            while fits && i < values.Length do
                fits <- v.Types.Matches(values[i], label[i])
                i <- i + 1

            if fits && withRef then
                fits <- v.Types.Matches(ValType.Ref(false, HeapType.Exn), label[count - 1])

            if not fits then
                let exn = if withRef then " (ref exn)" else ""
                v.Mismatch($"a label for [{list values}{exn}]", $"one for [{list label}]")

    member v.TryTable(i: inref<Instr>, clauses: Catch[]) =
        let mutable starts = nothing
        let mutable ends = nothing
        v.BlockType(&i, &starts, &ends)
        v.PopVals starts
        let mutable k = 0

        while k < clauses.Length && v.Ok do
            v.Clause &clauses[k]
            k <- k + 1

        v.PushCtrl(i.Op, starts, ends)

    member v.Throw(tag: int) =
        v.PopVals(v.Tag tag)
        v.Unreachable()

    member v.ThrowRef() =
        v.PopVal(ValType.Ref(true, HeapType.Exn)) |> ignore
        v.Unreachable()

    /// `catch` and `catch_all` of a legacy `try`: the body before ends like a block, the clause begins with the exception's values.
    member v.LegacyCatch(op: Op, tag: int) =
        let frame = v.Innermost

        if frame.Opcode <> Op.Try && frame.Opcode <> Op.Catch then
            v.Fail $"{(Opcodes.info op).Name} without a try"
        else
            v.PopCtrl()
            v.PushCtrl(op, nothing, frame.EndTypes)

            if op = Op.Catch then
                v.PushVals(v.Tag tag)

    /// `delegate` ends a `try` that has no clauses; its label is outside of that try.
    member v.Delegate(label: int) =
        let frame = v.Innermost

        if frame.Opcode <> Op.Try || v.Depth < 2 then
            v.Fail "delegate without a try"
        else
            v.PopCtrl()
            v.LabelTypes label |> ignore
            v.PushVals frame.EndTypes

    /// `rethrow`: the label must be of a clause.
    member v.Rethrow(label: int) =
        v.LabelTypes label |> ignore

        if v.Ok then
            let op = v.FrameOpcode label

            if op <> Op.Catch && op <> Op.CatchAll then
                v.Fail "invalid rethrow label"

        v.Unreachable()
