namespace Twofold.Extensions.Skills

// The ports of skills by names and values, as an environment or a configuration has them.
// In: variables. Out: ports for an engine, or the variable that is wrong (never with its value: some are secrets).

open System
open System.Collections.Generic
open Twofold

/// What answers skills, made from settings. Dispose it after its engine.
[<Sealed>]
type SkillServices private (ai: ISkillAi, memory: ISkillMemory, http: ISkillHttp, owned: IDisposable list) =
    let ports = SkillPorts().WithAi(ai).WithMemory(memory).WithHttp(http)
    /// For EngineOptions.WithSkillPorts.
    member _.Ports = ports
    /// What answers prompts, or null.
    member _.Ai = ai
    /// What keeps memory, or null.
    member _.Memory = memory
    /// What sends requests.
    member _.Http = http

    /// The ports that these variables say (docs/SKILLS.md lists them); `defaultMemory` is where memory is kept when none of them says so, null for nowhere.
    /// Throws FormatException with the variable's name.
    static member FromVariables(variable: Func<string, string>, defaultMemory: string) : SkillServices =
        let get name =
            match variable.Invoke name with
            | null
            | "" -> ValueNone
            | value -> ValueSome value

        let owned = List<IDisposable>()

        let keep (made: 'T) : 'T =
            match box made with
            | :? IDisposable as d -> owned.Add d
            | _ -> ()

            made

        let attempt name (make: unit -> 'T) : 'T =
            try
                make ()
            with :? ArgumentException ->
                raise (FormatException $"{name} cannot be used")

        let seconds name (fallback: TimeSpan) =
            match get name with
            | ValueNone -> fallback
            | ValueSome text ->
                match Int32.TryParse(text, Globalization.NumberStyles.None, Globalization.CultureInfo.InvariantCulture) with
                | true, n when n > 0 && n <= 3600 -> TimeSpan.FromSeconds(float n)
                | _ -> raise (FormatException $"{name} is a number of seconds from 1 to 3600")

        let ai: ISkillAi =
            match get "TWOFOLD_AI_BASE_URL", get "TWOFOLD_AI_MODEL" with
            | ValueSome url, ValueSome model ->
                let key = get "TWOFOLD_AI_KEY" |> ValueOption.defaultValue null

                let client =
                    attempt "TWOFOLD_AI_BASE_URL" (fun () -> keep (new OpenAiChat(OpenAiOptions(BaseUrl = url, Model = model, Key = key))))

                ChatAi(client, seconds "TWOFOLD_AI_TIMEOUT" (TimeSpan.FromSeconds 60.0))
            | ValueSome _, ValueNone -> raise (FormatException "TWOFOLD_AI_BASE_URL needs TWOFOLD_AI_MODEL")
            | ValueNone, _ -> null

        let isPostgres (text: string) =
            text.StartsWith("Host=", StringComparison.OrdinalIgnoreCase)
            || text.Contains(";Host=", StringComparison.OrdinalIgnoreCase)

        let memory: ISkillMemory =
            match get "TWOFOLD_MEMORY" with
            | ValueSome text when isPostgres text -> attempt "TWOFOLD_MEMORY" (fun () -> keep (new PostgresMemory(text)))
            | ValueSome path -> SqliteMemory path
            | ValueNone when isNull defaultMemory -> null
            | ValueNone -> SqliteMemory defaultMemory

        let http =
            SafeHttpOptions(
                Timeout = seconds "TWOFOLD_HTTP_TIMEOUT" (TimeSpan.FromSeconds 20.0),
                AllowPrivateAddresses = (get "TWOFOLD_HTTP_ALLOW_PRIVATE_FOR_TESTS" = ValueSome "1")
            )

        new SkillServices(ai, memory, keep (new SafeHttp(http)), List.ofSeq owned)

    /// The ports that the process's environment says.
    static member FromEnvironment(defaultMemory: string) =
        SkillServices.FromVariables((fun name -> Environment.GetEnvironmentVariable name), defaultMemory)

    interface IDisposable with
        member _.Dispose() =
            for d in owned do
                d.Dispose()
