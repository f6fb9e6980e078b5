//! A broker inside a program: it asks network clients for a login, while the program itself
//! publishes and subscribes without one.
//!
//!     mq-passwd -b -c passwords alice secret
//!     cargo run --example embedded passwords
//!     mq-pub -u alice -P secret -t lamps/desk -m on

use std::error::Error;

use mq::broker::Broker;
use mq::broker::config::Config;
use mq::protocol::QoS;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.security.password_file = std::env::args_os().nth(1).map(Into::into);

    let builder = Broker::builder().config(config);
    let broker = builder.listen("127.0.0.1:1883".parse()?).start().await?;

    let mut lamps = broker.subscribe("lamps/#", QoS::AtLeastOnce).await?;
    let state = broker.publish("lamps/desk", "off", QoS::AtLeastOnce, true);
    state.await?;
    loop {
        tokio::select! {
            message = lamps.next() => {
                let message = message?;
                println!("{} {}", message.topic, message.payload.escape_ascii());
            }
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    broker.stop().await;
    Ok(())
}
