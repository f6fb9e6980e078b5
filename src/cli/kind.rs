/// A client program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `mq-pub`
    Publish,
    /// `mq-sub`
    Subscribe,
}

impl Kind {
    /// Returns the name that the program is installed with.
    pub fn installed_name(self) -> &'static str {
        match self {
            Self::Publish => "mq-pub",
            Self::Subscribe => "mq-sub",
        }
    }

    /// Returns the name of Mosquitto's program.
    pub(super) fn original_name(self) -> &'static str {
        match self {
            Self::Publish => "mosquitto_pub",
            Self::Subscribe => "mosquitto_sub",
        }
    }
}
