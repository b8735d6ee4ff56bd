namespace Twofold.Wasm.Text

// The words of the text format: operators by the one opcode table, and the grammar's own words.
// In: a keyword. Out: its rows, or what to say about it: "unexpected token" for a known word in a wrong place, "unknown operator" else.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal Words =
    /// Rows of the opcode table by name.
    let private operators =
        let map = Dictionary<string, OpInfo>()

        for row in Opcodes.all do
            // The first of two with one name: `select`, `ref.test` and `ref.cast` become the other by what follows them.
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
             + "i8x16 i16x8 i32x4 i64x2 f32x4 f64x2 ref.extern ref.host ref.func ref.array ref.struct ref.i31 ref.eq ref.any ref.exn either do "
             + "thread wait")
                .Split
                ' '
        )

    /// A word that some place of the grammar allows.
    let isKnown (name: string) =
        grammar.Contains name
        || operators.ContainsKey name
        || name.StartsWith("nan:0x", StringComparison.Ordinal)
        || name.StartsWith("offset=", StringComparison.Ordinal)
        || name.StartsWith("align=", StringComparison.Ordinal)
