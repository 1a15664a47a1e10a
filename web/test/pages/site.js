/** One server and one browser for the tests of a file. */

import {after, before} from "node:test";
import {launch, serve} from "./browser.js";

/**
 * @typedef {object} Shared
 * @property {string} address
 * @property {import("playwright-core").Browser} browser
 */

/**
 * @param {Parameters<typeof launch>[0]} [options]
 * @returns {Shared} filled before the first test
 */
export function shared(options) {
  const both = /** @type {Shared} */ ({});
  /** @type {import("./browser.js").Site} */
  let site;
  before(async () => {
    site = await serve();
    both.address = site.address;
    both.browser = await launch(options);
  });
  after(async () => {
    await both.browser.close();
    await site.stop();
  });
  return both;
}
