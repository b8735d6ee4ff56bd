namespace Twofold.Wasm.Validation

// What validation proves, and the index spaces it needs to do so (core specification, section 3.1.1).
// In: a decoded Module. Out: ValidModule, which only Validate makes; every later stage asks it instead of the raw sections.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

/// The context C: index spaces with imports first. Built before anything is checked, so entries may still be invalid.
[<Sealed>]
type internal Context(m: Module, types: ModuleTypes) =
    let imports pick = m.Imports |> Array.choose pick

    let importedFuncs =
        imports (fun i ->
            match i.Type with
            | ExternType.Func t -> Some t
            | _ -> None)

    let importedTables =
        imports (fun i ->
            match i.Type with
            | ExternType.Table t -> Some t
            | _ -> None)

    let importedMemories =
        imports (fun i ->
            match i.Type with
            | ExternType.Memory t -> Some t
            | _ -> None)

    let importedGlobals =
        imports (fun i ->
            match i.Type with
            | ExternType.Global t -> Some t
            | _ -> None)

    let importedTags =
        imports (fun i ->
            match i.Type with
            | ExternType.Tag t -> Some t
            | _ -> None)

    let funcTypeIndices = Array.append importedFuncs m.Functions

    let funcType (index: int) : FuncType =
        if uint32 index < uint32 m.Types.Length then
            match m.Types[index].Composite with
            | CompositeType.Func t -> t
            | _ -> Unchecked.defaultof<_>
        else
            Unchecked.defaultof<_>

    let funcTypes = funcTypeIndices |> Array.map funcType
    let tagTypeIndices = Array.append importedTags m.Tags
    let tagTypes = tagTypeIndices |> Array.map funcType
    let tables = Array.append importedTables (m.Tables |> Array.map _.Type)
    let memories = Array.append importedMemories m.Memories
    let globals = Array.append importedGlobals (m.Globals |> Array.map _.Type)

    /// C.refs: functions that occur outside bodies, the only ones `ref.func` may name inside.
    let declared =
        let a = Array.zeroCreate<bool> funcTypeIndices.Length

        let mark i =
            if uint32 i < uint32 a.Length then
                a[i] <- true

        let markExpr (e: ConstExpr) =
            if not (isNull e) then
                for i in e do
                    if i.Op = Op.RefFunc then
                        mark i.A

        for g in m.Globals do
            markExpr g.Init

        for t in m.Tables do
            markExpr t.Init

        for e in m.Elems do
            if isNull e.Funcs then Array.iter markExpr e.Exprs else Array.iter mark e.Funcs

        for e in m.Exports do
            if e.Kind = ExternKind.Func then
                mark e.Index

        a

    member _.Module = m
    member _.Types = types
    member _.FuncTypeIndices = funcTypeIndices
    /// Null where the type index is invalid.
    member _.FuncTypes = funcTypes
    /// A function type by type index, or null.
    member _.FuncType index = funcType index
    member _.TagTypeIndices = tagTypeIndices
    /// Null where the type index is invalid.
    member _.TagTypes = tagTypes
    member _.Tables = tables
    member _.Memories = memories
    member _.Globals = globals
    member _.Declared = declared
    member _.ImportedFuncs = importedFuncs.Length
    member _.ImportedTables = importedTables.Length
    member _.ImportedMemories = importedMemories.Length
    member _.ImportedGlobals = importedGlobals.Length
    member _.ImportedTags = importedTags.Length

/// A module that validation accepted. Index spaces have imports first.
[<Sealed>]
type ValidModule internal (c: Context, limits: WasmLimits, features: Features) =
    let m = c.Module
    let names = lazy (ModuleNames.Read m)

    /// The module as decoded.
    member _.Module = m
    member _.Limits = limits
    member _.Features = features
    /// Function types of all functions.
    member _.FuncTypes: FuncType[] = c.FuncTypes
    /// Type indices of all functions.
    member _.FuncTypeIndices: int[] = c.FuncTypeIndices
    /// The type section with its canonical ids.
    member internal _.Types: ModuleTypes = c.Types
    member _.TableTypes: TableType[] = c.Tables
    member _.MemoryTypes: SizeLimits[] = c.Memories
    member _.GlobalTypes: GlobalType[] = c.Globals
    /// Type indices of all tags.
    member _.TagTypeIndices: int[] = c.TagTypeIndices
    /// Types of all tags: what an exception of that tag carries is their parameters.
    member _.TagTypes: FuncType[] = c.TagTypes
    member _.ImportedFuncs = c.ImportedFuncs
    member _.ImportedTables = c.ImportedTables
    member _.ImportedMemories = c.ImportedMemories
    member _.ImportedGlobals = c.ImportedGlobals
    member _.ImportedTags = c.ImportedTags
    /// Functions that may be referenced: by `ref.func`, element segments, globals or exports.
    member _.DeclaredFuncs: bool[] = c.Declared
    /// There is a memory, imported or defined.
    member _.NeedsMemory = c.Memories.Length > 0
    /// There is a table, imported or defined.
    member _.NeedsTable = c.Tables.Length > 0
    /// The function type at a type index; the index must be one of a function type.
    member _.FuncType(typeIndex: int) : FuncType = c.FuncType typeIndex
    /// Names for messages.
    member _.Names: ModuleNames = names.Value

    /// A defined function's body (imports not counted), decoded anew at each call; it cannot fail once the module is valid.
    member _.Body(definedIndex: int) : Body =
        match DecodeBody.run limits features m definedIndex with
        | Ok body -> body
        | Error e -> raise (InvalidOperationException $"a validated body does not decode: {e}")
