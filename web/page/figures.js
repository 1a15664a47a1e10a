/** Frames per second, milliseconds, and the list of faces. */

import {grade} from "./overlay.js";

/** @typedef {import("strrn-web").Face} Face */

// How often figures and list change, in milliseconds.
const INTERVAL = 250;
const WINDOW = 2000;

/** Means over the last seconds. */
export class Figures {
  /**
   * @param {HTMLElement} rate
   * @param {HTMLElement} time
   */
  constructor(rate, time) {
    this.rate = rate;
    this.time = time;
    this.reset();
  }

  /** Forget all frames. */
  reset() {
    /** @type {[number, number][]} moments and milliseconds of the last frames */
    this.frames = [];
    this.shown = 0;
  }

  /** @param {number} milliseconds that a frame took */
  add(milliseconds) {
    const now = performance.now();
    const frames = [...(this.frames ?? []), /** @type {[number, number]} */ ([now, milliseconds])];
    this.frames = frames.filter(([moment]) => now - moment < WINDOW);
    if (now - (this.shown ?? 0) < INTERVAL || this.frames.length < 2) return;
    this.shown = now;
    const span = now - this.frames[0][0];
    const mean = this.frames.reduce((sum, [, ms]) => sum + ms, 0) / this.frames.length;
    this.rate.textContent = ((1000 * (this.frames.length - 1)) / span).toFixed(1);
    this.time.textContent = mean.toFixed(1);
  }
}

let shownFaces = 0;

/**
 * @param {HTMLElement} list
 * @param {Face[]} faces
 */
export function showFaces(list, faces) {
  const now = performance.now();
  if (now - shownFaces < INTERVAL && faces.length === list.children.length) return;
  shownFaces = now;
  list.replaceChildren(
    ...faces.map(({id, state, reliability}) => {
      const item = document.createElement("li");
      const percent = Math.round(100 * reliability);
      const [name, bar, chance] = ["span", "span", "b"].map((tag) =>
        document.createElement(tag),
      );
      name.textContent = state === "lost" ? `${id} lost` : `Face ${id}`;
      bar.className = `bar ${grade(reliability)}`;
      const fill = document.createElement("i");
      fill.style.width = `${percent}%`;
      bar.append(fill);
      chance.textContent = `${percent} %`;
      item.append(name, bar, chance);
      return item;
    }),
  );
}
