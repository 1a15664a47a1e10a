/** The face check: MTCNN's last network on the place of the landmarks. */

import {CROP_SIZE, FINDER} from "../../constants.js";
import {
  applyMatrix,
  boxFromLandmarks,
  compose,
  eyeDistance,
  invertMatrix,
  meanDistance,
  meanOf,
  movedBox,
  similarity,
} from "../../geometry.js";
import {OUTER_EYE_CORNERS, REGIONS} from "../../landmarks.js";
import {roundEven} from "../networks/crop.js";
import {landmarkBox, mtcnnBox} from "./face_boxes.js";
import {calibrate, placePoints} from "./mtcnn/boxes.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../../geometry.js").Matrix} Matrix */
/** @typedef {import("../../geometry.js").Points} Points */
/** @typedef {import("../config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("../networks/face_networks.js").Crop} Crop */
/** @typedef {import("./mtcnn/networks.js").Network} Network */

/**
 * @typedef {object} FaceCheckResult
 * @property {number} score probability of a face
 * @property {number} landmarkOffset mean distance between eyes, nose and mouth of the
 *   face that is seen and those of the landmarks, a fraction of the eye distance
 * @property {Box} box face box of the face that is seen, in pixels of the crop
 */

/** Checks whether landmarks are on a face. */
export class FaceCheck {
  /**
   * @param {Network} network `onet`
   * @param {TrackingConfig} config oversampling and largest tilt of the patch
   */
  constructor(network, config) {
    this.network = network;
    this.config = config;
  }

  /**
   * @param {Crop} crop
   * @param {Points} landmarks in its pixels
   * @returns {Promise<FaceCheckResult>}
   */
  async run(crop, landmarks) {
    const side = FINDER.ONET_SIDE;
    const samples = this.oversampling(crop.size);
    const size = side * samples;
    const matrix = patchMatrix(landmarks, size, this.config.face_check_max_tilt);
    const patch = cutPatch(crop, matrix, side, samples);
    const output = await this.network.run(patch);
    const logit = Math.min(Math.max(output[output.length - 1], -50), 50);
    /** @type {Box} */
    const square = [0, 0, size - 1, size - 1];
    const points = placePoints(square, output.subarray(4, 14));
    const own = applyMatrix(matrix, landmarks);
    const seen = landmarkBox(ordered(calibrate(square, output)));
    return {
      score: 1 / (1 + Math.exp(-logit)),
      landmarkOffset: meanDistance(points, fivePoints(own)) / eyeDistance(own),
      box: movedBox(seen, invertMatrix(matrix)),
    };
  }

  /**
   * @param {number} cropSize
   * @returns {number} samples per pixel of the patch; smaller crops need fewer
   */
  oversampling(cropSize) {
    const scale = cropSize / CROP_SIZE;
    return Math.max(roundEven(scale * this.config.face_check_oversampling), 1);
  }
}

/**
 * @param {Points} landmarks
 * @returns {number[]} eye centres, nose tip and mouth corners x, y, ...
 */
export function fivePoints(landmarks) {
  const eyes = [REGIONS.left_eye, REGIONS.right_eye].flatMap((part) =>
    meanOf(landmarks, part),
  );
  const rest = [30, 48, 54].flatMap((i) => [landmarks[2 * i], landmarks[2 * i + 1]]);
  return [...eyes, ...rest];
}

/**
 * @param {Box} box
 * @returns {Box} of at least one pixel; the network's box may be inverted
 */
function ordered([x0, y0, x1, y1]) {
  return [x0, y0, Math.max(x1, x0 + 1), Math.max(y1, y0 + 1)];
}

/**
 * @param {Points} landmarks
 * @param {number} size side of the square in pixels
 * @param {number} maxTilt radians by which a head is turned upright at most
 * @returns {Matrix} to the upright square of MTCNN's box of a face
 */
export function patchMatrix(landmarks, size, maxTilt) {
  const [left, right] = OUTER_EYE_CORNERS;
  const angle = Math.atan2(
    landmarks[2 * right + 1] - landmarks[2 * left + 1],
    landmarks[2 * right] - landmarks[2 * left],
  );
  const tilt = Math.min(Math.max(angle, -maxTilt), maxTilt);
  const upright = similarity(1, -tilt, 0, 0);
  const box = mtcnnBox(boxFromLandmarks(applyMatrix(upright, landmarks)));
  const scale = size / Math.max(box[2] - box[0], box[3] - box[1]);
  const middle = (size - 1) / 2;
  const place = similarity(
    scale,
    0,
    middle - (scale * (box[0] + box[2])) / 2,
    middle - (scale * (box[1] + box[3])) / 2,
  );
  return compose(place, upright);
}

/**
 * Samples on 1/32 pixel, as OpenCV takes them, averaged over squares and rounded.
 *
 * @param {Crop} crop
 * @param {Matrix} matrix from crop to fine pixels
 * @param {number} side of the patch
 * @param {number} samples per pixel of the patch and direction
 * @returns {Float32Array} (side, side, 3) RGB in [0, 255]
 */
function cutPatch(crop, matrix, side, samples) {
  const patch = new Float32Array(side * side * 3);
  const [a, b, c, d, e, f] = invertMatrix(matrix);
  const {image, size} = crop;
  const last = size - 1;
  const fine = side * samples;
  for (let v = 0; v < fine; v++) {
    const row = side * Math.floor(v / samples);
    const rowX = roundEven((b * v + c) * 1024) + 16;
    const rowY = roundEven((e * v + f) * 1024) + 16;
    for (let u = 0; u < fine; u++) {
      const x = (rowX + Math.round(a * u * 1024)) >> 5;
      const y = (rowY + Math.round(d * u * 1024)) >> 5;
      const wx = x & 31;
      const wy = y & 31;
      const x0 = Math.min(Math.max(x >> 5, 0), last);
      const x1 = Math.min(Math.max((x >> 5) + 1, 0), last);
      const y0 = size * Math.min(Math.max(y >> 5, 0), last);
      const y1 = size * Math.min(Math.max((y >> 5) + 1, 0), last);
      const p = 3 * (y0 + x0);
      const q = 3 * (y0 + x1);
      const r = 3 * (y1 + x0);
      const s = 3 * (y1 + x1);
      const to = 3 * (row + Math.floor(u / samples));
      for (let k = 0; k < 3; k++) {
        const upper = 32 * image[p + k] + wx * (image[q + k] - image[p + k]);
        const lower = 32 * image[r + k] + wx * (image[s + k] - image[r + k]);
        patch[to + k] += (32 * upper + wy * (lower - upper) + 512) >> 10;
      }
    }
  }
  // OpenCV rounds means of four up, and others to the even number.
  const round = samples === 2 ? Math.round : roundEven;
  return patch.map((sum) => round(sum / (samples * samples)));
}
