// What the sample is configured with, and what it loads for it.
// In: the section `Host`. Out: callers by their keys, contracts with their state.

using System.Security.Cryptography;
using System.Text;
using Twofold;

namespace AspNetHost;

/// <summary>The section `Host`.</summary>
public sealed class HostSettings
{
    public int MaxBodyBytes { get; set; } = 64 << 10;

    /// <summary>By name.</summary>
    public Dictionary<string, ContractSettings> Contracts { get; set; } = [];

    public List<CallerSettings> Callers { get; set; } = [];

    /// <summary>The caller whose key the request shows in X-Api-Key, or null. Keys are compared in constant time.</summary>
    public CallerSettings? FindCaller(HttpRequest http)
    {
        var given = SHA256.HashData(Encoding.UTF8.GetBytes(http.Headers["X-Api-Key"].ToString()));
        CallerSettings? found = null;
        foreach (var c in Callers)
            if (c.Key.Length > 0 && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(c.Key)), given))
                found = c;
        return found;
    }
}

public sealed class ContractSettings
{
    public string Module { get; set; } = "";
    public string Address { get; set; } = "";

    /// <summary>A snapshot in JSON (docs/CLI.md); none: an empty world.</summary>
    public string? State { get; set; }
}

public sealed class CallerSettings
{
    /// <summary>The tenant whose quotas hold, in the section `Twofold:Tenants`.</summary>
    public string Name { get; set; } = "";

    public string Key { get; set; } = "";
    public string Address { get; set; } = "";

    /// <summary>The most gas that one request may use.</summary>
    public long Gas { get; set; } = 10_000_000;
}

/// <summary>A contract that is served.</summary>
public sealed record Contract(byte[] Module, string Address, Snapshot State);

/// <summary>What is served, loaded once.</summary>
public sealed class Catalogue(IReadOnlyDictionary<string, Contract> contracts)
{
    public Contract? FindContract(string name) => contracts.GetValueOrDefault(name);

    public static Catalogue Load(HostSettings settings, string root)
    {
        string At(string path) => Path.Combine(root, path);
        return new Catalogue(
            settings.Contracts.ToDictionary(
                c => c.Key,
                c => new Contract(
                    File.ReadAllBytes(At(c.Value.Module)),
                    c.Value.Address,
                    c.Value.State is { } state ? Snapshot.FromJson(File.ReadAllText(At(state))) : Snapshot.Empty)));
    }
}
