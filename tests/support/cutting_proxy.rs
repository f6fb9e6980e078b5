//! A TCP proxy that cuts connections on command, as a bad network does.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// After how many bytes a connection is cut, counted for each direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) from_client: usize,
    pub(crate) from_broker: usize,
}

impl Budget {
    /// Never cut.
    pub(crate) const UNLIMITED: Self = Self {
        from_client: usize::MAX,
        from_broker: usize::MAX,
    };
}

/// Stands between a client and a broker. Ends with the process; it holds nothing but sockets.
pub(crate) struct CuttingProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    open: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
}

impl CuttingProxy {
    /// A proxy to a port of 127.0.0.1 that cuts nothing by itself.
    pub(crate) fn to(port: u16) -> Self {
        Self::cutting_after(port, &[])
    }

    /// A proxy whose first connections are cut after so many bytes from the client each;
    /// later ones live on.
    pub(crate) fn cutting_after(port: u16, budgets: &[usize]) -> Self {
        let budget = |&from_client| Budget {
            from_client,
            ..Budget::UNLIMITED
        };
        Self::with_budgets(port, budgets.iter().map(budget).collect())
    }

    /// A proxy whose first connections have these budgets; later ones live on.
    pub(crate) fn with_budgets(port: u16, budgets: Vec<Budget>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let proxy = Self {
            port: listener.local_addr().expect("a bound socket").port(),
            shared: Arc::default(),
        };
        let shared = Arc::clone(&proxy.shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let budget = budgets.get(number).copied().unwrap_or(Budget::UNLIMITED);
                let Ok(broker) = TcpStream::connect(("127.0.0.1", port)) else {
                    return;
                };
                shared.carry(client, broker, budget);
            }
        });
        proxy
    }

    /// The port to connect to instead of the broker's.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Cuts every open connection, without a word of MQTT.
    pub(crate) fn cut(&self) {
        let mut open = self.shared.open.lock().expect("nobody panics with it");
        for stream in open.drain(..) {
            // Fails only when the other side has closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn carry(&self, client: TcpStream, broker: TcpStream, budget: Budget) {
        let clone = |stream: &TcpStream| stream.try_clone().expect("a socket can be shared");
        self.open
            .lock()
            .expect("nobody panics with it")
            .extend([clone(&client), clone(&broker)]);
        let (from_client, to_client) = (clone(&client), client);
        let (from_broker, to_broker) = (clone(&broker), broker);
        thread::spawn(move || copy(from_client, to_broker, budget.from_client));
        thread::spawn(move || copy(from_broker, to_client, budget.from_broker));
    }
}

/// Copies until an end is reached or the budget is used up, then closes both.
fn copy(mut from: TcpStream, mut to: TcpStream, mut budget: usize) {
    let mut chunk = [0; 16 * 1024];
    while budget > 0 {
        let most = chunk.len().min(budget);
        let read = from.read(&mut chunk[..most]).unwrap_or(0);
        if read == 0 || to.write_all(&chunk[..read]).is_err() {
            break;
        }
        budget -= read;
    }
    // Fails only when the other side has closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
