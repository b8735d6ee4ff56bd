namespace Twofold.Cli

// `twofold doctor`: what this machine has (engines, runtime, processor, memory, folders) and what to do about what it has not.
// In: nothing but the machine. Out: an ending: 0 all is well, 1 there is something to mend.

open System
open System.Globalization
open System.IO
open System.Runtime
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open Argu
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Wasmtime

/// How a check came out.
[<RequireQualifiedAccess>]
type Health =
    | Fine
    /// Worth knowing; nothing has to be done.
    | Note
    /// Something works worse than it could, or not at all.
    | Problem

/// One thing that was looked at.
type Check = {
    Part: string
    Health: Health
    Found: string
    /// What to do; empty when nothing.
    Advice: string
}

module Doctor =
    let private check part health found advice = { Part = part; Health = health; Found = found; Advice = advice }
    let private fine part found = check part Health.Fine found ""
    let private note part found advice = check part Health.Note found advice
    let private problem part found advice = check part Health.Problem found advice

    let private culture = CultureInfo.InvariantCulture

    let private size (bytes: int64) : string =
        let units = [ "TiB", 1L <<< 40; "GiB", 1L <<< 30; "MiB", 1L <<< 20; "KiB", 1L <<< 10 ]

        match units |> List.tryFind (fun (_, n) -> bytes >= n) with
        | Some(name, n) -> (float bytes / float n).ToString("0.#", culture) + " " + name
        | None -> $"{bytes} bytes"

    /// A file of the operating system; none where there is no such file.
    let private system (path: string) : string option =
        try
            if File.Exists path then Some(File.ReadAllText(path).Trim()) else None
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private number (text: string) =
        match Int64.TryParse(text, NumberStyles.None, culture) with
        | true, n -> Some n
        | _ -> None

    // ---- engines

    // Floats, a loop, memory, a call through a table, a vector, an exception: a little of each kind of code.
    let private program =
        """(module
  (memory (export "memory") 1)
  (table 1 funcref) (elem (i32.const 0) $half)
  (tag $t (param i32))
  (func $half (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))
  (func (export "f") (result i32) (local i32 f64)
    (local.set 1 (f64.const 3))
    (loop
      (local.set 1 (call_indirect (param f64) (result f64) (f64.add (local.get 1) (f64.sqrt (f64.const 2))) (i32.const 0)))
      (f64.store (i32.shl (local.get 0) (i32.const 3)) (local.get 1))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))
    (v128.store (i32.const 16000) (f32x4.div (f32x4.splat (f32.const 0)) (f32x4.splat (f32.const 0))))
    (block $h (result i32) (try_table (result i32) (catch $t $h) (throw $t (i32.const 7))))))"""

    /// The export `f` of a text under the host profile's limits or lower ones.
    let private execute
        (engine: IWasmEngine)
        (text: string)
        (limits: RequestLimits)
        (judge: Executor -> byte[] -> ExecutionReport -> Result<'T, string>)
        =
        match Wat.parse text with
        | Error e -> Error(e.ToString())
        | Ok wasm ->
            use executor = new Executor(ExecutorOptions.For engine)

            let request = {
                Request.contract wasm "f" Address.zero Address.zero Snapshot.empty with
                    Convention = Convention.Raw []
                    Profile = Profile.hostProfile
                    Limits = limits
            }

            try
                executor.Execute request |> Result.mapError string |> Result.bind (judge executor wasm)
            with e ->
                Error $"{e.GetType().Name}: {e.Message}"

    /// The digest of the receipt of that program: the same on every machine and engine of this version.
    let private selfTest (engine: IWasmEngine) : Result<struct (Hash32 * float), string> =
        execute engine program RequestLimits.None (fun executor wasm report ->
            match report.Receipt.Outcome, executor.Replay(report.Receipt, wasm) with
            | Outcome.Returned [ v ], ReplayResult.Identical digest when v.Low = 7UL ->
                Ok(struct (digest, report.Elapsed.TotalMilliseconds))
            | Outcome.Returned [ v ], replay when v.Low = 7UL -> Error $"the replay: {replay}"
            | outcome, _ -> Error $"the test program ended with: {Outcome.describe outcome}")

    /// Set by whoever wants Wasmtime: then its absence is a problem.
    let private wasmtimeIsWanted = not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable WasmtimeLibrary.Variable))

    let private engine (name: string) (made: Result<IWasmEngine, string>) : Check * Hash32 option =
        let part = $"engine {name}"

        match made |> Result.map (fun engine -> engine, selfTest engine) with
        | Error why when name = "wasmtime" && not wasmtimeIsWanted ->
            note part $"not there: {why}" "nothing needs it; with it, audits compare one engine more (docs/WASMTIME.md)", None
        | Error why -> problem part $"not there: {why}" "mend what it says, or use another engine (--engine)", None
        | Ok(engine, Error why) ->
            problem
                part
                $"version {engine.Version}, but its test failed: {why}"
                "do not trust receipts of this engine on this machine, and report this",
            None
        | Ok(engine, Ok(struct (digest, ms))) ->
            let took = ms.ToString("0", culture)
            fine part $"version {engine.Version}, ran its test in {took} ms, receipt {digest.Text.Substring(0, 18)}...", Some digest

    let private engines () : Check list =
        let all = Engines.all ()
        let checks = all |> List.map (fun (name, made) -> engine name made)
        let digests = checks |> List.choose snd

        [
            yield! List.map fst checks
            for _, made in all do
                match made with
                | Ok(:? WasmtimeEngine as e) ->
                    let l = e.Library
                    fine "libwasmtime" $"version {l.Version}, {l.Path} (found by {l.FoundBy}), {l.Probes.Count} probes held"
                | _ -> ()
            if (List.distinct digests).Length > 1 then
                problem
                    "agreement"
                    "the engines gave different receipts for the same program"
                    "do not trust receipts of this machine; audit them with `twofold audit`, and report this"
            elif digests.Length > 1 then
                fine "agreement" $"{digests.Length} engines gave the same receipt for the test program"
        ]

    // ---- runtime and processor

    let private variable (name: string) =
        match Environment.GetEnvironmentVariable("DOTNET_" + name) with
        | null
        | "" -> None
        | value -> Some $"DOTNET_{name}={value}"

    let private runtime () : Check list = [
        fine "twofold" (typeof<Check>.Assembly.GetName().Version.ToString 3)
        fine
            "runtime"
            $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}"
        if not RuntimeFeature.IsDynamicCodeCompiled then
            problem
                "code"
                "this runtime does not compile code at run time: the compiled engine cannot work"
                "run on a runtime with a JIT, or use another engine (--engine)"
        let kind = if GCSettings.IsServerGC then "server" else "workstation"
        fine "collector" $"{kind}, {GCSettings.LatencyMode}"

        let changed =
            [ "TieredCompilation"; "TieredPGO"; "TC_QuickJitForLoops"; "ReadyToRun"; "JitStress"; "gcServer"; "GCHeapHardLimit" ]
            |> List.choose variable

        if not changed.IsEmpty then
            note "settings" (String.Join(", ", changed)) "receipts do not depend on these; speed may"
    ]

    let private switches = [
        "EnableHWIntrinsic"
        "EnableSSE42"
        "EnableAVX"
        "EnableAVX2"
        "EnableFMA"
        "EnableBMI1"
        "EnableBMI2"
        "EnableLZCNT"
        "EnablePOPCNT"
        "EnableAVX512"
        "EnableAVX512F"
        "EnableArm64AdvSimd"
    ]

    let private processor () : Check list = [
        let features = [
            "SSE4.2", X86.Sse42.IsSupported
            "AVX", X86.Avx.IsSupported
            "AVX2", X86.Avx2.IsSupported
            "FMA", X86.Fma.IsSupported
            "BMI2", X86.Bmi2.IsSupported
            "LZCNT", X86.Lzcnt.IsSupported
            "POPCNT", X86.Popcnt.IsSupported
            "AVX-512", X86.Avx512F.IsSupported
            "AdvSimd", Arm.AdvSimd.IsSupported
        ]

        let has = features |> List.filter snd |> List.map fst |> String.concat ", "
        fine "processor" $"{Environment.ProcessorCount} for this process; {has}"

        if not Vector128.IsHardwareAccelerated then
            problem
                "vectors"
                "128-bit vectors are not accelerated: SIMD programs run many times slower, with the same receipts"
                "unset DOTNET_EnableHWIntrinsic, or use a processor with SSE4.2 or AdvSimd"

        match switches |> List.choose variable with
        | [] -> ()
        | off -> note "processor switches" (String.Join(", ", off)) "receipts do not depend on these; speed does"
    ]

    // ---- memory

    let private linux = OperatingSystem.IsLinux()

    /// A line of /proc/self/limits: the soft limit.
    let private limit (name: string) : string option =
        system "/proc/self/limits"
        |> Option.bind (fun text ->
            text.Split '\n'
            |> Array.tryFind (fun line -> line.StartsWith(name, StringComparison.Ordinal))
            |> Option.map (fun line -> (line.Substring(name.Length).Trim().Split ' ')[0]))

    /// A module's memory reserves addresses up to its limit: this asks for as much as the host profile allows, and touches nothing.
    let private reserve (bytes: int64) : Result<unit, string> =
        execute
            (CompiledEngine())
            """(module (memory 1 65536) (func (export "f")))"""
            { RequestLimits.None with MemoryBytes = Some bytes }
            (fun _ _ _ -> Ok())

    let private memory () : Check list = [
        let info = GC.GetGCMemoryInfo()
        let available = info.TotalAvailableMemoryBytes

        if available < (1L <<< 30) then
            problem
                "memory"
                $"{size available} for this process"
                "a contract may use 512 MiB of memory and 256 MiB of objects: give the process 2 GiB or more, or lower the profile's limits"
        else
            fine "memory" $"{size available} for this process"

        match
            [ "/sys/fs/cgroup/memory.max"; "/sys/fs/cgroup/memory/memory.limit_in_bytes" ]
            |> List.tryPick system
            |> Option.bind number
        with
        | Some bytes when bytes < (1L <<< 50) ->
            note
                "memory limit"
                $"{size bytes}, of the control group"
                "a process that goes over it is killed, and leaves no receipt: count what runs at once"
        | _ -> ()

        let address = limit "Max address space" |> Option.defaultValue "unlimited"

        match reserve (4L <<< 30) with
        | Ok() -> fine "address space" $"a 4 GiB memory can be reserved (limit: {address})"
        | Error why ->
            problem
                "address space"
                $"4 GiB of addresses cannot be reserved (limit: {address}): {why}"
                "raise the limit (`ulimit -v unlimited`), or give modules smaller memories: each reserves its limit, not what it uses"

        match system "/proc/sys/vm/overcommit_memory" with
        | Some "2" ->
            problem
                "overcommit"
                "vm.overcommit_memory is 2: reserved addresses count as used memory"
                "set vm.overcommit_memory to 0 or 1, or give modules smaller memories"
        | _ -> ()

        match system "/proc/sys/vm/max_map_count" |> Option.bind number with
        | Some n when n < 65530L ->
            problem "mappings" $"vm.max_map_count is {n}: each instance needs a few" "set vm.max_map_count to 65530 or more"
        | _ -> ()

        if linux then
            fine
                "reset"
                "pages that a run wrote are given back to the system (madvise) and written anew; our engines use no copy-on-write images (Wasmtime's pool does, WasmtimeOptions.WithPooledInstances)"
        else
            fine "reset" "memory is cleared and written anew; our engines use no copy-on-write images"
    ]

    // ---- folders, culture

    let private temporary () : Check =
        let folder = Path.GetTempPath()

        try
            let file = Path.Combine(folder, Guid.NewGuid().ToString "N")
            File.WriteAllBytes(file, [| 1uy |])
            File.Delete file
            let free = DriveInfo(folder).AvailableFreeSpace

            if free < (1L <<< 28) then
                problem "temporary folder" $"{folder}, only {size free} free" "make room, or name another folder in TMPDIR"
            else
                fine "temporary folder" $"{folder}, writable, {size free} free"
        with
        | :? IOException as e -> problem "temporary folder" $"{folder}: {e.Message}" "name a folder that can be written to in TMPDIR"
        | :? UnauthorizedAccessException as e ->
            problem "temporary folder" $"{folder}: {e.Message}" "name a folder that can be written to in TMPDIR"

    let private place () : Check list = [
        temporary ()
        fine
            "cache folder"
            "none: the command compiles modules anew in each process (hosts can give Wasmtime one, WasmtimeOptions.WithCacheFolder)"

        let invariant =
            match AppContext.TryGetSwitch "System.Globalization.Invariant" with
            | true, true -> "invariant globalization"
            | _ -> $"culture '{CultureInfo.CurrentCulture.Name}'"

        fine "culture" $"{invariant}, time zone {TimeZoneInfo.Local.Id}; receipts depend on neither"
    ]

    /// Everything, in the order in which it is shown.
    let checks () : Check list = List.concat [ runtime (); engines (); processor (); memory (); place () ]

    let private word (h: Health) =
        match h with
        | Health.Fine -> "ok"
        | Health.Note -> "note"
        | Health.Problem -> "problem"

    let private text (checks: Check list) : string =
        let width = checks |> List.map _.Part.Length |> List.max

        let lines c = [
            $"{(word c.Health).PadRight 8} {c.Part.PadRight width}  {Show.plain c.Found}"
            if c.Advice <> "" then
                $"{String(' ', 10 + width)} -> {c.Advice}"
        ]

        let problems = checks |> List.filter (fun c -> c.Health = Health.Problem) |> List.length

        let end' =
            match problems with
            | 0 -> "nothing to mend"
            | 1 -> "1 problem"
            | n -> $"{n} problems"

        String.Join(Environment.NewLine, List.collect lines checks @ [ end' ])

    let private json (code: int) (checks: Check list) : string =
        Show.json (fun w ->
            w.WriteNumber("exitCode", code)
            w.WriteStartArray "checks"

            for c in checks do
                w.WriteStartObject()
                w.WriteString("part", c.Part)
                w.WriteString("health", word c.Health)
                w.WriteString("found", c.Found)

                if c.Advice <> "" then
                    w.WriteString("advice", c.Advice)

                w.WriteEndObject()

            w.WriteEndArray())

    let run (a: ParseResults<DoctorArgs>) : Ending =
        let checks = checks ()
        let code = if checks |> List.exists (fun c -> c.Health = Health.Problem) then Exit.Failed else Exit.Success
        { Code = code; Output = (if a.Contains DoctorArgs.Json then json code checks else text checks); Error = "" }
