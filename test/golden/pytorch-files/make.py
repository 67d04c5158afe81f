"""Writes the small files of this folder as PyTorch does, in both of its forms; recorded with PyTorch 1.13.

    python3 test/golden/pytorch-files/make.py

Values are small integers, so that every element type holds them: element i of an array is i, or i % 2 for Bool.
"""

import os
from collections import OrderedDict

import torch

here = os.path.dirname(os.path.abspath(__file__))


def save(name, value):
    torch.save(value, os.path.join(here, f"{name}-zip.pt"), _use_new_zipfile_serialization=True)
    torch.save(value, os.path.join(here, f"{name}-legacy.pt"), _use_new_zipfile_serialization=False)


def counting(*shape, dtype=torch.float32):
    size = 1
    for extent in shape:
        size *= extent
    return torch.arange(size).reshape(shape).to(dtype)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 2)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 2)


net = Net()
with torch.no_grad():
    for tensor in net.state_dict().values():
        tensor.copy_(counting(*tensor.shape))

# A training script's checkpoint: the network in DataParallel, an optimizer's state, numbers and texts.
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
net.fc(counting(1, 4)).sum().backward()
optimizer.step()
with torch.no_grad():
    for tensor in net.state_dict().values():
        tensor.copy_(counting(*tensor.shape))
save(
    "training",
    {
        "epoch": 7,
        "arch": "net",
        "best_prec1": 91.5,
        "state_dict": torch.nn.DataParallel(net).state_dict(),
        "optimizer": optimizer.state_dict(),
    },
)

types = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8"]
by_type = OrderedDict((name, counting(2, 3, dtype=getattr(torch, name))) for name in types)
by_type["bool"] = counting(6) % 2 == 1
save("types", by_type)

# Views: transposed, expanded, cut out of one storage, tied, a parameter, without axes, without elements.
base = counting(4, 6)
views = OrderedDict(
    base=base,
    transposed=base.t(),
    columns=base[1:3, 2:6:2],
    expanded=counting(3, 1).expand(3, 5),
    tied=base,
    parameter=torch.nn.Parameter(counting(2, 2)),
    scalar=torch.tensor(5.0),
    empty=torch.zeros(0, 3),
    channelsLast=counting(2, 3, 2, 2).to(memory_format=torch.channels_last),
)
save("views", views)

# Plain values beside arrays, in the protocols that a script can ask for.
plain = {
    "model": OrderedDict(weight=counting(2, 2)),
    "size": torch.Size([1, 2]),
    "sets": ({1, 2}, frozenset([3])),
    "bytes": b"\x00\xff",
    "tuple": (1, 2, 3, 4),
    "numbers": [1, 300, 70000, -5, 2**40, 1e-3, True, None],
    "lr": 0.1,
    "seed": -5,
    "steps": 2**40,
    "done": False,
    "note": None,
}
for protocol in range(2, 6):
    path = os.path.join(here, f"protocol{protocol}-legacy.pt")
    torch.save(plain, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)

# What must be refused: a whole module names classes of its own.
torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), os.path.join(here, "module-zip.pt"))
