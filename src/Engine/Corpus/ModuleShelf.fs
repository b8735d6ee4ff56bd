namespace Twofold.Engine

// Modules of a corpus by hash: read once, checked against their hash, the most recent ones kept.
// In: where a module's file is. Out: bytes in the binary format, or what is wrong with the file. Any number of threads.

open System
open System.Collections.Generic
open System.IO
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.HostAbi

/// Modules by hash; at most `budget` bytes are kept beyond the one that was asked for last.
[<Sealed>]
type internal ModuleShelf(budget: int64, place: string -> string, find: Hash32 -> string voption) =
    let kept = Dictionary<Hash32, LinkedListNode<struct (Hash32 * byte[])>>()
    let recent = LinkedList<struct (Hash32 * byte[])>()
    let mutable bytes = 0L

    let touch (node: LinkedListNode<struct (Hash32 * byte[])>) =
        recent.Remove node
        recent.AddFirst node
        let struct (_, data) = node.Value
        data

    let keep (hash: Hash32) (data: byte[]) =
        kept[hash] <- recent.AddFirst(struct (hash, data))
        bytes <- bytes + data.LongLength

        while bytes > budget && recent.Count > 1 do
            let struct (old, gone) = recent.Last.Value
            recent.RemoveLast()
            kept.Remove old |> ignore
            bytes <- bytes - gone.LongLength

    /// A module's file in either form, as binary.
    static member Binary(raw: byte[]) : Result<byte[], string> =
        if Wat.isText raw then
            Wat.parseBytes raw |> Result.mapError (fun e -> $"a text that cannot be encoded: {e}")
        else
            Ok raw

    member _.Load(hash: Hash32) : Result<byte[], Damage> =
        let load () =
            match find hash with
            | ValueNone -> Error { Place = $"module {hash}"; Reason = "there is no such module" }
            | ValueSome path ->
                match Files.read path |> Result.bind ModuleShelf.Binary with
                | Error reason -> Error { Place = place path; Reason = reason }
                | Ok data when Hash32.sha256 (ReadOnlySpan data) <> hash ->
                    Error { Place = place path; Reason = $"the module was changed: its SHA-256 is not {hash}" }
                | Ok data -> Ok data

        // One lock for reading too: a module that many entries wait for is read once.
        lock kept (fun () ->
            match kept.TryGetValue hash with
            | true, node -> Ok(touch node)
            | _ ->
                let loaded = load ()
                Result.iter (keep hash) loaded
                loaded)
