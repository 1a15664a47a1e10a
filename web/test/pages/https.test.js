/** The page as `make web-serve` serves it: HTTPS, compressed, with a certificate of its own. */

import assert from "node:assert/strict";
import {describe, test} from "node:test";
import {serve, untilReady} from "./browser.js";
import {shared} from "./site.js";

describe("https", () => {
  const site = shared();

  test("the page gets the camera over HTTPS", async () => {
    const secure = await serve("--network");
    assert.match(secure.address, /^https:/);
    const context = await site.newContext({ignoreHTTPSErrors: true});
    const page = await context.newPage();
    await page.goto(secure.address);
    await untilReady(page);
    await page.click("#camera");
    await page.waitForFunction(
      () => document.querySelector("#list li b")?.textContent?.includes("%"),
    );
    const [entry] = await page.evaluate(() =>
      performance.getEntriesByName(new URL("worker.js", location.href).href).map((e) =>
        /** @type {PerformanceResourceTiming} */ (e).toJSON(),
      ),
    );
    assert.ok(entry.encodedBodySize < entry.decodedBodySize / 2);
    await context.close();
    await secure.stop();
  });
});
