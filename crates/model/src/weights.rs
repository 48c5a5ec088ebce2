//! The weights file, in the safetensors format, so that numpy, PyTorch and any text viewer of its
//! header can open it.
//!
//! It holds the tensors `intercepts` (outputs) and `weights` (columns x outputs), both `F64`; two
//! classes have one output, the log-odds of the second, more classes one each. The header's metadata
//! has one key, `clawsig`: JSON with the format and the names of the classes. Of the formats that
//! are opened everywhere, `.npy` holds one array without a name, and `.npz` no names of classes.
//!
//! A file from elsewhere is read up to a limit, checked in full before use, and can do no more than
//! be refused.

use std::{fs, io::Read, path::Path};

use clawsig_schema::{format::FormatVersion, hostile::printable, unread};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    error::{ModelError, Result},
    solver::{Coefficients, Matrix},
};

/// The format of the weights file and of the `model.json` beside it.
///
/// - 3.0: training rows by class.
/// - 2.0: the weights are a safetensors file, which names the classes.
/// - 1.0: the first, with weights in a format of its own.
pub const MODEL_FORMAT: FormatVersion = FormatVersion::new(3, 0);
/// The largest weights file that is read, in bytes: 67 million numbers.
pub const WEIGHTS_LIMIT: u64 = 1 << 29;

const METADATA: &str = "clawsig";

/// Classes of any name, and the numbers that give their probabilities.
///
/// ```
/// use clawsig_model::{Classifier, schema::matrix::Csr, solver::{Problem, Solver, Stop}};
///
/// let x = Csr::new(1, vec![0, 1, 2, 3], vec![0, 0, 0], vec![1.0, 2.0, -1.0])?;
/// let found = Problem::new(&x, &[1, 1, 0], 2, 1.0)?.solve(
///     Solver::Auto, None, Stop::default(), &|_, _| {},
/// )?;
/// let classes = ["ham", "spam"].map(str::to_owned).to_vec();
/// let classifier = Classifier::new(classes, found.coefficients)?;
/// let file = std::env::temp_dir().join(format!("spam-{}.safetensors", std::process::id()));
/// classifier.save(&file)?;
/// assert_eq!(Classifier::load(&file)?, classifier);
/// std::fs::remove_file(&file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Classifier {
    classes: Vec<String>,
    coefficients: Coefficients,
}

#[derive(Deserialize)]
struct Unchecked {
    classes: Vec<String>,
    coefficients: Coefficients,
}

impl TryFrom<Unchecked> for Classifier {
    type Error = ModelError;

    fn try_from(found: Unchecked) -> Result<Classifier> {
        Classifier::new(found.classes, found.coefficients)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: FormatVersion,
    classes: Vec<String>,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: FormatVersion,
}

impl Classifier {
    /// Names the classes of some coefficients, in their order.
    ///
    /// # Errors
    /// If there is not one name a class, two are the same, or the coefficients are not what
    /// [`Coefficients::check`] asks for.
    pub fn new(classes: Vec<String>, coefficients: Coefficients) -> Result<Classifier> {
        coefficients.check()?;
        if classes.len() != coefficients.classes {
            return Err(ModelError::Shape {
                what: "the list of classes",
                found: classes.len(),
                expected: coefficients.classes,
            });
        }
        for (at, class) in classes.iter().enumerate() {
            if classes[..at].contains(class) {
                let class = printable(class, 60);
                return Err(ModelError::RepeatedClass { class });
            }
        }
        Ok(Classifier { classes, coefficients })
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The numbers.
    pub fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// The names and the numbers apart.
    pub fn into_parts(self) -> (Vec<String>, Coefficients) {
        (self.classes, self.coefficients)
    }

    /// Probabilities of every row, one a class, in the order of the names.
    ///
    /// # Errors
    /// If the matrix has another number of columns.
    pub fn probabilities<'x>(&self, x: impl Into<Matrix<'x>>) -> Result<Vec<Vec<f64>>> {
        self.coefficients.probabilities(x)
    }

    /// Writes the weights file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let io = |source| ModelError::Io { path: path.to_owned(), source };
        fs::write(path, to_bytes(&self.classes, &self.coefficients)?).map_err(io)
    }

    /// Reads and checks a weights file.
    ///
    /// # Errors
    /// If it can't be read, is larger than [`WEIGHTS_LIMIT`], of another format version, or not
    /// what it claims to be.
    pub fn load(path: &Path) -> Result<Classifier> {
        of_bytes(&read_limited(path, WEIGHTS_LIMIT)?, path)
    }
}

/// The bytes of the weights file.
pub(crate) fn to_bytes(classes: &[String], of: &Coefficients) -> Result<Vec<u8>> {
    let little_endian =
        |numbers: &[f64]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (intercepts, weights) = (little_endian(&of.intercepts), little_endian(&of.weights));
    let tensors = [
        ("intercepts", TensorView::new(Dtype::F64, vec![of.outputs()], &intercepts)?),
        ("weights", TensorView::new(Dtype::F64, vec![of.cols, of.outputs()], &weights)?),
    ];
    let header = Header { format: MODEL_FORMAT, classes: classes.to_vec() };
    // One key alone: the order of several would be a hash map's.
    let header = (METADATA.to_owned(), serde_json::to_string(&header)?);
    Ok(safetensors::serialize(tensors, Some([header].into_iter().collect()))?)
}

/// The classes and the numbers of a weights file.
pub(crate) fn of_bytes(bytes: &[u8], path: &Path) -> Result<Classifier> {
    if bytes.starts_with(b"CLAWSIGW") {
        return Err(other_format(path, FormatVersion::new(1, 0)));
    }
    let not_weights = |reason: String| malformed(path, format!("no weights file: {reason}"));
    let bad = |error: safetensors::SafeTensorError| not_weights(printable(&error.to_string(), 200));
    let tensors = SafeTensors::deserialize(bytes).map_err(bad)?;
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(bad)?;
    let text = metadata.metadata().as_ref().and_then(|all| all.get(METADATA));
    let text = text.ok_or_else(|| not_weights(format!("its header has no `{METADATA}`")))?;
    let no_header =
        |error: serde_json::Error| not_weights(format!("`{METADATA}`: {}", unread::json(&error)));
    let FormatOnly { format } = serde_json::from_str(text).map_err(no_header)?;
    MODEL_FORMAT.can_read(format).map_err(|_| other_format(path, format))?;
    let header: Header = serde_json::from_str(text).map_err(no_header)?;
    let tensor = |name: &str, dimensions: usize| {
        let tensor = tensors.tensor(name).map_err(bad)?;
        if tensor.dtype() != Dtype::F64 || tensor.shape().len() != dimensions {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(not_weights(format!(
                "`{name}` is {found}, expected F64 of {dimensions} dimension(s)"
            )));
        }
        let (numbers, _) = tensor.data().as_chunks::<8>();
        let numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok((tensor.shape().to_vec(), numbers))
    };
    let (_, intercepts) = tensor("intercepts", 1)?;
    let (shape, weights) = tensor("weights", 2)?;
    let classes = header.classes.len();
    let coefficients = Coefficients { classes, cols: shape[0], weights, intercepts };
    if tensors.len() != 2 || shape[1] != coefficients.outputs() {
        return Err(not_weights("its tensors are not those of its classes".to_owned()));
    }
    Classifier::new(header.classes, coefficients).map_err(|error| not_weights(error.to_string()))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(io)?;
    let too_large = || malformed(path, format!("larger than {limit} bytes"));
    // A size that is known need not be read first; one that grows is caught while it is read.
    if file.metadata().map_err(io)?.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> ModelError {
    ModelError::Malformed { path: path.to_owned(), reason: reason.into() }
}

/// The error of a file of a format that this build does not read.
pub(crate) fn other_format(path: &Path, found: FormatVersion) -> ModelError {
    ModelError::Format {
        path: path.to_owned(),
        found,
        remedy: if found < MODEL_FORMAT {
            "older than this clawsig reads; make it anew with `clawsig train`"
        } else {
            "newer than this clawsig reads; update clawsig"
        },
    }
}
