namespace Twofold.Engine.Audit

// Which class a divergence is of, by evidence: what differs, whether it differs again, whether a new instance agrees.
// In: probes of both sides, differences of state. Out: a class and the sentence that says why.

open System
open System.Buffers.Binary
open Twofold.Wasm
open Twofold.Engine

/// What is known when the class is to be told.
[<NoComparison; NoEquality>]
type internal Facts = {
    First: Divergence
    /// The same side, run again and again, gave different runs; how, in words.
    Unsteady: string option
    /// A new instance of the same engine agrees, a used one does not.
    OnlyUsed: bool
    /// What the instance had run before.
    Past: string
    /// Whole runs, expected and found.
    Expected: Probe option
    Found: Probe option
    /// The same, with the smallest gas at which they differ.
    ExpectedThere: Probe option
    FoundThere: Probe option
    /// With the block paid for on both sides, everything but gas agrees.
    OnlyPriceThere: bool
    State: StateDifference list
}

module internal Classify =
    let private isNan64 (bits: uint64) =
        bits &&& 0x7FF0_0000_0000_0000UL = 0x7FF0_0000_0000_0000UL && bits &&& 0x000F_FFFF_FFFF_FFFFUL <> 0UL

    let private isNan32 (bits: uint32) = bits &&& 0x7F80_0000u = 0x7F80_0000u && bits &&& 0x007F_FFFFu <> 0u

    /// Two words that differ are both NaN of one width, wherever they differ.
    let private nanWords (x: uint64) (y: uint64) =
        let half (s: int) =
            let a, b = uint32 (x >>> s), uint32 (y >>> s)
            a = b || (isNan32 a && isNan32 b)

        x = y || (isNan64 x && isNan64 y) || (half 0 && half 32)

    let private nanBytes (a: byte[]) (b: byte[]) =
        let word (bytes: byte[]) i =
            let w = Array.zeroCreate<byte> 8
            Array.blit bytes i w 0 (min 8 (bytes.Length - i))
            BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan w)

        a.Length = b.Length && seq { 0..8 .. a.Length - 1 } |> Seq.forall (fun i -> nanWords (word a i) (word b i))

    let private nanResults (a: Outcome) (b: Outcome) =
        match a, b with
        | Outcome.Returned xs, Outcome.Returned ys when xs.Length = ys.Length ->
            List.forall2 (fun (x: ResultValue) (y: ResultValue) -> x.Kind = y.Kind && nanWords x.Low y.Low && nanWords x.High y.High) xs ys
        | _ -> false

    /// `f64:nan:0x8...` and `f64:-nan:0x8...`, or integers that are NaN when looked at as floats.
    let private nanGlobal (a: string) (b: string) =
        let number (text: string) =
            match text.Split ':' with
            | [| "i32"; n |] ->
                match Int32.TryParse(n, Globalization.NumberStyles.AllowLeadingSign, Globalization.CultureInfo.InvariantCulture) with
                | true, n -> Some(uint64 (uint32 n))
                | _ -> None
            | [| "i64"; n |] ->
                match Int64.TryParse(n, Globalization.NumberStyles.AllowLeadingSign, Globalization.CultureInfo.InvariantCulture) with
                | true, n -> Some(uint64 n)
                | _ -> None
            | _ -> None

        let vector (text: string) =
            if text.StartsWith("v128:0x", StringComparison.Ordinal) && text.Length = 39 then
                Some(Convert.ToUInt64(text.Substring(7, 16), 16), Convert.ToUInt64(text.Substring(23, 16), 16))
            else
                None

        match number a, number b, vector a, vector b with
        | Some x, Some y, _, _ -> nanWords x y
        | _, _, Some(x1, x0), Some(y1, y0) -> nanWords x1 y1 && nanWords x0 y0
        | _ -> a.Contains "nan:" && b.Contains "nan:"

    let private onlyNan (state: StateDifference list) =
        not state.IsEmpty
        && state
           |> List.forall (fun d ->
               match d with
               | StateDifference.MemoryBytes(_, _, _, a, b) -> nanBytes a b
               | StateDifference.Global(_, _, a, b)
               | StateDifference.Object(_, a, b) -> nanGlobal a b
               | _ -> false)

    let private sizes (state: StateDifference list) =
        state
        |> List.tryPick (fun d ->
            match d with
            | StateDifference.MemorySize(i, a, b) -> Some $"memory {i} has {a} bytes on one side and {b} on the other"
            | StateDifference.TableSize(i, a, b) -> Some $"table {i} has {a} entries on one side and {b} on the other"
            | _ -> None)

    let private both (a: Probe option) (b: Probe option) test =
        match a, b with
        | Some a, Some b -> test a b
        | _ -> false

    /// The class, and why.
    let run (f: Facts) : struct (DivergenceClass * string) =
        let stack =
            both f.Expected f.Found (fun a b ->
                a.IsStackExhausted <> b.IsStackExhausted || (a.IsStackExhausted && b.IsStackExhausted && a.GasUsed <> b.GasUsed))
            || both f.ExpectedThere f.FoundThere (fun a b -> a.IsStackExhausted <> b.IsStackExhausted)

        let nanOutcome =
            both f.Expected f.Found (fun a b ->
                match a.Outcome, b.Outcome with
                | Some x, Some y -> x <> y && nanResults x y
                | _ -> false)

        let isReply = (f.First.Component = ReplayComponent.Reply)

        match f.Unsteady, sizes f.State with
        | Some how, _ when isReply -> struct (DivergenceClass.HostAnswer, $"the same effect was answered differently, and {how}")
        | None, _ when isReply ->
            struct (DivergenceClass.HostAnswer,
                    "the same effect after the same effects was answered differently than when the receipt was made, and is answered so again")
        | _, Some text when not f.OnlyUsed -> struct (DivergenceClass.Growth, $"where the runs part, {text}")
        | Some how, _ -> struct (DivergenceClass.HostAnswer, $"something outside the request decides: {how}")
        | None, _ when f.OnlyUsed ->
            struct (DivergenceClass.ResetLeak, $"a new instance agrees, one that had run {f.Past} and was reset does not")
        | None, _ when stack ->
            let ends = both f.Expected f.Found (fun a b -> a.IsStackExhausted && b.IsStackExhausted)

            struct (DivergenceClass.Stack,
                    (if ends then
                         "both runs exhaust the stack, at different depths"
                     else
                         "one run exhausts the stack where the other goes on"))
        | None, _ when both f.Expected f.Found Probe.sameButGas ->
            struct (DivergenceClass.Gas, "outcome, effects, draft and state agree; only gas differs")
        | None, _ when f.OnlyPriceThere ->
            struct (DivergenceClass.Gas, "the block where the runs part has another price; with it paid, everything but gas agrees")
        | None, _ when onlyNan f.State ->
            struct (DivergenceClass.NaN, "where the runs part, the only bits of the state that differ are those of NaN")
        | None, _ when f.State.IsEmpty && nanOutcome -> struct (DivergenceClass.NaN, "the results differ in the bits of NaN alone")
        | None, _ -> struct (DivergenceClass.Engine, "both runs repeat themselves, on new instances too, and do different things")
