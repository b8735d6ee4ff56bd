namespace Twofold.Wasm.Text

// Instructions (core specification, sections 6.5 and 6.6.10), plain and folded, straight to the binary format's bytes.
// In: a Cursor, the module's index spaces, a function's locals. Out: bytes in an Output. One loop with its own stack: nesting costs no native stack.
//
//   (if (local.get 0) (then nop))        frame If, then Folded for local.get (its bytes wait for the parenthesis), then Arm; bytes: local.get, if, nop, end


open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

/// What is open.
type private Shape =
    /// A folded plain instruction: operands come first, its bytes at the closing parenthesis.
    | Folded = 0
    /// A folded block or loop.
    | Block = 1
    /// A folded `if`: operands, then its bytes, then one or two arms.
    | If = 2
    /// `(then ...)` or `(else ...)`.
    | Arm = 3
    /// A block that `end` or `delegate` closes.
    | Flat = 4
    /// A folded `try` of the legacy proposal: `(do ...)`, then `(catch x ...)`, `(catch_all ...)` or `(delegate l)`.
    | Try = 5

[<NoComparison; NoEquality>]
type private Frame = {
    Shape: Shape
    /// Bytes that wait: of a folded instruction or `if`.
    Held: byte[]
    Label: string
    /// What opened it: If and Try take further arms.
    Op: Op
    /// For If: arms so far. For Try: 0 before `do`, 1 after it, 2 after a `catch`, 3 when nothing more may come, 4 closed by `delegate`.
    mutable Arms: int
}

/// Parses the expressions of one function, or one constant expression.
[<Sealed>]
type internal InstrParser(c: Cursor, m: Spaces, locals: Space, out: Output, usesData: bool ref) =
    let frames = Stack<Frame>()
    let labels = Labels c
    let immediates = Immediates(c, m, locals, labels, usesData)
    let scratch = Output()

    /// The identifier after a flat `else` or `end`: it may repeat the block's, nothing else.
    let closing (f: Frame) =
        let offset = c.Offset
        let name = c.TryId()

        if not (isNull name) && name <> f.Label then
            raise (c.Malformed(offset, $"mismatching label ${name}"))

    /// A plain instruction, its name at the next token.
    let plain (o: Output) (row: OpInfo) =
        let at = c.Offset
        c.Skip 1

        if row.Op = Op.Throw then
            c.NeedTags(at, row.Name)
        else
            row.Feature |> ValueOption.iter (fun f -> c.Need(f, at, row.Name))

        if row.Op = Op.Select && c.IsOpen "result" then
            Encoder.op o Op.SelectT
            Encoder.valTypes o (ParserTypes.signature c m null).Results
        elif row.Op = Op.RefTest || row.Op = Op.RefCast then
            let t = ParserTypes.refType c m
            // The row after each is its twin for nullable types.
            Encoder.op o (if t.IsNullable then row.Op + 1us else row.Op)
            Encoder.heapType o t.Heap
        else
            Encoder.op o row.Op
            immediates.Plain(o, row, at)

    /// A label and block type after `block`, `loop` or `if`; the label is not in scope yet.
    let header (o: Output) (row: OpInfo) : string =
        row.Feature |> ValueOption.iter (fun f -> c.Need(f, c.Offset, row.Name))
        c.Skip 1
        let name = c.TryId()
        Encoder.op o row.Op
        immediates.Block(o, row)
        name

    /// The row of the operator at the next token.
    let operator () : OpInfo =
        let text = c.Text

        match Words.tryOperator text with
        | ValueSome row when row.Op <> Op.Else && row.Op <> Op.End && row.Op <> Op.Catch && row.Op <> Op.CatchAll && row.Op <> Op.Delegate ->
            row
        | _ -> raise (c.Unexpected "an instruction")

    let isBlock (row: OpInfo) = row.Imm = Imm.Block || row.Imm = Imm.TryTable

    let held () =
        let bytes = scratch.ToArray()
        scratch.Clear()
        bytes

    let push shape op bytes name = frames.Push { Shape = shape; Held = bytes; Label = name; Op = op; Arms = 0 }

    let catchTag () =
        Encoder.op out Op.Catch
        out.Count32(m.Tags.Index c)

    /// `delegate l` closes its `try`; the label is looked up outside of it.
    let delegateTo (f: Frame) =
        labels.Pop f.Label
        Encoder.op out Op.Delegate
        out.Count32(labels.Read())

    /// `(do`, `(catch x`, `(catch_all` or `(delegate l)` of a folded `try`; false when something else stands there.
    let tryArm (top: Frame) : bool =
        if top.Arms = 0 && c.TryOpen "do" then
            top.Arms <- 1
            push Shape.Arm Op.Try null null
            true
        elif (top.Arms = 1 || top.Arms = 2) && c.TryOpen "catch" then
            catchTag ()
            top.Arms <- 2
            push Shape.Arm Op.Try null null
            true
        elif (top.Arms = 1 || top.Arms = 2) && c.TryOpen "catch_all" then
            Encoder.op out Op.CatchAll
            top.Arms <- 3
            push Shape.Arm Op.Try null null
            true
        elif top.Arms = 1 && c.TryOpen "delegate" then
            delegateTo top
            c.Close()
            top.Arms <- 4
            true
        else
            false

    /// `(`: an operand, a folded block, or an arm of an `if`.
    let opened () =
        let top = if frames.Count > 0 then frames.Peek() else Unchecked.defaultof<_>
        let inIf = frames.Count > 0 && top.Shape = Shape.If

        if inIf && top.Arms = 0 && c.IsOpen "then" then
            c.Skip 2
            out.Bytes top.Held
            labels.Push top.Label
            top.Arms <- 1
            push Shape.Arm Op.If null null
        elif inIf && top.Arms = 1 && c.IsOpen "else" then
            c.Skip 2
            Encoder.op out Op.Else
            top.Arms <- 2
            push Shape.Arm Op.If null null
        elif inIf && top.Arms > 0 then
            c.Skip 1
            raise (c.Unexpected "(else or )")
        elif frames.Count > 0 && top.Shape = Shape.Try then
            if not (tryArm top) then
                c.Skip 1
                raise (c.Unexpected "(do, (catch, (catch_all, (delegate or )")
        else
            c.OpenWord() |> ignore
            let row = operator ()

            if row.Op = Op.If then
                let name = header scratch row
                push Shape.If row.Op (held ()) name
            elif isBlock row then
                let name = header out row
                labels.Push name
                push (if row.Op = Op.Try then Shape.Try else Shape.Block) row.Op null name
            else
                plain scratch row
                push Shape.Folded row.Op (held ()) null

    let closed () =
        let f = frames.Pop()

        match f.Shape with
        | Shape.Folded -> out.Bytes f.Held
        | Shape.Block ->
            Encoder.op out Op.End
            labels.Pop f.Label
        | Shape.If ->
            if f.Arms = 0 then
                raise (c.Unexpected "(then")

            Encoder.op out Op.End
            labels.Pop f.Label
        | Shape.Try ->
            if f.Arms = 0 then
                raise (c.Unexpected "(do")

            if f.Arms < 4 then
                Encoder.op out Op.End
                labels.Pop f.Label
        | Shape.Arm -> ()
        | _ -> raise (c.Unexpected "end")

        c.Skip 1

    /// A word outside parentheses.
    let word () =
        let isFlat = frames.Count > 0 && frames.Peek().Shape = Shape.Flat

        // The open `if` or `try`, when it is one.
        let isOpen (op: Op) = isFlat && frames.Peek().Op = op

        if frames.Count > 0 && (let shape = frames.Peek().Shape in shape = Shape.Folded || shape = Shape.If || shape = Shape.Try) then
            raise (c.Unexpected "( or )")
        elif isFlat && c.IsWord "end" then
            c.Skip 1
            let f = frames.Pop()
            closing f
            Encoder.op out Op.End
            labels.Pop f.Label
        elif isOpen Op.Try && frames.Peek().Arms < 3 && c.TryWord "catch" then
            catchTag ()
            frames.Peek().Arms <- 2
        elif isOpen Op.Try && frames.Peek().Arms < 3 && c.TryWord "catch_all" then
            Encoder.op out Op.CatchAll
            frames.Peek().Arms <- 3
        elif isOpen Op.Try && frames.Peek().Arms = 0 && c.TryWord "delegate" then
            delegateTo (frames.Pop())
        elif isOpen Op.If && c.IsWord "else" && frames.Peek().Arms = 0 then
            c.Skip 1
            let f = frames.Peek()
            closing f
            f.Arms <- 1
            Encoder.op out Op.Else
        else
            let row = operator ()

            if isBlock row then
                let name = header out row
                labels.Push name
                push Shape.Flat row.Op null name
            else
                plain out row

    let step () =
        match c.Kind with
        | TokenKind.Open -> opened ()
        | TokenKind.Keyword -> word ()
        | TokenKind.Close when frames.Count > 0 -> closed ()
        | _ -> raise (c.Unexpected "an instruction")

    /// All instructions up to the closing parenthesis of what holds them, and the final `end`.
    member _.Sequence() =
        labels.Push null

        while frames.Count > 0 || c.Kind <> TokenKind.Close do
            step ()

        labels.Pop null
        Encoder.op out Op.End

    /// One folded instruction, and `end`: the short form of offsets and items.
    member _.Single() =
        labels.Push null

        if c.Kind <> TokenKind.Open then
            raise (c.Unexpected "(")

        step ()

        while frames.Count > 0 do
            step ()

        labels.Pop null
        Encoder.op out Op.End
