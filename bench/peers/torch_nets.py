"""The networks of nets.js in PyTorch: torchvision's where it has them, else as they are commonly written."""

import pathlib
import sys

from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"))
sys.dont_write_bytecode = True

from nets import NETS  # noqa: E402


class Unit(nn.Module):
    """A convolution, batch norm and ReLU."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.activ = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.activ(self.bn(self.conv(x)))


class Pair(nn.Module):
    """A depthwise and a pointwise unit."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.dw_conv = Unit(inputs, inputs, 3, stride, groups=inputs)
        self.pw_conv = Unit(inputs, outputs, 1)

    def forward(self, x):
        return self.pw_conv(self.dw_conv(x))


class MobileNetV1(nn.Module):
    """Howard et al. 2017, Table 1; names as in pytorchcv's mobilenet_w1."""

    TABLE_1 = ((64,), (128, 128), (256, 256), (512,) * 6, (1024, 1024))

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("init_block", Unit(3, 32, 3, 2))
        inputs = 32
        for stage, rows in enumerate(self.TABLE_1, start=1):
            units = nn.Sequential()
            for i, outputs in enumerate(rows, start=1):
                units.add_module(f"unit{i}", Pair(inputs, outputs, 2 if stage > 1 and i == 1 else 1))
                inputs = outputs
            self.features.add_module(f"stage{stage}", units)
        self.features.add_module("final_pool", nn.AdaptiveAvgPool2d(1))
        self.output = nn.Linear(1024, 1000)

    def forward(self, x):
        return self.output(self.features(x).flatten(1))


def torchvision_model(name, **options):
    """A network of torchvision, without values: they come from a file."""
    import torchvision.models as zoo

    return getattr(zoo, name)(weights=None, **options)


# Names of nets.js → constructor.
NETWORKS = {
    "lenet5": NETS["lenet5"][0],
    "cifar-resnet-20": NETS["cifar-resnet-20"][0],
    "resnet18": lambda: torchvision_model("resnet18"),
    "resnet50": lambda: torchvision_model("resnet50"),
    "vgg16": lambda: torchvision_model("vgg16", init_weights=False),
    "mobilenet-v1": MobileNetV1,
    "squeezenet1-1": lambda: torchvision_model("squeezenet1_1"),
    "densenet121": lambda: torchvision_model("densenet121"),
    "googlenet": lambda: torchvision_model("googlenet", aux_logits=False, transform_input=False, init_weights=False),
}
