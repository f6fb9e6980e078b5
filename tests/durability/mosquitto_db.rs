//! A `mosquitto.db` made by hand, with whatever numbers a test wants in it.

/// Milliseconds do not go so far.
pub(crate) const END_OF_TIME: i64 = i64::MAX;

/// The bytes of such a file.
pub(crate) struct Database {
    bytes: Vec<u8>,
    messages: u64,
}

impl Database {
    pub(crate) fn new() -> Self {
        const HEADER: &[u8] = b"\x00\xb5\x00mosquitto db\0\0\0\0\0\0\0\x06";
        Self {
            bytes: HEADER.to_vec(),
            messages: 0,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A session that lasts until this Unix time, or for ever.
    pub(crate) fn session(&mut self, client_id: &str, expires_at: Option<i64>) {
        let expires_at = expires_at.unwrap_or(0).to_le_bytes();
        let id_length = length(client_id.len()).to_be_bytes();
        let packet_id_and_length = [&[0, 0], &id_length[..]].concat();
        let port_username_padding = [0; 8];
        let body = [
            &expires_at[..],
            &u32::MAX.to_be_bytes(),
            &packet_id_and_length,
            &port_username_padding,
            client_id.as_bytes(),
        ];
        self.chunk(6, &body.concat());
    }

    /// A retained message that lasts until this Unix time, or for ever.
    pub(crate) fn retained(&mut self, topic: &str, payload: &[u8], expires_at: Option<i64>) {
        self.messages += 1;
        let id = self.messages.to_be_bytes();
        let expires_at = expires_at.unwrap_or(0).to_le_bytes();
        let payload_length = u32::try_from(payload.len()).expect("a short payload");
        let topic_length = length(topic.len()).to_be_bytes();
        let publisher = [0; 6];
        let port_qos_retain = [0, 0, 1, 1];
        let body = [
            &id[..],
            &expires_at,
            &payload_length.to_be_bytes(),
            &publisher,
            &topic_length,
            &port_qos_retain,
            topic.as_bytes(),
            payload,
        ];
        self.chunk(2, &body.concat());
        self.chunk(4, &id);
    }

    fn chunk(&mut self, kind: u32, body: &[u8]) {
        let length = u32::try_from(body.len()).expect("a short chunk");
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(body);
    }
}

fn length(length: usize) -> u16 {
    u16::try_from(length).expect("a short text")
}
