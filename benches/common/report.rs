//! Medians, their spread, and ratios.

use super::cases::Figure;
use super::server::Kind;

struct Row {
    case: &'static str,
    figure: &'static str,
    kind: Kind,
    values: Vec<f64>,
}

pub struct Report {
    kinds: Vec<Kind>,
    rows: Vec<Row>,
    failures: Vec<String>,
}

impl Report {
    pub fn new(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub fn add(&mut self, case: &'static str, kind: Kind, figures: Vec<Figure>) {
        for Figure {
            name: figure,
            value,
        } in figures
        {
            let known = self
                .rows
                .iter_mut()
                .find(|row| row.case == case && row.figure == figure && row.kind == kind);
            match known {
                Some(row) => row.values.push(value),
                None => self.rows.push(Row {
                    case,
                    figure,
                    kind,
                    values: vec![value],
                }),
            }
        }
    }

    /// A broker that loses, doubles or reorders what it must not. Only ours fails the
    /// run; of another it is told.
    pub fn fail(&mut self, case: &str, kind: Kind, reason: &str) {
        let text = format!("{case}: {}: {reason}", kind.name());
        println!("failed: {text}");
        if kind == Kind::Mq {
            self.failures.push(text);
        }
    }

    pub fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub fn print(&self) {
        println!("median (lowest to highest); then mq-broker's ratio to each");
        let mut printed: Vec<(&str, &str)> = Vec::new();
        for row in &self.rows {
            let key = (row.case, row.figure);
            if printed.contains(&key) {
                continue;
            }
            printed.push(key);
            println!("\n{}: {}", row.case, row.figure);
            let ours = self.values(key, Kind::Mq).map(median);
            for &kind in &self.kinds {
                let Some(values) = self.values(key, kind) else {
                    continue;
                };
                let (low, high) = spread(values);
                let ratio = ours.map_or(0.0, |ours| ours / median(values));
                println!(
                    "  {:<10} {:>12.3} ({low:.3} to {high:.3})   ratio {ratio:.2}",
                    kind.name(),
                    median(values)
                );
            }
        }
        println!("\n{}", self.json());
    }

    fn values(&self, (case, figure): (&str, &str), kind: Kind) -> Option<&[f64]> {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| row.case == case && row.figure == figure && row.kind == kind)?;
        Some(&row.values)
    }

    /// One line for machines.
    fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            serde_json::json!({
                "case": row.case,
                "figure": row.figure,
                "broker": row.kind.name(),
                "median": median(&row.values),
                "values": row.values,
            })
        });
        serde_json::Value::Array(rows.collect()).to_string()
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn spread(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(0.0, f64::max))
}
