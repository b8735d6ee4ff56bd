namespace Twofold.Engine.Audit

// A report that is written while an audit runs: its middle goes to a file beside it, its head and foot come when the sums are known.
// In: pieces of text in order. Out: the report, there whole or not at all; what an audit that was given up leaves is removed.

open System
open System.IO
open System.Text

[<Sealed>]
type internal Spool(path: string) =
    let full = Path.GetFullPath path
    let part = $"{full}.{Environment.ProcessId}.part"
    let utf8 = UTF8Encoding(false)

    let body =
        Directory.CreateDirectory(Path.GetDirectoryName full) |> ignore
        new FileStream(part, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 65536)

    let mutable writer = new StreamWriter(body, utf8, 65536, true)

    member _.Writer: TextWriter = writer

    /// Head, what was spooled, foot.
    member _.Finish(head: TextWriter -> unit, foot: TextWriter -> unit) : unit =
        writer.Flush()
        body.Position <- 0L
        let whole = part + ".whole"

        try
            using (new FileStream(whole, FileMode.Create, FileAccess.Write, FileShare.None)) (fun stream ->
                using (new StreamWriter(stream, utf8, 65536, true)) head
                body.CopyTo stream
                using (new StreamWriter(stream, utf8, 65536, true)) foot
                stream.Flush true)

            File.Move(whole, full, true)
        finally
            File.Delete whole

    interface IDisposable with
        member _.Dispose() =
            writer.Dispose()
            body.Dispose()
            File.Delete part
