/**
 * Cuts the crop of a face out of an image, without aliasing.
 *
 * Samples lie on 1/32 pixel and results are rounded as in OpenCV, so that crops are
 * those of Python, byte by byte.
 */

import {SHRINK_BELOW} from "../../constants.js";
import {applyMatrix, compose, invertMatrix, scaleOf} from "../../geometry.js";
import {halve, resizeArea} from "./resize.js";

/** @typedef {import("../../geometry.js").Matrix} Matrix */

/**
 * @typedef {object} Image eight bits a channel, red, green, blue and one that is not
 *   used, as in `ImageData`
 * @property {Uint8ClampedArray | Uint8Array} data
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} CropPixels
 * @property {Uint8Array} image (S, S, 3) RGB
 * @property {Float32Array} pixels (S, S, 3), the same in [0, 1], the networks' input
 * @property {Uint8Array} gray (S, S), the same without colour
 */

// Coordinates have 10 fractional bits, of which 5 are kept for the weights.
const COORDINATE_BITS = 10;
const WEIGHT_BITS = 5;
const WEIGHT = 1 << WEIGHT_BITS;
const TO_UNIT = Float32Array.from({length: 256}, (_, value) => Math.fround(value / 255));
// Of red, green and blue, in 1/2^15.
const [RED, GREEN, BLUE] = [9798, 19235, 3735];

/**
 * @param {Image} image
 * @param {Matrix} matrix similarity from image to crop pixels
 * @param {number} size side of the crop in pixels
 * @returns {CropPixels} where the window reaches out of the image its border is repeated
 */
export function cut(image, matrix, size) {
  const scale = scaleOf(matrix);
  if (scale < SHRINK_BELOW) [image, matrix] = shrink(image, matrix, size, scale);
  return warp(image, matrix, size);
}

/**
 * @param {Image} image
 * @param {Matrix} matrix from image to crop pixels
 * @param {number} size
 * @returns {CropPixels}
 */
function warp({data, width, height}, matrix, size) {
  const crop = new Uint8Array(size * size * 3);
  const pixels = new Float32Array(size * size * 3);
  const gray = new Uint8Array(size * size);
  const [a, b, c, d, e, f] = invertMatrix(matrix);
  const one = 1 << COORDINATE_BITS;
  const drop = COORDINATE_BITS - WEIGHT_BITS;
  const half = 1 << (drop - 1);
  const [columnX, columnY] = [new Int32Array(size), new Int32Array(size)];
  for (let u = 0; u < size; u++) {
    columnX[u] = roundEven(a * u * one);
    columnY[u] = roundEven(d * u * one);
  }
  const [right, bottom, stride] = [width - 1, height - 1, 4 * width];
  for (let v = 0, at = 0; v < size; v++) {
    const rowX = roundEven((b * v + c) * one) + half;
    const rowY = roundEven((e * v + f) * one) + half;
    for (let u = 0; u < size; u++, at++) {
      const x = (rowX + columnX[u]) >> drop;
      const y = (rowY + columnY[u]) >> drop;
      const wx = x & (WEIGHT - 1);
      const wy = y & (WEIGHT - 1);
      let x0 = x >> WEIGHT_BITS;
      let y0 = y >> WEIGHT_BITS;
      let x1 = x0 + 1;
      let y1 = y0 + 1;
      x0 = x0 < 0 ? 0 : x0 > right ? right : x0;
      x1 = x1 < 0 ? 0 : x1 > right ? right : x1;
      y0 = y0 < 0 ? 0 : y0 > bottom ? bottom : y0;
      y1 = y1 < 0 ? 0 : y1 > bottom ? bottom : y1;
      const i00 = y0 * stride + 4 * x0;
      const i01 = y0 * stride + 4 * x1;
      const i10 = y1 * stride + 4 * x0;
      const i11 = y1 * stride + 4 * x1;
      const w11 = wx * wy;
      const w10 = WEIGHT * wy - w11;
      const w01 = WEIGHT * wx - w11;
      const w00 = WEIGHT * WEIGHT - WEIGHT * wy - w01;
      const red =
        (data[i00] * w00 + data[i01] * w01 + data[i10] * w10 + data[i11] * w11 + 512) >>
        COORDINATE_BITS;
      const green =
        (data[i00 + 1] * w00 +
          data[i01 + 1] * w01 +
          data[i10 + 1] * w10 +
          data[i11 + 1] * w11 +
          512) >>
        COORDINATE_BITS;
      const blue =
        (data[i00 + 2] * w00 +
          data[i01 + 2] * w01 +
          data[i10 + 2] * w10 +
          data[i11 + 2] * w11 +
          512) >>
        COORDINATE_BITS;
      gray[at] = (red * RED + green * GREEN + blue * BLUE + 16384) >> 15;
      const first = 3 * at;
      crop[first] = red;
      crop[first + 1] = green;
      crop[first + 2] = blue;
      pixels[first] = TO_UNIT[red];
      pixels[first + 1] = TO_UNIT[green];
      pixels[first + 2] = TO_UNIT[blue];
    }
  }
  return {image: crop, pixels, gray};
}

/**
 * @param {number} value
 * @returns {number} the nearest whole number; the even one of two
 */
export function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * @param {Image} image
 * @param {Matrix} matrix
 * @param {number} size
 * @param {number} scale of the matrix
 * @returns {[Image, Matrix]} the needed part of the image, shrunk, and the matrix from
 *   there
 */
function shrink(image, matrix, size, scale) {
  [image, matrix] = cutOut(image, matrix, size, scale);
  while (scale <= 0.5 && Math.min(image.width, image.height) > 1) {
    const small = halve(image);
    matrix = compose(
      matrix,
      enlarge(small.width / (2 * small.width), small.height / (2 * small.height)),
    );
    image = small;
    scale *= 2;
  }
  if (scale < SHRINK_BELOW) {
    const width = Math.max(roundEven(image.width * scale), 1);
    const height = Math.max(roundEven(image.height * scale), 1);
    matrix = compose(matrix, enlarge(width / image.width, height / image.height));
    image = resizeArea(image, width, height);
  }
  return [image, matrix];
}

/**
 * Resizing by s maps x to (x + 0.5) s - 0.5.
 *
 * @param {number} x
 * @param {number} y
 * @returns {Matrix} back from an image that is resized by these factors
 */
function enlarge(x, y) {
  return [1 / x, 0, 0.5 / x - 0.5, 0, 1 / y, 0.5 / y - 0.5];
}

/**
 * @param {Image} image
 * @param {Matrix} matrix
 * @param {number} size
 * @param {number} scale
 * @returns {[Image, Matrix]} the part of the image that a crop needs
 */
function cutOut(image, matrix, size, scale) {
  const last = size - 1;
  const corners = applyMatrix(
    invertMatrix(matrix),
    [0, 0, last, 0, 0, last, last, last],
  );
  const [xs, ys] = [0, 1].map((k) => corners.filter((_, i) => i % 2 === k));
  // Two small pixels to spare, so that no inner edge takes part in interpolation.
  const spare = Math.ceil(2 / scale) + 1;
  const [x0, x1] = rangeOf(xs, spare, image.width);
  const [y0, y1] = rangeOf(ys, spare, image.height);
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(4 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 4 * ((y0 + row) * image.width + x0);
    data.set(image.data.subarray(start, start + 4 * width), 4 * row * width);
  }
  return [{data, width, height}, compose(matrix, [1, 0, x0, 0, 1, y0])];
}

/**
 * @param {Float64Array} values
 * @param {number} spare
 * @param {number} limit
 * @returns {[number, number]} first and behind the last pixel, inside the image
 */
function rangeOf(values, spare, limit) {
  const low = Math.floor(Math.min(...values)) - spare;
  const start = Math.min(Math.max(low, 0), limit - 1);
  const high = Math.ceil(Math.max(...values)) + spare + 1;
  return [start, Math.min(Math.max(high, start + 1), limit)];
}
