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
    let locks = Array.init 16 (fun _ -> obj ())
    let cells = Dictionary<int64, nativeint>()

    // Of functions, structs and arrays alike; alive as long as the module is.
    let typeIds = valid.Types.Ids

    let erase (t: FuncType) =
        let canonical = Array.map (fun (v: ValType) -> valid.Types.Canonical v)
        References.erase { Params = canonical t.Params; Results = canonical t.Results }

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
        FreshStackThunk = erase >> Thunks.freshStack
        Known = known
        Nan = nan
        Throws = lazy (MayThrow.facts valid isOpen)
    }

    let other = lazy (CompiledCode(valid, nan, true))

    let compile index =
        let lowered = Lower.func context (Prepare.func valid index)
#if DEBUG
        match CilCheck.problem lowered with
        | null -> ()
        | text -> invalidOp $"bad CIL: {text}"
#endif
        let method = Emit.define lowered
        let mutable entry = 0n

        let jit () =
            entry <- Emit.entryPoint method
            methods[index] <- [| method |]

            if lowered.Locals.Length > bigFrame then
                let t = erase valid.FuncTypes[valid.ImportedFuncs + index]
                let gate = Thunks.gate t index entry (lowered.Locals.Length * 16)
                entry <- Emit.entryPoint gate
                methods[index] <- [| method; gate |]

        // A jump out of a deep guest into the JIT must not end on its guard page.
        if lowered.Code.Length > bigFunction || NativeStack.Remaining() < nativeint jitStack then
            NativeStack.RunFresh jit
        else
            jit ()

        Volatile.Write(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.add table index), entry)
        entry

    do this.Table <- NativeInterop.NativePtr.toNativeInt table

    /// The variant for instances that call no functions of others that throw: what most modules ever need.
    new(valid, nan: NanPolicy) = CompiledCode(valid, nan, false)

    /// The same, with NaN cleaned where they are seen.
    new(valid) = CompiledCode(valid, NanPolicy.OnEscape, false)

    override this.For(imported: Function seq) : ModuleCode = if not isOpen && MayThrow.isOpen valid imported then other.Value else this

    override _.MayThrow = isOpen || MayThrow.usesExceptions valid
    override _.StructClass index = context.Classes.Of index

    /// The lowered form of a function: for tests and for people who want to see it.
    member _.Lowered index = Lower.func context (Prepare.func valid index)

    override _.Resolve index =
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
            this.Resolve i |> ignore

    override _.Finalize() =
        // Whoever can still run this code holds this object.
        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr table)

        for p in cells.Values do
            Marshal.FreeHGlobal p
