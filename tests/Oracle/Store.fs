namespace Twofold.Oracle

// What a run works on (core specification 4.2, "Runtime Structure"): one store with its gas, and the instances in it.
// In: limits and one run's settings. Out: mutable objects that the walker reads and writes; sizes grow by the store's verdict.

open System
open System.Collections.Generic
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Wasm.Validation

/// A struct's instance; packed fields hold an i32 of their bits.
type StructObject(defType: DefType, fields: Value[]) =
    member _.Type = defType
    member _.Fields = fields

type ArrayObject(defType: DefType, elements: Value[]) =
    member _.Type = defType
    member _.Elements = elements

/// An unboxed scalar: 31 bits, equal to every other of the same bits.
type I31Object = { Bits: int }

/// A tag: its identity is the object's.
[<AllowNullLiteral>]
type Tag(defType: DefType, funcType: FuncType, index: int, name: string option) =
    member _.DefType = defType
    member _.Type = funcType
    /// Among the tags of the module that defines it, and its first export name there.
    member _.Index = index
    member _.Name = name

type ExnObject(tag: Tag, values: Value[]) =
    member _.Tag = tag
    member _.Values = values

/// What the walker's callees need to know of a value's type.
module Values =
    let kind (t: ValType) = DefTypes.kind [||] t
    let zero (t: ValType) = DefTypes.zero [||] t

    /// What a non-null reference refers to.
    let heapOf (v: Value) : HeapType =
        match v.Reference with
        | _ when v.Kind = ValueKind.FuncRef -> HeapType.Func
        | _ when v.Kind = ValueKind.ExternRef -> HeapType.Extern
        | :? StructObject -> HeapType.Struct
        | :? ArrayObject -> HeapType.Array
        | :? I31Object -> HeapType.I31
        | :? ExnObject -> HeapType.Exn
        | _ -> HeapType.Any

/// Ends a run from the outside: not a WebAssembly ending.
exception FaultException of EngineFault

/// An exception that left the function that the host called. No guest catches it any more.
exception ThrownException of ExnObject

[<AllowNullLiteral>]
type Memory(declared: SizeLimits) =
    /// .NET's longest array holds 32,767 pages; the oracle is for tests that stay below.
    static member MostOfOracle = 32767UL

    member val Bytes: byte[] = Array.zeroCreate (int (declared.Min * 65536UL)) with get, set
    member _.Declared = declared
    /// 2^16 pages are all that an i32 can address, 2^48 all of an i64.
    member _.MostPages = if declared.Is64 then 1UL <<< 48 else 65536UL
    member this.Pages = uint64 this.Bytes.LongLength / 65536UL

[<AllowNullLiteral>]
type Table(tableType: TableType, types: DefType[], zero: Value) =
    member _.Type = tableType
    /// Of the module that defines it.
    member _.Types = types
    member _.MostEntries = if tableType.Limits.Is64 then UInt64.MaxValue else 0xFFFFFFFFUL
    member val Entries: List<Value> = List(Seq.replicate (int tableType.Limits.Min) zero)

[<AllowNullLiteral>]
type Global(globalType: GlobalType, types: DefType[], first: Value) =
    member _.Type = globalType
    /// Of the module that defines it.
    member _.Types = types
    member val Value = first with get, set

/// A function: the host's, or a module's (its index among the module's defined functions).
[<AllowNullLiteral>]
type Func(funcType: FuncType, defType: DefType) =
    member _.Type = funcType
    member _.DefType = defType

type HostFunc(name: string, funcType: FuncType, call: HostFunction) =
    inherit Func(funcType, DefTypes.ofFunc funcType)
    member _.Name = name
    member _.Call = call

[<AllowNullLiteral>]
type Instance(valid: ValidModule) =
    member _.Valid = valid
    member val Types: DefType[] = DefTypes.ofTypes valid.Module.Types
    /// The default value of a type of this module.
    member _.Zero(t: ValType) = DefTypes.zero valid.Module.Types t
    member val Tags: Tag[] = [||] with get, set
    member val Funcs: Func[] = [||] with get, set
    member val Tables: Table[] = [||] with get, set
    member val Memories: Memory[] = [||] with get, set
    member val Globals: Global[] = [||] with get, set
    /// Element segments as values; an empty array once dropped.
    member val Elems: Value[][] = [||] with get, set
    /// Data segments; empty once dropped.
    member val Datas: byte[][] = [||] with get, set

type WasmFunc(instance: Instance, definedIndex: int, funcType: FuncType) =
    inherit Func(funcType, instance.Types[instance.Valid.Module.Functions[definedIndex]])
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
    | Tag of Tag

/// One store: the gas and the limits that its instances share. All linked instances live in the same store.
type Store(limits: WasmLimits, gasLimit: int64, stackUnits: int) =
    let memories = List<Memory>()
    let tables = List<Table>()
    let mutable left = gasLimit
    let mutable objects = 0UL

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

    /// Counts an object's bytes; the objects of a run together, and one array, have their limits.
    member _.Allocate(bytes: uint64, most: uint64) =
        let limit = uint64 limits.GcBytes

        if objects + bytes > limit || bytes > most then
            raise (TrapException(TrapCode.AllocationLimit, bytes, objects, (if bytes > most then most else limit)))

        objects <- objects + bytes

    /// The verdict on a memory that would have `more` pages on top of what the store has.
    member private _.HasRoomForPages(more: uint64) =
        let bytes = memories |> Seq.sumBy (fun m -> bigint m.Bytes.Length)
        bytes + bigint more * 65536I <= bigint limits.MemoryBytes

    member private _.HasRoomForEntries(more: uint64) =
        let entries = tables |> Seq.sumBy (fun t -> bigint t.Entries.Count)
        entries + bigint more <= bigint limits.TableEntries

    /// A new memory that the guest pays for; None when the limits say no.
    member this.TryNewMemory(t: SizeLimits) : Memory option =
        if t.Min > Memory.MostOfOracle || not (this.HasRoomForPages t.Min) then
            None
        else
            let memory = Memory t
            memories.Add memory
            Some memory

    member this.TryNewTable(t: TableType, types: DefType[], zero: Value) : Table option =
        if not (this.HasRoomForEntries t.Limits.Min) then
            None
        else
            let table = Table(t, types, zero)
            tables.Add table
            Some table

    /// memory.grow: the old size in pages, or -1. Gas is taken once the verdict is yes; a host that grows a memory charges for itself.
    member this.Grow(memory: Memory, more: uint64, gas: int64) : int64 =
        let before = memory.Pages
        let after = bigint before + bigint more
        let most = bigint (min memory.MostPages (ValueOption.defaultValue UInt64.MaxValue memory.Declared.Max))

        if after > most || not (this.HasRoomForPages more) then
            -1L
        else
            this.Charge gas

            if after > bigint Memory.MostOfOracle then
                raise (FaultException(EngineFault.HostMemory "the oracle keeps a memory in one array"))

            let mutable bytes = memory.Bytes
            Array.Resize(&bytes, int after * 65536)
            memory.Bytes <- bytes
            int64 before

    /// table.grow: the old size, or -1. Gas is taken once the verdict is yes.
    member this.Grow(table: Table, more: uint64, value: Value) : int64 =
        let before = table.Entries.Count
        let after = bigint before + bigint more
        let most = bigint (min table.MostEntries (ValueOption.defaultValue UInt64.MaxValue table.Type.Limits.Max))

        if after > most || not (this.HasRoomForEntries more) then
            -1L
        else
            this.Charge(GasSchedule.entries more)
            table.Entries.AddRange(Seq.replicate (int more) value)
            int64 before
