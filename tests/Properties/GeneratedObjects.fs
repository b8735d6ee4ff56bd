/// Objects and typed references in random bodies: structs with subtypes, arrays of every storage type, i31, casts, branches on
/// references, calls through references.
/// In: a body's writer. Out: instructions in it. Most operands are not null, or every run would end early.
module Twofold.Properties.GeneratedObjects

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.GeneratedShapes

let private mut storage = { Storage = storage; Mutable = true }
let private field t = mut (StorageType.Value t)
let private ref' k = ValType.Ref(true, HeapType.Concrete k)
let private anyRef = ValType.Ref(true, HeapType.Any)
let private i31Ref = ValType.Ref(true, HeapType.I31)

/// Types 0, 1, 2: each a subtype of the one before. The rest are arrays. All are one recursion group.
let objects: CompositeType[] =
    if not (has Feature.Gc) then
        [||]
    else
        let s0 = [| field i32; mut StorageType.I8; field (ref' 0) |]
        let s1 = Array.append s0 [| field f64; mut StorageType.I16; field f32 |]
        let last = if has Feature.Simd then [| field v128 |] else [||]

        [|
            CompositeType.Struct s0
            CompositeType.Struct s1
            CompositeType.Struct(Array.concat [ s1; [| field anyRef; field i64 |]; last ])
            CompositeType.Array(mut StorageType.I8)
            CompositeType.Array(mut StorageType.I16)
            yield! values |> Array.map (fun t -> CompositeType.Array(field t))
            CompositeType.Array(field (ref' 1))
            CompositeType.Array(field anyRef)
            CompositeType.Array(field ValType.FuncRef)
        |]

let private supers = [| -1; 0; 1 |]

/// The recursion group, as one entry of the type section.
let write (o: Out) =
    let fieldType (o: Out) (f: FieldType) =
        match f.Storage with
        | StorageType.I8 -> o.Add 0x78uy
        | StorageType.I16 -> o.Add 0x77uy
        | StorageType.Value t -> valType o t

        o.Add(if f.Mutable then 1uy else 0uy)

    o.Add 0x4Euy

    vec o (Array.indexed objects) (fun o (k, composite) ->
        o.Add(if k < 2 then 0x50uy else 0x4Fuy)
        vec o (if k < 3 && supers[k] >= 0 then [ supers[k] ] else []) int'

        match composite with
        | CompositeType.Struct fields ->
            o.Add 0x5Fuy
            vec o fields fieldType
        | CompositeType.Array element ->
            o.Add 0x5Euy
            fieldType o element
        | CompositeType.Func _ -> ())

/// Types of locals and of values that functions exchange.
let refs: ValType[] =
    if has Feature.Gc then
        Array.append (Array.init objects.Length ref') [| anyRef; i31Ref; ValType.Ref(true, HeapType.Eq) |]
    else
        [||]

let private fieldsOf k =
    match objects[k] with
    | CompositeType.Struct fields -> fields
    | CompositeType.Array element -> [| element |]
    | CompositeType.Func _ -> [||]

let private isArray k = objects[k].IsArray

let private onStack (f: FieldType) =
    match f.Storage with
    | StorageType.Value t -> t
    | _ -> i32

/// Struct fields (type, field) and array types whose values have this type.
let private structFields t = [|
    for k in 0 .. objects.Length - 1 do
        if not (isArray k) then
            for n, f in Array.indexed (fieldsOf k) do
                if onStack f = t then
                    k, n
|]

let private arraysOf t = [|
    for k in 0 .. objects.Length - 1 do
        if isArray k && onStack (fieldsOf k).[0] = t then
            k
|]

let private withImm (w: IBody) code (n: int) =
    op w.Out code
    int' w.Out n

let private withTwo (w: IBody) code (a: int) (b: int) =
    withImm w code a
    int' w.Out b

/// A length or an index that mostly fits small arrays.
let private small (w: IBody) depth = if w.Choices.Percent 2 then w.Value(i32, depth - 1) else i32Const w.Out (w.Choices.Below 5)

/// A new object of exactly this type.
let private create (w: IBody) k depth =
    let c = w.Choices

    if not (isArray k) then
        if depth <= 0 || c.Percent 40 then
            withImm w Op.StructNewDefault k
        else
            for f in fieldsOf k do
                w.Value(onStack f, depth - 2)

            withImm w Op.StructNew k
    else
        let element = (fieldsOf k).[0]
        let numeric = not (onStack element).IsRef

        match c.Below(if depth <= 0 then 1 else 5) with
        | 0 ->
            i32Const w.Out (3 + c.Below 4)
            withImm w Op.ArrayNewDefault k
        | 1 ->
            w.Value(onStack element, depth - 1)
            i32Const w.Out (3 + c.Below 4)
            withImm w Op.ArrayNew k
        | 2 when numeric ->
            small w 0
            small w 0
            withTwo w Op.ArrayNewData k 1
        | 2 when onStack element = ValType.FuncRef ->
            small w 0
            small w 0
            withTwo w Op.ArrayNewElem k 1
        | 3 ->
            small w depth
            withImm w Op.ArrayNewDefault k
        | _ ->
            let n = c.Below 6

            for _ in 1..n do
                w.Value(onStack element, depth - 2)

            withTwo w Op.ArrayNewFixed k n

/// A value of type (ref k), mostly without a trap.
let private nonNull (w: IBody) k depth =
    let c = w.Choices

    match c.Below 10 with
    | n when n < 3 || depth <= 0 -> create w k depth
    | 3 ->
        w.Value(ref' k, depth - 1)
        op w.Out Op.RefAsNonNull
    | _ ->
        // The value, or a new object when it is null.
        let t = ValType.Ref(false, HeapType.Concrete k)
        op w.Out Op.Block
        valType w.Out t

        w.Under(
            [| t |],
            false,
            fun () ->
                w.Value(ref' k, depth - 1)
                withImm w Op.BrOnNonNull 0
                create w k (depth - 1)
        )

        op w.Out Op.End

/// A value of a reference type that is not a local's or a global's.
let value (w: IBody) (t: ValType) depth =
    let c = w.Choices

    let cast k =
        // What is not of the type becomes a new object.
        let t = ValType.Ref(false, HeapType.Concrete k)
        op w.Out Op.Block
        valType w.Out t

        w.Under(
            [| t |],
            false,
            fun () ->
                w.Value(anyRef, depth - 1)

                if c.Percent 50 then
                    op w.Out Op.BrOnCast
                    w.Out.Add 1uy
                    int' w.Out 0
                    heapType w.Out HeapType.Any
                    heapType w.Out (HeapType.Concrete k)
                    op w.Out Op.Drop
                else
                    op w.Out Op.Block
                    valType w.Out anyRef

                    w.Under(
                        [| anyRef |],
                        false,
                        fun () ->
                            w.Value(anyRef, depth - 1)
                            op w.Out Op.BrOnCastFail
                            w.Out.Add 1uy
                            int' w.Out 0
                            heapType w.Out HeapType.Any
                            heapType w.Out (HeapType.Concrete k)
                            withImm w Op.Br 1
                    )

                    op w.Out Op.End
                    op w.Out Op.Drop
                    op w.Out Op.Drop

                create w k (depth - 1)
        )

        op w.Out Op.End

    if not t.IsNullable then
        nonNull w t.Heap.Index depth
    elif depth <= 0 && c.Percent 60 || t = exnRef then
        constant c w.Out t
    elif t.Heap.IsConcrete then
        let k = t.Heap.Index

        match c.Below 12 with
        | 0 -> constant c w.Out t
        | 1 when depth > 0 -> cast k
        | 2
        | 3 when depth > 0 ->
            let fields = structFields t
            let arrays = arraysOf t

            if fields.Length > 0 then
                let s, n = c.Of fields
                nonNull w s (depth - 1)
                withTwo w Op.StructGet s n
            elif arrays.Length > 0 then
                let a = c.Of arrays
                nonNull w a (depth - 1)
                small w depth
                withImm w Op.ArrayGet a
            else
                create w k depth
        | 4 when depth > 0 ->
            w.Value(anyRef, depth - 1)
            op w.Out (if c.Percent 20 then Op.RefCast else Op.RefCastNull)
            heapType w.Out t.Heap
        // A subtype's object.
        | 5
        | 6 when k < 2 -> create w (k + 1 + c.Below(2 - k)) depth
        | _ -> create w k depth
    elif t = i31Ref then
        w.Value(i32, depth - 1)
        op w.Out Op.RefI31
    elif t.Heap = HeapType.Any && c.Percent 10 then
        op w.Out Op.RefNull
        heapType w.Out HeapType.Extern
        op w.Out Op.AnyConvertExtern
    elif t.Heap = HeapType.Any && depth > 0 && c.Percent 10 then
        w.Value(anyRef, depth - 1)
        op w.Out Op.ExternConvertAny
        op w.Out Op.AnyConvertExtern
    elif t.Heap = HeapType.Any || t.Heap = HeapType.Eq then
        if c.Percent 30 then w.Value(i31Ref, depth - 1) else create w (c.Below objects.Length) (depth - 1)
    elif t = ValType.FuncRef then
        withImm w Op.RefFunc (c.Below w.Shape.Functions.Length)
    else
        constant c w.Out t

/// A number out of an object: a field, an element, a length, a test.
let number (w: IBody) (t: ValType) depth =
    let c = w.Choices
    let isPacked k n = not (fieldsOf k).[n].Storage.IsValue

    match c.Below(if t = i32 then 8 else 4) with
    | 0
    | 1 ->
        match structFields t with
        | [||] -> constant c w.Out t
        | these ->
            let k, n = c.Of these
            nonNull w k (depth - 1)
            let code = if isPacked k n then c.Of [| Op.StructGetS; Op.StructGetU |] else Op.StructGet
            withTwo w code k n
    | 2
    | 3 ->
        match arraysOf t with
        | [||] -> constant c w.Out t
        | these ->
            let k = c.Of these
            nonNull w k (depth - 1)
            small w depth
            withImm w (if isPacked k 0 then c.Of [| Op.ArrayGetS; Op.ArrayGetU |] else Op.ArrayGet) k
    | 4 ->
        nonNull w (3 + c.Below(objects.Length - 3)) (depth - 1)
        op w.Out Op.ArrayLen
    | 5 ->
        w.Value(anyRef, depth - 1)
        op w.Out (c.Of [| Op.RefTest; Op.RefTestNull |])

        heapType
            w.Out
            (c.Of [|
                HeapType.Eq
                HeapType.I31
                HeapType.Struct
                HeapType.Array
                HeapType.None
                HeapType.Concrete(c.Below objects.Length)
            |])
    | 6 ->
        let eq = ValType.Ref(true, HeapType.Eq)
        w.Value(eq, depth - 1)
        w.Value((if c.Percent 30 then i31Ref else eq), depth - 1)
        op w.Out Op.RefEq
    | _ ->
        w.Value(i32, depth - 1)
        op w.Out Op.RefI31
        op w.Out (c.Of [| Op.I31GetS; Op.I31GetU |])

/// Something written: a field, an element, a range.
let statement (w: IBody) depth =
    let c = w.Choices
    let array () = 3 + c.Below(objects.Length - 3)

    match c.Below 8 with
    | 0
    | 1
    | 2 ->
        let k = c.Below 3
        let n = c.Below (fieldsOf k).Length
        nonNull w k (depth - 1)
        w.Value(onStack (fieldsOf k).[n], depth - 1)
        withTwo w Op.StructSet k n
    | 3
    | 4 ->
        let k = array ()
        nonNull w k (depth - 1)
        small w depth
        w.Value(onStack (fieldsOf k).[0], depth - 1)
        withImm w Op.ArraySet k
    | 5 ->
        let k = array ()
        nonNull w k (depth - 1)
        i32Const w.Out (c.Below 3)
        w.Value(onStack (fieldsOf k).[0], depth - 1)
        small w 0
        withImm w Op.ArrayFill k
    | 6 ->
        let k = array ()
        nonNull w k (depth - 1)
        i32Const w.Out (c.Below 3)
        nonNull w k (depth - 1)
        i32Const w.Out (c.Below 3)
        i32Const w.Out (c.Below 3)
        withTwo w Op.ArrayCopy k k
    | _ ->
        let k = array ()
        let element = onStack (fieldsOf k).[0]

        if not element.IsRef || element = ValType.FuncRef then
            nonNull w k (depth - 1)
            i32Const w.Out (c.Below 3)
            i32Const w.Out (c.Below 3)
            i32Const w.Out (c.Below 2)
            withTwo w (if element.IsRef then Op.ArrayInitElem else Op.ArrayInitData) k 1

/// A call through a reference of a function of this type; the arguments are on the stack. Seldom null.
let callRef (w: IBody) code typeIndex (func: int) =
    if w.Choices.Percent 4 then
        op w.Out Op.RefNull
        s64 w.Out (int64 typeIndex)
    else
        withImm w Op.RefFunc func

        if has Feature.Gc && w.Choices.Percent 30 then
            // Through a table would do as well; the cast sees the function's own type.
            op w.Out Op.RefCast
            s64 w.Out (int64 typeIndex)

    withImm w code typeIndex
