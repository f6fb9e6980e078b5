//! What a Dockerfile says of the image that it makes: its last stage.

/// The last stage of a Dockerfile.
pub(crate) struct Stage {
    /// The image that it begins with.
    pub(crate) base: String,
    /// Its COPY instructions, in their order.
    pub(crate) copies: Vec<Copy>,
    instructions: Vec<(String, String)>,
}

/// A COPY instruction.
pub(crate) struct Copy {
    /// The stage that the sources come from; `None`: the project's folder.
    pub(crate) from: Option<String>,
    /// User and group; without them all belongs to root.
    pub(crate) owner: Option<(u32, u32)>,
    /// The permissions, where they are not those of the source.
    pub(crate) mode: Option<u32>,
    pub(crate) sources: Vec<String>,
    /// A folder, if it ends with a slash.
    pub(crate) target: String,
}

impl Stage {
    pub(crate) fn last_of(dockerfile: &str) -> Self {
        let instructions = instructions(dockerfile);
        let start = instructions
            .iter()
            .rposition(|(name, _)| name == "FROM")
            .expect("a Dockerfile has a FROM");
        let copies = instructions[start..]
            .iter()
            .filter(|(name, _)| name == "COPY")
            .map(|(_, words)| Copy::parse(words))
            .collect();
        Self {
            base: instructions[start].1.clone(),
            copies,
            instructions: instructions[start..].to_vec(),
        }
    }

    /// User and group of the image's process.
    pub(crate) fn user(&self) -> (u32, u32) {
        ids(self.text("USER"))
    }

    /// The value of an environment variable.
    pub(crate) fn environment(&self, name: &str) -> &str {
        self.text("ENV")
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .expect("the image sets the variable")
    }

    /// The words of an instruction that is a list.
    pub(crate) fn list(&self, instruction: &str) -> Vec<String> {
        let text = self.text(instruction);
        let start = text.find('[').expect("the list is written as JSON");
        serde_json::from_str(&text[start..]).expect("the list is JSON")
    }

    fn text(&self, instruction: &str) -> &str {
        let mut found = self
            .instructions
            .iter()
            .filter(|(name, _)| name == instruction);
        let (_, text) = found.next().expect("the image has the instruction");
        assert!(found.next().is_none(), "{instruction} is there twice");
        text
    }
}

impl Copy {
    fn parse(text: &str) -> Self {
        let (flags, mut paths): (Vec<&str>, Vec<&str>) = text
            .split_whitespace()
            .partition(|word| word.starts_with("--"));
        let flag = |name: &str| {
            flags
                .iter()
                .find_map(|flag| flag.strip_prefix(name)?.strip_prefix('='))
        };
        let target = paths.pop().expect("COPY has a target");
        Self {
            from: flag("--from").map(str::to_owned),
            owner: flag("--chown").map(ids),
            mode: flag("--chmod").map(|mode| {
                u32::from_str_radix(mode, 8).expect("permissions are written in octal")
            }),
            sources: paths.into_iter().map(str::to_owned).collect(),
            target: target.to_owned(),
        }
    }
}

/// `USER:GROUP` in numbers.
fn ids(text: &str) -> (u32, u32) {
    let (user, group) = text.split_once(':').expect("a user and a group");
    let number = |text: &str| text.parse().expect("users and groups are numbers");
    (number(user), number(group))
}

/// Name and rest of each instruction, on one line.
fn instructions(dockerfile: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = dockerfile
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    lines
        .join("\n")
        .replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}
