"""The fill rule: tensors and labels computed from names alone (README.md states it; fill.ts is its twin).

Kinds "weight" to "input" are those of the published golden values; "integer" and "distribution" serve ops.json.
"""

import zlib

import numpy as np


def mix32(h):
    """Finaliser of MurmurHash3 over a uint32 array."""
    h = h.astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def uniform(name, count):
    """u(0) … u(count - 1) in [0, 1), float64."""
    seed = np.uint32(zlib.crc32(name.encode("utf-8")))
    counter = np.arange(1, count + 1, dtype=np.uint32)
    return mix32(counter * np.uint32(0x9E3779B9) + seed).astype(np.float64) / 4294967296.0


def values(name, shape, kind, scale=1.0):
    """The float32 tensor of this name, shape and kind; `scale` multiplies in float64, before the one rounding."""
    u = uniform(name, int(np.prod(shape)))
    if kind == "weight":
        v = (2.0 * u - 1.0) * np.sqrt(6.0 / float(np.prod(shape[1:])))
    elif kind in ("bias", "bn_bias", "running_mean"):
        v = (2.0 * u - 1.0) * 0.1
    elif kind in ("bn_weight", "running_var"):
        v = 0.5 + u
    elif kind == "input":
        v = 2.0 * u - 1.0
    elif kind == "integer":  # 0 … 3: full of ties
        v = np.floor(4.0 * u)
    elif kind == "distribution":  # rows along the last axis add up to 1; added in order, as fill.ts does
        rows = u.reshape(-1, shape[-1])
        v = rows / np.cumsum(rows, axis=1)[:, -1:]
    else:
        raise ValueError(kind)
    if scale != 1.0:
        v = v * scale
    return v.astype(np.float32).reshape(shape)


def labels(name, count, classes):
    """Classes of `count` images, int64."""
    seed = np.uint32(zlib.crc32(name.encode("utf-8")))
    return mix32(np.arange(count, dtype=np.uint32) + seed).astype(np.int64) % classes


def kind_of(module, leaf):
    """Kind of the parameter or buffer `leaf` of a torch module."""
    norm = type(module).__name__.startswith("BatchNorm")
    if leaf in ("weight", "bias"):
        return "bn_" + leaf if norm else leaf
    return leaf


def fill_model(model, bn_weight_scale=1.0):
    """Fills a torch model in place by the names of its state_dict; the scale is that of batch norm's weights alone."""
    import torch

    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            owner, _, leaf = name.rpartition(".")
            if leaf != "num_batches_tracked":
                kind = kind_of(modules[owner], leaf)
                scale = bn_weight_scale if kind == "bn_weight" else 1.0
                tensor.copy_(torch.from_numpy(values(name, tuple(tensor.shape), kind, scale)))
    return model
