namespace Twofold.Wasm

// Our own engines' instances behind IWasmEngine: one store and one instance for each IWasmInstance, so that resetting touches nothing shared.
// In: a module's code (compiled or interpreted), settings, runs. Out: how runs ended; every exception on the way is turned into an end or a fault here.

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Threading
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler

/// Turns what escapes from a guest's code into how a run ended.
module internal Ending =
    let ofException (e: exn) : RunEnd =
        match e with
        | :? TrapException as t -> RunEnd.Trapped { Code = t.Code; A = t.A; B = t.B; C = t.C; Detail = t.Detail }
        | :? UncaughtException as u -> RunEnd.Uncaught { Tag = u.Tag.Index; Name = u.Tag.Name; Values = u.Exception.GetValues() }
        | :? OutOfGasException -> RunEnd.OutOfGas
        | :? StackExhaustedException -> RunEnd.StackExhausted
        | :? HostMemoryException
        | :? OutOfMemoryException -> RunEnd.Fault(EngineFault.HostMemory e.Message)
        | :? HostFunctionException -> RunEnd.Fault(EngineFault.HostFunction e.Message)
        | :? GuestInterruptedException -> RunEnd.Fault EngineFault.Cancelled
        | e -> RunEnd.Fault(EngineFault.Bug $"{e.GetType().Name}: {e.Message}")

type internal OwnInstance(store: StoreData, instance: InstanceData) =
    let mutable clean = true
    let mutable last = RunEnd.Returned [||]

    let run (s: RunSettings) (entry: unit -> Value[]) : RunResult =
        if not clean then
            invalidOp "an instance is reset between runs"

        store.Begin(s.Gas, s.StackUnits)
        store.Data <- s.Data
        clean <- false

        if not (isNull store.Interp) then
            store.Interp.Begin()

        let epoch = store.Epoch
        let watch = Watch.start store s.Deadline

        use _cancel =
            if s.Cancellation.CanBeCanceled then
                s.Cancellation.Register(fun () -> store.Interrupt("cancelled", epoch))
            else
                Unchecked.defaultof<CancellationTokenRegistration>

        let ending =
            try
                Link.initialise instance (fun start -> Link.call start [||] |> ignore)
                RunEnd.Returned(entry ())
            with e ->
                Ending.ofException e

        let ending =
            match ending with
            | RunEnd.Fault EngineFault.Cancelled when not (isNull watch) && watch.Late -> RunEnd.Fault(EngineFault.Deadline s.Deadline)
            | ending -> ending

        last <- ending
        Watch.stop watch
        store.Data <- null

        {
            End = ending
            GasUsed =
                match ending with
                | RunEnd.OutOfGas -> s.Gas
                | _ -> s.Gas - store.Gas
        }

    interface IWasmInstance with
        member _.Run(s: RunSettings) =
            match Link.findExport instance s.Entry with
            | ValueSome(Extern.Func f) ->
                match Link.checkArguments s.Entry f s.Arguments with
                | ValueSome e -> Error e
                | ValueNone -> Ok(run s (fun () -> Link.call f s.Arguments))
            | other -> Error(Link.noExport instance s.Entry "a function" other)

        member _.RunCalls(s: RunSettings, calls: Func<Guest, Value[]>) =
            run s (fun () ->
                store.CallsFromHost instance
                calls.Invoke store.Guest)

        member _.Digests() =
            use memories = new MemoryDigest()

            for m in instance.Memories do
                memories.Memory(m.Base, m.Length)

            use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
            let word = Array.zeroCreate<byte> 8
            let types = (instance.Code :?> ModuleCode).Valid.GlobalTypes

            for g in 0 .. types.Length - 1 do
                if not types[g].Value.IsRef then
                    let cell = Link.globalAddress instance g
                    BinaryPrimitives.WriteInt64LittleEndian(Span word, Marshal.ReadInt64 cell)
                    hash.AppendData word

                    if types[g].Value.IsVec then
                        BinaryPrimitives.WriteInt64LittleEndian(Span word, Marshal.ReadInt64(cell + 8n))
                        hash.AppendData word

            {
                Memory = memories.Done()
                Globals = hash.GetHashAndReset()
                MemoryBytes = instance.Memories |> Array.sumBy (fun m -> int64 m.Length)
            }

        member _.ResetDigest() =
            use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
            let word = Array.zeroCreate<byte> 8

            let add (v: uint64) =
                BinaryPrimitives.WriteUInt64LittleEndian(Span word, v)
                hash.AppendData word

            for t in instance.Tables do
                add t.Length

                // What call_indirect reads, and what holds the references.
                let mutable i = 0UL

                while i < t.Length do
                    add (uint64 (uint32 (t.TypeAt i)) * 2UL + (if isNull (t.Get i) then 0UL else 1UL))
                    i <- i + 1UL

            add (uint64 instance.Elems.Length)

            for e in instance.Elems do
                add (uint64 e.Length)

            add (uint64 instance.Datas.Length)

            for d in instance.Datas do
                add (uint64 d.Length)

            for g in instance.RefGlobals do
                add (if isNull g || isNull g.Value then 0UL else 1UL)

            hash.GetHashAndReset()

        // Compiled code keeps no position: reading one back would cost each trap.
        member _.Where() = (instance.Code :?> ModuleCode).Where(store, last)

        member _.Reset() =
            if not clean then
                Link.clear instance
                clean <- true

        member _.Dispose() = store.Dispose()

    interface IInspectable with
        member _.MemorySizes = instance.Memories |> Array.map _.Length

        member _.ReadMemory(memory, address, into: Span<byte>) =
            Span<byte>.op_Implicit(instance.Memories[memory].Span(address, uint32 into.Length)).CopyTo into

        member _.Global index =
            let valid = (instance.Code :?> ModuleCode).Valid
            let t = valid.Types.Canonical valid.GlobalTypes[index].Value

            if t.IsRef then
                let cell = instance.RefGlobals[index]
                Value.Ref(Thunks.kindOf t, (if isNull cell then null else cell.Value))
            else
                let cell = Link.globalAddress instance index
                let high = if t.IsVec then uint64 (Marshal.ReadInt64(cell + 8n)) else 0UL
                Value.FromBits(Thunks.kindOf t, uint64 (Marshal.ReadInt64 cell), high)

        member _.TableSizes = instance.Tables |> Array.map _.Length

        member _.TableEntry(table, index) =
            let t = instance.Tables[table]
            Value.Ref(Thunks.kindOf (ValType t.ElementType), t.Get index)

        member _.DataSizes = instance.Datas |> Array.map _.Length
        member _.ElemSizes = instance.Elems |> Array.map _.Length
        member _.GasWanted = store.GasWanted

        member _.Callers =
            match last with
            | RunEnd.OutOfGas -> (instance.Code :?> ModuleCode).Callers store
            | _ -> [||]

type internal OwnModule(code: ModuleCode) =
    interface IWasmModule with
        member _.Module = code.Valid

        member _.Instantiate(s: InstanceSettings) =
            let l = s.Limits
            let store = new StoreData(Int64.MaxValue, l.StackUnits, l.MemoryBytes, l.TableEntries, s.ReentryDepth, l.GcBytes)
            store.Rooted.Add code

            let host import name id (f: HostImport) =
                if Thunks.fitsWords f.Type then
                    Ok(Link.hostRaw store name id f.Type f.Function)
                else
                    Error(Link.beyondWords import f.Type)

            let find = Link.supplied code.Valid s (Link.newMemory store) host

            let made =
                match Link.resolve code.Valid find with
                | Error e -> Error e
                | Ok imports -> Link.allocate store code imports

            match made with
            | Ok instance ->
                Link.allowCallbacks instance

                Ok(new OwnInstance(store, instance) :> IWasmInstance)
            | Error e ->
                store.Dispose()
                Error e

    interface IDisposable with
        // Code is freed by the collector once no instance holds it.
        member _.Dispose() = ()
