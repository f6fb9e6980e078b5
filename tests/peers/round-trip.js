// Publishes three messages to a topic of its own subscription and prints what comes back:
// node round-trip.js URL VERSION QOS
const mqtt = require('mqtt');

const [url, version, qos] = process.argv.slice(2);
const protocolVersion = Number(version);
const client = mqtt.connect(url, {
  protocolVersion,
  protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
  reconnectPeriod: 0,
});
const topic = 'node/été';
const payloads = ['un', 'deux', 'trois'];
let received = 0;
let arrived;
const allArrived = new Promise((resolve) => { arrived = resolve; });

client.on('connect', async () => {
  const [grant] = await client.subscribeAsync(topic, { qos: Number(qos) });
  console.log(`granted ${grant.qos}`);
  for (const payload of payloads) {
    await client.publishAsync(topic, payload, { qos: Number(qos) });
  }
  await allArrived;
  await client.endAsync();
});

client.on('message', (from, payload, packet) => {
  console.log(`${from} ${packet.qos} ${payload}`);
  received += 1;
  if (received === payloads.length) {
    arrived();
  }
});

client.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
