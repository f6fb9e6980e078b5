use std::net::Ipv4Addr;
use std::path::PathBuf;

use super::*;
use crate::broker::config::PersistenceOptions;
use crate::broker::log::Destinations;
use crate::client::{Error, Event};
use crate::protocol::{Properties, Text};

fn quiet() -> Config {
    let mut config = Config::default();
    config.log.destinations = Some(Destinations::default());
    config
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn started(builder: Builder) -> Handle {
    builder.start().await.expect("it starts")
}

#[tokio::test]
async fn a_broker_without_listeners_passes_messages_in_the_process() {
    let broker = started(Broker::builder().config(quiet())).await;
    assert_eq!(broker.addresses(), []);
    let mut subscription = broker.subscribe("a/+", QoS::ExactlyOnce).await.unwrap();
    for (topic, payload) in [("a/b", "one"), ("b", "not asked for"), ("a/c", "two")] {
        let published = broker.publish(topic, payload, QoS::AtLeastOnce, false);
        published.await.unwrap();
    }
    assert_eq!(subscription.next().await.unwrap().payload, "one");
    assert_eq!(subscription.next().await.unwrap().payload, "two");
    broker.stop().await;
}

#[tokio::test]
async fn a_retained_message_reaches_a_later_subscription() {
    let broker = started(Broker::builder().config(quiet())).await;
    let published = broker.publish("a", "kept", QoS::AtMostOnce, true);
    published.await.unwrap();
    let mut subscription = broker.subscribe("a", QoS::AtMostOnce).await.unwrap();
    let message = subscription.next().await.unwrap();
    assert_eq!(message.payload, "kept");
    assert!(message.retain);
    broker.stop().await;
}

#[tokio::test]
async fn two_brokers_in_one_process_share_nothing() {
    let one = started(Broker::builder().config(quiet()).listen(loopback())).await;
    let other = started(Broker::builder().config(quiet()).listen(loopback())).await;
    assert_ne!(one.addresses()[0].port(), other.addresses()[0].port());
    let mut subscription = one.subscribe("#", QoS::AtLeastOnce).await.unwrap();
    let elsewhere = other.publish("a", "of the other", QoS::AtLeastOnce, true);
    elsewhere.await.unwrap();
    let here = one.publish("a", "of this one", QoS::AtLeastOnce, false);
    here.await.unwrap();
    assert_eq!(subscription.next().await.unwrap().payload, "of this one");
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn a_network_client_needs_a_login_where_an_address_is_opened() {
    let broker = started(Broker::builder().config(quiet()).listen(loopback())).await;
    let stream = tokio::net::TcpStream::connect(broker.addresses()[0]);
    let mut client = Client::new(ConnectOptions::new(ProtocolVersion::V311));
    let refused = client.connect(stream.await.unwrap()).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let mut config = quiet();
    config.security.allow_anonymous = Some(true);
    let host = ListenAddress::Host(Ipv4Addr::LOCALHOST.to_string());
    config.listeners.push(Listener::new(0, host));
    config.local_only = false;
    broker.reload(config).await.unwrap();
    let stream = tokio::net::TcpStream::connect(broker.addresses()[0]);
    client.connect(stream.await.unwrap()).await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn a_reload_with_a_missing_file_says_so_and_changes_nothing() {
    let broker = started(Broker::builder().config(quiet()).listen(loopback())).await;
    let mut config = quiet();
    let host = ListenAddress::Host(Ipv4Addr::LOCALHOST.to_string());
    config.listeners.push(Listener::new(0, host));
    config.security.acl_file = Some(PathBuf::from("there/is/no/such/file"));
    let error = broker.reload(config).await.unwrap_err();
    assert!(
        error.to_string().contains("there/is/no/such/file"),
        "{error}"
    );
    assert!(broker.subscribe("a", QoS::AtMostOnce).await.is_ok());
    broker.stop().await;
}

#[tokio::test]
async fn a_persistent_session_of_the_program_outlives_the_broker() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = quiet();
    config.persistence = PersistenceOptions {
        is_on: true,
        location: Some(folder.path().to_owned()),
        ..PersistenceOptions::default()
    };
    let mut options = ConnectOptions::new(ProtocolVersion::V311);
    options.client_id = Text::try_from("reader").unwrap();
    options.clean_start = false;

    let broker = started(Broker::builder().config(config.clone())).await;
    let mut client = broker.connect(options.clone()).await.unwrap();
    let request = Request {
        filter: TopicFilter::try_from("a").unwrap(),
        options: SubscriptionOptions {
            qos: QoS::AtLeastOnce,
            ..SubscriptionOptions::default()
        },
    };
    client.subscribe(vec![request], Properties::EMPTY).unwrap();
    while !matches!(client.next_event().unwrap(), Some(Event::Subscribed(_))) {
        client.drive().await.unwrap();
    }
    drop(client);
    let published = broker.publish("a", "kept", QoS::AtLeastOnce, false);
    published.await.unwrap();
    broker.stop().await;

    let broker = started(Broker::builder().config(config)).await;
    let mut client = broker.connect(options).await.unwrap();
    let message = loop {
        match client.next_event().unwrap() {
            Some(Event::Message(message)) => break message,
            _ => client.drive().await.unwrap(),
        }
    };
    assert_eq!(message.payload, "kept");
    broker.stop().await;
}

#[tokio::test]
async fn a_subscription_ends_with_the_broker() {
    let broker = started(Broker::builder().config(quiet())).await;
    let mut subscription = broker.subscribe("a", QoS::AtMostOnce).await.unwrap();
    broker.stop().await;
    assert!(subscription.next().await.is_err());
}
