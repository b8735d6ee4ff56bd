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

let i32, i64, f32, f64 = ValType.I32, ValType.I64, ValType.F32, ValType.F64
let numbers = [| i32; i64; f32; f64 |]
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

/// Numeric instructions by result: everything plain that is not an access or a constant.
let numeric =
    Opcodes.all
    |> Array.filter (fun o -> o.Imm = Imm.None && not (isNull o.Pops) && o.Pops.Length > 0)
    |> Array.groupBy (fun o -> o.Pushes[0])
    |> dict

let private accesses = Opcodes.all |> Array.filter (fun o -> o.Imm = Imm.MemArg)
let loads = accesses |> Array.filter (fun o -> o.Pushes.Length = 1) |> Array.groupBy (fun o -> o.Pushes[0]) |> dict
let stores = accesses |> Array.filter (fun o -> o.Pushes.Length = 0)

/// What all bodies of a module know of it.
type Shape = {
    Types: FuncType[]
    /// Type index of each function, host functions first.
    Functions: int[]
    /// Mutable globals; global 0 is the fuel of loops and calls.
    Globals: ValType[]
}

let indexesWhere (test: 'a -> bool) (items: 'a[]) = items |> Seq.indexed |> Seq.filter (snd >> test) |> Seq.map fst |> Array.ofSeq

let typeByte (out: Out) (t: ValType) = out.Add(byte t.Code)

let constant (c: Choices) (out: Out) (t: ValType) =
    if t = i32 then
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
