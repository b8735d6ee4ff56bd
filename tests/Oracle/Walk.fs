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

/// What an exception meets when it comes to a label (exceptions proposal, and the legacy one).
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type private Handlers =
    | None
    | Table of Catch[]
    /// The clauses of a legacy `try`: tag (-1: catch_all) and handler.
    | Clauses of struct (int * Node[])[]
    /// A legacy `delegate`: the label, counted from outside the `try`, whose handlers are asked instead.
    | Delegate of int

/// A construct that is being executed: where it is in its body, and its label.
type private Label(body: Node[], isLoop: bool, labelArity: int, height: int, handlers: Handlers, caught: ExnObject voption) =
    member val Next = 0 with get, set
    member _.Body = body
    member _.IsLoop = isLoop
    /// Values that a branch to it carries: a loop's parameters, the results of others.
    member _.Arity = labelArity
    /// Height of the operands below its parameters.
    member _.Height = height
    member _.Handlers = handlers
    /// In a legacy handler: what it caught, for `rethrow`.
    member _.Caught = caught

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
        Array.init tree.Locals.Length (fun i -> if i < arguments.Length then arguments[i] else func.Instance.Zero tree.Locals[i])

    member val Operands = Operands()
    member val Labels: Stack<Label> = Stack()

module Walk =
    let private push (f: Frame) (v: Value) = f.Operands.Add v
    let private pop (f: Frame) : Value = Operands.pop f.Operands
    let private popMany (f: Frame) (n: int) : Value[] = Operands.popMany f.Operands n

    /// Enters a construct whose parameters are on the stack.
    let private enterWith (f: Frame) (body: Node[]) isLoop parameters results handlers =
        let arity = if isLoop then parameters else results
        f.Labels.Push(Label(body, isLoop, arity, f.Operands.Count - parameters, handlers, ValueNone))

    let private enter f body isLoop parameters results = enterWith f body isLoop parameters results Handlers.None

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

    let private catches (f: Frame) tag (thrown: ExnObject) = tag < 0 || obj.ReferenceEquals(f.Instance.Tags[tag], thrown.Tag)

    /// An exception looks for a handler in a frame, from the innermost label outwards. False: it leaves the frame.
    let rec private handle (f: Frame) (thrown: ExnObject) : bool =
        if f.Labels.Count = 0 then
            false
        else
            let label = f.Labels.Pop()

            match label.Handlers with
            | Handlers.None -> handle f thrown
            | Handlers.Table clauses ->
                match clauses |> Array.tryFind (fun c -> catches f c.Tag thrown) with
                | None -> handle f thrown
                | Some c ->
                    if c.Kind < 2 then // catch, catch_ref
                        f.Operands.AddRange thrown.Values

                    if c.Kind = 1 || c.Kind = 3 then // catch_ref, catch_all_ref
                        push f (Value.Ref(ValueKind.ExnRef, thrown))

                    branch f c.Label
                    true
            | Handlers.Clauses clauses ->
                match clauses |> Array.tryFind (fun (struct (tag, _)) -> catches f tag thrown) with
                | None -> handle f thrown
                | Some(struct (tag, body)) ->
                    f.Operands.RemoveRange(label.Height, f.Operands.Count - label.Height)

                    if tag >= 0 then
                        f.Operands.AddRange thrown.Values

                    f.Labels.Push(Label(body, false, label.Arity, label.Height, Handlers.None, ValueSome thrown))
                    true
            | Handlers.Delegate depth ->
                for _ in 1..depth do
                    f.Labels.Pop() |> ignore

                handle f thrown

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
            | ThrownException _
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

        let indirect (f: Frame) (i: Instr) = Access.callee f.Instance.Tables[i.B] f.Instance.Types[i.A] (pop f)

        let referenced (f: Frame) : Func =
            match (pop f).Reference with
            | :? Func as callee -> callee
            | _ -> raise (TrapException TrapCode.NullReference)

        /// Every call that an exception leaves is paid for in the caller's frame, before that frame's handlers are asked.
        let throw (thrown: ExnObject) =
            let mutable handled = handle (frames.Peek()) thrown

            while not handled do
                frames.Pop() |> ignore

                if frames.Count = 0 then
                    raise (ThrownException thrown)

                store.Charge GasSchedule.unwoundFrame
                handled <- handle (frames.Peek()) thrown

        let step (f: Frame) (node: Node) =
            match node with
            | Node.Pay block -> store.Charge block.Price
            | Node.Block(parameters, arity, body) -> enter f body false parameters arity
            | Node.Loop(parameters, arity, body) -> enter f body true parameters arity
            | Node.If(parameters, arity, thenArm, elseArm) ->
                let arm = if (pop f).AsI32() <> 0 then thenArm else elseArm
                enter f arm false parameters arity
            | Node.TryTable(parameters, arity, clauses, body) -> enterWith f body false parameters arity (Handlers.Table clauses)
            | Node.Try(parameters, arity, body, clauses) -> enterWith f body false parameters arity (Handlers.Clauses clauses)
            | Node.TryDelegate(parameters, arity, body, depth) -> enterWith f body false parameters arity (Handlers.Delegate depth)
            | Node.Plain i ->
                match i.Op with
                | Op.LocalGet -> push f f.Locals[i.A]
                | Op.LocalSet -> f.Locals[i.A] <- pop f
                | Op.LocalTee -> f.Locals[i.A] <- f.Operands[f.Operands.Count - 1]
                | Op.Br -> branch f i.A
                | Op.BrIf ->
                    if (pop f).AsI32() <> 0 then
                        branch f i.A
                | Op.BrTable ->
                    let labels = f.Tree.LabelTables[i.A]
                    let n = (pop f).Bits
                    branch f labels[int (min n (uint64 (labels.Length - 1)))]
                | Op.BrOnNull ->
                    let v = pop f
                    if isNull v.Reference then branch f i.A else push f v
                | Op.BrOnNonNull ->
                    let v = pop f

                    if not (isNull v.Reference) then
                        push f v
                        branch f i.A
                | Op.BrOnCast
                | Op.BrOnCastFail ->
                    let target = HeapType(int (i.Imm >>> 32))
                    let v = f.Operands[f.Operands.Count - 1]

                    if Objects.castSucceeds f.Instance target (i.B &&& 2 <> 0) v = (i.Op = Op.BrOnCast) then
                        branch f i.A
                | Op.Return -> branch f (f.Labels.Count - 1)
                | Op.Call -> startCall f f.Instance.Funcs[i.A]
                | Op.CallIndirect -> startCall f (indirect f i)
                | Op.CallRef -> startCall f (referenced f)
                | Op.ReturnCall -> tailCall f f.Instance.Funcs[i.A]
                | Op.ReturnCallIndirect -> tailCall f (indirect f i)
                | Op.ReturnCallRef -> tailCall f (referenced f)
                | Op.Throw ->
                    let tag = f.Instance.Tags[i.A]
                    let values = popMany f tag.Type.Params.Length
                    store.Allocate(GasSchedule.exceptionBytes tag.Type.Params, UInt64.MaxValue)
                    throw (ExnObject(tag, values))
                | Op.ThrowRef ->
                    match (pop f).Reference with
                    | :? ExnObject as thrown -> throw thrown
                    | _ -> raise (TrapException TrapCode.NullReference)
                | Op.Rethrow -> throw (Seq.item i.A f.Labels).Caught.Value
                | _ -> Step.run store f.Instance f.Operands i

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

    /// The host's own calls, from outside of any guest: each on all units, and the first level is no re-entry.
    let fromHost (store: Store) (instance: Instance) (calls: System.Func<Guest, Value[]>) : Value[] =
        store.Depth <- -1
        let reenter func values = call store instance func values store.StackUnits
        calls.Invoke(OracleGuest(store, instance, reenter))
