namespace Twofold.Engine

// A WASI world in JSON: in receipts, and in request files that people write.
// In: a world, or a node. Out: properties of the object that is open, or the world; what is absent in a request file has its plain default.

open System
open System.Text.Json
open Twofold.HostAbi

module internal WasiWorldJson =
    let rec private writeEntries (w: Utf8JsonWriter) (name: string) (entries: (string * WasiNode) list) =
        Write.object w name (fun () ->
            for name, node in entries do
                match node with
                | WasiNode.File content -> Write.bytes w name content
                | WasiNode.Directory inner -> writeEntries w name inner
                | WasiNode.Link target ->
                    w.WriteStartArray name
                    w.WriteStringValue target
                    w.WriteEndArray())

    let write (w: Utf8JsonWriter) (world: WasiWorld) =
        Write.array w "args" world.Args (fun a -> w.WriteStringValue a)

        Write.array w "env" world.Env (fun (name, value) ->
            w.WriteStartArray()
            w.WriteStringValue name
            w.WriteStringValue value
            w.WriteEndArray())

        Write.u64 w "start" world.Clocks.Start
        Write.u64 w "step" world.Clocks.Step
        Write.bytes w "seed" world.Seed

        match world.Input with
        | WasiInput.Bytes bytes -> Write.bytes w "stdin" bytes
        | WasiInput.Host -> Write.bool w "hostStdin" true

        Write.bool w "terminal" world.Terminal

        Write.array w "directories" world.Preopens (fun p ->
            Write.item w (fun () ->
                Write.text w "guest" p.Guest
                Write.bool w "read" p.Grant.Read
                Write.bool w "write" p.Grant.Write
                Write.bool w "create" p.Grant.Create

                match p.Content with
                | WasiDirectory.Memory entries -> writeEntries w "files" entries
                | WasiDirectory.Host -> ()))

    let private byName (a: string, _) (b: string, _) = String.CompareOrdinal(a, b)

    let rec private readEntries depth (n: Node) : (string * WasiNode) list =
        if depth > WasiWorld.MaxDepth then
            n.Fail $"deeper than {WasiWorld.MaxDepth} directories"

        n.Fields
        |> List.map (fun (name, v) ->
            match v.Element.ValueKind with
            | JsonValueKind.Object -> name, WasiNode.Directory(readEntries (depth + 1) v)
            | JsonValueKind.Array ->
                match v.Items with
                | [ target ] -> name, WasiNode.Link target.Text
                | _ -> v.Expected "a link: its target in brackets"
            | _ -> name, WasiNode.File v.Bytes)
        |> List.sortWith byName

    let private readPreopen (n: Node) : WasiPreopen =
        n.Only [ "guest"; "read"; "write"; "create"; "files" ]

        let right (name: string) fallback =
            match n.TryProp name with
            | ValueSome v -> v.Bool
            | ValueNone -> fallback

        {
            Guest = n.Prop("guest").Text
            Grant = { Read = right "read" true; Write = right "write" false; Create = right "create" false }
            Content =
                match n.TryProp "files" with
                | ValueSome files -> WasiDirectory.Memory(readEntries 1 files)
                | ValueNone -> WasiDirectory.Host
        }

    let read (n: Node) : WasiWorld =
        n.Only [ "args"; "env"; "start"; "step"; "seed"; "stdin"; "hostStdin"; "terminal"; "directories" ]

        let orElse (name: string) fallback (read: Node -> 'T) =
            match n.TryProp name with
            | ValueSome v -> read v
            | ValueNone -> fallback

        let world = {
            Args = orElse "args" WasiWorld.empty.Args (fun a -> a.Items |> List.map _.Text)
            Env =
                orElse "env" [] (fun e ->
                    e.Items
                    |> List.map (fun pair ->
                        match pair.Items with
                        | [ name; value ] -> name.Text, value.Text
                        | _ -> pair.Expected "a name and a value"))
            Clocks = { Start = orElse "start" WasiWorld.clocks.Start _.U64; Step = orElse "step" WasiWorld.clocks.Step _.U64 }
            Seed = orElse "seed" [||] _.Bytes
            Input =
                match n.TryProp "stdin", n.TryProp "hostStdin" with
                | ValueSome bytes, ValueNone -> WasiInput.Bytes bytes.Bytes
                | ValueNone, ValueSome host when host.Bool -> WasiInput.Host
                | ValueNone, _ -> WasiInput.Bytes [||]
                | ValueSome _, ValueSome host -> host.Fail "there is 'stdin' already"
            Terminal = orElse "terminal" false _.Bool
            Preopens = orElse "directories" [] (fun d -> d.Items |> List.map readPreopen)
        }

        match WasiWorld.check Int64.MaxValue world with
        | Ok() -> world
        | Error(field, why) -> n.Fail $"{field}: {why}"
