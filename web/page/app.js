/** The page: controls, messages, and the worker that does the work. */

import {Camera} from "./camera.js";
import {CAMERA_ENDED, cameraMessage, missingFeature, workMessage} from "./messages.js";
import {Figures, showFaces} from "./figures.js";
import {keepOffline} from "./offline.js";

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @returns {T}
 */
const element = (id) => /** @type {T} */ (document.getElementById(id));

const canvas = /** @type {HTMLCanvasElement} */ (element("canvas"));
const cameraButton = /** @type {HTMLButtonElement} */ (element("camera"));
const stopButton = /** @type {HTMLButtonElement} */ (element("stop"));
const fileInput = /** @type {HTMLInputElement} */ (element("files"));
const modelSelect = /** @type {HTMLSelectElement} */ (element("model"));
const facesSelect = /** @type {HTMLSelectElement} */ (element("faces"));
const mirrorBox = /** @type {HTMLInputElement} */ (element("mirror"));
const rollBox = /** @type {HTMLInputElement} */ (element("roll"));
const saveLink = /** @type {HTMLAnchorElement} */ (element("save"));
const progress = /** @type {HTMLProgressElement} */ (element("progress"));
const stage = element("stage");

// Milliseconds after which files are kept for later though no face was seen.
const OFFLINE_AFTER = 5000;

/** @type {"none" | "camera" | "files"} */
let source = "none";
/** @type {Worker} */
let worker;
/** @type {Camera} */
let camera;
let baseName = "";
let isAsking = false;
// Counts what the user has chosen: the camera must not begin after files were opened.
let choice = 0;
let hasFailed = false;
const figures = new Figures(element("rate"), element("time"));

/** @param {string | null} text */
function showMessage(text) {
  const message = element("message");
  message.hidden = text === null;
  message.textContent = text;
}

/** @param {string} text */
function showStatus(text) {
  const status = element("status");
  if (status.textContent !== text) status.textContent = text;
}

/** @param {typeof source} now */
function setSource(now) {
  if (source === "camera" && now !== "camera") camera.stop();
  source = now;
  const isRunning = now !== "none";
  const hadFocus = document.activeElement === stopButton;
  cameraButton.hidden = now === "camera";
  stopButton.hidden = !isRunning;
  // The focus must not fall from a button that is hidden.
  if (hadFocus && !isRunning) cameraButton.focus();
  progress.hidden = now !== "files";
  element("welcome").hidden = element("welcome").hidden || isRunning;
  element("figures").hidden = !isRunning;
  applyMirror();
}

function applyMirror() {
  const isMirrored = source === "camera" && mirrorBox.checked;
  canvas.classList.toggle("mirrored", isMirrored);
  worker.postMessage({type: "view", isMirrored});
}

function openModel() {
  cameraButton.disabled = true;
  fileInput.disabled = true;
  element("loading").textContent = "Loading the networks …";
  if (element("welcome").hidden) showStatus("Loading the networks …");
  worker.postMessage({
    type: "open",
    model: modelSelect.value,
    maxFaces: Number(facesSelect.value),
    anyRoll: rollBox.checked,
  });
}

async function startCamera() {
  // The browser may still ask the user: a second click must not start it twice.
  if (isAsking) return;
  isAsking = true;
  choice += 1;
  const mine = choice;
  showMessage(null);
  try {
    await camera.start();
    // Meanwhile the networks could not be loaded, or files were opened.
    if (hasFailed || mine !== choice) return camera.stop();
    worker.postMessage({type: "reset"});
    saveLink.hidden = true;
    figures.reset();
    setSource("camera");
    if (cameraButton.disabled) showStatus("Loading the networks …");
    stopButton.focus();
  } catch (error) {
    camera.stop();
    if (mine === choice) showMessage(cameraMessage(error));
  } finally {
    isAsking = false;
  }
}

function stop() {
  worker.postMessage({type: "reset"});
  setSource("none");
  showStatus("Stopped.");
}

function cameraEnded() {
  stop();
  showMessage(CAMERA_ENDED);
}

/** @param {File[]} files */
function openFiles(files) {
  if (!files.length || fileInput.disabled) return;
  choice += 1;
  showMessage(null);
  saveLink.hidden = true;
  figures.reset();
  setSource("files");
  progress.value = 0;
  baseName = files.length === 1 ? files[0].name.replace(/\.[^.]+$/, "") : "pictures";
  worker.postMessage({type: "files", files});
}

/** @type {Record<string, (message: any) => void>} */
const answers = {
  ready: () => {
    cameraButton.disabled = false;
    fileInput.disabled = false;
    if (hasFailed) showMessage(null);
    hasFailed = false;
    element("loading").textContent = "Start the camera, or open pictures or a video.";
    showStatus("Ready.");
    document.documentElement.dataset.ready = modelSelect.value;
    setTimeout(() => keepOffline(modelSelect.value), OFFLINE_AFTER);
  },
  faces: ({faces, isFile, width, height, milliseconds}) => {
    // Of the source before, which was on its way.
    if (source !== (isFile ? "files" : "camera")) return;
    canvas.style.aspectRatio = `${width} / ${height}`;
    figures.add(milliseconds);
    showFaces(element("list"), faces);
    const seen = faces.filter((/** @type {{state: string}} */ f) => f.state !== "lost");
    if (seen.length) keepOffline(modelSelect.value);
    const text = `${seen.length || "No"} ${seen.length === 1 ? "face" : "faces"} in the picture`;
    canvas.ariaLabel = text;
    if (source === "camera") {
      showStatus(`${text}.`);
      camera.taken();
    }
  },
  progress: (message) => {
    if (source !== "files") return;
    progress.value = message.progress;
    showStatus(`${message.frames} frames.`);
  },
  ended: ({csv, frames, stopped}) => {
    if (stopped) return;
    URL.revokeObjectURL(saveLink.href);
    saveLink.href = URL.createObjectURL(csv);
    saveLink.download = `${baseName}-landmarks.csv`;
    saveLink.hidden = false;
    setSource("none");
    const isWhole = element("message").hidden;
    showStatus(`${isWhole ? "Done" : "Ended early"}: ${frames} frames.`);
  },
  error: (message) => {
    hasFailed = message.stage === "runtime" || message.stage === "model";
    if (source !== "none") setSource("none");
    showMessage(workMessage(message.stage, message.detail));
  },
};

/** @returns {Promise<void>} */
async function fillModels() {
  const response = await fetch("models/models.json");
  if (!response.ok) throw new Error(`models.json is missing (${response.status})`);
  const names = await response.json();
  const chosen = new URLSearchParams(location.search).get("model");
  for (const {name, label} of names) {
    modelSelect.add(new Option(label, name, false, name === chosen));
  }
}

function connect() {
  worker.onmessage = ({data}) => answers[data.type](data);
  worker.onerror = ({message}) => showMessage(workMessage("runtime", message));
  cameraButton.addEventListener("click", () => void startCamera());
  stopButton.addEventListener("click", stop);
  fileInput.addEventListener("change", () => {
    openFiles([...(fileInput.files ?? [])]);
    fileInput.value = "";
  });
  mirrorBox.addEventListener("change", applyMirror);
  for (const control of [modelSelect, facesSelect, rollBox]) {
    control.addEventListener("change", () => {
      if (source === "files") stop();
      openModel();
    });
  }
  stage.addEventListener("dragover", (event) => event.preventDefault());
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    openFiles([...(event.dataTransfer?.files ?? [])]);
  });
}

async function begin() {
  const missing = missingFeature();
  if (missing) return showMessage(missing);
  worker = new Worker("worker.js");
  camera = new Camera((frame, seconds) => {
    worker.postMessage({type: "frame", frame, seconds}, [frame]);
  }, cameraEnded);
  const drawing = canvas.transferControlToOffscreen();
  worker.postMessage({type: "canvas", canvas: drawing}, [drawing]);
  connect();
  try {
    await fillModels();
  } catch (error) {
    return showMessage(workMessage("model", `${/** @type {Error} */ (error).message}.`));
  }
  openModel();
  // The camera starts while the networks are loaded.
  if (new URLSearchParams(location.search).get("source") === "camera") void startCamera();
}

void begin();
