/** 68-point face tracking in a browser: the live tracker of `strrn` in JavaScript. */

export {FaceTracker} from "./tracking/tracker.js";
export {loadRuntime} from "./tracking/networks/litert.js";
export {fetchFrom} from "./tracking/networks/model_folder.js";
export {trackingConfig} from "./tracking/config.js";
export {CONTOURS, NUM_LANDMARKS} from "./landmarks.js";

/** @typedef {import("./tracking/face.js").Face} Face */
/** @typedef {import("./tracking/tracker.js").Options} Options */
/** @typedef {import("./tracking/networks/crop.js").Image} Image */
