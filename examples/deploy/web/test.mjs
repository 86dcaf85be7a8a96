// test.mjs -- node test.mjs DIGITS.csv PREDICTIONS.csv: what the page computes for a table of digits is
// what nnc predicts; and digits drawn with its pen are seen.
import fs from "node:fs";
import vm from "node:vm";

for (const file of ["model.js", "digits.js"])
    vm.runInThisContext(fs.readFileSync(new URL(file, import.meta.url), "utf8"), { filename: file });
const { predict, blank, stroke, fitted, pixelsOf } = vm.runInThisContext(
    "({ predict: openModel(MODEL, MODEL_ARENA_FLOATS), blank, stroke, fitted, pixelsOf })");

const table = (path) => fs.readFileSync(path, "utf8").trim().split("\n").slice(1).map((line) => line.split(",").map(Number));
const largest = (shares) => shares.indexOf(Math.max(...shares));
let failed = 0;

function check(what, ok) {
    if (!ok) console.log(`FAIL ${what}`);
    failed += !ok;
}

// A bitmap whose blocks have as many dots as the image's pixels say.
function bitmapOf(image) {
    const bitmap = blank();
    image.forEach((dots, i) => {
        for (let d = 0; d < dots; d++)
            bitmap[4 * Math.floor(i / 8) + Math.floor(d / 4)][4 * (i % 8) + (d % 4)] = 1;
    });
    return bitmap;
}

const digits = table(process.argv[2]).map((row) => row.slice(0, 64));
const wanted = table(process.argv[3]);
digits.forEach((image, i) => {
    const shares = predict(pixelsOf(bitmapOf(image)));
    const off = Math.max(...shares.map((share, k) => Math.abs(share - wanted[i][k + 1])));
    check(`digit ${i} is ${off} off`, off <= 1e-5 && largest(shares) === wanted[i][0]);
});

// Lines through points of a sheet of 32 x 32, somewhere and of some size.
const drawings = {
    0: [[16, 6], [12, 8], [10, 12], [10, 20], [12, 24], [16, 26], [20, 24], [22, 20], [22, 12], [20, 8], [16, 6]],
    1: [[13, 9], [17, 5], [17, 27]],
    4: [[19, 27], [19, 5], [9, 20], [25, 20]],
    7: [[9, 6], [22, 6], [14, 27]],
};
for (const [digit, points] of Object.entries(drawings)) {
    const bitmap = blank();
    for (let i = 1; i < points.length; i++)
        stroke(bitmap, { x: points[i - 1][0], y: points[i - 1][1] }, { x: points[i][0], y: points[i][1] }, 1.6);
    const seen = largest(predict(pixelsOf(fitted(bitmap))));
    check(`a drawn ${digit} is seen as ${seen}`, seen === Number(digit));
}
// The page itself, with as much of a browser as it asks for: a finger draws a 1, and clears it.
function element() {
    const made = { children: [], style: {}, listeners: {}, width: 320, height: 320 };
    Object.defineProperty(made, "lastElementChild", { get: () => made.children.at(-1) });
    return Object.assign(made, {
        append: (...children) => made.children.push(...children),
        appendChild: (child) => (made.children.push(child), child),
        addEventListener: (name, listener) => { made.listeners[name] = listener; },
        getContext: () => ({ clearRect() {}, fillRect() {} }),
        getBoundingClientRect: () => ({ left: 0, top: 0, width: 320, height: 320 }),
        setPointerCapture() {},
    });
}
const elements = { paper: element(), bars: element(), answer: element(), clear: element() };
globalThis.document = { getElementById: (id) => elements[id], createElement: element };
vm.runInThisContext("openPage(openModel(MODEL, MODEL_ARENA_FLOATS))");
const { paper, answer, bars, clear } = elements;
paper.listeners.pointerdown({ pointerId: 1, clientX: 130, clientY: 90 });
paper.listeners.pointermove({ clientX: 170, clientY: 50 });
paper.listeners.pointermove({ clientX: 170, clientY: 270 });
paper.listeners.pointerup({});
check(`the page says ${answer.textContent}`, answer.textContent === 1);
check("the page has no bars", bars.children.length === 10 && bars.children[1].lastElementChild.value > 0.5);
clear.listeners.click({});
check("the page cannot be cleared", answer.textContent === "" && bars.children[1].lastElementChild.value === 0);

check("there are digits", digits.length > 0 && digits.length === wanted.length);
console.log(`${digits.length} digits and ${Object.keys(drawings).length} drawings, ${failed} wrong`);
process.exit(failed ? 1 : 0);
