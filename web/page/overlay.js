/** Draws a frame and the landmarks of its faces. */

import {CONTOURS} from "strrn-web";

/** @typedef {import("strrn-web").Face} Face */

// Colours of the points: reliable, doubtful, not reliable.
const [GOOD, FAIR, POOR] = ["#3ddc84", "#ffc83d", "#ff5a4f"];

/**
 * @param {number} reliability
 * @returns {"good" | "fair" | "poor"}
 */
export function grade(reliability) {
  return reliability >= 0.8 ? "good" : reliability >= 0.5 ? "fair" : "poor";
}

/**
 * @param {OffscreenCanvasRenderingContext2D} context
 * @param {CanvasImageSource} frame
 * @param {number} width of the frame
 * @param {number} height of the frame
 * @param {Face[]} faces
 * @param {boolean} isMirrored whether the canvas is shown mirrored
 */
export function draw(context, frame, width, height, faces, isMirrored) {
  const {canvas} = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.drawImage(frame, 0, 0, width, height);
  for (const face of faces) {
    if (face.state !== "lost") drawFace(context, face, isMirrored);
  }
}

/**
 * @param {OffscreenCanvasRenderingContext2D} context
 * @param {Face} face
 * @param {boolean} isMirrored
 */
function drawFace(context, face, isMirrored) {
  const {landmarks, box, id, reliability} = face;
  const colour = {good: GOOD, fair: FAIR, poor: POOR}[grade(reliability)];
  const unit = Math.max(box[2] - box[0], box[3] - box[1]) / 100;
  // Pixel centres are whole numbers in landmarks, and halves on a canvas.
  const at = (/** @type {number} */ i) => landmarks[i] + 0.5;
  context.lineJoin = "round";
  context.lineWidth = Math.max(unit * 0.7, 1);
  context.strokeStyle = "rgb(255 255 255 / 70%)";
  context.beginPath();
  for (const [part, isClosed] of CONTOURS) {
    part.forEach((i, k) => {
      const [x, y] = [at(2 * i), at(2 * i + 1)];
      if (k) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    if (isClosed) context.closePath();
  }
  context.stroke();
  context.fillStyle = colour;
  context.beginPath();
  for (let i = 0; i < landmarks.length; i += 2) {
    const [x, y] = [at(i), at(i + 1)];
    const radius = Math.max(unit * 1.1, 1.5);
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
  const size = Math.max(unit * 11, 12);
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.save();
  context.translate(isMirrored ? box[2] : box[0], box[1] - 1.2 * size);
  if (isMirrored) context.scale(-1, 1);
  context.lineWidth = size / 5;
  context.strokeStyle = "rgb(5 7 10 / 80%)";
  context.strokeText(String(id), 0, 0);
  context.fillText(String(id), 0, 0);
  context.restore();
}
