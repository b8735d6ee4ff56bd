namespace Twofold.Wasm.Binary

// The one opcode table: decoder, validator, meter, emitter, printer and docs derive from it.
// In: nothing. Out: `Opcodes.info`, by opcode. Source: core specification, section 5.4 and appendix "Index of Instructions".

open Twofold.Wasm

/// What follows an opcode's bytes (core 5.4). The names say what `Instr.A`, `B` and `Imm` hold after decoding.
[<RequireQualifiedAccess>]
type Imm =
    | None = 0
    /// A block type: A = -1 empty, -2 one result whose ValType code is B, else A = type index.
    | Block = 1
    /// A = label depth.
    | Label = 2
    /// A = index into the body's label tables; the last label of a table is the default.
    | LabelTable = 3
    /// A = function index.
    | Func = 4
    /// A = type index, B = table index.
    | CallIndirect = 5
    /// A = type index.
    | Type = 6
    /// A = local index.
    | Local = 7
    /// A = global index.
    | Global = 8
    /// A = table index.
    | Table = 9
    /// A = memory index, B = alignment's exponent, Imm = offset (u64).
    | MemArg = 10
    /// A = memory index.
    | Memory = 11
    /// Imm = the constant's bits.
    | I32 = 12
    | I64 = 13
    | F32 = 14
    | F64 = 15
    /// A = heap type's code (`HeapType.Code`).
    | Heap = 16
    /// A = ValType code; `select` with exactly one type.
    | SelectType = 17
    /// A = data index, B = memory index.
    | DataMemory = 18
    /// A = data index.
    | Data = 19
    /// A = destination memory, B = source memory.
    | Memory2 = 20
    /// A = element segment index, B = table index.
    | ElemTable = 21
    /// A = element segment index.
    | Elem = 22
    /// A = destination table, B = source table.
    | Table2 = 23
    /// Sixteen bytes, a vector or a shuffle's lanes: Imm = the low eight, A and B = the next four and the last four (`Instr.High`).
    | V128 = 24
    /// A = lane.
    | Lane = 25
    /// A = memory index, B = alignment's exponent + 256 * lane, Imm = offset (u64).
    | MemArgLane = 26
    /// A block type as in Block; Imm = index into the body's catch tables.
    | TryTable = 27
    /// A = tag index.
    | Tag = 28
    /// A = type index, B = field index.
    | TypeField = 29
    /// A = type index, B = number of elements.
    | TypeCount = 30
    /// A = type index, B = data index.
    | TypeData = 31
    /// A = type index, B = element segment index.
    | TypeElem = 32
    /// A = destination's type index, B = source's.
    | Type2 = 33
    /// A = label depth, B = 1 when the source is nullable + 2 when the target is, Imm = heap type codes: source in the low half, target in the high.
    | BrOnCast = 34
    /// A byte that must be zero.
    | Zero = 35

/// The published gas classes; `GasSchedule` prices them.
[<RequireQualifiedAccess>]
type GasClass =
    /// Structure only: block, loop, end, else, nop.
    | Free = 0
    /// Constants, locals, integer and float arithmetic, comparisons, conversions, select, drop.
    | Simple = 1
    /// Integer division and remainder, float division and square root.
    | Divide = 2
    /// Loads and stores.
    | Memory = 3
    /// Globals.
    | Global = 4
    /// br, br_if, if, br_table, return.
    | Branch = 5
    | Call = 6
    | CallIndirect = 7
    /// Table element access, ref.func, sizes.
    | Table = 8
    /// Bulk operations and growth: the base; the part that depends on the operand is charged as it becomes known.
    | Bulk = 9
    /// Arithmetic and moves of vectors.
    | Vector = 10
    /// struct.new and array.new: the base; the object's size is charged beside it.
    | Allocate = 11
    /// Casts and tests of references.
    | Cast = 12
    /// Throwing: the base; each frame that is left is charged as it is left.
    | Throw = 13
    /// Atomic accesses and fences.
    | Atomic = 14

/// An opcode: one byte as it is; 0xFB, 0xFC and 0xFE prefixed ones as 0xB00, 0xC00, 0xE00 + number; SIMD as 0xD000 + number.
/// 0xF000 and above never come from bytes: Prepare inserts them.
type Op = uint16

/// One row of the table.
[<NoEquality; NoComparison>]
type OpInfo = {
    Op: Op
    /// The text format's name.
    Name: string
    Imm: Imm
    /// Operand and result types of a plain instruction; null where they depend on immediates or context.
    Pops: ValType[]
    Pushes: ValType[]
    /// Bytes a memory access touches; 0 for others.
    AccessBytes: int
    /// The feature it came with; ValueNone for WebAssembly 1.0.
    Feature: Feature voption
    Gas: GasClass
    /// It may trap.
    Traps: bool
}

/// A decoded instruction. 24 bytes, no references: a body is one flat array.
[<Struct; NoEquality; NoComparison>]
type Instr = {
    // Widest first: F# lays structs out in this order, and another order costs 32 bytes.
    Imm: int64
    A: int
    B: int
    /// Byte offset of the opcode in the module.
    Offset: int
    Op: Op
} with

    /// The high eight bytes of a vector (`Imm.V128`).
    member i.High = int64 (uint32 i.A) ||| (int64 i.B <<< 32)

/// Opcodes by name, for stages that treat them one by one.
module Op =
    [<Literal>]
    let Unreachable = 0x00us

    [<Literal>]
    let Nop = 0x01us

    [<Literal>]
    let Block = 0x02us

    [<Literal>]
    let Loop = 0x03us

    [<Literal>]
    let If = 0x04us

    [<Literal>]
    let Else = 0x05us

    [<Literal>]
    let End = 0x0Bus

    [<Literal>]
    let Br = 0x0Cus

    [<Literal>]
    let BrIf = 0x0Dus

    [<Literal>]
    let BrTable = 0x0Eus

    [<Literal>]
    let Return = 0x0Fus

    [<Literal>]
    let Call = 0x10us

    [<Literal>]
    let CallIndirect = 0x11us

    [<Literal>]
    let ReturnCall = 0x12us

    [<Literal>]
    let ReturnCallIndirect = 0x13us

    [<Literal>]
    let Drop = 0x1Aus

    [<Literal>]
    let Select = 0x1Bus

    [<Literal>]
    let SelectT = 0x1Cus

    [<Literal>]
    let LocalGet = 0x20us

    [<Literal>]
    let LocalSet = 0x21us

    [<Literal>]
    let LocalTee = 0x22us

    [<Literal>]
    let GlobalGet = 0x23us

    [<Literal>]
    let GlobalSet = 0x24us

    [<Literal>]
    let TableGet = 0x25us

    [<Literal>]
    let TableSet = 0x26us

    [<Literal>]
    let MemorySize = 0x3Fus

    [<Literal>]
    let MemoryGrow = 0x40us

    [<Literal>]
    let I32Const = 0x41us

    [<Literal>]
    let I64Const = 0x42us

    [<Literal>]
    let F32Const = 0x43us

    [<Literal>]
    let F64Const = 0x44us

    [<Literal>]
    let I32Add = 0x6Aus

    [<Literal>]
    let I32Sub = 0x6Bus

    [<Literal>]
    let I32Mul = 0x6Cus

    [<Literal>]
    let I64Add = 0x7Cus

    [<Literal>]
    let I64Sub = 0x7Dus

    [<Literal>]
    let I64Mul = 0x7Eus

    [<Literal>]
    let RefNull = 0xD0us

    [<Literal>]
    let RefIsNull = 0xD1us

    [<Literal>]
    let RefFunc = 0xD2us

    [<Literal>]
    let MemoryInit = 0xC08us

    [<Literal>]
    let DataDrop = 0xC09us

    [<Literal>]
    let MemoryCopy = 0xC0Aus

    [<Literal>]
    let MemoryFill = 0xC0Bus

    [<Literal>]
    let TableInit = 0xC0Cus

    [<Literal>]
    let ElemDrop = 0xC0Dus

    [<Literal>]
    let TableCopy = 0xC0Eus

    [<Literal>]
    let TableGrow = 0xC0Fus

    [<Literal>]
    let TableSize = 0xC10us

    [<Literal>]
    let TableFill = 0xC11us

    [<Literal>]
    let Try = 0x06us

    [<Literal>]
    let Catch = 0x07us

    [<Literal>]
    let Throw = 0x08us

    [<Literal>]
    let Rethrow = 0x09us

    [<Literal>]
    let ThrowRef = 0x0Aus

    [<Literal>]
    let CallRef = 0x14us

    [<Literal>]
    let ReturnCallRef = 0x15us

    [<Literal>]
    let Delegate = 0x18us

    [<Literal>]
    let CatchAll = 0x19us

    [<Literal>]
    let TryTable = 0x1Fus

    [<Literal>]
    let RefEq = 0xD3us

    [<Literal>]
    let RefAsNonNull = 0xD4us

    [<Literal>]
    let BrOnNull = 0xD5us

    [<Literal>]
    let BrOnNonNull = 0xD6us

    [<Literal>]
    let StructNew = 0xB00us

    [<Literal>]
    let StructNewDefault = 0xB01us

    [<Literal>]
    let StructGet = 0xB02us

    [<Literal>]
    let StructGetS = 0xB03us

    [<Literal>]
    let StructGetU = 0xB04us

    [<Literal>]
    let StructSet = 0xB05us

    [<Literal>]
    let ArrayNew = 0xB06us

    [<Literal>]
    let ArrayNewDefault = 0xB07us

    [<Literal>]
    let ArrayNewFixed = 0xB08us

    [<Literal>]
    let ArrayNewData = 0xB09us

    [<Literal>]
    let ArrayNewElem = 0xB0Aus

    [<Literal>]
    let ArrayGet = 0xB0Bus

    [<Literal>]
    let ArrayGetS = 0xB0Cus

    [<Literal>]
    let ArrayGetU = 0xB0Dus

    [<Literal>]
    let ArraySet = 0xB0Eus

    [<Literal>]
    let ArrayLen = 0xB0Fus

    [<Literal>]
    let ArrayFill = 0xB10us

    [<Literal>]
    let ArrayCopy = 0xB11us

    [<Literal>]
    let ArrayInitData = 0xB12us

    [<Literal>]
    let ArrayInitElem = 0xB13us

    [<Literal>]
    let RefTest = 0xB14us

    [<Literal>]
    let RefTestNull = 0xB15us

    [<Literal>]
    let RefCast = 0xB16us

    [<Literal>]
    let RefCastNull = 0xB17us

    [<Literal>]
    let BrOnCast = 0xB18us

    [<Literal>]
    let BrOnCastFail = 0xB19us

    [<Literal>]
    let AnyConvertExtern = 0xB1Aus

    [<Literal>]
    let ExternConvertAny = 0xB1Bus

    [<Literal>]
    let RefI31 = 0xB1Cus

    [<Literal>]
    let I31GetS = 0xB1Dus

    [<Literal>]
    let I31GetU = 0xB1Eus

    [<Literal>]
    let V128Load = 0xD000us

    [<Literal>]
    let V128Store = 0xD00Bus

    [<Literal>]
    let V128Const = 0xD00Cus

    [<Literal>]
    let I8x16Shuffle = 0xD00Dus

    [<Literal>]
    let AtomicNotify = 0xE00us

    [<Literal>]
    let AtomicWait32 = 0xE01us

    [<Literal>]
    let AtomicWait64 = 0xE02us

    [<Literal>]
    let AtomicFence = 0xE03us

    /// Inserted by Prepare at the start of a body: A = units of the logical stack this frame costs.
    [<Literal>]
    let Enter = 0xF000us

    /// Inserted by Prepare at the start of a basic block: Imm = gas of the block.
    [<Literal>]
    let Charge = 0xF001us

/// The table itself and its lookups.
module Opcodes =
    let private types (s: string) =
        s
        |> Seq.map (fun c ->
            match c with
            | 'i' -> ValType.I32
            | 'I' -> ValType.I64
            | 'f' -> ValType.F32
            | 'F' -> ValType.F64
            | 'v' -> ValType.V128
            | _ -> invalidOp "a signature uses i, I, f, F and v")
        |> Array.ofSeq

    /// A row whose types depend on immediates or context: the validator treats it by name.
    let private special op name imm gas feature traps = {
        Op = op
        Name = name
        Imm = imm
        Pops = null
        Pushes = null
        AccessBytes = 0
        Feature = feature
        Gas = gas
        Traps = traps
    }

    /// A plain row: `sig` is `operands>results`.
    let private plain op name (signature: string) gas feature traps =
        let parts = signature.Split '>'

        { special op name Imm.None gas feature traps with Pops = types parts[0]; Pushes = types parts[1] }

    let private access op name signature bytes = {
        plain op name signature GasClass.Memory ValueNone true with
            Imm = Imm.MemArg
            AccessBytes = bytes
    }

    let private constant op name imm result = { plain op name $">{result}" GasClass.Simple ValueNone false with Imm = imm }

    /// Rows of one signature in opcode order.
    let private run first signature gas feature traps (names: string) =
        names.Split(' ', System.StringSplitOptions.RemoveEmptyEntries)
        |> Array.mapi (fun i name -> plain (first + uint16 i) name signature gas feature traps)

    let private simple first signature names = run first signature GasClass.Simple ValueNone false names
    let private bulk = ValueSome Feature.BulkMemory
    let private refs = ValueSome Feature.ReferenceTypes
    let private tail = ValueSome Feature.TailCall
    let private typed = ValueSome Feature.FunctionReferences
    let private gc = ValueSome Feature.Gc
    let private exceptions = ValueSome Feature.Exceptions
    let private legacy = ValueSome Feature.LegacyExceptions

    let private vectors first signature names = run first signature GasClass.Vector (ValueSome Feature.Simd) false names

    /// The same operators for several shapes: `shape.name` for each name.
    let private shaped first signature (shape: string) (names: string) =
        names.Split ' ' |> Array.map (fun n -> $"{shape}.{n}") |> String.concat " " |> vectors first signature

    let private vectorDivide first name = [|
        plain first name (if (name: string).EndsWith "sqrt" then "v>v" else "vv>v") GasClass.Divide (ValueSome Feature.Simd) false
    |]

    let private vectorAccess op name signature bytes = { access op name signature bytes with Feature = ValueSome Feature.Simd }

    let private laneAccess op name signature bytes = { vectorAccess op name signature bytes with Imm = Imm.MemArgLane }

    let private lane op name signature = { plain op name signature GasClass.Vector (ValueSome Feature.Simd) false with Imm = Imm.Lane }

    let private relaxed first signature names = run first signature GasClass.Vector (ValueSome Feature.RelaxedSimd) false names

    let private atomic op name signature bytes = {
        access op name signature bytes with
            Feature = ValueSome Feature.Threads
            Gas = GasClass.Atomic
    }

    /// The seven widths of one read-modify-write operator.
    let private atomicRmw first operator signature32 signature64 = [|
        atomic first $"i32.atomic.rmw.{operator}" signature32 4
        atomic (first + 1us) $"i64.atomic.rmw.{operator}" signature64 8
        atomic (first + 2us) $"i32.atomic.rmw8.{operator}_u" signature32 1
        atomic (first + 3us) $"i32.atomic.rmw16.{operator}_u" signature32 2
        atomic (first + 4us) $"i64.atomic.rmw8.{operator}_u" signature64 1
        atomic (first + 5us) $"i64.atomic.rmw16.{operator}_u" signature64 2
        atomic (first + 6us) $"i64.atomic.rmw32.{operator}_u" signature64 4
    |]

    /// Every row, in opcode order within its group.
    let all: OpInfo[] =
        Array.concat [
            [|
                special Op.Unreachable "unreachable" Imm.None GasClass.Simple ValueNone true
                special Op.Nop "nop" Imm.None GasClass.Free ValueNone false
                special Op.Block "block" Imm.Block GasClass.Free ValueNone false
                special Op.Loop "loop" Imm.Block GasClass.Free ValueNone false
                special Op.If "if" Imm.Block GasClass.Branch ValueNone false
                special Op.Else "else" Imm.None GasClass.Free ValueNone false
                special Op.End "end" Imm.None GasClass.Free ValueNone false
                special Op.Try "try" Imm.Block GasClass.Free legacy false
                special Op.Catch "catch" Imm.Tag GasClass.Free legacy false
                special Op.Throw "throw" Imm.Tag GasClass.Throw exceptions true
                special Op.Rethrow "rethrow" Imm.Label GasClass.Throw legacy true
                special Op.ThrowRef "throw_ref" Imm.None GasClass.Throw exceptions true
                special Op.Br "br" Imm.Label GasClass.Branch ValueNone false
                special Op.BrIf "br_if" Imm.Label GasClass.Branch ValueNone false
                special Op.BrTable "br_table" Imm.LabelTable GasClass.Branch ValueNone false
                special Op.Return "return" Imm.None GasClass.Branch ValueNone false
                special Op.Call "call" Imm.Func GasClass.Call ValueNone true
                special Op.CallIndirect "call_indirect" Imm.CallIndirect GasClass.CallIndirect ValueNone true
                special Op.ReturnCall "return_call" Imm.Func GasClass.Call tail true
                special Op.ReturnCallIndirect "return_call_indirect" Imm.CallIndirect GasClass.CallIndirect tail true
                special Op.CallRef "call_ref" Imm.Type GasClass.CallIndirect typed true
                special Op.ReturnCallRef "return_call_ref" Imm.Type GasClass.CallIndirect typed true
                special Op.Delegate "delegate" Imm.Label GasClass.Free legacy false
                special Op.CatchAll "catch_all" Imm.None GasClass.Free legacy false
                special Op.TryTable "try_table" Imm.TryTable GasClass.Free exceptions false
                special Op.Drop "drop" Imm.None GasClass.Simple ValueNone false
                special Op.Select "select" Imm.None GasClass.Simple ValueNone false
                special Op.SelectT "select" Imm.SelectType GasClass.Simple refs false
                special Op.LocalGet "local.get" Imm.Local GasClass.Simple ValueNone false
                special Op.LocalSet "local.set" Imm.Local GasClass.Simple ValueNone false
                special Op.LocalTee "local.tee" Imm.Local GasClass.Simple ValueNone false
                special Op.GlobalGet "global.get" Imm.Global GasClass.Global ValueNone false
                special Op.GlobalSet "global.set" Imm.Global GasClass.Global ValueNone false
                special Op.TableGet "table.get" Imm.Table GasClass.Table refs true
                special Op.TableSet "table.set" Imm.Table GasClass.Table refs true
                access 0x28us "i32.load" "i>i" 4
                access 0x29us "i64.load" "i>I" 8
                access 0x2Aus "f32.load" "i>f" 4
                access 0x2Bus "f64.load" "i>F" 8
                access 0x2Cus "i32.load8_s" "i>i" 1
                access 0x2Dus "i32.load8_u" "i>i" 1
                access 0x2Eus "i32.load16_s" "i>i" 2
                access 0x2Fus "i32.load16_u" "i>i" 2
                access 0x30us "i64.load8_s" "i>I" 1
                access 0x31us "i64.load8_u" "i>I" 1
                access 0x32us "i64.load16_s" "i>I" 2
                access 0x33us "i64.load16_u" "i>I" 2
                access 0x34us "i64.load32_s" "i>I" 4
                access 0x35us "i64.load32_u" "i>I" 4
                access 0x36us "i32.store" "ii>" 4
                access 0x37us "i64.store" "iI>" 8
                access 0x38us "f32.store" "if>" 4
                access 0x39us "f64.store" "iF>" 8
                access 0x3Aus "i32.store8" "ii>" 1
                access 0x3Bus "i32.store16" "ii>" 2
                access 0x3Cus "i64.store8" "iI>" 1
                access 0x3Dus "i64.store16" "iI>" 2
                access 0x3Eus "i64.store32" "iI>" 4
                special Op.MemorySize "memory.size" Imm.Memory GasClass.Table ValueNone false
                special Op.MemoryGrow "memory.grow" Imm.Memory GasClass.Bulk ValueNone false
                constant Op.I32Const "i32.const" Imm.I32 "i"
                constant Op.I64Const "i64.const" Imm.I64 "I"
                constant Op.F32Const "f32.const" Imm.F32 "f"
                constant Op.F64Const "f64.const" Imm.F64 "F"
            |]
            simple 0x45us "i>i" "i32.eqz"
            simple 0x46us "ii>i" "i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u"
            simple 0x50us "I>i" "i64.eqz"
            simple 0x51us "II>i" "i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u"
            simple 0x5Bus "ff>i" "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge"
            simple 0x61us "FF>i" "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge"
            simple 0x67us "i>i" "i32.clz i32.ctz i32.popcnt"
            simple 0x6Aus "ii>i" "i32.add i32.sub i32.mul"
            run 0x6Dus "ii>i" GasClass.Divide ValueNone true "i32.div_s i32.div_u i32.rem_s i32.rem_u"
            simple 0x71us "ii>i" "i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr"
            simple 0x79us "I>I" "i64.clz i64.ctz i64.popcnt"
            simple 0x7Cus "II>I" "i64.add i64.sub i64.mul"
            run 0x7Fus "II>I" GasClass.Divide ValueNone true "i64.div_s i64.div_u i64.rem_s i64.rem_u"
            simple 0x83us "II>I" "i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr"
            simple 0x8Bus "f>f" "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest"
            run 0x91us "f>f" GasClass.Divide ValueNone false "f32.sqrt"
            simple 0x92us "ff>f" "f32.add f32.sub f32.mul"
            run 0x95us "ff>f" GasClass.Divide ValueNone false "f32.div"
            simple 0x96us "ff>f" "f32.min f32.max f32.copysign"
            simple 0x99us "F>F" "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest"
            run 0x9Fus "F>F" GasClass.Divide ValueNone false "f64.sqrt"
            simple 0xA0us "FF>F" "f64.add f64.sub f64.mul"
            run 0xA3us "FF>F" GasClass.Divide ValueNone false "f64.div"
            simple 0xA4us "FF>F" "f64.min f64.max f64.copysign"
            simple 0xA7us "I>i" "i32.wrap_i64"
            run 0xA8us "f>i" GasClass.Simple ValueNone true "i32.trunc_f32_s i32.trunc_f32_u"
            run 0xAAus "F>i" GasClass.Simple ValueNone true "i32.trunc_f64_s i32.trunc_f64_u"
            simple 0xACus "i>I" "i64.extend_i32_s i64.extend_i32_u"
            run 0xAEus "f>I" GasClass.Simple ValueNone true "i64.trunc_f32_s i64.trunc_f32_u"
            run 0xB0us "F>I" GasClass.Simple ValueNone true "i64.trunc_f64_s i64.trunc_f64_u"
            simple 0xB2us "i>f" "f32.convert_i32_s f32.convert_i32_u"
            simple 0xB4us "I>f" "f32.convert_i64_s f32.convert_i64_u"
            simple 0xB6us "F>f" "f32.demote_f64"
            simple 0xB7us "i>F" "f64.convert_i32_s f64.convert_i32_u"
            simple 0xB9us "I>F" "f64.convert_i64_s f64.convert_i64_u"
            simple 0xBBus "f>F" "f64.promote_f32"
            simple 0xBCus "f>i" "i32.reinterpret_f32"
            simple 0xBDus "F>I" "i64.reinterpret_f64"
            simple 0xBEus "i>f" "f32.reinterpret_i32"
            simple 0xBFus "I>F" "f64.reinterpret_i64"
            run 0xC0us "i>i" GasClass.Simple (ValueSome Feature.SignExtension) false "i32.extend8_s i32.extend16_s"
            run 0xC2us "I>I" GasClass.Simple (ValueSome Feature.SignExtension) false "i64.extend8_s i64.extend16_s i64.extend32_s"
            [|
                special Op.RefNull "ref.null" Imm.Heap GasClass.Simple refs false
                special Op.RefIsNull "ref.is_null" Imm.None GasClass.Simple refs false
                special Op.RefFunc "ref.func" Imm.Func GasClass.Table refs false
                special Op.RefEq "ref.eq" Imm.None GasClass.Simple gc false
                special Op.RefAsNonNull "ref.as_non_null" Imm.None GasClass.Simple typed true
                special Op.BrOnNull "br_on_null" Imm.Label GasClass.Branch typed false
                special Op.BrOnNonNull "br_on_non_null" Imm.Label GasClass.Branch typed false
                special Op.StructNew "struct.new" Imm.Type GasClass.Allocate gc true
                special Op.StructNewDefault "struct.new_default" Imm.Type GasClass.Allocate gc true
                special Op.StructGet "struct.get" Imm.TypeField GasClass.Memory gc true
                special Op.StructGetS "struct.get_s" Imm.TypeField GasClass.Memory gc true
                special Op.StructGetU "struct.get_u" Imm.TypeField GasClass.Memory gc true
                special Op.StructSet "struct.set" Imm.TypeField GasClass.Memory gc true
                special Op.ArrayNew "array.new" Imm.Type GasClass.Allocate gc true
                special Op.ArrayNewDefault "array.new_default" Imm.Type GasClass.Allocate gc true
                special Op.ArrayNewFixed "array.new_fixed" Imm.TypeCount GasClass.Allocate gc true
                special Op.ArrayNewData "array.new_data" Imm.TypeData GasClass.Allocate gc true
                special Op.ArrayNewElem "array.new_elem" Imm.TypeElem GasClass.Allocate gc true
                special Op.ArrayGet "array.get" Imm.Type GasClass.Memory gc true
                special Op.ArrayGetS "array.get_s" Imm.Type GasClass.Memory gc true
                special Op.ArrayGetU "array.get_u" Imm.Type GasClass.Memory gc true
                special Op.ArraySet "array.set" Imm.Type GasClass.Memory gc true
                special Op.ArrayLen "array.len" Imm.None GasClass.Simple gc true
                special Op.ArrayFill "array.fill" Imm.Type GasClass.Bulk gc true
                special Op.ArrayCopy "array.copy" Imm.Type2 GasClass.Bulk gc true
                special Op.ArrayInitData "array.init_data" Imm.TypeData GasClass.Bulk gc true
                special Op.ArrayInitElem "array.init_elem" Imm.TypeElem GasClass.Bulk gc true
                special Op.RefTest "ref.test" Imm.Heap GasClass.Cast gc false
                special Op.RefTestNull "ref.test" Imm.Heap GasClass.Cast gc false
                special Op.RefCast "ref.cast" Imm.Heap GasClass.Cast gc true
                special Op.RefCastNull "ref.cast" Imm.Heap GasClass.Cast gc true
                special Op.BrOnCast "br_on_cast" Imm.BrOnCast GasClass.Cast gc false
                special Op.BrOnCastFail "br_on_cast_fail" Imm.BrOnCast GasClass.Cast gc false
                special Op.AnyConvertExtern "any.convert_extern" Imm.None GasClass.Simple gc false
                special Op.ExternConvertAny "extern.convert_any" Imm.None GasClass.Simple gc false
                special Op.RefI31 "ref.i31" Imm.None GasClass.Simple gc false
                special Op.I31GetS "i31.get_s" Imm.None GasClass.Simple gc true
                special Op.I31GetU "i31.get_u" Imm.None GasClass.Simple gc true
            |]
            run 0xC00us "f>i" GasClass.Simple (ValueSome Feature.SaturatingFloatToInt) false "i32.trunc_sat_f32_s i32.trunc_sat_f32_u"
            run 0xC02us "F>i" GasClass.Simple (ValueSome Feature.SaturatingFloatToInt) false "i32.trunc_sat_f64_s i32.trunc_sat_f64_u"
            run 0xC04us "f>I" GasClass.Simple (ValueSome Feature.SaturatingFloatToInt) false "i64.trunc_sat_f32_s i64.trunc_sat_f32_u"
            run 0xC06us "F>I" GasClass.Simple (ValueSome Feature.SaturatingFloatToInt) false "i64.trunc_sat_f64_s i64.trunc_sat_f64_u"
            [|
                special Op.MemoryInit "memory.init" Imm.DataMemory GasClass.Bulk bulk true
                special Op.DataDrop "data.drop" Imm.Data GasClass.Bulk bulk false
                special Op.MemoryCopy "memory.copy" Imm.Memory2 GasClass.Bulk bulk true
                special Op.MemoryFill "memory.fill" Imm.Memory GasClass.Bulk bulk true
                special Op.TableInit "table.init" Imm.ElemTable GasClass.Bulk bulk true
                special Op.ElemDrop "elem.drop" Imm.Elem GasClass.Bulk bulk false
                special Op.TableCopy "table.copy" Imm.Table2 GasClass.Bulk bulk true
                special Op.TableGrow "table.grow" Imm.Table GasClass.Bulk refs false
                special Op.TableSize "table.size" Imm.Table GasClass.Table refs false
                special Op.TableFill "table.fill" Imm.Table GasClass.Bulk refs true
            |]
            [|
                vectorAccess Op.V128Load "v128.load" "i>v" 16
                vectorAccess 0xD001us "v128.load8x8_s" "i>v" 8
                vectorAccess 0xD002us "v128.load8x8_u" "i>v" 8
                vectorAccess 0xD003us "v128.load16x4_s" "i>v" 8
                vectorAccess 0xD004us "v128.load16x4_u" "i>v" 8
                vectorAccess 0xD005us "v128.load32x2_s" "i>v" 8
                vectorAccess 0xD006us "v128.load32x2_u" "i>v" 8
                vectorAccess 0xD007us "v128.load8_splat" "i>v" 1
                vectorAccess 0xD008us "v128.load16_splat" "i>v" 2
                vectorAccess 0xD009us "v128.load32_splat" "i>v" 4
                vectorAccess 0xD00Aus "v128.load64_splat" "i>v" 8
                vectorAccess Op.V128Store "v128.store" "iv>" 16
                { plain Op.V128Const "v128.const" ">v" GasClass.Simple (ValueSome Feature.Simd) false with Imm = Imm.V128 }
                {
                    plain Op.I8x16Shuffle "i8x16.shuffle" "vv>v" GasClass.Vector (ValueSome Feature.Simd) false with
                        Imm = Imm.V128
                }
            |]
            vectors 0xD00Eus "vv>v" "i8x16.swizzle"
            vectors 0xD00Fus "i>v" "i8x16.splat i16x8.splat i32x4.splat"
            vectors 0xD012us "I>v" "i64x2.splat"
            vectors 0xD013us "f>v" "f32x4.splat"
            vectors 0xD014us "F>v" "f64x2.splat"
            [|
                lane 0xD015us "i8x16.extract_lane_s" "v>i"
                lane 0xD016us "i8x16.extract_lane_u" "v>i"
                lane 0xD017us "i8x16.replace_lane" "vi>v"
                lane 0xD018us "i16x8.extract_lane_s" "v>i"
                lane 0xD019us "i16x8.extract_lane_u" "v>i"
                lane 0xD01Aus "i16x8.replace_lane" "vi>v"
                lane 0xD01Bus "i32x4.extract_lane" "v>i"
                lane 0xD01Cus "i32x4.replace_lane" "vi>v"
                lane 0xD01Dus "i64x2.extract_lane" "v>I"
                lane 0xD01Eus "i64x2.replace_lane" "vI>v"
                lane 0xD01Fus "f32x4.extract_lane" "v>f"
                lane 0xD020us "f32x4.replace_lane" "vf>v"
                lane 0xD021us "f64x2.extract_lane" "v>F"
                lane 0xD022us "f64x2.replace_lane" "vF>v"
            |]
            shaped 0xD023us "vv>v" "i8x16" "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
            shaped 0xD02Dus "vv>v" "i16x8" "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
            shaped 0xD037us "vv>v" "i32x4" "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
            shaped 0xD041us "vv>v" "f32x4" "eq ne lt gt le ge"
            shaped 0xD047us "vv>v" "f64x2" "eq ne lt gt le ge"
            shaped 0xD04Dus "v>v" "v128" "not"
            shaped 0xD04Eus "vv>v" "v128" "and andnot or xor"
            shaped 0xD052us "vvv>v" "v128" "bitselect"
            shaped 0xD053us "v>i" "v128" "any_true"
            [|
                laneAccess 0xD054us "v128.load8_lane" "iv>v" 1
                laneAccess 0xD055us "v128.load16_lane" "iv>v" 2
                laneAccess 0xD056us "v128.load32_lane" "iv>v" 4
                laneAccess 0xD057us "v128.load64_lane" "iv>v" 8
                laneAccess 0xD058us "v128.store8_lane" "iv>" 1
                laneAccess 0xD059us "v128.store16_lane" "iv>" 2
                laneAccess 0xD05Aus "v128.store32_lane" "iv>" 4
                laneAccess 0xD05Bus "v128.store64_lane" "iv>" 8
                vectorAccess 0xD05Cus "v128.load32_zero" "i>v" 4
                vectorAccess 0xD05Dus "v128.load64_zero" "i>v" 8
            |]
            vectors 0xD05Eus "v>v" "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"
            shaped 0xD060us "v>v" "i8x16" "abs neg popcnt"
            shaped 0xD063us "v>i" "i8x16" "all_true bitmask"
            shaped 0xD065us "vv>v" "i8x16" "narrow_i16x8_s narrow_i16x8_u"
            shaped 0xD067us "v>v" "f32x4" "ceil floor trunc nearest"
            shaped 0xD06Bus "vi>v" "i8x16" "shl shr_s shr_u"
            shaped 0xD06Eus "vv>v" "i8x16" "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"
            shaped 0xD074us "v>v" "f64x2" "ceil floor"
            shaped 0xD076us "vv>v" "i8x16" "min_s min_u max_s max_u"
            shaped 0xD07Aus "v>v" "f64x2" "trunc"
            shaped 0xD07Bus "vv>v" "i8x16" "avgr_u"
            shaped 0xD07Cus "v>v" "i16x8" "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u"
            shaped 0xD07Eus "v>v" "i32x4" "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u"
            shaped 0xD080us "v>v" "i16x8" "abs neg"
            shaped 0xD082us "vv>v" "i16x8" "q15mulr_sat_s"
            shaped 0xD083us "v>i" "i16x8" "all_true bitmask"
            shaped 0xD085us "vv>v" "i16x8" "narrow_i32x4_s narrow_i32x4_u"
            shaped 0xD087us "v>v" "i16x8" "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u"
            shaped 0xD08Bus "vi>v" "i16x8" "shl shr_s shr_u"
            shaped 0xD08Eus "vv>v" "i16x8" "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"
            shaped 0xD094us "v>v" "f64x2" "nearest"
            shaped 0xD095us "vv>v" "i16x8" "mul min_s min_u max_s max_u"
            shaped 0xD09Bus "vv>v" "i16x8" "avgr_u extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u"
            shaped 0xD0A0us "v>v" "i32x4" "abs neg"
            shaped 0xD0A3us "v>i" "i32x4" "all_true bitmask"
            shaped 0xD0A7us "v>v" "i32x4" "extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u"
            shaped 0xD0ABus "vi>v" "i32x4" "shl shr_s shr_u"
            shaped 0xD0AEus "vv>v" "i32x4" "add"
            shaped 0xD0B1us "vv>v" "i32x4" "sub"
            shaped 0xD0B5us "vv>v" "i32x4" "mul min_s min_u max_s max_u dot_i16x8_s"
            shaped 0xD0BCus "vv>v" "i32x4" "extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u"
            shaped 0xD0C0us "v>v" "i64x2" "abs neg"
            shaped 0xD0C3us "v>i" "i64x2" "all_true bitmask"
            shaped 0xD0C7us "v>v" "i64x2" "extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u"
            shaped 0xD0CBus "vi>v" "i64x2" "shl shr_s shr_u"
            shaped 0xD0CEus "vv>v" "i64x2" "add"
            shaped 0xD0D1us "vv>v" "i64x2" "sub"
            shaped 0xD0D5us "vv>v" "i64x2" "mul eq ne lt_s gt_s le_s ge_s"
            shaped 0xD0DCus "vv>v" "i64x2" "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u"
            shaped 0xD0E0us "v>v" "f32x4" "abs neg"
            vectorDivide 0xD0E3us "f32x4.sqrt"
            shaped 0xD0E4us "vv>v" "f32x4" "add sub mul"
            vectorDivide 0xD0E7us "f32x4.div"
            shaped 0xD0E8us "vv>v" "f32x4" "min max pmin pmax"
            shaped 0xD0ECus "v>v" "f64x2" "abs neg"
            vectorDivide 0xD0EFus "f64x2.sqrt"
            shaped 0xD0F0us "vv>v" "f64x2" "add sub mul"
            vectorDivide 0xD0F3us "f64x2.div"
            shaped 0xD0F4us "vv>v" "f64x2" "min max pmin pmax"
            shaped 0xD0F8us "v>v" "i32x4" "trunc_sat_f32x4_s trunc_sat_f32x4_u"
            shaped 0xD0FAus "v>v" "f32x4" "convert_i32x4_s convert_i32x4_u"
            shaped 0xD0FCus "v>v" "i32x4" "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero"
            shaped 0xD0FEus "v>v" "f64x2" "convert_low_i32x4_s convert_low_i32x4_u"
            relaxed 0xD100us "vv>v" "i8x16.relaxed_swizzle"
            relaxed 0xD101us "v>v" "i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u"
            relaxed 0xD103us "v>v" "i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero"
            relaxed 0xD105us "vvv>v" "f32x4.relaxed_madd f32x4.relaxed_nmadd f64x2.relaxed_madd f64x2.relaxed_nmadd"
            relaxed 0xD109us "vvv>v" "i8x16.relaxed_laneselect i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect"
            relaxed 0xD10Dus "vv>v" "f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min f64x2.relaxed_max"
            relaxed 0xD111us "vv>v" "i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s"
            relaxed 0xD113us "vvv>v" "i32x4.relaxed_dot_i8x16_i7x16_add_s"
            [|
                { atomic Op.AtomicNotify "memory.atomic.notify" "ii>i" 4 with Gas = GasClass.Bulk }
                { atomic Op.AtomicWait32 "memory.atomic.wait32" "iiI>i" 4 with Gas = GasClass.Bulk }
                { atomic Op.AtomicWait64 "memory.atomic.wait64" "iII>i" 8 with Gas = GasClass.Bulk }
                atomic 0xE10us "i32.atomic.load" "i>i" 4
                atomic 0xE11us "i64.atomic.load" "i>I" 8
                atomic 0xE12us "i32.atomic.load8_u" "i>i" 1
                atomic 0xE13us "i32.atomic.load16_u" "i>i" 2
                atomic 0xE14us "i64.atomic.load8_u" "i>I" 1
                atomic 0xE15us "i64.atomic.load16_u" "i>I" 2
                atomic 0xE16us "i64.atomic.load32_u" "i>I" 4
                atomic 0xE17us "i32.atomic.store" "ii>" 4
                atomic 0xE18us "i64.atomic.store" "iI>" 8
                atomic 0xE19us "i32.atomic.store8" "ii>" 1
                atomic 0xE1Aus "i32.atomic.store16" "ii>" 2
                atomic 0xE1Bus "i64.atomic.store8" "iI>" 1
                atomic 0xE1Cus "i64.atomic.store16" "iI>" 2
                atomic 0xE1Dus "i64.atomic.store32" "iI>" 4
                special Op.AtomicFence "atomic.fence" Imm.Zero GasClass.Atomic (ValueSome Feature.Threads) false
            |]
            atomicRmw 0xE1Eus "add" "ii>i" "iI>I"
            atomicRmw 0xE25us "sub" "ii>i" "iI>I"
            atomicRmw 0xE2Cus "and" "ii>i" "iI>I"
            atomicRmw 0xE33us "or" "ii>i" "iI>I"
            atomicRmw 0xE3Aus "xor" "ii>i" "iI>I"
            atomicRmw 0xE41us "xchg" "ii>i" "iI>I"
            atomicRmw 0xE48us "cmpxchg" "iii>i" "iII>I"
        ]

    // Sparse: a prefix's opcodes begin at its own offset.
    let private byOp: OpInfo[] =
        let a = Array.zeroCreate 0xE100

        for row in all do
            a[int row.Op] <- row

        a

    /// The row of an opcode, or null when no instruction of this version has it.
    let tryInfo (op: Op) : OpInfo = if int op < byOp.Length then byOp[int op] else Unchecked.defaultof<_>

    /// The row of an opcode that is known to exist.
    let info (op: Op) : OpInfo = byOp[int op]
