// Runs the suite and the programs in a wasm module and prints a line for each: node run.mjs MODULE [HASH]
// With a hash that of the suite has to be the same. The hashes of the programs are for others to judge.
import { readFile } from "node:fs/promises";

const [path, golden] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, run, checks, mismatches, hash, backend_name, backend_name_length } = instance.exports;
const { program_name, program_name_length, program_hash } = instance.exports;

const text = (at, length) => new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
const hex = (hash) => BigInt.asUintN(64, hash).toString(16).padStart(16, "0");

const backend = text(backend_name(), backend_name_length());
run();
const result = hex(hash());
const wrong = mismatches() >>> 0;
console.log(`backend ${backend}: ${checks() >>> 0} checks, ${wrong} mismatches, hash ${result}`);
for (let i = 0; program_name_length(i) > 0; i++) {
  const name = text(program_name(i), program_name_length(i));
  console.log(`program ${name}: ${hex(program_hash(i))}`);
}

const complaints = [];
if (backend !== "wasm") complaints.push(`ran on backend ${backend}: the module was built without simd128`);
if (checks() === 0) complaints.push("nothing was checked");
if (wrong !== 0) complaints.push("the backend differs from scalar");
if (golden && golden.toLowerCase() !== result) complaints.push(`the hash should be ${golden}`);
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
