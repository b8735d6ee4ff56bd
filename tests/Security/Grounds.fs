module Twofold.Security.Grounds

// What the tests here stand on: requests from text, runs of WASI effects without a guest, directories of the host with a secret beside them.
// In: text, worlds. Out: requests, errnos with replies, folders that go away again.

open System
open System.IO
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests

/// A call of an export of a module in text under a profile.
let callOf (profile: Profile) (wat: string) (entry: string) (arguments: uint64 list) : ExecutionRequest = {
    Request.contract (World.wasm wat) entry Address.zero Address.zero Snapshot.empty with
        Convention = Convention.Raw arguments
        Profile = profile
}

/// The receipt that all engines agree on, fresh, pooled, again and replayed.
let everywhere (request: ExecutionRequest) : ExecutionReport = World.everyWay World.nobody request

let private number (v: ResultValue) = v.Low

/// The numbers that a request's run returns, the same in every way.
let returned (request: ExecutionRequest) : uint64 list =
    match (everywhere request).Receipt.Outcome with
    | Outcome.Returned values -> values |> List.map number
    | other ->
        Assert.Fail(Outcome.describe other)
        []

/// How a request's run traps, the same in every way: the code and its numbers.
let trapped (request: ExecutionRequest) : TrapCode * uint64 * uint64 * uint64 =
    match (everywhere request).Receipt.Outcome with
    | Outcome.Trapped(code, a, b, c) -> enum<TrapCode> code, a, b, c
    | other ->
        Assert.Fail(Outcome.describe other)
        failwith "unreachable"

/// What an executor says of a request that it must refuse.
let refused (e: Executor) (request: ExecutionRequest) : Rejected =
    match e.Execute request with
    | Error(Refusal.Rejected r) -> r
    | Error other -> failwith $"not a rejection: {other}"
    | Ok report -> failwith $"not rejected: {report.Message}"

let succeeds (e: Executor) (request: ExecutionRequest) : ExecutionReport =
    match e.Execute request with
    | Ok report ->
        Assert.That(report.Receipt.Outcome.Succeeded, report.Message)
        report
    | Error refusal -> failwith $"{refusal}"

// ---- WASI

/// A program of WASI: any entry of a module in text, in a world.
let programOf (wat: string) (entry: string) (world: WasiWorld) : ExecutionRequest = {
    callOf Profile.hostProfile wat entry [] with
        Wasi = Some world
}

let inMemory (guest: string) (grant: WasiGrant) (entries: (string * WasiNode) list) : WasiPreopen = {
    Guest = guest
    Grant = grant
    Content = WasiDirectory.Memory entries
}

/// A world with one directory in memory, descriptor 3.
let worldWith (grant: WasiGrant) (entries: (string * WasiNode) list) = { WasiWorld.empty with Preopens = [ inMemory "/" grant entries ] }

/// A program's effects without the program.
type Effects(world: WasiWorld, fileBytes: int64) =
    let rules = { OutputBytes = 1L <<< 20; FileBytes = fileBytes; FixedTime = true }
    let run = WasiRun(world, rules, null, (fun () -> CancellationToken.None))

    new(world) = Effects(world, 1L <<< 30)

    /// The errno, and the reply (empty after a failure).
    member _.Do(effect: WasiEffect, data: byte[]) : uint16 * byte[] =
        let errno = run.Perform(effect, ReadOnlyMemory data, 0L)
        errno, run.Reply.ToArray()

    member e.Do(effect: WasiEffect) = e.Do(effect, [||])
    member e.Errno(effect: WasiEffect) = fst (e.Do effect)

    /// The reply of an effect that must succeed.
    member e.Reply(effect: WasiEffect) : byte[] =
        let errno, reply = e.Do effect
        Assert.That(errno, Is.EqualTo Errno.Success, $"%A{effect}")
        reply

    member e.U32(effect) = BitConverter.ToUInt32(e.Reply effect, 0)
    member e.U64(effect, at: int) = BitConverter.ToUInt64(e.Reply effect, at)

    member e.Write(fd: uint32, data: byte[]) : uint16 * byte[] = e.Do(WasiEffect.FdWrite(fd, WasiData.Of data), data)

    /// Opens a path below a descriptor with all rights that there are; a directory cannot be written to.
    member e.Open(fd: uint32, path: string, oflags: uint32, fdflags: uint32) : uint16 * byte[] =
        let all = UInt64.MaxValue >>> 1
        let rights = if oflags &&& Flag.Directory <> 0u then all &&& ~~~Rights.FdWrite else all
        e.Do(WasiEffect.PathOpen(fd, 1u, Utf8.bytes path, oflags, rights, all, fdflags))

    /// The descriptor of a path that can be opened.
    member e.Opened(path: string, oflags: uint32, fdflags: uint32) : uint32 =
        let errno, reply = e.Open(3u, path, oflags, fdflags)
        Assert.That(errno, Is.EqualTo Errno.Success, path)
        BitConverter.ToUInt32(reply, 0)

    member e.Content(path: string) : byte[] =
        let fd = e.Opened(path, 0u, 0u)
        let bytes = e.Reply(WasiEffect.FdPread(fd, 1u <<< 20, 0UL))
        e.Reply(WasiEffect.FdClose fd) |> ignore
        bytes

/// A directory of the host with a secret beside it; both go away with it.
type Playground() =
    let top = Directory.CreateTempSubdirectory "twofold-security-"
    let inside = top.CreateSubdirectory "granted"
    do File.WriteAllText(Path.Combine(top.FullName, "secret.txt"), "the secret beside the granted directory")
    member _.Top = top.FullName
    member _.Path = inside.FullName
    member _.At(name: string) = Path.Combine(inside.FullName, name)
    member p.Write(name: string, text: string) = File.WriteAllText(p.At name, text)
    member p.Link(name: string, target: string) = File.CreateSymbolicLink(p.At name, target) |> ignore
    member _.Secret = File.ReadAllText(Path.Combine(top.FullName, "secret.txt"))

    /// A run's host, with the directory as handle 0.
    member _.Host(grant: WasiGrant) : IWasiHost =
        let grants = { WasiGrants.None with Directories = Map [ "/", inside.FullName ] }
        let host = (WasiHosts.source grants).Open()
        host.OpenPreopen(0, "/", grant) |> ignore
        host

    /// A program that has the directory as descriptor 3.
    member _.Request(wat: string, entry: string) : ExecutionRequest =
        let preopen = { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Host }

        {
            programOf wat entry { WasiWorld.empty with Preopens = [ preopen ] } with
                WasiHost = WasiHosts.source { WasiGrants.None with Directories = Map [ "/", inside.FullName ] }
        }

    interface IDisposable with
        member _.Dispose() = Directory.Delete(top.FullName, true)
