namespace Twofold.HostAbi

// The forms of skill effects: decoded arguments, canonical bytes, JSON. Encoding, EffectJson and Call have one line each for them.
// In: effects, bytes, DOM. Out: the other.

open System.Text.Json
open FsToolkit.ErrorHandling

/// Making, writing and reading skill effects.
module internal CisForms =
    /// The effect that a call asks for, if the kind is of this family.
    let decode (kind: EffectKind) (inputs: Input list) : SkillEffect voption =
        match kind, inputs with
        | EffectKind.AiPrompt, [ Input.Bytes prompt ] -> ValueSome(SkillEffect.AiPrompt prompt)
        | EffectKind.MemoryGet, [ Input.Bytes key ] -> ValueSome(SkillEffect.MemoryGet key)
        | EffectKind.MemorySet, [ Input.Bytes key; Input.Bytes value ] -> ValueSome(SkillEffect.MemorySet(key, value))
        | EffectKind.HttpRequest, [ Input.Bytes url; Input.Bytes body ] -> ValueSome(SkillEffect.HttpRequest(url, body))
        | EffectKind.HttpRequestFull, [ Input.Bytes request ] -> ValueSome(SkillEffect.HttpRequestFull request)
        | EffectKind.ReadSkillReply, [] -> ValueSome SkillEffect.ReadReply
        | _ -> ValueNone

    let write (w: WireWriter) (effect: SkillEffect) =
        match effect with
        | SkillEffect.AiPrompt bytes
        | SkillEffect.MemoryGet bytes
        | SkillEffect.HttpRequestFull bytes -> w.Bytes bytes
        | SkillEffect.MemorySet(a, b)
        | SkillEffect.HttpRequest(a, b) ->
            w.Bytes a
            w.Bytes b
        | SkillEffect.ReadReply -> ()

    /// The effect with this number, whose arguments follow; numbers of other families are no business of ours.
    let tryRead (r: WireReader) (number: byte) : SkillEffect voption =
        match number with
        | 0x70uy -> ValueSome(SkillEffect.AiPrompt(r.Bytes()))
        | 0x71uy -> ValueSome(SkillEffect.MemoryGet(r.Bytes()))
        | 0x72uy ->
            let key = r.Bytes()
            ValueSome(SkillEffect.MemorySet(key, r.Bytes()))
        | 0x73uy ->
            let url = r.Bytes()
            ValueSome(SkillEffect.HttpRequest(url, r.Bytes()))
        | 0x74uy -> ValueSome(SkillEffect.HttpRequestFull(r.Bytes()))
        | 0x75uy -> ValueSome SkillEffect.ReadReply
        | _ -> ValueNone

    let writeJson (w: Utf8JsonWriter) (effect: SkillEffect) =
        match effect with
        | SkillEffect.AiPrompt prompt -> Json.writeBytes w "prompt" prompt
        | SkillEffect.MemoryGet key -> Json.writeBytes w "key" key
        | SkillEffect.MemorySet(key, value) ->
            Json.writeBytes w "key" key
            Json.writeBytes w "value" value
        | SkillEffect.HttpRequest(url, body) ->
            Json.writeBytes w "url" url
            Json.writeBytes w "body" body
        | SkillEffect.HttpRequestFull request -> Json.writeBytes w "request" request
        | SkillEffect.ReadReply -> ()

    /// The effect of this kind whose arguments an object has.
    let readJson (path: string) (e: JsonElement) (kind: EffectKind) : Json.Read<SkillEffect> =
        let get name = Json.get path name Json.bytes e

        result {
            match kind with
            | EffectKind.AiPrompt -> return! get "prompt" |> Result.map SkillEffect.AiPrompt
            | EffectKind.MemoryGet -> return! get "key" |> Result.map SkillEffect.MemoryGet
            | EffectKind.MemorySet ->
                let! key = get "key"
                let! value = get "value"
                return SkillEffect.MemorySet(key, value)
            | EffectKind.HttpRequest ->
                let! url = get "url"
                let! body = get "body"
                return SkillEffect.HttpRequest(url, body)
            | EffectKind.HttpRequestFull -> return! get "request" |> Result.map SkillEffect.HttpRequestFull
            | _ -> return SkillEffect.ReadReply
        }
