/** The data sets that have a name: what they hold, where they are published, and how to know that a download is right. */

import type { Normalization } from "./normalization.ts";

export interface PublishedFile {
  readonly name: string;
  /** Exact size. */
  readonly bytes: number;
  /** Hex digests of the published file; one at least is there and all are checked. */
  readonly sha256?: string;
  readonly md5?: string;
  /** Where it is published, tried in this order. */
  readonly urls: readonly string[];
  /** Parts that need it. */
  readonly splits: readonly ("train" | "test")[];
}

/** A way in which a set lies in a folder. */
export type FileForm =
  | {
      readonly kind: "idx";
      /** Names without .gz: images, then labels. */
      readonly train: readonly [string, string];
      readonly test: readonly [string, string];
    }
  | {
      /** Binary records, or batches pickled by Python. */
      readonly kind: "records" | "pickle";
      readonly folder: string;
      readonly archive: string;
      readonly train: readonly string[];
      readonly test: readonly string[];
    };

export interface NamedSet {
  readonly name: string;
  /** What it is, in one line. */
  readonly title: string;
  readonly classes: readonly string[];
  readonly imageShape: readonly [h: number, w: number, c: number];
  /** Mean and standard deviation of each channel over the training images, in units of 0…1. */
  readonly normalization: Normalization;
  /** What is downloaded. */
  readonly files: readonly PublishedFile[];
  /** Ways in which a folder may hold it, in the order in which they are looked for. */
  readonly forms: readonly FileForm[];
}

const digitClasses = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

export const idxForm: FileForm = {
  kind: "idx",
  train: ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
  test: ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
};

// The original page of MNIST (yann.lecun.com) now refuses downloads; these are the mirrors of PyTorch and TensorFlow.
const mnistUrls = [
  "https://ossci-datasets.s3.amazonaws.com/mnist/",
  "https://storage.googleapis.com/cvdf-datasets/mnist/",
];
const fashionUrls = [
  "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
  "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
];
const cifarUrls = ["https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"];

type Row = readonly [name: string, bytes: number, sha256: string, md5: string];

function published(urls: readonly string[], splits: PublishedFile["splits"], row: Row): PublishedFile {
  const [name, bytes, sha256, md5] = row;
  return { name, bytes, sha256, md5, urls: urls.map((url) => url + name), splits };
}

// biome-ignore format: one file a line
const mnistFiles: readonly PublishedFile[] = [
  published(mnistUrls, ["train"], ["train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", "f68b3c2dcbeaaa9fbdd348bbdeb94873"]),
  published(mnistUrls, ["train"], ["train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", "d53e105ee54ea40749a09fcbcd1e9432"]),
  published(mnistUrls, ["test"], ["t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", "9fb629c4189551a2d022fa330f9573f3"]),
  published(mnistUrls, ["test"], ["t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", "ec29112dd5afa0611ce80d1b7f02629c"]),
];

// biome-ignore format: one file a line
const fashionFiles: readonly PublishedFile[] = [
  published(fashionUrls, ["train"], ["train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"]),
  published(fashionUrls, ["train"], ["train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", "25c81989df183df01b3e8a0aad5dffbe"]),
  published(fashionUrls, ["test"], ["t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", "bef4ecab320f06d8554ea6380940ec79"]),
  published(fashionUrls, ["test"], ["t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", "bb300cfdad3c16e7a12a480ee83cd310"]),
];

// biome-ignore format: as short as it can be
const cifar100Classes = (
  "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar " +
  "cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster " +
  "house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree " +
  "orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose " +
  "sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television " +
  "tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
).split(" ");

export const namedSets: readonly NamedSet[] = [
  {
    name: "mnist",
    title: "MNIST: 60,000 + 10,000 handwritten digits, 28×28 grey (LeCun, Cortes and Burges, 1998)",
    classes: digitClasses,
    imageShape: [28, 28, 1],
    normalization: { mean: [0.1307], std: [0.3081] },
    files: mnistFiles,
    forms: [idxForm],
  },
  {
    name: "fashion-mnist",
    title: "Fashion-MNIST: 60,000 + 10,000 pieces of clothing, 28×28 grey (Xiao, Rasul and Vollgraf, 2017)",
    classes: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
    imageShape: [28, 28, 1],
    normalization: { mean: [0.286], std: [0.353] },
    files: fashionFiles,
    forms: [idxForm],
  },
  {
    name: "cifar10",
    title: "CIFAR-10: 50,000 + 10,000 photos, 32×32 in colour (Krizhevsky, 2009)",
    classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    imageShape: [32, 32, 3],
    normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
    files: [
      published(
        cifarUrls,
        ["train", "test"],
        [
          "cifar-10-binary.tar.gz",
          170_052_171,
          "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
          "c32a1d4ab5d03f1284b67883e8d87530",
        ],
      ),
    ],
    forms: [
      {
        kind: "records",
        folder: "cifar-10-batches-bin",
        archive: "cifar-10-binary.tar.gz",
        train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`),
        test: ["test_batch.bin"],
      },
      {
        kind: "pickle",
        folder: "cifar-10-batches-py",
        archive: "cifar-10-python.tar.gz",
        train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`),
        test: ["test_batch"],
      },
    ],
  },
  {
    name: "cifar100",
    title: "CIFAR-100: 50,000 + 10,000 photos of 100 classes, 32×32 in colour (Krizhevsky, 2009)",
    classes: cifar100Classes,
    imageShape: [32, 32, 3],
    normalization: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
    files: [
      published(
        cifarUrls,
        ["train", "test"],
        [
          "cifar-100-binary.tar.gz",
          168_513_733,
          "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
          "03b5dce01913d631647c71ecec9e9cb8",
        ],
      ),
    ],
    forms: [
      {
        kind: "records",
        folder: "cifar-100-binary",
        archive: "cifar-100-binary.tar.gz",
        train: ["train.bin"],
        test: ["test.bin"],
      },
      {
        kind: "pickle",
        folder: "cifar-100-python",
        archive: "cifar-100-python.tar.gz",
        train: ["train"],
        test: ["test"],
      },
    ],
  },
];

/** Names that `openDataset` knows; anything else is a folder. */
export const datasetNames: readonly string[] = ["digits", ...namedSets.map(({ name }) => name)];
