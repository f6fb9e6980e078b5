// Opens a page in headless Chromium and executes commands from standard input, one per line:
//
//   type SELECTOR TEXT       into a field of the page
//   click SELECTOR
//   screenshot FILE          as PNG
//
// Prints "loaded" when the page has loaded, each command when it is done, and "NAME: TEXT" when
// the text of an element with an id or a data-topic changes. Exits at the end of standard input:
// node browser.js URL
const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'browser-'));
// Chromium exits when pipes 3 and 4 close, so it never outlives this script.
const chromium = spawn('chromium', [
  '--headless', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-dev-shm-usage', '--hide-scrollbars', '--lang=fr',
  '--window-size=900,640', `--user-data-dir=${profile}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
chromium.on('exit', () => {
  // Some of its processes exit a little later.
  fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit();
});

// The DevTools protocol: JSON messages separated by NUL.
const answers = new Map();
let loaded;
const load = new Promise((resolve) => { loaded = resolve; });
let sent = 0;
let received = '';
let session;
chromium.stdio[4].setEncoding('utf8').on('data', (text) => {
  received += text;
  const messages = received.split('\0');
  received = messages.pop();
  for (const message of messages.map((json) => JSON.parse(json))) {
    if (message.method === 'Runtime.bindingCalled') console.log(message.params.payload);
    if (message.method === 'Page.loadEventFired') loaded();
    answers.get(message.id)?.(message);
  }
});

function call(method, params = {}) {
  const id = ++sent;
  chromium.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  return new Promise((resolve, reject) => {
    answers.set(id, ({ result, error }) => {
      if (error || result.exceptionDetails) {
        reject(new Error(`${method}: ${JSON.stringify(error ?? result.exceptionDetails)}`));
      } else {
        resolve(result);
      }
    });
  });
}

// Runs in the page.
const watch = () => new MutationObserver((changes) => {
  for (const { target } of changes) {
    const element = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
    const name = element?.dataset.topic ?? element?.id;
    if (name) tell(`${name}: ${element.textContent}`);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });

const commands = {
  async type(selector, ...text) {
    await call('Runtime.evaluate', {
      expression: `document.querySelector(${JSON.stringify(selector)}).select()`,
    });
    await call('Input.insertText', { text: text.join(' ') });
  },
  async click(selector) {
    await call('Runtime.evaluate', {
      expression: `document.querySelector(${JSON.stringify(selector)}).click()`,
    });
  },
  async screenshot(file) {
    const { data } = await call('Page.captureScreenshot', { format: 'png' });
    fs.writeFileSync(file, data, 'base64');
  },
};

async function main() {
  const { targetInfos } = await call('Target.getTargets');
  const { targetId } = targetInfos.find(({ type }) => type === 'page');
  ({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
  await call('Page.enable');
  await call('Runtime.enable');
  await call('Runtime.addBinding', { name: 'tell' });
  await call('Page.addScriptToEvaluateOnNewDocument', { source: `(${watch})()` });
  const { errorText } = await call('Page.navigate', { url: process.argv[2] });
  if (errorText) throw new Error(errorText);
  await load;
  console.log('loaded');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...words] = line.split(' ');
    await commands[command](...words);
    console.log(line);
  }
  session = undefined;
  await call('Browser.close');
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
  chromium.kill();
});
