/** What the page says where something is missing. */

import assert from "node:assert/strict";
import {describe, test} from "node:test";
import {untilReady} from "./browser.js";
import {shared} from "./site.js";

/** @typedef {import("playwright-core").Page} Page */

/**
 * @param {Page} page
 * @returns {Promise<string>}
 */
async function message(page) {
  await page.waitForSelector("#message:not([hidden])");
  return page.innerText("#message");
}

describe("messages", () => {
  const site = shared({hasCamera: false});

  test("no camera", async () => {
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    assert.match(await message(page), /There is no camera/);
    await page.close();
  });

  test("a camera that is refused", async () => {
    const page = await site.newPage();
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException("", "NotAllowedError");
      };
    });
    await page.goto(site.address);
    await untilReady(page);
    await page.click("#camera");
    assert.match(await message(page), /may not use the camera/);
    await page.close();
  });

  test("a browser without SIMD", async () => {
    const page = await site.newPage();
    await page.addInitScript(() => {
      WebAssembly.validate = () => false;
    });
    await page.goto(site.address);
    assert.match(await message(page), /no WebAssembly with SIMD/);
    await page.close();
  });

  test("a model that is missing, and one that is damaged", async () => {
    for (const [answer, expected] of /** @type {const} */ ([
      [{status: 404}, /is missing \(404\)/],
      [{status: 200, body: "damaged"}, /not the file that was exported/],
    ])) {
      const page = await site.newPage();
      await page.route("**/strrn-fast/tracker.tflite", (route) => route.fulfill(answer));
      await page.goto(site.address);
      assert.match(await message(page), expected);
      await page.selectOption("#model", "strrn-mdm");
      await untilReady(page);
      assert.ok(await page.isHidden("#message"), "another model can be loaded");
      await page.close();
    }
  });
});
