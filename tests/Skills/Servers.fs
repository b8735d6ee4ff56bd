module Twofold.Skills.Tests.Servers

// Real servers on loopback: Kestrel with the answers of a test, PostgreSQL where the machine has it.
// In: handlers. Out: addresses; everything ends with the value.

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open NUnit.Framework

/// A web server on a port of its own.
type Web(handler: HttpContext -> Task) =
    let mutable asked = 0

    let app =
        let builder = WebApplication.CreateSlimBuilder()
        builder.Logging.ClearProviders() |> ignore
        builder.WebHost.UseUrls "http://127.0.0.1:0" |> ignore
        let app = builder.Build()

        app.Run(
            RequestDelegate(fun c ->
                Threading.Interlocked.Increment &asked |> ignore
                handler c)
        )

        app.StartAsync().GetAwaiter().GetResult()
        app

    let url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses |> Seq.head

    member _.Url = url
    member _.Port = Uri(url).Port
    /// How many requests came.
    member _.Asked = Threading.Volatile.Read &asked

    interface IDisposable with
        member _.Dispose() =
            use stop = new Threading.CancellationTokenSource(TimeSpan.FromSeconds 2.0)

            (try
                app.StopAsync(stop.Token).GetAwaiter().GetResult()
             with :? OperationCanceledException ->
                 ())

            (app :> IDisposable).Dispose()

let body (c: HttpContext) =
    task {
        use reader = new StreamReader(c.Request.Body)
        return! reader.ReadToEndAsync()
    }

/// A server that speaks OpenAI's chat completions and answers each prompt with `answer`; anything but a right request with the key is refused as such servers do.
let openAi (key: string) (answer: string -> string) =
    new Web(fun c ->
        task {
            let! json = body c
            let given = c.Request.Headers.Authorization.ToString()
            c.Response.ContentType <- "application/json"

            if c.Request.Path.Value <> "/v1/chat/completions" || c.Request.Method <> "POST" then
                c.Response.StatusCode <- 404
            elif given <> "Bearer " + key then
                c.Response.StatusCode <- 401
                let refusal = $$"""{"error": {"message": "wrong key {{given}}"} }"""
                do! c.Response.WriteAsync refusal
            else
                use document = Text.Json.JsonDocument.Parse json
                let messages = document.RootElement.GetProperty "messages"
                let prompt = (messages[0].GetProperty "content").GetString()
                let answered = answer prompt
                let quoted = Text.Json.JsonSerializer.Serialize<string> answered

                let message = $$"""{"role": "assistant", "content": {{quoted}} }"""

                do!
                    c.Response.WriteAsync
                        $$"""{"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": {{message}}, "finish_reason": "stop"}]}"""
        })

let private run (file: string) (args: string list) =
    let info =
        ProcessStartInfo(
            file,
            args,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/"
        )

    use p = Process.Start info
    let error = p.StandardError.ReadToEndAsync()
    p.StandardOutput.ReadToEnd() |> ignore
    p.WaitForExit()
    p.ExitCode, error.Result

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// A PostgreSQL of its own, or a skipped test where the machine has none (or this user may not start one).
type Postgres() =
    let tools =
        let named name =
            let onPath =
                (Environment.GetEnvironmentVariable "PATH").Split Path.PathSeparator |> Seq.map (fun p -> Path.Combine(p, name))

            let usual =
                if Directory.Exists "/usr/lib/postgresql" then
                    Directory.GetDirectories "/usr/lib/postgresql" |> Seq.map (fun v -> Path.Combine(v, "bin", name))
                else
                    Seq.empty

            Seq.append onPath usual |> Seq.tryFind File.Exists

        match named "initdb", named "pg_ctl" with
        | Some initdb, Some ctl -> initdb, ctl
        | _ ->
            Assert.Ignore "PostgreSQL (initdb, pg_ctl) is not on this machine"
            "", ""

    let folder = Directory.CreateTempSubdirectory("twofold-pg-").FullName
    let port = freePort ()

    // The server refuses to run as root.
    let asServer (file: string) (args: string list) =
        if Environment.UserName = "root" then
            run "setpriv" ([ "--reuid=postgres"; "--regid=postgres"; "--init-groups"; "--"; file ] @ args)
        else
            run file args

    let orIgnore what (code, error: string) =
        if code <> 0 then
            Assert.Ignore $"PostgreSQL does not start here: {what}: {error}"

    do
        if Environment.UserName = "root" then
            run "chown" [ "postgres:postgres"; folder ] |> orIgnore "chown"

        asServer (fst tools) [ "-D"; folder + "/data"; "-U"; "postgres"; "-A"; "trust"; "-E"; "UTF8"; "--locale=C"; "--no-sync" ]
        |> orIgnore "initdb"

        asServer (snd tools) [
            "-D"
            folder + "/data"
            "-w"
            "-t"
            "20"
            "-l"
            folder + "/log"
            "-o"
            $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
            "start"
        ]
        |> orIgnore "pg_ctl"

    member _.ConnectionString = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Timeout=5"

    interface IDisposable with
        member _.Dispose() =
            asServer (snd tools) [ "-D"; folder + "/data"; "-m"; "immediate"; "stop" ] |> ignore
            Directory.Delete(folder, true)
