// Carries the training of `rosenblatt_programs::travel` on in a wasm module:
// node carry.mjs MODULE FILE STEPS. It reads the checkpoint FILE and writes it again.
import { readFile, writeFile } from "node:fs/promises";

const [path, file, steps] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, carry_buffer, carry_bytes, carry_on, carry_hash } = instance.exports;

const checkpoint = await readFile(file);
if (checkpoint.length !== carry_bytes()) throw new Error(`${file} has ${checkpoint.length} bytes`);
const bytes = () => new Uint8Array(memory.buffer, carry_buffer(), carry_bytes());
bytes().set(checkpoint);
const ended = carry_on(Number(steps));
if (ended < 0) throw new Error("the checkpoint is refused");
await writeFile(file, bytes());
console.log(`ended ${ended}`);
console.log(`hash ${BigInt.asUintN(64, carry_hash()).toString(16).padStart(16, "0")}`);
