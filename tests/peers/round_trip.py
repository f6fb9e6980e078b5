"""Publishes three messages to a topic of its own subscription and prints what comes back.

round_trip.py TRANSPORT PORT VERSION QOS
"""

import sys

from paho.mqtt import client as mqtt

transport, port, version, qos = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
TOPIC = "python/été"
PAYLOADS = ["un", "deux", "trois"]
received = 0
published = 0


def on_connect(client, _userdata, _flags, reason_code, _properties):
    if reason_code.is_failure:
        sys.exit(str(reason_code))
    client.subscribe(TOPIC, qos)


def on_subscribe(client, _userdata, _mid, reason_codes, _properties):
    print("granted", reason_codes[0].value)
    for payload in PAYLOADS:
        client.publish(TOPIC, payload, qos)


def disconnect_when_done(client):
    if received == published == len(PAYLOADS):
        client.disconnect()


def on_publish(client, _userdata, _mid, _reason_code, _properties):
    global published
    published += 1
    disconnect_when_done(client)


def on_message(client, _userdata, message):
    global received
    print(message.topic, message.qos, message.payload.decode())
    received += 1
    disconnect_when_done(client)


client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2,
    client_id="python",
    protocol={"3": mqtt.MQTTv31, "4": mqtt.MQTTv311, "5": mqtt.MQTTv5}[version],
    transport=transport,
)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_publish = on_publish
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_forever(retry_first_connection=False)
