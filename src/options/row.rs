/// One option of a command line.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow<Id> {
    /// The option's meaning to its program.
    pub id: Id,
    /// The name of `id`.
    pub key: &'static str,
    /// The letter after one dash.
    pub short: Option<char>,
    /// The name after two dashes.
    pub long: Option<&'static str>,
    /// The words that follow the option.
    pub arity: Arity,
    /// The installed names of the programs that have the option.
    pub programs: &'static [&'static str],
    /// The heading in the help; empty for "Options".
    pub section: &'static str,
    /// True if the help leaves the option out.
    pub hidden: bool,
    /// The text of the help.
    pub help: &'static str,
}

/// The words that follow an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// None.
    Flag,
    /// One value.
    Value {
        /// The value's name in the help.
        name: &'static str,
        /// The kind of value, for completions.
        kind: ValueKind,
        /// The end of the error if the value is missing.
        missing: &'static str,
    },
    /// A command, a property's name and its value; two values for a user property.
    Property,
}

/// A kind of value that a shell can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Anything.
    Text,
    /// The path of a file.
    File,
    /// The path of a directory.
    Directory,
    /// A host's name.
    Host,
    /// A URL.
    Url,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl<Id> OptionRow<Id> {
    /// Returns whether `word` is this option.
    pub fn is_named(&self, word: &str) -> bool {
        if let Some(long) = word.strip_prefix("--") {
            return self.long == Some(long);
        }
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        self.short.is_some() && letters.next() == self.short && letters.next().is_none()
    }

    /// Returns the letter with its dash, or the long name if there is no letter.
    pub fn name(&self) -> String {
        match (self.short, self.long) {
            (Some(short), _) => format!("-{short}"),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }

    /// Returns the end of the error if words are missing behind the option.
    pub fn missing(&self) -> &'static str {
        match self.arity {
            Arity::Value { missing, .. } => missing,
            Arity::Flag | Arity::Property => "not enough arguments specified",
        }
    }
}

/// Defines the options of a program: their identifiers and their rows.
///
/// A row: identifier, letter or `_`, name or `_`, arity, programs, section, perhaps `hidden`,
/// help. The arity is `()`, `(property)`, or the name and kind of a value with the end of the
/// error if it is missing.
macro_rules! option_rows {
    ($visibility:vis enum OptionId; $(
        $id:ident: $short:tt $long:tt $arity:tt $programs:ident $section:literal
        $($hidden:ident)? $help:literal;
    )*) => {
        /// The identifier of an option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is described by its row")]
        $visibility enum OptionId {
            $($id,)*
        }

        impl OptionId {
            /// Every option, in the order of the help.
            pub(super) const ROWS: &[$crate::options::OptionRow<Self>] = &[
                $($crate::options::OptionRow {
                    id: Self::$id,
                    key: stringify!($id),
                    short: $crate::options::option_rows!(@name $short),
                    long: $crate::options::option_rows!(@name $long),
                    arity: $crate::options::option_rows!(@arity $arity),
                    programs: $programs,
                    section: $section,
                    hidden: $crate::options::option_rows!(@hidden $($hidden)?),
                    help: $help,
                },)*
            ];
        }
    };
    (@name _) => { None };
    (@name $name:literal) => { Some($name) };
    (@arity ()) => { $crate::options::Arity::Flag };
    (@arity (property)) => { $crate::options::Arity::Property };
    (@arity ($name:literal $kind:ident, $missing:literal)) => {
        $crate::options::Arity::Value {
            name: $name,
            kind: $crate::options::ValueKind::$kind,
            missing: $missing,
        }
    };
    (@arity ($name:literal [$($value:literal),*], $missing:literal)) => {
        $crate::options::Arity::Value {
            name: $name,
            kind: $crate::options::ValueKind::OneOf(&[$($value),*]),
            missing: $missing,
        }
    };
    (@hidden) => { false };
    (@hidden hidden) => { true };
}
pub(crate) use option_rows;
