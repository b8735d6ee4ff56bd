namespace Twofold.Engine

// The world of a skill that is a WASI program, as its manifest gives it: arguments, environment, folders in memory. Nothing of the host's can be named in it.
// In: the field `wasi` of a manifest. Out: the world of the skill's requests; the field as JSON.

open System
open System.Text.Json
open Twofold.HostAbi

/// What a manifest gives a program.
type SkillWorld = {
    /// Behind the program's name, which is the skill's.
    Args: string list
    Env: (string * string) list
    /// Directories in memory, made anew for every run.
    Folders: WasiPreopen list
}

module internal SkillWorld =
    let empty = { Args = []; Env = []; Folders = [] }

    /// What a program may do in a folder, as the schema has it.
    let private accesses = [ "read", WasiGrant.ReadOnly; "write", { WasiGrant.ReadOnly with Write = true }; "all", WasiGrant.All ]

    let private text (n: Node) =
        let t = n.Text

        if t.Length <= 4096 && not (t.Contains '\000') then
            t
        else
            n.Expected "at most 4096 characters, none of them NUL"

    let private items (n: Node voption) (read: string -> Node -> 'T) : 'T list =
        match n with
        | ValueSome n -> n.Fields |> List.map (fun (name, value) -> read name value)
        | ValueNone -> []

    let private variable (name: string) (value: Node) =
        if name = "" || name.Contains '=' || name.Contains '\000' then
            value.Fail $"'{name}' is no name of a variable"

        name, text value

    let private file (path: string) (content: Node) =
        let parts = path.Split '/'

        if not (Array.forall WasiWorld.isName parts) then
            content.Fail $"'{path}' is no path of a file below its folder"

        List.ofArray parts, Utf8.bytes content.Text

    let private folder (guest: string) (n: Node) : WasiPreopen =
        if guest = "" || guest.Contains '\000' then
            n.Fail $"'{guest}' is no folder's name"

        n.Only [ "access"; "files" ]

        let access =
            match n.TryProp "access" with
            | ValueNone -> WasiGrant.ReadOnly
            | ValueSome a ->
                match accesses |> List.tryFind (fun (name, _) -> name = a.Text) with
                | Some(_, grant) -> grant
                | None -> a.Expected "read, write or all"

        {
            Guest = guest
            Grant = access
            Content = WasiDirectory.Memory(WasiNode.ofFiles (items (n.TryProp "files") file))
        }

    let read (n: Node) : SkillWorld =
        n.Only [ "args"; "env"; "folders" ]

        {
            Args =
                match n.TryProp "args" with
                | ValueSome a -> a.Items |> List.map text
                | ValueNone -> []
            Env = items (n.TryProp "env") variable
            Folders = items (n.TryProp "folders") folder
        }

    let rec private filesOf (prefix: string) (entries: (string * WasiNode) list) : (string * byte[]) list = [
        for name, node in entries do
            match node with
            | WasiNode.File content -> prefix + name, content
            | WasiNode.Directory inner -> yield! filesOf (prefix + name + "/") inner
            | WasiNode.Link _ -> ()
    ]

    let private writeFolder (w: Utf8JsonWriter) (f: WasiPreopen) =
        Write.object w f.Guest (fun () ->
            Write.text w "access" (accesses |> List.pick (fun (name, grant) -> if grant = f.Grant then Some name else None))

            match f.Content with
            | WasiDirectory.Memory entries ->
                Write.object w "files" (fun () ->
                    for path, content in filesOf "" entries do
                        Write.text w path (Text.Encoding.UTF8.GetString content))
            | WasiDirectory.Host -> ())

    let write (w: Utf8JsonWriter) (world: SkillWorld) =
        Write.object w "wasi" (fun () ->
            Write.array w "args" world.Args (fun (a: string) -> w.WriteStringValue a)
            Write.object w "env" (fun () -> world.Env |> List.iter (fun (name, value) -> Write.text w name value))
            Write.object w "folders" (fun () -> world.Folders |> List.iter (writeFolder w)))

    /// The world that a program of this name finds.
    let toWasi (program: string) (world: SkillWorld) : WasiWorld = {
        WasiWorld.empty with
            Args = program :: world.Args
            Env = world.Env
            Preopens = world.Folders
    }
