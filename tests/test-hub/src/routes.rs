//! Which request gets which answer.

use std::{
    collections::BTreeSet,
    io::{self, Cursor, Read},
    net::TcpStream,
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    content::{Access, Body, Commit, Repository, StoredFile},
    fault::Action,
    http::{Head, Pace, Request, decode},
    state::State,
};

pub(crate) fn answer(
    stream: &TcpStream,
    request: &Request,
    state: &State,
    is_store: bool,
) -> io::Result<()> {
    let exchange = Exchange { stream, request, state };
    if is_store { exchange.stored() } else { exchange.hub() }
}

struct Exchange<'a> {
    stream: &'a TcpStream,
    request: &'a Request,
    state: &'a State,
}

impl Exchange<'_> {
    fn is_head(&self) -> bool {
        self.request.method == "HEAD"
    }

    /// An answer that is text, or nothing but its head.
    fn text(&self, head: Head, text: &str) -> io::Result<()> {
        let mut body = Cursor::new(text);
        let body: Option<&mut dyn Read> = if self.is_head() { None } else { Some(&mut body) };
        Head { length: text.len() as u64, ..head }.send(self.stream, body, Pace::default())
    }

    fn json(&self, head: Head, value: &Value) -> io::Result<()> {
        self.text(head.with("Content-Type", "application/json"), &value.to_string())
    }

    fn refuse(&self, status: u16, code: &str, message: &str) -> io::Result<()> {
        let head = Head::new(status, 0).with("X-Error-Code", code).with("X-Error-Message", message);
        self.json(head, &json!({ "error": message }))
    }

    /// Does what a queued fault of a status or a page says; true if there was one.
    fn failed(&self, action: Option<&Action>) -> io::Result<bool> {
        if let Some(Action::Page) = action {
            let head = Head::new(200, 0).with("Content-Type", "text/html; charset=utf-8");
            self.text(head, "<!DOCTYPE html><title>Log in to this network</title>")?;
            return Ok(true);
        }
        let Some(Action::Status { code, header }) = action else { return Ok(false) };
        let mut head = Head::new(*code, 0);
        if let Some((name, value)) = header {
            head = head.with(name, value.as_str());
        }
        self.text(head, "the server fails as it was told to")?;
        Ok(true)
    }

    fn hub(&self) -> io::Result<()> {
        let path = self.request.path.clone();
        if let Some((id, rest)) = path.strip_prefix("/api/datasets/").and_then(repository_of) {
            return self.interface(id, rest);
        }
        if let Some((id, rest)) = path.strip_prefix("/datasets/").and_then(repository_of)
            && let Some(rest) = rest.strip_prefix("resolve/")
        {
            return self.resolve(id, rest);
        }
        self.refuse(404, "NotFound", "the test server has no such page")
    }

    /// The repository, if this request may read it; otherwise the refusal is sent.
    fn admitted(&self, id: &str) -> io::Result<Option<Repository>> {
        let Some(repository) = self.state.repository(id) else {
            self.refuse(404, "RepoNotFound", "Repository not found")?;
            return Ok(None);
        };
        let given = self.request.header("authorization");
        let bears = |token: &String| given == Some(format!("Bearer {token}").as_str());
        match &repository.access {
            Access::Open => {}
            Access::Token(token) if bears(token) => {}
            Access::Token(_) => {
                self.refuse(401, "RepoNotFound", "Invalid username or password.")?;
                return Ok(None);
            }
            Access::Gated(token) if bears(token) => {
                let message = "Access to this dataset is restricted. Visit its page to ask for it.";
                self.refuse(403, "GatedRepo", message)?;
                return Ok(None);
            }
            Access::Gated(_) => {
                self.refuse(401, "GatedRepo", "Access to this dataset is restricted.")?;
                return Ok(None);
            }
        }
        Ok(Some(repository))
    }

    /// `/api/datasets/{id}...`
    fn interface(&self, id: &str, rest: &str) -> io::Result<()> {
        let Some(repository) = self.admitted(id)? else { return Ok(()) };
        let action = self.state.fault(&self.request.path, false);
        if self.failed(action.as_ref())? {
            return Ok(());
        }
        let (kind, rest) = rest.split_once('/').unwrap_or((rest, ""));
        // A revision may have slashes, and so may a path; the longest known revision wins.
        let found = match kind {
            "" => repository.find("main").map(|commit| (commit, "")),
            _ => split_revision(&repository, rest),
        };
        let Some((commit, below)) = found else {
            return self.refuse(404, "RevisionNotFound", "Invalid rev id");
        };
        match kind {
            "" | "revision" => {
                let siblings: Vec<Value> =
                    commit.files.iter().map(|f| json!({ "rfilename": f.path })).collect();
                self.json(
                    Head::new(200, 0),
                    &json!({
                        "_id": "0", "id": id, "author": id.split('/').next(), "sha": commit.hash,
                        "private": false, "gated": false, "disabled": false, "tags": [],
                        "downloads": 0, "likes": 0, "siblings": siblings,
                    }),
                )
            }
            "tree" => self.tree(&repository, commit, below),
            "paths-info" => self.paths_info(commit),
            _ => self.refuse(404, "NotFound", "the test server has no such interface"),
        }
    }

    fn tree(&self, repository: &Repository, commit: &Commit, below: &str) -> io::Result<()> {
        let recursive =
            self.request.query("recursive").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
        let mut folders = BTreeSet::new();
        let mut entries = Vec::new();
        for file in commit.files.iter().filter(|f| f.path.starts_with(&prefix)) {
            let rest = &file.path[prefix.len()..];
            for (place, _) in rest.match_indices('/') {
                if recursive || !rest[..place].contains('/') {
                    folders.insert(format!("{prefix}{}", &rest[..place]));
                }
            }
            if recursive || !rest.contains('/') {
                entries.push(entry(file));
            }
        }
        if entries.is_empty() && folders.is_empty() && !below.is_empty() {
            return self.refuse(404, "EntryNotFound", "the path does not exist");
        }
        let folder = |path| json!({ "type": "directory", "oid": "0", "size": 0, "path": path });
        let all: Vec<Value> = folders.into_iter().map(folder).chain(entries).collect();
        let start = self.request.query("cursor").and_then(|c| c.parse().ok()).unwrap_or(0);
        let page: Vec<&Value> = all.iter().skip(start).take(repository.page).collect();
        let mut head = Head::new(200, 0);
        if start + page.len() < all.len() {
            let mut query: Vec<String> = self
                .request
                .query
                .split('&')
                .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="))
                .map(str::to_owned)
                .collect();
            query.push(format!("cursor={}", start + page.len()));
            let path = format!("/api/datasets/{}/tree/{}", repository.id, commit.hash);
            let next = format!("http://{}{path}/{below}?{}", self.state.hub, query.join("&"));
            head = head.with("Link", format!("<{next}>; rel=\"next\""));
        }
        self.json(head, &json!(page))
    }

    /// Paths come as JSON or as a form, as from huggingface_hub and from a mirror.
    fn paths_info(&self, commit: &Commit) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.request.body).into_owned();
        let asked: Vec<String> = match serde_json::from_str::<Value>(&text) {
            Ok(value) => value["paths"]
                .as_array()
                .map(|paths| paths.iter().filter_map(|p| p.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
            Err(_) => text
                .split('&')
                .filter_map(|pair| pair.strip_prefix("paths="))
                .map(|path| decode(&path.replace('+', " ")))
                .collect(),
        };
        let found: Vec<Value> =
            commit.files.iter().filter(|f| asked.contains(&f.path)).map(entry).collect();
        self.json(Head::new(200, 0), &json!(found))
    }

    /// `/datasets/{id}/resolve/{revision}/{path}`
    fn resolve(&self, id: &str, rest: &str) -> io::Result<()> {
        let Some(repository) = self.admitted(id)? else { return Ok(()) };
        let Some((commit, path)) = split_revision(&repository, rest) else {
            return self.refuse(404, "RevisionNotFound", "Invalid rev id");
        };
        let Some(file) = commit.files.iter().find(|f| f.path == path) else {
            let head = Head::new(404, 0)
                .with("X-Repo-Commit", commit.hash.as_str())
                .with("X-Error-Code", "EntryNotFound")
                .with("X-Error-Message", "Entry not found");
            return self.text(head, "Entry not found");
        };
        if file.large {
            let action = self.state.fault(&self.request.path, false);
            if self.failed(action.as_ref())? {
                return Ok(());
            }
            let place = format!("http://{}/{id}/{}/{path}", self.state.store, commit.hash);
            let head = Head::new(302, 0)
                .with("Location", place)
                .with("X-Repo-Commit", commit.hash.as_str())
                .with("X-Linked-Size", file.size.to_string())
                .with("X-Linked-ETag", format!("\"{}\"", file.etag))
                .with("ETag", format!("\"{}\"", &file.etag[..40]));
            return self.text(head, "");
        }
        if self.request.header("if-none-match") == Some(&format!("\"{}\"", file.etag)) {
            let head = Head::new(304, 0).with("X-Repo-Commit", commit.hash.as_str());
            return self.text(head, "");
        }
        self.bytes(file, &commit.hash)
    }

    /// The other host: `/{owner}/{name}/{commit}/{path}`.
    fn stored(&self) -> io::Result<()> {
        let path = self.request.path.trim_start_matches('/').to_owned();
        let found = repository_of(&path).and_then(|(id, rest)| {
            let (commit, path) = rest.split_once('/')?;
            let repository = self.state.repository(id)?;
            let file = repository.find(commit)?.files.iter().find(|f| f.path == path)?.clone();
            Some((file, commit.to_owned()))
        });
        match found {
            Some((file, commit)) => self.bytes(&file, &commit),
            None => self.refuse(404, "NotFound", "the store has no such object"),
        }
    }

    /// A file's bytes, whole or in part, spoilt if a fault is queued.
    fn bytes(&self, file: &StoredFile, commit: &str) -> io::Result<()> {
        let action = self.state.fault(&self.request.path, !self.is_head());
        if self.failed(action.as_ref())? {
            return Ok(());
        }
        let replaced = match &action {
            Some(Action::Replace { with }) => Some(Body::Bytes(with.clone())),
            Some(Action::Encode { encoding: "gzip" }) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                io::copy(&mut file.body.from(0)?, &mut encoder)?;
                Some(Body::Bytes(encoder.finish()?))
            }
            _ => None,
        };
        let size = match &replaced {
            Some(body) => body.digest()?.0,
            None => file.size,
        };
        let range = match &action {
            Some(Action::IgnoreRange | Action::Encode { .. }) => None,
            _ => self.request.range(),
        };
        let (first, last) = match range {
            None => (0, size),
            Some((first, _)) if first >= size => {
                let head = Head::new(416, 0).with("Content-Range", format!("bytes */{size}"));
                return self.text(head, "");
            }
            Some((first, last)) => (first, last.map_or(size, |last| (last + 1).min(size))),
        };
        let mut length = last.saturating_sub(first);
        let mut pace = Pace::default();
        match &action {
            Some(Action::Cut { after }) => pace.stop = Some((*after, Duration::ZERO)),
            Some(Action::Stall { after, hold }) => pace.stop = Some((*after, *hold)),
            Some(Action::Slow { piece, pause }) => pace.slow = Some((*piece, *pause)),
            Some(Action::Truncate { to }) => length = length.min(*to),
            _ => {}
        }
        let mut head = Head::new(if range.is_some() { 206 } else { 200 }, length)
            .with("ETag", format!("\"{}\"", file.etag))
            .with("Accept-Ranges", "bytes");
        if let Some(Action::Encode { encoding }) = &action {
            head = head.with("Content-Encoding", *encoding);
        }
        if range.is_some() {
            head = head.with("Content-Range", format!("bytes {first}-{}/{size}", last - 1));
        }
        if !file.large {
            head = head.with("X-Repo-Commit", commit);
        }
        let mut body = replaced.as_ref().unwrap_or(&file.body).from(first)?;
        let body: Option<&mut dyn Read> = if self.is_head() { None } else { Some(&mut *body) };
        head.send(self.stream, body, pace)
    }
}

/// `owner/name` and what follows.
fn repository_of(path: &str) -> Option<(&str, &str)> {
    let slash = path.find('/')?;
    match path[slash + 1..].find('/') {
        Some(next) => Some((&path[..slash + 1 + next], &path[slash + 2 + next..])),
        None => Some((path, "")),
    }
}

/// The revision at the start of a path, and the rest. Revisions may have slashes
/// (`refs/convert/parquet`), so that only the known ones are tried.
fn split_revision<'a>(repository: &'a Repository, path: &'a str) -> Option<(&'a Commit, &'a str)> {
    repository.commits.iter().find_map(|commit| {
        [commit.hash.as_str(), commit.revision.as_str()].into_iter().find_map(|name| {
            let rest = path.strip_prefix(name)?;
            match rest.strip_prefix('/') {
                Some(rest) => Some((commit, rest)),
                None => rest.is_empty().then_some((commit, "")),
            }
        })
    })
}

fn entry(file: &StoredFile) -> Value {
    let mut entry = json!({
        "type": "file", "oid": &file.etag[..40], "size": file.size, "path": file.path,
    });
    if file.large {
        entry["lfs"] = json!({ "oid": file.etag, "size": file.size, "pointerSize": 134 });
    }
    entry
}
