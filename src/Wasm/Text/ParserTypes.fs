namespace Twofold.Wasm.Text

// Types and type uses (core specification, section 6.4).
// In: a Cursor at a type. Out: the type; an inline function type is found among the module's types or added to them.

open System
open Twofold.Wasm

module internal ParserTypes =
    let private abstractHeap (word: string) : HeapType voption =
        match word with
        | "func" -> ValueSome HeapType.Func
        | "nofunc" -> ValueSome HeapType.NoFunc
        | "extern" -> ValueSome HeapType.Extern
        | "noextern" -> ValueSome HeapType.NoExtern
        | "any" -> ValueSome HeapType.Any
        | "eq" -> ValueSome HeapType.Eq
        | "i31" -> ValueSome HeapType.I31
        | "struct" -> ValueSome HeapType.Struct
        | "array" -> ValueSome HeapType.Array
        | "none" -> ValueSome HeapType.None
        | "exn" -> ValueSome HeapType.Exn
        | "noexn" -> ValueSome HeapType.NoExn
        | _ -> ValueNone

    /// `funcref`, `nullref` and their like.
    let private shorthand (word: string) : HeapType voption =
        match word with
        | "nullref" -> ValueSome HeapType.None
        | "nullfuncref" -> ValueSome HeapType.NoFunc
        | "nullexternref" -> ValueSome HeapType.NoExtern
        | "nullexnref" -> ValueSome HeapType.NoExn
        | _ when word.EndsWith("ref", StringComparison.Ordinal) ->
            match abstractHeap (word.Substring(0, word.Length - 3)) with
            // `noneref` is none: those have shorthands of their own.
            | ValueSome h when not (word.StartsWith("no", StringComparison.Ordinal)) -> ValueSome h
            | _ -> ValueNone
        | _ -> ValueNone

    let private need (c: Cursor) (offset: int) (h: HeapType) =
        if h.Equals HeapType.Exn || h.Equals HeapType.NoExn then
            c.Need(Feature.Exceptions, offset, $"heap type {h}")
        elif h.IsConcrete then
            c.Need(Feature.FunctionReferences, offset, "a type index as heap type")
        elif not (h.Equals HeapType.Func || h.Equals HeapType.Extern) then
            c.Need(Feature.Gc, offset, $"heap type {h}")

    /// Type indices beyond this cannot exist; keeps the packing of HeapType in range.
    let private maxTypeIndex = 0x3FFF00

    let heapType (c: Cursor) (m: Spaces) : HeapType =
        let offset = c.Offset

        let heap =
            if c.IsIndex then
                let i = m.TypeIds.Index c
                HeapType.Concrete(if i < 0 then maxTypeIndex else min i maxTypeIndex)
            else
                match (if c.Kind = TokenKind.Keyword then abstractHeap c.Text else ValueNone) with
                | ValueSome h ->
                    c.Skip 1
                    h
                | ValueNone -> raise (c.Unexpected "a heap type")

        need c offset heap
        heap

    /// A reference type, if one stands there.
    let tryRefType (c: Cursor) (m: Spaces) : ValType voption =
        let offset = c.Offset

        if c.TryOpen "ref" then
            let nullable = c.TryWord "null"
            let t = ValType.Ref(nullable, heapType c m)
            c.Close()

            // `(ref null func)` is the long form of funcref.
            if not nullable then
                c.Need(Feature.FunctionReferences, offset, $"type {t}")

            ValueSome t
        elif c.Kind = TokenKind.Keyword then
            match shorthand c.Text with
            | ValueSome h ->
                need c offset h
                c.Skip 1
                ValueSome(ValType.Ref(true, h))
            | ValueNone -> ValueNone
        else
            ValueNone

    let refType (c: Cursor) (m: Spaces) : ValType =
        match tryRefType c m with
        | ValueSome t -> t
        | ValueNone -> raise (c.Unexpected "a reference type")

    let valType (c: Cursor) (m: Spaces) : ValType =
        let offset = c.Offset

        if c.TryWord "i32" then
            ValType.I32
        elif c.TryWord "i64" then
            ValType.I64
        elif c.TryWord "f32" then
            ValType.F32
        elif c.TryWord "f64" then
            ValType.F64
        elif c.TryWord "v128" then
            c.Need(Feature.Simd, offset, "type v128")
            ValType.V128
        else
            match tryRefType c m with
            | ValueSome t -> t
            | ValueNone -> raise (c.Unexpected "a value type")

    /// `(param ...)* (result ...)*`. Named parameters go to `locals`; where it is null names are not allowed.
    let signature (c: Cursor) (m: Spaces) (locals: Space) : FuncType =
        let ps = ResizeArray<ValType>()
        let rs = ResizeArray<ValType>()

        while c.TryOpen "param" do
            if c.Kind = TokenKind.Id && not (isNull locals) then
                let offset = c.Offset
                locals.Add(c, offset, c.TryId()) |> ignore
                ps.Add(valType c m)
            else
                while c.Kind <> TokenKind.Close do
                    ps.Add(valType c m)

                    if not (isNull locals) then
                        locals.Skip 1

            c.Close()

        while c.TryOpen "result" do
            while c.Kind <> TokenKind.Close do
                rs.Add(valType c m)

            c.Close()

        // Parameters after results are no instruction either; said here, before the type is compared with another.
        if c.IsOpen "param" then
            c.Skip 1
            raise (c.Unexpected "an instruction or )")

        { Params = ps.ToArray(); Results = rs.ToArray() }

    /// How a type use says its type.
    [<Struct; RequireQualifiedAccess; NoComparison; NoEquality>]
    type Use =
        /// `(type x)`, with or without the same type again.
        | Index of index: int
        | Inline of FuncType

    let typeUse (c: Cursor) (m: Spaces) (locals: Space) : Use =
        let offset = c.Offset

        if c.TryOpen "type" then
            let index = m.TypeIds.Index c
            c.Close()
            let inlineAt = c.Offset

            if c.IsOpen "param" || c.IsOpen "result" then
                let t = signature c m locals

                match m.TryFunc index with
                | ValueSome defined when defined = t -> ()
                | ValueSome defined ->
                    raise (
                        RefusedException {
                            Rejected.malformed -1 "inline function type" with
                                Where = c.Source.Where inlineAt
                                Expected = string defined
                                Found = string t
                        }
                    )
                | ValueNone when uint32 index < uint32 m.Types.Count -> raise (c.Malformed(offset, $"non-function type {uint32 index}"))
                | ValueNone -> raise (c.Malformed(offset, $"unknown type {uint32 index}"))
            elif not (isNull locals) then
                m.TryFunc index |> ValueOption.iter (fun t -> locals.Skip t.Params.Length)

            Use.Index index
        else
            Use.Inline(signature c m locals)

    /// A type use as an index; an inline type that is not there yet is added.
    let typeIndex (c: Cursor) (m: Spaces) (locals: Space) : int =
        match typeUse c m locals with
        | Use.Index i -> i
        | Use.Inline t -> m.Use t

    /// The address type before limits: true for i64.
    let addressType (c: Cursor) : bool =
        let offset = c.Offset

        if c.TryWord "i64" then
            c.Need(Feature.Memory64, offset, "address type i64")
            true
        else
            c.TryWord "i32" |> ignore
            false

    /// `min max? shared?`; numbers up to 2^64 - 1, which the validator judges.
    let limits (c: Cursor) (is64: bool) : SizeLimits =
        let min = c.U64()
        let max = if c.Kind = TokenKind.Number then ValueSome(c.U64()) else ValueNone
        let offset = c.Offset
        let shared = c.TryWord "shared"

        if shared then
            c.Need(Feature.Threads, offset, "a shared memory")

        { Min = min; Max = max; Is64 = is64; Shared = shared }

    let tableType (c: Cursor) (m: Spaces) (is64: bool) : TableType =
        let l = limits c is64
        { Element = refType c m; Limits = l }

    let globalType (c: Cursor) (m: Spaces) : GlobalType =
        if c.TryOpen "mut" then
            let t = valType c m
            c.Close()
            { Value = t; Mutable = true }
        else
            { Value = valType c m; Mutable = false }

    let private fieldType (c: Cursor) (m: Spaces) : FieldType =
        let isMutable = c.TryOpen "mut"

        let storage =
            if c.TryWord "i8" then StorageType.I8
            elif c.TryWord "i16" then StorageType.I16
            else StorageType.Value(valType c m)

        if isMutable then
            c.Close()

        { Storage = storage; Mutable = isMutable }

    /// `(field $id? type)` or `(field type*)`, as often as they come.
    let private fields (c: Cursor) (m: Spaces) (names: Space) : FieldType[] =
        let all = ResizeArray<FieldType>()

        while c.TryOpen "field" do
            if c.Kind = TokenKind.Id then
                let offset = c.Offset
                names.Add(c, offset, c.TryId()) |> ignore
                all.Add(fieldType c m)
            else
                while c.Kind <> TokenKind.Close do
                    names.Skip 1
                    all.Add(fieldType c m)

            c.Close()

        all.ToArray()

    let private composite (c: Cursor) (m: Spaces) (names: Space) : CompositeType =
        let offset = c.Offset

        let t =
            if c.TryOpen "func" then
                // Names of parameters are allowed here and mean nothing, but they must differ.
                CompositeType.Func(signature c m (Space("local", "local")))
            elif c.TryOpen "struct" then
                c.Need(Feature.Gc, offset, "a struct type")
                CompositeType.Struct(fields c m names)
            elif c.TryOpen "array" then
                c.Need(Feature.Gc, offset, "an array type")
                CompositeType.Array(fieldType c m)
            else
                raise (c.Unexpected "(func, (struct or (array")

        c.Close()
        t

    /// The type of a `type` field, up to its end.
    let definition (c: Cursor) (m: Spaces) =
        let names = Space("field", "field")
        let offset = c.Offset

        if c.TryOpen "sub" then
            c.Need(Feature.Gc, offset, "a subtype")
            let final = c.TryWord "final"

            let supers = [|
                while c.IsIndex do
                    m.TypeIds.Index c
            |]

            let t = composite c m names
            c.Close()
            m.Define({ Final = final; Supers = supers; Composite = t }, names)
        else
            m.Define({ Final = true; Supers = [||]; Composite = composite c m names }, names)
