// What a host gets when there is no usable library: what was found, where, and how to get a right one.

namespace Twofold.Wasmtime;

/// <summary>There is no libwasmtime that can be used. The message says what was found and what to do; everything else of Twofold works without it.</summary>
public sealed class WasmtimeUnavailableException : Exception
{
    /// <summary>What is wrong, in words for people.</summary>
    public WasmtimeUnavailableException(string message) : base(message) { }

    internal static readonly string Advice =
        $"Get libwasmtime {WasmtimeLibrary.OldestVersion} to {WasmtimeLibrary.NewestVersion} (the C API of a Wasmtime release, or the NuGet package Wasmtime of that version) " +
        $"and name it by the option, by the environment variable {WasmtimeLibrary.Variable} (the file or its folder), or put it into the application's {WasmtimeLibrary.RuntimesFolder}.";
}
