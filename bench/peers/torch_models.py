"""The workloads in PyTorch: for each a module and its optimizer.

The optimizers are the fused ones. Where a library of PyTorch's has another form than nnc's, PyTorch
gets the one that is faster for it: query, key and value are one dense layer, padding of strided
convolutions is the same on either side.
"""

import torch
import torch.nn.functional as F
from torch import nn


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def bn_mlp():
    layers = []
    for inputs in (784, 512):
        layers += [nn.Linear(inputs, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(),
                   nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Linear(512, 10))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, 10))


class Residual(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(filters) for _ in range(2))
        self.stride, self.more = stride, filters - inputs

    def forward(self, x):
        y = F.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        if self.more:
            before = self.more // 2
            x = x[:, :, ::self.stride, ::self.stride]
            x = F.pad(x, (0, 0, 0, 0, before, self.more - before))
        return F.relu(y + x)


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        layers.append(Residual(inputs, filters, stride))
        layers += [Residual(filters, filters, 1) for _ in range(2)]
        inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def autoencoder():
    layers, inputs = [], 640
    for units in [128] * 4 + [8] + [128] * 4:
        layers += [nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 640))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(96, 128)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad = False  # nnc's has one bias
        self.dense = nn.Linear(128, 96)

    def forward(self, x):
        return self.dense(self.lstm(self.table(x))[0])


class Block(nn.Module):
    def __init__(self, width, heads, hidden, rate=0.1):
        super().__init__()
        self.heads, self.rate = heads, rate
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def drop(self, x):
        return F.dropout(x, self.rate, self.training)

    def attend(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.joined(y.transpose(1, 2).reshape(b, t, d))

    def forward(self, x):
        x = x + self.drop(self.attend(self.norms[0](x)))
        return x + self.drop(self.down(F.gelu(self.up(self.norms[1](x)))))


class Transformer(nn.Module):
    def __init__(self, letters=96, length=64, width=128):
        super().__init__()
        self.table = nn.Embedding(letters, width)
        self.places = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(Block(width, 4, 4 * width) for _ in range(4)))
        self.norm, self.dense = nn.LayerNorm(width), nn.Linear(width, letters)

    def forward(self, x):
        return self.dense(self.norm(self.blocks(self.table(x) + self.places)))


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.001, fused=True)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.001, weight_decay=0.01, fused=True)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, fused=True)


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, fused=True)


MODELS = {
    "mlp": (mlp, sgd),
    "bn_mlp": (bn_mlp, adam),
    "lenet5": (lenet5, adam),
    "cnn": (cnn, adam),
    "resnet20": (resnet20, momentum),
    "autoencoder": (autoencoder, adam),
    "lstm": (Lstm, adam),
    "transformer": (Transformer, adamw),
}
