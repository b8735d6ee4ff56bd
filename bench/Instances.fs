namespace Twofold.Bench

// The settings that runs share: all the gas, no deadline.
// In: an entry and its arguments. Out: settings of a run or an instance.

open System
open System.Threading
open Twofold.Wasm

module Instances =
    let settings (entry: string) (arguments: Value[]) : RunSettings = {
        Entry = entry
        Arguments = arguments
        Gas = Int64.MaxValue
        StackUnits = WasmLimits.Contract.StackUnits
        Data = null
        Deadline = TimeSpan.Zero
        Cancellation = CancellationToken.None
    }

    let bare (limits: WasmLimits) : InstanceSettings = { Functions = []; Memory = None; Limits = limits; ReentryDepth = 1 }
