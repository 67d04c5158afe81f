/** Which recorded network of the folder of published values a model of the registry must equal. */

export const publishedModels: Readonly<Record<string, string>> = {
  alexnet: "alexnet",
  vgg11: "vgg11",
  "vgg13-bn": "vgg13_bn",
  vgg16: "vgg16",
  "vgg16-bn": "vgg16_bn",
  vgg19: "vgg19",
  resnet18: "resnet18",
  resnet50: "resnet50",
  resnet101: "resnet101",
  "resnext50-32x4d": "resnext50_32x4d",
  "resnext101-64x4d": "resnext101_64x4d",
  "wide-resnet50-2": "wide_resnet50_2",
  "squeezenet-1.1": "squeezenet1_1",
  densenet121: "densenet121",
  densenet169: "densenet169",
};
