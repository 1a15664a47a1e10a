/** Numbers of Python, which `make web` exports: none is written twice. */

import exported from "./exported.js";

export const {
  ATTEMPTS,
  EYE_DISTANCE_FLOOR,
  CROP_SIZE,
  SHRINK_BELOW,
  TURNS,
} = exported.constants;
export const LANDMARK_CONFIDENCE = exported.constants.LANDMARK_CONFIDENCE;
export const VISIBILITY = exported.constants.VISIBILITY;
export const RELIABILITY = exported.constants.RELIABILITY;
export const FACE_BOXES = exported.constants.FACE_BOXES;
export const CSV_DECIMALS = exported.csv.DECIMALS;
export const FINDER = exported.constants.FINDER;
export const TRACKING_CONFIG = exported.tracking_config;
