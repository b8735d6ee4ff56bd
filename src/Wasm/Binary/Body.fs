namespace Twofold.Wasm.Binary

// Instructions of the binary format (core specification, section 5.4): function bodies and constant expressions.
// In: a byte range. Out: a flat array of Instr, label tables beside it. The buffers are reused, so a big module costs a few arrays.

open System
open Twofold.Wasm

/// Opcodes that WebAssembly 3.0 (or threads) has and this version's table does not: refused by feature, never called malformed.
module internal LaterOpcodes =
    let private known feature name = ValueSome(struct (feature, name))

    let tryFind (prefix: byte) (sub: uint32) : struct (Feature * string) voption =
        match prefix with
        | 0x06uy -> known Feature.LegacyExceptions "try"
        | 0x07uy -> known Feature.LegacyExceptions "catch"
        | 0x09uy -> known Feature.LegacyExceptions "rethrow"
        | 0x18uy -> known Feature.LegacyExceptions "delegate"
        | 0x19uy -> known Feature.LegacyExceptions "catch_all"
        | 0x08uy -> known Feature.Exceptions "throw"
        | 0x0Auy -> known Feature.Exceptions "throw_ref"
        | 0x1Fuy -> known Feature.Exceptions "try_table"
        | 0x14uy -> known Feature.FunctionReferences "call_ref"
        | 0x15uy -> known Feature.FunctionReferences "return_call_ref"
        | 0xD3uy -> known Feature.Gc "ref.eq"
        | 0xD4uy -> known Feature.FunctionReferences "ref.as_non_null"
        | 0xD5uy -> known Feature.FunctionReferences "br_on_null"
        | 0xD6uy -> known Feature.FunctionReferences "br_on_non_null"
        | 0xFBuy when sub <= 30u -> known Feature.Gc $"instruction 0xfb %d{sub}"
        | 0xFDuy when sub <= 0xFFu -> known Feature.Simd $"vector instruction 0xfd %d{sub}"
        | 0xFDuy when sub <= 0x113u -> known Feature.RelaxedSimd $"vector instruction 0xfd %d{sub}"
        | 0xFEuy when sub <= 0x4Eu -> known Feature.Threads $"atomic instruction 0xfe %d{sub}"
        | _ -> ValueNone

/// Decodes expressions into reused buffers. One per thread of work.
[<Sealed>]
type internal InstrReader(r: Reader, limits: WasmLimits) =
    let mutable code: Instr[] = Array.zeroCreate 256
    let mutable count = 0
    // Kinds of the open blocks: 1 where `else` may come.
    let mutable open': byte[] = Array.zeroCreate 64
    let mutable depth = 0
    let labels = ResizeArray<int[]>()
    let mutable hasDataCount = false

    member _.Code = code
    member _.Count = count
    member _.Labels = labels

    member _.HasDataCount
        with set v = hasDataCount <- v

    member private _.Emit(op: Op, a: int, b: int, imm: int64, offset: int) =
        if count = code.Length then
            // Every instruction takes a byte at least, so what is left bounds what can come.
            Array.Resize(&code, min (count * 2) (count + 1 + r.End - r.Pos))

        code[count] <- { Imm = imm; A = a; B = b; Offset = offset; Op = op }

        count <- count + 1

    member private _.Push(canElse: byte, offset: int) =
        if depth >= limits.Nesting then
            r.Reject(Rejected.limit offset "blocks are nested too deeply" limits.Nesting (depth + 1))
        else
            if depth = open'.Length then
                Array.Resize(&open', depth * 2)

            open'[depth] <- canElse
            depth <- depth + 1

    member private _.LabelTable() : int =
        let n = r.Count(Int32.MaxValue, "labels")

        if r.Ok then
            let table = Array.zeroCreate (n + 1)
            let mutable i = 0

            while i <= n && r.Ok do
                table[i] <- r.Index()
                i <- i + 1

            labels.Add table

        labels.Count - 1

    /// A prefixed or unknown opcode's number, or an error.
    member private _.Prefixed(prefix: byte, at: int) : Op =
        match prefix with
        | 0xFBuy
        | 0xFCuy
        | 0xFDuy
        | 0xFEuy ->
            let sub = r.U32()

            if r.Failed then
                0us
            elif prefix = 0xFCuy && sub <= 17u then
                0xC00us + uint16 sub
            else
                match LaterOpcodes.tryFind prefix sub with
                | ValueSome(struct (feature, name)) -> r.Reject(Reader.Missing(feature, at, name))
                | ValueNone -> r.Fail(at, $"illegal opcode %02x{prefix} %02x{sub}")

                0us
        | _ ->
            match LaterOpcodes.tryFind prefix 0u with
            | ValueSome(struct (feature, name)) -> r.Reject(Reader.Missing(feature, at, name))
            | ValueNone -> r.Fail(at, $"illegal opcode %02x{prefix}")

            0us

    /// Reads one expression up to the `end` that closes it; that `end` is the last instruction of `Code`.
    member this.Expression() =
        count <- 0
        depth <- 0
        labels.Clear()
        this.Push(0uy, r.Pos)

        while depth > 0 && r.Ok do
            let at = r.Pos

            if at >= r.End then
                // The suite tells a body without its `end` from a section that stops too early.
                r.Fail(at, (if at < r.Outer then "END opcode expected" else "unexpected end of section or function"))
            else
                let b = r.Byte()
                let mutable row = Opcodes.tryInfo (uint16 b)

                if isNull (box row) then
                    row <- Opcodes.tryInfo (this.Prefixed(b, at))

                if r.Ok then
                    this.Instruction(row, at)

    member private this.Instruction(row: OpInfo, at: int) =
        let op = row.Op

        if row.Feature.IsSome then
            r.Need(row.Feature.Value, at, row.Name)

        match row.Imm with
        | Imm.None ->
            if op = Op.End then
                depth <- depth - 1
            elif op = Op.Else then
                if open'[depth - 1] <> 1uy then r.Fail(at, "END opcode expected") else open'[depth - 1] <- 0uy

            this.Emit(op, 0, 0, 0L, at)
        | Imm.Local
        | Imm.Global
        | Imm.Func
        | Imm.Table
        | Imm.Label
        | Imm.Type
        | Imm.Memory -> this.Emit(op, r.Index(), 0, 0L, at)
        | Imm.I32 -> this.Emit(op, 0, 0, int64 (r.S32()), at)
        | Imm.I64 -> this.Emit(op, 0, 0, r.S64(), at)
        | Imm.MemArg ->
            let flags = r.U32()

            if flags >= 0x80u then
                r.Fail(at + 1, "malformed memop flags")

            let memory =
                if flags &&& 0x40u <> 0u then
                    r.Need(Feature.MultiMemory, at, "a memory index in a memory access")
                    r.Index()
                else
                    0

            this.Emit(op, memory, int (flags &&& 0x3Fu), int64 (r.U64()), at)
        | Imm.Block ->
            let b = r.Peek()

            if b = 0x40uy then
                r.Byte() |> ignore
                this.Emit(op, -1, 0, 0L, at)
            elif b &&& 0xC0uy = 0x40uy then
                this.Emit(op, -2, (DecodeTypes.valType r).Code, 0L, at)
            else
                let index = r.S33()

                if index < 0L then
                    r.Fail(at + 1, "malformed block type")

                r.Need(Feature.MultiValue, at, "a type index as block type")
                this.Emit(op, int (min index (int64 Int32.MaxValue)), 0, 0L, at)

            this.Push((if op = Op.If then 1uy else 0uy), at)
        | Imm.F32 -> this.Emit(op, 0, 0, int64 (r.Fixed32()), at)
        | Imm.F64 -> this.Emit(op, 0, 0, int64 (r.Fixed64()), at)
        | Imm.LabelTable -> this.Emit(op, this.LabelTable(), 0, 0L, at)
        | Imm.CallIndirect ->
            let t = r.Index()
            let tableAt = r.Pos
            let table = r.Index()

            if r.Pos > tableAt + 1 || table <> 0 then
                r.Need(Feature.ReferenceTypes, at, "a table index in call_indirect")

            this.Emit(op, t, table, 0L, at)
        | Imm.Heap -> this.Emit(op, (DecodeTypes.heapType r).Code, 0, 0L, at)
        | Imm.SelectType ->
            let n = r.Count(Int32.MaxValue, "types")
            let mutable t = -1

            for _ in 1..n do
                t <- (DecodeTypes.valType r).Code

            // Only one type is valid; the validator says so.
            this.Emit(op, (if n = 1 then t else -1), 0, 0L, at)
        | Imm.DataMemory
        | Imm.Data ->
            let data = r.Index()
            let memory = if row.Imm = Imm.DataMemory then r.Index() else 0

            if r.Ok && not hasDataCount then
                r.Fail(at, "data count section required")

            this.Emit(op, data, memory, 0L, at)
        | Imm.Elem -> this.Emit(op, r.Index(), 0, 0L, at)
        | Imm.Memory2
        | Imm.ElemTable
        | Imm.Table2 ->
            let a = r.Index()
            this.Emit(op, a, r.Index(), 0L, at)
        | _ -> r.Fail(at, $"illegal opcode %02x{op}")

/// Decodes bodies of one module, one after another, in the same buffers.
[<Sealed>]
type internal BodyReader(limits: WasmLimits, features: Features, m: Module) =
    let r = Reader(m.Bytes, Implemented.restrict features)
    let instrs = InstrReader(r, limits)
    do instrs.HasDataCount <- m.DataCount >= 0
    do r.EndMessage <- "unexpected end of section or function"

    let codeEnd = if m.Code.Length = 0 then 0 else (let last = m.Code[m.Code.Length - 1] in last.Start + last.Length)
    let mutable locals: ValType[] = Array.zeroCreate 64
    let mutable localCount = 0

    let put (t: ValType) n =
        while localCount + n > locals.Length do
            Array.Resize(&locals, locals.Length * 2)

        Array.Fill(locals, t, localCount, n)
        localCount <- localCount + n

    member _.Instrs = instrs
    /// Parameters first; the first `LocalCount` entries.
    member _.Locals = locals
    member _.LocalCount = localCount

    /// Decodes a defined function's body. False: see `Error`.
    member _.Read(index: int) : bool =
        let range = m.Code[index]
        r.Pos <- range.Start
        r.End <- range.Start + range.Length
        r.Outer <- codeEnd
        localCount <- 0
        let typeIndex = m.Functions[index]

        if uint32 typeIndex < uint32 m.Types.Length then
            match m.Types[typeIndex].Composite with
            | CompositeType.Func t ->
                for p in t.Params do
                    put p 1
            | _ -> r.Reject(Rejected.invalid range.Start $"unknown type {typeIndex}")
        else
            r.Reject(Rejected.invalid range.Start $"unknown type {typeIndex}")

        // The sum is checked before the limit: 2^32 locals are malformed whatever the limit is.
        let groups = r.Count(Int32.MaxValue, "groups of locals")
        let first = r.Pos
        let mutable total = uint64 localCount
        let mutable i = 0

        while i < groups && r.Ok do
            let at = r.Pos
            total <- total + uint64 (r.U32())
            DecodeTypes.valType r |> ignore

            if total > 0xFFFFFFFFUL then
                r.Fail(at, "too many locals")

            i <- i + 1

        if r.Ok && total > uint64 limits.Locals then
            r.Reject(Rejected.limit range.Start "too many locals" limits.Locals total)

        if r.Ok then
            r.Pos <- first

            for _ in 1..groups do
                let n = int (r.U32())
                put (DecodeTypes.valType r) n

            instrs.Expression()

            if r.Ok && r.Pos <> r.End then
                r.Fail(r.Pos, "section size mismatch")

        r.Clean

    member _.Error = r.Error

    member _.ToBody() : Body = {
        Locals = Array.sub locals 0 localCount
        Code = Array.sub instrs.Code 0 instrs.Count
        LabelTables = instrs.Labels.ToArray()
    }

/// A function's body, decoded on its own.
module DecodeBody =
    /// `index` counts defined functions, imports excluded.
    let run (limits: WasmLimits) (features: Features) (m: Module) (index: int) : Result<Body, Rejected> =
        let reader = BodyReader(limits, features, m)
        if reader.Read index then Ok(reader.ToBody()) else Error reader.Error
