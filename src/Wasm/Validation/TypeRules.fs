namespace Twofold.Wasm.Validation

// The type section (core specification, sections 3.2.10-3.2.12): indices exist, supertypes are open and matched.
// In: a decoded module. Out: its ModuleTypes with canonical ids, or the first violated rule.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal TypeRules =
    /// The first type index in a subtype that is not below `known`; -1 when all are.
    let private unknownIndex (known: int) (t: SubType) : int =
        let mutable unknown = -1

        let value (v: ValType) =
            if v.IsRef && v.Heap.IsConcrete && v.Heap.Index >= known && unknown < 0 then
                unknown <- v.Heap.Index

        let field (f: FieldType) =
            match f.Storage with
            | StorageType.Value v -> value v
            | _ -> ()

        match t.Composite with
        | CompositeType.Func f ->
            Array.iter value f.Params
            Array.iter value f.Results
        | CompositeType.Struct fields -> Array.iter field fields
        | CompositeType.Array element -> field element

        unknown

    /// Indices of type `i`: its group's types and earlier ones; a supertype stands before it.
    let private indexError (types: SubType[]) (i: int) : string =
        let t = types[i]
        let known = t.GroupStart + t.GroupSize

        if t.Super >= known then
            $"unknown type {t.Super}"
        elif t.Super >= i then
            // Inside the group, but not before.
            $"unknown type {t.Super}"
        else
            match unknownIndex known t with
            | -1 -> null
            | x -> $"unknown type {x}"

    let run (limits: WasmLimits) (m: Module) : Result<ModuleTypes, Rejected> =
        let types = m.Types
        let depths: int[] = Array.zeroCreate types.Length
        let mutable error = ValueNone
        let mutable i = 0

        let place (kind: int -> Rejected) (i: int) =
            error <- ValueSome { kind (Decode.offsetOf m "type section" i) with Where = $"type {i}" }

        while i < types.Length && error.IsNone do
            let t = types[i]

            match indexError types i with
            | null ->
                if t.Super >= 0 then
                    depths[i] <- depths[t.Super] + 1

                    if depths[i] > limits.SubtypeDepth then
                        place (fun at -> Rejected.limit at "supertypes are nested too deeply" limits.SubtypeDepth depths[i]) i
                    elif types[t.Super].Final then
                        place (fun at -> Rejected.invalid at $"sub type {i} does not match super type {t.Super}") i
            | text -> place (fun at -> Rejected.invalid at text) i

            i <- i + 1

        match error with
        | ValueSome e -> Error e
        | ValueNone ->
            let made =
                match ModuleTypes.TryMake types with
                | ValueSome made -> ValueSome made
                | ValueNone ->
                    // Modules that nobody uses any more may still hold ids.
                    GC.Collect()
                    GC.WaitForPendingFinalizers()
                    ModuleTypes.TryMake types

            match made with
            | ValueNone -> Error(Rejected.at RejectKind.Limit -1 "too many different types are loaded in this process")
            | ValueSome made ->
                let mutable i = 0

                while i < types.Length && error.IsNone do
                    let super = types[i].Super

                    if super >= 0 && not (made.CompositeMatches(types[i].Composite, types[super].Composite)) then
                        place (fun at -> Rejected.invalid at $"sub type {i} does not match super type {super}") i

                    i <- i + 1

                match error with
                | ValueSome e ->
                    made.Release()
                    Error e
                | ValueNone -> Ok made
