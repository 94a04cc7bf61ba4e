//! **Here**: copies of the whole journal: an export that streams, a backup into the folder that the configuration names.
//! **Not here**: how a copy is made whole (`relay_core::journal::JournalAdmin`).
//! **Reads**: the journal, beside its writer.
//! **Source**: our own. A copy holds the bodies of events, so it has to be asked for with `body=1`.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use hyper::body::Frame;
use relay_core::journal::{JournalAdmin, JournalError};
use relay_core::report::report;
use relay_examples::host::body::within;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Admin, Answer, Refusal, body, done, view, who};

/// Bytes of one piece of an export, and pieces that wait for whoever reads.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// For how long a reader may read nothing: all the while the journal cannot let go of what it has written since.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest name of a backup.
const MAX_NAME: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    name: String,
}

pub(super) async fn backup(State(admin): State<Arc<Admin>>, headers: HeaderMap, asked: Body) -> Answer {
    let who = who(&headers)?.to_owned();
    let Backup { name } = body(asked).await?;
    let folder = admin.backups.clone();
    let folder = folder
        .ok_or_else(|| Refusal::conflict("admin.backup_folder is not set, so nothing may be written"))?;
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !(1..=MAX_NAME).contains(&name.len()) || name.starts_with('.') || !name.bytes().all(is_usual) {
        return Err(Refusal::bad(format!(
            "name: 1 to {MAX_NAME} characters of [A-Za-z0-9._-] are expected, no dot first: a name within admin.backup_folder"
        )));
    }
    let _one = one(&admin)?;
    match admin.journal.back_up(&folder.join(&name)).await {
        Ok(()) => {
            tracing::info!(who, name, "a backup was written");
            done(&json!({ "written": name }))
        }
        Err(error) => {
            tracing::warn!(who, name, error = %report(&error), "no backup was written");
            Err(error.into())
        }
    }
}

pub(super) async fn export(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let who = who(&headers)?.to_owned();
    if !view::wants_body(query.as_deref())? {
        return Err(Refusal::bad(
            "an export holds the bodies of events: ask for it with body=1",
        ));
    }
    let one = one(&admin)?;
    let (pieces, read) = mpsc::channel(PIECES);
    let to = Pieces {
        pieces: pieces.clone(),
        runtime: Handle::current(),
        piece: BytesMut::with_capacity(PIECE),
    };
    tokio::spawn(async move {
        let exported = admin.journal.export(Box::new(to)).await;
        // Before the end is seen: whoever sees it may ask for the next copy.
        drop(one);
        match exported {
            Ok(lines) => tracing::info!(who, lines, "the journal was exported"),
            Err(error) => {
                tracing::warn!(who, error = %report(&error), "an export broke off");
                // Whoever reads must not take it for the end.
                let _ = within(PATIENCE, pieces.send(Err(error))).await;
            }
        }
    });
    let json_lines = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((json_lines, Body::new(Lines(read))).into_response())
}

fn one(admin: &Admin) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(&admin.copies).try_acquire_owned().map_err(|_| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "try_again",
            "another copy of the journal is under way",
        )
    })
}

/// Where the thread that exports writes: in pieces, which wait for whoever reads them.
#[derive(Debug)]
struct Pieces {
    pieces: mpsc::Sender<Result<Bytes, JournalError>>,
    runtime: Handle,
    piece: BytesMut,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        if piece.is_empty() {
            return Ok(());
        }
        let sent = self
            .runtime
            .block_on(within(PATIENCE, self.pieces.send(Ok(piece))));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "whoever read it has gone",
            )),
            None => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "whoever reads it is too slow",
            )),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// The body of the answer.
#[derive(Debug)]
struct Lines(mpsc::Receiver<Result<Bytes, JournalError>>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = JournalError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, JournalError>>> {
        self.0
            .poll_recv(context)
            .map(|next| next.map(|piece| piece.map(Frame::data)))
    }
}
