module Twofold.Determinism.Surface

// The public surface that C# hosts see: written down, and free of F# types.
// In: the assemblies' public types. Out: tests/Determinism/PublicSurface.txt (TWOFOLD_REWRITE=1 writes it anew).

open System
open System.IO
open System.Reflection
open NUnit.Framework
open Twofold.Wasm

let private flags = BindingFlags.Public ||| BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly

/// Types of namespace Twofold.Wasm that are the seam for F# (the pipeline, engines), not for C# hosts: they hold unions, options and lists.
let private seam =
    set [
        "BlockType"
        "CompositeType"
        "EngineFault"
        "ExternKind"
        "ExternType"
        "Feature"
        "FeatureModule"
        "Features"
        "FieldType"
        "FuncType"
        "GasPrices"
        "GlobalType"
        "HeapType"
        "HostImport"
        "IInspectable"
        "IWasmEngine"
        "IWasmInstance"
        "IWasmModule"
        "InstanceSettings"
        "RejectKind"
        "Rejected"
        "RejectedModule"
        "RunEnd"
        "RunResult"
        "RunSettings"
        "SizeLimits"
        "StateDigests"
        "StorageType"
        "SubType"
        "TableType"
        "Trap"
        "ValType"
        "WasmLimits"
        "CompiledEngine"
        "WasmtimeEngine"
        "WasmtimeScriptHost"
        "InterpretedEngine"
    ]

let private publicTypes =
    [
        typeof<Twofold.TwofoldEngine>.Assembly
        typeof<CompiledEngine>.Assembly
        typeof<Value>.Assembly
        typeof<Twofold.Wasmtime.WasmtimeLibrary>.Assembly
        typeof<Twofold.Extensions.Hosting.TwofoldOptions>.Assembly
    ]
    |> List.collect (fun a -> List.ofArray (a.GetExportedTypes()))
    |> List.filter (fun t ->
        let outer = if isNull t.DeclaringType then t else t.DeclaringType

        t.Namespace = "Twofold"
        || t.Namespace = "Twofold.Extensions.Hosting"
        || ((t.Namespace = "Twofold.Wasm" || t.Namespace = "Twofold.Wasmtime") && not (seam.Contains outer.Name)))
    |> List.sortBy _.FullName

let rec private typeName (t: Type) : string =
    if t.IsByRef then
        "ref " + typeName (t.GetElementType())
    elif t.IsArray then
        typeName (t.GetElementType()) + "[]"
    elif t.IsGenericParameter then
        t.Name
    elif t.IsGenericType then
        let name = t.Name.Split('`')[0]
        let arguments = t.GetGenericArguments() |> Array.map typeName |> String.concat ", "
        $"{t.Namespace}.{name}<{arguments}>"
    else
        $"{t.Namespace}.{t.Name}"

let private parameters (m: MethodBase) =
    m.GetParameters() |> Array.map (fun p -> $"{typeName p.ParameterType} {p.Name}") |> String.concat ", "

let private members (t: Type) : string list =
    [
        if t.IsEnum then
            for name in Enum.GetNames t do
                $"{name} = {Convert.ToInt64(Enum.Parse(t, name))}"
        else
            for c in t.GetConstructors() do
                $"new({parameters c})"

            for p in t.GetProperties flags do
                let isStatic = if (p.GetAccessors()[0]).IsStatic then "static " else ""
                let set = if isNull (p.GetSetMethod()) then "" else " set;"
                let index = p.GetIndexParameters() |> Array.map (fun i -> typeName i.ParameterType) |> String.concat ", "
                let index = if index = "" then "" else $"[{index}]"
                $"{isStatic}{typeName p.PropertyType} {p.Name}{index} {{ get;{set} }}"

            for m in t.GetMethods flags do
                if not m.IsSpecialName then
                    let isStatic = if m.IsStatic then "static " else ""

                    let generic =
                        if m.IsGenericMethod then
                            "<" + (m.GetGenericArguments() |> Array.map _.Name |> String.concat ", ") + ">"
                        else
                            ""

                    $"{isStatic}{typeName m.ReturnType} {m.Name}{generic}({parameters m})"
                elif m.Name.StartsWith("op_", StringComparison.Ordinal) then
                    $"static {typeName m.ReturnType} {m.Name}({parameters m})"

            for e in t.GetEvents flags do
                $"event {typeName e.EventHandlerType} {e.Name}"

            for f in t.GetFields flags do
                $"{typeName f.FieldType} {f.Name}"
    ]
    |> List.sort

[<Test>]
let ``the public surface is the one that is written down`` () =
    let surface =
        [
            for t in publicTypes do
                let kind =
                    if t.IsEnum then "enum"
                    elif t.IsInterface then "interface"
                    elif t.IsValueType then "struct"
                    elif typeof<Delegate>.IsAssignableFrom t then "delegate"
                    elif t.IsAbstract && t.IsSealed then "static class"
                    elif t.IsAbstract then "abstract class"
                    else "class"

                $"{kind} {typeName t}"

                for m in members t do
                    "    " + m
        ]
        |> String.concat "\n"
        |> fun s -> s + "\n"

    let file = Repository.path [ "tests"; "Determinism"; "PublicSurface.txt" ]

    if Repository.rewrite then
        File.WriteAllText(file, surface)
    else
        let golden = if File.Exists file then File.ReadAllText file else ""
        let lines (s: string) = s.Split '\n' |> Set.ofArray
        let more, fewer = Set.difference (lines surface) (lines golden), Set.difference (lines golden) (lines surface)

        let message =
            $"the public surface changed; if that is meant, run once with TWOFOLD_REWRITE=1. New: %A{more}, gone: %A{fewer}"

        Assert.That((surface = golden), message)

[<Test>]
let ``no F# type is visible in what C# hosts use`` () =
    let rec leaks (t: Type) : bool =
        (not (isNull t.Namespace) && t.Namespace.StartsWith("Microsoft.FSharp", StringComparison.Ordinal))
        || (t.HasElementType && leaks (t.GetElementType()))
        || (t.IsGenericType && t.GetGenericArguments() |> Array.exists leaks)
        || (t.Name.StartsWith("Tuple`", StringComparison.Ordinal) || t.Name.StartsWith("ValueTuple`", StringComparison.Ordinal))

    let found = [
        for t in publicTypes do
            let check (what: string) (used: Type) = if leaks used then Some $"{t.FullName}.{what}: {used}" else None

            if not (isNull t.BaseType) then
                yield! Option.toList (check "base" t.BaseType)

            for m in t.GetMethods flags do
                yield! Option.toList (check m.Name m.ReturnType)

                for p in m.GetParameters() do
                    yield! Option.toList (check $"{m.Name}({p.Name})" p.ParameterType)

            for c in t.GetConstructors() do
                for p in c.GetParameters() do
                    yield! Option.toList (check $"new({p.Name})" p.ParameterType)

            for p in t.GetProperties flags do
                yield! Option.toList (check p.Name p.PropertyType)
    ]

    Assert.That(found, Is.Empty)

[<Test>]
let ``what C# hosts use shows no type of our F# namespaces`` () =
    let inner (t: Type) = not (isNull t.Namespace) && (t.Namespace = "Twofold.Engine" || t.Namespace = "Twofold.HostAbi")

    let found = [
        for t in publicTypes do
            if t.Namespace = "Twofold" then
                for m in t.GetMethods flags do
                    if inner m.ReturnType || m.GetParameters() |> Array.exists (fun p -> inner p.ParameterType) then
                        $"{t.FullName}.{m.Name}"
    ]

    Assert.That(found, Is.Empty)

[<Test>]
let ``the C# sample runs and its replay agrees`` () =
    let sample = Repository.path [ "samples"; "csharp-host"; "csharp-host.csproj" ]
    Assert.That(File.Exists sample)
    // Built beside these tests (ProjectReference), so that this runs without the SDK.
    let program = Path.Combine(AppContext.BaseDirectory, "csharp-host.dll")
    let info = Diagnostics.ProcessStartInfo("dotnet", RedirectStandardOutput = true, RedirectStandardError = true)
    info.ArgumentList.Add program
    info.ArgumentList.Add(Repository.path [ "samples"; "contracts"; "wasm"; "token-as.wasm" ])
    use run = Diagnostics.Process.Start info
    let output = run.StandardOutput.ReadToEnd()
    let errors = run.StandardError.ReadToEnd()
    run.WaitForExit()
    Assert.That(run.ExitCode, Is.EqualTo 0, errors)
    Assert.That(output, Does.Contain "output    5 to 0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
    Assert.That(output, Does.Contain "output    55 to 0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    Assert.That(output, Does.Contain "event     Transfer")
    Assert.That(output, Does.Contain "replay    Identical")
