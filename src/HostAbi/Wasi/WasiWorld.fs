namespace Twofold.HostAbi

// What a WASI program finds when it starts: arguments, environment, clocks, randomness, standard input, directories. Part of the request and so of receipts.
// In: made by a host. Out: checked here, recorded, and made into a run's world by WasiRun. A host's paths never stand in it.

open System

/// What a guest may do in a granted directory.
type WasiGrant = {
    /// Read files, list directories, follow links.
    Read: bool
    /// Write to files that are there, cut them off, set their times.
    Write: bool
    /// Make, rename and remove files and directories.
    Create: bool
} with

    static member ReadOnly = { Read = true; Write = false; Create = false }
    static member All = { Read = true; Write = true; Create = true }

/// Something in a directory in memory.
[<RequireQualifiedAccess>]
type WasiNode =
    | File of content: byte[]
    /// Names ascend, by code points in UTF-16.
    | Directory of entries: (string * WasiNode) list
    /// A symbolic link.
    | Link of target: string

module WasiNode =
    /// Files by path as a directory's entries, with the directories on their way. Of two that are in each other's way the later one stays.
    let rec ofFiles (files: (string list * byte[]) list) : (string * WasiNode) list =
        files
        |> List.filter (fun (path, _) -> not path.IsEmpty)
        |> List.groupBy (fun (path, _) -> path.Head)
        |> List.map (fun (name, group) ->
            match List.rev group with
            | ([ _ ], content) :: _ -> name, WasiNode.File content
            | backwards ->
                // From the end to a file of this very name: that one and all before it are gone.
                let inside = backwards |> List.takeWhile (fun (path, _) -> path.Length > 1)
                name, WasiNode.Directory(inside |> List.rev |> List.map (fun (path, content) -> path.Tail, content) |> ofFiles))
        |> List.sortWith (fun (a, _) (b, _) -> System.String.CompareOrdinal(a, b))

/// What is behind a granted directory.
[<RequireQualifiedAccess>]
type WasiDirectory =
    /// These files, made anew for every run; what the run changes goes with it.
    | Memory of entries: (string * WasiNode) list
    /// A directory of the host: its answers are journaled.
    | Host

/// A directory that is open when the program starts.
type WasiPreopen = {
    /// What the guest calls it.
    Guest: string
    Grant: WasiGrant
    Content: WasiDirectory
}

/// Where standard input comes from.
[<RequireQualifiedAccess>]
type WasiInput =
    | Bytes of byte[]
    /// The host's own; what is read is journaled.
    | Host

/// Virtual clocks. Each reading first moves both by the step; poll_oneoff moves them to its earliest time-out; with the switch FixedTime off they move
/// by a nanosecond for each unit of gas besides. The monotonic clock starts at 0.
type WasiClocks = {
    /// The real-time clock before its first reading, in nanoseconds since 1970.
    Start: uint64
    /// Nanoseconds; also the clocks' resolution. At least 1.
    Step: uint64
}

/// The world of a WASI program.
type WasiWorld = {
    /// The first is the program's name.
    Args: string list
    Env: (string * string) list
    Clocks: WasiClocks
    /// The seed of random_get; an empty one is a seed like any other.
    Seed: byte[]
    Input: WasiInput
    /// Whether the standard streams look like a terminal to the program: then it prompts.
    Terminal: bool
    Preopens: WasiPreopen list
}

module WasiWorld =
    /// 2000-01-01, a microsecond a reading.
    let clocks = { Start = 946_684_800_000_000_000UL; Step = 1_000UL }

    /// No arguments but a name, no environment, no input, no directory.
    let empty = {
        Args = [ "program" ]
        Env = []
        Clocks = clocks
        Seed = [||]
        Input = WasiInput.Bytes [||]
        Terminal = false
        Preopens = []
    }

    /// How deep directories in memory may lie: bounds the recursion of whoever reads a receipt.
    [<Literal>]
    let MaxDepth = 64

    /// Bytes of one name in a directory, as on most systems.
    [<Literal>]
    let MaxName = 255

    /// Bytes of a path or of a link's target.
    [<Literal>]
    let MaxPath = 4096

    /// What a file or directory weighs beside its content.
    [<Literal>]
    let NodeWeight = 512

    /// A file's content counts in whole pages of this many bytes.
    [<Literal>]
    let PageBytes = 4096

    /// What a file of this size weighs against the limit on files.
    let weightOf (size: int64) : int64 = int64 NodeWeight + (size + int64 (PageBytes - 1)) / int64 PageBytes * int64 PageBytes

    let private isText (text: string) = not (isNull text) && not (text.Contains '\000')

    /// Whether a directory may hold something of this name.
    let isName (name: string) =
        isText name
        && name <> ""
        && name <> "."
        && name <> ".."
        && not (name.Contains '/')
        && Text.Encoding.UTF8.GetByteCount name <= MaxName

    /// What is wrong with a world: the field, and why.
    let check (fileBytes: int64) (w: WasiWorld) : Result<unit, string * string> =
        let weight = ref 0L

        let rec entries depth (where: string) (nodes: (string * WasiNode) list) =
            if depth > MaxDepth then
                Some $"{where}: deeper than {MaxDepth} directories"
            else
                let names = nodes |> List.map fst

                match names |> List.tryFind (isName >> not) with
                | Some name -> Some $"{where}: '{name}' is no name for a file"
                | None when List.pairwise names |> List.exists (fun (a, b) -> String.CompareOrdinal(a, b) >= 0) ->
                    Some $"{where}: names out of order, or twice"
                | None ->
                    nodes
                    |> List.tryPick (fun (name, node) ->
                        let here = $"{where}/{name}"

                        match node with
                        | WasiNode.File null -> Some $"{here}: no content"
                        | WasiNode.File content ->
                            weight.Value <- weight.Value + weightOf content.LongLength
                            None
                        | WasiNode.Link target ->
                            weight.Value <- weight.Value + int64 NodeWeight

                            if isText target && target <> "" && Text.Encoding.UTF8.GetByteCount target <= MaxPath then
                                None
                            else
                                Some $"{here}: a link needs a target"
                        | WasiNode.Directory inner ->
                            weight.Value <- weight.Value + int64 NodeWeight
                            entries (depth + 1) here inner)

        let preopen (p: WasiPreopen) =
            if not (isText p.Guest) || p.Guest = "" || Text.Encoding.UTF8.GetByteCount p.Guest > MaxPath then
                Some $"'{p.Guest}' is no name for a directory"
            else
                match p.Content with
                | WasiDirectory.Memory nodes -> entries 1 p.Guest nodes
                | WasiDirectory.Host -> None

        let guests = w.Preopens |> List.map _.Guest

        if w.Args |> List.exists (isText >> not) then
            Error("args", "an argument is missing or holds a NUL")
        elif w.Env |> List.exists (fun (k, v) -> not (isText k) || not (isText v) || k = "" || k.Contains '=') then
            Error("env", "a variable has no name, or holds a NUL, or its name a '='")
        elif w.Clocks.Step = 0UL then
            Error("clocks", "the step is at least 1 nanosecond")
        elif isNull w.Seed || w.Seed.Length > 1024 then
            Error("seed", "a seed has at most 1024 bytes")
        elif List.distinct guests <> guests then
            Error("preopens", "two directories have one name")
        else
            match w.Input, w.Preopens |> List.tryPick preopen with
            | WasiInput.Bytes null, _ -> Error("stdin", "no bytes")
            | _, Some why -> Error("preopens", why)
            | _, None when weight.Value > fileBytes -> Error("preopens", $"the files weigh {weight.Value}, the policy allows {fileBytes}")
            | _, None -> Ok()

/// The canonical bytes of a world (docs/RECEIPT_FORMAT.md).
module WasiWorldBytes =
    let private list (w: WireWriter) (write: 'T -> unit) (items: 'T list) =
        w.U32(uint32 items.Length)
        List.iter write items

    let rec private writeEntries (w: WireWriter) (entries: (string * WasiNode) list) =
        entries
        |> list w (fun (name, node) ->
            w.Text name

            match node with
            | WasiNode.File content ->
                w.U8 0uy
                w.Bytes content
            | WasiNode.Directory inner ->
                w.U8 1uy
                writeEntries w inner
            | WasiNode.Link target ->
                w.U8 2uy
                w.Text target)

    let rec private readEntries depth (r: WireReader) : (string * WasiNode) list =
        if depth > WasiWorld.MaxDepth then
            r.Fail $"deeper than {WasiWorld.MaxDepth} directories"

        r.Items(
            9,
            fun r ->
                let name = r.Text()

                match r.U8() with
                | 0uy -> name, WasiNode.File(r.Bytes())
                | 1uy -> name, WasiNode.Directory(readEntries (depth + 1) r)
                | 2uy -> name, WasiNode.Link(r.Text())
                | n ->
                    r.Fail $"unknown sort of file {n}"
                    name, WasiNode.Link ""
        )
        |> List.ofArray

    let write (w: WireWriter) (world: WasiWorld) : unit =
        list w w.Text world.Args

        world.Env
        |> list w (fun (name, value) ->
            w.Text name
            w.Text value)

        w.U64 world.Clocks.Start
        w.U64 world.Clocks.Step
        w.Bytes world.Seed

        match world.Input with
        | WasiInput.Bytes bytes ->
            w.U8 0uy
            w.Bytes bytes
        | WasiInput.Host -> w.U8 1uy

        w.U8(if world.Terminal then 1uy else 0uy)

        world.Preopens
        |> list w (fun p ->
            let bit n on = if on then 1uy <<< n else 0uy
            w.Text p.Guest
            w.U8(bit 0 p.Grant.Read ||| bit 1 p.Grant.Write ||| bit 2 p.Grant.Create)

            match p.Content with
            | WasiDirectory.Memory entries ->
                w.U8 0uy
                writeEntries w entries
            | WasiDirectory.Host -> w.U8 1uy)

    let read (r: WireReader) : WasiWorld =
        let args = r.Items(4, fun r -> r.Text()) |> List.ofArray

        let env =
            r.Items(
                8,
                fun r ->
                    let name = r.Text()
                    name, r.Text()
            )
            |> List.ofArray

        let start = r.U64()
        let step = r.U64()
        let seed = r.Bytes()

        let input =
            match r.U8() with
            | 0uy -> WasiInput.Bytes(r.Bytes())
            | 1uy -> WasiInput.Host
            | n ->
                r.Fail $"unknown input {n}"
                WasiInput.Host

        let terminal =
            match r.U8() with
            | 0uy -> false
            | 1uy -> true
            | n ->
                r.Fail $"expected 0 or 1, found {n}"
                false

        let preopens =
            r.Items(
                6,
                fun r ->
                    let guest = r.Text()
                    let grant = r.U8()

                    if grant > 7uy then
                        r.Fail $"unknown grants in {grant}"

                    let bit n = (grant >>> n) &&& 1uy = 1uy

                    let content =
                        match r.U8() with
                        | 0uy -> WasiDirectory.Memory(readEntries 1 r)
                        | 1uy -> WasiDirectory.Host
                        | n ->
                            r.Fail $"unknown sort of directory {n}"
                            WasiDirectory.Host

                    { Guest = guest; Grant = { Read = bit 0; Write = bit 1; Create = bit 2 }; Content = content }
            )
            |> List.ofArray

        let world = {
            Args = args
            Env = env
            Clocks = { Start = start; Step = step }
            Seed = seed
            Input = input
            Terminal = terminal
            Preopens = preopens
        }

        // A world that no request could have had is no world.
        if r.Ok then
            match WasiWorld.check Int64.MaxValue world with
            | Error(field, why) -> r.Fail $"{field}: {why}"
            | Ok() -> ()

        world
