//! Rows drawn for a Newton step, each with a probability in proportion to its curvature and
//! weighted by its inverse (Xu, Yang, Roosta-Khorasani, Ré and Mahoney 2016), so that a rare class,
//! whose rows weigh most, is in the sample whole.
//!
//! The draw is a hash of the row and the iteration: no generator, no dependence on threads.

/// A number in [0, 1) from a row and an iteration (SplitMix64's mixing steps).
fn draw(row: usize, iteration: usize) -> f64 {
    let seed = (iteration as u64).wrapping_mul(0xD1B5_4A32_D192_ED03) ^ row as u64;
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The `limit` at which the sum of `min(1, size / limit)` is `wanted`, from above: the rows beyond
/// it count 1 each and the others share what is left, until no further row comes to lie beyond it.
fn limit(size: &[f64], wanted: f64) -> f64 {
    let (mut limit, mut beyond) = (f64::INFINITY, 0);
    loop {
        let rest: f64 = size.iter().filter(|&&size| size < limit).sum();
        let next = rest / (wanted - beyond as f64);
        let count = size.iter().filter(|&&size| size >= next).count();
        // Fewer rows with a size than wanted: all of them are taken.
        if count as f64 >= wanted || next <= 0.0 {
            return f64::MIN_POSITIVE;
        }
        // Fewer than before can only be rounding, at rows that lie on the limit itself.
        if count <= beyond {
            return next;
        }
        (limit, beyond) = (next, count);
    }
}

/// The rows drawn with probability `min(1, size / limit)`, `limit` such that about `wanted` are,
/// each with the inverse of its probability.
pub(super) fn sample(size: &[f64], wanted: f64, iteration: usize) -> (Vec<u32>, Vec<f64>) {
    let limit = limit(size, wanted);
    let mut picked = (Vec::new(), Vec::new());
    for (row, size) in size.iter().enumerate() {
        let probability = (size / limit).min(1.0);
        if draw(row, iteration) < probability {
            picked.0.push(row as u32);
            picked.1.push(1.0 / probability);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_gives_as_many_rows_as_are_wanted() {
        let many: Vec<f64> = (0..5_000).map(|row| f64::from(row % 37).powi(6)).collect();
        let few = [0.0, 3.0, 0.0, 1e-300, 1e300];
        for (size, wanted) in [(&many[..], 10.0), (&many, 900.0), (&many, 4_000.0), (&few, 1.5)] {
            let limit = limit(size, wanted);
            let expected: f64 = size.iter().map(|size| (size / limit).min(1.0)).sum();
            assert!((expected - wanted).abs() <= 1e-9 * wanted, "{expected} {wanted}");
        }
        // Rows that lie on the limit itself, where rounding alone decides on which side.
        for steps in 1..2_000_u32 {
            let value = 1.0 / f64::from(steps);
            for ahead in [1, 2, 3, 7, 30] {
                let mut size = vec![value; ahead];
                size.extend([value * 0.3, value * 0.7, value * 2.0 / 3.0, value / 3.0]);
                let wanted = size.iter().sum::<f64>() / value;
                let limit = limit(&size, wanted);
                let expected: f64 = size.iter().map(|size| (size / limit).min(1.0)).sum();
                assert!((expected - wanted).abs() <= 1e-9 * wanted, "{expected} {wanted}");
            }
        }
        for size in [&few[..], &[0.0, 0.0], &[]] {
            let rows = sample(size, 4.0, 1).0;
            assert_eq!(rows.len(), size.iter().filter(|&&size| size > 0.0).count());
        }
    }

    #[test]
    fn a_sample_has_about_the_wanted_rows_and_stands_for_all() {
        let size: Vec<f64> =
            (0..20_000).map(|row| if row % 100 == 0 { 50.0 } else { 1.0 }).collect();
        let (rows, scale) = sample(&size, 2_000.0, 7);
        assert!((rows.len() as f64 - 2_000.0).abs() < 150.0, "{}", rows.len());
        assert_eq!(rows.iter().filter(|&&row| row % 100 == 0).count(), 200);
        let total: f64 = rows.iter().zip(&scale).map(|(&row, s)| size[row as usize] * s).sum();
        let expected: f64 = size.iter().sum();
        assert!((total / expected - 1.0).abs() < 0.05, "{total} {expected}");
        assert_ne!(sample(&size, 2_000.0, 8).0, rows);
    }
}
