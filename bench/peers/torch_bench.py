"""Times PyTorch as ../measure.js says: one JSON value a line, a job as the only argument.

`form` is how PyTorch is used: "contiguous", "channels_last", for inference also "frozen" (a traced and frozen module with
batch norm folded); the runner takes the fastest. Memory is the high-water mark of this process, so nothing else runs in it.
"""

import base64
import json
import pathlib
import re
import resource
import struct
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from torch_nets import NETWORKS

# As in measure.js.
LEARNING_RATE = 1e-3


def load(model, path):
    """Copies a safetensors file into a model, array by array; names must be the same."""
    slots = {name: slot for name, slot in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
        if entries.keys() != slots.keys():
            raise ValueError(f"error: names differ from ours: {sorted(entries.keys() ^ slots.keys())[:4]}")
        for name, entry in entries.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            values = numpy.fromfile(file, numpy.float32, (end - begin) // 4)
            slots[name].copy_(torch.from_numpy(values).view(entry["shape"]))


def make_step(job):
    """The step that is timed, and the logits of the check."""
    layout = torch.channels_last if job["form"] == "channels_last" else torch.contiguous_format
    model = NETWORKS[job["net"]]()
    with torch.no_grad():
        load(model, job["material"]["weights"])
    model = model.to(memory_format=layout)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # Its random numbers would keep losses from being compared.
    batch = job["batch"]
    images = torch.from_numpy(numpy.fromfile(job["material"]["images"], numpy.float32))
    c = next(model.parameters()).shape[1]
    edge = round((images.numel() / batch / c) ** 0.5)
    x = images.view(batch, edge, edge, c).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    if job["mode"] == "infer":
        return inference(model, x, job["form"])
    return training(model, x)


def inference(model, x, form):
    model.eval()
    if form == "frozen":
        with torch.no_grad():
            model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))

    def infer():
        with torch.inference_mode():
            return model(x)

    return infer, [infer()]


def training(model, x):
    model.train()
    sgd = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=1e-4)

    def train():
        sgd.zero_grad(set_to_none=True)
        logits = model(x)
        labels = torch.arange(len(x)) % logits.shape[1]
        F.cross_entropy(logits, labels).backward()
        sgd.step()
        return logits.detach()

    return train, [train(), train()]


def warm_up(step, seconds):
    until = time.perf_counter() + seconds
    step()
    while time.perf_counter() < until:
        step()


def time_steps(step, seconds):
    """Milliseconds of steps during `seconds`, at least one."""
    times = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1000)
    return times


def peak_bytes():
    """VmHWM where there is one: getrusage also counts what the parent had before it became this process."""
    try:
        status = pathlib.Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
    except OSError:
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return rss if sys.platform == "darwin" else rss * 1024


def blas_name():
    """The library that multiplies matrices: the reference BLAS of some distributions is many times slower than others."""
    try:
        maps = pathlib.Path("/proc/self/maps").read_text()
    except OSError:
        return "BLAS unknown"
    found = re.search(r"(libopenblas|libmkl|libblis|libblas)[^\s]*", maps)
    return {"libblas": "reference BLAS"}.get(found.group(1), found.group(1)[3:]) if found else "BLAS unknown"


def say(value):
    print(json.dumps(value), flush=True)


def main():
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    step, outputs = make_step(job)
    encoded = [base64.b64encode(each.contiguous().numpy().tobytes()).decode() for each in outputs]
    version = f"PyTorch {torch.__version__}, {blas_name()}, {job['form']}"
    say({"version": version, "threads": torch.get_num_threads(), "outputs": encoded})
    last_ms = 0
    for line in sys.stdin:
        seconds = json.loads(line)["seconds"]
        if last_ms < seconds * 1000:
            warm_up(step, seconds / 5)
        times = time_steps(step, seconds)
        last_ms = times[-1]
        say({"times": times, "peakRssBytes": peak_bytes()})


if __name__ == "__main__":
    main()
