namespace Twofold.Extensions.Skills

// Memory of skills in PostgreSQL: the same table as in SQLite, made when it is not there.
// In: a connection string. Out: values; a server that does not answer is Timeout or Unavailable. The connection string shows nowhere.

open System
open System.Threading
open System.Threading.Tasks
open Npgsql
open Twofold

/// The memory. Thread-safe; keep one.
[<Sealed>]
type PostgresMemory(connectionString: string) =
    let source = NpgsqlDataSource.Create connectionString
    let gate = new SemaphoreSlim(1, 1)
    let mutable ready = false

    let prepare (token: CancellationToken) =
        task {
            if not ready then
                do! gate.WaitAsync token

                try
                    if not ready then
                        use command =
                            source.CreateCommand
                                "CREATE TABLE IF NOT EXISTS skill_memory (skill text NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (skill, key))"

                        try
                            let! _ = command.ExecuteNonQueryAsync token
                            ()
                        // Two processes at once: the other one has made it.
                        with :? PostgresException as e when e.SqlState = "23505" || e.SqlState = "42P07" ->
                            ()

                        ready <- true
                finally
                    gate.Release() |> ignore
        }

    let guarded (token: CancellationToken) (work: unit -> Task<SkillReply>) : Task<SkillReply> =
        task {
            try
                do! prepare token
                return! work ()
            with
            | :? NpgsqlException as e when (e.InnerException :? TimeoutException) -> return SkillReply.Fail SkillErrorCode.Timeout
            | :? NpgsqlException -> return SkillReply.Fail SkillErrorCode.Unavailable
            | :? TimeoutException -> return SkillReply.Fail SkillErrorCode.Timeout
            | :? Net.Sockets.SocketException -> return SkillReply.Fail SkillErrorCode.Unavailable
        }

    let command (sql: string) (values: obj list) =
        let c = source.CreateCommand sql

        for value in values do
            c.Parameters.Add(NpgsqlParameter(Value = value)) |> ignore

        c

    interface ISkillMemory with
        member _.GetAsync(caller, key, token) =
            guarded token (fun () ->
                task {
                    use c = command "SELECT value FROM skill_memory WHERE skill = $1 AND key = $2" [ caller.Name; key ]

                    match! c.ExecuteScalarAsync token with
                    | :? (byte[]) as value -> return SkillReply.Of value
                    | _ -> return SkillReply.Fail SkillErrorCode.NotFound
                })

        member _.SetAsync(caller, key, value, token) =
            guarded token (fun () ->
                task {
                    use c =
                        command
                            "INSERT INTO skill_memory VALUES ($1, $2, $3) ON CONFLICT (skill, key) DO UPDATE SET value = excluded.value"
                            [ caller.Name; key; value ]

                    let! _ = c.ExecuteNonQueryAsync token
                    return SkillReply.Done
                })

    interface IDisposable with
        member _.Dispose() =
            source.Dispose()
            gate.Dispose()
