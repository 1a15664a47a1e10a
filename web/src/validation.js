/** What callers may have got wrong, said before anything is computed. */

import {NUM_LANDMARKS} from "./landmarks.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./tracking/networks/crop.js").Image} Image */

/**
 * @param {Image} image
 * @returns {Image}
 * @throws {RangeError}
 */
export function checkImage(image) {
  const {data, width, height} = /** @type {Partial<Image>} */ (image ?? {});
  const isSize = Number.isInteger(width) && Number.isInteger(height);
  const pixels = isSize ? Number(width) * Number(height) : 0;
  if (pixels <= 0 || data?.length !== 4 * pixels) {
    throw new RangeError(
      "an image must have `data` of 4 bytes a pixel, `width` and `height`, as " +
        `ImageData has. Received: ${data?.length} bytes, ${width} x ${height}`,
    );
  }
  return image;
}

/**
 * @param {Image} frame
 * @param {[number, number]} size of the frames before
 * @throws {RangeError}
 */
export function checkSize({width, height}, size) {
  if (size[0] !== width || size[1] !== height) {
    throw new RangeError(
      `\`frame\` must have the size of the frames before, ${size.join(" x ")}. ` +
        `Received: ${width} x ${height}. Call reset() before another video.`,
    );
  }
}

/**
 * @param {Box} box
 * @param {Image} image
 * @returns {Box}
 * @throws {RangeError}
 */
export function checkBox(box, {width, height}) {
  const sides = Array.from(box ?? []);
  const [x0, y0, x1, y1] = sides;
  const isFine = sides.length === 4 && sides.every(Number.isFinite) && x0 < x1 && y0 < y1;
  if (!isFine || x1 < 0 || y1 < 0 || x0 > width - 1 || y0 > height - 1) {
    throw new RangeError(
      "a box must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1, and overlap the image. " +
        `Received: [${sides}]`,
    );
  }
  return box;
}

/**
 * @param {ArrayLike<number>} landmarks
 * @throws {RangeError}
 */
export function checkLandmarks(landmarks) {
  const values = Array.from(landmarks ?? []);
  if (values.length !== 2 * NUM_LANDMARKS || !values.every(Number.isFinite)) {
    throw new RangeError(
      `landmarks must be ${2 * NUM_LANDMARKS} finite numbers x, y, ... ` +
        `Received: ${values.length} numbers`,
    );
  }
}

/**
 * @param {number} maxFaces
 * @returns {number}
 * @throws {RangeError}
 */
export function checkMaxFaces(maxFaces) {
  if (!Number.isInteger(maxFaces) || maxFaces < 1) {
    throw new RangeError(
      `\`maxFaces\` must be a whole number from 1. Received: ${maxFaces}`,
    );
  }
  return maxFaces;
}
