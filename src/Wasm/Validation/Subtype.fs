namespace Twofold.Wasm.Validation

// Subtyping (core specification, section 3.3). Complete for abstract heap types; a defined type matches itself, its declared
// supertypes, and the abstract type of its kind.
// In: the module's types. Out: `matches actual expected`.

open Twofold.Wasm

module Subtype =
    /// Abstract heap types: is `a` below or equal `b`?
    let private abstractMatches (a: int) (b: int) =
        a = b
        || match a with
           | 1 -> b = 0 // nofunc <: func
           | 3 -> b = 2 // noextern <: extern
           | 5 -> b = 4 // eq <: any
           | 6
           | 7
           | 8 -> b = 5 || b = 4 // i31, struct, array <: eq <: any
           | 9 -> b >= 4 && b <= 8 // none <: everything of any's
           | 11 -> b = 10 // noexn <: exn
           | _ -> false

    let heapMatches (types: SubType[]) (actual: HeapType) (expected: HeapType) : bool =
        if actual.Code = expected.Code then
            true
        elif actual.IsConcrete then
            let mutable i = actual.Index
            let mutable found = false
            let mutable steps = 0

            // Supertypes have smaller indices; the step count guards unvalidated input.
            while not found && i >= 0 && i < types.Length && steps <= types.Length do
                let t = types[i]

                if not expected.IsConcrete then
                    let kind =
                        match t.Composite with
                        | CompositeType.Func _ -> HeapType.Func.Code
                        | CompositeType.Struct _ -> HeapType.Struct.Code
                        | CompositeType.Array _ -> HeapType.Array.Code

                    found <- abstractMatches kind expected.Code
                    i <- -1
                elif i = expected.Index then
                    found <- true
                else
                    i <- t.Super
                    steps <- steps + 1

            found
        elif expected.IsConcrete then
            // Bottom types lie below every defined type of their hierarchy.
            expected.Index < types.Length
            && match types[expected.Index].Composite with
               | CompositeType.Func _ -> actual.Code = HeapType.NoFunc.Code
               | _ -> actual.Code = HeapType.None.Code
        else
            abstractMatches actual.Code expected.Code

    /// Value types: equal, bottom, or references that match in heap type and nullability.
    let matches (types: SubType[]) (actual: ValType) (expected: ValType) : bool =
        actual.Code = expected.Code
        || actual.IsBottom
        || (actual.IsRef
            && expected.IsRef
            && (expected.IsNullable || not actual.IsNullable)
            && heapMatches types actual.Heap expected.Heap)
