// V8's figures for the kernels: node run-node.mjs [name ...]. In: kernels.json. Out: a JSON line per figure: name, metric, value (a median), result.
//
//   run_ms    a warm run(arg); result is what it answered, as an unsigned decimal
//   call_ns   one call of add from JavaScript, of a million in a row; result is the last answer
//
// Runs warm up for at least 200 ms, so that V8's optimising tier has taken over, then the median of nine counts.

import fs from 'node:fs';

const kernels = JSON.parse(fs.readFileSync(new URL('kernels.json', import.meta.url)));
const wanted = process.argv.slice(2);
const median = xs => xs.sort((a, b) => a - b)[xs.length >> 1];
const milliseconds = f => { const start = process.hrtime.bigint(); const result = f(); return [Number(process.hrtime.bigint() - start) / 1e6, result]; };

function measure(f) {
  let result;
  for (let spent = 0, runs = 0; spent < 200 || runs < 3; runs++) spent += milliseconds(f)[0];
  const times = Array.from({ length: 9 }, () => { const [time, answer] = milliseconds(f); result = answer; return time; });
  return [median(times), result];
}

const unknown = wanted.filter(name => !kernels.some(k => k.name === name));
if (unknown.length) { console.error(`no such kernel: ${unknown.join(', ')}; there are ${kernels.map(k => k.name).join(', ')}`); process.exit(2); }

for (const { name, file, arg } of kernels.filter(k => !wanted.length || wanted.includes(k.name))) {
  const module = new WebAssembly.Module(fs.readFileSync(new URL(file, import.meta.url)));
  const { run, add } = new WebAssembly.Instance(module, { env: { host_inc: x => x + 1n } }).exports;
  const report = (metric, value, result) => console.log(JSON.stringify({ name, metric, value: Number(value.toFixed(4)), result: String(result) }));
  if (run) {
    const [value, result] = measure(() => run(arg));
    report('run_ms', value, BigInt.asUintN(64, result));
  }
  if (add) {
    const calls = 1_000_000;
    const [value, result] = measure(() => { let sum = 0; for (let i = 0; i < calls; i++) sum = add(sum, i); return sum; });
    report('call_ns', value * 1e6 / calls, result);
  }
}
