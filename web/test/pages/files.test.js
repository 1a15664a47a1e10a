/** Pictures and videos: the CSV file against that of `strrn track`. */

import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import {mkdtempSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {after, describe, test} from "node:test";
import {meanDistance} from "../../src/geometry.js";
import {ROOT} from "../node_runtime.js";
import {FOLDER} from "../recorded.js";
import {IN_FLOAT32, untilReady, useFloat32, watch} from "./browser.js";
import {shared} from "./site.js";
import {writeTurned} from "./turn.js";

// In the mean over the landmarks: decoders turn colours into RGB in their own ways.
const MOST_PIXELS = 2;
const folder = mkdtempSync(join(tmpdir(), "strrn-web-"));

/**
 * @param {string} text
 * @returns {string[][]}
 */
function parse(text) {
  return text.trim().split("\n").map((line) => line.split(","));
}

/**
 * @param {string} source
 * @returns {string[][]} rows of `strrn track`
 */
function tracked(source) {
  const python = process.env.STRRN_PYTHON ?? "python";
  const csv = join(folder, "python.csv");
  const args = ["-m", "strrn_tf", "track", source, "--landmarks", csv];
  args.push("--model", IN_FLOAT32);
  execFileSync(python, args, {cwd: ROOT, stdio: "ignore"});
  return parse(readFileSync(csv, "utf8"));
}

/**
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[][]>} rows of the CSV file that it saves
 */
async function saved(page) {
  await page.waitForSelector("#save:not([hidden])");
  const download = page.waitForEvent("download");
  await page.click("#save");
  return parse(readFileSync(await (await download).path(), "utf8"));
}

describe("files", () => {
  const site = shared();
  after(() => rmSync(folder, {recursive: true}));

  for (const name of ["clip.webm", "turned.mp4", "picture.png"]) {
    test(`${name} gives the rows of \`strrn track\``, async () => {
      const path = join(name === "turned.mp4" ? folder : FOLDER, name);
      if (name === "turned.mp4") await writeTurned(join(FOLDER, "clip.webm"), path);
      const page = await site.newPage();
      const faults = watch(page, site.address);
      await useFloat32(page);
      await page.goto(site.address);
      await untilReady(page);
      await page.setInputFiles("#files", path);
      const rows = await saved(page);
      const expected = tracked(path);
      assert.deepEqual(rows[0], expected[0]);
      assert.equal(rows.length, expected.length);
      let largest = 0;
      rows.slice(1).forEach((row, i) => {
        const wanted = expected[i + 1];
        assert.deepEqual(row.slice(0, 4), wanted.slice(0, 4));
        assert.equal(row.length, wanted.length);
        const [points, others] = [row, wanted].map((r) => r.slice(5, 141).map(Number));
        const apart = meanDistance(points, others);
        assert.ok(apart <= MOST_PIXELS, `row ${i}: ${apart} pixels`);
        largest = Math.max(largest, apart);
      });
      console.log(`${name}: ${rows.length - 1} rows, at most ${largest.toFixed(2)} px`);
      assert.deepEqual(faults, []);
      await page.close();
    });
  }

  test("a file that is no picture is named", async () => {
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    const buffer = Buffer.from("no picture");
    await page.setInputFiles("#files", {name: "a.png", mimeType: "image/png", buffer});
    await page.waitForSelector("#message:not([hidden])");
    assert.match(await page.innerText("#message"), /a\.png is no picture/);
    await page.setInputFiles("#files", {name: "a.mp4", mimeType: "video/mp4", buffer});
    await page.waitForFunction(() =>
      document.getElementById("message")?.textContent?.includes("a.mp4"),
    );
    await page.close();
  });

  test("a damaged video is named", async () => {
    const buffer = readFileSync(join(FOLDER, "clip.webm"));
    const [from, to] = [0.9, 0.95].map((share) => Math.round(share * buffer.length));
    buffer.fill(255, from, to);
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    const file = {name: "a.webm", mimeType: "video/webm", buffer};
    await page.setInputFiles("#files", file);
    await page.waitForSelector("#message:not([hidden])");
    assert.match(await page.innerText("#message"), /a\.webm is/);
    await page.close();
  });

  test("a picture among others that cannot be read has a row of its own", async () => {
    const page = await site.newPage();
    await page.goto(site.address);
    await untilReady(page);
    const buffer = Buffer.from("no picture");
    const good = readFileSync(join(FOLDER, "picture.png"));
    await page.setInputFiles("#files", [
      {name: "a.png", mimeType: "image/png", buffer},
      {name: "b, c.png", mimeType: "image/png", buffer: good},
    ]);
    const rows = await saved(page);
    assert.deepEqual(rows[1].slice(0, 5), ["0", "0.0", "", "broken", "0.0"]);
    assert.deepEqual(rows[2].slice(2, 4), ["0", "detected"]);
    assert.deepEqual(rows[2].slice(-2), ['"b', ' c.png"']);
    await page.close();
  });
});
