/// What an attack is: a line of docs/HOSTILE.md that can be run.
/// In: guests as text, profiles with small numbers. Out: how it ended, in the words of the page.
module Twofold.Hostile.Attack

open System
open System.Diagnostics
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism

[<NoComparison; NoEquality>]
type Attack = {
    Family: string
    Name: string
    /// What stops it.
    Stops: string
    /// How it ends: asserted.
    Ends: string
    Run: unit -> string
}

/// Wall-clock time that no attack may take, all its runs together: a hundred times what it takes.
let patience = TimeSpan.FromSeconds 60.0

// ---- what guests may do here: import what commands may; numbers are small, so that the tests are quick

let private mib n = int64 n * 1024L * 1024L

let cell: Profile = {
    Profile.hostProfile with
        Name = "cell"
        Deadline = TimeSpan.FromSeconds 30.0
        Policy = {
            Profile.hostProfile.Policy with
                Features = Profile.sandbox.Policy.Features
                Wasm = {
                    Profile.sandbox.Policy.Wasm with
                        MemoryBytes = mib 16
                        TableEntries = 200_000L
                        GcBytes = mib 4
                        StackUnits = WasmLimits.Contract.StackUnits
                }
                Run = { Profile.sandbox.Policy.Run with JournalBytes = 524_288L; OutputBytes = 65536L; FileBytes = mib 1 }
        }
}

/// With the sandbox's own memory, and a million table entries.
let roomy: Profile = {
    cell with
        Policy = {
            cell.Policy with
                Wasm = { cell.Policy.Wasm with MemoryBytes = Profile.sandbox.Policy.Wasm.MemoryBytes; TableEntries = 1_000_000L }
        }
}

/// Nothing but time stops a guest here.
let timed: Profile = { cell with Deadline = TimeSpan.FromMilliseconds 200.0 }

/// The export `run` of a guest.
let request (profile: Profile) (gas: int64) (wasm: byte[]) : ExecutionRequest = {
    Request.contract wasm "run" World.alice World.token World.empty with
        Convention = Convention.Raw []
        Profile = profile
        RandomSeed = Some "seed"B
        Limits = { RequestLimits.None with Gas = Some gas }
}

let unlimited = Profile.UnlimitedGas

let private within (name: string) (work: unit -> 'T) : 'T =
    let clock = Stopwatch.StartNew()
    let result = work ()
    Assert.That(clock.Elapsed, Is.LessThan patience, name)
    result

/// An attack by a request: everywhere, and nothing of it is left.
let byRequest family name stops ends (make: unit -> ExecutionRequest) : Attack = {
    Family = family
    Name = name
    Stops = stops
    Ends = ends
    Run = fun () -> within name (fun () -> Everywhere.ending (Everywhere.attack name (make ())))
}

/// An attack that time ends: once everywhere.
let byTime family name (make: unit -> byte[]) : Attack = {
    Family = family
    Name = name
    Stops = "the deadline"
    Ends = "fault: deadline"
    Run =
        fun () ->
            within name (fun () ->
                let r = Everywhere.agree name -1 (request timed unlimited (make ()))
                Everywhere.nextIsClean name
                Everywhere.ending r)
}

/// An attack by a guest's text.
let byGuest family name stops ends gas (wat: string) : Attack =
    byRequest family name stops ends (fun () -> request cell gas (Everywhere.wasm wat))
