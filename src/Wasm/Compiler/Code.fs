namespace Twofold.Wasm.Compiler

// A module's machine code: functions are compiled when they are first called, and freed with the module.
// In: a ValidModule. Out: entry points in a native table that compiled code reads; 0 means not compiled yet.

open System
open System.Collections.Generic
open System.Collections.Concurrent
open System.Reflection.Emit
open System.Runtime.InteropServices
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// One variant of a module's code: `isOpen` when it may call functions of other modules that throw (MayThrow.isOpen).
type internal CompiledCode(valid: ValidModule, nan: NanPolicy, isOpen: bool) as this =
    inherit ModuleCode(valid)

    /// Above this much CIL, RyuJIT's recursion may want more stack than a guest has left.
    static let bigFunction = 20_000

    /// RyuJIT runs on the guest's stack while at least this much of it is left.
    static let jitStack = 1 <<< 20

    /// A function with more CIL locals than this looks at the native stack before its frame exists.
    static let bigFrame = 10_000

    let count = valid.Module.Functions.Length
    let layout = Layout.ofModule valid
    // Kept: the collector sees no use of raw entry points.
    let methods: DynamicMethod[][] = Array.zeroCreate count
    let loops = ConcurrentBag<DynamicMethod>()
    let locks = Array.init 16 (fun _ -> obj ())
    let cells = Dictionary<int64, nativeint>()

    // Of functions, structs and arrays alike; alive as long as the module is.
    let typeIds = valid.Types.Ids

    let table = NativeMemory.AllocZeroed(unativeint (max 1 count), 8un) |> NativeInterop.NativePtr.ofVoidPtr<nativeint>

    let constCell (bits: int64) =
        lock cells (fun () ->
            match cells.TryGetValue bits with
            | true, p -> p
            | _ ->
                let p = Marshal.AllocHGlobal 8
                Marshal.WriteInt64(p, bits)
                cells[bits] <- p
                p)

    let known index = Volatile.Read(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.add table index))

    let context = {
        Valid = valid
        Layout = layout
        CodeTable = NativeInterop.NativePtr.toNativeInt table
        TypeIds = typeIds
        Classes = StructClasses valid.Module.Types
        ConstCell = constCell
        FreshStackThunk = (fun t -> Thunks.freshStack (this.Erase t))
        Known = known
        Nan = nan
        Throws = lazy (MayThrow.facts valid isOpen)
    }

    let other = lazy (CompiledCode(valid, nan, true))

    /// Runs RyuJIT where its recursion has room: a jump out of a deep guest into the JIT must not end on its guard page.
    let withStack (lowered: CilFunc) (jit: unit -> unit) =
        if lowered.Code.Length > bigFunction || NativeStack.Remaining() < nativeint jitStack then
            NativeStack.RunFresh jit
        else
            jit ()

    let define (lowered: CilFunc) =
#if DEBUG
        match CilCheck.problem lowered with
        | null -> ()
        | text -> invalidOp $"bad CIL: {text}"
#endif
        Emit.define lowered

    let compile index =
        let lowered = Lower.func context (Prepare.func valid index)
        let method = define lowered
        let mutable entry = 0n

        let jit () =
            entry <- Emit.entryPoint method
            methods[index] <- [| method |]

            if lowered.Locals.Length > bigFrame then
                let gate = Thunks.gate (this.Erased index) index entry (lowered.Locals.Length * 16)
                entry <- Emit.entryPoint gate
                methods[index] <- [| method; gate |]

        withStack lowered jit
        Volatile.Write(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.add table index), entry)
        entry

    do this.Table <- NativeInterop.NativePtr.toNativeInt table

    /// The variant for instances that call no functions of others that throw: what most modules ever need.
    new(valid, nan: NanPolicy) = CompiledCode(valid, nan, false)

    /// The same, with NaN cleaned where they are seen.
    new(valid) = CompiledCode(valid, NanPolicy.OnEscape, false)

    override this.For(imported: Function seq) : ModuleCode = if not isOpen && MayThrow.isOpen valid imported then this.Open else this

    /// The other variant.
    abstract Open: ModuleCode
    default _.Open = other.Value

    /// The .NET classes of its structs.
    member _.Classes = context.Classes

    override _.MayThrow = isOpen || MayThrow.usesExceptions valid
    override _.StructClass index = context.Classes.Of index

    /// The lowered form of a function: for tests and for people who want to see it.
    member _.Lowered index = Lower.func context (Prepare.func valid index)

    override _.Compiled index = known index

    override this.Resolve index = this.CompileNow index

    /// How many methods that begin at loops there are.
    member _.LoopsCompiled = loops.Count

    /// The method that a frame of the interpreter's goes on in at a loop (`Lower.loop`) and what native stack its frame may take; 0 for one that would take
    /// too much.
    member _.CompileLoop(prepared: PreparedFunc, entry: int, places: int[]) : struct (nativeint * int) =
        let lowered = Lower.loop context prepared entry places

        if lowered.Locals.Length > bigFrame then
            struct (0n, 0)
        else
            let method = define lowered
            let mutable entry = 0n
            withStack lowered (fun () -> entry <- Emit.entryPoint method)
            loops.Add method
            struct (entry, lowered.Locals.Length * 16)

    /// Machine code of a function, made on this thread if there is none.
    member _.CompileNow(index: int) : nativeint =
        match known index with
        | 0n ->
            lock locks[index &&& 15] (fun () ->
                match known index with
                | 0n -> compile index
                | entry -> entry)
        | entry -> entry

    /// Compiles everything now.
    override this.CompileAll() =
        for i in 0 .. count - 1 do
            this.CompileNow i |> ignore

    override _.Finalize() =
        // Whoever can still run this code holds this object.
        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr table)

        for p in cells.Values do
            Marshal.FreeHGlobal p
