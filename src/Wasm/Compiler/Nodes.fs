namespace Twofold.Wasm.Compiler

// What lowering works on: the context of a module, deferred operands, control frames, cold blocks, and the runtime's methods by name.
// In: nothing. Out: used by Emitter and the families of instructions.

open System
open System.Collections.Generic
open System.Reflection
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// Where results of float arithmetic get the canonical NaN.
[<RequireQualifiedAccess>]
type NanPolicy =
    /// Where their bits can be seen (NanEscape).
    | OnEscape
    /// After each arithmetic instruction: the slow twin.
    | Eager
    /// Nowhere: wrong. A fault that tests plant.
    | Never

[<NoComparison; NoEquality>]
type LowerContext = {
    Valid: ValidModule
    Layout: Layout
    /// Native table of entry points by defined function.
    CodeTable: nativeint
    /// Canonical type id by type index.
    TypeIds: int[]
    /// The .NET classes of its structs.
    Classes: StructClasses
    /// Address of a cell that holds these bits for as long as the code lives.
    ConstCell: int64 -> nativeint
    /// Entry point of the thunk that carries a call of this signature over to a fresh stack: (ctx, units, params, ..., function index) -> result.
    FreshStackThunk: FuncType -> nativeint
    /// Entry point of a function that is compiled already, or 0.
    Known: int -> nativeint
    Nan: NanPolicy
    /// Which calls may end with an exception on its way.
    Throws: Lazy<ThrowFacts>
} with

    member c.EagerNan = (c.Nan = NanPolicy.Eager)

/// A deferred operand.
[<AllowNullLiteral>]
type internal Node(kind: NodeKind, ty: CilType) =
    member val Kind = kind
    member val Ty = ty
    member val Op: Op = 0us with get, set
    member val A: Node = null with get, set
    member val B: Node = null with get, set
    member val C: Node = null with get, set
    /// For Custom: writes the instruction, its operands being on the CIL stack.
    member val Write: unit -> unit = ignore with get, set
    /// For Custom: what each vector operand goes through before the next is written (vectors are bytes between instructions).
    member val Cast: MethodInfo = null with get, set
    /// Constant bits; local; global; load offset.
    member val Imm = 0L with get, set
    /// A vector constant's high bits.
    member val High = 0L with get, set
    /// Temporary's CIL local; a load's index temporary, or -1.
    member val Slot = -1 with get, set
    /// Memory index of a load.
    member val Memory = 0 with get, set
    /// It reads memory / a mutable global: to be moved to a temporary before those can change.
    member val ReadsMemory = false with get, set
    member val ReadsGlobal = false with get, set
    /// A float or vector whose NaN may not be the canonical one, and in which lanes.
    member val Dirty = NanLanes.None with get, set
    /// A reference that cannot be null.
    member val NonNull = false with get, set
    /// The JIT may see it as a rotation: see Rotations.
    member val Marks = 0 with get, set
    member val Depth = 1 with get, set

and internal NodeKind =
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
    /// An instruction without effects, of a family with its own file: A, B and C are written if there, then `Write` runs.
    | Custom = 9

[<AllowNullLiteral>]
type internal Frame(op: Op, at: int, height: int, brLabel: int) =
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
    /// The innermost try_table at it or around it, or null.
    member val Try: Frame = null with get, set
    /// For a try_table: its clauses with the frames they name, and the try_table around it.
    member val Clauses: struct (Catch * Frame)[] = Array.empty with get, set
    member val Outer: Frame = null with get, set

/// A cold block: written once per function and key, after everything else.
[<Struct; NoComparison>]
type internal ColdKey =
    | OutOfGas
    | NoStack
    | Interrupt
    | Simple of code: TrapCode
    | MemoryAt of memory: int * offset: int64 * bytes: int * isTemp: bool * local: int
    | Indirect of table: int * slot: int
    | Trunc of temp: int
    /// A family's own, with the writer it was asked for with.
    | Named of key: string

module internal Methods =
    let private flags = BindingFlags.Static ||| BindingFlags.NonPublic ||| BindingFlags.Public

    let rt name =
        match typeof<Rt>.GetMethod(name, flags) with
        | null -> invalidOp $"Rt.{name} is missing"
        | m -> m

    let num name =
        match typeof<Num>.GetMethod(name, flags) with
        | null -> invalidOp $"Num.{name} is missing"
        | m -> m

    let interp name =
        match typeof<InterpCalls>.GetMethod(name, flags) with
        | null -> invalidOp $"InterpCalls.{name} is missing"
        | m -> m

    let atomic name =
        match typeof<Atomics>.GetMethod(name, flags) with
        | null -> invalidOp $"Atomics.{name} is missing"
        | m -> m

    let vec name =
        match typeof<Vec>.GetMethod(name, flags) with
        | null -> invalidOp $"Vec.{name} is missing"
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
    let Atomic name = cached atomic name
    let Vec name = cached vec name


/// CIL types and signatures of WebAssembly's.
[<AutoOpen>]
module internal Signatures =
    let cilType (t: ValType) =
        match t.Code with
        | 0x7F -> CilType.I4
        | 0x7E -> CilType.I8
        | 0x7D -> CilType.R4
        | 0x7C -> CilType.R8
        | 0x7B -> CilType.V128
        | _ -> CilType.Obj

    /// The calling convention's signature of a function type.
    let signature (t: FuncType) : CilSig = {
        Params = Array.append [| CilType.Native; CilType.I4 |] (Array.map cilType t.Params)
        Result = if t.Results.Length = 0 then CilType.Void else cilType t.Results[0]
    }

    /// Of a method that a frame of the interpreter's goes on in: the frame's numbers and the first of its references in place of parameters.
    let loopSignature (t: FuncType) : CilSig = { signature t with Params = [| CilType.Native; CilType.I4; CilType.Native; CilType.I4 |] }

    /// Deferred trees stay this shallow: RyuJIT recurses over them.
    [<Literal>]
    let MaxDepth = 60

    let typesOf (types: ValType[]) = Array.map cilType types

    /// Values of these types may hold a NaN.
    let isFloat (t: CilType) = t = CilType.R4 || t = CilType.R8 || t = CilType.V128
