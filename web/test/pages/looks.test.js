/** The page at three widths, light and dark: accessible, and inside the window. */

import assert from "node:assert/strict";
import {mkdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join} from "node:path";
import {describe, test} from "node:test";
import {FOLDER} from "../recorded.js";
import {untilReady} from "./browser.js";
import {shared} from "./site.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const WIDTHS = [360, 768, 1440];
const SHOTS = join(FOLDER, "..", "screenshots");

describe("looks", () => {
  const site = shared();
  mkdirSync(SHOTS, {recursive: true});

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const width of WIDTHS) {
      test(`${width} pixels, ${colorScheme}`, async () => {
        const viewport = {width, height: width > 1000 ? 900 : 800};
        const options = {viewport, colorScheme, bypassCSP: true};
        const context = await site.newContext(options);
        const page = await context.newPage();
        await page.goto(site.address);
        await untilReady(page);
        await assertAccessible(page);
        await page.click("#camera");
        await page.waitForFunction(
          () => document.querySelector("#list li b")?.textContent?.includes("%"),
        );
        for (const summary of await page.locator("summary").all()) await summary.click();
        await assertAccessible(page);
        const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(scroll <= width, `${scroll} pixels wide`);
        const path = join(SHOTS, `${width}-${colorScheme}.png`);
        await page.screenshot({path, fullPage: true});
        await context.close();
      });
    }
  }

  test("everything is reached by the keyboard, in order", async () => {
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    const reached = [];
    for (let i = 0; i < 10; i++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement?.id));
    }
    const controls = ["camera", "files", "model", "faces", "mirror", "roll"];
    assert.deepEqual(reached.slice(0, 6), controls);
    await page.focus("#camera");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "stop");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "camera");
    await page.close();
  });

  test("nothing moves by itself where less motion is wanted", async () => {
    const context = await site.newContext({reducedMotion: "reduce"});
    const page = await context.newPage();
    await page.goto(site.address);
    const durations = await page.evaluate(() =>
      [...document.querySelectorAll("*")].map((e) => getComputedStyle(e).transitionDuration),
    );
    assert.ok(durations.length > 20);
    assert.ok(durations.every((duration) => duration === "0s"));
    await context.close();
  });
});

/** @param {import("playwright-core").Page} page */
async function assertAccessible(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const {violations} = await /** @type {any} */ (window).axe.run();
    return violations.map((/** @type {any} */ {id, nodes}) => [
      id,
      nodes.map((/** @type {any} */ node) => node.html),
    ]);
  });
  assert.deepEqual(violations, []);
}
