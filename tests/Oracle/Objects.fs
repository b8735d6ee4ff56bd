namespace Twofold.Oracle

// Instructions on structs, arrays, i31 and references (core specification 4.6.3, "Reference Instructions", "Aggregate Instructions").
// What the type decides alone is paid with the basic block; what a length decides is paid here, before the instruction's own checks.
// In: the operand stack of a frame, or of a constant expression. Out: the same stack, changed; or a trap.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

/// An operand stack.
type Operands = List<Value>

module Operands =
    let push (s: Operands) (v: Value) = s.Add v

    let pop (s: Operands) : Value =
        let v = s[s.Count - 1]
        s.RemoveAt(s.Count - 1)
        v

    /// The top n operands, in the order they were pushed.
    let popMany (s: Operands) (n: int) : Value[] =
        let values = s.GetRange(s.Count - n, n).ToArray()
        s.RemoveRange(s.Count - n, n)
        values

    /// An i32 or i64 as the unsigned number it is.
    let popU (s: Operands) : uint64 = (pop s).Bits

module Objects =
    open Operands

    let private trap code (a: uint64) (b: uint64) (c: uint64) : 'a = raise (TrapException(code, a, b, c))
    let private anyRef (o: obj) = Value.Ref(ValueKind.AnyRef, o)
    let private truth b = Value.I32(if b then 1 else 0)

    /// The object, or the trap for null.
    let private get<'a> (v: Value) : 'a =
        if isNull v.Reference then
            trap TrapCode.NullReference 0UL 0UL 0UL

        v.Reference :?> 'a

    /// One array holds 1 GiB at most.
    let private mostOfArray = 1UL <<< 30

    // --- packed fields

    let private stored (storage: StorageType) (v: Value) : Value =
        match storage with
        | StorageType.I8 -> Value.I32(int (byte v.Bits))
        | StorageType.I16 -> Value.I32(int (uint16 v.Bits))
        | StorageType.Value _ -> v

    let private loaded (storage: StorageType) isSigned (v: Value) : Value =
        match storage with
        | StorageType.I8 when isSigned -> Value.I32(int (sbyte v.Bits))
        | StorageType.I16 when isSigned -> Value.I32(int (int16 v.Bits))
        | _ -> v

    /// Elements from a data segment's bytes.
    let private fromBytes (element: FieldType) (bytes: byte[]) : Value =
        let whole = Array.append bytes (Array.zeroCreate (16 - bytes.Length))
        let low, high = BitConverter.ToUInt64(whole, 0), BitConverter.ToUInt64(whole, 8)

        match element.Storage with
        | StorageType.I8
        | StorageType.I16 -> Value.I32(int low)
        | StorageType.Value t -> Value.FromBits(DefTypes.kind [||] t, low, high)

    // --- types

    /// Does a reference belong to a heap type of this instance's module?
    let private isA (instance: Instance) (heap: HeapType) (v: Value) : bool =
        if heap.IsConcrete then
            let wanted = instance.Types[heap.Index]

            match v.Reference with
            | :? StructObject as o -> DefTypes.isSubtype o.Type wanted
            | :? ArrayObject as o -> DefTypes.isSubtype o.Type wanted
            | :? Func as f -> DefTypes.isSubtype f.DefType wanted
            | _ -> false
        elif heap = HeapType.Any then
            true
        else
            DefTypes.heapMatches [||] (Values.heapOf v) [||] heap

    let castSucceeds (instance: Instance) (heap: HeapType) nullable (v: Value) : bool =
        if isNull v.Reference then nullable else isA instance heap v

    // --- arrays

    let private inside (a: ArrayObject) (index: uint64) (n: uint64) =
        let size = uint64 a.Elements.Length

        if index + n > size then
            trap TrapCode.ArrayOutOfBounds index n size

    let private newArray (store: Store) (t: DefType) (elements: Lazy<Value[]>) (length: uint64) : Value =
        store.Allocate(GasSchedule.arrayBytes t.Fields[0] (uint32 length), mostOfArray)
        anyRef (ArrayObject(t, elements.Value |> Array.map (stored t.Fields[0].Storage)))

    let private chargeArray (store: Store) (t: DefType) (length: uint64) =
        store.Charge(GasSchedule.allocation (GasSchedule.arrayBytes t.Fields[0] (uint32 length)))

    /// n elements of a data segment from byte s on.
    let private dataRange (data: byte[]) (t: DefType) (s: uint64) (n: uint64) : Lazy<Value[]> =
        let size = GasSchedule.storageBytes t.Fields[0].Storage
        let bytes = n * uint64 size

        if s + bytes > uint64 data.Length then
            trap TrapCode.MemoryOutOfBounds s bytes (uint64 data.Length)

        lazy (Array.init (int n) (fun k -> fromBytes t.Fields[0] (Array.sub data (int s + k * size) size)))

    let private elemRange (elements: Value[]) (s: uint64) (n: uint64) : Lazy<Value[]> =
        if s + n > uint64 elements.Length then
            trap TrapCode.TableOutOfBounds s n (uint64 elements.Length)

        lazy (Array.sub elements (int s) (int n))

    let private write (a: ArrayObject) (at: uint64) (values: Value[]) =
        values |> Array.iteri (fun k v -> a.Elements[int at + k] <- stored a.Type.Fields[0].Storage v)

    /// One instruction. False: it is not one of these.
    let step (store: Store) (instance: Instance) (s: Operands) (i: Instr) : bool =
        let mutable known = true

        match i.Op with
        | Op.RefEq ->
            let b = (pop s).Reference
            let a = (pop s).Reference

            match a, b with
            | (:? I31Object as a), (:? I31Object as b) -> push s (truth (a.Bits = b.Bits))
            | _ -> push s (truth (obj.ReferenceEquals(a, b)))
        | Op.RefAsNonNull ->
            let v = pop s
            get<obj> v |> ignore
            push s v
        | Op.RefI31 -> push s (anyRef { Bits = (pop s).AsI32() &&& 0x7FFFFFFF })
        | Op.I31GetS -> push s (Value.I32(((get<I31Object>(pop s)).Bits <<< 1) >>> 1))
        | Op.I31GetU -> push s (Value.I32 (get<I31Object>(pop s)).Bits)
        | Op.AnyConvertExtern -> push s (anyRef (pop s).Reference)
        | Op.ExternConvertAny -> push s (Value.ExternRef (pop s).Reference)
        | Op.RefTest
        | Op.RefTestNull -> push s (truth (castSucceeds instance (HeapType i.A) (i.Op = Op.RefTestNull) (pop s)))
        | Op.RefCast
        | Op.RefCastNull ->
            let v = pop s

            if not (castSucceeds instance (HeapType i.A) (i.Op = Op.RefCastNull) v) then
                trap TrapCode.CastFailure 0UL 0UL 0UL

            push s v
        | Op.StructNew
        | Op.StructNewDefault ->
            let t = instance.Types[i.A]
            let values = if i.Op = Op.StructNew then popMany s t.Fields.Length else t.Zeros
            store.Allocate(GasSchedule.structBytes t.Fields, UInt64.MaxValue)
            push s (anyRef (StructObject(t, Array.map2 (fun (f: FieldType) v -> stored f.Storage v) t.Fields values)))
        | Op.StructGet
        | Op.StructGetS
        | Op.StructGetU ->
            let storage = instance.Types[i.A].Fields[i.B].Storage
            push s (loaded storage (i.Op = Op.StructGetS) (get<StructObject>(pop s)).Fields[i.B])
        | Op.StructSet ->
            let v = pop s
            (get<StructObject>(pop s)).Fields[ i.B ] <- stored instance.Types[i.A].Fields[i.B].Storage v
        | Op.ArrayNew ->
            let n = popU s
            let v = pop s
            chargeArray store instance.Types[i.A] n
            push s (newArray store instance.Types[i.A] (lazy Array.replicate (int n) v) n)
        | Op.ArrayNewDefault ->
            let n = popU s
            let t = instance.Types[i.A]
            chargeArray store t n
            push s (newArray store t (lazy Array.replicate (int n) t.Zeros[0]) n)
        | Op.ArrayNewFixed ->
            let values = popMany s i.B
            push s (newArray store instance.Types[i.A] (lazy values) (uint64 i.B))
        | Op.ArrayNewData ->
            let n = popU s
            let from = popU s
            let t = instance.Types[i.A]
            chargeArray store t n
            push s (newArray store t (dataRange instance.Datas[i.B] t from n) n)
        | Op.ArrayNewElem ->
            let n = popU s
            let from = popU s
            let t = instance.Types[i.A]
            chargeArray store t n
            push s (newArray store t (elemRange instance.Elems[i.B] from n) n)
        | Op.ArrayGet
        | Op.ArrayGetS
        | Op.ArrayGetU ->
            let index = popU s
            let a = get<ArrayObject>(pop s)
            inside a index 1UL
            push s (loaded a.Type.Fields[0].Storage (i.Op = Op.ArrayGetS) a.Elements[int index])
        | Op.ArraySet ->
            let v = pop s
            let index = popU s
            let a = get<ArrayObject>(pop s)
            inside a index 1UL
            write a index [| v |]
        | Op.ArrayLen -> push s (Value.I32 (get<ArrayObject>(pop s)).Elements.Length)
        | Op.ArrayFill ->
            let n = popU s
            let v = pop s
            let at = popU s
            store.Charge(GasSchedule.arrayElements instance.Types[i.A].Fields[0] (uint32 n))
            let a = get<ArrayObject>(pop s)
            inside a at n
            write a at (Array.replicate (int n) v)
        | Op.ArrayCopy ->
            let n = popU s
            let from = popU s
            let source = pop s
            let at = popU s
            let target = pop s
            store.Charge(GasSchedule.arrayElements instance.Types[i.A].Fields[0] (uint32 n))
            let target = get<ArrayObject> target
            let source = get<ArrayObject> source
            inside target at n
            inside source from n
            write target at (Array.sub source.Elements (int from) (int n))
        | Op.ArrayInitData
        | Op.ArrayInitElem ->
            let n = popU s
            let from = popU s
            let at = popU s
            let t = instance.Types[i.A]
            store.Charge(GasSchedule.arrayElements t.Fields[0] (uint32 n))
            let a = get<ArrayObject>(pop s)
            inside a at n

            let values =
                if i.Op = Op.ArrayInitData then
                    dataRange instance.Datas[i.B] t from n
                else
                    elemRange instance.Elems[i.B] from n

            write a at values.Value
        | _ -> known <- false

        known
