namespace Twofold.Extensions.Skills

// Memory of skills in a SQLite file: one table, one row for each skill and key; it survives restarts and serves several processes.
// In: a path. Out: values; a file that is busy for too long is Timeout, other trouble with it Unavailable.

open System
open System.IO
open System.Threading.Tasks
open Microsoft.Data.Sqlite
open Twofold

/// The memory. Thread-safe; keep one.
[<Sealed>]
type SqliteMemory(path: string) =
    let text =
        SqliteConnectionStringBuilder(
            DataSource = path,
            Mode = SqliteOpenMode.ReadWriteCreate,
            Cache = SqliteCacheMode.Private,
            Pooling = true
        )
            .ToString()

    let opened () =
        let connection = new SqliteConnection(text)

        try
            connection.DefaultTimeout <- 10
            connection.Open()
            connection
        with _ ->
            connection.Dispose()
            reraise ()

    let run (connection: SqliteConnection) (sql: string) (values: (string * obj) list) (use': SqliteCommand -> 'T) : 'T =
        use command = connection.CreateCommand()
        command.CommandText <- sql

        for name, value in values do
            command.Parameters.AddWithValue(name, value) |> ignore

        use' command

    let prepared =
        lazy
            (SQLitePCL.Batteries_V2.Init()

             match Path.GetDirectoryName(Path.GetFullPath path) with
             | null -> ()
             | folder -> Directory.CreateDirectory folder |> ignore

             use connection = opened ()

             for sql in
                 [
                     "PRAGMA journal_mode = WAL"
                     "CREATE TABLE IF NOT EXISTS skill_memory (skill TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (skill, key)) WITHOUT ROWID"
                 ] do
                 run connection sql [] (fun c -> c.ExecuteNonQuery()) |> ignore)

    // SQLite's calls block: they run here, and end by the timeout above.
    let guarded (token: Threading.CancellationToken) (work: SqliteConnection -> SkillReply) : Task<SkillReply> =
        token.ThrowIfCancellationRequested()

        try
            prepared.Force()
            use connection = opened ()
            Task.FromResult(work connection)
        with
        | :? SqliteException as e when e.SqliteErrorCode = 5 || e.SqliteErrorCode = 6 ->
            Task.FromResult(SkillReply.Fail SkillErrorCode.Timeout)
        | :? SqliteException
        | :? IOException
        | :? UnauthorizedAccessException -> Task.FromResult(SkillReply.Fail SkillErrorCode.Unavailable)

    interface ISkillMemory with
        member _.GetAsync(caller, key, token) =
            guarded token (fun connection ->
                run
                    connection
                    "SELECT value FROM skill_memory WHERE skill = $skill AND key = $key"
                    [ "$skill", caller.Name; "$key", key ]
                    (fun c ->
                        match c.ExecuteScalar() with
                        | :? (byte[]) as value -> SkillReply.Of value
                        | _ -> SkillReply.Fail SkillErrorCode.NotFound))

        member _.SetAsync(caller, key, value, token) =
            guarded token (fun connection ->
                run
                    connection
                    "INSERT INTO skill_memory VALUES ($skill, $key, $value) ON CONFLICT (skill, key) DO UPDATE SET value = excluded.value"
                    [ "$skill", caller.Name; "$key", key; "$value", value ]
                    (fun c -> c.ExecuteNonQuery())
                |> ignore

                SkillReply.Done)
