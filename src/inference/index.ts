export {
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  likeliest,
  type Prediction,
} from "./classifier.ts";
