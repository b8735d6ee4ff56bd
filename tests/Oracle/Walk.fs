namespace Twofold.Oracle

// The walker (core specification 4.6): executes trees. Frames and open constructs are kept on stacks of its own, so that no guest,
// however deep, touches the native stack; only a host function that calls back into the guest starts a nested walk.
// In: a function, arguments, the units of logical stack that are left. Out: results; or one of the exceptions that end a run.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

/// A construct that is being executed: where it is in its body, and its label.
type private Label(body: Node[], isLoop: bool, labelArity: int, height: int) =
    member val Next = 0 with get, set
    member _.Body = body
    member _.IsLoop = isLoop
    /// Values that a branch to it carries: a loop's parameters, the results of others.
    member _.Arity = labelArity
    /// Height of the operands below its parameters.
    member _.Height = height

/// An activation (core 4.2.13).
type private Frame(func: WasmFunc, arguments: Value[], received: int) =
    let tree = func.Tree

    member _.Instance = func.Instance
    member _.Tree = tree
    /// Units that the caller had left: what a tail call passes on.
    member _.Received = received
    /// Units left below this frame: what a call passes on.
    member _.Units = received - tree.FrameUnits
    member _.Arity = func.Type.Results.Length

    member val Locals: Value[] =
        Array.init tree.Locals.Length (fun i -> if i < arguments.Length then arguments[i] else Values.zero tree.Locals[i])

    member val Operands: List<Value> = List()
    member val Labels: Stack<Label> = Stack()

module Walk =
    let private push (f: Frame) (v: Value) = f.Operands.Add v

    let private pop (f: Frame) : Value =
        let v = f.Operands[f.Operands.Count - 1]
        f.Operands.RemoveAt(f.Operands.Count - 1)
        v

    /// The top n operands, in the order they were pushed.
    let private popMany (f: Frame) (n: int) : Value[] =
        let values = f.Operands.GetRange(f.Operands.Count - n, n).ToArray()
        f.Operands.RemoveRange(f.Operands.Count - n, n)
        values

    /// An i32 or i64 as the unsigned number it is.
    let private popU (f: Frame) : uint64 = (pop f).Bits

    /// Enters a construct whose parameters are on the stack.
    let private enter (f: Frame) (body: Node[]) isLoop parameters results =
        f.Labels.Push(Label(body, isLoop, (if isLoop then parameters else results), f.Operands.Count - parameters))

    /// Branches (core 4.6.8, "Branching"): the label's values stay, what lies below them down to the label goes.
    /// A loop starts again; anything else is left. A function's body is the outermost label.
    let private branch (f: Frame) (depth: int) =
        for _ in 1..depth do
            f.Labels.Pop() |> ignore

        let label = f.Labels.Peek()
        let values = popMany f label.Arity
        f.Operands.RemoveRange(label.Height, f.Operands.Count - label.Height)
        f.Operands.AddRange values

        if label.IsLoop then label.Next <- 0 else f.Labels.Pop() |> ignore

    /// A size as the address type has it; -1 for a growth that failed.
    let private size (limits: SizeLimits) (n: int64) : Value = if limits.Is64 then Value.I64 n else Value.I32(int n)

    let private vector (f: Frame) (i: Instr) (info: OpInfo) =
        let memory () = f.Instance.Memories[i.A]

        match info.Imm, info.Pushes.Length with
        | Imm.MemArg, 1 -> push f (Access.loadVector (memory ()) i (pop f))
        | Imm.MemArg, _ ->
            let value = pop f
            Access.storeVector (memory ()) i (pop f) value
        | Imm.MemArgLane, 1 ->
            let value = pop f
            push f (Access.loadLane (memory ()) i (pop f) value)
        | Imm.MemArgLane, _ ->
            let value = pop f
            Access.storeLane (memory ()) i (pop f) value
        | _ -> push f (Vector.run i (popMany f info.Pops.Length))

    /// One instruction that touches neither control nor calls.
    let private plain (store: Store) (f: Frame) (i: Instr) =
        let instance = f.Instance

        match i.Op with
        | Op.Unreachable -> raise (TrapException TrapCode.Unreachable)
        | Op.Nop -> ()
        | Op.Drop -> pop f |> ignore
        | Op.Select
        | Op.SelectT ->
            let condition = pop f
            let second = pop f
            let first = pop f
            push f (if condition.AsI32() <> 0 then first else second)
        | Op.LocalGet -> push f f.Locals[i.A]
        | Op.LocalSet -> f.Locals[i.A] <- pop f
        | Op.LocalTee -> f.Locals[i.A] <- f.Operands[f.Operands.Count - 1]
        | Op.GlobalGet -> push f instance.Globals[i.A].Value
        | Op.GlobalSet -> instance.Globals[i.A].Value <- pop f
        | Op.I32Const -> push f (Value.FromBits(ValueKind.I32, uint64 i.Imm))
        | Op.I64Const -> push f (Value.FromBits(ValueKind.I64, uint64 i.Imm))
        | Op.F32Const -> push f (Value.FromBits(ValueKind.F32, uint64 i.Imm))
        | Op.F64Const -> push f (Value.FromBits(ValueKind.F64, uint64 i.Imm))
        | Op.RefNull -> push f (Values.zero (ValType.Ref(true, HeapType i.A)))
        | Op.RefIsNull -> push f (Value.I32(if isNull (pop f).Reference then 1 else 0))
        | Op.RefFunc -> push f (Value.Ref(ValueKind.FuncRef, instance.Funcs[i.A]))
        | Op.TableGet -> push f (Access.tableGet instance.Tables[i.A] (pop f))
        | Op.TableSet ->
            let value = pop f
            Access.tableSet instance.Tables[i.A] (pop f) value
        | Op.TableSize -> push f (size instance.Valid.TableTypes[i.A].Limits (int64 instance.Tables[i.A].Entries.Count))
        | Op.TableGrow ->
            let more = popU f
            push f (size instance.Valid.TableTypes[i.A].Limits (store.Grow(instance.Tables[i.A], more, pop f)))
        | Op.MemorySize -> push f (size instance.Valid.MemoryTypes[i.A] (int64 instance.Memories[i.A].Pages))
        | Op.MemoryGrow ->
            let more = popU f
            push f (size instance.Valid.MemoryTypes[i.A] (store.Grow(instance.Memories[i.A], more, GasSchedule.pages more)))
        | Op.DataDrop -> instance.Datas[i.A] <- [||]
        | Op.ElemDrop -> instance.Elems[i.A] <- [||]
        | Op.MemoryFill ->
            let n = popU f
            let value = pop f
            store.Charge(GasSchedule.bytes n)
            Access.memoryFill instance.Memories[i.A] (pop f) value n
        | Op.TableFill ->
            let n = popU f
            let value = pop f
            store.Charge(GasSchedule.elements n)
            Access.tableFill instance.Tables[i.A] (pop f) value n
        | Op.MemoryInit ->
            let n = popU f
            let source = pop f
            store.Charge(GasSchedule.bytes n)
            Access.memoryInit instance.Memories[i.B] instance.Datas[i.A] (pop f) source n
        | Op.MemoryCopy ->
            let n = popU f
            let source = pop f
            store.Charge(GasSchedule.bytes n)
            Access.memoryCopy instance.Memories[i.A] instance.Memories[i.B] (pop f) source n
        | Op.TableInit ->
            let n = popU f
            let source = pop f
            store.Charge(GasSchedule.elements n)
            Access.tableInit instance.Tables[i.B] instance.Elems[i.A] (pop f) source n
        | Op.TableCopy ->
            let n = popU f
            let source = pop f
            store.Charge(GasSchedule.elements n)
            Access.tableCopy instance.Tables[i.A] instance.Tables[i.B] (pop f) source n
        | op ->
            let info = Opcodes.info op

            match info.Imm, info.Pops.Length with
            | _ when op >= 0xD000us && op < 0xE000us -> vector f i info
            | Imm.MemArg, 1 -> push f (Access.load instance.Memories[i.A] i (pop f))
            | Imm.MemArg, _ ->
                let value = pop f
                Access.store instance.Memories[i.A] i (pop f) value
            | _, 1 -> push f (Numeric.unary op (pop f))
            | _ ->
                let b = pop f
                push f (Numeric.binary op (pop f) b)

    /// What a host function sees of the guest that called it.
    /// `reenter` calls one of its functions on the units that are left.
    type private OracleGuest(store: Store, instance: Instance, reenter: Func -> Value[] -> Value[]) =
        inherit Guest()

        let memory () = if isNull instance || instance.Memories.Length = 0 then null else instance.Memories[0]

        let size () =
            match memory () with
            | null -> 0UL
            | m -> uint64 m.Bytes.Length

        override _.Data = store.Data
        override _.MemorySize = size ()

        override _.Slice(address, length) =
            if uint64 address + uint64 length > size () then
                raise (TrapException(TrapCode.HostRangeOutOfBounds, uint64 address, uint64 length, size ()))

            if length = 0u then Span<byte>.Empty else Span<byte>(memory().Bytes, int address, int length)

        override _.GasLeft = store.GasLeft

        override _.Charge gas =
            if gas < 0L then
                invalidArg (nameof gas) "a host function cannot give gas back"

            store.Charge gas

        override _.GrowMemory pages =
            match memory () with
            | null -> -1L
            | m -> int64 (store.Grow(m, uint64 pages, 0L))

        override _.Call(export, arguments) =
            let found =
                if isNull instance then
                    None
                else
                    instance.Valid.Module.Exports |> Array.tryFind (fun e -> e.Name = export && e.Kind = ExternKind.Func)

            match found with
            | None -> invalidArg (nameof export) $"the guest exports no function '{export}'"
            | Some e ->
                if store.Depth >= store.ReentryDepth then
                    raise (TrapException(TrapCode.ReentryTooDeep, uint64 store.Depth))

                store.Depth <- store.Depth + 1
                let results = reenter instance.Funcs[e.Index] arguments
                store.Depth <- store.Depth - 1
                results

    /// Calls a host function on behalf of an instance.
    let rec private callHost (store: Store) (caller: Instance) (host: HostFunc) (arguments: Value[]) (units: int) : Value[] =
        let bits = arguments |> Array.map (fun v -> v.Bits)

        let result =
            try
                let reenter callee values = call store caller callee values units
                host.Call.Invoke(OracleGuest(store, caller, reenter), ReadOnlySpan bits)
            with
            | :? WasmException
            | FaultException _ -> reraise ()
            | e -> raise (FaultException(EngineFault.HostFunction $"{host.Name}: {e.Message}"))

        host.Type.Results |> Array.map (fun t -> Value.FromBits(Values.kind t, result))

    /// Calls a function to its end. `caller` is the instance whose memory a host function would see.
    and call (store: Store) (caller: Instance) (func: Func) (arguments: Value[]) (units: int) : Value[] =
        let frames = Stack<Frame>()
        let mutable results: Value[] = null // of the outermost function, once it returned
        let mutable steps = 0

        /// Starts a function with the units its caller has left; its results go to whoever is on top of the frames.
        let start (caller: Instance) (func: Func) (arguments: Value[]) (units: int) =
            match func with
            | :? WasmFunc as w ->
                let frame = Frame(w, arguments, units)

                if frame.Units < 0 then
                    raise (StackExhaustedException store.StackUnits)

                frames.Push frame
                enter frame frame.Tree.Body false 0 frame.Arity
            | _ ->
                let values = callHost store caller (func :?> HostFunc) arguments units
                if frames.Count = 0 then results <- values else frames.Peek().Operands.AddRange values

        let finish () =
            let f = frames.Pop()
            let values = popMany f f.Arity
            if frames.Count = 0 then results <- values else frames.Peek().Operands.AddRange values

        let startCall (f: Frame) (callee: Func) = start f.Instance callee (popMany f callee.Type.Params.Length) f.Units

        /// The caller's frame goes first; the callee gets the units that the caller had received.
        let tailCall (f: Frame) (callee: Func) =
            let arguments = popMany f callee.Type.Params.Length
            frames.Pop() |> ignore
            start f.Instance callee arguments f.Received

        let indirect (f: Frame) (i: Instr) =
            match f.Instance.Valid.Module.Types[i.A].Composite with
            | CompositeType.Func expected -> Access.callee f.Instance.Tables[i.B] expected (pop f)
            | _ -> invalidOp "a validated call names a function type"

        let step (f: Frame) (node: Node) =
            match node with
            | Node.Pay block -> store.Charge block.Price
            | Node.Block(parameters, arity, body) -> enter f body false parameters arity
            | Node.Loop(parameters, arity, body) -> enter f body true parameters arity
            | Node.If(parameters, arity, thenArm, elseArm) ->
                let arm = if (pop f).AsI32() <> 0 then thenArm else elseArm
                enter f arm false parameters arity
            | Node.Plain i ->
                match i.Op with
                | Op.Br -> branch f i.A
                | Op.BrIf ->
                    if (pop f).AsI32() <> 0 then
                        branch f i.A
                | Op.BrTable ->
                    let labels = f.Tree.LabelTables[i.A]
                    let n = popU f
                    branch f labels[int (min n (uint64 (labels.Length - 1)))]
                | Op.Return -> branch f (f.Labels.Count - 1)
                | Op.Call -> startCall f f.Instance.Funcs[i.A]
                | Op.CallIndirect -> startCall f (indirect f i)
                | Op.ReturnCall -> tailCall f f.Instance.Funcs[i.A]
                | Op.ReturnCallIndirect -> tailCall f (indirect f i)
                | _ -> plain store f i

        start caller func arguments units

        while isNull results do
            steps <- steps + 1

            if steps &&& 0xFFF = 0 then
                store.Poll()

            let f = frames.Peek()

            if f.Labels.Count = 0 then
                finish ()
            else
                let label = f.Labels.Peek()

                if label.Next = label.Body.Length then
                    f.Labels.Pop() |> ignore // the end of a construct: its results are on the stack
                else
                    label.Next <- label.Next + 1
                    step f label.Body[label.Next - 1]

        results
