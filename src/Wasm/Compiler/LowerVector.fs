namespace Twofold.Wasm.Compiler

// Vector instructions. A vector is Vector128<byte> on the CIL stack, in locals, parameters and results; lanes are a matter of each instruction.
// In: instructions 0xD000 to 0xD113. Out: deferred operands; loads and stores with the checks of scalar accesses.
//
//   v128.load32_splat   checked i32 load, then Vector128.Create
//   v128.load8_lane     checked u8 load, then WithElement
//   i8x16.shl           the count modulo 8 first: what processors do beyond differs

open System
open System.Reflection.Emit
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerVector =
    let private word = CilType.I4
    let private v128 = typeof<Vector128<byte>>

    /// A deferred vector or number that a method computes.
    let private computed (e: Emitter) (ty: CilType) (m: VectorMethod) a b c =
        let n =
            e.Custom ty a b c (fun () ->
                e.Add(Cil.Call m.Method)

                if not (isNull m.After) then
                    e.Add(Cil.Call m.After)

                if m.Not then
                    e.Add(Cil.Call (VectorCode.method 0xD04Dus).Method))

        n.Cast <- m.Before
        n

    /// A vector out of numbers, or a number out of a vector.
    let private through (e: Emitter) (ty: CilType) before (m: Reflection.MethodInfo) after a b c =
        computed e ty { Method = m; Before = before; After = after; Not = false } a b c

    let private fromBytes (lanes: Type) = if lanes = typeof<byte> then null else VectorCode.cast typeof<byte> lanes
    let private toBytes (lanes: Type) = if lanes = typeof<byte> then null else VectorCode.cast lanes typeof<byte>

    /// A number cut to a lane's width.
    let private narrowed (e: Emitter) (lanes: Type) (n: Node) =
        if lanes = typeof<byte> then e.Custom word n null null (fun () -> e.Op OpCodes.Conv_U1)
        elif lanes = typeof<uint16> then e.Custom word n null null (fun () -> e.Op OpCodes.Conv_U2)
        else n

    let private splat (e: Emitter) (lanes: Type) (n: Node) =
        through e CilType.V128 null (VectorCode.splat lanes) (toBytes lanes) (narrowed e lanes n) null null

    /// A lane of f32 goes by its bits and memory: RyuJIT folds lanes of constant vectors, and keeps a float constant as a double, which quietens a signalling NaN.
    let private extract (e: Emitter) (lanes: Type) lane (v: Node) ty =
        let lanesOf (t: Type) ty = through e ty (fromBytes t) (VectorCode.extract t) null v (e.Constant word (int64 lane)) null

        if lanes = typeof<float32> then
            e.Custom ty (lanesOf typeof<uint32> word) null null (fun () -> e.ReinterpretBits word ty)
        else
            lanesOf lanes ty

    let private replace (e: Emitter) (lanes: Type) (lane: int) (v: Node) (x: Node) =
        through
            e
            CilType.V128
            (fromBytes lanes)
            (VectorCode.replace lanes)
            (toBytes lanes)
            v
            (e.Constant word (int64 lane))
            (narrowed e lanes x)

    /// Bytes as a constant.
    let private constant (low: int64) (high: int64) = Node(NodeKind.Const, CilType.V128, Imm = low, High = high)

    let private bytes (lanes: int[]) =
        let half k = Seq.fold (fun acc j -> acc ||| (int64 (byte lanes[k + j]) <<< (8 * j))) 0L [ 0..7 ]
        constant (half 0) (half 8)

    /// Lanes as the scalar access of their width reads them: opcode, CIL type, lanes' type.
    let private scalarOf width : struct (Op * CilType * Type) =
        match width with
        | 1 -> struct (0x2Dus, CilType.I4, typeof<byte>)
        | 2 -> struct (0x2Fus, CilType.I4, typeof<uint16>)
        | 4 -> struct (0x28us, CilType.I4, typeof<int>)
        | _ -> struct (0x29us, CilType.I8, typeof<int64>)

    let private load (e: Emitter) (i: Instr) width =
        let struct (o, ty, _) = scalarOf width
        LowerMemory.access e o i.A (e.Pop()) i.Imm ty

    // ---- shuffles: what is one instruction of this processor, else two shuffles with zeros in between and their union

    let private shuffleOne (e: Emitter) (v: Node) (lanes: int[]) =
        let isWords =
            Seq.forall (fun k -> lanes[4 * k] % 4 = 0 && Seq.forall (fun j -> lanes[4 * k + j] = lanes[4 * k] + j) [ 1..3 ]) [ 0..3 ]

        if isWords && Seq.forall (fun l -> l < 16) lanes then
            let index k = int64 (lanes[4 * k] / 4)
            let by = constant (index 0 ||| (index 1 <<< 32)) (index 2 ||| (index 3 <<< 32))

            through
                e
                CilType.V128
                (fromBytes typeof<int>)
                (VectorCode.two typeof<Vector128> "Shuffle" typeof<int>)
                (toBytes typeof<int>)
                v
                by
                null
        else
            through e CilType.V128 null (VectorCode.two typeof<Vector128> "Shuffle" typeof<byte>) null v (bytes lanes) null

    /// The lanes that unpacking interleaves: groups of `size` bytes from `start` in either operand.
    let private interleaved size start =
        Array.init 16 (fun k ->
            let group = k / size
            start + (group / 2) * size + k % size + (if group % 2 = 1 then 16 else 0))

    let private unpacks = [
        for size, lanes in [ 1, typeof<byte>; 2, typeof<int16>; 4, typeof<int>; 8, typeof<int64> ] do
            interleaved size 0, "UnpackLow", lanes
            interleaved size 8, "UnpackHigh", lanes
    ]

    let private shuffle (e: Emitter) (a: Node) (b: Node) (lanes: int[]) =
        let isBlend = Seq.forall (fun k -> lanes[k] % 16 = k) [ 0..15 ]
        let isRun = Seq.forall (fun k -> lanes[k] = lanes[0] + k) [ 0..15 ]
        let unpack = unpacks |> List.tryFind (fun (pattern, _, _) -> pattern = lanes)

        if Array.forall (fun l -> l < 16) lanes then
            shuffleOne e a lanes
        elif Array.forall (fun l -> l >= 16) lanes then
            shuffleOne e b (Array.map (fun l -> l - 16) lanes)
        elif isBlend then
            let mask = bytes (lanes |> Array.map (fun l -> if l < 16 then 255 else 0))
            through e CilType.V128 null VectorCode.select null mask a b
        elif unpack.IsSome && Sse2.IsSupported then
            let _, name, t = unpack.Value
            through e CilType.V128 (fromBytes t) (VectorCode.two typeof<Sse2> name t) (toBytes t) a b null
        elif isRun && Ssse3.IsSupported then
            let m = typeof<Ssse3>.GetMethod("AlignRight", [| v128; v128; typeof<byte> |])
            through e CilType.V128 null m null b a (e.Constant word (int64 lanes[0]))
        elif Avx512Vbmi.VL.IsSupported then
            let m = typeof<Avx512Vbmi.VL>.GetMethod("PermuteVar16x8x2", [| v128; v128; v128 |])
            through e CilType.V128 null m null a (bytes lanes) b
        else
            let fromA = shuffleOne e a (lanes |> Array.map (fun l -> if l < 16 then l else 255))
            let fromB = shuffleOne e b (lanes |> Array.map (fun l -> if l >= 16 then l - 16 else 255))
            computed e CilType.V128 (VectorCode.method 0xD050us) fromA fromB null

    // ---- instructions

    /// An operand for an instruction that sees it in some lanes without showing its NaN, or (None) shows all its bits.
    let private seenAs (e: Emitter) (lanes: NanLanes) (n: Node) =
        let bare = e.Unclean n
        if bare.Dirty = lanes then bare else e.Clean n

    /// Lanes' type, and the NaN lanes they hand over, of extract_lane and replace_lane.
    let private laneTypes (o: Op) : struct (Type * NanLanes) =
        match int o - 0xD000 with
        | 0x15 -> struct (typeof<sbyte>, NanLanes.None)
        | 0x16
        | 0x17 -> struct (typeof<byte>, NanLanes.None)
        | 0x18 -> struct (typeof<int16>, NanLanes.None)
        | 0x19
        | 0x1A -> struct (typeof<uint16>, NanLanes.None)
        | 0x1B
        | 0x1C -> struct (typeof<int>, NanLanes.None)
        | 0x1D
        | 0x1E -> struct (typeof<int64>, NanLanes.None)
        | 0x1F
        | 0x20 -> struct (typeof<float32>, NanLanes.F32)
        | _ -> struct (typeof<double>, NanLanes.F64)

    let private replaceLane (e: Emitter) (i: Instr) at =
        let struct (t, lanes) = laneTypes i.Op
        let x = e.Pop()
        let v = e.Pop()

        if lanes = NanLanes.None then
            e.Push(replace e t i.A (e.Clean v) x)
        else
            // Lanes of both meet in one vector: the NaN facts say whether they are cleaned before.
            let variable = if e.HasNan then e.Nan.Slots[at] else -1
            let v = seenAs e lanes v
            let v, x = if variable >= 0 then e.CleanSlot variable v, e.CleanSlot variable x else v, x
            let n = replace e t i.A v x
            n.Dirty <- e.ReadsDirty variable
            e.Push n

    let private shift (e: Emitter) (o: Op) mask =
        let count = e.Pop()
        let v = e.Clean(e.Pop())

        let count =
            match count.Kind with
            | NodeKind.Const -> e.Constant word (count.Imm &&& mask)
            | _ -> e.Binary word 0x71us count (e.Constant word mask)

        e.Push(computed e CilType.V128 (VectorCode.method o) v count null)

    let private madd (e: Emitter) (o: Op) =
        let lanes = NanEscape.arithmetic o
        let c = seenAs e lanes (e.Pop())
        let b = seenAs e lanes (e.Pop())
        let a = seenAs e lanes (e.Pop())
        let isSingle = lanes = NanLanes.F32
        // a * b + c is rounded twice; c - a * b is -a * b + c.
        let product = computed e CilType.V128 (VectorCode.method (if isSingle then 0xD0E6us else 0xD0F2us)) a b null
        let isNegated = o = 0xD106us || o = 0xD108us

        let n =
            if isNegated then
                computed e CilType.V128 (VectorCode.method (if isSingle then 0xD0E5us else 0xD0F1us)) c product null
            else
                computed e CilType.V128 (VectorCode.method (if isSingle then 0xD0E4us else 0xD0F0us)) product c null

        n.Dirty <- lanes
        e.Push(e.Computed n)

    let private plain (e: Emitter) (o: Op) =
        let info = Opcodes.info o
        let lanes = NanEscape.blindTo o
        let take () = seenAs e lanes (e.Pop())
        let c = if info.Pops.Length > 2 then take () else null
        let b = if info.Pops.Length > 1 then take () else null
        let a = take ()
        let n = computed e (cilType info.Pushes[0]) (VectorCode.method o) a b c
        n.Dirty <- NanEscape.arithmetic o
        e.Push(e.Computed n)

    let instruction (e: Emitter) at (i: Instr) =
        let storeLane width =
            let struct (o, ty, t) = scalarOf width
            let lane = i.B >>> 8
            let v = e.Clean(e.Pop())
            let n = LowerMemory.access e o i.A (e.Pop()) i.Imm ty
            e.SpillMemory()
            e.EmitAddress n
            e.Emit(extract e t lane v ty)

            e.Op(
                match width with
                | 1 -> OpCodes.Stind_I1
                | 2 -> OpCodes.Stind_I2
                | 4 -> OpCodes.Stind_I4
                | _ -> OpCodes.Stind_I8
            )

        let widening (t: Type) =
            let scalar = through e CilType.V128 null (VectorCode.scalar typeof<int64>) (toBytes typeof<int64>) (load e i 8) null null
            let m = VectorCode.widenLower t
            e.Push(through e CilType.V128 (fromBytes t) m (toBytes (m.ReturnType.GetGenericArguments()[0])) scalar null null)

        let splatLoad width =
            let struct (_, _, t) = scalarOf width
            e.Push(splat e t (load e i width))

        match int i.Op - 0xD000 with
        | 0x00 -> e.Push(LowerMemory.access e i.Op i.A (e.Pop()) i.Imm CilType.V128)
        | 0x01 -> widening typeof<sbyte>
        | 0x02 -> widening typeof<byte>
        | 0x03 -> widening typeof<int16>
        | 0x04 -> widening typeof<uint16>
        | 0x05 -> widening typeof<int>
        | 0x06 -> widening typeof<uint32>
        | 0x07 -> splatLoad 1
        | 0x08 -> splatLoad 2
        | 0x09 -> splatLoad 4
        | 0x0A -> splatLoad 8
        | 0x0B ->
            let v = e.Clean(e.Pop())
            let n = LowerMemory.access e i.Op i.A (e.Pop()) i.Imm CilType.V128
            e.SpillMemory()
            e.EmitAddress n
            e.Emit v
            e.Add Cil.StoreVector
        | 0x0C -> e.Stack.Add(constant i.Imm i.High)
        | 0x0D ->
            let lane k = int (byte ((if k < 8 then i.Imm else i.High) >>> (8 * (k % 8))))
            let b = e.Clean(e.Pop())
            let a = e.Clean(e.Pop())
            e.Push(shuffle e a b (Array.init 16 lane))
        | 0x0F -> e.Push(splat e typeof<byte> (e.Pop()))
        | 0x10 -> e.Push(splat e typeof<uint16> (e.Pop()))
        | 0x11 -> e.Push(splat e typeof<int> (e.Pop()))
        | 0x12 -> e.Push(splat e typeof<int64> (e.Pop()))
        | 0x13
        | 0x14 ->
            let x = e.Pop()
            let n = splat e (if i.Op = NanEscape.F32x4Splat then typeof<float32> else typeof<double>) x
            n.Dirty <- x.Dirty
            e.Push n
        | 0x15
        | 0x16
        | 0x18
        | 0x19
        | 0x1B
        | 0x1D
        | 0x1F
        | 0x21 ->
            let struct (t, lanes) = laneTypes i.Op
            let v = seenAs e lanes (e.Pop())
            let n = extract e t i.A v (cilType (Opcodes.info i.Op).Pushes[0])
            n.Dirty <- v.Dirty
            e.Push n
        | 0x17
        | 0x1A
        | 0x1C
        | 0x1E
        | 0x20
        | 0x22 -> replaceLane e i at
        // The mask comes first.
        | 0x52
        | 0x109
        | 0x10A
        | 0x10B
        | 0x10C ->
            let mask = e.Clean(e.Pop())
            let b = e.Clean(e.Pop())
            let a = e.Clean(e.Pop())
            e.Push(through e CilType.V128 null VectorCode.select null mask a b)
        | 0x54
        | 0x55
        | 0x56
        | 0x57 as k ->
            let v = e.Clean(e.Pop())
            let struct (_, _, t) = scalarOf (1 <<< (k - 0x54))
            let x = load e i (1 <<< (k - 0x54))
            e.Push(replace e t (i.B >>> 8) v x)
        | 0x58
        | 0x59
        | 0x5A
        | 0x5B as k -> storeLane (1 <<< (k - 0x58))
        | 0x5C -> e.Push(through e CilType.V128 null (VectorCode.scalar typeof<int>) (toBytes typeof<int>) (load e i 4) null null)
        | 0x5D -> e.Push(through e CilType.V128 null (VectorCode.scalar typeof<int64>) (toBytes typeof<int64>) (load e i 8) null null)
        | 0x6B
        | 0x6C
        | 0x6D -> shift e i.Op 7L
        | 0x8B
        | 0x8C
        | 0x8D -> shift e i.Op 15L
        | 0xAB
        | 0xAC
        | 0xAD -> shift e i.Op 31L
        | 0xCB
        | 0xCC
        | 0xCD -> shift e i.Op 63L
        | 0x105
        | 0x106
        | 0x107
        | 0x108 -> madd e i.Op
        | _ -> plain e i.Op
