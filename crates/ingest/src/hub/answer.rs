//! The meaning of the Hub's answers: a file's description, a failure that may pass, or one that
//! stays.

use std::{io, time::Duration};

use clawsig_schema::{hostile::printable, wording::with_causes};
use serde_json::Value;
use ureq::{
    Body, ResponseExt,
    http::{HeaderMap, Response},
};

use super::{HubAccess, HubError, cache::is_commit, remote::Listed};

/// Characters of the Hub's words that are shown.
const MESSAGE: usize = 300;

/// Why an attempt failed.
pub(super) enum Failure {
    /// The next one would fail too.
    Final(HubError),
    /// The next one may succeed.
    Passing { reason: String, limited: bool, wait: Option<Duration> },
}

impl Failure {
    pub(super) fn passing(reason: String) -> Failure {
        Failure::Passing { reason, limited: false, wait: None }
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Failure {
        Failure::Final(error)
    }
}

/// A header's text.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// `a page (text/html)`, if the answer is one for people.
pub(super) fn is_page(headers: &HeaderMap) -> Option<String> {
    let kind = header(headers, "content-type")?;
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ["text/html", "application/xhtml+xml"]
        .contains(&kind.as_str())
        .then(|| format!("a page ({kind})"))
}

/// Judges answers for one dataset.
pub(super) struct Judge<'a> {
    pub(super) repo: &'a str,
    pub(super) access: &'a HubAccess,
}

impl Judge<'_> {
    /// Reads a file's description from the Hub's answer to the request for it.
    pub(super) fn listed(
        &self,
        name: &str,
        commit: &str,
        response: &Response<Body>,
        what: &str,
    ) -> Result<Listed, HubError> {
        let headers = response.headers();
        let field = |name| header(headers, name);
        if let Some(found) = field("x-repo-commit").filter(|found| is_commit(found))
            && found != commit
        {
            return Err(self.no_hub(what, "it is of another commit than asked for"));
        }
        let etag = field("x-linked-etag").or_else(|| field("etag")).unwrap_or_default();
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_+=".contains(c);
        if etag.is_empty() || etag.len() > 128 || !etag.chars().all(sound) {
            let came =
                is_page(headers).map_or_else(String::new, |page| format!("{page} came, and "));
            return Err(self.no_hub(what, &format!("{came}no ETag says which file it is")));
        }
        let number = |text: String| text.parse().ok();
        let length = || {
            let whole = response.status() == 200 && field("content-encoding").is_none();
            field("content-length").filter(|_| whole).and_then(number)
        };
        let bytes = field("x-linked-size").and_then(number).or_else(length);
        Ok(Listed { name: name.to_owned(), bytes, etag: etag.to_owned() })
    }

    /// Whether the body that is about to come can be the file.
    pub(super) fn announced(
        &self,
        file: &Listed,
        announced: Option<u64>,
        headers: &HeaderMap,
        what: &str,
    ) -> Result<(), Failure> {
        if let Some(encoding) = header(headers, "content-encoding")
            && !encoding.eq_ignore_ascii_case("identity")
        {
            let reason = format!("the bytes come encoded as {encoding}, which was not asked for");
            return Err(self.no_hub(what, &reason).into());
        }
        match (file.bytes, announced) {
            (Some(bytes), Some(coming)) if bytes != coming => match is_page(headers) {
                Some(page) => Err(self.no_hub(what, &format!("{page} came instead")).into()),
                None => Err(Failure::passing(format!("{coming} bytes came instead of {bytes}"))),
            },
            _ => Ok(()),
        }
    }

    /// Judges a status that is no success.
    pub(super) fn refused(&self, response: Response<Body>, what: &str, is_hub: bool) -> Failure {
        let uri = response.get_uri();
        let host = match is_hub {
            true => self.access.endpoint.clone(),
            false => format!("{}://{}", uri.scheme_str().unwrap_or_default(), host_of(uri)),
        };
        let status = response.status();
        let (head, body) = response.into_parts();
        let field = |name| header(&head.headers, name);
        let message = field("x-error-message").unwrap_or_else(|| {
            let text = body.into_with_config().limit(1 << 16).read_to_vec().unwrap_or_default();
            let error = serde_json::from_slice::<Value>(&text).unwrap_or_default();
            let error = error["error"].as_str().map(str::to_owned);
            error.or_else(|| is_page(&head.headers)).unwrap_or_default()
        });
        let message = self.clean(&message);
        let (repo, what) = (self.repo.to_owned(), what.to_owned());
        let limited = |wait| Failure::Passing {
            reason: format!("{host} limits our requests (429)"),
            limited: true,
            wait,
        };
        match status.as_u16() {
            429 => {
                limited(field("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs))
            }
            408 | 500 | 502..=504 | 520..=599 => {
                let reason = format!("{host} answers {status}");
                Failure::Passing { reason, limited: false, wait: None }
            }
            401 if is_hub => {
                let token = self.access.token.is_some();
                HubError::Unauthorized { endpoint: host, repo, token, message }.into()
            }
            403 if is_hub => HubError::Forbidden { endpoint: host, repo, message }.into(),
            404 if is_hub => {
                // A mirror may send no code; then the revision was asked for before.
                let code = field("x-error-code");
                let entry = code.is_none_or(|code| code == "EntryNotFound");
                HubError::NotFound { endpoint: host, what, entry }.into()
            }
            status => HubError::Status { endpoint: host, status, message, what }.into(),
        }
    }

    /// The file is not there any more.
    pub(super) fn missing(&self, what: &str) -> Failure {
        let (endpoint, what) = (self.access.endpoint.clone(), what.to_owned());
        HubError::NotFound { endpoint, what, entry: true }.into()
    }

    /// Why there is no answer.
    pub(super) fn unanswered(&self, error: ureq::Error, what: &str, reached: bool) -> Failure {
        match error {
            ureq::Error::Timeout(_) => self.silence(),
            ureq::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
                self.client(&with_causes(&e)).into()
            }
            ureq::Error::Io(e) => self.broken(&e),
            ureq::Error::HostNotFound if !reached => {
                self.client("no host of this name is found").into()
            }
            error @ (ureq::Error::HostNotFound | ureq::Error::ConnectionFailed) => {
                Failure::passing(self.clean(&error.to_string()))
            }
            ureq::Error::Protocol(e) => self.no_hub(what, &format!("no HTTP came: {e}")).into(),
            error => self.client(&with_causes(&error)).into(),
        }
    }

    /// A connection that broke off.
    pub(super) fn broken(&self, error: &io::Error) -> Failure {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        if matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut
        {
            return self.silence();
        }
        Failure::passing(self.clean(&with_causes(error)))
    }

    fn silence(&self) -> Failure {
        Failure::passing(format!("nothing came for {} s", self.access.stall.as_secs()))
    }

    pub(super) fn disk(&self, source: io::Error, file: &Listed) -> HubError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => HubError::NoSpace {
                file: file.name.clone(),
                bytes: file.bytes.unwrap_or(0),
                cache: self.access.cache.clone(),
                source,
            },
            _ => HubError::io("write in", &self.access.cache)(source),
        }
    }

    /// There is no way to ask.
    pub(super) fn client(&self, reason: &str) -> HubError {
        let endpoint = self.access.endpoint.clone();
        HubError::Client { endpoint, reason: self.clean(reason) }
    }

    /// An answer that a Hub would not give.
    pub(super) fn no_hub(&self, what: &str, reason: &str) -> HubError {
        HubError::Answer {
            endpoint: self.access.endpoint.clone(),
            what: what.to_owned(),
            reason: self.clean(reason),
        }
    }

    /// Words from outside, fit to be shown: no control characters, no token, no address with the
    /// signature that lets anyone read the file.
    fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(token) = &self.access.token {
            text = text.replace(token.secret(), "(token)");
        }
        printable(&without_queries(&text), MESSAGE)
    }
}

/// The text with the query of each address cut off: it may hold the signature that lets anyone read a
/// file.
fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.find('?') {
        Some(query) if word.contains("://") => &word[..query],
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Host and port, without a user.
fn host_of(uri: &ureq::http::Uri) -> String {
    let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_query_and_a_question_its_mark_not() {
        let text = "why? see https://a.test/b?Signature=c&d=?e now: a?b, http://c.test";
        let cut = "why? see https://a.test/b now: a?b, http://c.test";
        assert_eq!(without_queries(text), cut);
    }
}
