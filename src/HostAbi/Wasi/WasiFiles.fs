namespace Twofold.HostAbi

// A file system in memory: files in pages, directories sorted by name, links; inode numbers in the order of making. It changes while a run lasts and is
// made anew for each from the request, so what a run finds never depends on another. In: a world's entries. Out: nodes; WasiPaths finds them.

open System
open System.Collections.Generic

/// A file, directory or link. Times are nanoseconds of the virtual real-time clock.
[<AbstractClass; AllowNullLiteral>]
type internal Inode(number: uint64, kind: byte, time: uint64) =
    member _.Number = number
    member _.Kind = kind
    /// Names that it has.
    member val Links = 1UL with get, set
    /// Descriptors that are open on it.
    member val Opens = 0 with get, set
    member val Atim = time with get, set
    member val Mtim = time with get, set
    member val Ctim = time with get, set
    abstract Size: int64

/// What all files of a run weigh together, against the policy's limit.
[<Sealed>]
type internal FileRoom(limit: int64) =
    let mutable taken = 0L
    let mutable next = 1UL
    member _.Limit = limit

    /// Takes room, or says no and takes none.
    member _.TryTake(weight: int64) =
        if weight > limit - taken then
            false
        else
            taken <- taken + weight
            true

    member _.GiveBack(weight: int64) = taken <- taken - weight

    member _.NextNumber() =
        let n = next
        next <- next + 1UL
        n

/// A file's content: pages that were written, above the bytes that the request gave, above zeros. A small write touches its pages only.
[<Sealed>]
type internal FileNode(number: uint64, time: uint64, content: byte[], room: FileRoom) =
    inherit Inode(number, FileType.RegularFile, time)
    let pageBytes = WasiWorld.PageBytes
    let mutable pages: byte[][] = [||]
    let mutable size = content.LongLength
    // How many bytes of the given content still show.
    let mutable given = content.LongLength

    let pagesOf (bytes: int64) = int ((bytes + int64 (pageBytes - 1)) / int64 pageBytes)

    let page (index: int) : byte[] =
        if index >= pages.Length then
            Array.Resize(&pages, max (index + 1) (pages.Length * 2))

        if isNull pages[index] then
            let made = Array.zeroCreate<byte> pageBytes
            let from = int64 index * int64 pageBytes

            if from < given then
                Array.Copy(content, from, made, 0L, min (int64 pageBytes) (given - from))

            pages[index] <- made

        pages[index]

    override _.Size = size

    /// Bytes from a place, as many as there are and fit.
    member _.Read(offset: int64, into: Span<byte>) : int =
        if offset >= size then
            0
        else
            let count = int (min (int64 into.Length) (size - offset))
            let mutable i = 0

            while i < count do
                let at = offset + int64 i
                let index = int (at / int64 pageBytes)
                let from = int (at % int64 pageBytes)
                let n = min (pageBytes - from) (count - i)
                let target = into.Slice(i, n)

                if index < pages.Length && not (isNull pages[index]) then
                    pages[index].AsSpan(from, n).CopyTo target
                else
                    target.Clear()

                    if at < given then
                        content.AsSpan(int at, int (min (int64 n) (given - at))).CopyTo target

                i <- i + n

            count

    /// Another size: cut off, or lengthened by zeros. False when there is no room for it.
    member _.TryResize(wanted: int64) : bool =
        let change = WasiWorld.weightOf wanted - WasiWorld.weightOf size

        if change > 0L && not (room.TryTake change) then
            false
        else
            if change < 0L then
                room.GiveBack -change

            if wanted < size then
                let keep = pagesOf wanted

                if keep < pages.Length then
                    Array.Clear(pages, keep, pages.Length - keep)

                // What is cut off must not come back when the file grows again.
                if wanted % int64 pageBytes <> 0L && keep - 1 < pages.Length && not (isNull pages[keep - 1]) then
                    let from = int (wanted % int64 pageBytes)
                    Array.Clear(pages[keep - 1], from, pageBytes - from)

                given <- min given wanted

            size <- wanted
            true

    /// Writes at a place. False when there is no room.
    member f.TryWrite(offset: int64, data: ReadOnlySpan<byte>) : bool =
        let finish = offset + int64 data.Length

        if finish > size && not (f.TryResize finish) then
            false
        else
            let mutable i = 0

            while i < data.Length do
                let at = offset + int64 i
                let from = int (at % int64 pageBytes)
                let n = min (pageBytes - from) (data.Length - i)
                data.Slice(i, n).CopyTo((page (int (at / int64 pageBytes))).AsSpan(from, n))
                i <- i + n

            true

[<Sealed>]
type internal LinkNode(number: uint64, time: uint64, target: string) =
    inherit Inode(number, FileType.SymbolicLink, time)
    member _.Target = target
    override _.Size = int64 (Text.Encoding.UTF8.GetByteCount target)

[<Sealed; AllowNullLiteral>]
type internal DirectoryNode(number: uint64, time: uint64, parent: DirectoryNode) =
    inherit Inode(number, FileType.Directory, time)
    member val Entries = SortedDictionary<string, Inode>(StringComparer.Ordinal)
    /// Null for a granted directory, and for one that was removed.
    member val Parent = parent with get, set
    override _.Size = 0L

/// Making and removing.
module internal FileTree =
    let private weight (node: Inode) =
        match node with
        | :? FileNode as f -> WasiWorld.weightOf f.Size
        | _ -> int64 WasiWorld.NodeWeight

    let newFile (room: FileRoom) time (content: byte[]) : FileNode voption =
        if room.TryTake(WasiWorld.weightOf content.LongLength) then
            ValueSome(FileNode(room.NextNumber(), time, content, room))
        else
            ValueNone

    let newDirectory (room: FileRoom) time parent : DirectoryNode voption =
        if room.TryTake(int64 WasiWorld.NodeWeight) then
            ValueSome(DirectoryNode(room.NextNumber(), time, parent))
        else
            ValueNone

    let newLink (room: FileRoom) time target : LinkNode voption =
        if room.TryTake(int64 WasiWorld.NodeWeight) then
            ValueSome(LinkNode(room.NextNumber(), time, target))
        else
            ValueNone

    /// Gives room back once nothing holds a node any more.
    let release (room: FileRoom) (node: Inode) =
        if node.Links = 0UL && node.Opens = 0 then
            room.GiveBack(weight node)

    let add (directory: DirectoryNode) (name: string) (node: Inode) (time: uint64) =
        directory.Entries[name] <- node
        directory.Mtim <- time
        directory.Ctim <- time

    /// Takes a name away from its node.
    let remove (room: FileRoom) (directory: DirectoryNode) (name: string) (time: uint64) =
        let node = directory.Entries[name]
        directory.Entries.Remove name |> ignore
        directory.Mtim <- time
        directory.Ctim <- time
        node.Links <- node.Links - 1UL
        node.Ctim <- time

        match node with
        | :? DirectoryNode as d -> d.Parent <- null
        | _ -> ()

        release room node

    /// A world's entries as nodes. The request was checked: there is room.
    let rec fill (room: FileRoom) time (directory: DirectoryNode) (entries: (string * WasiNode) list) : unit =
        for name, entry in entries do
            match entry with
            | WasiNode.File content -> newFile room time content |> ValueOption.iter (fun f -> directory.Entries[name] <- f)
            | WasiNode.Link target -> newLink room time target |> ValueOption.iter (fun l -> directory.Entries[name] <- l)
            | WasiNode.Directory inner ->
                newDirectory room time directory
                |> ValueOption.iter (fun d ->
                    directory.Entries[name] <- d
                    fill room time d inner)

/// What a path names: the directory that holds its last name, and the node there, if any.
[<Struct; NoComparison; NoEquality>]
type internal Found = {
    Parent: DirectoryNode
    /// Empty when the path ends in `.` or `..` or is a granted directory itself: then it has no name that could be removed.
    Name: string
    /// Null when there is none.
    Node: Inode
    /// A slash stood behind the name: only a directory will do.
    Slash: bool
}

module internal WasiPaths =
    /// As on Linux.
    [<Literal>]
    let MaxLinks = 40

    /// A path's text, or what is wrong with it before anything is looked at. Absolute paths name nothing that was granted.
    let text (path: byte[]) : Result<string, uint16> =
        match Utf8.tryText (ReadOnlySpan path) with
        | ValueNone -> Error Errno.Ilseq
        | ValueSome _ when path.Length > WasiWorld.MaxPath -> Error Errno.Nametoolong
        | ValueSome text when text.Contains '\000' -> Error Errno.Inval
        | ValueSome "" -> Error Errno.Noent
        | ValueSome text when text[0] = '/' -> Error Errno.Perm
        | ValueSome text -> Ok text

    /// Walks from a directory; never above it, whatever links say. `follow`: a link at the end is followed too.
    let resolve (start: DirectoryNode) (path: string) (follow: bool) : Result<Found, uint16> =
        let rec walk (above: DirectoryNode list) (here: DirectoryNode) (parts: string list) (slash: bool) (links: int) =
            match parts with
            | [] -> Ok { Parent = here; Name = ""; Node = here; Slash = slash }
            | "." :: rest
            | "" :: rest -> walk above here rest slash links
            | ".." :: rest ->
                match above with
                | up :: above -> walk above up rest slash links
                | [] -> Error Errno.Perm
            | name :: _ when Text.Encoding.UTF8.GetByteCount name > WasiWorld.MaxName -> Error Errno.Nametoolong
            | name :: rest ->
                let last = rest |> List.forall (fun p -> p = "")

                match here.Entries.TryGetValue name with
                | true, (:? LinkNode as link) when not last || follow || slash ->
                    if links = MaxLinks then
                        Error Errno.Loop
                    elif link.Target[0] = '/' then
                        Error Errno.Perm
                    else
                        let target = List.ofArray (link.Target.Split '/')
                        let slash = if last then slash || link.Target.EndsWith '/' else slash
                        walk above here (target @ rest) slash (links + 1)
                | true, (:? DirectoryNode as d) when not last -> walk (here :: above) d rest slash links
                | true, _ when not last -> Error Errno.Notdir
                | true, node -> Ok { Parent = here; Name = name; Node = node; Slash = slash }
                // Nothing can be made in a directory that was removed.
                | _ when last && here.Links > 0UL -> Ok { Parent = here; Name = name; Node = null; Slash = slash }
                | _ -> Error Errno.Noent

        walk [] start (List.ofArray (path.Split '/')) (path.EndsWith '/') 0
