namespace Twofold.Engine

// The host's directories and streams for WASI programs that were granted them. On Linux the kernel keeps every path beneath its directory; elsewhere
// directories of the host cannot be granted (files in memory can, everywhere).
// In: the host's paths by guest name, its streams. Out: an IWasiHost for each run. What a guest is told is names, contents, sizes, virtual inodes.

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.IO
open System.Threading
open System.Threading.Tasks
open Twofold.HostAbi

/// What of the host is granted.
[<NoComparison; NoEquality>]
type WasiGrants = {
    /// The host's path behind each guest name.
    Directories: Map<string, string>
    /// Read by programs; null: none.
    Input: Stream
    /// Where output is passed on to while the program runs; null: nowhere.
    Output: Stream
    ErrorOutput: Stream
} with

    static member None = { Directories = Map.empty; Input = null; Output = null; ErrorOutput = null }

[<Sealed>]
type private OpenFile(fd: int, facts: LinuxFiles.Facts, grant: WasiGrant) =
    member _.Fd = fd
    member _.Kind = facts.Type
    member _.Identity = facts.Identity
    member _.Grant = grant
    /// Its number once its last name is gone: the host may give its identity to another file then. Before, 0.
    member val Number = 0UL with get, set

[<Sealed>]
type private HostDirectories(grants: WasiGrants) =
    let files = Dictionary<int, OpenFile>()
    // A file's number is the order in which this run saw it: it tells the guest what is one file and what are two, and nothing else.
    let identities = Dictionary<struct (uint64 * uint64), uint64>()
    let mutable seen = 0UL
    let mutable pending: Task<byte[]> = null

    let answer errno number (bytes: byte[]) : WasiHostAnswer = { Errno = errno; Number = number; Bytes = bytes }
    let refused errno = answer errno 0UL [||]
    let ok = answer Errno.Success 0UL [||]

    let orRefused (result: Result<WasiHostAnswer, uint16>) =
        match result with
        | Ok a -> a
        | Error errno -> refused errno

    let virtualInode identity =
        match identities.TryGetValue identity with
        | true, n -> n
        | _ ->
            seen <- seen + 1UL
            identities[identity] <- seen
            seen

    let numberOf (f: OpenFile) = if f.Number = 0UL then virtualInode f.Identity else f.Number

    /// A name is gone. If it was the last one, the next file with this identity is another file, on hosts that use inodes again as on those that do not.
    let forget (facts: LinuxFiles.Facts) =
        if facts.Links <= 1UL || facts.Type = FileType.Directory then
            for f in files.Values do
                if f.Identity = facts.Identity && f.Number = 0UL then
                    f.Number <- virtualInode facts.Identity

            identities.Remove facts.Identity |> ignore

    /// Takes a name away, and its identity with it.
    let removing (act: int -> string -> Result<unit, uint16>) (fd: int) (name: string) =
        let facts = LinuxFiles.factsAt fd name
        act fd name |> Result.map (fun () -> facts |> Result.iter forget)

    let file handle (act: OpenFile -> Result<WasiHostAnswer, uint16>) =
        match files.TryGetValue handle with
        | true, f -> orRefused (act f)
        | _ -> refused Errno.Badf

    /// Directories are opened for naming only (O_PATH) and kept so; a listing opens them again.
    let naming = LinuxFiles.O_PATH ||| LinuxFiles.O_DIRECTORY

    /// Opens a path for naming only while `act` looks at it.
    let named (f: OpenFile) path follow (act: int -> Result<'T, uint16>) =
        LinuxFiles.openBeneath f.Fd path (LinuxFiles.O_PATH ||| (if follow then 0 else LinuxFiles.O_NOFOLLOW))
        |> Result.bind (fun fd ->
            try
                act fd
            finally
                LinuxFiles.closeFd fd)

    /// What stands at a path, itself when it is a link; nothing is None.
    let typeAt (f: OpenFile) (path: string) : byte option = named f path false LinuxFiles.factsOf |> Result.toOption |> Option.map _.Type

    /// The directory that holds a path's last name, open until `act` is done, and that name. `slash` judges what stands at a path with a slash behind it.
    let atParent
        (f: OpenFile)
        (path: string)
        (slash: byte option -> uint16)
        (act: int -> string -> Result<'T, uint16>)
        : Result<'T, uint16> =
        let plain = path.TrimEnd '/'
        let cut = plain.LastIndexOf '/'
        let name = plain.Substring(cut + 1)
        let judged = if plain.Length < path.Length then slash (typeAt f plain) else Errno.Success

        if name = "" || name = "." || name = ".." then
            // No name that could be made or removed.
            Error Errno.Inval
        elif judged <> Errno.Success then
            Error judged
        elif cut < 0 then
            act f.Fd name
        else
            LinuxFiles.openBeneath f.Fd (plain.Substring(0, cut + 1)) naming
            |> Result.bind (fun parent ->
                try
                    act parent name
                finally
                    LinuxFiles.closeFd parent)

    let anything (_: byte option) = Errno.Success

    let onlyDirectory (there: byte option) =
        match there with
        | Some FileType.Directory -> Errno.Success
        | Some _ -> Errno.Notdir
        | None -> Errno.Noent

    /// A directory answers this, anything else is none.
    let noDirectory (errno: uint16) (there: byte option) =
        match there with
        | Some FileType.Directory -> errno
        | Some _ -> Errno.Notdir
        | None -> Errno.Noent

    /// A new name that is no directory's cannot have a slash.
    let newName (there: byte option) = if there.IsSome then Errno.Exist else Errno.Noent

    let changing (f: OpenFile) (act: unit -> Result<unit, uint16>) =
        if f.Grant.Create then act () |> Result.map (fun () -> ok) else Error Errno.Notcapable

    let stat (inode: uint64) (facts: LinuxFiles.Facts) =
        // Size and links of a directory say which file system it lies on; files in memory have 0 and 1.
        let isDirectory = facts.Type = FileType.Directory
        let b = Array.zeroCreate<byte> 25
        BinaryPrimitives.WriteUInt64LittleEndian(b.AsSpan 0, inode)
        b[8] <- facts.Type
        BinaryPrimitives.WriteUInt64LittleEndian(b.AsSpan 9, (if isDirectory then 1UL else facts.Links))
        BinaryPrimitives.WriteUInt64LittleEndian(b.AsSpan 17, (if isDirectory then 0UL else facts.Size))
        answer Errno.Success 0UL b

    let openFile (handle: int) (f: OpenFile) path follow (oflags: uint32) (reads: bool) (writes: bool) =
        let has flag = oflags &&& flag <> 0u
        let grant = f.Grant

        if (writes && not grant.Write) || (has Flag.Creat && not grant.Create) || (has Flag.Trunc && not grant.Write) then
            Error Errno.Notcapable
        else
            let access =
                match reads && grant.Read, writes with
                | true, true -> LinuxFiles.O_RDWR
                | false, true -> LinuxFiles.O_WRONLY
                | _ when has Flag.Creat || has Flag.Trunc -> 0
                | true, false -> 0
                | false, false -> LinuxFiles.O_PATH

            let flags =
                access
                ||| (if has Flag.Creat then LinuxFiles.O_CREAT else 0)
                ||| (if has Flag.Excl then LinuxFiles.O_EXCL else 0)
                ||| (if has Flag.Trunc then LinuxFiles.O_TRUNC else 0)
                ||| (if has Flag.Directory then LinuxFiles.O_DIRECTORY else 0)
                ||| (if follow then 0 else LinuxFiles.O_NOFOLLOW)
                // A pipe must not make the host wait for its other end. Naming a file opens nothing, and the kernel takes no such flag then.
                ||| (if access = LinuxFiles.O_PATH then 0 else LinuxFiles.O_NONBLOCK)

            LinuxFiles.openBeneath f.Fd path flags
            |> Result.bind (fun fd ->
                match LinuxFiles.factsOf fd with
                | Ok facts when facts.Type = FileType.RegularFile || facts.Type = FileType.Directory ->
                    files[handle] <- OpenFile(fd, facts, grant)
                    Ok(answer Errno.Success (uint64 facts.Type) [||])
                | Ok facts ->
                    LinuxFiles.closeFd fd
                    // Devices, pipes and sockets are no files that could be read again.
                    Error(if facts.Type = FileType.SymbolicLink then Errno.Loop else Errno.Notsup)
                | Error errno ->
                    LinuxFiles.closeFd fd
                    Error errno)

    let list (f: OpenFile) =
        LinuxFiles.openBeneath f.Fd "." LinuxFiles.O_DIRECTORY
        |> Result.bind (fun fd ->
            try
                LinuxFiles.list fd
                |> Result.map (fun names ->
                    let w = WireWriter()

                    for name in names do
                        // What has gone since, or has a name that is no text, is left out.
                        match LinuxFiles.factsAt fd name with
                        | Ok facts ->
                            let bytes = Utf8.bytes name
                            w.U64(virtualInode facts.Identity)
                            w.U8 facts.Type
                            w.U16(uint16 bytes.Length)
                            w.Raw bytes
                        | Error _ -> ()

                    answer Errno.Success 0UL (w.ToArray()))
            finally
                LinuxFiles.closeFd fd)

    /// Reads on another thread, so that the run can end while nobody types anything.
    let readInput (length: int) (token: CancellationToken) =
        if isNull grants.Input then
            ok
        else
            if isNull pending then
                pending <-
                    Task.Run(fun () ->
                        let buffer = Array.zeroCreate<byte>(min length 65536)
                        let n = grants.Input.Read(buffer, 0, buffer.Length)
                        Array.truncate n buffer)

            pending.Wait token
            let bytes = pending.Result

            if bytes.Length <= length then
                pending <- null
                answer Errno.Success 0UL bytes
            else
                pending <- Task.FromResult(Array.skip length bytes)
                answer Errno.Success 0UL (Array.truncate length bytes)

    let cannotOpen (guest: string) (errno: uint16) =
        raise (IOException $"the directory granted as '{guest}' cannot be opened (WASI errno {errno})")

    interface IWasiHost with
        member _.OpenPreopen(handle, guest, grant) =
            match Map.tryFind guest grants.Directories with
            | None -> invalidOp $"nothing of the host is granted as '{guest}'"
            | Some _ when not LinuxFiles.isSupported ->
                raise (PlatformNotSupportedException "directories of the host can be granted on Linux only; files in memory can everywhere")
            | Some path ->
                match LinuxFiles.openRoot path with
                | Ok fd ->
                    match LinuxFiles.factsOf fd with
                    | Ok facts ->
                        files[handle] <- OpenFile(fd, facts, grant)
                        ok
                    | Error errno ->
                        LinuxFiles.closeFd fd
                        cannotOpen guest errno
                | Error errno -> cannotOpen guest errno

        member _.Open(handle, parent, path, follow, oflags, _, reads, writes) =
            file parent (fun f -> openFile handle f path follow oflags reads writes)

        member _.Close handle =
            match files.TryGetValue handle with
            | true, f ->
                files.Remove handle |> ignore
                LinuxFiles.closeFd f.Fd
            | _ -> ()

        member _.Read(handle, offset, length) =
            file handle (fun f ->
                let buffer = Array.zeroCreate<byte> length

                LinuxFiles.readAt f.Fd buffer length (int64 offset)
                |> Result.map (fun n -> answer Errno.Success 0UL (Array.truncate n buffer)))

        member _.Write(handle, offset, append, data) =
            file handle (fun f ->
                if not f.Grant.Write then
                    Error Errno.Notcapable
                elif append then
                    LinuxFiles.append f.Fd data
                    |> Result.map (fun (struct (n, place)) -> answer Errno.Success (uint64 n) (BitConverter.GetBytes place))
                else
                    LinuxFiles.writeAt f.Fd data (int64 offset) |> Result.map (fun n -> answer Errno.Success (uint64 n) [||]))

        member _.Stat handle = file handle (fun f -> LinuxFiles.factsOf f.Fd |> Result.map (stat (numberOf f)))

        member _.StatPath(parent, path, follow) =
            file parent (fun f ->
                named f path follow LinuxFiles.factsOf |> Result.map (fun facts -> stat (virtualInode facts.Identity) facts))

        member _.SetTimes(handle, atim, mtim, flags) =
            file handle (fun f ->
                if f.Grant.Write then
                    LinuxFiles.setTimes f.Fd atim mtim flags |> Result.map (fun () -> answer Errno.Success (numberOf f) [||])
                else
                    Error Errno.Notcapable)

        member _.SetTimesPath(parent, path, follow, atim, mtim, flags) =
            file parent (fun f ->
                if f.Grant.Write then
                    named f path follow (fun fd ->
                        LinuxFiles.factsOf fd
                        |> Result.bind (fun facts ->
                            LinuxFiles.setTimes fd atim mtim flags
                            |> Result.map (fun () -> answer Errno.Success (virtualInode facts.Identity) [||])))
                else
                    Error Errno.Notcapable)

        member _.SetSize(handle, size) =
            file handle (fun f ->
                if f.Grant.Write then
                    LinuxFiles.resize f.Fd (int64 size) |> Result.map (fun () -> ok)
                else
                    Error Errno.Notcapable)

        member _.Sync handle =
            file handle (fun f ->
                // A directory is open for naming only.
                if f.Kind = FileType.Directory then Ok ok else LinuxFiles.sync f.Fd |> Result.map (fun () -> ok))

        member _.List handle = file handle list

        member _.MakeDirectory(parent, path) =
            file parent (fun f -> changing f (fun () -> atParent f path anything LinuxFiles.makeDirectory))

        member _.RemoveDirectory(parent, path) =
            file parent (fun f -> changing f (fun () -> atParent f path onlyDirectory (removing LinuxFiles.removeDirectory)))

        member _.Unlink(parent, path) =
            file parent (fun f -> changing f (fun () -> atParent f path (noDirectory Errno.Isdir) (removing LinuxFiles.unlink)))

        member _.Symlink(target, parent, path) =
            file parent (fun f -> changing f (fun () -> atParent f path newName (LinuxFiles.symlink target)))

        member _.Rename(parent, path, newParent, newPath) =
            file parent (fun f ->
                changing f (fun () ->
                    match files.TryGetValue newParent with
                    | true, g when g.Grant.Create ->
                        let moved = typeAt f (path.TrimEnd '/')
                        let target (_: byte option) = onlyDirectory moved

                        atParent f path onlyDirectory (fun fd name ->
                            atParent g newPath target (fun newFd newName ->
                                let moving = LinuxFiles.factsAt fd name
                                let over = LinuxFiles.factsAt newFd newName

                                LinuxFiles.rename fd name newFd newName
                                |> Result.map (fun () ->
                                    match moving, over with
                                    | Ok m, Ok o when m.Identity <> o.Identity -> forget o
                                    | _ -> ())))
                    | _ -> Error Errno.Notcapable))

        member _.Link(parent, path, newParent, newPath) =
            file parent (fun f ->
                changing f (fun () ->
                    match files.TryGetValue newParent with
                    | true, g when g.Grant.Create ->
                        atParent f path (noDirectory Errno.Perm) (fun fd name ->
                            atParent g newPath newName (fun newFd newName -> LinuxFiles.link fd name newFd newName))
                    | _ -> Error Errno.Notcapable))

        member _.ReadLink(parent, path) =
            file parent (fun f -> atParent f path (noDirectory Errno.Inval) LinuxFiles.readLink |> Result.map (answer Errno.Success 0UL))

        member _.ReadInput(length, token) = readInput length token

        member _.Output(stream, data) =
            match (if stream = 1 then grants.Output else grants.ErrorOutput) with
            | null -> ()
            | target ->
                target.Write data.Span
                target.Flush()

        member _.Done() =
            for f in files.Values do
                LinuxFiles.closeFd f.Fd

            files.Clear()

module WasiHosts =
    /// Hosts that offer what is granted.
    let source (grants: WasiGrants) : IWasiHostSource = {
        new IWasiHostSource with
            member _.Open() = HostDirectories grants
    }
