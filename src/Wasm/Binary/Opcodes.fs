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
}

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
            | _ -> invalidOp "a signature uses i, I, f and F")
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
                special Op.Br "br" Imm.Label GasClass.Branch ValueNone false
                special Op.BrIf "br_if" Imm.Label GasClass.Branch ValueNone false
                special Op.BrTable "br_table" Imm.LabelTable GasClass.Branch ValueNone false
                special Op.Return "return" Imm.None GasClass.Branch ValueNone false
                special Op.Call "call" Imm.Func GasClass.Call ValueNone true
                special Op.CallIndirect "call_indirect" Imm.CallIndirect GasClass.CallIndirect ValueNone true
                special Op.ReturnCall "return_call" Imm.Func GasClass.Call tail true
                special Op.ReturnCallIndirect "return_call_indirect" Imm.CallIndirect GasClass.CallIndirect tail true
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
        ]

    // Dense below 0xC12; nothing above it but Prepare's own.
    let private byOp: OpInfo[] =
        let a = Array.zeroCreate 0xE100

        for row in all do
            a[int row.Op] <- row

        a

    /// The row of an opcode, or null when no instruction of this version has it.
    let tryInfo (op: Op) : OpInfo = if int op < byOp.Length then byOp[int op] else Unchecked.defaultof<_>

    /// The row of an opcode that is known to exist.
    let info (op: Op) : OpInfo = byOp[int op]
