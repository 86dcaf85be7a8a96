"""Networks as Keras models, and from there as .tflite files; runs as a program of its own.

    keras_maker.py FOLDER NAME...    in FOLDER/NAME: of weights and x.npy f32.tflite, int8.tflite
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

from networks import BY_NAME  # noqa: E402


class Keras:
    def __init__(self, weights):
        self.weights = weights

    def input(self, *shape):
        self.entry = keras.Input(shape, batch_size=1)
        return self.entry

    def layer(self, x, layer, *values):
        y = layer(x)
        layer.set_weights(values)
        return y

    def convolution(self, x, name, layer, order):
        w, b = self.weights[f"{name}.w"], self.weights[f"{name}.b"]
        return self.layer(x, layer(w), w.transpose(order), b)

    def conv(self, x, name, stride=1, same=True):
        padding = "same" if same else "valid"
        return self.convolution(x, name, lambda w: layers.Conv2D(
            w.shape[3], w.shape[:2], stride, padding), (0, 1, 2, 3))

    def depthwise(self, x, name):
        return self.convolution(x, name, lambda w: layers.DepthwiseConv2D(
            w.shape[:2], padding="same"), (0, 1, 3, 2))

    def dense(self, x, name):
        return self.convolution(x, name, lambda w: layers.Dense(w.shape[1]), (0, 1))

    def batchnorm(self, x, name):
        parts = ("gamma", "beta", "running_mean", "running_var")
        return self.layer(x, layers.BatchNormalization(epsilon=1e-5),
                          *(self.weights[f"{name}.{part}"] for part in parts))

    def activation(self, x, kind):
        return layers.Activation(kind)(x)

    def average(self, x, size):
        return layers.AveragePooling2D(size)(x)

    def global_average(self, x):
        return layers.GlobalAveragePooling2D()(x)

    def add(self, x, y):
        return layers.Add()([x, y])

    def flatten(self, x):
        return layers.Flatten()(x)

    def finish(self, y):
        return keras.Model(self.entry, y)


def model(network, folder):
    builder = Keras(load_file(folder / f"{network.name}.safetensors"))
    return builder.finish(network.build(builder))


def tflite(keras_model, examples=None):
    converter = tf.lite.TFLiteConverter.from_keras_model(keras_model)
    if examples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[None]] for x in examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main(folder, *names):
    for name in names:
        here = Path(folder) / name
        made = model(BY_NAME[name], here)
        (here / "f32.tflite").write_bytes(tflite(made))
        (here / "int8.tflite").write_bytes(tflite(made, np.load(here / "x.npy")[:100]))


if __name__ == "__main__":
    main(*sys.argv[1:])
