//! Medians, their spread, and ratios of ours to the others.

/// One number of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
}

struct Row {
    case: &'static str,
    figure: &'static str,
    subject: &'static str,
    values: Vec<f64>,
}

pub struct Report {
    /// What is measured; the first is ours.
    subjects: Vec<&'static str>,
    rows: Vec<Row>,
    failures: Vec<String>,
    /// What else is to be known of a run, with its name.
    facts: serde_json::Map<String, serde_json::Value>,
}

impl Report {
    pub fn new(subjects: Vec<&'static str>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut report = Self {
            subjects,
            rows: Vec::new(),
            failures: Vec::new(),
            facts: serde_json::Map::new(),
        };
        report.tell("date", jiff::ZonedDateTime::now().date().to_string());
        report.tell("processors", threads);
        report
    }

    /// What else is to be known: versions, for example.
    pub fn tell(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    pub fn add(&mut self, case: &'static str, subject: &'static str, figures: Vec<Figure>) {
        for Figure {
            name: figure,
            value,
        } in figures
        {
            let known = self
                .rows
                .iter_mut()
                .find(|row| row.case == case && row.figure == figure && row.subject == subject);
            match known {
                Some(row) => row.values.push(value),
                None => self.rows.push(Row {
                    case,
                    figure,
                    subject,
                    values: vec![value],
                }),
            }
        }
    }

    /// One that loses, doubles or reorders what it must not. Only ours fails the run; of
    /// another it is told.
    pub fn fail(&mut self, case: &str, subject: &'static str, reason: &str) {
        let text = format!("{case}: {subject}: {reason}");
        println!("failed: {text}");
        if self.subjects.first() == Some(&subject) {
            self.failures.push(text);
        }
    }

    pub fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub fn print(&self) {
        let first = self.subjects.first().copied().unwrap_or_default();
        for (name, value) in &self.facts {
            println!("{name}: {}", value.to_string().trim_matches('"'));
        }
        println!("median (lowest to highest); then {first}'s ratio to each");
        let mut printed: Vec<(&str, &str)> = Vec::new();
        for row in &self.rows {
            let key = (row.case, row.figure);
            if printed.contains(&key) {
                continue;
            }
            printed.push(key);
            println!("\n{}: {}", row.case, row.figure);
            let ours = self.values(key, first).map(median);
            for &subject in &self.subjects {
                let Some(values) = self.values(key, subject) else {
                    continue;
                };
                let (low, high) = spread(values);
                let ratio = ours.map_or(0.0, |ours| ours / median(values));
                println!(
                    "  {subject:<10} {:>12.3} ({low:.3} to {high:.3})   ratio {ratio:.2}",
                    median(values)
                );
            }
        }
    }

    /// The median of a figure, if it was measured.
    pub fn median(&self, case: &str, figure: &str, subject: &str) -> Option<f64> {
        self.values((case, figure), subject).map(median)
    }

    fn values(&self, (case, figure): (&str, &str), subject: &str) -> Option<&[f64]> {
        let mut rows = self.rows.iter();
        let row =
            rows.find(|row| row.case == case && row.figure == figure && row.subject == subject)?;
        Some(&row.values)
    }

    /// One line for machines.
    pub fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            serde_json::json!({
                "case": row.case,
                "figure": row.figure,
                "subject": row.subject,
                "median": median(&row.values),
                "values": row.values,
            })
        });
        let mut facts = self.facts.clone();
        facts.insert("results".to_owned(), rows.collect());
        serde_json::Value::Object(facts).to_string()
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn spread(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(0.0, f64::max))
}
