namespace Twofold

// Skills by name, for hosts that keep them in a folder and run them on an engine.
// In: a folder or a host's own library, names, inputs. Out: skills that were checked; reports.

open System
open System.Collections.Generic
open System.IO
open System.Threading
open System.Threading.Tasks
open Twofold.Engine

/// Skills that a host has, by name. Called from any thread.
[<AllowNullLiteral>]
type ISkillLibrary =
    /// Their names, in order.
    abstract Names: IReadOnlyList<string>
    /// The skill of a name, or null. Throws FormatException with the reason when there is one that cannot be used.
    abstract Find: name: string -> Twofold.Skill

/// Installed skills: a folder in which `skills` holds one folder for each, as the command `twofold skill install` makes them.
[<Sealed>]
type SkillLibrary(home: string) =
    let registry = SkillRegistry(Arguments.notNull (nameof home) home)

    let orThrow result =
        match result with
        | Ok(skill: Twofold.Engine.Skill) -> Twofold.Skill skill
        | Error(why: string) -> raise (FormatException why)

    let isThere (name: string) = SkillManifest.isName name && File.Exists(Path.Combine(registry.Folder, name, SkillManifest.FileName))

    /// The folder with the skills' folders.
    member _.Folder = registry.Folder

    /// Their names, in order; those that cannot be used are among them.
    member _.Names: IReadOnlyList<string> = registry.All() |> Seq.map _.Name |> Arguments.list

    /// The skill of a name, its checksum and permissions checked again; null when there is none. Throws FormatException with the reason when it cannot be used.
    member _.Find(name: string) : Twofold.Skill =
        if isThere (Arguments.notNull (nameof name) name) then
            registry.Find name |> orThrow
        else
            Unchecked.defaultof<Twofold.Skill>

    /// Checks a skill and copies it here; one that has its name is replaced only when asked. Throws FormatException with the reason.
    member _.Install(path: string, replace: bool) : Twofold.Skill =
        registry.Install(Arguments.notNull (nameof path) path, replace) |> orThrow

    /// Removes a skill; its memory stays with whoever keeps it. False: there was none. Throws IOException when its folder cannot be moved.
    member _.Remove(name: string) : bool =
        isThere (Arguments.notNull (nameof name) name)
        && (match registry.Remove name with
            | Ok() -> true
            | Error why -> raise (IOException why))

    interface ISkillLibrary with
        member this.Names = this.Names
        member this.Find name = this.Find name

/// Runs a host's skills by their names. Thread-safe.
[<Sealed>]
type SkillRunner(engine: TwofoldEngine, library: ISkillLibrary) =
    let engine = Arguments.notNull (nameof engine) engine
    let library = Arguments.notNull (nameof library) library

    /// The skills that there are.
    member _.Library = library

    /// The request that runs a skill on an input, to be changed before it is executed. Throws KeyNotFoundException when there is no such skill, FormatException when it
    /// cannot be used.
    member _.Request(name: string, input: byte[]) : Twofold.ExecutionRequest =
        match box (library.Find(Arguments.notNull (nameof name) name)) with
        | null -> raise (KeyNotFoundException $"there is no skill '{name}'")
        | skill -> ExecutionRequest.ForSkill((skill :?> Twofold.Skill), Arguments.notNull (nameof input) input)

    /// Runs a skill on an input: its answer is the receipt's return data. Throws as `Request` does, and OperationCanceledException when it is cancelled.
    member this.RunAsync(name: string, input: byte[], cancellationToken: CancellationToken) : Task<Twofold.ExecutionReport> =
        engine.ExecuteAsync(this.Request(name, input), cancellationToken)

    /// Runs a skill on the UTF-8 of a text.
    member this.RunAsync(name: string, input: string, cancellationToken: CancellationToken) : Task<Twofold.ExecutionReport> =
        this.RunAsync(name, Text.Encoding.UTF8.GetBytes(Arguments.notNull (nameof input) input), cancellationToken)

    /// Runs a skill on the UTF-8 of a text.
    member this.RunAsync(name: string, input: string) : Task<Twofold.ExecutionReport> = this.RunAsync(name, input, CancellationToken.None)
