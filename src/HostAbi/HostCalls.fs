namespace Twofold.HostAbi

// Calls of functions that a host registers itself (`Effect.Host`): what is asked, and what the function did to its caller, step by step.
// In: the guest's arguments and the steps of the function. Out: values that the journal keeps as bytes: replay takes the same steps without the function.
//
// A call is one entry of the journal, unless the function calls back into the guest: then its answer ends in `Entered`, the guest's own effects
// follow, and `Resume` asks the function to go on with what the guest returned. So the journal stays a line, whatever calls whom.

/// What the guest, or the function's own call into the guest, gives the function.
[<RequireQualifiedAccess>]
type HostCall =
    /// The guest calls. Bits of each argument; an i32 or f32 zero-extended.
    | Call of moduleName: string * name: string * arguments: uint64 list
    /// The guest's export that the function had called has returned this.
    | Resume of results: uint64 list

/// What a function read.
[<RequireQualifiedAccess>]
type HostContent =
    | Bytes of byte[]
    /// More than HostStep.KeptBytes: SHA-256 stands for it.
    | Digest of length: uint32 * hash: Hash32
    /// Nothing: this read ended the run.
    | Unread of length: uint32

/// One thing that a function did with its caller.
[<RequireQualifiedAccess>]
type HostStep =
    | Read of address: uint32 * content: HostContent
    | Write of address: uint32 * bytes: byte[]
    /// Gas that the function took for its work.
    | Charge of gas: int64

/// How a function's steps end.
[<RequireQualifiedAccess>]
type HostNext =
    /// The function returned; the bits of its result, 0 without one.
    | Returned of bits: uint64
    /// It calls an export of the guest.
    | Entered of export: string * arguments: uint64 list
    /// It ended the run; its own code and text.
    | Trapped of code: uint64 * text: string
    /// The last step ended the run: gas, journal or memory did not suffice.
    | Stopped

/// The answer of a function, up to where it returns or calls the guest.
type HostAnswer = { Steps: HostStep list; Next: HostNext }

/// The canonical bytes of calls and answers.
module HostCalls =
    /// Reads of at most so many bytes are kept whole, for people who look at journals; of longer ones only the digest.
    [<Literal>]
    let KeptBytes = 1024

    /// What the journal keeps of a read.
    let content (bytes: System.ReadOnlySpan<byte>) : HostContent =
        if bytes.Length <= KeptBytes then
            HostContent.Bytes(bytes.ToArray())
        else
            HostContent.Digest(uint32 bytes.Length, Hash32.sha256 bytes)

    /// Bytes that a step weighs in the journal.
    let weight (step: HostStep) : uint64 =
        match step with
        | HostStep.Read(_, HostContent.Bytes bytes)
        | HostStep.Write(_, bytes) -> 16UL + uint64 bytes.Length
        | HostStep.Read(_, HostContent.Digest _) -> 48UL
        | HostStep.Read(_, HostContent.Unread _)
        | HostStep.Charge _ -> 16UL

    let private writeBits (w: WireWriter) (bits: uint64 list) =
        w.U32(uint32 bits.Length)
        List.iter w.U64 bits

    let private readBits (r: WireReader) = r.Items(8, _.U64()) |> List.ofArray

    /// The arguments of an effect; the kind's number says which case.
    let internal writeCall (w: WireWriter) (call: HostCall) =
        match call with
        | HostCall.Call(moduleName, name, arguments) ->
            w.Text moduleName
            w.Text name
            writeBits w arguments
        | HostCall.Resume results -> writeBits w results

    let internal readCall (r: WireReader) : HostCall =
        let moduleName = r.Text()
        let name = r.Text()
        HostCall.Call(moduleName, name, readBits r)

    let internal readResume (r: WireReader) : HostCall = HostCall.Resume(readBits r)

    let private writeStep (w: WireWriter) (step: HostStep) =
        match step with
        | HostStep.Read(address, content) ->
            w.U8 0uy
            w.U32 address

            match content with
            | HostContent.Bytes bytes ->
                w.U8 0uy
                w.Bytes bytes
            | HostContent.Digest(length, hash) ->
                w.U8 1uy
                w.U32 length
                w.Hash hash
            | HostContent.Unread length ->
                w.U8 2uy
                w.U32 length
        | HostStep.Write(address, bytes) ->
            w.U8 1uy
            w.U32 address
            w.Bytes bytes
        | HostStep.Charge gas ->
            w.U8 2uy
            w.U64(uint64 gas)

    let private readStep (r: WireReader) : HostStep =
        match r.U8() with
        | 0uy ->
            let address = r.U32()

            match r.U8() with
            | 0uy -> HostStep.Read(address, HostContent.Bytes(r.Bytes()))
            | 1uy ->
                let length = r.U32()
                HostStep.Read(address, HostContent.Digest(length, r.Hash()))
            | 2uy -> HostStep.Read(address, HostContent.Unread(r.U32()))
            | n ->
                r.Fail $"unknown content {n}"
                HostStep.Charge 0L
        | 1uy ->
            let address = r.U32()
            HostStep.Write(address, r.Bytes())
        | 2uy -> HostStep.Charge(int64 (r.U64()))
        | n ->
            r.Fail $"unknown step {n}"
            HostStep.Charge 0L

    let internal writeAnswer (w: WireWriter) (answer: HostAnswer) =
        w.U32(uint32 answer.Steps.Length)
        List.iter (writeStep w) answer.Steps

        match answer.Next with
        | HostNext.Returned bits ->
            w.U8 0uy
            w.U64 bits
        | HostNext.Entered(export, arguments) ->
            w.U8 1uy
            w.Text export
            writeBits w arguments
        | HostNext.Trapped(code, text) ->
            w.U8 2uy
            w.U64 code
            w.Text text
        | HostNext.Stopped -> w.U8 3uy

    let internal readAnswer (r: WireReader) : HostAnswer =
        let steps = r.Items(9, readStep) |> List.ofArray

        let next =
            match r.U8() with
            | 0uy -> HostNext.Returned(r.U64())
            | 1uy ->
                let export = r.Text()
                HostNext.Entered(export, readBits r)
            | 2uy ->
                let code = r.U64()
                HostNext.Trapped(code, r.Text())
            | 3uy -> HostNext.Stopped
            | n ->
                r.Fail $"unknown end of an answer {n}"
                HostNext.Stopped

        { Steps = steps; Next = next }
