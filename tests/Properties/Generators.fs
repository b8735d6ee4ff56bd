/// Random valid modules for tests of engines; they terminate, trap, recurse for ever or call back through the host.
/// In: a Recipe, bytes that are read as decisions (all zero: the simplest choice each time). Out: a Guest, the module and its arguments.
/// A shorter recipe is a smaller module, so that FsCheck shrinks by shortening.
module Twofold.Properties.Generators

open System
open FsCheck
open FsCheck.FSharp
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.GeneratedShapes
open Twofold.Properties.GeneratedBodies
open Twofold.Properties.ModuleBytes

/// Decisions for the module's shape, then for each of its functions. Shown as F# that `Recipe.Parse` reads again.
[<StructuredFormatDisplay("{Text}")>]
type Recipe = {
    Shape: byte[]
    Functions: byte[][]
} with

    member this.Text =
        let all = Array.append [| this.Shape |] this.Functions |> Array.map Convert.ToHexString |> String.concat " "
        $"Recipe.Parse \"{all}\""

    /// A recipe from its text, to run a failure again.
    static member Parse(text: string) =
        let parts = text.Split ' ' |> Array.map Convert.FromHexString
        { Shape = parts[0]; Functions = parts[1..] }

    override this.ToString() = this.Text

/// A generated module with arguments for its entry `f0`, and the types of its exports `f0`, `f1`..
type Guest = { Bytes: byte[]; Arguments: Value[]; Functions: FuncType[] }

// --- the module

let private fixedTypes =
    Array.concat [
        [|
            signature [||] [||]
            signature [||] [| i32 |]
            signature [| i32; i32 |] [| i32 |]
            signature [||] [| i32; f64 |]
            signature [||] [| f32; i64; f32 |]
            signature [| i64; f64 |] [| i32; f64 |]
        |]
        hostFunctions |> Array.map snd
        values |> Array.map (fun t -> signature [| t |] [| t |])
        GeneratedObjects.refs |> Array.map (fun t -> signature [| t |] [| t |])
        GeneratedThrows.types
    ]

let private typesOf (all: ValType[]) (c: Choices) most = Array.init (c.Below(most + 1)) (fun _ -> c.Of all)

/// What functions exchange and keep: numbers and vectors more often than references.
let private someTypes = typesOf (Array.concat [ values; values; values; values; GeneratedObjects.refs ])

/// Sizes that the host supplies or that limits speak of.
let private withLimits (out: Out) (low: int) (high: int) =
    out.Add 1uy
    int' out low
    int' out high

let private constantGlobal (c: Choices) (out: Out) (t: ValType) =
    if t = i32 && c.Percent 50 then
        constant c out t
        i32Const out (c.Below 1000)
        op out Op.I32Mul
    else
        constant c out t

    op out Op.End

/// The module that a recipe stands for. Function `f0` is the entry; the last one is `back`: [] -> [i32]. A guest `over` another imports
/// that one's functions, memory `m`, table `t`, and globals `g0` (the fuel) and `g1`, all from `under`; alone it has its own.
let private buildOver (under: Guest option) (recipe: Recipe) : Guest =
    let c = Choices recipe.Shape
    let given = under |> Option.map _.Functions |> Option.defaultValue [||]
    let imported = hostFunctions.Length + given.Length
    let count = recipe.Functions.Length
    // Seldom more than registers hold.
    let own =
        Array.init 5 (fun k ->
            // The entry's arguments and results are shown: no references.
            let types = if k = 0 then typesOf values else someTypes
            signature (types c (if c.Percent 15 then 30 else 4)) (types c (if c.Percent 15 then 8 else 2)))
    // Blocks need the types without parameters, too.
    let without = Array.append given own |> Array.map (fun t -> { t with Params = [||] })
    let types = Array.concat [ fixedTypes; own; given; without ] |> Array.distinct
    let indexOf t = Array.findIndex (fun x -> x = t) types
    let entry = own[0]

    let functions =
        Array.init count (fun k ->
            if k = count - 1 then indexOf (signature [||] [| i32 |])
            elif k = 0 then indexOf entry
            else c.Below types.Length)

    let globals =
        Array.append [| i32; i32 |] (Array.init (2 + c.Below 5) (fun _ -> c.Of(Array.append values GeneratedObjects.refs)))

    let shape = {
        Types = types
        Functions = Array.concat [ hostFunctions |> Array.map (snd >> indexOf); given |> Array.map indexOf; functions ]
        Globals = globals
        Memories = [|
            false
            if has Feature.MultiMemory then
                has Feature.Memory64 && c.Percent 50
        |]
        Tags = GeneratedThrows.tags
        Objects = GeneratedObjects.objects
    }

    let all = [| 0 .. shape.Functions.Length - 1 |]
    let startsWith = if c.Percent 20 then functions |> indexesWhere (fun f -> types[f] = signature [||] [||]) else [||]
    let out = Out header

    section out 1 (fun o ->
        // The objects are one entry, a recursion group.
        int' o (types.Length + min 1 shape.Objects.Length)

        if shape.Objects.Length > 0 then
            GeneratedObjects.write o

        for t in types do
            o.Add 0x60uy
            vec o t.Params valType
            vec o t.Results valType)

    let tableType low (o: Out) =
        o.Add 0x70uy
        withLimits o low (low + 6)

    let memoryType (o: Out) = withLimits o 1 4

    let import (kind: byte) m n (write: Out -> unit) (o: Out) =
        name o m
        name o n
        o.Add kind
        write o

    let tagType k (o: Out) =
        o.Add 0uy
        int' o (shape.TypeIndex(indexOf (signature shape.Tags[k] [||])))

    /// Two modules have some tags in common; the rest are alike, and yet each module's own.
    let sharedTags = min 2 shape.Tags.Length

    let fromUnder = [
        for k, t in Array.indexed given do
            import 0uy "under" $"f{k}" (fun o -> int' o (shape.TypeIndex(indexOf t)))
        if under.IsSome then
            import 1uy "under" "t" (tableType 24)
            import 2uy "under" "m" memoryType
            import 3uy "under" "g0" (fun o -> o.AddRange [| 0x7Fuy; 1uy |])
            import 3uy "under" "g1" (fun o -> o.AddRange [| 0x7Fuy; 1uy |])

            for k in 0 .. sharedTags - 1 do
                import 4uy "under" $"e{k}" (tagType k)
    ]

    let fromHost = [ for n, t in hostFunctions -> import 0uy "env" n (fun o -> int' o (shape.TypeIndex(indexOf t))) ]
    let parts (items: (Out -> unit) list) (o: Out) = vec o items (fun o write -> write o)
    section out 2 (parts (fromHost @ fromUnder))
    section out 3 (fun o -> vec o functions (fun o f -> int' o (shape.TypeIndex f)))
    section out 4 (parts (List.map tableType (if under.IsSome then [ 6 ] else [ 24; 6 ])))

    section
        out
        5
        (parts [
            if under.IsNone then
                memoryType

            for is64 in Array.skip 1 shape.Memories do
                fun o ->
                    o.Add(if is64 then 5uy else 1uy)
                    int' o 1
                    int' o 3
        ])

    if shape.Tags.Length > 0 then
        section out 13 (parts [ for k in (if under.IsSome then sharedTags else 0) .. shape.Tags.Length - 1 -> tagType k ])

    section out 6 (fun o ->
        vec o (Array.indexed globals |> Array.skip (if under.IsSome then 2 else 0)) (fun o (k, t) ->
            valType o t
            o.Add 1uy

            if k = 0 then
                i32Const o (10 + c.Below 60)
                op o Op.End
            else
                constantGlobal c o t))

    section
        out
        7
        (parts [
            let export n (kind: byte) (index: int) (o: Out) =
                name o n
                o.Add kind
                int' o index

            export "back" 0uy (imported + count - 1)

            for k in 0 .. count - 1 do
                export $"f{k}" 0uy (imported + k)

            export "t" 1uy 0
            export "m" 2uy 0

            for k in 0 .. globals.Length - 1 do
                export $"g{k}" 3uy k

            for k in 0 .. sharedTags - 1 do
                export $"e{k}" 4uy k
        ])

    if startsWith.Length > 0 then
        section out 8 (fun o -> int' o (imported + startsWith[0]))

    section out 9 (fun o ->
        // Active from 0 with every function; passive; declarative with every function.
        int' o 3
        int' o 0
        i32Const o 0
        op o Op.End
        vec o all int'
        int' o 1
        o.Add 0uy
        vec o [ for _ in 1..6 -> c.Of all ] int'
        int' o 3
        o.Add 0uy
        vec o all int')

    section out 12 (fun o -> int' o 2)

    section out 10 (fun o ->
        vec o (Array.indexed recipe.Functions) (fun o (k, decisions) ->
            let c = Choices decisions
            let t = types[functions[k]]
            let locals = Array.append t.Params (someTypes c (if c.Percent 10 then 60 else 5))
            sized o (fun body -> BodyWriter(shape, t, locals, c, body).Body())))

    section out 11 (fun o ->
        int' o 2
        int' o 0
        i32Const o (c.Below 65000)
        op o Op.End
        bytes o [ for _ in 1 .. c.Below 60 -> byte (c.Below 256) ]
        int' o 1
        bytes o [ for _ in 1..12 -> byte (c.Below 256) ])

    let argument (t: ValType) =
        if t = i32 then Value.I32(c.Of interesting32)
        elif t = i64 then Value.I64(int64 (c.Of interesting32) * 65537L)
        elif t = f32 then Value.FromBits(ValueKind.F32, uint64 (c.Of interestingF32))
        elif t = v128 then Value.V128(c.Of interestingF64, c.Of interestingF64)
        else Value.FromBits(ValueKind.F64, c.Of interestingF64)

    {
        Bytes = out.ToArray()
        Arguments = entry.Params |> Array.map argument
        Functions = functions |> Array.map (fun f -> types[f])
    }

/// The module that a recipe stands for, alone.
let build (recipe: Recipe) : Guest = buildOver None recipe

/// Two modules, the second over the first.
let buildLinked (under: Recipe) (over: Recipe) : Guest * Guest =
    let first = build under
    first, buildOver (Some first) over

// --- FsCheck

let private decisions least most =
    gen {
        let! n = Gen.choose (least, most)
        let! content = Gen.choose (0, 255) |> Gen.arrayOfLength n
        return Array.map byte content
    }

let private recipeOf functions least most =
    gen {
        let! shape = decisions 60 120
        let! count = functions
        let! functions = decisions least most |> Gen.arrayOfLength count
        return { Shape = shape; Functions = functions }
    }

let recipe: Gen<Recipe> = recipeOf (Gen.choose (2, 7)) 50 1600

/// Two or three functions, each some thousand instructions long.
let giantRecipe: Gen<Recipe> = recipeOf (Gen.choose (2, 3)) 10_000 60_000

/// Fewer decisions: a half, a quarter, an eighth, one less; of one function at a time.
let private shorter (b: byte[]) =
    [ b.Length / 2; b.Length * 3 / 4; b.Length * 7 / 8; b.Length - 1 ]
    |> List.filter (fun n -> n >= 0 && n < b.Length)
    |> List.distinct
    |> List.map (fun n -> Array.take n b)

let shrink (r: Recipe) : Recipe seq =
    seq {
        for k in 0 .. r.Functions.Length - 1 do
            for s in shorter r.Functions[k] do
                yield { r with Functions = Array.updateAt k s r.Functions }

        for s in shorter r.Shape do
            yield { r with Shape = s }
    }

let recipes: Arbitrary<Recipe> = Arb.fromGenShrink (recipe, shrink)
let giantRecipes: Arbitrary<Recipe> = Arb.fromGenShrink (giantRecipe, shrink)

let linkedRecipes: Arbitrary<Recipe * Recipe> =
    Arb.fromGenShrink (
        Gen.zip recipe recipe,
        fun (under, over) ->
            seq {
                for r in shrink over do
                    yield under, r

                for r in shrink under do
                    yield r, over
            }
    )
