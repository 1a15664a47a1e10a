/** The two networks of a model folder, from image pixels to image pixels. */

import {TURNS} from "../../constants.js";
import {
  applyMatrix,
  boxFromLandmarks,
  cropMatrix,
  mean,
  relativeDistances,
  toImage,
  uprightBox,
} from "../../geometry.js";
import {NUM_LANDMARKS} from "../../landmarks.js";
import {flowLandmarks, flowSettings} from "../optical_flow.js";
import {noTimer} from "../stages.js";
import {cut} from "./crop.js";
import {LiteRTModel} from "./litert.js";
import {isLikely, leastDoubtful} from "./turned_windows.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../../geometry.js").Matrix} Matrix */
/** @typedef {import("../config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./crop.js").Image} Image */
/** @typedef {import("./model_folder.js").ModelFolder} ModelFolder */
/** @typedef {import("./turned_windows.js").Answer} Answer */

/**
 * @typedef {object} Crop a crop of an image and its crop window
 * @property {Matrix} matrix from image to crop pixels
 * @property {Uint8Array} image (S, S, 3) RGB
 * @property {Float32Array} pixels (S, S, 3), the same in [0, 1], the networks' input
 * @property {Uint8Array} gray (S, S)
 * @property {number} size S
 */

/**
 * @typedef {object} Detections what repeated detections of one face found
 * @property {Float32Array} landmarks in pixels of the image
 * @property {ArrayLike<number>} distances of the last two detections, fractions of the
 *   eye distance; infinite if there was only one
 * @property {number} inconsistency their mean
 * @property {Crop | null} crop of the last detection; null if there was only one
 */

/** Detector and tracker of one model folder. */
export class FaceNetworks {
  /**
   * @param {ModelFolder} folder
   * @param {LiteRTModel} detector
   * @param {LiteRTModel} tracker
   * @param {TrackingConfig} config `upright_disagreement` and `max_detections`
   * @param {boolean} [anyRoll] whether crop windows turn with the face; otherwise as the
   *   folder says
   * @param {import("../stages.js").StageTimer} [timer]
   */
  constructor(folder, detector, tracker, config, anyRoll, timer = noTimer) {
    const {size, margin, any_roll: turns = false} = folder.description.crop;
    this.size = size;
    this.margin = margin;
    this.anyRoll = anyRoll ?? turns;
    this.config = config;
    this.timer = timer;
    /**
     * Decides between answers in turned windows that are equally doubtful.
     *
     * @type {import("../face_detection/face_check.js").FaceCheck | null}
     */
    this.checkFace = null;
    this.detector = detector;
    this.tracker = tracker;
    check(detector, {frames: [1, size, size, 3]});
    check(tracker, {frames: [1, size, size, 3], start: [1, NUM_LANDMARKS, 2]});
  }

  /**
   * @param {ModelFolder} folder
   * @param {TrackingConfig} config
   * @param {boolean} [anyRoll]
   * @param {import("../stages.js").StageTimer} [timer]
   * @returns {Promise<FaceNetworks>}
   */
  static async open(folder, config, anyRoll, timer) {
    const detector = await LiteRTModel.load(folder.detector, "detector.tflite");
    const tracker = await LiteRTModel.load(folder.tracker, "tracker.tflite");
    return new FaceNetworks(folder, detector, tracker, config, anyRoll, timer);
  }

  /** Free the memory of both networks. */
  delete() {
    this.detector.delete();
    this.tracker.delete();
  }

  /**
   * @param {Box} box
   * @param {number} roll of the window in radians
   * @returns {Matrix} from the image to the crop around a face box
   */
  window(box, roll = 0) {
    return cropMatrix(box, this.size, this.margin, roll);
  }

  /**
   * @param {Image} image
   * @param {Matrix} matrix
   * @returns {Crop}
   */
  cut(image, matrix) {
    const stop = this.timer("crop");
    const crop = {matrix, size: this.size, ...cut(image, matrix, this.size)};
    stop();
    return crop;
  }

  /**
   * @param {Image} image
   * @param {Float32Array} landmarks
   * @returns {Crop} around landmarks, turned upright with the face if `anyRoll` is set
   */
  cropAround(image, landmarks) {
    return this.anyRoll
      ? this.cut(image, this.window(...uprightBox(landmarks)))
      : this.cut(image, this.window(boxFromLandmarks(landmarks)));
  }

  /**
   * @param {Image} image
   * @param {Box} box
   * @returns {Promise<Float32Array>} landmarks of the face in a box
   */
  async detect(image, box) {
    if (!this.anyRoll) return this.detectIn(this.cut(image, this.window(box)));
    const answers = await this.answers(image, box, 0);
    // Of a face behind something the face check says little.
    const margin = this.config.turned_face_weight;
    return leastDoubtful(answers, this.limit, margin).detections.landmarks;
  }

  /**
   * @param {Crop} crop
   * @returns {Promise<Float32Array>} landmarks in image pixels
   */
  async detectIn(crop) {
    return toImage(await this.detectInCrop(crop), crop.matrix);
  }

  /**
   * Detect twice: in a box, and then around what was found there. The window is turned by
   * the roll and by quarters from it, until an answer is beyond doubt.
   *
   * @param {Image} image
   * @param {Box} box
   * @param {number} roll of the face in radians, the likeliest
   * @param {boolean} isKnown whether the face had this roll before
   * @returns {Promise<Detections | null>} null if the answer is doubtful and far from the
   *   roll, or upside down
   */
  async detectConsistently(image, box, roll = 0, isKnown = false) {
    if (!this.anyRoll) {
      const first = await this.detect(image, box);
      return {...(await this.detectAgain(image, first)), landmarks: first};
    }
    const answers = await this.answers(image, box, roll);
    const best = leastDoubtful(answers, this.limit);
    const isGood = best.doubt <= this.limit || isLikely(best, answers[0], roll, isKnown);
    return isGood ? best.detections : null;
  }

  /**
   * @param {Image} image
   * @param {Box} box
   * @param {number} roll
   * @returns {Promise<Answer[]>} answers in turned windows, up to the first beyond doubt
   */
  async answers(image, box, roll) {
    const found = [];
    for (const turn of TURNS) {
      const detections = await this.settle(image, box, roll + turn);
      const doubt = await this.doubt(detections);
      found.push({doubt, detections});
      const isConsistent = detections.inconsistency <= this.config.upright_disagreement;
      if (isConsistent && doubt <= this.limit) break;
    }
    return found;
  }

  /** The largest doubt of an answer beyond doubt. */
  get limit() {
    const {upright_doubt: doubt, upright_disagreement: disagreement} = this.config;
    return this.checkFace ? doubt : disagreement;
  }

  /**
   * @param {Detections} answer
   * @returns {Promise<number>} how far it is from a sure one, in eye distances
   */
  async doubt({crop, landmarks, inconsistency}) {
    if (!crop || !this.checkFace) return inconsistency;
    const check = await this.checkFace.run(crop, applyMatrix(crop.matrix, landmarks));
    const lacking = this.config.turned_face_weight * (1 - check.score);
    return inconsistency + check.landmarkOffset + lacking;
  }

  /**
   * Detect in a turned window, then around the answer until it stays.
   *
   * @param {Image} image
   * @param {Box} box
   * @param {number} roll
   * @returns {Promise<Detections>}
   */
  async settle(image, box, roll) {
    const first = await this.detectIn(this.cut(image, this.window(box, roll)));
    let again = await this.detectAgain(image, first);
    for (let i = 2; i < this.config.max_detections; i++) {
      const isSettled = again.inconsistency <= this.config.upright_disagreement;
      if (!again.crop || isSettled) break;
      again = await this.detectAgain(image, again.landmarks);
    }
    return again;
  }

  /**
   * Detect in the crop around detected landmarks, and compare.
   *
   * @param {Image} image
   * @param {Float32Array} landmarks
   * @returns {Promise<Detections>} the given landmarks if no crop window fits them
   */
  async detectAgain(image, landmarks) {
    const box = boxFromLandmarks(landmarks);
    if (!box.every(Number.isFinite) || box[2] <= box[0] || box[3] <= box[1]) {
      const distances = new Float64Array(NUM_LANDMARKS).fill(Infinity);
      return {landmarks, distances, inconsistency: Infinity, crop: null};
    }
    const crop = this.cropAround(image, landmarks);
    const again = await this.detectIn(crop);
    const distances = relativeDistances(again, landmarks);
    return {landmarks: again, distances, inconsistency: mean(distances), crop};
  }

  /**
   * Track to the next frame, and backward.
   *
   * @param {Crop} previous crop of the previous frame
   * @param {Image} image the next frame
   * @param {Float32Array} start landmarks in pixels of the previous frame
   * @returns {Promise<[Float32Array, Float64Array, Crop]>} landmarks, the cycle errors,
   *   and the crop of the next frame
   */
  async step(previous, image, start) {
    const {matrix} = previous;
    const crop = this.cut(image, matrix);
    const startInCrop = Float32Array.from(applyMatrix(matrix, start));
    const found = await this.trackInCrop(crop, startInCrop, "track");
    const returned = await this.trackInCrop(previous, found, "check");
    return [toImage(found, matrix), relativeDistances(returned, startInCrop), crop];
  }

  /**
   * @param {Crop} previous crop of the previous frame
   * @param {Crop} crop of the next frame, with the same window
   * @param {Float32Array} start landmarks in pixels of the previous frame
   * @param {TrackingConfig} config settings of optical flow
   * @returns {Float32Array} landmarks of the next frame, NaN if not found
   */
  flowLandmarks(previous, crop, start, config) {
    const stop = this.timer("flow");
    const {matrix, size} = previous;
    const plane = {width: size, height: size};
    const moved = flowLandmarks(
      {...plane, data: previous.gray},
      {...plane, data: crop.gray},
      applyMatrix(matrix, start),
      flowSettings(config, size),
    );
    const landmarks = toImage(moved, matrix);
    stop();
    return landmarks;
  }

  /**
   * @param {Crop} crop
   * @returns {Promise<Float32Array>} the detector's landmarks in pixels of the crop
   */
  async detectInCrop(crop) {
    const stop = this.timer("detect");
    const {landmarks} = await this.detector.run({frames: crop.pixels});
    stop();
    return landmarks;
  }

  /**
   * @param {Crop} crop
   * @param {Float32Array} start in pixels of the crop
   * @param {import("../stages.js").Stage} stage
   * @returns {Promise<Float32Array>} the tracker's landmarks in pixels of the crop
   */
  async trackInCrop(crop, start, stage = "track") {
    const stop = this.timer(stage);
    const {landmarks} = await this.tracker.run({frames: crop.pixels, start});
    stop();
    return landmarks;
  }
}

/**
 * @param {LiteRTModel} model
 * @param {Record<string, number[]>} inputs
 */
function check(model, inputs) {
  const received = JSON.stringify(Object.fromEntries([...model.inputs].sort()));
  const expected = JSON.stringify(Object.fromEntries(Object.entries(inputs).sort()));
  if (received !== expected) {
    throw new Error(`${model.name} must have the inputs ${expected}, not ${received}.`);
  }
}
