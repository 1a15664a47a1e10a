/**
 * Boxes, similarities and crop windows, as in `strrn_tf/geometry`.
 *
 * Landmarks are one flat array x, y, x, y, ... in pixels, from 0; integers are pixel
 * centres. A box is `[x0, y0, x1, y1]`. A matrix is the six numbers of (2, 3), row by
 * row, from image to crop.
 */

import {EYE_DISTANCE_FLOOR} from "./constants.js";
import {COMPONENTS, OUTER_EYE_CORNERS, REGIONS} from "./landmarks.js";

/** @typedef {ArrayLike<number>} Points flat x, y, ... */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 */
/** @typedef {[number, number, number, number, number?]} FoundBox a box, and the roll in radians where it is known */
/** @typedef {[number, number, number, number, number, number]} Matrix (2, 3) by rows */

/**
 * @param {Points} landmarks
 * @returns {Box} the tight box; NaN where a landmark is
 */
export function boxFromLandmarks(landmarks) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < landmarks.length; i += 2) {
    x0 = Math.min(x0, landmarks[i]);
    x1 = Math.max(x1, landmarks[i]);
    y0 = Math.min(y0, landmarks[i + 1]);
    y1 = Math.max(y1, landmarks[i + 1]);
  }
  return [x0, y0, x1, y1];
}

/**
 * @param {Box} box
 * @returns {[number, number]} width and height
 */
export function boxSides(box) {
  return [box[2] - box[0], box[3] - box[1]];
}

/**
 * @param {FoundBox} box
 * @returns {number} the larger side in pixels
 */
export function faceSize(box) {
  return Math.max(box[2] - box[0], box[3] - box[1]);
}

/**
 * @param {Points} landmarks
 * @param {readonly number[]} part indices
 * @returns {[number, number]} mean of these landmarks
 */
export function meanOf(landmarks, part) {
  let [x, y] = [0, 0];
  for (const i of part) {
    x += landmarks[2 * i];
    y += landmarks[2 * i + 1];
  }
  return [x / part.length, y / part.length];
}

/**
 * @param {Points} landmarks 68 points
 * @returns {number} roll of the face in radians, within pi; positive is clockwise
 */
export function rollAngle(landmarks) {
  const left = meanOf(landmarks, REGIONS.left_eye);
  const right = meanOf(landmarks, REGIONS.right_eye);
  return rollOfParts(left, right, meanOf(landmarks, COMPONENTS.mouth));
}

/**
 * @param {number[]} left centre of the left eye
 * @param {number[]} right of the right eye
 * @param {number[]} mouth
 * @returns {number} roll of the face in radians
 */
export function rollOfParts(left, right, mouth) {
  const across = [right[0] - left[0], right[1] - left[1]];
  const down = [
    mouth[0] - (left[0] + right[0]) / 2,
    mouth[1] - (left[1] + right[1]) / 2,
  ];
  return Math.atan2(across[1] - down[0], across[0] + down[1]);
}

/**
 * @param {Points} landmarks 68 points
 * @returns {[Box, number]} the box of the face turned upright, and its roll
 */
export function uprightBox(landmarks) {
  const roll = rollAngle(landmarks);
  const turn = similarity(1, -roll, 0, 0);
  const box = boxFromLandmarks(applyMatrix(turn, landmarks));
  const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const [x, y] = applyMatrix(invertMatrix(turn), middle);
  const [halfWidth, halfHeight] = [(box[2] - box[0]) / 2, (box[3] - box[1]) / 2];
  return [[x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight], roll];
}

/**
 * @param {Box} box face box in image pixels
 * @param {number} size side of the crop in pixels
 * @param {number} margin side of the window as a multiple of the larger side of the box
 * @param {number} roll of the face, in radians
 * @returns {Matrix} from the image to the crop around the box
 */
export function cropMatrix(box, size, margin, roll = 0) {
  const scale = size / (margin * faceSize(box));
  const [a, b, , d, e] = similarity(scale, -roll, 0, 0);
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const middle = (size - 1) / 2;
  return [a, b, middle - (a * x + b * y), d, e, middle - (d * x + e * y)];
}

/**
 * @param {number} scale
 * @param {number} angle radians; positive turns x towards y
 * @param {number} shiftX
 * @param {number} shiftY
 * @returns {Matrix} that scales, turns, then shifts
 */
export function similarity(scale, angle, shiftX, shiftY) {
  const [cosine, sine] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  return [cosine, -sine, shiftX, sine, cosine, shiftY];
}

/**
 * @param {Matrix} matrix
 * @param {Points} points
 * @returns {Float64Array} the points, moved
 */
export function applyMatrix(matrix, points) {
  const [a, b, c, d, e, f] = matrix;
  const moved = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    moved[i] = a * points[i] + b * points[i + 1] + c;
    moved[i + 1] = d * points[i] + e * points[i + 1] + f;
  }
  return moved;
}

/**
 * @param {Matrix} outer
 * @param {Matrix} inner
 * @returns {Matrix} that maps by `inner` first and by `outer` second
 */
export function compose(outer, inner) {
  const [a, b, c, d, e, f] = outer;
  const [p, q, r, s, t, u] = inner;
  return [
    a * p + b * s,
    a * q + b * t,
    a * r + b * u + c,
    d * p + e * s,
    d * q + e * t,
    d * r + e * u + f,
  ];
}

/**
 * @param {Matrix} matrix
 * @returns {Matrix} the inverse map
 */
export function invertMatrix(matrix) {
  const [a, b, c, d, e, f] = matrix;
  const det = a * e - b * d;
  const [p, q, s, t] = [e / det, -b / det, -d / det, a / det];
  return [p, q, -(p * c + q * f), s, t, -(s * c + t * f)];
}

/**
 * @param {Matrix} matrix
 * @returns {number} by how much lengths grow
 */
export function scaleOf(matrix) {
  return Math.sqrt(Math.abs(matrix[0] * matrix[4] - matrix[1] * matrix[3]));
}

/**
 * @param {Points} landmarks 68 points
 * @returns {number} distance of the outer eye corners, with a floor for profiles
 */
export function eyeDistance(landmarks) {
  const [left, right] = OUTER_EYE_CORNERS;
  const distance = Math.hypot(
    landmarks[2 * right] - landmarks[2 * left],
    landmarks[2 * right + 1] - landmarks[2 * left + 1],
  );
  return Math.max(distance, EYE_DISTANCE_FLOOR * faceSize(boxFromLandmarks(landmarks)));
}

/**
 * @param {Points} landmarks 68 points
 * @param {Points} reference 68 points
 * @returns {number} mean distance of the points over the reference's eye distance
 */
export function relativeDistance(landmarks, reference) {
  return meanDistance(landmarks, reference) / eyeDistance(reference);
}

/**
 * @param {Points} landmarks 68 points
 * @param {Points} reference 68 points
 * @returns {Float64Array} distances of the points over the reference's eye distance
 */
export function relativeDistances(landmarks, reference) {
  const eyes = eyeDistance(reference);
  const apart = new Float64Array(landmarks.length / 2);
  for (let i = 0; i < apart.length; i++) {
    const x = landmarks[2 * i] - reference[2 * i];
    const y = landmarks[2 * i + 1] - reference[2 * i + 1];
    apart[i] = Math.hypot(x, y) / eyes;
  }
  return apart;
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function mean(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/**
 * The sum of the squared distances is least. At least two points must differ.
 *
 * @param {Points} source
 * @param {Points} target
 * @returns {Matrix} the similarity that best maps points to others
 */
export function fitSimilarity(source, target) {
  const all = Array.from({length: source.length / 2}, (_, i) => i);
  const [x, y] = meanOf(source, all);
  const [u, v] = meanOf(target, all);
  let [cosine, sine, square] = [0, 0, 0];
  for (let i = 0; i < source.length; i += 2) {
    const [a, b] = [source[i] - x, source[i + 1] - y];
    const [c, d] = [target[i] - u, target[i + 1] - v];
    cosine += a * c + b * d;
    sine += a * d - b * c;
    square += a * a + b * b;
  }
  [cosine, sine] = [cosine / square, sine / square];
  const shift = [u - (cosine * x - sine * y), v - (sine * x + cosine * y)];
  return [cosine, -sine, shift[0], sine, cosine, shift[1]];
}

/**
 * @param {Points} points
 * @param {Points} others
 * @returns {number} mean distance
 */
export function meanDistance(points, others) {
  let sum = 0;
  for (let i = 0; i < points.length; i += 2) {
    sum += Math.hypot(points[i] - others[i], points[i + 1] - others[i + 1]);
  }
  return sum / (points.length / 2);
}

/**
 * @param {Points} points
 * @param {Matrix} matrix
 * @returns {Float32Array} the points of a crop, in image pixels
 */
export function toImage(points, matrix) {
  return Float32Array.from(applyMatrix(invertMatrix(matrix), points));
}

/**
 * @param {Box} box
 * @param {Matrix} matrix similarity
 * @returns {Box} where the matrix moves it, parallel to the axes
 */
export function movedBox(box, matrix) {
  const middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const [x, y] = applyMatrix(matrix, middle);
  const scale = scaleOf(matrix) / 2;
  const [width, height] = [(box[2] - box[0]) * scale, (box[3] - box[1]) * scale];
  return [x - width, y - height, x + width, y + height];
}

/**
 * @param {Box} box
 * @param {Box} other
 * @returns {number} intersection over union
 */
export function overlap(box, other) {
  const common = intersection(box, other);
  return common / (area(box) + area(other) - common);
}

/**
 * @param {Box} box
 * @param {Box} other
 * @returns {number} the area that both have in common
 */
export function intersection(box, other) {
  const width = Math.min(box[2], other[2]) - Math.max(box[0], other[0]);
  const height = Math.min(box[3], other[3]) - Math.max(box[1], other[1]);
  return Math.max(width, 0) * Math.max(height, 0);
}

/**
 * @param {Box} box
 * @returns {number}
 */
export function area(box) {
  return (box[2] - box[0]) * (box[3] - box[1]);
}
