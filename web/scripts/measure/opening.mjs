/** Time from the start of a visit to the first landmarks that are drawn. */

import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {chromium} from "playwright-core";
import {serve, withCamera} from "../../test/pages/browser.js";
import {onCore, quantile} from "./browser.mjs";

// Seconds that a visitor stays.
const STAY = 10;

/**
 * Every first visit has a new profile. Later ones have its profile, and a new browser.
 *
 * @param {{clip: string, core?: string, times: number}} settings
 */
export async function opening({clip, core, times}) {
  const site = await serve();
  /** @type {Record<string, number[]>} */
  const seconds = {first: [], second: [], third: []};
  for (let i = 0; i < times; i++) {
    const profile = mkdtempSync(join(tmpdir(), "strrn-profile-"));
    for (const visit of Object.keys(seconds)) {
      const launched = () => chromium.launchPersistentContext(profile, withCamera(clip));
      const context = await onCore(core, launched);
      seconds[visit].push(await timeOf(context, `${site.address}?source=camera`));
      await context.close();
    }
    rmSync(profile, {recursive: true});
  }
  await site.stop();
  for (const [visit, all] of Object.entries(seconds)) {
    const [median, largest] = [quantile(all, 0.5), Math.max(...all)].map((s) => s.toFixed(2));
    console.log(`${visit} visit: median ${median} s, largest of ${times} ${largest} s`);
  }
}

/**
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} address
 * @returns {Promise<number>} seconds from the start of navigation
 */
async function timeOf(context, address) {
  const page = context.pages()[0] ?? (await context.newPage());
  await page.addInitScript(noteFirstFace);
  await page.goto(address);
  await page.waitForFunction(() => window.firstFace > 0);
  const milliseconds = await page.evaluate(() => window.firstFace);
  // The service worker fills its cache after that, and the browser keeps compiled code.
  await page.waitForTimeout(1000 * STAY);
  return milliseconds / 1000;
}

/** Runs in the page, before its own scripts. */
function noteFirstFace() {
  const scope = /** @type {any} */ (window);
  scope.firstFace = 0;
  const Original = Worker;
  scope.Worker = class extends Original {
    /** @param {string | URL} address */
    constructor(address) {
      super(address);
      this.addEventListener("message", ({data}) => {
        const isSeen = (/** @type {any} */ face) => face.state !== "lost";
        if (data.type !== "faces" || !data.faces.some(isSeen) || scope.firstFace) return;
        scope.firstFace = -1;
        // The worker has drawn them: they are shown with the next picture of the page.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => (scope.firstFace = performance.now())),
        );
      });
    }
  };
}
