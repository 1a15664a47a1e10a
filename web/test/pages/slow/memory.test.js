/** Ten minutes of tracking leave the memory of the page as it was. Slow: minutes. */

import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {describe, test} from "node:test";
import {untilReady} from "../browser.js";
import {shared} from "../site.js";

const [MINUTES, MOST_GROWTH] = [Number(process.env.STRRN_MINUTES ?? 10), 1.1];

describe("memory", () => {
  const site = shared();

  test(`flat over ${MINUTES} minutes`, {timeout: (MINUTES + 5) * 60_000}, async () => {
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    const sizes = [];
    for (let i = 0; i < 2 * MINUTES; i++) {
      await page.waitForTimeout(30_000);
      sizes.push(await residentMegabytes(site.browser));
    }
    await page.close();
    // The first tenth fills caches of the browser.
    const start = Math.max(...sizes.slice(0, Math.ceil(sizes.length / 10) + 1));
    const end = sizes[sizes.length - 1];
    console.log(`${start.toFixed(0)} MB after a minute, ${end.toFixed(0)} MB at the end`);
    assert.ok(end <= MOST_GROWTH * start, sizes.map(Math.round).join(" "));
  });
});

/**
 * @param {import("playwright-core").Browser} browser
 * @returns {Promise<number>} memory of the processes that run pages
 */
async function residentMegabytes(browser) {
  const session = await browser.newBrowserCDPSession();
  const {processInfo} = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const pages = processInfo.filter(({type}) => type === "renderer");
  let kilobytes = 0;
  for (const {id} of pages) {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    kilobytes += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return kilobytes / 1024;
}
