//! Reading a saved state: how much at most, of which version, and nothing that is not known.

use clawsig_schema::format::FormatVersion;
use serde::{Deserialize, de::DeserializeOwned};

use crate::FeaturesError;

/// The most bytes of JSON that a state is read from, 256 MiB: some ten million terms. A reader of
/// files need not take in more.
pub const MAX_JSON_BYTES: usize = 256 << 20;

/// The beginning of every saved state.
#[derive(Deserialize)]
struct Header {
    format: FormatVersion,
}

/// A state from its JSON; the caller still compares the versions of what was read.
pub(crate) fn read<T: DeserializeOwned>(
    json: &str,
    reader: FormatVersion,
    limit: usize,
) -> Result<T, FeaturesError> {
    if json.len() > limit {
        return Err(FeaturesError::TooLong { limit });
    }
    serde_json::from_str(json).map_err(|error| {
        // Another version may have other fields. That it is another says more than their names.
        match serde_json::from_str::<Header>(json) {
            Ok(Header { format }) => match reader.can_read(format) {
                Err(mismatch) => mismatch.into(),
                Ok(()) => error.into(),
            },
            Err(_) => error.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct State {
        #[expect(dead_code, reason = "it is there to be asked for")]
        format: FormatVersion,
    }

    fn refused(json: &str) -> FeaturesError {
        read::<State>(json, FormatVersion::new(1, 2), 40).unwrap_err()
    }

    #[test]
    fn a_state_is_read_up_to_the_limit() {
        let json = format!("{:40}", r#"{"format":"1.1"}"#);
        assert!(read::<State>(&json, FormatVersion::new(1, 2), 40).is_ok());
        assert_eq!(
            refused(&format!("{json} ")).to_string(),
            "saved features of more than 40 bytes are not read; fit with fewer terms \
             (max_features, min_df)"
        );
    }

    #[test]
    fn a_version_with_other_fields_is_refused_for_its_version() {
        let newer = refused(r#"{"format":"2.0","more":[]}"#).to_string();
        assert_eq!(
            newer,
            "saved features: format 2.0 is newer than this clawsig reads; update clawsig"
        );
        assert_eq!(
            refused(r#"{"format":"1.3","more":[]}"#).to_string(),
            newer.replace("2.0", "1.3")
        );
        assert!(refused(r#"{"format":"0.9","more":[]}"#).to_string().contains("older"));
        let unknown = refused(r#"{"format":"1.1","\u001b[2J":[]}"#).to_string();
        assert_eq!(
            unknown,
            "saved features can't be read: at byte 27 `\\u{1b}[2J` is no known name; expected \
             `format`; fit and save them again"
        );
    }
}
