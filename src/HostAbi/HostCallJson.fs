namespace Twofold.HostAbi

// The readable form of host calls and their answers.
// In: values, or a parsed DOM. Out: JSON properties, or the same values. Bits are decimal strings, as all 64-bit numbers are.

open System.Text.Json
open FsToolkit.ErrorHandling

module internal HostCallJson =
    /// What stands for the calls of all registered functions where a row's name stands for its own.
    [<Literal>]
    let CallName = "host_call"

    [<Literal>]
    let ResumeName = "host_resume"

    let private writeBits (w: Utf8JsonWriter) (name: string) (bits: uint64 list) =
        w.WriteStartArray name
        bits |> List.iter (fun b -> w.WriteStringValue(string b))
        w.WriteEndArray()

    let private readBits path name e = Json.get path name (fun path -> Json.list path Json.u64) e

    /// Writes the properties of a call.
    let writeCall (w: Utf8JsonWriter) (call: HostCall) =
        match call with
        | HostCall.Call(moduleName, name, arguments) ->
            w.WriteString("module", moduleName)
            w.WriteString("name", name)
            writeBits w "arguments" arguments
        | HostCall.Resume results -> writeBits w "results" results

    let readCall path (e: JsonElement) : Json.Read<HostCall> =
        result {
            let! moduleName = Json.get path "module" Json.text e
            let! name = Json.get path "name" Json.text e
            let! arguments = readBits path "arguments" e
            return HostCall.Call(moduleName, name, arguments)
        }

    let readResume path (e: JsonElement) : Json.Read<HostCall> = readBits path "results" e |> Result.map HostCall.Resume

    let private writeStep (w: Utf8JsonWriter) (step: HostStep) =
        match step with
        | HostStep.Read(address, content) ->
            w.WriteNumber("read", address)

            match content with
            | HostContent.Bytes bytes -> Json.writeBytes w "bytes" bytes
            | HostContent.Digest(length, hash) ->
                w.WriteNumber("length", length)
                w.WriteString("digest", hash.Text)
            | HostContent.Unread length -> w.WriteNumber("length", length)
        | HostStep.Write(address, bytes) ->
            w.WriteNumber("write", address)
            Json.writeBytes w "bytes" bytes
        | HostStep.Charge gas -> Json.writeU64 w "charge" (uint64 gas)

    let private readStep path (e: JsonElement) : Json.Read<HostStep> =
        result {
            let! read = Json.tryField path "read" e
            let! write = Json.tryField path "write" e

            match read, write with
            | ValueSome _, _ ->
                let! address = Json.get path "read" Json.u32 e
                let! bytes = Json.tryField path "bytes" e
                let! digest = Json.tryField path "digest" e

                match bytes, digest with
                | ValueSome _, _ ->
                    let! bytes = Json.get path "bytes" Json.bytes e
                    return HostStep.Read(address, HostContent.Bytes bytes)
                | ValueNone, ValueSome _ ->
                    let! length = Json.get path "length" Json.u32 e
                    let! hash = Json.get path "digest" Json.hash e
                    return HostStep.Read(address, HostContent.Digest(length, hash))
                | ValueNone, ValueNone ->
                    let! length = Json.get path "length" Json.u32 e
                    return HostStep.Read(address, HostContent.Unread length)
            | ValueNone, ValueSome _ ->
                let! address = Json.get path "write" Json.u32 e
                let! bytes = Json.get path "bytes" Json.bytes e
                return HostStep.Write(address, bytes)
            | ValueNone, ValueNone ->
                let! gas = Json.get path "charge" Json.u64 e
                return HostStep.Charge(int64 gas)
        }

    /// Writes an answer as a property.
    let writeAnswer (w: Utf8JsonWriter) (property: string) (answer: HostAnswer) =
        w.WriteStartObject property
        Json.writeList w "steps" (writeStep w) answer.Steps

        match answer.Next with
        | HostNext.Returned bits -> Json.writeU64 w "returned" bits
        | HostNext.Entered(export, arguments) ->
            w.WriteString("entered", export)
            writeBits w "arguments" arguments
        | HostNext.Trapped(code, text) ->
            w.WriteString("trapped", text)
            Json.writeU64 w "code" code
        | HostNext.Stopped -> w.WriteBoolean("stopped", true)

        w.WriteEndObject()

    let readAnswer path (e: JsonElement) : Json.Read<HostAnswer> =
        result {
            let! steps = Json.get path "steps" (fun path -> Json.list path readStep) e
            let! returned = Json.tryField path "returned" e
            let! entered = Json.tryField path "entered" e
            let! trapped = Json.tryField path "trapped" e

            let! next =
                match returned, entered, trapped with
                | ValueSome _, _, _ -> Json.get path "returned" Json.u64 e |> Result.map HostNext.Returned
                | _, ValueSome _, _ ->
                    result {
                        let! export = Json.get path "entered" Json.text e
                        let! arguments = readBits path "arguments" e
                        return HostNext.Entered(export, arguments)
                    }
                | _, _, ValueSome _ ->
                    result {
                        let! text = Json.get path "trapped" Json.text e
                        let! code = Json.get path "code" Json.u64 e
                        return HostNext.Trapped(code, text)
                    }
                | _ -> Ok HostNext.Stopped

            return { Steps = steps; Next = next }
        }
