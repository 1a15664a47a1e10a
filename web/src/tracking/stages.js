/** The stages of the tracker's work, and the hook that times them. */

/** @typedef {"find"|"crop"|"detect"|"track"|"check"|"flow"|"smooth"} Stage */
/** @typedef {(stage: Stage) => () => void} StageTimer starts a stage; the answer ends it */

const NOTHING = () => {};

/** @type {StageTimer} */
export const noTimer = () => NOTHING;
