module Twofold.Security.FileLaws

// Files in memory do what a plain array does: pages, sparse parts, cuts, appends, positions, and the limit on what they weigh.
// In: random calls on one file, random names in one directory. Out: a call whose answer differs from the model's.

open System
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Security.Grounds

type Op =
    | Write of byte[]
    | Pwrite of offset: int * byte[]
    | Read of int
    | Pread of offset: int * int
    | Seek of offset: int64 * whence: uint32
    | Truncate of int
    | Allocate of offset: int * length: int
    | Append of bool

let private page = WasiWorld.PageBytes

/// Places where pages begin and end, and others.
let private place =
    Gen.frequency [
        4, Gen.choose (0, 3 * page)
        3, Gen.map2 (fun n d -> max 0 (n * page + d)) (Gen.choose (0, 5)) (Gen.choose (-2, 2))
        1, Gen.choose (0, 40 * page)
    ]

let private bytes =
    gen {
        let! n = Gen.frequency [ 1, Gen.constant 0; 4, Gen.choose (1, 40); 3, Gen.choose (1, 2 * page + 3) ]
        let! first = Gen.choose (1, 255)
        // No zeros: what was never written must not look like it.
        return Array.init n (fun i -> byte ((first + i) % 255 + 1))
    }

let private op =
    Gen.frequency [
        5, Gen.map Write bytes
        4, Gen.map2 (fun o b -> Pwrite(o, b)) place bytes
        4, Gen.map Read place
        3, Gen.map2 (fun o n -> Pread(o, n)) place place
        4, Gen.map2 (fun o w -> Seek(int64 o, w)) (Gen.choose (-3 * page, 6 * page)) (Gen.elements [ 0u; 1u; 2u; 2u; 3u ])
        3, Gen.map Truncate place
        2, Gen.map2 (fun o n -> Allocate(o, n)) place (Gen.choose (0, 2 * page))
        1, Gen.map Append (Gen.elements [ true; false ])
    ]

type Files =
    static member Ops() = Arb.fromGenShrink (Gen.listOf op, (fun ops -> seq { for i in 0 .. ops.Length - 1 -> List.removeAt i ops }))

/// The same file as an array.
type private Model(content: byte[], limit: int64) =
    let mutable bytes = content
    let mutable position = 0L
    let mutable append = false

    let room size = WasiWorld.weightOf size <= limit

    let put (at: int64) (data: byte[]) =
        let finish = max bytes.LongLength (at + data.LongLength)

        if not (room finish) then
            false
        else
            let longer = Array.zeroCreate<byte>(int finish)
            bytes.CopyTo(longer, 0)
            data.CopyTo(longer, int at)
            bytes <- longer
            true

    let slice (at: int64) n =
        if at >= bytes.LongLength then
            [||]
        else
            Array.sub bytes (int at) (int (min (int64 n) (bytes.LongLength - at)))

    let u32 (n: int) = BitConverter.GetBytes(uint32 n)
    let ok = Errno.Success
    let failed errno : uint16 * byte[] = errno, [||]

    let resized size =
        if room (int64 size) then
            bytes <- Array.init size (fun i -> if i < bytes.Length then bytes[i] else 0uy)
            ok, [||]
        else
            failed Errno.Nospc

    let written at (data: byte[]) moves =
        let at = if append then bytes.LongLength else at

        if data.Length = 0 then
            ok, u32 0
        elif put at data then
            if moves then
                position <- at + data.LongLength

            ok, u32 data.Length
        else
            failed Errno.Nospc

    member _.Bytes = bytes

    member _.Do(op: Op) : uint16 * byte[] =
        match op with
        | Write data -> written position data true
        | Pwrite(offset, data) -> written offset data false
        | Read n ->
            let found = slice position n
            position <- position + found.LongLength
            ok, found
        | Pread(offset, n) -> ok, slice offset n
        | Seek(offset, whence) ->
            let place =
                match whence with
                | 0u -> Some offset
                | 1u -> Some(position + offset)
                | 2u -> Some(bytes.LongLength + offset)
                | _ -> None

            match place with
            | Some p when p >= 0L ->
                position <- p
                ok, BitConverter.GetBytes p
            | _ -> failed Errno.Inval
        | Truncate size -> resized size
        | Allocate(_, 0) -> failed Errno.Inval
        | Allocate(offset, length) -> if offset + length <= bytes.Length then ok, [||] else resized (offset + length)
        | Append on ->
            append <- on
            ok, [||]

let private effect fd op : WasiEffect * byte[] =
    match op with
    | Write data -> WasiEffect.FdWrite(fd, WasiData.Of data), data
    | Pwrite(offset, data) -> WasiEffect.FdPwrite(fd, WasiData.Of data, uint64 offset), data
    | Read n -> WasiEffect.FdRead(fd, uint32 n), [||]
    | Pread(offset, n) -> WasiEffect.FdPread(fd, uint32 n, uint64 offset), [||]
    | Seek(offset, whence) -> WasiEffect.FdSeek(fd, uint64 offset, whence), [||]
    | Truncate size -> WasiEffect.FdFilestatSetSize(fd, uint64 size), [||]
    | Allocate(offset, length) -> WasiEffect.FdAllocate(fd, uint64 offset, uint64 length), [||]
    | Append on -> WasiEffect.FdFdstatSetFlags(fd, (if on then Flag.Append else 0u)), [||]

[<Property(Arbitrary = [| typeof<Files> |], MaxTest = 400)>]
let ``a file in memory is a plain array`` (ops: Op list) (NonNegativeInt size) (tight: bool) =
    let content = Array.init (size * 379 % (3 * page)) (fun i -> byte (i % 255 + 1))
    let limit = if tight then WasiWorld.weightOf content.LongLength + int64 (4 * page) else 1L <<< 30
    let e = Effects(worldWith WasiGrant.All [ "f", WasiNode.File content ], limit)
    let fd = e.Opened("f", 0u, 0u)
    let model = Model(content, limit)

    for i, op in List.indexed ops do
        let expected = model.Do op
        let call, data = effect fd op
        let seen = e.Do(call, data)
        Assert.That((seen = expected), $"call {i}, %A{op}: %A{fst seen}, expected %A{fst expected}")
        Assert.That(e.U64(WasiEffect.FdFilestatGet fd, 32), Is.EqualTo(uint64 model.Bytes.Length), $"the size after call {i}, %A{op}")

    Assert.That((e.Reply(WasiEffect.FdPread(fd, 1u <<< 24, 0UL)) = model.Bytes), "the content at the end")

/// The entries that lie whole in what readdir gave: cookie, inode, type, name.
let entriesOf (reply: byte[]) : (uint64 * uint64 * byte * string) list =
    let rec from at =
        if at + 24 > reply.Length then
            []
        else
            let length = BitConverter.ToInt32(reply, at + 16)

            if at + 24 + length > reply.Length then
                []
            else
                let name = Text.Encoding.UTF8.GetString(reply, at + 24, length)

                (BitConverter.ToUInt64(reply, at), BitConverter.ToUInt64(reply, at + 8), reply[at + 20], name)
                :: from (at + 24 + length)

    from 0

/// All names of a directory, read through a buffer of so many bytes.
let namesThrough (e: Effects) (fd: uint32) (room: int) : string list =
    let rec from cookie =
        let reply = e.Reply(WasiEffect.FdReaddir(fd, uint32 room, cookie))

        match entriesOf reply with
        | [] -> []
        | entries ->
            let last, _, _, _ = List.last entries
            Assert.That(last, Is.GreaterThan cookie, "cookies go on")
            let names = entries |> List.map (fun (_, _, _, name) -> name)
            if reply.Length < room then names else names @ from last

    from 0UL

[<Property(MaxTest = 100)>]
let ``a listing read through any buffer has every name once, in order`` (numbers: int list) (PositiveInt extra) =
    let names = numbers |> List.map (fun n -> $"n{abs n % 500}ü{n &&& 3}") |> List.distinct
    let e = Effects(worldWith WasiGrant.All [])

    for name in names do
        e.Open(3u, name, Flag.Creat, 0u) |> ignore

    let expected = "." :: ".." :: List.sortWith (fun (a: string) b -> String.CompareOrdinal(a, b)) names
    // Any buffer that holds one entry.
    Assert.That((namesThrough e 3u (24 + 12 + extra % 700) = expected))

[<Test>]
let ``files by path become directories: each of many thousands once, the later one of two in each other's way`` () =
    let entries = WasiNode.ofFiles [ for i in 0..19_999 -> [ "d"; $"f{i:D5}" ], [| byte i |] ]

    match entries with
    | [ "d", WasiNode.Directory files ] ->
        Assert.That(files.Length, Is.EqualTo 20_000)
        Assert.That((files[4711] = ("f04711", WasiNode.File [| byte 4711 |])))
    | other -> Assert.Fail $"%A{other}"

    let file n = WasiNode.File [| n |]
    let made files = WasiNode.ofFiles [ for (path: string), n in files -> List.ofArray (path.Split '/'), [| n |] ]
    Assert.That((made [ "b", 1uy; "a", 2uy; "B", 3uy ] = [ "B", file 3uy; "a", file 2uy; "b", file 1uy ]))
    Assert.That((made [ "a", 1uy; "a", 2uy ] = [ "a", file 2uy ]))
    Assert.That((made [ "a/b", 1uy; "a", 2uy ] = [ "a", file 2uy ]))
    Assert.That((made [ "a/b", 1uy; "a", 2uy; "a/c", 3uy; "a/d", 4uy ] = [ "a", WasiNode.Directory [ "c", file 3uy; "d", file 4uy ] ]))
