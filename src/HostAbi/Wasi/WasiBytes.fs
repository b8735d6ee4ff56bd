namespace Twofold.HostAbi

// The canonical bytes of WASI effects: after the function's number, its fields in the order of its parameters.
// In: an effect, or a reader behind the number. Out: bytes, or the effect; errors stay in the reader.

module internal WasiBytes =
    let private byNumber = WasiFunction.All |> List.map (fun f -> f.Number, f) |> dict

    let isFunction (number: byte) = byNumber.ContainsKey number

    /// Appends the fields.
    let write (w: WireWriter) (effect: WasiEffect) : unit =
        WasiEffect.visit
            {
                new IWasiFields with
                    member _.U32(_, value) =
                        w.U32 value
                        value

                    member _.U64(_, value) =
                        w.U64 value
                        value

                    member _.Bytes(_, value) =
                        w.Bytes value
                        value

                    member _.Data(_, value) =
                        w.U32 value.Length
                        w.Bytes value.Mark
                        value
            }
            effect
        |> ignore

    /// Reads the fields of the function with this number.
    let read (r: WireReader) (number: byte) : WasiEffect =
        WasiEffect.blank byNumber[number]
        |> WasiEffect.visit
            {
                new IWasiFields with
                    member _.U32(_, _) = r.U32()
                    member _.U64(_, _) = r.U64()
                    member _.Bytes(_, _) = r.Bytes()

                    member _.Data(_, blank) =
                        let length = r.U32()

                        match WasiData.TryOf(length, r.Bytes()) with
                        | ValueSome data -> data
                        | ValueNone ->
                            r.Fail "data that was written is kept as itself, or as 32 bytes of digest when it is long"
                            blank
            }
