namespace Twofold.Conformance

// Other people's programs that import nothing, run by the public face on real inputs: gofmt (TinyGo), dprint's plugins for JSON and TOML (Rust).
// In: Programs/*.in, the modules of real/. Out: the bytes that V8's run gave (Programs/*.out, made by Programs/make.mjs).

open System
open System.Diagnostics
open System.IO
open System.Text
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Compiler

module private Guests =
    let load (name: string) : Instance = Linker().Instantiate(new Store(), Module.Load(TestData.path $"real/{name}.wasm"))

    let call (i: Instance) (name: string) (arguments: int list) : int =
        match i.Call(name, [| for a in arguments -> Value.I32 a |]) with
        | [||] -> 0
        | results -> results[0].AsI32()

    let read (i: Instance) (at: int) (length: int) : byte[] = i.GetMemory("memory").Span(int64 (uint32 at), length).ToArray()

    let write (i: Instance) (at: int) (bytes: byte[]) = bytes.CopyTo(i.GetMemory("memory").Span(int64 (uint32 at), bytes.Length))

    let private answer (code: int) (text: byte[]) = Array.append (Encoding.ASCII.GetBytes $"{code}\n") text

    let gofmt (source: byte[]) : byte[] =
        let i = load "gofmt-tinygo"
        use _store = i.Store
        call i "_initialize" [] |> ignore
        write i (call i "alloc" [ source.Length ]) source
        let code = call i "format" []
        answer code (read i (call i "output_ptr" []) (call i "output_len" []))

    /// dprint's plugin protocol, version 4: bytes pass through a shared buffer.
    let dprint (kind: string) (source: byte[]) : byte[] =
        let i = load $"dprint-{kind}"
        use _store = i.Store
        let put (bytes: byte[]) = write i (call i "clear_shared_bytes" [ bytes.Length ]) bytes
        put """{"global":{"lineWidth":80,"indentWidth":2,"useTabs":false,"newLineKind":"lf"},"plugin":{}}"""B
        call i "register_config" [ 1 ] |> ignore
        put (Encoding.ASCII.GetBytes $"file.{kind}")
        call i "set_file_path" [] |> ignore
        put source
        let code = call i "format" [ 1 ]

        let length =
            match code with
            | 1 -> call i "get_formatted_text" []
            | 2 -> call i "get_error_text" []
            | _ -> 0

        answer code (if length = 0 then [||] else read i (call i "get_shared_bytes_ptr" []) length)

[<TestFixture>]
type Programs() =
    let folder = Path.Combine(Repository.root, "tests", "Conformance", "Programs")

    [<TestCase("program.go")>]
    [<TestCase("broken.go")>]
    [<TestCase("data.json")>]
    [<TestCase("broken.json")>]
    [<TestCase("data.toml")>]
    [<TestCase("broken.toml")>]
    member _.``programs write what they write under V8``(name: string) =
        let source = File.ReadAllBytes(Path.Combine(folder, name + ".in"))

        let found =
            match Path.GetExtension name with
            | ".go" -> Guests.gofmt source
            | kind -> Guests.dprint (kind.TrimStart '.') source

        let expected = File.ReadAllBytes(Path.Combine(folder, name + ".out"))
        Assert.That(Encoding.UTF8.GetString found, Is.EqualTo(Encoding.UTF8.GetString expected))
        Assert.That(found, Is.EqualTo<byte> expected)

    static member Modules() =
        match TestData.tryFolder () with
        | None -> [ "" ]
        | Some root -> [
            for folder in [ "real"; "cmds"; "guests" ] do
                for f in Directory.GetFiles(Path.Combine(root, folder), "*.wasm") |> Array.sort do
                    $"{folder}/{Path.GetFileName f}"
          ]

    /// Every function by RyuJIT, whether or not it is ever called. Here only those of few bytes, so that esbuild's 14 MB do not take minutes;
    /// with TWOFOLD_COMPILE_ALL=1 all of them (the result stands in docs/PERFORMANCE.md).
    [<TestCaseSource("Modules")>]
    member _.``real modules compile``(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        if file = "guests/wide.wasm" then
            Assert.Ignore "wide arithmetic is no part of 3.0"

        let bytes = File.ReadAllBytes(TestData.path file)
        let whole = Environment.GetEnvironmentVariable "TWOFOLD_COMPILE_ALL" = "1"

        let atMost =
            if whole then Int32.MaxValue
            elif bytes.Length > 4_000_000 then 300
            elif bytes.Length > 400_000 then 1_000
            else 4_000

        match Verdict.check bytes with
        | Error { Kind = RejectKind.Feature f } -> Assert.Ignore $"needs {Feature.name f}"
        | Error rejected -> Assert.Fail(string rejected)
        | Ok valid ->
            let code = CompiledCode valid
            let clock = Stopwatch.StartNew()
            let mutable functions = 0
            let mutable size = 0

            for i in 0 .. valid.Module.Code.Length - 1 do
                if valid.Module.Code[i].Length <= atMost then
                    Assert.That(code.Resolve i, Is.Not.EqualTo 0n)
                    functions <- functions + 1
                    size <- size + valid.Module.Code[i].Length

            GC.KeepAlive code

            TestContext.Progress.WriteLine
                $"{file}: {functions} of {valid.Module.Code.Length} functions, {size} bytes in {clock.ElapsedMilliseconds} ms"
