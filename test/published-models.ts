/** Which recorded network of the folder of published values a model of the registry must equal. */

export const publishedModels: Readonly<Record<string, string>> = {
  alexnet: "alexnet",
  vgg11: "vgg11",
  "vgg13-bn": "vgg13_bn",
  vgg16: "vgg16",
  "vgg16-bn": "vgg16_bn",
  vgg19: "vgg19",
};
