/// Mutations of modules and of texts, each a function of a corpus and a number: the same number gives the same input on every machine.
/// In: modules and texts that other tests use. Out: bytes that are mostly wrong, in the ways that matter to a decoder and a validator.
module Twofold.Conformance.Mutate

open System
open System.Text
open Twofold.Wasm
open Twofold.Wasm.Binary

/// SplitMix64: small, and the same everywhere for ever, which System.Random does not promise.
type Dice(seed: uint64) =
    let mutable state = seed

    member _.Next() : uint64 =
        state <- state + 0x9E3779B97F4A7C15UL
        let z = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// A number below n; 0 where n is 0.
    member d.Below(n: int) : int = if n <= 0 then 0 else int (d.Next() % uint64 n)

    member d.Byte() : byte = byte (d.Next())
    member d.Of(xs: 'a[]) : 'a = xs[d.Below xs.Length]

/// Where an instruction stands in a body, and how many bytes it has.
[<Struct>]
type Place = { At: int; Length: int; Op: Op }

/// A module of the corpus, taken apart.
[<NoComparison; NoEquality>]
type Item = {
    Name: string
    Bytes: byte[]
    /// Section ids and contents, in the file's order; empty where the bytes are not even that.
    Sections: (int * byte[])[]
    /// Bodies of the code section.
    Bodies: byte[][]
    /// Instructions of a body, found when first asked for.
    Places: Lazy<Place[][]>
}

let private tryLeb (b: byte[]) (at: byref<int>) : int =
    let mutable value = 0UL
    let mutable shift = 0
    let mutable more = true

    while more do
        if at >= b.Length || shift > 28 then
            value <- uint64 Int32.MaxValue
            more <- false
        else
            value <- value ||| (uint64 (b[at] &&& 0x7Fuy) <<< shift)
            more <- b[at] >= 0x80uy
            shift <- shift + 7
            at <- at + 1

    int (min value (uint64 Int32.MaxValue))

/// Takes bytes apart as far as their lengths make sense.
let private sections (bytes: byte[]) : (int * byte[])[] =
    let found = ResizeArray()
    let mutable at = 8
    let mutable ok = bytes.Length >= 8

    while ok && at < bytes.Length do
        let id = int bytes[at]
        at <- at + 1
        let size = tryLeb bytes &at

        if size > bytes.Length - at then
            ok <- false
        else
            found.Add(id, Array.sub bytes at size)
            at <- at + size

    if ok then found.ToArray() else [||]

let private bodiesOf (content: byte[]) : byte[][] =
    let mutable at = 0
    let n = tryLeb content &at
    let found = ResizeArray()
    let mutable ok = n <= content.Length

    while ok && found.Count < n do
        let size = tryLeb content &at

        if size > content.Length - at then
            ok <- false
        else
            found.Add(Array.sub content at size)
            at <- at + size

    if ok then found.ToArray() else [||]

/// The places of a body's instructions; empty where it does not decode.
let private placesOf (m: Module) (index: int) : Place[] =
    match DecodeBody.run WasmLimits.Host Features.All m index with
    | Error _ -> [||]
    | Ok body ->
        let start = m.Code[index].Start
        let finish = start + m.Code[index].Length

        Array.init body.Code.Length (fun i ->
            let next = if i + 1 < body.Code.Length then body.Code[i + 1].Offset else finish
            { At = body.Code[i].Offset - start; Length = next - body.Code[i].Offset; Op = body.Code[i].Op })

let item (name: string) (bytes: byte[]) : Item =
    let sections = sections bytes

    {
        Name = name
        Bytes = bytes
        Sections = sections
        Bodies =
            match Array.tryFind (fun (id, _) -> id = 10) sections with
            | Some(_, content) -> bodiesOf content
            | None -> [||]
        Places =
            lazy
                (match Decode.run WasmLimits.Host Features.All bytes with
                 | Ok m -> Array.init m.Code.Length (placesOf m)
                 | Error _ -> [||])
    }

let private leb (n: int) : byte[] =
    if n < 0x80 then [| byte n |]
    elif n < 0x4000 then [| byte n ||| 0x80uy; byte (n >>> 7) |]
    else [| byte n ||| 0x80uy; byte (n >>> 7) ||| 0x80uy; byte (n >>> 14) ||| 0x80uy; byte (n >>> 21) |]

let private magic = [| 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy |]

let private assemble (sections: (int * byte[])[]) =
    Array.concat [
        magic
        for id, content in sections do
            [| byte id |]
            leb content.Length
            content
    ]

/// Replaces `length` bytes at a place.
let private replace (b: byte[]) at length (by: byte[]) : byte[] =
    let at = min at b.Length
    let length = min length (b.Length - at)
    let a = Array.zeroCreate (b.Length - length + by.Length)
    Buffer.BlockCopy(b, 0, a, 0, at)
    Buffer.BlockCopy(by, 0, a, at, by.Length)
    Buffer.BlockCopy(b, at + length, a, at + by.Length, b.Length - at - length)
    a

let private interesting = [|
    0x00uy
    0x01uy
    0x02uy
    0x03uy
    0x04uy
    0x05uy
    0x06uy
    0x07uy
    0x0Buy
    0x0Cuy
    0x0Duy
    0x0Euy
    0x0Fuy
    0x10uy
    0x1Fuy
    0x20uy
    0x3Fuy
    0x40uy
    0x41uy
    0x4Euy
    0x50uy
    0x5Euy
    0x5Fuy
    0x60uy
    0x63uy
    0x64uy
    0x6Euy
    0x6Fuy
    0x70uy
    0x7Buy
    0x7Cuy
    0x7Duy
    0x7Euy
    0x7Fuy
    0x80uy
    0xD0uy
    0xFBuy
    0xFCuy
    0xFDuy
    0xFEuy
    0xFFuy
|]

let private enormous = [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x0Fuy |]

let private someBytes (d: Dice) = Array.init (1 + d.Below 8) (fun _ -> d.Byte())

/// A range of other bytes.
let private slice (d: Dice) (b: byte[]) longest =
    let at = d.Below b.Length
    Array.sub b at (min (b.Length - at) (1 + d.Below longest))

/// Damage that knows nothing of the format.
let rec private blind (d: Dice) (other: byte[]) (b: byte[]) : byte[] =
    let at = d.Below b.Length

    match d.Below 10 with
    | _ when b.Length = 0 -> someBytes d
    | 0 -> replace b at 1 [| d.Byte() |]
    | 1 -> replace b at 1 [| b[at] ^^^ (1uy <<< d.Below 8) |]
    | 2 -> replace b at 1 [| d.Of interesting |]
    | 3 -> replace b at (1 + d.Below 4) [||]
    | 4 -> replace b at 0 [| d.Of interesting |]
    // A LEB128 in more bytes than it needs.
    | 5 -> replace b at 1 [| b[at] ||| 0x80uy; (if b[at] < 0x80uy then 0uy else b[at] &&& 0x7Fuy) |]
    | 6 -> replace b at 1 enormous
    | 7 -> Array.truncate at b
    | 8 -> replace b at (d.Below 16) (slice d other 32)
    | _ -> replace b at 0 (slice d b 32)

/// Damage to the order and the number of sections; their sizes stay right.
let private shuffled (d: Dice) (other: Item) (item: Item) : byte[] =
    let s = item.Sections
    let at = d.Below s.Length

    match d.Below 5 with
    | 0 ->
        let b = Array.copy s
        let to' = d.Below s.Length
        b[at] <- s[to']
        b[to'] <- s[at]
        assemble b
    | 1 -> assemble (Array.removeAt at s)
    | 2 -> assemble (Array.insertAt at s[at] s)
    | 3 when other.Sections.Length > 0 ->
        // Another module's section in the place of ours of the same kind.
        let id, content = d.Of other.Sections
        let own = s |> Array.tryFindIndex (fun (i, _) -> i = id)
        assemble (if own.IsSome then Array.updateAt own.Value (id, content) s else Array.insertAt at (id, content) s)
    | _ ->
        let id, content = s[at]
        assemble (Array.updateAt at (id, blind d other.Bytes content) s)

/// The module with other bodies, all sizes right.
let private withBodies (item: Item) (bodies: byte[][]) : byte[] =
    let content =
        Array.concat [
            leb bodies.Length
            for b in bodies do
                leb b.Length
                b
        ]

    assemble (item.Sections |> Array.map (fun (id, c) -> id, (if id = 10 then content else c)))

let private rowsByImm =
    lazy (Opcodes.all |> Array.groupBy _.Imm |> Array.map (fun (imm, rows) -> imm, rows |> Array.map _.Op) |> dict)

let private opcodeBytes (op: Op) : byte[] =
    let prefixed (prefix: byte) (sub: int) = Array.append [| prefix |] (leb sub)

    match int op with
    | n when n < 0x100 -> [| byte n |]
    | n when n >= 0xB00 && n < 0xC00 -> prefixed 0xFBuy (n - 0xB00)
    | n when n >= 0xC00 && n < 0xD00 -> prefixed 0xFCuy (n - 0xC00)
    | n when n >= 0xD000 && n < 0xE000 -> prefixed 0xFDuy (n - 0xD000)
    | n -> prefixed 0xFEuy (n - 0xE000)

let private opcodeLength (body: byte[]) (p: Place) =
    if body[p.At] < 0xFBuy || body[p.At] = 0xFFuy then
        1
    else
        let mutable n = 1

        while n < p.Length - 1 && body[p.At + n] >= 0x80uy do
            n <- n + 1

        n + 1

/// Damage to one body that keeps instructions whole: what is wrong afterwards is mostly a matter of types, and often nothing is.
let private instructions (d: Dice) (other: Item) (item: Item) : byte[] =
    let index = d.Below item.Bodies.Length
    let body = item.Bodies[index]
    let all = item.Places.Value
    let places = if index < all.Length then all[index] else [||]

    let changed =
        if places.Length < 2 then
            blind d other.Bytes body
        else
            let p = places[d.Below(places.Length - 1)]

            match d.Below 7 with
            | 0
            | 1 ->
                // Another instruction with the same kind of immediates.
                let row = Opcodes.info p.Op
                replace body p.At (opcodeLength body p) (opcodeBytes (d.Of rowsByImm.Value[row.Imm]))
            | 2 -> replace body p.At p.Length [||]
            | 3 -> replace body p.At 0 (Array.sub body p.At p.Length)
            | 4 ->
                // An instruction of elsewhere in the body.
                let q = places[d.Below(places.Length - 1)]
                replace body p.At 0 (Array.sub body q.At q.Length)
            | 5 when p.Length > 1 ->
                // Another immediate.
                let at = opcodeLength body p
                replace body (p.At + at) (min 1 (p.Length - at)) [| (if d.Below 2 = 0 then d.Of interesting else byte (d.Below 8)) |]
            | _ ->
                // A plain instruction of the table, out of nowhere.
                replace body p.At 0 (opcodeBytes (d.Of rowsByImm.Value[Imm.None]))

    withBodies item (Array.updateAt index changed item.Bodies)

/// A mutant of a module: one to three changes. Only the first may look at the structure.
let binary (d: Dice) (corpus: Item[]) (chosen: Item) : byte[] =
    let other = d.Of corpus

    let first =
        match d.Below 10 with
        | 0
        | 1
        | 2
        | 3
        | 4 when chosen.Bodies.Length > 0 -> instructions d other chosen
        | 5
        | 6 when chosen.Sections.Length > 0 -> shuffled d other chosen
        | _ -> blind d other.Bytes chosen.Bytes

    let mutable b = first

    for _ in 1 .. (if d.Below 4 = 0 then d.Below 3 else 0) do
        b <- blind d other.Bytes b

    b

let private words =
    [|
        "("
        ")"
        "(func)"
        "(param i32)"
        "(result f64)"
        "block"
        "end"
        "if"
        "else"
        "(then"
        "loop"
        "i32.const"
        "-1"
        "0x"
        "nan:0x7fffff"
        "1e999"
        "$x"
        "$"
        "\""
        "\"\\u{110000}\""
        ";;"
        "(;"
        ";)"
        "(@x"
        "offset=4294967296"
        "align=3"
        "(type 0)"
        "(ref null 0)"
        "(rec"
        "(sub"
        "(struct (field i8))"
        "(memory i64 1)"
        "v128.const i32x4"
        "_"
        "0x1p-1074"
        "18446744073709551616"
        "(import \"\" \"\"(func))"
        "(catch_all 0)"
        "(elem func 0)"
        "\n"
        "\t"
        "\000"
        "\200"
        "(item"
        "(offset"
        "declare"
        "shared"
        "(data \"a\")"
        "br_table 0 0"
        "return_call"
    |]
    |> Array.map Encoding.Latin1.GetBytes

/// A mutant of a text: characters, words, runs of itself or of another text.
let text (d: Dice) (corpus: byte[][]) (chosen: byte[]) : byte[] =
    let mutable b = chosen

    for _ in 0 .. d.Below 3 do
        let at = d.Below b.Length

        b <-
            match d.Below 8 with
            | 0 -> replace b at 1 [| d.Byte() |]
            | 1 -> replace b at (1 + d.Below 12) [||]
            | 2 -> replace b at 0 (d.Of words)
            | 3 -> replace b at (1 + d.Below 8) (d.Of words)
            | 4 -> replace b at 0 (slice d b 64)
            | 5 -> replace b at 0 (slice d (d.Of corpus) 64)
            | 6 -> Array.truncate at b
            | _ ->
                // A bracket more or less.
                match Array.IndexOf(b, (if d.Below 2 = 0 then byte '(' else byte ')'), at) with
                | -1 -> replace b at 0 [| byte '(' |]
                | i -> replace b i 1 (if d.Below 2 = 0 then [||] else [| b[i]; b[i] |])

    b
