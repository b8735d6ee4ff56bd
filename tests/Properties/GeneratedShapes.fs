/// What generated modules are made of: decisions, types, the host's functions, constants worth trying.
/// In: a recipe's bytes. Out: Choices and the module's Shape, for GeneratedBodies and Generators.
module Twofold.Properties.GeneratedShapes

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes

/// Reads decisions; when none are left every decision is 0.
type Choices(recipe: byte[]) =
    let mutable at = 0

    let next () =
        if at < recipe.Length then
            at <- at + 1
            recipe[at - 1]
        else
            0uy

    member _.Below n = (int (next ()) * 256 + int (next ())) % n
    /// True in so many of a hundred cases; false at the end of the recipe.
    member c.Percent n = c.Below 100 >= 100 - n
    member c.Of(items: 'a[]) = items[c.Below items.Length]
    /// Bytes of decisions, read or not.
    member _.Length = recipe.Length
    member _.Bits64() = BitConverter.ToUInt64(Array.init 8 (fun _ -> next ()), 0)

let i32, i64, f32, f64, v128 = ValType.I32, ValType.I64, ValType.F32, ValType.F64, ValType.V128
let numbers = [| i32; i64; f32; f64 |]

/// What generated modules use: what the engines execute by default, and features named in TWOFOLD_FEATURES (`Simd,Gc`, or `All`).
let features: Features =
    let more = Environment.GetEnvironmentVariable "TWOFOLD_FEATURES"

    if String.IsNullOrEmpty more then Features.Default
    elif more = "All" then Features.All.Without Feature.Threads
    else more.Split ',' |> Array.fold (fun f name -> f.With(Enum.Parse<Feature> name)) Features.Default

let has (feature: Feature) = features.Has feature

/// Types of locals, globals, parameters and results.
let values = if has Feature.Simd then Array.append numbers [| v128 |] else numbers

let exnRef = ValType.Ref(true, HeapType.Exn)
let signature parameters results = { Params = parameters; Results = results }

/// The host's functions, always imported in this order.
let hostFunctions = [|
    "log_i32", signature [| i32 |] [||]
    "log_i64", signature [| i64 |] [||]
    "log_f32", signature [| f32 |] [||]
    "log_f64", signature [| f64 |] [||]
    "next_i32", signature [||] [| i32 |]
    // Calls the export `back`.
    "callback", signature [||] [| i32 |]
    // Reads a range of memory.
    "peek", signature [| i32; i32 |] [| i32 |]
    // Floats of any bits from outside.
    "next_f32", signature [||] [| f32 |]
    "next_f64", signature [||] [| f64 |]
    // Grows the memory by a page.
    "grow", signature [||] [| i32 |]
|]

let interesting32 = [| 0; 1; -1; 2; 7; 31; 255; 65535; 65536; Int32.MaxValue; Int32.MinValue |]

let interestingF32 = [|
    0x00000000u
    0x80000000u
    0x3F800000u
    0xBF000000u
    0x7FC00000u
    0xFFC00000u
    0x7FA00001u
    0xFFF12345u
    0x7F800000u
    0xFF800000u
    0x00000001u
    0x807FFFFFu
    0x4F000000u
    0xCF000000u
    0x5F000000u
    0x4B000001u
    0x3F000000u
    0x40200000u
|]

let interestingF64 = [|
    0x0000000000000000UL
    0x8000000000000000UL
    0x3FF0000000000000UL
    0xBFE0000000000000UL
    0x7FF8000000000000UL
    0xFFF8000000000000UL
    0x7FF4000000000001UL
    0xFFFF123456789ABCUL
    0x7FF0000000000000UL
    0xFFF0000000000000UL
    0x0000000000000001UL
    0x41E0000000000000UL
    0xC1E0000000200000UL
    0x43E0000000000000UL
    0x47EFFFFFF0000000UL
    0x36A0000000000000UL
    0x3FE0000000000000UL
    0x4004000000000000UL
|]

let private available = Opcodes.all |> Array.filter (fun o -> o.Feature |> ValueOption.forall has)

/// Numeric instructions by result: everything plain that is not an access or a constant.
let numeric =
    available
    |> Array.filter (fun o -> o.Imm = Imm.None && not (isNull o.Pops) && o.Pops.Length > 0)
    |> Array.groupBy (fun o -> o.Pushes[0])
    |> dict

let private accesses = available |> Array.filter (fun o -> o.Imm = Imm.MemArg)
let loads = accesses |> Array.filter (fun o -> o.Pushes.Length = 1) |> Array.groupBy (fun o -> o.Pushes[0]) |> dict
let stores = accesses |> Array.filter (fun o -> o.Pushes.Length = 0)

/// Lanes: extract and replace, by result; accesses of one lane.
let lanes = available |> Array.filter (fun o -> o.Imm = Imm.Lane) |> Array.groupBy (fun o -> o.Pushes[0]) |> dict
let laneAccesses = available |> Array.filter (fun o -> o.Imm = Imm.MemArgLane)

/// Loads of fewer bits than the integer has, and what takes an integer alone, by result: an engine may fuse the two.
let narrowLoads (t: ValType) = loads[t] |> Array.filter (fun o -> o.AccessBytes < (if t = i32 then 4 else 8))

let ofInteger =
    available
    |> Array.filter (fun o -> o.Imm = Imm.None && not (isNull o.Pops) && o.Pops.Length = 1 && (o.Pops[0] = i32 || o.Pops[0] = i64))
    |> Array.groupBy (fun o -> o.Pushes[0])
    |> dict

/// Arithmetic on vectors of floats, where lanes become NaN, and what shows or keeps their bits.
let floatVectors =
    available
    |> Array.filter (fun o ->
        o.Imm = Imm.None
        && not (isNull o.Pops)
        && o.Pops.Length > 0
        && o.Pushes[0] = v128
        && (o.Name.StartsWith "f" || o.Name.StartsWith "v128."))

/// What all bodies of a module know of it.
type Shape = {
    Types: FuncType[]
    /// Type index of each function, host functions first.
    Functions: int[]
    /// Mutable globals; global 0 is the fuel of loops and calls.
    Globals: ValType[]
    /// For each memory, whether its addresses have 64 bits.
    Memories: bool[]
    /// What the exceptions of each tag carry.
    Tags: ValType[][]
    /// Structs and arrays; they come before the function types in the module.
    Objects: CompositeType[]
} with

    /// A function type's index in the module.
    member this.TypeIndex k = this.Objects.Length + k

let indexesWhere (test: 'a -> bool) (items: 'a[]) = items |> Seq.indexed |> Seq.filter (snd >> test) |> Seq.map fst |> Array.ofSeq

/// An abstract heap type's byte, or a type index.
let heapType (out: Out) (h: HeapType) =
    let codes = [| 0x70uy; 0x73uy; 0x6Fuy; 0x72uy; 0x6Euy; 0x6Duy; 0x6Cuy; 0x6Buy; 0x6Auy; 0x71uy; 0x69uy; 0x74uy |]
    if h.IsConcrete then s64 out (int64 h.Index) else out.Add codes[h.Code]

let valType (out: Out) (t: ValType) =
    if t.IsRef then
        // Nullable abstract ones have a shorthand, which is older than typed references.
        if not t.IsNullable then
            out.Add 0x64uy
        elif t.Heap.IsConcrete then
            out.Add 0x63uy

        heapType out t.Heap
    else
        out.Add(byte t.Code)

let constant (c: Choices) (out: Out) (t: ValType) =
    if t = v128 then
        op out Op.V128Const

        if c.Percent 60 then
            for _ in 1..4 do
                out.AddRange(BitConverter.GetBytes(c.Of interestingF32))
        else
            for _ in 1..2 do
                out.AddRange(BitConverter.GetBytes(if c.Percent 50 then c.Bits64() else c.Of interestingF64))
    elif t.IsRef then
        op out Op.RefNull
        heapType out t.Heap
    elif t = i32 then
        i32Const out (if c.Percent 30 then int (c.Bits64()) else c.Of interesting32)
    elif t = i64 then
        i64Const
            out
            (if c.Percent 30 then
                 int64 (c.Bits64())
             else
                 int64 (c.Of interesting32) * (if c.Percent 30 then 4294967297L else 1L))
    elif t = f32 then
        f32Const out (if c.Percent 20 then uint32 (c.Bits64()) else c.Of interestingF32)
    else
        f64Const out (if c.Percent 20 then c.Bits64() else c.Of interestingF64)

/// Bits that make arithmetic give NaN, and NaNs with payloads.
let strangeF32 = interestingF32 |> Array.filter (fun b -> b &&& 0x7F800000u = 0x7F800000u || b &&& 0x7FFFFFFFu = 0u)

let strangeF64 =
    interestingF64
    |> Array.filter (fun b -> b &&& 0x7FF0000000000000UL = 0x7FF0000000000000UL || b &&& 0x7FFFFFFFFFFFFFFFUL = 0UL)

/// What the parts of a body's writer ask of it.
type IBody =
    abstract Out: Out
    abstract Choices: Choices
    abstract Shape: Shape
    abstract Locals: ValType[]
    /// Labels, innermost first: what a branch carries, and whether it goes back to a loop.
    abstract Labels: struct (ValType[] * bool) list
    abstract Value: t: ValType * depth: int -> unit
    abstract Statements: depth: int -> unit
    /// Code that is never reached.
    abstract Dead: depth: int -> unit
    /// Pushes whether there is fuel left, and burns one.
    abstract Fuel: unit -> unit
    /// A block type: nothing, one result, or a function type of the module.
    abstract BlockType: ValType[] -> unit
    /// Content under one label more.
    abstract Under: results: ValType[] * isLoop: bool * content: (unit -> unit) -> unit
    /// An address of a memory, mostly inside; then the access's immediates.
    abstract Address: memory: int * depth: int -> unit
    abstract MemArg: OpInfo * memory: int -> unit
