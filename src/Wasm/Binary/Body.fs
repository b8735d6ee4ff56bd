namespace Twofold.Wasm.Binary

// Instructions of the binary format (core specification, section 5.4): function bodies and constant expressions.
// In: a byte range. Out: a flat array of Instr, label tables beside it. The buffers are reused, so a big module costs a few arrays.

open System
open Twofold.Wasm

/// Decodes expressions into reused buffers. One per thread of work.
[<Sealed>]
type internal InstrReader(r: Reader, limits: WasmLimits) =
    let mutable code: Instr[] = Array.zeroCreate 256
    let mutable count = 0
    // Kinds of the open blocks: 1 where `else` may come.
    let mutable open': byte[] = Array.zeroCreate 64
    let mutable depth = 0
    let labels = ResizeArray<int[]>()
    let catches = ResizeArray<Catch[]>()
    let mutable hasDataCount = false
    let mutable most = Int32.MaxValue
    let mutable handOver: Action = null

    /// Instructions handed over at a time: a body of megabytes never stands in memory as instructions of 24 bytes each.
    static let piece = 4096

    member _.Code = code
    member _.Count = count
    member _.Labels = labels
    member _.Catches = catches

    member _.HasDataCount
        with set v = hasDataCount <- v

    /// The most instructions that an expression may have.
    member _.Most
        with set v = most <- v

    /// Takes the instructions read so far, several times for a long expression; the buffers are emptied after each. Null: everything is kept.
    member _.HandOver
        with set v = handOver <- v

    member private _.Piece() =
        handOver.Invoke()
        count <- 0
        labels.Clear()
        catches.Clear()

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

    /// The clauses of a `try_table`.
    member private _.CatchTable() : int =
        let n = r.Count(Int32.MaxValue, "catches")

        if r.Ok then
            let table = Array.zeroCreate n
            let mutable i = 0

            while i < n && r.Ok do
                let at = r.Pos
                let kind = int (r.Byte())

                if kind > 3 then
                    r.Fail(at, "malformed catch clause")

                let tag = if kind < 2 then r.Index() else -1
                table[i] <- { Kind = kind; Tag = tag; Label = r.Index() }
                i <- i + 1

            catches.Add table

        catches.Count - 1

    member private _.BlockType(at: int) : struct (int * int) =
        let b = r.Peek()

        if b = 0x40uy then
            r.Byte() |> ignore
            struct (-1, 0)
        elif b &&& 0xC0uy = 0x40uy then
            struct (-2, (DecodeTypes.valType r).Code)
        else
            let index = r.S33()

            if index < 0L then
                r.Fail(at + 1, "malformed block type")

            r.Need(Feature.MultiValue, at, "a type index as block type")
            struct (int (min index (int64 Int32.MaxValue)), 0)

    /// Alignment's exponent with flags, memory index, offset.
    member private _.MemArg(at: int) : struct (int * int * int64) =
        let flags = r.U32()

        if flags >= 0x80u then
            r.Fail(at + 1, "malformed memop flags")

        let memory =
            if flags &&& 0x40u <> 0u then
                r.Need(Feature.MultiMemory, at, "a memory index in a memory access")
                r.Index()
            else
                0

        struct (memory, int (flags &&& 0x3Fu), int64 (r.U64()))

    /// A memory's index where WebAssembly 2.0 has a zero byte.
    member private _.MemoryIndex(at: int) : int =
        let start = r.Pos
        let index = r.Index()

        if index <> 0 || r.Pos > start + 1 then
            r.Need(Feature.MultiMemory, at, "a memory index")

        index

    /// A prefixed opcode's number, or an error.
    member private _.Prefixed(prefix: byte, at: int) : Op =
        match prefix with
        | 0xFBuy
        | 0xFCuy
        | 0xFDuy
        | 0xFEuy ->
            let sub = r.U32()

            let op =
                match prefix with
                | 0xFBuy when sub < 0x100u -> 0xB00us + uint16 sub
                | 0xFCuy when sub < 0x100u -> 0xC00us + uint16 sub
                | 0xFDuy when sub < 0x200u -> 0xD000us + uint16 sub
                | 0xFEuy when sub < 0x100u -> 0xE00us + uint16 sub
                | _ -> UInt16.MaxValue

            if r.Ok && isNull (box (Opcodes.tryInfo op)) then
                r.Fail(at, $"illegal opcode %02x{prefix} %02x{sub}")

            op
        | _ ->
            r.Fail(at, $"illegal opcode %02x{prefix}")
            UInt16.MaxValue

    /// Reads one expression up to the `end` that closes it; that `end` is the last instruction of `Code`.
    member this.Expression() =
        count <- 0
        depth <- 0
        labels.Clear()
        catches.Clear()
        this.Push(0uy, r.Pos)

        while depth > 0 && r.Ok do
            let at = r.Pos

            if count >= piece && not (isNull handOver) then
                this.Piece()

            if count >= most then
                r.Reject(Rejected.limit at "a constant expression is too long" most (count + 1))
            elif at >= r.End then
                // The suite tells a body without its `end` from a section that stops too early.
                r.Fail(at, (if at < r.Outer then "END opcode expected" else "unexpected end of section or function"))
            else
                let b = r.Byte()
                let mutable row = Opcodes.tryInfo (uint16 b)

                if isNull (box row) then
                    row <- Opcodes.tryInfo (this.Prefixed(b, at))

                if r.Ok then
                    this.Instruction(row, at)

        if r.Ok && not (isNull handOver) then
            this.Piece()

    member private this.Instruction(row: OpInfo, at: int) =
        let op = row.Op

        if row.Feature.IsSome then
            if op = Op.Throw then r.NeedTags(at, row.Name) else r.Need(row.Feature.Value, at, row.Name)

        match row.Imm with
        | Imm.None ->
            if op = Op.End then
                depth <- depth - 1
            elif op = Op.Else then
                if open'[depth - 1] <> 1uy then r.Fail(at, "END opcode expected") else open'[depth - 1] <- 0uy

            this.Emit(op, 0, 0, 0L, at)
        | Imm.Label when op = Op.Delegate ->
            // It closes its `try`, and takes its label outside of it.
            depth <- depth - 1
            this.Emit(op, r.Index(), 0, 0L, at)
        | Imm.Local
        | Imm.Global
        | Imm.Func
        | Imm.Table
        | Imm.Label
        | Imm.Type -> this.Emit(op, r.Index(), 0, 0L, at)
        | Imm.Memory -> this.Emit(op, this.MemoryIndex at, 0, 0L, at)
        | Imm.I32 -> this.Emit(op, 0, 0, int64 (r.S32()), at)
        | Imm.I64 -> this.Emit(op, 0, 0, r.S64(), at)
        | Imm.MemArg ->
            let struct (memory, align, offset) = this.MemArg at
            this.Emit(op, memory, align, offset, at)
        | Imm.MemArgLane ->
            let struct (memory, align, offset) = this.MemArg at
            this.Emit(op, memory, align ||| (int (r.Byte()) <<< 8), offset, at)
        | Imm.Lane -> this.Emit(op, int (r.Byte()), 0, 0L, at)
        | Imm.V128 ->
            let low = r.Fixed64()
            let high = r.Fixed64()
            this.Emit(op, int high, int (high >>> 32), int64 low, at)
        | Imm.Block ->
            let struct (a, b) = this.BlockType at
            this.Emit(op, a, b, 0L, at)
            this.Push((if op = Op.If then 1uy else 0uy), at)
        | Imm.TryTable ->
            let struct (a, b) = this.BlockType at
            this.Emit(op, a, b, int64 (this.CatchTable()), at)
            this.Push(0uy, at)
        | Imm.Tag
        | Imm.TypeCount
        | Imm.TypeField
        | Imm.TypeData
        | Imm.TypeElem
        | Imm.Type2 ->
            let a = r.Index()
            let b = if row.Imm = Imm.Tag then 0 else r.Index()

            if row.Imm = Imm.TypeData && r.Ok && not hasDataCount then
                r.Fail(at, "data count section required")

            this.Emit(op, a, b, 0L, at)
        | Imm.BrOnCast ->
            let flagsAt = r.Pos
            let flags = int (r.Byte())

            if flags > 3 then
                r.Fail(flagsAt, "malformed cast flags")

            let label = r.Index()
            let source = (DecodeTypes.heapType r).Code
            let target = (DecodeTypes.heapType r).Code
            this.Emit(op, label, flags, int64 (uint32 source) ||| (int64 target <<< 32), at)
        | Imm.Zero ->
            let zeroAt = r.Pos

            if r.Byte() <> 0uy then
                r.Fail(zeroAt, "zero byte expected")

            this.Emit(op, 0, 0, 0L, at)
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
            let memory = if row.Imm = Imm.DataMemory then this.MemoryIndex at else 0

            if r.Ok && not hasDataCount then
                r.Fail(at, "data count section required")

            this.Emit(op, data, memory, 0L, at)
        | Imm.Elem -> this.Emit(op, r.Index(), 0, 0L, at)
        | Imm.Memory2 ->
            let a = this.MemoryIndex at
            this.Emit(op, a, this.MemoryIndex at, 0L, at)
        | Imm.ElemTable
        | Imm.Table2 ->
            let a = r.Index()
            this.Emit(op, a, r.Index(), 0L, at)
        | _ -> r.Fail(at, $"illegal opcode %02x{op}")

/// Declared locals of one type in a row.
[<Struct; NoEquality; NoComparison>]
type internal LocalGroup = { First: int; Count: int; Type: ValType }

/// Decodes bodies of one module, one after another, in the same buffers.
[<Sealed>]
type internal BodyReader(limits: WasmLimits, features: Features, m: Module) =
    let r = Reader(m.Bytes, features)
    let instrs = InstrReader(r, limits)
    do instrs.HasDataCount <- m.DataCount >= 0
    do r.EndMessage <- "unexpected end of section or function"

    let codeEnd = if m.Code.Length = 0 then 0 else (let last = m.Code[m.Code.Length - 1] in last.Start + last.Length)
    let mutable locals: ValType[] = Array.zeroCreate 64
    let mutable localCount = 0
    let groups = ResizeArray<LocalGroup>()

    let put (t: ValType) n =
        while localCount + n > locals.Length do
            Array.Resize(&locals, locals.Length * 2)

        Array.Fill(locals, t, localCount, n)
        localCount <- localCount + n

    member _.Instrs = instrs
    /// Parameters first; the first `LocalCount` entries.
    member _.Locals = locals
    member _.LocalCount = localCount
    /// Declarations of locals, parameters excluded.
    member _.Groups = groups

    /// Decodes a defined function's body. False: see `Error`. With `start`, called when the locals are known, the instructions are not kept but
    /// handed over in pieces.
    member _.Read(index: int, start: Action, pieces: Action) : bool =
        instrs.HandOver <- pieces
        let range = m.Code[index]
        r.Pos <- range.Start
        r.End <- range.Start + range.Length
        r.Outer <- codeEnd
        localCount <- 0
        groups.Clear()
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
        let count = r.Count(Int32.MaxValue, "groups of locals")
        let first = r.Pos
        let mutable total = uint64 localCount
        let mutable i = 0

        while i < count && r.Ok do
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

            for _ in 1..count do
                let n = int (r.U32())
                let t = DecodeTypes.valType r

                if n > 0 then
                    groups.Add { First = localCount; Count = n; Type = t }

                put t n

            if not (isNull start) then
                start.Invoke()

            instrs.Expression()

            if r.Ok && r.Pos <> r.End then
                r.Fail(r.Pos, "section size mismatch")

        r.Clean

    /// Decodes a body and keeps its instructions.
    member this.Read(index: int) : bool = this.Read(index, null, null)

    member _.Error = r.Error

    member _.ToBody() : Body = {
        Locals = Array.sub locals 0 localCount
        Code = Array.sub instrs.Code 0 instrs.Count
        LabelTables = instrs.Labels.ToArray()
        CatchTables = instrs.Catches.ToArray()
    }

/// A function's body, decoded on its own.
module DecodeBody =
    /// `index` counts defined functions, imports excluded.
    let run (limits: WasmLimits) (features: Features) (m: Module) (index: int) : Result<Body, Rejected> =
        let reader = BodyReader(limits, features, m)
        if reader.Read index then Ok(reader.ToBody()) else Error reader.Error
