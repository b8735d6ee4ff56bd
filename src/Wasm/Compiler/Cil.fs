namespace Twofold.Wasm.Compiler

// CIL as a printable value, between the pure lowering and the one match that sends it to an ILGenerator.
// In: built by Lower. Out: read by Emit and by tests that look at shapes.

open System
open System.Reflection
open System.Reflection.Emit

/// The types that compiled code has on the CIL stack.
type CilType =
    | I4 = 0
    | I8 = 1
    | R4 = 2
    | R8 = 3
    /// A native integer: a block, an entry point, an address.
    | Native = 4
    /// A reference value.
    | Obj = 5
    | Void = 6
    /// A vector, always as bytes.
    | V128 = 7

/// A signature of the one calling convention: callee context (native), stack units (i4), parameters; first result or void.
[<CustomEquality; NoComparison>]
type CilSig = {
    Params: CilType[]
    Result: CilType
} with

    override this.Equals o =
        match o with
        | :? CilSig as s -> s.Result = this.Result && s.Params = this.Params
        | _ -> false

    override this.GetHashCode() = hash (this.Result, this.Params)

/// One CIL instruction. Labels, locals and arguments are numbers; methods are those of the runtime.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type Cil =
    | Ldarg of int
    | Starg of int
    | Ldloc of int
    | Ldloca of int
    | Stloc of int
    | LdcI4 of int
    | LdcI8 of int64
    /// By bits; never a NaN (those are loaded from memory, because RyuJIT quietens them).
    | LdcR4 of int
    | LdcR8 of int64
    | Op of OpCode
    /// A vector from and to an address; no alignment is asked for.
    | LoadVector
    | StoreVector
    | Label of int
    | Branch of OpCode * int
    | Switch of int[]
    | Call of MethodInfo
    /// ldfld, stfld.
    | Field of OpCode * FieldInfo
    /// newarr, ldelem, ldelema, stelem.
    | Elem of OpCode * Type
    | Newobj of ConstructorInfo
    /// The method being compiled.
    | CallSelf of tail: bool
    | Calli of CilSig * tail: bool

    override this.ToString() =
        match this with
        | Ldarg i -> $"ldarg {i}"
        | Starg i -> $"starg {i}"
        | Ldloc i -> $"ldloc {i}"
        | Ldloca i -> $"ldloca {i}"
        | Stloc i -> $"stloc {i}"
        | LdcI4 v -> $"ldc.i4 {v}"
        | LdcI8 v -> $"ldc.i8 {v}"
        | LdcR4 b -> $"ldc.r4 {System.BitConverter.Int32BitsToSingle b}"
        | LdcR8 b -> $"ldc.r8 {System.BitConverter.Int64BitsToDouble b}"
        | Op o -> o.Name
        | LoadVector -> "ldobj v128"
        | StoreVector -> "stobj v128"
        | Label l -> $"L{l}:"
        | Branch(o, l) -> $"{o.Name} L{l}"
        | Switch ls -> ls |> Array.map (fun l -> $"L{l}") |> String.concat ", " |> sprintf "switch (%s)"
        | Call m ->
            let types =
                if m.IsGenericMethod then
                    m.GetGenericArguments() |> Array.map _.Name |> String.concat ", " |> sprintf "<%s>"
                else
                    ""

            $"call {m.DeclaringType.Name}.{m.Name}{types}"
        | Field(o, f) -> $"{o.Name} {f.DeclaringType.Name}.{f.Name}"
        | Elem(o, t) -> $"{o.Name} {t.Name}"
        | Newobj c -> $"newobj {c.DeclaringType.Name}"
        | CallSelf tail -> if tail then "tail. call self" else "call self"
        | Calli(s, tail) -> (if tail then "tail. calli " else "calli ") + $"%A{s.Params} -> {s.Result}"

/// A lowered function, ready to be emitted.
[<NoComparison; NoEquality>]
type CilFunc = { Name: string; Sig: CilSig; Locals: CilType[]; Code: Cil[]; Labels: int }
