/**
 * All models by the names they have on the command line. A new model is one line here; docs/models.md is made of these lines
 * (`npm run docs`), and what its published weights reach stands in accuracies.ts.
 */

import type { Loss } from "../nn/loss.ts";
import { nearNames } from "../nn/near-names.ts";
import type { NamedTensors } from "../nn/network.ts";
import type { Layer } from "../nn/scope.ts";
import type { Tensor } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { type PublishedAccuracy, publishedAccuracies } from "./accuracies.ts";
import { alexnet } from "./alexnet.ts";
import { bnInception, bnInceptionLoss } from "./bn-inception.ts";
import { caffeExample } from "./caffe-examples.ts";
import { cifarResNet } from "./cifar-resnet.ts";
import { cnnFMS } from "./cnn-fms.ts";
import { deepImagePrior } from "./deep-image-prior.ts";
import { cifarDenseNet, densenet } from "./densenet.ts";
import { dpn } from "./dpn.ts";
import { efficientnet, efficientnetResolutions } from "./efficientnet.ts";
import { fcn } from "./fcn.ts";
import { fcnResNet } from "./fcn-resnet.ts";
import { fractalNet } from "./fractalnet.ts";
import { googlenet, googlenetLoss } from "./googlenet.ts";
import { highway, mnistHighway } from "./highway.ts";
import { inceptionResNet } from "./inception-resnet.ts";
import { inceptionV2 } from "./inception-v2.ts";
import { inceptionV3, inceptionV3Loss } from "./inception-v3.ts";
import { inceptionV4 } from "./inception-v4.ts";
import { lenet5 } from "./lenet5.ts";
import { mnasnet } from "./mnasnet.ts";
import { mnistCnn } from "./mnist-cnn.ts";
import { mobilenetResolutions, mobilenetV1 } from "./mobilenet-v1.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { mobilenetV3 } from "./mobilenet-v3.ts";
import { nasnet } from "./nasnet.ts";
import { nin } from "./nin.ts";
import { overfeat } from "./overfeat.ts";
import { pnasnet } from "./pnasnet.ts";
import { polynet } from "./polynet.ts";
import { cifarPreactResNet, preactResNet } from "./preact-resnet.ts";
import {
  caffe,
  cifar10,
  dualPath,
  inception,
  megvii,
  mnistDigits,
  type Preprocessing,
  torchvision,
} from "./preprocessing.ts";
import { cifarPyramidNet, pyramidNet } from "./pyramidnet.ts";
import { resnet } from "./resnet.ts";
import { cifarResNeXt, resnext } from "./resnext.ts";
import { senet154, seResNet, seResNeXt } from "./senet.ts";
import { shufflenetV1 } from "./shufflenet-v1.ts";
import { shufflenetV2 } from "./shufflenet-v2.ts";
import { squeezenet } from "./squeezenet.ts";
import { vgg } from "./vgg.ts";
import { cifarWideResNet, wideResNet } from "./wide-resnet.ts";
import { xception } from "./xception.ts";
import { zfnet } from "./zfnet.ts";

/** What every model can be asked for; the rest of a model's options are its own function's. */
export interface CommonOptions {
  /** Length of the logits. */
  readonly classes?: number;
}

export interface ModelEntry {
  readonly name: string;
  /** Authors and title. */
  readonly paper: string;
  readonly year: number;
  /** The image it was made for; channels are inferred, so others do where sizes allow. */
  readonly input: readonly [h: number, w: number, c: number];
  /** Length of the logits where none is asked for; channels of the output "image". */
  readonly classes: number;
  readonly build: (options?: CommonOptions) => Layer<Tensor | NamedTensors>;
  /** How it is trained, where that is not `build` and the cross-entropy of its logits: with auxiliary heads. */
  readonly training?: TrainingForm;
  /**
   * What it gives: "classes" of images (the default), logits [n, classes]; of "pixels", logits [n, h, w, classes]; or an "image",
   * [n, h, w, classes].
   */
  readonly output?: "classes" | "pixels" | "image";
  /** How pictures become inputs of its published weights. Default: torchvision's, the statistics of ImageNet. */
  readonly preprocessing?: Preprocessing;
  /** Where parameters have the names that they have here: "torchvision", or a repository of GitHub. */
  readonly names?: string;
  /** Which of the paper's networks it is, or what it is beside the paper: "section 4.2", "v1.5, as in torchvision". */
  readonly note?: string;
}

/** A model with what is there for training alone. */
export interface TrainingForm {
  readonly build: (options?: CommonOptions) => Layer<Tensor | NamedTensors>;
  readonly loss: Loss;
}

/** An entry with everything that is known of the model. */
export interface RegisteredModel extends ModelEntry {
  readonly preprocessing: Preprocessing;
  readonly output: "classes" | "pixels" | "image";
  /** What tables of the field state for its published weights; empty where none does. */
  readonly published: readonly PublishedAccuracy[];
}

const lecun = "LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition";
const choi = "Choi, PyTorch tutorial";
const he = "He, Zhang, Ren and Sun, Deep residual learning for image recognition";
const krizhevsky =
  "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks";
const zeiler = "Zeiler and Fergus, Visualizing and understanding convolutional networks";
const sermanet =
  "Sermanet, Eigen, Zhang, Mathieu, Fergus and LeCun, OverFeat: integrated recognition, localization and detection using convolutional networks";
const chatfield =
  "Chatfield, Simonyan, Vedaldi and Zisserman, Return of the devil in the details: delving deep into convolutional nets";
const lin = "Lin, Chen and Yan, Network in network";
const long = "Long, Shelhamer and Darrell, Fully convolutional networks for semantic segmentation";
const ulyanov = "Ulyanov, Vedaldi and Lempitsky, Deep image prior";
const jia =
  "Jia, Shelhamer, Donahue, Karayev, Long, Girshick, Guadarrama and Darrell, Caffe: convolutional architecture for fast feature embedding";
const krizhevsky2014 = "Krizhevsky, One weird trick for parallelizing convolutional neural networks";

const xie = "Xie, Girshick, Dollár, Tu and He, Aggregated residual transformations for deep neural networks";
const zagoruyko = "Zagoruyko and Komodakis, Wide residual networks";
const iandola =
  "Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size";
const han = "Han, Kim and Kim, Deep pyramidal residual networks";
const larsson = "Larsson, Maire and Shakhnarovich, FractalNet: ultra-deep neural networks without residuals";
const srivastava = "Srivastava, Greff and Schmidhuber, Training very deep networks";
const he2016 = "He, Zhang, Ren and Sun, Identity mappings in deep residual networks";
const huang2016 = "Huang, Sun, Liu, Sedra and Weinberger, Deep networks with stochastic depth";
const huang = "Huang, Liu, van der Maaten and Weinberger, Densely connected convolutional networks";
const szegedy =
  "Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, Going deeper with convolutions";
const howard =
  "Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto and Adam, MobileNets: efficient convolutional neural networks for mobile vision applications";
const chen = "Chen, Li, Xiao, Jin, Yan and Feng, Dual path networks";
const hu = "Hu, Shen, Albanie, Sun and Wu, Squeeze-and-excitation networks";
const zhang =
  "Zhang, Zhou, Lin and Sun, ShuffleNet: an extremely efficient convolutional neural network for mobile devices";
const ma =
  "Ma, Zhang, Zheng and Sun, ShuffleNet V2: practical guidelines for efficient CNN architecture design";
const tan =
  "Tan, Chen, Pang, Vasudevan, Sandler, Howard and Le, MnasNet: platform-aware neural architecture search for mobile";
const tan2019 = "Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks";
const sandler =
  "Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: inverted residuals and linear bottlenecks";
const howard2019 =
  "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le and Adam, Searching for MobileNetV3";
const ioffe =
  "Ioffe and Szegedy, Batch normalization: accelerating deep network training by reducing internal covariate shift";
const szegedy2015 =
  "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, Rethinking the Inception architecture for computer vision";
const szegedy2016 =
  "Szegedy, Ioffe, Vanhoucke and Alemi, Inception-v4, Inception-ResNet and the impact of residual connections on learning";
const zhang2016 = "Zhang, Li, Loy and Lin, PolyNet: a pursuit of structural diversity in very deep networks";
const zoph =
  "Zoph, Vasudevan, Shlens and Le, Learning transferable architectures for scalable image recognition";
const liu =
  "Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang and Murphy, Progressive neural architecture search";
const chollet = "Chollet, Xception: deep learning with depthwise separable convolutions";
const simonyan = "Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition";

const mnist = { input: [28, 28, 1], classes: 10, preprocessing: mnistDigits } as const;
const cifar = { input: [32, 32, 3], classes: 10, preprocessing: cifar10 } as const;
const imagenet = { input: [224, 224, 3], classes: 1000 } as const;
const imagenet331 = { input: [331, 331, 3], classes: 1000 } as const;
const imagenet299 = { input: [299, 299, 3], classes: 1000, preprocessing: inception } as const;

/** PASCAL VOC's 20 classes and background. */
const pascal = {
  input: [224, 224, 3],
  classes: 21,
  output: "pixels",
  preprocessing: { ...caffe, cropFraction: 1 },
} as const;

/** Of 256 pixels, BVLC's AlexNet sees 227. */
const caffe227: Preprocessing = { ...caffe, cropFraction: 227 / 256 };

/** One mean and one deviation for all channels, of pictures scaled until the input spans their smaller side. */
const ofOverFeat: Preprocessing = {
  cropFraction: 1,
  channels: "rgb",
  scale: 1,
  mean: [118.380948, 118.380948, 118.380948],
  std: [61.896913, 61.896913, 61.896913],
};

const courses = "PyTorch courses";
const chatfieldsCaffe = "the authors' Caffe models, VGG_CNN_F to VGG_CNN_M_128";
/** Means of the authors' release, which Cadene/pretrained-models.pytorch has kept. */
const cafferesnet: Preprocessing = { ...caffe, mean: [102.9801, 115.9465, 122.7717] };

/** Caffe's, with another mean for red. */
const bnInceptionPictures: Preprocessing = { ...caffe, mean: [104, 117, 128] };
const cadene = "Cadene/pretrained-models.pytorch";
const akamaster = "akamaster/pytorch_resnet_cifar10";

const square = (edge: number) => [edge, edge, 3] as const;

/** "x0-5", as checkpoints are called. */
const times = (width: number) => `x${Number.isInteger(width) ? `${width}-0` : `${width}`.replace(".", "-")}`;

// biome-ignore format: one line a model
const entries: readonly ModelEntry[] = [
  { name: "lenet5", paper: lecun, year: 1998, ...mnist, names: courses, note: "as commonly built", build: lenet5 },
  { name: "lenet5-1998", paper: lecun, year: 1998, ...mnist, names: "the paper's figure 2", note: "section II.B", build: (options) => lenet5({ ...options, variant: "1998" }) },
  { name: "lenet5-cifar", paper: lecun, year: 1998, ...cifar, names: "kuangliu/pytorch-cifar", note: "as commonly built, for pictures of 32×32", build: (options) => lenet5({ ...options, padding: 0 }) },
  { name: "lenet-caffe", paper: jia, year: 2014, ...mnist, names: "Caffe's examples/mnist", build: caffeExample },
  ...(["quick", "full"] as const).map((size): ModelEntry =>
    ({ name: `cifar10-${size}`, paper: jia, year: 2014, ...cifar, names: "Caffe's examples/cifar10", build: (options) => caffeExample({ ...options, network: `cifar10-${size}` }) })),
  { name: "mnist-cnn", paper: choi, year: 2017, ...mnist, names: courses, build: mnistCnn },
  ...[20, 32, 44, 56, 110, 1202].map((depth): ModelEntry =>
    ({ name: `cifar-resnet-${depth}`, paper: he, year: 2015, ...cifar, preprocessing: { ...torchvision, cropFraction: 1 }, names: akamaster, note: "section 4.2", build: (options) => cifarResNet({ ...options, depth }) })),
  ...([[19, "Table 3, as released"], [32, "Highway C of Table 2; widths are ours"]] as const).map(([depth, note]): ModelEntry =>
    ({ name: `highway-${depth}`, paper: srivastava, year: 2015, ...cifar, names: "flukeskywalker/highway-networks", note, build: (options) => highway({ ...options, depth }) })),
  ...[16, 32].map((width): ModelEntry =>
    ({ name: `mnist-highway-${width}`, paper: srivastava, year: 2015, ...mnist, names: "flukeskywalker/highway-networks", note: "Table 1", build: (options) => mnistHighway({ ...options, width }) })),
  { name: "cifar-fractalnet-20", paper: larsson, year: 2016, ...cifar, names: "pytorchcv", note: "three columns", build: fractalNet },
  ...[20, 32, 44, 56].map((depth): ModelEntry =>
    ({ name: `cifar-plain-${depth}`, paper: he, year: 2015, ...cifar, names: akamaster, note: "section 4.2, without shortcuts", build: (options) => cifarResNet({ ...options, depth, residual: false }) })),
  ...[110, 1202].map((depth): ModelEntry =>
    ({ name: `cifar-resnet-${depth}-stochastic`, paper: huang2016, year: 2016, ...cifar, names: akamaster, note: "section 4.1", build: (options) => cifarResNet({ ...options, depth, stochasticDepth: { survival: 0.5 } }) })),
  { name: "alexnet", paper: krizhevsky2014, year: 2014, ...imagenet, names: "torchvision", note: "one tower", build: alexnet },
  { name: "alexnet-2gpu", paper: krizhevsky, year: 2012, input: [227, 227, 3], classes: 1000, preprocessing: caffe227, names: "Caffe's bvlc_alexnet", build: (options) => alexnet({ ...options, variant: "2gpu" }) },
  { name: "caffenet", paper: krizhevsky, year: 2012, input: [227, 227, 3], classes: 1000, preprocessing: caffe227, names: "Caffe's bvlc_reference_caffenet", note: "pools before it normalises", build: (options) => alexnet({ ...options, variant: "2gpu", order: "pool, norm" }) },
  { name: "zfnet", paper: zeiler, year: 2013, ...imagenet, names: "pytorchcv", note: "figure 3", build: zfnet },
  { name: "zfnet-512-1024-512", paper: zeiler, year: 2013, ...imagenet, names: "pytorchcv", note: "Table 2", build: (options) => zfnet({ ...options, widths: [512, 1024, 512] }) },
  { name: "overfeat-fast", paper: sermanet, year: 2013, input: [231, 231, 3], classes: 1000, preprocessing: ofOverFeat, names: "the paper's tables", note: "Table 1", build: overfeat },
  { name: "overfeat-accurate", paper: sermanet, year: 2013, input: [221, 221, 3], classes: 1000, preprocessing: ofOverFeat, names: "the paper's tables", note: "Table 3", build: (options) => overfeat({ ...options, model: "accurate" }) },
  { name: "nin", paper: lin, year: 2013, ...imagenet, preprocessing: caffe, names: "Caffe's nin_imagenet", note: "the authors' model for ImageNet", build: nin },
  { name: "nin-cifar", paper: lin, year: 2013, ...cifar, names: "jiecaoyu/pytorch-nin-cifar10", note: "figure 2", build: (options) => nin({ ...options, variant: "cifar" }) },
  ...(["F", "M", "S"] as const).map((network): ModelEntry =>
    ({ name: `cnn-${network.toLowerCase()}`, paper: chatfield, year: 2014, ...imagenet, preprocessing: caffe, names: chatfieldsCaffe, note: "Table 1", build: (options) => cnnFMS({ ...options, network }) })),
  ...[2048, 1024, 128].map((features): ModelEntry =>
    ({ name: `cnn-m-${features}`, paper: chatfield, year: 2014, ...imagenet, preprocessing: caffe, names: chatfieldsCaffe, note: `section 5, features of ${features}`, build: (options) => cnnFMS({ ...options, features }) })),
  ...([["11", "A"], ["13", "B"], ["16", "D"], ["19", "E"], ["11-lrn", "A-LRN"], ["16-c", "C"]] as const).map(([depth, configuration]): ModelEntry =>
    ({ name: `vgg${depth}`, paper: simonyan, year: 2014, ...imagenet, names: "torchvision", note: `Table 1 ${configuration}`, build: (options) => vgg({ ...options, configuration }) })),
  ...([["11", "A"], ["13", "B"], ["16", "D"], ["19", "E"]] as const).map(([depth, configuration]): ModelEntry =>
    ({ name: `vgg${depth}-bn`, paper: simonyan, year: 2014, ...imagenet, names: "torchvision", note: `${configuration} with batch norm`, build: (options) => vgg({ ...options, configuration, batchNorm: true }) })),
  ...([18, 34, 50, 101, 152] as const).map((depth): ModelEntry =>
    ({ name: `resnet${depth}`, paper: he, year: 2015, ...imagenet, names: "torchvision", note: depth < 50 ? "Table 1" : "v1.5, as in torchvision", build: (options) => resnet({ ...options, depth }) })),
  ...([50, 101, 152] as const).map((depth): ModelEntry =>
    ({ name: `resnet${depth}-v1`, paper: he, year: 2015, ...imagenet, names: "torchvision", note: "Table 1", build: (options) => resnet({ ...options, depth, variant: "v1" }) })),
  ...([18, 34] as const).map((depth): ModelEntry =>
    ({ name: `plain${depth}`, paper: he, year: 2015, ...imagenet, names: "torchvision", note: "section 4.1, without shortcuts", build: (options) => resnet({ ...options, depth, residual: false }) })),
  { name: "resnet101-caffe", paper: he, year: 2015, ...imagenet, preprocessing: cafferesnet, names: cadene, note: "the authors' release: v1, pooling rounds up", build: (options) => resnet({ ...options, depth: 101, variant: "caffe" }) },
  { name: "resnet152-fb", paper: he, year: 2015, ...imagenet, names: cadene, note: "fb.resnet.torch: v1.5 with biases", build: (options) => resnet({ ...options, depth: 152, variant: "facebook" }) },
  { name: "resnet18-cifar", paper: he, year: 2015, ...cifar, names: "torchvision", note: "3×3 first, as in kuangliu/pytorch-cifar", build: (options) => resnet({ classes: 10, ...options, depth: 18, stem: "cifar" }) },
  { name: "resnet152-stochastic", paper: huang2016, year: 2016, ...imagenet, names: "torchvision", note: "section 4.4", build: (options) => resnet({ ...options, depth: 152, stochasticDepth: { survival: 0.5 } }) },
  ...([[50, 32, 4], [101, 32, 4], [101, 32, 8], [101, 64, 4]] as const).map(([depth, cardinality, bottleneckWidth]): ModelEntry =>
    ({ name: `resnext${depth}-${cardinality}x${bottleneckWidth}d`, paper: xie, year: 2016, ...imagenet, names: "torchvision", build: (options) => resnext({ ...options, depth, cardinality, bottleneckWidth }) })),
  ...([[32, 4], [8, 64], [16, 64]] as const).map(([cardinality, bottleneckWidth]): ModelEntry =>
    ({ name: `cifar-resnext-29-${cardinality}x${bottleneckWidth}d`, paper: xie, year: 2016, ...cifar, names: "torchvision", note: cardinality === 32 ? "section 5.3, as in pytorchcv" : "Table 7", build: (options) => cifarResNeXt({ ...options, cardinality, bottleneckWidth }) })),
  ...([50, 101] as const).map((depth): ModelEntry =>
    ({ name: `wide-resnet${depth}-2`, paper: zagoruyko, year: 2016, ...imagenet, names: "torchvision", note: "Table 8", build: (options) => wideResNet({ ...options, depth }) })),
  ...([[16, 4], [16, 8], [22, 8], [28, 10], [40, 2], [40, 4]] as const).map(([depth, widen]): ModelEntry =>
    ({ name: `wrn-${depth}-${widen}`, paper: zagoruyko, year: 2016, ...cifar, names: "pytorchcv", note: "Table 1", build: (options) => cifarWideResNet({ ...options, depth, widen }) })),
  { name: "wrn-28-10-dropout", paper: zagoruyko, year: 2016, ...cifar, names: "pytorchcv", note: "section 3.3, dropout 0.3", build: (options) => cifarWideResNet({ ...options, dropout: 0.3 }) },
  ...([18, 34, 50, 101, 152, 200] as const).map((depth): ModelEntry =>
    ({ name: `preact-resnet${depth}`, paper: he2016, year: 2016, ...imagenet, names: "pytorchcv", note: depth < 50 ? "ResNet's Table 1" : `v1.5, pytorchcv's preresnet${depth}b`, build: (options) => preactResNet({ ...options, depth }) })),
  ...([50, 101, 152, 200] as const).map((depth): ModelEntry =>
    ({ name: `preact-resnet${depth}-v1`, paper: he2016, year: 2016, ...imagenet, names: "pytorchcv", note: depth === 200 ? "section 4" : "ResNet's Table 1", build: (options) => preactResNet({ ...options, depth, variant: "v1" }) })),
  { name: "preact-resnet18-cifar", paper: he2016, year: 2016, ...cifar, names: "pytorchcv", note: "3×3 first, nothing after the last unit, as in kuangliu/pytorch-cifar", build: (options) => preactResNet({ classes: 10, ...options, depth: 18, stem: "cifar", lastNorm: false }) },
  ...[20, 56, 110, 164, 1001].map((depth): ModelEntry =>
    ({ name: `cifar-preact-resnet-${depth}`, paper: he2016, year: 2016, ...cifar, names: "pytorchcv", note: depth < 164 ? "basic units" : "bottlenecks, Table 3", build: (options) => cifarPreactResNet({ ...options, depth }) })),
  ...([[101, 360], [200, 300], [200, 450]] as const).map(([depth, alpha]): ModelEntry =>
    ({ name: `pyramidnet${depth}-${alpha}`, paper: han, year: 2016, ...imagenet, names: "pytorchcv", note: depth === 101 ? "as in pytorchcv" : "Table 5", build: (options) => pyramidNet({ ...options, depth, alpha }) })),
  ...[[110, 48], [110, 84], [110, 270], [164, 270], [200, 240], [236, 220], [272, 200]].map(([depth, alpha]): ModelEntry =>
    ({ name: `cifar-pyramidnet-${depth}-${alpha}`, paper: han, year: 2016, ...cifar, names: "pytorchcv", note: "Table 4", build: (options) => cifarPyramidNet({ ...options, depth, alpha }) })),
  ...(["1.0", "1.1"] as const).map((version): ModelEntry =>
    ({ name: `squeezenet${version.replace(".", "-")}`, paper: iandola, year: 2016, ...imagenet, names: "torchvision", note: version === "1.0" ? "Table 1" : "the authors' later one", build: (options) => squeezenet({ ...options, version }) })),
  ...([121, 161, 169, 201] as const).map((depth): ModelEntry =>
    ({ name: `densenet${depth}`, paper: huang, year: 2016, ...imagenet, names: "torchvision", note: depth === 161 ? "the authors' later one, k = 48" : "Table 1", build: (options) => densenet({ ...options, depth }) })),
  ...([[40, 12], [100, 12], [100, 24]] as const).map(([depth, growthRate]): ModelEntry =>
    ({ name: `cifar-densenet-${depth}-${growthRate}`, paper: huang, year: 2016, ...cifar, names: "torchvision", note: "Table 2", build: (options) => cifarDenseNet({ ...options, depth, growthRate, bottleneck: false }) })),
  ...([[100, 12], [250, 24], [190, 40]] as const).map(([depth, growthRate]): ModelEntry =>
    ({ name: `cifar-densenet-bc-${depth}-${growthRate}`, paper: huang, year: 2016, ...cifar, names: "torchvision", note: "Table 2, with bottlenecks and compression", build: (options) => cifarDenseNet({ ...options, depth, growthRate }) })),
  { name: "googlenet", paper: szegedy, year: 2014, ...imagenet, preprocessing: caffe, names: "torchvision", note: "Table 1", build: (options) => googlenet({ ...options }), training: { build: (options) => googlenet({ ...options, auxiliary: true }), loss: googlenetLoss } },
  { name: "googlenet-torchvision", paper: szegedy, year: 2014, ...imagenet, names: "torchvision", note: "3×3 for 5×5, batch norm", build: (options) => googlenet({ ...options, variant: "torchvision" }), training: { build: (options) => googlenet({ ...options, variant: "torchvision", auxiliary: true }), loss: googlenetLoss } },
  ...[[1, 224], [0.75, 224], [0.5, 224], [0.25, 224], ...mobilenetResolutions.slice(1).map((edge) => [1, edge] as const)].map(([width, edge]): ModelEntry =>
    ({ name: width === 1 && edge === 224 ? "mobilenet-v1" : `mobilenet-v1-${width === 1 ? "1.0" : width}-${edge}`, paper: howard, year: 2017, input: [edge, edge, 3], classes: 1000, names: "pytorchcv", note: edge < 224 ? "Table 7" : width < 1 ? "Table 6" : "Table 1", build: (options) => mobilenetV1({ ...options, width }) })),
  { name: "cifar-mobilenet-v1", paper: howard, year: 2017, ...cifar, names: "pytorchcv", note: "stride 1 first, for small pictures", build: (options) => mobilenetV1({ classes: 10, ...options, firstStride: 1 }) },
  ...([50, 101, 152] as const).map((depth): ModelEntry =>
    ({ name: `se-resnet${depth}`, paper: hu, year: 2017, ...imagenet, names: cadene, note: "Table 1", build: (options) => seResNet({ ...options, depth }) })),
  ...([50, 101] as const).map((depth): ModelEntry =>
    ({ name: `se-resnext${depth}-32x4d`, paper: hu, year: 2017, ...imagenet, names: cadene, note: "Table 1", build: (options) => seResNeXt({ ...options, depth }) })),
  { name: "senet154", paper: hu, year: 2017, ...imagenet, names: cadene, note: "appendix", build: senet154 },
  ...([[68], [68, "b"], [92], [98], [107], [131]] as const).map(([depth, b = ""]): ModelEntry =>
    ({ name: `dpn${depth}${b}`, paper: chen, year: 2017, ...imagenet, preprocessing: dualPath, names: cadene, note: depth === 68 || depth === 107 ? "the authors' later one" : "Table 1", build: (options) => dpn({ ...options, depth, splitPaths: b === "b" }) })),
  ...([[1], [2], [3], [4], [8], [1, 0.75], [3, 0.75], [1, 0.5], [3, 0.5], [1, 0.25], [3, 0.25], [3, 1.5], [3, 2]] as const).map(([groups, width = 1]): ModelEntry =>
    ({ name: `shufflenet-v1-g${groups}${width === 1 ? "" : `-${times(width)}`}`, paper: zhang, year: 2017, ...imagenet, names: "pytorchcv", note: width === 1 ? "Table 1" : `Table 2, ${width}×`, build: (options) => shufflenetV1({ ...options, groups, width }) })),
  ...([3, 8] as const).flatMap((groups) => [0.5, 1, 1.5, 2].map((width): ModelEntry =>
    ({ name: `shufflenet-v1-g${groups}-${times(width)}-megvii`, paper: zhang, year: 2017, ...imagenet, preprocessing: megvii, names: "megvii-model/ShuffleNet-Series", note: `the authors' release, ${width}×`, build: (options) => shufflenetV1({ ...options, groups, width, variant: "megvii" }) }))),
  ...([0.5, 1, 1.5, 2] as const).map((width): ModelEntry =>
    ({ name: `shufflenet-v2-${times(width)}`, paper: ma, year: 2018, ...imagenet, names: "torchvision", note: "Table 5", build: (options) => shufflenetV2({ ...options, width }) })),
  ...[1, 1.4, 0.75, 0.5, 0.35].map((width): ModelEntry =>
    ({ name: width === 1 ? "mobilenet-v2" : `mobilenet-v2-${width}`, paper: sandler, year: 2018, ...imagenet, names: "torchvision", note: width === 1 ? "Table 2" : `Table 2, ${width} times the channels`, build: (options) => mobilenetV2({ ...options, width }) })),
  ...(["large", "small"] as const).map((size): ModelEntry =>
    ({ name: `mobilenet-v3-${size}`, paper: howard2019, year: 2019, ...imagenet, names: "torchvision", note: size === "large" ? "Table 1" : "Table 2", build: (options) => mobilenetV3({ ...options, size }) })),
  ...[0.5, 0.75, 1, 1.3].map((width): ModelEntry =>
    ({ name: `mnasnet${times(width).slice(1)}`, paper: tan, year: 2018, ...imagenet, names: "torchvision", note: `B1, ${width}×`, build: (options) => mnasnet({ ...options, width }) })),
  ...([["b0", 0.875], ["b1", 240 / 256], ["b2", 0.89], ["b3", 300 / 320], ["b4", 380 / 384], ["b5", 1], ["b6", 1], ["b7", 1]] as const).map(([variant, cropFraction]): ModelEntry =>
    ({ name: `efficientnet-${variant}`, paper: tan2019, year: 2019, input: square(efficientnetResolutions[variant]), classes: 1000, preprocessing: { ...torchvision, cropFraction }, names: "torchvision", note: variant === "b0" ? "Table 1" : "Table 2", build: (options) => efficientnet({ ...options, variant }) })),
  { name: "bn-inception", paper: ioffe, year: 2015, ...imagenet, preprocessing: bnInceptionPictures, names: cadene, note: "figure 5", build: (options) => bnInception({ ...options }), training: { build: (options) => bnInception({ ...options, auxiliary: true }), loss: bnInceptionLoss } },
  { name: "inception-v2", paper: szegedy2015, year: 2015, ...imagenet299, names: "torchvision's inception_v3, where it has the layer", note: "Table 1 as printed", build: (options) => inceptionV2({ ...options }), training: { build: (options) => inceptionV2({ ...options, auxiliary: true }), loss: inceptionV3Loss } },
  { name: "inception-v3", paper: szegedy2015, year: 2015, input: [299, 299, 3], classes: 1000, names: "torchvision", build: (options) => inceptionV3({ ...options }), training: { build: (options) => inceptionV3({ ...options, auxiliary: true }), loss: inceptionV3Loss } },
  { name: "inception-v4", paper: szegedy2016, year: 2016, ...imagenet299, names: cadene, note: "figure 9", build: inceptionV4 },
  { name: "inception-resnet-v1", paper: szegedy2016, year: 2016, ...imagenet299, names: "timesler/facenet-pytorch", note: "figure 15, with FaceNet's last layers", build: (options) => inceptionResNet({ ...options, version: 1 }) },
  { name: "inception-resnet-v2", paper: szegedy2016, year: 2016, ...imagenet299, names: cadene, note: "as the authors released it", build: (options) => inceptionResNet({ ...options, version: 2 }) },
  { name: "polynet", paper: zhang2016, year: 2016, ...imagenet331, names: cadene, note: "Very Deep PolyNet", build: polynet },
  { name: "nasnet-a-mobile", paper: zoph, year: 2017, ...imagenet, preprocessing: inception, names: cadene, note: "NASNet-A (4 @ 1056)", build: (options) => nasnet({ ...options, size: "mobile" }) },
  { name: "nasnet-a-large", paper: zoph, year: 2017, ...imagenet331, preprocessing: inception, names: cadene, note: "NASNet-A (6 @ 4032)", build: (options) => nasnet({ ...options, size: "large" }) },
  { name: "pnasnet5-large", paper: liu, year: 2017, ...imagenet331, preprocessing: inception, names: cadene, note: "PNASNet-5 (4, 216)", build: pnasnet },
  { name: "xception", paper: chollet, year: 2016, ...imagenet299, preprocessing: { ...inception, cropFraction: 0.8975 }, names: cadene, note: "figure 5", build: xception },
  ...([32, 16, 8] as const).map((stride): ModelEntry =>
    ({ name: `fcn${stride}s`, paper: long, year: 2014, ...pascal, names: "wkentaro/pytorch-fcn", note: `Table 2, FCN-${stride}s on VGG-16`, build: (options) => fcn({ ...options, stride }) })),
  ...([50, 101] as const).map((depth): ModelEntry =>
    ({ name: `fcn-resnet${depth}`, paper: long, year: 2014, ...pascal, preprocessing: { ...torchvision, cropFraction: 1 }, names: "torchvision", note: "on a dilated ResNet, without its auxiliary head", build: (options) => fcnResNet({ ...options, depth, auxiliary: false }) })),
  { name: "deep-image-prior", paper: ulyanov, year: 2017, input: [256, 256, 32], classes: 3, output: "image", names: "DmitryUlyanov/deep-image-prior", note: "five scales of 128 channels", build: ({ classes = 3 } = {}) => deepImagePrior({ channels: classes }) },
];

/** All models, in the order of their papers' subjects. */
export const models: readonly RegisteredModel[] = entries.map((entry) => ({
  preprocessing: torchvision,
  output: "classes",
  ...entry,
  published: publishedAccuracies(entry.name),
}));

/** Which network of a model's it is, as checkpoints keep it. */
export interface NetworkOptions {
  /** Length of the logits. */
  readonly classes: number;
  /** Whether it has its auxiliary heads, which are used in training alone. Default false. */
  readonly auxiliary?: boolean;
}

/**
 * The layers of a model, and its loss where that is not the cross-entropy of its logits. Throws an OptionError when heads are asked
 * for that it does not have.
 */
export function networkOf(
  name: string,
  { classes, auxiliary = false }: NetworkOptions,
): { readonly layers: Layer<Tensor | NamedTensors>; readonly loss?: Loss } {
  const { name: model, build, training, output } = modelNamed(name);
  if (output !== "classes")
    throw new OptionError(
      `${model} gives ${output === "image" ? "an image" : "classes of pixels"}; what is wanted here tells the class of an image.`,
      { model, output },
    );
  if (!auxiliary) return { layers: build({ classes }) };
  if (training === undefined)
    throw new OptionError(`${model} has no auxiliary heads to train with.`, { model, auxiliary });
  return { layers: training.build({ classes }), loss: training.loss };
}

/** Families whose name alone means the network that their papers hold against others. */
const families: ReadonlyMap<string, string> = new Map(
  [
    ["shufflenet-v1", "shufflenet-v1-g3"],
    ["shufflenet-v2", "shufflenet-v2-x1-0"],
  ].map(([family, name]) => [joined(family), joined(name)]),
);

/**
 * The model of this name, however its parts are joined: "CIFAR-ResNet 20" is "cifar-resnet-20", "ResNet-50" is "resnet50";
 * "shufflenet-v1" alone is that of 3 groups. Throws an OptionError that lists near names.
 */
export function modelNamed(name: string): RegisteredModel {
  const wanted = families.get(joined(name)) ?? joined(name);
  const entry = models.find((each) => joined(each.name) === wanted);
  if (entry !== undefined) return entry;
  const near = nearNames(
    name.trim().toLowerCase(),
    models.map((each) => each.name),
  );
  throw new OptionError(`there is no model "${name}". Near names: ${near.join(", ")}.`, { name, near });
}

/** A name without what stands between its parts. */
function joined(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]+/g, "");
}
