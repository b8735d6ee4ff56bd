/// Random valid function bodies, for Generators: typed expressions over all numeric instructions, locals, globals, memory, tables, calls
/// of every kind, structured control with values, host calls, dead code.
/// In: Choices, decisions that somebody made, and the module's Shape. Out: a body's bytes.
module Twofold.Properties.GeneratedBodies

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.GeneratedShapes

/// Kinds of float values and of statements (the cases below) in functions that are about floats: where NaNs are made, kept, merged and seen.
let private floatValues = [| 0; 1; 1; 1; 1; 2; 10; 11; 11; 12; 12; 14; 14; 15; 16; 17; 17; 18; 21; 22; 24; 24; 24; 24; 24; 24 |]

/// What a function about floats does with vectors.
let private aboutVectors = [| 0; 1; 2; 11; 12; 15; 27; 27; 27; 27; 28; 29; 3; 4 |]

let private floatStatements = [| 1; 1; 1; 1; 3; 4; 4; 8; 10; 11; 14; 14; 16; 17 |]

/// Writes one body. Labels are kept innermost first: what a branch carries, and whether it goes back to a loop.
type BodyWriter(shape: Shape, ownType: FuncType, locals: ValType[], c: Choices, out: Out) as self =
    let mutable labels = [ struct (ownType.Results, false) ]
    let aboutFloats = c.Percent 35
    let handlers = Stack<int>()
    let body = self :> IBody
    let byte' (b: int) = out.Add(byte b)
    let indexesOf (t: ValType) (types: ValType[]) = types |> indexesWhere (fun x -> x = t)

    let withImm code (n: int) =
        op out code
        int' out n

    let zero (t: ValType) =
        if t = i32 then
            i32Const out 0
        elif t = i64 then
            i64Const out 0L
        elif t = f32 then
            f32Const out 0u
        elif t = f64 then
            f64Const out 0UL
        elif t = v128 then
            op out Op.V128Const
            out.AddRange(Array.zeroCreate<byte> 16)
        else
            constant c out t

    /// A block type: an existing function type, or one result, or nothing.
    let blockType (results: ValType[]) =
        match results with
        | [||] -> byte' 0x40
        | [| t |] -> valType out t
        | many -> s64 out (int64 (shape.TypeIndex(Array.findIndex (fun t -> t = signature [||] many) shape.Types)))

    let construct code blockType results isLoop (content: unit -> unit) =
        op out code
        blockType ()
        labels <- struct ((if isLoop then [||] else results), isLoop) :: labels
        content ()
        labels <- labels.Tail
        op out Op.End

    /// Pushes whether there is fuel left, and burns one.
    let fuel () =
        withImm Op.GlobalGet 0
        i32Const out 1
        op out Op.I32Sub
        withImm Op.GlobalSet 0
        withImm Op.GlobalGet 0
        i32Const out 0
        op out 0x4Aus // i32.gt_s

    let dropAll (types: ValType[]) =
        for _ in types do
            op out Op.Drop

    member w.Values(types: ValType[], depth) =
        for t in types do
            w.Value(t, depth)

    /// Mostly the memory that everybody has.
    member private _.Memory() = if shape.Memories.Length > 1 && c.Percent 30 then 1 else 0

    /// An address that lies in the first page; seldom any address.
    member private w.Address(memory: int, depth) =
        let is64 = shape.Memories[memory]

        if c.Percent 2 then
            // At the end of the first page.
            let at = 65536 - c.Below 320
            if is64 then i64Const out (int64 at) else i32Const out at
        elif is64 then
            w.Value(i64, depth - 1)

            if not (c.Percent 2) then
                i64Const out 0x7FFFL
                op out 0x83us
        else
            w.Value(i32, depth - 1)

            if not (c.Percent 2) then
                i32Const out 0x7FFF
                op out 0x71us

    /// A small index below a power of two, seldom any number.
    member private w.Index(below: int, depth) =
        w.Value(i32, depth - 1)

        if not (c.Percent 3) then
            i32Const out (below - 1)
            op out 0x71us

    member private w.Access(o: OpInfo, memory: int) =
        op out o.Op
        let align = Numerics.BitOperations.Log2(uint32 o.AccessBytes)
        let align = if o.Gas = GasClass.Atomic then align else c.Below(align + 1)

        if memory = 0 then
            int' out align
        else
            int' out (align + 64)
            int' out memory

        if c.Percent 1 then
            if shape.Memories[memory] then u64 out UInt64.MaxValue else u32 out 0xFFFFFFFFu
        else
            u32 out (uint32 (c.Below 300))

    interface IBody with
        member _.Out = out
        member _.Choices = c
        member _.Shape = shape
        member _.Locals = locals
        member _.Labels = labels
        member w.Value(t, depth) = w.Value(t, depth)
        member w.Statements depth = w.Statements depth
        member w.Dead depth = w.Dead depth
        member _.Fuel() = fuel ()
        member _.BlockType results = blockType results
        member w.Address(memory, depth) = w.Address(memory, depth)
        member w.MemArg(o, memory) = w.Access(o, memory)

        member _.Under(results, isLoop, content) =
            labels <- struct (results, isLoop) :: labels
            content ()
            labels <- labels.Tail

    /// An if with a value, on fuel: the call, or zeros. Seldom the call alone.
    member private w.Guarded(results: ValType[], call: unit -> unit) =
        if c.Percent 10 then
            call ()
        else
            fuel ()

            construct Op.If (fun () -> blockType results) results false (fun () ->
                call ()
                op out Op.Else
                Array.iter zero results)

    member private w.Call(func: int, depth) =
        let t = shape.Types[shape.Functions[func]]

        w.Guarded(
            t.Results,
            fun () ->
                w.Values(t.Params, depth - 1)

                if has Feature.FunctionReferences && c.Percent 25 then
                    GeneratedObjects.callRef body Op.CallRef (shape.TypeIndex shape.Functions[func]) func
                else
                    withImm Op.Call func
        )

    member private w.CallIndirect(typeIndex: int, depth) =
        let t = shape.Types[typeIndex]

        w.Guarded(
            t.Results,
            fun () ->
                w.Values(t.Params, depth - 1)
                // Element k of the table holds function k at first.
                let fitting = shape.Functions |> indexesWhere (fun f -> f = typeIndex)

                if fitting.Length > 0 && not (c.Percent 3) then i32Const out (c.Of fitting) else w.Index(16, depth)

                op out Op.CallIndirect
                int' out (shape.TypeIndex typeIndex)
                int' out 0
        )

    /// Pushes one value.
    member w.Value(t: ValType, depth: int) : unit =
        let sub = depth - 1

        let choice =
            if depth <= 0 then c.Below 3
            elif aboutFloats && t.IsFloat then c.Of floatValues
            elif aboutFloats && t = v128 then c.Of aboutVectors
            elif t.IsRef then c.Of [| 1; 1; 2; 11; 12; 12; 13; 14; 15; 16; 18; 19; 20; 30; 30; 30; 30; 30; 30 |]
            else c.Below 31

        match choice with
        | _ when t = exnRef || (t.IsRef && not (Array.contains t GeneratedObjects.refs)) -> GeneratedObjects.value body t depth
        | 0 when t.IsRef -> GeneratedObjects.value body t depth
        | 0 when aboutFloats && t = f32 -> f32Const out (c.Of strangeF32)
        | 0 when aboutFloats && t = f64 -> f64Const out (c.Of strangeF64)
        | 1 ->
            match indexesOf t locals with
            | [||] -> zero t
            | these -> withImm Op.LocalGet (c.Of these)
        | 2 ->
            match indexesOf t shape.Globals with
            | [||] -> zero t
            | these -> withImm Op.GlobalGet (c.Of these)
        | 3
        | 4
        | 5
        | 6
        | 7
        | 8 ->
            let o = c.Of numeric[t]
            // What traps often gets a harmless operand mostly, or every run would end early.
            if o.Traps && not (c.Percent 20) then
                if o.Pops[0] = f32 then
                    f32Const out (BitConverter.SingleToUInt32Bits(float32 (c.Below 4000) / 8.0f - 0.875f))
                elif o.Pops[0] = f64 then
                    f64Const out (BitConverter.DoubleToUInt64Bits(float (c.Below 4000) / 8.0 - 0.875))
                else
                    w.Value(t, sub)
                    if t = i32 then i32Const out (1 + c.Below 9) else i64Const out (int64 (1 + c.Below 9))
            else
                w.Values(o.Pops, sub)

            op out o.Op
        | 9
        | 10 ->
            let memory = w.Memory()
            let o = c.Of loads[t]

            if o.Pops.Length = 1 then
                w.Address(memory, depth)
                w.Access(o, memory)
            else
                // A read-modify-write would need its address aligned.
                constant c out t
        | 11 ->
            w.Value(t, sub)
            w.Value(t, sub)
            w.Value(i32, sub)

            if c.Percent 50 && not t.IsRef then
                op out Op.Select
            else
                op out Op.SelectT
                int' out 1
                valType out t
        | 12 ->
            match indexesOf t locals with
            | [||] -> zero t
            | these ->
                w.Value(t, sub)
                withImm Op.LocalTee (c.Of these)
        | 13 ->
            construct Op.Block (fun () -> blockType [| t |]) [| t |] false (fun () ->
                w.Statements sub
                w.Value(t, sub))
        | 14 ->
            // A block left early with a value.
            construct Op.Block (fun () -> blockType [| t |]) [| t |] false (fun () ->
                w.Value(t, sub)
                w.Value(i32, sub)
                withImm Op.BrIf 0
                op out Op.Drop
                w.Value(t, sub))
        | 15 ->
            w.Value(i32, sub)

            construct Op.If (fun () -> blockType [| t |]) [| t |] false (fun () ->
                w.Statements sub
                w.Value(t, sub)
                op out Op.Else
                w.Statements sub
                w.Value(t, sub))
        | 16 ->
            construct Op.Loop (fun () -> blockType [| t |]) [| t |] true (fun () ->
                w.LoopBody sub
                w.Value(t, sub))
        | 17 ->
            // A loop that carries a value around: [t] -> [t].
            w.Value(t, sub)
            op out Op.Loop
            s64 out (int64 (shape.TypeIndex(Array.findIndex (fun x -> x = signature [| t |] [| t |]) shape.Types)))
            labels <- struct ([| t |], true) :: labels
            op out Op.Drop
            w.Value(t, sub)
            fuel ()
            withImm Op.BrIf 0
            labels <- labels.Tail
            op out Op.End
        | 18
        | 19 ->
            match shape.Functions |> indexesWhere (fun f -> shape.Types[f].Results = [| t |]) with
            | [||] -> zero t
            | these -> w.Call(c.Of these, depth)
        | 20 ->
            // Of a function's type mostly; a type that no function has can only trap.
            let types =
                if c.Percent 5 then
                    shape.Types |> indexesWhere (fun x -> x.Results = [| t |])
                else
                    shape.Functions |> Array.distinct |> Array.filter (fun f -> shape.Types[f].Results = [| t |])

            match types with
            | [||] -> zero t
            | these -> w.CallIndirect(c.Of these, depth)
        | 21 when t <> v128 ->
            // Bits of a float, where a NaN's payload would show.
            let via =
                if t = i32 then f32, 0xBCus
                elif t = i64 then f64, 0xBDus
                elif t = f32 then i32, 0xBEus
                else i64, 0xBFus

            w.Value(fst via, sub)
            op out (snd via)
        | 22 when t = i32 -> w.Size sub
        | 23 when t = i32 ->
            if c.Percent 50 then
                w.Index(4, depth)
                withImm Op.TableGet (w.Table())
            else
                withImm Op.RefFunc (c.Below shape.Functions.Length)

            op out Op.RefIsNull
        | 22
        | 23 when t.IsFloat ->
            // min, max and copysign of what may be NaN.
            w.Value(t, sub)
            w.Value(t, sub)
            op out ((if t = f32 then 0x96us else 0xA4us) + uint16 (c.Below 3))
        | 24 when t.IsFloat ->
            // abs, neg, sqrt; add, sub, mul, div, min, max, copysign.
            match c.Below 10 with
            | n when n < 3 ->
                w.Value(t, sub)
                op out ((if t = f32 then 0x8Bus else 0x99us) + [| 0us; 1us; 6us |][n])
            | n ->
                w.Value(t, sub)
                w.Value(t, sub)
                op out ((if t = f32 then 0x92us else 0xA0us) + uint16 (n - 3))
        | 25 when ofInteger.ContainsKey t ->
            // A narrow load and what takes it: an engine may make one load of the two.
            let o = c.Of ofInteger[t]
            let memory = w.Memory()
            w.Address(memory, depth)
            w.Access(c.Of(narrowLoads o.Pops[0]), memory)
            op out o.Op
        | 26 when has Feature.Simd && lanes.ContainsKey t -> GeneratedVectors.lane body t depth
        | 27 when t = v128 -> GeneratedVectors.floats body depth
        | 28 when t = v128 -> GeneratedVectors.laneAccess body false depth
        | 29 when t = v128 -> GeneratedVectors.shuffle body depth
        | 27 when has Feature.Gc && not t.IsRef -> GeneratedObjects.number body t depth
        | 28
        | 29 when has Feature.Exceptions && not t.IsRef ->
            if has Feature.LegacyExceptions && c.Percent 50 then
                GeneratedThrows.legacy body handlers [| t |] sub
            else
                GeneratedThrows.tryTable body [| t |] sub
        | _ when t.IsRef -> GeneratedObjects.value body t depth
        | _ -> constant c out t

    /// Sizes and growth.
    member private w.Size depth =
        let wrap memory =
            if shape.Memories[memory] then
                op out 0xA7us

        match c.Below 4 with
        | 0 ->
            let memory = w.Memory()
            withImm Op.MemorySize memory
            wrap memory
        | 1 -> withImm Op.TableSize (c.Below 2)
        | 2 ->
            let memory = w.Memory()
            let pages = if c.Percent 2 then -1 else c.Below 3
            if shape.Memories[memory] then i64Const out (int64 pages) else i32Const out pages
            withImm Op.MemoryGrow memory
            wrap memory
        | _ ->
            op out Op.RefNull
            byte' 0x70
            i32Const out (c.Below 4)
            withImm Op.TableGrow (w.Table())

    member private w.LoopBody depth =
        w.Statements depth
        fuel ()
        withImm Op.BrIf 0

    /// Mostly the table that no call goes through: calls through the other one would soon all trap.
    member private _.Table() = if c.Percent 75 then 1 else 0

    /// Three operands of a bulk instruction: destination, source, length; mostly inside.
    member private w.Range(below: int, depth) =
        for limit in [ below; below; below ] do
            if c.Percent 3 then w.Value(i32, depth - 1) else i32Const out (c.Below limit)

    member w.Statements depth =
        for _ in 1 .. c.Below(max 1 (depth + 1)) do
            w.Statement depth

    /// A branch to a label: the values it carries, on the condition of fuel when it goes back.
    member private w.Branch depth =
        let target = c.Below labels.Length
        let struct (carried, isLoop) = labels[target]
        let condition () = if isLoop then fuel () else w.Value(i32, depth - 1)

        if c.Percent 50 then
            w.Values(carried, depth - 1)
            condition ()
            withImm Op.BrIf target
            dropAll carried
        else
            condition ()

            construct Op.If (fun () -> blockType [||]) [||] false (fun () ->
                w.Values(carried, depth - 1)

                let alike =
                    labels
                    |> List.indexed
                    |> List.filter (fun (_, struct (types, loops)) -> types = carried && (isLoop || not loops))
                    |> List.map fst
                    |> Array.ofList

                if c.Percent 50 then
                    w.Value(i32, depth - 1)
                    op out Op.BrTable
                    vec out [ for _ in 1 .. c.Below 4 -> c.Of alike ] int'
                    int' out (c.Of alike)
                elif labels |> List.last |> (fun struct (types, _) -> types = carried) && c.Percent 30 then
                    op out Op.Return
                else
                    withImm Op.Br (target + 1)

                w.Dead depth)

    /// Code that cannot be reached: still validated, never paid for.
    member private w.Dead depth =
        match c.Below 5 with
        | 1 ->
            op out Op.I32Add
            op out Op.Drop
        | 2 -> w.Statements(depth - 1)
        | 3 -> construct Op.Block (fun () -> blockType [||]) [||] false (fun () -> withImm Op.Br 0)
        | 4 ->
            op out Op.Select
            op out Op.Drop
        | _ -> ()

    member w.Statement depth =
        let sub = depth - 1

        match (if aboutFloats then c.Of floatStatements else c.Below 30) with
        | 1
        | 2 when locals.Length > 0 ->
            let k = c.Below locals.Length
            w.Value(locals[k], sub)
            withImm Op.LocalSet k
        | 3 ->
            let k = c.Below shape.Globals.Length
            // Seldom the fuel itself.
            let k = if k = 0 && not (c.Percent 5) then 1 else k
            w.Value(shape.Globals[k], sub)
            withImm Op.GlobalSet k
        | 4
        | 5
        | 6 ->
            let o = c.Of stores
            let memory = w.Memory()
            w.Address(memory, depth)
            w.Value(o.Pops[1], sub)
            w.Access(o, memory)
        | 7 ->
            w.Value(c.Of(Array.append values GeneratedObjects.refs), sub)
            op out Op.Drop
        | 8 ->
            w.Value(i32, sub)

            construct Op.If (fun () -> blockType [||]) [||] false (fun () ->
                w.Statements sub

                if c.Percent 50 then
                    op out Op.Else
                    w.Statements sub)
        | 9 -> construct Op.Block (fun () -> blockType [||]) [||] false (fun () -> w.Statements sub)
        | 10 -> construct Op.Loop (fun () -> blockType [||]) [||] true (fun () -> w.LoopBody sub)
        | 11
        | 12
        | 13 -> w.Branch depth
        | 14
        | 15 ->
            // A host function; logs show values and gas.
            let k = if c.Percent 70 then c.Below 4 else c.Below hostFunctions.Length
            let _, t = hostFunctions[k]

            if fst hostFunctions[k] = "peek" && not (c.Percent 5) then
                w.Index(1024, depth)
                w.Index(1024, depth)
            else
                w.Values(t.Params, sub)

            withImm Op.Call k
            dropAll t.Results
        | 16 ->
            // A block, loop or if of any function type, its parameters on the stack.
            let k = c.Below shape.Types.Length
            let t = shape.Types[k]
            w.Values(t.Params, sub)
            let code = c.Of [| Op.Block; Op.Loop; Op.If |]

            if code = Op.If then
                w.Value(i32, sub)

            op out code
            s64 out (int64 (shape.TypeIndex k))
            labels <- struct ((if code = Op.Loop then t.Params else t.Results), (code = Op.Loop)) :: labels

            let arm () =
                dropAll t.Params
                w.Statements sub
                w.Values(t.Results, sub)

            arm ()

            if code = Op.If then
                op out Op.Else
                arm ()

            labels <- labels.Tail
            op out Op.End
            dropAll t.Results
        | 17 ->
            let k = c.Below shape.Functions.Length
            w.Call(k, depth)
            dropAll shape.Types[shape.Functions[k]].Results
        | 18 -> w.Bulk depth
        | 19 ->
            w.Index(4, depth)

            if c.Percent 50 then
                withImm Op.RefFunc (c.Below shape.Functions.Length)
            else
                op out Op.RefNull
                byte' 0x70

            withImm Op.TableSet (w.Table())
        | 20 ->
            // A tail call, when something returns what this function returns.
            let struct (own, _) = List.last labels

            match shape.Functions |> indexesWhere (fun f -> shape.Types[f].Results = own) with
            | [||] -> ()
            | these ->
                fuel ()

                construct Op.If (fun () -> blockType [||]) [||] false (fun () ->
                    let k = c.Of these
                    w.Values(shape.Types[shape.Functions[k]].Params, sub)

                    if c.Percent 50 then
                        withImm Op.ReturnCall k
                    elif has Feature.FunctionReferences && c.Percent 30 then
                        GeneratedObjects.callRef body Op.ReturnCallRef (shape.TypeIndex shape.Functions[k]) k
                    else
                        i32Const out (if c.Percent 5 then c.Below 32 else k)
                        op out Op.ReturnCallIndirect
                        int' out (shape.TypeIndex shape.Functions[k])
                        int' out 0

                    w.Dead depth)
        | 21 when c.Percent 5 ->
            op out Op.Unreachable
            w.Dead depth
        | 22
        | 23 when has Feature.Exceptions ->
            if has Feature.LegacyExceptions && c.Percent 50 then
                GeneratedThrows.legacy body handlers [||] sub
            else
                GeneratedThrows.tryTable body [||] sub
        | 24 when has Feature.Exceptions -> GeneratedThrows.throw body sub
        | 25
        | 26
        | 27 when has Feature.Gc -> GeneratedObjects.statement body depth
        | 28 when has Feature.Simd -> GeneratedVectors.laneAccess body true depth
        | 29 when shape.Memories.Length > 1 -> w.BulkBetween()
        | _ -> op out Op.Nop

    /// Bulk operations on the second memory, or between the two.
    member private w.BulkBetween() =
        let operand is64 below =
            let n = if c.Percent 2 then -1 else c.Below below
            if is64 then i64Const out (int64 n) else i32Const out n

        let is64 = shape.Memories[1]

        match c.Below 4 with
        | 0 ->
            operand is64 2000
            i32Const out (c.Below 256)
            operand is64 2000
            withImm Op.MemoryFill 1
        | 1 ->
            // The length has 64 bits only when both memories have.
            operand is64 2000
            operand false 2000
            operand false 2000
            withImm Op.MemoryCopy 1
            int' out 0
        | 2 ->
            operand false 2000
            operand is64 2000
            operand false 2000
            withImm Op.MemoryCopy 0
            int' out 1
        | _ ->
            operand is64 2000
            operand false 5
            operand false 5
            withImm Op.MemoryInit 1
            int' out 1

    member private w.Bulk depth =
        match c.Below 8 with
        | 0 ->
            w.Range(2000, depth)
            withImm Op.MemoryFill 0
        | 1 ->
            w.Range(2000, depth)
            withImm Op.MemoryCopy 0
            byte' 0
        | 2 ->
            w.Range(5, depth)
            withImm Op.MemoryInit 1
            byte' 0
        | 3 ->
            if c.Percent 20 then
                withImm Op.DataDrop (c.Below 2)
        | 4 ->
            w.Range(4, depth)
            withImm Op.TableCopy (w.Table())
            int' out (c.Below 2)
        | 5 ->
            w.Range(4, depth)
            withImm Op.TableInit 1
            int' out (w.Table())
        | 6 ->
            i32Const out (c.Below 6)
            withImm Op.RefFunc (c.Below shape.Functions.Length)
            i32Const out (if c.Percent 3 then 100 else c.Below 4)
            withImm Op.TableFill (w.Table())
        | _ ->
            if c.Percent 20 then
                withImm Op.ElemDrop (c.Below 2)

    /// The whole body: local declarations, statements, results.
    member w.Body() =
        vec out (Array.skip ownType.Params.Length locals) (fun o t ->
            int' o 1
            valType o t)

        // A long recipe makes a long body.
        for _ in 0 .. c.Below 9 + c.Length / 150 do
            w.Statement 4

        // What is left in the locals shows in the log.
        if aboutFloats then
            for k in 0 .. locals.Length - 1 do
                if locals[k] = v128 then
                    GeneratedVectors.log body (fun () -> withImm Op.LocalGet k)
                elif not locals[k].IsRef then
                    withImm Op.LocalGet k
                    withImm Op.Call (Array.findIndex (fun t -> t = locals[k]) numbers)

        w.Values(ownType.Results, 4)
        op out Op.End
