namespace Twofold.Wasm

// Which proposals a module may use. A value, so that profiles, requests and cache keys can carry it.
// In: the embedder's choice. Out: Decode and Validate reject what is switched off, by the feature's name.

/// One proposal beyond WebAssembly 1.0, by the name its repository has.
[<RequireQualifiedAccess>]
type Feature =
    | MutableGlobals = 0
    | SignExtension = 1
    | SaturatingFloatToInt = 2
    | MultiValue = 3
    | BulkMemory = 4
    | ReferenceTypes = 5
    | Simd = 6
    | RelaxedSimd = 7
    | TailCall = 8
    | ExtendedConst = 9
    | MultiMemory = 10
    | Memory64 = 11
    | FunctionReferences = 12
    | Gc = 13
    | Exceptions = 14
    | LegacyExceptions = 15
    | Threads = 16

/// A set of features.
[<Struct>]
type Features private (bits: uint32) =
    /// The set as bits, bit number = the feature's number: part of cache keys.
    member _.Bits = bits
    member _.Has(feature: Feature) = (bits >>> int feature) &&& 1u = 1u
    member _.With(feature: Feature) = Features(bits ||| (1u <<< int feature))
    member _.Without(feature: Feature) = Features(bits &&& ~~~(1u <<< int feature))
    /// What both sets have.
    member _.And(other: Features) = Features(bits &&& other.Bits)

    static member private Of(xs: Feature list) = Features(xs |> List.fold (fun b f -> b ||| (1u <<< int f)) 0u)

    /// WebAssembly 1.0 (2019).
    static member Wasm1 = Features.Of [ Feature.MutableGlobals ]

    /// WebAssembly 2.0.
    static member Wasm2 =
        Features.Of [
            Feature.MutableGlobals
            Feature.SignExtension
            Feature.SaturatingFloatToInt
            Feature.MultiValue
            Feature.BulkMemory
            Feature.ReferenceTypes
            Feature.Simd
        ]

    /// WebAssembly 3.0.
    static member Wasm3 =
        Features.Wasm2
            .With(Feature.RelaxedSimd)
            .With(Feature.TailCall)
            .With(Feature.ExtendedConst)
            .With(Feature.MultiMemory)
            .With(Feature.Memory64)
            .With(Feature.FunctionReferences)
            .With(Feature.Gc)
            .With(Feature.Exceptions)

    /// Everything that is decoded and validated: 3.0, legacy exceptions and threads.
    static member All = Features.Wasm3.With(Feature.LegacyExceptions).With(Feature.Threads)

    /// What the engines can execute: the default, and what is on only by request.
    static member Executable: Features = Features.Default.With(Feature.Threads)

    /// What this version executes: WebAssembly 2.0 with relaxed SIMD, tail calls, extended constant expressions, several memories, 64-bit
    /// addresses, typed references, GC, and exceptions of both forms.
    static member Default: Features =
        Features.Wasm2
            .With(Feature.RelaxedSimd)
            .With(Feature.TailCall)
            .With(Feature.ExtendedConst)
            .With(Feature.MultiMemory)
            .With(Feature.Memory64)
            .With(Feature.FunctionReferences)
            .With(Feature.Gc)
            .With(Feature.Exceptions)
            .With(Feature.LegacyExceptions)

/// Names of features for messages.
module Feature =
    let name (f: Feature) =
        match f with
        | Feature.MutableGlobals -> "mutable globals"
        | Feature.SignExtension -> "sign extension"
        | Feature.SaturatingFloatToInt -> "saturating float-to-int"
        | Feature.MultiValue -> "multi-value"
        | Feature.BulkMemory -> "bulk memory"
        | Feature.ReferenceTypes -> "reference types"
        | Feature.Simd -> "SIMD"
        | Feature.RelaxedSimd -> "relaxed SIMD"
        | Feature.TailCall -> "tail call"
        | Feature.ExtendedConst -> "extended const"
        | Feature.MultiMemory -> "multi-memory"
        | Feature.Memory64 -> "memory64"
        | Feature.FunctionReferences -> "function references"
        | Feature.Gc -> "GC"
        | Feature.Exceptions -> "exceptions"
        | Feature.LegacyExceptions -> "legacy exceptions"
        | Feature.Threads -> "threads"
        | _ -> "unknown feature"
