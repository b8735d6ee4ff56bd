/// Exceptions in random bodies: throws, try_table with every kind of clause, and the legacy try.
/// In: a body's writer. Out: instructions in it.
module Twofold.Properties.GeneratedThrows

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.GeneratedShapes

/// What exceptions may carry, by tag.
let tags: ValType[][] =
    if has Feature.Exceptions then
        [|
            [||]
            [| i32 |]
            [| f64 |]
            [| i64; f32 |]
            if has Feature.Simd then
                [| v128 |]
        |]
    else
        [||]

/// Function types that tags and their handlers' blocks need.
let types: FuncType[] =
    Array.concat [
        (if tags.Length > 0 then [| signature [| exnRef |] [||] |] else [||])
        tags |> Array.map (fun t -> signature t [||])
        tags |> Array.map (fun t -> signature [||] t)
        tags |> Array.map (fun t -> signature [||] (Array.append t [| exnRef |]))
    ]

let private dropAll (w: IBody) (types: ValType[]) =
    for _ in types do
        op w.Out Op.Drop

let private imm (w: IBody) code (n: int) =
    op w.Out code
    int' w.Out n

/// A throw, while there is fuel.
let throw (w: IBody) depth =
    w.Fuel()
    op w.Out Op.If
    w.BlockType [||]

    w.Under(
        [||],
        false,
        fun () ->
            let tag = w.Choices.Below w.Shape.Tags.Length

            for t in w.Shape.Tags[tag] do
                w.Value(t, depth - 1)

            imm w Op.Throw tag
            w.Dead(depth - 1)
    )

    op w.Out Op.End

/// A value under a try_table, or nothing: a block for the value, a block for what is caught, the try_table.
let tryTable (w: IBody) (results: ValType[]) depth =
    let c = w.Choices
    let tag = c.Below w.Shape.Tags.Length
    // 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref
    let kind = c.Of [| 0; 0; 1; 2; 3 |]

    let caught =
        Array.append (if kind < 2 then w.Shape.Tags[tag] else [||]) (if kind = 1 || kind = 3 then [| exnRef |] else [||])

    let value () =
        for t in results do
            w.Value(t, depth - 1)

    op w.Out Op.Block
    w.BlockType results

    w.Under(
        results,
        false,
        fun () ->
            op w.Out Op.Block
            w.BlockType caught

            w.Under(
                caught,
                false,
                fun () ->
                    // Labels of clauses are counted from outside the try_table.
                    let plain =
                        w.Labels
                        |> List.indexed
                        |> List.filter (fun (_, struct (types, loops)) -> types.Length = 0 && not loops)
                        |> List.map fst
                        |> Array.ofList

                    let before = if c.Percent 30 && plain.Length > 0 then [ 0, Some 0, c.Of plain ] else []
                    let after = if c.Percent 30 && plain.Length > 0 then [ 2, None, c.Of plain ] else []
                    let clauses = before @ [ kind, (if kind < 2 then Some tag else None), 0 ] @ after
                    op w.Out Op.TryTable
                    w.BlockType results

                    vec w.Out clauses (fun o (kind, tag, label) ->
                        int' o kind
                        Option.iter (int' o) tag
                        int' o label)

                    w.Under(
                        results,
                        false,
                        fun () ->
                            w.Statements(depth - 1)

                            if c.Percent 60 then
                                throw w (depth - 1)

                            value ()
                    )

                    op w.Out Op.End
                    imm w Op.Br 1
            )

            op w.Out Op.End

            if (kind = 1 || kind = 3) then
                if c.Percent 25 then
                    // Thrown on while there is fuel: the reference stays in a block's way.
                    op w.Out Op.Block
                    let t = signature [| exnRef |] [||]
                    s64 w.Out (int64 (w.Shape.TypeIndex(Array.findIndex (fun x -> x = t) w.Shape.Types)))

                    w.Under(
                        [||],
                        false,
                        fun () ->
                            w.Fuel()
                            op w.Out 0x45us // i32.eqz
                            op w.Out Op.If
                            w.BlockType [||]
                            w.Under([||], false, (fun () -> imm w Op.Br 1))
                            op w.Out Op.End
                            op w.Out Op.ThrowRef
                    )

                    op w.Out Op.End
                else
                    op w.Out Op.Drop

            if kind < 2 then
                dropAll w w.Shape.Tags[tag]

            w.Statements(depth - 1)
            value ()
    )

    op w.Out Op.End

/// The legacy form: try with handlers, or delegate. `handlers` holds the heights of labels whose handlers are open, innermost first.
let legacy (w: IBody) (handlers: System.Collections.Generic.Stack<int>) (results: ValType[]) depth =
    let c = w.Choices

    let value () =
        for t in results do
            w.Value(t, depth - 1)

    let body () =
        w.Statements(depth - 1)

        if c.Percent 60 then
            throw w (depth - 1)

        value ()

    op w.Out Op.Try
    w.BlockType results

    if c.Percent 20 then
        w.Under(results, false, body)
        imm w Op.Delegate (c.Below w.Labels.Length)
    else
        w.Under(
            results,
            false,
            fun () ->
                body ()

                let handler () =
                    handlers.Push w.Labels.Length

                    if c.Percent 30 then
                        w.Fuel()
                        op w.Out Op.If
                        w.BlockType [||]

                        w.Under(
                            [||],
                            false,
                            fun () ->
                                let h = c.Of(handlers.ToArray())
                                imm w Op.Rethrow (w.Labels.Length - h)
                                w.Dead(depth - 1)
                        )

                        op w.Out Op.End

                    w.Statements(depth - 1)
                    value ()
                    handlers.Pop() |> ignore

                for _ in 1 .. c.Below 3 do
                    let tag = c.Below w.Shape.Tags.Length
                    imm w Op.Catch tag
                    dropAll w w.Shape.Tags[tag]
                    handler ()

                if c.Percent 40 then
                    op w.Out Op.CatchAll
                    handler ()
        )

        op w.Out Op.End
