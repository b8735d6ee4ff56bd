// Supertypes of every canonical type that is alive in the process, where compiled code's slow paths can see them.
// In: Validation/Canonical.fs enters and removes types, under its own lock. Out: `IsSubtype`, lock-free.

namespace Twofold.Wasm;

/// <summary>Displays by canonical id: the ids of a type's supertypes, the root first, its own id last.</summary>
internal static class TypeTable
{
    private static int[]?[] displays = new int[1024][];

    /// <summary>Enters a type, or removes it (null). Calls never overlap.</summary>
    public static void Set(int id, int[]? display)
    {
        if (id >= displays.Length)
        {
            var larger = displays;
            Array.Resize(ref larger, Math.Max(id + 1, larger.Length * 2));
            Volatile.Write(ref displays, larger);
        }

        Volatile.Write(ref displays[id], display);
    }

    /// <summary>The display of a live type.</summary>
    public static int[] Display(int id) => Volatile.Read(ref displays)[id]!;

    /// <summary>Is the first type the second, or declared below it? Both must be alive.</summary>
    public static bool IsSubtype(int type, int super)
    {
        if (type == super)
        {
            return true;
        }

        var all = Volatile.Read(ref displays);
        var own = all[type]!;
        var depth = all[super]!.Length - 1;
        return depth < own.Length && own[depth] == super;
    }
}
