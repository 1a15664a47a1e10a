/**
 * Serves `dist/` to this machine, and with `--network` by HTTPS to phones around it.
 *
 *     node scripts/serve.mjs [--network] [--port 8080]
 *
 * Browsers give the camera only to HTTPS or to the machine itself. The certificate is
 * made by openssl for a month; browsers warn, since nobody has signed it.
 */

import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync} from "node:fs";
import {readFile, stat} from "node:fs/promises";
import {createServer} from "node:http";
import {createServer as createSecureServer} from "node:https";
import {networkInterfaces, tmpdir} from "node:os";
import {dirname, extname, join, normalize} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {brotliCompressSync, constants, gzipSync} from "node:zlib";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};
const {values} = parseArgs({
  options: {network: {type: "boolean"}, port: {type: "string", default: "8080"}},
});
/** Compressed files by encoding, path and time of change. */
const compressed = new Map();

/**
 * @param {string} path
 * @param {string} tag
 * @param {string} accepted
 * @returns {Promise<{body: Buffer, encoding: string | null}>}
 */
async function bodyOf(path, tag, accepted) {
  // On the same machine compressing takes longer than sending.
  const known = values.network ? ["br", "gzip"] : [];
  const encoding = known.find((name) => accepted.includes(name)) ?? null;
  const key = `${encoding} ${path} ${tag}`;
  if (!compressed.has(key)) {
    const plain = await readFile(path);
    const params = {[constants.BROTLI_PARAM_QUALITY]: 5};
    const body =
      encoding === "br"
        ? brotliCompressSync(plain, {params})
        : encoding
          ? gzipSync(plain)
          : plain;
    compressed.set(key, body);
  }
  return {body: compressed.get(key), encoding};
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(request, response) {
  try {
    const {pathname} = new URL(`http://host${request.url}`);
    const inside = normalize(decodeURIComponent(pathname)).replace(/\/$/, "/index.html");
    const path = join(DIST, inside);
    const {mtimeMs, size} = await stat(path);
    const tag = `"${size}-${Math.round(mtimeMs)}"`;
    const headers = {
      "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
      "Cache-Control": "no-cache",
      ETag: tag,
    };
    if (request.headers["if-none-match"] === tag) {
      response.writeHead(304, headers).end();
      return;
    }
    const accepted = String(request.headers["accept-encoding"] ?? "");
    const {body, encoding} = await bodyOf(path, tag, accepted);
    response.writeHead(200, {
      ...headers,
      ...(encoding ? {"Content-Encoding": encoding} : {}),
      "Content-Length": body.length,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  } catch {
    response.writeHead(404, {"Content-Type": "text/plain"}).end("There is no such file.\n");
  }
}

/** @returns {string[]} addresses of this machine in its networks */
function addresses() {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({family, internal}) => family === "IPv4" && !internal)
    .map(({address}) => address);
}

/** @returns {{key: Buffer, cert: Buffer}} of a certificate of its own */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "strrn-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const names = [...addresses().map((a) => `IP:${a}`), "DNS:localhost"].join(",");
  const options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"];
  const subject = ["-subj", "/CN=strrn", "-addext", `subjectAltName=${names}`];
  try {
    const files = ["-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", ...options, ...subject, ...files], {stdio: "ignore"});
    return {key: readFileSync(key), cert: readFileSync(cert)};
  } catch {
    console.error("openssl is needed for HTTPS: install it, or leave --network out.");
    return process.exit(2);
  } finally {
    rmSync(folder, {recursive: true});
  }
}

if (!existsSync(join(DIST, "index.html"))) {
  console.error("There is no page yet: run `make web` first.");
  process.exit(2);
}
const isSecure = Boolean(values.network);
const server = isSecure ? createSecureServer(certificate(), answer) : createServer(answer);
server.on("error", ({message}) => {
  console.error(`${message}. Another port: node scripts/serve.mjs --port 9000`);
  process.exit(2);
});
server.listen(Number(values.port), isSecure ? undefined : "localhost", () => {
  const {port} = /** @type {import("node:net").AddressInfo} */ (server.address());
  const hosts = [...(isSecure ? addresses() : []), "localhost"];
  for (const host of hosts) console.log(`${isSecure ? "https" : "http"}://${host}:${port}/`);
});
