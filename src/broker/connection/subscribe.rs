//! What a client subscribes to and unsubscribes from.

use super::client::Connection;
use super::closed::Closed;
use super::filter_request::{FilterRequest, SubscribeRequest, UnsubscribeRequest};
use super::turn::Turn;
use crate::broker::auth::{Coverage, Effort};
use crate::broker::ground::{GrantedOptions, MountPoint, ShareId};
use crate::broker::log::LogType;
use crate::broker::log::rate_limit::LineKind;
use crate::broker::persistence::Ticket;
use crate::broker::retained::RetainedCursor;
use crate::broker::session::{Ending, HandOut, StoredSubscription};
use crate::protocol::{
    InvalidTopic, Packet, Properties, ProtocolVersion, QoS, ReasonCode, RetainHandling, SubAck,
    Subscribe, Subscription, SubscriptionId, SubscriptionOptions, TopicFilter, UnsubAck,
    Unsubscribe,
};

/// The bytes of access rules that are compared for one SUBSCRIBE, which may have thousands of
/// filters. This takes up to about 10 ms. The remaining filters are granted without a check.
const SUBSCRIBE_EFFORT: usize = 4_000_000;

/// A subscription as a client asks for it, with the filter behind the mount point.
struct Asked {
    filter: TopicFilter,
    options: SubscriptionOptions,
    subscription_id: Option<SubscriptionId>,
}

impl Connection {
    pub(super) fn subscribe(
        &mut self,
        subscribe: Subscribe,
        turn: &mut Turn<'_>,
    ) -> Result<(), Closed> {
        let client_id = self.session.client_id();
        self.debug(format_args!("Received SUBSCRIBE from {client_id}"));
        let request = SubscribeRequest {
            packet_id: subscribe.packet_id,
            subscription_id: subscribe.properties.subscription_identifiers().next(),
            reasons: Vec::with_capacity(subscribe.subscriptions.len()),
            subscriptions: subscribe.subscriptions.into_iter(),
            effort: Effort::new(SUBSCRIBE_EFFORT),
        };
        self.continue_subscribe(Box::new(request), turn)
    }

    /// Goes on with the request that the last turn has left; returns whether it is finished.
    pub(super) fn continue_filters(&mut self, turn: &mut Turn<'_>) -> Result<bool, Closed> {
        if !self.buffers.has_filters() {
            return Ok(true);
        }
        let request = self.buffers.get().filters.take();
        // Its answer waits until what the earlier turns have changed is stored, too.
        turn.ticket().wait_for_all();
        match request {
            Some(FilterRequest::Subscribe(request)) => self.continue_subscribe(request, turn)?,
            Some(FilterRequest::Unsubscribe(request)) => {
                self.continue_unsubscribe(request, turn)?
            }
            None => {}
        }
        Ok(!self.buffers.has_filters())
    }

    fn continue_subscribe(
        &mut self,
        mut request: Box<SubscribeRequest>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Closed> {
        while let Some(Subscription { filter, options }) = request.subscriptions.next() {
            let reason = match self.mounted(&filter) {
                Err(_) => self.refusal(ReasonCode::TopicFilterInvalid),
                Ok(filter) if self.refuses(&filter, &mut request.effort) => {
                    self.debug(format_args!("\t{filter} (refused)"));
                    self.refusal(ReasonCode::NotAuthorized)
                }
                Ok(filter) => {
                    let asked = Asked {
                        filter,
                        options,
                        subscription_id: request.subscription_id,
                    };
                    self.add_subscription(&asked, turn.ticket())?
                }
            };
            request.reasons.push(reason);
            if turn.budget.spend() && request.subscriptions.len() > 0 {
                self.buffers.get().filters = Some(FilterRequest::Subscribe(request));
                return Ok(());
            }
        }
        self.is_handing_out = true;
        let client_id = self.session.client_id();
        self.debug(format_args!("Sending SUBACK to {client_id}"));
        self.reply(&Packet::SubAck(SubAck {
            packet_id: request.packet_id,
            properties: Properties::EMPTY,
            reasons: request.reasons,
        }))
    }

    /// Returns the code of the SUBACK for a refused filter: before MQTT 5.0 there is one.
    fn refusal(&self, reason: ReasonCode) -> ReasonCode {
        match self.version.is_v5() {
            true => reason,
            false => ReasonCode::UnspecifiedError,
        }
    }

    /// Returns whether to refuse a filter because it can bring no message that the client may
    /// read. Reports such a filter in any case.
    fn refuses(&self, filter: &TopicFilter, effort: &mut Effort) -> bool {
        let access = &self.permit.broker.env.access;
        if !access.is_restricted() {
            return false;
        }
        let (rules, identity) = (access.rules(), self.session.identity());
        let mount_point = self.permit.listener.mount_point();
        let mount_point = mount_point.map_or(&b""[..], MountPoint::as_bytes);
        let Coverage::Nothing(reason) = rules.coverage(&identity, filter, mount_point, effort)
        else {
            return false;
        };
        // MQTT 3.1 can only grant.
        let is_refused = rules.are_strict_for(&identity) && self.version != ProtocolVersion::V31;
        access.report_unreadable(&identity.client_id, filter, is_refused, reason);
        is_refused
    }

    fn add_subscription(&self, asked: &Asked, ticket: &Ticket<'_>) -> Result<ReasonCode, Closed> {
        let Asked {
            filter,
            options,
            subscription_id,
        } = asked;
        let qos = options.qos.min(self.permit.listener.maximum_qos());
        self.log_subscription(filter, qos);
        // The session stays locked until its retained messages have a place in the queue, so
        // that nothing that is published meanwhile gets before them.
        let mut state = self.session.state();
        if state.active_connection(self.number).is_none() {
            return Err(Closed::By(Ending::TakenOver));
        }
        if self.permit.broker.env.memory.is_short()
            && !state.registration.subscriptions.contains_key(filter)
        {
            return Ok(self.refusal(ReasonCode::QuotaExceeded));
        }
        let known = state.registration.subscriptions.remove(filter);
        let is_new = known.is_none();
        if is_new && self.has_all_subscriptions(state.registration.subscriptions.len()) {
            return Ok(self.refusal(ReasonCode::QuotaExceeded));
        }
        let known_share = known.as_ref().and_then(|known| known.granted.share);
        let share = filter
            .is_shared()
            .then(|| known_share.unwrap_or_else(ShareId::unused));
        let granted = GrantedOptions {
            share,
            qos,
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            subscription_id: *subscription_id,
        };
        let record = known.and_then(|known| known.record);
        let stored = StoredSubscription {
            options: *options,
            granted,
            record: record.or_else(|| self.session.subscription_record(ticket.persistence())),
        };
        let wanted = match options.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::New => is_new,
            RetainHandling::Never => false,
        };
        let hands_out = wanted && !filter.is_shared();
        stored.store(filter, hands_out && qos != QoS::AtMostOnce, ticket);
        state
            .registration
            .subscriptions
            .insert(filter.to_owned_filter(), stored);
        self.permit
            .broker
            .router
            .subscribe(filter, &self.session, granted);
        state.abandon_hand_out(filter);
        if hands_out {
            let broker = &self.permit.broker;
            let cursor = RetainedCursor::new(&broker.retained, filter);
            let hand_out = HandOut::new(cursor, granted);
            self.session
                .begin_hand_out(&mut state, hand_out, &broker.env);
        }
        Ok(qos.into())
    }

    pub(super) fn unsubscribe(
        &mut self,
        unsubscribe: Unsubscribe,
        turn: &mut Turn<'_>,
    ) -> Result<(), Closed> {
        let client_id = self.session.client_id();
        self.debug(format_args!("Received UNSUBSCRIBE from {client_id}"));
        let request = UnsubscribeRequest {
            packet_id: unsubscribe.packet_id,
            reasons: Vec::with_capacity(unsubscribe.filters.len()),
            filters: unsubscribe.filters.into_iter(),
        };
        self.continue_unsubscribe(Box::new(request), turn)
    }

    fn continue_unsubscribe(
        &mut self,
        mut request: Box<UnsubscribeRequest>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Closed> {
        while let Some(filter) = request.filters.next() {
            request.reasons.push(self.remove_subscription(&filter));
            if turn.budget.spend() && request.filters.len() > 0 {
                self.buffers.get().filters = Some(FilterRequest::Unsubscribe(request));
                return Ok(());
            }
        }
        if self.session.is_stored() {
            turn.ticket().wait_for_all();
        }
        let client_id = self.session.client_id();
        self.debug(format_args!("Sending UNSUBACK to {client_id}"));
        self.reply(&Packet::UnsubAck(UnsubAck {
            packet_id: request.packet_id,
            properties: Properties::EMPTY,
            reasons: request.reasons,
        }))
    }

    fn remove_subscription(&self, filter: &TopicFilter) -> ReasonCode {
        let Ok(filter) = &self.mounted(filter) else {
            return ReasonCode::TopicFilterInvalid;
        };
        let (log, client_id) = (self.permit.broker.log(), self.session.client_id());
        log.debug(format_args!("\t{filter}"));
        log.write(LogType::Unsubscribe, format_args!("{client_id} {filter}"));
        let mut state = self.session.state();
        let known = state.registration.subscriptions.remove(filter).is_some();
        state.abandon_hand_out(filter);
        drop(state);
        if !known {
            return ReasonCode::NoSubscriptionExisted;
        }
        self.permit
            .broker
            .router
            .unsubscribe(filter, self.session.number());
        ReasonCode::Success
    }

    /// The filter as it stands behind the listener's mount point.
    fn mounted(&self, filter: &TopicFilter) -> Result<TopicFilter, InvalidTopic> {
        match self.permit.listener.mount_point() {
            Some(mount_point) => mount_point.mounted_filter(filter),
            None => Ok(filter.clone()),
        }
    }

    /// Returns whether the client has as many subscriptions as it may, and reports that.
    fn has_all_subscriptions(&self, count: usize) -> bool {
        let limits = &self.permit.listener.config().limits;
        let limit = limits.max_subscriptions_per_client;
        let Some(limit) = limit.filter(|&limit| count >= limit as usize) else {
            return false;
        };
        let client_id = self.session.client_id();
        self.permit.broker.env.limited_log.write(
            LineKind::QuotaExceeded,
            self.session.number(),
            format_args!(
                "Client {client_id} has {limit} subscriptions, and more are refused. \
                 'max_subscriptions_per_client' sets the limit."
            ),
        );
        true
    }

    fn log_subscription(&self, filter: &TopicFilter, granted: QoS) {
        let (log, client_id) = (self.permit.broker.log(), self.session.client_id());
        let qos = u8::from(granted);
        log.debug(format_args!("\t{filter} (QoS {qos})"));
        log.write(
            LogType::Subscribe,
            format_args!("{client_id} {qos} {filter}"),
        );
    }
}
