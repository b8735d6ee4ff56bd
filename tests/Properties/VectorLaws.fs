/// Vector instructions against the oracle: each one over a table of operands, and generated functions that mix shapes, so that NaN of
/// arithmetic meet bits of the program's own. The eager twin of the compiler, which cleans NaN after each instruction, must agree as well.
/// In: opcode rows, seeds. Out: the seed and both observations where engines differ. TWOFOLD_CASES sets how many functions are tried.
module Twofold.Properties.VectorLaws

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.OracleRuns

let private compiled: (string * IWasmEngine) list = [
    "compiled", CompiledEngine CompileWhen.FirstCall
    for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
        policy.Tier, CompiledEngine policy
    "eager", CompiledEngine true
    "interpreter", InterpretedEngine InterpMode.Chain
    "interpreter's loop", InterpretedEngine InterpMode.Loop
]

let private opcode (out: Out) (o: Op) =
    if o >= 0xD000us then
        out.Add 0xFDuy
        u32 out (uint32 o - 0xD000u)
    else
        op out o

// ---- operands

let private singles = [|
    0u
    0x80000000u
    0x3F800000u
    0xBF800000u
    0x7F800000u
    0xFF800000u
    0x7FC00000u
    0xFFC00000u
    0x7FA12345u
    0xFFFFFFFFu
    0x00000001u
    0x4F000000u
    0x4F800000u
    0xCF000001u
    0x3FC00000u
    0xC0200000u
|]

let private doubles = [|
    0UL
    0x8000000000000000UL
    0x3FF0000000000000UL
    0x7FF0000000000000UL
    0xFFF0000000000000UL
    0x7FF8000000000000UL
    0xFFF8000000000001UL
    0x7FF4000012345678UL
    0x41DFFFFFFFC00000UL
    0x41E0000000000000UL
    0xC1E0000000200000UL
    0x41EFFFFFFFE00000UL
    0x4004000000000000UL
    0xBFE0000000000000UL
|]

/// Sixteen bytes: of one of the shapes with numbers of interest, or anything.
let private vector (r: Random) : byte[] =
    let quarter () =
        match r.Next 3 with
        | 0 -> BitConverter.GetBytes singles[r.Next singles.Length]
        | 1 -> BitConverter.GetBytes(float32 (r.NextDouble() * 1000.0 - 500.0))
        | _ -> BitConverter.GetBytes(r.Next())

    let half () =
        if r.Next 3 = 0 then
            BitConverter.GetBytes(r.NextDouble() * 1e10 - 5e9)
        else
            BitConverter.GetBytes doubles[r.Next doubles.Length]

    let edges = [| 0uy; 1uy; 0x7Fuy; 0x80uy; 0xFFuy; 0xFEuy; 15uy; 16uy |]

    match r.Next 5 with
    | 0
    | 1 -> Array.init 4 (fun _ -> quarter ()) |> Array.concat
    | 2
    | 3 -> Array.init 2 (fun _ -> half ()) |> Array.concat
    | _ -> Array.init 16 (fun _ -> if r.Next 2 = 0 then edges[r.Next edges.Length] else byte (r.Next 256))

let private typeCode (t: ValType) = byte t.Code

/// A module of one memory of a page with these bytes in front, functions, and globals that start as zero vectors.
let private assemble
    (data: byte[])
    (types: (ValType list * ValType list) list)
    (functions: (int * ValType list * (Out -> unit)) list)
    globals
    =
    let out = Out header

    section out 1 (fun s ->
        vec s types (fun o (ps, rs) ->
            o.Add 0x60uy
            vec o ps (fun o t -> o.Add(typeCode t))
            vec o rs (fun o t -> o.Add(typeCode t))))

    section out 3 (fun s -> vec s functions (fun o (t, _, _) -> int' o t))

    section out 5 (fun s -> vec s [ 1 ] (fun o _ -> o.AddRange [| 1uy; 1uy; 1uy |]))

    section out 6 (fun s ->
        vec s [ 1..globals ] (fun o _ ->
            o.AddRange [| 0x7Buy; 1uy; 0xFDuy; 12uy |]
            o.AddRange(Array.zeroCreate<byte> 16)
            o.Add 0x0Buy))

    section out 7 (fun s ->
        vec s [ 0 ] (fun o _ ->
            name o "run"
            o.Add 0uy
            int' o 0))

    section out 10 (fun s ->
        vec s functions (fun o (_, locals, body) ->
            sized o (fun b ->
                vec b locals (fun o t ->
                    int' o 1
                    o.Add(typeCode t))

                body b
                b.Add 0x0Buy)))

    section out 11 (fun s ->
        vec s [ data ] (fun o d ->
            o.Add 0uy
            i32Const o 0
            o.Add 0x0Buy
            bytes o d))

    out.ToArray()

let private agree (what: string) (bytes: byte[]) =
    let valid = validate bytes

    let run (engine: IWasmEngine) =
        use subject = new Subject(engine, valid, "run", [||])
        subject.Run(100_000_000L, limits.StackUnits)

    let expected = run oracle

    for name, engine in compiled do
        Assert.That(run engine, Is.EqualTo expected, $"{what}, {name}")

    expected

let private laneCount (name: string) =
    if name.StartsWith "i8x16" then 16
    elif name.StartsWith "i16x8" then 8
    elif name.StartsWith "i32x4" || name.StartsWith "f32x4" then 4
    else 2

// ---- each instruction over a table

let private rows =
    Opcodes.all
    |> Array.filter (fun r -> r.Op >= 0xD00Eus && r.Op < 0xE000us && not (isNull r.Pops) && r.AccessBytes = 0 && r.Imm <> Imm.V128)

let private names = rows |> Array.map _.Name

let private localGet (o: Out) n =
    o.Add 0x20uy
    int' o n

let private memory (o: Out) (code: Op) (offset: int) =
    opcode o code
    int' o 0
    int' o offset

[<Literal>]
let private Entries = 24

/// Operands come from the table at 0, results go to 16,384: as many as there are pairs.
let private overTable (row: OpInfo) (lane: int) =
    let data = Array.init Entries (fun k -> vector (Random(1000 + k))) |> Array.concat

    // Locals: 0 index of a, 1 index of b, 2 where the result goes.
    let operand (o: Out) (t: ValType) (index: int) =
        localGet o index

        if t = ValType.V128 then memory o 0xD000us 0
        elif t = ValType.I32 then memory o 0x28us 0
        elif t = ValType.I64 then memory o 0x29us 0
        elif t = ValType.F32 then memory o 0x2Aus 0
        else memory o 0x2Bus 0

    let advance (o: Out) local by =
        localGet o local
        i32Const o by
        o.Add 0x6Auy
        o.Add 0x21uy
        int' o local

    let body (o: Out) =
        // loop a; loop b
        for _ in 1..2 do
            o.AddRange [| 0x03uy; 0x40uy |]

        localGet o 2
        row.Pops |> Array.iteri (fun k t -> operand o t (k % 2))
        opcode o row.Op

        if row.Imm = Imm.Lane then
            o.Add(byte lane)

        match row.Pushes[0] with
        | t when t = ValType.V128 -> memory o 0xD00Bus 16384
        | t when t = ValType.I32 -> memory o 0x36us 16384
        | t when t = ValType.I64 -> memory o 0x37us 16384
        | t when t = ValType.F32 -> memory o 0x38us 16384
        | _ -> memory o 0x39us 16384

        advance o 2 16

        for local in [ 1; 0 ] do
            advance o local 16
            localGet o local
            i32Const o (16 * Entries)
            // i32.lt_u, br_if 0
            o.AddRange [| 0x49uy; 0x0Duy; 0uy; 0x0Buy |]

            if local = 1 then
                i32Const o 0
                o.AddRange [| 0x21uy; 1uy |]

    assemble data [ [], [] ] [ 0, [ ValType.I32; ValType.I32; ValType.I32 ], body ] 0

[<TestCaseSource(nameof names)>]
let ``each vector instruction is the oracle's`` (name: string) =
    let row = rows |> Array.find (fun r -> r.Name = name)

    for lane in 0 .. (if row.Imm <> Imm.Lane then 0 else laneCount name - 1) do
        let seen = agree $"{name} {lane}" (overTable row lane)
        Assert.That(seen.End, Is.EqualTo "returned ")

// ---- each instruction over constants, which RyuJIT folds

let private foldable =
    Opcodes.all
    |> Array.filter (fun r ->
        not (isNull r.Pops)
        && not r.Traps
        && r.Pops.Length > 0
        && r.Pops |> Array.forall (fun t -> t.IsNum || t.IsVec)
        && r.Pushes.Length = 1
        && r.AccessBytes = 0
        && r.Op < 0xE000us
        && r.Imm <> Imm.V128
        && r.Feature <> ValueSome Feature.Threads)

let private foldableNames = foldable |> Array.map _.Name

/// Forty choices of constants, as they are and read from locals that were set to them before a branch.
let private overConstants (row: OpInfo) (lane: int) =
    let r = Random(int row.Op * 16 + lane)

    let constant (o: Out) (t: ValType) =
        if t = ValType.V128 then
            o.AddRange [| 0xFDuy; 12uy |]
            o.AddRange(vector r)
        elif t = ValType.I32 then
            i32Const o (int singles[r.Next singles.Length])
        elif t = ValType.I64 then
            i64Const o (int64 doubles[r.Next doubles.Length])
        elif t = ValType.F32 then
            f32Const o singles[r.Next singles.Length]
        else
            f64Const o doubles[r.Next doubles.Length]

    let result = row.Pushes[0]

    let apply (o: Out) k (operands: unit -> unit) =
        i32Const o (16384 + 16 * k)
        operands ()
        opcode o row.Op

        if row.Imm = Imm.Lane then
            o.Add(byte lane)

        memory
            o
            (if result = ValType.V128 then 0xD00Bus
             elif result = ValType.I32 then 0x36us
             elif result = ValType.I64 then 0x37us
             elif result = ValType.F32 then 0x38us
             else 0x39us)
            0

    let body (o: Out) =
        for k in 0..39 do
            apply o (2 * k) (fun () -> row.Pops |> Array.iter (constant o))

            row.Pops
            |> Array.iteri (fun local t ->
                constant o t
                o.Add 0x21uy
                int' o local)

            apply o (2 * k + 1) (fun () -> row.Pops |> Array.iteri (fun local _ -> localGet o local))

    assemble [||] [ [], [] ] [ 0, List.ofArray row.Pops, body ] 0

[<TestCaseSource(nameof foldableNames)>]
let ``each instruction on constants is the oracle's`` (name: string) =
    let row = foldable |> Array.find (fun r -> r.Name = name)

    for lane in 0 .. (if row.Imm <> Imm.Lane then 0 else laneCount name - 1) do
        let seen = agree $"{name} {lane}" (overConstants row lane)
        Assert.That(seen.End, Is.EqualTo "returned ")

// ---- generated functions

// Locals: parameters 0 to 1 of the helper are v128; these are the function's own.
let private locals =
    List.concat [
        List.replicate 4 ValType.V128
        List.replicate 2 ValType.F32
        List.replicate 2 ValType.F64
        [ ValType.I32; ValType.I64; ValType.I32 ]
    ]

let private counter = 10

/// Instructions that cannot trap, by result type. Float arithmetic comes up more often than its share.
let private byResult =
    Opcodes.all
    |> Array.filter (fun r ->
        not (isNull r.Pops)
        && not r.Traps
        && r.Pops.Length > 0
        && r.Pushes.Length = 1
        && r.AccessBytes = 0
        && r.Op < 0xE000us
        && r.Imm <> Imm.V128
        && r.Feature <> ValueSome Feature.Threads)
    |> Array.groupBy (fun r -> r.Pushes[0].Code)
    |> dict

let private arithmetic =
    byResult[ValType.V128.Code] |> Array.filter (fun r -> r.Name.StartsWith "f32x4." || r.Name.StartsWith "f64x2.")

type private Generator(seed: int) =
    let r = Random seed

    let pick (xs: 'a[]) = xs[r.Next xs.Length]

    let localsOf (t: ValType) = locals |> List.indexed |> List.filter (fun (k, u) -> u = t && k <> counter) |> List.map fst |> Array.ofList

    member private g.Constant (o: Out) (t: ValType) =
        if t = ValType.V128 then
            o.AddRange [| 0xFDuy; 12uy |]
            o.AddRange(vector r)
        elif t = ValType.I32 then
            i32Const o (r.Next(-40, 40))
        elif t = ValType.I64 then
            i64Const o (int64 (r.Next(-40, 40)))
        elif t = ValType.F32 then
            f32Const o (pick singles)
        else
            f64Const o (pick doubles)

    member private g.Address(o: Out) = i32Const o (if r.Next 400 = 0 then 65530 else r.Next 300)

    member private g.Load (o: Out) (t: ValType) =
        g.Address o

        if t = ValType.V128 then
            let k = pick [| 0; 0; 0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 0x5C; 0x5D |]
            memory o (uint16 (0xD000 + k)) (r.Next 40)
        elif t = ValType.I32 then
            memory o (pick [| 0x28us; 0x2Cus; 0x2Dus; 0x2Eus; 0x2Fus |]) (r.Next 40)
        elif t = ValType.I64 then
            memory o (pick [| 0x29us; 0x30us; 0x31us; 0x32us; 0x33us; 0x34us; 0x35us |]) (r.Next 40)
        elif t = ValType.F32 then
            memory o 0x2Aus (r.Next 40)
        else
            memory o 0x2Bus (r.Next 40)

    member g.Expression (o: Out) (t: ValType) depth =
        let deeper u = g.Expression o u (depth - 1)

        match (if depth <= 0 then r.Next 3 else r.Next 16) with
        | 0 -> g.Constant o t
        | 1 -> localGet o (pick (localsOf t))
        | 2 -> g.Load o t
        | 3 ->
            deeper t
            deeper t
            deeper ValType.I32
            o.AddRange [| 0x1Cuy; 1uy; typeCode t |]
        | 4 ->
            // block, left early or at its end
            o.AddRange [| 0x02uy; typeCode t |]
            deeper t
            deeper ValType.I32
            o.AddRange [| 0x0Duy; 0uy; 0x1Auy |]
            deeper t
            o.Add 0x0Buy
        | 5 when t = ValType.V128 ->
            deeper ValType.I32
            o.AddRange [| 0x04uy; typeCode t |]
            deeper t
            o.Add 0x05uy
            deeper t
            o.Add 0x0Buy
        | 6 when t = ValType.V128 ->
            o.Add 0x23uy
            int' o (r.Next 2)
        | 7 when t = ValType.V128 ->
            // The helper gives two vectors; the second is dropped.
            deeper t
            deeper t
            o.AddRange [| 0x10uy; 1uy; 0x1Auy |]
        | 8 when t = ValType.V128 ->
            deeper t
            deeper t
            opcode o 0xD00Dus
            let pattern = r.Next 6

            for k in 0..15 do
                o.Add(
                    byte (
                        match pattern with
                        | 0 -> k / 2 + 16 * (k % 2)
                        | 1 -> k + 5
                        | 2 -> 4 * (3 - k / 4) + k % 4
                        | 3 -> if k % 3 = 0 then k else 16 + k
                        | _ -> r.Next 32
                    )
                )
        | 9 when t = ValType.V128 ->
            g.Address o
            deeper t
            let k = r.Next 4
            memory o (uint16 (0xD054 + k)) (r.Next 40)
            o.Add(byte (r.Next(16 >>> k)))
        | 10
        | 11
        | 12 when t = ValType.V128 -> g.Plain o (pick arithmetic) depth
        | 10 when t = ValType.F32 -> g.Lane o 0xD01Fus 4 depth
        | 10 when t = ValType.F64 -> g.Lane o 0xD021us 2 depth
        | _ -> g.Plain o (pick byResult[t.Code]) depth

    member private g.Lane (o: Out) (code: Op) lanes depth =
        g.Expression o ValType.V128 (depth - 1)
        opcode o code
        o.Add(byte (r.Next lanes))

    member private g.Plain (o: Out) (row: OpInfo) depth =
        for p in row.Pops do
            g.Expression o p (depth - 1)

        opcode o row.Op

        if row.Imm = Imm.Lane then
            o.Add(byte (r.Next(laneCount row.Name)))

    member private g.Statement(o: Out) =
        match r.Next 12 with
        | 0 ->
            g.Expression o ValType.V128 3
            o.Add 0x24uy
            int' o (r.Next 2)
        | 1 ->
            g.Address o
            g.Expression o ValType.V128 3
            memory o 0xD00Bus (r.Next 40)
        | 2 ->
            g.Address o
            g.Expression o ValType.V128 3
            let k = r.Next 4
            memory o (uint16 (0xD058 + k)) (r.Next 40)
            o.Add(byte (r.Next(16 >>> k)))
        | k ->
            let local = if k < 9 then r.Next 4 else r.Next counter
            g.Expression o locals[local] 4
            o.Add 0x21uy
            int' o local

    member g.Module() =
        let statements = r.Next(2, 9)

        let body (o: Out) =
            for k in 0..3 do
                i32Const o (16 * k)
                memory o 0xD000us 0
                o.AddRange [| 0x21uy; byte k |]

            o.AddRange [| 0x03uy; 0x40uy |]

            for _ in 1..statements do
                g.Statement o

            localGet o counter
            i32Const o 1
            o.AddRange [| 0x6Auy; 0x22uy; byte counter |]
            i32Const o 4
            o.AddRange [| 0x49uy; 0x0Duy; 0uy; 0x0Buy |]

            locals
            |> List.iteri (fun k t ->
                i32Const o (1024 + 16 * k)
                localGet o k

                memory
                    o
                    (if t = ValType.V128 then 0xD00Bus
                     elif t = ValType.I32 then 0x36us
                     elif t = ValType.I64 then 0x37us
                     elif t = ValType.F32 then 0x38us
                     else 0x39us)
                    0)

        // The helper swaps, or computes and swaps.
        let helper (o: Out) =
            localGet o 1
            localGet o 0

            if r.Next 2 = 0 then
                localGet o 1
                opcode o 0xD0E4us

        let data = Array.init 24 (fun _ -> vector r) |> Array.concat
        let v = ValType.V128
        assemble data [ [], []; [ v; v ], [ v; v ] ] [ 0, locals, body; 1, [], helper ] 2

let private cases =
    match Environment.GetEnvironmentVariable "TWOFOLD_CASES" with
    | null
    | "" -> 300
    | n -> int n

[<Test>]
let ``generated functions over vectors are the oracle's, NaN to the last bit`` () =
    let first =
        match Environment.GetEnvironmentVariable "TWOFOLD_SEED" with
        | null
        | "" -> 1
        | n -> int n

    for seed in first .. first + cases - 1 do
        agree $"TWOFOLD_SEED={seed}" (Generator(seed).Module()) |> ignore

/// A narrow load may not become a wider one when it goes into lanes: RyuJIT folds some of them.
[<Test>]
let ``narrow loads fill lanes with their own bits only`` () =
    let v = ValType.V128

    for load, ty in
        [
            0x2Cus, "i"
            0x2Dus, "i"
            0x2Eus, "i"
            0x2Fus, "i"
            0x28us, "i"
            0x30us, "I"
            0x31us, "I"
            0x32us, "I"
            0x33us, "I"
            0x34us, "I"
            0x35us, "I"
        ] do
        let uses =
            if ty = "i" then
                [ 0xD00Fus, false; 0xD010us, false; 0xD011us, false; 0xD017us, true; 0xD01Aus, true; 0xD01Cus, true ]
            else
                [ 0xD012us, false; 0xD01Eus, true ]

        let body (o: Out) =
            uses
            |> List.iteri (fun k (code, isLane) ->
                i32Const o (1024 + 16 * k)

                if isLane then
                    o.AddRange [| 0xFDuy; 12uy |]
                    o.AddRange(Array.create 16 0x55uy)

                localGet o 0
                memory o load 3
                opcode o code

                if isLane then
                    o.Add 1uy

                memory o 0xD00Bus 0)

        let data = Array.init 32 (fun k -> byte (0x81 + 7 * k))
        agree $"load %x{load}" (assemble data [ [], [] ] [ 0, [ ValType.I32; v ], body ] 0) |> ignore
