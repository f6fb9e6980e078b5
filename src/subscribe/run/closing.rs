//! The end of `mq-sub`.

use std::time::Duration;

use tokio::time::timeout;

use super::Subscriber;
use super::end::End;
use crate::client::Error;
use crate::protocol::{Disconnect, ProtocolVersion, ReasonCode};
use crate::subscribe::signals::Interruption;

/// The time in which the broker may clear retained messages at the end.
const CLEARING: Duration = Duration::from_secs(2);
const TIMED_OUT: u8 = 27;

impl Subscriber {
    /// Leaves the broker and returns the exit code.
    pub(super) async fn end(&mut self, end: End) -> u8 {
        if end == End::Done {
            // The program is done even if nobody reads the rest.
            let _ = self.print_out().await;
        } else {
            self.print_last().await;
        }
        if end == End::Done && self.settings.remove_retained {
            self.finish_clearing().await;
        }
        match self.disconnect_reason(end) {
            Some(reason) => {
                let disconnect = Disconnect {
                    reason,
                    properties: self.settings.disconnect_properties.clone(),
                };
                // It fails if the broker is gone already.
                let _ = self.client.disconnect(disconnect).await;
            }
            None => self.client.abandon(),
        }
        if end == End::TimedOut {
            self.print_last().await;
            self.settings.report.line("Timed out");
            return TIMED_OUT;
        }
        0
    }

    /// Returns the reason of the DISCONNECT.
    ///
    /// `None` closes the connection without one, so that the broker publishes the will.
    fn disconnect_reason(&self, end: End) -> Option<ReasonCode> {
        let v5 = self.settings.options.version == ProtocolVersion::V5;
        let has_will = self.settings.options.will.is_some();
        match end {
            End::Done => Some(ReasonCode::Success),
            // Ctrl+C causes the will in every version.
            End::Interrupted(Interruption::Interrupt) => match (has_will, v5) {
                (false, _) => Some(ReasonCode::Success),
                (true, true) => Some(ReasonCode::DisconnectWithWill),
                (true, false) => None,
            },
            // Mosquitto does so.
            End::Interrupted(Interruption::Terminate) | End::TimedOut if v5 => {
                Some(ReasonCode::DisconnectWithWill)
            }
            End::Interrupted(Interruption::Terminate) | End::TimedOut => Some(ReasonCode::Success),
        }
    }

    /// Waits until the broker has the messages that clear retained ones.
    async fn finish_clearing(&mut self) {
        let cleared = async {
            while !self.client.is_acknowledged() {
                self.client.drive().await?;
                while self.client.next_event()?.is_some() {}
            }
            Ok::<_, Error>(())
        };
        let _ = timeout(CLEARING, cleared).await;
    }

    /// Reports why the connection ended and returns the exit code.
    pub(super) fn give_up(&self, error: &Error) -> u8 {
        match error {
            Error::Refused(_) => self.settings.report.refusal(error, &self.settings.options),
            _ => self.settings.report.error(error),
        }
        self.settings.report.cause(error);
        error.exit_code()
    }
}
