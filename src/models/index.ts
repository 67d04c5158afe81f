export type { PublishedAccuracy } from "./accuracies.ts";
export { type AlexNetOptions, alexnet } from "./alexnet.ts";
export { type Head, lossWithHeads, withHeads } from "./auxiliary-heads.ts";
export { type BnInceptionOptions, bnInception, bnInceptionLoss } from "./bn-inception.ts";
export { type CaffeExampleOptions, caffeExample } from "./caffe-examples.ts";
export { type CifarResNetOptions, cifarResNet } from "./cifar-resnet.ts";
export { type CnnFMSOptions, cnnFMS } from "./cnn-fms.ts";
export { type DeepImagePriorOptions, deepImagePrior } from "./deep-image-prior.ts";
export {
  type CifarDenseNetOptions,
  cifarDenseNet,
  type DenseNetDepth,
  type DenseNetOptions,
  densenet,
} from "./densenet.ts";
export { type DpnDepth, type DpnOptions, dpn } from "./dpn.ts";
export {
  type EfficientNetOptions,
  type EfficientNetVariant,
  efficientnet,
  efficientnetResolutions,
} from "./efficientnet.ts";
export { type FcnOptions, fcn, fcnNameOfVgg16 } from "./fcn.ts";
export { type FcnResNetOptions, fcnResNet, fcnResNetLoss } from "./fcn-resnet.ts";
export { type FractalNetOptions, fractalNet } from "./fractalnet.ts";
export {
  type GoogLeNetModuleOptions,
  type GoogLeNetOptions,
  type GoogLeNetRow,
  googlenet,
  googlenetLoss,
  googlenetModule,
} from "./googlenet.ts";
export { type HighwayOptions, highway, type MnistHighwayOptions, mnistHighway } from "./highway.ts";
export { type InceptionResNetOptions, inceptionResNet } from "./inception-resnet.ts";
export { type InceptionV2Options, inceptionV2 } from "./inception-v2.ts";
export { type InceptionV3Options, inceptionV3, inceptionV3Loss } from "./inception-v3.ts";
export { type InceptionV4Options, inceptionV4 } from "./inception-v4.ts";
export { type LeNet5Options, lenet5 } from "./lenet5.ts";
export { type InferenceMemory, inferenceMemory } from "./memory.ts";
export { type MnasNetOptions, mnasnet } from "./mnasnet.ts";
export { type MnistCnnOptions, mnistCnn } from "./mnist-cnn.ts";
export { type MobileNetV1Options, mobilenetResolutions, mobilenetV1 } from "./mobilenet-v1.ts";
export { type MobileNetV2Options, mobilenetV2 } from "./mobilenet-v2.ts";
export { type MobileNetV3Options, type MobileNetV3Size, mobilenetV3 } from "./mobilenet-v3.ts";
export { type NASNetOptions, nasnet } from "./nasnet.ts";
export { type NinOptions, nin } from "./nin.ts";
export { type OverFeatOptions, overfeat } from "./overfeat.ts";
export { type PNASNetOptions, pnasnet } from "./pnasnet.ts";
export { type PolyNetOptions, polynet } from "./polynet.ts";
export {
  type CifarPreactResNetOptions,
  cifarPreactResNet,
  type PreactResNetDepth,
  type PreactResNetOptions,
  preactResNet,
} from "./preact-resnet.ts";
export { normalizationOf, type Preprocessing } from "./preprocessing.ts";
export {
  type CifarPyramidNetOptions,
  cifarPyramidNet,
  type PyramidNetOptions,
  pyramidNet,
} from "./pyramidnet.ts";
export * from "./receptive-field.ts";
export * from "./registry.ts";
export type { BottleneckVariant, ShortcutOption, StochasticDepthSchedule } from "./residual-network.ts";
export { type ResNetDepth, type ResNetOptions, type ResNetVariant, resnet } from "./resnet.ts";
export { type CifarResNeXtOptions, cifarResNeXt, type ResNeXtOptions, resnext } from "./resnext.ts";
export type { ResponseNormConstants } from "./response-norm.ts";
export {
  type SENet154Options,
  type SEResNetOptions,
  type SEResNeXtOptions,
  senet154,
  seResNet,
  seResNeXt,
} from "./senet.ts";
export { type ShuffleNetGroups, type ShuffleNetV1Options, shufflenetV1 } from "./shufflenet-v1.ts";
export { type ShuffleNetV2Options, type ShuffleNetV2Width, shufflenetV2 } from "./shufflenet-v2.ts";
export { type SqueezeNetOptions, squeezenet } from "./squeezenet.ts";
export * from "./summary.ts";
export { type VggConfiguration, type VggOptions, vgg } from "./vgg.ts";
export {
  type CifarWideResNetOptions,
  cifarWideResNet,
  type WideResNetOptions,
  wideResNet,
} from "./wide-resnet.ts";
export { type XceptionOptions, xception } from "./xception.ts";
export { type ZFNetOptions, zfnet } from "./zfnet.ts";
