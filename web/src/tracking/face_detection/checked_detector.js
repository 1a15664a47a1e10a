/** Detection of one face in a box, confirmed by a second one and the face check. */

import {ATTEMPTS} from "../../constants.js";
import {applyMatrix, boxFromLandmarks, invertMatrix, movedBox} from "../../geometry.js";
import {UNSEEN} from "../confidence/visibility.js";
import * as trackChecks from "../track_checks.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("../confidence/visibility.js").Visibility} Visibility */
/** @typedef {import("../networks/crop.js").Image} Image */
/** @typedef {import("../networks/face_networks.js").Crop} Crop */
/** @typedef {import("../networks/face_networks.js").FaceNetworks} FaceNetworks */
/** @typedef {import("./face_check.js").FaceCheck} FaceCheck */
/** @typedef {import("./face_check.js").FaceCheckResult} FaceCheckResult */

/**
 * @typedef {object} Detection
 * @property {Float32Array} landmarks in pixels of the image
 * @property {ArrayLike<number>} distances to those of a second detection
 * @property {number} inconsistency their mean
 * @property {Crop} crop of the second detection, cut around `landmarks`
 * @property {FaceCheckResult} check its box in pixels of the image
 */

/** Detects faces in boxes and checks them. */
export class CheckedDetector {
  /**
   * @param {FaceNetworks} networks
   * @param {FaceCheck | null} faceCheck null: everything is a face
   * @param {TrackingConfig} config
   */
  constructor(networks, faceCheck, config) {
    this.networks = networks;
    this.faceCheck = faceCheck;
    this.config = config;
  }

  /** @returns {boolean} */
  get hasFaceCheck() {
    return this.faceCheck !== null;
  }

  /**
   * @param {Crop} crop of the image
   * @param {Float32Array} landmarks in pixels of the image
   * @returns {Promise<FaceCheckResult>} its box in pixels of the image
   */
  async check(crop, landmarks) {
    if (!this.faceCheck) {
      return {score: 1, landmarkOffset: 0, box: boxFromLandmarks(landmarks)};
    }
    const inCrop = applyMatrix(crop.matrix, landmarks);
    const result = await this.faceCheck.run(crop, inCrop);
    return {...result, box: movedBox(result.box, invertMatrix(crop.matrix))};
  }

  /**
   * @param {Image} image
   * @param {Box} box
   * @param {Box | null} previousBox where the face was in the frame before
   * @param {number} minScore least probability of a face
   * @param {number} roll of the face in radians, the likeliest
   * @param {Visibility} visibility of the face before; one that looks the same needs no
   *   face check
   * @param {boolean} isKnown whether the face had this roll before
   * @returns {Promise<Detection | null>} the face in or near a box
   */
  async detect(
    image,
    box,
    previousBox,
    minScore,
    roll = 0,
    visibility = UNSEEN,
    isKnown = false,
  ) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = await this.networks.detectConsistently(image, box, roll, isKnown);
      if (!found) return null;
      const {landmarks, crop} = found;
      if (
        !crop ||
        trackChecks.isDegenerate(landmarks, previousBox, image, this.config)
      ) {
        return null;
      }
      const check = await this.check(crop, landmarks);
      const detection = {...found, crop, check};
      const seen = visibility.compared(crop, landmarks, this.config);
      if (trackChecks.isKnownAgain(seen, this.config)) return detection;
      if (check.score < minScore) return null;
      if (check.landmarkOffset <= this.config.max_landmark_offset) return detection;
      box = check.box;
    }
    return null;
  }
}
