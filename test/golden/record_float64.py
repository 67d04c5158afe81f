"""Records in float64 what the published golden values have of torchvision's networks in float32 only.

python3 record_float64.py [record …] writes float64.json (README.md), of the records named or of all: the losses of the
three recorded training steps, and the gradient norm of every parameter at the first. The networks, shapes, labels and
the rule are those of the published files, beside the repository in shared/golden. Before anything is written, the
same steps are made in float32 too, and both are compared with all that the published file says of them.
"""

import ast
import json
import math
import pathlib
import sys

import torch
import torchvision
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
]
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
    if package != "torchvision.models" or call.args:
        raise ValueError(f"{ast.unparse(call)} is no network of torchvision")
    return getattr(torchvision.models, name)(**{each.arg: ast.literal_eval(each.value) for each in call.keywords})


def trained_size(published):
    """The size whose steps were recorded soonest: the only one with a gradient norm of every parameter."""
    size = published.get("small", {})
    if "train" not in size:
        size = published
    elif "patch" in size:
        raise ValueError(f"{published['model']} was changed for its small size: {size['patch']}")
    return size["train"]


def names_of(published):
    names = published["parameter_names"]
    if isinstance(names, str):  # a sentence that says this
        names = [name for name, _ in published["tensors"] if not name.endswith(("running_mean", "running_var"))]
    return names


def run(published, dtype):
    """The recorded steps, from weights and images that were rounded to float32."""
    train = trained_size(published)
    model = fill.fill_model(construct(published["call"]), published["fill"]["bn_weight_scale"]).to(dtype).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    parameters = dict(model.named_parameters())
    names = names_of(published)
    assert sorted(names) == sorted(parameters), published["model"]
    x = torch.from_numpy(fill.values("input", tuple(train["input_shape"]), "input")).to(dtype)
    labels = fill.labels("labels", len(x), published["classes"])
    assert labels.tolist() == train["labels"], published["model"]
    target = torch.from_numpy(labels)
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
            result["logits"] = logits[0, :4].tolist()
            result["norms"] = [float(parameters[name].grad.double().norm()) for name in names]
        sgd.step()
    return result


def relative(found, expected):
    """The greatest relative distance."""
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True))


def of_norms(found, expected):
    """The same of gradient norms; what is 0 but for rounding, as of a bias before batch norm, has no relative distance."""
    least = 1e-4 * math.hypot(*expected)
    return max(abs(a - b) / max(b, least) for a, b in zip(found, expected, strict=True))


def compare(published, single, double):
    """Distances by name, of those that could be taken; raises where one is more than rounding."""
    train = trained_size(published)
    losses = [relative([a], [b]) for a, b in zip(single["losses"], train["losses"], strict=True)]
    # The greatest of the four is their scale: one of them may be 0.
    logits = max(abs(a - b) for a, b in zip(single["logits"], train["logits_first4"], strict=True))
    found = {
        "logits": logits / max(abs(logit) for logit in train["logits_first4"]),
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
    results = {}
    print(f"{'':16}", *(f"{column:>9}" for column in COLUMNS), flush=True)
    for name in sys.argv[1:] or RECORDS:
        published = json.loads((GOLDEN / f"{name}.json").read_text())
        double = run(published, torch.float64)
        distances = compare(published, run(published, torch.float32), double)
        shown = (f"{distances[column]:9.1e}" if column in distances else f"{'-':>9}" for column in COLUMNS)
        print(f"{name:16}", *shown, flush=True)
        results[name] = {
            "input_shape": trained_size(published)["input_shape"],
            "losses_float64": [number(loss) for loss in double["losses"]],
            "grad_norms_float64": [number(norm) for norm in double["norms"]],
        }
    before = json.loads(path.read_text()) if path.exists() else {}
    merged = {**before, **results}
    path.write_text(json.dumps({name: merged[name] for name in RECORDS if name in merged}) + "\n")
