namespace Twofold.Bench

// The kernels of bench/kernels: listed once in kernels.json, so that every engine runs the same files with the same arguments.
// In: the folder beside this source. Out: names, bytes, arguments.

open System.IO
open System.Text.Json

type Kernel = { Name: string; Path: string; Argument: int }

module Kernels =
    /// bench/kernels in the source tree: the benchmarks are run from a checkout.
    let folder = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "kernels"))

    let all: Kernel list =
        use json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "kernels.json")))

        [
            for k in json.RootElement.EnumerateArray() do
                {
                    Name = k.GetProperty("name").GetString()
                    Path = Path.Combine(folder, k.GetProperty("file").GetString())
                    Argument = k.GetProperty("arg").GetInt32()
                }
        ]

    /// The kernels that export `run`; `add` is for calls.
    let computing = all |> List.filter (fun k -> k.Name <> "add")

    /// The named ones, or all when no name is given; unknown names are an error.
    let named (names: string list) : Result<Kernel list, string> =
        match names |> List.tryFind (fun n -> not (computing |> List.exists (fun k -> k.Name = n))) with
        | Some unknown ->
            let known = computing |> List.map _.Name |> String.concat ", "
            Error $"no such kernel: {unknown}; there are {known}"
        | None when names.IsEmpty -> Ok computing
        | None -> Ok(computing |> List.filter (fun k -> List.contains k.Name names))
