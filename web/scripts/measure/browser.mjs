/** Chromium on one core, and what both measurements print. */

import {execFileSync} from "node:child_process";
import {readdirSync} from "node:fs";

/**
 * Starts something that shall run on one core.
 *
 * @template T
 * @param {string | undefined} core its number; none: all cores
 * @param {() => Promise<T>} start
 * @returns {Promise<T>}
 */
export async function onCore(core, start) {
  if (core === undefined) return start();
  // Processes inherit the core of the thread that starts them.
  const cores = `0-${readdirSync("/sys/devices/system/cpu").filter(isCore).length - 1}`;
  bind(core);
  try {
    return await start();
  } finally {
    bind(cores);
  }
}

/** @param {string} cores */
function bind(cores) {
  execFileSync("taskset", ["--cpu-list", "--pid", cores, String(process.pid)]);
}

/** @param {string} name @returns {boolean} */
function isCore(name) {
  return /^cpu\d+$/.test(name);
}

/**
 * @param {number[]} values
 * @param {number} share from 0 to 1
 * @returns {number} the value that this share of them does not exceed
 */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? NaN;
}
