// Makes the expected outputs of this folder with V8: node make.mjs FOLDER-OF-real
// In: *.in of this folder, the modules gofmt-tinygo, dprint-json, dprint-toml. Out: *.out, what V8's run of the module answers. Made with node 20.
import fs from 'node:fs';

const [, , real] = process.argv;
const here = new URL('.', import.meta.url).pathname;
const load = (name, imports = {}) => new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(`${real}/${name}.wasm`)), imports).exports;
const text = (x, at, n) => Buffer.from(x.memory.buffer, at, n).toString('latin1');

function gofmt(source) {
  const x = load('gofmt-tinygo');
  x._initialize();
  const at = x.alloc(source.length);
  new Uint8Array(x.memory.buffer).set(source, at);
  const answer = x.format();
  return `${answer}\n${text(x, x.output_ptr(), x.output_len())}`;
}

function dprint(module, name, source) {
  const x = load(module);
  const put = (bytes) => { const p = x.clear_shared_bytes(bytes.length); new Uint8Array(x.memory.buffer).set(bytes, p); };
  const get = (n) => text(x, x.get_shared_bytes_ptr(), n);
  put(Buffer.from(JSON.stringify({ global: { lineWidth: 80, indentWidth: 2, useTabs: false, newLineKind: 'lf' }, plugin: {} })));
  x.register_config(1);
  put(Buffer.from(name));
  x.set_file_path();
  put(source);
  const answer = x.format(1);
  return `${answer}\n${answer === 1 ? get(x.get_formatted_text()) : answer === 2 ? get(x.get_error_text()) : ''}`;
}

for (const file of fs.readdirSync(here).filter((f) => f.endsWith('.in')).sort()) {
  const source = fs.readFileSync(here + file);
  const kind = file.split('.')[1];
  const out = kind === 'go' ? gofmt(source) : dprint(`dprint-${kind}`, `file.${kind}`, source);
  fs.writeFileSync(here + file.replace(/\.in$/, '.out'), Buffer.from(out, 'latin1'));
  console.log(file, JSON.stringify(out.slice(0, 60)));
}
