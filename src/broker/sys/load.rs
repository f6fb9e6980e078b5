use std::time::Duration;

/// The times over which averages are taken, in seconds.
const PERIODS: [f64; 3] = [60.0, 300.0, 900.0];

/// How much a counter grows in a minute: moving averages over one, five and fifteen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    total: u64,
    averages: [f64; 3],
}

impl Load {
    /// The averages after the counter has grown to `total` in the time `elapsed`.
    pub(super) fn update(&mut self, total: u64, elapsed: Duration) -> [f64; 3] {
        let seconds = elapsed.as_secs_f64();
        if seconds > 0.0 {
            let grown = total.saturating_sub(self.total) as f64;
            let in_a_minute = grown * 60.0 / seconds;
            for (average, period) in self.averages.iter_mut().zip(PERIODS) {
                let weight = (-seconds / period).exp();
                *average = in_a_minute + weight * (*average - in_a_minute);
            }
            self.total = total;
        }
        self.averages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_draw_near_to_a_steady_rate_the_short_ones_first() {
        let mut load = Load::default();
        assert_eq!(load.update(0, Duration::ZERO), [0.0; 3]);
        let mut averages = [0.0; 3];
        for tick in 1..=60 {
            averages = load.update(tick * 10, Duration::from_secs(10));
        }
        let [one, five, fifteen] = averages;
        assert!((59.9..=60.0).contains(&one), "{one}");
        assert!((50.0..59.0).contains(&five), "{five}");
        assert!(fifteen < five, "{fifteen}");
    }
}
