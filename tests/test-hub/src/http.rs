//! As much of HTTP/1.1 as a test server needs: one request a connection.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

/// The most that a request's line and headers, or its body, may be.
const MAX_REQUEST: u64 = 1 << 20;

/// A request, its path decoded.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn read(stream: &TcpStream) -> io::Result<Request> {
        let mut reader = BufReader::new(stream.take(MAX_REQUEST));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP request");
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid());
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(invalid)?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Request {
            method: method.to_owned(),
            path: decode(path),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_end(&mut request.body)?;
        Ok(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decode(value))
    }

    /// First and last byte of `Range: bytes=first-last`, where the last may be missing.
    pub(crate) fn range(&self) -> Option<(u64, Option<u64>)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()))
    }
}

/// Undoes percent-encoding.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Bytes after which the connection ends, or is held open for the time.
    pub(crate) stop: Option<(u64, Duration)>,
    /// Bytes of a piece and the pause before it.
    pub(crate) slow: Option<(usize, Duration)>,
}

/// An answer's status and headers, and how long its body is said to be.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) length: u64,
}

impl Head {
    pub(crate) fn new(status: u16, length: u64) -> Head {
        Head { status, headers: Vec::new(), length }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Head {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Writes the head, then `length` bytes of the body unless only the head was asked for.
    pub(crate) fn send(
        &self,
        mut stream: &TcpStream,
        body: Option<&mut dyn Read>,
        pace: Pace,
    ) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.length));
        stream.write_all(head.as_bytes())?;
        let Some(body) = body else { return stream.flush() };
        let end = pace.stop.map_or(self.length, |(after, _)| after.min(self.length));
        let mut buffer = vec![0; pace.slow.map_or(1 << 16, |(piece, _)| piece.max(1))];
        let mut sent = 0;
        while sent < end {
            let want = usize::try_from(end - sent).unwrap_or(usize::MAX).min(buffer.len());
            let read = body.read(&mut buffer[..want])?;
            if read == 0 {
                break;
            }
            if let Some((_, pause)) = pace.slow {
                thread::sleep(pause);
            }
            stream.write_all(&buffer[..read])?;
            sent += read as u64;
        }
        stream.flush()?;
        if let Some((_, hold)) = pace.stop {
            thread::sleep(hold);
        }
        Ok(())
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        302 => "Found",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Status",
    }
}
