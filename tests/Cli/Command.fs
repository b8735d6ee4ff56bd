namespace Twofold.Cli.Tests

// The built command as a process, and small modules for it, written byte by byte so that no toolchain is needed.
// In: arguments. Out: exit code and both streams.

open System
open System.Diagnostics
open System.IO
open NUnit.Framework

type Ran = {
    Code: int
    Output: string
    Error: string
} with

    /// What a person sees, for failure messages.
    override r.ToString() = $"exit code {r.Code}\n{r.Output}{r.Error}"

module Command =
    let private dll = Path.Combine(AppContext.BaseDirectory, "Twofold.Cli.dll")

    /// Runs `twofold` with these arguments, under these variables, and with this runtimeconfig.json instead of its own.
    let runUnder (config: string option) (variables: (string * string) list) (args: string list) : Ran =
        let start =
            match config with
            | Some file -> [ "exec"; "--runtimeconfig"; file; dll ]
            | None -> [ dll ]

        let info =
            ProcessStartInfo("dotnet", start @ args, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false)

        for name, value in variables do
            info.Environment[name] <- value

        use p = Process.Start info
        let error = p.StandardError.ReadToEndAsync()
        let output = p.StandardOutput.ReadToEnd()

        if not (p.WaitForExit 60_000) then
            p.Kill()
            Assert.Fail("twofold did not end: " + String.Join(' ', args))

        { Code = p.ExitCode; Output = output; Error = error.Result }

    /// The command's own runtimeconfig.json.
    let config = Path.ChangeExtension(dll, ".runtimeconfig.json")

    let runWith variables args = runUnder None variables args

    /// Runs `twofold` with these arguments.
    let run (args: string list) : Ran = runWith [] args

    /// Runs it and checks the exit code.
    let ending (code: int) (args: string list) : Ran =
        let ran = run args
        Assert.That(ran.Code, Is.EqualTo code, string ran)
        ran

/// Files of the repository, and files of one test.
module Files =
    let private root =
        let rec up (dir: DirectoryInfo) =
            if File.Exists(Path.Combine(dir.FullName, "Directory.Packages.props")) then
                dir.FullName
            else
                up dir.Parent

        up (DirectoryInfo AppContext.BaseDirectory)

    let ofRepository (path: string) = Path.Combine(root, path)
    let private own = Directory.CreateTempSubdirectory("twofold-cli-").FullName
    let mutable private last = 0

    /// A path that nothing has yet.
    let fresh (name: string) =
        let folder = Directory.CreateDirectory(Path.Combine(own, string (Threading.Interlocked.Increment &last)))
        Path.Combine(folder.FullName, name)

    let withBytes (name: string) (bytes: byte[]) =
        let path = fresh name
        File.WriteAllBytes(path, bytes)
        path

    let withText (name: string) (text: string) =
        let path = fresh name
        File.WriteAllText(path, text)
        path

    let remove () = Directory.Delete(own, true)

module Wasm =
    let header = [ 0x00; 0x61; 0x73; 0x6D; 0x01; 0x00; 0x00; 0x00 ]
    let private section (id: int) (content: int list) = id :: content.Length :: content
    let private bytes (parts: int list list) = parts |> List.concat |> List.map byte |> Array.ofList

    /// A module whose export has this name, type and body; counts and sizes stay below 128.
    let named (name: string) (pars: int list) (results: int list) (body: int list) : byte[] =
        let code = 0x00 :: body @ [ 0x0B ]
        let name = [ for b in System.Text.Encoding.UTF8.GetBytes name -> int b ]

        bytes [
            header
            section 1 ([ 1; 0x60; pars.Length ] @ pars @ [ results.Length ] @ results)
            section 3 [ 1; 0 ]
            section 7 ([ 1; name.Length ] @ name @ [ 0; 0 ])
            section 10 ([ 1; code.Length ] @ code)
        ]

    /// The same, exported as `f`.
    let func pars results body = named "f" pars results body

    let private entry body = func [] [ 0x7F ] body
    let status n = entry [ 0x41; n ]
    let trap = entry [ 0x00 ]
    let endless = entry [ 0x03; 0x40; 0x0C; 0x00; 0x0B; 0x41; 0x00 ]
    let recursion = entry [ 0x10; 0x00 ]

    /// (i32, i64, f32, f64) and back.
    let echo = func [ 0x7F; 0x7E; 0x7D; 0x7C ] [ 0x7F; 0x7E; 0x7D; 0x7C ] [ 0x20; 0; 0x20; 1; 0x20; 2; 0x20; 3 ]

    /// An export whose name would print a second line, clear the screen and turn text around.
    let forged = named "f\naccepts it\u001b[2J\u202e" [] [ 0x7F ] [ 0x41; 0 ]

    /// declare_external_state("rate") into address 16, 8 bytes at most; the status is 0 when three bytes came.
    let claims =
        let import = [ for c in "env" -> int c ], [ for c in "declare_external_state" -> int c ]
        let code = [ 0; 0x41; 0; 0x41; 4; 0x41; 16; 0x41; 8; 0x10; 0; 0x41; 3; 0x47; 0x0B ]

        bytes [
            header
            section 1 [ 2; 0x60; 4; 0x7F; 0x7F; 0x7F; 0x7F; 1; 0x7F; 0x60; 0; 1; 0x7F ]
            section 2 ([ 1; 3 ] @ fst import @ [ (snd import).Length ] @ snd import @ [ 0; 0 ])
            section 3 [ 1; 1 ]
            section 5 [ 1; 0; 1 ]
            section 7 ([ 2; 1; int 'f'; 0; 1; 6 ] @ [ for c in "memory" -> int c ] @ [ 2; 0 ])
            section 10 ([ 1; code.Length ] @ code)
            section 11 ([ 1; 0; 0x41; 0; 0x0B; 4 ] @ [ for c in "rate" -> int c ])
        ]

    /// A component's header: layer 1.
    let comp = bytes [ [ 0x00; 0x61; 0x73; 0x6D; 0x0D; 0x00; 0x01; 0x00 ] ]

    /// Imports env.nothing, which there is not.
    let unknownImport =
        bytes [
            header
            section 1 [ 1; 0x60; 0; 0 ]
            section 2 ([ 1; 3 ] @ [ for c in "env" -> int c ] @ [ 7 ] @ [ for c in "nothing" -> int c ] @ [ 0; 0 ])
            section 7 [ 1; 1; int 'f'; 0; 0 ]
        ]

/// The demo's world.
module Demo =
    let alice = "0x" + String.replicate 20 "a1"
    let bob = "0x" + String.replicate 20 "b0"
    let token = "0x" + String.replicate 20 "c0"
    let wasm = Files.ofRepository "samples/contracts/wasm/token-as.wasm"
    let snapshot = Files.ofRepository "samples/demo/snapshot.json"
    let parameters (amount: int) = $$"""{"to": "{{bob}}", "amount": {{amount}}}"""

    /// A transfer by Alice to Bob with these parameters on this state.
    let transfer (parameters: string) (state: string) (more: string list) =
        [ "exec"; wasm; "Transfer"; "--params"; parameters; "--caller"; alice; "--contract"; token; "--state"; state ] @ more

[<SetUpFixture>]
type Folder() =
    [<OneTimeTearDown>]
    member _.Remove() = Files.remove ()
