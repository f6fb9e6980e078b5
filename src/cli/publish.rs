use super::connection::{check, connect_options, endpoint, version};
use super::{Kind, Typed, UsageError};
use crate::client::{Publication, Report};
use crate::options::Program;
use crate::protocol::Properties;
use crate::publish::{Loaded, Repetition, Settings, Source};

/// What `mq-pub` is to do. A file that is to be sent is read here.
pub fn publish_settings(program: &Program, typed: Typed) -> Result<Settings, UsageError> {
    check(&typed)?;
    let source = match &typed.source {
        Some(source) => Some(load(source)?),
        None => None,
    };
    let (Some(topic), Some(source)) = (typed.topic.clone(), source) else {
        return Err(UsageError::with_help(
            "Error: Both topic and message must be supplied.\n",
        ));
    };
    let options = connect_options(&typed, Kind::Publish, None)?;
    let repetition = match source {
        Loaded::Lines => Repetition::ONCE,
        Loaded::Payload(_) => Repetition {
            count: typed.repeat.unwrap_or(1),
            delay: typed.repeat_delay,
        },
    };
    let mut publication = Publication::new(topic, typed.qos, typed.retain);
    let mut disconnect_properties = Properties::EMPTY;
    if version(&typed).is_v5() {
        publication.properties = typed.properties.publish.clone();
        disconnect_properties = typed.properties.disconnect.clone();
    }
    Ok(Settings {
        endpoint: endpoint(&typed)?,
        options,
        publication,
        source,
        repetition,
        disconnect_properties,
        debug: typed.debug,
        report: Report::new(typed.quiet),
        refusals_fail: !program.is_mosquitto(),
    })
}

fn load(source: &Source) -> Result<Loaded, UsageError> {
    source
        .load()
        .map_err(|error| UsageError::quietable(format!("{error}\n")))
}
