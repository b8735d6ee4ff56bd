namespace Twofold.Conformance

// The moments at which whole suites go over to compiled code. Laws, mutants, real code and random modules take all of TierPolicy.forced in every run.
// In: TWOFOLD_TIERS. Out: policies: a mixture of both tiers; with `all` (`dotnet fsi build.fsx tiers`) every forced one, which takes ten minutes more.

open System
open Twofold.Wasm.Compiler

module internal Tiers =
    let chosen: TierPolicy list =
        match Environment.GetEnvironmentVariable "TWOFOLD_TIERS" with
        | "all" -> TierPolicy.forced.Value
        | _ -> [ TierPolicy.after 1 2 Twofold.Wasm.InterpMode.Loop ]

    /// Whether a host of suites is one of these: pages of results leave them out, because a forced moment is nobody's engine.
    let isForced (host: string) = chosen |> List.exists (fun p -> p.Tier = host)
