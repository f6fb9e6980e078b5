// A subscriber over WebSocket: MQTT 3.1.1 at QoS 0, as much as the page needs.

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const KEEP_ALIVE = 30;

function text(value) {
  const bytes = encoder.encode(value);
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

function packet(first, body) {
  const length = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return new Uint8Array([first, ...length, ...body]);
}

/**
 * Subscribes to a topic filter. Calls `onMessage(topic, payload)` for each message and
 * `onEnd()` when the connection ends. Returns a function that ends it.
 */
export function subscribe({ filter, login, onMessage, onEnd }) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/mqtt`, "mqtt");
  socket.binaryType = "arraybuffer";
  let waiting = new Uint8Array(0);
  let ping = 0;

  socket.onopen = () => {
    const flags = login ? 0xc2 : 0x02;
    const id = `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    const names = login ? [...text(login.username), ...text(login.password)] : [];
    socket.send(packet(0x10, [...text("MQTT"), 4, flags, 0, KEEP_ALIVE, ...text(id), ...names]));
    ping = setInterval(() => socket.send(packet(0xc0, [])), KEEP_ALIVE * 500);
  };

  socket.onmessage = ({ data }) => {
    const bytes = new Uint8Array(waiting.length + data.byteLength);
    bytes.set(waiting);
    bytes.set(new Uint8Array(data), waiting.length);
    waiting = take(bytes);
  };

  socket.onclose = () => {
    clearInterval(ping);
    onEnd();
  };

  function take(bytes) {
    let at = 0;
    for (;;) {
      let length = 0;
      let shift = 0;
      let body = at + 1;
      for (; ; body += 1, shift += 7) {
        if (body >= bytes.length) return bytes.slice(at);
        length |= (bytes[body] & 127) << shift;
        if (bytes[body] < 128) break;
      }
      body += 1;
      if (body + length > bytes.length) return bytes.slice(at);
      handle(bytes[at], bytes.subarray(body, body + length));
      at = body + length;
    }
  }

  function handle(first, body) {
    if (first >> 4 === 2 && body[1] === 0) {
      socket.send(packet(0x82, [0, 1, ...text(filter), 0]));
    } else if (first >> 4 === 3) {
      const end = 2 + (body[0] << 8 | body[1]);
      onMessage(decoder.decode(body.subarray(2, end)), body.slice(end));
    }
  }

  return () => socket.close();
}
