//! A TCP relay that can stop passing bytes, or end its connections.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What it does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Passes it on.
    Whole,
    /// Takes connections and bytes and keeps them, like a network that drops packets.
    Silent,
    /// Ends connections, old and new.
    Cut,
}

/// The wire to one server.
#[derive(Debug)]
pub(crate) struct TcpRelay {
    pub(crate) address: SocketAddr,
    wire: watch::Sender<Wire>,
    task: JoinHandle<()>,
}

impl Drop for TcpRelay {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Wire::Cut);
    }
}

impl TcpRelay {
    pub(crate) async fn new(target: SocketAddr) -> Result<Self, String> {
        let failed = |error: std::io::Error| error.to_string();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (wire, state) = watch::channel(Wire::Whole);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connection(near, target, state.clone()));
            }
        });
        Ok(Self { address, wire, task })
    }

    pub(crate) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

/// One connection: it ends when it is cut, or when both sides have ended.
async fn connection(near: TcpStream, target: SocketAddr, mut wire: watch::Receiver<Wire>) {
    let passing = wire.clone();
    let pass = async move {
        let mut waiting = passing.clone();
        // A connection that is made while nothing passes is made when something does.
        waiting.wait_for(|wire| *wire == Wire::Whole).await.ok()?;
        let far = TcpStream::connect(target).await.ok()?;
        near.set_nodelay(true).ok()?;
        far.set_nodelay(true).ok()?;
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        tokio::join!(
            one_way(near_read, far_write, passing.clone()),
            one_way(far_read, near_write, passing.clone())
        );
        Some(())
    };
    tokio::select! {
        _ = pass => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if wire.wait_for(|wire| *wire == Wire::Whole).await.is_err() {
            return;
        }
        match buffer.get(..count) {
            Some(bytes) if count > 0 => {
                if to.write_all(bytes).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wire_passes_keeps_and_cuts() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let relay = TcpRelay::new(server.local_addr().unwrap()).await.unwrap();
        let mut near = TcpStream::connect(relay.address).await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        let mut byte = [0];
        near.write_all(b"1").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        relay.set(Wire::Silent);
        near.write_all(b"2").await.unwrap();
        relay.set(Wire::Whole);
        far.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"2", "what was kept is passed on");
        relay.set(Wire::Cut);
        assert_eq!(near.read(&mut byte).await.unwrap_or(0), 0);
        assert_eq!(far.read(&mut byte).await.unwrap_or(0), 0);
    }
}
