//! Asking the Hub, again where that can help.
//!
//! hf-hub makes the addresses and sends what goes to the Hub, with the token. Any other host that
//! the Hub sends us to is asked by a client that has no token. Statuses, sizes, hashes and silence
//! are judged here: hf-hub's own download waits for ever on a connection over which nothing comes,
//! needs a server that honours `Range`, and does not say which status an answer had.

use std::{
    cell::Cell,
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    thread,
    time::{Duration, Instant},
};

use clawsig_schema::unread;
use hf_hub::{
    Cache as HubCache, Repo, RepoType,
    api::sync::{Api, ApiBuilder, ApiRepo},
};
use serde_json::Value;
use ureq::{
    Agent, Body, RequestBuilder, ResponseExt,
    http::{HeaderMap, Response, Uri},
    tls::{RootCerts, TlsConfig},
    typestate::WithoutBody,
};

use super::{
    HubAccess, HubError, HubEvent,
    answer::{Failure, Judge, header, is_page},
    cache::{Cache, Hash, git_hash, is_commit, is_safe_name},
};

/// How often progress is told and a lock looked for.
const TICK: Duration = Duration::from_millis(100);
/// A `Retry-After` beyond this is for the user to obey.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Redirects that are followed.
const REDIRECTS: usize = 10;
/// Bytes of an answer that is no file.
const ANSWER: u64 = 64 << 20;

/// A file as the Hub describes it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its path in the repository.
    pub(super) name: String,
    /// Its size, where an answer tells it.
    pub(super) bytes: Option<u64>,
    /// Its `ETag`, which names the blob.
    pub(super) etag: String,
}

/// One dataset on the Hub.
pub(super) struct Remote<'a> {
    repo: &'a str,
    access: &'a HubAccess,
    event: &'a dyn Fn(HubEvent<'_>),
    hub: Api,
    others: Agent,
    judge: Judge<'a>,
    /// Whether the Hub has answered once: a host name that was found can be found again.
    reached: Cell<bool>,
}

impl<'a> Remote<'a> {
    pub(super) fn new(
        repo: &'a str,
        access: &'a HubAccess,
        event: &'a dyn Fn(HubEvent<'_>),
    ) -> Result<Remote<'a>, HubError> {
        let judge = Judge { repo, access };
        let hub = ApiBuilder::from_cache(HubCache::new(access.cache.clone()))
            .with_endpoint(access.endpoint.clone())
            .with_token(access.token.as_ref().map(|token| token.secret().to_owned()))
            .with_user_agent("clawsig", env!("CARGO_PKG_VERSION"))
            .with_progress(false)
            .build()
            .map_err(|e| judge.client(&e.to_string()))?;
        let agent = concat!("clawsig/", env!("CARGO_PKG_VERSION"));
        let others = Agent::config_builder().user_agent(agent).build().new_agent();
        Ok(Remote { repo, access, event, hub, others, judge, reached: Cell::new(false) })
    }

    /// The dataset at a revision.
    fn at(&self, revision: &str) -> ApiRepo {
        let (kind, revision) = (RepoType::Dataset, revision.to_owned());
        self.hub.repo(Repo::with_revision(self.repo.to_owned(), kind, revision))
    }

    /// The commit that a revision is now.
    pub(super) fn commit(&self, revision: &str) -> Result<String, HubError> {
        let what = format!("revision {revision} of {}", self.repo);
        let (info, _) =
            self.persist(&what, || self.json(self.at(revision).info_request(), &what))?;
        let commit = info["sha"].as_str().filter(|commit| is_commit(commit));
        commit.map(str::to_owned).ok_or_else(|| self.judge.no_hub(&what, "it names no commit"))
    }

    /// A file as the commit has it; `None` if it has no such file.
    pub(super) fn listed(&self, commit: &str, name: &str) -> Result<Option<Listed>, HubError> {
        let what = format!("{name} of {}", self.repo);
        self.persist(&what, || Ok(self.open(commit, name, None)?.map(|opened| opened.listed)))
    }

    /// Every file of the commit below a folder, by the Hub's tree, or, from a mirror without one,
    /// by the list that comes with the commit.
    pub(super) fn tree(&self, commit: &str, below: &str) -> Result<Vec<String>, HubError> {
        let what = format!("the folder {below} of {} at {commit}", self.repo);
        let (endpoint, repo) = (&self.access.endpoint, self.repo);
        let mut next =
            Some(format!("{endpoint}/api/datasets/{repo}/tree/{commit}/{below}?recursive=true"));
        let mut names = Vec::new();
        while let Some(url) = next {
            if !self.is_hub(&url) {
                return Err(self.judge.no_hub(&what, "its next page is on another host"));
            }
            let page = self.persist(&what, || {
                self.json(self.at(commit).info_request().uri(url.as_str()), &what)
            });
            let (page, headers) = match page {
                Err(HubError::NotFound { .. }) if names.is_empty() => return Ok(names),
                Err(HubError::Status { status: 400..=499 | 501, .. }) if names.is_empty() => {
                    return self.siblings(commit, below);
                }
                page => page?,
            };
            let entries = page.as_array().map(Vec::as_slice).unwrap_or_default();
            let files = entries.iter().filter(|entry| entry["type"] == "file");
            names.extend(files.filter_map(|file| file["path"].as_str()).map(str::to_owned));
            next = next_page(&headers).filter(|next| *next != url);
        }
        self.safe(names, &what)
    }

    /// The files below a folder by the list that comes with the commit.
    fn siblings(&self, commit: &str, below: &str) -> Result<Vec<String>, HubError> {
        let what = format!("the files of {} at {commit}", self.repo);
        let (info, _) = self.persist(&what, || self.json(self.at(commit).info_request(), &what))?;
        let siblings = info["siblings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names = siblings.iter().filter_map(|sibling| sibling["rfilename"].as_str());
        let folder = format!("{below}/");
        self.safe(names.filter(|n| n.starts_with(&folder)).map(str::to_owned).collect(), &what)
    }

    fn safe(&self, names: Vec<String>, what: &str) -> Result<Vec<String>, HubError> {
        match names.iter().find(|name| !is_safe_name(name)) {
            Some(name) => Err(self.judge.no_hub(what, &format!("no file has the name {name:?}"))),
            None => Ok(names),
        }
    }

    /// Downloads a file into the cache, unless the blob is there or another process brings it.
    pub(super) fn download(
        &self,
        cache: &Cache,
        commit: &str,
        file: &Listed,
    ) -> Result<(), HubError> {
        let lock = cache.lock_file(&file.etag)?;
        self.hold(&lock, cache, &file.name)?;
        let blob = cache.blob(&file.etag);
        let here = fs::metadata(&blob).ok().filter(|found| Some(found.len()) == file.bytes);
        if here.is_none() {
            let what = format!("{} of {}", file.name, self.repo);
            let staging = cache.staging(&file.etag)?;
            self.persist(&what, || self.transfer(commit, file, &staging.file()))?;
            cache.adopt(&staging.file(), &file.etag)?;
            let bytes = fs::metadata(&blob).map_err(HubError::io("read", &blob))?.len();
            (self.event)(HubEvent::Done { file: &file.name, bytes });
        }
        cache.point(commit, &file.name, &file.etag)
    }

    /// Brings a file's bytes, from where the attempt before left off if the server can do that.
    fn transfer(&self, commit: &str, file: &Listed, part: &std::path::Path) -> Result<(), Failure> {
        let what = format!("{} of {}", file.name, self.repo);
        let here = fs::metadata(part).map_or(0, |found| found.len());
        let here = if file.bytes.is_some_and(|bytes| here < bytes) { here } else { 0 };
        let from = Some(here).filter(|here| *here > 0);
        let Some(opened) = self.open(commit, &file.name, from)? else {
            return Err(self.judge.missing(&what));
        };
        if opened.listed.etag != file.etag {
            return Err(self.judge.no_hub(&what, "it is another file now").into());
        }
        let response = match opened.elsewhere {
            None => opened.response,
            Some(url) => self.follow(&url, from, &what)?,
        };
        let continues = response.status() == 206
            && header(response.headers(), "content-range")
                .is_some_and(|range| range.starts_with(&format!("bytes {here}-")));
        let mut done = if continues { here } else { 0 };
        let announced = response.body().content_length().map(|length| done + length);
        self.judge.announced(file, announced, response.headers(), &what)?;

        let disk = |e| Failure::Final(self.judge.disk(e, file));
        let mut options = File::options();
        options.create(true).write(true).truncate(!continues).append(continues);
        let mut out = options.open(part).map_err(disk)?;
        let mut body = response.into_body().into_reader();
        let (mut buffer, mut told) = (vec![0; 1 << 18], Instant::now());
        let total = file.bytes.or(announced).unwrap_or(0);
        let progress = |done| {
            (self.event)(HubEvent::Progress { file: &file.name, done, total });
        };
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.judge.broken(&e)),
            };
            out.write_all(&buffer[..read]).map_err(disk)?;
            done += read as u64;
            if told.elapsed() > TICK {
                told = Instant::now();
                progress(done);
            }
        }
        progress(done);
        drop(out);
        let right = match (file.bytes, Hash::of(&file.etag)) {
            (Some(bytes), _) if bytes != done => {
                Err(format!("{done} bytes came instead of {bytes}"))
            }
            // A large file's hash is checked while its rows are read.
            (_, Some(Hash::Git(hash))) if git_hash(part)? != hash => {
                Err("other bytes came than the Hub lists".to_owned())
            }
            _ => Ok(()),
        };
        right.map_err(|reason| {
            // Nothing of it is worth going on with; what can't be removed is written over.
            let _ = fs::remove_file(part);
            Failure::passing(reason)
        })
    }

    /// Asks the Hub for a file; `None` if the commit has none of that name.
    fn open(&self, commit: &str, name: &str, from: Option<u64>) -> Result<Option<Opened>, Failure> {
        let what = format!("{name} of {}", self.repo);
        let repo = self.at(commit);
        let mut url = repo.url(name);
        for _ in 0..REDIRECTS {
            let request = repo.info_request().uri(url.as_str());
            let response = match self.send(request, from, &what) {
                Err(Failure::Final(HubError::NotFound { entry: true, .. })) => return Ok(None),
                response => response?,
            };
            let elsewhere = match location(&response, &url) {
                Some(next) if self.is_hub(&next) => {
                    url = next;
                    continue;
                }
                elsewhere => elsewhere,
            };
            let listed = self.judge.listed(name, commit, &response, &what)?;
            return Ok(Some(Opened { listed, response, elsewhere }));
        }
        Err(self.judge.no_hub(&what, "it sends us in a circle").into())
    }

    /// Asks another host, to which the Hub has sent us, without the token.
    fn follow(&self, url: &str, from: Option<u64>, what: &str) -> Result<Response<Body>, Failure> {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS {
            let response = self.send(self.others.get(url.as_str()), from, what)?;
            match location(&response, &url) {
                Some(next) => url = next,
                None => return Ok(response),
            }
        }
        Err(self.judge.no_hub(what, "it sends us in a circle").into())
    }

    /// An answer that is JSON, with its headers.
    fn json(
        &self,
        request: RequestBuilder<WithoutBody>,
        what: &str,
    ) -> Result<(Value, HeaderMap), Failure> {
        let (head, body) = self.send(request, None, what)?.into_parts();
        let text = body.into_with_config().limit(ANSWER).read_to_vec();
        let text = text.map_err(|e| self.judge.broken(&e.into_io()))?;
        let value = serde_json::from_slice(&text).map_err(|e| {
            let reason = match is_page(&head.headers) {
                Some(kind) => format!("{kind} came instead of JSON"),
                None => format!("no JSON came: {}", unread::json(&e)),
            };
            self.judge.no_hub(what, &reason)
        })?;
        Ok((value, head.headers))
    }

    /// Sends a request and judges the status; a redirect is the caller's to follow.
    fn send(
        &self,
        request: RequestBuilder<WithoutBody>,
        from: Option<u64>,
        what: &str,
    ) -> Result<Response<Body>, Failure> {
        let stall = Some(self.access.stall);
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let mut request = request
            .config()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .accept_encoding("identity")
            .timeout_resolve(stall)
            .timeout_connect(stall)
            .timeout_send_request(stall)
            .timeout_per_read(stall)
            .build();
        if let Some(from) = from {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response =
            request.call().map_err(|e| self.judge.unanswered(e, what, self.reached.get()))?;
        self.reached.set(true);
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let is_hub = self.is_hub(&response.get_uri().to_string());
        Err(self.judge.refused(response, what, is_hub))
    }

    /// Whether an address is on the Hub's own host and port, so that the token may go there.
    fn is_hub(&self, url: &str) -> bool {
        let origin = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            Some((uri.scheme()?.clone(), uri.authority()?.clone()))
        };
        origin(url).is_some_and(|found| Some(found) == origin(&self.access.endpoint))
    }

    /// Waits until no other process downloads the blob.
    fn hold(&self, lock: &File, cache: &Cache, name: &str) -> Result<(), HubError> {
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(e)) => {
                    return Err(HubError::io("lock", &cache.pointer("", name))(e));
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        (self.event)(HubEvent::Waiting { file: name });
                        told = true;
                    }
                    thread::sleep(TICK);
                }
            }
        }
    }

    /// Tries until it succeeds, can't succeed, or was tried often enough.
    fn persist<T>(&self, what: &str, once: impl Fn() -> Result<T, Failure>) -> Result<T, HubError> {
        let (mut attempt, mut pause) = (1, self.access.pause);
        loop {
            let (reason, limited, asked) = match once() {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { reason, limited, wait }) => (reason, limited, wait),
            };
            let endpoint = self.access.endpoint.clone();
            let too_long = asked.is_some_and(|wait| wait > LONGEST_WAIT);
            if limited && (too_long || attempt >= self.access.attempts) {
                return Err(HubError::RateLimited { endpoint, wait: asked });
            }
            if attempt >= self.access.attempts {
                let (what, attempts) = (what.to_owned(), attempt);
                return Err(HubError::Network { what, endpoint, attempts, reason });
            }
            let wait = asked.unwrap_or_default().max(pause);
            (self.event)(HubEvent::Retry { file: what, reason: &reason, wait: wait.as_secs_f64() });
            thread::sleep(wait);
            (attempt, pause) = (attempt + 1, pause.saturating_mul(2));
        }
    }
}

/// The Hub's answer to the request for a file.
struct Opened {
    listed: Listed,
    response: Response<Body>,
    /// The address of the bytes, if they are not in this answer.
    elsewhere: Option<String>,
}

/// The whole address to which a redirect leads.
fn location(response: &Response<Body>, from: &str) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let place = header(response.headers(), "location")?;
    if !place.starts_with('/') || place.starts_with("//") {
        let scheme = from.split("//").next().unwrap_or_default();
        return Some(if place.starts_with("//") { format!("{scheme}{place}") } else { place });
    }
    let host = from.find("://").and_then(|at| from[at + 3..].find('/').map(|end| at + 3 + end));
    Some(format!("{}{place}", &from[..host.unwrap_or(from.len())]))
}

/// The address of the next page, of a `Link` header.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = header(headers, "link")?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_from_where_it_was_given() {
        let led = |status: u16, place: &str, from: &str| {
            let response = Response::builder().status(status).header("location", place);
            location(&response.body(Body::builder().data("")).unwrap(), from)
        };
        for (place, from, expected) in [
            ("/b/c?d", "https://hub.test:80/a/x?y", "https://hub.test:80/b/c?d"),
            ("/b", "http://hub.test", "http://hub.test/b"),
            ("//cdn.test/b", "https://hub.test/a", "https://cdn.test/b"),
            ("http://cdn.test/b", "https://hub.test/a", "http://cdn.test/b"),
        ] {
            assert_eq!(led(302, place, from).as_deref(), Some(expected));
        }
        assert_eq!(led(200, "/b", "http://hub.test/a"), None);
    }
}
