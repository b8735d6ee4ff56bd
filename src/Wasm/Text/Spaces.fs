namespace Twofold.Wasm.Text

// Index spaces of a module being read (core specification, section 6.3.5 and 6.6.1), and the function types that grow as they are used.
// In: identifiers as they are defined. Out: indices where they are used; duplicates and unknown ones are refused.

open System.Collections.Generic
open Twofold.Wasm

/// Identifiers of one index space. `kind` and `long` are the words of messages: `duplicate func`, `unknown function`.
[<Sealed; AllowNullLiteral>]
type internal Space(kind: string, long: string) =
    let names = Dictionary<string, int>()
    let byIndex = ResizeArray<struct (int * string)>()
    let mutable count = 0

    member _.Count = count
    /// The named ones in order.
    member _.Named = byIndex

    /// The next index gets a name, or none if the name is null.
    member _.Add(c: Cursor, offset: int, name: string) : int =
        if not (isNull name) then
            if not (names.TryAdd(name, count)) then
                raise (c.Malformed(offset, $"duplicate {kind} ${name}"))

            byIndex.Add(struct (count, name))

        count <- count + 1
        count - 1

    /// Unnamed ones.
    member _.Skip(n: int) = count <- count + n

    /// An identifier or a number.
    member _.Index(c: Cursor) : int =
        if c.Kind = TokenKind.Id then
            let offset = c.Offset
            let name = c.TryId()

            match names.TryGetValue name with
            | true, i -> i
            | _ -> raise (c.Malformed(offset, $"unknown {long} ${name}"))
        else
            // Indices that no module can have stay out of range for the validator, whatever they are.
            int (c.U32())

/// Everything that identifiers of a module can mean, and its types.
[<Sealed>]
type internal Spaces() =
    let types = ResizeArray<FuncType>()
    let first = Dictionary<FuncType, int>()

    member val TypeIds = Space("type", "type")
    member val Funcs = Space("func", "function")
    member val Tables = Space("table", "table")
    member val Memories = Space("memory", "memory")
    member val Globals = Space("global", "global")
    member val Elems = Space("elem", "elem segment")
    member val Datas = Space("data", "data segment")

    member _.Types = types

    member _.Define(t: FuncType) =
        first.TryAdd(t, types.Count) |> ignore
        types.Add t

    /// The first equal type, or a new one at the end (core 6.4.8).
    member this.Use(t: FuncType) : int =
        match first.TryGetValue t with
        | true, i -> i
        | _ ->
            this.Define t
            types.Count - 1
