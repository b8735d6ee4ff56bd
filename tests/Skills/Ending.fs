namespace Twofold.Skills.Tests

// What is left of all tests of this project goes when they have ended.
// In: nothing. Out: no folders.

open NUnit.Framework

/// Runs once, around all tests of the namespace.
[<SetUpFixture>]
type Ending() =
    [<OneTimeTearDown>]
    member _.RemoveFolders() = World.removeFolders ()
