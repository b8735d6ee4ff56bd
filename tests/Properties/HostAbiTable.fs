/// Laws of the ABI table: rows and effects agree one to one, numbers are fixed, generated files are not stale.
/// In: the table. Out: failures by row.
module Twofold.Properties.HostAbiTable

open Microsoft.FSharp.Reflection
open NUnit.Framework
open Twofold.HostAbi

let private cases<'T> () = FSharpType.GetUnionCases typeof<'T> |> Array.map (fun c -> FSharpValue.MakeUnion(c, [||]) :?> 'T) |> Array.toList

[<Test>]
let ``each row has one effect and each effect one row`` () =
    let yielded =
        AbiTable.env
        |> List.choose (fun r ->
            match r.Action with
            | RowAction.Yields kind -> Some kind
            | _ -> None)

    Assert.That(yielded |> List.countBy id |> List.filter (fun (_, n) -> n <> 1), Is.Empty)
    Assert.That(List.except yielded (cases<EffectKind>()), Is.Empty)

[<Test>]
let ``the header is not stale`` () = Repository.generated "sdk/c/twofold.h" CHeader.text
