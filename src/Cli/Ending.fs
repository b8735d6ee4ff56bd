namespace Twofold.Cli

// How a command ends: its exit code, and what goes to which stream.
// In: what a command found. Out: Program prints it; scripts read the code.

/// Exit codes, documented in docs/CLI.md; a contract's own status never becomes one, a WASI program's does.
module Exit =
    /// The run succeeded, the receipt is identical, the module could be read.
    [<Literal>]
    let Success = 0

    /// The contract answered with a status other than 0, a command of a script failed, or the replay differs.
    [<Literal>]
    let Failed = 1

    /// The command line, a file, the module or the request is not acceptable: nothing ran.
    [<Literal>]
    let Rejected = 2

    /// The guest trapped, or threw an exception that it did not catch.
    [<Literal>]
    let Trapped = 3

    /// The guest ran out of gas or of stack.
    [<Literal>]
    let Exhausted = 4

    /// Trouble of the host or of ours: a deadline, cancellation, memory, a bug.
    [<Literal>]
    let Fault = 5

    /// `run` of a program passes the program's status on; what is not the program's is this much above our code.
    [<Literal>]
    let OwnOfProgram = 128

/// What a command leaves.
type Ending = {
    Code: int
    /// For standard output; empty lines are kept, nothing is printed when it is empty.
    Output: string
    /// One line for standard error; empty: none.
    Error: string
}

module Ending =
    let ok output = { Code = Exit.Success; Output = output; Error = "" }
    let refuse code (error: string) = { Code = code; Output = ""; Error = error }

    /// Nothing ran, because of the command line or a file.
    let rejected error = refuse Exit.Rejected error
