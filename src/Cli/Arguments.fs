namespace Twofold.Cli

// What may be asked of the command, in Argu's terms; the help is made of these texts.
// In: a command line. Out: parsed arguments, or usage.

open Argu

module private Words =
    let engine = "who executes: compiled (default), interpreter or wasmtime; results, gas and receipts are the same"


    let home = "where skills and their memory are kept: TWOFOLD_HOME, or the user's data folder, by default"

type ExecArgs =
    | [<MainCommand; ExactlyOnce>] Call of MODULE: string * ENTRY: string
    | [<AltCommandLine("-p")>] Params of TEXT: string
    | Caller of ADDRESS: string
    | Contract of ADDRESS: string
    | [<AltCommandLine("-s")>] State of PATH: string
    | Gas of N: int64
    | Transaction of HASH: string
    | Seed of HEX: string
    | Claim of CLAIM: string * VALUE: string
    | Random_Off
    | No_Allocator
    | Profile of NAME: string
    | Timeout of SECONDS: float
    | [<AltCommandLine("-r")>] Receipt of FILE: string
    | Record of CORPUS: string
    | [<AltCommandLine("-e")>] Engine of NAME: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Call _ -> "the contract (WebAssembly, binary or text) and the export to call; it takes nothing and returns a status"
            | Params _ -> "parameters: text as it is, @FILE for a file's bytes, 0x... for bytes in hexadecimal; none by default"
            | Caller _ -> "who calls: 0x and 40 hexadecimal digits; forty zeros by default"
            | Contract _ -> "the contract's own address; forty zeros by default"
            | State _ ->
                "the snapshot to run on: a JSON file, or a folder with utxos.json, block.json and state/ADDRESS/KEY; empty by default"
            | Gas _ -> "lower the profile's gas limit"
            | Transaction _ -> "the transaction's id: 0x and 64 hexadecimal digits; zeros by default"
            | Seed _ -> "the seed of get_random, 0x...; without it a guest gets no randomness"
            | Claim _ -> "a claim that declare_external_state answers with this value; both as text or 0x...; may be given again"
            | Random_Off -> "refuse modules that import randomness"
            | No_Allocator -> "do not supply malloc, alloc and free"
            | Profile _ -> "contract (default), skill, sandbox or host: what the guest may do"
            | Timeout _ -> "seconds before the run is broken off, instead of the profile's; 0 is none"
            | Receipt _ -> "write the receipt to this file, as JSON"
            | Record _ -> "keep the receipt and the module in this corpus, for later audits"
            | Engine _ -> Words.engine
            | Json -> "print one JSON document: the report with the receipt, or the error"

type ReplayArgs =
    | [<MainCommand; ExactlyOnce>] File of RECEIPT: string
    | [<Mandatory; AltCommandLine("-m")>] Module of FILE: string
    | [<AltCommandLine("-e")>] Engine of NAME: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | File _ -> "a receipt, as `exec --receipt` wrote it or as a corpus keeps it"
            | Module _ -> "the module that it is a receipt of"
            | Engine _ -> Words.engine
            | Json -> "print one JSON document"

type AuditArgs =
    | [<MainCommand; ExactlyOnce>] Path of RECEIPTS: string
    | [<AltCommandLine("-m")>] Module of PATH: string
    | Only of NAME: string
    | After of NAME: string
    | Engines of NAMES: string
    | Instances of KINDS: string
    | Load of KINDS: string
    | Runs of N: int
    | Threads of N: int
    | Timeout of SECONDS: float
    | Stop_After of N: int
    | Report of FILE: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Path _ -> "a receipt's file, a folder with receipts and modules, or a corpus"
            | Module _ -> "a file or a folder to look for modules in; may be given again. A corpus has its own"
            | Only _ -> "audit only the receipt of this name or digest; may be given again"
            | After _ -> "let used instances run this receipt first; may be given again"
            | Engines _ -> "names of engines with commas between; all that there are by default"
            | Instances _ -> "fresh,pooled: new instances, and such as have run before"
            | Load _ -> "cached,cold: modules from the cache, and loaded anew"
            | Runs _ -> "replays in each way; from the second on under another culture. 1 by default"
            | Threads _ -> "receipts at a time; the machine's processors by default"
            | Timeout _ -> "seconds that one replay may take, 300 by default; 0 is as long as it likes"
            | Stop_After _ -> "end after as many receipts that diverge, 100 by default; 0 is never"
            | Report _ -> "write a report: .html, .json or .xml (JUnit); may be given again"
            | Json -> "print the report as one JSON document"

type InspectArgs =
    | [<MainCommand; ExactlyOnce>] File of MODULE: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | File _ -> "a module, binary or text"
            | Json -> "print one JSON document"

type RunArgs =
    | [<MainCommand; Mandatory>] Call of MODULE_AND_ARGS: string list
    | [<AltCommandLine("-i")>] Invoke of NAME: string
    | [<AltCommandLine("-d")>] Dir of HOST_AND_GUEST: string
    | File of GUEST_AND_FILE: string
    | Env of NAME_AND_VALUE: string
    | Stdin of INPUT: string
    | Seed of HEX: string
    | Time of TIME: string
    | Gas of N: int64
    | Timeout of SECONDS: float
    | Profile of NAME: string
    | [<AltCommandLine("-r")>] Receipt of FILE: string
    | Record of CORPUS: string
    | [<AltCommandLine("-e")>] Engine of NAME: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Call _ ->
                "the program, then `--` and its arguments; with --invoke the module, then numbers of the parameters' types (7, -1, 0xff, 1.5, inf, nan)"
            | Invoke _ -> "the exported function to call instead of the program"
            | Dir _ -> "grant a directory: HOST::GUEST, with :ro behind it to read, :rw to read and write what is there; may be given again"
            | File _ -> "a file in memory: GUEST_PATH=FILE, below the directory /; may be given again"
            | Env _ -> "a variable of the program's environment: NAME=VALUE; may be given again"
            | Stdin _ -> "standard input: - for the command's own, @FILE for a file's bytes, else text; empty by default"
            | Seed _ -> "the seed of the program's randomness, 0x...; empty by default"
            | Time _ -> "when the program's clocks begin: Unix seconds or a date; 2000-01-01 by default"
            | Gas _ -> "a gas limit; none by default"
            | Timeout _ -> "seconds before the run is broken off; none by default"
            | Profile _ -> "host (default), contract, skill or sandbox: what the guest may do"
            | Receipt _ -> "write the receipt to this file, as JSON"
            | Record _ -> "keep the receipt and the module in this corpus, for later audits"
            | Engine _ -> Words.engine
            | Json -> "print one JSON document"

type RecordArgs =
    | [<MainCommand; ExactlyOnce>] Corpus of FOLDER: string
    | [<Unique; AltCommandLine("-m")>] Module of PATH: string
    | Requests of FILE: string
    | [<AltCommandLine("-s")>] State of PATH: string
    | Add of PATH: string
    | Engine of NAME: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Corpus _ -> "the corpus: a folder, made when it is not there"
            | Module _ -> "the module that the requests are for; with --add, a file or folder to look for modules in"
            | Requests _ -> "a file of requests to execute: a JSON object, an array, or one object after another; may be given again"
            | State _ -> "the snapshot that all requests run on; empty by default"
            | Engine _ -> Words.engine
            | Add _ -> "a receipt's file, a folder of receipts and modules, or another corpus, to take receipts from; may be given again"
            | Json -> "print one JSON document"

type SkillInstallArgs =
    | [<MainCommand; ExactlyOnce>] Source of PATH: string
    | Replace
    | Home of FOLDER: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Source _ -> "the skill's folder, or its manifest"
            | Replace -> "put it in the place of the one that has its name"
            | Home _ -> Words.home
            | Json -> "print one JSON document"

type SkillListArgs =
    | Home of FOLDER: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Home _ -> Words.home
            | Json -> "print one JSON document"

type SkillRemoveArgs =
    | [<MainCommand; ExactlyOnce>] Name of NAME: string
    | Home of FOLDER: string

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Name _ -> "the skill's name"
            | Home _ -> Words.home

type SkillCheckArgs =
    | [<MainCommand; ExactlyOnce>] Path of PATH: string
    | Update
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Path _ -> "the skill's folder, or its manifest"
            | Update -> "first write the module's SHA-256 into the manifest"
            | Json -> "print one JSON document"

type SkillNewArgs =
    | [<MainCommand; ExactlyOnce>] Name of NAME: string
    | Language of NAME: string
    | Output of FOLDER: string

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Name _ -> "the new skill's name"
            | Language _ -> "as (AssemblyScript, the default), c or rust"
            | Output _ -> "the folder to make; its name by default"

type SkillRunArgs =
    | [<MainCommand; ExactlyOnce>] Name of NAME: string
    | [<AltCommandLine("-i")>] Input of JSON: string
    | Timeout of SECONDS: float
    | [<AltCommandLine("-r")>] Receipt of FILE: string
    | Record of CORPUS: string
    | [<AltCommandLine("-e")>] Engine of NAME: string
    | Home of FOLDER: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Name _ -> "the skill's name; or a path to a skill that is not installed (./skill)"
            | Input _ -> "the input: text as it is, @FILE for a file's bytes, - for standard input; {} by default"
            | Timeout _ -> "seconds before the run is broken off, instead of the manifest's; 0 is none"
            | Receipt _ -> "write the receipt to this file, as JSON"
            | Record _ -> "keep the receipt and the module in this corpus, for later audits"
            | Engine _ -> Words.engine
            | Home _ -> Words.home
            | Json -> "print one JSON document: the report with the receipt, or the error"

type SkillArgs =
    | [<CliPrefix(CliPrefix.None)>] Install of ParseResults<SkillInstallArgs>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<SkillListArgs>
    | [<CliPrefix(CliPrefix.None)>] Remove of ParseResults<SkillRemoveArgs>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<SkillRunArgs>
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<SkillCheckArgs>
    | [<CliPrefix(CliPrefix.None)>] New of ParseResults<SkillNewArgs>

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Install _ -> "check a skill and copy it to the home folder"
            | List _ -> "what is installed"
            | Remove _ -> "remove an installed skill"
            | Run _ -> "run a skill on an input and print its result"
            | Check _ -> "check a manifest and its module against each other"
            | New _ -> "make a skill's project from a template"

type DoctorArgs =
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Json -> "print one JSON document"

type WatArgs =
    | [<MainCommand; ExactlyOnce>] File of MODULE: string
    | [<AltCommandLine("-o")>] Output of FILE: string

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | File _ -> "a binary module, to be shown as text, or a text, to be encoded"
            | Output _ -> "where the result goes: standard output for text, the .wasm file beside the text by default"

type WastArgs =
    | [<MainCommand; Mandatory>] Files of PATHS: string list
    | Any_Message
    | [<AltCommandLine("-e")>] Engine of NAME: string
    | Json

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Files _ -> "scripts (.wast), folders and zip files that hold some"
            | Any_Message -> "compare only the class of traps and refusals, not their messages"
            | Engine _ -> Words.engine
            | Json -> "print one JSON document"

type Arguments =
    | [<CliPrefix(CliPrefix.None)>] Exec of ParseResults<ExecArgs>
    | [<CliPrefix(CliPrefix.None)>] Replay of ParseResults<ReplayArgs>
    | [<CliPrefix(CliPrefix.None)>] Audit of ParseResults<AuditArgs>
    | [<CliPrefix(CliPrefix.None)>] Inspect of ParseResults<InspectArgs>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<RunArgs>
    | [<CliPrefix(CliPrefix.None)>] Record of ParseResults<RecordArgs>
    | [<CliPrefix(CliPrefix.None)>] Skill of ParseResults<SkillArgs>
    | [<CliPrefix(CliPrefix.None)>] Doctor of ParseResults<DoctorArgs>
    | [<CliPrefix(CliPrefix.None)>] Wat of ParseResults<WatArgs>
    | [<CliPrefix(CliPrefix.None)>] Wast of ParseResults<WastArgs>
    | Version

    interface IArgParserTemplate with
        member a.Usage =
            match a with
            | Exec _ -> "call a contract on a snapshot: outcome, gas, draft, receipt"
            | Replay _ -> "run a receipt again, from the receipt and the module alone, and compare"
            | Audit _ -> "replay recorded receipts in every way, and say where two runs part"
            | Inspect _ -> "what a module imports, exports and needs, and what each profile would say to it"
            | Run _ -> "run a WASI program, or call any export with typed arguments"
            | Record _ -> "keep receipts and modules in a corpus, for later audits"
            | Skill _ -> "install, list, remove, run, check and make skills"
            | Doctor _ -> "what this machine has and what to do about it"
            | Wat _ -> "a module as text, or a text as module"
            | Wast _ -> "run test scripts in the official suite's format"
            | Version -> "print the version"

/// What Argu cannot know.
module CommandLine =
    let private mark = "\u0001"

    /// Argu takes a leading dash for an option. Negative numbers travel behind a mark; `unprotect` takes it off.
    let protect (argv: string[]) : string[] =
        let isNumber (text: string) =
            text.Length > 1
            && text[0] = '-'
            && (System.Char.IsAsciiDigit text[1] || text[1] = '.' || text.StartsWith "-inf" || text.StartsWith "-nan")

        argv
        |> Array.mapi (fun i text -> if isNumber text && not (i > 0 && argv[i - 1].StartsWith "--") then mark + text else text)

    /// What stands behind `--` of `run` is the program's, whatever it looks like.
    let split (argv: string[]) : string[] * string list =
        match argv, Array.tryFindIndex ((=) "--") argv with
        | _, Some at when argv[0] = "run" -> argv[.. at - 1], List.ofArray argv[at + 1 ..]
        | _ -> argv, []

    let unprotect (text: string) : string = if text.StartsWith mark then text.Substring 1 else text
