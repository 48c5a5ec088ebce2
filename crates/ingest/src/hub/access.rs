//! How the Hub is reached: address, token, cache, offline or not.
//!
//! hf-hub reads little of this from the environment. Here it is resolved once, by the rules of
//! Python's huggingface_hub, and handed over whole. One rule differs: an empty variable is as one
//! that is not set.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::HubError;

/// The Hub itself.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// A secret. Its `Debug` shows that there is one, not which.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, without the blanks around it; `None` if it is empty or can't be sent in a header.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| Token(text.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The user's explicit choices; each goes before its environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubOptions {
    /// The Hub's address, before `HF_ENDPOINT`.
    pub endpoint: Option<String>,
    /// A file that holds the token, before `HF_TOKEN` and `HF_TOKEN_PATH`.
    pub token_file: Option<PathBuf>,
    /// The folder of caches and token, before `HF_HOME`.
    pub home: Option<PathBuf>,
    /// The cache of downloads, before `HF_HUB_CACHE`.
    pub cache: Option<PathBuf>,
    /// No network, even if `HF_HUB_OFFLINE` is not set.
    pub offline: bool,
}

/// How the Hub is reached. Everything is explicit: nothing else is read from the environment.
#[derive(Clone, Debug)]
pub struct HubAccess {
    /// The Hub's address, without a slash at the end.
    pub endpoint: String,
    /// The token to send, if any.
    pub token: Option<Token>,
    /// The cache that Python's huggingface_hub uses too.
    pub cache: PathBuf,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Attempts for one thing before it is given up, at least 1.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one. A longer
    /// `Retry-After` is obeyed.
    pub pause: Duration,
    /// How long nothing may arrive before an attempt counts as failed.
    pub stall: Duration,
}

impl HubAccess {
    /// No token, the given address and cache, 5 attempts with pauses from 1 s, 60 s of patience.
    pub fn new(endpoint: &str, cache: impl Into<PathBuf>) -> HubAccess {
        HubAccess {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: None,
            cache: cache.into(),
            offline: false,
            attempts: 5,
            pause: Duration::from_secs(1),
            stall: Duration::from_secs(60),
        }
    }

    /// The given options, and for each that is not given its environment variable: `HF_ENDPOINT`;
    /// `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, the file `HF_TOKEN_PATH` or `$HF_HOME/token` (none of
    /// them if `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set); `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE` or
    /// `$HF_HOME/hub`; `HF_HOME`, `$XDG_CACHE_HOME/huggingface` or `~/.cache/huggingface`;
    /// `HF_HUB_OFFLINE`, or where that is not set `TRANSFORMERS_OFFLINE`. In a folder's or file's
    /// name `~`, `$NAME` and `${NAME}` are replaced.
    ///
    /// # Errors
    /// A token file that was named can't be read or holds no token; a variable holds no token that
    /// could be sent; the address is none; there is no home folder to put a cache in.
    pub fn resolve(options: &HubOptions) -> Result<HubAccess, HubError> {
        HubAccess::resolve_in(options, &|name| env::var_os(name))
    }

    fn resolve_in(
        options: &HubOptions,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<HubAccess, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let user = set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from);
        let expand = |value: OsString| expand(value, user.as_deref(), variable);
        let path = |name: &str| set(name).map(expand).transpose();
        let on = |name: &str| {
            let value = text(name).unwrap_or_default().to_ascii_uppercase();
            ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
        };

        let endpoint = options
            .endpoint
            .clone()
            .or_else(|| text("HF_ENDPOINT"))
            .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
            || endpoint.contains('@')
        {
            return Err(HubError::Parameter {
                name: "the Hub's address",
                // The part before an @ holds a password.
                value: endpoint.rsplit('@').next().unwrap_or_default().to_owned(),
                expected: "http:// or https:// and a host, without a user",
            });
        }
        let home = match (&options.home, set("HF_HOME"), set("XDG_CACHE_HOME")) {
            (Some(home), _, _) => Some(home.clone()),
            (None, Some(home), _) => Some(expand(home)?),
            (None, None, Some(cache)) => {
                Some(expand(PathBuf::from(cache).join("huggingface").into_os_string())?)
            }
            (None, None, None) => user.as_ref().map(|user| user.join(".cache/huggingface")),
        };
        let named = match options.home {
            Some(_) => None,
            None => path("HF_HUB_CACHE")?.or(path("HUGGINGFACE_HUB_CACHE")?),
        };
        let within = home.as_ref().map(|home| home.join("hub"));
        let cache = options.cache.clone().or(named).or(within);
        let Some(cache) = cache else {
            return Err(HubError::Parameter {
                name: "the cache",
                value: String::new(),
                expected: "a folder: set HF_HUB_CACHE or HF_HOME, or give --hf-cache",
            });
        };
        let token = |name: &str| text(name).filter(|token| !token.trim().is_empty());
        let mut access = HubAccess::new(&endpoint, cache);
        let offline = match set("HF_HUB_OFFLINE") {
            Some(_) => on("HF_HUB_OFFLINE"),
            None => on("TRANSFORMERS_OFFLINE"),
        };
        access.offline = options.offline || offline;
        access.token = match &options.token_file {
            Some(path) => Some(read_token(path)?),
            None if on("HF_HUB_DISABLE_IMPLICIT_TOKEN") => None,
            None => match token("HF_TOKEN").or_else(|| token("HUGGING_FACE_HUB_TOKEN")) {
                Some(text) => Some(Token::new(&text).ok_or_else(|| HubError::Parameter {
                    name: "HF_TOKEN",
                    value: "(hidden)".to_owned(),
                    expected: "letters, digits and signs without blanks",
                })?),
                // A token that was stored by a login and can't be read is the same as none.
                None => path("HF_TOKEN_PATH")?
                    .or_else(|| home.map(|home| home.join("token")))
                    .and_then(|path| read_token(&path).ok()),
            },
        };
        Ok(access)
    }
}

/// Replaces `~` at the start and then every `$NAME` and `${NAME}`, as Python's `expanduser` and
/// `expandvars` do: a variable that is not set stays as it stands.
///
/// # Errors
/// `~` without a home folder, and `~name`, the folder of another user.
fn expand(
    value: OsString,
    user: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, HubError> {
    // In a path that is no text there is no telling where a name would end.
    let Some(text) = value.to_str() else { return Ok(PathBuf::from(value)) };
    let mut expanded = OsString::new();
    let mut rest = text;
    if let Some(after) = text.strip_prefix('~') {
        match user {
            Some(user) if after.is_empty() || after.starts_with('/') => expanded.push(user),
            _ => {
                return Err(HubError::Parameter {
                    name: "a folder of the environment",
                    value: text.to_owned(),
                    expected: "a path, or ~/ and a path where HOME is set",
                });
            }
        }
        rest = after;
    }
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push(before);
        let braced = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = after.find(|c| !word(c)).unwrap_or(after.len());
        let (name, behind) = braced.unwrap_or(after.split_at(end));
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => {
                expanded.push(value);
                rest = behind;
            }
            None => {
                expanded.push("$");
                rest = after;
            }
        }
    }
    expanded.push(rest);
    Ok(PathBuf::from(expanded))
}

fn read_token(path: &Path) -> Result<Token, HubError> {
    let wrong = |reason: String| HubError::TokenFile { path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    Token::new(&text).ok_or_else(|| wrong("expected one line of letters and digits".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(options: HubOptions, variables: &[(&str, &str)]) -> Result<HubAccess, HubError> {
        HubAccess::resolve_in(&options, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    /// As huggingface_hub 2.4.0 has them: each line printed by
    /// `env -i NAME=VALUE... python -c 'from huggingface_hub.constants import *; print(HF_HUB_CACHE)'`.
    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| {
            let variables = [&[("HOME", "/u")], variables].concat();
            resolve(HubOptions::default(), &variables).unwrap().cache.display().to_string()
        };
        assert_eq!(cache(&[]), "/u/.cache/huggingface/hub");
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), "/x/huggingface/hub");
        assert_eq!(cache(&[("XDG_CACHE_HOME", "~/x")]), "/u/x/huggingface/hub");
        assert_eq!(cache(&[("HF_HOME", "~/hf")]), "/u/hf/hub");
        assert_eq!(cache(&[("HF_HOME", "~")]), "/u/hub");
        assert_eq!(cache(&[("HF_HOME", "$HOME/hf")]), "/u/hf/hub");
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/c")]), "/c");
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/c"), ("HF_HUB_CACHE", "/d")]), "/d");
        let disk = |value| cache(&[("DISK", "/d"), ("HF_HUB_CACHE", value)]);
        assert_eq!(disk("$DISK/hub"), "/d/hub");
        assert_eq!(disk("${DISK}hub"), "/dhub");
        assert_eq!(disk("/a$DISK.b/$DISK"), "/a/d.b//d");
        assert_eq!(disk("/a/$NOWHERE/${NOWHERE}/b"), "/a/$NOWHERE/${NOWHERE}/b");
        assert_eq!(disk("/a/$/$$DISK/${DISK/b"), "/a/$/$/d/${DISK/b");
        assert_eq!(disk("$HOME/~"), "/u/~");
        assert_eq!(cache(&[("X", "$Y"), ("Y", "z"), ("HF_HUB_CACHE", "/$X")]), "/$Y");
        assert!(resolve(HubOptions::default(), &[]).is_err());
        for other in [&[("HF_HOME", "~other/hf"), ("HOME", "/u")][..], &[("HF_HOME", "~/hf")]] {
            let error = resolve(HubOptions::default(), other).unwrap_err().to_string();
            assert!(error.contains("HOME is set"), "{error}");
        }
    }

    /// `HF_HUB_OFFLINE` of huggingface_hub 2.4.0, printed in the same way.
    #[test]
    fn offline_is_said_as_in_python() {
        let offline = |variables: &[(&str, &str)]| {
            let variables = [&[("HOME", "/u")], variables].concat();
            resolve(HubOptions::default(), &variables).unwrap().offline
        };
        for (variables, expected) in [
            (&[("HF_HUB_OFFLINE", "1")][..], true),
            (&[("HF_HUB_OFFLINE", "true")], true),
            (&[("HF_HUB_OFFLINE", "2")], false),
            (&[("TRANSFORMERS_OFFLINE", "yes")], true),
            (&[("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "ON")], true),
            (&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")], false),
            (&[("HF_DATASETS_OFFLINE", "1")], false),
        ] {
            assert_eq!(offline(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn an_option_goes_before_its_variable() {
        let variables = [
            ("HF_ENDPOINT", "http://a/"),
            ("HF_HUB_CACHE", "/c"),
            ("HF_HOME", "/h"),
            ("HF_HUB_OFFLINE", "yes"),
        ];
        let access = resolve(HubOptions::default(), &variables).unwrap();
        assert_eq!((access.endpoint.as_str(), access.offline), ("http://a", true));
        assert_eq!(access.cache, Path::new("/c"));
        let options = HubOptions {
            endpoint: Some("http://b".to_owned()),
            home: Some("/o".into()),
            ..HubOptions::default()
        };
        let access = resolve(options, &variables[..3]).unwrap();
        assert_eq!((access.endpoint.as_str(), access.offline), ("http://b", false));
        assert_eq!(access.cache, Path::new("/o/hub"));
        assert_eq!(
            resolve(HubOptions::default(), &[("HOME", "/u")]).unwrap().endpoint,
            DEFAULT_ENDPOINT
        );
        let user = [("HOME", "/u"), ("HF_ENDPOINT", "https://me:secret@host")];
        let error = resolve(HubOptions::default(), &user).unwrap_err().to_string();
        assert!(error.contains("host") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_token_comes_from_where_python_takes_it_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let given = folder.path().join("given");
        fs::write(folder.path().join("token"), "hf_stored\n").unwrap();
        fs::write(&given, " hf_given \n").unwrap();
        let token = |options: HubOptions, variables: &[(&str, &str)]| {
            resolve(options, variables).unwrap().token.map(|token| token.secret().to_owned())
        };
        let stored = [("HF_HOME", home)];
        assert_eq!(token(HubOptions::default(), &stored).unwrap(), "hf_stored");
        let both = [("HF_HOME", home), ("HF_TOKEN", "hf_variable")];
        assert_eq!(token(HubOptions::default(), &both).unwrap(), "hf_variable");
        let options = HubOptions { token_file: Some(given.clone()), ..HubOptions::default() };
        assert_eq!(token(options.clone(), &both).unwrap(), "hf_given");
        let none = [("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert_eq!(token(HubOptions::default(), &none), None);
        let by_path = [("HF_HOME", "/nowhere"), ("HF_TOKEN_PATH", given.to_str().unwrap())];
        assert_eq!(token(HubOptions::default(), &by_path).unwrap(), "hf_given");

        assert!(!format!("{:?}", resolve(options, &both).unwrap()).contains("hf_given"));
        let broken = [("HF_HOME", home), ("HF_TOKEN", "hf_a b")];
        let error = resolve(HubOptions::default(), &broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hf_a"), "{error:?}");
        fs::write(&given, "hf_two\nhf_lines\n").unwrap();
        let options = HubOptions { token_file: Some(given), ..HubOptions::default() };
        let error = resolve(options, &both).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hf_two"), "{error:?}");
    }
}
