//! The subscriptions of all sessions as a tree that can be read.

use std::collections::BTreeMap;
use std::fmt;

use super::Broker;

/// A level of topic filters, and the subscribers of the filter that ends there.
#[derive(Default)]
struct Node {
    subscribers: Vec<(String, u8)>,
    levels: BTreeMap<String, Node>,
}

impl Broker {
    /// Returns the tree: a line for each level, with ` (CLIENTID, QOS)` for each subscription that
    /// ends there.
    pub(super) fn subscription_tree(&self) -> String {
        let mut root = Node::default();
        self.sessions.for_each(|session| {
            // A session can have many: the tree grows when it is no longer locked.
            let subscriptions: Vec<_> = session
                .state()
                .registration
                .subscriptions
                .iter()
                .map(|(filter, stored)| (filter.clone(), stored.granted.qos))
                .collect();
            for (filter, qos) in subscriptions {
                let levels = filter.as_str().split('/');
                let node = levels.fold(&mut root, |node, level| {
                    node.levels.entry(level.to_owned()).or_default()
                });
                let client_id = session.client_id().to_string();
                node.subscribers.push((client_id, qos.into()));
            }
        });
        root.to_string()
    }
}

impl Node {
    fn write(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, node) in &self.levels {
            write!(f, "{:1$}{level}", "", 2 * depth)?;
            for (client_id, qos) in &node.subscribers {
                write!(f, " ({client_id}, {qos})")?;
            }
            writeln!(f)?;
            node.write(depth + 1, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, f)
    }
}
