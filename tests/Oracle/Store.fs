namespace Twofold.Oracle

// What a run works on (core specification 4.2, "Runtime Structure"): one store with its gas, and the instances in it.
// In: limits and one run's settings. Out: mutable objects that the walker reads and writes; sizes grow by the store's verdict.

open System
open System.Collections.Generic
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// What the walker's callees need to know of a value's type.
module Values =
    let kind (t: ValType) =
        if t = ValType.I32 then ValueKind.I32
        elif t = ValType.I64 then ValueKind.I64
        elif t = ValType.F32 then ValueKind.F32
        elif t = ValType.F64 then ValueKind.F64
        elif t = ValType.V128 then ValueKind.V128
        elif t.Heap = HeapType.Func || t.Heap = HeapType.NoFunc || t.Heap.IsConcrete then ValueKind.FuncRef
        elif t.Heap = HeapType.Extern || t.Heap = HeapType.NoExtern then ValueKind.ExternRef
        else ValueKind.AnyRef

    let zero (t: ValType) = if t.IsRef then Value.Ref(kind t, null) else Value.FromBits(kind t, 0UL)

/// Ends a run from the outside: not a WebAssembly ending.
exception FaultException of EngineFault

[<AllowNullLiteral>]
type Memory(initialPages: uint64, declaredMax: uint64 voption) =
    /// .NET's longest array holds 32,767 pages; the oracle is for tests that stay below.
    static member MostPages = 32767UL

    member val Bytes: byte[] = Array.zeroCreate (int (initialPages * 65536UL)) with get, set
    member _.DeclaredMax = declaredMax
    member this.Pages = uint64 this.Bytes.Length / 65536UL

[<AllowNullLiteral>]
type Table(element: ValType, initial: uint64, declaredMax: uint64 voption) =
    member _.Element = element
    member _.DeclaredMax = declaredMax
    member val Entries: List<Value> = List(Seq.replicate (int initial) (Values.zero element))

[<AllowNullLiteral>]
type Global(globalType: GlobalType, first: Value) =
    member _.Type = globalType
    member val Value = first with get, set

/// A function: the host's, or a module's (its index among the module's defined functions).
[<AllowNullLiteral>]
type Func(funcType: FuncType) =
    member _.Type = funcType

type HostFunc(name: string, funcType: FuncType, call: HostFunction) =
    inherit Func(funcType)
    member _.Name = name
    member _.Call = call

[<AllowNullLiteral>]
type Instance(valid: ValidModule) =
    member _.Valid = valid
    member val Funcs: Func[] = [||] with get, set
    member val Tables: Table[] = [||] with get, set
    member val Memories: Memory[] = [||] with get, set
    member val Globals: Global[] = [||] with get, set
    /// Element segments as values; an empty array once dropped.
    member val Elems: Value[][] = [||] with get, set
    /// Data segments; empty once dropped.
    member val Datas: byte[][] = [||] with get, set

type WasmFunc(instance: Instance, definedIndex: int, funcType: FuncType) =
    inherit Func(funcType)
    let tree = lazy (Tree.ofFunction instance.Valid definedIndex)
    member _.Instance = instance
    member _.Tree = tree.Value

/// What instances import and export.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type Extern =
    | Func of Func
    | Table of Table
    | Memory of Memory
    | Global of Global

/// One store: the gas and the limits that its instances share. All linked instances live in the same store.
type Store(limits: WasmLimits, gasLimit: int64, stackUnits: int) =
    let memories = List<Memory>()
    let tables = List<Table>()
    let mutable left = gasLimit

    member _.Limits = limits
    member _.StackUnits = stackUnits
    member val ReentryDepth = 8 with get, set
    member val Depth = 0 with get, set
    /// What host functions find as Guest.Data.
    member val Data: obj = null with get, set
    /// Asked now and then while guest code runs; raises FaultException to end the run.
    member val Poll: unit -> unit = ignore with get, set
    member _.GasLimit = gasLimit
    member _.GasLeft = left
    member _.GasUsed = gasLimit - left

    /// Takes gas; when less is left, everything is used and the run ends.
    member _.Charge(gas: int64) =
        if gas > left then
            left <- 0L
            raise (OutOfGasException gasLimit)

        left <- left - gas

    /// The verdict on a memory that would have `more` pages on top of what the store has.
    member private _.HasRoomForPages(more: uint64) =
        let bytes = memories |> Seq.sumBy (fun m -> bigint m.Bytes.Length)
        bytes + bigint more * 65536I <= bigint limits.MemoryBytes

    member private _.HasRoomForEntries(more: uint64) =
        let entries = tables |> Seq.sumBy (fun t -> bigint t.Entries.Count)
        entries + bigint more <= bigint limits.TableEntries

    /// A new memory that the guest pays for; None when the limits say no.
    member this.TryNewMemory(t: SizeLimits) : Memory option =
        if t.Min > Memory.MostPages || not (this.HasRoomForPages t.Min) then
            None
        else
            let memory = Memory(t.Min, t.Max)
            memories.Add memory
            Some memory

    member this.TryNewTable(t: TableType) : Table option =
        if not (this.HasRoomForEntries t.Limits.Min) then
            None
        else
            let table = Table(t.Element, t.Limits.Min, t.Limits.Max)
            tables.Add table
            Some table

    /// memory.grow: the old size in pages, or -1. Gas is taken once the verdict is yes; a host that grows a memory charges for itself.
    member this.Grow(memory: Memory, more: uint32, gas: int64) : int =
        let before = memory.Pages
        let after = before + uint64 more
        let most = ValueOption.defaultValue 65536UL memory.DeclaredMax

        if after > min most 65536UL || not (this.HasRoomForPages(uint64 more)) then
            -1
        else
            this.Charge gas

            if after > Memory.MostPages then
                raise (FaultException(EngineFault.HostMemory "the oracle keeps a memory in one array"))

            let mutable bytes = memory.Bytes
            Array.Resize(&bytes, int (after * 65536UL))
            memory.Bytes <- bytes
            int before

    /// table.grow: the old size, or -1. Gas is taken once the verdict is yes.
    member this.Grow(table: Table, more: uint32, value: Value) : int =
        let before = table.Entries.Count
        let after = uint64 before + uint64 more
        let most = ValueOption.defaultValue 0xFFFFFFFFUL table.DeclaredMax

        if after > min most 0xFFFFFFFFUL || not (this.HasRoomForEntries(uint64 more)) then
            -1
        else
            this.Charge(int64 more)
            table.Entries.AddRange(Seq.replicate (int more) value)
            before
