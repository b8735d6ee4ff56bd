namespace Twofold.Engine.Audit

// Whether a run repeats itself: again, on another thread, under another culture, later.
// In: a way of running. Out: what makes its runs differ, in words; nothing when nothing that was tried does.

open System
open System.Globalization
open System.Threading

/// Cultures that an audit puts a run under: what formats or parses by them shows.
module internal Foreign =
    let private tryGet (name: string) =
        try
            CultureInfo name
        with :? CultureNotFoundException ->
            CultureInfo.InvariantCulture

    /// A host without culture data (globalization-invariant mode) knows no other culture, so this one has its own points and signs in any case.
    let private own (name: string) =
        let culture = (tryGet name).Clone() :?> CultureInfo
        let n = culture.NumberFormat
        n.NumberDecimalSeparator <- ","
        n.NumberGroupSeparator <- "'"
        n.NegativeSign <- "~"
        culture.DateTimeFormat.ShortDatePattern <- "dd.MM.yyyy"
        culture.DateTimeFormat.LongTimePattern <- "HH.mm.ss"
        culture

    let all = [ own "tr-TR"; CultureInfo.InvariantCulture; tryGet "de-DE"; tryGet "ar-SA" ]

    /// The culture of a run by its number, from 1: the first one's is the process's own.
    let ofRun (run: int) (current: CultureInfo) : CultureInfo = if run <= 1 then current else all[(run - 2) % all.Length]

module internal Steady =
    /// Runs something on a thread of its own, perhaps under another culture.
    let private elsewhere (culture: CultureInfo) (work: unit -> 'T) : 'T =
        let mutable result = Unchecked.defaultof<'T>
        let mutable failure: exn = null

        let thread =
            Thread(
                (fun () ->
                    try
                        if not (isNull culture) then
                            CultureInfo.CurrentCulture <- culture

                        result <- work ()
                    with e ->
                        failure <- e),
                4 * 1024 * 1024
            )

        thread.Start()
        thread.Join()

        if isNull failure then
            result
        else
            raise (InvalidOperationException($"an audit's experiment failed: {failure.Message}", failure))

    let private sameRun (a: Result<Probe, string>) (b: Result<Probe, string>) =
        match a, b with
        | Ok a, Ok b -> Probe.same a b
        | Error _, Error _ -> true
        | _ -> false

    /// What makes a side's runs differ among themselves; none: nothing that was tried.
    let unsteady (patient: bool) (probe: unit -> Result<Probe, string>) : string option =
        let first = probe ()
        let differs work = not (sameRun first (work ()))
        // Each with a twin that changes nothing, so that what differs anyway is not blamed on it.
        let again = seq { 1..3 } |> Seq.exists (fun _ -> differs probe)
        let onThread = not again && seq { 1..3 } |> Seq.exists (fun _ -> differs (fun () -> elsewhere null probe))

        let culture =
            if again || onThread then
                None
            else
                Foreign.all |> List.tryFind (fun culture -> differs (fun () -> elsewhere culture probe))

        let later () =
            Thread.Sleep 1100
            differs probe

        match culture with
        | _ when again -> Some "asked again, it differs from call to call"
        | _ when onThread -> Some "it differs from thread to thread"
        | Some _ -> Some "it differs by culture: with other signs for numbers and dates it is another"
        | None when patient && later () -> Some "it differs by the time of day"
        | None -> None
