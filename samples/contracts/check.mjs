// Runs each of the eight compiled tokens through the same table of calls, on node and a host made of a few maps.
// In: wasm/*.wasm. Out: one line per module, exit code 1 at the first difference. A developer's check: Twofold's own tests run the modules on Twofold.

import fs from 'node:fs';
import assert from 'node:assert/strict';

const CONTRACT = '0x' + 'c0'.repeat(20), OWNER = '0x' + 'a1'.repeat(20), ALICE = '0x' + 'a2'.repeat(20), BOB = '0x' + 'b0'.repeat(20);
const NOBODY = '0x' + '00'.repeat(20);
const UPPER = '0x' + 'B0'.repeat(20); // the same address as BOB: hosts answer in lower case, guests may write either
const TOKEN = `${CONTRACT}:GLD`, MAX = 2n ** 64n - 1n;
const error = { address: 2, amount: 4, notFound: 8, unauthorized: 10, insufficient: 11 }; // as in docs/HOST_ABI.md
const utf8 = new TextEncoder(), text = new TextDecoder('latin1');

// ---- The host: what is committed (coins, state), and one run's draft on top of it.

const isAddress = a => /^0x[0-9a-f]{40}$/i.test(a) && a[1] === 'x';
const sum = coins => coins.reduce((total, coin) => total + coin.amount, 0n);

function host(world, run, memory) {
  const view = (ptr, len) => {
    ptr >>>= 0; len >>>= 0;
    if (ptr + len > memory().buffer.byteLength) throw new WebAssembly.RuntimeError('out of bounds memory access');
    return new Uint8Array(memory().buffer, ptr, len);
  };
  const read = (ptr, len) => text.decode(view(ptr, len));
  const address = ptr => { const a = read(ptr, 42); return isAddress(a) ? a.toLowerCase() : null; };
  const write = (ptr, bytes) => { view(ptr, bytes.length).set(bytes); return bytes.length; };
  const fail = code => { run.lastError = code; return 0; };
  const coinsOf = (owner, token) => run.coins.filter(c => c.owner === owner && c.token === token && !c.spent);
  const output = (owner, amount, token) => {
    const coin = { owner, amount, token };
    run.outputs.push(coin); run.coins.push(coin);
  };
  return {
    get_caller: out => write(out, utf8.encode(run.caller)) && 1,
    get_contract_address: out => write(out, utf8.encode(CONTRACT)) && 1,
    get_contract_params_len: () => run.params.length,
    get_contract_params: out => write(out, run.params),
    set_return_data: (ptr, len) => { run.returned = view(ptr, len).slice(); },
    state_exists: (k, kl) => run.state.has(read(k, kl)) ? 1 : 0,
    state_len: (k, kl) => run.state.get(read(k, kl))?.length ?? fail(error.notFound),
    state_get: (k, kl, out) => { const v = run.state.get(read(k, kl)); return v ? write(out, v) : fail(error.notFound); },
    state_set: (k, kl, v, vl) => { run.state.set(read(k, kl), view(v, vl).slice()); return 1; },
    query_utxo_balance: (owner, t, tl) => address(owner) ? BigInt.asIntN(64, sum(coinsOf(address(owner), read(t, tl)))) : BigInt(fail(error.address)),
    create_utxo_output: (to, amount, t, tl) => {
      if (!address(to) || address(to) === NOBODY) return fail(error.address);
      if (amount === 0n) return fail(error.amount);
      output(address(to), BigInt.asUintN(64, amount), read(t, tl));
      return 1;
    },
    execute_utxo_transfer: (f, t, amount, k, kl) => {
      if (run.refusal !== undefined) return fail(run.refusal);
      const from = address(f), to = address(t), token = read(k, kl), wanted = BigInt.asUintN(64, amount);
      if (!from || !to || wanted === 0n) return fail(from && to ? error.amount : error.address);
      if (from !== run.caller && from !== CONTRACT) return fail(error.unauthorized);
      const available = coinsOf(from, token).sort((a, b) => a.amount > b.amount ? -1 : a.amount < b.amount ? 1 : 0); // the largest first, as Twofold chooses
      if (sum(available) < wanted) return fail(error.insufficient);
      let spent = 0n;
      for (const coin of available) {
        if (spent >= wanted) break;
        coin.spent = true; run.inputs.push(coin); spent += coin.amount;
      }
      if (to !== NOBODY) output(to, wanted, token); // what nobody gets is burned
      if (spent > wanted) output(from, spent - wanted, token);
      return 1;
    },
    emit_event: (n, nl, d, dl) => { run.events.push([read(n, nl), view(d, dl).slice()]); },
    get_last_error: () => run.lastError,
    abort: () => { throw new WebAssembly.RuntimeError('abort'); },
  };
}

/** One call on a fresh instance; the world changes only when the status is 0. */
function call(module, world, entry, caller, params, refusal) {
  const run = { refusal, caller, params, lastError: 0, inputs: [], outputs: [], events: [], returned: null,
    coins: world.coins.map(c => ({ ...c })), state: new Map(world.state) };
  const instance = new WebAssembly.Instance(module, { env: host(world, run, () => instance.exports.memory) });
  const status = instance.exports[entry]();
  if (status === 0) { world.coins = run.coins.filter(c => !c.spent); world.state = run.state; }
  return { ...run, status };
}

// ---- The two conventions of parameters, events and answers.

const le64 = n => { const b = new Uint8Array(8); new DataView(b.buffer).setBigUint64(0, n, true); return b; };
const bytes = (...parts) => Uint8Array.from(parts.flatMap(p => [...(typeof p === 'string' ? utf8.encode(p) : p)]));
const padded = (s, length) => s.padEnd(length, '\0');
const json = o => utf8.encode(JSON.stringify(o, (_, v) => typeof v === 'bigint' ? `#${v}#` : v).replaceAll(/"#(\d+)#"/g, '$1'));

const readable = {
  encode: { Initialize: json, Mint: json, Transfer: json, GetBalance: json },
  event: (from, to, amount) => `{"from":"${from}","to":"${to}","amount":${amount}}`,
  showEvent: data => text.decode(data),
  balance: data => BigInt(text.decode(data)),
};
const raw = {
  encode: {
    Initialize: o => bytes(padded(o.symbol, 8), padded(o.name, 32)),
    Mint: o => bytes(o.to, le64(o.amount)),
    Transfer: o => bytes(o.to, le64(o.amount), o.from ?? ''),
    GetBalance: o => bytes(o.of),
  },
  event: (from, to, amount) => Buffer.from(bytes(from, to, le64(amount))).toString('hex'),
  showEvent: data => Buffer.from(data).toString('hex'),
  balance: data => new DataView(data.buffer).getBigUint64(0, true),
};

// ---- The table: [entry, caller, parameters (an object, or bytes as they are), status, what else must be seen]

const out = (owner, amount) => ({ owner, amount });
const common = [
  ['Mint', OWNER, { to: ALICE, amount: 5n }, 4],
  ['Transfer', ALICE, { to: BOB, amount: 5n }, 4],
  ['GetBalance', ALICE, { of: ALICE }, 4],
  ['Initialize', OWNER, { name: '', symbol: 'GLD' }, 1],
  ['Initialize', OWNER, { name: 'Gold', symbol: '' }, 1],
  ['Initialize', OWNER, { name: 'Gold', symbol: 'gld' }, 1],
  ['Initialize', OWNER, { name: 'Gold', symbol: 'G:D' }, 1],
  ['Initialize', OWNER, { name: 'Gold', symbol: 'GLDGLDGLDG' }, 1],
  ['Initialize', OWNER, { name: 'x'.repeat(33), symbol: 'GLD' }, 1],
  ['Initialize', OWNER, new Uint8Array(0), 1],
  ['Initialize', OWNER, { name: 'Gold', symbol: 'GLD' }, 0, { supply: 0n }],
  ['Initialize', OWNER, { name: 'Gold', symbol: 'GLD' }, 5],
  ['Initialize', ALICE, new Uint8Array(0), 5],
  ['Mint', ALICE, { to: ALICE, amount: 5n }, 3],
  ['Mint', OWNER, { to: ALICE, amount: 0n }, 1],
  ['Mint', OWNER, { to: ALICE.replace('a', 'z'), amount: 5n }, 1],
  ['Mint', OWNER, { to: ALICE + '0', amount: 5n }, 1],
  ['Mint', OWNER, { to: NOBODY, amount: 5n }, 1],
  ['Mint', OWNER, { to: ALICE, amount: 60n }, 0, { outputs: [out(ALICE, 60n)], supply: 60n }],
  ['Mint', OWNER, { to: ALICE, amount: 40n }, 0, { outputs: [out(ALICE, 40n)], supply: 100n }],
  ['Mint', OWNER, { to: OWNER, amount: MAX - 99n }, 1],
  ['Mint', OWNER, { to: OWNER, amount: MAX }, 1],
  ['GetBalance', BOB, { of: ALICE }, 0, { balance: 100n }],
  ['GetBalance', BOB, { of: BOB }, 0, { balance: 0n }],
  ['GetBalance', BOB, { of: BOB.slice(1) + '0' }, 1],
  ['Transfer', ALICE, { to: BOB, amount: 101n }, 2],
  ['Transfer', ALICE, { to: BOB, amount: MAX }, 2],
  ['Transfer', ALICE, { to: BOB, amount: 0n }, 1],
  ['Transfer', ALICE, { to: BOB.slice(1) + '0', amount: 5n }, 1],
  ['Transfer', BOB, { to: BOB, amount: 5n }, 2],
  ['Transfer', BOB, { to: BOB, amount: 5n, from: ALICE }, 3],
  ['Transfer', BOB, { to: BOB, amount: 5n, from: CONTRACT }, 3],
  ['Transfer', ALICE, { to: BOB, amount: 5n }, 0, { inputs: [60n], outputs: [out(BOB, 5n), out(ALICE, 55n)], event: [ALICE, BOB, 5n] }],
  ['Transfer', ALICE, { to: BOB, amount: 95n, from: ALICE }, 0, { inputs: [55n, 40n], outputs: [out(BOB, 95n)], event: [ALICE, BOB, 95n] }],
  ['Transfer', BOB, { to: UPPER, amount: 1n }, 0, { inputs: [95n], outputs: [out(BOB, 1n), out(BOB, 94n)], event: [BOB, UPPER, 1n] }],
  ['Transfer', BOB, { to: BOB, amount: 1n, from: UPPER }, 3],
  ['GetBalance', ALICE, { of: ALICE }, 0, { balance: 0n }],
  ['GetBalance', ALICE, { of: UPPER }, 0, { balance: 100n }],
  ['GetBalance', ALICE, { of: BOB }, 0, { balance: 100n }],
  ['Mint', OWNER, { to: OWNER, amount: MAX - 100n }, 0, { outputs: [out(OWNER, MAX - 100n)], supply: MAX }],
  ['Mint', OWNER, { to: OWNER, amount: 1n }, 1],
  ['Transfer', OWNER, { to: BOB, amount: MAX - 100n }, 0, { inputs: [MAX - 100n], outputs: [out(BOB, MAX - 100n)], event: [OWNER, BOB, MAX - 100n] }],
  ['GetBalance', OWNER, { of: BOB }, 0, { balance: MAX }],
  ['Transfer', BOB, { to: NOBODY, amount: 1n }, 0, { inputs: [MAX - 100n], outputs: [out(BOB, MAX - 101n)], event: [BOB, NOBODY, 1n] }],
];

const bob = s => utf8.encode(s.replaceAll('BOB', BOB));
const paid = amount => ({ event: [BOB, BOB, amount] });
const onlyReadable = [
  ...['', '{', '{}', '[]', 'null', '{"to":"BOB"}', '{"amount":5}', '{"to":"BOB","amount":-5}', '{"to":"BOB","amount":5.0}', '{"to":"BOB","amount":1e3}',
    '{"to":"BOB","amount":""}', '{"to":"BOB","amount":"5x"}', '{"to":"BOB","amount":18446744073709551616}', '{"to":"BOB","amount":184467440737095516150}',
    '{"to":"BOB","amount":5', '{"to":"BOB","amount":5}}', '{"to":"BOB","amount":5} x', '{"to":"BOB","amount":5,}', '{,"to":"BOB","amount":5}',
    '{"to":"BOB" "amount":5}', '{"to" "BOB","amount":5}', '{"to":"BOB,"amount":5}', '{"to":"BOB","amount":5,"amount":6}', '{"to":"BOB","to":"BOB","amount":5}',
    '{"to":"BOB","amount":5,"from":"BOB","from":"BOB"}', '{"to":"BOB","amount":5,"from":""}', '{"to":"BOB","amount":5,"memo":true}', '{"to":"BOB","amount":5,"memo":{}}',
    '{"to":"BOB","amount":5,"memo":"\\n"}', '{"to":"BOB","amount":5,"memo":"\u00e9"}', '{"to":"BOB","amount":5,"memo":"\u0001"}', '{"to":"BOB","amount":5}\0',
    `{"to":"BOB","amount":5,"memo":"${'x'.repeat(1025 - 72)}"}`].map(s => ['Transfer', BOB, bob(s), 1]),
  ['Transfer', BOB, bob(' \t\r\n{ "amount" : "5" , "memo" : "thanks" , "to" : "BOB" } '), 0, paid(5n)],
  ['Transfer', BOB, bob('{"memo":"","to":"BOB","amount":007}'), 0, paid(7n)],
  ['Transfer', BOB, bob(`{"to":"BOB","amount":5,"memo":"${'x'.repeat(1024 - 72)}"}`), 0, paid(5n)],
  ['Mint', ALICE, utf8.encode('{'), 1],
];
const onlyRaw = [0, 1, 42, 49, 51, 91, 93, 5000].map(n => ['Transfer', BOB, new Uint8Array(n), 1]).concat([
  ['Mint', ALICE, new Uint8Array(49), 1],
  ['Mint', OWNER, new Uint8Array(92), 1],
  ['GetBalance', BOB, new Uint8Array(41), 1],
  ['GetBalance', BOB, new Uint8Array(43), 1],
  ['Transfer', BOB, bytes(BOB, le64(5n), BOB), 0, paid(5n)],
]);

const show = o => JSON.stringify(o, (_, v) => typeof v === 'bigint' ? `${v}` : v instanceof Uint8Array ? text.decode(v) : v);

for (const [kind, convention, own] of [['token', readable, onlyReadable], ['token-raw', raw, onlyRaw]])
  for (const language of ['as', 'c', 'rust', 'wat']) {
    const file = new URL(`wasm/${kind}-${language}.wasm`, import.meta.url);
    if (!fs.existsSync(file)) { console.log(`${kind}-${language}: absent`); process.exitCode = 1; continue; }
    const module = new WebAssembly.Module(fs.readFileSync(file));
    const functions = WebAssembly.Module.exports(module).filter(e => e.kind === 'function').map(e => e.name).sort();
    assert.deepEqual(functions, ['GetBalance', 'Initialize', 'Mint', 'Transfer']);
    assert.ok(WebAssembly.Module.exports(module).some(e => e.kind === 'memory' && e.name === 'memory'));
    assert.ok(WebAssembly.Module.imports(module).every(i => i.module === 'env' && i.kind === 'function'));

    const world = { coins: [], state: new Map() };
    for (const [entry, caller, params, status, seen = {}] of [...common, ...own]) {
      const before = show([world.coins, [...world.state]]);
      const given = params instanceof Uint8Array ? params : convention.encode[entry](params);
      const run = call(module, world, entry, caller, given);
      const what = `${kind}-${language} ${entry} ${show(params)}`;
      assert.equal(run.status, status, what);
      if (status !== 0) { assert.equal(show([world.coins, [...world.state]]), before, what); continue; }
      if (seen.inputs) assert.deepEqual(run.inputs.map(c => c.amount), seen.inputs, what);
      if (seen.outputs) assert.deepEqual(run.outputs, seen.outputs.map(o => ({ ...o, token: TOKEN })), what);
      if (seen.supply !== undefined) assert.deepEqual(world.state.get('supply'), le64(seen.supply), what);
      if (seen.balance !== undefined) assert.equal(convention.balance(run.returned), seen.balance, what);
      assert.deepEqual(run.events.map(([n, d]) => [n, convention.showEvent(d)]), seen.event ? [['Transfer', convention.event(...seen.event)]] : [], what);
    }
    for (let code = 0; code <= 30; code++) { // every reason a host call may give
      const status = { 8: 4, 9: 5, 10: 3, 11: 2, 12: 2, 14: 1, 15: 1, 16: 1, 21: 4 }[code] ?? (code >= 1 && code <= 7 ? 1 : 6);
      const run = call(module, world, 'Transfer', BOB, convention.encode.Transfer({ to: BOB, amount: 5n }), code);
      assert.equal(run.status, status, `${kind}-${language} get_last_error ${code}`);
      assert.equal(run.events.length, 0);
    }
    assert.deepEqual([...world.state.keys()].sort(), ['name', 'owner', 'supply', 'symbol']);
    assert.equal(text.decode(world.state.get('owner')), OWNER);
    assert.equal(text.decode(world.state.get('name')), 'Gold');
    assert.equal(text.decode(world.state.get('symbol')), 'GLD');
    console.log(`${kind}-${language}: ${common.length + own.length} calls as expected, ${fs.statSync(file).size} bytes`);
  }
