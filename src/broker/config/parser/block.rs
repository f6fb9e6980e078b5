/// The part of a configuration that a line can be about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Block {
    /// The broker as a whole.
    Broker,
    /// The listener made by options that stand before any `listener`.
    DefaultListener,
    /// The n-th `listener`.
    Listener(usize),
    /// The n-th `connection`.
    Bridge(usize),
}
