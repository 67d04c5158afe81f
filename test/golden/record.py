"""Records ten training steps of each reference network: python3 record.py [net …] writes <net>.json (README.md).

Weights, images and labels come from the fill rule, so the files hold results only. Every run is made in float32 and
in float64 on one thread; the distance between the two says how far a correct float32 implementation may lie.
"""

import json
import pathlib
import sys

import torch
from torch.nn import functional as F

import fill
from nets import NETS

STEPS = 10
CLASSES = 10
MOMENTUM = 0.9
BATCH = {"cifar-resnet-20": 8}  # the others take 16
# Small enough that float32 and float64 stay together for ten steps: at 0.01 the losses of cifar-resnet-20 part by 7e-3.
LEARNING_RATE = {"lenet5": 0.01, "lenet5-tanh": 0.01, "mnist-cnn": 0.002, "cifar-resnet-20": 0.0005}
# The AlexNet rule and momentum SGD differ only when the learning rate changes: it drops tenfold before step 5.
# A weight decay of 1e-4 moves these losses by less than rounding does: the runs "…Decay" would notice its absence.
DROP = {"fromStep": 5, "factor": 0.1}
RUNS = {
    "sgd": {"rule": "sgd", "weightDecay": 1e-4},
    "nesterov": {"rule": "nesterov", "weightDecay": 1e-4},
    "alexnet": {"rule": "alexnet", "weightDecay": 1e-4, "learningRateDrop": DROP},
    "sgdDecay": {"rule": "sgd", "weightDecay": 0.1},
    "alexnetDecay": {"rule": "alexnet", "weightDecay": 0.1, "learningRateDrop": DROP},
}


def number(x):
    return float(f"{float(x):.9g}")


def numbers(tensor):
    return [number(x) for x in tensor.detach().flatten().tolist()]


def update(rule, parameters, velocities, rate, weight_decay):
    """One update of every parameter, spelled out; checked against torch.optim.SGD in `check_rules`."""
    for w, v in zip(parameters, velocities):
        g = w.grad + weight_decay * w
        if rule == "alexnet":  # Krizhevsky et al. 2012, section 5: the rate is inside the velocity
            v.mul_(MOMENTUM).sub_(rate * g)
            w.add_(v)
        else:
            v.mul_(MOMENTUM).add_(g)
            w.sub_(rate * (g + MOMENTUM * v if rule == "nesterov" else v))


def run(net, name, dtype):
    """Ten steps from the filled weights; step 0 is looked at closely, once."""
    config = RUNS[name]
    make, image_shape = NETS[net]
    batch = BATCH.get(net, 16)
    model = fill.fill_model(make()).to(dtype).train()
    parameters = dict(model.named_parameters())
    velocities = [torch.zeros_like(p) for p in parameters.values()]
    record = {"losses": []}
    for step in range(STEPS):
        x = torch.from_numpy(fill.values(f"input.{step}", (batch, *image_shape), "input")).to(dtype)
        target = torch.from_numpy(fill.labels(f"labels.{step}", batch, CLASSES))
        logits = model(x)
        loss = F.cross_entropy(logits, target)
        model.zero_grad()
        loss.backward()
        record["losses"].append(number(loss))
        if step == 0 and name == "sgd":
            record["logits"] = numbers(logits[0])
            record["gradientNorms"] = [number(p.grad.norm()) for p in parameters.values()]
        rate = LEARNING_RATE[net]
        if "learningRateDrop" in config and step >= DROP["fromStep"]:
            rate *= DROP["factor"]
        with torch.no_grad():
            update(config["rule"], parameters.values(), velocities, rate, config["weightDecay"])
    record["parameterNorms"] = [number(p.norm()) for p in parameters.values()]
    if name == "sgd":
        record["runningStats"] = [
            [buffer, numbers(b[:4]), number(b.norm())]
            for buffer, b in model.named_buffers()
            if not buffer.endswith("num_batches_tracked")
        ]
    return record


def record_net(net):
    make, image_shape = NETS[net]
    return {
        "model": net,
        "source": f"PyTorch {torch.__version__}, CPU, one thread, test/golden/record.py",
        "imageShape": list(image_shape),
        "batch": BATCH.get(net, 16),
        "classes": CLASSES,
        "learningRate": LEARNING_RATE[net],
        "momentum": MOMENTUM,
        "parameters": [[name, list(p.shape)] for name, p in make().named_parameters()],
        "runs": {
            name: {**config, "float32": run(net, name, torch.float32), "float64": run(net, name, torch.float64)}
            for name, config in RUNS.items()
        },
    }


def check_rules():
    """The spelled-out rules against torch.optim.SGD on a few random numbers."""
    for nesterov in (False, True):
        torch.manual_seed(0)
        ours = torch.randn(5, dtype=torch.float64, requires_grad=True)
        theirs = ours.detach().clone().requires_grad_()
        velocity = [torch.zeros(5, dtype=torch.float64)]
        sgd = torch.optim.SGD([theirs], 0.1, momentum=MOMENTUM, weight_decay=0.01, nesterov=nesterov)
        for _ in range(4):
            ours.grad = torch.randn(5, dtype=torch.float64)
            theirs.grad = ours.grad.clone()
            with torch.no_grad():
                update("nesterov" if nesterov else "sgd", [ours], velocity, 0.1, 0.01)
            sgd.step()
        assert torch.allclose(ours, theirs, rtol=1e-14, atol=0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_rules()
    for net in sys.argv[1:] or NETS:
        result = record_net(net)
        path = pathlib.Path(__file__).with_name(f"{net}.json")
        path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
        for name, by_type in result["runs"].items():
            print(net, name, *(f"{a:.4f}" for a in by_type["float32"]["losses"]))
            worst = max(abs(a - b) for a, b in zip(by_type["float32"]["losses"], by_type["float64"]["losses"]))
            print(f"  float32 against float64: {worst:.2e}")
