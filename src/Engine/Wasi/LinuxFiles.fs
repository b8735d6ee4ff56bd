namespace Twofold.Engine

// Linux' calls on files below a directory: what is resolved stays beneath it, whatever names, links and renames say (openat2, RESOLVE_BENEATH).
// In: descriptors and paths. Out: descriptors, bytes and facts, or an errno of WASI.

open System
open System.Runtime.InteropServices
open Twofold.HostAbi

module internal LinuxFiles =
    [<DllImport("libc", EntryPoint = "syscall", SetLastError = true)>]
    extern int64 private syscall5(int64 number, int64 dirfd, byte[] path, uint64[] how, unativeint size)

    [<DllImport("libc", SetLastError = true)>]
    extern int private close(int fd)

    [<DllImport("libc", SetLastError = true)>]
    extern nativeint private pread(int fd, byte[] buffer, unativeint count, int64 offset)

    [<DllImport("libc", SetLastError = true)>]
    extern nativeint private pwrite(int fd, nativeint buffer, unativeint count, int64 offset)

    [<DllImport("libc", SetLastError = true)>]
    extern nativeint private write(int fd, nativeint buffer, unativeint count)

    [<DllImport("libc", SetLastError = true)>]
    extern int64 private lseek(int fd, int64 offset, int whence)

    [<DllImport("libc", SetLastError = true)>]
    extern int private fcntl(int fd, int command, int argument)

    [<DllImport("libc", SetLastError = true)>]
    extern int private ftruncate(int fd, int64 size)

    [<DllImport("libc", SetLastError = true)>]
    extern int private fsync(int fd)

    [<DllImport("libc", SetLastError = true)>]
    extern int private statx(int fd, byte[] path, int flags, uint32 mask, byte[] buffer)

    [<DllImport("libc", SetLastError = true)>]
    extern int private mkdirat(int fd, byte[] path, uint32 mode)

    [<DllImport("libc", SetLastError = true)>]
    extern int private unlinkat(int fd, byte[] path, int flags)

    [<DllImport("libc", SetLastError = true)>]
    extern int private renameat(int fd, byte[] path, int newFd, byte[] newPath)

    [<DllImport("libc", SetLastError = true)>]
    extern int private linkat(int fd, byte[] path, int newFd, byte[] newPath, int flags)

    [<DllImport("libc", SetLastError = true)>]
    extern int private symlinkat(byte[] target, int fd, byte[] path)

    [<DllImport("libc", SetLastError = true)>]
    extern nativeint private readlinkat(int fd, byte[] path, byte[] buffer, unativeint size)

    [<DllImport("libc", SetLastError = true)>]
    extern int private utimensat(int fd, byte[] path, int64[] times, int flags)

    // The numbers of these two are the same on x64 and arm64 where they matter to us.
    [<Literal>]
    let private Openat2 = 437L

    let private isArm = RuntimeInformation.ProcessArchitecture = Architecture.Arm64

    let O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC = 1, 2, 0x40, 0x80, 0x200
    let O_NONBLOCK, O_CLOEXEC, O_PATH = 0x800, 0x80000, 0x200000
    // These two are swapped around on arm.
    let O_DIRECTORY, O_NOFOLLOW = if isArm then 0x4000, 0x8000 else 0x10000, 0x20000

    /// Whether host directories can be granted here: Linux, with openat2 (5.6 or later).
    let isSupported = OperatingSystem.IsLinux() && (isArm || RuntimeInformation.ProcessArchitecture = Architecture.X64)

    let private errno (linux: int) : uint16 =
        match linux with
        | 1 -> Errno.Perm
        | 2 -> Errno.Noent
        | 6 -> Errno.Nxio
        | 9 -> Errno.Badf
        | 12 -> Errno.Nomem
        | 13 -> Errno.Acces
        | 16 -> Errno.Busy
        | 17 -> Errno.Exist
        | 18 -> Errno.Xdev
        | 20 -> Errno.Notdir
        | 21 -> Errno.Isdir
        | 22 -> Errno.Inval
        | 24 -> Errno.Mfile
        | 26 -> Errno.Txtbsy
        | 27 -> Errno.Fbig
        | 28 -> Errno.Nospc
        | 29 -> Errno.Spipe
        | 30 -> Errno.Rofs
        | 31 -> Errno.Mlink
        | 36 -> Errno.Nametoolong
        | 39 -> Errno.Notempty
        | 40 -> Errno.Loop
        | 75 -> Errno.Overflow
        | 95 -> Errno.Notsup
        | _ -> Errno.Io

    let private failed () = Error(errno (Marshal.GetLastPInvokeError()))

    let private path (text: string) : byte[] = Array.append (Utf8.bytes text) [| 0uy |]

    // RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS.
    let private beneath = 0x08UL ||| 0x02UL

    /// Opens a path below a directory. Leaving it, by `..` or by a link, is EPERM.
    let openBeneath (dirfd: int) (text: string) (flags: int) : Result<int, uint16> =
        let how = [| uint64 (flags ||| O_CLOEXEC); (if flags &&& O_CREAT <> 0 then 0o644UL else 0UL); beneath |]
        let bytes = path text

        // EAGAIN: something was renamed while the kernel looked; it cannot be sure, so it is asked again.
        let rec go attempts =
            match syscall5 (Openat2, int64 dirfd, bytes, how, 24un) with
            | fd when fd >= 0L -> Ok(int fd)
            | _ ->
                match Marshal.GetLastPInvokeError() with
                | 4 -> go attempts
                | 11 when attempts < 100 -> go (attempts + 1)
                | 18 -> Error Errno.Perm
                | other -> Error(errno other)

        go 0

    /// The directory behind a host's own path. For the host only: no guest's text comes here.
    let openRoot (hostPath: string) : Result<int, uint16> =
        // From the root of the file system nothing is outside; links are the host's own.
        let how = [| uint64 (O_PATH ||| O_DIRECTORY ||| O_CLOEXEC); 0UL; 0UL |]

        match syscall5 (Openat2, -100L, path hostPath, how, 24un) with
        | fd when fd >= 0L -> Ok(int fd)
        | _ -> failed ()

    let closeFd (fd: int) = close fd |> ignore

    let rec readAt (fd: int) (buffer: byte[]) (length: int) (offset: int64) : Result<int, uint16> =
        match int (pread (fd, buffer, unativeint length, offset)) with
        | n when n >= 0 -> Ok n
        | _ when Marshal.GetLastPInvokeError() = 4 -> readAt fd buffer length offset
        | _ -> failed ()

    let writeAt (fd: int) (data: ReadOnlyMemory<byte>) (offset: int64) : Result<int, uint16> =
        use pin = data.Pin()
        let address = NativeInterop.NativePtr.toNativeInt (NativeInterop.NativePtr.ofVoidPtr<byte> pin.Pointer)

        match int (pwrite (fd, address, unativeint data.Length, offset)) with
        | n when n >= 0 -> Ok n
        | _ -> failed ()

    /// Writes at the end in one step; how many bytes, and where the end is then.
    let append (fd: int) (data: ReadOnlyMemory<byte>) : Result<struct (int * int64), uint16> =
        use pin = data.Pin()
        let address = NativeInterop.NativePtr.toNativeInt (NativeInterop.NativePtr.ofVoidPtr<byte> pin.Pointer)
        let flags = fcntl (fd, 3, 0)
        fcntl (fd, 4, flags ||| 0x400) |> ignore
        let n = int (write (fd, address, unativeint data.Length))
        let error = Marshal.GetLastPInvokeError()
        let place = lseek (fd, 0L, 1)
        fcntl (fd, 4, flags) |> ignore

        if n >= 0 then Ok(struct (n, place)) else Error(errno error)

    let private done' (result: int) : Result<unit, uint16> = if result = 0 then Ok() else failed ()

    let resize (fd: int) (size: int64) = done' (ftruncate (fd, size))
    let sync (fd: int) = done' (fsync fd)

    /// Sets the times of what a descriptor names, a link itself too (needs Linux 5.8); nanoseconds since 1970, flags as in WASI.
    let setTimes (fd: int) (atim: uint64) (mtim: uint64) (flags: uint32) : Result<unit, uint16> =
        // Seconds and nanoseconds; UTIME_NOW and UTIME_OMIT stand in the place of nanoseconds.
        let time given now (wanted: uint64) =
            if flags &&& given <> 0u then
                [| int64 (wanted / 1_000_000_000UL); int64 (wanted % 1_000_000_000UL) |]
            elif flags &&& now <> 0u then
                [| 0L; 0x3fff_ffffL |]
            else
                [| 0L; 0x3fff_fffeL |]

        let times = Array.append (time Flag.Atim Flag.AtimNow atim) (time Flag.Mtim Flag.MtimNow mtim)
        // AT_EMPTY_PATH.
        done' (utimensat (fd, [| 0uy |], times, 0x1000))

    /// What a file is: device and inode (the host's own: never shown), WASI's type, links, size.
    type Facts = { Identity: struct (uint64 * uint64); Type: byte; Links: uint64; Size: uint64 }

    // AT_SYMLINK_NOFOLLOW; AT_EMPTY_PATH for the descriptor itself.
    let private noFollow = 0x100

    let private facts (fd: int) (name: byte[]) (flags: int) : Result<Facts, uint16> =
        let b = Array.zeroCreate<byte> 256

        if statx (fd, name, flags, 0x7ffu, b) <> 0 then
            failed ()
        else
            let u32 at = BitConverter.ToUInt32(b, at)

            Ok {
                Identity = struct ((uint64 (u32 136) <<< 32) ||| uint64 (u32 140), BitConverter.ToUInt64(b, 32))
                Type =
                    match int (BitConverter.ToUInt16(b, 28)) &&& 0xF000 with
                    | 0x4000 -> FileType.Directory
                    | 0x8000 -> FileType.RegularFile
                    | 0xA000 -> FileType.SymbolicLink
                    | 0x2000 -> FileType.CharacterDevice
                    | _ -> FileType.Unknown
                Links = uint64 (u32 16)
                Size = BitConverter.ToUInt64(b, 40)
            }

    let factsOf (fd: int) = facts fd [| 0uy |] 0x1000
    /// Of a name in a directory; a link is itself.
    let factsAt (fd: int) (name: string) = facts fd (path name) noFollow

    // The last part of a path is a plain name from here on: no slash, no dots.
    let makeDirectory (fd: int) (name: string) = done' (mkdirat (fd, path name, 0o755u))
    let removeDirectory (fd: int) (name: string) = done' (unlinkat (fd, path name, 0x200))
    let unlink (fd: int) (name: string) = done' (unlinkat (fd, path name, 0))
    let rename (fd: int) (name: string) (newFd: int) (newName: string) = done' (renameat (fd, path name, newFd, path newName))
    let link (fd: int) (name: string) (newFd: int) (newName: string) = done' (linkat (fd, path name, newFd, path newName, 0))
    let symlink (target: string) (fd: int) (name: string) = done' (symlinkat (path target, fd, path name))

    let readLink (fd: int) (name: string) : Result<byte[], uint16> =
        let buffer = Array.zeroCreate<byte> WasiWorld.MaxPath

        match int (readlinkat (fd, path name, buffer, unativeint buffer.Length)) with
        | n when n >= 0 -> Ok(Array.truncate n buffer)
        | _ -> failed ()

    /// The names in a directory, sorted.
    let list (fd: int) : Result<string[], uint16> =
        try
            let names = IO.Directory.GetFileSystemEntries $"/proc/self/fd/{fd}" |> Array.map IO.Path.GetFileName
            Array.sortInPlaceWith (fun a b -> String.CompareOrdinal(a, b)) names
            Ok names
        with
        | :? IO.IOException -> Error Errno.Io
        | :? UnauthorizedAccessException -> Error Errno.Acces
