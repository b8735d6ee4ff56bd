namespace Twofold.Wasm.Text

// The official suite's script format (.wast): modules, actions and assertions, as the reference interpreter's README gives its grammar.
// In: a script's bytes. Out: its commands; the modules in it are encoded when a command is run, so that a bad one fails only its own command.

open System
open System.Text
open Twofold.Wasm

/// A module of a script.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ScriptModule =
    /// Fields in the script itself; encoding them may fail.
    | Text of encode: (unit -> Result<byte[], Rejected>)
    | Binary of byte[]
    /// Text in strings: may be no text at all.
    | Quote of byte[]

/// A value that is passed: bits of numbers, references as the script makes them.
[<RequireQualifiedAccess>]
type ScriptValue =
    | I32 of uint32
    | I64 of uint64
    | F32 of uint32
    | F64 of uint64
    /// `(ref.null t)`; the heap type's name.
    | RefNull of heap: string
    /// `(ref.extern n)`.
    | RefExtern of uint32
    /// `(ref.host n)`.
    | RefHost of uint32
    | V128 of low: uint64 * high: uint64

/// What a lane of a vector must be.
[<RequireQualifiedAccess>]
type LanePattern =
    | Bits of uint64
    | CanonicalNaN
    | ArithmeticNaN

/// What a result must be.
[<RequireQualifiedAccess>]
type ScriptPattern =
    | Value of ScriptValue
    | F32CanonicalNaN
    | F32ArithmeticNaN
    | F64CanonicalNaN
    | F64ArithmeticNaN
    /// Lanes of a vector, lowest first, and how many bits each has.
    | Lanes of width: int * LanePattern list
    /// `(ref.null)`: any null.
    | AnyNull
    /// `(ref.func)`, `(ref.extern)`, `(ref.struct)`...: any reference of the kind that is not null.
    | AnyRef of kind: string
    /// One of several.
    | Either of ScriptPattern list

[<RequireQualifiedAccess>]
type ScriptAction =
    /// An export of the named module, or of the latest one.
    | Invoke of ``module``: string option * export: string * arguments: ScriptValue list
    | Get of ``module``: string option * export: string

[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ScriptCommand =
    | Module of name: string option * ScriptModule
    | ModuleDefinition of name: string option * ScriptModule
    | ModuleInstance of name: string option * definition: string option
    | Register of exportName: string * ``module``: string option
    | Action of ScriptAction
    | AssertReturn of ScriptAction * ScriptPattern list
    | AssertTrap of ScriptAction * message: string
    | AssertExhaustion of ScriptAction * message: string
    | AssertException of ScriptAction
    | AssertMalformed of ScriptModule * message: string
    | AssertInvalid of ScriptModule * message: string
    | AssertUnlinkable of ScriptModule * message: string
    /// `assert_trap` of a module: it traps while it is instantiated.
    | AssertUninstantiable of ScriptModule * message: string
    /// A command that is not run here: `thread`, `wait`, `assert_malformed_custom`...
    | Other of word: string

/// A command and where it stands.
[<NoComparison; NoEquality>]
type ScriptItem = { Line: int; Command: ScriptCommand }

[<Sealed>]
type private ScriptParser(c: Cursor) =
    let optional (s: string) = if isNull s then None else Some s
    let text (b: byte[]) = Encoding.UTF8.GetString b

    let strings () =
        let all = ResizeArray<byte>()

        while c.Kind = TokenKind.String do
            // Each string is a line of the quoted text as far as tokens are concerned.
            if all.Count > 0 then
                all.Add(byte ' ')

            all.AddRange(c.String())

        all.ToArray()

    let binary () =
        let all = ResizeArray<byte>()

        while c.Kind = TokenKind.String do
            all.AddRange(c.String())

        all.ToArray()

    /// After the name, up to the closing parenthesis, which is consumed.
    let body (finish: int) (name: string) : ScriptModule =
        let result =
            if c.TryWord "binary" then
                ScriptModule.Binary(binary ())
            elif c.TryWord "quote" then
                ScriptModule.Quote(strings ())
            else
                let first = c.Pos
                c.Pos <- finish
                ScriptModule.Text(fun () -> Refused.catch (fun () -> ParserModule.fields (Cursor(c.Tokens, first, finish)) name))

        c.Close()
        result

    /// `(module $id? ...)`.
    let moduleText () : ScriptModule =
        let finish = c.Partner

        if not (c.TryOpen "module") then
            raise (c.Unexpected "(module")

        body finish (c.TryId())

    /// A shape and its lanes: the width, and what each must be.
    let lanes () : int * LanePattern list =
        let shape = c.Text

        let isFloat, count, width =
            match shape with
            | "i8x16" -> false, 16, 8
            | "i16x8" -> false, 8, 16
            | "i32x4" -> false, 4, 32
            | "i64x2" -> false, 2, 64
            | "f32x4" -> true, 4, 32
            | "f64x2" -> true, 2, 64
            | _ -> raise (c.Unexpected "a shape")

        c.Skip 1

        width,
        [
            for _ in 1..count do
                if isFloat && c.TryWord "nan:canonical" then LanePattern.CanonicalNaN
                elif isFloat && c.TryWord "nan:arithmetic" then LanePattern.ArithmeticNaN
                elif not isFloat then LanePattern.Bits(c.Number("an integer", Numbers.integer width))
                elif width = 32 then LanePattern.Bits(uint64 (c.Number("an f32 constant", Numbers.f32)))
                else LanePattern.Bits(c.Number("an f64 constant", Numbers.f64))
        ]

    let vector () : ScriptValue =
        let width, lanes = lanes ()
        let halves = [| 0UL; 0UL |]

        lanes
        |> List.iteri (fun k lane ->
            match lane with
            | LanePattern.Bits b -> halves[k * width / 64] <- halves[k * width / 64] ||| (b <<< (k * width % 64))
            | _ -> raise (c.Unexpected "a number"))

        ScriptValue.V128(halves[0], halves[1])

    let value (word: string) : ScriptValue =
        match word with
        | "i32.const" -> ScriptValue.I32(uint32 (c.Number("an i32 constant", Numbers.integer 32)))
        | "i64.const" -> ScriptValue.I64(c.Number("an i64 constant", Numbers.integer 64))
        | "f32.const" -> ScriptValue.F32(c.Number("an f32 constant", Numbers.f32))
        | "f64.const" -> ScriptValue.F64(c.Number("an f64 constant", Numbers.f64))
        | "ref.null" ->
            let heap = c.Text
            c.Skip 1
            ScriptValue.RefNull heap
        | "ref.extern" -> ScriptValue.RefExtern(c.U32())
        | "ref.host" -> ScriptValue.RefHost(c.U32())
        | "v128.const" -> vector ()
        | _ ->
            c.Skip -1
            raise (c.Unexpected "a constant")

    let values () : ScriptValue list = [
        while c.Kind = TokenKind.Open do
            let word = c.OpenWord()
            c.Skip 1
            value word
            c.Close()
    ]

    let rec pattern () : ScriptPattern =
        let word = c.OpenWord()
        c.Skip 1

        let p =
            match word with
            | "f32.const" when c.TryWord "nan:canonical" -> ScriptPattern.F32CanonicalNaN
            | "f32.const" when c.TryWord "nan:arithmetic" -> ScriptPattern.F32ArithmeticNaN
            | "f64.const" when c.TryWord "nan:canonical" -> ScriptPattern.F64CanonicalNaN
            | "f64.const" when c.TryWord "nan:arithmetic" -> ScriptPattern.F64ArithmeticNaN
            | "v128.const" -> ScriptPattern.Lanes(lanes ())
            | "ref.null" when c.Kind = TokenKind.Close -> ScriptPattern.AnyNull
            | "either" ->
                ScriptPattern.Either [
                    while c.Kind = TokenKind.Open do
                        pattern ()
                ]
            | _ when word.StartsWith("ref.", StringComparison.Ordinal) && c.Kind = TokenKind.Close -> ScriptPattern.AnyRef(word.Substring 4)
            | _ -> ScriptPattern.Value(value word)

        c.Close()
        p

    let patterns () = [
        while c.Kind = TokenKind.Open do
            pattern ()
    ]

    let action () : ScriptAction =
        let word = c.OpenWord()
        c.Skip 1
        let name = optional (c.TryId())

        let a =
            match word with
            | "invoke" ->
                let export = text (c.Name())
                ScriptAction.Invoke(name, export, values ())
            | "get" -> ScriptAction.Get(name, text (c.Name()))
            | _ ->
                c.Pos <- c.Pos - (if name.IsSome then 2 else 1)
                raise (c.Unexpected "invoke or get")

        c.Close()
        a

    let message () = text (c.String())

    let moduleCommand (finish: int) =
        if c.TryWord "definition" then
            let name = c.TryId()
            ScriptCommand.ModuleDefinition(optional name, body finish name)
        elif c.TryWord "instance" then
            let name = optional (c.TryId())
            let definition = optional (c.TryId())
            c.Close()
            ScriptCommand.ModuleInstance(name, definition)
        else
            let name = c.TryId()
            ScriptCommand.Module(optional name, body finish name)

    /// A command that ends in a message, its closing parenthesis consumed.
    let withMessage (make: string -> ScriptCommand) =
        let m = message ()
        c.Close()
        make m

    member private _.Command() : ScriptCommand =
        let finish = c.Partner
        let start = c.Pos
        let word = c.OpenWord()
        c.Skip 1

        match word with
        | "module" -> moduleCommand finish
        | "register" ->
            let name = text (c.Name())
            let id = optional (c.TryId())
            c.Close()
            ScriptCommand.Register(name, id)
        | "invoke"
        | "get" ->
            c.Pos <- start
            ScriptCommand.Action(action ())
        | "assert_return" ->
            let a = action ()
            let ps = patterns ()
            c.Close()
            ScriptCommand.AssertReturn(a, ps)
        | "assert_exhaustion" ->
            let a = action ()
            withMessage (fun m -> ScriptCommand.AssertExhaustion(a, m))
        | "assert_exception" ->
            let a = action ()
            c.Close()
            ScriptCommand.AssertException a
        | "assert_trap" when c.IsOpen "module" ->
            let m = moduleText ()
            withMessage (fun text -> ScriptCommand.AssertUninstantiable(m, text))
        | "assert_trap" ->
            let a = action ()
            withMessage (fun m -> ScriptCommand.AssertTrap(a, m))
        | "assert_malformed" ->
            let m = moduleText ()
            withMessage (fun text -> ScriptCommand.AssertMalformed(m, text))
        | "assert_invalid" ->
            let m = moduleText ()
            withMessage (fun text -> ScriptCommand.AssertInvalid(m, text))
        | "assert_unlinkable" ->
            let m = moduleText ()
            withMessage (fun text -> ScriptCommand.AssertUnlinkable(m, text))
        | other ->
            c.Pos <- finish
            c.Close()
            ScriptCommand.Other other

    /// All commands. A script that is the fields of one module is one module.
    member this.Run() : ScriptItem list =
        let bare =
            [ "func"; "type"; "import"; "export"; "table"; "memory"; "global"; "elem"; "data"; "start"; "tag"; "rec" ]
            |> List.exists c.IsOpen

        // Lines are counted along the way: looking each one up from the start would be quadratic.
        let mutable line = 1
        let mutable counted = 0

        let lineOf (offset: int) =
            for i in counted .. offset - 1 do
                if c.Source.Bytes[i] = 10uy then
                    line <- line + 1

            counted <- offset
            line

        if bare then
            let encode () = Refused.catch (fun () -> ParserModule.fields (Cursor c.Tokens) null)
            [ { Line = lineOf c.Offset; Command = ScriptCommand.Module(None, ScriptModule.Text encode) } ]
        else
            [
                while not c.AtEnd do
                    if c.Kind <> TokenKind.Open then
                        raise (c.Unexpected "a command")

                    { Line = lineOf c.Offset; Command = this.Command() }
            ]

/// Scripts of the official suite.
module Script =
    /// A script's commands.
    let parse (script: byte[]) : Result<ScriptItem list, Rejected> =
        Refused.catch (fun () -> ScriptParser(Cursor(Lexer.run (Source script))).Run())

    /// A module's bytes in the binary format, or what is wrong with its text.
    let bytes (m: ScriptModule) : Result<byte[], Rejected> =
        match m with
        | ScriptModule.Text encode -> encode ()
        | ScriptModule.Binary b -> Ok b
        | ScriptModule.Quote t -> Wat.parseBytes t
