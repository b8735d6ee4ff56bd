// V8's side of the quick table: one run at a time, so that ours and V8's alternate on the same machine in the same moment.
// In: lines on stdin, `FILE ARG` to load and warm up a kernel, an empty line for one run. Out: a line each: CPU milliseconds, result (unsigned).

import fs from 'node:fs';
import readline from 'node:readline';

const cpu = f => {
  const start = process.cpuUsage();
  const result = f();
  const { user, system } = process.cpuUsage(start);
  return [(user + system) / 1000, result];
};

let run;
for await (const line of readline.createInterface({ input: process.stdin })) {
  if (line) {
    const space = line.lastIndexOf(' ');
    const arg = Number(line.slice(space + 1));
    const module = new WebAssembly.Module(fs.readFileSync(line.slice(0, space)));
    const { run: kernel } = new WebAssembly.Instance(module, { env: { host_inc: x => x + 1n } }).exports;
    run = () => kernel(arg);
    // Long enough for the optimising tier to have taken over.
    for (let spent = 0, runs = 0; spent < 200 || runs < 3; runs++) spent += cpu(run)[0];
  }
  const [time, result] = cpu(run);
  console.log(`${time} ${BigInt.asUintN(64, result)}`);
}
