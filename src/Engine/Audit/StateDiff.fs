namespace Twofold.Engine.Audit

// The first difference of each kind between two instances of one module: memory, globals, tables, segments, objects.
// In: two instances after their runs, before they are reset. Out: StateDifferences, none when nothing differs that can be seen.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

module internal StateDiff =
    [<Literal>]
    let private Page = 65536UL

    /// Bytes shown of each side.
    [<Literal>]
    let private Shown = 32

    /// Objects that are walked before giving up: graphs may be endless in practice.
    [<Literal>]
    let private Objects = 100_000

    let private globalName (m: ValidModule) index =
        m.Module.Exports
        |> Array.tryFind (fun e -> e.Kind = ExternKind.Global && e.Index = index)
        |> Option.map _.Name
        |> Option.defaultValue ""

    let private memories (a: IInspectable) (b: IInspectable) : StateDifference list =
        let sizesA, sizesB = a.MemorySizes, b.MemorySizes
        let left, right = Array.zeroCreate<byte>(int Page), Array.zeroCreate<byte>(int Page)

        let size =
            Seq.zip sizesA sizesB
            |> Seq.indexed
            |> Seq.tryPick (fun (i, (x, y)) -> if x <> y then Some(StateDifference.MemorySize(i, x, y)) else None)

        let bytes memory (length: uint64) =
            let pageAt (page: uint64) =
                let count = int (min Page (length - page * Page))
                a.ReadMemory(memory, page * Page, left.AsSpan(0, count))
                b.ReadMemory(memory, page * Page, right.AsSpan(0, count))
                let at = MemoryExtensions.CommonPrefixLength(left.AsSpan(0, count), Span.op_Implicit (right.AsSpan(0, count)))

                if at = count then
                    None
                else
                    // From the aligned word on, so that a number shows whole.
                    let from = at / 8 * 8
                    let shown = min Shown (count - from)

                    Some(
                        StateDifference.MemoryBytes(
                            memory,
                            page,
                            page * Page + uint64 from,
                            left[from .. from + shown - 1],
                            right[from .. from + shown - 1]
                        )
                    )

            Seq.unfold (fun page -> if page * Page < length then Some(page, page + 1UL) else None) 0UL |> Seq.tryPick pageAt

        [
            yield! Option.toList size
            yield! Seq.zip sizesA sizesB |> Seq.indexed |> Seq.tryPick (fun (i, (x, y)) -> bytes i (min x y)) |> Option.toList
        ]

    let rec private describe (value: Value) =
        match value.Reference with
        | :? Function as f -> $"function {f.Name}"
        | _ -> value.ToString()

    /// Objects of both sides, walked side by side; `roots` are pairs of values with the way to them.
    let private objects (roots: struct (string * Value * Value) seq) : StateDifference option =
        let queue = Queue<struct (string * Value * Value)>(roots)

        let visited =
            HashSet<struct (obj * obj)>(
                HashIdentity.Reference
                |> fun reference -> {
                    new IEqualityComparer<struct (obj * obj)> with
                        member _.Equals(struct (a, b), struct (c, d)) = reference.Equals(a, c) && reference.Equals(b, d)
                        member _.GetHashCode(struct (a, b)) = HashCode.Combine(reference.GetHashCode a, reference.GetHashCode b)
                }
            )

        let mutable found = None
        let mutable walked = 0

        while found.IsNone && walked < Objects && queue.Count > 0 do
            let struct (path, x, y) = queue.Dequeue()
            walked <- walked + 1
            let differs expected actual = found <- Some(StateDifference.Object(path, expected, actual))

            match x.Reference, y.Reference with
            | null, null ->
                if x.Bits <> y.Bits || x.HighBits <> y.HighBits then
                    differs (string x) (string y)
            | (:? GcStruct as s), (:? GcStruct as t) when s.FieldCount = t.FieldCount ->
                if visited.Add(struct (box s, box t)) then
                    for i in 0 .. s.FieldCount - 1 do
                        queue.Enqueue(struct ($"{path} .field {i}", s.GetField i, t.GetField i))
            | (:? GcArray as s), (:? GcArray as t) when s.Length = t.Length ->
                if visited.Add(struct (box s, box t)) then
                    for i in 0 .. min s.Length 4096 - 1 do
                        queue.Enqueue(struct ($"{path} [{i}]", s.GetElement i, t.GetElement i))
            | (:? GcArray as s), (:? GcArray as t) -> differs $"array of {s.Length}" $"array of {t.Length}"
            | (:? Function as f), (:? Function as g) ->
                if f.Name <> g.Name || f.Signature <> g.Signature then
                    differs (describe x) (describe y)
            | _ ->
                // i31 and hosts' objects by their texts.
                if describe x <> describe y then
                    differs (describe x) (describe y)

        found

    let private globals (m: ValidModule) (a: IInspectable) (b: IInspectable) : StateDifference option =
        m.GlobalTypes
        |> Seq.indexed
        |> Seq.filter (fun (_, t) -> not t.Value.IsRef)
        |> Seq.tryPick (fun (i, _) ->
            let x, y = a.Global i, b.Global i
            if x = y then None else Some(StateDifference.Global(i, globalName m i, string x, string y)))

    let private tables (m: ValidModule) (a: IInspectable) (b: IInspectable) : StateDifference option =
        let sizes = Array.zip a.TableSizes b.TableSizes

        match sizes |> Array.tryFindIndex (fun (x, y) -> x <> y) with
        | Some i -> Some(StateDifference.TableSize(i, fst sizes[i], snd sizes[i]))
        | None ->
            sizes
            |> Seq.indexed
            |> Seq.tryPick (fun (t, (length, _)) ->
                Seq.unfold (fun i -> if i < length then Some(i, i + 1UL) else None) 0UL
                |> Seq.tryPick (fun i ->
                    let x, y = a.TableEntry(t, i), b.TableEntry(t, i)
                    let isObject = x.Reference :? GcObject && y.Reference :? GcObject

                    if not isObject && describe x <> describe y then
                        Some(StateDifference.TableEntry(t, i, describe x, describe y))
                    else
                        None))

    let private segments (kind: string) (a: int[]) (b: int[]) : StateDifference option =
        let text n = if n = 0 then "dropped" else $"there, of {n}"

        Seq.zip a b
        |> Seq.indexed
        |> Seq.tryPick (fun (i, (x, y)) -> if x = y then None else Some(StateDifference.Segment(kind, i, text x, text y)))

    let private roots (m: ValidModule) (a: IInspectable) (b: IInspectable) =
        seq {
            for i, t in Seq.indexed m.GlobalTypes do
                if t.Value.IsRef then
                    struct ($"global {i}", a.Global i, b.Global i)

            for t, (x, y) in Seq.indexed (Seq.zip a.TableSizes b.TableSizes) do
                let mutable i = 0UL

                while i < min x y do
                    let left, right = a.TableEntry(t, i), b.TableEntry(t, i)

                    if left.Reference :? GcObject && right.Reference :? GcObject then
                        struct ($"table {t} [{i}]", left, right)

                    i <- i + 1UL
        }

    /// The first difference of each kind; `a` is what was expected.
    let compare (m: ValidModule) (a: IWasmInstance) (b: IWasmInstance) : StateDifference list =
        match a, b with
        | (:? IInspectable as a), (:? IInspectable as b) -> [
            yield! memories a b
            yield! Option.toList (globals m a b)
            yield! Option.toList (tables m a b)
            yield! Option.toList (segments "data" a.DataSizes b.DataSizes)
            yield! Option.toList (segments "element" a.ElemSizes b.ElemSizes)
            yield! Option.toList (objects (roots m a b))
          ]
        | _ -> []
