namespace Twofold.Wasm.Text

// Instructions as text, one a line, blocks indented.
// In: a decoded body or constant expression. Out: lines in a StringBuilder that the parser reads back to the same instructions.

open System
open System.Globalization
open System.Text
open Twofold.Wasm
open Twofold.Wasm.Binary

/// Floats as text that reads back to the same bits.
module internal FloatText =
    let private nan (sign: bool) (payload: uint64) (canonical: uint64) =
        let s = if sign then "-" else ""
        if payload = canonical then $"{s}nan" else $"{s}nan:0x{payload:x}"

    let f32 (bits: uint32) : string =
        let v = BitConverter.UInt32BitsToSingle bits

        if Single.IsNaN v then nan (bits >>> 31 = 1u) (uint64 (bits &&& 0x7FFFFFu)) 0x400000UL
        elif Single.IsInfinity v then (if v > 0f then "inf" else "-inf")
        else v.ToString("R", CultureInfo.InvariantCulture)

    let f64 (bits: uint64) : string =
        let v = BitConverter.UInt64BitsToDouble bits

        if Double.IsNaN v then nan (bits >>> 63 = 1UL) (bits &&& 0xFFFFFFFFFFFFFUL) 0x8000000000000UL
        elif Double.IsInfinity v then (if v > 0.0 then "inf" else "-inf")
        else v.ToString("R", CultureInfo.InvariantCulture)

/// Strings and identifiers as the lexer reads them.
module internal StringText =
    /// A string literal of bytes: printable ASCII as it is, the rest by two hexadecimal digits.
    let append (o: StringBuilder) (bytes: ReadOnlySpan<byte>) =
        o.Append '"' |> ignore

        for b in bytes do
            if b = byte '"' || b = byte '\\' then o.Append('\\').Append(char b) |> ignore
            elif b >= 32uy && b < 127uy then o.Append(char b) |> ignore
            else o.Append('\\').Append(b.ToString("x2", CultureInfo.InvariantCulture)) |> ignore

        o.Append '"' |> ignore

    let name (o: StringBuilder) (s: string) = append o (ReadOnlySpan(Encoding.UTF8.GetBytes s))

    /// `$name`, in quotation marks where it needs them.
    let id (s: string) : string =
        let bytes = Encoding.UTF8.GetBytes s

        if bytes |> Array.forall Chars.isId then
            "$" + s
        else
            let o = StringBuilder "$"
            append o (ReadOnlySpan bytes)
            o.ToString()

/// Prints instructions. `func` gives a function's identifier or number.
[<Sealed>]
type internal CodePrinter(o: StringBuilder, func: int -> string) =
    // Deep nesting is not indented further, or its text would grow with the square of its depth.
    let deepest = 40

    let indent (depth: int) = o.Append(' ', 2 * min depth deepest) |> ignore
    let index (i: int) = o.Append(' ').Append(uint32 i) |> ignore

    let indexUnlessZero (i: int) =
        if i <> 0 then
            index i

    let heap (code: int) = o.Append(' ').Append(string (HeapType code)) |> ignore

    let memArg (row: OpInfo) (i: Instr) =
        indexUnlessZero i.A

        if i.Imm <> 0L then
            o.Append(" offset=").Append(uint64 i.Imm) |> ignore

        // A lane access has its lane above the alignment's exponent.
        let align = 1UL <<< (i.B &&& 0x3F)

        if align <> uint64 row.AccessBytes then
            o.Append(" align=").Append align |> ignore

    let blockType (i: Instr) =
        if i.A = -2 then
            o.Append(" (result ").Append(string (ValType i.B)).Append(')') |> ignore
        elif i.A >= 0 then
            o.Append(" (type ").Append(i.A).Append(')') |> ignore

    let clause (x: Catch) =
        let word = [| "catch"; "catch_ref"; "catch_all"; "catch_all_ref" |][x.Kind]
        o.Append(" (").Append word |> ignore

        if x.Tag >= 0 then
            index x.Tag

        index x.Label
        o.Append ')' |> ignore

    /// Four lanes of 32 bits, or sixteen indices of a shuffle.
    let vector (op: Op) (i: Instr) =
        if op = Op.I8x16Shuffle then
            for k in 0..15 do
                let half = uint64 (if k < 8 then i.Imm else i.High)
                index (int (half >>> (8 * (k &&& 7)) &&& 0xFFUL))
        else
            o.Append(" i32x4") |> ignore

            for half in [| uint64 i.Imm; uint64 i.High |] do
                o.Append($" 0x%08x{uint32 half} 0x%08x{uint32 (half >>> 32)}") |> ignore

    let refType (nullable: bool) (heap: HeapType) = o.Append(' ').Append(string (ValType.Ref(nullable, heap))) |> ignore

    /// One instruction without its indentation and line's end.
    member _.Instr(i: Instr, tables: int[][], catches: Catch[][]) =
        let row = Opcodes.info i.Op
        o.Append row.Name |> ignore

        match row.Imm with
        | Imm.None -> ()
        | Imm.Block -> blockType i
        | Imm.TryTable ->
            blockType i

            for x in catches[int i.Imm] do
                clause x
        | Imm.Tag
        | Imm.Lane
        | Imm.Label
        | Imm.Local
        | Imm.Global
        | Imm.Type
        | Imm.Data
        | Imm.Elem -> index i.A
        | Imm.Func -> o.Append(' ').Append(func i.A) |> ignore
        | Imm.LabelTable ->
            for l in tables[i.A] do
                index l
        | Imm.CallIndirect ->
            indexUnlessZero i.B
            o.Append(" (type ").Append(uint32 i.A).Append(')') |> ignore
        | Imm.Table
        | Imm.Memory -> indexUnlessZero i.A
        | Imm.MemArg -> memArg row i
        | Imm.I32
        | Imm.I64 -> o.Append(' ').Append(i.Imm) |> ignore
        | Imm.F32 -> o.Append(' ').Append(FloatText.f32 (uint32 i.Imm)) |> ignore
        | Imm.F64 -> o.Append(' ').Append(FloatText.f64 (uint64 i.Imm)) |> ignore
        | Imm.Heap ->
            // The casts and tests have two opcodes of one name, told apart by the type's nullability.
            if row.Op = Op.RefNull then
                heap i.A
            else
                refType (row.Op = Op.RefTestNull || row.Op = Op.RefCastNull) (HeapType i.A)
        | Imm.BrOnCast ->
            index i.A
            refType (i.B &&& 1 <> 0) (HeapType(int i.Imm))
            refType (i.B &&& 2 <> 0) (HeapType(int (i.Imm >>> 32)))
        | Imm.TypeField
        | Imm.TypeCount
        | Imm.TypeData
        | Imm.TypeElem
        | Imm.Type2 ->
            index i.A
            index i.B
        | Imm.V128 -> vector row.Op i
        | Imm.MemArgLane ->
            memArg row i
            index (i.B >>> 8)
        | Imm.Zero -> ()
        | Imm.SelectType -> o.Append(" (result ").Append(string (ValType i.A)).Append(')') |> ignore
        | Imm.DataMemory
        | Imm.ElemTable ->
            indexUnlessZero i.B
            index i.A
        | Imm.Memory2
        | Imm.Table2 ->
            if i.A <> 0 || i.B <> 0 then
                index i.A
                index i.B
        | _ -> raise (Refused.unprintable row.Name)

    /// A body's instructions, one a line; the final `end` is the function's closing parenthesis.
    member this.Body(b: Body, depth: int) =
        let mutable d = depth

        for k in 0 .. b.Code.Length - 2 do
            let i = b.Code[k]
            let isArm = i.Op = Op.Else || i.Op = Op.Catch || i.Op = Op.CatchAll
            let isEnd = i.Op = Op.End || i.Op = Op.Delegate
            let imm = (Opcodes.info i.Op).Imm

            if isArm || isEnd then
                d <- d - 1

            indent d
            this.Instr(i, b.LabelTables, b.CatchTables)
            o.Append '\n' |> ignore

            if isArm || imm = Imm.Block || imm = Imm.TryTable then
                d <- d + 1

    /// A constant expression in one line.
    member this.Const(e: ConstExpr) =
        e
        |> Array.iteri (fun k i ->
            if k > 0 then
                o.Append ' ' |> ignore

            this.Instr(i, null, null))
