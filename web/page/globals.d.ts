declare const BUILD: {
  version: string;
  files: string[];
  wasm: {relaxed: string[]; compat: string[]};
};
