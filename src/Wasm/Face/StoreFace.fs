namespace Twofold.Wasm

// A store and what lives in it: memories, tables, globals, functions. Not thread-safe: one thread at a time runs in a store.
// In: limits. Out: gas and stack accounting, checked access from the host.

open System
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open System.Text
open System.Threading
open Twofold.Wasm.Compiler

/// What a store allows. Immutable: each With gives a changed copy.
[<Sealed; AllowNullLiteral>]
type StoreOptions private (gas: int64, units: int, memory: int64, entries: int64, depth: int, objects: int64) =
    /// The default: unlimited gas, the host's stack, memory and table limits, re-entry eight deep.
    new() =
        let l = WasmLimits.Host
        StoreOptions(Int64.MaxValue, l.StackUnits, l.MemoryBytes, l.TableEntries, 8, l.GcBytes)

    /// Gas at the start; Int64.MaxValue is unlimited.
    member _.Gas = gas
    /// Units of the logical stack.
    member _.StackUnits = units
    /// Bytes in all memories together.
    member _.MemoryLimit = memory
    /// Entries in all tables together.
    member _.TableLimit = entries
    /// How deep host functions may call back into the guest.
    member _.ReentryDepth = depth

    /// Bytes of GC objects that a run may allocate, counted by a fixed formula and never given back; Refuel begins a new run.
    member _.GcLimit = objects

    /// Gas at the start.
    member _.WithGas(gas: int64) =
        ArgumentOutOfRangeException.ThrowIfNegative gas
        StoreOptions(gas, units, memory, entries, depth, objects)

    /// Units of the logical stack: a frame costs 16 + locals + maximum operand height.
    member _.WithStackUnits(units: int) =
        ArgumentOutOfRangeException.ThrowIfNegative units
        StoreOptions(gas, units, memory, entries, depth, objects)

    /// Bytes in all memories together.
    member _.WithMemoryLimit(bytes: int64) =
        ArgumentOutOfRangeException.ThrowIfNegative bytes
        StoreOptions(gas, units, bytes, entries, depth, objects)

    /// Entries in all tables together.
    member _.WithTableLimit(entries: int64) =
        ArgumentOutOfRangeException.ThrowIfNegative entries
        StoreOptions(gas, units, memory, entries, depth, objects)

    /// How deep host functions may call back into the guest.
    member _.WithReentryDepth(depth: int) =
        ArgumentOutOfRangeException.ThrowIfNegative depth
        StoreOptions(gas, units, memory, entries, depth, objects)

    /// Bytes of GC objects that a run may allocate.
    member _.WithGcLimit(bytes: int64) =
        ArgumentOutOfRangeException.ThrowIfNegative bytes
        StoreOptions(gas, units, memory, entries, depth, bytes)

/// A store (core specification 4.2.3). Owns every instance, memory, table, global and function made in it; disposing it frees them.
[<Sealed; AllowNullLiteral>]
type Store(options: StoreOptions) =
    do ArgumentNullException.ThrowIfNull options

    let data =
        new StoreData(options.Gas, options.StackUnits, options.MemoryLimit, options.TableLimit, options.ReentryDepth, options.GcLimit)

    let alive () =
        if data.IsDisposed then
            raise (ObjectDisposedException "Store")

    /// A store with the default options.
    new() = new Store(StoreOptions())
    member internal _.Inner = data

    /// Gas that was given at the start or by the last Refuel.
    member _.GasLimit =
        alive ()
        data.GasLimit

    /// Gas that is left.
    member _.GasLeft =
        alive ()
        data.Gas

    /// Gas used since the start or the last Refuel; equal to the limit after an OutOfGasException.
    member _.GasUsed =
        alive ()
        data.GasLimit - data.Gas

    /// What host functions find as Guest.Data.
    member _.Data
        with get () = data.Data
        and set (v: obj) = data.Data <- v

    /// Gives this much gas, forgets interrupts, and begins to count anew.
    member _.Refuel(gas: int64) =
        alive ()
        ArgumentOutOfRangeException.ThrowIfNegative gas
        data.Begin(gas, options.StackUnits)

    /// A tag for modules to import: exceptions of it carry values of these types; the function type has no results.
    member _.NewTag(functionType: FuncType) : Tag =
        alive ()
        ArgumentNullException.ThrowIfNull functionType

        if functionType.Results.Length > 0 then
            raise (ArgumentException "a tag's type has no results")

        match Validation.CanonicalTypes.ofHost functionType with
        | 0 -> raise (ArgumentException "a host's tag cannot name the defined types of a module")
        | id -> Link.newTag functionType functionType.Params id -1 null

    /// Stops the guest at its next loop iteration or function entry with a GuestInterruptedException. From any thread; lasts until Refuel.
    member _.Interrupt(reason: string) = data.Interrupt(reason, data.Epoch)

    /// Interrupts after a time unless the result is disposed before.
    member _.InterruptAfter(time: TimeSpan) : IDisposable =
        let epoch = data.Epoch
        new Timer((fun _ -> data.Interrupt($"timeout: {time.TotalSeconds} s passed", epoch)), null, time, Timeout.InfiniteTimeSpan)

    /// Interrupts when the token is cancelled, unless the result is disposed before.
    member _.InterruptOn(token: CancellationToken) : IDisposable =
        let epoch = data.Epoch
        token.Register(fun () -> data.Interrupt("cancelled", epoch))

    interface IDisposable with
        member _.Dispose() = data.Dispose()

    /// Frees everything that was made in the store. Functions of it throw ObjectDisposedException afterwards.
    member _.Dispose() = data.Dispose()

/// A memory of a store (core specification 4.2.8), or a shared memory, which any number of stores may use at once, each on its own thread.
[<Sealed; AllowNullLiteral>]
type Memory internal (store: StoreData, memory: LinearMemory) =
    // A shared memory lives as long as anybody holds it, whatever becomes of the store that it came from.
    let alive () =
        if not memory.Shared && store.IsDisposed then
            raise (ObjectDisposedException "Store")

    let check (address: uint64) (length: uint64) =
        alive ()

        if not (memory.Contains(address, length)) || length > uint64 Int32.MaxValue then
            raise (TrapException(TrapCode.MemoryOutOfBounds, address, length, memory.Length))

    static let limits (minimum: int64) (maximum: int64) is64 shared : SizeLimits =
        ArgumentOutOfRangeException.ThrowIfNegative minimum
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, minimum)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maximum, (if is64 then 1L <<< 48 else 65536L))
        { Min = uint64 minimum; Max = ValueSome(uint64 maximum); Is64 = is64; Shared = shared }

    /// A memory of its own for modules to import: pages of 64 KiB at the start, and at most; with addresses of 64 bits or of 32.
    new(store: Store, minimum: int64, maximum: int64, is64: bool) =
        ArgumentNullException.ThrowIfNull store
        Memory(store.Inner, Link.newMemory store.Inner (limits minimum maximum is64 false) |> Refuse.orRaise)

    /// A memory of its own for modules to import: pages of 64 KiB at the start, and at most.
    new(store: Store, minimum: int64, maximum: int64) = Memory(store, minimum, maximum, false)

    /// A shared memory that no store owns: defined in the linkers of several stores, it is the one memory of guests on several threads.
    /// It is no part of any store's memory limit, and freed when nobody holds it any more.
    static member Shared(minimum: int64, maximum: int64, is64: bool) : Memory =
        Memory(Unchecked.defaultof<StoreData>, Link.newSharedMemory (limits minimum maximum is64 true))

    /// A shared memory with addresses of 32 bits.
    static member Shared(minimum: int64, maximum: int64) : Memory = Memory.Shared(minimum, maximum, false)

    member internal _.Inner = memory
    /// Whether several threads may use it at once.
    member _.IsShared = memory.Shared
    /// Whether its addresses are 64 bits wide.
    member _.Is64 = memory.Is64
    /// Size in bytes.
    member _.Size = int64 memory.Length
    /// Size in pages of 64 KiB.
    member _.Pages = int64 memory.Pages

    /// The bytes from an address on. Throws TrapException with address, length and memory size when they are not all inside.
    /// Not to be kept across a call or a growth that may follow.
    member _.Span(address: int64, length: int) : Span<byte> =
        ArgumentOutOfRangeException.ThrowIfNegative length
        check (uint64 address) (uint64 length)
        memory.Span(uint64 address, uint32 length)

    /// Reads a number or a plain structure, little-endian as the machine is.
    member this.Read<'T when 'T: unmanaged and 'T: struct and 'T: (new: unit -> 'T) and 'T :> ValueType>(address: int64) : 'T =
        MemoryMarshal.Read<'T>(Span<byte>.op_Implicit(this.Span(address, Unsafe.SizeOf<'T>())): ReadOnlySpan<byte>)

    /// Writes a number or a plain structure.
    member this.Write<'T when 'T: unmanaged and 'T: struct and 'T: (new: unit -> 'T) and 'T :> ValueType>(address: int64, value: 'T) =
        let mutable v = value
        MemoryMarshal.Write(this.Span(address, Unsafe.SizeOf<'T>()), &v)

    /// Reads UTF-8 text of this many bytes; bytes that are no UTF-8 become U+FFFD.
    member this.ReadString(address: int64, length: int) : string =
        Encoding.UTF8.GetString(Span<byte>.op_Implicit(this.Span(address, length)): ReadOnlySpan<byte>)

    /// Writes text as UTF-8 and gives the number of bytes.
    member this.WriteString(address: int64, text: string) : int =
        ArgumentNullException.ThrowIfNull text
        let bytes = Encoding.UTF8.GetBytes text
        bytes.AsSpan().CopyTo(this.Span(address, bytes.Length))
        bytes.Length

    /// Grows by pages and gives the old size in pages, or -1 when the maximum or the store's limit says no.
    member _.Grow(pages: int64) : int64 =
        ArgumentOutOfRangeException.ThrowIfNegative pages
        alive ()

        if memory.Shared then
            memory.GrowShared(uint64 pages, null)
        else
            store.Grow(memory, uint64 pages, false)

    /// Wakes guests that wait at an address of a shared memory (memory.atomic.wait), at most `count`, and gives how many; 0 for a memory that is not shared.
    member _.Notify(address: int64, count: int) : int =
        ArgumentOutOfRangeException.ThrowIfNegative count
        check (uint64 address) 4UL

        match memory.Waiters with
        | null -> 0
        | waiters -> int (waiters.Notify(uint64 address, uint32 count))

/// A table of a store (core specification 4.2.7).
[<Sealed; AllowNullLiteral>]
type Table internal (store: StoreData, table: RefTable) =
    let check (index: int64) =
        if store.IsDisposed then
            raise (ObjectDisposedException "Store")

        if not (table.Contains(uint64 index, 1UL)) then
            raise (TrapException(TrapCode.TableOutOfBounds, uint64 index, 1UL, table.Length))

    let fits (value: obj) =
        if not (References.accepts store (ValType table.ElementType) value) then
            if References.isForeign store value then
                raise (ArgumentException "the reference belongs to another store")

            raise (ArgumentException $"a table of {ValType table.ElementType} does not take the value")

    /// A table of function references (or, otherwise, of host references) for modules to import: entries at the start, and at most.
    new(store: Store, functions: bool, minimum: int64, maximum: int64) =
        ArgumentNullException.ThrowIfNull store
        ArgumentOutOfRangeException.ThrowIfNegative minimum
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, minimum)

        let t: TableType = {
            Element = (if functions then ValType.FuncRef else ValType.ExternRef)
            Limits = { Min = uint64 minimum; Max = ValueSome(uint64 maximum); Is64 = false; Shared = false }
        }

        Table(store.Inner, Link.newTable store.Inner t null |> Refuse.orRaise)

    member internal _.Inner = table
    /// Number of entries.
    member _.Size = int64 table.Length

    /// An entry: a Function, a host reference, or null. Throws TrapException with index and size when it is outside.
    member _.Get(index: int64) : obj =
        check index
        References.outward (ValType table.ElementType) (table.Get(uint64 index))

    /// Sets an entry. Throws TrapException when it is outside, ArgumentException when the value does not fit the table.
    member _.Set(index: int64, value: obj) =
        check index
        fits value
        table.Set(uint64 index, References.inward (ValType table.ElementType) value)

    /// Grows by entries of a value and gives the old size, or -1 when the maximum or the store's limit says no.
    member _.Grow(entries: int64, value: obj) : int64 =
        ArgumentOutOfRangeException.ThrowIfNegative entries
        fits value

        if store.IsDisposed then
            raise (ObjectDisposedException "Store")

        if store.MayGrow(table, uint64 entries) then
            let old = int64 table.Length
            table.Grow(uint64 entries, References.inward (ValType table.ElementType) value)
            old
        else
            -1L

/// A global of a store (core specification 4.2.9).
[<Sealed; AllowNullLiteral>]
type Global internal (store: StoreData, cell: GlobalCell) =
    let kind = Thunks.kindOf cell.Type.Value

    static let make (store: Store) (value: Value) isMutable : GlobalCell =
        let t: GlobalType = {
            Value =
                match value.Kind with
                | ValueKind.I32 -> ValType.I32
                | ValueKind.I64 -> ValType.I64
                | ValueKind.F32 -> ValType.F32
                | ValueKind.F64 -> ValType.F64
                | ValueKind.V128 -> ValType.V128
                | ValueKind.FuncRef -> ValType.FuncRef
                | ValueKind.ExternRef -> ValType.ExternRef
                | ValueKind.AnyRef -> ValType.Ref(true, HeapType.Any)
                | k -> raise (ArgumentException $"a global of kind {k} cannot be made here")
            Mutable = isMutable
        }

        if t.Value.IsRef && not (References.accepts store.Inner t.Value value.Reference) then
            raise (ArgumentException "the reference belongs to another store, or is not of the value's kind")

        let cell = new NativeCell()
        store.Inner.Owned.Add cell
        Marshal.WriteInt64(cell.Address, int64 value.Bits)
        Marshal.WriteInt64(cell.Address + 8n, int64 value.HighBits)

        {
            Type = t
            Address = cell.Address
            Ref = RefCell(Value = if t.Value.IsRef then References.inward t.Value value.Reference else null)
        }

    /// A global of its own for modules to import.
    new(store: Store, value: Value, isMutable: bool) =
        ArgumentNullException.ThrowIfNull store
        Global(store.Inner, make store value isMutable)

    member internal _.Inner = cell
    /// The kind of its value.
    member _.Kind = kind
    /// Whether it can be set.
    member _.IsMutable = cell.Type.Mutable

    /// The value. Setting throws InvalidOperationException when the global is immutable, ArgumentException for another kind.
    member _.Value
        with get (): Value =
            if store.IsDisposed then
                raise (ObjectDisposedException "Store")

            if cell.Type.Value.IsRef then
                Value.Ref(kind, References.outward cell.Type.Value cell.Ref.Value)
            else
                Value.FromBits(kind, uint64 (Marshal.ReadInt64 cell.Address), uint64 (Marshal.ReadInt64(cell.Address + 8n)))
        and set (v: Value) =
            if store.IsDisposed then
                raise (ObjectDisposedException "Store")

            if not cell.Type.Mutable then
                raise (InvalidOperationException "the global is immutable")

            if v.Kind <> kind then
                raise (ArgumentException $"the global holds {kind}, not {v.Kind}")

            match v.Reference with
            | r when cell.Type.Value.IsRef && not (References.accepts store cell.Type.Value r) ->
                raise (ArgumentException $"a global of {cell.Type.Value} does not take the value, or it belongs to another store")
            | r when cell.Type.Value.IsRef -> cell.Ref.Value <- References.inward cell.Type.Value r
            | _ ->
                match kind with
                | ValueKind.I32
                | ValueKind.F32 -> Marshal.WriteInt32(cell.Address, int (uint32 v.Bits))
                | ValueKind.V128 ->
                    Marshal.WriteInt64(cell.Address, int64 v.Bits)
                    Marshal.WriteInt64(cell.Address + 8n, int64 v.HighBits)
                | _ -> Marshal.WriteInt64(cell.Address, int64 v.Bits)

/// Calls of functions whose types are only known at run time.
[<AbstractClass; Sealed; Extension>]
type FunctionExtensions =
    /// Calls the function. Throws RejectedException when the arguments do not fit, and what the guest ends in.
    [<Extension>]
    static member Call(f: Function, [<ParamArray>] arguments: Value[]) : Value[] =
        ArgumentNullException.ThrowIfNull f
        ArgumentNullException.ThrowIfNull arguments

        match Link.checkArguments f.Name f arguments with
        | ValueSome e -> Refuse.raiseIt e
        | ValueNone -> Link.call f arguments
