namespace Twofold.Wasm.Binary

// Names of functions for messages, traces and profiles: the `name` custom section (appendix 7.4.1), then exports and imports.
// In: a Module. Out: ModuleNames. A broken name section is as good as none; it is never an error.

open System
open System.Collections.Generic
open Twofold.Wasm

/// Names by function index, imports first.
[<Sealed>]
type ModuleNames private (moduleName: string, functions: Dictionary<int, string>) =
    /// The module's own name, or the empty string.
    member _.Module = moduleName

    /// A function's name, or null.
    member _.Function(index: int) : string =
        match functions.TryGetValue index with
        | true, name -> name
        | _ -> null

    /// `function 12 (add)`, or `function 12`.
    member this.Describe(index: int) =
        match this.Function index with
        | null -> $"function {index}"
        | name -> $"function {index} ({name})"

    /// Reads the custom section, if the module has one, and fills gaps from exports and imports.
    static member Read(m: Module) : ModuleNames =
        let functions = Dictionary<int, string>()
        let mutable moduleName = ""

        match m.Customs |> Array.tryFind (fun c -> c.Name = "name") with
        | None -> ()
        | Some custom ->
            let r = Reader(m.Bytes, Features.Default)
            r.Pos <- custom.Start
            r.End <- custom.Start + custom.Length
            let last = r.End

            while r.Ok && r.Pos < last do
                let id = r.Byte()
                let size = r.Length()
                let next = r.Pos + size

                if r.Ok then
                    r.End <- next

                    if id = 0uy then
                        moduleName <- r.Name()
                    elif id = 1uy then
                        let n = r.Count(Int32.MaxValue, "names")
                        let mutable i = 0

                        while i < n && r.Ok do
                            let index = r.Index()
                            let name = r.Name()

                            if r.Ok then
                                functions[index] <- name

                            i <- i + 1

                    if r.Ok then
                        r.End <- last
                        r.Pos <- next

        for e in m.Exports do
            if e.Kind = ExternKind.Func then
                functions.TryAdd(e.Index, e.Name) |> ignore

        let mutable index = 0

        for i in m.Imports do
            match i.Type with
            | ExternType.Func _ ->
                functions.TryAdd(index, $"{i.Module}.{i.Name}") |> ignore
                index <- index + 1
            | _ -> ()

        ModuleNames(moduleName, functions)
