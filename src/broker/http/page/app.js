// The page: asks the API every few seconds and shows what it says.

import { speak, word } from "/words.js";
import { subscribe } from "/mqtt.js";

const PAGE = 50;
const SECTIONS = ["overview", "clients", "topics", "publish", "log"];
const REFUSAL = /disconnected: (?!connection closed|session taken over|administrative|exceeded)|rejected|denied|Refused|refused/;

const by = (id) => document.getElementById(id);
let login = null;
let session = null;
let events = null;
let offset = 0;
let last = null;
let rates = [];
let stopLive = null;

/** Makes an element with a text, or with children. */
function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (Array.isArray(content)) element.append(...content);
  else if (content !== undefined) element.textContent = content;
  return element;
}

/** Asks the API; the result of a request without an answer is `null`. */
async function ask(path, { method = "GET", body } = {}) {
  const headers = { "X-MQ-Page": "1" };
  if (login) {
    const bytes = new TextEncoder().encode(`${login.username}:${login.password}`);
    headers.Authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }
  if (method !== "GET") headers["X-MQ-Token"] = session.token;
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status === 401) throw new Refused();
  const text = await answer.text();
  const json = answer.headers.get("content-type")?.startsWith("application/json");
  const result = json ? JSON.parse(text) : text || null;
  if (!answer.ok) throw new Error(result?.error ?? text);
  return result;
}

class Refused extends Error {}

function state(text, isBad = false) {
  by("state").textContent = text;
  by("state").classList.toggle("bad", isBad);
}

function show() {
  const wanted = SECTIONS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "overview";
  for (const name of SECTIONS) {
    by(name).hidden = !session || name !== wanted;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === wanted) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  by("login").hidden = session !== null;
  by("logout").hidden = !login;
  refresh();
}

async function begin() {
  try {
    session = await ask("/api/v1/session");
    by("version").textContent = session.version;
    by("login-error").textContent = "";
    for (const button of document.querySelectorAll("#publish button")) {
      button.disabled = false;
    }
    follow();
  } catch (error) {
    session = null;
    if (!(error instanceof Refused)) state(word("lost"), true);
    else if (login) by("login-error").textContent = word("wrongLogin");
    login = null;
  }
  show();
}

/** Reads the events of the broker; the request has a header, which EventSource cannot send. */
async function follow() {
  events?.abort();
  events = new AbortController();
  if (!session.is_admin) return;
  by("log-lines").replaceChildren();
  by("refusals").replaceChildren(make("li", word("none")));
  let known = 0;
  const { signal } = events;
  while (!signal.aborted) {
    try {
      for (const line of await ask(`/api/v1/log?after=${known}`)) {
        known = line.number;
        addLine(line);
      }
    } catch { /* The state of the connection is shown by the figures. */ }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

function addLine({ time, type, text }) {
  const line = () => {
    const stamp = make("time", new Date(time).toLocaleTimeString(), { datetime: time });
    return make("li", [stamp, text], type === "error" ? { class: "bad" } : {});
  };
  const lines = by("log-lines");
  lines.append(line());
  if (lines.children.length > 500) lines.firstChild.remove();
  if (by("follow").checked) lines.scrollTop = lines.scrollHeight;
  if (REFUSAL.test(text)) {
    const refusals = by("refusals");
    if (!refusals.querySelector("time")) refusals.replaceChildren();
    refusals.prepend(line());
    if (refusals.children.length > 20) refusals.lastChild.remove();
  }
}

async function refresh() {
  if (!session) return;
  try {
    await figures();
    if (!by("clients").hidden) await clients();
    if (!by("topics").hidden && !stopLive) await topics();
    state(word("connected"));
  } catch (error) {
    if (error instanceof Refused) begin();
    else state(error instanceof TypeError ? word("lost") : error.message, true);
  }
}

async function figures() {
  const tree = await ask("/api/v1/systree");
  const figure = (topic) => tree[`$SYS/broker/${topic}`] ?? 0;
  const now = performance.now();
  const current = {
    now,
    received: figure("publish/messages/received"),
    sent: figure("publish/messages/sent"),
  };
  if (last) {
    const seconds = (now - last.now) / 1000;
    if (seconds > 0.2) {
      rates.push([(current.received - last.received) / seconds, (current.sent - last.sent) / seconds]);
      rates = rates.slice(-120);
      last = current;
    }
  } else {
    last = current;
  }
  const entries = [
    ["up", duration(figure("uptime"))],
    ["connectedClients", figure("clients/connected")],
    ["awayClients", figure("clients/disconnected")],
    ["subscriptions", figure("subscriptions/count")],
    ["retainedMessages", figure("retained messages/count")],
    ["storedMessages", figure("messages/stored")],
    ["droppedMessages", figure("publish/messages/dropped")],
  ];
  by("figures").replaceChildren(...entries.map(([name, value]) => {
    const shown = typeof value === "number" ? value.toLocaleString(document.documentElement.lang) : value;
    return make("div", [make("dt", word(name)), make("dd", shown)]);
  }));
  draw();
}

function duration(seconds) {
  const parts = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const [days, hours, minutes] = parts;
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

function draw() {
  const canvas = by("chart");
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.body);
  const most = Math.max(1, ...rates.flat());
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = 2;
  [style.getPropertyValue("--accent"), style.getPropertyValue("--quiet")].forEach((colour, which) => {
    context.strokeStyle = colour;
    context.beginPath();
    rates.forEach((rate, index) => {
      const x = (index / 119) * canvas.width;
      const y = canvas.height - 6 - (rate[which] / most) * (canvas.height - 12);
      if (index === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
  });
  const [received, sent] = rates.at(-1) ?? [0, 0];
  canvas.setAttribute("aria-label", `${received.toFixed(1)} / ${sent.toFixed(1)}`);
  context.fillStyle = style.color;
  context.font = "14px system-ui";
  context.fillText(`${received.toFixed(1)} / ${sent.toFixed(1)}`, 8, 18);
}

async function clients() {
  const query = new URLSearchParams({ sort: by("sort").value, offset, limit: PAGE });
  if (by("search").value) query.set("search", by("search").value);
  const list = await ask(`/api/v1/clients?${query}`);
  by("clients-count").textContent = word("count", list.total);
  by("earlier").disabled = offset === 0;
  by("later").disabled = offset + PAGE >= list.total;
  by("client-rows").replaceChildren(...list.entries.map(clientRow));
}

function clientRow(client) {
  const id = encodeURIComponent(client.client_id);
  const actions = [];
  if (session.is_admin) {
    if (client.is_connected) {
      actions.push(button("kick", () => confirm(word("sureKick", client.client_id))
        && ask(`/api/v1/clients/${id}`, { method: "DELETE" })));
    }
    actions.push(button("remove", () => confirm(word("sureRemove", client.client_id))
      && ask(`/api/v1/clients/${id}?session=true`, { method: "DELETE" })));
  }
  const cells = [
    make("th", client.client_id, { scope: "row" }),
    make("td", client.username ?? ""),
    make("td", client.is_connected ? client.address ?? "" : word("away")),
    make("td", client.version ?? ""),
    make("td", client.subscriptions, { class: "number" }),
    make("td", client.in_flight, { class: "number" }),
    make("td", client.queued_messages, { class: "number" }),
    make("td", new Date(client.last_activity).toLocaleTimeString()),
    make("td", actions),
  ];
  return make("tr", cells, client.is_connected ? {} : { class: "away" });
}

function button(name, action) {
  const element = make("button", word(name), { type: "button" });
  element.addEventListener("click", async () => {
    try {
      await action();
    } catch (error) {
      state(error.message, true);
      return;
    }
    refresh();
  });
  return element;
}

const values = new Map();

async function topics() {
  const query = new URLSearchParams({ filter: by("filter").value || "#", limit: 1000 });
  const list = await ask(`/api/v1/topics?${query}`);
  by("topics-state").textContent = word("retained", list.total);
  values.clear();
  for (const entry of list.entries) {
    const shown = entry.payload ?? word("binary", entry.size);
    values.set(entry.topic, { shown, isRetained: true });
  }
  drawTree();
}

function drawTree() {
  const root = { levels: new Map() };
  for (const [topic, value] of [...values].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let node = root;
    for (const level of topic.split("/")) {
      if (!node.levels.has(level)) node.levels.set(level, { levels: new Map() });
      node = node.levels.get(level);
    }
    Object.assign(node, { topic, value });
  }
  const open = new Set([...by("tree").querySelectorAll("details[open]")].map((d) => d.dataset.path));
  const isNew = by("tree").children.length === 0;
  by("tree").replaceChildren(...branches(root, "", open, isNew));
}

function branches(node, above, open, isNew) {
  return [...node.levels].map(([level, child]) => {
    const path = `${above}${level}/`;
    const label = [make("span", level)];
    if (child.value) {
      label.push(make("span", child.value.shown, { class: child.value.isRetained ? "value" : "value fresh" }));
      if (child.value.isRetained && session.is_admin) {
        label.push(button("clear", () => confirm(word("sureClear", child.topic))
          && ask(`/api/v1/topics?topic=${encodeURIComponent(child.topic)}`, { method: "DELETE" })));
      }
    }
    if (child.levels.size === 0) return make("div", label, { class: "leaf", role: "treeitem" });
    const details = make("details", [make("summary", label), ...branches(child, path, open, isNew)], { role: "treeitem" });
    details.dataset.path = path;
    details.open = isNew || open.has(path);
    return details;
  });
}

function setLive() {
  stopLive?.();
  stopLive = null;
  if (!by("live").checked) {
    refresh();
    return;
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isDue = false;
  stopLive = subscribe({
    filter: by("filter").value || "#",
    login,
    onMessage(topic, payload) {
      let shown = word("binary", payload.length);
      try {
        shown = decoder.decode(payload).slice(0, 4096);
      } catch { /* It is no text. */ }
      values.set(topic, { shown, isRetained: false });
      if (values.size > 5000) values.delete(values.keys().next().value);
      if (!isDue) {
        isDue = true;
        setTimeout(() => { isDue = false; drawTree(); }, 200);
      }
    },
    onEnd() {
      if (stopLive) {
        stopLive = null;
        by("live").checked = false;
      }
    },
  });
}

by("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const data = new FormData(event.target);
  login = { username: data.get("username"), password: data.get("password") };
  begin();
});

by("logout").addEventListener("click", () => {
  login = null;
  session = null;
  events?.abort();
  stopLive?.();
  begin();
});

by("publish-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = new FormData(event.target);
  const message = {
    topic: data.get("topic"),
    payload: data.get("payload"),
    qos: Number(data.get("qos")),
    retain: data.get("retain") !== null,
  };
  const published = by("published");
  try {
    await ask("/api/v1/publish", { method: "POST", body: message });
    published.textContent = word("sent");
    published.classList.remove("bad");
  } catch (error) {
    published.textContent = error.message;
    published.classList.add("bad");
  }
});

by("who-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const topic = new FormData(event.target).get("topic");
  const who = by("who");
  try {
    const list = await ask(`/api/v1/subscriptions?topic=${encodeURIComponent(topic)}`);
    const lines = list.entries.map((entry) => make("li",
      `${entry.is_delivered ? "✓" : "✗"} ${entry.client_id} · ${entry.topic_filter} · QoS ${entry.qos} · ${entry.reason}`));
    who.replaceChildren(...(lines.length > 0 ? lines : [make("li", word("nobody"))]));
  } catch (error) {
    who.replaceChildren(make("li", error.message, { class: "bad" }));
  }
});

by("live").addEventListener("change", setLive);
by("filter").addEventListener("change", () => (by("live").checked ? setLive() : refresh()));
for (const id of ["search", "sort"]) {
  by(id).addEventListener("input", () => { offset = 0; refresh(); });
}
by("earlier").addEventListener("click", () => { offset = Math.max(0, offset - PAGE); refresh(); });
by("later").addEventListener("click", () => { offset += PAGE; refresh(); });
by("language").addEventListener("change", (event) => {
  localStorage.setItem("language", speak(event.target.value));
  by("tree").replaceChildren();
  show();
});
addEventListener("hashchange", show);

by("language").value = speak(localStorage.getItem("language") ?? navigator.language.slice(0, 2));
begin();
setInterval(refresh, 2000);
