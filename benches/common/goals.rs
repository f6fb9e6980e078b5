//! What the figures should be: ratios in one run, as no number of one machine is worth
//! much on another.

use crate::report::Report;

/// What one figure of ours should be.
pub struct Goal {
    figure: &'static str,
    against: Against,
    wanted: Wanted,
}

enum Against {
    /// Ours divided by that of another broker.
    Broker(&'static str),
    /// Ours as it is.
    Nothing,
}

#[derive(Clone, Copy)]
pub enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// The ratio of ours to another broker's.
    pub const fn ratio(figure: &'static str, broker: &'static str, wanted: Wanted) -> Self {
        Self {
            figure,
            against: Against::Broker(broker),
            wanted,
        }
    }

    /// The figure itself.
    pub const fn absolute(figure: &'static str, wanted: Wanted) -> Self {
        Self {
            figure,
            against: Against::Nothing,
            wanted,
        }
    }

    /// One line; `None` when one of the brokers has no such figure.
    fn verdict(&self, case: &str, ours: &str, report: &Report) -> Option<String> {
        let value = report.median(case, self.figure, ours)?;
        let (value, beside) = match self.against {
            Against::Nothing => (value, String::new()),
            Against::Broker(other) => {
                let other_value = report.median(case, self.figure, other)?;
                (value / other_value, format!(" / {other}"))
            }
        };
        let (holds, wanted) = match self.wanted {
            Wanted::AtLeast(wanted) => (value >= wanted, format!("at least {wanted}")),
            Wanted::AtMost(wanted) => (value <= wanted, format!("at most {wanted}")),
        };
        let verdict = if holds { "holds " } else { "MISSED" };
        let Self { figure, .. } = self;
        Some(format!(
            "{verdict}  {value:>7.3}, wanted {wanted:<13}  {case}: {figure}{beside}"
        ))
    }
}

/// Prints for each goal of each case whether it holds.
pub fn print<'a>(
    cases: impl IntoIterator<Item = (&'a str, &'a [Goal])>,
    ours: &str,
    report: &Report,
) {
    println!("\ngoals");
    for (case, goals) in cases {
        for goal in goals {
            if let Some(verdict) = goal.verdict(case, ours, report) {
                println!("  {verdict}");
            }
        }
    }
}
