use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::broker::auth::acl::coverage::{Coverage, Effort};
use crate::broker::auth::acl::{Access, Acl, Decision, Who};
use crate::broker::config::{Config, Listener};
use crate::broker::ground::{Identity, ListenerName};
use crate::protocol::{TopicFilter, TopicName};

/// The rules of all listeners.
#[derive(Debug)]
pub(in crate::broker) struct Rules {
    listeners: HashMap<ListenerName, ListenerRules, RandomState>,
    /// For a client whose listener is not in the configuration.
    elsewhere: ListenerRules,
    /// Listeners that refuse a subscription that can bring nothing.
    strict: HashSet<ListenerName, RandomState>,
}

/// The rights of a listener's clients.
#[derive(Clone, Debug)]
enum ListenerRules {
    Everything,
    AsIn(Arc<Acl>),
    Nothing,
}

impl Rules {
    /// The rules of the configuration, whose ACL files were read.
    ///
    /// Where listeners can have rules of their own, nothing is known of a listener that is
    /// not in the configuration: its clients may do nothing.
    pub(in crate::broker) fn new(config: &Config, files: &HashMap<PathBuf, Arc<Acl>>) -> Self {
        let of_file = |file: Option<&Path>| match file.map(|file| files.get(file)) {
            None => ListenerRules::Everything,
            Some(Some(acl)) => ListenerRules::AsIn(Arc::clone(acl)),
            Some(None) => ListenerRules::Nothing,
        };
        let of = |listener| of_file(config.effective_security(listener).acl_file);
        let has_its_own = |listener: &Listener| listener.security.acl_file.is_some();
        let differ = config.per_listener_settings || config.listeners.iter().any(has_its_own);
        let listeners = config.listeners.iter();
        let is_strict =
            |listener: &&Listener| config.effective_security(listener).acl_check_subscribe;
        let strict = config.listeners.iter().filter(is_strict);
        Self {
            strict: strict.map(ListenerName::from).collect(),
            elsewhere: match differ {
                true => ListenerRules::Nothing,
                false => of_file(config.security.acl_file.as_deref()),
            },
            listeners: listeners
                .map(|listener| (ListenerName::from(listener), of(listener)))
                .chain([(ListenerName::of_bridges(), ListenerRules::Everything)])
                .collect(),
        }
    }

    /// Rules by which nobody may do anything.
    pub(in crate::broker) fn none() -> Self {
        Self {
            listeners: HashMap::default(),
            elsewhere: ListenerRules::Nothing,
            strict: HashSet::default(),
        }
    }

    /// Returns the warnings about the ACL files.
    pub(in crate::broker) fn warnings(&self) -> impl Iterator<Item = &String> {
        self.all().flat_map(|rules| match rules {
            ListenerRules::AsIn(acl) => acl.warnings(),
            ListenerRules::Everything | ListenerRules::Nothing => &[],
        })
    }

    /// The ACL file of a listener.
    pub(in crate::broker) fn acl_of(&self, listener: &ListenerName) -> Option<&Acl> {
        match self.of(Some(listener)) {
            ListenerRules::AsIn(acl) => Some(acl),
            ListenerRules::Everything | ListenerRules::Nothing => None,
        }
    }

    /// Returns whether they forbid anything to anybody.
    pub(super) fn restrict(&self) -> bool {
        self.all()
            .any(|rules| !matches!(rules, ListenerRules::Everything))
    }

    /// Returns whether there are any for a listener.
    pub(super) fn know(&self, listener: Option<&ListenerName>) -> bool {
        !matches!(self.elsewhere, ListenerRules::Nothing)
            || listener.is_some_and(|listener| self.listeners.contains_key(listener))
    }

    /// Returns whether the client may do that with the topic.
    pub(super) fn decide(
        &self,
        identity: &Identity,
        access: Access,
        topic: &TopicName,
    ) -> Decision {
        match self.of(identity.listener.as_ref()) {
            ListenerRules::Everything => Decision::Allowed,
            ListenerRules::AsIn(acl) => acl.decide(access, topic, identity.into()),
            ListenerRules::Nothing => Decision::Denied,
        }
    }

    /// Determines whether a client may read any topic that the filter matches, which stands
    /// behind the mount point.
    pub(in crate::broker) fn coverage(
        &self,
        identity: &Identity,
        filter: &TopicFilter,
        mount_point: &[u8],
        effort: &mut Effort,
    ) -> Coverage<'_> {
        match self.of(identity.listener.as_ref()) {
            ListenerRules::AsIn(acl) => acl.coverage(filter, mount_point, identity.into(), effort),
            // No client is connected through a listener without rights.
            ListenerRules::Everything | ListenerRules::Nothing => Coverage::Something,
        }
    }

    /// Returns whether the client's listener refuses a subscription that can bring nothing.
    pub(in crate::broker) fn are_strict_for(&self, identity: &Identity) -> bool {
        let listener = identity.listener.as_ref();
        listener.is_some_and(|listener| self.strict.contains(listener))
    }

    fn of(&self, listener: Option<&ListenerName>) -> &ListenerRules {
        let known = listener.and_then(|listener| self.listeners.get(listener));
        known.unwrap_or(&self.elsewhere)
    }

    fn all(&self) -> impl Iterator<Item = &ListenerRules> {
        self.listeners.values().chain([&self.elsewhere])
    }
}

impl<'a> From<&'a Identity> for Who<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            client_id: &identity.client_id,
            username: identity.username.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::config::Overrides;
    use crate::protocol::Text;

    /// Returns whether an anonymous client of the listener may read `t` by a configuration in
    /// which `FILE` stands for rules by which nobody may.
    fn may_read(config: &str, listener: Option<&str>) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let acl_file = directory.path().join("acl");
        std::fs::write(&acl_file, "topic deny #\n").unwrap();
        let file = directory.path().join("mosquitto.conf");
        let config = config.replace("FILE", acl_file.to_str().unwrap());
        std::fs::write(&file, config).unwrap();
        let (config, _) = Config::load(&[file], &Overrides::default()).unwrap();
        let acl = Arc::new(Acl::read(&acl_file).unwrap());
        let rules = Rules::new(&config, &HashMap::from([(acl_file, acl)]));
        let identity = Identity {
            client_id: Text::try_from("client").unwrap(),
            username: None,
            listener: listener.map(ListenerName::from),
        };
        let topic = TopicName::try_from("t").unwrap();
        let decision = rules.decide(&identity, Access::Read, &topic);
        let restrict = decision == Decision::Allowed || rules.restrict();
        assert!(restrict, "what denies something is asked");
        decision == Decision::Allowed
    }

    #[test]
    fn a_listener_has_the_rules_of_its_name_wherever_it_stands() {
        let one = "listener 1883\nlistener_allow_anonymous true\n";
        let other = "listener 1884 127.0.0.1\nacl_file FILE\n";
        for config in [format!("{one}{other}"), format!("{other}{one}")] {
            let config = format!("per_listener_settings true\n{config}");
            assert!(may_read(&config, Some("1883")));
            assert!(!may_read(&config, Some("1884 127.0.0.1")));
            assert!(!may_read(&config, Some("1884")));
            assert!(!may_read(&config, None));
        }
    }

    #[test]
    fn a_listener_that_is_gone_has_no_rights_where_listeners_have_rules_of_their_own() {
        let config = "per_listener_settings true\nlistener 1883\nallow_anonymous true\n";
        assert!(may_read(config, Some("1883")));
        assert!(!may_read(config, Some("1884")));
        let plugin = "plugin_load acl /usr/lib/mosquitto_acl_file.so\n\
                      plugin_opt_acl_file FILE\nlistener 1883\nplugin_use acl\nlistener 1885\n";
        assert!(!may_read(plugin, Some("1883")));
        assert!(may_read(plugin, Some("1885")));
        assert!(!may_read(plugin, Some("1884")));
    }

    #[test]
    fn rules_for_all_listeners_hold_for_one_that_is_gone() {
        assert!(may_read("listener 1883\n", Some("1884")));
        assert!(may_read("listener 1883\n", None));
        assert!(!may_read("acl_file FILE\nlistener 1883\n", Some("1884")));
        assert!(!may_read("acl_file FILE\nlistener 1883\n", None));
    }
}
