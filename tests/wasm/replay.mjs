// Replays a receipt of `rosenblatt_programs::receipt` in a wasm module: node replay.mjs MODULE FILE.
import { readFile } from "node:fs/promises";

const [path, file] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, receipt_buffer, receipt_bytes, receipt_replay, receipt_hash } = instance.exports;

const receipt = await readFile(file);
if (receipt.length !== receipt_bytes()) throw new Error(`${file} has ${receipt.length} bytes`);
new Uint8Array(memory.buffer, receipt_buffer(), receipt_bytes()).set(receipt);
const same = receipt_replay();
if (same < 0) throw new Error("the receipt is refused");
console.log(`same ${same}`);
console.log(`hash ${BigInt.asUintN(64, receipt_hash()).toString(16).padStart(16, "0")}`);
