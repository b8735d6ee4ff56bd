/// The traces of smith.zip (wasm-smith modules, Wasmtime's results with canonical NaN), and how a run is held against them.
/// In: a trace and an engine as a TraceEngine. Out: the first difference, or none.
module Twofold.Conformance.SmithTraces

open System
open System.Globalization
open System.IO
open System.Security.Cryptography
open System.Text.Json
open Twofold.Wasm
open Twofold.Wasm.Validation
open Twofold.Conformance

/// A line of traces.jsonl, with its module.
type Trace = { File: string; Profile: int; Bytes: byte[]; Json: JsonElement }

/// The traces of a profile, in the file's order.
let read (zip: TestData.Archive) (profile: int) : Trace list =
    use lines = new StreamReader(new MemoryStream(zip.Read "traces.jsonl"))

    [
        while not lines.EndOfStream do
            let json = JsonDocument.Parse(lines.ReadLine()).RootElement
            let p = json.GetProperty("profile").GetInt32()

            if p = profile then
                let file = json.GetProperty("file").GetString()
                yield { File = file; Profile = p; Bytes = zip.Read file; Json = json }
    ]

/// A value as the traces write it: integers in decimal, floats and vectors as hex bits, references as `null`.
let show (v: Value) =
    match v.Kind with
    | ValueKind.I32 -> "i32", string (v.AsI32())
    | ValueKind.I64 -> "i64", string (v.AsI64())
    | ValueKind.F32 -> "f32", v.Bits.ToString "x8"
    | ValueKind.F64 -> "f64", v.Bits.ToString "x16"
    | ValueKind.V128 -> "v128", v.HighBits.ToString "x16" + v.Bits.ToString "x16"
    | _ -> "ref", (if isNull v.Reference then "null" else "some")

/// The other way; a null reference takes the kind that the parameter has.
let private parse (types: SubType[]) (parameter: ValType) (json: JsonElement) : Value =
    let text = json[1].GetString()

    match json[0].GetString() with
    | "i32" -> Value.I32(Int32.Parse(text, CultureInfo.InvariantCulture))
    | "i64" -> Value.I64(Int64.Parse(text, CultureInfo.InvariantCulture))
    | "f32" -> Value.FromBits(ValueKind.F32, UInt64.Parse(text, NumberStyles.HexNumber))
    | "f64" -> Value.FromBits(ValueKind.F64, UInt64.Parse(text, NumberStyles.HexNumber))
    | "v128" ->
        let half (at: int) = UInt64.Parse(text.AsSpan(at, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        Value.V128(half 16, half 0)
    | "ref" when text = "null" -> Twofold.Oracle.DefTypes.zero types parameter
    | other -> failwith $"no value of kind {other} in these profiles"

let private showJson (json: JsonElement) = json[0].GetString(), json[1].GetString()

/// The traces' words for our trap codes.
let private trapText (code: TrapCode) =
    match code with
    | TrapCode.Unreachable -> "wasm `unreachable` instruction executed"
    | TrapCode.MemoryOutOfBounds -> "out of bounds memory access"
    | TrapCode.TableOutOfBounds
    | TrapCode.UndefinedElement -> "undefined element: out of bounds table access"
    | TrapCode.UninitializedElement -> "uninitialized element"
    | TrapCode.IndirectCallTypeMismatch -> "indirect call type mismatch"
    | TrapCode.IntegerDivideByZero -> "integer divide by zero"
    | TrapCode.IntegerOverflow -> "integer overflow"
    | TrapCode.InvalidConversionToInteger -> "invalid conversion to integer"
    | TrapCode.NullReference -> "null reference"
    | TrapCode.CastFailure -> "cast failure"
    | other -> string other

let private showEnd (ended: RunEnd) =
    match ended with
    | RunEnd.Returned values -> values |> Array.map (show >> string) |> String.concat " "
    | RunEnd.Trapped t -> "wasm trap: " + trapText t.Code
    | RunEnd.Uncaught _ -> "exception"
    | other -> string other

let private expectedEnd (out: JsonElement) =
    match out.TryGetProperty "trap" with
    | true, trap -> trap.GetString()
    | _ when fst (out.TryGetProperty "exception") -> "exception"
    | _ -> out.GetProperty("results").EnumerateArray() |> Seq.map (showJson >> string) |> String.concat " "

/// The host of the traces: three logs, and a counter that starts at 1.
let private host () =
    let log = ResizeArray<string * string>()
    let mutable counter = 0

    let import name parameters results (call: Value[] -> Value[]) = {
        Module = "env"
        Name = name
        Type = { Params = parameters; Results = results }
        Call = call
    }

    let logging name t =
        import name [| t |] [||] (fun arguments ->
            log.Add(show arguments[0])
            [||])

    log,
    [
        logging "log_i32" ValType.I32
        logging "log_i64" ValType.I64
        logging "log_f64" ValType.F64
        import "next_i32" [||] [| ValType.I32 |] (fun _ ->
            counter <- counter + 1
            [| Value.I32 counter |])
    ]

/// Runs a trace; the first difference as `what: expected, found`.
let difference (engine: TraceEngine) (valid: ValidModule) (trace: Trace) : string option =
    let log, imports = host ()
    let differs what expected found = if expected = found then None else Some $"{what}: expected {expected}, found {found}"

    let parameters name =
        valid.Module.Exports
        |> Array.find (fun e -> e.Name = name && e.Kind = ExternKind.Func)
        |> fun e -> valid.FuncTypes[e.Index].Params

    let call (instance: TracedInstance) (json: JsonElement) =
        let name = json.GetProperty("func").GetString()

        let arguments =
            json.GetProperty("args").EnumerateArray() |> Array.ofSeq |> Array.map2 (parse valid.Module.Types) (parameters name)

        differs $"call {name}" (expectedEnd (json.GetProperty "out")) (showEnd (instance.Invoke name arguments))

    match trace.Json.TryGetProperty "instantiate", engine.Instantiate valid imports with
    | (true, expected), Error ended -> differs "instantiate" (expected.GetString()) (showEnd ended)
    | (true, expected), Ok _ -> Some $"instantiate: expected {expected}, found an instance"
    | _, Error ended -> Some $"instantiate: {showEnd ended}"
    | _, Ok instance ->
        seq {
            for c in trace.Json.GetProperty("calls").EnumerateArray() do
                yield call instance c

            yield
                differs
                    "host calls"
                    (trace.Json.GetProperty("log").EnumerateArray() |> Seq.map showJson |> List.ofSeq |> string)
                    (List.ofSeq log |> string)

            for g in trace.Json.GetProperty("globals").EnumerateObject() do
                yield differs $"global {g.Name}" (showJson g.Value) (show (instance.Global g.Name))

            for m in trace.Json.GetProperty("memories").EnumerateObject() do
                let bytes = instance.Memory m.Name
                let expected = m.Value.GetProperty("bytes").GetInt32(), m.Value.GetProperty("sha256").GetString()
                yield differs $"memory {m.Name}" expected (bytes.Length, (SHA256.HashData bytes |> Convert.ToHexString).ToLowerInvariant())
        }
        |> Seq.tryPick id
