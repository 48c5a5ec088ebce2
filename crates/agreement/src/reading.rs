//! Words for the size of a coefficient. The scales are conventions, not results: each was drawn up
//! for kappa in medicine, and a word says less than the value with its interval.

use clawsig_stats::distribution::normal_cdf;

/// A published scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Landis and Koch 1977: poor (below 0), slight, fair, moderate, substantial, almost perfect.
    LandisKoch,
    /// Fleiss 1981: poor, fair to good, excellent.
    Fleiss,
    /// Altman 1991: poor, fair, moderate, good, very good.
    Altman,
}

impl Scale {
    /// Every scale.
    pub const ALL: &'static [Scale] = &[Scale::LandisKoch, Scale::Fleiss, Scale::Altman];

    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Scale::LandisKoch => "landis-koch",
            Scale::Fleiss => "fleiss",
            Scale::Altman => "altman",
        }
    }

    /// The levels from best to worst: the word and the lower limit.
    pub const fn levels(self) -> &'static [(&'static str, f64)] {
        match self {
            Scale::LandisKoch => &[
                ("almost perfect", 0.8),
                ("substantial", 0.6),
                ("moderate", 0.4),
                ("fair", 0.2),
                ("slight", 0.0),
                ("poor", -1.0),
            ],
            Scale::Fleiss => &[("excellent", 0.75), ("fair to good", 0.4), ("poor", -1.0)],
            Scale::Altman => &[
                ("very good", 0.8),
                ("good", 0.6),
                ("moderate", 0.4),
                ("fair", 0.2),
                ("poor", -1.0),
            ],
        }
    }

    /// The word for a value. A limit belongs to the level below it (Landis and Koch's bands are
    /// 0.21-0.40, 0.41-0.60 and so on), except that 0 itself is slight.
    ///
    /// ```
    /// use clawsig_agreement::Scale;
    /// assert_eq!(Scale::LandisKoch.word(0.41), "moderate");
    /// assert_eq!(Scale::LandisKoch.word(0.40), "fair");
    /// assert_eq!(Scale::LandisKoch.word(0.0), "slight");
    /// ```
    pub fn word(self, value: f64) -> &'static str {
        let above = |low: f64| value > low || (low == 0.0 && value == 0.0);
        self.levels().iter().find(|(_, low)| above(*low)).map_or("poor", |(word, _)| word)
    }

    /// For each level the probability that the true coefficient reaches it, given the estimate
    /// and its standard error: a normal distribution cut to -1..=1 (Gwet 2014, chapter 6). `None`
    /// without a positive, finite standard error.
    pub fn benchmark(self, value: f64, standard_error: f64) -> Option<Vec<(&'static str, f64)>> {
        if !(standard_error.is_finite() && standard_error > 0.0 && value.is_finite()) {
            return None;
        }
        let reach = |limit: f64| normal_cdf((value - limit) / standard_error);
        let whole = reach(-1.0) - reach(1.0);
        (whole > 0.0).then(|| {
            let share = |low: f64| ((reach(low) - reach(1.0)) / whole).clamp(0.0, 1.0);
            self.levels().iter().map(|&(word, low)| (word, share(low))).collect()
        })
    }

    /// The best level that is reached with a probability of at least 0.95.
    ///
    /// ```
    /// use clawsig_agreement::Scale;
    /// let (word, probability) = Scale::Altman.benchmark_word(0.67, 0.15).unwrap();
    /// assert_eq!(word, "moderate");
    /// assert!((probability - 0.96356).abs() < 1e-5); // irrCAC 0.4.4's own example
    /// ```
    pub fn benchmark_word(self, value: f64, standard_error: f64) -> Option<(&'static str, f64)> {
        let levels = self.benchmark(value, standard_error)?;
        levels.into_iter().find(|(_, probability)| *probability >= 0.95)
    }
}
