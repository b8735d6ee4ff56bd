namespace Twofold.Wasm.Scripts

// Our engines as scripts need them, through the public face: several instances in one store, exports imported by the next.
// In: bytes, names, values. Out: results and endings; gas is unlimited, the logical stack is the host profile's.

open System
open Twofold.Wasm

[<Sealed>]
type EngineHost(options: ModuleOptions) =
    // Address space only: memories of the suite declare up to 4 GiB each and touch little.
    let store = new Store(StoreOptions().WithMemoryLimit(1L <<< 40).WithTableLimit(options.Limits.TableEntries))
    let linker = Linker()

    let ending (run: unit -> Value[]) =
        try
            CallEnd.Returned(run ())
        with
        | :? TrapException as t -> CallEnd.Trapped t.Message
        | :? StackExhaustedException as e -> CallEnd.Exhausted e.Message
        | :? UncaughtException as e -> CallEnd.Threw e.Message
        | :? RejectedException as e -> CallEnd.Unusable e.Message
        | e -> CallEnd.Unusable $"{e.GetType().Name}: {e.Message}"

    /// The print functions of `spectest` as host functions, in place of the module's own.
    let definePrints () =
        let print name (f: Delegate) = linker.Define("spectest", name, f) |> ignore
        print "print" (Action(fun () -> ()))
        print "print_i32" (Action<int>(fun _ -> ()))
        print "print_i64" (Action<int64>(fun _ -> ()))
        print "print_f32" (Action<float32>(fun _ -> ()))
        print "print_f64" (Action<float>(fun _ -> ()))
        print "print_i32_f32" (Action<int, float32>(fun _ _ -> ()))
        print "print_f64_f64" (Action<float, float>(fun _ _ -> ()))

    new(limits: WasmLimits, engine: EngineKind) =
        new EngineHost(ModuleOptions().WithFeatures(Features.Executable).WithLimits(limits).WithEngine engine)

    interface IScriptHost with
        member _.Features = options.Features

        member _.Instantiate bytes =
            try
                Ok(box (linker.Instantiate(store, Module.Load(bytes, options))))
            with
            | :? RejectedException as e when e.Rejection.Kind = RejectionKind.Link -> Error(NotInstantiated.Unlinkable e.Rejection.Reason)
            | :? RejectedException as e -> Error(NotInstantiated.Refused e.Message)
            | :? WasmException as e -> Error(NotInstantiated.Trapped e.Message)

        member _.Register(name, instance) =
            linker.DefineInstance(name, (instance :?> Instance)) |> ignore

            if name = "spectest" then
                definePrints ()

        member _.Invoke(instance, export, arguments) = ending (fun () -> (instance :?> Instance).Call(export, arguments))
        member _.Get(instance, export) = ending (fun () -> [| (instance :?> Instance).GetGlobal(export).Value |])

        member _.HeapOf v = ScriptValues.heapOf v

    interface IDisposable with
        member _.Dispose() = store.Dispose()
