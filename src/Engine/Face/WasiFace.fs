namespace Twofold

// What C# hosts give a WASI program: arguments, environment, clocks, input, files in memory, directories of the host. Immutable, changed by WithX.
// In: strings, bytes, streams; wrong ones are ArgumentExceptions. Out: the world of the request, and who answers for the host.

open System
open System.Collections.Generic
open System.IO
open Twofold.HostAbi
open Twofold.Engine

/// What a program may do in a directory.
[<Flags>]
type WasiAccess =
    /// Nothing.
    | None = 0
    /// Read files and list directories.
    | Read = 1
    /// Change files that are there.
    | Write = 2
    /// Make, rename and remove files and directories.
    | Create = 4
    /// Everything.
    | All = 7

[<NoComparison; NoEquality>]
type internal WasiSettings = { World: WasiWorld; Grants: WasiGrants }

/// The world of a WASI program. The plain one has no arguments but a name, no environment, no input and no directory; its clocks begin at 2000-01-01.
[<Sealed>]
type WasiOptions private (s: WasiSettings) =
    let changed world = WasiOptions { s with World = world }

    let granted (guest: string) (access: WasiAccess) content =
        let guest = Arguments.notNull (nameof guest) guest
        let has (flag: WasiAccess) = access &&& flag = flag

        if s.World.Preopens |> List.exists (fun p -> p.Guest = guest) then
            raise (ArgumentException($"there is a directory '{guest}' already", nameof guest))

        {
            s.World with
                Preopens =
                    s.World.Preopens
                    @ [
                        {
                            Guest = guest
                            Grant = { Read = has WasiAccess.Read; Write = has WasiAccess.Write; Create = has WasiAccess.Create }
                            Content = content
                        }
                    ]
        }

    /// The plain world.
    new() = WasiOptions { World = WasiWorld.empty; Grants = WasiGrants.None }

    member internal _.World = s.World

    member internal _.Source: IWasiHostSource =
        let asksHost =
            s.World.Input = WasiInput.Host
            || s.World.Preopens |> List.exists (fun p -> p.Content = WasiDirectory.Host)
            || not (isNull s.Grants.Output)
            || not (isNull s.Grants.ErrorOutput)

        if asksHost then WasiHosts.source s.Grants else null

    /// The arguments; the first is the program's name.
    member _.Arguments: IReadOnlyList<string> = Arguments.list s.World.Args

    /// The same with these arguments; the first is the program's name.
    member _.WithArguments([<ParamArray>] arguments: string[]) =
        changed { s.World with Args = Arguments.notNull (nameof arguments) arguments |> List.ofArray }

    /// The same with one variable of the environment more, or another value of it.
    member _.WithEnvironment(name: string, value: string) =
        let name = Arguments.notNull (nameof name) name
        let value = Arguments.notNull (nameof value) value
        changed { s.World with Env = (s.World.Env |> List.filter (fun (n, _) -> n <> name)) @ [ name, value ] }

    /// The same with these bytes as standard input.
    member _.WithInput(input: byte[]) = changed { s.World with Input = WasiInput.Bytes(Arguments.bytes (nameof input) input) }

    /// The same with standard input from a stream; what is read is journaled, so the run replays without it.
    member _.WithInput(input: Stream) =
        WasiOptions {
            World = { s.World with Input = WasiInput.Host }
            Grants = { s.Grants with Input = Arguments.notNull (nameof input) input }
        }

    /// The same, passing output on to streams while the program runs (null: not). It is captured besides.
    member _.WithOutput(output: Stream, errorOutput: Stream) =
        WasiOptions { s with Grants = { s.Grants with Output = output; ErrorOutput = errorOutput } }

    /// The same with a seed for random_get. Without one the stream is that of the empty seed.
    member _.WithSeed(seed: byte[]) = changed { s.World with Seed = Arguments.bytes (nameof seed) seed }

    /// The same with clocks that begin at a time and move by a step (at least a nanosecond; 100 ns for one tick of it) at each reading.
    member _.WithClocks(start: DateTimeOffset, step: TimeSpan) =
        let ticks = (start - DateTimeOffset.UnixEpoch).Ticks

        if ticks < 0L then
            raise (ArgumentOutOfRangeException(nameof start, start, "not before 1970"))

        if step.Ticks <= 0L then
            raise (ArgumentOutOfRangeException(nameof step, step, "more than zero"))

        changed { s.World with Clocks = { Start = uint64 ticks * 100UL; Step = uint64 step.Ticks * 100UL } }

    /// The same with a directory in memory: files by path (`a/b.txt`), made anew for each run.
    member _.WithFiles(guest: string, files: IReadOnlyDictionary<string, byte[]>, access: WasiAccess) =
        let files = Arguments.notNull (nameof files) files

        let entries =
            [ for KeyValue(path, content) in files -> List.ofArray (path.Split '/'), Arguments.bytes (nameof files) content ]
            |> WasiNode.ofFiles

        changed (granted guest access (WasiDirectory.Memory entries))

    /// The same with a directory of the host (on Linux): what it answers is journaled, so the run replays without it. Its path is in no receipt.
    member _.WithHostDirectory(hostPath: string, guest: string, access: WasiAccess) =
        let hostPath = Path.GetFullPath(Arguments.notNull (nameof hostPath) hostPath)

        if not (Directory.Exists hostPath) then
            raise (DirectoryNotFoundException $"there is no directory '{hostPath}'")

        WasiOptions {
            World = granted guest access WasiDirectory.Host
            Grants = { s.Grants with Directories = Map.add guest hostPath s.Grants.Directories }
        }
