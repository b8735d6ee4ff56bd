namespace Twofold.HostAbi

// The readable form of WASI effects: fields by name, 64-bit numbers as strings, data as its length and its bytes or digest.
// In: an effect, or a parsed DOM. Out: properties of the object that is open, or the effect.

open System.Text.Json

module internal WasiJson =
    /// Writes the fields as properties.
    let write (w: Utf8JsonWriter) (effect: WasiEffect) : unit =
        WasiEffect.visit
            {
                new IWasiFields with
                    member _.U32(name, value) =
                        w.WriteNumber(name, value)
                        value

                    member _.U64(name, value) =
                        Json.writeU64 w name value
                        value

                    member _.Bytes(name, value) =
                        Json.writeBytes w name value
                        value

                    member _.Data(name, value) =
                        w.WriteNumber("length", value.Length)
                        Json.writeBytes w name value.Mark
                        value
            }
            effect
        |> ignore

    /// Reads the fields of a function.
    let read (path: string) (e: JsonElement) (f: WasiFunction) : Json.Read<WasiEffect> =
        let error = ref (ValueNone: string voption)

        // A reader goes on with the blank after its first error, which is the one that counts.
        let get name blank (reader: string -> JsonElement -> Json.Read<'T>) =
            match Json.get path name reader e with
            | Ok value -> value
            | Error why ->
                if error.Value.IsNone then
                    error.Value <- ValueSome why

                blank

        let effect =
            WasiEffect.blank f
            |> WasiEffect.visit
                {
                    new IWasiFields with
                        member _.U32(name, blank) = get name blank Json.u32
                        member _.U64(name, blank) = get name blank Json.u64
                        member _.Bytes(name, blank) = get name blank Json.bytes

                        member _.Data(name, blank) =
                            let length = get "length" 0u Json.u32

                            match WasiData.TryOf(length, get name [||] Json.bytes) with
                            | ValueSome data -> data
                            | ValueNone ->
                                if error.Value.IsNone then
                                    error.Value <- ValueSome $"{path}.{name}: expected as many bytes as its length says, or 32 of digest"

                                blank
                }

        match error.Value with
        | ValueSome why -> Error why
        | ValueNone -> Ok effect
