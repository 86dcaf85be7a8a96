"""Training steps in PyTorch: torch_peer.py WORKLOAD THREADS eager|compile [LAYOUT]

A step is zero (to None), forward, loss, backward, update. Images lie as LAYOUT says,
channels_last or contiguous; where it says nothing, as is faster.
"""

import time

import torch
import torch.nn.functional as F

import serve
from torch_models import MODELS

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def data(w, layout):
    if w.letters:
        x = torch.randint(0, w.classes, (w.batch, *w.inputs))
        return x, torch.randint(0, w.classes, (w.batch, *w.inputs))
    if len(w.inputs) == 3:
        height, width, channels = w.inputs
        x = torch.rand(w.batch, channels, height, width).to(memory_format=LAYOUTS[layout])
    else:
        x = torch.rand(w.batch, *w.inputs)
    return x, x if w.outputs == w.inputs else torch.randint(0, w.classes, (w.batch,))


def classify(model, x, y):
    z = model(x)
    return F.cross_entropy(z.flatten(0, -2), y.flatten())


def reproduce(model, x, y):
    return F.mse_loss(model(x), y)


def make(w, mode, layout):
    torch.manual_seed(1)
    build, optimizer = MODELS[w.model]
    model = build()
    if len(w.inputs) == 3:
        model = model.to(memory_format=LAYOUTS[layout])
    trained = [p for p in model.parameters() if p.requires_grad]
    update = optimizer(trained)
    loss_of = reproduce if w.outputs == w.inputs else classify
    if mode == "compile":
        loss_of = torch.compile(loss_of, dynamic=False)
    x, y = data(w, layout)

    def step():
        update.zero_grad(set_to_none=True)
        loss = loss_of(model, x, y)
        loss.backward()
        update.step()
        return loss

    return step, sum(p.numel() for p in trained)


def seconds(step, runs=3):
    step()
    start = time.perf_counter()
    for _ in range(runs):
        step()
    return time.perf_counter() - start


def faster_layout(w, mode):
    return min(LAYOUTS, key=lambda layout: seconds(make(w, mode, layout)[0]))


def main():
    args = serve.arguments("mode", "layout")
    answers = serve.quiet_stdout()
    torch.set_num_threads(args.threads)
    w, layout = args.workload, args.layout
    if len(w.inputs) == 3:
        layout = layout or faster_layout(w, args.mode)
    step, parameters = make(w, args.mode, layout)
    step()
    serve.serve(answers, {"parameters": parameters, "note": layout}, step,
                lambda loss: loss.item())


if __name__ == "__main__":
    main()
