// digits.js -- from what is drawn to a digit, by the model in model.js; and the page around it.
//
// As the data was made: a bitmap of 32 x 32, of which each block of 4 x 4 is a pixel, the number of
// its dots that are black.
"use strict";

const SIDE = 32, BLOCK = 4, PIXELS = (SIDE / BLOCK) ** 2, CLASSES = 10;

// --- the model ----------------------------------------------------------------------------------

// The numbers of floats are those of digits.h, which nnc has written beside the object.
function openModel(base64, arenaFloats) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const pixels = exports.__heap_base.value, output = pixels + 4 * PIXELS;
    const arena = output + 4 * CLASSES;
    exports.memory.grow(Math.ceil((4 * (PIXELS + CLASSES + arenaFloats)) / 65536));
    return (image) => {
        new Float32Array(exports.memory.buffer, pixels, PIXELS).set(image);
        exports.digits_predict(arena, pixels, output);
        return Array.from(new Float32Array(exports.memory.buffer, output, CLASSES));
    };
}

// --- the picture --------------------------------------------------------------------------------
// A bitmap is an array of rows of 0 and 1.

function blank() {
    return Array.from({ length: SIDE }, () => new Uint8Array(SIDE));
}

// The smallest box around what is drawn; null: nothing is.
function boxOf(bitmap) {
    const box = { left: SIDE, top: SIDE, right: -1, bottom: -1 };
    bitmap.forEach((row, y) => row.forEach((dot, x) => {
        if (!dot) return;
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y);
    }));
    return box.right < 0 ? null : box;
}

// As high as the bitmap, and in its middle.
function fitted(bitmap) {
    const box = boxOf(bitmap), made = blank();
    if (!box) return made;
    const width = box.right - box.left + 1, height = box.bottom - box.top + 1;
    const scale = SIDE / Math.max(width, height);
    const left = (SIDE - width * scale) / 2, top = (SIDE - height * scale) / 2;
    for (let y = 0; y < SIDE; y++)
        for (let x = 0; x < SIDE; x++) {
            const fromX = Math.floor((x + 0.5 - left) / scale), fromY = Math.floor((y + 0.5 - top) / scale);
            if (fromX >= 0 && fromX < width && fromY >= 0 && fromY < height)
                made[y][x] = bitmap[box.top + fromY][box.left + fromX];
        }
    return made;
}

function pixelsOf(bitmap) {
    const pixels = new Float32Array(PIXELS);
    bitmap.forEach((row, y) => row.forEach((dot, x) => {
        pixels[Math.floor(y / BLOCK) * (SIDE / BLOCK) + Math.floor(x / BLOCK)] += dot;
    }));
    return pixels;
}

// A round pen along a line.
function stroke(bitmap, from, to, radius) {
    const steps = Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)) + 1;
    for (let i = 0; i <= steps; i++) {
        const x = from.x + ((to.x - from.x) * i) / steps, y = from.y + ((to.y - from.y) * i) / steps;
        for (let v = Math.floor(y - radius); v <= y + radius; v++)
            for (let u = Math.floor(x - radius); u <= x + radius; u++)
                if (bitmap[v]?.[u] === 0 && Math.hypot(u + 0.5 - x, v + 0.5 - y) <= radius)
                    bitmap[v][u] = 1;
    }
}

// --- the page -----------------------------------------------------------------------------------

function openPage(predict) {
    const canvas = document.getElementById("paper"), bars = document.getElementById("bars");
    const pen = canvas.getContext("2d"), scale = canvas.width / SIDE;
    let bitmap = blank(), last = null;
    for (let i = 0; i < CLASSES; i++) {
        const row = bars.appendChild(document.createElement("label"));
        row.append(`${i} `, document.createElement("meter"));
    }

    function show() {
        pen.clearRect(0, 0, canvas.width, canvas.height);
        bitmap.forEach((row, y) => row.forEach((dot, x) => {
            if (dot) pen.fillRect(x * scale, y * scale, scale, scale);
        }));
        const shares = boxOf(bitmap) ? predict(pixelsOf(fitted(bitmap))) : null;
        const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
        for (let i = 0; i < CLASSES; i++) {
            bars.children[i].lastElementChild.value = shares ? shares[i] : 0;
            bars.children[i].style.fontWeight = i === best ? "bold" : "normal";
        }
        document.getElementById("answer").textContent = best < 0 ? "" : best;
    }

    function place(event) {
        const area = canvas.getBoundingClientRect();
        return { x: ((event.clientX - area.left) * SIDE) / area.width,
                 y: ((event.clientY - area.top) * SIDE) / area.height };
    }

    function draw(event) {
        if (!last) return;
        const now = place(event);
        stroke(bitmap, last, now, 1.6);
        last = now;
        show();
    }

    canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        last = place(event);
        draw(event);
    });
    canvas.addEventListener("pointermove", draw);
    canvas.addEventListener("pointerup", () => { last = null; });
    canvas.addEventListener("pointercancel", () => { last = null; });
    document.getElementById("clear").addEventListener("click", () => {
        bitmap = blank();
        show();
    });
}

if (typeof document !== "undefined") openPage(openModel(MODEL, MODEL_ARENA_FLOATS));
