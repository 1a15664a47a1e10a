/**
 * Optical flow of landmarks: pyramidal Lucas-Kanade in OpenCV's fixed-point arithmetic.
 *
 * After `cv::calcOpticalFlowPyrLK`: Scharr derivatives, windows in units of 1/32 grey
 * level, borders that are mirrored without the edge.
 */

import {CROP_SIZE} from "../constants.js";

/**
 * @typedef {object} FlowSettings
 * @property {number} window side in pixels of the compared neighbourhood, odd
 * @property {number} levels of the image pyramid
 * @property {number} iterations largest number on each level
 * @property {number} precision pixels; iteration stops after a smaller step
 */

/**
 * @typedef {object} Plane
 * @property {Uint8Array} data
 * @property {number} width
 * @property {number} height
 */

const WEIGHT_BITS = 14;
const GRADIENT_SCALE = 1 / (1 << 20);
// OpenCV's defaults: flatter windows are not searched for, and steps that turn back
// and forth by less than this many pixels are halved and end the search.
const LEAST_EIGENVALUE = 1e-4;
const OSCILLATION = 0.01;
const SMALLEST_DETERMINANT = 1.1920929e-7;

/**
 * @param {import("./config.js").TrackingConfig} config for crops of 315 pixels
 * @param {number} cropSize side of the crops in pixels
 * @returns {FlowSettings} of the live tracker
 */
export function flowSettings(config, cropSize) {
  const scale = cropSize / CROP_SIZE;
  const window = 2 * Math.round((scale * config.flow_window - 1) / 2) + 1;
  return {
    window: Math.max(window, 3),
    levels: config.flow_levels,
    iterations: config.flow_iterations,
    precision: scale * config.flow_precision,
  };
}

/**
 * @param {Plane} previous grey, the frame of the landmarks
 * @param {Plane} frame grey, the next one, cut by the same crop window
 * @param {ArrayLike<number>} landmarks x, y, ... in pixels of both
 * @param {FlowSettings} settings
 * @returns {Float32Array} landmarks of the next frame; NaN if not found
 */
export function flowLandmarks(previous, frame, landmarks, settings) {
  const before = pyramid(previous, settings.levels);
  const after = pyramid(frame, settings.levels);
  const moved = new Float32Array(landmarks.length);
  const search = new Search(settings);
  for (let level = before.length - 1; level >= 0; level--) {
    search.atLevel(before[level], after[level]);
    for (let i = 0; i < landmarks.length; i += 2) {
      const scale = 1 / (1 << level);
      const isTop = level === before.length - 1;
      const [x, y] = [
        Math.fround(Math.fround(landmarks[i]) * scale),
        Math.fround(Math.fround(landmarks[i + 1]) * scale),
      ];
      const [startX, startY] = isTop ? [x, y] : [2 * moved[i], 2 * moved[i + 1]];
      const isFound = search.find(x, y, startX, startY);
      moved[i] = search.x;
      moved[i + 1] = search.y;
      if (level === 0 && !isFound) moved.fill(NaN, i, i + 2);
    }
  }
  return moved;
}

/** The search for one landmark after another on one level of the pyramid. */
class Search {
  /** @param {FlowSettings} settings */
  constructor(settings) {
    this.settings = settings;
    const count = settings.window ** 2;
    this.values = new Int16Array(count);
    this.gradientX = new Int16Array(count);
    this.gradientY = new Int16Array(count);
    this.dx = new Int32Array((settings.window + 1) ** 2);
    this.dy = new Int32Array((settings.window + 1) ** 2);
    this.half = (settings.window - 1) / 2;
    /** Result of `find`. */
    this.x = 0;
    this.y = 0;
  }

  /**
   * @param {Plane} before
   * @param {Plane} after
   */
  atLevel(before, after) {
    this.before = before;
    this.after = after;
    const side = this.settings.window + 3;
    this.patch = new Int32Array(side * side);
  }

  /**
   * @param {number} x of the landmark
   * @param {number} y
   * @param {number} startX where the search begins in the next frame
   * @param {number} startY
   * @returns {boolean} whether it is found; `x` and `y` have the place
   */
  find(x, y, startX, startY) {
    const {half, settings} = this;
    const before = /** @type {Plane} */ (this.before);
    const after = /** @type {Plane} */ (this.after);
    [this.x, this.y] = [startX, startY];
    const [left, top] = [Math.fround(x - half), Math.fround(y - half)];
    const [ix, iy] = [Math.floor(left), Math.floor(top)];
    if (!isNear(ix, iy, before, settings.window)) return false;
    const [a11, a12, a22] = this.readWindow(before, left - ix, top - iy, ix, iy);
    const determinant = a11 * a22 - a12 * a12;
    const spread = Math.sqrt((a11 - a22) ** 2 + 4 * a12 * a12);
    const least = (a22 + a11 - spread) / (2 * settings.window ** 2);
    if (least < LEAST_EIGENVALUE || determinant < SMALLEST_DETERMINANT) return false;
    let [nextX, nextY] = [startX - half, startY - half];
    let [lastX, lastY] = [0, 0];
    for (let i = 0; i < settings.iterations; i++) {
      const [jx, jy] = [Math.floor(nextX), Math.floor(nextY)];
      if (!isNear(jx, jy, after, settings.window)) return false;
      const [b1, b2] = this.compare(after, nextX - jx, nextY - jy, jx, jy);
      const dx = (a12 * b2 - a22 * b1) / determinant;
      const dy = (a12 * b1 - a11 * b2) / determinant;
      nextX += dx;
      nextY += dy;
      [this.x, this.y] = [nextX + half, nextY + half];
      if (dx * dx + dy * dy <= settings.precision ** 2) break;
      const turns =
        Math.abs(dx + lastX) < OSCILLATION && Math.abs(dy + lastY) < OSCILLATION;
      if (i > 0 && turns) {
        this.x -= dx / 2;
        this.y -= dy / 2;
        break;
      }
      [lastX, lastY] = [dx, dy];
    }
    const end = [Math.floor(this.x - half), Math.floor(this.y - half)];
    return isNear(end[0], end[1], after, settings.window);
  }

  /**
   * Read the window of a landmark and its gradients.
   *
   * @param {Plane} plane
   * @param {number} shareX
   * @param {number} shareY
   * @param {number} ix
   * @param {number} iy
   * @returns {[number, number, number]} the products of the gradients, summed
   */
  readWindow(plane, shareX, shareY, ix, iy) {
    const {window} = this.settings;
    const {values, gradientX, gradientY} = this;
    const [w00, w01, w10, w11] = weights(shareX, shareY);
    const side = window + 3;
    const patch = this.readPatch(plane, ix - 1, iy - 1, side);
    const width = window + 1;
    const {dx, dy} = this;
    for (let r = 0, at = 0; r < width; r++) {
      for (let c = 0; c < width; c++, at++) {
        // Outside of the image OpenCV's gradients are zero.
        const px = ix + c;
        const py = iy + r;
        const isOutside = px < 0 || py < 0 || px >= plane.width || py >= plane.height;
        const i = r * side + c;
        const p = i + side;
        const q = p + side;
        if (isOutside) {
          dx[at] = 0;
          dy[at] = 0;
          continue;
        }
        dx[at] =
          3 * (patch[i + 2] - patch[i] + patch[q + 2] - patch[q]) +
          10 * (patch[p + 2] - patch[p]);
        dy[at] =
          3 * (patch[q] - patch[i] + patch[q + 2] - patch[i + 2]) +
          10 * (patch[q + 1] - patch[i + 1]);
      }
    }
    const round = 1 << (WEIGHT_BITS - 6);
    const gradientRound = 1 << (WEIGHT_BITS - 1);
    let a11 = 0;
    let a12 = 0;
    let a22 = 0;
    for (let r = 0, at = 0; r < window; r++) {
      for (let c = 0; c < window; c++, at++) {
        const i = (r + 1) * side + c + 1;
        const g = r * width + c;
        values[at] =
          (patch[i] * w00 +
            patch[i + 1] * w01 +
            patch[i + side] * w10 +
            patch[i + side + 1] * w11 +
            round) >>
          (WEIGHT_BITS - 5);
        const h = g + width;
        const k = h + 1;
        const x =
          (dx[g] * w00 + dx[g + 1] * w01 + dx[h] * w10 + dx[k] * w11 + gradientRound) >>
          WEIGHT_BITS;
        const y =
          (dy[g] * w00 + dy[g + 1] * w01 + dy[h] * w10 + dy[k] * w11 + gradientRound) >>
          WEIGHT_BITS;
        gradientX[at] = x;
        gradientY[at] = y;
        a11 += x * x;
        a12 += x * y;
        a22 += y * y;
      }
    }
    return [a11 * GRADIENT_SCALE, a12 * GRADIENT_SCALE, a22 * GRADIENT_SCALE];
  }

  /**
   * @param {Plane} plane the next frame
   * @param {number} shareX
   * @param {number} shareY
   * @param {number} jx
   * @param {number} jy
   * @returns {[number, number]} differences times gradients, summed
   */
  compare(plane, shareX, shareY, jx, jy) {
    const {window} = this.settings;
    const {values, gradientX, gradientY} = this;
    const [w00, w01, w10, w11] = weights(shareX, shareY);
    const side = window + 1;
    const patch = this.readPatch(plane, jx, jy, side);
    const round = 1 << (WEIGHT_BITS - 6);
    let b1 = 0;
    let b2 = 0;
    for (let r = 0, at = 0; r < window; r++) {
      for (let c = 0, i = r * side; c < window; c++, at++, i++) {
        const value =
          (patch[i] * w00 +
            patch[i + 1] * w01 +
            patch[i + side] * w10 +
            patch[i + side + 1] * w11 +
            round) >>
          (WEIGHT_BITS - 5);
        const difference = value - values[at];
        b1 += difference * gradientX[at];
        b2 += difference * gradientY[at];
      }
    }
    return [b1 * GRADIENT_SCALE, b2 * GRADIENT_SCALE];
  }

  /**
   * @param {Plane} plane
   * @param {number} x0 first column; may be outside
   * @param {number} y0 first row; may be outside
   * @param {number} side
   * @returns {Int32Array} (side, side), mirrored at the borders
   */
  readPatch({data, width, height}, x0, y0, side) {
    const patch = /** @type {Int32Array} */ (this.patch);
    const isInside = x0 >= 0 && y0 >= 0 && x0 + side <= width && y0 + side <= height;
    for (let r = 0, at = 0; r < side; r++) {
      const row = isInside ? y0 + r : mirrored(y0 + r, height);
      const start = row * width;
      if (isInside) {
        for (let i = start + x0; i < start + x0 + side; i++, at++) patch[at] = data[i];
      } else {
        for (let c = 0; c < side; c++, at++) {
          patch[at] = data[start + mirrored(x0 + c, width)];
        }
      }
    }
    return patch;
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {Plane} plane
 * @param {number} window
 * @returns {boolean} whether a window that begins there touches the plane
 */
function isNear(x, y, plane, window) {
  return x >= -window && x < plane.width && y >= -window && y < plane.height;
}

/**
 * @param {number} x share of a pixel
 * @param {number} y share of a pixel
 * @returns {[number, number, number, number]} of the four pixels around a point
 */
function weights(x, y) {
  const one = 1 << WEIGHT_BITS;
  const w00 = Math.round((1 - x) * (1 - y) * one);
  const w01 = Math.round(x * (1 - y) * one);
  const w10 = Math.round((1 - x) * y * one);
  return [w00, w01, w10, one - w00 - w01 - w10];
}

/**
 * @param {number} i
 * @param {number} length
 * @returns {number} an index inside, mirrored without repeating the edge
 */
function mirrored(i, length) {
  if (length === 1) return 0;
  while (i < 0 || i >= length) i = i < 0 ? -i : 2 * (length - 1) - i;
  return i;
}

/** @type {WeakMap<Uint8Array, Plane[]>} */
const pyramids = new WeakMap();

/**
 * @param {Plane} plane
 * @param {number} levels
 * @returns {Plane[]} the plane and smaller ones
 */
function pyramid(plane, levels) {
  // The next frame of one step is the previous one of the next.
  const known = pyramids.get(plane.data);
  if (known?.length === levels) return known;
  const planes = [plane];
  pyramids.set(plane.data, planes);
  while (planes.length < levels) planes.push(pyrDown(planes[planes.length - 1]));
  return planes;
}

/**
 * @param {Plane} plane
 * @returns {Plane} smoothed by 1, 4, 6, 4, 1 and of half the size
 */
export function pyrDown({data, width, height}) {
  const w = (width + 1) >> 1;
  const h = (height + 1) >> 1;
  const rows = new Int32Array(height * w);
  for (let r = 0, at = 0; r < height; r++) {
    const start = r * width;
    for (let c = 0; c < w; c++, at++) {
      const x = 2 * c;
      const isInside = x >= 2 && x + 2 < width;
      const p = isInside ? x - 2 : mirrored(x - 2, width);
      const q = isInside ? x - 1 : mirrored(x - 1, width);
      const s = isInside ? x + 1 : mirrored(x + 1, width);
      const t = isInside ? x + 2 : mirrored(x + 2, width);
      rows[at] =
        data[start + p] +
        data[start + t] +
        4 * (data[start + q] + data[start + s]) +
        6 * data[start + x];
    }
  }
  const small = new Uint8Array(w * h);
  for (let r = 0, at = 0; r < h; r++) {
    const [p, q, y, s, t] = [-2, -1, 0, 1, 2].map((i) => w * mirrored(2 * r + i, height));
    for (let c = 0; c < w; c++, at++) {
      const sum =
        rows[p + c] + rows[t + c] + 4 * (rows[q + c] + rows[s + c]) + 6 * rows[y + c];
      small[at] = (sum + 128) >> 8;
    }
  }
  return {data: small, width: w, height: h};
}
