namespace Twofold.Wasm.Compiler

// A RyuJIT bug and how compiled code stays clear of it: what may be a rotation, followed along the control flow.
// In: opcodes, and the places where values meet while a function is lowered. Out: marks on nodes; a comparison of a marked one goes through memory.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

/// RyuJIT (of .NET 10.0) believes that a rotation by a constant sets the flags, and leaves out the test when its result is compared with zero:
/// `rol edx, 19; je` branches on older flags. So what the JIT may see as a rotation is compared only after a way through memory.
/// That is a rotation's result, `or` and `xor` of a left and a right shift, and whatever arithmetic could fold to one of these operands. Locals
/// have the marks of what reaches them, results of blocks of all that they are assigned (see MarkFlow).
module internal Rotations =
    [<Literal>]
    let Rotated = 1

    [<Literal>]
    let Left = 2

    [<Literal>]
    let Right = 4

    let private isRotation (o: Op) = o = 0x77us || o = 0x78us || o = 0x89us || o = 0x8Aus
    let private isLeft (o: Op) = o = 0x74us || o = 0x86us
    let private isRight (o: Op) = o = 0x76us || o = 0x88us
    let private joins (o: Op) = o = 0x72us || o = 0x73us || o = 0x84us || o = 0x85us

    /// Comparisons and counts of bits are not their operands, whatever is folded.
    let private hides (o: Op) = (o >= 0x45us && o <= 0x69us) || (o >= 0x79us && o <= 0x7Bus)

    /// A function without these has nothing to mark.
    let any (f: PreparedFunc) =
        let has (test: Op -> bool) = f.Code |> Array.exists (fun i -> test i.Op)
        has isRotation || (has isLeft && has isRight && has joins)

    let unary (o: Op) (a: int) = if hides o then 0 else a

    let binary (o: Op) (a: int) (b: int) =
        if hides o then
            0
        else
            let own =
                if isRotation o then Rotated
                elif isLeft o then Left
                elif isRight o then Right
                else 0

            let meets = (a &&& Left <> 0 && b &&& Right <> 0) || (a &&& Right <> 0 && b &&& Left <> 0)
            a ||| b ||| own ||| (if meets && joins o then Rotated else 0)

/// Marks along the control flow of one function. Loops need what their ends say: lowering runs again until nothing is new, a few times at
/// most; then everything is marked.
[<Sealed>]
type internal MarkFlow(active: bool, locals: int, size: int) =
    let atLabel = Dictionary<int, byte[]>()
    let ofSlot = Dictionary<int64, int>()
    let mutable current = Array.zeroCreate<byte>(if active then locals else 0)
    let mutable reached = true
    let mutable changed = false
    let mutable passes = 0
    // A giant's flow would cost more than its comparisons.
    let mutable all = active && int64 locals * int64 size > 64_000_000L

    /// More to find: lower again.
    member _.Again =
        passes <- passes + 1

        if changed && passes >= 4 then
            all <- true

        changed

    member _.Start() =
        Array.Clear current
        reached <- true
        changed <- false

    member _.Local i =
        if all then 7
        elif active then int current[i]
        else 0

    member _.Assign(i, marks: int) =
        if active && not all then
            current[i] <- byte marks

    member _.Slot(variable: int64) =
        if all then
            7
        else
            match ofSlot.TryGetValue variable with
            | true, m -> m
            | _ -> 0

    member this.Collect(variable: int64, marks: int) =
        if active && not all && marks &&& ~~~(this.Slot variable) <> 0 then
            ofSlot[variable] <- this.Slot variable ||| marks
            changed <- true

    member _.Branch(label: int, always: bool) =
        if active && not all && reached then
            match atLabel.TryGetValue label with
            | true, seen ->
                for k in 0 .. locals - 1 do
                    if current[k] &&& ~~~seen[k] <> 0uy then
                        seen[k] <- seen[k] ||| current[k]
                        changed <- true
            | _ ->
                atLabel[label] <- Array.copy current
                changed <- changed || Array.exists ((<>) 0uy) current

            reached <- not always

    member _.Label(label: int) =
        if active && not all then
            match atLabel.TryGetValue label with
            | true, seen when reached ->
                for k in 0 .. locals - 1 do
                    current[k] <- current[k] ||| seen[k]
            | true, seen -> current <- Array.copy seen
            | _ when reached -> ()
            | _ -> Array.Clear current

            reached <- true
