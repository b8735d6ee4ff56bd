namespace Twofold.Conformance

// Where the shared test data is: the official suite, real modules, random modules. Read in place, nothing is unpacked or copied.
// In: TWOFOLD_TESTDATA, or `shared/testdata` beside the repository. Out: files and zip entries; tests are ignored where the data is absent.

open System
open System.Collections.Concurrent
open System.IO
open System.IO.Compression
open NUnit.Framework

/// The repository's top folder, found from where the tests run.
module Repository =
    let root: string =
        let rec up (dir: DirectoryInfo) =
            if isNull dir then invalidOp $"no repository above {AppContext.BaseDirectory}"
            elif File.Exists(Path.Combine(dir.FullName, "Directory.Packages.props")) then dir.FullName
            else up dir.Parent

        up (DirectoryInfo AppContext.BaseDirectory)

module TestData =
    let private beside =
        let candidate = Path.GetFullPath(Path.Combine(Repository.root, "..", "shared", "testdata"))
        if Directory.Exists candidate then Some candidate else None

    /// The folder, if it is there.
    let tryFolder () =
        match Environment.GetEnvironmentVariable "TWOFOLD_TESTDATA" with
        | null
        | "" -> beside
        | dir when Directory.Exists dir -> Some dir
        | _ -> None

    let absent = "test data is absent: set TWOFOLD_TESTDATA to the folder that holds spec.zip (see README)"

    /// A path inside the folder; the test is ignored where it does not exist.
    let path (name: string) : string =
        match tryFolder () with
        | Some dir when Path.Exists(Path.Combine(dir, name)) -> Path.Combine(dir, name)
        | _ ->
            Assert.Ignore absent
            ""

    /// An archive in memory; entries are read by name.
    type Archive(file: string) =
        let zip = ZipFile.OpenRead file

        member _.Names = zip.Entries |> Seq.map _.FullName |> Seq.filter (fun n -> not (n.EndsWith '/')) |> Array.ofSeq

        member _.Read(name: string) : byte[] =
            // ZipArchive shares one stream.
            lock zip (fun () ->
                use s = zip.GetEntry(name).Open()
                use m = new MemoryStream()
                s.CopyTo m
                m.ToArray())

    let private archives = ConcurrentDictionary<string, Archive>()

    let archive (name: string) : Archive = archives.GetOrAdd(path name, fun p -> Archive p)
