module Twofold.Cli.Program

// The entry: command line to command, ending to streams and exit code.
// In: argv. Out: text on standard output, at most one line on standard error, an exit code (Ending.fs).

open System
open System.Threading
open Argu

let private examples =
    """
Examples:
  twofold exec token.wasm Transfer --params '{"to": "0x...", "amount": 5}' --caller 0x... --contract 0x... --state snapshot.json --receipt out.json
  twofold replay out.json --module token.wasm
  twofold audit receipts/ --report audit.html
  twofold inspect token.wasm
  twofold run program.wasm --dir data::/data:ro -- first --second
  twofold run math.wasm --invoke add 5 3
  twofold record corpus --module token.wasm --requests calls.json --state snapshot.json
  twofold skill install ./summarize && twofold skill run summarize --input '{"text": "..."}'
  twofold doctor
  twofold wat math.wasm --output math.wat
  twofold wast tests/ suite.zip

Exit codes:
  0 success     1 the contract or a script failed, or a replay differs     2 usage, or the module or request is rejected: nothing ran
  3 trapped     4 out of gas or stack                            5 engine fault (deadline, cancelled, host trouble)
  `run` of a program: the program's own status, and 128 + the code above for what is not the program's

`twofold COMMAND --help` explains a command's options. More: docs/CLI.md."""

let private parser = ArgumentParser.Create<Arguments>(programName = "twofold", errorHandler = ExceptionExiter())

/// What comes before the options' own explanation in a parser's message is the message; one line.
let private firstLine (text: string) =
    let line = text.Trim().Split('\n')[0]
    let line = line.Trim()
    if line.StartsWith "ERROR: " then line.Substring 7 else line

let private command (token: CancellationToken) (behind: string list) (results: ParseResults<Arguments>) : Ending =
    if results.Contains Arguments.Version then
        let version = typeof<Ending>.Assembly.GetName().Version.ToString 3
        Ending.ok $"twofold {version}"
    else
        match results.TryGetSubCommand() with
        | Some(Arguments.Exec a) -> Execute.run token a
        | Some(Arguments.Replay a) -> ReplayReceipt.run token a
        | Some(Arguments.Audit a) -> Audit.run token a
        | Some(Arguments.Inspect a) -> Inspect.run a
        | Some(Arguments.Run a) -> Run.run token behind a
        | Some(Arguments.Record a) -> Recording.run token a
        | Some(Arguments.Skill a) -> Skills.run token a
        | Some(Arguments.Doctor a) -> Doctor.run a
        | Some(Arguments.Wat a) -> TextForms.run a
        | Some(Arguments.Wast a) -> Scripts.run a
        | Some Arguments.Version
        | None -> Ending.rejected "which command? `twofold --help` shows them"

let private decide (token: CancellationToken) (argv: string[]) : Ending =
    let argv, behind = CommandLine.split argv

    try
        parser.ParseCommandLine(CommandLine.protect argv, raiseOnUsage = true) |> command token behind
    with :? ArguParseException as e ->
        if e.ErrorCode = ErrorCode.HelpText then
            let text = e.Message.Trim()
            Ending.ok (if argv.Length = 1 then text + "\n" + examples else text)
        else
            Ending.rejected $"{firstLine e.Message} (`twofold --help` explains)"

[<EntryPoint>]
let main argv =
    use cancel = new CancellationTokenSource()

    Console.CancelKeyPress.Add(fun e ->
        e.Cancel <- true
        cancel.Cancel())

    let ending =
        try
            decide cancel.Token argv
        with e ->
            Ending.refuse Exit.Fault $"engine fault: {e.GetType().Name}: {e.Message}"

    if ending.Output <> "" then
        Console.Out.WriteLine ending.Output

    if ending.Error <> "" then
        Console.Error.WriteLine("twofold: " + Show.plain (ending.Error.ReplaceLineEndings " "))

    ending.Code
