/// The text format: numbers to the last bit against exact arithmetic, abbreviations against their long forms, mistakes by line and column, hostile texts.
/// In: generated numbers, the sample contracts' sources, hand-written texts. Out: laws of Lexer, Numbers, Parser and Printer.
module Twofold.Properties.TextLaws

open System
open System.IO
open System.Numerics
open System.Text
open FsCheck.FSharp
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text

let private decode (bytes: byte[]) = Decode.run WasmLimits.Host Features.All bytes

let private parsed (text: string) : Module =
    match Wat.parse text |> Result.bind decode with
    | Ok m -> m
    | Error e -> failwith $"{e} in {text}"

let private error (text: string) : Rejected =
    match Wat.parse text with
    | Ok _ -> failwith $"accepted: {text}"
    | Error e -> e

/// The bits of a constant of type f32 or f64.
let private constant (t: string) (literal: string) : Result<int64, Rejected> =
    Wat.parse $"(global {t} ({t}.const {literal}))" |> Result.bind decode |> Result.map (fun m -> m.Globals[0].Init[0].Imm)

/// The slow twin: a positive fraction rounded to nearest even by integer arithmetic alone; -1 when it overflows.
let private exact (bits: int) (least: int) (num: BigInteger) (den: BigInteger) : int64 =
    if num.IsZero then
        0L
    else
        // The exponent of the last bit so that the quotient has `bits` bits, or the subnormals' grid.
        let scaled (e: int) = if e >= 0 then num, den <<< e else num <<< -e, den

        let quotient e =
            let n, d = scaled e
            let q = BigInteger.Divide(n, d)
            let r = (n - q * d) * BigInteger 2
            if r > d || (r = d && not q.IsEven) then q + BigInteger.One else q

        let mutable e = max least (int (num.GetBitLength()) - int (den.GetBitLength()) - bits)

        // The estimate is at most two too small: a quotient that is too long is divided again, from the original numbers.
        while (let n, d = scaled e in BigInteger.Divide(n, d).GetBitLength() > int64 bits) do
            e <- e + 1

        let q = quotient e
        let hidden = BigInteger.One <<< (bits - 1)
        let encoded = if q < hidden then q else (BigInteger(e - least) <<< (bits - 1)) + q
        let infinity = BigInteger(if bits = 24 then 0xFF else 0x7FF) <<< (bits - 1)
        if encoded >= infinity then -1L else int64 encoded

let private agrees (t: string) (literal: string) (expected: int64) =
    match constant t literal with
    | Ok bits -> bits = expected
    | Error e -> expected = -1L && e.Message.StartsWith "constant out of range"

let private widths = [ "f32", 24, -149; "f64", 53, -1074 ]

[<FsCheck.NUnit.Property(MaxTest = 400)>]
let ``decimal floats are the nearest, ties to even, rounded once`` () =
    let digits = Gen.choose (1, 40) |> Gen.bind (fun n -> Gen.listOfLength n (Gen.choose (0, 9)))
    let exponent = Gen.oneof [ Gen.choose (-60, 40); Gen.choose (-345, 310) ]

    Prop.forAll (Arb.fromGen (Gen.zip digits exponent)) (fun (digits, exponent) ->
        let text = digits |> List.map string |> String.concat ""
        let n = BigInteger.Parse text
        let power = BigInteger.Pow(BigInteger 10, abs exponent)
        let num, den = if exponent >= 0 then n * power, BigInteger.One else n, power

        widths |> List.forall (fun (t, bits, least) -> agrees t $"{text}e{exponent}" (exact bits least num den)))

[<FsCheck.NUnit.Property(MaxTest = 400)>]
let ``hexadecimal floats are the nearest, ties to even`` () =
    let digits = Gen.choose (1, 24) |> Gen.bind (fun n -> Gen.listOfLength n (Gen.elements [ 0; 0; 1; 7; 8; 15 ]))
    let exponent = Gen.oneof [ Gen.choose (-40, 40); Gen.choose (-1200, 1000); Gen.choose (-240, -120) ]

    Prop.forAll (Arb.fromGen (Gen.zip3 digits (Gen.choose (0, 24)) exponent)) (fun (digits, point, exponent) ->
        let text = digits |> List.map (fun d -> d.ToString "x") |> String.concat ""
        let point = min point text.Length |> max 1
        let literal = $"0x{text.Substring(0, point)}.{text.Substring point}p{exponent}"
        let n = BigInteger.Parse("0" + text, Globalization.NumberStyles.HexNumber)
        let scale = exponent - 4 * (text.Length - point)
        let num, den = if scale >= 0 then n <<< scale, BigInteger.One else n, BigInteger.One <<< -scale

        widths |> List.forall (fun (t, bits, least) -> agrees t literal (exact bits least num den)))

/// A module of one function with constants: printing and parsing must give the same bits, NaNs included.
let private constants (f32: uint32) (f64: uint64) =
    let text = $"(global f32 f32.const 0) (global f64 f64.const 0)"
    let m = parsed text
    let set (g: GlobalDef) (bits: int64) = { g with Init = [| { g.Init[0] with Imm = bits } |] }
    { m with Globals = [| set m.Globals[0] (int64 f32); set m.Globals[1] (int64 f64) |] }

[<FsCheck.NUnit.Property(MaxTest = 1000)>]
let ``floats print and parse to the same bits`` () =
    // All bits alike (numbers that FsCheck makes itself are small); half of them in the exponents of NaNs and infinities.
    let bits = Gen.arrayOfLength 8 (Gen.choose (0, 255) |> Gen.map byte) |> Gen.map BitConverter.ToUInt64

    Prop.forAll (Arb.fromGen (Gen.zip bits (Gen.elements [ true; false ]))) (fun (bits, special) ->
        let a = if special then uint32 bits ||| 0x7F800000u else uint32 bits
        let b = if special then bits ||| 0x7FF0000000000000UL else bits

        match Printer.run WasmLimits.Host Features.All (constants a b) with
        | Error e -> failwith $"{e}"
        | Ok text ->
            let m = parsed text
            m.Globals[0].Init[0].Imm = int64 a && m.Globals[1].Init[0].Imm = int64 b)

[<TestCase("f32", "1.00000017881393432617187499", 0x3F800001L)>] // through f64 it would be ...02
[<TestCase("f32", "0x1.000002ffffffffffffffffffffffp0", 0x3F800001L)>]
[<TestCase("f32", "340282356779733661637539395458142568447.9999", 0x7F7FFFFFL)>]
[<TestCase("f32", "nan:0x1", 0x7F800001L)>]
[<TestCase("f32", "-0x0p0", 0x80000000L)>]
[<TestCase("f64", "4.9406564584124654e-324", 1L)>]
[<TestCase("f64", "2.4703282292062327208e-324", 0L)>]
[<TestCase("f64", "0x1p-99999999999999999999999999", 0L)>]
[<TestCase("f64", "1_0.5_0e0_1", 0x405A400000000000L)>]
let ``single floats`` (t: string, literal: string, bits: int64) =
    match constant t literal with
    | Ok b -> Assert.That(b, Is.EqualTo bits)
    | Error e -> Assert.Fail(string e)

[<TestCase("(module\n  (func\n    local.gett 0))", "unknown operator local.gett", "line 3, column 5")>]
[<TestCase("(func (call $missing))", "unknown function $missing", "line 1, column 13")>]
[<TestCase("(func $a)\n(func $a)", "duplicate func $a", "line 2, column 7")>]
[<TestCase("(func (i32.const 4294967296) drop)", "constant out of range: 4294967296", "line 1, column 18")>]
[<TestCase("(memory 1) (func (drop (i32.load align=3 (i32.const 0))))", "alignment must be a power of two", "line 1, column 34")>]
[<TestCase("(func (block $a (br $b)))", "unknown label $b", "line 1, column 21")>]
[<TestCase("(func block $a end $b)", "mismatching label $b", "line 1, column 20")>]
[<TestCase("(func (if (i32.const 1) (i32.const 2)))", "unexpected token", "line 1, column 38")>]
[<TestCase("(func) (func", "unexpected token", "line 1, column 8")>]
[<TestCase("(func))", "unexpected token", "line 1, column 7")>]
[<TestCase("(data \"a", "unclosed string literal", "line 1, column 7")>]
[<TestCase("(; (; ;)", "unclosed comment", "line 1, column 1")>]
[<TestCase("é", "illegal character", "line 1, column 1")>]
[<TestCase("(data \"é\" \"\\zz\")", "illegal escape", "line 1, column 12")>]
[<TestCase("(export \"\\ff\" (func 0))", "malformed UTF-8 encoding", "line 1, column 9")>]
[<TestCase("(func (param i32))\r\n(import \"a\" \"b\" (func))", "import after function", "line 2, column 1")>]
[<TestCase("(type $t (func (result i32)))\n(func (type $t) (result i64) unreachable)", "inline function type", "line 2, column 17")>]
let ``mistakes are named with line and column`` (text: string, message: string, where: string) =
    let e = error text
    Assert.That(e.Kind, Is.EqualTo RejectKind.Malformed)
    Assert.That(e.Message, Does.StartWith message)
    Assert.That(e.Where, Is.EqualTo where)

[<TestCase("(func (param v128))", Feature.Simd, "line 1, column 14")>]
[<TestCase("(func (drop (i8x16.splat (i32.const 1))))", Feature.Simd, "line 1, column 14")>]
[<TestCase("(type (struct (field i32)))", Feature.Gc, "line 1, column 7")>]
[<TestCase("(type (sub (func)))", Feature.Gc, "line 1, column 7")>]
[<TestCase("(rec (type (func)))", Feature.Gc, "line 1, column 1")>]
[<TestCase("(func (param anyref))", Feature.Gc, "line 1, column 14")>]
[<TestCase("(func (try_table))", Feature.Exceptions, "line 1, column 8")>]
[<TestCase("(func (try (do)))", Feature.LegacyExceptions, "line 1, column 8")>]
[<TestCase("(type $t (func)) (func (param (ref $t)))", Feature.FunctionReferences, "line 1, column 36")>]
[<TestCase("(memory i64 1)", Feature.Memory64, "line 1, column 9")>]
[<TestCase("(memory 1 1 shared)", Feature.Threads, "line 1, column 13")>]
[<TestCase("(memory 1) (memory 1) (func (drop (i32.load 1 (i32.const 0))))", Feature.MultiMemory, "line 1, column 45")>]
let ``what is switched off is refused by feature, line and column`` (text: string, feature: Feature, where: string) =
    match Wat.parseWith (Features.All.Without feature) (Encoding.UTF8.GetBytes text) with
    | Ok _ -> Assert.Fail "accepted"
    | Error e ->
        Assert.That(e.Kind, Is.EqualTo(RejectKind.Feature feature))
        Assert.That(e.Where, Is.EqualTo where)

    Assert.That((Wat.parse text).IsOk)

    // A mistake that comes later is told instead: the text may be no module at all.
    match Wat.parseWith (Features.All.Without feature) (Encoding.UTF8.GetBytes(text + " (fun)")) with
    | Ok _ -> Assert.Fail "accepted"
    | Error e -> Assert.That(e.Kind, Is.EqualTo RejectKind.Malformed)

[<Test>]
let ``tags and throw belong to both forms of exceptions`` () =
    let text = Encoding.UTF8.GetBytes "(tag) (func (throw 0))"
    let neither = Features.All.Without(Feature.Exceptions).Without(Feature.LegacyExceptions)
    Assert.That((Wat.parseWith (neither.With Feature.LegacyExceptions) text).IsOk)
    Assert.That((Wat.parseWith (neither.With Feature.Exceptions) text).IsOk)

    match Wat.parseWith neither text with
    | Error e -> Assert.That((e.Kind, e.Where), Is.EqualTo((RejectKind.Feature Feature.Exceptions, "line 1, column 1")))
    | Ok _ -> Assert.Fail "accepted"

/// Each pair encodes to the same bytes.
[<TestCase("(func (export \"f\") (import \"a\" \"b\") (param i32))",
           "(type (func (param i32))) (import \"a\" \"b\" (func (type 0))) (export \"f\" (func 0))")>]
[<TestCase("(func (result i32) (i32.add (i32.const 1) (i32.const 2)))",
           "(type (func (result i32))) (func (type 0) i32.const 1 i32.const 2 i32.add)")>]
[<TestCase("(func (if (i32.const 1) (then nop) (else unreachable)))", "(func i32.const 1 if nop else unreachable end)")>]
[<TestCase("(func (loop (br 0)) (block (br_if 0 (i32.const 0))))", "(func loop br 0 end block i32.const 0 br_if 0 end)")>]
[<TestCase("(memory (data \"ab\" \"c\"))", "(memory 1 1) (data (memory 0) (offset i32.const 0) \"abc\")")>]
[<TestCase("(func) (table funcref (elem 0 0))", "(func) (table 2 2 funcref) (elem (table 0) (offset i32.const 0) func 0 0)")>]
[<TestCase("(table 1 funcref) (elem (i32.const 0) funcref (ref.null func))",
           "(table 1 (ref null func)) (elem (offset i32.const 0) funcref (item ref.null func))")>]
[<TestCase("(memory 1) (func (i32.store8 offset=0x1_0 (i32.const 0) (i32.const 0)))",
           "(memory 1) (func i32.const 0 i32.const 0 i32.store8 offset=16 align=1)")>]
[<TestCase("(func (@note \"(\" ) (;(; ;);) nop ;; end\n)", "(func nop)")>]
[<TestCase("(func (block (param i32) (result i32)) (block (result i32) unreachable) drop)",
           "(type (func)) (type (func (param i32) (result i32))) (func (type 0) block (type 1) end block (result i32) unreachable end drop)")>]
[<TestCase("(tag $e (param i32)) (func (try (do (throw $e (i32.const 1))) (catch $e drop) (catch_all)))",
           "(tag (param i32)) (func try i32.const 1 throw 0 catch 0 drop catch_all end)")>]
[<TestCase("(func (try $l (do (try (do) (delegate $l)))))", "(func try try delegate 0 end)")>]
[<TestCase("(tag) (func (try_table (catch 0 0) (catch_all 0) nop))", "(tag) (func try_table (catch 0 0) (catch_all 0) nop end)")>]
[<TestCase("(rec (type $t (struct (field $a i32) (field $b i32))))(func (param (ref $t)) (drop (struct.get $t $b (local.get 0))))",
           "(type (struct (field i32 i32))) (func (param (ref 0)) local.get 0 struct.get 0 1 drop)")>]
[<TestCase("(memory $m 1) (memory $n 1) (func (param i32 v128) (v128.store8_lane $n 3 (local.get 0) (local.get 1)) (v128.store8_lane 3 (local.get 0) (local.get 1)))",
           "(memory 1) (memory 1) (func (param i32 v128) local.get 0 local.get 1 v128.store8_lane 1 3 local.get 0 local.get 1 v128.store8_lane offset=0 3)")>]
[<TestCase("(func (drop (v128.const i8x16 -1 0xff 2 3 4 5 6 7 8 9 10 11 12 13 14 15)))",
           "(func v128.const i16x8 0xffff 0x302 0x504 0x706 0x908 0xb0a 0xd0c 0xf0e drop)")>]
[<TestCase("(func (drop (v128.const f64x2 -0x1p1 nan:0x1)))", "(func v128.const i64x2 0xc000000000000000 0x7ff0000000000001 drop)")>]
[<TestCase("(func (param anyref) (drop (ref.test i31ref (local.get 0))))",
           "(func (param (ref null any)) local.get 0 ref.test (ref null i31) drop)")>]
[<TestCase("(table $t (ref func) (elem 0)) (func)",
           "(table 1 1 (ref func)) (elem (table 0) (offset i32.const 0) (ref func) (item ref.func 0)) (func)")>]
[<TestCase("(func (param i32 i64) (local f32 f32) (drop (local.get 3)))",
           "(func (param i32) (param i64) (local f32) (local f32) local.get 3 drop)")>]
let ``abbreviations mean their long forms`` (short: string, long: string) =
    match Wat.parse short, Wat.parse long with
    | Ok a, Ok b -> Assert.That(Convert.ToHexString a, Is.EqualTo(Convert.ToHexString b))
    | a, b -> Assert.Fail $"{a}, {b}"

[<Test>]
let ``identifiers become names of functions and locals`` () =
    let m =
        parsed
            "(module $m (import \"a\" \"b\" (func $i)) (func $\"f g\" (param $p i32) (local $l i64) (local.set $l (i64.const 1)) (call $i)))"

    let names = ModuleNames.Read m
    Assert.That(names.Module, Is.EqualTo "m")
    Assert.That(names.Function 0, Is.EqualTo "i")
    Assert.That(names.Function 1, Is.EqualTo "f g")

    match DecodeBody.run WasmLimits.Host Features.All m 0 with
    | Ok b -> Assert.That((b.Code[1].Op, b.Code[1].A), Is.EqualTo((Op.LocalSet, 1)))
    | Error e -> Assert.Fail(string e)

[<Test>]
let ``hosts load text; a mistake says where`` () =
    let m = Twofold.Wasm.Module.FromText "(module (func (export \"f\")))"
    Assert.That(m.Exports[0].Name, Is.EqualTo "f")
    let e = Assert.Throws<RejectedException>(fun () -> Twofold.Wasm.Module.FromText "(module\n (fun))" |> ignore)
    Assert.That(e.Rejection.Kind, Is.EqualTo RejectionKind.Malformed)
    Assert.That(e.Rejection.Where, Is.EqualTo "line 2, column 3")

/// Immediates of a kind as text, and what they must decode to (A, B, Imm).
let private sample (row: OpInfo) : string * int * int * int64 =
    match row.Imm with
    | Imm.None -> "", 0, 0, 0L
    | Imm.Block -> "(result i64) end", -2, ValType.I64.Code, 0L
    | Imm.Label -> "3", 3, 0, 0L
    | Imm.LabelTable -> "2 1 0", 0, 0, 0L
    | Imm.CallIndirect -> "1 (type 2)", 2, 1, 0L
    | Imm.MemArg -> "offset=77 align=1", 0, 0, 77L
    | Imm.Memory -> "0", 0, 0, 0L
    | Imm.I32 -> "0xffff_fffb", 0, 0, -5L
    | Imm.I64 -> "-0x8000_0000_0000_0000", 0, 0, Int64.MinValue
    | Imm.F32 -> "nan:0x1", 0, 0, 0x7F800001L
    | Imm.F64 -> "nan:0x1", 0, 0, 0x7FF0000000000001L
    | Imm.Heap when row.Op = Op.RefNull -> "extern", HeapType.Extern.Code, 0, 0L
    | Imm.Heap when row.Op = Op.RefTestNull || row.Op = Op.RefCastNull -> "(ref null 1)", HeapType.Concrete(1).Code, 0, 0L
    | Imm.Heap -> "(ref i31)", HeapType.I31.Code, 0, 0L
    | Imm.V128 when row.Op = Op.I8x16Shuffle -> "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31", 0x0B0A0908, 0x1F0E0D0C, 0x0706050403020100L
    | Imm.V128 -> "f32x4 nan:0x1 -0 1 -nan", 0x3F800000, int 0xFFC00000u, int64 0x800000007F800001UL
    | Imm.Lane -> "7", 7, 0, 0L
    | Imm.MemArgLane -> "offset=77 align=1 5", 0, 5 <<< 8, 77L
    | Imm.TryTable when row.Op = Op.TryTable ->
        "(result i64) (catch 1 0) (catch_ref 1 0) (catch_all 0) (catch_all_ref 0) end", -2, ValType.I64.Code, 0L
    | Imm.BrOnCast -> "3 anyref (ref 1)", 3, 1, int64 HeapType.Any.Code ||| (int64 (HeapType.Concrete(1).Code) <<< 32)
    | Imm.TypeField -> "3 $y", 3, 1, 0L
    | Imm.TypeCount -> "1 7", 1, 7, 0L
    | Imm.TypeData
    | Imm.TypeElem
    | Imm.Type2 -> "2 1", 2, 1, 0L
    | Imm.Zero -> "", 0, 0, 0L
    | Imm.Tag -> "1", 1, 0, 0L
    | Imm.SelectType -> "(result f32)", ValType.F32.Code, 0, 0L
    | Imm.DataMemory -> "1", 1, 0, 0L
    | Imm.ElemTable -> "2 1", 1, 2, 0L
    | Imm.Memory2 -> "0 0", 0, 0, 0L
    | Imm.Table2 -> "1 2", 1, 2, 0L
    | Imm.Func
    | Imm.Type
    | Imm.Local
    | Imm.Global
    | Imm.Table
    | Imm.Data
    | Imm.Elem -> "1", 1, 0, 0L
    | other -> failwith $"{row.Name}: add immediates {other} here, to the parser and to the printer"

/// A row that is added to the opcode table must go through the parser and the printer.
[<Test>]
let ``every row of the opcode table parses, prints and parses back`` () =
    let around =
        "(type (func)) (type (func (param i32))) (type (func (param i64))) (type (struct (field $x i32) (field $y i8))) (tag) (tag) (func) (func) (table 1 funcref) (table 1 funcref) (table 1 funcref) "
        + "(memory 1) (global i32 i32.const 0) (global i32 i32.const 0) (elem funcref) (elem funcref) (data) (data)"

    let body (text: string) =
        Wat.parse text
        |> Result.bind decode
        |> Result.bind (fun m -> DecodeBody.run WasmLimits.Host Features.All m 2 |> Result.map (fun b -> m, b.Code[0]))

    for row in Opcodes.all do
        // These stand only within a block of their own kind; ``blocks of every kind print and parse back`` has them.
        if not (List.contains row.Op [ Op.End; Op.Else; Op.Catch; Op.CatchAll; Op.Delegate ]) then
            let immediates, a, b, imm = sample row
            let same (i: Instr) = i.Op = row.Op && i.A = a && i.B = b && i.Imm = imm

            let result =
                body $"{around} (func (local i32 i32) {row.Name} {immediates})"
                |> Result.bind (fun (m, first) ->
                    Assert.That(same first, $"{row.Name} parsed as {first.Op:x} {first.A} {first.B} {first.Imm}")
                    Printer.run WasmLimits.Host Features.All m)
                |> Result.bind body

            match result with
            | Ok(_, again) -> Assert.That(same again, $"{row.Name} printed as {again.Op:x} {again.A} {again.B} {again.Imm}")
            | Error e -> Assert.Fail $"{row.Name}: {e}"

/// Types, tags, tables, memories and blocks of 3.0: what is printed means the same module again, byte for byte.
[<TestCase("(rec (type $a (sub (struct (field $x (mut i8)) (field (ref null $b))))) (type $b (array (mut (ref $a))))) (type (sub final $a (struct (field (mut i8)) (field (ref null $b)) (field i16))))")>]
[<TestCase("(rec (type (func))) (type (sub (func (param anyref (ref eq) i31ref nullref nullfuncref nullexternref exnref nullexnref))))")>]
[<TestCase("(type $v (func)) (import \"a\" \"t\" (tag (param i32))) (tag (export \"e\") (import \"a\" \"u\") (param i64)) (tag $t (type $v)) (export \"t\" (tag 1))")>]
[<TestCase("(func $f) (table 1 2 (ref func) (ref.func $f)) (table i64 1 anyref) (memory i64 1 0x1_0000_0000_0000) (memory 1 1 shared) (data (memory 1) (i32.const 0) \"x\")")>]
[<TestCase("(memory i64 (data \"abc\")) (table i64 funcref (elem 0 0)) (func) (table (ref func) (elem 0 0)) (elem (table 1) (i32.const 0) (ref func) (ref.func 0))")>]
[<TestCase("(tag) (func try catch 0 rethrow 0 catch_all try nop delegate 0 end try (result i32) i32.const 1 delegate 0 drop)")>]
[<TestCase("(tag $e) (func (block $h (result exnref) (try_table (catch $e 0) (catch_all 1) (catch_ref $e $h) (catch_all_ref $h) (throw $e)) unreachable) throw_ref)")>]
[<TestCase("(type $s (struct (field $f v128))) (global (ref $s) (struct.new $s (v128.const i64x2 1 -1))) (func (local (ref null $s)) (drop (ref.test (ref $s) (local.get 0))) (drop (ref.cast nullref (local.get 0))))")>]
let ``what 3.0 adds prints and parses back`` (text: string) =
    match Wat.parse text with
    | Error e -> Assert.Fail $"{e}"
    | Ok bytes ->
        let again = decode bytes |> Result.bind (Printer.run WasmLimits.Host Features.All) |> Result.bind Wat.parse

        match again with
        | Ok b -> Assert.That(Convert.ToHexString b, Is.EqualTo(Convert.ToHexString bytes))
        | Error e -> Assert.Fail $"{e}"

let private sources =
    lazy
        (Directory.GetFiles(Path.Combine(Repository.root, "samples", "contracts", "wat"), "*.wat")
         |> Array.sort
         |> Array.map File.ReadAllBytes)

/// Damage to real texts: whatever comes out, it is a verdict; what is accepted is a module of sections in order.
[<FsCheck.NUnit.Property(MaxTest = 300)>]
let ``a damaged text is refused or encodes to what decodes`` () =
    let damage =
        gen {
            let! source = Gen.elements (List.ofArray sources.Value)
            let! n = Gen.choose (1, 4)
            let b = Array.copy source

            let! cuts =
                Gen.listOfLength n (Gen.zip (Gen.choose (0, b.Length - 1)) (Gen.elements (List.ofSeq "()\"$;@ \n0x.e-_\\ai\u00ff")))

            for at, c in cuts do
                b[at] <- byte c

            let! start = Gen.choose (0, 3)
            let! length = Gen.choose (0, b.Length)
            return if start = 0 then Array.truncate length b else b
        }

    Prop.forAll (Arb.fromGen damage) (fun b ->
        match Wat.parseBytes b with
        | Error e -> e.Where.StartsWith "line "
        | Ok bytes ->
            match decode bytes with
            | Ok _ -> true
            | Error e -> not e.Kind.IsMalformed)

[<FsCheck.NUnit.Property(MaxTest = 500)>]
let ``no text throws`` (text: string) =
    if not (isNull text) then
        Wat.parse text |> ignore
        Wat.parse $"(func {text}" |> ignore
        Script.parse (Encoding.UTF8.GetBytes text) |> ignore

[<Test>]
let ``deep nesting is read and printed without depth`` () =
    let n = 100_000
    let repeat (s: string) = String.replicate n s
    let folded = "(func " + repeat "(block " + repeat ")" + ")"
    let flat = "(func " + repeat "block " + repeat "end " + ")"

    match Wat.parse folded, Wat.parse flat with
    | Ok a, Ok b ->
        Assert.That(
            Convert.ToHexString(Security.Cryptography.SHA256.HashData a),
            Is.EqualTo(Convert.ToHexString(Security.Cryptography.SHA256.HashData b))
        )

        match Decode.run WasmLimits.Host Features.All a |> Result.bind (Printer.run WasmLimits.Host Features.All) with
        | Ok text -> Assert.That(Wat.parse text = Ok a, "the printed text means another module")
        | Error e -> Assert.Fail(string e)
    | a, b -> Assert.Fail $"{a.IsOk}, {b.IsOk}"

    // What only opens is refused as quickly.
    for opening in [ "("; "(block "; "(; "; "(@a "; "((" ] do
        Assert.That((Wat.parse ("(func " + repeat opening)).IsError)

[<Test>]
let ``a small module with an endless text is refused by the printer`` () =
    // 40,000 locals in a few bytes, ten times.
    let locals = "(func (local " + String.replicate 40_000 "i32 " + "))"

    match Wat.parse (String.replicate 10 locals) |> Result.bind (Decode.run WasmLimits.Host Features.All) with
    | Error e -> Assert.Fail(string e)
    | Ok m ->
        Assert.That((Printer.runWithin 2_000_000 WasmLimits.Host Features.All m).IsOk)

        match Printer.runWithin 500_000 WasmLimits.Host Features.All m with
        | Ok _ -> Assert.Fail "printed"
        | Error e ->
            Assert.That(e.Kind.IsLimit)
            Assert.That(string e, Does.Contain("at most 500000 characters").And.Contain("in function 3"))
