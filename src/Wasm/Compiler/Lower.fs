namespace Twofold.Wasm.Compiler

// Lowering: a prepared function becomes CIL (design section 7).
// In: a PreparedFunc and what is fixed for its module. Out: a CilFunc; pure but for the constant cells it asks for.
//
// Operands are expression trees, written to the CIL stack only when a statement needs them; the CIL stack is empty between statements.
// Nothing deferred can trap or have an effect: checks are written where the instruction stands, and what a later statement could change
// (locals, memory, globals) is first moved to a temporary.
//
//   signature      result f(native ctx, int32 units, params...)
//   prologue       units < frame -> stack exhausted; frame address < ctx.NativeLimit -> StackSlow; gas := store.Gas
//   charge n       gas -= n; gas < 0 -> out of gas; the first of a loop compares with ctx.Interrupt instead of 0
//   i32.load o     index > ctx.Last[o + 4] -> trap (cold), or for large o: index + (o + 4) > ctx.Length; ldind.i4 (base + index + o), deferred
//   call f         store.Gas := gas; code[f] or Resolve; calli; gas := store.Gas
//   cold blocks    store.Gas := gas; the trap's numbers; throw

open System
open System.Collections.Generic
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// What is fixed for a module while its functions are lowered.
[<NoComparison; NoEquality>]
type LowerContext = {
    Valid: ValidModule
    Layout: Layout
    /// Native table of entry points by defined function.
    CodeTable: nativeint
    /// Canonical type id by type index.
    TypeIds: int[]
    /// Address of a cell that holds these bits for as long as the code lives.
    ConstCell: int64 -> nativeint
    /// Entry point of the thunk that carries a call of this signature over to a fresh stack: (ctx, units, params, ..., function index) -> result.
    FreshStackThunk: FuncType -> nativeint
    /// Entry point of a function that is compiled already, or 0.
    Known: int -> nativeint
}

/// A deferred operand.
[<AllowNullLiteral>]
type private Node(kind: NodeKind, ty: CilType) =
    member val Kind = kind
    member val Ty = ty
    member val Op: Op = 0us with get, set
    member val A: Node = null with get, set
    member val B: Node = null with get, set
    /// Constant bits; local; global; load offset.
    member val Imm = 0L with get, set
    /// Temporary's CIL local; a load's index temporary, or -1.
    member val Slot = -1 with get, set
    /// Memory index of a load.
    member val Memory = 0 with get, set
    /// It reads memory / a mutable global: to be moved to a temporary before those can change.
    member val ReadsMemory = false with get, set
    member val ReadsGlobal = false with get, set
    /// A float whose NaN may not be the canonical one.
    member val Dirty = false with get, set
    /// The JIT may see it as a rotation: see Rotations.
    member val Marks = 0 with get, set
    member val Depth = 1 with get, set

and private NodeKind =
    | Const = 0
    | Local = 1
    | Temp = 2
    | Unary = 3
    | Binary = 4
    | Load = 5
    | Global = 6
    | Null = 7
    /// Cleans a NaN.
    | Canon = 8

[<AllowNullLiteral>]
type private Frame(op: Op, at: int, height: int, brLabel: int) =
    member val Op = op
    /// Index of its instruction: the key of its NaN facts.
    member val At = at
    member val Height = height
    /// Where branches to it go.
    member val Br = brLabel
    member val ElseLabel = -1 with get, set
    member val HasElse = false with get, set
    member val Targeted = false with get, set
    /// CIL locals that carry its results, and for a loop its parameters.
    member val Results: int[] = Array.empty with get, set
    member val ResultTypes: CilType[] = Array.empty with get, set
    member val LoopParams: int[] = Array.empty with get, set
    member val LoopTypes: CilType[] = Array.empty with get, set
    /// An `if`'s parameters, kept for its else arm.
    member val IfParams: Node[] = Array.empty with get, set

/// A cold block: written once per function and key, after everything else.
[<Struct; NoComparison>]
type private ColdKey =
    | OutOfGas
    | NoStack
    | Interrupt
    | Simple of code: TrapCode
    | MemoryAt of memory: int * offset: int64 * bytes: int * isTemp: bool * local: int
    | Indirect of table: int * slot: int
    | Trunc of temp: int

module private Methods =
    let private flags = BindingFlags.Static ||| BindingFlags.NonPublic ||| BindingFlags.Public

    let rt name =
        match typeof<Rt>.GetMethod(name, flags) with
        | null -> invalidOp $"Rt.{name} is missing"
        | m -> m

    let num name =
        match typeof<Num>.GetMethod(name, flags) with
        | null -> invalidOp $"Num.{name} is missing"
        | m -> m

    let math (t: Type) (name: string) (arg: Type) =
        match t.GetMethod(name, [| arg |]) with
        | null -> invalidOp $"{t.Name}.{name} is missing"
        | m -> m

    let bits name (arg: Type) = math typeof<BitConverter> name arg

    let floor32 = math typeof<MathF> "Floor" typeof<float32>
    let ceil32 = math typeof<MathF> "Ceiling" typeof<float32>
    let trunc32 = math typeof<MathF> "Truncate" typeof<float32>
    let round32 = math typeof<MathF> "Round" typeof<float32>
    let sqrt32 = math typeof<MathF> "Sqrt" typeof<float32>
    let floor64 = math typeof<Math> "Floor" typeof<double>
    let ceil64 = math typeof<Math> "Ceiling" typeof<double>
    let trunc64 = math typeof<Math> "Truncate" typeof<double>
    let round64 = math typeof<Math> "Round" typeof<double>
    let sqrt64 = math typeof<Math> "Sqrt" typeof<double>
    let bitsOf32 = bits "SingleToInt32Bits" typeof<float32>
    let bitsOf64 = bits "DoubleToInt64Bits" typeof<double>
    let byName = Dictionary<string, MethodInfo>()

    /// Helpers are looked up once.
    let cached (find: string -> MethodInfo) name =
        lock byName (fun () ->
            match byName.TryGetValue name with
            | true, m -> m
            | _ ->
                let m = find name
                byName[name] <- m
                m)

    let Rt name = cached rt name
    let Num name = cached num name

/// RyuJIT (of .NET 10.0) believes that a rotation by a constant sets the flags, and leaves out the test when its result is compared with zero:
/// `rol edx, 19; je` branches on older flags. So what the JIT may see as a rotation is compared only after a way through memory.
/// That is a rotation's result, `or` and `xor` of a left and a right shift, and whatever arithmetic could fold to one of these operands. Locals
/// have the marks of what reaches them, results of blocks of all that they are assigned (see MarkFlow).
module private Rotations =
    [<Literal>]
    let Rotated = 1

    [<Literal>]
    let Left = 2

    [<Literal>]
    let Right = 4

    let private isRotation (o: Op) = o = 0x77us || o = 0x78us || o = 0x89us || o = 0x8Aus
    let private isLeft (o: Op) = o = 0x74us || o = 0x86us
    let private isRight (o: Op) = o = 0x76us || o = 0x88us
    let private joins (o: Op) = o = 0x72us || o = 0x73us || o = 0x84us || o = 0x85us

    /// Comparisons and counts of bits are not their operands, whatever is folded.
    let private hides (o: Op) = (o >= 0x45us && o <= 0x69us) || (o >= 0x79us && o <= 0x7Bus)

    /// A function without these has nothing to mark.
    let any (f: PreparedFunc) =
        let has (test: Op -> bool) = f.Code |> Array.exists (fun i -> test i.Op)
        has isRotation || (has isLeft && has isRight && has joins)

    let unary (o: Op) (a: int) = if hides o then 0 else a

    let binary (o: Op) (a: int) (b: int) =
        if hides o then
            0
        else
            let own =
                if isRotation o then Rotated
                elif isLeft o then Left
                elif isRight o then Right
                else 0

            let meets = (a &&& Left <> 0 && b &&& Right <> 0) || (a &&& Right <> 0 && b &&& Left <> 0)
            a ||| b ||| own ||| (if meets && joins o then Rotated else 0)

/// Marks along the control flow of one function. Loops need what their ends say: lowering runs again until nothing is new, a few times at
/// most; then everything is marked.
[<Sealed>]
type private MarkFlow(active: bool, locals: int, size: int) =
    let atLabel = Dictionary<int, byte[]>()
    let ofSlot = Dictionary<int64, int>()
    let mutable current = Array.zeroCreate<byte>(if active then locals else 0)
    let mutable reached = true
    let mutable changed = false
    let mutable passes = 0
    // A giant's flow would cost more than its comparisons.
    let mutable all = active && int64 locals * int64 size > 64_000_000L

    /// More to find: lower again.
    member _.Again =
        passes <- passes + 1

        if changed && passes >= 4 then
            all <- true

        changed

    member _.Start() =
        Array.Clear current
        reached <- true
        changed <- false

    member _.Local i =
        if all then 7
        elif active then int current[i]
        else 0

    member _.Assign(i, marks: int) =
        if active && not all then
            current[i] <- byte marks

    member _.Slot(variable: int64) =
        if all then
            7
        else
            match ofSlot.TryGetValue variable with
            | true, m -> m
            | _ -> 0

    member this.Collect(variable: int64, marks: int) =
        if active && not all && marks &&& ~~~(this.Slot variable) <> 0 then
            ofSlot[variable] <- this.Slot variable ||| marks
            changed <- true

    member _.Branch(label: int, always: bool) =
        if active && not all && reached then
            match atLabel.TryGetValue label with
            | true, seen ->
                for k in 0 .. locals - 1 do
                    if current[k] &&& ~~~seen[k] <> 0uy then
                        seen[k] <- seen[k] ||| current[k]
                        changed <- true
            | _ ->
                atLabel[label] <- Array.copy current
                changed <- changed || Array.exists ((<>) 0uy) current

            reached <- not always

    member _.Label(label: int) =
        if active && not all then
            match atLabel.TryGetValue label with
            | true, seen when reached ->
                for k in 0 .. locals - 1 do
                    current[k] <- current[k] ||| seen[k]
            | true, seen -> current <- Array.copy seen
            | _ when reached -> ()
            | _ -> Array.Clear current

            reached <- true

module Lower =
    let cilType (t: ValType) =
        match t.Code with
        | 0x7F -> CilType.I4
        | 0x7E -> CilType.I8
        | 0x7D -> CilType.R4
        | 0x7C -> CilType.R8
        | _ -> CilType.Obj

    /// The calling convention's signature of a function type.
    let signature (t: FuncType) : CilSig = {
        Params = Array.append [| CilType.Native; CilType.I4 |] (Array.map cilType t.Params)
        Result = if t.Results.Length = 0 then CilType.Void else cilType t.Results[0]
    }

    /// Deferred trees stay this shallow: RyuJIT recurses over them.
    [<Literal>]
    let private MaxDepth = 60

    let private typesOf (types: ValType[]) = Array.map cilType types

    let private isFloat (t: CilType) = t = CilType.R4 || t = CilType.R8

    /// The state of one function's lowering: everything mutable of this stage, visible to nobody else.
    type private State(ctx: LowerContext, f: PreparedFunc, hasRotations: bool, flow: MarkFlow) =
        let m = ctx.Valid.Module
        let nan = NanEscape.run ctx.Valid f
        let hasNan = nan.CleanOnAssign.Length > 0
        let frameVariable (at: int) (loopStart: bool) k = (int64 (at + 2) <<< 32) + int64 (2 * k + (if loopStart then 1 else 0))

        let code = ResizeArray<Cil>(f.Code.Length * 3)
        let locals = ResizeArray<CilType>()
        let free = Array.init 6 (fun _ -> Stack<int>())
        let stack = ResizeArray<Node>()
        let frames = ResizeArray<Frame>()
        let cold = Dictionary<ColdKey, int>()
        let coldLabels = HashSet<int>()
        let coldOrder = ResizeArray<ColdKey>()
        let pars = f.Type.Params.Length
        // Largest access (index local -> offset + bytes) that a dominating check of this block has covered.
        let covered = Dictionary<int, int64>()
        let mutable labels = 0
        let mutable dead = false
        // The next charge is the first of a loop's iteration.
        let mutable pollWithCharge = false

        let declare t =
            locals.Add t
            locals.Count - 1

        let wasmLocals = Array.init f.Locals.Length (fun i -> if i < pars then -1 else declare (cilType f.Locals[i]))

        let lStore = declare CilType.Native
        let lGas = declare CilType.I8

        let usesMemory =
            f.Code |> Array.exists (fun i -> i.A = 0 && i.Op >= 0x28us && i.Op <= 0x3Fus && (Opcodes.info i.Op).Imm <> Imm.None)

        let lBase = if usesMemory then declare CilType.Native else -1
        let lUnits = if f.Calls then declare CilType.I4 else -1
        let lProbe = if f.Calls then declare CilType.I4 else -1
        let add c = code.Add c
        let op o = code.Add(Cil.Op o)

        let newLabel () =
            labels <- labels + 1
            labels - 1

        let mark l =
            flow.Label l
            code.Add(Cil.Label l)

        let branch (o: OpCode) l =
            if not (coldLabels.Contains l) then
                flow.Branch(l, (o = OpCodes.Br))

            code.Add(Cil.Branch(o, l))

        let coldLabel key =
            match cold.TryGetValue key with
            | true, l -> l
            | _ ->
                let l = newLabel ()
                cold[key] <- l
                coldLabels.Add l |> ignore
                coldOrder.Add key
                l

        let alloc (t: CilType) =
            let pool = free[int t]
            if pool.Count > 0 then pool.Pop() else declare t

        let release (t: CilType) slot = free[int t].Push slot

        // ---- context

        let atContext offset =
            add (Cil.Ldarg 0)

            if offset <> 0 then
                add (Cil.LdcI4 offset)
                op OpCodes.Add

        let writeGas () =
            add (Cil.Ldloc lStore)
            add (Cil.Ldloc lGas)
            op OpCodes.Stind_I8

        let readGas () =
            add (Cil.Ldloc lStore)
            op OpCodes.Ldind_I8
            add (Cil.Stloc lGas)

        let afterCall () = readGas ()

        let callRt name = add (Cil.Call(Methods.Rt name))
        let callNum name = add (Cil.Call(Methods.Num name))

        // ---- nodes

        let constant ty bits = Node(NodeKind.Const, ty, Imm = bits)
        let temp ty slot = Node(NodeKind.Temp, ty, Slot = slot)

        let localNode i =
            Node(NodeKind.Local, cilType f.Locals[i], Imm = int64 i, Dirty = (hasNan && nan.ReadsDirty[i]), Marks = flow.Local i)

        let unary ty o (a: Node) =
            Node(
                NodeKind.Unary,
                ty,
                Op = o,
                A = a,
                ReadsMemory = a.ReadsMemory,
                ReadsGlobal = a.ReadsGlobal,
                Depth = a.Depth + 1,
                Dirty = NanEscape.isArithmetic o,
                Marks = (if hasRotations then Rotations.unary o a.Marks else 0)
            )

        let binary ty o (a: Node) (b: Node) =
            Node(
                NodeKind.Binary,
                ty,
                Op = o,
                A = a,
                B = b,
                ReadsMemory = (a.ReadsMemory || b.ReadsMemory),
                ReadsGlobal = (a.ReadsGlobal || b.ReadsGlobal),
                Depth = max a.Depth b.Depth + 1,
                Dirty = NanEscape.isArithmetic o,
                Marks = (if hasRotations then Rotations.binary o a.Marks b.Marks else 0)
            )

        /// The value with its NaN made canonical, if arithmetic could have made one.
        let clean (n: Node) =
            if n.Dirty then
                Node(NodeKind.Canon, n.Ty, A = n, ReadsMemory = n.ReadsMemory, ReadsGlobal = n.ReadsGlobal, Depth = n.Depth + 1)
            else
                n

        /// An operand of arithmetic: cleaning it would be wasted.
        let unclean (n: Node) = if n.Kind = NodeKind.Canon then n.A else n

        let rec refersTo local (n: Node) =
            not (isNull n) && (if n.Kind = NodeKind.Local then n.Imm = int64 local else refersTo local n.A || refersTo local n.B)

        let loadLocal i = if i < pars then add (Cil.Ldarg(i + 2)) else add (Cil.Ldloc wasmLocals[i])

        let storeLocal i =
            covered.Remove i |> ignore
            if i < pars then add (Cil.Starg(i + 2)) else add (Cil.Stloc wasmLocals[i])

        let ldc (ty: CilType) (bits: int64) =
            match ty with
            | CilType.I4 -> add (Cil.LdcI4(int bits))
            | CilType.I8 -> add (Cil.LdcI8 bits)
            | CilType.R4 ->
                if Single.IsNaN(BitConverter.Int32BitsToSingle(int bits)) then
                    add (Cil.LdcI8(int64 (ctx.ConstCell(bits &&& 0xFFFFFFFFL))))
                    op OpCodes.Conv_I
                    op OpCodes.Ldind_R4
                else
                    add (Cil.LdcR4(int bits))
            | _ ->
                if Double.IsNaN(BitConverter.Int64BitsToDouble bits) then
                    add (Cil.LdcI8(int64 (ctx.ConstCell bits)))
                    op OpCodes.Conv_I
                    op OpCodes.Ldind_R8
                else
                    add (Cil.LdcR8 bits)

        let not32 () =
            add (Cil.LdcI4 0)
            op OpCodes.Ceq

        let nativeConst (v: int64) =
            if v <= 0x7FFFFFFFL then
                add (Cil.LdcI4(int v))
                op OpCodes.Conv_I
            else
                add (Cil.LdcI8 v)
                op OpCodes.Conv_I

        // Address of a numeric global's value.
        let globalAddress g =
            let imported = g < ctx.Valid.ImportedGlobals
            atContext (ctx.Layout.Global g)

            if imported && ctx.Valid.GlobalTypes[g].Mutable then
                op OpCodes.Ldind_I

        let ldind (ty: CilType) =
            match ty with
            | CilType.I4 -> op OpCodes.Ldind_I4
            | CilType.I8 -> op OpCodes.Ldind_I8
            | CilType.R4 -> op OpCodes.Ldind_R4
            | CilType.R8 -> op OpCodes.Ldind_R8
            | _ -> op OpCodes.Ldind_I

        let stind (ty: CilType) =
            match ty with
            | CilType.I4 -> op OpCodes.Stind_I4
            | CilType.I8 -> op OpCodes.Stind_I8
            | CilType.R4 -> op OpCodes.Stind_R4
            | CilType.R8 -> op OpCodes.Stind_R8
            | _ -> op OpCodes.Stind_I

        let memoryBase k =
            if k = 0 then
                add (Cil.Ldloc lBase)
            else
                atContext (ctx.Layout.Memory k)
                op OpCodes.Ldind_I

        let memoryLength k =
            atContext (ctx.Layout.Memory k + 8)
            op OpCodes.Ldind_I

        /// Integer bits as a float, by way of memory: RyuJIT (of .NET 10.0) folds a bit cast of a narrow load into a load of the float's whole
        /// width, which reads bytes beyond the access that was checked.
        let reinterpretBits from into =
            let slot = alloc from
            add (Cil.Stloc slot)
            atContext InstanceBlock.ScratchOffset
            add (Cil.Ldloc slot)
            op OpCodes.Volatile
            stind from
            atContext InstanceBlock.ScratchOffset
            op OpCodes.Volatile
            ldind into
            release from slot

        let emitUnary (o: Op) =
            match o with
            | 0x45us -> not32 ()
            | 0x50us ->
                add (Cil.LdcI8 0L)
                op OpCodes.Ceq
            | 0x67us -> callNum "Clz32"
            | 0x68us -> callNum "Ctz32"
            | 0x69us -> callNum "Popcnt32"
            | 0x79us -> callNum "Clz64"
            | 0x7Aus -> callNum "Ctz64"
            | 0x7Bus -> callNum "Popcnt64"
            | 0x8Bus -> callNum "Abs32"
            | 0x8Cus -> callNum "Neg32"
            | 0x8Dus -> add (Cil.Call Methods.ceil32)
            | 0x8Eus -> add (Cil.Call Methods.floor32)
            | 0x8Fus -> add (Cil.Call Methods.trunc32)
            | 0x90us -> add (Cil.Call Methods.round32)
            | 0x91us -> add (Cil.Call Methods.sqrt32)
            | 0x99us -> callNum "Abs64"
            | 0x9Aus -> callNum "Neg64"
            | 0x9Bus -> add (Cil.Call Methods.ceil64)
            | 0x9Cus -> add (Cil.Call Methods.floor64)
            | 0x9Dus -> add (Cil.Call Methods.trunc64)
            | 0x9Eus -> add (Cil.Call Methods.round64)
            | 0x9Fus -> add (Cil.Call Methods.sqrt64)
            | 0xA7us -> op OpCodes.Conv_I4
            // Checked conversions: the value is an f64 in range.
            | 0xA8us
            | 0xAAus -> op OpCodes.Conv_I4
            | 0xA9us
            | 0xABus -> callNum "F64ToU32"
            | 0xAEus
            | 0xB0us -> op OpCodes.Conv_I8
            | 0xAFus
            | 0xB1us -> callNum "F64ToU64"
            | 0xACus -> op OpCodes.Conv_I8
            | 0xADus -> op OpCodes.Conv_U8
            | 0xB2us
            | 0xB4us
            | 0xB6us -> op OpCodes.Conv_R4
            | 0xB3us ->
                op OpCodes.Conv_U8
                op OpCodes.Conv_R4
            | 0xB5us -> callNum "U64ToF32"
            | 0xB7us
            | 0xB9us
            | 0xBBus -> op OpCodes.Conv_R8
            | 0xB8us ->
                op OpCodes.Conv_U8
                op OpCodes.Conv_R8
            | 0xBAus -> callNum "U64ToF64"
            | 0xBCus -> add (Cil.Call Methods.bitsOf32)
            | 0xBDus -> add (Cil.Call Methods.bitsOf64)
            | 0xBEus -> reinterpretBits CilType.I4 CilType.R4
            | 0xBFus -> reinterpretBits CilType.I8 CilType.R8
            | 0xC0us -> op OpCodes.Conv_I1
            | 0xC1us -> op OpCodes.Conv_I2
            | 0xC2us ->
                op OpCodes.Conv_I1
                op OpCodes.Conv_I8
            | 0xC3us ->
                op OpCodes.Conv_I2
                op OpCodes.Conv_I8
            | 0xC4us ->
                op OpCodes.Conv_I4
                op OpCodes.Conv_I8
            | 0xC00us -> callNum "SatF32I32S"
            | 0xC01us -> callNum "SatF32I32U"
            | 0xC02us -> callNum "SatF64I32S"
            | 0xC03us -> callNum "SatF64I32U"
            | 0xC04us -> callNum "SatF32I64S"
            | 0xC05us -> callNum "SatF32I64U"
            | 0xC06us -> callNum "SatF64I64S"
            | 0xC07us -> callNum "SatF64I64U"
            | Op.RefIsNull ->
                op OpCodes.Ldnull
                op OpCodes.Ceq
            | _ -> invalidOp $"no unary instruction 0x%x{o}"

        let emitBinary (o: Op) =
            match o with
            | 0x46us
            | 0x51us
            | 0x5Bus
            | 0x61us -> op OpCodes.Ceq
            | 0x47us
            | 0x52us
            | 0x5Cus
            | 0x62us ->
                op OpCodes.Ceq
                not32 ()
            | 0x48us
            | 0x53us
            | 0x5Dus
            | 0x63us -> op OpCodes.Clt
            | 0x49us
            | 0x54us -> op OpCodes.Clt_Un
            | 0x4Aus
            | 0x55us
            | 0x5Eus
            | 0x64us -> op OpCodes.Cgt
            | 0x4Bus
            | 0x56us -> op OpCodes.Cgt_Un
            | 0x4Cus
            | 0x57us ->
                op OpCodes.Cgt
                not32 ()
            // Floats: a <= b is not (a > b or unordered).
            | 0x4Dus
            | 0x58us
            | 0x5Fus
            | 0x65us ->
                op OpCodes.Cgt_Un
                not32 ()
            | 0x4Eus
            | 0x59us ->
                op OpCodes.Clt
                not32 ()
            | 0x4Fus
            | 0x5Aus
            | 0x60us
            | 0x66us ->
                op OpCodes.Clt_Un
                not32 ()
            | 0x6Aus
            | 0x7Cus
            | 0x92us
            | 0xA0us -> op OpCodes.Add
            | 0x6Bus
            | 0x7Dus
            | 0x93us
            | 0xA1us -> op OpCodes.Sub
            | 0x6Cus
            | 0x7Eus
            | 0x94us
            | 0xA2us -> op OpCodes.Mul
            | 0x6Dus
            | 0x7Fus
            | 0x95us
            | 0xA3us -> op OpCodes.Div
            | 0x6Eus
            | 0x80us -> op OpCodes.Div_Un
            | 0x6Fus -> callNum "RemS32"
            | 0x81us -> callNum "RemS64"
            | 0x70us
            | 0x82us -> op OpCodes.Rem_Un
            | 0x71us
            | 0x83us -> op OpCodes.And
            | 0x72us
            | 0x84us -> op OpCodes.Or
            | 0x73us
            | 0x85us -> op OpCodes.Xor
            | 0x74us
            | 0x75us
            | 0x76us ->
                add (Cil.LdcI4 31)
                op OpCodes.And

                op (
                    match o with
                    | 0x74us -> OpCodes.Shl
                    | 0x75us -> OpCodes.Shr
                    | _ -> OpCodes.Shr_Un
                )
            | 0x86us
            | 0x87us
            | 0x88us ->
                op OpCodes.Conv_I4
                add (Cil.LdcI4 63)
                op OpCodes.And

                op (
                    match o with
                    | 0x86us -> OpCodes.Shl
                    | 0x87us -> OpCodes.Shr
                    | _ -> OpCodes.Shr_Un
                )
            | 0x77us -> callNum "Rotl32"
            | 0x78us -> callNum "Rotr32"
            | 0x89us -> callNum "Rotl64"
            | 0x8Aus -> callNum "Rotr64"
            | 0x96us -> callNum "Min32"
            | 0x97us -> callNum "Max32"
            | 0x98us -> callNum "Copysign32"
            | 0xA4us -> callNum "Min64"
            | 0xA5us -> callNum "Max64"
            | 0xA6us -> callNum "Copysign64"
            | _ -> invalidOp $"no binary instruction 0x%x{o}"

        let emitLoad (o: Op) =
            match o with
            | 0x28us -> op OpCodes.Ldind_I4
            | 0x29us -> op OpCodes.Ldind_I8
            | 0x2Aus -> op OpCodes.Ldind_R4
            | 0x2Bus -> op OpCodes.Ldind_R8
            | 0x2Cus -> op OpCodes.Ldind_I1
            | 0x2Dus -> op OpCodes.Ldind_U1
            | 0x2Eus -> op OpCodes.Ldind_I2
            | 0x2Fus -> op OpCodes.Ldind_U2
            | 0x30us ->
                op OpCodes.Ldind_I1
                op OpCodes.Conv_I8
            | 0x31us ->
                op OpCodes.Ldind_U1
                op OpCodes.Conv_U8
            | 0x32us ->
                op OpCodes.Ldind_I2
                op OpCodes.Conv_I8
            | 0x33us ->
                op OpCodes.Ldind_U2
                op OpCodes.Conv_U8
            | 0x34us ->
                op OpCodes.Ldind_I4
                op OpCodes.Conv_I8
            | _ ->
                op OpCodes.Ldind_U4
                op OpCodes.Conv_U8

        /// Writes a tree to the CIL stack; its temporaries are free afterwards.
        let isRotated (n: Node) = n.Marks &&& Rotations.Rotated <> 0

        let hide (ty: CilType) =
            if ty = CilType.I4 || ty = CilType.I8 then
                let slot = alloc ty
                add (Cil.Stloc slot)
                atContext InstanceBlock.ScratchOffset
                add (Cil.Ldloc slot)
                op OpCodes.Volatile
                stind ty
                atContext InstanceBlock.ScratchOffset
                op OpCodes.Volatile
                ldind ty
                release ty slot

        let rec emit (n: Node) =
            match n.Kind with
            | NodeKind.Const -> ldc n.Ty n.Imm
            | NodeKind.Local -> loadLocal (int n.Imm)
            | NodeKind.Temp ->
                add (Cil.Ldloc n.Slot)

                // Imm = 1: kept by its owner.
                if n.Imm = 0L then
                    release n.Ty n.Slot
            | NodeKind.Unary ->
                match n.Op with
                // Compared with zero, here or in the helper.
                | 0x45us
                | 0x50us
                | 0xB5us
                | 0xBAus -> emitTested n.A
                | _ -> emit n.A

                emitUnary n.Op
            | NodeKind.Binary when n.Op >= 0x46us && n.Op <= 0x5Aus ->
                emitCompared n
                emitBinary n.Op
            | NodeKind.Binary ->
                emit n.A
                emit n.B
                emitBinary n.Op
            | NodeKind.Load ->
                emitAddress n
                emitLoad n.Op
            | NodeKind.Global ->
                globalAddress (int n.Imm)
                ldind n.Ty
            | NodeKind.Canon ->
                emit n.A
                callNum (if n.Ty = CilType.R4 then "Canon32" else "Canon64")
            | _ -> op OpCodes.Ldnull

        /// An operand that the JIT may compare with zero.
        and emitTested (n: Node) =
            emit n

            if isRotated n then
                hide n.Ty

        /// Both operands of an integer comparison.
        and emitCompared (n: Node) =
            emit n.A

            if isRotated n.A then
                hide n.A.Ty

            emit n.B

            // One operand that the JIT knows nothing of is enough: it is not zero for all it knows.
            if isRotated n.B && not (isRotated n.A) then
                hide n.B.Ty

        /// The address of a checked access.
        and emitAddress (n: Node) =
            memoryBase n.Memory

            if n.Slot >= 0 then
                add (Cil.Ldloc n.Slot)
                release CilType.Native n.Slot
            else
                emit n.A
                op OpCodes.Conv_U

            op OpCodes.Add

            if n.Imm <> 0L then
                nativeConst n.Imm
                op OpCodes.Add

        let materialise index =
            let n = stack[index]
            let slot = alloc n.Ty
            emit n
            add (Cil.Stloc slot)
            stack[index] <- Node(NodeKind.Temp, n.Ty, Slot = slot, Dirty = n.Dirty, Marks = n.Marks)

        let push (n: Node) =
            stack.Add n

            if n.Depth > MaxDepth then
                materialise (stack.Count - 1)

        let pushNow (n: Node) =
            stack.Add n
            materialise (stack.Count - 1)

        let pop () =
            let n = stack[stack.Count - 1]
            stack.RemoveAt(stack.Count - 1)
            n

        let spill (needs: Node -> bool) =
            for k in 0 .. stack.Count - 1 do
                if needs stack[k] then
                    materialise k

        let isStable (n: Node) = n.Kind = NodeKind.Const || n.Kind = NodeKind.Temp || n.Kind = NodeKind.Null
        let spillLocal i = spill (refersTo i)
        let spillMemory () = spill _.ReadsMemory
        let spillGlobals () = spill _.ReadsGlobal
        let spillAll () = spill (fun n -> not (isStable n))

        /// Drops what is left above a height, giving its temporaries back.
        let rec giveBack (n: Node) =
            if not (isNull n) then
                match n.Kind with
                | NodeKind.Temp when n.Imm = 0L -> release n.Ty n.Slot
                | NodeKind.Load when n.Slot >= 0 -> release CilType.Native n.Slot
                | _ ->
                    giveBack n.A
                    giveBack n.B

        let cutTo height =
            while stack.Count > height do
                giveBack (pop ())

        // ---- branches

        /// Branches when the condition is (not) zero; comparisons are fused.
        let rec branchIf (n: Node) (whenTrue: bool) target =
            if n.Kind = NodeKind.Unary && n.Op = 0x45us then
                branchIf n.A (not whenTrue) target
            elif n.Kind = NodeKind.Unary && n.Op = 0x50us then
                emitTested n.A
                branch (if whenTrue then OpCodes.Brfalse else OpCodes.Brtrue) target
            elif n.Kind = NodeKind.Unary && n.Op = Op.RefIsNull then
                emit n.A
                branch (if whenTrue then OpCodes.Brfalse else OpCodes.Brtrue) target
            elif n.Kind = NodeKind.Binary && n.Op >= 0x46us && n.Op <= 0x66us then
                if n.Op <= 0x5Aus then
                    emitCompared n
                else
                    emit n.A
                    emit n.B

                let o =
                    if n.Op <= 0x5Aus then
                        let k = int (if n.Op <= 0x4Fus then n.Op - 0x46us else n.Op - 0x51us)
                        // eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u, and each one's opposite.
                        let k = if whenTrue then k else [| 1; 0; 8; 9; 6; 7; 4; 5; 2; 3 |][k]

                        match k with
                        | 0 -> OpCodes.Beq
                        | 1 -> OpCodes.Bne_Un
                        | 2 -> OpCodes.Blt
                        | 3 -> OpCodes.Blt_Un
                        | 4 -> OpCodes.Bgt
                        | 5 -> OpCodes.Bgt_Un
                        | 6 -> OpCodes.Ble
                        | 7 -> OpCodes.Ble_Un
                        | 8 -> OpCodes.Bge
                        | _ -> OpCodes.Bge_Un
                    else
                        // Floats: the opposite of a comparison is true when unordered, except for `ne`.
                        match int (if n.Op <= 0x60us then n.Op - 0x5Bus else n.Op - 0x61us), whenTrue with
                        | 0, true -> OpCodes.Beq
                        | 0, false -> OpCodes.Bne_Un
                        | 1, true -> OpCodes.Bne_Un
                        | 1, false -> OpCodes.Beq
                        | 2, true -> OpCodes.Blt
                        | 2, false -> OpCodes.Bge_Un
                        | 3, true -> OpCodes.Bgt
                        | 3, false -> OpCodes.Ble_Un
                        | 4, true -> OpCodes.Ble
                        | 4, false -> OpCodes.Bgt_Un
                        | _, true -> OpCodes.Bge
                        | _, false -> OpCodes.Blt_Un

                branch o target
            else
                emitTested n
                branch (if whenTrue then OpCodes.Brtrue else OpCodes.Brfalse) target

        let frameAt depth = frames[frames.Count - 1 - depth]

        let cleanSlot variable (n: Node) = if hasNan && nan.CleanOnAssign[variable] then clean n else n

        /// NaN variable of a frame's k-th result, or -1 for the function's own results (always observed).
        let resultVariable (fr: Frame) k = if fr.At < 0 || not hasNan then -1 else nan.Slots[fr.At] + k

        let loopVariable (fr: Frame) k = if hasNan then nan.Slots[fr.At] + fr.Results.Length + k else -1

        let assignable variable (fr: Frame) (n: Node) =
            if fr.At < 0 then clean n
            elif variable < 0 then n
            else cleanSlot variable n

        /// The operands that a branch to the frame carries, on top of the stack, go to its slots. All are read before any is written.
        let moveTo (fr: Frame) (loopStart: bool) =
            let slots = if loopStart then fr.LoopParams else fr.Results
            let first = stack.Count - slots.Length

            for k in 0 .. slots.Length - 1 do
                let variable = if loopStart then loopVariable fr k else resultVariable fr k
                flow.Collect(frameVariable fr.At loopStart k, stack[first + k].Marks)
                emit (assignable variable fr stack[first + k])

            for k in slots.Length - 1 .. -1 .. 0 do
                add (Cil.Stloc slots[k])

        /// Operands that both a taken and an untaken branch need, as nodes that may be written twice.
        let keepTop n =
            for k in stack.Count - n .. stack.Count - 1 do
                if not (isStable stack[k]) then
                    materialise k

        /// moveTo for operands that stay: temporaries are not given back.
        let copyTo (fr: Frame) =
            let isLoop = fr.Op = Op.Loop
            let slots = if isLoop then fr.LoopParams else fr.Results
            let first = stack.Count - slots.Length

            for k in 0 .. slots.Length - 1 do
                let n = stack[first + k]

                let again =
                    if n.Kind = NodeKind.Temp then
                        Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
                    else
                        n

                let variable = if isLoop then loopVariable fr k else resultVariable fr k
                flow.Collect(frameVariable fr.At isLoop k, n.Marks)
                emit (assignable variable fr again)

            for k in slots.Length - 1 .. -1 .. 0 do
                add (Cil.Stloc slots[k])

        let arity (fr: Frame) = if fr.Op = Op.Loop then fr.LoopParams.Length else fr.Results.Length

        let become () =
            dead <- true
            cutTo frames[frames.Count - 1].Height

        // ---- memory

        let access (o: Op) (memory: int) (index: Node) (offset: int64) (ty: CilType) =
            let bytes = (Opcodes.info o).AccessBytes
            let n = Node(NodeKind.Load, ty, Op = o, Imm = offset, Memory = memory, ReadsMemory = true)

            let least =
                if memory < ctx.Valid.MemoryTypes.Length then
                    int64 ctx.Valid.MemoryTypes[memory].Min * 65536L
                else
                    0L

            let reach = offset + int64 bytes

            match index.Kind with
            | NodeKind.Const when int64 (uint32 index.Imm) + reach <= least -> n.A <- index
            | NodeKind.Local when memory = 0 && covered.ContainsKey(int index.Imm) && covered[int index.Imm] >= reach -> n.A <- index
            | _ ->
                let isLocal = index.Kind = NodeKind.Local

                if isLocal then
                    n.A <- index

                    if memory = 0 then
                        covered[int index.Imm] <- reach
                else
                    n.Slot <- alloc CilType.Native
                    emit index
                    op OpCodes.Conv_U
                    add (Cil.Stloc n.Slot)

                let trap = coldLabel (MemoryAt(memory, offset, bytes, not isLocal, (if isLocal then int index.Imm else n.Slot)))

                let load () = if isLocal then loadLocal (int index.Imm) else add (Cil.Ldloc n.Slot)

                // A memory never shrinks while it is used: with a page at the start it always holds so few bytes.
                if reach <= int64 MemorySlot.MaxReach && least > 0L then
                    load ()
                    op OpCodes.Conv_U4
                    atContext (ctx.Layout.Memory memory + MemorySlot.LastOffset + 4 * int reach)
                    op OpCodes.Ldind_U4
                    branch OpCodes.Bgt_Un trap
                else
                    load ()
                    op OpCodes.Conv_U
                    nativeConst reach
                    op OpCodes.Add
                    memoryLength memory
                    branch OpCodes.Bgt_Un trap

            n

        // ---- calls

        /// Arguments onto the CIL stack; what stays below and could change under the call is moved away first.
        let prepareCall n =
            for k in 0 .. stack.Count - n - 1 do
                if stack[k].ReadsMemory || stack[k].ReadsGlobal then
                    materialise k

            writeGas ()

        let emitArguments n =
            let first = stack.Count - n

            for k in first .. stack.Count - 1 do
                emit (clean stack[k])

            stack.RemoveRange(first, n)

        let takeResults (t: FuncType) =
            if t.Results.Length > 0 then
                let first = alloc (cilType t.Results[0])
                add (Cil.Stloc first)
                afterCall ()
                stack.Add(temp (cilType t.Results[0]) first)

                for k in 1 .. t.Results.Length - 1 do
                    let ty = cilType t.Results[k]
                    let slot = alloc ty

                    if ty = CilType.Obj then
                        add (Cil.Ldarg 0)
                        add (Cil.LdcI4 k)
                        callRt "TakeRefResult"
                    else
                        add (Cil.Ldloc lStore)
                        add (Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                        op OpCodes.Add
                        ldind ty

                    add (Cil.Stloc slot)
                    stack.Add(temp ty slot)
            else
                afterCall ()

        /// Code pointer into a temporary: known, from the table, or compiled now.
        let resolve load resolveSlow =
            let code = alloc CilType.Native
            let ok = newLabel ()
            load ()
            add (Cil.Stloc code)
            add (Cil.Ldloc code)
            branch OpCodes.Brtrue ok
            resolveSlow ()
            add (Cil.Stloc code)
            mark ok
            code

        let units tail = if tail then add (Cil.Ldarg 1) else add (Cil.Ldloc lUnits)

        let rememberCaller () =
            add (Cil.Ldloc lStore)
            add (Cil.LdcI4 24)
            op OpCodes.Add
            add (Cil.Ldarg 0)
            op OpCodes.Stind_I

        let finishCall (t: FuncType) tail =
            if tail then
                op OpCodes.Ret
                become ()
            else
                takeResults t

        let callFunction index tail =
            let t = ctx.Valid.FuncTypes[index]
            let s = signature t
            prepareCall t.Params.Length

            if index < ctx.Valid.ImportedFuncs then
                let entry = ctx.Layout.Import index

                let code =
                    resolve
                        (fun () ->
                            atContext entry
                            op OpCodes.Ldind_I)
                        (fun () ->
                            atContext entry
                            callRt "ResolveEntry")

                rememberCaller ()
                atContext (entry + 8)
                op OpCodes.Ldind_I
                units tail
                emitArguments t.Params.Length
                add (Cil.Ldloc code)
                release CilType.Native code
                add (Cil.Calli(s, tail))
            else
                let own = index - ctx.Valid.ImportedFuncs

                // A large frame is entered through its gate only.
                if own = f.Index && f.FrameUnits <= 2_000 then
                    add (Cil.Ldarg 0)
                    units tail
                    emitArguments t.Params.Length
                    add (Cil.CallSelf tail)
                else
                    let known = ctx.Known own

                    let code =
                        if known <> 0n then
                            -1
                        else
                            resolve
                                (fun () ->
                                    add (Cil.LdcI8(int64 ctx.CodeTable + 8L * int64 own))
                                    op OpCodes.Conv_I
                                    op OpCodes.Ldind_I)
                                (fun () ->
                                    add (Cil.Ldarg 0)
                                    add (Cil.LdcI4 own)
                                    callRt "Resolve")

                    add (Cil.Ldarg 0)
                    units tail
                    emitArguments t.Params.Length

                    if code < 0 then
                        add (Cil.LdcI8(int64 known))
                        op OpCodes.Conv_I
                    else
                        add (Cil.Ldloc code)
                        release CilType.Native code

                    add (Cil.Calli(s, tail))

            finishCall t tail

        let callIndirect typeIndex table tail =
            let t =
                match m.Types[typeIndex].Composite with
                | CompositeType.Func t -> t
                | _ -> invalidOp "validated"

            let index = alloc CilType.I4
            let entry = alloc CilType.Native
            emit (pop ())
            add (Cil.Stloc index)
            let trap = coldLabel (Indirect(table, index))
            add (Cil.Ldloc index)
            op OpCodes.Conv_U
            atContext (ctx.Layout.Table table + 8)
            op OpCodes.Ldind_I
            branch OpCodes.Bge_Un trap
            atContext (ctx.Layout.Table table)
            op OpCodes.Ldind_I
            add (Cil.Ldloc index)
            op OpCodes.Conv_U
            add (Cil.LdcI4 5)
            op OpCodes.Shl
            op OpCodes.Add
            add (Cil.Stloc entry)
            add (Cil.Ldloc entry)
            add (Cil.LdcI4 16)
            op OpCodes.Add
            op OpCodes.Ldind_I4
            add (Cil.LdcI4 ctx.TypeIds[typeIndex])
            branch OpCodes.Bne_Un trap
            prepareCall t.Params.Length

            let code =
                resolve
                    (fun () ->
                        add (Cil.Ldloc entry)
                        op OpCodes.Ldind_I)
                    (fun () ->
                        add (Cil.Ldloc entry)
                        callRt "ResolveEntry")

            rememberCaller ()
            add (Cil.Ldloc entry)
            add (Cil.LdcI4 8)
            op OpCodes.Add
            op OpCodes.Ldind_I
            units tail
            emitArguments t.Params.Length
            add (Cil.Ldloc code)
            release CilType.Native code
            release CilType.Native entry
            release CilType.I4 index
            add (Cil.Calli(signature t, tail))
            finishCall t tail

        /// A helper that takes gas or may trap: gas is in the store while it runs.
        let callHelper name (before: (unit -> unit) list) operands result =
            let args = Array.init operands (fun k -> stack[stack.Count - operands + k])

            for k in 0 .. stack.Count - operands - 1 do
                if stack[k].ReadsMemory || stack[k].ReadsGlobal then
                    materialise k

            writeGas ()
            add (Cil.Ldarg 0)

            for b in before do
                b ()

            for a in args do
                emit (clean a)

            stack.RemoveRange(stack.Count - operands, operands)
            callRt name

            match result with
            | ValueSome ty ->
                let slot = alloc ty
                add (Cil.Stloc slot)
                afterCall ()
                stack.Add(temp ty slot)
            | ValueNone -> afterCall ()

        let number n () = add (Cil.LdcI4 n)

        // ---- instructions with checks

        /// A node that can be read by a check now and by the expression later.
        let twice (n: Node) =
            match n.Kind with
            | NodeKind.Const
            | NodeKind.Local
            | NodeKind.Temp -> n
            | _ ->
                let slot = alloc n.Ty
                emit n
                add (Cil.Stloc slot)
                Node(NodeKind.Temp, n.Ty, Slot = slot, Marks = n.Marks)

        /// The same node, to be written before its last use.
        let again (n: Node) =
            if n.Kind = NodeKind.Temp then
                Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
            else
                n

        let peek (n: Node) =
            match n.Kind with
            | NodeKind.Temp -> add (Cil.Ldloc n.Slot)
            | NodeKind.Local -> loadLocal (int n.Imm)
            | _ -> ldc n.Ty n.Imm

        let divide (o: Op) =
            let b = twice (pop ())
            let a = pop ()
            let is64 = o >= 0x7Fus
            let ty = if is64 then CilType.I8 else CilType.I4
            let signedDiv = o = 0x6Dus || o = 0x7Fus
            let isConst = b.Kind = NodeKind.Const
            // Reading a local later than its check is safe only while it keeps its value: statements in between spill it.
            let a = if signedDiv && not (isConst && b.Imm <> -1L) then twice a else a

            if not isConst || b.Imm = 0L then
                peek b

                if isRotated b then
                    hide ty

                branch OpCodes.Brfalse (coldLabel (Simple TrapCode.IntegerDivideByZero))

            let minusOne = if is64 then b.Imm = -1L else int b.Imm = -1

            if signedDiv && (not isConst || minusOne) then
                let ok = newLabel ()
                peek b
                ldc ty -1L
                branch OpCodes.Bne_Un ok
                peek a
                ldc ty (if is64 then Int64.MinValue else int64 Int32.MinValue)
                branch OpCodes.Beq (coldLabel (Simple TrapCode.IntegerOverflow))
                mark ok

            pushNow (binary ty o a b)

        let truncate (o: Op) =
            let v = pop ()
            let slot = alloc CilType.R8
            emit v
            op OpCodes.Conv_R8
            add (Cil.Stloc slot)
            let trap = coldLabel (Trunc slot)

            let check (low: double) lowOp (high: double) =
                add (Cil.Ldloc slot)
                add (Cil.LdcR8(BitConverter.DoubleToInt64Bits low))
                branch lowOp trap
                add (Cil.Ldloc slot)
                add (Cil.LdcR8(BitConverter.DoubleToInt64Bits high))
                branch OpCodes.Bge_Un trap

            match o with
            | 0xA8us
            | 0xAAus -> check -2147483649.0 OpCodes.Ble_Un 2147483648.0
            | 0xA9us
            | 0xABus -> check -1.0 OpCodes.Ble_Un 4294967296.0
            | 0xAEus
            | 0xB0us -> check -9223372036854775808.0 OpCodes.Blt_Un 9223372036854775808.0
            | _ -> check -1.0 OpCodes.Ble_Un 18446744073709551616.0

            let ty = if o >= 0xAEus then CilType.I8 else CilType.I4
            pushNow (unary ty o (temp CilType.R8 slot))

        /// All ones when the condition holds, else zero, in the given integer type; and whether the condition had to be negated for it.
        let mask (c: Node) (ty: CilType) =
            let is64 = ty = CilType.I8
            let widened signed n = unary CilType.I8 (if signed then 0xACus else 0xADus) n
            let fit (m: Node) = if is64 then m else unary CilType.I4 0xA7us m

            // The sign of a difference that cannot overflow.
            let below signed a b =
                let difference = binary CilType.I8 0x7Dus (widened signed a) (widened signed b)
                fit (binary CilType.I8 0x87us difference (constant CilType.I8 63L))

            // A zero-extended number less one is negative for zero alone.
            let isZero a =
                let less = binary CilType.I8 0x7Dus (widened false a) (constant CilType.I8 1L)
                fit (binary CilType.I8 0x87us less (constant CilType.I8 63L))

            let fromTruth truth =
                if is64 then
                    binary CilType.I8 0x7Dus (constant CilType.I8 0L) (unary CilType.I8 0xADus truth)
                else
                    binary CilType.I4 0x6Bus (constant CilType.I4 0L) truth

            match c.Kind, int c.Op with
            | NodeKind.Binary, 0x48 when c.B.Kind = NodeKind.Const && int c.B.Imm = 0 && not is64 ->
                struct (binary CilType.I4 0x75us c.A (constant CilType.I4 31L), false)
            | NodeKind.Binary, 0x48 -> struct (below true c.A c.B, false)
            | NodeKind.Binary, 0x49 -> struct (below false c.A c.B, false)
            | NodeKind.Binary, 0x4A -> struct (below true c.B c.A, false)
            | NodeKind.Binary, 0x4B -> struct (below false c.B c.A, false)
            | NodeKind.Binary, 0x4C -> struct (below true c.B c.A, true)
            | NodeKind.Binary, 0x4D -> struct (below false c.B c.A, true)
            | NodeKind.Binary, 0x4E -> struct (below true c.A c.B, true)
            | NodeKind.Binary, 0x4F -> struct (below false c.A c.B, true)
            | NodeKind.Unary, 0x45 -> struct (isZero c.A, false)
            | NodeKind.Binary, 0x46 -> struct (isZero (binary CilType.I4 0x73us c.A c.B), false)
            | NodeKind.Binary, 0x47 -> struct (isZero (binary CilType.I4 0x73us c.A c.B), true)
            | NodeKind.Binary, o when o >= 0x51 && o <= 0x66 -> struct (fromTruth c, false)
            | NodeKind.Unary, 0x50 -> struct (fromTruth c, false)
            | _ -> struct (isZero c, true)

        /// Integers without a branch: RyuJIT makes no conditional move inside loops, where a mispredicted branch costs most.
        let selectByMask (c: Node) (a: Node) (b: Node) =
            let ty = a.Ty
            let is64 = ty = CilType.I8
            let both o = if is64 then o + 0x12us else o
            let struct (m, negated) = mask c ty
            let a, b = if negated then b, a else a, b
            let isZero (n: Node) = n.Kind = NodeKind.Const && n.Imm = 0L

            if isZero b then
                push (binary ty (both 0x71us) a m)
            elif isZero a then
                push (binary ty (both 0x71us) b (binary ty (both 0x73us) m (constant ty -1L)))
            else
                let b = twice b

                let difference =
                    if a.Kind = NodeKind.Const && b.Kind = NodeKind.Const then
                        constant ty (a.Imm ^^^ b.Imm)
                    else
                        binary ty (both 0x73us) a (again b)

                push (binary ty (both 0x73us) (binary ty (both 0x71us) difference m) b)

        let select at =
            let c = pop ()
            let b = pop ()
            let a = pop ()
            let ty = a.Ty

            if ty = CilType.I4 || ty = CilType.I8 then
                selectByMask c a b
            else
                let variable = if hasNan && isFloat ty then nan.Slots[at] else -1
                let a, b = if variable >= 0 then cleanSlot variable a, cleanSlot variable b else a, b
                let slot = alloc ty
                let skip = newLabel ()
                emit b
                add (Cil.Stloc slot)
                branchIf c false skip
                emit a
                add (Cil.Stloc slot)
                mark skip
                stack.Add(Node(NodeKind.Temp, ty, Slot = slot, Dirty = (variable >= 0 && nan.ReadsDirty[variable])))

        let setLocal i tee =
            let v = pop ()
            spillLocal i

            flow.Assign(i, v.Marks)

            emit (if hasNan && isFloat v.Ty then cleanSlot i v else v)
            storeLocal i

            if tee then
                stack.Add(localNode i)

        // ---- control

        let chargeFollows at = at + 1 < f.Code.Length && f.Code[at + 1].Op = Op.Charge && f.Code[at + 1].Imm <> 0L

        /// Volatile, or RyuJIT would read it once before the loop.
        let loadInterrupt () =
            add (Cil.Ldarg 0)
            add (Cil.LdcI4 16)
            op OpCodes.Add
            op OpCodes.Volatile
            op OpCodes.Ldind_I8

        let blockEntry (i: Instr) at =
            let condition = if i.Op = Op.If then pop () else null
            let struct (starts, ends) = Prepare.blockType m.Types i
            let starts, ends = typesOf starts, typesOf ends
            spillAll ()
            let height = stack.Count - starts.Length
            let fr = Frame(i.Op, at, height, newLabel ())
            fr.Results <- ends |> Array.map alloc
            fr.ResultTypes <- ends

            match i.Op with
            | Op.Loop ->
                fr.LoopParams <- starts |> Array.map alloc
                fr.LoopTypes <- starts
                moveTo fr true
                stack.RemoveRange(height, starts.Length)

                for k in 0 .. starts.Length - 1 do
                    stack.Add(
                        Node(
                            NodeKind.Temp,
                            starts[k],
                            Slot = fr.LoopParams[k],
                            Imm = 1L,
                            Marks = flow.Slot(frameVariable at true k),
                            Dirty = (hasNan && nan.ReadsDirty[loopVariable fr k])
                        )
                    )

                covered.Clear()
                mark fr.Br

                if chargeFollows at then
                    pollWithCharge <- true
                else
                    loadInterrupt ()
                    add (Cil.LdcI8 0L)
                    branch OpCodes.Bne_Un (coldLabel Interrupt)
            | Op.If ->
                fr.ElseLabel <- newLabel ()
                branchIf condition false fr.ElseLabel

                // Both arms read the parameters: nobody gives their temporaries back before the end.
                fr.IfParams <-
                    Array.init starts.Length (fun k ->
                        let n = stack[height + k]

                        let kept =
                            if n.Kind = NodeKind.Temp then
                                Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
                            else
                                n

                        stack[height + k] <- kept
                        kept)
            | _ -> ()

            frames.Add fr

        let elseArm () =
            let fr = frames[frames.Count - 1]

            if not dead then
                moveTo fr false
                stack.RemoveRange(stack.Count - fr.Results.Length, fr.Results.Length)
                branch OpCodes.Br fr.Br

            mark fr.ElseLabel
            fr.HasElse <- true
            cutTo fr.Height
            stack.AddRange fr.IfParams
            dead <- false
            covered.Clear()

        let functionEnd (fr: Frame) =
            for k in 1 .. fr.Results.Length - 1 do
                if fr.ResultTypes[k] = CilType.Obj then
                    add (Cil.Ldarg 0)
                    add (Cil.LdcI4 k)
                    add (Cil.Ldloc fr.Results[k])
                    callRt "SetRefResult"
                else
                    add (Cil.Ldloc lStore)
                    add (Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                    op OpCodes.Add
                    add (Cil.Ldloc fr.Results[k])
                    stind fr.ResultTypes[k]

            writeGas ()

            if fr.Results.Length > 0 then
                add (Cil.Ldloc fr.Results[0])

            op OpCodes.Ret

        let blockEnd (i: Instr) =
            let fr = frames[frames.Count - 1]

            if not dead then
                moveTo fr false
                stack.RemoveRange(stack.Count - fr.Results.Length, fr.Results.Length)

            if fr.Op = Op.If && not fr.HasElse then
                // The parameters are the results when there is no else arm.
                if fr.Results.Length > 0 then
                    if not dead then
                        branch OpCodes.Br fr.Br

                    mark fr.ElseLabel
                    cutTo fr.Height
                    stack.AddRange fr.IfParams
                    moveTo fr false
                else
                    mark fr.ElseLabel

            if fr.Op <> Op.Loop then
                mark fr.Br

            cutTo fr.Height
            covered.Clear()
            frames.RemoveAt(frames.Count - 1)

            for k in 0 .. fr.LoopParams.Length - 1 do
                release fr.LoopTypes[k] fr.LoopParams[k]

            for p in fr.IfParams do
                if p.Kind = NodeKind.Temp then
                    release p.Ty p.Slot

            dead <- i.A = 0

            if frames.Count = 0 then
                // The end may be reached by `return` alone.
                if not dead || fr.Targeted then
                    functionEnd fr
            elif not dead then
                for k in 0 .. fr.Results.Length - 1 do
                    stack.Add(
                        Node(
                            NodeKind.Temp,
                            fr.ResultTypes[k],
                            Slot = fr.Results[k],
                            Marks = flow.Slot(frameVariable fr.At false k),
                            Dirty = (hasNan && nan.ReadsDirty[resultVariable fr k])
                        )
                    )
            else
                for k in 0 .. fr.Results.Length - 1 do
                    release fr.ResultTypes[k] fr.Results[k]

        let goto (fr: Frame) =
            fr.Targeted <- true
            moveTo fr (fr.Op = Op.Loop)
            let n = arity fr
            stack.RemoveRange(stack.Count - n, n)
            branch OpCodes.Br fr.Br
            become ()

        let branchConditional depth =
            let fr = frameAt depth
            fr.Targeted <- true
            let c = pop ()

            if arity fr = 0 then
                branchIf c true fr.Br
            else
                // The condition is written after the operands it does not depend on.
                keepTop (arity fr)
                let skip = newLabel ()
                branchIf c false skip
                copyTo fr
                branch OpCodes.Br fr.Br
                mark skip

        let branchTable (table: int[]) =
            let index = pop ()
            let n = arity (frameAt table[table.Length - 1])
            keepTop n
            let stubs = Dictionary<int, int>()

            let label depth =
                let fr = frameAt depth
                fr.Targeted <- true

                if n = 0 then
                    fr.Br
                else
                    match stubs.TryGetValue depth with
                    | true, l -> l
                    | _ ->
                        let l = newLabel ()
                        stubs[depth] <- l
                        l

            emitTested index
            let targets = Array.init (table.Length - 1) (fun k -> label table[k])
            let otherwise = label table[table.Length - 1]

            for target in targets do
                flow.Branch(target, false)

            add (Cil.Switch targets)
            branch OpCodes.Br otherwise

            for KeyValue(depth, l) in stubs do
                mark l
                copyTo (frameAt depth)
                branch OpCodes.Br (frameAt depth).Br

            become ()

        let instruction at (i: Instr) =
            match i.Op with
            | Op.Enter -> ()
            | Op.Charge ->
                if i.Imm <> 0L then
                    add (Cil.Ldloc lGas)
                    add (Cil.LdcI8 i.Imm)
                    op OpCodes.Sub
                    add (Cil.Stloc lGas)
                    add (Cil.Ldloc lGas)

                    // An interrupt asks for more gas than there is: a loop needs no test of its own.
                    if pollWithCharge then
                        pollWithCharge <- false
                        loadInterrupt ()
                    else
                        add (Cil.LdcI8 0L)

                    branch OpCodes.Blt (coldLabel OutOfGas)
            | Op.Unreachable ->
                branch OpCodes.Br (coldLabel (Simple TrapCode.Unreachable))
                become ()
            | Op.Block
            | Op.Loop
            | Op.If -> blockEntry i at
            | Op.Else -> elseArm ()
            | Op.End -> blockEnd i
            | Op.Br -> goto (frameAt i.A)
            | Op.BrIf -> branchConditional i.A
            | Op.BrTable -> branchTable f.LabelTables[i.A]
            | Op.Return -> goto frames[0]
            | Op.Call -> callFunction i.A false
            | Op.ReturnCall -> callFunction i.A true
            | Op.CallIndirect -> callIndirect i.A i.B false
            | Op.ReturnCallIndirect -> callIndirect i.A i.B true
            | Op.Drop -> giveBack (pop ())
            | Op.Select
            | Op.SelectT -> select at
            | Op.LocalGet -> stack.Add(localNode i.A)
            | Op.LocalSet -> setLocal i.A false
            | Op.LocalTee -> setLocal i.A true
            | Op.GlobalGet ->
                let t = ctx.Valid.GlobalTypes[i.A]

                if t.Value.IsRef then
                    add (Cil.Ldarg 0)
                    add (Cil.LdcI4 i.A)
                    callRt "GlobalGetRef"
                    let slot = alloc CilType.Obj
                    add (Cil.Stloc slot)
                    stack.Add(temp CilType.Obj slot)
                else
                    push (Node(NodeKind.Global, cilType t.Value, Imm = int64 i.A, ReadsGlobal = t.Mutable))
            | Op.GlobalSet ->
                let v = clean (pop ())
                let t = ctx.Valid.GlobalTypes[i.A].Value

                if t.IsRef then
                    add (Cil.Ldarg 0)
                    add (Cil.LdcI4 i.A)
                    emit v
                    callRt "GlobalSetRef"
                else
                    spillGlobals ()
                    globalAddress i.A
                    emit v
                    stind v.Ty
            | Op.TableGet -> callHelper "TableGet" [ number i.A ] 1 (ValueSome CilType.Obj)
            | Op.TableSet -> callHelper "TableSet" [ number i.A ] 2 ValueNone
            | Op.TableSize -> callHelper "TableSize" [ number i.A ] 0 (ValueSome CilType.I4)
            | Op.TableGrow -> callHelper "TableGrow" [ number i.A ] 2 (ValueSome CilType.I4)
            | Op.TableFill -> callHelper "TableFill" [ number i.A ] 3 ValueNone
            | Op.TableCopy -> callHelper "TableCopy" [ number i.A; number i.B ] 3 ValueNone
            | Op.TableInit -> callHelper "TableInit" [ number i.A; number i.B ] 3 ValueNone
            | Op.ElemDrop -> callHelper "ElemDrop" [ number i.A ] 0 ValueNone
            | Op.MemorySize ->
                let slot = alloc CilType.I4
                atContext (ctx.Layout.Memory i.A + 8)
                op OpCodes.Ldind_I
                add (Cil.LdcI4 16)
                op OpCodes.Shr_Un
                op OpCodes.Conv_I4
                add (Cil.Stloc slot)
                stack.Add(temp CilType.I4 slot)
            | Op.MemoryGrow -> callHelper "MemoryGrow" [ number i.A ] 1 (ValueSome CilType.I4)
            | Op.MemoryFill -> callHelper "MemoryFill" [ number i.A ] 3 ValueNone
            | Op.MemoryCopy -> callHelper "MemoryCopy" [ number i.A; number i.B ] 3 ValueNone
            | Op.MemoryInit -> callHelper "MemoryInit" [ number i.A; number i.B ] 3 ValueNone
            | Op.DataDrop -> callHelper "DataDrop" [ number i.A ] 0 ValueNone
            | Op.I32Const -> stack.Add(constant CilType.I4 (int64 (int i.Imm)))
            | Op.I64Const -> stack.Add(constant CilType.I8 i.Imm)
            | Op.F32Const -> stack.Add(constant CilType.R4 i.Imm)
            | Op.F64Const -> stack.Add(constant CilType.R8 i.Imm)
            | Op.RefNull -> stack.Add(Node(NodeKind.Null, CilType.Obj))
            | Op.RefIsNull -> push (unary CilType.I4 Op.RefIsNull (pop ()))
            | Op.RefFunc ->
                add (Cil.Ldarg 0)
                add (Cil.LdcI4 i.A)
                callRt "RefFunc"
                let slot = alloc CilType.Obj
                add (Cil.Stloc slot)
                stack.Add(temp CilType.Obj slot)
            | o when o >= 0x28us && o <= 0x35us ->
                let ty = cilType (Opcodes.info o).Pushes[0]
                push (access o i.A (pop ()) i.Imm ty)
            | o when o >= 0x36us && o <= 0x3Eus ->
                let v = clean (pop ())
                let index = pop ()
                let n = access o i.A index i.Imm v.Ty
                spillMemory ()
                emitAddress n
                emit v

                op (
                    match o with
                    | 0x36us
                    | 0x3Eus -> OpCodes.Stind_I4
                    | 0x37us -> OpCodes.Stind_I8
                    | 0x38us -> OpCodes.Stind_R4
                    | 0x39us -> OpCodes.Stind_R8
                    | 0x3Aus
                    | 0x3Cus -> OpCodes.Stind_I1
                    | _ -> OpCodes.Stind_I2
                )
            | o when (o >= 0x6Dus && o <= 0x70us) || (o >= 0x7Fus && o <= 0x82us) -> divide o
            | o when (o >= 0xA8us && o <= 0xABus) || (o >= 0xAEus && o <= 0xB1us) -> truncate o
            | o ->
                let info = Opcodes.info o
                let ty = cilType info.Pushes[0]
                // Sign operations and reinterpretations show bits; everything else that takes floats is arithmetic or blind to NaN bits.
                let shows = NanEscape.isSignOp o || o = 0xBCus || o = 0xBDus

                if info.Pops.Length = 1 then
                    let a = pop ()
                    push (unary ty o (if shows then clean a else unclean a))
                else
                    let b = pop ()
                    let a = pop ()
                    push (if shows then binary ty o (clean a) (clean b) else binary ty o (unclean a) (unclean b))

        let coldBlock key =
            mark cold[key]

            match key with
            | OutOfGas ->
                add (Cil.Ldarg 0)
                add (Cil.Ldloc lGas)
                callRt "OutOfGas"
            | NoStack ->
                add (Cil.Ldarg 0)
                callRt "StackExhausted"
            | Interrupt ->
                writeGas ()
                add (Cil.Ldarg 0)
                callRt "Interrupted"
            | Simple code ->
                writeGas ()
                add (Cil.LdcI4(int code))
                callRt "Trap"
            | MemoryAt(memory, offset, bytes, isTemp, local) ->
                writeGas ()
                add (Cil.Ldarg 0)
                add (Cil.LdcI4 memory)

                if isTemp then add (Cil.Ldloc local) else loadLocal local

                op OpCodes.Conv_U8
                add (Cil.LdcI8 offset)
                add (Cil.LdcI4 bytes)
                callRt "TrapMemory"
            | Indirect(table, slot) ->
                writeGas ()
                add (Cil.Ldarg 0)
                add (Cil.LdcI4 table)
                add (Cil.Ldloc slot)
                callRt "TrapIndirect"
            | Trunc slot ->
                writeGas ()
                add (Cil.Ldloc slot)
                callRt "TrapTrunc"

            op OpCodes.Throw

        let prologue () =
            add (Cil.Ldarg 1)
            add (Cil.LdcI4 f.FrameUnits)
            branch OpCodes.Blt (coldLabel NoStack)

            if f.Calls then
                let body = newLabel ()
                add (Cil.Ldarg 1)
                add (Cil.LdcI4 f.FrameUnits)
                op OpCodes.Sub
                add (Cil.Stloc lUnits)
                add (Cil.Ldloca lProbe)
                op OpCodes.Conv_U
                atContext 8
                op OpCodes.Ldind_I
                branch OpCodes.Bge_Un body
                add (Cil.Ldarg 0)
                callRt "StackSlow"
                branch OpCodes.Brfalse body
                // The whole call goes on on a fresh stack; the index tells the thunk whose.
                let thunk = ctx.FreshStackThunk f.Type

                for k in 0 .. pars + 1 do
                    add (Cil.Ldarg k)

                add (Cil.LdcI4 f.Index)
                add (Cil.LdcI8(int64 thunk))
                op OpCodes.Conv_I
                let s = signature f.Type

                add (Cil.Calli({ s with Params = Array.append s.Params [| CilType.I4 |] }, false))

                op OpCodes.Ret
                mark body

            add (Cil.Ldarg 0)
            op OpCodes.Ldind_I
            add (Cil.Stloc lStore)
            readGas ()

            if usesMemory then
                atContext (ctx.Layout.Memory 0)
                op OpCodes.Ldind_I
                add (Cil.Stloc lBase)

            for i in pars .. f.Locals.Length - 1 do
                match cilType f.Locals[i] with
                | CilType.Obj -> op OpCodes.Ldnull
                | ty -> ldc ty 0L

                add (Cil.Stloc wasmLocals[i])

        member _.Run() : CilFunc =
            let fr = Frame(Op.Block, -1, 0, newLabel ())
            fr.ResultTypes <- typesOf f.Type.Results
            fr.Results <- fr.ResultTypes |> Array.map alloc
            frames.Add fr
            prologue ()

            for at in 0 .. f.Code.Length - 1 do
                instruction at f.Code[at]

            let mutable k = 0

            // A cold block may ask for no other one, but the list is walked by index all the same.
            while k < coldOrder.Count do
                coldBlock coldOrder[k]
                k <- k + 1

            {
                Name = $"wasm-function[{ctx.Valid.ImportedFuncs + f.Index}]"
                Sig = signature f.Type
                Locals = locals.ToArray()
                Code = code.ToArray()
                Labels = labels
            }

    /// Lowers one function.
    let func (ctx: LowerContext) (f: PreparedFunc) : CilFunc =
        let hasRotations = Rotations.any f
        let flow = MarkFlow(hasRotations, f.Locals.Length, f.Code.Length)

        let rec lower () =
            flow.Start()
            let lowered = State(ctx, f, hasRotations, flow).Run()
            if flow.Again then lower () else lowered

        lower ()
