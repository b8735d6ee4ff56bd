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

/// A defined type as the text says it.
[<NoComparison; NoEquality>]
type internal TypeDef = {
    Final: bool
    /// Declared supertypes; more than one is for the validator to refuse.
    Supers: int[]
    Composite: CompositeType
}

/// Everything that identifiers of a module can mean, and its types.
[<Sealed>]
type internal Spaces() =
    let types = ResizeArray<TypeDef>()
    let groups = ResizeArray<int>()
    let first = Dictionary<FuncType, int>()
    let fields = Dictionary<int, Space>()
    let noFields = Space("field", "field")

    member val TypeIds = Space("type", "type")
    member val Funcs = Space("func", "function")
    member val Tables = Space("table", "table")
    member val Memories = Space("memory", "memory")
    member val Tags = Space("tag", "tag")
    member val Globals = Space("global", "global")
    member val Elems = Space("elem", "elem segment")
    member val Datas = Space("data", "data segment")

    member _.Types = types
    /// Sizes of the recursion groups, in order.
    member _.Groups = groups

    /// One type of the group that `EndGroup` closes.
    member _.Define(t: TypeDef, names: Space) =
        if not (isNull names) then
            fields[types.Count] <- names

        types.Add t

    /// The last `size` types are one recursion group.
    member _.EndGroup(size: int) =
        groups.Add size

        // Only a type that stands alone is the same as one written in its place (core 6.6.4).
        if size = 1 then
            let t = types[types.Count - 1]

            match t.Composite with
            | CompositeType.Func f when t.Final && t.Supers.Length = 0 -> first.TryAdd(f, types.Count - 1) |> ignore
            | _ -> ()

    /// A function type by its index, if it is one.
    member _.TryFunc(index: int) : FuncType voption =
        if uint32 index < uint32 types.Count then
            match types[index].Composite with
            | CompositeType.Func f -> ValueSome f
            | _ -> ValueNone
        else
            ValueNone

    /// Field identifiers of a struct type.
    member _.FieldsOf(typeIndex: int) : Space =
        match fields.TryGetValue typeIndex with
        | true, names -> names
        | _ -> noFields

    /// The first equal type, or a new one at the end (core 6.4.8).
    member this.Use(t: FuncType) : int =
        match first.TryGetValue t with
        | true, i -> i
        | _ ->
            this.Define({ Final = true; Supers = [||]; Composite = CompositeType.Func t }, null)
            this.EndGroup 1
            types.Count - 1
