//! The fenced blocks of a lab sheet, and what its terminals show in them.

use std::collections::BTreeMap;

/// A fenced block. Its info string is a language and then `name=value` words, such as
/// `console terminal=2`.
pub(crate) struct Block {
    /// The heading of the chapter the block stands in.
    pub(crate) chapter: String,
    /// The line of the sheet at which the block begins.
    pub(crate) line_number: usize,
    language: String,
    attributes: BTreeMap<String, String>,
    lines: Vec<String>,
}

/// Something that happens in a terminal, in the order of the sheet.
pub(crate) struct Step {
    pub(crate) chapter: String,
    /// The line of the sheet, for messages.
    pub(crate) line_number: usize,
    pub(crate) action: Action,
}

/// What happens.
pub(crate) enum Action {
    /// A file with this content is saved.
    File { name: String, content: String },
    /// A command that needs the network or much time, and is shown only.
    NotRun { command: String },
    /// A command is typed in a terminal and prints these lines.
    Command {
        terminal: String,
        command: String,
        output: Vec<String>,
        /// Whether it goes on: the sheet shows more of its terminal later.
        stays: bool,
    },
    /// The program that runs in a terminal prints these lines.
    Output {
        terminal: String,
        output: Vec<String>,
        /// Whether it goes on after them.
        stays: bool,
    },
    /// Ctrl+C is pressed in a terminal.
    CtrlC { terminal: String },
}

/// The fenced blocks of a sheet.
pub(crate) fn blocks(sheet: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut chapter = String::new();
    let mut inside = false;
    for (index, line) in sheet.lines().enumerate() {
        match (inside, line.strip_prefix("```")) {
            (false, Some(info)) => {
                let mut words = info.split_whitespace();
                blocks.push(Block {
                    chapter: chapter.clone(),
                    line_number: index + 1,
                    language: words.next().unwrap_or_default().to_owned(),
                    attributes: words
                        .map(|word| {
                            let (name, value) = word.split_once('=').unwrap_or((word, ""));
                            (name.to_owned(), value.to_owned())
                        })
                        .collect(),
                    lines: Vec::new(),
                });
                inside = true;
            }
            (true, Some(_)) => inside = false,
            (true, None) => blocks
                .last_mut()
                .expect("a line inside of a block has a block")
                .lines
                .push(line.to_owned()),
            (false, None) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    heading.clone_into(&mut chapter);
                }
            }
        }
    }
    assert!(!inside, "the last block is not closed");
    blocks
}

impl Block {
    /// The content of the file the block shows, if it shows one called `name`.
    pub(crate) fn content_of(&self, name: &str) -> Option<String> {
        (self.attributes.get("file")? == name).then(|| self.content())
    }

    fn content(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn actions(&self) -> Vec<Action> {
        if let Some(name) = self.attributes.get("file") {
            return vec![Action::File {
                name: name.clone(),
                content: self.content(),
            }];
        }
        assert_eq!(
            self.language, "console",
            "line {}: a block is a file or a console",
            self.line_number
        );
        let terminal = self.attributes.get("terminal").map_or("1", String::as_str);
        let mut actions: Vec<Action> = Vec::new();
        for line in &self.lines {
            if let Some(command) = line.strip_prefix("$ ") {
                actions.push(if self.attributes.contains_key("not-run") {
                    Action::NotRun {
                        command: command.to_owned(),
                    }
                } else {
                    Action::Command {
                        terminal: terminal.to_owned(),
                        command: command.to_owned(),
                        output: Vec::new(),
                        stays: false,
                    }
                });
            } else if line == "^C" {
                actions.push(Action::CtrlC {
                    terminal: terminal.to_owned(),
                });
            } else {
                match actions.last_mut() {
                    Some(Action::Command { command, .. }) if command.ends_with('\\') => {
                        command.push('\n');
                        command.push_str(line);
                    }
                    Some(Action::Command { output, .. } | Action::Output { output, .. }) => {
                        output.push(line.clone());
                    }
                    _ => actions.push(Action::Output {
                        terminal: terminal.to_owned(),
                        output: vec![line.clone()],
                        stays: false,
                    }),
                }
            }
        }
        actions
    }
}

/// Everything that happens in a sheet, in its order.
pub(crate) fn steps(sheet: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(sheet) {
        for action in block.actions() {
            steps.push(Step {
                chapter: block.chapter.clone(),
                line_number: block.line_number,
                action,
            });
        }
    }
    mark_those_that_stay(&mut steps);
    steps
}

/// A program goes on when the next thing in its terminal is not another command.
fn mark_those_that_stay(steps: &mut [Step]) {
    let mut continued: BTreeMap<String, bool> = BTreeMap::new();
    for step in steps.iter_mut().rev() {
        match &mut step.action {
            Action::CtrlC { terminal } => {
                continued.insert(terminal.clone(), true);
            }
            Action::Output {
                terminal, stays, ..
            } => *stays = continued.insert(terminal.clone(), true) == Some(true),
            Action::Command {
                terminal, stays, ..
            } => *stays = continued.insert(terminal.clone(), false) == Some(true),
            Action::File { .. } | Action::NotRun { .. } => {}
        }
    }
}
