/// Gas and logical stack of small modules, counted by hand from the published rules: for the oracle and for every engine.
/// In: bodies written out below, each with its price beside it. Out: failures by body.
module Twofold.Properties.GasCounts

open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.OracleRuns

type private I = Out -> unit

let private plain code : I = fun o -> op o code

let private imm code (n: int) : I =
    fun o ->
        op o code
        int' o n

let private i32 n : I = fun o -> i32Const o n
let private get = imm Op.LocalGet
let private set = imm Op.LocalSet
let private add = plain Op.I32Add
let private drop = plain Op.Drop
let private br = imm Op.Br
let private brIf = imm Op.BrIf
let private call = imm Op.Call
let private ended = plain Op.End
let private (+.) (a: I list) (b: I list) = a @ b

let private opening code (blockType: byte) : I =
    fun o ->
        op o code
        o.Add blockType

let private block body = [ opening Op.Block 0x40uy ] +. body +. [ ended ]
let private loop body = [ opening Op.Loop 0x40uy ] +. body +. [ ended ]
let private if' thenArm = [ opening Op.If 0x40uy ] +. thenArm +. [ ended ]
let private ifElse thenArm elseArm = [ opening Op.If 0x7Fuy ] +. thenArm +. [ plain Op.Else ] +. elseArm +. [ ended ]

let private twoBytes code a b : I =
    fun o ->
        op o code
        int' o a
        int' o b

/// Functions [i32] -> [i32] with one local more, exported `f0`, `f1`..; a memory of 1 to 3 pages, a table of 5 with f0 first.
let private assemble (bodies: I list list) (start: bool) : byte[] =
    let out = Out header

    section out 1 (fun o ->
        int' o 2
        o.AddRange [| 0x60uy; 1uy; 0x7Fuy; 1uy; 0x7Fuy; 0x60uy; 0uy; 0uy |])

    section out 3 (fun o -> vec o (List.replicate bodies.Length 0 @ [ 1 ]) int')

    section out 4 (fun o -> o.AddRange [| 1uy; 0x70uy; 1uy; 5uy; 9uy |])
    section out 5 (fun o -> o.AddRange [| 1uy; 1uy; 1uy; 3uy |])

    section out 7 (fun o ->
        vec o [ 0 .. bodies.Length - 1 ] (fun o k ->
            name o $"f{k}"
            o.Add 0uy
            int' o k))

    if start then
        section out 8 (fun o -> int' o bodies.Length)

    section out 9 (fun o -> o.AddRange [| 1uy; 0uy; 0x41uy; 0uy; 0x0Buy; 1uy; 0uy |])

    section out 10 (fun o ->
        int' o (bodies.Length + 1)

        for body in bodies do
            sized o (fun o ->
                o.AddRange [| 1uy; 1uy; 0x7Fuy |]

                for i in body do
                    i o

                op o Op.End)

        // The start function: 1 + 1.
        sized o (fun o ->
            o.Add 0uy
            i32Const o 7
            op o Op.Drop
            op o Op.End))

    section out 11 (fun o ->
        int' o 1
        int' o 0
        i32Const o 0
        op o Op.End
        bytes o (Array.replicate 9 1uy))

    out.ToArray()

/// One page, five entries, one element segment of one function, one data segment of nine bytes.
let private instantiation = 1024L + 5L + (20L + 2L * 1L) + (20L + 2L)

/// A frame's base, its parameter and its local.
let private frame = 16 + 2

/// Every engine needs this much gas for `f0`, and exactly these units of stack.
let private check (bodies: I list list) (argument: int) (gas: int64) (units: int) (ending: string) =
    let valid = validate (assemble bodies false)

    for engine in oracle :: engines do
        use subject = new Subject(engine, valid, "f0", [| Value.I32 argument |])
        let run = subject.Run(1_000_000L, units)
        Assert.That((engine.Name, run.End, run.Gas - instantiation), Is.EqualTo((engine.Name, ending, gas)))
        Assert.That(subject.Run(1_000_000L, units - 1).End, Is.EqualTo "stack exhausted", engine.Name)

[<Test>]
let ``a straight line is one block`` () = check [ [ get 0; i32 2; add ] ] 3 3L (frame + 2) "returned i32:5"

[<Test>]
let ``division, memory and globals have their own prices`` () =
    //                 1      1      5                1      2
    check
        [ [ get 0; i32 2; plain 0x6Dus; set 1; i32 0; twoBytes 0x28us 2 0; get 1; add ] ]
        8
        (1L + 1L + 5L + 1L + 1L + 2L + 1L + 1L)
        (frame + 2)
        "returned i32:16843013"

[<Test>]
let ``a block that no branch targets goes on, one that is targeted ends`` () =
    // block, get 0, br_if: 1 + 2. Then taken: after the block 1. Else first the rest: 1 + 1.
    let body = block [ get 0; brIf 0; i32 9; drop ] +. [ i32 5 ]
    check [ body ] 1 (3L + 1L) (frame + 1) "returned i32:5"
    check [ body ] 0 (3L + 2L + 1L) (frame + 1) "returned i32:5"
    check [ block [ get 0; drop ] +. [ i32 5 ] ] 0 3L (frame + 1) "returned i32:5"

[<Test>]
let ``arms of an if are blocks, and so is what follows it`` () =
    let body = [ get 0 ] +. ifElse [ i32 1; i32 2; add ] [ i32 4 ] +. [ i32 1; add ]
    check [ body ] 1 (3L + 3L + 2L) (frame + 2) "returned i32:4"
    check [ body ] 0 (3L + 1L + 2L) (frame + 2) "returned i32:5"

[<Test>]
let ``an if without else pays its arm only when taken`` () =
    let body = [ get 0 ] +. if' [ i32 1; drop ] +. [ i32 5 ]
    check [ body ] 1 (3L + 2L + 1L) (frame + 1) "returned i32:5"
    check [ body ] 0 (3L + 1L) (frame + 1) "returned i32:5"

[<Test>]
let ``a loop pays its block each time round`` () =
    // get 0, i32 -1, add, tee: 4; br_if: 2. After br_if: the end of the loop goes on, 1.
    let body = loop [ get 0; i32 -1; add; imm Op.LocalTee 0; brIf 0 ] +. [ i32 5 ]
    check [ body ] 4 (4L * 6L + 1L) (frame + 2) "returned i32:5"

[<Test>]
let ``what cannot be reached costs neither gas nor stack`` () =
    let dead = [ i32 1; i32 2; i32 3; i32 4; drop; drop; drop; drop ]
    check [ block ([ br 0 ] +. dead) +. [ i32 5 ] ] 0 (2L + 1L) (frame + 1) "returned i32:5"
    // The branch is dead, so the block is not targeted: one block of gas; the inner end is not reachable either.
    check [ [ get 0; plain Op.Return ] +. block [ br 0 ] +. dead +. [ i32 5 ] ] 7 3L (frame + 1) "returned i32:7"

[<Test>]
let ``unreachable is paid for, and traps`` () =
    check [ [ i32 1; drop; plain Op.Unreachable ] ] 0 3L (frame + 1) "trapped Unreachable 0 0 0 "

[<Test>]
let ``a call adds the frames up, a tail call does not`` () =
    let callee = [ get 0; i32 1; add ]
    check [ [ get 0; call 1 ]; callee ] 1 (1L + 10L + 3L) (frame + 1 + frame + 2) "returned i32:2"
    check [ [ get 0; imm Op.ReturnCall 1 ]; callee ] 1 (1L + 10L + 3L) (frame + 2) "returned i32:2"

[<Test>]
let ``an indirect call pays more, and traps with its numbers`` () =
    let body at = [ get 0 ] +. if' [ i32 0; i32 at; twoBytes Op.CallIndirect 0 0; drop ] +. [ i32 5 ]
    check [ body 0 ] 1 (3L + (1L + 1L + 15L + 1L) + 1L + (3L + 1L)) (2 * (frame + 2)) "returned i32:5"
    check [ body 9 ] 1 (3L + 18L) (frame + 2) "trapped UndefinedElement 9 1 5 "
    check [ body 2 ] 1 (3L + 18L) (frame + 2) "trapped UninitializedElement 2 0 0 "

[<Test>]
let ``growth is paid by page when it succeeds, by the base when it fails`` () =
    let body = [ get 0; imm Op.MemoryGrow 0 ]
    check [ body ] 2 (21L + 2048L) (frame + 1) "returned i32:1"
    check [ body ] 3 21L (frame + 1) "returned i32:-1"
    check [ [ imm Op.RefFunc 0; get 0; imm Op.TableGrow 0 ] ] 4 (3L + 1L + 20L + 4L) (frame + 2) "returned i32:5"
    check [ [ imm Op.RefFunc 0; get 0; imm Op.TableGrow 0 ] ] 5 (3L + 1L + 20L) (frame + 2) "returned i32:-1"

[<Test>]
let ``bulk instructions pay by length before they check it`` () =
    let fill = [ i32 0; i32 1; get 0; imm Op.MemoryFill 0; i32 5 ]
    check [ fill ] 17 (24L + 3L) (frame + 3) "returned i32:5"
    check [ fill ] 65537 (24L + 8193L) (frame + 3) "trapped MemoryOutOfBounds 0 65537 65536 "
    let copy = [ i32 3; i32 0; get 0; twoBytes Op.TableCopy 0 0; i32 5 ]
    check [ copy ] 2 (24L + 4L) (frame + 3) "returned i32:5"
    check [ copy ] 4 (24L + 8L) (frame + 3) "trapped TableOutOfBounds 3 4 5 "

[<Test>]
let ``the start function pays for its body only`` () =
    let valid = validate (assemble [ [ get 0 ] ] true)

    for engine in oracle :: engines do
        use subject = new Subject(engine, valid, "f0", [| Value.I32 1 |])
        Assert.That(subject.Run(1_000_000L, 1000).Gas, Is.EqualTo(instantiation + 2L + 1L), engine.Name)

[<Test>]
let ``a block is paid for before it runs, whole`` () =
    let valid = validate (assemble [ [ i32 0; i32 9; twoBytes 0x36us 2 0; i32 5 ] ] false)

    for engine in oracle :: engines do
        use subject = new Subject(engine, valid, "f0", [| Value.I32 1 |])
        let before = subject.Run(instantiation, 1000)
        let short = subject.Run(instantiation + 4L, 1000)
        let whole = subject.Run(instantiation + 5L, 1000)

        Assert.That(
            (before.End, short.End, short.Gas, whole.End),
            Is.EqualTo(("out of gas", "out of gas", instantiation + 4L, "returned i32:5")),
            engine.Name
        )

        Assert.That(short.Memory, Is.EqualTo before.Memory, "the store is in the block that was not paid for")
        Assert.That(whole.Memory, Is.Not.EqualTo before.Memory)

[<Test>]
let ``locals are paid sixteen at a time, in the first block of each call`` () =
    let body = "local.get 0 i32.eqz (if (then)) i32.const 5"

    let cases = [
        "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", 0L
        "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", 1L
        String.replicate 30 "i64 ", 1L
        String.replicate 31 "i64 ", 2L
        String.replicate 7 "v128 ", 0L
        String.replicate 8 "v128 ", 1L
        String.replicate 9_000 "f64 ", 562L
    ]

    for locals, price in cases do
        let valid =
            $"""(module
                  (func $f (param i32) (result i32) (local {locals}) {body})
                  (func (export "once") (param i32) (result i32) local.get 0 call $f)
                  (func (export "loops") (param i32) (result i32) (local {locals}) (loop (br_if 0 (i32.eqz (local.tee 0 (i32.eqz (local.get 0)))))) i32.const 5))"""
            |> Twofold.Wasm.Text.Wat.parse
            |> Result.defaultWith (fun e -> failwith (string e))
            |> validate

        for engine in oracle :: engines do
            let gas entry =
                use subject = new Subject(engine, valid, entry, [| Value.I32 1 |])
                subject.Run(1_000_000L, 30_000).Gas

            // local.get, eqz, if: 4; const: 1; the caller's get and call: 11.
            Assert.That(gas "once", Is.EqualTo(11L + 4L + 1L + price), $"{engine.Name}, once, {locals.Length}")
            // Twice around: get, eqz, tee, eqz, br_if; const. The locals once, in a block that is empty but for them.
            Assert.That(gas "loops", Is.EqualTo(price + 2L * 6L + 1L), $"{engine.Name}, loops, {locals.Length}")
