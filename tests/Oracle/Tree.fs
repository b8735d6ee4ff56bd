namespace Twofold.Oracle

// A function body as a tree, annotated with the two counts that the published rules define: the gas of each basic block
// and the units of the frame. In: a validated module and a function's index. Out: a Tree for the walker.
//
//   (func (param i32) (result i32)        pay: local.get + br_if's block..    A `Pay` node stands where a basic block starts:
//     block                               goes on                             - at the start of the function
//       local.get 0  br_if 0              ends a block: pay after it          - after `loop`, after `if`, after `else`
//     end                                 targeted: pay after it              - after `br_if`, after the `end` of an `if`
//     i32.const 1)                                                            - after the `end` of a block or try_table that a reachable
//                                                                                branch or catch clause targets; after `br_on_*`
//                                                                              - after a legacy `catch`, `catch_all`, and the end of a `try`

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// The gas of one basic block; it grows while the tree is built.
type GasBlock() =
    member val Price = 0L with get, set

[<RequireQualifiedAccess; NoEquality; NoComparison>]
type Node =
    /// A basic block starts here: charge it.
    | Pay of GasBlock
    | Plain of Instr
    | Block of parameters: int * results: int * body: Node[]
    | Loop of parameters: int * results: int * body: Node[]
    /// The condition is popped; the arms are blocks.
    | If of parameters: int * results: int * thenArm: Node[] * elseArm: Node[]
    | TryTable of parameters: int * results: int * clauses: Catch[] * body: Node[]
    /// The legacy `try`: clauses by tag, -1 for catch_all.
    | Try of parameters: int * results: int * body: Node[] * clauses: struct (int * Node[])[]
    | TryDelegate of parameters: int * results: int * body: Node[] * label: int

[<NoEquality; NoComparison>]
type Tree = {
    /// Types of all locals, parameters first.
    Locals: ValType[]
    LabelTables: int[][]
    Body: Node[]
    /// Units of the logical stack that a frame costs.
    FrameUnits: int
}

module Tree =
    /// A v128 counts twice, everything else once.
    let private width (t: ValType) = if t.IsVec then 2 else 1

    /// A construct whose `end` has not come yet.
    type private Open = {
        /// The block instruction; of no meaning for the function's own body.
        Kind: Op
        Type: FuncType
        /// Height of the operand stack below its parameters.
        Base: int
        /// Whether the construct itself can be reached.
        Reached: bool
        mutable Targeted: bool
        /// An `if` whose then arm falls through to the end.
        mutable ThenFalls: bool
        mutable ThenArm: Node[]
        /// The clauses of a try_table.
        Clauses: Catch[]
        /// A legacy `try`: its body once its first handler began, the handlers before the current one, and the current one's tag.
        mutable TryBody: Node[]
        Handlers: List<struct (int * Node[])>
        mutable HandlerTag: int
        mutable Nodes: List<Node>
    }

    let private blockType (m: Module) (i: Instr) : FuncType =
        match i.A with
        | -1 -> { Params = [||]; Results = [||] }
        | -2 -> { Params = [||]; Results = [| ValType i.B |] }
        | index ->
            match m.Types[index].Composite with
            | CompositeType.Func t -> t
            | _ -> invalidOp "a block type is a function type"

    let private funcType (m: Module) index =
        match m.Types[index].Composite with
        | CompositeType.Func t -> t
        | _ -> invalidOp "a validated call names a function type"

    /// Fields of a struct type; the element of an array type.
    let private fields (m: Module) index : FieldType[] =
        match m.Types[index].Composite with
        | CompositeType.Struct fields -> fields
        | CompositeType.Array element -> [| element |]
        | CompositeType.Func _ -> invalidOp "a validated instruction names a struct or an array"

    // Only widths matter below: a reference or an address stands for every other.
    let private reference = [| ValType.Ref(true, HeapType.Any) |]
    let private number = [| ValType.I32 |]

    let private unpacked (f: FieldType) =
        match f.Storage with
        | StorageType.Value t -> [| t |]
        | _ -> number

    /// What an instruction costs beside its class, known from its types: the size of the object it makes, its clauses.
    let private extra (m: Module) (tagType: int -> FuncType) (catchTables: Catch[][]) (clausesOfTry: int) (i: Instr) : int64 =
        match i.Op with
        | Op.StructNew
        | Op.StructNewDefault -> GasSchedule.allocation (GasSchedule.structBytes (fields m i.A))
        | Op.ArrayNewFixed -> GasSchedule.allocation (GasSchedule.arrayBytes (fields m i.A).[0] (uint32 i.B))
        | Op.Throw -> GasSchedule.allocation (GasSchedule.exceptionBytes (tagType i.A).Params)
        | Op.TryTable -> GasSchedule.catches catchTables[int i.Imm].Length
        | Op.Try -> GasSchedule.catches clausesOfTry
        | _ -> 0L

    /// For each `try` of a body, by its place: how many clauses it has (catch, catch_all or delegate).
    let private clausesOfTries (code: Instr[]) : Dictionary<int, int> =
        let clauses = Dictionary<int, int>()
        let opened = Stack<int>()

        let count () =
            if code[opened.Peek()].Op = Op.Try then
                clauses[opened.Peek()] <- clauses[opened.Peek()] + 1

        code
        |> Array.iteri (fun at i ->
            match i.Op with
            | Op.Try ->
                opened.Push at
                clauses[at] <- 0
            | Op.Block
            | Op.Loop
            | Op.If
            | Op.TryTable -> opened.Push at
            | Op.Catch
            | Op.CatchAll -> count ()
            | Op.Delegate ->
                count ()
                opened.Pop() |> ignore
            | Op.End when opened.Count > 0 -> opened.Pop() |> ignore
            | _ -> ())

        clauses

    /// What a reachable instruction without structure does to the operand stack: how many values it pops, and what it pushes,
    /// given the operand types from the top down.
    let private effect (valid: ValidModule) (locals: ValType[]) (operand: int -> ValType) (i: Instr) : int * ValType[] =
        let m = valid.Module
        let info = Opcodes.info i.Op

        match i.Op with
        | Op.Drop -> 1, [||]
        | Op.Select
        | Op.SelectT -> 3, [| operand 1 |]
        | Op.LocalGet -> 0, [| locals[i.A] |]
        | Op.LocalSet -> 1, [||]
        | Op.LocalTee -> 1, [| locals[i.A] |]
        | Op.GlobalGet -> 0, [| valid.GlobalTypes[i.A].Value |]
        | Op.GlobalSet -> 1, [||]
        | Op.TableGet -> 1, [| valid.TableTypes[i.A].Element |]
        | Op.TableSet -> 2, [||]
        | Op.MemorySize
        | Op.TableSize -> 0, number
        | Op.MemoryGrow -> 1, number
        | Op.TableGrow -> 2, number
        | Op.RefNull
        | Op.RefFunc -> 0, reference
        | Op.RefEq -> 2, number
        | Op.RefIsNull
        | Op.RefTest
        | Op.RefTestNull
        | Op.I31GetS
        | Op.I31GetU
        | Op.ArrayLen -> 1, number
        | Op.RefAsNonNull
        | Op.RefI31
        | Op.RefCast
        | Op.RefCastNull
        | Op.AnyConvertExtern
        | Op.ExternConvertAny -> 1, reference
        | Op.StructNew -> (fields m i.A).Length, reference
        | Op.StructNewDefault -> 0, reference
        | Op.StructGet
        | Op.StructGetS
        | Op.StructGetU -> 1, unpacked (fields m i.A).[i.B]
        | Op.StructSet -> 2, [||]
        | Op.ArrayNew
        | Op.ArrayNewData
        | Op.ArrayNewElem -> 2, reference
        | Op.ArrayNewDefault -> 1, reference
        | Op.ArrayNewFixed -> i.B, reference
        | Op.ArrayGet
        | Op.ArrayGetS
        | Op.ArrayGetU -> 2, unpacked (fields m i.A).[0]
        | Op.ArraySet -> 3, [||]
        | Op.ArrayFill
        | Op.ArrayInitData
        | Op.ArrayInitElem -> 4, [||]
        | Op.ArrayCopy -> 5, [||]
        // Branches that may not be taken; what they leave when they are not.
        | Op.BrOnNull
        | Op.BrOnCast
        | Op.BrOnCastFail -> 1, reference
        | Op.BrOnNonNull -> 1, [||]
        | Op.MemoryInit
        | Op.MemoryCopy
        | Op.MemoryFill
        | Op.TableInit
        | Op.TableCopy
        | Op.TableFill -> 3, [||]
        | Op.DataDrop
        | Op.ElemDrop
        | Op.AtomicFence
        | Op.Nop -> 0, [||]
        | Op.Call ->
            let t = valid.FuncTypes[i.A]
            t.Params.Length, t.Results
        | Op.CallIndirect
        | Op.CallRef ->
            let t = funcType m i.A
            t.Params.Length + 1, t.Results
        | _ when not (isNull info.Pops) -> info.Pops.Length, info.Pushes
        | _ -> invalidOp $"no instruction of this version: {info.Name}"

    /// Instructions after which the rest of the construct cannot be reached.
    let private neverContinues (op: Op) =
        match op with
        | Op.Unreachable
        | Op.Br
        | Op.BrTable
        | Op.Return
        | Op.ReturnCall
        | Op.ReturnCallIndirect
        | Op.ReturnCallRef
        | Op.Throw
        | Op.ThrowRef
        | Op.Rethrow -> true
        | _ -> false

    /// The tree of the defined function with this index.
    let ofFunction (valid: ValidModule) (definedIndex: int) : Tree =
        let m = valid.Module
        let body = valid.Body definedIndex
        let ownType = funcType m m.Functions[definedIndex]
        let stack = List<ValType>() // operand types; kept only while the place is reachable
        let mutable height = 0 // of that stack, in units
        let mutable highest = 0
        let mutable reachable = true
        let mutable block = GasBlock()
        let constructs = List<Open>() // outermost first

        let innermost () = constructs[constructs.Count - 1]

        let push (t: ValType) =
            stack.Add t
            height <- height + width t

        let truncate count =
            while stack.Count > count do
                height <- height - width stack[stack.Count - 1]
                stack.RemoveAt(stack.Count - 1)

        let drop n = truncate (stack.Count - n)

        let startBlock () =
            block <- GasBlock()
            innermost().Nodes.Add(Node.Pay block)

        let tagType index = valid.TagTypes[index]
        let clausesOfTry = clausesOfTries body.Code

        let openConstruct kind (t: FuncType) (clauses: Catch[]) =
            constructs.Add {
                Kind = kind
                Type = t
                Base = stack.Count - (if reachable then t.Params.Length else 0)
                Reached = reachable
                Targeted = false
                ThenFalls = false
                ThenArm = null
                Clauses = clauses
                TryBody = null
                Handlers = List()
                HandlerTag = 0
                Nodes = List()
            }

        let target depth = constructs[constructs.Count - 1 - depth].Targeted <- true

        /// `catch` or `catch_all`: what came before it, body or handler, is complete.
        let startHandler (tag: int) (parameters: ValType[]) =
            let c = innermost ()
            let nodes = c.Nodes.ToArray()
            if isNull c.TryBody then c.TryBody <- nodes else c.Handlers.Add(struct (c.HandlerTag, nodes))
            c.HandlerTag <- tag
            c.ThenFalls <- c.ThenFalls || reachable
            c.Nodes <- List()
            reachable <- c.Reached

            if reachable then
                truncate c.Base
                Array.iter push parameters
                startBlock ()

        /// `label`: of a `delegate`, or -1.
        let close (label: int) =
            let c = innermost ()
            constructs.RemoveAt(constructs.Count - 1)
            let parameters, results = c.Type.Params.Length, c.Type.Results.Length
            let nodes = c.Nodes.ToArray()

            reachable <-
                match c.Kind with
                | Op.Loop -> reachable
                | Op.If when isNull c.ThenArm -> c.Reached // the missing else arm falls through
                | Op.If
                | Op.Try -> reachable || c.ThenFalls || c.Targeted
                | _ -> reachable || c.Targeted

            if constructs.Count > 0 then
                let node =
                    match c.Kind with
                    | Op.Loop -> Node.Loop(parameters, results, nodes)
                    | Op.If when isNull c.ThenArm -> Node.If(parameters, results, nodes, [||])
                    | Op.If -> Node.If(parameters, results, c.ThenArm, nodes)
                    | Op.TryTable -> Node.TryTable(parameters, results, c.Clauses, nodes)
                    | Op.Try when label >= 0 -> Node.TryDelegate(parameters, results, nodes, label)
                    | Op.Try when isNull c.TryBody -> Node.Try(parameters, results, nodes, [||])
                    | Op.Try ->
                        c.Handlers.Add(struct (c.HandlerTag, nodes))
                        Node.Try(parameters, results, c.TryBody, c.Handlers.ToArray())
                    | _ -> Node.Block(parameters, results, nodes)

                innermost().Nodes.Add node

                if reachable then
                    truncate c.Base
                    Array.iter push c.Type.Results

                    if c.Kind = Op.If || c.Kind = Op.Try || (c.Kind <> Op.Loop && c.Targeted) then
                        startBlock ()

            nodes

        openConstruct Op.Block { ownType with Params = [||] } [||]
        startBlock ()
        block.Price <- int64 (Array.sumBy width body.Locals) / 16L
        let mutable tree = [||]

        for at in 0 .. body.Code.Length - 1 do
            let i = body.Code[at]

            // An instruction belongs to the block it stands in, also the one that ends it.
            if reachable then
                let clauses = if i.Op = Op.Try then clausesOfTry[at] else 0
                block.Price <- block.Price + GasSchedule.price (Opcodes.info i.Op).Gas + extra m tagType body.CatchTables clauses i

            match i.Op with
            | Op.Block
            | Op.Try -> openConstruct i.Op (blockType m i) [||]
            | Op.TryTable ->
                let clauses = body.CatchTables[int i.Imm]

                // A clause counts as a branch to its label, which is one outside.
                if reachable then
                    for c in clauses do
                        target c.Label

                openConstruct Op.TryTable (blockType m i) clauses
            | Op.Catch -> startHandler i.A (tagType i.A).Params
            | Op.CatchAll -> startHandler -1 [||]
            | Op.Loop ->
                openConstruct Op.Loop (blockType m i) [||]

                if reachable then
                    startBlock ()
            | Op.If ->
                if reachable then
                    drop 1

                openConstruct Op.If (blockType m i) [||]

                if reachable then
                    startBlock ()
            | Op.Else ->
                let c = innermost ()
                c.ThenArm <- c.Nodes.ToArray()
                c.ThenFalls <- reachable
                c.Nodes <- List()
                reachable <- c.Reached

                if reachable then
                    truncate c.Base
                    Array.iter push c.Type.Params
                    startBlock ()
            | Op.End -> tree <- close -1
            | Op.Delegate -> tree <- close i.A
            | _ when not reachable -> () // never executed: not part of the tree
            | op ->
                innermost().Nodes.Add(Node.Plain i)

                match op with
                | Op.Br -> target i.A
                | Op.BrIf ->
                    drop 1
                    target i.A
                    startBlock ()
                | Op.BrOnNull
                | Op.BrOnNonNull
                | Op.BrOnCast
                | Op.BrOnCastFail ->
                    let pops, pushes = effect valid body.Locals (fun n -> stack[stack.Count - 1 - n]) i
                    drop pops
                    Array.iter push pushes
                    target i.A
                    startBlock ()
                | Op.BrTable -> Array.iter target body.LabelTables[i.A]
                | _ when neverContinues op -> ()
                | _ ->
                    let pops, pushes = effect valid body.Locals (fun n -> stack[stack.Count - 1 - n]) i
                    drop pops
                    Array.iter push pushes

                if neverContinues op then
                    reachable <- false
                    truncate (innermost().Base)

            if reachable then
                highest <- max highest height

        {
            Locals = body.Locals
            LabelTables = body.LabelTables
            Body = tree
            FrameUnits = 16 + Array.sumBy width body.Locals + highest
        }
