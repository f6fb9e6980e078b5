#!/bin/sh
# Installs the page's library with npm and copies it next to the page.
set -eu
cd "$(dirname "$0")"
npm ci --prefix ../javascript --no-audit --no-fund
cp ../javascript/node_modules/mqtt/dist/mqtt.min.js .
