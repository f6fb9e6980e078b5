//! What goes wrong: the broker dies, or its connections do.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::Broker;
use crate::support::cutting_proxy::CuttingProxy;
use crate::support::random::Random;

/// A fault that strikes again and again.
pub(crate) trait Fault {
    /// Where the broker is to be found.
    fn port(&self) -> u16;

    /// Breaks every connection.
    fn strike(&mut self);

    /// Makes connections possible again.
    fn recover(&mut self, random: &mut Random);
}

/// The broker is killed.
pub(crate) struct Kills {
    broker: Broker,
}

impl Kills {
    pub(crate) fn of(broker: Broker) -> Self {
        Self { broker }
    }

    pub(crate) fn into_broker(self) -> Broker {
        self.broker
    }
}

impl Fault for Kills {
    fn port(&self) -> u16 {
        self.broker.port()
    }

    fn strike(&mut self) {
        self.broker.end(Signal::SIGKILL);
    }

    fn recover(&mut self, random: &mut Random) {
        // Sometimes it does not even come to the end of its start.
        if random.once_in(8) {
            let moment = random.shorter_than(Duration::from_millis(30));
            self.broker.start_and_kill(moment);
        }
        self.broker.start_again();
    }
}

/// The connections are cut and the broker lives on.
pub(crate) struct Cuts {
    broker: Broker,
    proxy: CuttingProxy,
}

impl Cuts {
    pub(crate) fn of(broker: Broker) -> Self {
        let proxy = CuttingProxy::to(broker.port());
        Self { broker, proxy }
    }

    pub(crate) fn into_broker(self) -> Broker {
        self.broker
    }
}

impl Fault for Cuts {
    fn port(&self) -> u16 {
        self.proxy.port()
    }

    fn strike(&mut self) {
        self.proxy.cut();
    }

    fn recover(&mut self, _: &mut Random) {}
}
