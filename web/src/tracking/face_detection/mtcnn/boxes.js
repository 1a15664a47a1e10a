/** Box arithmetic of the MTCNN cascade, with the rules of the `mtcnn` package. */

import {FINDER} from "../../../constants.js";

/** @typedef {import("../../../geometry.js").Box} Box */

/**
 * @typedef {object} Pixels an image of numbers, RGB
 * @property {Float32Array} data rows, columns, 3
 * @property {number} width
 * @property {number} height
 */

/**
 * @param {number} height rows of the image
 * @param {number} width columns of the image
 * @param {number} minFace side in pixels of the smallest face to be found
 * @returns {number[]} scales at which the proposal network sees an image
 */
export function pyramidScales(height, width, minFace) {
  const {CELL, SMALLEST_FACE, PYRAMID_STEP} = FINDER;
  const first = Math.log(minFace / SMALLEST_FACE) / -Math.log(PYRAMID_STEP);
  const scales = [];
  for (let rung = Math.floor(first); ; rung++) {
    const scale = (CELL / SMALLEST_FACE) * PYRAMID_STEP ** rung;
    if (Math.trunc(Math.min(height, width) * scale) < CELL) return scales;
    scales.push(scale);
  }
}

/**
 * @param {number} side of an image in pixels
 * @returns {number} windows of the proposal network along that side; its pooling pads
 */
export function windowsAlong(side) {
  const {CELL, STRIDE} = FINDER;
  return Math.ceil((side - CELL) / STRIDE) + 1;
}

/**
 * @param {Float32Array} output (rows, columns, 5) of the proposal network
 * @param {number} columns
 * @param {number} scale of the image it saw
 * @param {number} threshold logit
 * @returns {{boxes: Box[], scores: number[]}} of the windows above the threshold
 */
export function windowBoxes(output, columns, scale, threshold) {
  const {CELL, STRIDE} = FINDER;
  /** @type {Box[]} */
  const boxes = [];
  const scores = [];
  for (let i = 0, at = 0; at < output.length; i++, at += 5) {
    if (!(output[at + 4] > threshold)) continue;
    const x = STRIDE * (i % columns);
    const y = STRIDE * Math.floor(i / columns);
    // The package (as the MATLAB original) lets a window start one pixel late.
    const window = [x + 1, y + 1, x + CELL, y + CELL];
    const [x0, y0, x1, y1] = window.map(
      (side, j) => (side + output[at + j] * (CELL - 1)) / scale,
    );
    boxes.push([x0, y0, x1, y1]);
    scores.push(output[at + 4]);
  }
  return {boxes, scores};
}

/**
 * A box is suppressed when any better-scored box overlaps it, even a suppressed one.
 *
 * @param {Box[]} boxes
 * @param {ArrayLike<number>} scores
 * @param {number} threshold overlap above which the worse box is suppressed
 * @param {boolean} smaller measure against the smaller box, not the union
 * @returns {number[]} indices of the boxes that are kept, best score first
 */
export function suppress(boxes, scores, threshold, smaller = false) {
  const order = boxes.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  return order.filter((i, place) => {
    for (let j = 0; j < place; j++) {
      if (overlapOf(boxes[order[j]], boxes[i], smaller) > threshold) return false;
    }
    return true;
  });
}

/**
 * @param {Box} a
 * @param {Box} b
 * @param {boolean} smaller
 * @returns {number} intersection over union or over the smaller box
 */
function overlapOf(a, b, smaller) {
  const width = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const height = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  const shared = width * height;
  const areaA = (a[2] - a[0]) * (a[3] - a[1]);
  const areaB = (b[2] - b[0]) * (b[3] - b[1]);
  return shared / (smaller ? Math.min(areaA, areaB) : areaA + areaB - shared);
}

/**
 * @param {Box} box
 * @param {ArrayLike<number>} offsets of its sides, in widths and heights
 * @returns {Box} with moved sides; width and height count pixels
 */
export function calibrate(box, offsets) {
  const [width, height] = [box[2] - box[0] + 1, box[3] - box[1] + 1];
  return [
    box[0] + offsets[0] * width,
    box[1] + offsets[1] * height,
    box[2] + offsets[2] * width,
    box[3] + offsets[3] * height,
  ];
}

/**
 * The origin is one pixel before the corner: the networks learnt 1-based boxes.
 *
 * @param {Box} box square
 * @param {ArrayLike<number>} shares ten, x first then y
 * @returns {Float64Array} five points x, y, ...
 */
export function placePoints(box, shares) {
  const [width, height] = [box[2] - box[0] + 1, box[3] - box[1] + 1];
  const points = new Float64Array(10);
  for (let i = 0; i < 5; i++) {
    points[2 * i] = box[0] - 1 + width * shares[i];
    points[2 * i + 1] = box[1] - 1 + height * shares[i + 5];
  }
  return points;
}

/**
 * @param {Box} box
 * @returns {Box} grown to a square of its longer side about the same centre
 */
export function square(box) {
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const half = Math.max(box[2] - box[0], box[3] - box[1]) / 2;
  return [x - half, y - half, x + half, y + half];
}

/**
 * @param {Pixels} image
 * @param {Box} box
 * @param {number} side
 * @param {Float32Array} patch (side, side, 3), filled with bilinear samples; outside
 *   of the image it is mid-grey
 */
export function cutPatch(image, box, side, patch) {
  const xs = sampleLine(box[0], box[2], image.width, side);
  const ys = sampleLine(box[1], box[3], image.height, side);
  const {data, width} = image;
  for (let row = 0, at = 0; row < side; row++) {
    const upper = ys.before[row] * width;
    const yShare = ys.share[row];
    for (let column = 0; column < side; column++) {
      const isInside = ys.inside[row] && xs.inside[column];
      const corner = 3 * (upper + xs.before[column]);
      const xShare = xs.share[column];
      for (let c = 0; c < 3; c++, at++) {
        if (!isInside) {
          patch[at] = FINDER.OUTSIDE;
          continue;
        }
        const p = data[corner + c];
        const q = data[corner + 3 + c];
        const left = p + (data[corner + 3 * width + c] - p) * yShare;
        const right = q + (data[corner + 3 * width + 3 + c] - q) * yShare;
        patch[at] = left + (right - left) * xShare;
      }
    }
  }
}

/**
 * @param {number} start first sample before shrinking
 * @param {number} end last sample before shrinking
 * @param {number} length pixels of the axis
 * @param {number} side number of samples
 * @returns {{before: Int32Array, share: Float32Array, inside: boolean[]}} pixels before
 *   the samples, shares of the pixels after, and whether samples are inside
 */
function sampleLine(start, end, length, side) {
  const first = (start * (length - 1)) / length;
  const last = (end * (length - 1)) / length;
  const before = new Int32Array(side);
  const share = new Float32Array(side);
  const inside = [];
  for (let i = 0; i < side; i++) {
    const at = first + ((last - first) / (side - 1)) * i;
    before[i] = Math.min(Math.max(Math.floor(at), 0), length - 2);
    share[i] = at - before[i];
    inside.push(at >= 0 && at <= length - 1);
  }
  return {before, share, inside};
}
