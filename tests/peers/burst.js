// Publishes a number of messages at once and counts what comes back to a subscription:
// node burst.js URL VERSION QOS COUNT
const mqtt = require('mqtt');

const [url, version, qos, count] = process.argv.slice(2);
const client = mqtt.connect(url, { protocolVersion: Number(version), reconnectPeriod: 0 });
const received = new Map();
let failed = 0;
let arrived;
const allArrived = new Promise((resolve) => { arrived = resolve; });

client.on('connect', async () => {
  await client.subscribeAsync('burst', { qos: Number(qos) });
  const numbers = Array.from({ length: Number(count) }, (_, number) => String(number));
  await Promise.all(numbers.map(async (number) => {
    try {
      await client.publishAsync('burst', number, { qos: Number(qos) });
    } catch {
      failed += 1;
    }
  }));
  if (failed === 0) {
    await allArrived;
  }
  const once = [...received.values()].filter((times) => times === 1).length;
  console.log(`${failed} failed, ${once} arrived once`);
  await client.endAsync();
});

client.on('message', (topic, payload) => {
  const number = payload.toString();
  received.set(number, (received.get(number) ?? 0) + 1);
  if (received.size === Number(count)) {
    arrived();
  }
});

client.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
