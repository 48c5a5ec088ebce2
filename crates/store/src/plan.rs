//! What a stage is about to do, and the key that follows from it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::{Input, Sha256Hex, StoreError, hash::hash_bytes};

/// Everything a stage's result depends on.
///
/// Two plans with the same content have the same key, in whatever order parameters and inputs
/// were added.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) stage: String,
    pub(crate) version: u32,
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) inputs: Vec<Input>,
}

/// What the key is the hash of, serialized as compact JSON with sorted keys.
#[derive(Serialize)]
struct KeyMaterial<'a> {
    stage: &'a str,
    version: u32,
    parameters: &'a BTreeMap<String, Value>,
    inputs: BTreeMap<&'a str, &'a Sha256Hex>,
}

impl Plan {
    /// A plan for a stage. The version stands for the stage's code: raise it whenever the same
    /// inputs and parameters give another result.
    pub fn new(stage: &str, version: u32) -> Plan {
        Plan { stage: stage.to_owned(), version, parameters: BTreeMap::new(), inputs: Vec::new() }
    }

    /// Adds parameters, the seed among them: only those that this stage's result depends on.
    pub fn parameters<'a, V: Serialize>(
        mut self,
        parameters: impl IntoIterator<Item = (&'a str, V)>,
    ) -> Result<Plan, StoreError> {
        for (name, value) in parameters {
            let value = serde_json::to_value(value)
                .map_err(|source| StoreError::Parameter { name: name.to_owned(), source })?;
            self.parameters.insert(name.to_owned(), value);
        }
        Ok(self)
    }

    /// Adds inputs. An input that was added under the same name before is replaced.
    #[must_use]
    pub fn inputs(mut self, inputs: impl IntoIterator<Item = Input>) -> Plan {
        for input in inputs {
            self.inputs.retain(|known| known.name != input.name);
            self.inputs.push(input);
        }
        self.inputs.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// The stage's name.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The inputs, sorted by name.
    pub fn input_list(&self) -> &[Input] {
        &self.inputs
    }

    /// The stage key: SHA-256 of the stage's name and version, its parameters and the hashes of its
    /// inputs.
    pub fn key(&self) -> Sha256Hex {
        let material = KeyMaterial {
            stage: &self.stage,
            version: self.version,
            parameters: &self.parameters,
            inputs: self.inputs.iter().map(|i| (i.name.as_str(), &i.sha256)).collect(),
        };
        // Strings, numbers that are already JSON values and string-keyed maps always serialize.
        let json = serde_json::to_vec(&material).unwrap_or_default();
        hash_bytes(&json)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn input(name: &str, content: &str) -> Input {
        Input { name: name.to_owned(), sha256: hash_bytes(content.as_bytes()), bytes: 0 }
    }

    fn plan() -> Plan {
        Plan::new("train", 3)
            .parameters([("model.c", json!(4.0)), ("model.target", json!("verdict"))])
            .unwrap()
            .inputs([input("features/train.npz", "x"), input("features/columns.csv", "y")])
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let same = Plan::new("train", 3)
            .inputs([input("features/columns.csv", "y"), input("features/train.npz", "x")])
            .parameters([("model.target", json!("verdict")), ("model.c", json!(4.0))])
            .unwrap();
        assert_eq!(plan().key(), same.key());

        let names: Vec<&str> = same.input_list().iter().map(|input| input.name.as_str()).collect();
        assert_eq!(names, ["features/columns.csv", "features/train.npz"]);

        let others = [
            plan().parameters([("run.seed", 43)]).unwrap(),
            plan().parameters([("model.c", json!(4.5))]).unwrap(),
            plan().inputs([input("features/train.npz", "z")]),
            Plan { stage: "evaluate".to_owned(), ..plan() },
            Plan { version: 4, ..plan() },
        ];
        for other in others {
            assert_ne!(plan().key(), other.key(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn names_and_values_never_run_together(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}") {
            let one = Plan::new("s", 1).parameters([(a.as_str(), json!(b)), ("z", json!(c))]);
            let two = Plan::new("s", 1).parameters([(a.as_str(), json!(c)), ("z", json!(b))]);
            let (one, two) = (one.unwrap(), two.unwrap());
            prop_assert_eq!(one.key() == two.key(), one == two);
        }
    }
}
