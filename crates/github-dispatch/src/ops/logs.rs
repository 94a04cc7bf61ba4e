//! **Here**: [`Log`]: the log of a run or job, read piece by piece from where GitHub's redirect leads.
//! **Not here**: unpacking the archive.
//! **Reads**: `client`, `send`.
//! **Source**: <https://docs.github.com/rest/actions/workflow-runs#download-workflow-run-logs>, read 2026-11-23: 302 to an address that is
//! good for a minute, at another host, which must not see the token.

use std::fmt;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use url::Url;

use crate::client::{Client, Make};
use crate::error::{Advice, Error, ErrorKind};
use crate::repo::RepoFullName;
use crate::response::refusal;
use crate::retry::Effect;
use crate::send::{Answer, transport};

/// A log that is being read.
pub struct Log {
    answer: reqwest::Response,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds a signature that gives access.
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// The connection broke: begin again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.answer.chunk().await.map_err(transport)
    }

    /// All of it.
    ///
    /// # Errors
    /// The connection broke, or it is longer than this.
    pub async fn read_to_end(mut self, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > max_bytes {
                let text = format!("the log is longer than {max_bytes} bytes");
                return Err(Error::new(ErrorKind::Decode, Advice::GiveUp, text));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}

impl Client {
    /// The logs of a run: a ZIP archive with a text for each job and step. Needs *Actions: read*.
    ///
    /// # Errors
    /// There are none (404): the run has not ended, or it is too long ago.
    pub async fn run_logs(&self, repo: &RepoFullName, id: u64) -> Result<Log, Error> {
        self.log(|| self.requests().run_logs(repo, id)).await
    }

    /// The log of a job: a text. Needs *Actions: read*.
    ///
    /// # Errors
    /// As [`run_logs`](Self::run_logs).
    pub async fn job_log(&self, repo: &RepoFullName, id: u64) -> Result<Log, Error> {
        self.log(|| self.requests().job_log(repo, id)).await
    }

    async fn log(&self, make: impl Make) -> Result<Log, Error> {
        let address = self
            .call(Effect::Read, make, |answer, now| {
                let is_loopback = !self.requests().root().is_https();
                match answer.status {
                    StatusCode::FOUND => address(answer, is_loopback),
                    _ => Err(refusal(
                        answer.status,
                        &answer.headers,
                        &answer.body,
                        now,
                        &answer.hidden,
                    )),
                }
            })
            .await?;
        // A request of its own, so that neither the token nor the API's headers go along.
        let mut request = reqwest::Request::new(Method::GET, address);
        *request.timeout_mut() = Some(self.timeout().saturating_mul(20));
        let answer = self.reading().execute(request).await.map_err(transport)?;
        if answer.status() != StatusCode::OK {
            let text = format!(
                "the log's address answers with status {}",
                answer.status().as_u16()
            );
            return Err(Error::new(ErrorKind::Status, Advice::NotSent, text));
        }
        Ok(Log { answer })
    }
}

/// Where the redirect leads: https, or loopback for a GitHub on loopback.
fn address(answer: &Answer, is_loopback: bool) -> Result<Url, Error> {
    let refuse = |text: &str| Err(Error::new(ErrorKind::Redirected, Advice::GiveUp, text));
    let location = answer
        .headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let Some(url) = location.and_then(|location| Url::parse(location).ok()) else {
        return refuse("the redirect to the log names no address");
    };
    let is_ours = is_loopback && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() == "https" || (url.scheme() == "http" && is_ours) {
        Ok(url)
    } else {
        refuse("the redirect to the log leads to an address without https")
    }
}
