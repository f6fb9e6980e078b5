use procfs::process::{LimitValue, Process};

use super::format::Exposition;
use crate::broker::process::resident_bytes;

/// Reports the process by the standard names of Prometheus, as far as the system tells.
pub(super) fn report(text: &mut Exposition) {
    let Ok(process) = Process::myself() else {
        return;
    };
    if let Ok(stat) = process.stat() {
        let ticks = procfs::ticks_per_second() as f64;
        let seconds = (stat.utime + stat.stime) as f64 / ticks;
        text.counter("process_cpu_seconds", "Processor time of the process.");
        text.sample("process_cpu_seconds_total", "", seconds);
    }
    if let Some(resident) = resident_bytes() {
        text.gauge(
            "process_resident_memory_bytes",
            "Resident memory of the process.",
        );
        text.sample("process_resident_memory_bytes", "", resident);
    }
    if let Ok(open) = process.fd_count() {
        text.gauge("process_open_fds", "Open file descriptors.");
        text.sample("process_open_fds", "", open);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        text.gauge("process_max_fds", "File descriptors that may be open.");
        text.sample("process_max_fds", "", most);
    }
}
