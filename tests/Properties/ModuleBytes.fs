/// A small encoder of WebAssembly modules (core specification 5), apart from src/Wasm, so that tests do not trust what they test.
/// In: sections as functions that write. Out: bytes.
module Twofold.Properties.ModuleBytes

open System
open System.Collections.Generic
open System.Text

type Out = List<byte>

let rec u32 (out: Out) (n: uint32) =
    if n < 128u then
        out.Add(byte n)
    else
        out.Add(byte (n &&& 127u) ||| 128uy)
        u32 out (n >>> 7)

let rec u64 (out: Out) (n: uint64) =
    if n < 128UL then
        out.Add(byte n)
    else
        out.Add(byte (n &&& 127UL) ||| 128uy)
        u64 out (n >>> 7)

let int' (out: Out) (n: int) = u32 out (uint32 n)

let rec s64 (out: Out) (n: int64) =
    let low = byte (n &&& 127L)
    let rest = n >>> 7

    if (rest = 0L && low &&& 64uy = 0uy) || (rest = -1L && low &&& 64uy <> 0uy) then
        out.Add low
    else
        out.Add(low ||| 128uy)
        s64 out rest

let bytes (out: Out) (content: byte seq) =
    let content = Array.ofSeq content
    int' out content.Length
    out.AddRange content

let name (out: Out) (text: string) = bytes out (Encoding.UTF8.GetBytes text)

/// A vector: its length, then each element by a function that writes it.
let vec (out: Out) (items: 'a seq) (write: Out -> 'a -> unit) =
    let items = Array.ofSeq items
    int' out items.Length

    for i in items do
        write out i

/// Something with its size in front: a section's content, a body.
let sized (out: Out) (write: Out -> unit) =
    let inner = Out()
    write inner
    bytes out inner

let section (out: Out) (id: int) (write: Out -> unit) =
    out.Add(byte id)
    sized out write

let header: byte[] = [| 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy |]

/// An opcode as the opcode table numbers it: 0xC00 + n is 0xFC n, and so on.
let op (out: Out) (code: uint16) =
    let prefixed (prefix: byte) (first: uint16) =
        out.Add prefix
        u32 out (uint32 (code - first))

    if code < 0x100us then out.Add(byte code)
    elif code < 0xC00us then prefixed 0xFBuy 0xB00us
    elif code < 0xE00us then prefixed 0xFCuy 0xC00us
    elif code < 0xD000us then prefixed 0xFEuy 0xE00us
    else prefixed 0xFDuy 0xD000us

let i32Const (out: Out) (n: int) =
    out.Add 0x41uy
    s64 out (int64 n)

let i64Const (out: Out) (n: int64) =
    out.Add 0x42uy
    s64 out n

let f32Const (out: Out) (bits: uint32) =
    out.Add 0x43uy
    out.AddRange(BitConverter.GetBytes bits)

let f64Const (out: Out) (bits: uint64) =
    out.Add 0x44uy
    out.AddRange(BitConverter.GetBytes bits)
