/** Checks of whether a track is still on its face. */

import {
  area,
  boxFromLandmarks,
  boxSides,
  faceSize,
  intersection,
  relativeDistance,
} from "../geometry.js";
import {Visibility} from "./confidence/visibility.js";

/** @typedef {import("../geometry.js").Box} Box */
/** @typedef {import("../geometry.js").Points} Points */
/** @typedef {import("./config.js").TrackingConfig} TrackingConfig */
/** @typedef {import("./face.js").Face} Face */
/** @typedef {import("./face_detection/face_check.js").FaceCheckResult} FaceCheckResult */

/**
 * @param {Points} landmarks in pixels of the image
 * @param {Box | null} previousBox of the frame before
 * @param {{width: number, height: number}} image
 * @param {TrackingConfig} config limits of size and position
 * @returns {boolean} whether landmarks cannot be those of the face in the previous box
 */
export function isDegenerate(landmarks, previousBox, image, config) {
  if (!Array.prototype.every.call(landmarks, Number.isFinite)) return true;
  const box = boxFromLandmarks(landmarks);
  if (faceSize(box) < config.min_face_size || Math.min(...boxSides(box)) <= 0) {
    return true;
  }
  /** @type {Box} */
  const imageBox = [0, 0, image.width - 1, image.height - 1];
  const least = config.min_inside_fraction * area(box);
  if (intersection(box, imageBox) < least) return true;
  if (previousBox === null) return false;
  const sizeChange = Math.log(faceSize(box) / faceSize(previousBox));
  const isApart = intersection(box, previousBox) <= 0;
  return Math.abs(sizeChange) > Math.log(config.max_size_change) || isApart;
}

/**
 * The face check was trained on whole faces. Where it is not sure, the landmarks that
 * look as before decide.
 *
 * @param {FaceCheckResult} check
 * @param {Visibility} visibility compared with the same frame
 * @param {TrackingConfig} config
 * @returns {boolean} whether a tracked face is still one
 */
export function isStillFace(check, visibility, config) {
  if (passesCheck(check, config)) return true;
  const fraction = visibility.visibleFraction(config);
  const isInPlace = check.landmarkOffset <= config.max_landmark_offset;
  const isPossible = isInPlace && check.score >= config.min_face_score;
  if (fraction === null) return isPossible;
  if (isPossible) return fraction >= config.doubtful_visible_fraction;
  return isKnownAgain(visibility, config);
}

/**
 * @param {FaceCheckResult} check
 * @param {TrackingConfig} config
 * @returns {boolean} whether the face check is sure that the landmarks are on a face
 */
export function passesCheck(check, config) {
  const isInPlace = check.landmarkOffset <= config.max_landmark_offset;
  return isInPlace && check.score >= config.confident_face_score;
}

/**
 * @param {Visibility} visibility
 * @param {TrackingConfig} config
 * @returns {boolean} whether most of a face looks as it did before
 */
export function isKnownAgain(visibility, config) {
  const fraction = visibility.visibleFraction(config);
  return fraction !== null && fraction >= config.min_visible_fraction;
}

/**
 * @param {Face} face visible
 * @param {TrackingConfig} config
 * @returns {boolean} whether it is too unreliable to keep unconfirmed; a search does not
 *   find what is hidden in part, nor what the face check doubts, but it is known again
 */
export function needsConfirmation(face, config) {
  if (face.reliability >= config.confirmation_reliability) return false;
  const visibility = new Visibility(null, face.evidence.resemblance);
  if (face.faceScore < config.confident_face_score) {
    return !isKnownAgain(visibility, config);
  }
  return visibility.hidden(config) === null;
}

/**
 * @param {Face} face new
 * @param {TrackingConfig} config
 * @returns {boolean} whether it may start a track beside others
 */
export function isConfident(face, config) {
  return (
    face.faceScore >= config.new_track_face_score &&
    face.reliability >= config.new_track_reliability
  );
}

/**
 * @param {Face} face visible
 * @param {Face} other visible
 * @param {TrackingConfig} config
 * @returns {boolean} whether they are the same one
 */
export function isSameFace(face, other, config) {
  const distance = relativeDistance(face.landmarks, other.landmarks);
  return distance < config.same_face_distance;
}

/**
 * @param {Face} face
 * @param {Face[]} seen all visible faces
 * @param {TrackingConfig} config
 * @returns {boolean} whether one of them is the same one and more reliable, or as
 *   reliable and older
 */
export function hasBetterDuplicate(face, seen, config) {
  return seen.some((other) => {
    const isBetter =
      other.reliability > face.reliability ||
      (other.reliability === face.reliability && other.id < face.id);
    return isBetter && isSameFace(other, face, config);
  });
}
