// Where things are: the repository above the tests, and how it was built.
// In: the place of the tests' assembly. Out: paths.

using System.Reflection;

namespace Twofold.Hosting.Tests;

internal static class Paths
{
    public static readonly string Root = FindRoot();

    public static readonly string Configuration = typeof(Paths).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    private static string FindRoot()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Directory.Packages.props"))) d = d.Parent ?? throw new InvalidOperationException("no repository above the tests");
        return d.FullName;
    }
}
