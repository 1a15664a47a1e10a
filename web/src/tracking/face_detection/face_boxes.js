/** Conversion between MTCNN's boxes and face boxes, the tight boxes of landmarks. */

import {FACE_BOXES} from "../../constants.js";

/** @typedef {import("../../geometry.js").Box} Box */

const SHIFTS = FACE_BOXES.SIDE_SHIFTS;

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
