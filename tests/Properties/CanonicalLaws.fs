/// Canonical types: equal recursion groups of any modules have equal ids, and nothing of a dropped module stays.
/// In: type sections as bytes. Out: ids and subtyping, compared with what the specification's equality of rolled-up types says.
module Twofold.Properties.CanonicalLaws

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Properties.DecodeGen

let private limits = WasmLimits.Host

let private load (types: byte[]) =
    moduleOf [ section 1 types ] |> Decode.run limits Features.All |> Result.bind (Validate.run limits Features.All)

let private loaded (hex: string) =
    match load (Convert.FromHexString(hex.Replace(" ", ""))) with
    | Ok valid -> valid.Types
    | Error e -> raise (InvalidOperationException(string e))

[<Test>]
let ``equal groups are one, whatever stands before them`` () =
    // (rec (type (struct (field (ref 1)))) (type (struct (field (ref 0)))))
    let alone = loaded "01 4e 02 5f01 6401 00 5f01 6400 00"
    let behind = loaded "02 60 0000 4e 02 5f01 6402 00 5f01 6401 00"
    Assert.That(behind.Ids[1], Is.EqualTo alone.Ids[0])
    Assert.That(behind.Ids[2], Is.EqualTo alone.Ids[1])
    Assert.That(alone.Ids[0], Is.Not.EqualTo alone.Ids[1], "members of one group differ by their place")
    GC.KeepAlive alone

[<Test>]
let ``a group differs by size, order, finality and what it names outside`` () =
    let variants = [
        "01 5f01 7f00" // (struct i32)
        "01 5f01 7f01" // mutable
        "01 50 00 5f01 7f00" // open
        "01 5f01 7800" // packed
        "01 5e 7f00" // array
        "01 60 00 017f" // func
        "01 60 017f 00"
        "01 4e02 5f01 7f00 5f01 7f00" // in a group of two: another type
    ]

    let all = variants |> List.map loaded
    let ids = all |> List.map (fun t -> t.Ids[0])
    Assert.That(List.distinct ids |> List.length, Is.EqualTo ids.Length)
    GC.KeepAlive all

[<Test>]
let ``inside and outside references are different types`` () =
    // (type (struct (ref null 0))) names itself; (type $a (struct)) (type (struct (ref null $a))) names another.
    let self = loaded "01 5f01 6300 00"
    let other = loaded "02 5f00 5f01 6300 00"
    Assert.That(self.Ids[0], Is.Not.EqualTo other.Ids[1])
    // A group of one that is spelled as a group is the same.
    let spelled = loaded "01 4e01 5f01 6300 00"
    Assert.That(spelled.Ids[0], Is.EqualTo self.Ids[0])
    GC.KeepAlive self

[<Test>]
let ``supertypes of one module hold for equal types of another`` () =
    // (type $a (sub (struct))) (type $b (sub $a (struct (field i32)))) (type $c (sub final $b (struct (field i32) (field i64))))
    let chain = "50 00 5f00 50 0100 5f01 7f00 4f 0101 5f02 7f00 7e00"
    let one = loaded ("03" + chain)
    let two = loaded ("03" + chain)

    for i in 0..2 do
        for j in 0..2 do
            Assert.That(CanonicalTypes.isSubtype one.Ids[i] two.Ids[j], Is.EqualTo((i >= j)), $"{i} {j}")

    let reference nullable i = ValType.Ref(nullable, HeapType.Concrete i)
    Assert.That(one.Matches(reference false 2, reference true 0))
    Assert.That(one.Matches(reference true 2, reference false 0), Is.False)
    Assert.That(one.Matches(reference false 2, ValType.Ref(true, HeapType.Eq)))
    Assert.That(one.Matches(ValType.Ref(true, HeapType.None), reference true 2))
    Assert.That(one.Matches(ValType.Ref(true, HeapType.NoFunc), reference true 2), Is.False)

/// A random type section: groups of structs with references to types of the group and before, repeated with other numbers in front.
let private groups =
    gen {
        let! count = Gen.choose (1, 6)

        let group start =
            gen {
                let! size = Gen.choose (1, 4)

                let field =
                    gen {
                        let! target = Gen.choose (0, start + size - 1)
                        let! kind = Gen.choose (0, 3)

                        return
                            if kind = 0 then
                                [| 0x7Fuy; 0uy |]
                            else
                                [| (if kind = 1 then 0x63uy else 0x64uy); byte target; byte (kind &&& 1) |]
                    }

                let structure =
                    gen {
                        let! n = Gen.choose (0, 3)
                        let! fields = Gen.listOfLength n field
                        return Array.concat ([| 0x5Fuy; byte n |] :: fields)
                    }

                let! types = Gen.listOfLength size structure
                return size, Array.concat ([| 0x4Euy; byte size |] :: types)
            }

        let mutable made = []
        let mutable start = 0

        for _ in 1..count do
            let! size, bytes = group start
            made <- bytes :: made
            start <- start + size

        return start, List.rev made
    }

/// Equality of rolled-up types, by its definition: groups unfolded into text, ids of earlier groups by their first equal group.
let private named (types: SubType[]) =
    let seen = Dictionary<string, int>()
    let names: int[] = Array.zeroCreate types.Length
    let mutable start = 0

    while start < types.Length do
        let size = types[start].GroupSize

        let text =
            types[start .. start + size - 1]
            |> Array.map (fun t ->
                match t.Composite with
                | CompositeType.Struct fields ->
                    fields
                    |> Array.map (fun f ->
                        match f.Storage with
                        | StorageType.Value v when v.IsRef ->
                            let index = v.Heap.Index
                            let target = if index >= start then $"rec.{index - start}" else $"type.{names[index]}"
                            $"{f.Mutable} {v.IsNullable} {target}"
                        | s -> $"{f.Mutable} {s}")
                    |> String.concat "; "
                | c -> $"%A{c}")
            |> String.concat " | "

        let key = $"{size}: {text}"

        if not (seen.ContainsKey key) then
            seen[key] <- start

        for k in 0 .. size - 1 do
            names[start + k] <- seen[key] + k

        start <- start + size

    names

[<FsCheck.NUnit.Property(MaxTest = 300)>]
let ``ids are equal exactly where rolled-up types are`` () =
    Prop.forAll (Arb.fromGen groups) (fun (_, made) ->
        // The same groups once more, behind themselves: those that name only their own group are found again.
        let bytes = Array.concat ([| byte (2 * made.Length) |] :: made @ made)

        match load bytes with
        | Error e -> raise (InvalidOperationException(string e))
        | Ok valid ->
            let names = named valid.Module.Types
            let ids = valid.Types.Ids

            Seq.allPairs [ 0 .. ids.Length - 1 ] [ 0 .. ids.Length - 1 ]
            |> Seq.forall (fun (i, j) -> (ids[i] = ids[j]) = (names[i] = names[j])))

[<Test>]
let ``a chain of supertypes ends at its limit, and long type sections are linear`` () =
    let chain n =
        Array.concat [
            leb (uint64 n)
            [| 0x50uy; 0uy; 0x5Fuy; 0uy |]
            Array.concat [ for i in 0 .. n - 2 -> Array.concat [ [| 0x50uy; 1uy |]; leb (uint64 i); [| 0x5Fuy; 0uy |] ] ]
        ]

    Assert.That((load (chain 64)).IsOk)

    for n in [ 65; 100_000 ] do
        match load (chain n) with
        | Error e -> Assert.That(e.Kind, Is.EqualTo RejectKind.Limit, string e)
        | Ok _ -> Assert.Fail "accepted"

    // 100,000 types, each naming the one before; and one group of 100,000 that name each other.
    let each =
        Array.concat [ for i in 0..99_999 -> Array.concat [ [| 0x5Fuy; 1uy; 0x63uy |]; sleb 1 (int64 (max 0 (i - 1))); [| 0uy |] ] ]

    let clock = Diagnostics.Stopwatch.StartNew()
    Assert.That((load (Array.append (leb 100_000UL) each)).IsOk)
    Assert.That((load (Array.concat [ [| 1uy; 0x4Euy |]; leb 100_000UL; each ])).IsOk)
    Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan 10.0)

[<Test>]
let ``nothing of dropped modules stays`` () =
    // In a method of its own, so that no local keeps a module.
    let many () =
        for i in 1..200 do
            // A struct of i + 40 fields, in a group of its own.
            let fields = i + 40
            let bytes = Array.concat [ [| 1uy; 0x5Fuy |]; leb (uint64 fields); Array.concat (List.replicate fields [| 0x7Euy; 1uy |]) ]
            Assert.That((load bytes).IsOk)

    // Finalizers run when they run.
    let settled wanted =
        let mutable tries = 0

        while CanonicalTypes.count () > wanted && tries < 20 do
            GC.Collect()
            GC.WaitForPendingFinalizers()
            tries <- tries + 1

        CanonicalTypes.count ()

    let before = settled 0
    many ()
    Assert.That(settled (before + 20), Is.LessThanOrEqualTo(before + 20))

[<Test>]
let ``a refused module gives its types back at once`` () =
    // A type of its own, and a function that does not validate.
    let refused =
        moduleOf [
            section 1 (Array.concat [ [| 2uy; 0x60uy; 0uy; 0uy; 0x5Fuy; 99uy |]; Array.concat (List.replicate 99 [| 0x7Duy; 0uy |]) ])
            section 3 [| 1uy; 0uy |]
            section 10 [| 1uy; 3uy; 0uy; 0x1Auy; 0x0Buy |]
        ]

    let attempt () = Decode.run limits Features.All refused |> Result.bind (Validate.run limits Features.All)
    attempt () |> ignore
    let before = CanonicalTypes.count ()

    for _ in 1..10 do
        Assert.That((attempt ()).IsError)

    Assert.That(CanonicalTypes.count (), Is.LessThanOrEqualTo before)
