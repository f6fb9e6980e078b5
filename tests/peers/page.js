// Runs the script of a web page without a browser, and prints what the page shows:
// node page.js FILE
const fs = require('fs');
const vm = require('vm');

const page = fs.readFileSync(process.argv[2], 'utf8');
const [, library] = page.match(/<script src="(node_modules\/mqtt\/[^"]+)"><\/script>/);
const [, script] = page.match(/<script>\n([^]*?)<\/script>/);

// The build for browsers must be where the page says. Node.js has one of its own.
fs.accessSync(library);
globalThis.mqtt = require('mqtt');
globalThis.document = {
  getElementById: (id) => {
    if (!page.includes(`id="${id}"`)) {
      throw new Error(`nothing is called ${id}`);
    }
    return { set textContent(text) { console.log(`${id}: ${text}`); } };
  },
};
vm.runInThisContext(script);
