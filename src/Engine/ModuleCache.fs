namespace Twofold.Engine

// Modules made ready to run, compiled once however many requests ask at the same time.
// In: a key and how to load. Out: leases of loaded modules with their pools; an evicted module lives until its last lease ends.

open System
open System.Collections.Generic
open Twofold.Wasm

/// Everything that the loaded form depends on (design 4.11): another value of any field is another module.
type CacheKey = {
    /// SHA-256 of the bytes, lower-case hexadecimal.
    Module: string
    /// Version of the gas schedule.
    Schedule: int
    Engine: string
    EngineVersion: string
    Features: uint32
    /// What decoding and validation checked against.
    Limits: WasmLimits
    Runtime: string
}

/// Counters of the cache; for reports and tests.
[<Struct>]
type CacheCounters = { Loads: int64; Hits: int64; Evictions: int64; Modules: int }

[<Sealed; AllowNullLiteral>]
type internal CacheEntry
    (
        key: CacheKey,
        bytes: int64,
        load: unit -> Result<IWasmModule, Rejected>,
        poolOptions: PoolOptions,
        telemetry: Telemetry,
        bounds: InstanceGate
    ) =
    // One thread loads, the others wait for the same result.
    let loaded =
        lazy
            (telemetry.Load(key.Engine, key.Module, load)
             |> Result.map (fun m -> struct (m, InstancePool(m, poolOptions, telemetry, bounds))))

    member _.Key = key
    /// Of the module's binary.
    member _.Bytes = bytes
    member _.Loaded = loaded
    /// Leases, and one for being in the cache; under the cache's lock.
    member val References = 1 with get, set
    member val LastUse = 0L with get, set

    /// When the last reference went: nothing uses the module any more.
    member _.Destroy() =
        if loaded.IsValueCreated then
            match loaded.Value with
            | Ok(struct (m, pool)) ->
                pool.Close()
                m.Dispose()
            | Error _ -> ()

/// A module in use; dispose it when the run is over.
[<Sealed>]
type internal ModuleLease(modul: IWasmModule, pool: InstancePool, hit: bool, release: unit -> unit) =
    let mutable released = 0
    member _.Module = modul
    member _.Pool = pool
    /// It was in the cache.
    member _.Hit = hit

    interface IDisposable with
        member _.Dispose() =
            if Threading.Interlocked.Exchange(&released, 1) = 0 then
                release ()

/// The cache. Safe for any number of threads; loading happens outside its lock.
[<Sealed>]
type internal ModuleCache(capacity: int, poolOptions: PoolOptions, telemetry: Telemetry) =
    let gate = obj ()
    let entries = Dictionary<CacheKey, CacheEntry>()
    let bounds = InstanceGate(poolOptions.MaxPerModule, poolOptions.MaxInAll)
    let mutable clock = 0L
    let mutable loads = 0L
    let mutable hits = 0L
    let mutable evictions = 0L

    let release (entry: CacheEntry) =
        let last =
            lock gate (fun () ->
                entry.References <- entry.References - 1
                entry.References = 0)

        if last then
            entry.Destroy()

    /// Under the lock: out of the table; the caller gives up the table's reference afterwards.
    let detach (entry: CacheEntry) =
        match entries.TryGetValue entry.Key with
        | true, e when Object.ReferenceEquals(e, entry) -> entries.Remove entry.Key
        | _ -> false

    let drop (chosen: CacheEntry list) =
        let detached =
            lock gate (fun () ->
                let removed = chosen |> List.filter detach
                evictions <- evictions + int64 removed.Length
                removed)

        telemetry.Evicted detached.Length
        detached |> List.iter release
        detached.Length

    /// The module under this key, of so many bytes, loaded now if it is not there. A refusal is not kept.
    member _.Get(key: CacheKey, bytes: int64, load: unit -> Result<IWasmModule, Rejected>) : Result<ModuleLease, Rejected> =
        let struct (entry, hit, surplus) =
            lock gate (fun () ->
                clock <- clock + 1L

                match entries.TryGetValue key with
                | true, e ->
                    e.References <- e.References + 1
                    e.LastUse <- clock
                    hits <- hits + 1L
                    struct (e, true, [])
                | _ ->
                    let e = CacheEntry(key, bytes, load, poolOptions, telemetry, bounds, References = 2, LastUse = clock)
                    entries[key] <- e
                    loads <- loads + 1L

                    let surplus =
                        if entries.Count <= capacity then
                            []
                        else
                            [ entries.Values |> Seq.filter (fun o -> not (Object.ReferenceEquals(o, e))) |> Seq.minBy _.LastUse ]

                    struct (e, false, surplus))

        telemetry.Looked hit
        drop surplus |> ignore

        try
            match entry.Loaded.Value with
            | Ok(struct (m, pool)) -> Ok(new ModuleLease(m, pool, hit, (fun () -> release entry)))
            | Error rejected ->
                drop [ entry ] |> ignore
                release entry
                Error rejected
        with _ ->
            drop [ entry ] |> ignore
            release entry
            reraise ()

    /// Drops the modules with this hash; how many there were. Runs under way finish undisturbed.
    member _.Evict(moduleHash: string) =
        lock gate (fun () -> entries.Values |> Seq.filter (fun e -> e.Key.Module = moduleHash) |> List.ofSeq) |> drop

    member _.Clear() = lock gate (fun () -> List.ofSeq entries.Values) |> drop

    /// Pools of the loaded modules.
    member _.Pools =
        lock gate (fun () -> List.ofSeq entries.Values)
        |> List.choose (fun e ->
            if e.Loaded.IsValueCreated then
                match e.Loaded.Value with
                | Ok(struct (_, pool)) -> Some(struct (e.Key.Module, pool))
                | Error _ -> None
            else
                None)

    /// Requests that wait for an instance.
    member _.Waiting = bounds.Waiting

    /// Bytes of the binaries of what is loaded.
    member _.Bytes = lock gate (fun () -> entries.Values |> Seq.sumBy _.Bytes)

    member _.Counters = lock gate (fun () -> { Loads = loads; Hits = hits; Evictions = evictions; Modules = entries.Count })
