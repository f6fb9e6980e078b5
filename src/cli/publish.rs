use super::connection::{check, connect_options, endpoint, version};
use super::{Kind, RawOptions, UsageError};
use crate::client::{Publication, Report};
use crate::options::Program;
use crate::protocol::Properties;
use crate::publish::{Loaded, Repetition, Settings, Source};

/// Returns the settings of `mq-pub` and reads the file to send.
pub fn publish_settings(program: &Program, raw: RawOptions) -> Result<Settings, UsageError> {
    check(&raw)?;
    let source = match &raw.source {
        Some(source) => Some(load(source)?),
        None => None,
    };
    let (Some(topic), Some(source)) = (raw.topic.clone(), source) else {
        return Err(incomplete(program, &raw));
    };
    if raw.replaces_topic {
        Report::new(raw.quiet).hint(format_args!(
            "mq-pub publishes on one topic, the last: {topic}"
        ));
    }
    let options = connect_options(&raw, Kind::Publish, None)?;
    let repetition = match source {
        Loaded::Lines => Repetition::ONCE,
        Loaded::Payload(_) => Repetition {
            count: raw.repeat.unwrap_or(1),
            delay: raw.repeat_delay,
        },
    };
    let mut publication = Publication::new(topic, raw.qos, raw.retain);
    let mut disconnect_properties = Properties::EMPTY;
    if version(&raw).is_v5() {
        publication.properties = raw.properties.publish.clone();
        disconnect_properties = raw.properties.disconnect.clone();
    }
    Ok(Settings {
        endpoint: endpoint(&raw)?,
        options,
        publication,
        source,
        repetition,
        disconnect_properties,
        timeout: raw.timeout,
        debug: raw.debug,
        report: Report::new(raw.quiet),
        refusals_fail: !program.is_mosquitto(),
    })
}

/// Returns the error that the topic or the message is missing.
fn incomplete(program: &Program, raw: &RawOptions) -> UsageError {
    const TEXT: &str = "Error: Both topic and message must be supplied.\n";
    if raw.lacks_url_topic && raw.topic.is_none() {
        return UsageError::lacking_url_topic();
    }
    match program.is_mosquitto() {
        true => UsageError::with_help(TEXT),
        false => UsageError::new(TEXT),
    }
}

fn load(source: &Source) -> Result<Loaded, UsageError> {
    source
        .load()
        .map_err(|error| UsageError::quietable(format!("{error}\n")))
}
