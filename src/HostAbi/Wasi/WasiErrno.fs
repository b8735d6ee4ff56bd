namespace Twofold.HostAbi

// The numbers of WASI preview1: errnos, rights, flags, types of files, with the names of its specification.
// In: nothing. Out: constants; only those that this implementation uses or answers.

/// What a WASI function answers.
module Errno =
    [<Literal>]
    let Success = 0us

    [<Literal>]
    let Acces = 2us

    [<Literal>]
    let Badf = 8us

    [<Literal>]
    let Busy = 10us

    [<Literal>]
    let Exist = 20us

    [<Literal>]
    let Fbig = 22us

    [<Literal>]
    let Ilseq = 25us

    [<Literal>]
    let Inval = 28us

    [<Literal>]
    let Io = 29us

    [<Literal>]
    let Isdir = 31us

    [<Literal>]
    let Loop = 32us

    [<Literal>]
    let Mfile = 33us

    [<Literal>]
    let Mlink = 34us

    [<Literal>]
    let Nametoolong = 37us

    [<Literal>]
    let Noent = 44us

    [<Literal>]
    let Nomem = 48us

    [<Literal>]
    let Nospc = 51us

    [<Literal>]
    let Nosys = 52us

    [<Literal>]
    let Notdir = 54us

    [<Literal>]
    let Notempty = 55us

    [<Literal>]
    let Notsock = 57us

    [<Literal>]
    let Notsup = 58us

    [<Literal>]
    let Nxio = 60us

    [<Literal>]
    let Overflow = 61us

    [<Literal>]
    let Perm = 63us

    [<Literal>]
    let Pipe = 64us

    [<Literal>]
    let Rofs = 69us

    [<Literal>]
    let Spipe = 70us

    [<Literal>]
    let Txtbsy = 74us

    [<Literal>]
    let Xdev = 75us

    [<Literal>]
    let Notcapable = 76us

/// Types of files.
module internal FileType =
    [<Literal>]
    let Unknown = 0uy

    [<Literal>]
    let CharacterDevice = 2uy

    [<Literal>]
    let Directory = 3uy

    [<Literal>]
    let RegularFile = 4uy

    [<Literal>]
    let SymbolicLink = 7uy

/// Flags of path_open, of descriptors, of lookups and of times.
module internal Flag =
    [<Literal>]
    let Creat = 1u

    [<Literal>]
    let Directory = 2u

    [<Literal>]
    let Excl = 4u

    [<Literal>]
    let Trunc = 8u

    [<Literal>]
    let Append = 1u

    [<Literal>]
    let AllFdFlags = 31u

    [<Literal>]
    let Follow = 1u

    [<Literal>]
    let Atim = 1u

    [<Literal>]
    let AtimNow = 2u

    [<Literal>]
    let Mtim = 4u

    [<Literal>]
    let MtimNow = 8u

/// Rights of descriptors.
module internal Rights =
    [<Literal>]
    let FdDatasync = 0x1UL

    [<Literal>]
    let FdRead = 0x2UL

    [<Literal>]
    let FdSeek = 0x4UL

    [<Literal>]
    let FdFdstatSetFlags = 0x8UL

    [<Literal>]
    let FdSync = 0x10UL

    [<Literal>]
    let FdTell = 0x20UL

    [<Literal>]
    let FdWrite = 0x40UL

    [<Literal>]
    let FdAdvise = 0x80UL

    [<Literal>]
    let FdAllocate = 0x100UL

    [<Literal>]
    let PathCreateDirectory = 0x200UL

    [<Literal>]
    let PathCreateFile = 0x400UL

    [<Literal>]
    let PathLinkSource = 0x800UL

    [<Literal>]
    let PathLinkTarget = 0x1000UL

    [<Literal>]
    let PathOpen = 0x2000UL

    [<Literal>]
    let FdReaddir = 0x4000UL

    [<Literal>]
    let PathReadlink = 0x8000UL

    [<Literal>]
    let PathRenameSource = 0x10000UL

    [<Literal>]
    let PathRenameTarget = 0x20000UL

    [<Literal>]
    let PathFilestatGet = 0x40000UL

    [<Literal>]
    let PathFilestatSetSize = 0x80000UL

    [<Literal>]
    let PathFilestatSetTimes = 0x100000UL

    [<Literal>]
    let FdFilestatGet = 0x200000UL

    [<Literal>]
    let FdFilestatSetSize = 0x400000UL

    [<Literal>]
    let FdFilestatSetTimes = 0x800000UL

    [<Literal>]
    let PathSymlink = 0x1000000UL

    [<Literal>]
    let PathRemoveDirectory = 0x2000000UL

    [<Literal>]
    let PathUnlinkFile = 0x4000000UL

    [<Literal>]
    let PollFdReadwrite = 0x8000000UL

    let private either =
        FdSeek ||| FdTell ||| FdFdstatSetFlags ||| FdAdvise ||| FdFilestatGet ||| PollFdReadwrite ||| FdSync ||| FdDatasync

    let private reading = either ||| FdRead ||| FdReaddir ||| PathOpen ||| PathReadlink ||| PathFilestatGet

    let private writing =
        either
        ||| FdWrite
        ||| FdAllocate
        ||| PathOpen
        ||| PathFilestatSetSize
        ||| PathFilestatSetTimes
        ||| FdFilestatSetSize
        ||| FdFilestatSetTimes

    let private creating =
        PathOpen
        ||| PathCreateDirectory
        ||| PathCreateFile
        ||| PathLinkSource
        ||| PathLinkTarget
        ||| PathRenameSource
        ||| PathRenameTarget
        ||| PathSymlink
        ||| PathRemoveDirectory
        ||| PathUnlinkFile

    /// What a descriptor of a file can ever do.
    let file = either ||| FdRead ||| FdWrite ||| FdAllocate ||| FdFilestatSetSize ||| FdFilestatSetTimes

    /// What a descriptor of a directory can ever do.
    let directory =
        creating
        ||| FdFdstatSetFlags
        ||| FdSync
        ||| FdDatasync
        ||| FdAdvise
        ||| FdReaddir
        ||| PathReadlink
        ||| PathFilestatGet
        ||| PathFilestatSetSize
        ||| PathFilestatSetTimes
        ||| FdFilestatGet
        ||| FdFilestatSetTimes

    /// What a grant allows on everything below.
    let ofGrant (g: WasiGrant) =
        (if g.Read then reading else 0UL) ||| (if g.Write then writing else 0UL) ||| (if g.Create then creating else 0UL)
