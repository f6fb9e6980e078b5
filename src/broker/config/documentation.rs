/// The manual's part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Documentation {
    /// The default as it would stand in a file; empty where there is none.
    pub(super) default: &'static str,
    /// The unit of a number; empty where it has none, or the text names it.
    pub(super) unit: &'static str,
    /// A paragraph. Names and values stand in backquotes.
    pub(super) text: &'static str,
}
