"""Loads a state dict into a network of torchvision, strictly, and prints its logits of the filled picture as JSON.

    python3 load_state_dict.py <network> <file.pth> <edge> <input.f32>
"""

import json
import sys

import torch
import torchvision

network, file, edge, pixels = sys.argv[1:]
model = getattr(torchvision.models, network)(weights=None, **({"aux_logits": False, "transform_input": False} if network == "googlenet" else {}))
model.load_state_dict(torch.load(file), strict=True)
model.eval()
torch.set_num_threads(1)
x = torch.frombuffer(bytearray(open(pixels, "rb").read()), dtype=torch.float32).reshape(1, 3, int(edge), int(edge))
with torch.no_grad():
    print(json.dumps(model(x)[0].tolist()))
