namespace Twofold.HostAbi

// The table of WASI preview1: one row for each of its functions, in the order of its specification (WebAssembly/WASI, snapshot_preview1.witx).
// In: nothing. Out: rows for linking, pricing and the reference page; WasiDispatch reads their arguments and writes their answers.

/// The rows of `wasi_snapshot_preview1`.
module WasiTable =
    /// The module that guests import from.
    [<Literal>]
    let Module = "wasi_snapshot_preview1"

    // A 32-bit parameter is a number, a pointer or a length as the specification says.
    let private i32 name = { Name = name; Type = AbiType.I32; Kind = ParamKind.Preview1 }
    let private i64 name = { Name = name; Type = AbiType.I64; Kind = ParamKind.Preview1 }

    let private row name (f: WasiFunction) ps result flat perByte doc = {
        Module = Module
        Name = name
        Params = ps
        Result = result
        Answer = (if Option.isSome result then "an errno, 0 for success" else "never")
        Price = { Base = flat; PerByte = perByte; PerItem = 0L }
        Since = 1
        Doc = doc
        Action = RowAction.Yields(EffectKind.Wasi f)
        NeedsRandom = (f = WasiFunction.RandomGet)
    }

    let private errno = Some AbiType.I32

    /// Every function. A byte that is moved (data, paths, names) costs 1.
    let rows: AbiRow list = [
        row
            "args_get"
            WasiFunction.ArgsGet
            [ i32 "argv"; i32 "argv_buf" ]
            errno
            600L
            1L
            "Writes the arguments: pointers at argv, then the texts, each with a NUL behind it."
        row
            "args_sizes_get"
            WasiFunction.ArgsSizesGet
            [ i32 "argc_out"; i32 "size_out" ]
            errno
            400L
            1L
            "How many arguments there are, and how many bytes they take."
        row
            "environ_get"
            WasiFunction.EnvironGet
            [ i32 "environ"; i32 "environ_buf" ]
            errno
            600L
            1L
            "Writes the environment as NAME=VALUE, like args_get."
        row
            "environ_sizes_get"
            WasiFunction.EnvironSizesGet
            [ i32 "count_out"; i32 "size_out" ]
            errno
            400L
            1L
            "How many variables there are, and how many bytes they take."
        row
            "clock_res_get"
            WasiFunction.ClockResGet
            [ i32 "id"; i32 "resolution_out" ]
            errno
            300L
            1L
            "How finely a clock counts: the step of the request's clocks."
        row
            "clock_time_get"
            WasiFunction.ClockTimeGet
            [ i32 "id"; i64 "precision"; i32 "time_out" ]
            errno
            300L
            1L
            "A virtual clock, in nanoseconds; each reading moves the clocks a step."
        row
            "fd_advise"
            WasiFunction.FdAdvise
            [ i32 "fd"; i64 "offset"; i64 "len"; i32 "advice" ]
            errno
            400L
            1L
            "Checked, and otherwise without effect."
        row
            "fd_allocate"
            WasiFunction.FdAllocate
            [ i32 "fd"; i64 "offset"; i64 "len" ]
            errno
            800L
            1L
            "Makes a file at least offset + len bytes long."
        row "fd_close" WasiFunction.FdClose [ i32 "fd" ] errno 500L 1L "Closes a descriptor."
        row
            "fd_datasync"
            WasiFunction.FdDatasync
            [ i32 "fd" ]
            errno
            500L
            1L
            "Writes a host file's data to its disk; nothing to do for files in memory."
        row "fd_fdstat_get" WasiFunction.FdFdstatGet [ i32 "fd"; i32 "stat_out" ] errno 400L 1L "Type, flags and rights of a descriptor."
        row
            "fd_fdstat_set_flags"
            WasiFunction.FdFdstatSetFlags
            [ i32 "fd"; i32 "flags" ]
            errno
            400L
            1L
            "Sets append, nonblock and the sync flags."
        row
            "fd_fdstat_set_rights"
            WasiFunction.FdFdstatSetRights
            [ i32 "fd"; i64 "rights_base"; i64 "rights_inheriting" ]
            errno
            400L
            1L
            "Drops rights of a descriptor; none can be added."
        row
            "fd_filestat_get"
            WasiFunction.FdFilestatGet
            [ i32 "fd"; i32 "stat_out" ]
            errno
            500L
            1L
            "Type, size, virtual inode and times of an open file."
        row
            "fd_filestat_set_size"
            WasiFunction.FdFilestatSetSize
            [ i32 "fd"; i64 "size" ]
            errno
            800L
            1L
            "Cuts a file off, or lengthens it by zeros."
        row
            "fd_filestat_set_times"
            WasiFunction.FdFilestatSetTimes
            [ i32 "fd"; i64 "atim"; i64 "mtim"; i32 "fst_flags" ]
            errno
            500L
            1L
            "Sets the times of an open file."
        row
            "fd_pread"
            WasiFunction.FdPread
            [ i32 "fd"; i32 "iovs"; i32 "iovs_len"; i64 "offset"; i32 "nread_out" ]
            errno
            800L
            1L
            "Reads from a place in a file; the descriptor's position stays."
        row
            "fd_prestat_get"
            WasiFunction.FdPrestatGet
            [ i32 "fd"; i32 "prestat_out" ]
            errno
            300L
            1L
            "Whether a descriptor is a granted directory, and how long its name is."
        row
            "fd_prestat_dir_name"
            WasiFunction.FdPrestatDirName
            [ i32 "fd"; i32 "path"; i32 "path_len" ]
            errno
            400L
            1L
            "The guest's name of a granted directory."
        row
            "fd_pwrite"
            WasiFunction.FdPwrite
            [ i32 "fd"; i32 "ciovs"; i32 "ciovs_len"; i64 "offset"; i32 "nwritten_out" ]
            errno
            1000L
            1L
            "Writes at a place in a file; the descriptor's position stays."
        row
            "fd_read"
            WasiFunction.FdRead
            [ i32 "fd"; i32 "iovs"; i32 "iovs_len"; i32 "nread_out" ]
            errno
            800L
            1L
            "Reads on from a descriptor's position."
        row
            "fd_readdir"
            WasiFunction.FdReaddir
            [ i32 "fd"; i32 "buf"; i32 "buf_len"; i64 "cookie"; i32 "bufused_out" ]
            errno
            1000L
            1L
            "Entries of a directory, sorted by name, from a cookie on."
        row
            "fd_renumber"
            WasiFunction.FdRenumber
            [ i32 "fd"; i32 "to" ]
            errno
            500L
            1L
            "Moves a descriptor to the number of another one, which is closed."
        row
            "fd_seek"
            WasiFunction.FdSeek
            [ i32 "fd"; i64 "offset"; i32 "whence"; i32 "position_out" ]
            errno
            400L
            1L
            "Moves a descriptor's position: from the start (0), from where it is (1), from the end (2)."
        row "fd_sync" WasiFunction.FdSync [ i32 "fd" ] errno 500L 1L "Writes a host file to its disk; nothing to do for files in memory."
        row "fd_tell" WasiFunction.FdTell [ i32 "fd"; i32 "position_out" ] errno 300L 1L "A descriptor's position."
        row
            "fd_write"
            WasiFunction.FdWrite
            [ i32 "fd"; i32 "ciovs"; i32 "ciovs_len"; i32 "nwritten_out" ]
            errno
            1000L
            1L
            "Writes on at a descriptor's position."
        row
            "path_create_directory"
            WasiFunction.PathCreateDirectory
            [ i32 "fd"; i32 "path"; i32 "path_len" ]
            errno
            1500L
            1L
            "Makes a directory."
        row
            "path_filestat_get"
            WasiFunction.PathFilestatGet
            [ i32 "fd"; i32 "flags"; i32 "path"; i32 "path_len"; i32 "stat_out" ]
            errno
            1200L
            1L
            "Type, size, virtual inode and times of what a path names."
        row
            "path_filestat_set_times"
            WasiFunction.PathFilestatSetTimes
            [ i32 "fd"; i32 "flags"; i32 "path"; i32 "path_len"; i64 "atim"; i64 "mtim"; i32 "fst_flags" ]
            errno
            1200L
            1L
            "Sets the times of what a path names."
        row
            "path_link"
            WasiFunction.PathLink
            [ i32 "old_fd"; i32 "old_flags"; i32 "old_path"; i32 "old_path_len"; i32 "new_fd"; i32 "new_path"; i32 "new_path_len" ]
            errno
            2000L
            1L
            "Gives a file another name."
        row
            "path_open"
            WasiFunction.PathOpen
            [
                i32 "fd"
                i32 "dirflags"
                i32 "path"
                i32 "path_len"
                i32 "oflags"
                i64 "rights_base"
                i64 "rights_inheriting"
                i32 "fdflags"
                i32 "fd_out"
            ]
            errno
            2000L
            1L
            "Opens or makes a file or opens a directory below a granted one."
        row
            "path_readlink"
            WasiFunction.PathReadlink
            [ i32 "fd"; i32 "path"; i32 "path_len"; i32 "buf"; i32 "buf_len"; i32 "bufused_out" ]
            errno
            1200L
            1L
            "Where a symbolic link points to."
        row
            "path_remove_directory"
            WasiFunction.PathRemoveDirectory
            [ i32 "fd"; i32 "path"; i32 "path_len" ]
            errno
            1500L
            1L
            "Removes an empty directory."
        row
            "path_rename"
            WasiFunction.PathRename
            [ i32 "fd"; i32 "old_path"; i32 "old_path_len"; i32 "new_fd"; i32 "new_path"; i32 "new_path_len" ]
            errno
            2000L
            1L
            "Moves a file or directory, over what is there."
        row
            "path_symlink"
            WasiFunction.PathSymlink
            [ i32 "target"; i32 "target_len"; i32 "fd"; i32 "path"; i32 "path_len" ]
            errno
            1500L
            1L
            "Makes a symbolic link."
        row
            "path_unlink_file"
            WasiFunction.PathUnlinkFile
            [ i32 "fd"; i32 "path"; i32 "path_len" ]
            errno
            1500L
            1L
            "Removes a name of a file, or a symbolic link."
        row
            "poll_oneoff"
            WasiFunction.PollOneoff
            [ i32 "in"; i32 "out"; i32 "nsubscriptions"; i32 "nevents_out" ]
            errno
            800L
            1L
            "Waits for clocks and descriptors: returns at once and moves the clocks to the earliest time-out."
        row "proc_exit" WasiFunction.ProcExit [ i32 "rval" ] None 300L 1L "Ends the run with an exit status; 0 is success."
        row "proc_raise" WasiFunction.ProcRaise [ i32 "sig" ] errno 300L 1L "Not supported."
        row "sched_yield" WasiFunction.SchedYield [] errno 200L 1L "Nothing to do: there is one thread."
        row
            "random_get"
            WasiFunction.RandomGet
            [ i32 "buf"; i32 "buf_len" ]
            errno
            400L
            1L
            "The next bytes of the stream that follows from the request's seed."
        row "sock_accept" WasiFunction.SockAccept [ i32 "fd"; i32 "flags"; i32 "fd_out" ] errno 400L 1L "There are no sockets."
        row
            "sock_recv"
            WasiFunction.SockRecv
            [ i32 "fd"; i32 "iovs"; i32 "iovs_len"; i32 "ri_flags"; i32 "nread_out"; i32 "ro_flags_out" ]
            errno
            400L
            1L
            "There are no sockets."
        row
            "sock_send"
            WasiFunction.SockSend
            [ i32 "fd"; i32 "ciovs"; i32 "ciovs_len"; i32 "si_flags"; i32 "nwritten_out" ]
            errno
            400L
            1L
            "There are no sockets."
        row "sock_shutdown" WasiFunction.SockShutdown [ i32 "fd"; i32 "how" ] errno 400L 1L "There are no sockets."
    ]
