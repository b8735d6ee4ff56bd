/// From instructions to source lines: DWARF 4 and 5 of clang, a source map of AssemblyScript.
/// In: Programs/lines (make.sh), llvm-dwarfdump where there is one. Out: the lines that the sources say.
module Twofold.Conformance.SymbolTests

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Symbols

let private folder = Path.Combine(Repository.root, "tests", "Conformance", "Programs", "lines")

let private decode (bytes: byte[]) =
    match Decode.run WasmLimits.Host Features.All bytes with
    | Ok m -> m
    | Error e -> failwith (string e)

let private fetch (url: string) : byte[] =
    let file = Path.Combine(folder, url)
    if File.Exists file then File.ReadAllBytes file else null

let private same (found: 'T list) (expected: 'T list) = Assert.That(List.toArray found, Is.EqualTo<'T seq>(List.toArray expected))

/// The lines of the instructions with this opcode (clang writes two `unreachable` for one trap).
let private linesOf (m: Module) (lines: SourceLines) (op: Op) = [
    for i in 0 .. m.Functions.Length - 1 do
        let reader = BodyReader(WasmLimits.Host, Features.All, m)

        if reader.Read i then
            for instr in reader.ToBody().Code do
                if instr.Op = op then
                    match lines.Find instr.Offset with
                    | ValueSome l -> l.File, l.Line
                    | ValueNone -> "", 0
]

[<TestCase("steps-dwarf4.wasm", "steps.c", 18, 19, 23)>]
[<TestCase("steps-dwarf5.wasm", "steps.c", 18, 19, 23)>]
[<TestCase("steps-map.wasm", "./steps-map/steps.ts", 13, 14, 0)>]
let ``an instruction is found in its source`` (file: string, source: string, trap: int, division: int, call: int) =
    let m = decode (File.ReadAllBytes(Path.Combine(folder, file)))
    let lines = SourceLines.Read(m, fetch)
    same (List.distinct (linesOf m lines Op.Unreachable)) [ source, trap ]
    same (List.distinct (linesOf m lines 0x6Dus)) [ source, division ]

    if call > 0 then
        same (List.distinct (linesOf m lines Op.Call)) [ source, call ]

[<Test>]
let ``a module without debug information, and a map that is not there, give no lines`` () =
    let plain = decode (File.ReadAllBytes(Path.Combine(Repository.root, "samples", "contracts", "wasm", "token-wat.wasm")))
    Assert.That(SourceLines.Read(plain, fetch).Count, Is.EqualTo 0)
    let mapped = decode (File.ReadAllBytes(Path.Combine(folder, "steps-map.wasm")))
    Assert.That(SourceLines.MapUrl mapped, Is.EqualTo "./steps-map.wasm.map")
    Assert.That(SourceLines.Read(mapped, (fun _ -> null)).Count, Is.EqualTo 0)

let private row = Regex(@"^0x([0-9a-f]{16})\s+(\d+)\s+(\d+)\s+(\d+)\s.*?(end_sequence)?$")

/// What llvm-dwarfdump says of each address: the line and column of the last row there, 0 where a sequence ends. None: no such tool.
let private dumped (path: string) =
    try
        let info = ProcessStartInfo("llvm-dwarfdump", [ "--debug-line"; path ], RedirectStandardOutput = true)
        use p = Process.Start info
        let text = p.StandardOutput.ReadToEnd()
        p.WaitForExit()
        // A sequence at address 0 is of a function that the linker dropped.
        let sequences = ResizeArray<(int * int * int) list>()
        let mutable open' = []

        for line in text.Split '\n' do
            let found = row.Match line

            if found.Success then
                let number (i: int) = int found.Groups[i].Value
                let last = found.Groups[5].Success

                open' <-
                    (Convert.ToInt32(found.Groups[1].Value, 16), (if last then 0 else number 2), (if last then 0 else number 3)) :: open'

                if last then
                    let whole = List.rev open'
                    let first, _, _ = whole.Head

                    if first > 0 then
                        sequences.Add whole

                    open' <- []

        Some(List.concat sequences)
    with :? ComponentModel.Win32Exception ->
        None

let private agreesWithLlvm (path: string) =
    match dumped path with
    | None -> Assert.Ignore "llvm-dwarfdump is not installed"
    | Some rows ->
        let m = decode (File.ReadAllBytes path)
        let lines = SourceLines.Read(m, fetch)
        // Addresses count from the code section's contents; the first body begins after the count of bodies and its own size.
        let start =
            let head = m.Bytes.AsSpan().Slice(0, m.Code[0].Start)
            let leb (n: int) = if n < 128 then 1 else 2
            // wasm-ld pads sizes of sections to five bytes, not the count nor those of bodies.
            head.Length - leb m.Code[0].Length - leb m.Code.Length

        Assert.That(rows.Length, Is.GreaterThan 10)

        let expected =
            rows
            |> List.groupBy (fun (address, _, _) -> address)
            |> List.map (fun (address, all) -> let _, line, column = List.last all in address, line, column)

        let found =
            expected
            |> List.map (fun (address, _, _) ->
                match lines.Find(address + start) with
                | ValueSome l -> address, l.Line, l.Column
                | ValueNone -> address, 0, 0)

        // A row with line 0 says that there is no line; where one sequence ends another may begin.
        let expected = expected |> List.map (fun (a, l, c) -> if l = 0 then a, 0, 0 else a, l, c)
        same found expected

[<TestCase "steps-dwarf4.wasm">]
[<TestCase "steps-dwarf5.wasm">]
let ``every row is llvm-dwarfdump's`` (file: string) = agreesWithLlvm (Path.Combine(folder, file))

[<Test>]
let ``damaged debug information is read as far as it goes, and nothing is thrown`` () =
    let random = Random 5

    for file in [ "steps-dwarf4.wasm"; "steps-dwarf5.wasm" ] do
        let bytes = File.ReadAllBytes(Path.Combine(folder, file))
        let whole = decode bytes
        let section = whole.Customs |> Array.find (fun c -> c.Name = ".debug_line")

        for _ in 1..3000 do
            let copy = Array.copy bytes

            for _ in 0 .. random.Next 4 do
                copy[section.Start + random.Next section.Length] <- byte (random.Next 256)

            let lines = SourceLines.Read({ whole with Bytes = copy }, fetch)

            for offset in 0..37 .. bytes.Length do
                lines.Find offset |> ignore

    let map = File.ReadAllBytes(Path.Combine(folder, "steps-map.wasm.map"))
    let mapped = decode (File.ReadAllBytes(Path.Combine(folder, "steps-map.wasm")))

    for _ in 1..3000 do
        let copy = Array.copy map
        copy[random.Next copy.Length] <- byte (random.Next 256)
        SourceLines.Read(mapped, (fun _ -> copy)).Find 100 |> ignore
