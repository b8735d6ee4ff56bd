namespace Twofold.Wasm.Compiler

// The .NET classes of a module's structs: one per layout, made when compiled code first needs it, freed with the module.
// In: struct types. Out: a class with a constructor that sets nothing and fields f0, f1, ... A subtype's class inherits its supertype's, so that
// fields keep their places; two modules lay the same chain of fields out alike, because .NET's layout depends on the fields alone.
//
//     (type $a (sub (struct (field i32))))                     class S0 : GcStruct { int f0; }
//     (type $b (sub $a (struct (field i32) (field anyref))))   class S1 : S0 { object f1; }

open System
open System.Collections.Generic
open System.Reflection
open System.Reflection.Emit
open System.Runtime.Intrinsics
open Twofold.Wasm
open Twofold.Wasm.Validation

[<NoComparison; NoEquality>]
type StructClass = {
    Type: Type
    Constructor: ConstructorInfo
    /// By field index, inherited ones included.
    Fields: FieldInfo[]
}

/// How fields and elements are kept.
module internal Storage =
    let clrType (s: StorageType) =
        match s with
        | StorageType.I8 -> typeof<byte>
        | StorageType.I16 -> typeof<int16>
        | StorageType.Value t ->
            match t.Code with
            | 0x7F -> typeof<int>
            | 0x7E -> typeof<int64>
            | 0x7D -> typeof<float32>
            | 0x7C -> typeof<double>
            | 0x7B -> typeof<Vector128<byte>>
            | _ -> typeof<obj>

    let private arrays =
        [
            typeof<byte>
            typeof<int16>
            typeof<int>
            typeof<int64>
            typeof<float32>
            typeof<double>
            typeof<Vector128<byte>>
            typeof<obj>
        ]
        |> List.map (fun t -> t, typedefof<GcArray<_>>.MakeGenericType t)
        |> dict

    /// The class of arrays with such elements.
    let arrayClass (element: FieldType) : Type = arrays[clrType element.Storage]

type StructClasses(types: SubType[]) =
    let made: StructClass voption[] = Array.create types.Length ValueNone
    // Types with the same superclass and the same fields share a class.
    let shared = Dictionary<struct (Type * string), StructClass>()
    let mutable builder: ModuleBuilder = null

    let newClass (parent: StructClass voption) (own: Type[]) (first: int) : StructClass =
        if isNull builder then
            let assembly = AssemblyBuilder.DefineDynamicAssembly(AssemblyName "Twofold.Guest", AssemblyBuilderAccess.RunAndCollect)
            builder <- assembly.DefineDynamicModule "Guest"

        let super =
            match parent with
            | ValueSome p -> p.Type
            | ValueNone -> typeof<GcStruct>

        let name = $"S{shared.Count}"
        let define = builder.DefineType(name, TypeAttributes.Public ||| TypeAttributes.Class, super)

        own |> Array.iteri (fun k t -> define.DefineField($"f{first + k}", t, FieldAttributes.Public) |> ignore)

        let constructor = define.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, Type.EmptyTypes)
        // No base constructor: whoever makes an object sets its type.
        constructor.GetILGenerator().Emit OpCodes.Ret
        let t = define.CreateType()

        let fields =
            Array.init own.Length (fun k ->
                match t.GetField $"f{first + k}" with
                | null -> invalidOp "a field that was defined is there"
                | f -> f)

        {
            Type = t
            Constructor = t.GetConstructor Type.EmptyTypes
            Fields =
                match parent with
                | ValueSome p -> Array.append p.Fields fields
                | ValueNone -> fields
        }

    let rec make index : StructClass =
        match made[index] with
        | ValueSome c -> c
        | ValueNone ->
            let t = types[index]

            // The depth of subtyping is limited by validation.
            let parent = if t.Super < 0 then ValueNone else ValueSome(make t.Super)

            let first =
                match parent with
                | ValueSome p -> p.Fields.Length
                | ValueNone -> 0

            let own =
                match t.Composite with
                | CompositeType.Struct fields -> fields[first..] |> Array.map (fun f -> Storage.clrType f.Storage)
                | _ -> invalidOp "validation lets only struct types through here"

            let key =
                let parentType =
                    match parent with
                    | ValueSome p -> p.Type
                    | ValueNone -> typeof<GcStruct>

                struct (parentType, own |> Array.map _.Name |> String.concat " ")

            let c =
                match parent, shared.TryGetValue key with
                | _, (true, c) -> c
                // A subtype that adds no field needs no class of its own.
                | ValueSome p, _ when own.Length = 0 -> p
                | _ ->
                    let c = newClass parent own first
                    shared[key] <- c
                    c

            made[index] <- ValueSome c
            c

    /// The class of a struct type, by type index. Thread-safe.
    member _.Of(index: int) : StructClass = lock shared (fun () -> make index)
