namespace Twofold.Wasm.Interpreter

// The words of a function once more: dispatches that nobody needs.
// In: words, and where their branches are. Out: the same words in the same places, some with other operations that do the same and more at once.

open Twofold.Wasm

module internal Fuse =
    let private opOf (word: Word) = LanguagePrimitives.EnumOfValue<uint16, IOp> word.Op

    /// Branches to a charge pay it themselves and go on behind it. An end has the position of the charge, as before.
    let branches (words: Word[]) (all: seq<int>) =
        for at in all do
            let target = at + 1 + words[at].C / 16

            if target < words.Length then
                match opOf words[target] with
                | IOp.Charge
                | IOp.ChargePoll ->
                    let paying =
                        match opOf words[at] with
                        | IOp.Br -> ValueSome(int IOp.PayBr)
                        | IOp.BrNz -> ValueSome(int IOp.PayBrNz)
                        | IOp.BrZ -> ValueSome(int IOp.PayBrZ)
                        | op when op >= IOp.BrI32Eq && op <= IOp.BrNotF64Ge -> ValueSome(int op - int IOp.BrI32Eq + int IOp.PayBrI32Eq)
                        | _ -> ValueNone

                    match paying with
                    | ValueSome op -> words[at].Op <- uint16 op
                    | ValueNone -> ()
                | _ -> ()

    // ---- vector instructions and pairs: handlers of their own

    /// Vector instructions are one operation of the loop; by their numbers they come after IOp.Count.
    let private firstVector = int IOp.Count + 1
    let private firstPair = firstVector + InterpVec.Most

    /// Neighbours that the kernels' loops execute most, counted. The words stay as they are, but the first one's operation says that the second is
    /// executed too; the loop takes each by itself.
    let private pairs: (IOp * IOp)[] = [|
        IOp.I32AddK, IOp.I32AddK
        IOp.F64Mul, IOp.F64Add
        IOp.Move, IOp.Move
        IOp.I32AddK, IOp.PayBrI32Ne
        IOp.Move, IOp.I32AddK
        IOp.I64ShrUK, IOp.I64Xor
        IOp.I32AddK, IOp.PayBrNz
        IOp.I32AddK, IOp.Load32
        IOp.Load32, IOp.Load32
        IOp.I32Add, IOp.I32AddK
        IOp.Load64, IOp.Load64
        IOp.Store8K, IOp.I32Add
        IOp.I32LtU, IOp.Select
        IOp.I64Xor, IOp.Store64
        IOp.Store64, IOp.I32AddK
        IOp.F32Mul, IOp.F32Add
        IOp.I64Mul, IOp.I64ShrUK
        IOp.Store32, IOp.I32AddK
        IOp.I32AddK, IOp.Move
        IOp.I64Add, IOp.Store64K
        IOp.I32AddK, IOp.Load64
        IOp.Move, IOp.PayBrZ
        IOp.Move, IOp.PayBr
        IOp.I32ShlK, IOp.Load32K
        IOp.I64ShlK, IOp.I64Xor
        IOp.V128Load, IOp.V128Load
        IOp.V128Store, IOp.I32AddK
        IOp.Move, IOp.Store32
        IOp.Load32, IOp.Move
        IOp.I32RotlK, IOp.I32Xor
        IOp.I32AddK, IOp.PayBrI32NeK
        IOp.I64Xor, IOp.I64Mul
        IOp.F64Add, IOp.F64Mul
        IOp.F64Sub, IOp.F64Add
        IOp.I32AddK, IOp.V128Load
        IOp.F64Add, IOp.I32Add
        IOp.Load64, IOp.F64Mul
        IOp.Load64K, IOp.Load64Add
        IOp.Load8UI32K, IOp.I32Mul
        IOp.I32AddK, IOp.I32ShrUK
        IOp.I64Add, IOp.Return64
        IOp.I32WrapI64, IOp.I32ShlK
        IOp.I32ShlK, IOp.I32AddK
        IOp.F64Add, IOp.Store64
        IOp.I32AddK, IOp.I32ShlK
        IOp.Load32K, IOp.Load32K
        IOp.Load8UI32K, IOp.I32Ne
        IOp.I32Add, IOp.I32LtU
        IOp.Load32, IOp.I32AddK
        IOp.Load8UI32K, IOp.Load8UI32K
        IOp.Load32, IOp.Load32K
    |]

    let private numbers =
        let known = System.Collections.Generic.Dictionary<struct (IOp * IOp), int>()
        pairs |> Array.iteri (fun k (a, b) -> known[struct (a, b)] <- firstPair + k)
        known

    /// The numbers of all pairs.
    let pairNumbers = [ firstPair .. firstPair + pairs.Length - 1 ]

    /// The operations of a number; for a vector instruction which, else -1.
    let operations (number: int) : struct (IOp * int) list =
        if number < int IOp.Count then
            [ struct (LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 number), -1) ]
        elif number >= firstVector && number < firstPair then
            [ struct (IOp.Vec, number - firstVector) ]
        else
            match Array.tryItem (number - firstPair) pairs with
            | Some(a, b) -> [ struct (a, -1); struct (b, -1) ]
            | None -> []

    /// First operations, by number less IOp.Count.
    let firsts: uint16[] = [|
        uint16 IOp.Exit
        for _ in 1 .. InterpVec.Most do
            uint16 IOp.Vec
        for a, _ in pairs do
            uint16 a
    |]

    /// Operations that have handlers of their own get them. `data` are words that are no instructions.
    let handlers (words: Word[]) (data: System.Collections.Generic.HashSet<int>) =
        let isStart at = words[at].Op <> uint16 IOp.Exit && not (data.Contains at)
        let mutable at = 0

        while at < words.Length do
            if isStart at then
                let mutable number = 0

                if opOf words[at] = IOp.Vec then
                    if int words[at].X < InterpVec.Most then
                        words[at].Op <- uint16 (firstVector + int words[at].X)
                elif
                    at + 1 < words.Length && isStart (at + 1) && numbers.TryGetValue(struct (opOf words[at], opOf words[at + 1]), &number)
                then
                    words[at].Op <- uint16 number
                    at <- at + 1

            at <- at + 1
