namespace Twofold.Wasm.Text

// The words of the text format: operators by the one opcode table, the grammar's own words, and operators of features that are not there yet.
// In: a keyword. Out: its rows, or what to say about it: "unexpected token" for a known word in a wrong place, "unknown operator" else.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal Words =
    /// Rows of the opcode table by name; `select` has two.
    let private operators =
        let map = Dictionary<string, OpInfo>()

        for row in Opcodes.all do
            // The first of two with one name; the parser turns `select` with a type into the other.
            map.TryAdd(row.Name, row) |> ignore

        map

    let tryOperator (name: string) : OpInfo voption =
        match operators.TryGetValue name with
        | true, row -> ValueSome row
        | _ -> ValueNone

    let private grammar =
        HashSet<string>(
            ("module func param result local type import export table memory global data elem start offset item declare mut then else end "
             + "i32 i64 f32 f64 v128 i8 i16 funcref externref anyref eqref i31ref structref arrayref exnref nullref nullfuncref nullexternref "
             + "nullexnref func extern any eq i31 struct array none nofunc noextern exn noexn ref null rec sub final field tag shared pagesize "
             + "inf nan nan:canonical nan:arithmetic binary quote definition instance register invoke get assert_return assert_trap "
             + "assert_exhaustion assert_malformed assert_invalid assert_unlinkable assert_exception catch catch_ref catch_all catch_all_ref "
             + "i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 ref.extern ref.host ref.func ref.array ref.struct ref.i31 ref.eq ref.any either do")
                .Split
                ' '
        )

    let private exceptions = set [ "throw"; "throw_ref"; "try_table" ]
    let private legacy = set [ "try"; "catch"; "catch_all"; "delegate"; "rethrow" ]
    let private functionReferences = set [ "call_ref"; "return_call_ref"; "ref.as_non_null"; "br_on_null"; "br_on_non_null" ]

    let private gc =
        set (
            ("struct.new struct.new_default struct.get struct.get_s struct.get_u struct.set array.new array.new_default array.new_fixed "
             + "array.new_data array.new_elem array.get array.get_s array.get_u array.set array.len array.fill array.copy array.init_data "
             + "array.init_elem ref.test ref.cast br_on_cast br_on_cast_fail any.convert_extern extern.convert_any ref.i31 i31.get_s "
             + "i31.get_u ref.eq")
                .Split
                ' '
        )

    let private shapes = [ "v128."; "i8x16."; "i16x8."; "i32x4."; "i64x2."; "f32x4."; "f64x2." ]

    let private isWord (name: string) = name |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '_' || c = '.')

    /// The feature of an operator that 3.0 (or threads) has and the table does not. Vector and atomic operators are told by their prefix.
    let tryLater (name: string) : Feature voption =
        if operators.ContainsKey name then
            ValueNone
        elif exceptions.Contains name then
            ValueSome Feature.Exceptions
        elif legacy.Contains name then
            ValueSome Feature.LegacyExceptions
        elif functionReferences.Contains name then
            ValueSome Feature.FunctionReferences
        elif gc.Contains name then
            ValueSome Feature.Gc
        elif isWord name && name.Contains "relaxed_" then
            ValueSome Feature.RelaxedSimd
        elif isWord name && shapes |> List.exists (fun s -> name.StartsWith(s, StringComparison.Ordinal)) then
            ValueSome Feature.Simd
        elif isWord name && name.Contains ".atomic." then
            ValueSome Feature.Threads
        elif name = "atomic.fence" then
            ValueSome Feature.Threads
        else
            ValueNone

    /// A word that some place of the grammar allows.
    let isKnown (name: string) =
        grammar.Contains name
        || operators.ContainsKey name
        || name.StartsWith("nan:0x", StringComparison.Ordinal)
        || name.StartsWith("offset=", StringComparison.Ordinal)
        || name.StartsWith("align=", StringComparison.Ordinal)
        || (tryLater name).IsSome
