/** Shrinking by averages over areas, as OpenCV's `INTER_AREA` does it. */

import {roundEven} from "./crop.js";

/** @typedef {import("./crop.js").Image} Image */
/** @typedef {import("../face_detection/mtcnn/boxes.js").Pixels} Pixels */

/**
 * @typedef {object} Parts of one axis: which pixels make a small pixel, by what weights
 * @property {Int32Array} first for every small pixel its first entry; one more at the end
 * @property {Int32Array} source pixel of every entry
 * @property {Float32Array} weight of every entry
 */

/**
 * @param {Image} image a side of an odd length loses its last pixel
 * @returns {Image} of half the size
 */
export function halve(image) {
  const [width, height] = [image.width >> 1, image.height >> 1];
  const small = new Uint8Array(4 * width * height);
  const {data} = image;
  const stride = 4 * image.width;
  for (let row = 0, to = 0; row < height; row++) {
    for (let from = 2 * row * stride, column = 0; column < width; column++, from += 8) {
      for (let c = from; c < from + 4; c++, to++) {
        const below = c + stride;
        small[to] = (data[c] + data[c + 4] + data[below] + data[below + 4] + 2) >> 2;
      }
    }
  }
  return {data: small, width, height};
}

/**
 * @param {Image} image
 * @param {number} width at most that of the image
 * @param {number} height at most that of the image
 * @returns {Image} of this size
 */
export function resizeArea(image, width, height) {
  const data = average(image.data, image.width, image.height, 4, width, height);
  return {data: Uint8Array.from(data, roundEven), width, height};
}

/**
 * @param {Pixels} pixels
 * @param {number} width
 * @param {number} height
 * @returns {Pixels} of this size
 */
export function resizePixels(pixels, width, height) {
  const data = average(pixels.data, pixels.width, pixels.height, 3, width, height);
  return {data, width, height};
}

/**
 * @param {ArrayLike<number>} data rows, columns, channels
 * @param {number} fromWidth
 * @param {number} fromHeight
 * @param {number} channels
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array}
 */
function average(data, fromWidth, fromHeight, channels, width, height) {
  const columns = partsOf(fromWidth, width);
  const rows = partsOf(fromHeight, height);
  const small = new Float32Array(width * height * channels);
  const line = new Float32Array(width * channels);
  let lineRow = -1;
  for (let row = 0; row < height; row++) {
    const start = row * width * channels;
    for (let k = rows.first[row]; k < rows.first[row + 1]; k++) {
      if (rows.source[k] !== lineRow) {
        lineRow = rows.source[k];
        averageRow(data, lineRow * fromWidth * channels, channels, columns, line);
      }
      const weight = rows.weight[k];
      for (let i = 0; i < line.length; i++) small[start + i] += weight * line[i];
    }
  }
  return small;
}

/**
 * @param {ArrayLike<number>} data
 * @param {number} start of the row
 * @param {number} channels
 * @param {Parts} columns
 * @param {Float32Array} line filled with the averages
 */
function averageRow(data, start, channels, columns, line) {
  const {first, source, weight} = columns;
  for (let column = 0, to = 0; column + 1 < first.length; column++) {
    for (let c = 0; c < channels; c++, to++) {
      let sum = 0;
      for (let k = first[column]; k < first[column + 1]; k++) {
        sum += weight[k] * data[start + source[k] * channels + c];
      }
      line[to] = sum;
    }
  }
}

/**
 * @param {number} from pixels
 * @param {number} to pixels, fewer
 * @returns {Parts}
 */
function partsOf(from, to) {
  const scale = from / to;
  // OpenCV leaves out shares of a pixel below this one.
  const least = 1e-3;
  const [source, weight] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  const first = new Int32Array(to + 1);
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * scale, (i + 1) * scale];
    const cell = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1);
    const whole = Math.min(Math.ceil(start), last);
    if (whole - start > least) {
      source.push(whole - 1);
      weight.push((whole - start) / cell);
    }
    for (let j = whole; j < last; j++) {
      source.push(j);
      weight.push(1 / cell);
    }
    if (end - last > least) {
      source.push(last);
      weight.push(Math.min(end - last, 1, cell) / cell);
    }
    first[i + 1] = source.length;
  }
  return {first, source: Int32Array.from(source), weight: Float32Array.from(weight)};
}
