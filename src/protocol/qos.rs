/// A quality of service level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: the message arrives once or not at all.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: the message arrives at least once.
    AtLeastOnce = 1,
    /// QoS 2: the message arrives exactly once.
    ExactlyOnce = 2,
}

impl QoS {
    /// Returns the level with this number, or `None` if it is not 0, 1 or 2.
    pub fn from_u8(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

impl From<QoS> for u8 {
    fn from(qos: QoS) -> Self {
        qos as u8
    }
}
