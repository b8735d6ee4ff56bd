namespace Twofold.HostAbi

// What a host does for WASI programs that were granted its directories or its standard streams: the port, and the form of its answers in a journal.
// In: calls of a run's world. Out: answers, which the journal keeps as bytes, so that replay needs no host.

open System
open System.Threading

/// What a host answers: an errno of WASI, and what the call asks for besides.
[<Struct>]
type WasiHostAnswer = { Errno: uint16; Number: uint64; Bytes: byte[] }

/// A directory of the host and everything opened below it, by numbers that the run chooses. Only called for what was granted; called from one run at a
/// time. An exception is an engine fault; what a file system refuses is an errno. Nothing that it answers may tell where the directory lies on the host.
[<AllowNullLiteral>]
type IWasiHost =
    /// Opens a granted directory by its guest name as handle.
    abstract OpenPreopen: handle: int * guest: string * grant: WasiGrant -> WasiHostAnswer

    /// Opens a path below a directory. oflags and fdflags as in WASI; follow: a symbolic link at the end is followed. Number: WASI's file type.
    abstract Open:
        handle: int * parent: int * path: string * follow: bool * oflags: uint32 * fdflags: uint32 * read: bool * write: bool ->
            WasiHostAnswer

    /// Forgets a handle.
    abstract Close: handle: int -> unit
    /// Bytes from a place in a file, up to length; fewer only at its end.
    abstract Read: handle: int * offset: uint64 * length: int -> WasiHostAnswer
    /// Writes at a place, or at the end. Number: how many bytes.
    abstract Write: handle: int * offset: uint64 * append: bool * data: ReadOnlyMemory<byte> -> WasiHostAnswer
    /// Bytes: virtual inode u64, file type u8, links u64, size u64, all little-endian.
    abstract Stat: handle: int -> WasiHostAnswer
    abstract StatPath: parent: int * path: string * follow: bool -> WasiHostAnswer
    abstract SetSize: handle: int * size: uint64 -> WasiHostAnswer
    /// Sets the times of what is open, in nanoseconds since 1970; flags as in WASI, and checked. Number: the virtual inode.
    abstract SetTimes: handle: int * atim: uint64 * mtim: uint64 * flags: uint32 -> WasiHostAnswer

    /// The same for a path; follow: a symbolic link at the end is followed, else it is set itself.
    abstract SetTimesPath: parent: int * path: string * follow: bool * atim: uint64 * mtim: uint64 * flags: uint32 -> WasiHostAnswer

    abstract Sync: handle: int -> WasiHostAnswer
    /// Bytes: for each entry, sorted by name: virtual inode u64, type u8, name's length u16, name.
    abstract List: handle: int -> WasiHostAnswer
    abstract MakeDirectory: parent: int * path: string -> WasiHostAnswer
    abstract RemoveDirectory: parent: int * path: string -> WasiHostAnswer
    abstract Unlink: parent: int * path: string -> WasiHostAnswer
    abstract Rename: parent: int * path: string * newParent: int * newPath: string -> WasiHostAnswer
    abstract Link: parent: int * path: string * newParent: int * newPath: string -> WasiHostAnswer
    abstract Symlink: target: string * parent: int * path: string -> WasiHostAnswer
    /// Bytes: the target.
    abstract ReadLink: parent: int * path: string -> WasiHostAnswer
    /// Up to length bytes of standard input; waits until there are some. None: its end.
    abstract ReadInput: length: int * cancellation: CancellationToken -> WasiHostAnswer
    /// Passes on what a program writes to standard output (1) or error (2); it is captured besides.
    abstract Output: stream: int * data: ReadOnlyMemory<byte> -> unit
    /// The run has ended: everything is closed.
    abstract Done: unit -> unit

/// Where the hosts of runs come from: each run has its own.
[<AllowNullLiteral>]
type IWasiHostSource =
    abstract Open: unit -> IWasiHost
