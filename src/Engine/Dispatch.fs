namespace Twofold.Engine

// From a guest's call to an effect and back: one function for every row of the ABI table.
// In: a row, the guest's raw arguments and memory. Out: the row's result; gas is charged, bounds are checked, the effect is journaled.
//
// The order is part of the ABI, because each step can end the run:
//   1 charge the base price and the argument bytes     2 make room in the journal (traps)      3 read the arguments (traps)
//   4 decode them (fails)                              5 charge what the effect looks at       6 perform and journal it (fails)
//   7 charge the reply's bytes                         8 write the reply (traps)

open System
open Twofold.Wasm
open Twofold.HostAbi

module internal Dispatch =
    let private outside (fault: MemoryFault) =
        TrapException(TrapCode.HostRangeOutOfBounds, uint64 fault.Address, fault.Length, fault.MemoryBytes)

    let private orTrap result =
        match result with
        | Ok value -> value
        | Error fault -> raise (outside fault)

    /// An i32 function's result travels zero-extended.
    let private bits (row: AbiRow) (result: uint64) =
        match row.Result with
        | Some AbiType.I64 -> result
        | Some AbiType.I32 -> result &&& 0xFFFF_FFFFUL
        | None -> 0UL

    let private fail (run: RunContext) (code: HostErrorCode) =
        run.LastError <- HostErrorCode.number code
        0UL

    let private answered (run: RunContext) (result: Result<uint64, HostErrorCode>) =
        match result with
        | Ok value ->
            run.LastError <- 0
            value
        | Error code -> fail run code

    let private effect (row: AbiRow) kind (run: RunContext) (guest: Guest) (memory: IGuestMemory) (args: uint64[]) =
        let size = Marshal.inputBytes row args
        guest.Charge(Schedule.before row.Price size 0UL)
        Interpreter.reserve run size
        let inputs = Marshal.inputs row memory args |> orTrap

        match Call.decode kind inputs with
        | Error code -> fail run code
        | Ok effect ->
            let items = Decide.weight run.Call run.View run.Draft effect

            if items > 0UL then
                guest.Charge(Schedule.before { row.Price with Base = 0L } 0UL items)

            match Interpreter.perform run guest.GasLeft effect with
            | Error code -> fail run code
            | Ok reply ->
                guest.Charge(Schedule.after row.Price (Marshal.outputBytes row args reply))
                let result = Marshal.output row memory args reply |> orTrap

                match reply with
                | Reply.Code code -> run.LastCode <- code
                | _ when row.Module = "cis" -> run.LastCode <- 0
                | _ -> run.LastError <- 0

                bits row result

    let private context (guest: Guest) =
        match guest.Data with
        | :? RunContext as run -> run
        | _ -> invalidOp "a host function of the ABI was called outside a run of the engine"

    /// The function behind a row.
    let private handler (row: AbiRow) : HostFunction =
        HostFunction(fun guest arguments ->
            let run = context guest
            let args = arguments.ToArray()
            let memory = LentMemory guest :> IGuestMemory

            match row.Action with
            | RowAction.Yields(EffectKind.Wasi f) -> WasiDispatch.call f row.Price run guest args
            | RowAction.Yields kind -> effect row kind run guest memory args
            | RowAction.LastError ->
                guest.Charge row.Price.Base
                uint64 (uint32 run.LastError)
            | RowAction.LastCode ->
                guest.Charge row.Price.Base
                uint64 (uint32 run.LastCode)
            | RowAction.Abort ->
                guest.Charge row.Price.Base
                let message = Marshal.scriptText memory (uint32 args[0])
                let file = Marshal.scriptText memory (uint32 args[1])
                let line, column = args[2] &&& 0xFFFF_FFFFUL, args[3] &&& 0xFFFF_FFFFUL
                raise (TrapException(TrapCode.Aborted, line, column, 0UL, $"{message} ({file}:{line}:{column})"))
            | RowAction.Allocate ->
                guest.Charge row.Price.Base
                Heap.allocate run memory args[0] |> answered run
            | RowAction.Free ->
                guest.Charge row.Price.Base
                Heap.free run memory args[0] |> answered run
            | RowAction.Memory -> invalidOp "a memory is not called")

    /// The type of a row's function.
    let functionType (row: AbiRow) : FuncType =
        let valType t =
            match t with
            | AbiType.I32 -> ValType.I32
            | AbiType.I64 -> ValType.I64

        {
            Params = row.Params |> List.map (fun p -> valType p.Type) |> Array.ofList
            Results = row.Result |> Option.map valType |> Option.toArray
        }

    /// A function that the host registered. Its closure knows its name only: instances serve any run that grants the same.
    let registered (signature: HostSignature) : HostImport = {
        Module = signature.Module
        Name = signature.Name
        Type = signature.Type
        Function =
            HostFunction(fun guest arguments ->
                let bits = HostLink.call (context guest) guest signature (List.ofArray (arguments.ToArray()))

                match signature.Type.Results with
                | [| t |] when t = ValType.I32 || t = ValType.F32 -> bits &&& 0xFFFF_FFFFUL
                | _ -> bits)
    }

    /// Every function of the table, ready to be linked.
    let functions: (AbiRow * HostImport) list =
        AbiTable.all
        |> List.filter (fun row -> row.Action <> RowAction.Memory)
        |> List.map (fun row -> row, { Module = row.Module; Name = row.Name; Type = functionType row; Function = handler row })
