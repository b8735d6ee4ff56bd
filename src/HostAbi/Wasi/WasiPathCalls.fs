namespace Twofold.HostAbi

// The calls on paths: opening, making, moving, removing, linking. Every path begins at a descriptor and stays below it.
// In: a run's state and decoded arguments. Out: an errno; the answer stands in the state's reply.

open System

module internal WasiPathCalls =
    /// A directory that a path begins at.
    [<RequireQualifiedAccess; NoComparison; NoEquality>]
    type private Base =
        | Memory of DirectoryNode
        | Host of handle: int

    /// The directory behind a descriptor that has a right, and the path's text.
    let private from (s: WasiState) (fd: uint32) (right: uint64) (path: byte[]) : Result<struct (Descriptor * Base * string), uint16> =
        let d = s.Fd fd

        if isNull d then
            Error Errno.Badf
        else
            match d.Opened with
            | Opened.Directory _
            | Opened.HostDirectory _ when not (d.Has right) -> Error Errno.Notcapable
            | Opened.Directory n -> WasiPaths.text path |> Result.map (fun text -> struct (d, Base.Memory n, text))
            | Opened.HostDirectory h -> WasiPaths.text path |> Result.map (fun text -> struct (d, Base.Host h, text))
            | _ -> Error Errno.Notdir

    let private orErrno (result: Result<uint16, uint16>) =
        match result with
        | Ok errno
        | Error errno -> errno

    /// A call with one path: in memory on what it names, or asked of the host.
    let private onPath s fd right path follow (inMemory: Found -> uint16) (asked: int -> string -> WasiHostAnswer) =
        from s fd right path
        |> Result.bind (fun (struct (_, start, text)) ->
            match start with
            | Base.Memory n -> WasiPaths.resolve n text follow |> Result.map inMemory
            | Base.Host h -> Ok (asked h text).Errno)
        |> orErrno

    let private directoryOnly (f: Found) = f.Slash && not (isNull f.Node) && f.Node.Kind <> FileType.Directory

    // ---- making and removing

    let createDirectory (s: WasiState) fd path =
        onPath
            s
            fd
            Rights.PathCreateDirectory
            path
            false
            (fun f ->
                if not (isNull f.Node) then
                    Errno.Exist
                else
                    match FileTree.newDirectory s.Room s.Now f.Parent with
                    | ValueSome made ->
                        FileTree.add f.Parent f.Name made s.Now
                        Errno.Success
                    | ValueNone -> Errno.Nospc)
            (fun h text -> s.Host.MakeDirectory(h, text))

    let removeDirectory (s: WasiState) fd path =
        onPath
            s
            fd
            Rights.PathRemoveDirectory
            path
            false
            (fun f ->
                match f.Node with
                | null -> Errno.Noent
                | _ when f.Name = "" -> Errno.Inval
                | :? DirectoryNode as d when d.Entries.Count = 0 ->
                    FileTree.remove s.Room f.Parent f.Name s.Now
                    Errno.Success
                | :? DirectoryNode -> Errno.Notempty
                | _ -> Errno.Notdir)
            (fun h text -> s.Host.RemoveDirectory(h, text))

    let unlink (s: WasiState) fd path =
        onPath
            s
            fd
            Rights.PathUnlinkFile
            path
            false
            (fun f ->
                match f.Node with
                | null -> Errno.Noent
                | :? DirectoryNode -> Errno.Isdir
                | _ when f.Slash -> Errno.Notdir
                | _ ->
                    FileTree.remove s.Room f.Parent f.Name s.Now
                    Errno.Success)
            (fun h text -> s.Host.Unlink(h, text))

    let symlink (s: WasiState) (target: byte[]) fd path =
        // A link that leads out of what was granted is not made, though it could not be followed either.
        match WasiPaths.text target with
        | Error errno -> errno
        | Ok target ->
            onPath
                s
                fd
                Rights.PathSymlink
                path
                false
                (fun f ->
                    if not (isNull f.Node) then
                        Errno.Exist
                    elif f.Slash then
                        Errno.Noent
                    else
                        match FileTree.newLink s.Room s.Now target with
                        | ValueSome made ->
                            FileTree.add f.Parent f.Name made s.Now
                            Errno.Success
                        | ValueNone -> Errno.Nospc)
                (fun h text -> s.Host.Symlink(target, h, text))

    // ---- what is there

    let readlink (s: WasiState) fd path (room: uint32) =
        let give (target: byte[]) =
            let n = int (min room (uint32 target.Length))
            target.AsSpan(0, n).CopyTo(s.ReplyRoom n)
            Errno.Success

        from s fd Rights.PathReadlink path
        |> Result.bind (fun (struct (_, start, text)) ->
            match start with
            | Base.Memory n ->
                WasiPaths.resolve n text false
                |> Result.map (fun f ->
                    match f.Node with
                    | null -> Errno.Noent
                    | :? LinkNode as l -> give (Text.Encoding.UTF8.GetBytes l.Target)
                    | _ -> Errno.Inval)
            | Base.Host h ->
                let answer = s.Host.ReadLink(h, text)
                Ok(if answer.Errno = Errno.Success then give answer.Bytes else answer.Errno))
        |> orErrno

    let private follows (lookup: uint32) = lookup &&& Flag.Follow <> 0u

    let filestatGet (s: WasiState) fd lookup path =
        from s fd Rights.PathFilestatGet path
        |> Result.bind (fun (struct (_, start, text)) ->
            match start with
            | Base.Memory n ->
                WasiPaths.resolve n text (follows lookup)
                |> Result.map (fun f ->
                    if isNull f.Node then Errno.Noent
                    elif directoryOnly f then Errno.Notdir
                    else WasiFdCalls.statNode s f.Node)
            | Base.Host h -> Ok(WasiFdCalls.statHost s (s.Host.StatPath(h, text, follows lookup))))
        |> orErrno

    let filestatSetTimes (s: WasiState) fd lookup path atim mtim flags =
        let follow = follows lookup

        from s fd Rights.PathFilestatSetTimes path
        |> Result.bind (fun (struct (_, start, text)) ->
            match start with
            | Base.Memory n ->
                WasiPaths.resolve n text follow
                |> Result.map (fun f ->
                    if isNull f.Node then Errno.Noent
                    elif directoryOnly f then Errno.Notdir
                    else WasiFdCalls.setTimes s flags atim mtim f.Node)
            | Base.Host h ->
                Ok(WasiFdCalls.setHostTimes s flags atim mtim (fun () -> s.Host.SetTimesPath(h, text, follow, atim, mtim, flags))))
        |> orErrno

    // ---- two paths

    let private onPaths
        s
        (fd, right, path, follow)
        (newFd, newRight, newPath)
        (inMemory: Found -> Found -> uint16)
        (asked: int -> string -> int -> string -> WasiHostAnswer)
        =
        from s fd right path
        |> Result.bind (fun (struct (_, start, text)) ->
            from s newFd newRight newPath
            |> Result.bind (fun (struct (_, newStart, newText)) ->
                match start, newStart with
                | Base.Memory a, Base.Memory b ->
                    WasiPaths.resolve a text follow
                    |> Result.bind (fun old -> WasiPaths.resolve b newText false |> Result.map (inMemory old))
                | Base.Host a, Base.Host b -> Ok (asked a text b newText).Errno
                | _ -> Error Errno.Xdev))
        |> orErrno

    let link (s: WasiState) fd lookup path newFd newPath =
        if follows lookup then
            // As Linux' linkat by default: a link to a link is a link.
            Errno.Inval
        else
            onPaths
                s
                (fd, Rights.PathLinkSource, path, false)
                (newFd, Rights.PathLinkTarget, newPath)
                (fun old fresh ->
                    match old.Node with
                    | null -> Errno.Noent
                    | _ when directoryOnly old -> Errno.Notdir
                    | :? DirectoryNode -> Errno.Perm
                    | _ when not (isNull fresh.Node) -> Errno.Exist
                    | _ when fresh.Slash -> Errno.Noent
                    | node ->
                        node.Links <- node.Links + 1UL
                        node.Ctim <- s.Now
                        FileTree.add fresh.Parent fresh.Name node s.Now
                        Errno.Success)
                (fun h text newH newText -> s.Host.Link(h, text, newH, newText))

    /// Whether a directory lies at or below another.
    let rec private below (d: DirectoryNode) (top: DirectoryNode) =
        if isNull d then false
        elif obj.ReferenceEquals(d, top) then true
        else below d.Parent top

    let private moved (s: WasiState) (old: Found) (fresh: Found) =
        old.Parent.Entries.Remove old.Name |> ignore
        old.Parent.Mtim <- s.Now
        old.Parent.Ctim <- s.Now

        match old.Node with
        | :? DirectoryNode as d -> d.Parent <- fresh.Parent
        | _ -> ()

        old.Node.Ctim <- s.Now
        FileTree.add fresh.Parent fresh.Name old.Node s.Now
        Errno.Success

    let rename (s: WasiState) fd path newFd newPath =
        onPaths
            s
            (fd, Rights.PathRenameSource, path, false)
            (newFd, Rights.PathRenameTarget, newPath)
            (fun old fresh ->
                let isDirectory (n: Inode) = n.Kind = FileType.Directory

                match old.Node, fresh.Node with
                | null, _ -> Errno.Noent
                | _ when old.Name = "" || (fresh.Name = "" && not (isNull fresh.Node)) -> Errno.Busy
                | _ when directoryOnly old -> Errno.Notdir
                | node, _ when fresh.Slash && not (isDirectory node) -> Errno.Notdir
                | :? DirectoryNode as d, _ when below fresh.Parent d -> Errno.Inval
                | _, null -> moved s old fresh
                | a, b when obj.ReferenceEquals(a, b) -> Errno.Success
                | a, b when isDirectory a && not (isDirectory b) -> Errno.Notdir
                | a, b when not (isDirectory a) && isDirectory b -> Errno.Isdir
                | _, (:? DirectoryNode as d) when d.Entries.Count > 0 -> Errno.Notempty
                | _ ->
                    FileTree.remove s.Room fresh.Parent fresh.Name s.Now
                    moved s old fresh)
            (fun h text newH newText -> s.Host.Rename(h, text, newH, newText))

    // ---- opening

    let private opened (s: WasiState) (d: Descriptor) (fdflags: uint32) =
        d.Flags <- fdflags

        match s.TryAdd d with
        | ValueSome fd -> s.ReplyU32 fd
        | ValueNone ->
            s.Release d
            Errno.Mfile

    let private descriptor (opened: Opened) (kind: byte) (rights: uint64) (inheriting: uint64) (parent: Descriptor) =
        if kind = FileType.Directory then
            Descriptor(opened, kind, rights &&& parent.Inheriting &&& Rights.directory, inheriting &&& parent.Inheriting)
        else
            Descriptor(opened, kind, rights &&& parent.Inheriting &&& Rights.file, 0UL)

    let private openNode (s: WasiState) (parent: Descriptor) (node: Inode) (oflags: uint32) rights inheriting fdflags =
        let has flag = oflags &&& flag <> 0u

        match node with
        | :? DirectoryNode as d ->
            if has Flag.Trunc || rights &&& Rights.FdWrite <> 0UL then
                Errno.Isdir
            else
                opened s (descriptor (Opened.Directory d) FileType.Directory rights inheriting parent) fdflags
        | :? FileNode as f ->
            if has Flag.Directory then
                Errno.Notdir
            elif has Flag.Trunc && not (f.TryResize 0L) then
                Errno.Nospc
            else
                if has Flag.Trunc then
                    f.Mtim <- s.Now
                    f.Ctim <- s.Now

                f.Opens <- f.Opens + 1
                opened s (descriptor (Opened.File f) FileType.RegularFile rights inheriting parent) fdflags
        // A link at the end that was not to be followed.
        | _ -> if has Flag.Directory then Errno.Notdir else Errno.Loop

    let private openMemory (s: WasiState) parent (f: Found) (oflags: uint32) rights inheriting fdflags =
        let has flag = oflags &&& flag <> 0u

        match f.Node with
        | null when not (has Flag.Creat) -> Errno.Noent
        | null when f.Slash || has Flag.Directory -> if has Flag.Directory then Errno.Inval else Errno.Isdir
        | null ->
            match FileTree.newFile s.Room s.Now [||] with
            | ValueSome made ->
                FileTree.add f.Parent f.Name made s.Now
                openNode s parent made oflags rights inheriting fdflags
            | ValueNone -> Errno.Nospc
        | _ when has Flag.Creat && has Flag.Excl -> Errno.Exist
        | _ when directoryOnly f -> Errno.Notdir
        | node -> openNode s parent node oflags rights inheriting fdflags

    let private openHost (s: WasiState) (parent: Descriptor) (h: int) text follow (oflags: uint32) rights inheriting (fdflags: uint32) =
        let allowed = rights &&& parent.Inheriting
        let handle = s.NewHandle()
        let reads = allowed &&& (Rights.FdRead ||| Rights.FdReaddir) <> 0UL
        let writes = allowed &&& Rights.FdWrite <> 0UL
        let answer = s.Host.Open(handle, h, text, follow, oflags, fdflags, reads, writes)

        if answer.Errno <> Errno.Success then
            answer.Errno
        else
            let kind = byte answer.Number
            let target = if kind = FileType.Directory then Opened.HostDirectory handle else Opened.HostFile handle
            opened s (descriptor target kind rights inheriting parent) fdflags

    let openPath (s: WasiState) fd (lookup: uint32) path (oflags: uint32) (rights: uint64) (inheriting: uint64) (fdflags: uint32) =
        let needed =
            Rights.PathOpen
            ||| (if oflags &&& Flag.Creat <> 0u then Rights.PathCreateFile else 0UL)
            ||| (if oflags &&& Flag.Trunc <> 0u then Rights.PathFilestatSetSize else 0UL)

        if oflags > 15u || fdflags &&& ~~~Flag.AllFdFlags <> 0u then
            Errno.Inval
        else
            from s fd needed path
            |> Result.bind (fun (struct (parent, start, text)) ->
                // Who asks to write where nobody may is told so now, not at the first write. Asking for all rights there are is asking for what is allowed.
                let isWriter = rights &&& Rights.FdWrite <> 0UL && rights &&& Rights.file <> Rights.file

                if isWriter && parent.Inheriting &&& Rights.FdWrite = 0UL then
                    Error Errno.Notcapable
                else
                    match start with
                    | Base.Memory n ->
                        WasiPaths.resolve n text (follows lookup)
                        |> Result.map (fun f -> openMemory s parent f oflags rights inheriting fdflags)
                    | Base.Host h -> Ok(openHost s parent h text (follows lookup) oflags rights inheriting fdflags))
            |> orErrno
