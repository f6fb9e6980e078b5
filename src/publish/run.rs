use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use super::lines::Lines;
use super::progress::Progress;
use super::{Loaded, Repetition, Settings};
use crate::client::{
    Client, Error, Event, LossReport, Publication, PublishError, Stream, ask_password,
};
use crate::protocol::{Disconnect, PacketId, QoS, ReasonCode, Text};

/// The exit code after Ctrl+C, as in a shell.
const INTERRUPTED: i32 = 130;
/// The exit code when the time of `-W` is over.
const TIMED_OUT: u8 = 27;
/// The size of a payload in bytes from which a broker might refuse it.
const LARGE: usize = 4 * 1024;
/// The number of connections in a row that may end while the broker receives a large message.
const MAX_CUT_OFFS: u32 = 5;

/// Publishes everything and returns the exit code.
pub fn run(settings: Settings) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(publish(settings));
            // A name lookup must not delay the end.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let error = Error::Io(error);
            settings.report.error(&error);
            error.exit_code()
        }
    }
}

async fn publish(settings: Settings) -> u8 {
    let mut client = Client::new(settings.options.clone());
    if settings.debug {
        client.set_log(Box::new(|line| {
            // Nobody can be informed if standard output is closed.
            let _ = writeln!(io::stdout(), "{line}");
        }));
    }
    let total = match settings.source {
        Loaded::Payload(_) => Some(settings.repetition.count),
        Loaded::Lines => None,
    };
    let mut publisher = Publisher {
        client,
        publication: Arc::new(settings.publication.clone()),
        first_refusal: None,
        progress: Progress::new(total, settings.report),
        published: 0,
        unconfirmed: 0,
        cut_offs: 0,
        settings,
    };
    let result = match publisher.settings.timeout {
        None => publisher.run().await,
        Some(limit) => {
            let result = timeout(limit, publisher.run()).await;
            result.unwrap_or(Err(Failure::TimedOut))
        }
    };
    publisher.progress.finish();
    match result {
        Ok(()) => match publisher.first_refusal {
            Some(reason) if publisher.settings.refusals_fail => reason.into(),
            _ => 0,
        },
        Err(failure) => publisher.report(&failure),
    }
}

struct Publisher {
    settings: Settings,
    client: Client<Box<dyn Stream>>,
    publication: Arc<Publication>,
    first_refusal: Option<ReasonCode>,
    progress: Progress,
    /// The number of messages given to the client.
    published: u64,
    /// The size of the largest payload that the broker may not have handled.
    unconfirmed: usize,
    /// The connections that have ended since a message was acknowledged, while a large one was
    /// unconfirmed.
    cut_offs: u32,
}

/// A reason that not everything was published.
#[derive(Debug)]
enum Failure {
    /// There was no connection at all.
    Connect(Error),
    Connection(Error),
    /// A message cannot be sent.
    Message(PublishError),
    /// The time of `-W` is over.
    TimedOut,
    /// Standard input cannot be read.
    Input(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl Publisher {
    async fn run(&mut self) -> Result<(), Failure> {
        self.connect().await?;
        match self.settings.source.clone() {
            Loaded::Payload(payload) => self.repeat(payload, self.settings.repetition).await,
            Loaded::Lines => self.lines().await,
        }
    }

    /// Opens the first connection; asks at a terminal for a missing password.
    async fn connect(&mut self) -> Result<(), Failure> {
        let report = self.settings.report;
        let stream = self.settings.endpoint.open().await;
        let stream = stream.map_err(Failure::Connect)?;
        let Err(error) = self.client.connect(stream).await else {
            return Ok(());
        };
        let password = tokio::select! {
            password = ask_password(&error, self.client.options(), report) => password,
            _ = tokio::signal::ctrl_c() => std::process::exit(INTERRUPTED),
        };
        let Some(password) = password else {
            return Err(error.into());
        };
        // Ctrl+C still ends the program at once.
        tokio::spawn(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(INTERRUPTED);
            }
        });
        self.client.set_password(password);
        let stream = self.settings.endpoint.open().await;
        self.client
            .connect(stream.map_err(Failure::Connect)?)
            .await?;
        Ok(())
    }

    /// Sends a message repeatedly.
    ///
    /// Each is sent, and at QoS 1 and 2 acknowledged, before the next one.
    async fn repeat(&mut self, payload: Bytes, repetition: Repetition) -> Result<(), Failure> {
        let qos = self.publication.qos;
        for number in 1..=repetition.count {
            self.drive_until(|client| client.has_room(qos)).await?;
            if let Err(error) = self.publish(payload.clone()) {
                // Mosquitto sends a DISCONNECT and then reports that the connection was lost.
                let _ = self.disconnect().await;
                return Err(Failure::Message(error));
            }
            if qos != QoS::AtMostOnce {
                self.drive_until(Client::is_acknowledged).await?;
            }
            if !repetition.delay.is_zero() && number < repetition.count {
                self.drive_until(Client::is_idle).await?;
                self.pause(repetition.delay).await?;
            }
        }
        self.confirm().await?;
        Ok(self.disconnect().await?)
    }

    /// Sends each line of standard input, over as many connections as necessary.
    async fn lines(&mut self) -> Result<(), Failure> {
        let mut lines = Lines::read(io::stdin()).map_err(Failure::Input)?;
        let mut failure = None;
        let mut losses = LossReport::new(self.settings.report);
        loop {
            if let Err(error) = self.try_lines(&mut lines, &mut failure).await {
                self.note_cut_off();
                if error.is_final() || self.cut_offs == MAX_CUT_OFFS {
                    return Err(error.into());
                }
                if self.cut_offs > 0 && self.publication.qos == QoS::AtMostOnce {
                    failure.get_or_insert(Failure::Connection(error));
                    self.unconfirmed = 0;
                }
                let reason = self.client.disconnect_reason();
                let id = &self.settings.options.client_id;
                self.progress.suspend(|| losses.lost(reason, id));
                while !self.client.try_reconnect(&self.settings.endpoint).await? {}
                self.progress.suspend(|| losses.connected());
                continue;
            }
            self.disconnect().await?;
            return failure.map_or(Ok(()), Err);
        }
    }

    /// Sends lines until the last is sent and acknowledged.
    ///
    /// A line that cannot be sent or read is the last.
    async fn try_lines(
        &mut self,
        lines: &mut Lines,
        failure: &mut Option<Failure>,
    ) -> Result<(), Error> {
        let qos = self.publication.qos;
        loop {
            self.events()?;
            while self.client.has_room(qos) {
                let Some(line) = lines.next() else {
                    break;
                };
                if let Err(error) = self.publish(line) {
                    *failure = Some(Failure::Message(error));
                    lines.stop();
                }
            }
            self.progress.set(self.published);
            if lines.is_done() && self.client.is_idle() {
                return self.confirm().await;
            }
            tokio::select! {
                result = self.client.drive() => result?,
                result = lines.wait(), if lines.wants_more() => {
                    if let Err(error) = result {
                        *failure = Some(Failure::Input(error));
                    }
                }
            }
        }
    }

    fn publish(&mut self, payload: Bytes) -> Result<(), PublishError> {
        let size = payload.len();
        self.client.publish(&self.publication, payload)?;
        self.unconfirmed = self.unconfirmed.max(size);
        self.published += 1;
        Ok(())
    }

    /// Waits until the broker has handled a large QoS 0 message, which nothing acknowledges.
    ///
    /// A broker that refuses it ends the connection, perhaps only after our DISCONNECT.
    async fn confirm(&mut self) -> Result<(), Error> {
        if self.publication.qos == QoS::AtMostOnce && self.unconfirmed >= LARGE {
            self.client.ping()?;
            self.drive_until(Client::is_answered).await?;
            self.unconfirmed = 0;
            self.cut_offs = 0;
        }
        Ok(())
    }

    /// Counts a lost connection if a large message may be the reason.
    fn note_cut_off(&mut self) {
        if self.unconfirmed >= LARGE {
            self.cut_offs += 1;
            if self.cut_offs == 1 {
                self.progress.suspend(|| self.hint_at_size());
            }
        }
    }

    fn hint_at_size(&self) {
        self.settings.report.hint(format_args!(
            "the broker ended the connection while it received a message of {} bytes: it may accept \
             only smaller ones (`max_packet_size`, usually 2000000)",
            self.unconfirmed
        ));
    }

    async fn drive_until(
        &mut self,
        done: impl Fn(&Client<Box<dyn Stream>>) -> bool,
    ) -> Result<(), Error> {
        loop {
            self.events()?;
            if done(&self.client) {
                self.progress.set(self.published);
                return Ok(());
            }
            self.client.drive().await?;
        }
    }

    /// Keeps the connection alive for a while.
    async fn pause(&mut self, delay: Duration) -> Result<(), Error> {
        let end = Instant::now() + delay;
        loop {
            tokio::select! {
                result = self.client.drive() => result?,
                () = sleep_until(end) => return Ok(()),
            }
            self.events()?;
        }
    }

    fn events(&mut self) -> Result<(), Error> {
        while let Some(event) = self.client.next_event()? {
            match event {
                Event::Published {
                    packet_id,
                    reason,
                    reason_string,
                } => {
                    if reason.is_error() {
                        self.refused(packet_id, reason, reason_string);
                    }
                    self.cut_offs = 0;
                    if self.client.is_acknowledged() {
                        self.unconfirmed = 0;
                    }
                }
                Event::Disconnected(_) => {
                    self.client.abandon();
                    return Err(Error::ConnectionLost);
                }
                Event::Message(_) | Event::Subscribed(_) | Event::Unsubscribed(_) => {}
            }
        }
        Ok(())
    }

    fn refused(&mut self, packet_id: PacketId, reason: ReasonCode, reason_string: Option<Text>) {
        self.first_refusal.get_or_insert(reason);
        let report = self.settings.report;
        self.progress.suspend(|| {
            report.line(format_args!(
                "Warning: Publish {packet_id} failed: {}.",
                reason.text()
            ));
            if let Some(reason_string) = reason_string {
                report.line(reason_string);
            }
        });
    }

    async fn disconnect(&mut self) -> Result<(), Error> {
        let disconnect = Disconnect {
            reason: ReasonCode::Success,
            properties: self.settings.disconnect_properties.clone(),
        };
        match self.client.disconnect(disconnect).await {
            // Acknowledged messages are delivered, however the connection ends.
            Err(_) if self.publication.qos != QoS::AtMostOnce => Ok(()),
            result => result,
        }
    }

    /// Returns whether Mosquitto's programs hide this error behind a lost connection.
    fn says_more(&self, error: PublishError) -> bool {
        self.settings.refusals_fail && matches!(error, PublishError::PacketTooLarge { .. })
    }

    /// Reports a failure and returns the exit code.
    fn report(&self, failure: &Failure) -> u8 {
        let report = self.settings.report;
        let lines = matches!(self.settings.source, Loaded::Lines);
        match failure {
            Failure::Connect(error) => {
                report.connect_failure(error, &self.settings.endpoint);
                error.exit_code_at_start()
            }
            Failure::Connection(error @ Error::Refused(code)) => {
                report.refusal(error, self.client.options());
                // Mosquitto knows only the five codes of MQTT 3.
                let known = matches!(code, crate::protocol::ConnAckCode::V3(code) if code.0 < 6);
                if known || lines || report.has_reader() {
                    report.error(error);
                } else {
                    report.error(Error::Protocol);
                }
                error.exit_code()
            }
            Failure::Connection(error) => {
                report.error(error);
                report.cause(error);
                report.wrong_protocol(self.client.other_protocol());
                if self.unconfirmed >= LARGE && self.cut_offs == 0 {
                    self.hint_at_size();
                }
                error.exit_code()
            }
            Failure::Message(error) if lines || self.says_more(*error) => {
                report.error(error);
                error.exit_code()
            }
            Failure::Message(error) => {
                // Mosquitto reports nothing if the packet is too large for the broker.
                if !matches!(
                    error,
                    PublishError::PacketTooLarge { .. } | PublishError::NotSupported
                ) {
                    report.error(error);
                }
                report.error(Error::ConnectionLost);
                Error::ConnectionLost.exit_code()
            }
            Failure::TimedOut => {
                report.line("Timed out");
                TIMED_OUT
            }
            Failure::Input(error) => {
                let error = Error::Io(io::Error::from(error.kind()));
                report.error(format_args!("Unable to read standard input: {error}."));
                error.exit_code()
            }
        }
    }
}
