"""Records operations on small odd shapes: python3 record_ops.py writes ops.json (README.md).

Tensors come from the fill rule under the name "<case>.<argument>", dy under "<case>.dy". PyTorch computes in float64
from the float32 inputs, so that what is stored is the truth to the digits it shows.
"""

import json
import pathlib

import torch
from torch.nn import functional as F

import fill

FIRST = 40  # values of each tensor that are stored; their sum and norm speak for the rest
CASES = []


def summary(tensor):
    values = tensor.detach().double().flatten()
    first = [float(f"{v:.9g}") for v in values[:FIRST].tolist()]
    return {
        "shape": list(tensor.shape),
        "first": first,
        "sum": float(f"{values.sum().item():.9g}"),
        "norm": float(f"{values.norm().item():.9g}"),
    }


def tensor(name, spec):
    """A filled tensor from [shape, kind, scale?]."""
    shape, kind, *scale = spec
    return torch.from_numpy(fill.values(name, tuple(shape), kind, *scale)).double()


def case(name, op, function, tensors, attributes=None, constants=(), after=(), labels=None):
    """Runs `function(tensors, labels)`; tensors not in `constants` get a gradient, those in `after` are read again."""
    args = {key: tensor(f"{name}.{key}", spec) for key, spec in tensors.items()}
    for key, value in args.items():
        value.requires_grad_(key not in constants)
    if labels:
        args["labels"] = torch.from_numpy(fill.labels(f"{name}.labels", *labels))
    y = function(**args)
    y.backward(tensor(f"{name}.dy", [list(y.shape), "input"]))
    inputs = {
        key: {"shape": spec[0], "kind": spec[1], **({"scale": spec[2]} if len(spec) > 2 else {})}
        for key, spec in tensors.items()
    }
    if labels:
        inputs["labels"] = {"shape": [labels[0]], "kind": "label", "classes": labels[1]}
    CASES.append({
        "name": name,
        "op": op,
        "attributes": attributes or {},
        "inputs": inputs,
        "outputs": {"y": summary(y), **{key: summary(args[key]) for key in after}},
        "gradients": {key: summary(args[key].grad) for key in tensors if key not in constants},
    })


def convolutions():
    def conv(name, x, weight, bias=True, **attributes):
        tensors = {"x": [x, "input"], "weight": [weight, "weight"]}
        if bias:
            tensors["bias"] = [weight[:1], "bias"]
        case(name, "conv2d", lambda **t: F.conv2d(t["x"], t["weight"], t.get("bias"), **attributes), tensors, attributes)

    conv("conv2d.plain", [2, 3, 5, 7], [4, 3, 3, 3])
    conv("conv2d.pad", [2, 3, 5, 7], [4, 3, 3, 3], padding=1)
    conv("conv2d.stride", [2, 3, 9, 8], [5, 3, 3, 3], stride=2, padding=1)
    conv("conv2d.strideOverKernel", [1, 2, 8, 7], [3, 2, 2, 2], stride=3)
    conv("conv2d.uneven", [1, 3, 7, 6], [2, 3, 3, 2], stride=[1, 2], padding=[2, 0])
    conv("conv2d.dilation", [1, 2, 9, 7], [3, 2, 3, 3], padding=2, dilation=2)
    conv("conv2d.groups", [2, 6, 5, 5], [4, 3, 3, 3], padding=1, groups=2)
    conv("conv2d.depthwise", [2, 5, 6, 5], [5, 1, 3, 3], stride=2, padding=1, groups=5)
    conv("conv2d.depthwiseMultiplier", [1, 3, 5, 5], [6, 1, 3, 3], padding=1, groups=3)
    conv("conv2d.pointwise", [2, 7, 3, 5], [9, 7, 1, 1], bias=False)
    conv("conv2d.onePixel", [1, 1, 1, 1], [1, 1, 1, 1])
    conv("conv2d.wide", [1, 17, 4, 4], [33, 17, 3, 3], padding=1)

    def transposed(name, x, weight, **attributes):
        tensors = {
            "x": [x, "input"],
            "weight": [weight, "weight"],
            "bias": [[weight[1] * attributes.get("groups", 1)], "bias"],
        }
        run = lambda **t: F.conv_transpose2d(t["x"], t["weight"], t["bias"], **attributes)
        case(name, "convTranspose2d", run, tensors, attributes)

    transposed("convTranspose2d.plain", [2, 3, 3, 4], [3, 2, 3, 3])
    transposed("convTranspose2d.stride", [1, 3, 4, 3], [3, 4, 4, 4], stride=2, padding=1)
    transposed("convTranspose2d.outputPadding", [1, 2, 4, 3], [2, 3, 3, 3], stride=2, padding=1, output_padding=1)
    transposed("convTranspose2d.groups", [2, 4, 3, 3], [4, 3, 3, 3], stride=2, groups=2)
    transposed("convTranspose2d.dilation", [1, 2, 3, 3], [2, 2, 3, 3], dilation=2, padding=1)


def linear():
    tensors = {"x": [[3, 7], "input"], "weight": [[5, 7], "weight"], "bias": [[5], "bias"]}
    case("linear.plain", "linear", lambda x, weight, bias: F.linear(x, weight, bias), tensors)


def pooling():
    def pool(name, op, function, x, kind="input", **attributes):
        case(name, op, lambda x: function(x, **attributes), {"x": [x, kind]}, attributes)

    largest, average = ("maxPool2d", F.max_pool2d), ("avgPool2d", F.avg_pool2d)
    pool("maxPool2d.plain", *largest, [2, 3, 6, 5], kernel_size=2)
    pool("maxPool2d.overlap", *largest, [1, 2, 8, 7], kernel_size=3, stride=2, padding=1)
    pool("maxPool2d.ceil", *largest, [1, 3, 7, 8], kernel_size=3, stride=2, ceil_mode=True)
    pool("maxPool2d.ceilPad", *largest, [1, 2, 6, 7], kernel_size=3, stride=2, padding=1, ceil_mode=True)
    pool("maxPool2d.dilation", *largest, [1, 2, 9, 8], kernel_size=3, stride=2, padding=1, dilation=2)
    pool("maxPool2d.ties", *largest, [2, 2, 6, 6], "integer", kernel_size=3, stride=2)
    pool("maxPool2d.tiesOverlap", *largest, [1, 3, 5, 5], "integer", kernel_size=3, stride=1, padding=1)
    pool("avgPool2d.plain", *average, [2, 3, 6, 5], kernel_size=2)
    for counts, word in ((True, "counted"), (False, "uncounted")):
        options = {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": counts}
        pool(f"avgPool2d.{word}", *average, [1, 2, 7, 6], **options)
        pool(f"avgPool2d.{word}Ceil", *average, [1, 2, 8, 7], ceil_mode=True, **options)
    pool("avgPool2d.ceil", *average, [1, 2, 6, 8], kernel_size=3, stride=2, ceil_mode=True)
    adaptive = ("adaptiveAvgPool2d", F.adaptive_avg_pool2d)
    pool("adaptiveAvgPool2d.global", *adaptive, [2, 5, 7, 3], output_size=1)
    pool("adaptiveAvgPool2d.uneven", *adaptive, [1, 3, 7, 5], output_size=[3, 2])


def activations():
    def map_(name, function, scale, **attributes):
        case(f"{name}.plain", name, lambda x: function(x, **attributes), {"x": [[2, 3, 3, 3], "input", scale]}, attributes)

    map_("relu", F.relu, 2.0)
    map_("relu6", F.relu6, 10.0)
    map_("leakyRelu", F.leaky_relu, 2.0, negative_slope=0.1)
    map_("elu", F.elu, 3.0, alpha=1.0)
    map_("gelu", F.gelu, 3.0)
    map_("sigmoid", torch.sigmoid, 5.0)
    map_("tanh", torch.tanh, 3.0)
    map_("silu", F.silu, 5.0)
    map_("softplus", F.softplus, 5.0)
    map_("hardSigmoid", F.hardsigmoid, 5.0)
    map_("hardSwish", F.hardswish, 5.0)
    for name, function in (("softmax", F.softmax), ("logSoftmax", F.log_softmax)):
        case(f"{name}.rows", name, lambda x: function(x, dim=1), {"x": [[5, 7], "input", 4.0]}, {"dim": 1})
        case(f"{name}.large", name, lambda x: function(x, dim=1), {"x": [[3, 10], "input", 200.0]}, {"dim": 1})
        case(f"{name}.pixels", name, lambda x: function(x, dim=1), {"x": [[2, 5, 2, 3], "input", 3.0]}, {"dim": 1})


def normalization():
    def batch(name, x, training, **attributes):
        c = [x[1]]
        tensors = {
            "x": [x, "input", 2.0],
            "weight": [c, "bn_weight"],
            "bias": [c, "bn_bias"],
            "runningMean": [c, "running_mean"],
            "runningVar": [c, "running_var"],
        }
        stats = ("runningMean", "runningVar")
        run = lambda x, weight, bias, runningMean, runningVar: F.batch_norm(
            x, runningMean, runningVar, weight, bias, training, **attributes
        )
        case(name, "batchNorm", run, tensors, {"training": training, **attributes}, stats, stats if training else ())

    batch("batchNorm.train", [4, 3, 5, 3], True, momentum=0.1, eps=1e-5)
    batch("batchNorm.trainOneImage", [1, 5, 3, 3], True, momentum=0.01, eps=1e-3)
    batch("batchNorm.trainRows", [7, 3], True, momentum=0.1, eps=1e-5)
    batch("batchNorm.eval", [2, 5, 3, 4], False, momentum=0.1, eps=1e-5)

    def group(name, x, groups):
        tensors = {"x": [x, "input", 2.0], "weight": [x[1:2], "bn_weight"], "bias": [x[1:2], "bn_bias"]}
        run = lambda x, weight, bias: F.group_norm(x, groups, weight, bias, eps=1e-5)
        case(name, "groupNorm", run, tensors, {"num_groups": groups, "eps": 1e-5})

    group("groupNorm.two", [2, 6, 3, 5], 2)
    group("groupNorm.layer", [3, 5, 2, 3], 1)
    group("groupNorm.instance", [2, 3, 4, 3], 3)

    def response(name, x, size, **attributes):
        run = lambda x: F.local_response_norm(x, size, **attributes)
        case(name, "localResponseNorm", run, {"x": [x, "input", 3.0]}, {"size": size, **attributes})

    response("localResponseNorm.alexnet", [2, 7, 2, 3], 5, alpha=1e-4, beta=0.75, k=2.0)
    response("localResponseNorm.strong", [1, 9, 3, 2], 5, alpha=2.0, beta=0.75, k=1.0)
    response("localResponseNorm.three", [1, 4, 3, 3], 3, alpha=0.5, beta=0.5, k=2.0)
    response("localResponseNorm.overWidth", [1, 3, 2, 2], 7, alpha=1.0, beta=0.75, k=1.0)


def losses():
    logits = {"x": [[5, 7], "input", 4.0]}
    for name, smoothing, reduction in (
        ("plain", 0.0, "mean"), ("sum", 0.0, "sum"), ("none", 0.0, "none"), ("smooth", 0.1, "mean")
    ):
        options = {"label_smoothing": smoothing, "reduction": reduction}
        run = lambda x, labels: F.cross_entropy(x, labels, **options)
        case(f"crossEntropy.{name}", "crossEntropy", run, logits, options, labels=(5, 7))
    pixels = {"x": [[2, 4, 2, 3], "input", 4.0]}
    run = lambda x, labels: F.cross_entropy(x, labels.reshape(2, 2, 3))
    case("crossEntropy.pixels", "crossEntropy", run, pixels, {"labelShape": [2, 2, 3]}, labels=(12, 4))
    for name, smoothing in (("soft", 0.0), ("softSmooth", 0.1)):
        tensors = {**logits, "target": [[5, 7], "distribution"]}
        run = lambda x, target: F.cross_entropy(x, target, label_smoothing=smoothing)
        attributes = {"label_smoothing": smoothing, "reduction": "mean"}
        case(f"crossEntropy.{name}", "crossEntropy", run, tensors, attributes, constants=("target",))


def resampling():
    for word, size in (("up", [7, 9]), ("double", [6, 8]), ("down", [2, 3]), ("same", [3, 4]), ("fromOne", None)):
        x = [1, 2, 3, 4] if size else [1, 2, 1, 1]
        options = {"size": size or [3, 2], "mode": "nearest"}
        case(f"interpolate.nearest.{word}", "interpolate", lambda x: F.interpolate(x, **options), {"x": [x, "input"]}, options)
        for align in (False, True):
            options = {"size": size or [3, 2], "mode": "bilinear", "align_corners": align}
            name = f"interpolate.bilinear.{word}{'Aligned' if align else ''}"
            case(name, "interpolate", lambda x: F.interpolate(x, **options), {"x": [x, "input"]}, options)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for group in (convolutions, linear, pooling, activations, normalization, losses, resampling):
        group()
    names = [c["name"] for c in CASES]
    assert len(set(names)) == len(names)
    source = f"PyTorch {torch.__version__}, CPU, float64, test/golden/record_ops.py"
    path = pathlib.Path(__file__).with_name("ops.json")
    path.write_text(json.dumps({"source": source, "cases": CASES}, separators=(",", ":")) + "\n")
    print(len(CASES), "cases,", path.stat().st_size, "bytes")
