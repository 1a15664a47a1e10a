/** One server and one browser for the tests of a file. */

import {after, before} from "node:test";
import {launch, serve} from "./browser.js";

// Milliseconds for one step of a test, on a machine that does other things too.
const PATIENCE = 300_000;

/**
 * @typedef {object} Shared
 * @property {string} address
 * @property {import("playwright-core").Browser} browser
 * @property {() => Promise<import("playwright-core").Page>} newPage
 * @property {(options?: import("playwright-core").BrowserContextOptions) =>
 *   Promise<import("playwright-core").BrowserContext>} newContext
 */

/**
 * @param {Parameters<typeof launch>[0]} [options]
 * @returns {Shared} filled before the first test
 */
export function shared(options) {
  const both = /** @type {Shared} */ ({});
  both.newPage = async () => {
    const page = await both.browser.newPage();
    page.setDefaultTimeout(PATIENCE);
    return page;
  };
  both.newContext = async (contextOptions) => {
    const context = await both.browser.newContext(contextOptions);
    context.setDefaultTimeout(PATIENCE);
    return context;
  };
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
