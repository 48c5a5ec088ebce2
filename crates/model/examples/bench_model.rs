//! Solves one problem with one solver and prints iterations, seconds, objective and peak memory.
//!
//! `bench_model DIR SOLVER C BALANCED [TOLERANCE]`: DIR holds `indptr.npy` (int64),
//! `indices.npy` (int32), `data.npy` (float64) and `labels.npy` (int32), as xtask/peers/model.py
//! writes and reads them; BALANCED is `balanced` or `none`.

use std::{error::Error, fs, path::Path, time::Instant};

use clawsig_model::solver::{
    Auto, Lbfgs, LinfaDense, NewtonCg, Problem, ProximalNewton, Solver, Stop,
};
use clawsig_schema::matrix::Csr;

/// The data of a little-endian, one-dimensional `.npy` file of version 1 or 2.
fn npy<const W: usize, T>(
    path: &Path,
    kind: &str,
    read: fn([u8; W]) -> T,
) -> Result<Vec<T>, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let header = match bytes.get(6) {
        Some(1) => 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
        _ => return Err(format!("{}: not an npy file of version 1", path.display()).into()),
    };
    if !String::from_utf8_lossy(&bytes[..header]).contains(kind) {
        return Err(format!("{}: expected {kind}", path.display()).into());
    }
    let (items, _) = bytes[header..].as_chunks::<W>();
    Ok(items.iter().map(|item| read(*item)).collect())
}

#[expect(clippy::print_stdout, reason = "the example's result")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, solver, c, balanced, rest @ ..] = arguments.as_slice() else {
        return Err("usage: bench_model DIR SOLVER C balanced|none [TOLERANCE [L1_RATIO]]".into());
    };
    let folder = Path::new(folder);
    let indptr = npy(&folder.join("indptr.npy"), "<i8", |b| i64::from_le_bytes(b) as u64)?;
    let indices = npy(&folder.join("indices.npy"), "<i4", |b| i32::from_le_bytes(b) as u32)?;
    let values = npy(&folder.join("data.npy"), "<f8", f64::from_le_bytes)?;
    let labels = npy(&folder.join("labels.npy"), "<i4", |b| i32::from_le_bytes(b) as u32)?;
    let cols = npy(&folder.join("cols.npy"), "<i8", |b| i64::from_le_bytes(b) as usize)?[0];
    let x = Csr::new(cols, indptr, indices, values)?;
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
    let solver: &dyn Solver = match solver.as_str() {
        "auto" => &Auto,
        "newton-cg" => &NewtonCg,
        "lbfgs" => &Lbfgs,
        "proximal-newton" => &ProximalNewton,
        "linfa" => &LinfaDense,
        other => return Err(format!("unknown solver {other}").into()),
    };
    let begin = Instant::now();
    let stop = Stop { tolerance, max_iterations: 5_000 };
    let solution = solver.solve(&problem, None, stop, &|_, _| {})?;
    let seconds = begin.elapsed().as_secs_f64();
    let r = &solution.report;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!(
        "{} rows {} cols {} entries {} | {seconds:.2} s, {} iterations, {:.1} passes, objective {:.10}, gap {:.1e}, \
         gradient {:.1e}, converged {}, checked {:.10} | {}",
        r.solver,
        x.rows(),
        x.cols(),
        x.entries(),
        r.iterations,
        r.passes,
        r.objective,
        r.relative_gap,
        r.gradient_norm,
        r.converged,
        problem.objective(&solution.coefficients)?,
        peak.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    Ok(())
}
