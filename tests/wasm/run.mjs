// Runs the suite in a wasm module and prints one line: node run.mjs MODULE [HASH]
// With a hash the module's own has to be the same.
import { readFile } from "node:fs/promises";

const [path, golden] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, run, checks, mismatches, hash, level_name, level_name_length } = instance.exports;

const level = new TextDecoder().decode(new Uint8Array(memory.buffer, level_name(), level_name_length()));
run();
const result = BigInt.asUintN(64, hash()).toString(16).padStart(16, "0");
const wrong = mismatches() >>> 0;
console.log(`backend ${level}: ${checks() >>> 0} checks, ${wrong} mismatches, hash ${result}`);

const complaints = [];
if (level !== "wasm") complaints.push(`ran on backend ${level}: the module was built without simd128`);
if (checks() === 0) complaints.push("nothing was checked");
if (wrong !== 0) complaints.push("the backend differs from scalar");
if (golden && golden.toLowerCase() !== result) complaints.push(`the hash should be ${golden}`);
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
