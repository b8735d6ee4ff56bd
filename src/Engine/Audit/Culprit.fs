namespace Twofold.Engine.Audit

// Which code it was: a charge pays for a basic block, but the caller's code after a call runs on what was paid before the call.
// In: the charge that was refused last, the calls around it. Out: the place that runs when it is paid and in which something can be seen.
//
//     (func $f (call $g) (i32.store ...))      charge 1 of $f pays for the call and for the store
//     (func $g (loop ... br_if) (nop))         the last charge of $g pays for nothing that can be seen: the store is what shows

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal Culprit =
    /// Whether an instruction can change what an audit sees; `trapped`: an end by a trap is to be explained.
    let private isVisible (valid: ValidModule) (trapped: bool) (i: Instr) =
        let name = (Opcodes.info i.Op).Name
        let has (part: string) = name.Contains(part, StringComparison.Ordinal)

        let changes =
            has ".store"
            || has ".set"
            || has ".grow"
            || has ".fill"
            || has ".copy"
            || has ".init"
            || has ".drop"
            || has "atomic"
            || name.StartsWith("throw", StringComparison.Ordinal)
            || name = "unreachable"

        // Variables of a function are seen by nobody else.
        (changes && not (has "local."))
        || (i.Op = Op.Call && i.A < valid.ImportedFuncs)
        || (trapped
            && (has "load"
                || has "div"
                || has "rem"
                || has "trunc"
                || has "cast"
                || has ".get" && not (has "local.") && not (has "global.")))

    /// Goes through the code that runs when a block is paid for, up to the next charge. The block itself is it, unless nothing in it can be seen and it
    /// ends its function: then the caller's code after the call is, and so on. `exactly`: it is the block itself in any case.
    let find (valid: ValidModule) (exactly: bool) (trapped: bool) (at: CodePosition) (callers: CodePosition list) : CodePosition =
        let code (p: CodePosition) = (Prepare.func valid (p.Function - valid.ImportedFuncs)).Code

        /// None: the function ends before anything can be seen.
        let rec look (code: Instr[]) i =
            if i >= code.Length then
                None
            else
                match code[i].Op with
                | Op.Charge -> Some()
                | Op.Return -> None
                | Op.Call
                | Op.CallIndirect
                | Op.CallRef when not (isVisible valid trapped code[i]) -> Some()
                | _ when isVisible valid trapped code[i] -> Some()
                // A branch that leaves for a label: what follows begins a block.
                | Op.Br
                | Op.BrTable
                | Op.ReturnCall
                | Op.ReturnCallIndirect
                | Op.ReturnCallRef -> Some()
                | _ -> look code (i + 1)

        let rec up (callers: CodePosition list) =
            match callers with
            | [] -> at
            | caller :: rest ->
                let code = code caller

                match code |> Array.tryFindIndex (fun i -> i.Offset = caller.Offset && i.Op <> Op.Charge && i.Op <> Op.Enter) with
                | None -> at
                | Some call ->
                    match look code (call + 1) with
                    | Some() -> { caller with Offset = (if call + 1 < code.Length then code[call + 1].Offset else caller.Offset) }
                    | None -> up rest

        if at.Function < valid.ImportedFuncs then
            at
        else
            let own = code at

            match own |> Array.tryFindIndex (fun i -> i.Op = Op.Charge && i.Offset = at.Offset) with
            // An instruction with a price of its own.
            | None -> at
            | Some charge ->
                // The charge of an arm or a loop has the offset of the `if` or `loop` before it.
                let first = if charge + 1 < own.Length then { at with Offset = own[charge + 1].Offset } else at

                if exactly || (look own (charge + 1)).IsSome then
                    first
                else
                    let found = up callers
                    if found = at then first else found
