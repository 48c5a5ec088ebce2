//! The skills to review: a stratified sample, drawn without replacement, whose probabilities are known.

use clawsig_stats::{distribution::normal_quantile, generator, shuffle};
use serde::{Deserialize, Serialize};

use crate::AdjudicateError;

/// How many are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// As many of each stratum as an interval of this full width takes for a share within it.
    Width(f64),
    /// So many in all, divided in proportion to what [`Size::Width`] would take.
    Reviews(u64),
}

/// A design's settings, to be checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DesignParams {
    /// How many are drawn; by default a width of 0.2.
    pub size: Size,
    /// The level of intervals, 0.95 by default.
    pub level: f64,
    /// The seed of the draw, 0 by default.
    pub seed: u64,
}

impl Default for DesignParams {
    fn default() -> DesignParams {
        DesignParams { size: Size::Width(0.2), level: 0.95, seed: 0 }
    }
}

/// One stratum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    /// Its name.
    pub name: String,
    /// The units that belong to it, in words.
    pub meaning: String,
    /// The units in it.
    pub population: u64,
    /// The units drawn from it.
    pub drawn: u64,
    /// The full width that an interval of a share of one half will have, at most 1.
    pub width: f64,
}

impl Stratum {
    /// The probability with which each of its units was drawn.
    pub fn probability(&self) -> f64 {
        if self.population == 0 { 0.0 } else { self.drawn as f64 / self.population as f64 }
    }
}

/// One drawn unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// The unit.
    pub id: String,
    /// The place of its stratum.
    pub stratum: usize,
}

/// A drawn sample with everything that its estimates need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// The strata, in the order of the places in [`Drawn`].
    pub strata: Vec<Stratum>,
    /// The units drawn, in an order that tells nothing of their strata.
    pub drawn: Vec<Drawn>,
    /// The level of intervals.
    pub level: f64,
    /// The seed of the draw.
    pub seed: u64,
}

/// How many of so many units make an interval of that full width for a share of one half.
///
/// `n = m / (1 + (m - 1) / N)` with `m = (z / width)^2`, the textbook's size with the correction for
/// a finite population (Cochran 1977, 4.4); at least 2, so that a spread can be told.
pub fn needed(population: u64, width: f64, level: f64) -> u64 {
    let z = normal_quantile(0.5 + level / 2.0);
    let unbounded = (z / width) * (z / width);
    let finite = unbounded / (1.0 + (unbounded - 1.0) / population.max(1) as f64);
    (finite.ceil() as u64).max(2).min(population)
}

/// The full width that so many drawn of so many give.
fn width(population: u64, drawn: u64, level: f64) -> f64 {
    if drawn == 0 {
        return 1.0;
    }
    if drawn >= population {
        return 0.0;
    }
    let z = normal_quantile(0.5 + level / 2.0);
    let left = (population - drawn) as f64 / (population.saturating_sub(1)).max(1) as f64;
    (z * (left / drawn as f64).sqrt()).min(1.0)
}

impl DesignParams {
    fn check(&self) -> Result<(), AdjudicateError> {
        let wrong =
            |name, value: String, range| Err(AdjudicateError::Parameter { name, value, range });
        match self.size {
            Size::Width(width) if !(0.01..=1.0).contains(&width) => {
                wrong("width", width.to_string(), "0.01 to 1")
            }
            Size::Reviews(0) => wrong("reviews", "0".to_owned(), "1 and up"),
            _ if !(0.5..=0.999).contains(&self.level) => {
                wrong("level", self.level.to_string(), "0.5 to 0.999")
            }
            _ => Ok(()),
        }
    }
}

/// Draws the sample. `names` are the strata with their meanings; `units` are all units of the
/// population with the place of each one's stratum. The draw depends on the ids and the seed, not on
/// the order of the units. Strata without units are left out.
///
/// ```
/// use clawsig_adjudicate::{DesignParams, draw};
/// let names = [("rare".to_owned(), String::new()), ("common".to_owned(), String::new())];
/// let units: Vec<(String, usize)> = (0..1000).map(|n| (format!("{n}"), usize::from(n >= 30))).collect();
/// let design = draw(&names, &units, &DesignParams::default())?;
/// assert_eq!((design.strata[0].population, design.strata[0].drawn), (30, 24));
/// assert_eq!(design.strata[1].drawn, 88);
/// # Ok::<(), clawsig_adjudicate::AdjudicateError>(())
/// ```
///
/// # Errors
/// A setting outside its range, no units, a unit given twice or in no stratum.
pub fn draw(
    names: &[(String, String)],
    units: &[(String, usize)],
    params: &DesignParams,
) -> Result<Design, AdjudicateError> {
    params.check()?;
    let mut members: Vec<Vec<&str>> = vec![Vec::new(); names.len()];
    for (id, stratum) in units {
        match members.get_mut(*stratum) {
            Some(list) => list.push(id),
            None => {
                return Err(AdjudicateError::Design(format!(
                    "unit `{id}` is in stratum {stratum}, and there are {}",
                    names.len()
                )));
            }
        }
    }
    let mut ids: Vec<&str> = units.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(AdjudicateError::Design(format!("unit `{}` is given twice", pair[0])));
    }
    if units.is_empty() {
        return Err(AdjudicateError::Design("there is nothing to draw from".to_owned()));
    }
    let populations: Vec<u64> = members.iter().map(|list| list.len() as u64).collect();
    let sizes = sizes(&populations, params);
    let mut design =
        Design { strata: Vec::new(), drawn: Vec::new(), level: params.level, seed: params.seed };
    for (place, (mut list, size)) in members.into_iter().zip(&sizes).enumerate() {
        if list.is_empty() {
            continue;
        }
        list.sort_unstable();
        // A stream of its own: another stratum's size changes nothing here.
        shuffle(&mut list, &mut generator(params.seed, place as u64));
        let stratum = design.strata.len();
        let drawn = list.iter().take(*size as usize);
        design.drawn.extend(drawn.map(|id| Drawn { id: (*id).to_owned(), stratum }));
        let population = list.len() as u64;
        design.strata.push(Stratum {
            name: names[place].0.clone(),
            meaning: names[place].1.clone(),
            population,
            drawn: *size,
            width: width(population, *size, params.level),
        });
    }
    design.drawn.sort_by(|a, b| a.id.cmp(&b.id));
    // The order of the sheet must not tell a reviewer which stratum comes next.
    shuffle(&mut design.drawn, &mut generator(params.seed, u64::MAX));
    Ok(design)
}

fn sizes(populations: &[u64], params: &DesignParams) -> Vec<u64> {
    let by_width = |width| -> Vec<u64> {
        populations.iter().map(|&population| needed(population, width, params.level)).collect()
    };
    match params.size {
        Size::Width(width) => by_width(width),
        Size::Reviews(reviews) => {
            let whole = by_width(0.2);
            let all: u64 = whole.iter().sum();
            let share = |(&need, &population): (&u64, &u64)| {
                let part = (need as f64 * reviews as f64 / all.max(1) as f64).round() as u64;
                part.max(2).min(population)
            };
            whole.iter().zip(populations).map(share).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Vec<(String, usize)> {
        (0..500).map(|n| (format!("id{n}"), usize::from(n % 7 == 0))).collect()
    }

    fn names() -> [(String, String); 3] {
        ["a", "b", "empty"].map(|name| (name.to_owned(), String::new()))
    }

    #[test]
    fn a_seed_gives_the_same_sample_in_any_order() {
        let params = DesignParams { size: Size::Reviews(60), ..DesignParams::default() };
        let first = draw(&names(), &units(), &params).unwrap();
        let mut turned = units();
        turned.reverse();
        assert_eq!(first, draw(&names(), &turned, &params).unwrap());
        let other = draw(&names(), &units(), &DesignParams { seed: 1, ..params }).unwrap();
        assert_ne!(first.drawn, other.drawn);
        assert_eq!(first.strata.len(), 2, "an empty stratum is none");
        let drawn: u64 = first.strata.iter().map(|stratum| stratum.drawn).sum();
        assert_eq!(drawn, first.drawn.len() as u64);
        assert!((55..=65).contains(&drawn));
    }

    #[test]
    fn every_unit_of_a_stratum_is_as_likely() {
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for seed in 0..400 {
            let params = DesignParams { seed, size: Size::Reviews(50), ..DesignParams::default() };
            for one in draw(&names(), &units(), &params).unwrap().drawn {
                *counts.entry(one.id).or_default() += 1;
            }
        }
        let design = draw(
            &names(),
            &units(),
            &DesignParams { size: Size::Reviews(50), ..DesignParams::default() },
        )
        .unwrap();
        for stratum in [0, 1] {
            let expected = 400.0 * design.strata[stratum].probability();
            let all: Vec<f64> = units()
                .iter()
                .filter(|unit| unit.1 == stratum)
                .map(|unit| f64::from(counts.get(&unit.0).copied().unwrap_or(0)))
                .collect();
            let chi: f64 = all.iter().map(|count| (count - expected).powi(2) / expected).sum();
            // The mean of chi-squared is below the number of units; five deviations is far beyond chance.
            assert!(chi < all.len() as f64 + 5.0 * (2.0 * all.len() as f64).sqrt(), "{chi}");
        }
    }

    #[test]
    fn sizes_are_the_textbooks() {
        // Cochran: m = 96.04 for a full width of 0.2 at 95 %; with N = 1,000, 96.04 / 1.09504.
        assert_eq!(needed(1_000_000, 0.2, 0.95), 97);
        assert_eq!(needed(1_000, 0.2, 0.95), 88);
        assert_eq!((needed(1, 0.2, 0.95), needed(0, 0.2, 0.95)), (1, 0));
        assert!((width(1_000, 88, 0.95) - 0.2).abs() < 0.002);
    }

    #[test]
    fn mistakes_are_told() {
        let twice = [("x".to_owned(), 0), ("x".to_owned(), 0)];
        assert!(
            draw(&names(), &twice, &DesignParams::default())
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
        assert!(draw(&names(), &[], &DesignParams::default()).is_err());
        let far = DesignParams { size: Size::Width(2.0), ..DesignParams::default() };
        assert!(draw(&names(), &units(), &far).is_err());
    }
}
