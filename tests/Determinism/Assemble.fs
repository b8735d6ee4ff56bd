module Twofold.Determinism.Assemble

// Small guests, put together section by section (core specification, section 5.5), so that tests need no toolchain.
// In: types, imports, bodies. Out: module bytes.

open System.Text

let rec leb (n: int) : byte list = if n < 0x80 then [ byte n ] else byte (n &&& 0x7F ||| 0x80) :: leb (n >>> 7)

/// Signed LEB128, for constants.
let rec sleb (n: int64) : byte list =
    let low = byte (n &&& 0x7FL)
    let rest = n >>> 7

    if (rest = 0L && low &&& 0x40uy = 0uy) || (rest = -1L && low &&& 0x40uy <> 0uy) then
        [ low ]
    else
        (low ||| 0x80uy) :: sleb rest

let vec (items: byte list list) = leb items.Length @ List.concat items
let text (s: string) = let b = Encoding.UTF8.GetBytes s in leb b.Length @ List.ofArray b
let section (id: int) (body: byte list) = if body.IsEmpty then [] else byte id :: leb body.Length @ body

let i32 = 0x7Fuy
let i64 = 0x7Euy

/// A function the guest defines: its type, its export name ("" for none), locals of i32, instructions without the final end.
type Def = { Params: byte list; Results: byte list; Export: string; Locals: int; Code: byte list }

let def name pars results code = { Params = pars; Results = results; Export = name; Locals = 0; Code = code }

/// A guest. Function indices: imports first, then definitions in order.
type Guest = {
    /// Module, name, parameters, results.
    Imports: (string * string * byte list * byte list) list
    /// Pages of the memory, exported as `memory`; -1 for none.
    Pages: int
    /// The memory is imported from `env`, `memory`, with at least these pages, instead of defined.
    ImportsMemory: bool
    Defs: Def list
    /// Initial values of mutable i32 globals.
    Globals: int list
    /// Function indices in the table from 0 on; the table has `TableSize` entries.
    TableSize: int
    Elements: int list
    /// Active data at address 0, and one passive segment (index 1, or 0 without active data).
    Data: byte list
    Passive: byte list
}

let guest defs = {
    Imports = []
    Pages = 1
    ImportsMemory = false
    Defs = defs
    Globals = []
    TableSize = 0
    Elements = []
    Data = []
    Passive = []
}

let private header = [ 0x00uy; 0x61uy; 0x73uy; 0x6Duy; 0x01uy; 0x00uy; 0x00uy; 0x00uy ]
let private count (items: byte list list) = if items.IsEmpty then [] else vec items

/// The module's bytes.
let assemble (g: Guest) : byte[] =
    let functionType pars results = 0x60uy :: vec [ for p in pars -> [ p ] ] @ vec [ for r in results -> [ r ] ]

    let types =
        [ for _, _, pars, results in g.Imports -> functionType pars results ]
        @ [ for d in g.Defs -> functionType d.Params d.Results ]

    let imports = [
        for i, (m, n, _, _) in List.indexed g.Imports do
            text m @ text n @ [ 0uy ] @ leb i

        if g.ImportsMemory then
            text "env" @ text "memory" @ [ 2uy; 0uy ] @ leb g.Pages
    ]

    let functions = [ for i in 0 .. g.Defs.Length - 1 -> leb (g.Imports.Length + i) ]
    let table = if g.TableSize = 0 then [] else [ [ 0x70uy; 0uy ] @ leb g.TableSize ]
    let memory = if g.Pages < 0 || g.ImportsMemory then [] else [ 0uy :: leb g.Pages ]
    let globals = [ for v in g.Globals -> [ i32; 1uy; 0x41uy ] @ sleb (int64 v) @ [ 0x0Buy ] ]

    let exports = [
        for i, d in List.indexed g.Defs do
            if d.Export <> "" then
                text d.Export @ [ 0uy ] @ leb (g.Imports.Length + i)

        if g.Pages >= 0 then
            text "memory" @ [ 2uy; 0uy ]
    ]

    let elements =
        if g.Elements.IsEmpty then
            []
        else
            [ [ 0uy; 0x41uy; 0uy; 0x0Buy ] @ vec [ for e in g.Elements -> leb e ] ]

    let code = [
        for d in g.Defs do
            let locals = if d.Locals = 0 then [] else [ leb d.Locals @ [ i32 ] ]
            let body = vec locals @ d.Code @ [ 0x0Buy ]
            leb body.Length @ body
    ]

    let datas = [
        if not g.Data.IsEmpty then
            [ 0uy; 0x41uy; 0uy; 0x0Buy ] @ leb g.Data.Length @ g.Data

        if not g.Passive.IsEmpty then
            [ 1uy ] @ leb g.Passive.Length @ g.Passive
    ]

    let dataCount = if datas.IsEmpty then [] else section 12 (leb datas.Length)

    header
    @ section 1 (count types)
    @ section 2 (count imports)
    @ section 3 (count functions)
    @ section 4 (count table)
    @ section 5 (count memory)
    @ section 6 (count globals)
    @ section 7 (count exports)
    @ section 9 (count elements)
    @ dataCount
    @ section 10 (count code)
    @ section 11 (count datas)
    |> Array.ofList

// Instructions that tests use.

let constant (n: int) = 0x41uy :: sleb (int64 n)
let constant64 (n: int64) = 0x42uy :: sleb n
let local (n: int) = 0x20uy :: leb n
let call (n: int) = 0x10uy :: leb n
let drop = [ 0x1Auy ]
let add = [ 0x6Auy ]
let load8 = [ 0x2Duy; 0uy; 0uy ]
let store8 = [ 0x3Auy; 0uy; 0uy ]
let globalGet (n: int) = 0x23uy :: leb n
let globalSet (n: int) = 0x24uy :: leb n
let callIndirect (typeIndex: int) = [ 0x11uy ] @ leb typeIndex @ [ 0uy ]
let growMemory = [ 0x40uy; 0uy ]
let memorySize = [ 0x3Fuy; 0uy ]
let unreachable = [ 0x00uy ]
let divide = [ 0x6Duy ]
let memoryInit (segment: int) = [ 0xFCuy; 8uy ] @ leb segment @ [ 0uy ]
let dataDrop (segment: int) = [ 0xFCuy; 9uy ] @ leb segment
let tableSet = [ 0x26uy; 0uy ]
let refNull = [ 0xD0uy; 0x70uy ]
/// loop ... br 0 end: for ever.
let forever body = [ 0x03uy; 0x40uy ] @ body @ [ 0x0Cuy; 0uy; 0x0Buy ]
