namespace Twofold.Wasm.Compiler

// Casts, tests and branches on references.
// In: operands and types. Out: tests that compare ids of types, and branches on them.
//
//     ref.cast $t     value.Type.D<depth of $t> <> id of $t -> trap: the display's entry is the type's own id exactly for $t and what lies below it

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open ObjectCode

module internal LowerCasts =
    // ---- casts

    /// Falls through when the value is of the type, else goes to the label. The value is stable.
    let unlessOf (e: Emitter) (v: Node) nullable (heap: HeapType) target =
        let matched = e.NewLabel()

        if not v.NonNull then
            e.Peek v
            e.Branch OpCodes.Brfalse (if nullable then matched else target)

        let kind (o: OpCode) (k: int) =
            e.Peek v
            field e OpCodes.Ldfld typeField
            field e OpCodes.Ldfld kindField
            e.Add(Cil.LdcI4 k)
            e.Branch o target

        if heap.IsConcrete then
            let types = e.Context.Valid.Types
            let canonical = types.Canonical heap.Index
            let depth = canonical.Display.Length - 1
            e.Peek v

            if canonical.Kind = HeapType.Func then
                e.Add(Cil.LdcI4 canonical.Id)
                call e isFunction
                e.Branch OpCodes.Brfalse target
            elif depth < GcType.InlineDepths then
                field e OpCodes.Ldfld typeField
                field e OpCodes.Ldfld displayFields[depth]
                e.Add(Cil.LdcI4 canonical.Id)
                e.Branch OpCodes.Bne_Un target
            else
                e.Add(Cil.LdcI4 depth)
                e.Add(Cil.LdcI4 canonical.Id)
                call e isDeep
                e.Branch OpCodes.Brfalse target
        elif heap = HeapType.Eq then
            kind OpCodes.Beq GcKind.External
        elif heap = HeapType.I31 then
            kind OpCodes.Bne_Un GcKind.I31
        elif heap = HeapType.Struct then
            kind OpCodes.Bne_Un GcKind.Struct
        elif heap = HeapType.Array then
            kind OpCodes.Bne_Un GcKind.Array
        elif heap = HeapType.None || heap = HeapType.NoFunc || heap = HeapType.NoExtern || heap = HeapType.NoExn then
            e.Branch OpCodes.Br target

        e.Mark matched

    let refTest (e: Emitter) nullable heap =
        let v = e.Twice(e.Pop())
        let result = e.Alloc CilType.I4
        let no = e.NewLabel()
        e.Add(Cil.LdcI4 0)
        e.Add(Cil.Stloc result)
        unlessOf e v nullable heap no
        e.Add(Cil.LdcI4 1)
        e.Add(Cil.Stloc result)
        e.Mark no
        e.GiveBack v
        e.Stack.Add(e.Temp CilType.I4 result)

    let refCast (e: Emitter) nullable heap =
        let v = e.Twice(e.Pop())
        unlessOf e v nullable heap (e.ColdLabel(Simple TrapCode.CastFailure))
        e.Stack.Add(if nullable then v else nonNull v)

    // ---- branches

    let branchTo (e: Emitter) (fr: Frame) =
        LowerControl.copyTo e fr
        e.Branch OpCodes.Br fr.Br

    let branchOnNull (e: Emitter) depth =
        let fr = e.FrameAt depth
        fr.Targeted <- true
        let v = e.Twice(e.Pop())

        if not v.NonNull then
            if LowerControl.arity e fr = 0 then
                e.Peek v
                e.Branch OpCodes.Brfalse fr.Br
            else
                LowerControl.keepTop e (LowerControl.arity e fr)
                let skip = e.NewLabel()
                e.Peek v
                e.Branch OpCodes.Brtrue skip
                branchTo e fr
                e.Mark skip

        e.Stack.Add(nonNull v)

    let branchOnNonNull (e: Emitter) depth =
        let fr = e.FrameAt depth
        fr.Targeted <- true
        LowerControl.keepTop e (LowerControl.arity e fr)
        let v = e.Stack[e.Stack.Count - 1]
        let skip = e.NewLabel()
        e.Peek v
        e.Branch OpCodes.Brfalse skip
        branchTo e fr
        e.Mark skip
        e.GiveBack(e.Pop())

    let branchOnCast (e: Emitter) (i: Instr) onFail =
        let fr = e.FrameAt i.A
        fr.Targeted <- true
        LowerControl.keepTop e (LowerControl.arity e fr)
        let v = e.Stack[e.Stack.Count - 1]
        let heap = HeapType(int (i.Imm >>> 32))
        let nullable = i.B &&& 2 <> 0
        let next = e.NewLabel()

        if onFail then
            let fail = e.NewLabel()
            unlessOf e v nullable heap fail
            e.Branch OpCodes.Br next
            e.Mark fail
            branchTo e fr
        else
            unlessOf e v nullable heap next
            branchTo e fr

        e.Mark next

        // What goes on after a failed test of a nullable type is not null, and after a passed one of a type without null.
        if onFail <> nullable then
            nonNull v |> ignore
