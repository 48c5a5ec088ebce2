//! Solves one problem with one solver and prints iterations, seconds, objective and peak memory.
//!
//! `bench_model DIR SOLVER C BALANCED [TOLERANCE [L1_RATIO]]`: DIR holds `indptr.npy` (int64),
//! `indices.npy` (int32), `data.npy` (float64), `labels.npy` (int32) and `cols.npy` (int64), as
//! xtask/peers/model.py writes and reads them; BALANCED is `balanced` or `none`. The matrix is
//! read row by row into [`Compact`].

use std::{
    error::Error,
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
    time::Instant,
};

use clawsig_model::solver::{Compact, Problem, Solver, Stop};

/// The items of a little-endian, one-dimensional `.npy` file of version 1, as they are read.
struct Npy<const W: usize, T> {
    file: BufReader<File>,
    read: fn([u8; W]) -> T,
}

impl<const W: usize, T> Npy<W, T> {
    fn open(path: &Path, kind: &str, read: fn([u8; W]) -> T) -> Result<Npy<W, T>, Box<dyn Error>> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut start = [0; 10];
        file.read_exact(&mut start)?;
        let mut header = vec![0; usize::from(u16::from_le_bytes([start[8], start[9]]))];
        file.read_exact(&mut header)?;
        if start[6] != 1 || !String::from_utf8_lossy(&header).contains(kind) {
            return Err(format!("{}: expected {kind} in version 1", path.display()).into());
        }
        Ok(Npy { file, read })
    }

    fn take(&mut self, items: usize) -> Result<Vec<T>, Box<dyn Error>> {
        let mut out = Vec::with_capacity(items);
        let mut bytes = [0; W];
        for _ in 0..items {
            self.file.read_exact(&mut bytes)?;
            out.push((self.read)(bytes));
        }
        Ok(out)
    }

    fn rest(mut self) -> Result<Vec<T>, Box<dyn Error>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let (items, _) = bytes.as_chunks::<W>();
        Ok(items.iter().map(|item| (self.read)(*item)).collect())
    }
}

#[expect(clippy::print_stdout, reason = "the example's result")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, solver, c, balanced, rest @ ..] = arguments.as_slice() else {
        return Err("usage: bench_model DIR SOLVER C balanced|none [TOLERANCE [L1_RATIO]]".into());
    };
    let folder = Path::new(folder);
    let integer = |b| i64::from_le_bytes(b) as usize;
    let indptr = Npy::open(&folder.join("indptr.npy"), "<i8", integer)?.rest()?;
    let cols = Npy::open(&folder.join("cols.npy"), "<i8", integer)?.take(1)?[0];
    let small = |b| i32::from_le_bytes(b) as u32;
    let labels = Npy::open(&folder.join("labels.npy"), "<i4", small)?.rest()?;
    let mut indices = Npy::open(&folder.join("indices.npy"), "<i4", small)?;
    let mut values = Npy::open(&folder.join("data.npy"), "<f8", f64::from_le_bytes)?;
    let mut x = Compact::new(cols, indptr.last().copied().unwrap_or(0));
    for pair in indptr.windows(2) {
        let entries = pair[1] - pair[0];
        x.push(&indices.take(entries)?, &values.take(entries)?)?;
    }
    let classes = labels.iter().max().map_or(0, |&top| top as usize + 1);
    let mut counts = vec![0_usize; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let weights = labels
        .iter()
        .map(|&label| match balanced.as_str() {
            "balanced" => x.rows() as f64 / (classes * counts[label as usize]) as f64,
            _ => 1.0,
        })
        .collect();
    let c: f64 = c.parse()?;
    let l1_ratio: f64 = rest.get(1).map_or(Ok(0.0), |text| text.parse())?;
    let problem = Problem::new(&x, &labels, classes, (1.0 - l1_ratio) / c)?
        .with_l1(l1_ratio / c)?
        .with_weights(weights)?;
    let tolerance = rest.first().map_or(Ok(Stop::default().tolerance), |text| text.parse())?;
    let solver: Solver = solver.parse()?;
    let begin = Instant::now();
    let stop = Stop { tolerance, max_iterations: 5_000 };
    let solution = problem.solve(solver, None, stop, &|_, _| {})?;
    let seconds = begin.elapsed().as_secs_f64();
    let r = &solution.report;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    println!(
        "{{\"method\": \"{} to {tolerance:e}\", \"rows\": {}, \"columns\": {cols}, \"entries\": {}, \
         \"seconds\": {seconds:.2}, \"iterations\": {}, \"passes\": {:.1}, \"objective\": {:.8}, \
         \"gradient_norm\": {:.2e}, \"gap\": {:.1e}, \"converged\": {}, \"peak_megabytes\": {:.1}}}",
        r.solver,
        x.rows(),
        x.entries(),
        r.iterations.unwrap_or_default(),
        r.passes.unwrap_or_default(),
        problem.objective(&solution.coefficients)?,
        r.gradient_norm,
        r.relative_gap,
        r.converged,
        kilobytes / 1024.0
    );
    Ok(())
}
