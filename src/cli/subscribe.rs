use super::connection::{check, connect_options, endpoint, version};
use super::{Kind, Typed, UsageError};
use crate::client::Report;
use crate::protocol::{Properties, RetainHandling, Subscription, SubscriptionOptions};
use crate::subscribe::{Display, Print, Settings, Style};

/// What `mq-sub` is to do.
pub fn subscribe_settings(typed: Typed) -> Result<Settings, UsageError> {
    check(&typed)?;
    if typed.filters.is_empty() && typed.unsubscribe.is_empty() {
        return Err(UsageError::new(
            "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n",
        ));
    }
    let options = connect_options(&typed, Kind::Subscribe, typed.count)?;
    let v5 = version(&typed).is_v5();
    let retain_handling = match typed.retain_handling {
        RetainHandling::Always if typed.no_retained => RetainHandling::Never,
        other => other,
    };
    let subscription_options = match v5 {
        true => SubscriptionOptions {
            qos: typed.qos,
            no_local: typed.no_local,
            retain_as_published: typed.retain_as_published,
            retain_handling,
        },
        false => SubscriptionOptions {
            qos: typed.qos,
            ..SubscriptionOptions::default()
        },
    };
    let properties = |properties: &Properties| match v5 {
        true => properties.clone(),
        false => Properties::EMPTY,
    };
    let style = match (&typed.format, typed.verbose) {
        (Some(format), _) => Style::Format(format.clone()),
        (None, true) => Style::TopicAndPayload,
        (None, false) => Style::Payload,
    };
    let display = match (typed.message_rate, typed.watch) {
        (true, _) => Display::Rate,
        (false, true) => Display::Watch,
        (false, false) => Display::Messages,
    };
    Ok(Settings {
        endpoint: endpoint(&typed)?,
        options,
        subscriptions: typed
            .filters
            .iter()
            .map(|filter| Subscription {
                filter: filter.clone(),
                options: subscription_options,
            })
            .collect(),
        unsubscribe: typed.unsubscribe.clone(),
        subscribe_properties: properties(&typed.properties.subscribe),
        unsubscribe_properties: properties(&typed.properties.unsubscribe),
        disconnect_properties: properties(&typed.properties.disconnect),
        filter_out: typed.filter_out.clone(),
        skip_retained: typed.no_retained,
        retained_only: typed.retained_only,
        remove_retained: typed.remove_retained,
        count: typed.count,
        exit_after_suback: typed.exit_after_suback,
        timeout: typed.timeout,
        print: Print {
            style,
            newline: !typed.no_newline,
            pretty: typed.pretty,
        },
        display,
        random_filter: typed.random_filter,
        debug: typed.debug,
        report: Report::new(typed.quiet),
    })
}
