mod closing;
mod end;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::signal::unix::Signal;
use tokio::time::{Instant, Interval, interval_at, sleep_until, timeout};

use super::output::Output;
use super::signals::{Signals, resized};
use super::terminal::Terminal;
use super::watch::Watch;
use super::{Display, Settings};
use crate::client::{
    Client, Error, Event, LossReport, Publication, Stream, ask_password, system_text,
};
use crate::protocol::{Publish, QoS, SubAck, topic_matches};
use end::{End, Left};

/// The time that an interrupted program waits for the reader of its output.
const FINAL_FLUSH: Duration = Duration::from_secs(1);
/// The exit code of Mosquitto after an interruption before the CONNACK.
const INTERRUPTED_EARLY: u8 = 255;
/// The exit code if standard output cannot be written.
const CANNOT_PRINT: u8 = 1;
const SECOND: Duration = Duration::from_secs(1);
/// The number of values that [`chosen`] draws from.
const RANDOM_NUMBERS: f64 = 4_294_967_296.0;

/// Subscribes, prints until the end, and returns the exit code.
pub fn run(settings: Settings) -> u8 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(subscribe(settings));
            // A name lookup must not delay the end.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            settings.report.error(error);
            Error::Io(std::io::Error::last_os_error()).exit_code()
        }
    }
}

async fn subscribe(settings: Settings) -> u8 {
    let (mut output, signals) = match (Output::new(), Signals::new()) {
        (Ok(output), Ok(signals)) => (output, signals),
        (Err(error), _) | (_, Err(error)) => {
            let error = Error::Io(error);
            settings.report.error(&error);
            return error.exit_code();
        }
    };
    let mut client = Client::new(settings.options.clone());
    if settings.debug {
        client.set_log(output.log());
    }
    let terminal = Terminal::of_stdout();
    let view = match settings.display {
        Display::Messages => View::Messages,
        Display::Watch => View::Watch(Watch::new(settings.endpoint.host(), terminal)),
        Display::Rate => View::Rate {
            ticks: interval_at(Instant::now() + SECOND, SECOND),
            received: 0,
        },
    };
    let resized = match (&view, terminal.present) {
        (View::Watch(_), true) => resized().ok(),
        _ => None,
    };
    let mut subscriber = Subscriber {
        settings,
        client,
        output,
        terminal,
        view,
        signals,
        resized,
        deadline: None,
        count: 0,
    };
    subscriber.draw();
    let code = subscriber.run().await;
    if let View::Watch(watch) = &subscriber.view {
        subscriber.output.append(|out| watch.end(out));
    }
    subscriber.print_last().await;
    match subscriber.output.failure() {
        Some(error) => {
            subscriber.settings.report.error(format_args!(
                "Unable to write to standard output: {}.",
                system_text(error)
            ));
            CANNOT_PRINT
        }
        None => code,
    }
}

struct Subscriber {
    settings: Settings,
    client: Client<Box<dyn Stream>>,
    output: Output,
    terminal: Terminal,
    view: View,
    signals: Signals,
    /// The signal that the terminal's size has changed, if that matters.
    resized: Option<Signal>,
    /// The time at which `-W` ends the program.
    deadline: Option<Instant>,
    /// The number of processed messages.
    count: u64,
}

/// The view of the messages, with its state.
enum View {
    Messages,
    Watch(Watch),
    Rate {
        ticks: Interval,
        /// The number of messages since the last tick.
        received: u64,
    },
}

impl View {
    /// Waits for the end of the second and returns the number of messages, if they are
    /// counted.
    async fn tick(&mut self) -> u64 {
        match self {
            Self::Rate { ticks, received } => {
                ticks.tick().await;
                std::mem::take(received)
            }
            Self::Messages | Self::Watch(_) => std::future::pending().await,
        }
    }
}

impl Subscriber {
    async fn run(&mut self) -> u8 {
        if let Err(code) = self.connect_first().await {
            return code;
        }
        let mut losses = LossReport::new(self.settings.report);
        loop {
            let end = match self.session().await {
                Left::End(end) => end,
                Left::Error(error) if error.is_final() => return self.give_up(&error),
                Left::Error(_) => match self.reconnect(&mut losses).await {
                    Ok(()) => continue,
                    Err(Left::End(end)) => end,
                    Err(Left::Error(error)) => return self.give_up(&error),
                },
            };
            return self.end(end).await;
        }
    }

    /// Opens the first connection, whose failure is final; the error is the exit code.
    async fn connect_first(&mut self) -> Result<(), u8> {
        let report = self.settings.report;
        let stream = tokio::select! {
            stream = self.settings.endpoint.open() => stream,
            _ = self.signals.next() => return Err(INTERRUPTED_EARLY),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                report.connect_failure(&error, &self.settings.endpoint);
                return Err(error.exit_code_at_start());
            }
        };
        self.deadline = self
            .settings
            .timeout
            .map(|timeout| Instant::now() + timeout);
        let connack = tokio::select! {
            connack = self.client.connect(stream) => connack,
            _ = self.signals.next() => return Err(INTERRUPTED_EARLY),
            () = until(self.deadline) => return Err(INTERRUPTED_EARLY),
        };
        let Err(error) = connack else {
            return Ok(());
        };
        report.wrong_protocol(self.client.other_protocol());
        if !error.is_final() {
            // Mosquitto_sub tries again if there is no CONNACK.
            return Ok(());
        }
        let password = tokio::select! {
            password = ask_password(&error, &self.settings.options, report) => password,
            _ = self.signals.next() => return Err(INTERRUPTED_EARLY),
        };
        match password {
            Some(password) => {
                self.client.set_password(password.clone());
                self.settings.options.password = Some(password);
                Box::pin(self.connect_first()).await
            }
            None => Err(self.give_up(&error)),
        }
    }

    /// Waits until a connection stands again.
    async fn reconnect(&mut self, losses: &mut LossReport) -> Result<(), Left> {
        losses.lost(
            self.client.disconnect_reason(),
            &self.settings.options.client_id,
        );
        loop {
            tokio::select! {
                connected = self.client.try_reconnect(&self.settings.endpoint) => {
                    if connected? {
                        losses.connected();
                        return Ok(());
                    }
                }
                interruption = self.signals.next() => {
                    return Err(Left::End(End::Interrupted(interruption)));
                }
                () = until(self.deadline) => return Err(Left::End(End::TimedOut)),
                closed = self.output.reader_ends() => return Err(closed.into()),
            }
            // The broker does not wait for a slow reader.
            self.output.flush().now_or_never().transpose()?;
        }
    }

    /// Subscribes and prints until the connection ends.
    async fn session(&mut self) -> Left {
        match self.try_session().await {
            Ok(never) => match never {},
            Err(left) => left,
        }
    }

    async fn try_session(&mut self) -> Result<std::convert::Infallible, Left> {
        if !self.client.is_connected() {
            return Err(Left::Error(Error::ConnectionLost));
        }
        if !self.settings.subscriptions.is_empty() {
            self.client.subscribe(
                self.settings.subscriptions.clone(),
                self.settings.subscribe_properties.clone(),
            );
        }
        for filter in &self.settings.unsubscribe {
            self.client.unsubscribe(
                vec![filter.clone()],
                self.settings.unsubscribe_properties.clone(),
            );
        }
        loop {
            while let Some(event) = self.client.next_event()? {
                self.handle(event)?;
                if self.output.is_full() {
                    self.print_out().await?;
                }
            }
            // The input pauses: messages are shown before they are acknowledged.
            self.print_out().await?;
            tokio::select! {
                result = self.client.drive() => result?,
                interruption = self.signals.next() => {
                    return Err(Left::End(End::Interrupted(interruption)));
                }
                () = until(self.deadline) => return Err(Left::End(End::TimedOut)),
                received = self.view.tick() => {
                    self.output.line(format_args!("{received} msgs/s"));
                }
                () = next_signal(&mut self.resized) => self.draw(),
                closed = self.output.reader_ends(), if !self.settings.exit_after_suback => {
                    return Err(closed.into());
                }
            }
        }
    }

    /// Writes the output.
    ///
    /// While nobody reads it, no messages are read, but the connection is kept alive.
    async fn print_out(&mut self) -> Result<(), Left> {
        loop {
            tokio::select! {
                biased;
                result = self.output.flush() => return Ok(result?),
                result = self.client.hold() => result?,
                interruption = self.signals.next() => {
                    return Err(Left::End(End::Interrupted(interruption)));
                }
                () = until(self.deadline) => return Err(Left::End(End::TimedOut)),
            }
        }
    }

    /// Writes the output, unless nobody reads it in time.
    async fn print_last(&mut self) {
        // Nothing can be done about a reader that is gone.
        let _ = timeout(FINAL_FLUSH, self.output.flush()).await;
    }

    /// Draws the view of `--watch`.
    fn draw(&mut self) {
        if let View::Watch(watch) = &self.view {
            self.output.append(|out| watch.draw(out));
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Left> {
        match event {
            Event::Message(publish) => self.message(&publish),
            Event::Subscribed(suback) => self.subscribed(&suback),
            Event::Published { .. } | Event::Unsubscribed(_) => Ok(()),
            Event::Disconnected(_) => {
                self.client.abandon();
                Err(Left::Error(Error::ConnectionLost))
            }
        }
    }

    fn message(&mut self, publish: &Publish) -> Result<(), Left> {
        if let View::Rate { received, .. } = &mut self.view {
            *received += 1;
            return Ok(());
        }
        let settings = &self.settings;
        if settings.retained_only && !publish.retain {
            return Err(Left::End(End::Done));
        }
        if settings.skip_retained && publish.retain {
            return Ok(());
        }
        if let (Some(topic), false) = (&publish.topic, settings.filter_out.is_empty()) {
            let mut filters = settings.filter_out.iter();
            if filters.any(|filter| topic_matches(filter, topic)) {
                return Ok(());
            }
        }
        if settings.random_filter.is_none_or(chosen) {
            self.print(publish);
        }
        if self.settings.remove_retained && publish.retain {
            self.remove_retained(publish);
        }
        self.count += 1;
        if Some(self.count) == self.settings.count {
            return Err(Left::End(End::Done));
        }
        Ok(())
    }

    fn print(&mut self, publish: &Publish) {
        let Settings { print, report, .. } = &self.settings;
        let (View::Watch(watch), Some(topic)) = (&mut self.view, &publish.topic) else {
            let terminal = self.terminal;
            self.output
                .append(|out| print.message(publish, terminal, *report, out));
            return;
        };
        let mut text = Vec::new();
        print.message(publish, self.terminal, *report, &mut text);
        if print.newline {
            text.pop();
        }
        self.output
            .append(|out| watch.message(topic.to_owned_name(), text, out));
    }

    /// Clears the retained message of a topic.
    ///
    /// A message that does not fit into the window is left: the broker sends it again at the
    /// next run.
    fn remove_retained(&mut self, publish: &Publish) {
        let Some(topic) = &publish.topic else {
            return;
        };
        let publication = Publication::new(topic.to_owned_name(), QoS::AtLeastOnce, true);
        self.client.enqueue(Arc::new(publication), Bytes::new());
    }

    fn subscribed(&mut self, suback: &SubAck) -> Result<(), Left> {
        let settings = &self.settings;
        if settings.debug && !settings.report.is_quiet() {
            let granted: Vec<_> = suback
                .reasons
                .iter()
                .map(|&reason| u8::from(reason).to_string())
                .collect();
            self.output.line(format_args!(
                "Subscribed (mid: {}): {}",
                suback.packet_id,
                granted.join(", ")
            ));
        }
        if suback.reasons.iter().all(|reason| reason.is_error()) {
            settings
                .report
                .line("All subscription requests were denied.");
            return Err(Left::End(End::Done));
        }
        if settings.exit_after_suback {
            return Err(Left::End(End::Done));
        }
        Ok(())
    }
}

/// Returns whether a message is among `chance` in a hundred.
fn chosen(chance: f64) -> bool {
    // Without randomness all are.
    getrandom::u32().is_ok_and(|number| f64::from(number) < chance / 100.0 * RANDOM_NUMBERS)
}

async fn next_signal(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
