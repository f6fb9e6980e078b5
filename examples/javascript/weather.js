// Prints the temperatures of the weather station: node weather.js [URL]
// Takes the login from MQTT_USERNAME and MQTT_PASSWORD if they are set.
const mqtt = require('mqtt');

const server = process.argv[2] ?? 'mqtt://localhost:1883';
const options = {
  clientId: 'weather-example',
  username: process.env.MQTT_USERNAME,
  password: process.env.MQTT_PASSWORD,
};

const client = mqtt.connect(server, options);

client.on('connect', () => {
  console.log('Connected to MQTT broker');
  client.subscribe('ha/_temperature2', { qos: 0 });
});

client.on('message', (topic, message) => {
  console.log(`${topic} ${message.toString()}`);
});

client.on('error', (err) => {
  console.error(`Connection error: ${err.message}`);
  process.exitCode = 1;
  client.end();
});
