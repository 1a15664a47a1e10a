/** `FaceTracker`: 68 landmarks of faces in images and in video. */

import {FINDER} from "../constants.js";
import {faceSize, mean} from "../geometry.js";
import {
  checkBox,
  checkImage,
  checkLandmarks,
  checkMaxFaces,
  checkSize,
} from "../validation.js";
import {trackingConfig} from "./config.js";
import {LandmarkConfidence} from "./confidence/landmark_confidence.js";
import {MtcnnFinder} from "./face_detection/box_finder.js";
import {FaceCheck} from "./face_detection/face_check.js";
import {FaceFinder} from "./face_detection/face_finder.js";
import {Network} from "./face_detection/mtcnn/networks.js";
import {FaceNetworks} from "./networks/face_networks.js";
import {loadRuntime} from "./networks/litert.js";
import {fetchFrom, loadFolder} from "./networks/model_folder.js";
import {Reliability} from "./confidence/reliability.js";
import {Smoother} from "./smoothing.js";
import {noTimer} from "./stages.js";
import {FrameClock} from "./track.js";
import {Tracks} from "./tracks.js";

/** @typedef {import("../geometry.js").Box} Box */
/** @typedef {import("../geometry.js").FoundBox} FoundBox */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./face.js").Face} Face */
/** @typedef {import("./networks/crop.js").Image} Image */
/** @typedef {import("./networks/model_folder.js").ReadFile} ReadFile */
/** @typedef {(image: Image) => Promise<FoundBox[]>} Finder finds face boxes */

/**
 * @typedef {object} Options
 * @property {number} [maxFaces] how many faces `update` follows when it finds them
 *   itself, the largest first; 1 if it is not given
 * @property {Partial<TrackingConfig>} [config] thresholds that differ from Python's
 * @property {boolean} [anyRoll] find and follow faces at any angle; otherwise as the
 *   model says
 * @property {boolean} [smooth] remove jitter from what `update` returns
 * @property {boolean} [checkFaces] lose what MTCNN's last network takes for no face
 * @property {Finder} [finder] in place of MTCNN
 * @property {import("./stages.js").StageTimer} [timer] of the stages
 */

/**
 * @typedef {object} Places addresses of folders
 * @property {string} [wasm] the folder `wasm` of `@litertjs/core`
 * @property {string} [models] the folder with the models
 * @property {string} [mtcnn] the folder with `pnet`, `rnet` and `onet`
 */

/**
 * Landmarks of faces, image by image or through a video.
 *
 * The same as `strrn_tf.FaceTracker`. One call at a time: wait for the answer.
 */
export class FaceTracker {
  /**
   * @param {FaceNetworks} networks
   * @param {FaceFinder} mtcnn
   * @param {Reliability} reliability
   * @param {LandmarkConfidence} judge
   * @param {Options} options
   */
  constructor(networks, mtcnn, reliability, judge, options = {}) {
    const {maxFaces = 1, smooth = true, checkFaces = true, timer = noTimer} = options;
    this.maxFaces = checkMaxFaces(maxFaces);
    this.config = networks.config;
    this.networks = networks;
    this.mtcnn = mtcnn;
    this.timer = timer;
    this.ownFinder = new MtcnnFinder(mtcnn, networks.anyRoll);
    this.finder = options.finder ?? ((image) => this.ownFinder.find(image));
    const faceCheck = checkFaces ? new FaceCheck(mtcnn.refiners.onet, this.config) : null;
    networks.checkFace = faceCheck;
    this.tracks = new Tracks(
      networks,
      reliability,
      faceCheck,
      this.config,
      judge,
    );
    this.smoother = smooth ? new Smoother(this.config) : null;
    this.clock = new FrameClock();
    this.lastSearch = -Infinity;
    /** @type {[number, number] | null} */
    this.frameSize = null;
    this.isBusy = false;
  }

  /**
   * Load a model by its name from a server.
   *
   * @param {string} name such as "strrn-mdm"
   * @param {Options & Places} options
   * @returns {Promise<FaceTracker>}
   */
  static async fromPretrained(name, options = {}) {
    const {wasm = "wasm/", models = "models/", mtcnn = "models/mtcnn/"} = options;
    const folder = fetchFrom(`${models.replace(/\/?$/, "/")}${name}`);
    const finder = fetchFrom(mtcnn);
    return FaceTracker.fromFiles(name, folder, finder, loadRuntime(wasm), options);
  }

  /**
   * @param {string} name of the model, for messages
   * @param {ReadFile} readModel reads `model.json`, `detector.tflite`, `tracker.tflite`
   * @param {ReadFile} readFinder reads `pnet.tflite`, `rnet.tflite`, `onet.tflite`
   * @param {Promise<void>} runtime LiteRT, see `loadRuntime`
   * @param {Options} options
   * @returns {Promise<FaceTracker>}
   */
  static async fromFiles(name, readModel, readFinder, runtime, options = {}) {
    checkMaxFaces(options.maxFaces ?? 1);
    const config = trackingConfig(options.config);
    const names = ["pnet.tflite", "rnet.tflite", "onet.tflite"];
    const [folder, [pnet, rnet, onet]] = await Promise.all([
      loadFolder(readModel, name),
      Promise.all(names.map(readFinder)),
      runtime,
    ]);
    const networks = await FaceNetworks.open(
      folder,
      config,
      options.anyRoll,
      options.timer,
    );
    const finder = new FaceFinder(
      pnet,
      await Network.refiner(rnet, "rnet.tflite", FINDER.RNET_SIDE),
      await Network.refiner(onet, "onet.tflite", FINDER.ONET_SIDE),
      config.finder_min_face_fraction,
    );
    const reliability = new Reliability(folder.description.reliability);
    const judge = new LandmarkConfidence(folder.description.landmark_confidence);
    return new FaceTracker(networks, finder, reliability, judge, options);
  }

  /** Forget all faces, e.g. before another video. Numbering starts at 0 again. */
  reset() {
    this.forget();
    this.tracks.reset();
    this.ownFinder.reset();
    this.clock = new FrameClock();
    this.frameSize = null;
  }

  /**
   * @param {Image} image
   * @param {Box} box the tight box of the face's landmarks, brows to chin
   * @returns {Promise<Float32Array>} the landmarks of the face in a box
   */
  async align(image, box) {
    checkImage(image);
    return this.networks.detect(image, checkBox(box, image));
  }

  /**
   * Track one face from a frame to the next, and backward.
   *
   * @param {Image} previousFrame
   * @param {Image} frame of the same size
   * @param {Float32Array} previousLandmarks in pixels of `previousFrame`
   * @returns {Promise<[Float32Array, number]>} landmarks in `frame`, and the cycle error
   * @throws {RangeError} an argument breaks these rules
   */
  async step(previousFrame, frame, previousLandmarks) {
    checkImage(previousFrame);
    checkImage(frame);
    checkSize(frame, [previousFrame.width, previousFrame.height]);
    checkLandmarks(previousLandmarks);
    const crop = this.networks.cropAround(previousFrame, previousLandmarks);
    const [landmarks, errors] = await this.networks.step(crop, frame, previousLandmarks);
    return [landmarks, mean(errors)];
  }

  /**
   * Take the next frame of a video.
   *
   * @param {Image} frame all of one size until `reset`
   * @param {number | null} timestamp in seconds
   * @param {Box[] | null} boxes face boxes of this frame; with boxes no finder runs
   * @returns {Promise<Face[]>} one for every track, also for lost ones while they may
   *   come back, in the order of ids
   * @throws {RangeError} an argument breaks these rules
   * @throws {Error} the call before has not answered yet
   */
  async update(frame, timestamp = null, boxes = null) {
    checkImage(frame);
    if (this.frameSize) checkSize(frame, this.frameSize);
    if (timestamp !== null && !Number.isFinite(timestamp)) {
      throw new RangeError(
        `\`timestamp\` must be a finite number of seconds. Received: ${timestamp}`,
      );
    }
    boxes?.forEach((box) => checkBox(box, frame));
    // Two calls at once would mix their frames in the same tracks.
    if (this.isBusy) throw new Error("One call at a time: `await` the one before.");
    this.isBusy = true;
    try {
      return await this.next(frame, timestamp, boxes);
    } finally {
      this.isBusy = false;
    }
  }

  /**
   * @param {Image} frame
   * @param {number | null} timestamp
   * @param {Box[] | null} boxes
   * @returns {Promise<Face[]>} as of `update`, whose arguments these are
   */
  async next(frame, timestamp, boxes) {
    this.frameSize = [frame.width, frame.height];
    this.clock = this.clock.after(timestamp, this.config);
    if (this.clock.isRestart) this.forget();
    const timed = {image: frame, clock: this.clock.seconds, timestamp};
    await this.tracks.track(timed);
    if (boxes) {
      await this.tracks.detect(timed, boxes);
    } else if (this.isSearchDue()) {
      const stop = this.timer("find");
      const found = await this.finder(frame);
      stop();
      found.sort((a, b) => faceSize(b) - faceSize(a));
      this.lastSearch = this.clock.seconds;
      await this.tracks.detect(timed, found, this.maxFaces, true);
    }
    const faces = this.tracks.settle(timed);
    if (!this.smoother) return faces;
    const stop = this.timer("smooth");
    const smoothed = this.smoother.smooth(faces, this.clock.seconds);
    stop();
    return smoothed;
  }

  /** Forget all faces; numbering goes on, and faces are searched for at once. */
  forget() {
    this.tracks.forget();
    this.smoother?.reset();
    this.lastSearch = -Infinity;
  }

  /** @returns {boolean} whether faces are searched for in this frame */
  isSearchDue() {
    const wanted = this.tracks.needsSearch;
    if (this.tracks.numSeen >= this.maxFaces && !wanted) return false;
    const {redetect_interval, search_interval} = this.config;
    const interval = wanted ? redetect_interval : search_interval;
    // Timestamps are rounded: a frame that is due must not wait for the next.
    return this.clock.seconds - this.lastSearch >= interval - 1e-3;
  }

  /** Free the memory of all networks. */
  delete() {
    this.networks.delete();
    this.mtcnn.delete();
    for (const network of Object.values(this.mtcnn.refiners)) network.delete();
  }
}
