/** The thresholds of `strrn_tf.tracking.config.TrackingConfig`, by the same names. */

import {TRACKING_CONFIG} from "../constants.js";

/** @typedef {typeof TRACKING_CONFIG} TrackingConfig */

/**
 * @param {Partial<TrackingConfig>} [changes] fields that differ from Python's defaults
 * @returns {Readonly<TrackingConfig>}
 * @throws {RangeError} a field is unknown or no number
 */
export function trackingConfig(changes = {}) {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in TRACKING_CONFIG) || !Number.isFinite(value) || value < 0) {
      throw new RangeError(
        `\`${name}\` must be a field of TrackingConfig and a number from 0. ` +
          `Received: ${value}`,
      );
    }
  }
  return Object.freeze({...TRACKING_CONFIG, ...changes});
}
