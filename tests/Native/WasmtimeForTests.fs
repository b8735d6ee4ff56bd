namespace Twofold.Tests

// libwasmtime for tests: the variable's, or the one of `shared/native` beside the repository, unpacked once beside the tests' own files.
// In: nothing. Out: an engine, or why there is none; tests that need it are skipped then, by one name.

open System
open System.IO
open System.IO.Compression
open Twofold.Wasmtime

module WasmtimeForTests =
    let private archive = "libwasmtime-50.0.1-linux-x64.zip"

    let rec private repository (folder: DirectoryInfo) =
        if isNull folder then None
        elif File.Exists(Path.Combine(folder.FullName, "global.json")) then Some folder.FullName
        else repository folder.Parent

    /// The library's folder, unpacked now if it was not.
    let private unpacked () : string option =
        let isRightPlatform =
            OperatingSystem.IsLinux()
            && Runtime.InteropServices.RuntimeInformation.ProcessArchitecture = Runtime.InteropServices.Architecture.X64

        match repository (DirectoryInfo AppContext.BaseDirectory) with
        | Some root when isRightPlatform ->
            let zip = Path.GetFullPath(Path.Combine(root, "..", "shared", "native", archive))

            if File.Exists zip then
                let folder = Path.Combine(AppContext.BaseDirectory, "wasmtime-native")
                let file = Path.Combine(folder, "libwasmtime.so")

                if not (File.Exists file) then
                    // Whole or not at all: several test processes may look at once.
                    let temporary = folder + Guid.NewGuid().ToString("n")
                    ZipFile.ExtractToDirectory(zip, temporary)
                    Directory.CreateDirectory folder |> ignore
                    File.Move(Path.Combine(temporary, "libwasmtime.so"), file, true)
                    Directory.Delete(temporary, true)

                Some folder
            else
                None
        | _ -> None

    /// Where the library is; null: let the variable say.
    let private path =
        lazy
            (match Environment.GetEnvironmentVariable WasmtimeLibrary.Variable with
             | null
             | "" -> unpacked () |> Option.map (fun folder -> Some folder)
             | _ -> Some None)

    /// Options that find the library, or None.
    let options: Lazy<WasmtimeOptions option> =
        lazy
            (path.Value
             |> Option.map (fun p ->
                 match p with
                 | Some folder -> WasmtimeOptions().WithLibrary folder
                 | None -> WasmtimeOptions()))

    let absent = "libwasmtime is absent: set TWOFOLD_WASMTIME to it, or keep shared/native beside the repository (linux-x64)"

    let private engines = Collections.Concurrent.ConcurrentDictionary<string, Lazy<WasmtimeEngine>>()

    /// An engine with these options, one for the process; None where the library is absent. A library that is there and does not work is an error.
    let tryEngine (name: string) (change: WasmtimeOptions -> WasmtimeOptions) : WasmtimeEngine option =
        options.Value |> Option.map (fun o -> (engines.GetOrAdd(name, fun _ -> lazy (new WasmtimeEngine(change o)))).Value)

    /// The engine with plain options.
    let tryPlain () = tryEngine "plain" id
