#!/usr/bin/env bash
# Run the tests of the page; say in the last line what was left out, and why.
#
#   web/scripts/test.sh PYTHON
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
python=$(realpath --no-symlinks "$1" 2>/dev/null || command -v "$1")
cases=web/build/cases

have() { command -v "$1" >/dev/null; }
leave_out_all() {
  echo "test-web: left out, all of it: $1"
  exit 0
}
install() {
  [ "$(id -u)" -eq 0 ] && have apt-get &&
    timeout 600 apt-get update -qq && timeout 900 apt-get install -y -qq --no-install-recommends "$@"
} </dev/null >/dev/null 2>&1

have npm || install nodejs npm
have npm || leave_out_all "Node and npm cannot be had here"
major=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
[ "$major" -ge 20 ] || leave_out_all "Node is older than version 20"
installed=web/node_modules/.installed
[ "$installed" -nt web/package-lock.json ] || (cd web && timeout 900 npm ci --silent) ||
  leave_out_all "npm's packages cannot be had here"
touch "$installed"
have chromium || install chromium
has_browser() {
  timeout 300 chromium --headless --no-sandbox --disable-gpu --dump-dom about:blank
} </dev/null >/dev/null 2>&1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
set -e
"$python" -m strrn_tf.commands.web.constants web/src/exported.js
(cd web && npm run --silent build)
"$python" -m strrn_tf.commands.web.cases "$cases"
export STRRN_PYTHON=$python
left_out="; left out: the page in a browser, since Chromium does not run here"
shopt -s nullglob
cd web
tests=(test/unit/*.test.js)
if has_browser; then
  left_out=""
  (cd .. && "$python" -m strrn_tf.commands.web.camera draw "$cases")
  tests+=(test/pages/*.test.js)
  [ -z "${STRRN_SLOW:-}" ] || tests+=(test/pages/slow/*.test.js)
fi
set +e
# One file at a time: they share the processor with a browser.
node --test --test-concurrency=1 --test-reporter=spec "${tests[@]}" 2>&1 |
  grep --line-buffered -vE '^ *(INFO|WARNING): ' | tee "$log"
status=${PIPESTATUS[0]}
count() { sed -nE "s/^ℹ $1 ([0-9]+)$/\1/p" "$log" | tail -n 1; }
echo "test-web: $(count pass) passed, $(count fail) failed$left_out"
exit "$status"
