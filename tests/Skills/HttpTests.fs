module Twofold.Skills.Tests.HttpTests

// Requests of skills: only to public addresses that the manifest covers, whatever names resolve to and wherever redirects lead; bounded in size and time.
// In: real servers on loopback, which the option for tests lets requests reach. Out: failures.

open System
open System.Net
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open NUnit.Framework
open Twofold
open Twofold.Extensions.Skills
open Twofold.Skills.Tests.Servers

let private anyone = SkillCaller.Of("test", "http:*:*")
let private openTo () = SafeHttpOptions(AllowPrivateAddresses = true)

let private send (options: SafeHttpOptions) (caller: SkillCaller) (verb: string) (url: string) (body: string) =
    use http = new SafeHttp(options)
    (http :> ISkillHttp).SendAsync(caller, SkillHttpMessage.Of(verb, Uri url, Encoding.UTF8.GetBytes body), CancellationToken.None).Result

let private get options url = send options anyone "GET" url ""
let private textOf (r: SkillHttpReply) = Encoding.UTF8.GetString(r.GetBody())

let private respond (status: int) (text: string) (c: HttpContext) =
    task {
        c.Response.StatusCode <- status
        do! c.Response.WriteAsync text
    }
    :> Task

[<Test>]
let ``addresses that are not public`` () =
    for inside in
        [
            "127.0.0.1"
            "127.9.9.9"
            "0.0.0.0"
            "10.1.2.3"
            "172.16.0.1"
            "172.31.255.255"
            "192.168.1.1"
            "169.254.169.254"
            "100.64.0.1"
            "192.0.0.192"
            "198.18.0.1"
            "203.0.113.9"
            "224.0.0.1"
            "240.0.0.1"
            "255.255.255.255"
            "168.63.129.16"
            "::"
            "::1"
            "fe80::1"
            "fe80::1%1"
            "fc00::1"
            "fd00:ec2::254"
            "ff02::1"
            "2001:db8::1"
            "2002:7f00:1::"
            "2001::1"
            "64:ff9b::7f00:1"
            "::127.0.0.1"
            "::ffff:127.0.0.1"
            "::ffff:10.0.0.1"
            "::ffff:169.254.169.254"
        ] do
        Assert.That(Addresses.isPublic (IPAddress.Parse inside), Is.False, inside)

    for outside in [ "1.1.1.1"; "8.8.8.8"; "172.32.0.1"; "172.15.0.1"; "100.128.0.1"; "169.253.1.1"; "2606:4700::1111"; "::ffff:8.8.8.8" ] do
        Assert.That(Addresses.isPublic (IPAddress.Parse outside), Is.True, outside)

[<Test>]
let ``without the switch for tests nothing on this machine is reached`` () =
    use server = new Web(respond 200 "inside")
    let port = server.Port

    for url in
        [
            $"http://127.0.0.1:{port}/"
            $"http://localhost:{port}/"
            $"http://127.1:{port}/"
            $"http://0x7f000001:{port}/"
            $"http://2130706433:{port}/"
            $"http://[::1]:{port}/"
            $"http://[::ffff:127.0.0.1]:{port}/"
            $"http://0.0.0.0:{port}/"
        ] do
        Assert.That((get (SafeHttpOptions()) url).Error, Is.EqualTo SkillErrorCode.Denied, url)

    Assert.That(server.Asked, Is.EqualTo 0)
    // With it, the same server answers: the refusals above are the switch's doing.
    Assert.That(textOf (get (openTo ()) $"http://127.0.0.1:{port}/"), Is.EqualTo "inside")

[<Test>]
let ``a name is resolved once, and connections go to what was checked`` () =
    use server = new Web(respond 200 "inside")
    let mutable asked = 0

    // Public when it is looked at first, loopback from then on.
    let rebinding (_: string) (_: CancellationToken) =
        let first = Interlocked.Increment &asked = 1
        Task.FromResult [| IPAddress.Parse(if first then "198.51.101.1" else "127.0.0.1") |]

    let options = SafeHttpOptions(Resolve = Func<_, _, _>(rebinding), Timeout = TimeSpan.FromMilliseconds 500.0)
    let r = get options $"http://rebind.example.org:{server.Port}/"
    Assert.That([ SkillErrorCode.Timeout; SkillErrorCode.Unavailable ], Does.Contain r.Error)
    Assert.That(asked, Is.EqualTo 1)
    Assert.That(server.Asked, Is.EqualTo 0)
    // A name that leads inside and outside at once is denied.
    let both (_: string) (_: CancellationToken) = Task.FromResult [| IPAddress.Parse "8.8.8.8"; IPAddress.Loopback |]
    let r = get (SafeHttpOptions(Resolve = Func<_, _, _>(both))) $"http://both.example.org:{server.Port}/"
    Assert.That(r.Error, Is.EqualTo SkillErrorCode.Denied)

[<Test>]
let ``each redirect is checked again`` () =
    use target = new Web(respond 200 "arrived")

    use server =
        new Web(fun c ->
            task {
                c.Response.StatusCode <- 302
                c.Response.Headers.Location <- c.Request.Query["to"].ToString()
            })

    let via (target: string) = $"http://127.0.0.1:{server.Port}/?to={Uri.EscapeDataString target}"
    let only (ports: int list) = SkillCaller.Of("test", ports |> List.map (fun p -> $"http:127.0.0.1:{p}") |> Array.ofList)
    let go caller target = send (openTo ()) caller "GET" (via target) ""
    Assert.That(textOf (go (only [ server.Port; target.Port ]) target.Url), Is.EqualTo "arrived")
    Assert.That((go (only [ server.Port ]) target.Url).Error, Is.EqualTo SkillErrorCode.Denied)
    Assert.That((go anyone "file:///etc/passwd").Error, Is.EqualTo SkillErrorCode.Denied)
    Assert.That((go anyone "http://user:pw@127.0.0.1/").Error, Is.EqualTo SkillErrorCode.Denied)
    Assert.That(target.Asked, Is.EqualTo 1)
    // In a circle: as often as allowed, and no more.
    use circle = new Web(fun c -> task { c.Response.Redirect "/again" })
    Assert.That((get (openTo ()) circle.Url).Error, Is.EqualTo SkillErrorCode.Failed)
    Assert.That(circle.Asked, Is.EqualTo 6)
    // The first hop is public, as far as the resolver says; the second is not.
    let resolve (host: string) (_: CancellationToken) = Task.FromResult [| IPAddress.Loopback |]
    let r = get (SafeHttpOptions(Resolve = Func<_, _, _>(resolve))) $"http://outside.example.org:{server.Port}/?to=x"
    Assert.That(r.Error, Is.EqualTo SkillErrorCode.Denied)

[<Test>]
let ``another server after a redirect gets no secrets`` () =
    let mutable seen = ""

    use target =
        new Web(fun c ->
            task {
                seen <- c.Request.Headers.Authorization.ToString() + c.Request.Headers.Cookie.ToString()
                do! c.Response.WriteAsync "ok"
            })

    use server = new Web(fun c -> task { c.Response.Redirect target.Url })
    use http = new SafeHttp(openTo ())
    let ask = $$"""{"url": "{{server.Url}}", "headers": {"Authorization": "Bearer s3cret", "Cookie": "id=s3cret"} }"""

    let ports = SkillPorts().WithHttp http
    use engine = new TwofoldEngine(EngineOptions().WithSkillPorts ports)
    let b = World.wasm (World.passing "http_request_full")
    let manifest = World.manifestText [ "http:*:*" ] b
    let report = engine.Execute(ExecutionRequest.ForSkill(Skill.Create(manifest, b), ask))
    Assert.That(report.Receipt.ReturnDataText, Does.Contain "\"status\":200")
    Assert.That(target.Asked, Is.EqualTo 1)
    Assert.That(seen, Is.EqualTo "")

[<Test>]
let ``sizes and times are limited`` () =
    use server =
        new Web(fun c ->
            task {
                match c.Request.Path.Value with
                | "/slow" -> do! Task.Delay(10_000, c.RequestAborted)
                | "/drip" ->
                    while true do
                        do! c.Response.WriteAsync "x"
                        do! c.Response.Body.FlushAsync()
                        do! Task.Delay(100, c.RequestAborted)
                | "/long" -> do! c.Response.WriteAsync(String('x', 2000))
                | _ ->
                    // Chunked: its length is not known before.
                    for _ in 1..100 do
                        do! c.Response.WriteAsync(String('x', 1000))
                        do! c.Response.Body.FlushAsync()
            })

    let options () = SafeHttpOptions(AllowPrivateAddresses = true, Timeout = TimeSpan.FromMilliseconds 400.0, MaxResponseBytes = 2000)
    Assert.That((get (options ()) (server.Url + "/long")).GetBody().Length, Is.EqualTo 2000)
    Assert.That((get (options ()) (server.Url + "/endless")).Error, Is.EqualTo SkillErrorCode.TooLarge)
    Assert.That((get (options ()) (server.Url + "/slow")).Error, Is.EqualTo SkillErrorCode.Timeout)
    Assert.That((get (options ()) (server.Url + "/drip")).Error, Is.EqualTo SkillErrorCode.Timeout)
    Assert.That((get (openTo ()) "http://127.0.0.1:1/").Error, Is.EqualTo SkillErrorCode.Unavailable)

[<Test>]
let ``methods, bodies and statuses arrive as they are`` () =
    use server =
        new Web(fun c ->
            task {
                let! sent = body c
                c.Response.StatusCode <- 418
                c.Response.Headers["X-Seen"] <- $"{c.Request.Method} {c.Request.ContentType} {c.Request.Headers.UserAgent}"
                do! c.Response.WriteAsync sent
            })

    let r = send (openTo ()) anyone "PUT" server.Url "content"
    Assert.That(r.Status, Is.EqualTo 418)
    Assert.That(textOf r, Is.EqualTo "content")
