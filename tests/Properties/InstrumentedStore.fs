namespace Twofold.Instrumented

// Instrumented modules executed by our own compiled engine as if it were a stranger: its gas and its stack are without limit, and of its traps only those are
// believed that the table of InstrumentedModule lets through. So the encoding is proved without a native library.
// In: valid modules, imports, limits. Out: how calls ended, by what the modules left in the store's globals.

open System
open System.Runtime.InteropServices
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler
open Twofold.Wasm.Instrument

/// A module written and compiled once, for any number of stores.
type Prepared internal (valid: ValidModule, written: InstrumentedModule, code: CompiledCode) =
    member _.Valid = valid
    member internal _.Written = written
    member internal _.Code = code

    static member internal Make(valid: ValidModule, options: InstrumentOptions) : Result<Prepared, Rejected> =
        // Where the code itself makes NaNs canonical, whoever executes it must not.
        Prepared.Make(valid, options, (if options.Nan = NanMode.Native then NanPolicy.OnEscape else NanPolicy.Never))

    static member internal Make(valid: ValidModule, options: InstrumentOptions, nan: NanPolicy) : Result<Prepared, Rejected> =
        match Instrument.modul valid options with
        | Error e -> Error e
        | Ok written ->
            let limits = { WasmLimits.Host with MemoryBytes = Int64.MaxValue; TableEntries = Int64.MaxValue }

            match Decode.run limits Features.All written.Bytes |> Result.bind (Validate.run limits Features.All) with
            | Error e -> failwith $"an instrumented module is not valid: {e}"
            | Ok again -> Ok(Prepared(valid, written, CompiledCode(again, nan)))

/// An instance, and what of it the host knows.
type Live internal (prepared: Prepared, inner: InstanceData) =
    member _.Prepared = prepared
    member internal _.Inner = inner

    member internal _.Find(name: string) = Link.findExport inner name

    member internal this.Global(index: int) : GlobalCell =
        match this.Find prepared.Written.Globals[index] with
        | ValueSome(Extern.Global g) -> g
        | _ -> failwith $"global {index} is not exported"

    /// What a global of the module holds.
    member this.Value(index: int) : Value =
        let cell = this.Global index
        let kind = Thunks.kindOf cell.Type.Value

        if cell.Type.Value.IsRef then
            Value.Ref(kind, References.outward cell.Type.Value cell.Ref.Value)
        else
            let high = if cell.Type.Value.IsVec then uint64 (Marshal.ReadInt64(cell.Address + 8n)) else 0UL
            Value.FromBits(kind, uint64 (Marshal.ReadInt64 cell.Address), high)

/// One store: the imported globals and the instances that share them.
/// `memory`: what the executing engine itself allows.
type InstrumentedStore(limits: WasmLimits, gas: int64, units: int, reentry: int, memory: int64) =
    // The logical stack and gas of whoever executes are none of ours.
    let store =
        new Store(
            StoreOptions()
                .WithStackUnits(Int32.MaxValue)
                .WithMemoryLimit(memory)
                .WithTableLimit(limits.TableEntries)
                .WithReentryDepth(Int32.MaxValue)
                .WithGcLimit(1L <<< 50)
        )

    let mut value = Global(store, value, true)

    let cells =
        dict [
            StoreGlobal.Gas, mut (Value.I64 gas)
            StoreGlobal.Stack, mut (Value.I32 units)
            StoreGlobal.Reason, mut (Value.I32 0)
            StoreGlobal.A, mut (Value.I64 0L)
            StoreGlobal.B, mut (Value.I64 0L)
            StoreGlobal.C, mut (Value.I64 0L)
            StoreGlobal.Objects, mut (Value.I64 0L)
            StoreGlobal.ObjectsLimit, Global(store, Value.I64 limits.GcBytes, false)
            StoreGlobal.Pages, mut (Value.I64 0L)
            StoreGlobal.Entries, mut (Value.I64 0L)
        ]

    let get (g: StoreGlobal) = int64 cells[g].Value.Bits
    let set (g: StoreGlobal) (v: int64) = cells[g].Value <- Value.I64 v
    let setStack (n: int) = cells[StoreGlobal.Stack].Value <- Value.I32 n

    let budgets () =
        set StoreGlobal.Pages (limits.MemoryBytes / 65536L - int64 store.Inner.CountedPages)
        set StoreGlobal.Entries (limits.TableEntries - (store.Inner.Tables |> Seq.sumBy (fun t -> int64 t.Length)))

    let reason () = int cells[StoreGlobal.Reason].Value.Bits

    let numbers code : Trap = {
        Code = enum code
        A = uint64 (get StoreGlobal.A)
        B = uint64 (get StoreGlobal.B)
        C = uint64 (get StoreGlobal.C)
        Detail = null
    }

    let plain (code: TrapCode) : Trap = { Code = code; A = 0UL; B = 0UL; C = 0UL; Detail = null }

    /// The table of InstrumentedModule.
    let ending (t: TrapException) : RunEnd =
        match t.Code, reason () with
        | TrapCode.Unreachable, Reason.OutOfGas -> RunEnd.OutOfGas
        | TrapCode.Unreachable, Reason.StackExhausted -> RunEnd.StackExhausted
        | TrapCode.Unreachable, Reason.HostMemory -> RunEnd.Fault(EngineFault.HostMemory "the engine did not grow")
        | TrapCode.Unreachable, 0 -> RunEnd.Trapped(plain TrapCode.Unreachable)
        | TrapCode.Unreachable, code -> RunEnd.Trapped(numbers code)
        | (TrapCode.IntegerDivideByZero | TrapCode.IntegerOverflow | TrapCode.InvalidConversionToInteger | TrapCode.NullReference | TrapCode.CastFailure),
          0 -> RunEnd.Trapped(plain t.Code)
        | (TrapCode.UninitializedElement | TrapCode.IndirectCallTypeMismatch), 0 ->
            RunEnd.Trapped { plain t.Code with A = uint64 (get StoreGlobal.A) }
        // What host functions end a run with.
        | (TrapCode.HostRangeOutOfBounds | TrapCode.ReentryTooDeep | TrapCode.Aborted), _ ->
            RunEnd.Trapped { Code = t.Code; A = t.A; B = t.B; C = t.C; Detail = t.Detail }
        | code, reason -> RunEnd.Fault(EngineFault.Bug $"the engine met {code} itself (reason {reason}): {t.Message}")

    let call (run: unit -> Value[]) : RunEnd =
        try
            RunEnd.Returned(run ())
        with
        | :? TrapException as t -> ending t
        | :? UncaughtException as u -> RunEnd.Uncaught { Tag = u.Tag.Index; Name = u.Tag.Name; Values = u.Exception.GetValues() }
        | :? OutOfGasException -> RunEnd.OutOfGas
        | :? StackExhaustedException as e -> RunEnd.Fault(EngineFault.Bug $"the engine's own stack: {e.Message}")

    let mutable depth = 0

    new(limits: WasmLimits, gas, units, reentry) = new InstrumentedStore(limits, gas, units, reentry, limits.MemoryBytes)

    member _.Inner = store
    member _.GasUsed = gas - get StoreGlobal.Gas

    /// Before a call from outside.
    member private _.Enter() =
        setStack units
        cells[StoreGlobal.Reason].Value <- Value.I32 0

    /// What host functions see.
    member _.Guest(inner: Guest) : Guest = {
        new Guest() with
            member _.Data = inner.Data
            member _.MemorySize = inner.MemorySize
            member _.Slice(address, length) = inner.Slice(address, length)
            member _.GasLeft = get StoreGlobal.Gas

            member _.Charge gas =
                if get StoreGlobal.Gas < gas then
                    set StoreGlobal.Gas 0L
                    raise (OutOfGasException gas)

                set StoreGlobal.Gas (get StoreGlobal.Gas - gas)

            // The inner store has the same limits.
            member _.GrowMemory pages =
                let old = inner.GrowMemory pages
                budgets ()
                old

            member _.Call(export, arguments) =
                if depth >= reentry then
                    raise (TrapException(TrapCode.ReentryTooDeep, uint64 depth))

                depth <- depth + 1
                let left = int cells[StoreGlobal.Stack].Value.Bits

                try
                    inner.Call(export, arguments)
                finally
                    depth <- depth - 1
                    setStack left
    }

    /// A host function over bits, as HostImport has it.
    member this.HostFunction(name: string, id: int, t: FuncType, f: HostFunction) : Function =
        Link.hostRaw store.Inner name id t (HostFunction(fun guest arguments -> f.Invoke(this.Guest guest, arguments)))

    member this.HostCallback(name: string, t: FuncType, f: HostCallback) : Function =
        Link.hostBoxed store.Inner name t (HostCallback(fun guest arguments -> f.Invoke(this.Guest guest, arguments)))

    member internal _.NewMemory(t: SizeLimits) = Link.newMemory store.Inner t

    /// Links and allocates; nothing of the guest runs. `find` answers for the module's own imports.
    member internal _.Instantiate(prepared: Prepared, find: Import -> Result<Extern, Rejected> voption) : Result<Live, Rejected> =
        let valid = prepared.Valid
        let own = valid.Module.Imports

        match Link.resolve valid find with
        | Error e -> Error e
        | Ok given ->
            let pick f = given |> Array.choose f

            let memories =
                pick (fun e ->
                    match e with
                    | Extern.Memory m -> Some m
                    | _ -> None)

            let tables =
                pick (fun e ->
                    match e with
                    | Extern.Table t -> Some t
                    | _ -> None)

            let constant (v: int64) = Extern.Global(Global(store, Value.I64 v, false).Inner)
            let known (max: Nullable<uint64>) (addressable: uint64) = int64 (if max.HasValue then max.Value else addressable)

            let added =
                prepared.Written.Imports
                |> Array.map (fun i ->
                    match i.Kind with
                    | StoreGlobal.MemoryMax ->
                        let m = memories[i.Index]
                        constant (known m.DeclaredMax (if m.Is64 then 1UL <<< 48 else 65536UL))
                    | StoreGlobal.TableMax ->
                        let t = tables[i.Index]
                        constant (known t.DeclaredMax (if t.Is64 then UInt64.MaxValue else 0xFFFFFFFFUL))
                    | kind -> Extern.Global cells[kind].Inner)

            match Link.allocate store.Inner prepared.Code (Array.append given added) with
            | Error e -> Error e
            | Ok inner ->
                Link.allowCallbacks inner

                budgets ()
                store.Inner.Rooted.Add prepared.Code
                assert (prepared.Code.Valid.Module.Imports.Length = own.Length + added.Length)
                Ok(Live(prepared, inner))

    /// The engine's own part of instantiation, and ours.
    member this.Start(live: Live) : RunEnd =
        let begun =
            try
                Link.initialise live.Inner (fun _ -> failwith "an instrumented module has no start function of its own")
                RunEnd.Returned [||]
            with e ->
                RunEnd.Fault(EngineFault.Bug $"instantiation itself ended: {e.Message}")

        match begun with
        | RunEnd.Returned _ -> this.Call(live, live.Prepared.Written.Start, [||])
        | ended -> ended

    member this.Call(live: Live, export: string, arguments: Value[]) : RunEnd =
        this.Enter()

        match live.Find export with
        | ValueSome(Extern.Func f) -> call (fun () -> Link.call f arguments)
        | _ -> failwith $"no exported function {export}"

    interface IDisposable with
        member _.Dispose() = store.Dispose()
