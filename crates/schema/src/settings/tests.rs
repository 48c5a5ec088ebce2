//! Tests of declared settings.

use super::*;

params! {
    /// A sieve.
    #[derive(Clone, Debug, PartialEq)]
    #[allow(unreachable_pub, reason = "the macro declares public settings")]
    pub struct Sieve {
        keys {
            /// The mesh.
            "sieve.mesh" mesh: u32 = 3, range(1, 16);
            /// The most grains.
            "sieve.most" most: Option<usize> = None, zero("no limit");
            /// The rate, where there is no list.
            "sieve.rate" rate: f64 = 1.0, range(1e-8, 1e8),
                needs(Need::new("sieve.rates", Is::Empty));
            /// The rates to try.
            "sieve.rates" rates: Vec<f64> = Vec::new(), range(1e-8, 1e8);
            /// The name.
            "sieve.name" name: String = String::new();
            /// The file.
            "sieve.file" file: std::path::PathBuf = std::path::PathBuf::new();
        }
        shared {
            /// The rule.
            flags: FlagParams;
            /// The same rule for a second part.
            again: FlagParams = FlagParams { rule: FlagRule::Label, ..FlagParams::default() };
        }
        plain {
            /// A field that no user changes.
            fixed: bool = true;
        }
    }
}

fn with(key: &str, text: &str) -> Result<Sieve, SettingError> {
    let mut sieve = Sieve::default();
    assert!(sieve.set(key, Input::Typed(OsStr::new(text)))?, "{key}");
    Ok(sieve)
}

#[test]
fn a_key_reads_by_its_own_type() {
    for text in ["20261126", "true", "1e5", "inf", "[1]", "\"x\"", " x ", ""] {
        assert_eq!(with("sieve.name", text).unwrap().name, text);
        assert_eq!(with("sieve.file", text).unwrap().file, std::path::Path::new(text));
    }
    assert_eq!(with("sieve.mesh", "7").unwrap().mesh, 7);
    assert_eq!(with("sieve.most", "20_000").unwrap().most, Some(20_000));
    assert_eq!(with("sieve.most", "0").unwrap().most, None);
    assert_eq!(with("sieve.rates", "[0.25, 1,4e0]").unwrap().rates, [0.25, 1.0, 4.0]);
    assert_eq!(with("sieve.rates", "2,3").unwrap().rates, [2.0, 3.0]);
    assert!(with("sieve.rates", "[]").unwrap().rates.is_empty());
    assert!(with("sieve.rates", "").unwrap().rates.is_empty());
}

#[test]
fn an_error_has_the_full_key_what_was_found_and_an_example() {
    let message = |key: &str, text: &str| with(key, text).unwrap_err().to_string();
    assert_eq!(
        message("sieve.mesh", "20,000"),
        "sieve.mesh is `20,000`; expected a whole number, for example 3, from 1 to 16"
    );
    for text in ["17", "0", "-1", "1.5", "1e2", "_1", "1_", "NaN", "", "99999999999999999999"] {
        assert!(message("sieve.mesh", text).starts_with(&format!("sieve.mesh is `{text}`")));
    }
    for text in ["nan", "inf", "1e9", "0", "[1]"] {
        assert!(message("sieve.rate", text).contains("from 1e-8 to 100000000"), "{text}");
    }
    assert!(message("sieve.most", "many").ends_with("for example 20000, or 0 for no limit"));
    assert!(message("sieve.rates", "[1").contains("a list as [A, B]"));
    assert!(message("sieve.rates", "1,nan").contains("sieve.rates is `[1.0, NaN]`"));
    assert!(message("flags.rule", "stats").contains("one of `status`, `label`, `any-output`"));
}

#[test]
fn a_shared_key_stands_once_and_is_set_everywhere() {
    let names: Vec<&str> = Sieve::keys().iter().map(|key| key.name).collect();
    assert_eq!(names.iter().filter(|name| **name == "flags.rule").count(), 1);
    let sieve = with("flags.rule", "any-output").unwrap();
    assert_eq!((sieve.flags.rule, sieve.again.rule), (FlagRule::AnyOutput, FlagRule::AnyOutput));
    assert!(!Sieve::default().set("other.key", Input::Typed(OsStr::new("1"))).unwrap());
}

#[test]
fn every_value_reads_back() {
    let mut sieve = with("sieve.rates", "0.1,1e-7").unwrap();
    sieve.set("sieve.name", Input::Typed(OsStr::new("a \"b\"\n"))).unwrap();
    let mut again = Sieve::default();
    for (key, value) in sieve.values() {
        assert!(again.set(key, Input::Value(&value)).unwrap());
    }
    // The second part's rule has followed the first's, which is what a key says.
    assert_eq!(again, Sieve { again: again.again, ..sieve });
}

#[cfg(unix)]
#[test]
fn a_path_of_any_bytes_reads_back() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = OsStr::from_bytes(b"-a\xff\n'b");
    let mut sieve = Sieve::default();
    sieve.set("sieve.file", Input::Typed(odd)).unwrap();
    assert_eq!(sieve.file.as_os_str(), odd);
    let value = sieve.value_of("sieve.file").unwrap();
    assert_eq!(value.to_string(), "{ bytes = \"2d61ff0a2762\" }");
    let mut again = Sieve::default();
    again.set("sieve.file", Input::Value(&value)).unwrap();
    assert_eq!(again.file.as_os_str(), odd);
}

#[test]
fn a_need_that_is_not_met_is_found() {
    let rate = Sieve::keys().into_iter().find(|key| key.name == "sieve.rate").unwrap();
    assert_eq!(Sieve::default().unmet(&rate), None);
    let need = with("sieve.rates", "[1]").unwrap().unmet(&rate).unwrap().to_string();
    assert_eq!(need, "sieve.rates is empty ([])");
    assert!(Is::Has(&["text"]).holds(&vec!["text".to_owned()].to_value()));
    assert!(!Is::On.holds(&Value::Whole(0)) && Is::On.holds(&Value::Flag(true)));
    assert!(Is::OneOf(&["hub"]).holds(&Value::Text("hub".to_owned())));
    assert!(!Is::Not("hub").holds(&Value::Text("hub".to_owned())));
}

#[test]
fn ranges_hold_for_values_written_in_rust() {
    assert!(Sieve::default().check_ranges().is_ok());
    let wrong = Sieve { rate: f64::NAN, ..Sieve::default() };
    assert!(wrong.check_ranges().unwrap_err().to_string().starts_with("sieve.rate is `NaN`"));
}

/// A type's words, the examples that it gives, and what `text` is read as, from a command line and back from a
/// profile.
fn typed<T: Setting + PartialEq + fmt::Debug>(text: &str) -> (String, Vec<T>, Option<T>) {
    let read = T::parse(OsStr::new(text));
    if let Some(read) = &read {
        assert_eq!(T::from_value(&read.to_value()).as_ref(), Some(read), "{text}");
    }
    (T::kind(), T::examples(), read)
}

#[test]
fn each_type_says_what_it_is() {
    assert_eq!(typed("true"), ("`true` or `false`".to_owned(), vec![], Some(true)));
    assert_eq!(typed::<bool>("yes").2, None);
    assert_eq!(bool::from_value(&Value::Whole(1)), None);
    assert_eq!(typed("1e2"), ("a number".to_owned(), vec![0.5], Some(100.0)));
    assert_eq!(typed("a b"), ("text".to_owned(), vec![], Some("a b".to_owned())));
    let list = "a list as [A, B] or A,B, each a number".to_owned();
    assert_eq!(typed("1,2"), (list, vec![vec![0.5]], Some(vec![1.0, 2.0])));
    let range = "two whole numbers, the least and the greatest".to_owned();
    assert_eq!(typed("[1, 3]"), (range, vec![], Some((1_usize, 3_usize))));
    for wrong in ["3,1", "1", "1,2,3", "a,b"] {
        assert_eq!(typed::<(usize, usize)>(wrong).2, None, "{wrong}");
    }
    assert_eq!(typed::<(usize, usize)>("2,2").2, Some((2, 2)));
    assert_eq!((1_usize, 3_usize).numbers(), [1.0, 3.0]);
    assert_eq!((vec![0.5, 2.0].numbers(), true.numbers()), (vec![0.5, 2.0], vec![]));
}

#[test]
fn what_is_no_value_of_a_profile_is_told() {
    let error = serde_json::from_str::<Value>("null").unwrap_err().to_string();
    assert!(error.contains("text, a number, true, false, a list or a table"), "{error}");
}
