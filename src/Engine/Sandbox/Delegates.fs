namespace Twofold.Engine

// Delegates as registered functions: their WebAssembly type, and a compiled way to call them with bits.
// In: `Func<int, int>`, `Action<HostCaller, long>`, `Func<ReadOnlySpan<byte>, int>`, `Func<int, Task<int>>`... Out: a signature and IHostFunctions over a set of them.

open System
open System.Collections.Generic
open System.Linq.Expressions
open System.Threading.Tasks
open Twofold
open Twofold.Wasm

/// A delegate made callable. Task: what it waits for, when it is asynchronous; then `Result` tells the bits.
[<NoComparison; NoEquality>]
type internal HostDelegate = {
    Type: FuncType
    /// Null when the delegate is asynchronous.
    Sync: Func<HostCaller, uint64[], uint64>
    Async: Func<HostCaller, uint64[], Task>
    Result: Func<Task, uint64>
}

module internal Delegates =
    let valType (t: Type) =
        if t = typeof<int> || t = typeof<uint32> || t = typeof<bool> then ValueSome ValType.I32
        elif t = typeof<int64> || t = typeof<uint64> then ValueSome ValType.I64
        elif t = typeof<float32> then ValueSome ValType.F32
        elif t = typeof<double> then ValueSome ValType.F64
        else ValueNone

    /// A delegate's method; F# makes that of a private delegate type internal.
    let invokeOf (delegateType: Type) =
        delegateType.GetMethod(
            "Invoke",
            Reflection.BindingFlags.Instance ||| Reflection.BindingFlags.Public ||| Reflection.BindingFlags.NonPublic
        )

    let private convert (e: Expression) (t: Type) = Expression.Convert(e, t) :> Expression

    let private call (name: string) (argument: Expression) : Expression =
        Expression.Call(typeof<BitConverter>.GetMethod(name, [| argument.Type |]), argument)

    let private ofBits (bits: Expression) (t: Type) : Expression =
        if t = typeof<float32> then call "UInt32BitsToSingle" (convert bits typeof<uint32>)
        elif t = typeof<double> then call "UInt64BitsToDouble" bits
        elif t = typeof<bool> then Expression.NotEqual(convert bits typeof<uint32>, Expression.Constant 0u)
        else convert bits t

    let private toBits (value: Expression) : Expression =
        let t = value.Type

        if t = typeof<float32> then
            convert (call "SingleToUInt32Bits" value) typeof<uint64>
        elif t = typeof<double> then
            call "DoubleToUInt64Bits" value
        elif t = typeof<int> then
            convert (convert value typeof<uint32>) typeof<uint64>
        elif t = typeof<bool> then
            Expression.Condition(value, Expression.Constant 1UL, Expression.Constant 0UL)
        else
            convert value typeof<uint64>

    /// Task, ValueTask, and those with a result: the result's type, or unit.
    let awaited (t: Type) =
        if t = typeof<Task> || t = typeof<ValueTask> then
            ValueSome typeof<Void>
        elif t.IsGenericType then
            let shape = t.GetGenericTypeDefinition()

            if shape = typedefof<Task<_>> || shape = typedefof<ValueTask<_>> then
                ValueSome(t.GetGenericArguments()[0])
            else
                ValueNone
        else
            ValueNone

    // F# names no type of a span; what lends them does.
    let private lender (name: string) =
        typeof<HostCaller>.GetMethod(name, Reflection.BindingFlags.Instance ||| Reflection.BindingFlags.NonPublic)

    let private lenders = [ lender "BorrowToRead"; lender "BorrowToEdit" ]
    let private lenderOf (t: Type) = lenders |> List.tryFind (fun m -> m.ReturnType = t)
    let private isSpan (t: Type) = (lenderOf t).IsSome

    let private results (t: Type) = if t = typeof<Void> then ValueSome [||] else valType t |> ValueOption.map Array.singleton

    let private wrong (where: string) (t: Type) =
        ArgumentException(
            $"{where}: parameters and result of a host function are int, uint, long, ulong, float, double and bool, a parameter also ReadOnlySpan<byte> or Span<byte> (an address and a length; not of an asynchronous function), a result also Task or ValueTask of those; found {t.Name}"
        )

    /// The delegate's type and how to call it. Throws ArgumentException for types that cannot cross.
    let make (where: string) (d: Delegate) : HostDelegate =
        let invoke = invokeOf (d.GetType())
        let types = invoke.GetParameters() |> Array.map _.ParameterType
        let withCaller = types.Length > 0 && types[0] = typeof<HostCaller>
        let own = if withCaller then types[1..] else types

        let pars =
            own
            |> Array.collect (fun t ->
                match valType t with
                | ValueSome v -> [| v |]
                // Where and how long.
                | ValueNone when isSpan t && (awaited invoke.ReturnType).IsNone -> [| ValType.I32; ValType.I32 |]
                | ValueNone -> raise (wrong where t))

        let caller = Expression.Parameter typeof<HostCaller>
        let bits = Expression.Parameter typeof<uint64[]>

        let places = own |> Array.scan (fun at t -> at + (if isSpan t then 2 else 1)) 0
        let bit (i: int) = Expression.ArrayIndex(bits, Expression.Constant i) :> Expression

        let argument (t: Type) (i: int) : Expression =
            match lenderOf t with
            | Some m -> Expression.Call(caller, m, convert (bit i) typeof<int>, convert (bit (i + 1)) typeof<int>)
            | None -> ofBits (bit i) t

        let arguments = [|
            if withCaller then
                caller :> Expression
            for i in 0 .. own.Length - 1 do
                argument own[i] places[i]
        |]

        let body = Expression.Invoke(Expression.Constant d, arguments) :> Expression

        let funcType (result: Type) =
            match results result with
            | ValueSome r -> { Params = pars; Results = r }
            | ValueNone -> raise (wrong where result)

        match awaited invoke.ReturnType with
        | ValueNone ->
            let value =
                if invoke.ReturnType = typeof<Void> then
                    Expression.Block(body, Expression.Constant 0UL) :> Expression
                else
                    ignore (funcType invoke.ReturnType)
                    toBits body

            {
                Type = funcType invoke.ReturnType
                Sync = Expression.Lambda<Func<HostCaller, uint64[], uint64>>(value, caller, bits).Compile()
                Async = null
                Result = null
            }
        | ValueSome result ->
            let type' = funcType result

            let task: Expression =
                if invoke.ReturnType.IsValueType then
                    Expression.Call(body, invoke.ReturnType.GetMethod "AsTask")
                else
                    body

            let finished = Expression.Parameter typeof<Task>

            let bitsOf: Expression =
                if result = typeof<Void> then
                    Expression.Constant 0UL
                else
                    toBits (Expression.Property(convert finished (typedefof<Task<_>>.MakeGenericType result), "Result"))

            {
                Type = type'
                Sync = null
                Async = Expression.Lambda<Func<HostCaller, uint64[], Task>>(convert task typeof<Task>, caller, bits).Compile()
                Result = Expression.Lambda<Func<Task, uint64>>(bitsOf, finished).Compile()
            }

/// A set of delegates by module and name.
[<Sealed>]
type internal HostDelegates(all: IReadOnlyDictionary<struct (string * string), HostDelegate>) =
    member _.Signatures: HostSignature list = [
        for pair in all do
            let struct (moduleName, name) = pair.Key
            { Module = moduleName; Name = name; Type = pair.Value.Type }
    ]

    interface IHostFunctions with
        member _.Perform(signature, arguments, caller) =
            let found, f = all.TryGetValue(struct (signature.Module, signature.Name))

            if not found then
                invalidOp $"no function {signature.Module}.{signature.Name} is registered"

            let bits = Array.ofList arguments

            if isNull f.Async then
                f.Sync.Invoke(HostCaller caller, bits)
            else
                let task = f.Async.Invoke(HostCaller caller, bits)

                if isNull task then
                    invalidOp $"{signature.Module}.{signature.Name} returned no task"

                caller.Wait task
                task.GetAwaiter().GetResult()
                f.Result.Invoke task
