/** The iBUG-68 markup, exported from `strrn_tf/landmarks.py`. */

import exported from "./exported.js";

/** @type {number} */
export const NUM_LANDMARKS = exported.landmarks.NUM_LANDMARKS;
/** @type {Record<string, number[]>} */
export const REGIONS = exported.landmarks.REGIONS;
/** @type {Record<string, number[]>} */
export const COMPONENTS = exported.landmarks.COMPONENTS;
/** @type {number[]} left and right in the picture */
export const OUTER_EYE_CORNERS = exported.landmarks.OUTER_EYE_CORNERS;
/** @type {[number[], boolean][]} indices of a line, and whether it is closed */
export const CONTOURS = /** @type {any} */ (exported.landmarks.CONTOURS);
