#!/bin/sh
# Checks reports in headless Chromium: run.sh [--shots FOLDER] REPORT.html...
#
# Installs what is missing from Debian where it can (as root, with apt-get). Where Chromium, Node
# or the two packages can't be had it says so and ends well: the check is skipped, not passed.
set -eu
here=$(dirname "$0")
browser=${CHROMIUM:-chromium}

missing() {
    for program in "$browser" node npm; do
        command -v "$program" >/dev/null || { echo "$program"; return; }
    done
}

if [ -n "$(missing)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "browser: installing chromium, nodejs and npm from Debian"
    { apt-get update -q && apt-get install -q -y --no-install-recommends chromium nodejs npm; } \
        >/dev/null 2>&1 || true
fi
if [ -n "$(missing)" ]; then
    echo "browser: SKIPPED, there is no $(missing) here (Debian: apt-get install chromium nodejs npm)"
    exit 0
fi
if ! [ -d "$here/node_modules/axe-core" ] &&
    ! npm install --prefix "$here" --no-package-lock --no-audit --no-fund --silent >/dev/null 2>&1; then
    echo "browser: SKIPPED, npm can't install axe-core and playwright-core"
    exit 0
fi
CHROMIUM=$(command -v "$browser") exec node "$here/check.mjs" "$@"
