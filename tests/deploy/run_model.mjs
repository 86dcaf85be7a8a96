// run_model.mjs -- node run_model.js FILE.wasm MODEL FLOATS_IN FLOATS_OUT ARENA_BYTES: a model of
// wasm-ld's on all examples of the file `inputs`; what it gives goes to `outputs`.
import fs from "node:fs";

const [file, model, ...sizes] = process.argv.slice(2);
const [floatsIn, floatsOut, arenaBytes] = sizes.map(Number);

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)));
const start = exports.__heap_base.value;
exports.memory.grow(Math.ceil((4 * (floatsIn + floatsOut) + arenaBytes) / 65536));
const input = new Float32Array(exports.memory.buffer, start, floatsIn);
const output = new Float32Array(exports.memory.buffer, start + 4 * floatsIn, floatsOut);

const bytes = fs.readFileSync("inputs");
const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const results = [];
for (let i = 0; i < all.length; i += floatsIn) {
    input.set(all.subarray(i, i + floatsIn));
    exports[`${model}_predict`](start + 4 * (floatsIn + floatsOut), start, start + 4 * floatsIn);
    results.push(Buffer.from(Float32Array.from(output).buffer));
}
fs.writeFileSync("outputs", Buffer.concat(results));
