// Times the workloads of a wasm module and prints a line for each: its name, a tab, nanoseconds.
// node run.mjs MODULE
import { readFile } from "node:fs/promises";

let memory;
const env = {
  now: () => performance.now(),
  report: (at, length, nanoseconds) => {
    const name = new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
    console.log(`${name}\t${nanoseconds}`);
  },
};
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), { env });
memory = instance.exports.memory;
instance.exports.run();
