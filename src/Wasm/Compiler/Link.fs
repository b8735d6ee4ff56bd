namespace Twofold.Wasm.Compiler

// Linking and instantiation (core specification 4.5.4), in two steps: allocate once, initialise for every run of a pooled instance.
// In: compiled code, a store, resolved imports. Out: an InstanceData; start functions and segments may end in a WasmException.

open System
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// A global as others may import it.
[<NoComparison; NoEquality>]
type internal GlobalCell = {
    /// With canonical types.
    Type: GlobalType
    /// Where a numeric value is.
    Address: nativeint
    /// Where a reference is.
    Ref: RefCell
}

/// What can be imported or exported.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Extern =
    | Func of Function
    | Memory of LinearMemory
    | Table of RefTable
    | Global of GlobalCell
    | Tag of Tag

module internal Link =
    let private codeOf (i: InstanceData) = i.Code :?> ModuleCode

    let private block (i: InstanceData) = NativeInterop.NativePtr.toNativeInt i.Block

    // ---- describing externals

    let private limitsText (l: SizeLimits) =
        let width = if l.Is64 then "i64 " else ""
        let shared = if l.Shared then " shared" else ""

        match l.Max with
        | ValueSome m -> $"{width}{l.Min} {m}{shared}"
        | ValueNone -> $"{width}{l.Min}{shared}"

    let describeType (valid: ValidModule) (t: ExternType) =
        match t with
        | ExternType.Func i -> $"func {valid.FuncType i}"
        | ExternType.Table t -> $"table {limitsText t.Limits} {t.Element}"
        | ExternType.Memory l -> $"memory {limitsText l}"
        | ExternType.Global g -> if g.Mutable then $"global (mut {g.Value})" else $"global {g.Value}"
        | ExternType.Tag i -> $"tag {valid.FuncType i}"

    let private sizes is64 shared (length: uint64) (max: Nullable<uint64>) =
        limitsText {
            Min = length
            Max = (if max.HasValue then ValueSome max.Value else ValueNone)
            Is64 = is64
            Shared = shared
        }

    let describe (e: Extern) =
        match e with
        | Extern.Func f -> $"func {f.Signature}"
        | Extern.Memory m -> $"memory {sizes m.Is64 m.Shared m.Pages m.DeclaredMax}"
        | Extern.Table t -> $"table {sizes t.Is64 false t.Length t.DeclaredMax} {ValType t.ElementType}"
        | Extern.Global g -> if g.Type.Mutable then $"global (mut {g.Type.Value})" else $"global {g.Type.Value}"
        | Extern.Tag t -> $"tag {t.Signature}"

    // ---- imports

    let private fits is64 (length: uint64) (max: Nullable<uint64>) (wanted: SizeLimits) =
        is64 = wanted.Is64
        && length >= wanted.Min
        && (match wanted.Max with
            | ValueNone -> true
            | ValueSome m -> max.HasValue && max.Value <= m)

    /// Import matching (core 3.3.12-3.3.17). What is given has canonical types; a mutable global and a table must be of the very type.
    let private matches (valid: ValidModule) (wanted: ExternType) (given: Extern) =
        match wanted, given with
        // 0 is the type of no module: of a host function that names defined types.
        | ExternType.Func t, Extern.Func f -> f.CanonicalType <> 0 && CanonicalTypes.isSubtype f.CanonicalType valid.Types.Ids[t]
        | ExternType.Memory l, Extern.Memory m -> m.Shared = l.Shared && fits m.Is64 m.Pages m.DeclaredMax l
        | ExternType.Table t, Extern.Table given ->
            (valid.Types.Canonical t.Element).Code = given.ElementType && fits given.Is64 given.Length given.DeclaredMax t.Limits
        | ExternType.Global g, Extern.Global given ->
            let wanted = valid.Types.Canonical g.Value

            g.Mutable = given.Type.Mutable
            && (wanted.Code = given.Type.Value.Code || (not g.Mutable && CanonicalTypes.matches given.Type.Value wanted))
        | ExternType.Tag t, Extern.Tag given -> given.CanonicalType = valid.Types.Ids[t]
        | _ -> false

    let private incompatible (valid: ValidModule) (import: Import) (given: Extern) : Rejected = {
        Kind = RejectKind.Link
        Message = "incompatible import type"
        Offset = import.Offset
        Where = $"import {import.Module}.{import.Name}"
        Expected = describeType valid import.Type
        Found = describe given
    }

    let unknownImport (valid: ValidModule) (import: Import) : Rejected = {
        Kind = RejectKind.Link
        Message = "unknown import"
        Offset = import.Offset
        Where = $"import {import.Module}.{import.Name}"
        Expected = describeType valid import.Type
        Found = "nothing of that name"
    }

    /// A function over 64-bit words was supplied for a type that words cannot carry.
    let beyondWords (import: Import) (t: FuncType) : Rejected = {
        Kind = RejectKind.Link
        Message = "incompatible import type"
        Offset = import.Offset
        Where = $"import {import.Module}.{import.Name}"
        Expected = "a host function of numbers with one result at most"
        Found = string t
    }

    /// Every import by position, or the first that is missing or of another type.
    let resolve (valid: ValidModule) (find: Import -> Result<Extern, Rejected> voption) : Result<Extern[], Rejected> =
        let imports = valid.Module.Imports
        let found = Array.zeroCreate imports.Length
        let mutable error = ValueNone
        let mutable i = 0

        while error.IsNone && i < imports.Length do
            match find imports[i] with
            | ValueNone -> error <- ValueSome(unknownImport valid imports[i])
            | ValueSome(Error e) -> error <- ValueSome e
            | ValueSome(Ok e) when matches valid imports[i].Type e -> found[i] <- e
            | ValueSome(Ok e) -> error <- ValueSome(incompatible valid imports[i] e)

            i <- i + 1

        match error with
        | ValueSome e -> Error e
        | ValueNone -> Ok found

    // ---- making stores' parts

    let private overLimit what allowed found : Rejected = {
        Rejected.limit -1 $"the store's {what} would exceed its limit" allowed found with
            Where = what
    }

    /// Pages of a memory by its address type (core 3.2.4 and the JavaScript API's limit).
    let private addressable is64 = if is64 then 1UL <<< 48 else 65536UL

    let private nullable (max: uint64 voption) =
        match max with
        | ValueSome m -> Nullable m
        | ValueNone -> Nullable()

    /// A shared memory that no store owns; the host gives it to as many stores as it likes.
    let newSharedMemory (t: SizeLimits) =
        let most = min (ValueOption.defaultValue (addressable t.Is64) t.Max) (addressable t.Is64)
        new LinearMemory(t.Min, nullable t.Max, most, t.Is64, true)

    let newMemory (store: StoreData) (t: SizeLimits) : Result<LinearMemory, Rejected> =
        let limit = uint64 store.MemoryLimit / LinearMemory.PageSize
        let used = store.CountedPages

        if UInt128.op_Implicit t.Min + used > UInt128.op_Implicit limit then
            Error(
                overLimit
                    "memory"
                    $"{store.MemoryLimit} bytes"
                    $"{(used + UInt128.op_Implicit t.Min) * UInt128.op_Implicit LinearMemory.PageSize} bytes"
            )
        else
            let bound = min (addressable t.Is64) limit
            let most = min (ValueOption.defaultValue bound t.Max) bound
            // What a shared memory may become is taken at once, so that no thread's growth depends on another's.
            let most = if t.Shared then min most (limit - uint64 used) else most
            let memory = new LinearMemory(t.Min, nullable t.Max, most, t.Is64, t.Shared)
            store.Memories.Add memory
            Ok memory

    /// Its element type names canonical types.
    let newTable (store: StoreData) (t: TableType) (init: obj) : Result<RefTable, Rejected> =
        let total = store.Tables |> Seq.sumBy _.Length

        if t.Limits.Min > uint64 store.TableLimit || total + t.Limits.Min > uint64 store.TableLimit then
            Error(overLimit "tables" $"{store.TableLimit} entries" $"{total + t.Limits.Min} entries")
        else
            let addressable = if t.Limits.Is64 then UInt64.MaxValue else 0xFFFFFFFFUL
            let most = min (ValueOption.defaultValue addressable t.Limits.Max) (uint64 store.TableLimit)
            let isFunc = Thunks.kindOf t.Element = ValueKind.FuncRef
            let table = new RefTable(t.Element.Code, isFunc, t.Limits.Min, nullable t.Limits.Max, most, init, t.Limits.Is64)
            store.Tables.Add table
            Ok table

    // ---- allocation

    let private writeEntry (instance: InstanceData) offset (f: Function) =
        let entry = NativeInterop.NativePtr.ofNativeInt<FuncEntry>(block instance + nativeint (offset: int))
        NativeInterop.NativePtr.write entry f.Entry

    /// A numeric global's sixteen bytes; what a type does not use is zero.
    let private copyCell (from: nativeint) (into: nativeint) =
        Marshal.WriteInt64(into, Marshal.ReadInt64 from)
        Marshal.WriteInt64(into + 8n, Marshal.ReadInt64(from + 8n))

    /// Kinds of a struct's fields or an array's elements.
    let private kindsOf (t: CanonicalType) =
        let kind (f: FieldType) =
            match f.Storage with
            | StorageType.Value v -> Thunks.kindOf v
            | _ -> ValueKind.I32

        match t.Definition.Composite with
        | CompositeType.Struct fields -> Array.map kind fields
        | CompositeType.Array element -> [| kind element |]
        | CompositeType.Func _ -> [||]

    /// The store's type of objects for a canonical type; null for functions.
    let private gcType (store: StoreData) (t: CanonicalType) : GcType =
        match t.Definition.Composite with
        | CompositeType.Func _ -> null
        | composite ->
            match store.GcTypes.TryGetValue t.Id with
            | true, known -> known
            | _ ->
                let kind = if composite.IsArray then GcKind.Array else GcKind.Struct
                let made = GcType(store, t.Id, kind, t.Display, Func<_>(fun () -> kindsOf t))
                store.GcTypes[t.Id] <- made
                made

    let globalAddress (instance: InstanceData) index =
        let code = codeOf instance
        let slot = block instance + nativeint (code.Layout.Global index)

        if index < code.Valid.ImportedGlobals && code.Valid.GlobalTypes[index].Mutable then
            Marshal.ReadIntPtr slot
        else
            slot

    /// `canonical` are the parameters' types by canonical id.
    let newTag (t: FuncType) (canonical: ValType[]) id index name = Tag(t, id, Array.map Thunks.kindOf canonical, index, name)

    /// Places everything that lasts as long as the instance. Nothing of the guest runs.
    let allocate (store: StoreData) (loaded: ModuleCode) (imports: Extern[]) : Result<InstanceData, Rejected> =
        let imported =
            imports
            |> Seq.choose (fun e ->
                match e with
                | Extern.Func f -> Some f
                | _ -> None)

        let code = loaded.For imported
        let valid = code.Valid
        let m = valid.Module
        let layout = code.Layout
        let instance = InstanceData(store, code, layout.Size)
        store.Add instance
        instance.ModuleBytes <- m.Bytes
        instance.Functions <- Array.zeroCreate valid.FuncTypes.Length
        let ifAny found n = if found then n else 0
        let hasReferences = valid.GlobalTypes |> Array.exists (fun g -> g.Value.IsRef)
        let hasObjects = m.Types |> Array.exists (fun t -> not t.Composite.IsFunc)
        instance.Reserve(ifAny hasReferences valid.GlobalTypes.Length, ifAny hasObjects m.Types.Length)

        for index in 0 .. instance.GcTypes.Length - 1 do
            instance.GcTypes[index] <- gcType store (valid.Types.Canonical index)

        instance.MakeFunction <-
            fun index ->
                let own = index - valid.ImportedFuncs
                let t = valid.FuncTypes[index]

                let name =
                    match valid.Names.Function index with
                    | null -> $"function {index}"
                    | n -> n

                Function(store, block instance, valid.Types.Ids[valid.FuncTypeIndices[index]], t, code, own, 0n, name)

        let memories = ResizeArray<LinearMemory>()
        let tables = ResizeArray<RefTable>()
        let tags = ResizeArray<Tag>()
        let mutable funcs = 0
        let mutable globals = 0

        for e in imports do
            match e with
            | Extern.Func f ->
                instance.Functions[funcs] <- f
                writeEntry instance (layout.Import funcs) f
                funcs <- funcs + 1
            | Extern.Memory x -> memories.Add x
            | Extern.Table x -> tables.Add x
            | Extern.Global g ->
                let slot = block instance + nativeint (layout.Global globals)

                if g.Type.Value.IsRef then instance.RefGlobals[globals] <- g.Ref
                elif g.Type.Mutable then Marshal.WriteIntPtr(slot, g.Address)
                else copyCell g.Address slot

                globals <- globals + 1
            | Extern.Tag t -> tags.Add t

        for k in valid.ImportedTags .. valid.TagTypes.Length - 1 do
            let name =
                match m.Exports |> Array.tryFind (fun e -> e.Kind = ExternKind.Tag && e.Index = k) with
                | Some e -> e.Name
                | None -> null

            let t = valid.TagTypes[k]
            let canonical = t.Params |> Array.map (fun (p: ValType) -> valid.Types.Canonical p)
            tags.Add(newTag t canonical valid.Types.Ids[valid.TagTypeIndices[k]] k name)

        instance.Tags <- tags.ToArray()
        instance.Tags |> Array.iteri (fun k t -> Marshal.WriteIntPtr(block instance + nativeint (layout.Tag k), t.Number))

        for g in globals .. valid.GlobalTypes.Length - 1 do
            if valid.GlobalTypes[g].Value.IsRef then
                instance.RefGlobals[g] <- RefCell()

        let mutable error = ValueNone

        let keep (into: ResizeArray<'t>) made =
            match made with
            | Ok x -> into.Add x
            | Error e -> error <- ValueSome e

        for t in m.Memories do
            if error.IsNone then
                keep memories (newMemory store t)

        for t in m.Tables do
            if error.IsNone then
                keep tables (newTable store { t.Type with Element = valid.Types.Canonical t.Type.Element } null)

        match error with
        | ValueSome e -> Error e
        | ValueNone ->
            instance.Tables <- tables.ToArray()
            instance.Attach(memories.ToArray(), layout.Memories)
            instance.Tables |> Array.iteri (fun i x -> x.Attach(block instance + nativeint (layout.Table i)))
            Ok instance

    // ---- initialisation

    /// A constant expression's value: a number's bits, or a reference, or a boxed vector (for a field or an element).
    let private evaluate (instance: InstanceData) (e: ConstExpr) : struct (int64 * obj) =
        let code = codeOf instance
        let types = code.Valid.GlobalTypes
        let stack = System.Collections.Generic.Stack<struct (int64 * obj)>()
        let number v = stack.Push(struct (v, null))
        let reference (o: obj) = stack.Push(struct (0L, o))
        let vector (low: int64) (high: int64) = reference (box (Vector128.Create(low, high).AsByte()))

        let taken n =
            let values = Array.zeroCreate n

            for k in n - 1 .. -1 .. 0 do
                values[k] <- stack.Pop()

            values

        let two f =
            let struct (b, _) = stack.Pop()
            let struct (a, _) = stack.Pop()
            number (f a b)

        let i32 (f: int -> int -> int) = two (fun a b -> int64 (uint32 (f (int a) (int b))))

        for i in e do
            match i.Op with
            | Op.I32Const -> number (int64 (uint32 i.Imm))
            | Op.F32Const -> number (i.Imm &&& 0xFFFFFFFFL)
            | Op.I64Const
            | Op.F64Const -> number i.Imm
            | Op.I32Add -> i32 (+)
            | Op.I32Sub -> i32 (-)
            | Op.I32Mul -> i32 (*)
            | Op.I64Add -> two (+)
            | Op.I64Sub -> two (-)
            | Op.I64Mul -> two (*)
            | Op.GlobalGet when types[i.A].Value.IsRef -> stack.Push(struct (0L, instance.RefGlobals[i.A].Value))
            | Op.GlobalGet when types[i.A].Value = ValType.V128 ->
                let cell = globalAddress instance i.A
                vector (Marshal.ReadInt64 cell) (Marshal.ReadInt64(cell + 8n))
            | Op.GlobalGet -> number (Marshal.ReadInt64(globalAddress instance i.A))
            | Op.V128Const -> vector i.Imm i.High
            | Op.RefFunc -> reference (box (instance.FunctionAt i.A))
            | Op.RefNull -> reference null
            | Op.RefI31 ->
                let struct (v, _) = stack.Pop()
                reference (GcI31.Of(int v))
            | Op.AnyConvertExtern ->
                let struct (_, o) = stack.Pop()
                reference (GcRt.AnyOfExtern o)
            | Op.ExternConvertAny ->
                let struct (_, o) = stack.Pop()
                reference (GcRt.ExternOfAny o)
            | Op.StructNew
            | Op.StructNewDefault ->
                let fields = InstrTypes.fieldsOf code.Valid.Module.Types i.A
                let c = code.StructClass i.A
                let values = if i.Op = Op.StructNew then taken fields.Length else [||]
                let made = GcConst.Struct(instance, i.A, c.Type, GasSchedule.structBytes fields)

                values
                |> Array.iteri (fun k (struct (bits, o)) -> c.Fields[k].SetValue(made, GcConst.Boxed(c.Fields[k].FieldType, bits, o)))

                reference made
            | Op.ArrayNew
            | Op.ArrayNewDefault ->
                let element = Storage.clrType (InstrTypes.elementOf code.Valid.Module.Types i.A).Storage
                let struct (count, _) = stack.Pop()
                let struct (bits, o) = if i.Op = Op.ArrayNew then stack.Pop() else struct (0L, null)
                reference (GcConst.Array(instance, i.A, element, bits, o, uint32 count, false))
            | Op.ArrayNewFixed ->
                let element = Storage.clrType (InstrTypes.elementOf code.Valid.Module.Types i.A).Storage
                let values = taken i.B
                let made = GcConst.Array(instance, i.A, element, 0L, null, uint32 i.B, true)

                values |> Array.iteri (fun k (struct (bits, o)) -> GcConst.Set(made, k, element, bits, o))

                reference made
            | o -> invalidOp $"{(Opcodes.info o).Name} in a constant expression"

        stack.Pop()

    /// A vector global's constant expression is one instruction: nothing computes with vectors there.
    let private initialVector (instance: InstanceData) (e: ConstExpr) (cell: nativeint) =
        match e[0].Op with
        | Op.GlobalGet -> copyCell (globalAddress instance e[0].A) cell
        | _ ->
            Marshal.WriteInt64(cell, e[0].Imm)
            Marshal.WriteInt64(cell + 8n, e[0].High)

    let private offsetOf instance is64 (e: ConstExpr) =
        let struct (v, _) = evaluate instance e
        if is64 then uint64 v else uint64 (uint32 v)

    let private charge (instance: InstanceData) (gas: int64) = instance.Store.Charge gas

    /// Gas of the sizes that a module starts with.
    let private chargeSizes (instance: InstanceData) =
        let m = (codeOf instance).Valid.Module

        for t in m.Memories do
            charge instance (GasSchedule.pages t.Min)

        for t in m.Tables do
            charge instance (GasSchedule.entries t.Type.Limits.Min)

    /// Globals, segments and start: what a run pays for and may end in. Re-runnable after `clear`.
    let initialise (instance: InstanceData) (invoke: Function -> unit) =
        let code = codeOf instance
        let valid = code.Valid
        let m = valid.Module
        let bulk = GasSchedule.price GasClass.Bulk
        chargeSizes instance

        m.Globals
        |> Array.iteri (fun k g ->
            let index = valid.ImportedGlobals + k

            if g.Type.Value.IsVec then
                initialVector instance g.Init (globalAddress instance index)
            else
                let struct (bits, reference) = evaluate instance g.Init

                if g.Type.Value.IsRef then
                    instance.RefGlobals[index].Value <- reference
                else
                    Marshal.WriteInt64(globalAddress instance index, bits))

        m.Tables
        |> Array.iteri (fun k t ->
            if not (isNull t.Init) then
                let struct (_, reference) = evaluate instance t.Init
                let table = instance.Tables[valid.ImportedTables + k]
                table.Fill(0UL, table.Length, reference))

        instance.Elems <-
            m.Elems
            |> Array.map (fun s ->
                if isNull s.Funcs then
                    s.Exprs
                    |> Array.map (fun e ->
                        let struct (_, reference) = evaluate instance e
                        reference)
                else
                    s.Funcs |> Array.map (fun f -> box (instance.FunctionAt f)))

        instance.Datas <- m.Datas |> Array.map (fun d -> DataRange(Start = d.Start, Length = d.Length))

        m.Elems
        |> Array.iteri (fun k s ->
            match s.Mode with
            | SegmentMode.Active(table, offset) ->
                charge instance (bulk + GasSchedule.elements (uint64 s.Length))
                Rt.InitTable(instance, k, table, offsetOf instance instance.Tables[table].Is64 offset, 0UL, uint64 s.Length)
                instance.Elems[k] <- Array.empty
            | SegmentMode.Declarative -> instance.Elems[k] <- Array.empty
            | SegmentMode.Passive -> ())

        m.Datas
        |> Array.iteri (fun k s ->
            match s.Mode with
            | SegmentMode.Active(memory, offset) ->
                charge instance (bulk + GasSchedule.bytes (uint64 s.Length))
                Rt.InitMemory(instance, k, memory, offsetOf instance instance.Memories[memory].Is64 offset, 0UL, uint64 s.Length)
                instance.Datas[k] <- DataRange()
            | _ -> ())

        if m.Start >= 0 then
            invoke (instance.FunctionAt m.Start)

    /// Back to what `allocate` left: only for instances that own all they use.
    let clear (instance: InstanceData) =
        for m in instance.Memories do
            m.Clear()

        for t in instance.Tables do
            t.Clear()

        for k in 0 .. instance.RefGlobals.Length - 1 do
            let index = k

            if index >= (codeOf instance).Valid.ImportedGlobals && not (isNull instance.RefGlobals[index]) then
                instance.RefGlobals[index].Value <- null

        // A run that ends before its globals are written (out of gas while it pays for its memory) must not show the last run's.
        let globals = (codeOf instance).Valid.GlobalTypes

        for index in (codeOf instance).Valid.ImportedGlobals .. globals.Length - 1 do
            if not globals[index].Value.IsRef then
                Marshal.WriteInt64(globalAddress instance index, 0L)
                Marshal.WriteInt64(globalAddress instance index + 8n, 0L)

        instance.Elems <- Array.empty
        instance.Datas <- Array.empty
        Array.Clear instance.Store.RefResults

    // ---- exports

    let findExport (instance: InstanceData) (name: string) : Extern voption =
        let valid = (codeOf instance).Valid

        match valid.Module.Exports |> Array.tryFind (fun e -> e.Name = name) with
        | None -> ValueNone
        | Some e ->
            match e.Kind with
            | ExternKind.Func -> ValueSome(Extern.Func(instance.FunctionAt e.Index))
            | ExternKind.Memory -> ValueSome(Extern.Memory instance.Memories[e.Index])
            | ExternKind.Table -> ValueSome(Extern.Table instance.Tables[e.Index])
            | ExternKind.Global ->
                let t = valid.GlobalTypes[e.Index]

                ValueSome(
                    Extern.Global {
                        Type = { t with Value = valid.Types.Canonical t.Value }
                        Address = (if t.Value.IsRef then 0n else globalAddress instance e.Index)
                        Ref = (if t.Value.IsRef then instance.RefGlobals[e.Index] else null)
                    }
                )
            | ExternKind.Tag -> ValueSome(Extern.Tag instance.Tags[e.Index])
            | _ -> ValueNone

    // ---- host functions

    let private hostFunction (store: StoreData) (name: string) (id: int) (t: FuncType) (target: Delegate) (code: nativeint) =
        let accepts = Func<_, _, _>(fun (k: int) (o: obj) -> References.accepts store t.Results[k] o)
        let holder = new HostHolder(store, target, t.Results |> Array.map Thunks.kindOf, Accepts = accepts)
        store.Owned.Add holder
        Function(store, NativeInterop.NativePtr.toNativeInt holder.Block, id, t, null, -1, code, name)

    /// `id`: the canonical type, which is the importing module's own where `t` names its types.
    let hostRaw store name (id: int) (t: FuncType) (f: HostFunction) = hostFunction store name id t f (Thunks.hostRaw t)

    /// What an instance's settings supply for an import. One memory, however often it is imported: the first import's type makes it, with a page at least.
    /// `host` makes a function of a name, a type's canonical id and what the settings say of it.
    let supplied
        (valid: ValidModule)
        (s: InstanceSettings)
        (newMemory: SizeLimits -> Result<LinearMemory, Rejected>)
        (host: Import -> string -> int -> HostImport -> Result<Function, Rejected>)
        : Import -> Result<Extern, Rejected> voption =
        let memory =
            lazy
                (valid.Module.Imports
                 |> Array.pick (fun i ->
                     match i.Type with
                     | ExternType.Memory t when s.Memory = Some(i.Module, i.Name) -> Some t
                     | _ -> None)
                 |> fun t -> newMemory { t with Min = max 1UL t.Min } |> Result.map Extern.Memory)

        fun import ->
            match import.Type with
            | ExternType.Memory _ when s.Memory = Some(import.Module, import.Name) -> ValueSome(memory.Force())
            | _ ->
                match s.Functions |> List.tryFind (fun f -> f.Module = import.Module && f.Name = import.Name) with
                | None -> ValueNone
                | Some f ->
                    let id =
                        match import.Type, CanonicalTypes.ofHost f.Type with
                        // Its type names types of this module.
                        | ExternType.Func t, 0 when f.Type.Equals(valid.FuncType t) -> valid.Types.Ids[t]
                        | _, id -> id

                    ValueSome(host import $"{f.Module}.{f.Name}" id f |> Result.map Extern.Func)

    let hostBoxed store name (t: FuncType) (f: HostCallback) = hostFunction store name (CanonicalTypes.ofHost t) t f (Thunks.hostBoxed t)

    let hostTyped store name (t: FuncType) (f: Delegate) withGuest =
        hostFunction store name (CanonicalTypes.ofHost t) t f (Thunks.hostTypedCached t (f.GetType()) withGuest)

    // ---- calls

    let funcType (f: Function) = f.TypeObject :?> FuncType

    /// Calls a function with boxed values; the caller has checked them.
    let call (f: Function) (arguments: Value[]) : Value[] =
        let store = f.Store

        if store.IsDisposed then
            raise (ObjectDisposedException("Store", "the function's store is disposed"))

        Rt.Enter store.Block
        let saved = store.Units

        let results =
            try
                let compiled = f.Compiled

                if compiled = 0n && f.Interpreted <> 0n then
                    InterpCalls.Call(f, saved, arguments)
                else
                    let t = References.erased f
                    let results = Array.zeroCreate t.Results.Length
                    (Thunks.entry t).Invoke((if compiled = 0n then f.Code else compiled), f.Context, saved, arguments, results)
                    results
            finally
                store.Units <- saved
                GC.KeepAlive f

        if store.IsThrowing then
            raise (UncaughtException(store.TakeThrown()))

        results

    /// The first argument that does not fit, as a refusal.
    let checkArguments (name: string) (f: Function) (arguments: Value[]) : Rejected voption =
        let t = References.typeOf f
        let kinds = t.Params |> Array.map Thunks.kindOf

        let show (kinds: ValueKind seq) = kinds |> Seq.map (fun k -> k.ToString().ToLowerInvariant()) |> String.concat ", "

        let refused message =
            ValueSome {
                Kind = RejectKind.Request
                Message = message
                Offset = -1
                Where = $"export {name}"
                Expected = $"({show kinds})"
                Found = $"({arguments |> Seq.map _.Kind |> show})"
            }

        if kinds.Length <> arguments.Length || Array.exists2 (fun (k: ValueKind) (a: Value) -> k <> a.Kind) kinds arguments then
            refused "the arguments do not fit the function"
        else
            // Of the right kinds: only a reference can still not fit.
            let mutable k = 0

            let fits k =
                let p = t.Params[k]
                not p.IsRef || References.accepts f.Store p arguments[k].Reference

            while k < kinds.Length && fits k do
                k <- k + 1

            if k = kinds.Length then
                ValueNone
            elif References.isForeign f.Store arguments[k].Reference then
                refused $"argument {k} is a reference of another store"
            else
                refused $"argument {k} is a reference that the parameter's type does not allow"

    let noExport (instance: InstanceData) (name: string) (kind: string) (found: Extern voption) : Rejected =
        let exports = (codeOf instance).Valid.Module.Exports |> Array.truncate 20 |> Array.map _.Name |> String.concat ", "

        {
            Kind = RejectKind.Request
            Message = "no such export"
            Offset = -1
            Where = $"export {name}"
            Expected = kind
            Found =
                match found with
                | ValueSome e -> describe e
                | ValueNone -> if exports = "" then "no exports at all" else $"only {exports}"
        }

    /// Calls an exported function by name, or says what does not fit.
    let callExport (instance: InstanceData) (name: string) (arguments: Value[]) : Result<Value[], Rejected> =
        match findExport instance name with
        | ValueSome(Extern.Func f) ->
            match checkArguments name f arguments with
            | ValueSome e -> Error e
            | ValueNone -> Ok(call f arguments)
        | other -> Error(noExport instance name "a function" other)

    /// Lets host functions call back into the instance; a call that cannot be made is the host's mistake.
    let allowCallbacks (instance: InstanceData) : unit =
        instance.Invoke <-
            fun i name arguments ->
                match callExport i name arguments with
                | Ok results -> results
                | Error e -> raise (InvalidOperationException(e.ToString()))
