/// Vectors in random bodies: what lanes, lane accesses and shuffles need beside their operands.
/// In: a body's writer. Out: instructions in it.
module Twofold.Properties.GeneratedVectors

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Properties.ModuleBytes
open Twofold.Properties.GeneratedShapes

let private laneCount (name: string) = int (name.Substring(name.IndexOf 'x' + 1, name.IndexOf '.' - name.IndexOf 'x' - 1))

let private operands (w: IBody) (o: OpInfo) depth =
    for t in o.Pops do
        w.Value(t, depth - 1)

/// extract_lane or replace_lane with this result.
let lane (w: IBody) (t: ValType) depth =
    let o = w.Choices.Of lanes[t]
    operands w o depth
    op w.Out o.Op
    int' w.Out (w.Choices.Below(laneCount o.Name))

let shuffle (w: IBody) depth =
    w.Value(v128, depth - 1)
    w.Value(v128, depth - 1)
    op w.Out Op.I8x16Shuffle

    for _ in 1..16 do
        int' w.Out (w.Choices.Below 32)

/// A load or store of one lane.
let laneAccess (w: IBody) isStore depth =
    let o = w.Choices.Of(laneAccesses |> Array.filter (fun o -> (o.Pushes.Length = 0) = isStore))
    let memory = w.Choices.Below w.Shape.Memories.Length
    w.Address(memory, depth)
    w.Value(v128, depth - 1)
    w.MemArg(o, memory)
    int' w.Out (w.Choices.Below(16 / o.AccessBytes))

/// An instruction on vectors of floats.
let floats (w: IBody) depth =
    let o = w.Choices.Of floatVectors
    operands w o depth
    op w.Out o.Op

/// The log of a vector: its halves.
let log (w: IBody) (push: unit -> unit) =
    for half in 0..1 do
        push ()
        op w.Out 0xD01Dus // i64x2.extract_lane
        int' w.Out half
        op w.Out Op.Call
        int' w.Out 1
