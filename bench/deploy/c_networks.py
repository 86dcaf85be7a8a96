"""network.h of those that make C: nnc's header, of floats or whole numbers, and emlearn's code."""

import re
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

FLOATS = """typedef float Input, Output;
static Input given(float x) { return x; }
static float gave(Output y) { return y; }
"""

NNC = """#define {upper}_IMPLEMENTATION
#include "{name}.h"
enum {{ INPUTS = {upper}_{input}_SIZE, OUTPUTS = {upper}_OUTPUT_SIZE }};
static float arena[{upper}_ARENA_FLOATS];
{floats}static void predict(const Input *in, Output *out) {{ {name}_predict(arena, in, out); }}
"""

# Numbers from -128 to 127 in and out, as TFLite's; the arena may be of no bytes.
NNC_INT8 = """#define {upper}_IMPLEMENTATION
#include "{name}.h"
enum {{ INPUTS = {upper}_{input}_SIZE, OUTPUTS = {upper}_OUTPUT_SIZE }};
static float arena[{upper}_I8_ARENA_BYTES / 4 + !{upper}_I8_ARENA_BYTES];
typedef int8_t Input;
static Input given(float x)
{{
    const int q = (int)(x / {upper}_{input}_SCALE + 1000.5f) - 1000 + {upper}_{input}_ZERO;
    return (Input)(q < -128 ? -128 : q > 127 ? 127 : q);
}}
#ifdef {upper}_OUTPUT_SCALE
typedef int8_t Output;
static float gave(Output y) {{ return {upper}_OUTPUT_SCALE * (float)(y - {upper}_OUTPUT_ZERO); }}
#else
typedef float Output;
static float gave(Output y) {{ return y; }}
#endif
static void predict(const Input *in, Output *out) {{ {name}_predict_i8(arena, in, out); }}
"""


def nnc(folder, name, template):
    """Beside FOLDER/NAME.h."""
    upper = name.upper()
    sizes = re.findall(rf"{upper}_(\w+)_SIZE \d", (folder / f"{name}.h").read_text())
    (folder / "network.h").write_text(template.format(
        name=name, upper=upper, input=next(s for s in sizes if s != "OUTPUT"), floats=FLOATS))


class Emlearn:
    """emlearn's networks are dense layers; batch normalization is folded for it."""

    def __init__(self, weights):
        self.named = weights
        self.weights, self.biases, self.activations = [], [], []

    def input(self, *_):
        return self

    def dense(self, _, name):
        self.weights.append(self.named[f"{name}.w"])
        self.biases.append(self.named[f"{name}.b"])
        self.activations.append("identity")
        return self

    def batchnorm(self, _, name):
        gamma, beta, mean, var = (self.named[f"{name}.{part}"] for part in
                                  ("gamma", "beta", "running_mean", "running_var"))
        factor = gamma / np.sqrt(var + 1e-5)
        self.weights[-1] = self.weights[-1] * factor
        self.biases[-1] = (self.biases[-1] - mean) * factor + beta
        return self

    def activation(self, _, kind):
        self.activations[-1] = kind
        return self


# eml_net_infer leaves the results in the second of the two buffers.
EMLEARN = """#include <string.h>
{code}
enum {{ INPUTS = {inputs}, OUTPUTS = {outputs} }};
{floats}static void predict(const Input *in, Output *out)
{{
    if (eml_net_infer(&network, in, INPUTS) == EmlOk)
        memcpy(out, network_buf2, sizeof(float) * OUTPUTS);
}}
"""


def emlearn(network, trained, folder):
    """Returns where emlearn's own headers are. What it calls inline makes no code (0.23.2)."""
    import emlearn.net
    it = Emlearn(load_file(trained))
    network.build(it)
    code = emlearn.net.c_generate_net_loadable(it.activations, it.weights, it.biases, "network")
    folder.mkdir(exist_ok=True)
    (folder / "network.h").write_text(EMLEARN.format(
        code=code, inputs=it.weights[0].shape[0], outputs=it.weights[-1].shape[1], floats=FLOATS))
    return Path(emlearn.net.__file__).parent
