namespace Twofold.Conformance

// The encoder against the decoder: what is written decodes to the same module, and writing that again gives the same bytes.
// In: every module of the official suite, random and real modules, the samples. Out: the first part of a module that came back changed.

open System
open System.IO
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary

[<TestFixture>]
type EncodeTests() =
    let decode (bytes: byte[]) = Decode.run WasmLimits.Host Features.All bytes

    let bodies (m: Module) =
        let made =
            Array.init m.Functions.Length (fun k ->
                match DecodeBody.run WasmLimits.Host Features.All m k with
                | Ok b -> b
                | Error e -> invalidOp $"function {k}: {e}")

        made

    let sameInstr (a: Instr) (b: Instr) = a.Op = b.Op && a.A = b.A && a.B = b.B && a.Imm = b.Imm

    let sameCode (a: Instr[]) (b: Instr[]) =
        (isNull a && isNull b) || (not (isNull a) && not (isNull b) && a.Length = b.Length && Array.forall2 sameInstr a b)

    let sameBody (a: Body) (b: Body) =
        a.Locals = b.Locals
        && sameCode a.Code b.Code
        && a.LabelTables = b.LabelTables
        && sprintf "%A" a.CatchTables = sprintf "%A" b.CatchTables

    let sameMode (a: SegmentMode) (b: SegmentMode) =
        match a, b with
        | SegmentMode.Active(i, x), SegmentMode.Active(j, y) -> i = j && sameCode x y
        | SegmentMode.Passive, SegmentMode.Passive
        | SegmentMode.Declarative, SegmentMode.Declarative -> true
        | _ -> false

    let all2 (same: 'a -> 'a -> bool) (a: 'a[]) (b: 'a[]) = a.Length = b.Length && Array.forall2 same a b

    let slice (m: Module) start length = ReadOnlySpan(m.Bytes, start, length).ToArray()

    /// Names of the parts that differ.
    let differences (a: Module) (b: Module) =
        [
            "types",
            all2
                (fun x y -> string x = string y && x.Super = y.Super && x.GroupStart = y.GroupStart && x.GroupSize = y.GroupSize)
                a.Types
                b.Types
            "type contents", sprintf "%A" a.Types = sprintf "%A" b.Types
            "imports",
            all2 (fun (x: Import) y -> x.Module = y.Module && x.Name = y.Name && string x.Type = string y.Type) a.Imports b.Imports
            "functions", a.Functions = b.Functions
            "tables", all2 (fun (x: TableDef) y -> string x.Type = string y.Type && sameCode x.Init y.Init) a.Tables b.Tables
            "memories", all2 (fun x y -> string x = string y) a.Memories b.Memories
            "tags", a.Tags = b.Tags
            "globals", all2 (fun (x: GlobalDef) y -> string x.Type = string y.Type && sameCode x.Init y.Init) a.Globals b.Globals
            "exports", all2 (fun (x: Export) y -> x.Name = y.Name && x.Kind = y.Kind && x.Index = y.Index) a.Exports b.Exports
            "start", a.Start = b.Start
            "elements",
            all2
                (fun (x: ElemSegment) y ->
                    x.Type.Equals y.Type
                    && sameMode x.Mode y.Mode
                    && x.Funcs = y.Funcs
                    && ((isNull x.Exprs && isNull y.Exprs) || all2 sameCode x.Exprs y.Exprs))
                a.Elems
                b.Elems
            "data count", a.DataCount = b.DataCount
            "data",
            all2 (fun (x: DataSegment) y -> sameMode x.Mode y.Mode && slice a x.Start x.Length = slice b y.Start y.Length) a.Datas b.Datas
            "customs",
            all2 (fun (x: CustomSection) y -> x.Name = y.Name && slice a x.Start x.Length = slice b y.Start y.Length) a.Customs b.Customs
            "bodies", all2 sameBody (bodies a) (bodies b)
        ]
        |> List.filter (snd >> not)
        |> List.map fst

    /// What is wrong with a module's round trip; modules that do not decode are not asked for.
    let problem (bytes: byte[]) =
        match decode bytes with
        | Error _ -> None
        | Ok m ->
            // A body that does not decode makes no valid module.
            match Result.isOk (Validation.Validate.run WasmLimits.Host Features.All m) with
            | false -> None
            | true ->
                let own = bodies m
                let written = Encode.withBodies m (fun k -> own[k])

                match decode written with
                | Error e -> Some $"what was written does not decode: {e}"
                | Ok again ->
                    match differences m again with
                    | [] ->
                        let theirs = bodies again

                        if Encode.withBodies again (fun k -> theirs[k]) = written then
                            Some ""
                        else
                            Some "written twice, other bytes"
                    | parts -> Some(String.concat ", " parts)

    let check what (modules: seq<string * byte[]>) =
        let results = modules |> Seq.choose (fun (name, bytes) -> problem bytes |> Option.map (fun p -> name, p)) |> Seq.toList
        let wrong = results |> List.filter (fun (_, p) -> p <> "")
        TestContext.Progress.WriteLine $"{what}: {results.Length - wrong.Length} of {results.Length} valid modules come back"
        Assert.That(results, Is.Not.Empty)
        Assert.That(wrong, Is.Empty)

    let entries (zip: TestData.Archive) = zip.Names |> Seq.filter (fun n -> n.EndsWith ".wasm") |> Seq.map (fun n -> n, zip.Read n)

    [<Test>]
    member _.``the official suite's modules``() = check "spec.zip" (entries (TestData.archive "spec.zip"))

    [<Test>]
    member _.``random modules``() = check "smith.zip" (entries (TestData.archive "smith.zip"))

    [<Test>]
    member _.``real modules``() =
        // esbuild, 14 MB, is like the others but longer.
        Directory.GetFiles(TestData.path "real", "*.wasm")
        |> Seq.filter (fun f -> FileInfo(f).Length < 3_000_000L)
        |> Seq.map (fun f -> Path.GetFileName f, File.ReadAllBytes f)
        |> check "real"
