namespace Twofold.Wasm.Interpreter

// to come
