namespace Twofold.Wasm.Interpreter

// Words of one function as they are written, and the operand stack that decides where values are.
// In: instructions of the interpreter. Out: words with the module's byte offset of each.
//
// Every operand has a home: the place in the frame that its height gives it (8 bytes a number, 16 a vector; references are numbered apart). Reading a local
// or a constant writes nothing yet: the operand says where its value is, and goes home when control flow, a call or an assignment to that local asks for it.
// The sum of a local and a constant waits likewise, because it is mostly an address. Constants that loops ask for have places after the locals.
//
//   local.get 0  i32.const 5  i32.add  local.set 1      I32AddK  A := home, B := local 0, C := 5; then A becomes local 1

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

/// Where an operand's value is.
type internal Place =
    | Home = 0
    | Local = 1
    | Const = 2
    /// A local of type i32 plus a constant.
    | Sum = 3

[<Struct; NoEquality; NoComparison>]
type internal Operand = {
    /// The constant's bits, or the local's index; of a sum both, the index below.
    Value: int64
    Type: ValType
    Place: Place
    /// Its home: bytes into the frame.
    Slot: int
    /// Its home among the references.
    Ref: int
}

/// A block that is open.
[<AllowNullLiteral>]
type internal Label(op: Op, height: int, slot: int, ref: int, starts: ValType[], ends: ValType[]) =
    member _.Op = op
    /// Operands below its parameters, and where those begin.
    member _.Height = height
    member _.Slot = slot
    member _.Ref = ref
    member _.Starts = starts
    member _.Ends = ends
    /// What a branch to it carries.
    member _.Carried = if op = Op.Loop then starts else ends
    /// Where a loop begins.
    member val Start = 0 with get, set
    /// Branches to its end.
    member val Branches = List<int>() with get
    /// Clauses that go to its end.
    member val Clauses = List<struct (int * int)>() with get
    /// The branch of an `if` whose condition is false, or -1.
    member val Otherwise = -1 with get, set
    /// The try_table it is, or the innermost around it; -1 for none.
    member val Try = -1 with get, set

/// What a condition compares, so that the branch can do it itself.
[<Struct; NoEquality; NoComparison>]
type internal Condition = { Op: IOp; A: int; B: int }

/// Where both tiers are: calls of the function and iterations of each loop until it is hot; the LoopEntry for the next loop that can be left.
[<AllowNullLiteral>]
type internal HeatPlan(calls: int, loops: int -> int, entry: int -> int64 -> nativeint) =
    member _.Calls = calls
    /// By the loop's number.
    member _.Iterations loop = loops loop
    /// By the loop's number and what the iteration has paid there.
    member _.Entry loop charge = entry loop charge

[<Sealed>]
type internal Words(f: PreparedFunc, constants: int64[], heat: HeatPlan) =
    /// No more operands than these, from the top, are anywhere but at home.
    static let most = 32

    let wanted = Dictionary<int64, int64>()

    let words = List<Word>()
    let offsets = List<int>()
    let stack = List<Operand>()
    let places = Words.Places f.Locals
    let pending = Array.zeroCreate<int> f.Locals.Length
    let mutable slot = 0
    let mutable ref = 0
    let mutable mostRefs = 0
    let mutable defined = -1
    let mutable branched = -1

    do
        for t in f.Locals do
            if t.IsRef then ref <- ref + 1 else slot <- slot + Words.Bytes t

        mostRefs <- ref

    let localSlots = slot
    let localRefs = ref
    let firstConstant = slot
    do slot <- slot + 8 * constants.Length

    static member Bytes(t: ValType) =
        if t.IsRef then 0
        elif t.IsVec then 16
        else 8

    /// Where locals are in their frame: bytes, or the number of a reference.
    static member Places(locals: ValType[]) : int[] =
        let mutable slot = 0
        let mutable ref = 0

        locals
        |> Array.map (fun t ->
            let at = if t.IsRef then ref else slot
            if t.IsRef then ref <- ref + 1 else slot <- slot + Words.Bytes t
            at)

    /// Bytes of all locals.
    member _.LocalBytes = localSlots
    member _.LocalRefs = localRefs
    member _.RefSlots = mostRefs
    /// Where operands begin.
    member _.FirstSlot = localSlots + 8 * constants.Length
    /// A frame never has more bytes than its units pay for: the 16 that every frame costs have room for constants and the scratch place.
    member _.Scratch = 8 * (f.FrameUnits - 16 + constants.Length)
    member w.FrameBytes = w.Scratch + 16
    static member MostConstants = 14
    /// How often words in loops asked for a constant that has no place, weighed by the loops around them.
    member _.Wanted = wanted
    /// Loops that are open.
    member val Loops = 0 with get, set
    /// Branches that have been written; where they go is known at the end.
    member val AllBranches = List<int>() with get
    /// Words that are sixteen bytes of data.
    member val Data = HashSet<int>() with get
    member _.Stack = stack
    member _.Slot = slot
    member _.Ref = ref
    member _.Count = words.Count
    member _.Words = words
    member _.Offsets = offsets
    /// Byte offset of the instruction that is being translated.
    member val At = 0 with get, set

    // ---- writing

    /// Constants get their places before anything else happens: at the function's entry, even where a loop begins there. Calls are counted before that.
    member _.Begin() =
        if words.Count = 0 then
            if not (isNull heat) then
                let mutable word = Word()
                word.Op <- uint16 IOp.Heat
                word.A <- heat.Calls
                words.Add word
                offsets.Add f.Code[0].Offset

            for k in 0 .. constants.Length - 1 do
                let mutable word = Word()
                word.Op <- uint16 IOp.Const
                word.A <- firstConstant + 8 * k
                word.Imm <- constants[k]
                words.Add word
                offsets.Add f.Code[0].Offset

    member w.Write(op: IOp, x: int, a: int, b: int, c: int) =
        w.Begin()
        let mutable word = Word()
        word.Op <- uint16 op
        word.X <- uint16 x
        word.A <- a
        word.B <- b
        word.C <- c
        words.Add word
        offsets.Add w.At
        words.Count - 1

    /// A word as it is, at which others may arrive; its index.
    member w.Append(word: Word) : int =
        w.Begin()
        words.Add word
        offsets.Add w.At
        w.Mark()
        words.Count - 1

    member w.Emit(op: IOp, a: int, b: int, c: int) = w.Write(op, 0, a, b, c) |> ignore

    member w.EmitWide(op: IOp, x: int, a: int, imm: int64) =
        w.Begin()
        let mutable word = Word()
        word.Op <- uint16 op
        word.X <- uint16 x
        word.A <- a
        word.Imm <- imm
        words.Add word
        offsets.Add w.At

    /// A branch's distance, from the word after it.
    member _.Aim(at: int, target: int) =
        if target = words.Count then
            branched <- -1

        let mutable word = words[at]
        word.C <- 16 * (target - at - 1)
        words[at] <- word

    /// The last result has another home now, or none: its word is no longer looked at.
    member _.Barrier() = defined <- -1

    /// Control may come here from elsewhere.
    member _.Mark() =
        defined <- -1
        branched <- -1

    // ---- operands

    member private _.Add(t: ValType, place: Place, value: int64) =
        stack.Add { Type = t; Place = place; Value = value; Slot = slot; Ref = ref }

        if t.IsRef then
            ref <- ref + 1
            mostRefs <- max mostRefs ref
        else
            slot <- slot + Words.Bytes t

    /// An operand at home; what writes it comes next or has come.
    member w.Push(t: ValType) = w.Add(t, Place.Home, 0L)

    member private w.Bounded() =
        let deep = stack.Count - 1 - most

        if deep >= 0 then
            w.Settle deep

    member w.PushLocal(index: int) =
        w.Add(f.Locals[index], Place.Local, int64 index)
        pending[index] <- pending[index] + 1
        w.Bounded()

    /// A local of type i32 plus a constant.
    member w.PushSum(index: int, constant: int) =
        w.Add(ValType.I32, Place.Sum, (int64 constant <<< 32) ||| int64 index)
        pending[index] <- pending[index] + 1
        w.Bounded()

    member w.PushConst(t: ValType, bits: int64) =
        w.Add(t, Place.Const, bits)
        w.Bounded()

    /// A local is asked for when the operand is.
    static member Reads(o: Operand) = o.Place = Place.Local || o.Place = Place.Sum

    static member Constant(sum: Operand) = int (sum.Value >>> 32)

    member _.Pop() : Operand =
        let o = stack[stack.Count - 1]
        stack.RemoveAt(stack.Count - 1)

        if Words.Reads o then
            pending[int o.Value] <- pending[int o.Value] - 1

        slot <- o.Slot
        ref <- o.Ref
        o

    member w.PopN n =
        for _ in 1..n do
            w.Pop() |> ignore

    /// Back to a label's height, with these operands at home.
    member w.Reset(height: int, types: ValType[]) =
        w.PopN(stack.Count - height)

        for t in types do
            w.Push t

    member _.LocalPlace index = places[index]

    /// The value, wherever it is, to a place of the same kind.
    member w.MoveTo(o: Operand, slot: int, ref: int) =
        if o.Type.IsRef then
            let from = if o.Place = Place.Local then places[int o.Value] else o.Ref

            if from <> ref then
                w.Emit(IOp.MoveRef, ref, from, 0)
        elif o.Place = Place.Const then
            w.EmitWide(IOp.Const, 0, slot, o.Value)
        elif o.Place = Place.Sum then
            w.Emit(IOp.I32AddK, slot, places[int o.Value], Words.Constant o)
        else
            let from = if o.Place = Place.Local then places[int o.Value] else o.Slot

            if from <> slot then
                w.Emit((if o.Type.IsVec then IOp.MoveVec else IOp.Move), slot, from, 0)

    /// Sends the operand home.
    member w.Settle(index: int) =
        let o = stack[index]

        if o.Place <> Place.Home then
            w.MoveTo(o, o.Slot, o.Ref)

            if Words.Reads o then
                pending[int o.Value] <- pending[int o.Value] - 1

            stack[index] <- { o with Place = Place.Home }

    /// Sends the topmost home.
    member w.SettleTop count =
        for k in stack.Count - min count (most + 1) .. stack.Count - 1 do
            if k >= 0 then
                w.Settle k

    member w.SettleAll() = w.SettleTop stack.Count

    /// Before a local is written: who still reads it.
    member w.Release(index: int) =
        if pending[index] > 0 then
            for k in max 0 (stack.Count - most - 1) .. stack.Count - 1 do
                if Words.Reads stack[k] && int stack[k].Value = index then
                    w.Settle k

    /// Where a popped number or vector is; a sum goes home, and so does a constant without a place.
    member w.From(o: Operand) =
        match o.Place with
        | Place.Local -> places[int o.Value]
        | Place.Sum ->
            w.Emit(IOp.I32AddK, o.Slot, places[int o.Value], Words.Constant o)
            o.Slot
        | Place.Const ->
            match System.Array.IndexOf(constants, o.Value) with
            | -1 ->
                if w.Loops > 0 then
                    let weight = 1L <<< (3 * min 8 w.Loops)
                    let found, before = wanted.TryGetValue o.Value
                    wanted[o.Value] <- if found then before + weight else weight

                w.EmitWide(IOp.Const, 0, o.Slot, o.Value)
                o.Slot
            | k -> firstConstant + 8 * k
        | _ -> o.Slot

    /// Where a popped operand of either kind is.
    member w.Place(o: Operand) = if o.Type.IsRef then w.FromRef o else w.From o

    /// Where the next operand of a type will be.
    member _.Next(t: ValType) = if t.IsRef then ref else slot

    /// Where the topmost operands, at home, begin: numbers, references.
    member _.First(count: int) : struct (int * int) =
        if count = 0 then
            struct (slot, ref)
        else
            let first = stack[stack.Count - count]
            struct (first.Slot, first.Ref)

    /// Where a popped reference is.
    member _.FromRef(o: Operand) = if o.Place = Place.Local then places[int o.Value] else o.Ref

    /// An instruction whose result, at A, is the new top.
    member w.DefineBy(op: IOp, x: int, b: int, c: int, t: ValType) =
        defined <- w.Write(op, x, slot, b, c)
        w.Push t

    member w.Define(op: IOp, b: int, c: int, t: ValType) = w.DefineBy(op, 0, b, c, t)

    /// Sixteen bytes as a second word.
    member w.EmitBytes(low: int64, high: int64) =
        w.Data.Add words.Count |> ignore
        let mutable word = Word()
        word.Op <- uint16 low
        word.X <- uint16 (low >>> 16)
        word.A <- int (low >>> 32)
        word.Imm <- high
        words.Add word
        offsets.Add w.At

    /// The last word written is one that `Define` wrote, and for this operand.
    member private _.Defines(o: Operand) =
        defined >= 0 && defined = words.Count - 1 && o.Place = Place.Home && not o.Type.IsRef && words[defined].A = o.Slot

    /// local.set: straight from the instruction that makes the value, where that is the last one.
    member w.SetLocal(index: int) =
        let o = w.Pop()
        let straight = w.Defines o
        let count = words.Count
        w.Release index

        if straight && words.Count = count then
            let mutable word = words[defined]
            word.A <- places[index]
            words[defined] <- word
        elif o.Place <> Place.Local || int o.Value <> index then
            w.MoveTo(o, places[index], places[index])

        defined <- -1

    /// A popped address as the sum that made it, taken back: how it is added up, and the two terms. Not when a term lies at `kept`: there
    /// something is put before the sum is used.
    member w.Sum(o: Operand, kept: int) : struct (bool * int * int) voption =
        let isSum =
            w.Defines o
            && ((words[defined].Op = uint16 IOp.I32Add && words[defined].C <> kept) || words[defined].Op = uint16 IOp.I32AddK)
            && words[defined].B <> kept

        if isSum then
            let word = words[defined]
            words.RemoveAt(words.Count - 1)
            offsets.RemoveAt(offsets.Count - 1)
            defined <- -1
            ValueSome(struct (word.Op = uint16 IOp.I32AddK, word.B, word.C))
        else
            ValueNone

    /// The charge of the block that begins here: by the branch before it, if control comes from there alone and the word has room.
    member w.Charge(gas: int64, poll: bool) =
        if not poll && branched >= 0 && branched = words.Count - 1 && gas <= 65535L then
            let mutable word = words[branched]
            word.X <- uint16 gas
            words[branched] <- word
            // A branch never ends a run by itself: the position is the charge's.
            offsets[branched] <- w.At
        else
            w.EmitWide((if poll then IOp.ChargePoll else IOp.Charge), 0, 0, gas)

        branched <- -1

    // ---- conditions

    static member private Inverse = [| 1; 0; 8; 9; 6; 7; 4; 5; 2; 3 |]

    /// i32.eqz of a comparison of integers turns it over.
    member _.TurnOver(o: Operand) =
        let between (low: IOp) count (op: IOp) = op >= low && int op < int low + count

        if defined >= 0 && defined = words.Count - 1 && o.Place = Place.Home && words[defined].A = o.Slot then
            let mutable word = words[defined]
            let op = LanguagePrimitives.EnumOfValue<uint16, IOp> word.Op

            let first = [ IOp.I32Eq; IOp.I32EqK; IOp.I64Eq; IOp.I64EqK ] |> List.tryFind (fun first -> between first 10 op)

            match first with
            | Some first ->
                word.Op <- uint16 (int first + Words.Inverse[int op - int first])
                words[defined] <- word
                true
            | None -> false
        else
            false

    /// A popped operand as a condition; the comparison that made it is taken back.
    member w.Condition(o: Operand) : Condition =
        let plain () = { Op = IOp.BrNz; A = w.From o; B = 0 }

        if w.Defines o then
            let word = words[defined]
            let op = LanguagePrimitives.EnumOfValue<uint16, IOp> word.Op

            let from (first: IOp) count (branch: IOp) =
                if op >= first && int op < int first + count then
                    ValueSome(LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 (int branch + int op - int first)))
                else
                    ValueNone

            let found =
                if op = IOp.I32Eqz then
                    ValueSome IOp.BrZ
                elif op = IOp.I64Eqz then
                    ValueSome IOp.BrI64EqK
                elif op = IOp.RefIsNull then
                    ValueSome IOp.BrNull
                else
                    from IOp.I32Eq 10 IOp.BrI32Eq
                    |> ValueOption.orElseWith (fun () -> from IOp.I32EqK 10 IOp.BrI32EqK)
                    |> ValueOption.orElseWith (fun () -> from IOp.I64Eq 10 IOp.BrI64Eq)
                    |> ValueOption.orElseWith (fun () -> from IOp.I64EqK 10 IOp.BrI64EqK)
                    |> ValueOption.orElseWith (fun () -> from IOp.F32Eq 6 IOp.BrF32Eq)
                    |> ValueOption.orElseWith (fun () -> from IOp.F64Eq 6 IOp.BrF64Eq)

            match found with
            | ValueSome branch ->
                words.RemoveAt(words.Count - 1)
                offsets.RemoveAt(offsets.Count - 1)
                defined <- -1
                { Op = branch; A = word.B; B = (if op = IOp.I64Eqz then 0 else word.C) }
            | ValueNone -> plain ()
        else
            plain ()

    /// Branches if the condition is so: the word, to be aimed.
    member w.Branch(c: Condition, whenTrue: bool) : int =
        let op =
            if whenTrue then
                c.Op
            else
                let turned (first: IOp) = int first + Words.Inverse[int c.Op - int first]
                let inside (first: IOp) count = c.Op >= first && int c.Op < int first + count

                let op =
                    match c.Op with
                    | IOp.BrNz -> int IOp.BrZ
                    | IOp.BrZ -> int IOp.BrNz
                    | IOp.BrNull -> int IOp.BrNonNull
                    | IOp.BrNonNull -> int IOp.BrNull
                    | _ when inside IOp.BrI32Eq 10 -> turned IOp.BrI32Eq
                    | _ when inside IOp.BrI32EqK 10 -> turned IOp.BrI32EqK
                    | _ when inside IOp.BrI64Eq 10 -> turned IOp.BrI64Eq
                    | _ when inside IOp.BrI64EqK 10 -> turned IOp.BrI64EqK
                    // Floats: not so, which is no other comparison.
                    | _ -> int c.Op + 6

                LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 op)

        branched <- w.Write(op, 0, c.A, c.B, 0)
        w.AllBranches.Add branched
        branched

    /// The same without a condition.
    member w.BranchAlways() : int =
        let at = w.Write(IOp.Br, 0, 0, 0, 0)
        w.AllBranches.Add at
        at
