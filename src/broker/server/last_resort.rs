//! End of a broker that cannot stop by itself.

use std::io;
use std::process;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::broker::log::Log;

/// Time from the signal to the end; together with what comes before and after, five seconds.
const WITHIN: Duration = Duration::from_millis(4_500);
/// Time that the log gets for its last lines.
const LAST_LINES: Duration = Duration::from_millis(200);
const EXIT_CODE: i32 = 1;

/// Ends the process some seconds after SIGTERM or SIGINT if it is still there.
///
/// A thread with a runtime of its own waits for the signals, because all others may be busy.
pub(super) fn watch(log: Log) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    let wait = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sleep(WITHIN).await;
    };
    let end = move || {
        runtime.block_on(wait);
        log.error(format_args!(
            "Error: The broker did not stop within 5 seconds. It ends without waiting any longer."
        ));
        log.flush(LAST_LINES);
        process::exit(EXIT_CODE);
    };
    let thread = thread::Builder::new().name("mq-broker-end".to_owned());
    thread.spawn(end).map(drop)
}
