use super::connection::{check, connect_options, endpoint, version};
use super::{Kind, RawOptions, UsageError};
use crate::client::Report;
use crate::protocol::{Properties, RetainHandling, Subscription, SubscriptionOptions};
use crate::subscribe::{Display, Print, Settings, Style};

/// Returns the settings of `mq-sub`.
pub fn subscribe_settings(raw: RawOptions) -> Result<Settings, UsageError> {
    check(&raw)?;
    if raw.filters.is_empty() && raw.unsubscribe.is_empty() {
        if raw.lacks_url_topic {
            return Err(UsageError::lacking_url_topic());
        }
        return Err(UsageError::new(
            "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n",
        ));
    }
    let options = connect_options(&raw, Kind::Subscribe, raw.count)?;
    let properties = |properties: &Properties| match version(&raw).is_v5() {
        true => properties.clone(),
        false => Properties::EMPTY,
    };
    Ok(Settings {
        endpoint: endpoint(&raw)?,
        options,
        subscriptions: subscriptions(&raw),
        unsubscribe: raw.unsubscribe.clone(),
        subscribe_properties: properties(&raw.properties.subscribe),
        unsubscribe_properties: properties(&raw.properties.unsubscribe),
        disconnect_properties: properties(&raw.properties.disconnect),
        filter_out: raw.filter_out.clone(),
        skip_retained: raw.no_retained,
        retained_only: raw.retained_only,
        remove_retained: raw.remove_retained,
        count: raw.count,
        exit_after_suback: raw.exit_after_suback,
        timeout: raw.timeout,
        print: print(&raw),
        display: match (raw.message_rate, raw.watch) {
            (true, _) => Display::Rate,
            (false, true) => Display::Watch,
            (false, false) => Display::Messages,
        },
        random_filter: raw.random_filter,
        debug: raw.debug,
        report: Report::new(raw.quiet),
    })
}

fn subscriptions(raw: &RawOptions) -> Vec<Subscription> {
    let retain_handling = match raw.retain_handling {
        RetainHandling::Always if raw.no_retained => RetainHandling::Never,
        other => other,
    };
    let options = match version(raw).is_v5() {
        true => SubscriptionOptions {
            qos: raw.qos,
            no_local: raw.no_local,
            retain_as_published: raw.retain_as_published,
            retain_handling,
        },
        false => SubscriptionOptions {
            qos: raw.qos,
            ..SubscriptionOptions::default()
        },
    };
    let filters = raw.filters.iter().cloned();
    filters
        .map(|filter| Subscription { filter, options })
        .collect()
}

fn print(raw: &RawOptions) -> Print {
    Print {
        style: match (&raw.format, raw.verbose) {
            (Some(format), _) => Style::Format(format.clone()),
            (None, true) => Style::TopicAndPayload,
            (None, false) => Style::Payload,
        },
        newline: !raw.no_newline,
        pretty: raw.pretty,
        raw: raw.raw,
    }
}
