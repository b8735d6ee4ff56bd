namespace Twofold.Wasm.Compiler

// What the linker asks of a module's code, whoever executes it: the compiler's (CompiledCode) or the interpreter's (InterpretedCode).
// In: a ValidModule. Out: entry points, and what instances are laid out by.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

[<AbstractClass>]
type internal ModuleCode(valid: ValidModule) =
    inherit CodeSource()
    let layout = Layout.ofModule valid

    member _.Valid = valid
    member _.Layout = layout
    /// Canonical ids by type index: of functions, structs and arrays alike; alive as long as the module is.
    member _.TypeIds = valid.Types.Ids

    /// A function type with abstract references: what thunks are made by.
    member _.Erase(t: FuncType) : FuncType =
        let canonical = Array.map (fun (v: ValType) -> valid.Types.Canonical v)
        References.erase { Params = canonical t.Params; Results = canonical t.Results }

    /// The same of a defined function's type.
    member m.Erased index = m.Erase valid.FuncTypes[valid.ImportedFuncs + index]
    /// The variant for an instance with these imported functions.
    abstract For: imported: Function seq -> ModuleCode
    /// The .NET class of a struct type, by type index.
    abstract StructClass: index: int -> StructClass
    /// Makes everything ready now instead of function by function.
    abstract CompileAll: unit -> unit
    /// Where a run that ended in this module's code did; None when nobody knows.
    abstract Where: store: StoreData * ending: RunEnd -> CodePosition voption
    default _.Where(_, _) = ValueNone

    /// The calls around a basic block that could not be paid, innermost first; none when nobody knows.
    abstract Callers: store: StoreData -> CodePosition[]
    default _.Callers _ = [||]
