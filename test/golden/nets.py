"""The reference networks in PyTorch, with the parameter names that Striate uses."""

import torch
from torch import nn
from torch.nn import functional as F


class LeNet5(nn.Module):
    """LeNet-5 as commonly built: LeCun et al. 1998 with full C3 connections; `act` and `pool` choose the variant."""

    def __init__(self, act=F.relu, pool=F.max_pool2d):
        super().__init__()
        self.act, self.pool = act, pool
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(self.act(self.conv1(x)), 2)
        x = self.pool(self.act(self.conv2(x)), 2).flatten(1)
        return self.fc3(self.act(self.fc2(self.act(self.fc1(x)))))


class MnistCnn(nn.Module):
    """The MNIST network of the NYU lecture on high-performance machine learning."""

    def __init__(self):
        super().__init__()

        def layer(inputs, outputs):
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 5, padding=2), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)
            )

        self.layer1 = layer(1, 16)
        self.layer2 = layer(16, 32)
        self.fc = nn.Linear(7 * 7 * 32, 10)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(x)).flatten(1))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut of option A: every second pixel, new channels zero on both sides."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added, self.added))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    """ResNet for CIFAR-10, He et al. 2015, section 4.2; names as in akamaster/pytorch_resnet_cifar10."""

    def __init__(self, depth=20):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, outputs in enumerate((16, 32, 64), start=1):
            blocks = []
            for i in range((depth - 2) // 6):
                blocks.append(BasicBlock(inputs, outputs, 2 if stage > 1 and i == 0 else 1))
                inputs = outputs
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


# name → (constructor, image shape [c, h, w])
NETS = {
    "lenet5": (LeNet5, (1, 28, 28)),
    "lenet5-tanh": (lambda: LeNet5(act=torch.tanh, pool=F.avg_pool2d), (1, 28, 28)),
    "mnist-cnn": (MnistCnn, (1, 28, 28)),
    "cifar-resnet-20": (CifarResNet, (3, 32, 32)),
}
