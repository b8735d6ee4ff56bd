namespace Twofold.Wasm.Binary

// Types of the binary format (core specification, section 5.3), all of 3.0.
// In: a Reader at a type. Out: the type; what a switched-off feature owns is read to its end and noted with `Need`.

open System
open Twofold.Wasm

module internal DecodeTypes =
    /// An abstract heap type by its byte; ValueNone when the byte is none.
    let private abstractHeap (b: byte) =
        match b with
        | 0x70uy -> ValueSome HeapType.Func
        | 0x6Fuy -> ValueSome HeapType.Extern
        | 0x6Euy -> ValueSome HeapType.Any
        | 0x6Duy -> ValueSome HeapType.Eq
        | 0x6Cuy -> ValueSome HeapType.I31
        | 0x6Buy -> ValueSome HeapType.Struct
        | 0x6Auy -> ValueSome HeapType.Array
        | 0x69uy -> ValueSome HeapType.Exn
        | 0x71uy -> ValueSome HeapType.None
        | 0x72uy -> ValueSome HeapType.NoExtern
        | 0x73uy -> ValueSome HeapType.NoFunc
        | 0x74uy -> ValueSome HeapType.NoExn
        | _ -> ValueNone

    let private needHeap (r: Reader) offset (h: HeapType) =
        if h.IsConcrete then
            r.Need(Feature.FunctionReferences, offset, "a type index as heap type")
        elif h.Equals HeapType.Exn || h.Equals HeapType.NoExn then
            r.Need(Feature.Exceptions, offset, $"heap type {h}")
        elif h.Equals HeapType.Func || h.Equals HeapType.Extern then
            ()
        else
            r.Need(Feature.Gc, offset, $"heap type {h}")

    /// Type indices beyond this cannot exist; keeps the packing of HeapType in range.
    let private maxTypeIndex = 0x3FFF00L

    let heapType (r: Reader) : HeapType =
        let at = r.Pos
        let code = r.S33()

        let heap =
            if r.Failed then
                HeapType.Func
            elif code >= 0L then
                HeapType.Concrete(int (min code maxTypeIndex))
            else
                // A one-byte negative number is the byte itself, less 0x80.
                match (if code >= -64L then abstractHeap (byte (code + 128L)) else ValueNone) with
                | ValueSome h -> h
                | ValueNone ->
                    r.Fail(at, "malformed heap type")
                    HeapType.Func

        needHeap r at heap
        heap

    let private tryRefType (r: Reader) : ValType voption =
        let at = r.Pos
        let b = r.Peek()

        match b with
        | 0x63uy
        | 0x64uy ->
            r.Byte() |> ignore
            r.Need(Feature.FunctionReferences, at, "a typed reference")
            ValueSome(ValType.Ref((b = 0x63uy), heapType r))
        | _ ->
            match abstractHeap b with
            | ValueSome h ->
                r.Byte() |> ignore
                needHeap r at h
                ValueSome(ValType.Ref(true, h))
            | ValueNone -> ValueNone

    let private bad (r: Reader) message =
        if r.Pos >= r.End then
            r.Byte() |> ignore // says that bytes ran out
        else
            r.Fail(r.Pos, message)

    /// A reference type, as tables and element segments have it.
    let refType (r: Reader) : ValType =
        let at = r.Pos

        match tryRefType r with
        | ValueSome t ->
            if not (t.Equals ValType.FuncRef) then
                r.Need(Feature.ReferenceTypes, at, $"type {t}")

            t
        | ValueNone ->
            bad r "malformed reference type"
            ValType.FuncRef

    let valType (r: Reader) : ValType =
        let at = r.Pos
        let b = r.Peek()

        if b >= 0x7Cuy && b <= 0x7Fuy then
            r.Byte() |> ignore
            ValType(int b)
        elif b = 0x7Buy then
            r.Byte() |> ignore
            r.Need(Feature.Simd, at, "type v128")
            ValType.V128
        else
            match tryRefType r with
            | ValueSome t ->
                r.Need(Feature.ReferenceTypes, at, $"type {t}")
                t
            | ValueNone ->
                bad r "malformed value type"
                ValType.I32

    let mutability (r: Reader) =
        let at = r.Pos

        match r.Byte() with
        | 0uy -> false
        | 1uy -> true
        | _ ->
            r.Fail(at, "malformed mutability")
            false

    let private fieldType (r: Reader) : FieldType =
        let storage =
            match r.Peek() with
            | 0x78uy ->
                r.Byte() |> ignore
                StorageType.I8
            | 0x77uy ->
                r.Byte() |> ignore
                StorageType.I16
            | _ -> StorageType.Value(valType r)

        { Storage = storage; Mutable = mutability r }

    let private valTypes (r: Reader) allowed what : ValType[] =
        let n = r.Count(allowed, what)

        if n = 0 then
            Array.Empty()
        else
            let a = Array.zeroCreate n
            let mutable i = 0

            while i < n && r.Ok do
                a[i] <- valType r
                i <- i + 1

            a

    let private composite (limits: WasmLimits) (r: Reader) : CompositeType =
        let at = r.Pos

        match r.Byte() with
        | 0x60uy ->
            let ps = valTypes r limits.Params "parameters"
            let rs = valTypes r limits.Results "results"

            if rs.Length > 1 then
                r.Need(Feature.MultiValue, at, "a function type with several results")

            CompositeType.Func { Params = ps; Results = rs }
        | 0x5Fuy ->
            r.Need(Feature.Gc, at, "a struct type")
            let n = r.Count(limits.Fields, "fields")
            let a = Array.zeroCreate n
            let mutable i = 0

            while i < n && r.Ok do
                a[i] <- fieldType r
                i <- i + 1

            CompositeType.Struct a
        | 0x5Euy ->
            r.Need(Feature.Gc, at, "an array type")
            CompositeType.Array(fieldType r)
        | b ->
            r.Fail(at, (if b >= 0x80uy then "integer representation too long" else "malformed definition type"))
            CompositeType.Func { Params = [||]; Results = [||] }

    let private subType (limits: WasmLimits) (r: Reader) start size : SubType =
        let at = r.Pos

        match r.Peek() with
        | 0x50uy
        | 0x4Fuy as b ->
            r.Byte() |> ignore
            r.Need(Feature.Gc, at, "a subtype")
            let n = r.Count(limits.Declarations, "supertypes")
            let mutable super = -1

            if n > 1 then
                r.Reject(Rejected.invalid at "sub type with more than one super type")
            elif n = 1 then
                let x = r.Index()
                // No index is as great as this; negative ones would look like none.
                super <- if x < 0 then Int32.MaxValue else x

            { Final = (b = 0x4Fuy); Super = super; Composite = composite limits r; GroupStart = start; GroupSize = size }
        | _ -> { Final = true; Super = -1; Composite = composite limits r; GroupStart = start; GroupSize = size }

    /// The type section's recursion groups, flattened (core 5.5.4).
    let typeSection (limits: WasmLimits) (r: Reader) : SubType[] =
        let n = r.Count(limits.Declarations, "types")
        let types = ResizeArray<SubType> n
        let mutable i = 0

        while i < n && r.Ok do
            let at = r.Pos
            r.Item <- i

            if r.Peek() = 0x4Euy then
                r.Byte() |> ignore
                r.Need(Feature.Gc, at, "a recursion group")
                let size = r.Count(limits.Declarations - types.Count, "types")
                let start = types.Count
                let mutable j = 0

                while j < size && r.Ok do
                    r.Enter types.Count
                    types.Add(subType limits r start size)
                    j <- j + 1
            else
                r.Enter types.Count
                types.Add(subType limits r types.Count 1)

            i <- i + 1

        types.ToArray()

    /// Limits (core 5.3.13): bit 0 a maximum, bit 1 shared, bit 2 64-bit addresses; both numbers are u64 since 3.0.
    let limits (r: Reader) : SizeLimits =
        let at = r.Pos
        let flags = r.Byte()

        if flags > 7uy then
            r.Fail(at, "malformed limits flags")

        if flags &&& 2uy <> 0uy then
            r.Need(Feature.Threads, at, "the shared flag of limits")

        if flags &&& 4uy <> 0uy then
            r.Need(Feature.Memory64, at, "the 64-bit flag of limits")

        let min = r.U64()
        let max = if flags &&& 1uy <> 0uy then ValueSome(r.U64()) else ValueNone

        { Min = min; Max = max; Is64 = flags &&& 4uy <> 0uy; Shared = flags &&& 2uy <> 0uy }

    let tableType (r: Reader) : TableType =
        let element = refType r
        let at = r.Pos
        let limits = limits r

        if limits.Shared then
            r.Fail(at, "malformed limits flags")

        { Element = element; Limits = limits }

    let globalType (r: Reader) : GlobalType =
        let value = valType r
        { Value = value; Mutable = mutability r }
