//! JSON values as block-style YAML, for the front matter of a card.

use serde_json::Value;

use clawsig_schema::hostile::printable;

/// The value as YAML: block mappings and sequences, every text a double-quoted JSON string (which
/// YAML 1.2 reads the same) of printable characters.
pub(crate) fn document(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.push_str(&indent);
                out.push_str(&scalar_key(key));
                out.push(':');
                nested(value, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str(&indent);
                out.push('-');
                if is_block(item) {
                    let mut inner = String::new();
                    write(item, depth + 1, &mut inner);
                    out.push(' ');
                    out.push_str(inner.trim_start());
                } else {
                    nested(item, depth, out);
                }
            }
        }
        scalar => {
            out.push_str(&scalar_text(scalar));
            out.push('\n');
        }
    }
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    if is_block(value) {
        out.push('\n');
        write(value, depth + 1, out);
    } else {
        out.push(' ');
        out.push_str(&scalar_text(value));
        out.push('\n');
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn scalar_key(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if plain { key.to_owned() } else { scalar_text(&Value::from(key)) }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => Value::from(printable(text, 300)).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_nest_and_texts_are_quoted() {
        let value = serde_json::json!({
            "license": "mit",
            "model-index": [{"name": "a: \"b\"\n- c", "results": [{"value": 0.5}, 1]}],
            "tags": []
        });
        assert_eq!(
            document(&value),
            "license: \"mit\"\nmodel-index:\n  - name: \"a: \\\"b\\\"\\\\n- c\"\n    results:\n      - value: 0.5\n      - 1\ntags: []\n"
        );
    }
}
