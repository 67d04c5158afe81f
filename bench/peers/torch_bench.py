"""Times PyTorch on one network and prints one JSON line, as bench/ours.js does.

  python3 torch_bench.py --model lenet5 --batch 128 --threads 2 --mode train --seconds 3 --form best

`--form` is how PyTorch is used: "contiguous", "channels_last", for inference also "frozen" (a traced and frozen module
with batch norm folded); "best" tries each for a moment in a process of its own and takes the fastest. Memory is the
high-water mark of this process, so nothing else may run in it.
"""

import argparse
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"))
sys.dont_write_bytecode = True

FORMS = {"train": ("contiguous", "channels_last"), "infer": ("contiguous", "channels_last", "frozen")}


def networks():
    """Names of bench/nets.js → (constructor, image shape [c, h, w]). torchvision's come by name, if it is there."""
    from nets import NETS

    nets = dict(NETS)
    try:
        import torchvision.models as zoo
    except ImportError:
        return nets
    nets["resnet50"] = (lambda: zoo.resnet50(), (3, 224, 224))
    nets["vgg16"] = (lambda: zoo.vgg16(), (3, 224, 224))
    nets["mobilenet-v2"] = (lambda: zoo.mobilenet_v2(), (3, 224, 224))
    return nets


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
        return None
    found = re.search(r"(libopenblas|libmkl|libblis|libblas)[^\s]*", maps)
    return {"libblas": "reference BLAS"}.get(found.group(1), found.group(1)[3:]) if found else None


def make_step(model_name, batch, mode, form):
    import torch
    from torch.nn import functional as F

    torch.manual_seed(0)
    make, shape = networks()[model_name]
    layout = torch.channels_last if form == "channels_last" else torch.contiguous_format
    model = make().to(memory_format=layout)
    x = torch.randn(batch, *shape).contiguous(memory_format=layout)
    target = torch.randint(0, 10, (batch,))
    if mode == "infer":
        model.eval()
        if form == "frozen":
            with torch.no_grad():
                model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))

        def infer():
            with torch.inference_mode():
                model(x)

        return infer
    sgd = torch.optim.SGD(model.parameters(), 0.001, momentum=0.9, weight_decay=1e-4)

    def train():
        sgd.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), target).backward()
        sgd.step()

    return train


def measure(step, seconds, iterations):
    """Milliseconds of each step, after at least three steps and a fifth of the time to warm up."""
    warm_until = time.perf_counter() + seconds / 5
    for _ in range(3):
        step()
    while not iterations and time.perf_counter() < warm_until:
        step()
    times = []
    until = time.perf_counter() + seconds
    while len(times) < (iterations or 3) or (not iterations and time.perf_counter() < until):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1000)
    return times


def best_form(args):
    def speed(form):
        options = vars(args) | {"form": form, "seconds": min(args.seconds, 1), "iterations": 0}
        command = [sys.executable, __file__]
        for key, value in options.items():
            command += [f"--{key}", str(value)]
        result = subprocess.run(command, capture_output=True, text=True)
        return json.loads(result.stdout)["imagesPerSecond"] if result.returncode == 0 else 0

    return max(FORMS[args.mode], key=speed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=tuple(FORMS), default="train")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--iterations", type=int, default=0, help="steps to time, in place of seconds")
    parser.add_argument("--form", choices=("best", *FORMS["infer"]), default="best")
    args = parser.parse_args()
    if args.form == "best":
        args.form = best_form(args)

    import torch

    if args.model not in networks():
        parser.error(f"no model {args.model} here; there are {', '.join(networks())}")
    torch.set_num_threads(args.threads)
    times = measure(make_step(args.model, args.batch, args.mode, args.form), args.seconds, args.iterations)
    median = statistics.median(times)
    print(json.dumps({
        "imagesPerSecond": round(args.batch / median * 1000, 2),
        "msPerStep": round(median, 4),
        "bestMsPerStep": round(min(times), 4),
        "steps": len(times),
        "peakRssBytes": peak_bytes(),
        "threads": torch.get_num_threads(),
        "version": f"PyTorch {torch.__version__}, {blas_name() or 'BLAS unknown'}, {args.form}",
        "form": args.form,
    }))


if __name__ == "__main__":
    main()
