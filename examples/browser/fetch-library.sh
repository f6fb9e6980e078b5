#!/bin/sh
# Gets the page's library by npm, and lays it beside the page.
set -eu
cd "$(dirname "$0")"
npm ci --prefix ../javascript --no-audit --no-fund
cp ../javascript/node_modules/mqtt/dist/mqtt.min.js .
