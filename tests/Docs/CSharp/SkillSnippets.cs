// The C# of docs/SKILLS.md, compiled and run by the docs tests; what stands between the marks is what the page shows.

using Twofold.Extensions.Skills;

namespace Twofold.Snippets;

/// <summary>The skills page's C#.</summary>
public static class SkillSnippets
{
    /// <summary>Runs it in the repository, with the skills' memory in a file of the caller's; what it printed.</summary>
    public static async Task<string> Run(string folder, string memory)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var old = (Out: Console.Out, Folder: Directory.GetCurrentDirectory(), Memory: Environment.GetEnvironmentVariable("TWOFOLD_MEMORY"));
        Console.SetOut(text);
        Directory.SetCurrentDirectory(folder);
        Environment.SetEnvironmentVariable("TWOFOLD_MEMORY", memory);
        try
        {
            await Snippet();
        }
        finally
        {
            Console.SetOut(old.Out);
            Directory.SetCurrentDirectory(old.Folder);
            Environment.SetEnvironmentVariable("TWOFOLD_MEMORY", old.Memory);
        }
        return text.ToString();
    }

    private static async Task Snippet()
    {
        // <skills>
        using var services = SkillServices.FromEnvironment("memory.db");
        using var engine = new TwofoldEngine(new EngineOptions().WithSkillPorts(services.Ports));
        Skill notes = Skill.Load("samples/skills/notes");

        await engine.ExecuteAsync(ExecutionRequest.ForSkill(notes, """{"key": "milk", "text": "two bottles"}"""));
        ExecutionReport report = await engine.ExecuteAsync(ExecutionRequest.ForSkill(notes, """{"key": "milk"}"""));
        Console.WriteLine(report.Receipt.ReturnDataText);
        Console.WriteLine(engine.Replay(report.Receipt, notes.GetModule()).Kind); // Identical: no memory was asked
        // </skills>
    }
}
