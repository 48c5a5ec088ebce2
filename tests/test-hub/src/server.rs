//! Listening on two ports.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    content::Repository,
    fault::Fault,
    http::Request,
    routes,
    state::{Seen, State, lock},
};

/// A running server: the Hub itself, and beside it, on another port, the host of the large files.
/// Dropping it ends both.
#[derive(Debug)]
pub struct TestHub {
    state: Arc<State>,
    listeners: Vec<JoinHandle<()>>,
}

impl TestHub {
    /// Serves the repositories on two free ports of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(repositories: impl IntoIterator<Item = Repository>) -> io::Result<TestHub> {
        TestHub::start_on(0, repositories)
    }

    /// Serves the repositories on a given port, and large files on any free one.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start_on(
        port: u16,
        repositories: impl IntoIterator<Item = Repository>,
    ) -> io::Result<TestHub> {
        let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let store = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let state = Arc::new(State {
            hub: hub.local_addr()?,
            store: store.local_addr()?,
            repositories: Mutex::new(repositories.into_iter().collect()),
            faults: Mutex::default(),
            seen: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let listen = |listener: TcpListener, is_store| {
            let state = Arc::clone(&state);
            thread::spawn(move || accept(&listener, &state, is_store))
        };
        let listeners = vec![listen(hub, false), listen(store, true)];
        Ok(TestHub { state, listeners })
    }

    /// The value for `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.state.hub)
    }

    /// Queues a failure. Of several that apply to an answer, the one queued first is used.
    pub fn fail(&self, fault: Fault) {
        lock(&self.state.faults).push(fault);
    }

    /// Replaces a repository by the one of the same name, as a push would.
    pub fn replace(&self, repository: Repository) {
        let mut repositories = lock(&self.state.repositories);
        repositories.retain(|known| known.id != repository.id);
        repositories.push(repository);
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.state.seen).clear();
    }

    /// Waits until the process is ended from outside.
    pub fn serve_forever(mut self) {
        for listener in self.listeners.drain(..) {
            // A listener ends only when the server is dropped.
            let _ = listener.join();
        }
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        for address in [self.state.hub, self.state.store] {
            // Wakes the listener, which then sees that it has to end.
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        }
        for listener in self.listeners.drain(..) {
            let _ = listener.join();
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>, is_store: bool) {
    for stream in listener.incoming() {
        if state.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A client that goes away, or says what is no request, is no failure of the server.
            let _ = answer(&stream, &state, is_store);
        });
    }
}

fn answer(stream: &TcpStream, state: &State, is_store: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    let request = Request::read(stream)?;
    lock(&state.seen).push(Seen {
        method: request.method.clone(),
        path: request.path.clone(),
        range: request.header("range").map(str::to_owned),
        authorization: request.header("authorization").map(str::to_owned),
        store: is_store,
    });
    routes::answer(stream, &request, state, is_store)
}
