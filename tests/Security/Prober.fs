module Twofold.Security.Prober

// One host with its own secrets: runs every reader on every engine and leaves, by name, all that guests read and receipts store.
// In: a folder, in which `granted` is the directory that programs may use; the environment that the test planted. Out: files in `seen`, and `pointers`.

open System
open System.Globalization
open System.IO
open System.Threading.Tasks
open Microsoft.Extensions.AI
open Twofold
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Extensions.Skills
open Twofold.Skills.Tests.World
open Twofold.Security.Grounds

/// What this host keeps to itself; every port below knows it.
let private planted = lazy (Environment.GetEnvironmentVariable "TWOFOLD_PLANTED")

/// A chat client whose failure tells everything that it knows.
type private TalkativeClient() =
    interface IChatClient with
        member _.GetResponseAsync(_, _, _) : Task<ChatResponse> =
            Task.FromException<ChatResponse>(InvalidOperationException $"key {planted.Value} was refused for {Environment.UserName}")

        member _.GetStreamingResponseAsync(_, _, _) = raise (NotSupportedException())
        member _.GetService(_, _) = null
        member _.Dispose() = ()

/// The forms in which a receipt leaves this process, and the text beside it.
let private receiptForms (name: string) (r: Twofold.Engine.ExecutionReport) = [
    $"{name}.receipt", ReceiptBytes.encode r.Receipt
    $"{name}.json", Utf8.bytes (ReceiptJson.toJson r.Receipt)
    $"{name}.message", Utf8.bytes r.Message
    $"{name}.log", Utf8.bytes (String.Join("\n", r.Log |> List.map snd))
    $"{name}.return", r.Receipt.ReturnData
    $"{name}.output", r.Output
    $"{name}.error", r.ErrorOutput
]

let private executed (e: Executor) (name: string) (request: Twofold.Engine.ExecutionRequest) =
    match e.Execute request with
    | Ok r -> receiptForms name r
    | Error refusal -> failwith $"{name}: {refusal}"

/// A program over a directory of this host and one in memory.
let private program (granted: string) =
    let world = {
        WasiWorld.empty with
            Args = [ "reader"; "argument" ]
            Env = [ "NAME", "value" ]
            Input = WasiInput.Host
            Preopens = [
                { Guest = "/host"; Grant = WasiGrant.All; Content = WasiDirectory.Host }
                inMemory "/memory" WasiGrant.All [ "plain.txt", WasiNode.File "plain"B; "sub", WasiNode.Directory [] ]
            ]
    }

    {
        programOf Readers.program "_start" world with
            WasiHost =
                WasiHosts.source {
                    WasiGrants.None with
                        Directories = Map [ "/host", granted ]
                        Input = new MemoryStream("what was typed"B)
                        Output = Stream.Null
                }
    }

/// The real adapters, each with a secret in what it was made of, and none of them able to do its work.
let private ports (folder: string) : (string * SkillPorts) list =
    let server = Uri $"http://127.0.0.1:1/{planted.Value}"
    let database = Path.Combine(folder, planted.Value, "file", "memory.db")
    // The path leads through a file: the database cannot be made.
    Directory.CreateDirectory(Path.Combine(folder, planted.Value)) |> ignore
    File.WriteAllText(Path.Combine(folder, planted.Value, "file"), "in the way")

    [
        "talkative", SkillPorts().WithAi(ChatAi(new TalkativeClient()))
        "unreachable",
        SkillPorts()
            .WithAi(ChatAi(new OpenAiChat(OpenAiOptions(BaseUrl = string server, Model = "m", Key = planted.Value))))
            .WithMemory(SqliteMemory database)
            .WithHttp(new SafeHttp(SafeHttpOptions()))
        "postgres", SkillPorts().WithMemory(new PostgresMemory($"Host=127.0.0.1;Port=1;Username=u;Password={planted.Value};Timeout=1"))
    ]

let private skills (engineName: string) (engine: IWasmEngine) (folder: string) = [
    let addresses = [
        """{"url": "http://127.0.0.1:1/"}"""
        """{"url": "http://user:pass@localhost/"}"""
        "http://localhost:1/"
        "https://localhost:1/"
        "a key"
    ]

    let b = wasm (Readers.skill addresses)
    let s = Twofold.Skill.Create(manifestText [ "ai"; "memory:"; "http:*"; "http:http://*:*" ] b, b)

    for name, ports in ports folder do
        use engine = new TwofoldEngine(EngineOptions().WithEngine(engine).WithSkillPorts(ports))
        let report = engine.Execute(Twofold.ExecutionRequest.ForSkill(s, "input"))

        if isNull report.Receipt then
            failwith $"{engineName}, {name}: {report.Message}"

        let name = $"{engineName}-skill-{name}"
        $"{name}.receipt", report.Receipt.ToBytes()
        $"{name}.json", Utf8.bytes (report.Receipt.ToJson())
        $"{name}.message", Utf8.bytes report.Message
        $"{name}.return", report.Receipt.GetReturnData()
]

/// Host functions that end a run with texts of the host: what the next run of the same sandbox finds, and the receipt of a trap.
let private sandboxes (engineName: string) (engine: IWasmEngine) = [
    let wat =
        """(module (import "host" "throw" (func $throw (result i32))) (import "host" "trap" (func $trap (result i32)))
             (memory (export "memory") 2)
             (func (export "throws") (result i32) (block $h (try_table (catch_all $h) (return (call $throw)))) (i32.const 1))
             (func (export "traps") (result i32) (block $h (try_table (catch_all $h) (return (call $trap)))) (i32.const 1))
             (func (export "alloc") (param i32) (result i32) (i32.const 131000))
             (func (export "memory_of") (param i32 i32) (result i64) (i64.const 131072)))"""

    let throw = Func<int>(fun () -> raise (IOException $"cannot open {planted.Value} as {Environment.UserName}"))
    // This text is meant for whoever reads the receipt (docs/SANDBOX.md): nothing secret is in it.
    let trap = Func<int>(fun () -> raise (GuestTrapException("not allowed", 7UL)))

    let options =
        SandboxOptions().WithEngine(engine).WithHostFunction("host", "throw", throw).WithHostFunction("host", "trap", trap)

    let sandbox = Sandbox.Create options
    sandbox.LoadAsync(Utf8.bytes wat).GetAwaiter().GetResult()

    for entry in [ "throws"; "traps" ] do
        let r = sandbox.ExecuteAsync(entry).GetAwaiter().GetResult()

        if entry = "throws" && not (isNull r.Receipt) then
            failwith "a host function that throws leaves no receipt"

        // What the host's own caller is told is the host's: r.Error is not looked at. What is kept is.
        if not (isNull r.Receipt) then
            $"{engineName}-{entry}.receipt", r.Receipt.ToBytes()
            $"{engineName}-{entry}.json", Utf8.bytes (r.Receipt.ToJson())

        let after = sandbox.ExecuteBytesAsync("memory_of", "x"B, Threading.CancellationToken.None).GetAwaiter().GetResult()
        $"{engineName}-{entry}-after.return", after.GetReturnData()
        $"{engineName}-{entry}-after.receipt", after.Receipt.ToBytes()

    sandbox.DisposeAsync().AsTask().GetAwaiter().GetResult()
]

/// Refusals name what is wrong with a module or a request, and nothing of the machine.
let private refusals (e: Executor) = [
    for i, wat in
        List.indexed [
            "(module (func (export \"run\") (result i32) (i64.const 1)))"
            "(module (import \"env\" \"nothing\" (func)) (func (export \"run\")))"
            "not a module"
            "(module)"
        ] do
        match e.Execute { callOf Profile.contract "(module)" "run" [] with Module = ModuleSource.Bytes(Utf8.bytes wat) } with
        | Error refusal -> $"refusal-{i}.message", Utf8.bytes (string refusal)
        | Ok r -> failwith r.Message
]

/// Places in `bytes` where a word of eight bytes is an address in this process's memory.
let private pointersIn (ranges: struct (uint64 * uint64)[]) (bytes: byte[]) =
    let isMapped (word: uint64) =
        let mutable low, high, found = 0, ranges.Length - 1, false

        while not found && low <= high do
            let middle = (low + high) / 2
            let struct (first, last) = ranges[middle]

            if word < first then high <- middle - 1
            elif word >= last then low <- middle + 1
            else found <- true

        found

    [
        for i in 0 .. bytes.Length - 8 do
            let word = BitConverter.ToUInt64(bytes, i)
            // Below 4 GiB everything is a number of somebody's.
            if word >= 0x1_0000_0000UL && isMapped word then
                i
    ]

let private mapped () =
    File.ReadAllLines "/proc/self/maps"
    |> Array.map (fun line ->
        let range = (line.Substring(0, line.IndexOf ' ')).Split '-'
        let hex (s: string) = UInt64.Parse(s, NumberStyles.HexNumber)
        struct (hex range[0], hex range[1]))
    |> Array.sort

/// Runs all readers. 0, or an exception.
let run (folder: string) : int =
    let granted = Path.Combine(folder, "granted")
    let seen = Directory.CreateDirectory(Path.Combine(folder, "seen")).FullName

    // What each run finds in the directory must not be what the one before left.
    let fresh () =
        let copy = Path.Combine(folder, $"copy-{Guid.NewGuid():N}")
        use cp = Diagnostics.Process.Start("cp", [ "-a"; granted; copy ])
        cp.WaitForExit()
        copy

    let dumps = [
        for name, engine in engines do
            use e = new Executor(ExecutorOptions.For engine)

            for round in [ "fresh"; "pooled" ] do
                yield! executed e $"{name}-{round}-wasi" (program (fresh ()))
                yield! executed e $"{name}-{round}-env" (callOf Profile.contract Readers.contract "run" [])

            yield! skills name engine (Directory.CreateDirectory(Path.Combine(folder, name)).FullName)
            yield! sandboxes name engine
            yield! refusals e
    ]

    for name, bytes in dumps do
        File.WriteAllBytes(Path.Combine(seen, name), bytes)

    let ranges = mapped ()

    // In what guests read. Receipts hold small numbers beside each other that look like addresses now and then; that no address is in them follows from
    // their being the same in two processes with other addresses.
    let found = [
        for name, bytes in dumps do
            if Path.GetExtension name = ".output" || Path.GetExtension name = ".return" then
                for at in pointersIn ranges bytes do
                    $"{name}: byte {at}, {BitConverter.ToUInt64(bytes, at):x16}"
    ]

    // The search must be able to find one.
    let own = Runtime.InteropServices.Marshal.AllocHGlobal 16
    let pointer = BitConverter.GetBytes(uint64 own)

    if pointersIn (mapped ()) (Array.concat [ [| 1uy; 2uy; 3uy |]; pointer; [| 4uy |] ]) |> List.contains 3 |> not then
        failwith "the search for pointers finds none"

    let code = Runtime.InteropServices.Marshal.GetFunctionPointerForDelegate(Action ignore)
    File.WriteAllText(Path.Combine(folder, "addresses"), $"{own:x} {code:x}")
    Runtime.InteropServices.Marshal.FreeHGlobal own
    File.WriteAllLines(Path.Combine(folder, "pointers"), found)
    0
