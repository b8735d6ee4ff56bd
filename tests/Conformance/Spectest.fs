namespace Twofold.Conformance

// The module `spectest` that the suite imports: print functions that do nothing, constants, a table, a memory. As bytes, so that
// no host function is needed and linking between instances is what is tested.
// In: nothing. Out: the module's bytes.

open System
open System.Text

module Spectest =
    let private name (s: string) = [ byte s.Length; yield! Encoding.ASCII.GetBytes s ]
    let private section (id: byte) (content: byte list) = [ id; byte content.Length; yield! content ]
    let private vec (items: byte list list) = byte items.Length :: List.concat items

    let private i32, i64, f32, f64 = 0x7Fuy, 0x7Euy, 0x7Duy, 0x7Cuy

    let private prints = [
        "print", []
        "print_i32", [ i32 ]
        "print_i64", [ i64 ]
        "print_f32", [ f32 ]
        "print_f64", [ f64 ]
        "print_i32_f32", [ i32; f32 ]
        "print_f64_f64", [ f64; f64 ]
    ]

    let private globals = [
        "global_i32", [ i32; 0uy; 0x41uy; 0x9Auy; 0x05uy; 0x0Buy ] // 666
        "global_i64", [ i64; 0uy; 0x42uy; 0x9Auy; 0x05uy; 0x0Buy ]
        "global_f32", [ f32; 0uy; 0x43uy; yield! BitConverter.GetBytes 666.6f; 0x0Buy ]
        "global_f64", [ f64; 0uy; 0x44uy; yield! BitConverter.GetBytes 666.6; 0x0Buy ]
    ]

    /// Longer than one byte of length can say.
    let private exports =
        vec [
            for i, (n, _) in List.indexed prints do
                yield [ yield! name n; 0uy; byte i ]
            yield [ yield! name "table"; 1uy; 0uy ]
            yield [ yield! name "memory"; 2uy; 0uy ]
            for i, (n, _) in List.indexed globals do
                yield [ yield! name n; 3uy; byte i ]
        ]

    let bytes: byte[] =
        [
            yield! [ 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy ]
            yield! section 1uy (vec [ for _, ps in prints -> [ 0x60uy; yield! vec (List.map List.singleton ps); 0uy ] ])
            yield! section 3uy (vec [ for i in 0 .. prints.Length - 1 -> [ byte i ] ])
            yield! section 4uy [ 1uy; 0x70uy; 1uy; 10uy; 20uy ]
            yield! section 5uy [ 1uy; 1uy; 1uy; 2uy ]
            yield! section 6uy (vec (List.map snd globals))
            yield! [ 7uy; byte (exports.Length &&& 0x7F) ||| 0x80uy; byte (exports.Length >>> 7) ]
            yield! exports
            yield! section 10uy (vec [ for _ in prints -> [ 2uy; 0uy; 0x0Buy ] ])
        ]
        |> Array.ofList
