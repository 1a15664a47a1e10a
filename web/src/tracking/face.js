/** One face in one frame, as the tracker reports it. */

/** @typedef {"detected" | "tracked" | "lost"} FaceState */

/**
 * The fields are those of `strrn_tf.tracking.face.Face`; see there.
 *
 * @typedef {object} Face
 * @property {number} id of the track; it stays the same while the face is followed
 * @property {Float32Array} landmarks 68 points x, y, ... in pixels of the frame, from
 *   0, integers being pixel centres; NaN when lost
 * @property {import("../geometry.js").Box} box tight box of the landmarks; when lost,
 *   of the last ones
 * @property {number} reliability probability that the mean error of the landmarks is
 *   below 5 % of the eye distance; 0 when lost
 * @property {number} cycleError fraction of the eye distance; NaN when detected
 * @property {FaceState} state
 * @property {number | null} timestamp the argument of `update`
 * @property {number} disagreement fraction of the eye distance; NaN when lost
 * @property {number} faceScore probability of a face at the last check; NaN when lost
 * @property {import("./confidence/evidence.js").Evidence} evidence for and against single
 *   landmarks
 * @property {Float32Array} landmarkConfidence probability of each landmark to be within
 *   5 % of the eye distance of its true place; 0 when lost
 * @property {number} landmarkOffset fraction of the eye distance; NaN when lost
 */

export {};
