/// Modules that ask for more than they are worth: enormous counts in a few bytes, deep nesting, giant tables, long bodies, long names.
/// In: sizes. Out: bytes. Builders are for tests; nothing here is a mutant of real code (that is Mutants.fs).
module Twofold.Conformance.HostileModules

open System

/// Unsigned LEB128.
let rec leb (n: uint64) : byte[] = if n < 0x80UL then [| byte n |] else Array.append [| byte n ||| 0x80uy |] (leb (n >>> 7))

let u (n: int) = leb (uint64 n)

/// A type index where the format has a signed number of 33 bits.
let heap (n: int) : byte[] =
    let b = u n
    // The last byte's bit 6 would be a sign.
    if b[b.Length - 1] &&& 0x40uy = 0uy then
        b
    else
        Array.append (Array.updateAt (b.Length - 1) (b[b.Length - 1] ||| 0x80uy) b) [| 0uy |]

let section (id: int) (content: byte[]) = Array.concat [ [| byte id |]; u content.Length; content ]

let moduleOf (sections: byte[] list) = Array.concat ([| 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy |] :: sections)

/// A vector of items.
let vec (items: byte[] seq) = Array.append (u (Seq.length items)) (Array.concat items)

/// `n` copies of some bytes.
let times (n: int) (bytes: byte[]) : byte[] =
    let a = Array.zeroCreate (n * bytes.Length)

    for i in 0 .. n - 1 do
        Buffer.BlockCopy(bytes, 0, a, i * bytes.Length, bytes.Length)

    a

let bodies (bodies: byte[] list) = section 10 (vec [ for b in bodies -> Array.append (u b.Length) b ])

let nothing = [| 0x60uy; 0uy; 0uy |]

/// A module of the given types with one function of type 0, exported as `f`.
let func (types: byte[] list) (body: byte[]) =
    moduleOf [ section 1 (vec types); section 3 [| 1uy; 0uy |]; section 7 [| 1uy; 1uy; byte 'f'; 0uy; 0uy |]; bodies [ body ] ]

/// The same with instructions only: no locals, `end` supplied.
let code (instructions: byte[]) = func [ nothing ] (Array.concat [ [| 0uy |]; instructions; [| 0x0Buy |] ])

/// `block` nested n deep, closed again.
let nestedBlocks n = code (Array.append (times n [| 0x02uy; 0x40uy |]) (times n [| 0x0Buy |]))

/// n instructions of one kind nested with an operand each: `i32.const 0 if ... end`.
let nestedIfs n = code (Array.append (times n [| 0x41uy; 1uy; 0x04uy; 0x40uy |]) (times n [| 0x0Buy |]))
let nestedLoops n = code (Array.append (times n [| 0x03uy; 0x40uy |]) (times n [| 0x0Buy |]))

/// `try_table` without clauses, nested.
let nestedTryTables n = code (Array.append (times n [| 0x1Fuy; 0x40uy; 0uy |]) (times n [| 0x0Buy |]))

/// Legacy `try ... catch_all end`, nested in the body of each other.
let nestedTries n = code (Array.append (times n [| 0x06uy; 0x40uy |]) (times n [| 0x19uy; 0x0Buy |]))

/// A function with n locals of i64 in one group: six bytes.
let locals n = func [ nothing ] (Array.concat [ [| 1uy |]; u n; [| 0x7Euy; 0x0Buy |] ])

/// The same, each of which is written and read.
let usedLocals n =
    func
        [ nothing ]
        (Array.concat [
            [| 1uy |]
            u n
            [| 0x7Euy |]
            Array.concat [ for i in 0 .. n - 1 -> Array.concat [ [| 0x42uy; 1uy; 0x21uy |]; u i ] ]
            Array.concat [ for i in 0 .. n - 1 -> Array.concat [ [| 0x20uy |]; u i; [| 0x1Auy |] ] ]
            [| 0x0Buy |]
        ])

/// `br_table` with n labels besides the default, in two blocks, entered with index 1.
let brTable n =
    code (
        Array.concat [
            [| 0x02uy; 0x40uy; 0x02uy; 0x40uy; 0x41uy; 1uy; 0x0Euy |]
            u n
            Array.init (n + 1) (fun i -> byte (i &&& 1))
            [| 0x0Buy; 0x0Buy |]
        ]
    )

/// The same over labels that hand over a value, so that each needs moves of its own.
let brTableWithValues n =
    code (
        Array.concat [
            [| 0x02uy; 0x7Fuy; 0x02uy; 0x7Fuy; 0x41uy; 7uy; 0x41uy; 1uy; 0x0Euy |]
            u n
            Array.init (n + 1) (fun i -> byte (i &&& 1))
            [| 0x0Buy; 0x0Buy; 0x1Auy |]
        ]
    )

/// Types in a chain: each a subtype of the one before.
let subtypeChain n =
    moduleOf [
        section
            1
            (Array.concat [
                u n
                [| 0x50uy; 0uy; 0x5Fuy; 0uy |]
                Array.concat [ for i in 1 .. n - 1 -> Array.concat [ [| 0x50uy; 1uy |]; u (i - 1); [| 0x5Fuy; 0uy |] ] ]
            ])
    ]

/// The longest chain that is allowed, and a function full of casts from its first to its last type.
let castsAlongChain depth casts =
    let chain =
        Array.concat [
            u (depth + 1)
            nothing
            [| 0x50uy; 0uy; 0x5Fuy; 0uy |]
            Array.concat [ for i in 2..depth -> Array.concat [ [| 0x50uy; 1uy |]; u (i - 1); [| 0x5Fuy; 0uy |] ] ]
        ]

    let cast = Array.concat [ [| 0xD0uy |]; heap 1; [| 0xFBuy; 23uy |]; heap depth; [| 0x1Auy |] ]

    moduleOf [ section 1 chain; section 3 [| 1uy; 0uy |]; bodies [ Array.concat [ [| 0uy |]; times casts cast; [| 0x0Buy |] ] ] ]

/// One recursion group of n structs, each with a reference to every neighbour.
let recGroup n =
    moduleOf [
        section
            1
            (Array.concat [
                [| 1uy; 0x4Euy |]
                u n
                Array.concat [
                    for i in 0 .. n - 1 ->
                        Array.concat [ [| 0x5Fuy; 2uy; 0x63uy |]; heap ((i + 1) % n); [| 0uy; 0x63uy |]; heap ((i + n - 1) % n); [| 0uy |] ]
                ]
            ])
    ]

/// n groups of one struct that refers to itself: all of them are the same type.
let equalGroups n =
    moduleOf [
        section
            1
            (Array.concat [ u n; Array.concat [ for i in 0 .. n - 1 -> Array.concat [ [| 0x5Fuy; 1uy; 0x63uy |]; heap i; [| 0uy |] ] ] ])
    ]

/// A struct of n fields.
let fields n = moduleOf [ section 1 (Array.concat [ [| 1uy; 0x5Fuy |]; u n; times n [| 0x7Fuy; 0uy |] ]) ]

/// A global whose initialiser is a sum of n ones, added up last.
let deepConstant n =
    moduleOf [
        section 6 (Array.concat [ [| 1uy; 0x7Fuy; 0uy |]; times n [| 0x41uy; 1uy |]; times (n - 1) [| 0x6Auy |]; [| 0x0Buy |] ])
    ]

/// An import and an export with names of n bytes.
let longNames n =
    let name = Array.append (u n) (Array.create n (byte 'a'))

    moduleOf [
        section 1 (vec [ nothing ])
        section 2 (Array.concat [ [| 1uy |]; name; name; [| 0uy; 0uy |] ])
        section 7 (Array.concat [ [| 1uy |]; name; [| 0uy; 0uy |] ])
    ]

/// n bytes of custom sections, each of `size` bytes.
let customs n size =
    let one = section 0 (Array.concat [ [| 1uy; byte 'c' |]; Array.zeroCreate (size - 2) ])
    moduleOf [ times (n / one.Length) one ]

/// A name section with a name for n functions that do not exist.
let names n =
    let entries = Array.concat [ u n; Array.concat [ for i in 0 .. n - 1 -> Array.concat [ u i; [| 1uy; byte 'f' |] ] ] ]
    moduleOf [ section 0 (Array.concat [ [| 4uy |]; "name"B; [| 1uy |]; u entries.Length; entries ]) ]

/// One body of n bytes: an instruction of one byte again and again.
let longBody n (instruction: byte) = code (times (n - 2) [| instruction |])

/// A body of about n bytes that ends many basic blocks: `block br_if 0 end`.
let branchyBody n = code (times (n / 7) [| 0x02uy; 0x40uy; 0x41uy; 0uy; 0x0Duy; 0uy; 0x0Buy |])

/// A body of about n bytes of calls that could run, had the first comparison gone the other way.
let reachableCalls n = code (Array.concat [ [| 0x41uy; 1uy; 0x04uy; 0x40uy; 0x0Fuy; 0x0Buy |]; times (n / 2) [| 0x10uy; 0uy |] ])

/// n operands on the stack, dropped again.
let tallStack n = code (Array.append (times n [| 0x41uy; 1uy |]) (times n [| 0x1Auy |]))

/// n functions with `locals` locals each and nothing else.
let manyFunctions n locals =
    let body = Array.concat [ [| 1uy |]; u locals; [| 0x7Euy; 0x0Buy |] ]
    let one = Array.append (u body.Length) body

    moduleOf [
        section 1 (vec [ nothing ])
        section 3 (Array.append (u n) (Array.zeroCreate n))
        section 10 (Array.append (u n) (times n one))
    ]

/// n element expressions `ref.null func` in one passive segment.
let elementExpressions n = moduleOf [ section 9 (Array.concat [ [| 1uy; 5uy; 0x70uy |]; u n; times n [| 0xD0uy; 0x70uy; 0x0Buy |] ]) ]

/// The largest count that LEB128 has room for, as five bytes.
let enormous = [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x0Fuy |]

/// Enormous counts wherever the binary format has a count or a length; each module has at most 40 bytes.
let enormousCounts: (string * byte[]) list = [
    for id in [ 1; 2; 3; 4; 5; 6; 7; 9; 10; 11; 13 ] do
        $"section {id}: items", moduleOf [ section id enormous ]

    "section size", moduleOf [ Array.append [| 1uy |] enormous ]
    "data count", moduleOf [ section 12 enormous ]
    "custom section's name", moduleOf [ section 0 enormous ]

    let typeSection content = moduleOf [ section 1 (Array.append [| 1uy |] content) ]
    "parameters", typeSection (Array.append [| 0x60uy |] enormous)
    "results", typeSection (Array.append [| 0x60uy; 0uy |] enormous)
    "fields", typeSection (Array.append [| 0x5Fuy |] enormous)
    "recursion group", typeSection (Array.append [| 0x4Euy |] enormous)
    "supertypes", typeSection (Array.append [| 0x50uy |] enormous)

    "import's module name", moduleOf [ section 2 (Array.append [| 1uy |] enormous) ]
    "import's name", moduleOf [ section 2 (Array.append [| 1uy; 0uy |] enormous) ]
    "export's name", moduleOf [ section 7 (Array.append [| 1uy |] enormous) ]
    "start", moduleOf [ section 8 enormous ]
    "table's minimum", moduleOf [ section 4 (Array.append [| 1uy; 0x70uy; 0uy |] enormous) ]
    "memory's minimum", moduleOf [ section 5 (Array.append [| 1uy; 0uy |] enormous) ]
    "elements by index", moduleOf [ section 9 (Array.append [| 1uy; 1uy; 0uy |] enormous) ]
    "elements by expression", moduleOf [ section 9 (Array.append [| 1uy; 5uy; 0x70uy |] enormous) ]
    "data segment", moduleOf [ section 11 (Array.append [| 1uy; 1uy |] enormous) ]
    "data segment's memory", moduleOf [ section 11 (Array.append [| 1uy; 2uy |] enormous) ]

    "body size", moduleOf [ section 1 (vec [ nothing ]); section 3 [| 1uy; 0uy |]; section 10 (Array.append [| 1uy |] enormous) ]
    "groups of locals", func [ nothing ] enormous
    "locals", func [ nothing ] (Array.concat [ [| 1uy |]; enormous; [| 0x7Fuy; 0x0Buy |] ])
    "locals of 64 bits", func [ nothing ] (Array.concat [ [| 2uy |]; enormous; [| 0x7Fuy |]; enormous; [| 0x7Euy; 0x0Buy |] ])
    "labels", code (Array.concat [ [| 0x41uy; 0uy; 0x0Euy |]; enormous; [| 0uy |] ])
    "catch clauses", code (Array.concat [ [| 0x1Fuy; 0x40uy |]; enormous; [| 2uy; 0uy; 0x0Buy |] ])
    "types of select", code (Array.append [| 0x1Cuy |] enormous)
    "label", code (Array.append [| 0x0Cuy |] enormous)
    "function", code (Array.append [| 0x10uy |] enormous)
    "local", code (Array.append [| 0x20uy |] enormous)
    "block type", code (Array.append [| 0x02uy |] enormous)
    "elements of array.new_fixed", code (Array.concat [ [| 0xFBuy; 8uy; 0uy |]; enormous; [| 0x1Auy |] ])
    "field of struct.get", code (Array.concat [ [| 0xFBuy; 2uy; 0uy |]; enormous; [| 0x1Auy |] ])
    "heap type", code (Array.concat [ [| 0xD0uy |]; [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0x0Fuy |]; [| 0x1Auy |] ])
]

/// Texts that nest, repeat, or go on for ever: name, text, does it read.
let texts: (string * (unit -> string) * bool) list =
    let times (n: int) (s: string) = String.replicate n s

    [
        "99,999 folded blocks", (fun () -> "(module (func " + times 99_999 "(block " + times 99_999 ")" + "))"), true
        "99,999 blocks", (fun () -> "(module (func " + times 99_999 "block " + times 99_999 "end " + "))"), true
        "99,999 folded operands",
        (fun () -> "(module (func (result i32) " + times 99_999 "(i32.eqz " + "(i32.const 1)" + times 99_999 ")" + "))"),
        true
        "a million brackets", (fun () -> times 1_000_000 "("), false
        "a million brackets in a module", (fun () -> "(module " + times 1_000_000 "(func "), false
        "a million nested comments", (fun () -> times 1_000_000 "(;" + times 1_000_000 ";)" + "(module)"), true
        "a million open comments", (fun () -> times 1_000_000 "(;"), false
        "nested annotations", (fun () -> "(module " + times 500_000 "(@a " + times 500_000 ")" + ")"), true
        "an identifier of a megabyte", (fun () -> "(module (func $" + times 1_000_000 "a" + "))"), true
        "a string of four megabytes", (fun () -> "(module (memory 1) (data \"" + times 4_000_000 "a" + "\"))"), true
        "an integer of a million digits", (fun () -> "(module (func i32.const " + times 1_000_000 "1" + "))"), false
        "a fraction of a million digits", (fun () -> "(module (func f64.const 0." + times 1_000_000 "1" + " drop))"), true
        "a float of a million digits", (fun () -> "(module (func f64.const 0x" + times 1_000_000 "1" + "p-4000000 drop))"), true
        "an exponent of a million digits", (fun () -> "(module (func f64.const 1e" + times 1_000_000 "1" + " drop))"), false
        "a br_table of half a million labels", (fun () -> "(module (func (br_table " + times 500_000 "0 " + "(i32.const 0))))"), true
        "100,000 types in use",
        (fun () -> "(module " + String.Join(' ', Seq.init 100_000 (fun i -> $"(func (param i32) (type {i}))")) + ")"),
        false
        "a module of 100,000 functions",
        (fun () -> "(module " + String.Join(' ', Seq.init 100_000 (fun i -> $"(func $f{i} call $f{99_999 - i})")) + ")"),
        true
        "50,000 named locals",
        (fun () -> "(module (func " + String.Join(' ', Seq.init 50_000 (fun i -> $"(local $l{i} i32)")) + " local.get $l49999 drop))"),
        true
    ]
