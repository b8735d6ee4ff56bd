namespace Twofold.Wasm

// A loaded module: decoded, validated, compiled function by function as they are called. Shared by stores and threads.
// In: bytes (binary or text) or a path, options. Out: imports, exports, and what Linker.Instantiate needs.

open System
open System.Collections.Generic
open System.IO
open System.Runtime.InteropServices
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler
open Twofold.Wasm.Interpreter

/// Who executes a module's functions.
type EngineKind =
    /// Our compiler: WebAssembly to machine code, function by function as they are called, or as they get hot (ModuleOptions.WithCompile).
    | Compiled = 0
    /// Our interpreter: starts at once and compiles nothing; slower in the long run, the same results.
    | Interpreter = 1

/// How modules are loaded. Immutable: each With gives a changed copy.
[<Sealed; AllowNullLiteral>]
type ModuleOptions private (features: Features, limits: WasmLimits, eager: bool, engine: EngineKind, tiers: TierPolicy voption) =
    /// The default: every feature this version has, the host's limits, functions compiled when first called.
    new() = ModuleOptions(Features.Default, WasmLimits.Host, false, EngineKind.Compiled, ValueNone)
    /// The features a module may use.
    member _.Features = features
    /// The limits a module must keep.
    member _.Limits = limits
    /// Whether everything is compiled at once.
    member _.Eager = eager
    /// Who executes it.
    member _.Engine = engine
    /// Another set of features.
    member _.WithFeatures(features: Features) = ModuleOptions(features, limits, eager, engine, tiers)
    /// Other limits.
    member _.WithLimits(limits: WasmLimits) = ModuleOptions(features, limits, eager, engine, tiers)
    /// Compile everything when the module is loaded, or each function when WithCompile says.
    member _.WithEagerCompilation(eager: bool) = ModuleOptions(features, limits, eager, engine, tiers)
    /// When the compiler compiles a function: when it is first called (the default) or once it is hot. Results and gas are the same.
    member _.WithCompile(compile: CompileWhen) = ModuleOptions(features, limits, eager, engine, CompileWhen.policy compile)
    /// When functions are compiled.
    member _.Compile = if tiers.IsSome then CompileWhen.Hot else CompileWhen.FirstCall
    member internal _.Tiers = tiers
    /// At moments that tests choose.
    member internal _.WithTiers(policy: TierPolicy) = ModuleOptions(features, limits, eager, engine, ValueSome policy)
    /// Executed by the compiler or by the interpreter. Instances of both can import from each other.
    member _.WithEngine(engine: EngineKind) = ModuleOptions(features, limits, eager, engine, tiers)

/// An import of a module (core specification 2.5.11).
[<Sealed>]
type ImportInfo internal (i: Import, description: string) =
    /// The module it is asked of.
    member _.Module = i.Module
    /// The name it is asked by.
    member _.Name = i.Name

    /// Function, table, memory, global or tag.
    member _.Kind =
        match i.Type with
        | ExternType.Func _ -> ExternKind.Func
        | ExternType.Table _ -> ExternKind.Table
        | ExternType.Memory _ -> ExternKind.Memory
        | ExternType.Global _ -> ExternKind.Global
        | ExternType.Tag _ -> ExternKind.Tag

    /// The type in the text format's words: `func [i32 i32] -> [i32]`, `memory 1 2`.
    member _.Type = description
    /// `env.log: func [i32] -> []`.
    override _.ToString() = $"{i.Module}.{i.Name}: {description}"

/// An export of a module (core specification 2.5.10).
[<Sealed>]
type ExportInfo internal (e: Export, description: string) =
    /// The name.
    member _.Name = e.Name
    /// Function, table, memory, global or tag.
    member _.Kind = e.Kind
    /// The type in the text format's words.
    member _.Type = description
    /// `add: func [i32 i32] -> [i32]`.
    override _.ToString() = $"{e.Name}: {description}"

/// A module that decodes and validates. Thread-safe; code is freed when neither it nor any instance is reachable.
[<Sealed; AllowNullLiteral>]
type Module private (code: ModuleCode) =
    let valid = code.Valid

    let exportType (e: Export) =
        match e.Kind with
        | ExternKind.Func -> ExternType.Func valid.FuncTypeIndices[e.Index]
        | ExternKind.Table -> ExternType.Table valid.TableTypes[e.Index]
        | ExternKind.Memory -> ExternType.Memory valid.MemoryTypes[e.Index]
        | ExternKind.Global -> ExternType.Global valid.GlobalTypes[e.Index]
        | _ -> ExternType.Tag valid.TagTypeIndices[e.Index]

    let imports = valid.Module.Imports |> Array.map (fun i -> ImportInfo(i, Link.describeType valid i.Type))

    let exports = valid.Module.Exports |> Array.map (fun e -> ExportInfo(e, Link.describeType valid (exportType e)))

    static let build (bytes: byte[]) (options: ModuleOptions) =
        let features = options.Features.And Features.Executable

        Text.Wat.toBinary options.Limits features bytes
        |> Result.bind (Decode.run options.Limits features)
        |> Result.bind (Validate.run options.Limits features)
        |> Result.map (fun valid ->
            let code: ModuleCode =
                match options.Engine, options.Tiers with
                | EngineKind.Interpreter, _ -> InterpretedCode valid
                | _, ValueSome policy when not options.Eager -> TieredCode(valid, NanPolicy.OnEscape, false, policy)
                | _ -> CompiledCode valid

            if options.Eager then
                code.CompileAll()

            Module code)

    member internal _.Code = code
    /// What it needs, in order.
    member _.Imports: IReadOnlyList<ImportInfo> = imports
    /// What it offers, in order.
    member _.Exports: IReadOnlyList<ExportInfo> = exports
    /// The name in its name section, or empty.
    member _.Name = valid.Names.Module

    /// Compiles every function now instead of when it is first called.
    member _.CompileAll() = code.CompileAll()

    /// Loads a module from its binary format or from the text format (WAT) in UTF-8, told apart by content. The bytes are copied.
    /// Throws RejectedException when they are not a valid module within the options' features and limits; a mistake of a text is told by line and column.
    static member Load(bytes: byte[], options: ModuleOptions) : Module =
        ArgumentNullException.ThrowIfNull bytes
        ArgumentNullException.ThrowIfNull options
        build (Array.copy bytes) options |> Refuse.orRaise

    /// Loads a module in either form with the default options.
    static member Load(bytes: byte[]) : Module = Module.Load(bytes, ModuleOptions())

    /// Loads a module from a file in either form. Throws RejectedException like the other overloads, and what File.ReadAllBytes throws.
    static member Load(path: string, options: ModuleOptions) : Module =
        ArgumentNullException.ThrowIfNull path
        ArgumentNullException.ThrowIfNull options
        build (File.ReadAllBytes path) options |> Refuse.orRaise

    /// Loads a module from a file with the default options.
    static member Load(path: string) : Module = Module.Load(path, ModuleOptions())

    /// Loads a module from the text format (WAT).
    /// Throws RejectedException when it is not the text of a valid module within the options' features and limits; a mistake of the text is told by line and column.
    static member FromText(text: string, options: ModuleOptions) : Module =
        ArgumentNullException.ThrowIfNull text
        ArgumentNullException.ThrowIfNull options

        Text.Wat.parseWith (options.Features.And Features.Executable) (System.Text.Encoding.UTF8.GetBytes text)
        |> Result.bind (fun bytes -> build bytes options)
        |> Refuse.orRaise

    /// Loads a module from the text format with the default options.
    static member FromText(text: string) : Module = Module.FromText(text, ModuleOptions())

    /// Loads a module in either form, or says why not: exactly one of the two outputs is null.
    static member TryLoad
        (bytes: byte[], options: ModuleOptions, [<Out>] loaded: byref<Module>, [<Out>] rejection: byref<Rejection>)
        : bool =
        ArgumentNullException.ThrowIfNull bytes
        ArgumentNullException.ThrowIfNull options

        match build (Array.copy bytes) options with
        | Ok m ->
            loaded <- m
            rejection <- null
            true
        | Error e ->
            loaded <- null
            rejection <- Rejection e
            false
