namespace Twofold.Wasm.Binary

// Bytes to Module (core specification, section 5.5): sections and their items; function bodies stay byte ranges until a stage asks.
// In: limits, features, bytes. Out: a Module, or the first thing that is wrong with its offset and the specification's wording.

open System
open Twofold.Wasm

/// The sections of one module, being filled.
[<Sealed>]
type internal Sections(limits: WasmLimits, r: Reader) =
    let instrs = InstrReader(r, limits)
    // Constant expressions come before the data count is known to matter; they may not touch data anyway.
    do instrs.HasDataCount <- true
    do instrs.Most <- limits.Declarations
    let customs = ResizeArray<CustomSection>()
    let mutable memories = 0
    let mutable tables = 0
    let mutable importedGlobals = 0

    // Newer than the instructions themselves is that they may stand in a constant expression.
    let needConst (code: Instr[]) count =
        for k in 0 .. count - 1 do
            let i = &code[k]

            match i.Op with
            | Op.I32Add
            | Op.I32Sub
            | Op.I32Mul
            | Op.I64Add
            | Op.I64Sub
            | Op.I64Mul -> r.Need(Feature.ExtendedConst, i.Offset, $"{(Opcodes.info i.Op).Name} in a constant expression")
            | Op.GlobalGet when uint32 i.A >= uint32 importedGlobals ->
                r.Need(Feature.ExtendedConst, i.Offset, "a defined global in a constant expression")
            | _ -> ()

    let memory at =
        memories <- memories + 1

        if memories = 2 then
            r.Need(Feature.MultiMemory, at, "a second memory")

    let table at =
        tables <- tables + 1

        if tables = 2 then
            r.Need(Feature.ReferenceTypes, at, "a second table")

    member val Types: SubType[] = [||] with get, set
    member val Imports: Import[] = [||] with get, set
    member val Functions: int[] = [||] with get, set
    member val Tables: TableDef[] = [||] with get, set
    member val Memories: SizeLimits[] = [||] with get, set
    member val Tags: int[] = [||] with get, set
    member val Globals: GlobalDef[] = [||] with get, set
    member val Exports: Export[] = [||] with get, set
    member val Start = -1 with get, set
    member val Elems: ElemSegment[] = [||] with get, set
    member val DataCount = -1 with get, set
    member val Code: CodeRange[] = [||] with get, set
    member val Datas: DataSegment[] = [||] with get, set
    member _.Customs = customs

    member private _.Vec(allowed: int, what: string, item: int -> 'a) : 'a[] =
        let n = r.Count(allowed, what)
        let a = Array.zeroCreate n
        let mutable i = 0

        while i < n && r.Ok do
            r.Enter i
            a[i] <- item r.Pos
            i <- i + 1

        if r.Ok then
            r.Item <- -1

        a

    member private _.ConstExpr() : ConstExpr =
        instrs.Expression()

        if r.Ok then
            needConst instrs.Code (instrs.Count - 1)
            Array.sub instrs.Code 0 (instrs.Count - 1)
        else
            [||]

    member private _.Import(at: int) : Import =
        let moduleName = r.Name()
        let name = r.Name()
        let kindAt = r.Pos

        let t =
            match r.Byte() with
            | 0uy -> ExternType.Func(r.Index())
            | 1uy ->
                table at
                ExternType.Table(DecodeTypes.tableType r)
            | 2uy ->
                memory at
                ExternType.Memory(DecodeTypes.limits r)
            | 3uy ->
                let t = DecodeTypes.globalType r
                importedGlobals <- importedGlobals + 1

                if t.Mutable then
                    r.Need(Feature.MutableGlobals, at, "an imported mutable global")

                ExternType.Global t
            | 4uy ->
                r.NeedTags(kindAt, "a tag import")

                if r.Byte() <> 0uy then
                    r.Fail(r.Pos - 1, "malformed tag attribute")

                ExternType.Tag(r.Index())
            | _ ->
                r.Fail(kindAt, "malformed import kind")
                ExternType.Func 0

        { Module = moduleName; Name = name; Type = t; Offset = at }

    member private this.Table(at: int) : TableDef =
        table at

        if r.Peek() = 0x40uy then
            r.Byte() |> ignore
            r.Need(Feature.FunctionReferences, at, "a table with an initial value")

            if r.Byte() <> 0uy then
                r.Fail(r.Pos - 1, "malformed table")

            let t = DecodeTypes.tableType r
            { Type = t; Init = this.ConstExpr(); Offset = at }
        else
            { Type = DecodeTypes.tableType r; Init = null; Offset = at }

    member private _.Export(at: int) : Export =
        let name = r.Name()
        let kindAt = r.Pos
        let kind = r.Byte()

        if kind > 4uy then
            r.Fail(kindAt, "malformed export kind")

        if kind = 4uy then
            r.NeedTags(kindAt, "a tag export")

        { Name = name; Kind = enum<ExternKind>(int kind); Index = r.Index(); Offset = at }

    /// An element segment (core 5.5.12): bit 0 passive or declarative, bit 1 explicit table (or declarative), bit 2 expressions.
    member private this.Elem(at: int) : ElemSegment =
        let flags = r.U32()

        if flags > 7u then
            r.Fail(at, "malformed elements segment kind")

        if flags <> 0u then
            r.Need(Feature.BulkMemory, at, "this kind of element segment")

        let mode =
            if flags &&& 1u = 0u then
                let table = if flags &&& 2u <> 0u then r.Index() else 0
                SegmentMode.Active(table, this.ConstExpr())
            elif flags &&& 2u <> 0u then
                SegmentMode.Declarative
            else
                SegmentMode.Passive

        let asExprs = flags &&& 4u <> 0u

        let t =
            if asExprs then
                if flags &&& 3u = 0u then ValType.FuncRef else DecodeTypes.refType r
            else
                if flags &&& 3u <> 0u then
                    let kindAt = r.Pos

                    if r.Byte() <> 0uy then
                        r.Fail(kindAt, "malformed element kind")

                // Indices are functions, never null.
                ValType.Ref(false, HeapType.Func)

        if not asExprs then
            let n = r.Count(Int32.MaxValue, "elements")
            let funcs = Array.zeroCreate n
            let mutable i = 0

            while i < n && r.Ok do
                funcs[i] <- r.Index()
                i <- i + 1

            { Type = t; Funcs = funcs; Exprs = null; Mode = mode; Offset = at }
        else
            this.ElemExprs(t, mode, at)

    /// The expression just read is one instruction, the same as this one but for its place.
    member private _.Repeats(e: ConstExpr) : bool =
        e.Length = 1
        && instrs.Count = 2
        && (let i = instrs.Code[0]
            i.Op = e[0].Op && i.A = e[0].A && i.B = e[0].B && i.Imm = e[0].Imm)

    /// Element expressions. Functions of a funcref segment stay indices until another expression turns up, so that three bytes do not cost fifty.
    member private this.ElemExprs(t: ValType, mode: SegmentMode, at: int) : ElemSegment =
        let n = r.Count(Int32.MaxValue, "elements")
        let mutable funcs: int[] = if t.Equals ValType.FuncRef then Array.zeroCreate n else null
        let mutable exprs: ConstExpr[] = if isNull funcs then Array.zeroCreate n else null
        let mutable i = 0

        while i < n && r.Ok do
            instrs.Expression()

            if r.Ok then
                needConst instrs.Code (instrs.Count - 1)
                let isFunc = instrs.Count = 2 && instrs.Code[0].Op = Op.RefFunc

                if not (isNull funcs) && isFunc then
                    funcs[i] <- instrs.Code[0].A
                else
                    if isNull exprs then
                        let before = funcs
                        exprs <- Array.zeroCreate n

                        for j in 0 .. i - 1 do
                            exprs[j] <- [| { instrs.Code[0] with Op = Op.RefFunc; A = before[j]; B = 0; Imm = 0L; Offset = at } |]

                        funcs <- null

                    exprs[i] <-
                        // Elements are often the same null again and again.
                        if i > 0 && this.Repeats exprs[i - 1] then
                            exprs[i - 1]
                        else
                            Array.sub instrs.Code 0 (instrs.Count - 1)

            i <- i + 1

        { Type = t; Funcs = funcs; Exprs = exprs; Mode = mode; Offset = at }

    member private this.Data(at: int) : DataSegment =
        let flags = r.U32()

        if flags > 2u then
            r.Fail(at, "malformed data segment kind")

        if flags <> 0u then
            r.Need(Feature.BulkMemory, at, "this kind of data segment")

        let mode =
            if flags = 1u then
                SegmentMode.Passive
            else
                let memory = if flags = 2u then r.Index() else 0
                SegmentMode.Active(memory, this.ConstExpr())

        let n = r.U32()

        if r.Ok && uint64 n > uint64 (r.End - r.Pos) then
            r.Fail(r.Pos, r.EndMessage)

        let start = r.Pos

        if r.Ok then
            r.Pos <- start + int n

        { Start = start; Length = int n; Mode = mode; Offset = at }

    member private _.Body(at: int) : CodeRange =
        let n = r.Length()

        if r.Ok && n > limits.BodyBytes then
            r.Reject(Rejected.limit at "a function body is too large" limits.BodyBytes n)

        let start = r.Pos
        r.Pos <- r.Pos + n
        { Start = start; Length = n }

    /// One section's content; `r.End` is the section's end.
    member this.Section(id: int, at: int) =
        match id with
        | 0 ->
            let name = r.Name()

            if customs.Count >= limits.Declarations then
                r.Reject(Rejected.limit at "too many custom sections" limits.Declarations (customs.Count + 1))

            customs.Add { Name = name; Start = r.Pos; Length = r.End - r.Pos }
            r.Pos <- r.End
        | 1 -> this.Types <- DecodeTypes.typeSection limits r
        | 2 -> this.Imports <- this.Vec(limits.Declarations, "imports", this.Import)
        | 3 -> this.Functions <- this.Vec(limits.Functions, "functions", (fun _ -> r.Index()))
        | 4 -> this.Tables <- this.Vec(limits.Declarations, "tables", this.Table)
        | 5 ->
            this.Memories <-
                this.Vec(
                    limits.Declarations,
                    "memories",
                    fun at ->
                        memory at
                        DecodeTypes.limits r
                )
        | 13 ->
            r.NeedTags(at, "the tag section")

            this.Tags <-
                this.Vec(
                    limits.Declarations,
                    "tags",
                    fun at ->
                        if r.Byte() <> 0uy then
                            r.Fail(at, "malformed tag attribute")

                        r.Index()
                )
        | 6 ->
            this.Globals <-
                this.Vec(
                    limits.Declarations,
                    "globals",
                    fun at ->
                        let t = DecodeTypes.globalType r
                        { Type = t; Init = this.ConstExpr(); Offset = at }
                )
        | 7 -> this.Exports <- this.Vec(limits.Declarations, "exports", this.Export)
        | 8 ->
            r.Enter 0
            let f = r.Index()
            // A start function out of any range must not look like none.
            this.Start <- if f < 0 then Int32.MaxValue else f
        | 9 -> this.Elems <- this.Vec(limits.Declarations, "element segments", this.Elem)
        | 12 ->
            r.Need(Feature.BulkMemory, at, "the data count section")
            let countAt = r.Pos
            let n = r.U32()

            if n > uint32 limits.Declarations then
                // Data segments that cannot exist: the section itself is needed only to be compared with theirs.
                r.Reject(Rejected.limit countAt "too many data segments" limits.Declarations (int64 n))

            this.DataCount <- int n
        | 10 -> this.Code <- this.Vec(limits.Functions, "function bodies", this.Body)
        | _ -> this.Datas <- this.Vec(limits.Declarations, "data segments", this.Data)

module Decode =
    // Place of a section id in the order that 3.0 prescribes; -1: custom, anywhere.
    let private order (id: int) =
        match id with
        | 0 -> -1
        | 13 -> 6
        | 12 -> 11
        | 10 -> 12
        | 11 -> 13
        | n when n <= 5 -> n
        | n -> n + 1 // 6 global .. 9 element

    /// `\0asm`, then version 1 and layer 0; layer 1 is a component.
    let private preamble (r: Reader) =
        // The four bytes of "\0asm" as a little-endian number.
        if r.Fixed32() <> 0x6D736100u then
            r.Fail(0, "magic header not detected")

        if r.Ok then
            let at = r.Pos
            let version = r.Fixed32()

            if r.Ok && version <> 1u then
                if version >>> 16 = 1u && version &&& 0xFFFFu <> 0u then
                    r.Reject {
                        Rejected.at RejectKind.Component at "this is a component, not a core module" with
                            Expected =
                                "a core module: extract it, for example with `wasm-tools component unbundle`, or build for a core target"
                            Found = $"component format, version {version &&& 0xFFFFu}"
                    }
                else
                    r.Reject { Rejected.malformed at "unknown binary version" with Expected = "1"; Found = string version }

    let private sectionName (id: int) =
        match id with
        | 0 -> "custom section"
        | 1 -> "type section"
        | 2 -> "import section"
        | 3 -> "function section"
        | 4 -> "table section"
        | 5 -> "memory section"
        | 6 -> "global section"
        | 7 -> "export section"
        | 8 -> "start section"
        | 9 -> "element section"
        | 10 -> "code section"
        | 11 -> "data section"
        | 12 -> "data count section"
        | _ -> "tag section"

    let private section (s: Sections) (r: Reader) (last: byref<int>) =
        let at = r.Pos
        let id = int (r.Byte())

        if r.Ok && id > 13 then
            r.Fail(at, "malformed section id")

        let size = r.Length()

        if r.Ok then
            let place = order id

            if id <> 0 && place <= last then
                r.Fail(at, "unexpected content after last section")
            else
                if id <> 0 then
                    last <- place

                let finish = r.Pos + size
                let outer = r.End
                r.End <- finish
                r.EndMessage <- if id = 0 then "unexpected end" else "unexpected end of section or function"
                r.Place <- sectionName id
                s.Section(id, at)

                if r.Ok && r.Pos <> finish then
                    r.Fail(r.Pos, "section size mismatch")

                r.Place <- ""
                r.Item <- -1
                r.End <- outer
                r.EndMessage <- "unexpected end"

                if r.Failed then
                    r.Pos <- outer

    let private toModule (bytes: byte[]) (s: Sections) : Module = {
        Bytes = bytes
        Types = s.Types
        Imports = s.Imports
        Functions = s.Functions
        Tables = s.Tables
        Memories = s.Memories
        Globals = s.Globals
        Tags = s.Tags
        Exports = s.Exports
        Start = s.Start
        Elems = s.Elems
        DataCount = s.DataCount
        Code = s.Code
        Datas = s.Datas
        Customs = s.Customs.ToArray()
    }

    let private sections (limits: WasmLimits) (r: Reader) : Sections =
        preamble r
        let s = Sections(limits, r)
        let mutable last = 0

        while r.Ok && r.Pos < r.End do
            section s r &last

        s

    /// Where an item of a section begins, for errors that show only later: `memory section`, 1. -1 when there is none.
    let internal offsetOf (m: Module) (place: string) (item: int) : int =
        let r = Reader(m.Bytes, Features.All)
        r.WantedPlace <- place
        r.WantedItem <- item
        sections WasmLimits.Host r |> ignore
        r.FoundAt

    /// A body may need a feature before the section that was found to need one.
    let private firstNeed (limits: WasmLimits) (features: Features) (m: Module) (found: Rejected) : Rejected =
        let reader = BodyReader(limits, features, m)

        m.Code
        |> Seq.indexed
        |> Seq.takeWhile (fun (_, c) -> c.Start < found.Offset)
        |> Seq.tryPick (fun (i, _) -> if not (reader.Read i) && reader.Error.Kind.IsFeature then Some reader.Error else None)
        |> Option.defaultValue found

    /// Decodes a module's sections. Bodies are decoded by `DecodeBody.run` or by the validator.
    let run (limits: WasmLimits) (features: Features) (bytes: byte[]) : Result<Module, Rejected> =
        let r = Reader(bytes, features)

        if bytes.Length > limits.ModuleBytes then
            r.Reject(Rejected.limit 0 "the module is too large" $"{limits.ModuleBytes} bytes" $"{bytes.Length} bytes")

        let s = sections limits r
        let finish = bytes.Length

        if r.Ok && s.Functions.Length <> s.Code.Length then
            r.Reject {
                Rejected.malformed finish "function and code section have inconsistent lengths" with
                    Expected = $"{s.Functions.Length} bodies"
                    Found = string s.Code.Length
            }

        if r.Ok && s.DataCount >= 0 && s.DataCount <> s.Datas.Length then
            r.Reject {
                Rejected.malformed finish "data count and data section have inconsistent lengths" with
                    Expected = $"{s.DataCount} data segments"
                    Found = string s.Datas.Length
            }

        if r.Clean then Ok(toModule bytes s)
        elif r.Ok then Error(firstNeed limits features (toModule bytes s) r.Error)
        else Error r.Error
