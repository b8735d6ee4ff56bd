namespace Twofold.Wasm.Compiler

// Where things are in an instance's block (after its fixed head), decided by the module alone so that code is shared by its instances.
// In: a ValidModule. Out: byte offsets, used by the emitter and by whoever fills the block.

open Twofold.Wasm
open Twofold.Wasm.Validation

/// Byte offsets in an instance's block.
[<NoComparison; NoEquality>]
type Layout = {
    Memories: int
    Tables: int
    Imports: int
    Globals: int
    Tags: int
    Size: int
} with

    member this.Memory i = this.Memories + MemorySlot.Size * i
    member this.Table i = this.Tables + 16 * i
    member this.Import i = this.Imports + FuncEntry.Size * i
    /// A global's cell (own, or imported and immutable: a copy), or the address of its cell (imported and mutable).
    member this.Global i = this.Globals + 16 * i
    /// The number of a tag, which StoreBlock.Pending is compared with.
    member this.Tag i = this.Tags + 8 * i

module Layout =
    let ofModule (valid: ValidModule) : Layout =
        let memories = InstanceBlock.HeadSize
        let tables = memories + MemorySlot.Size * valid.MemoryTypes.Length
        let imports = tables + 16 * valid.TableTypes.Length
        let globals = imports + FuncEntry.Size * valid.ImportedFuncs
        let tags = globals + 16 * valid.GlobalTypes.Length + 16

        {
            Memories = memories
            Tables = tables
            Imports = imports
            Globals = globals
            Tags = tags
            Size = tags + 8 * valid.TagTypes.Length
        }
