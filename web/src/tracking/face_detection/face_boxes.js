/** Conversion between MTCNN's boxes and face boxes, the tight boxes of landmarks. */

import {FACE_BOXES} from "../../constants.js";
import {rollOfParts} from "../../geometry.js";

/** @typedef {import("../../geometry.js").Box} Box */
/** @typedef {import("../../geometry.js").FoundBox} FoundBox */

const SHIFTS = FACE_BOXES.SIDE_SHIFTS;

/**
 * @param {{box: Box, points: ArrayLike<number>}[]} faces of one image
 * @returns {FoundBox[]} face boxes with the roll by the eyes and mouth corners that MTCNN
 *   sees, of the size of the upright face; faces with an empty box are left out
 */
export function rolledBoxes(faces) {
  const whole = faces.filter(({box}) => box[2] > box[0] && box[3] > box[1]);
  return whole.map(({box, points}) => {
    const [left, right, , ...mouth] = [0, 1, 2, 3, 4].map((i) => [
      points[2 * i],
      points[2 * i + 1],
    ]);
    const middle = [0, 1].map((axis) => (mouth[0][axis] + mouth[1][axis]) / 2);
    const seen = rollOfParts(left, right, middle);
    const roll = Math.abs(seen) <= FACE_BOXES.LARGEST_ROLL ? seen : 0;
    const upright = landmarkBox(box);
    const x = (upright[0] + upright[2] - box[0] - box[2]) / 2;
    const y = (upright[1] + upright[3] - box[1] - box[3]) / 2;
    const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
    const [dx, dy] = [cos * x - sin * y - x, sin * x + cos * y - y];
    const [x0, y0, x1, y1] = upright;
    return [x0 + dx, y0 + dy, x1 + dx, y1 + dy, roll];
  });
}

/**
 * @param {Box} box of MTCNN
 * @returns {Box} the expected face box
 */
export function landmarkBox(box) {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  return [
    box[0] + SHIFTS[0] * width,
    box[1] + SHIFTS[1] * height,
    box[2] + SHIFTS[2] * width,
    box[3] + SHIFTS[3] * height,
  ];
}

/**
 * @param {Box} box face box
 * @returns {Box} the box of MTCNN whose face box it is
 */
export function mtcnnBox(box) {
  const width = (box[2] - box[0]) / (1 + SHIFTS[2] - SHIFTS[0]);
  const height = (box[3] - box[1]) / (1 + SHIFTS[3] - SHIFTS[1]);
  return [
    box[0] - SHIFTS[0] * width,
    box[1] - SHIFTS[1] * height,
    box[2] - SHIFTS[2] * width,
    box[3] - SHIFTS[3] * height,
  ];
}
