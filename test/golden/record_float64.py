"""Records in float64 what the published golden values have in float32 only.

python3 record_float64.py [record …] writes float64.json (README.md), of the records named or of all: the losses of the
three recorded training steps, and the gradient norm of every parameter at the first. The networks are built by the
packages that the published files name as their sources: torchvision, and those of PYTHONPATH. Shapes, labels and the
rule are those of the published files, beside the repository in shared/golden. Before anything is written, the same
steps are made in float32 too, and both are compared with all that the published file says of them.
"""

import ast
import importlib
import json
import math
import pathlib
import sys

import torch
from torch.nn import functional as F

import fill
from record import number

GOLDEN = pathlib.Path(__file__).parent / "../../../shared/golden"
RECORDS = [
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "resnext101_64x4d",
    "wide_resnet50_2",
    "densenet121",
    "densenet169",
    "googlenet",
    "inception_v3",
    "squeezenet1_1",
    "alexnet",
    "vgg16",
    "vgg16_bn",
    "xception",
    "dpn98",
    "senet154",
    "inceptionresnetv2",
    "pnasnet5large",
    "polynet",
    "resnext29_16x64d_cifar10",
    "fcn32s",
    "fcn8s",
]
# The packages of the sources.
PACKAGES = ["torchvision.models", "pretrainedmodels", "pytorchcv.models.resnext_cifar", "torchfcn.models"]
# What the losses of the auxiliary heads, whose logits are returned after the network's own, count for.
AUXILIARY = {"googlenet": 0.3, "inception_v3": 0.4}
STEPS = 3
# Distances from the published file: of float32 without and of float64 with "64"; the last is how far the published norms
# in float32 are from those recorded here, that is what rounding does to the reference itself.
COLUMNS = ["logits", "loss 1", "loss 2", "loss 3", "norms", "norm", "losses 64", "norm 64", "rounding"]
# The published values have eight digits, all of which float64 gives. What float32 gives at the first step may besides be
# three times as far off as it is from float64 where this runs: another processor rounds otherwise. Later steps then part.
LIMITS = {"logits": 1e-4, "loss 1": 1e-5, "norms": 5e-3, "losses 64": 1e-7, "norm 64": 1e-7}


def construct(call):
    """The network of a `call` such as torchvision.models.vgg16(weights=None): literal arguments, and nothing else."""
    call = ast.parse(call, mode="eval").body
    package, name = ast.unparse(call.func).rsplit(".", 1)
    if package not in PACKAGES or call.args:
        raise ValueError(f"{ast.unparse(call)} is no network of {', '.join(PACKAGES)}")
    module = importlib.import_module(package)
    return getattr(module, name)(**{each.arg: ast.literal_eval(each.value) for each in call.keywords})


def patched(model, patch):
    """The network as `patch`, a sentence of the published file, says that it was changed for its small size."""
    if patch is None:
        return model
    for pool in ("avg_pool", "avgpool_1a"):
        if patch.startswith(f"{pool} replaced by AdaptiveAvgPool2d(1)"):
            assert hasattr(model, pool), patch
            setattr(model, pool, torch.nn.AdaptiveAvgPool2d(1))
            return model
    if patch.startswith("test_time_pool = False"):
        model.test_time_pool = False
        return model
    raise ValueError(f"it is not known how to make this change: {patch}")


def trained_size(published):
    """The size whose steps were recorded soonest: the only one with a gradient norm of every parameter."""
    return published.get("small", {}).get("train") or published["train"]


def names_of(published):
    names = published["parameter_names"]
    if isinstance(names, str):  # a sentence that says this
        names = [name for name, _ in published["tensors"] if not name.endswith(("running_mean", "running_var"))]
    return names


def targets(train, classes, x):
    """The labels of images, or where the published file has a sentence for them, of their pixels."""
    if isinstance(train["labels"], list):
        labels = fill.labels("labels", len(x), classes)
        assert labels.tolist() == train["labels"]
        return torch.from_numpy(labels)
    count, _, height, width = x.shape
    return torch.from_numpy(fill.labels("labels", count * height * width, classes)).reshape(count, height, width)


def run(published, dtype):
    """The recorded steps, from weights and images that were rounded to float32."""
    train = trained_size(published)
    model = patched(construct(published["call"]), train.get("patch"))
    model = fill.fill_model(model, published["fill"]["bn_weight_scale"]).to(dtype).train()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.p = 0.0
    parameters = dict(model.named_parameters())
    names = names_of(published)
    assert sorted(names) == sorted(parameters), published["model"]
    x = torch.from_numpy(fill.values("input", tuple(train["input_shape"]), "input")).to(dtype)
    target = targets(train, published["classes"], x)
    sgd = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    result = {"losses": []}
    for step in range(STEPS):
        outputs = model(x)
        logits, *others = outputs if isinstance(outputs, tuple) else [outputs]
        loss = F.cross_entropy(logits, target)
        if others:
            loss = loss + AUXILIARY[published["model"]] * sum(F.cross_entropy(each, target) for each in others)
        sgd.zero_grad()
        loss.backward()
        result["losses"].append(float(loss))
        if step == 0:
            result["logits"] = logits[0].flatten()[:4].tolist()
            result["norms"] = [float(parameters[name].grad.double().norm()) for name in names]
        sgd.step()
    return result


def relative(found, expected):
    """The greatest relative distance."""
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True))


def far(found, expected):
    """The greatest distance, of the greatest value: one of them may be 0."""
    return max(abs(a - b) for a, b in zip(found, expected, strict=True)) / max(abs(each) for each in expected)


def of_norms(found, expected):
    """The same of gradient norms; what is 0 but for rounding, as of a bias before batch norm, has no relative distance."""
    least = 1e-4 * math.hypot(*expected)
    return max(abs(a - b) / max(b, least) for a, b in zip(found, expected, strict=True))


def compare(published, single, double):
    """Distances by name, of those that could be taken; raises where one is more than rounding."""
    train = trained_size(published)
    losses = [relative([a], [b]) for a, b in zip(single["losses"], train["losses"], strict=True)]
    found = {
        "logits": far(single["logits"], train["logits_first4"]),
        "loss 1": losses[0],
        "loss 2": losses[1],
        "loss 3": losses[2],
        "norms": of_norms(single["norms"], train["grad_norms"]),
        "norm": relative([math.hypot(*single["norms"])], [train["grad_norm"]["all"]]),
    }
    if "losses_float64" in train:
        found["losses 64"] = relative(double["losses"], train["losses_float64"])
    if "grad_norm_float64" in train:
        exact = train["grad_norm_float64"]
        at = names_of(published).index
        norms = double["norms"]
        found["norm 64"] = relative(
            [math.hypot(*norms), *(norms[at(train["grad_norm"][key][0])] for key in ("first_conv", "last_linear"))],
            [exact["all"], exact["first_conv"], exact["last_linear"]],
        )
    found["rounding"] = of_norms(train["grad_norms"], double["norms"])
    rounding = {
        "logits": far(single["logits"], double["logits"]),
        "loss 1": relative(single["losses"][:1], double["losses"][:1]),
        "norms": of_norms(single["norms"], double["norms"]),
    }
    for name, limit in LIMITS.items():
        limit = max(limit, 3 * rounding.get(name, 0))
        # Not `>`: a distance that is no number fails as well.
        if name in found and not found[name] <= limit:
            raise ValueError(f"{published['model']}: {name} is {found[name]:.1e} from what was published")
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    path = pathlib.Path(__file__).with_name("float64.json")
    print(f"{'':16}", *(f"{column:>9}" for column in COLUMNS), flush=True)
    for name in sys.argv[1:] or RECORDS:
        published = json.loads((GOLDEN / f"{name}.json").read_text())
        double = run(published, torch.float64)
        distances = compare(published, run(published, torch.float32), double)
        shown = (f"{distances[column]:9.1e}" if column in distances else f"{'-':>9}" for column in COLUMNS)
        print(f"{name:16}", *shown, flush=True)
        results = json.loads(path.read_text()) if path.exists() else {}
        results[name] = {
            "input_shape": trained_size(published)["input_shape"],
            "losses_float64": [number(loss) for loss in double["losses"]],
            "grad_norms_float64": [number(norm) for norm in double["norms"]],
        }
        path.write_text(json.dumps({name: results[name] for name in RECORDS if name in results}) + "\n")
