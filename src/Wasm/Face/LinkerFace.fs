namespace Twofold.Wasm

// Linking and instances: what a module imports is defined by name, what it exports is got by name, typed or untyped.
// In: modules, host functions as delegates, externals of a store. Out: instances; every mismatch says what was expected and what was found.

open System
open System.Collections.Generic
open Twofold.Wasm.Compiler

/// CLR types of delegates as WebAssembly types.
module internal Signatures =
    let valType (t: Type) : ValType voption =
        if t = typeof<int> || t = typeof<uint32> then ValueSome ValType.I32
        elif t = typeof<int64> || t = typeof<uint64> then ValueSome ValType.I64
        elif t = typeof<float32> then ValueSome ValType.F32
        elif t = typeof<double> then ValueSome ValType.F64
        elif t = typeof<obj> then ValueSome ValType.ExternRef
        elif t = typeof<Function> then ValueSome ValType.FuncRef
        elif t = typeof<GcObject> then ValueSome(ValType.Ref(true, HeapType.Any))
        else ValueNone

    let private supported =
        "int, uint, long, ulong, float, double, object (externref), Function (funcref) and GcObject (anyref)"

    /// A delegate type's function type; the Guest may come first for host functions.
    let ofDelegate (where: string) (t: Type) (guestAllowed: bool) : Result<struct (FuncType * bool), Rejected> =
        let invoke = t.GetMethod "Invoke"
        let parameters = invoke.GetParameters() |> Array.map _.ParameterType
        let withGuest = guestAllowed && parameters.Length > 0 && parameters[0] = typeof<Guest>
        let own = if withGuest then parameters[1..] else parameters
        let result = if invoke.ReturnType = typeof<Void> then [||] else [| invoke.ReturnType |]

        match Array.append own result |> Array.tryFind (fun t -> (valType t).IsNone) with
        | Some t -> Error(Refuse.request where $"parameters and result of {supported}" t.Name "a delegate's type has no WebAssembly type")
        | None ->
            let types = Array.map (fun t -> (valType t).Value)
            Ok(struct ({ Params = types own; Results = types result }, withGuest))

/// An instance of a module in a store (core specification 4.2.4).
[<Sealed; AllowNullLiteral>]
type Instance internal (store: Store, loaded: Module, inner: InstanceData) =
    let find (name: string) (kind: string) (choose: Extern -> 'a voption) : 'a =
        ArgumentNullException.ThrowIfNull name

        if store.Inner.IsDisposed then
            raise (ObjectDisposedException "Store")

        let found = Link.findExport inner name

        match ValueOption.bind choose found with
        | ValueSome x -> x
        | ValueNone -> Refuse.raiseIt (Link.noExport inner name kind found)

    let funcOf e =
        match e with
        | Extern.Func f -> ValueSome f
        | _ -> ValueNone

    member internal _.Inner = inner
    /// The store it lives in.
    member _.Store = store
    /// The module it was made of.
    member _.Module = loaded

    /// An exported function, untyped. Throws RejectedException when there is none of that name.
    member _.GetFunction(name: string) : Function = find name "a function" funcOf

    /// An exported function as a delegate. Throws RejectedException when it is missing or its type is not the delegate's.
    member _.GetDelegate<'TDelegate when 'TDelegate :> Delegate>(name: string) : 'TDelegate =
        match Signatures.ofDelegate $"export {name}" typeof<'TDelegate> false with
        | Error e -> Refuse.raiseIt e
        | Ok(struct (wanted, _)) ->
            let f = find name $"func {wanted}" funcOf

            if not (wanted.Equals(Link.funcType f)) then
                Refuse.raiseIt (Refuse.request $"export {name}" $"func {wanted}" $"func {f.Signature}" "the function has another type")

            Thunks.typed wanted typeof<'TDelegate> (CallTarget f) :?> 'TDelegate

    /// Calls an exported function. Throws RejectedException when it is missing or the arguments do not fit, and what the guest ends in:
    /// TrapException, OutOfGasException, StackExhaustedException, GuestInterruptedException, or what a host function threw.
    member this.Call(name: string, [<ParamArray>] arguments: Value[]) : Value[] =
        ArgumentNullException.ThrowIfNull arguments
        this.GetFunction(name).Call arguments

    /// An exported memory. Throws RejectedException when there is none of that name.
    member _.GetMemory(name: string) : Memory =
        find name "a memory" (fun e ->
            match e with
            | Extern.Memory m -> ValueSome(Memory(store.Inner, m))
            | _ -> ValueNone)

    /// An exported table. Throws RejectedException when there is none of that name.
    member _.GetTable(name: string) : Table =
        find name "a table" (fun e ->
            match e with
            | Extern.Table t -> ValueSome(Table(store.Inner, t))
            | _ -> ValueNone)

    /// An exported global. Throws RejectedException when there is none of that name.
    member _.GetGlobal(name: string) : Global =
        find name "a global" (fun e ->
            match e with
            | Extern.Global g -> ValueSome(Global(store.Inner, g))
            | _ -> ValueNone)

    /// An exported tag. Throws RejectedException when there is none of that name.
    member _.GetTag(name: string) : Tag =
        find name "a tag" (fun e ->
            match e with
            | Extern.Tag t -> ValueSome t
            | _ -> ValueNone)

    /// A typed function of 0 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'TResult>(name: string) : Func<'TResult> = this.GetDelegate<Func<'TResult>> name

    /// A typed function of 1 parameter and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'TResult>(name: string) : Func<'T1, 'TResult> = this.GetDelegate<Func<'T1, 'TResult>> name

    /// A typed function of 2 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'TResult>(name: string) : Func<'T1, 'T2, 'TResult> = this.GetDelegate<Func<'T1, 'T2, 'TResult>> name

    /// A typed function of 3 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'TResult>(name: string) : Func<'T1, 'T2, 'T3, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'TResult>> name

    /// A typed function of 4 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'T4, 'TResult>(name: string) : Func<'T1, 'T2, 'T3, 'T4, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'T4, 'TResult>> name

    /// A typed function of 5 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'T4, 'T5, 'TResult>(name: string) : Func<'T1, 'T2, 'T3, 'T4, 'T5, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'T4, 'T5, 'TResult>> name

    /// A typed function of 6 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'TResult>(name: string) : Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'TResult>> name

    /// A typed function of 7 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'TResult>(name: string) : Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'TResult>> name

    /// A typed function of 8 parameters and one result: calls cost a few nanoseconds.
    member this.GetFunction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8, 'TResult>
        (name: string)
        : Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8, 'TResult> =
        this.GetDelegate<Func<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8, 'TResult>> name

    /// A typed function of 0 parameters and no result.
    member this.GetAction(name: string) : Action = this.GetDelegate<Action> name

    /// A typed function of 1 parameter and no result.
    member this.GetAction<'T1>(name: string) : Action<'T1> = this.GetDelegate<Action<'T1>> name

    /// A typed function of 2 parameters and no result.
    member this.GetAction<'T1, 'T2>(name: string) : Action<'T1, 'T2> = this.GetDelegate<Action<'T1, 'T2>> name

    /// A typed function of 3 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3>(name: string) : Action<'T1, 'T2, 'T3> = this.GetDelegate<Action<'T1, 'T2, 'T3>> name

    /// A typed function of 4 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3, 'T4>(name: string) : Action<'T1, 'T2, 'T3, 'T4> = this.GetDelegate<Action<'T1, 'T2, 'T3, 'T4>> name

    /// A typed function of 5 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3, 'T4, 'T5>(name: string) : Action<'T1, 'T2, 'T3, 'T4, 'T5> =
        this.GetDelegate<Action<'T1, 'T2, 'T3, 'T4, 'T5>> name

    /// A typed function of 6 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6>(name: string) : Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6> =
        this.GetDelegate<Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6>> name

    /// A typed function of 7 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7>(name: string) : Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7> =
        this.GetDelegate<Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7>> name

    /// A typed function of 8 parameters and no result.
    member this.GetAction<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8>(name: string) : Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8> =
        this.GetDelegate<Action<'T1, 'T2, 'T3, 'T4, 'T5, 'T6, 'T7, 'T8>> name

/// Defines what modules import, by module and name. Definitions of host functions serve any store; others belong to theirs.
[<Sealed; AllowNullLiteral>]
type Linker() =
    let definitions = Dictionary<struct (string * string), StoreData -> Extern>()

    let define (m: string) (name: string) (make: StoreData -> Extern) =
        ArgumentNullException.ThrowIfNull m
        ArgumentNullException.ThrowIfNull name
        definitions[struct (m, name)] <- make

    let owned (owner: StoreData) e (store: StoreData) =
        match e with
        | Extern.Memory m when m.Shared -> e
        | _ when obj.ReferenceEquals(owner, store) -> e
        | _ -> raise (ArgumentException "a definition belongs to another store than the instance")

    /// Defines a host function by a delegate: parameters and result of int, uint, long, ulong, float, double, object (externref) or Function (funcref);
    /// a first parameter of type Guest gives it the caller's memory and gas. A later definition of the same name replaces this one.
    member this.Define(moduleName: string, name: string, f: Delegate) : Linker =
        ArgumentNullException.ThrowIfNull f

        match Signatures.ofDelegate $"definition {moduleName}.{name}" (f.GetType()) true with
        | Error e -> Refuse.raiseIt e
        | Ok(struct (t, withGuest)) ->
            define moduleName name (fun store -> Extern.Func(Link.hostTyped store $"{moduleName}.{name}" t f withGuest))
            this

    /// Defines a host function of any type over boxed values.
    member this.Define(moduleName: string, name: string, functionType: FuncType, f: HostCallback) : Linker =
        ArgumentNullException.ThrowIfNull functionType
        ArgumentNullException.ThrowIfNull f
        define moduleName name (fun store -> Extern.Func(Link.hostBoxed store $"{moduleName}.{name}" functionType f))
        this

    /// Defines a memory. A shared one serves any store.
    member this.Define(moduleName: string, name: string, store: Store, memory: Memory) : Linker =
        define moduleName name (owned store.Inner (Extern.Memory memory.Inner))
        this

    /// Defines a shared memory, for instances of any store.
    member this.Define(moduleName: string, name: string, memory: Memory) : Linker =
        ArgumentNullException.ThrowIfNull memory

        if not memory.IsShared then
            raise (ArgumentException "a memory that is not shared is defined together with its store")

        define moduleName name (fun _ -> Extern.Memory memory.Inner)
        this

    /// Defines a table.
    member this.Define(moduleName: string, name: string, store: Store, table: Table) : Linker =
        define moduleName name (owned store.Inner (Extern.Table table.Inner))
        this

    /// Defines a global.
    member this.Define(moduleName: string, name: string, store: Store, globalCell: Global) : Linker =
        define moduleName name (owned store.Inner (Extern.Global globalCell.Inner))
        this

    /// Defines a tag of the host's (Store.NewTag) or of a guest.
    member this.Define(moduleName: string, name: string, tag: Tag) : Linker =
        ArgumentNullException.ThrowIfNull tag
        define moduleName name (fun _ -> Extern.Tag tag)
        this

    /// Defines a function of a guest, for another guest of the same store.
    member this.Define(moduleName: string, name: string, f: Function) : Linker =
        ArgumentNullException.ThrowIfNull f
        define moduleName name (owned f.Store (Extern.Func f))
        this

    /// Defines everything that an instance exports.
    member this.DefineInstance(moduleName: string, instance: Instance) : Linker =
        ArgumentNullException.ThrowIfNull instance

        for e in instance.Module.Exports do
            match Link.findExport instance.Inner e.Name with
            | ValueSome x -> define moduleName e.Name (owned instance.Store.Inner x)
            | ValueNone -> ()

        this

    /// Links and instantiates: imports by name, segments, start function (core specification 4.5.4).
    /// Throws RejectedException when an import is missing or has another type, and what segments or the start function end in.
    member _.Instantiate(store: Store, loaded: Module) : Instance =
        ArgumentNullException.ThrowIfNull store
        ArgumentNullException.ThrowIfNull loaded

        if store.Inner.IsDisposed then
            raise (ObjectDisposedException "Store")

        let made = Dictionary<struct (string * string), Extern>()

        let find (i: Binary.Import) =
            let key = struct (i.Module, i.Name)

            match made.TryGetValue key with
            | true, e -> ValueSome(Ok e)
            | _ ->
                match definitions.TryGetValue key with
                | true, make ->
                    let e = make store.Inner
                    made[key] <- e
                    ValueSome(Ok e)
                | _ -> ValueNone

        let imports = Link.resolve loaded.Code.Valid find |> Refuse.orRaise
        store.Inner.Rooted.Add loaded
        let inner = Link.allocate store.Inner loaded.Code imports |> Refuse.orRaise

        inner.Invoke <- fun i name arguments -> Link.callExport i name arguments |> Refuse.orRaise

        Link.initialise inner (fun start -> Link.call start [||] |> ignore)
        Instance(store, loaded, inner)
