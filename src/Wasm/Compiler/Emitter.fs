namespace Twofold.Wasm.Compiler

// One function while it is lowered: deferred operands on a stack, frames, locals, gas, and the temporaries they need.
// In: what Lower and the families of instructions ask for. Out: CIL in the writer that it inherits.

open System
open System.Collections.Generic
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// `entry`: the index of the loop that a frame of the interpreter's goes on at, or -1 for the whole function.
type internal Emitter(ctx: LowerContext, f: PreparedFunc, hasRotations: bool, flow: MarkFlow, entry: int) =
    inherit CilWriter(ctx, f.Code.Length * 3, flow)
    let m = ctx.Valid.Module
    let nan = if ctx.EagerNan then NanEscape.nothing else NanEscape.run ctx.Valid f
    let hasNan = nan.CleanOnAssign.Length > 0
    let stack = ResizeArray<Node>()
    let frames = ResizeArray<Frame>()
    // Entered at a loop, parameters are locals like the others.
    let pars = if entry < 0 then f.Type.Params.Length else 0
    // Largest access (memory and index local -> offset + bytes) that a dominating check of this block has covered.
    let covered = Dictionary<struct (int * int), int64>()
    let mutable dead = false
    // The next charge is the first of a loop's iteration.
    let mutable pollWithCharge = false

    let wasmLocals = Array.create f.Locals.Length -1

    do
        for i in pars .. f.Locals.Length - 1 do
            wasmLocals[i] <- base.Declare(cilType f.Locals[i])

    let lStore = base.Declare CilType.Native
    let lGas = base.Declare CilType.I8

    // Bases never move: those of the first memories that are accessed are kept in locals.
    let baseSlots =
        f.Code
        |> Seq.filter (fun i -> i.Op < Op.Enter && (Opcodes.info i.Op).AccessBytes > 0)
        |> Seq.map _.A
        |> Seq.distinct
        |> Seq.truncate 4
        |> Seq.map (fun memory -> struct (memory, -1))
        |> Array.ofSeq

    do
        for k in 0 .. baseSlots.Length - 1 do
            let struct (memory, _) = baseSlots[k]
            baseSlots[k] <- struct (memory, base.Declare CilType.Native)

    let lUnits = if f.Calls then base.Declare CilType.I4 else -1
    let lProbe = if f.Calls then base.Declare CilType.I4 else -1

    member _.Func = f
    member _.Entry = entry
    /// Where the loop begins that the method is entered at.
    member val EntryLabel = -1 with get, set
    member _.Module = m
    member _.Nan = nan
    member _.HasNan = hasNan
    /// Operands, deferred.
    member _.Stack = stack
    /// Control frames, innermost last.
    member _.Frames = frames
    /// Number of the locals that are CIL arguments, from 2 on: the function's parameters.
    member _.Params = pars
    member _.Covered = covered

    /// A check that this access needs was made before in the same block.
    member _.Covers memory local (reach: int64) =
        match covered.TryGetValue(struct (memory, local)) with
        | true, known -> known >= reach
        | _ -> false

    member _.Cover memory local (reach: int64) = covered[struct (memory, local)] <- reach
    /// Memories with a CIL local that holds their base.
    member _.BaseSlots = baseSlots
    member _.WasmLocals = wasmLocals
    member _.StoreSlot = lStore
    member _.GasSlot = lGas
    member _.UnitsSlot = lUnits
    member _.ProbeSlot = lProbe

    /// What follows cannot be reached.
    member _.Dead
        with get () = dead
        and set v = dead <- v

    member _.PollWithCharge
        with get () = pollWithCharge
        and set v = pollWithCharge <- v

    member e.FrameVariable (at: int) (loopStart: bool) k = (int64 (at + 2) <<< 32) + int64 (2 * k + (if loopStart then 1 else 0))

    member e.WriteGas() =
        e.Add(Cil.Ldloc lStore)
        e.Add(Cil.Ldloc lGas)
        e.Op OpCodes.Stind_I8

    member e.ReadGas() =
        e.Add(Cil.Ldloc lStore)
        e.Op OpCodes.Ldind_I8
        e.Add(Cil.Stloc lGas)

    member e.AfterCall() = e.ReadGas()

    member e.Constant ty bits = Node(NodeKind.Const, ty, Imm = bits)

    member e.Temp ty slot = Node(NodeKind.Temp, ty, Slot = slot)

    /// What a read of a NaN variable may hold; -1 is none.
    member e.ReadsDirty(variable: int) = if hasNan && variable >= 0 then nan.ReadsDirty[variable] else NanLanes.None

    member e.LocalNode i =
        let t = f.Locals[i]

        Node(
            NodeKind.Local,
            cilType t,
            Imm = int64 i,
            Dirty = e.ReadsDirty i,
            Marks = flow.Local i,
            NonNull = (t.IsRef && not t.IsNullable)
        )

    member e.Unary ty o (a: Node) =
        Node(
            NodeKind.Unary,
            ty,
            Op = o,
            A = a,
            ReadsMemory = a.ReadsMemory,
            ReadsGlobal = a.ReadsGlobal,
            Depth = a.Depth + 1,
            Dirty = NanEscape.arithmetic o,
            Marks = (if hasRotations then Rotations.unary o a.Marks else 0)
        )
        |> e.Computed

    member e.Binary ty o (a: Node) (b: Node) =
        Node(
            NodeKind.Binary,
            ty,
            Op = o,
            A = a,
            B = b,
            ReadsMemory = (a.ReadsMemory || b.ReadsMemory),
            ReadsGlobal = (a.ReadsGlobal || b.ReadsGlobal),
            Depth = max a.Depth b.Depth + 1,
            Dirty = NanEscape.arithmetic o,
            Marks = (if hasRotations then Rotations.binary o a.Marks b.Marks else 0)
        )
        |> e.Computed

    /// The value with its NaN made canonical, if arithmetic could have made one.
    member e.Clean(n: Node) =
        if n.Dirty <> NanLanes.None && ctx.Nan <> NanPolicy.Never then
            Node(NodeKind.Canon, n.Ty, A = n, ReadsMemory = n.ReadsMemory, ReadsGlobal = n.ReadsGlobal, Depth = n.Depth + 1)
        else
            n

    /// An operand of arithmetic: cleaning it would be wasted.
    member e.Unclean(n: Node) = if n.Kind = NodeKind.Canon && not ctx.EagerNan then n.A else n

    /// A result of arithmetic as others find it.
    member e.Computed(n: Node) = if ctx.EagerNan then e.Clean n else n

    member e.RefersTo (local: int) (n: Node) =
        not (isNull n)
        && (if n.Kind = NodeKind.Local then
                n.Imm = int64 local
            else
                e.RefersTo local n.A || e.RefersTo local n.B || e.RefersTo local n.C)

    member e.LoadLocal i = if i < pars then e.Add(Cil.Ldarg(i + 2)) else e.Add(Cil.Ldloc wasmLocals[i])

    member e.StoreLocal i =

        if covered.Count > 0 then
            for memory in 0 .. ctx.Valid.MemoryTypes.Length - 1 do
                covered.Remove(struct (memory, i)) |> ignore

        if i < pars then e.Add(Cil.Starg(i + 2)) else e.Add(Cil.Stloc wasmLocals[i])

    // Address of a numeric global's value.
    member e.GlobalAddress g =
        let imported = g < ctx.Valid.ImportedGlobals
        e.AtContext(ctx.Layout.Global g)

        if imported && ctx.Valid.GlobalTypes[g].Mutable then
            e.Op OpCodes.Ldind_I

    member e.MemoryBase k =
        match baseSlots |> Array.tryFind (fun (struct (memory, _)) -> memory = k) with
        | Some(struct (_, slot)) -> e.Add(Cil.Ldloc slot)
        | None ->
            e.AtContext(ctx.Layout.Memory k)
            e.Op OpCodes.Ldind_I

    member e.MemoryLength k =
        e.AtContext(ctx.Layout.Memory k + 8)
        e.Op OpCodes.Ldind_I

    member e.IsRotated(n: Node) = n.Marks &&& Rotations.Rotated <> 0

    /// Writes a tree to the CIL stack; its temporaries are free afterwards.
    member e.Emit(n: Node) =
        match n.Kind with
        | NodeKind.Const when n.Ty = CilType.V128 -> e.LdcVector n.Imm n.High
        | NodeKind.Const -> e.Ldc n.Ty n.Imm
        | NodeKind.Local -> e.LoadLocal(int n.Imm)
        | NodeKind.Temp ->
            e.Add(Cil.Ldloc n.Slot)

            // Imm = 1: kept by its owner.
            if n.Imm = 0L then
                e.Release n.Ty n.Slot
        | NodeKind.Unary ->
            match n.Op with
            // Compared with zero, here or in the helper.
            | 0x45us
            | 0x50us
            | 0xB5us
            | 0xBAus -> e.EmitTested n.A
            | _ -> e.Emit n.A

            ScalarCode.unary e n.Op
        | NodeKind.Binary when n.Op >= 0x46us && n.Op <= 0x5Aus ->
            e.EmitCompared n
            ScalarCode.binary e n.Op
        | NodeKind.Binary ->
            e.Emit n.A
            e.Emit n.B
            ScalarCode.binary e n.Op
        | NodeKind.Load ->
            e.EmitAddress n
            if n.Op = Op.V128Load then e.Add Cil.LoadVector else ScalarCode.load e n.Op
        | NodeKind.Global ->
            e.GlobalAddress(int n.Imm)
            e.Ldind n.Ty
        | NodeKind.Canon ->
            e.Emit n.A

            match n.Ty with
            | CilType.R4 -> e.CallNum "Canon32"
            | CilType.R8 -> e.CallNum "Canon64"
            | _ -> e.Add(Cil.Call(Methods.Vec(if n.A.Dirty = NanLanes.F32 then "CanonF32" else "CanonF64")))
        | NodeKind.Custom ->
            for operand in [| n.A; n.B; n.C |] do
                if not (isNull operand) then
                    e.Emit operand

                    if operand.Ty = CilType.V128 && not (isNull n.Cast) then
                        e.Cast n.Cast

            n.Write()
        | _ -> e.Op OpCodes.Ldnull

    /// An operand that the JIT may compare with zero.
    member e.EmitTested(n: Node) =
        e.Emit n

        if e.IsRotated n then
            e.Hide n.Ty

    /// Both operands of an integer comparison.
    member e.EmitCompared(n: Node) =
        e.Emit n.A

        if e.IsRotated n.A then
            e.Hide n.A.Ty

        e.Emit n.B

        // One operand that the JIT knows nothing of is enough: it is not zero for all it knows.
        if e.IsRotated n.B && not (e.IsRotated n.A) then
            e.Hide n.B.Ty

    /// The address of a checked access.
    member e.EmitAddress(n: Node) =
        e.MemoryBase n.Memory

        if n.Slot >= 0 then
            e.Add(Cil.Ldloc n.Slot)
            e.Release CilType.Native n.Slot
        else
            e.Emit n.A
            e.Op OpCodes.Conv_U

        e.Op OpCodes.Add

        if n.Imm <> 0L then
            e.NativeConst n.Imm
            e.Op OpCodes.Add

    /// A deferred instruction of a family; operands that are not there are null. `write` must not trap, branch or have an effect.
    member e.Custom (ty: CilType) (a: Node) (b: Node) (c: Node) (write: unit -> unit) =
        let mutable memory = false
        let mutable globals = false
        let mutable depth = 0

        for n in [| a; b; c |] do
            if not (isNull n) then
                memory <- memory || n.ReadsMemory
                globals <- globals || n.ReadsGlobal
                depth <- max depth n.Depth

        Node(NodeKind.Custom, ty, A = a, B = b, C = c, Write = write, ReadsMemory = memory, ReadsGlobal = globals, Depth = depth + 1)

    member e.Materialise index =
        let n = stack[index]
        let slot = e.Alloc n.Ty
        e.Emit n
        e.Add(Cil.Stloc slot)
        stack[index] <- Node(NodeKind.Temp, n.Ty, Slot = slot, Dirty = n.Dirty, Marks = n.Marks, NonNull = n.NonNull)

    member e.Push(n: Node) =
        stack.Add n

        if n.Depth > MaxDepth then
            e.Materialise(stack.Count - 1)

    member e.PushNow(n: Node) =
        stack.Add n
        e.Materialise(stack.Count - 1)

    member e.Pop() =
        let n = stack[stack.Count - 1]
        stack.RemoveAt(stack.Count - 1)
        n

    member e.Spill(needs: Node -> bool) =
        for k in 0 .. stack.Count - 1 do
            if needs stack[k] then
                e.Materialise k

    member e.IsStable(n: Node) = n.Kind = NodeKind.Const || n.Kind = NodeKind.Temp || n.Kind = NodeKind.Null

    member e.SpillLocal i = e.Spill(e.RefersTo i)

    member e.SpillMemory() = e.Spill _.ReadsMemory

    member e.SpillGlobals() = e.Spill _.ReadsGlobal

    member e.SpillAll() = e.Spill(fun n -> not (e.IsStable n))

    /// Drops what is left above a height, giving its temporaries back.
    member e.GiveBack(n: Node) =
        if not (isNull n) then
            match n.Kind with
            | NodeKind.Temp when n.Imm = 0L -> e.Release n.Ty n.Slot
            | NodeKind.Load when n.Slot >= 0 -> e.Release CilType.Native n.Slot
            | _ ->
                e.GiveBack n.A
                e.GiveBack n.B
                e.GiveBack n.C

    member e.CutTo height =
        while stack.Count > height do
            e.GiveBack(e.Pop())

    /// A node that can be read by a check now and by the expression later.
    member e.Twice(n: Node) =
        match n.Kind with
        | NodeKind.Const
        | NodeKind.Local
        | NodeKind.Temp -> n
        | _ ->
            let slot = e.Alloc n.Ty
            e.Emit n
            e.Add(Cil.Stloc slot)
            Node(NodeKind.Temp, n.Ty, Slot = slot, Marks = n.Marks, NonNull = n.NonNull)

    /// The same node, to be written before its last use.
    member e.Again(n: Node) =
        if n.Kind = NodeKind.Temp then
            Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
        else
            n

    member e.Peek(n: Node) =
        match n.Kind with
        | NodeKind.Temp -> e.Add(Cil.Ldloc n.Slot)
        | NodeKind.Local -> e.LoadLocal(int n.Imm)
        | NodeKind.Null -> e.Op OpCodes.Ldnull
        | _ -> e.Ldc n.Ty n.Imm

    member e.CleanSlot variable (n: Node) = if hasNan && nan.CleanOnAssign[variable] then e.Clean n else n

    member e.FrameAt depth = frames[frames.Count - 1 - depth]

    member e.BecomeDead() =
        dead <- true
        e.CutTo frames[frames.Count - 1].Height
