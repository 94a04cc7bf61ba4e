//! **Here**: the real `host_server` as a child process: started, waited for, asked, stopped and killed.
//! **Not here**: what it does (`host_server`).
//! **Reads**: its standard output and error.
//! **Source**: our own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use serde_json::Value;

/// The secret that the configurations of [`Server`] name.
pub const SECRET: &str = "a-shared-secret";
/// The token that they name.
pub const TOKEN: &str = "a-token-of-the-test";

/// The error of everything here: a text for whoever runs a test.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    stderr: Arc<Mutex<String>>,
    collecting: Option<JoinHandle<()>>,
    http: reqwest::Client,
}

/// Where the server is.
///
/// # Errors
/// It has not been built.
pub fn program() -> Result<PathBuf, Failed> {
    example("host_server")
}

/// Where an example's program is: beside whatever runs, in the folder of examples.
///
/// # Errors
/// It has not been built.
pub fn example(name: &str) -> Result<PathBuf, Failed> {
    let own = std::env::current_exe()?;
    let folders = own
        .ancestors()
        .skip(1)
        .take(2)
        .flat_map(|folder| [folder.to_owned(), folder.join("examples")]);
    let candidates = folders.map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        format!("{name} is not built; `cargo build -p relay-examples --examples` builds it").into()
    })
}

/// A configuration for loopback: no bound on the rate, short waits, one route.
#[must_use]
pub fn configuration(journal: &Path, api_root: &str, repository: &str, more: &str) -> String {
    format!(
        r#"
[webhook]
secret_env = ["RELAY_SECRET"]

[journal]
path = {journal:?}
lock_wait_s = 5

[github]
api_root = {api_root:?}
token_env = "RELAY_TEST_TOKEN"
connect_timeout_ms = 500
timeout_ms = 1000

[budget]
min_interval_ms = 0
per_minute = 0
per_hour = 0

[[route]]
name = "deploy"
repository = {repository:?}
probe_window_s = 3
{more}
"#
    )
}

impl Server {
    /// Starts the program and waits for its line.
    ///
    /// # Errors
    /// It ended instead; the text is what it said.
    pub fn start(config: &Path) -> Result<Self, Failed> {
        Self::start_with(config, &[])
    }

    /// The same, with more in its environment.
    ///
    /// # Errors
    /// It ended instead; the text is what it said.
    pub fn start_with(config: &Path, environment: &[(&str, &str)]) -> Result<Self, Failed> {
        let mut command = command(config)?;
        command
            .args(["--listen", "127.0.0.1:0"])
            .envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts another program that says in the same way where it listens.
    ///
    /// # Errors
    /// It ended instead; the text is what it said.
    pub fn spawn(mut command: Command) -> Result<Self, Failed> {
        let program = command.get_program().to_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let (stderr, collecting) = collect(&mut child)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            let status = child.wait()?;
            // All that it said, and not only what has been read so far.
            let _ = collecting.join();
            let said = stderr.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let program = Path::new(&program).file_name().unwrap_or_default();
            return Err(format!("{} ended with {status}: {said}", program.display()).into());
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            // A connection that the server closes after a 413 must not be taken for the next request.
            .pool_max_idle_per_host(0)
            .tls_backend_preconfigured(no_tls()?)
            .build()?;
        Ok(Self {
            address: address.to_owned(),
            child,
            stderr,
            collecting: Some(collecting),
            http,
        })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Posts events as Event Grid does, with the secret; gives the status and the body.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post(&self, events: &[Value]) -> Result<(u16, String), Failed> {
        self.post_bytes(
            format!("/events?code={SECRET}"),
            Bytes::from(Value::from(events).to_string()),
        )
        .await
    }

    /// Posts any bytes to any path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn post_bytes(&self, path: impl AsRef<str>, body: Bytes) -> Result<(u16, String), Failed> {
        let request = self.http.post(format!("{}{}", self.address, path.as_ref()));
        let answer = request
            .header("aeg-event-type", "Notification")
            .body(body)
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Gets a path.
    ///
    /// # Errors
    /// No answer came.
    pub async fn get(&self, path: &str) -> Result<(u16, String), Failed> {
        let answer = self.request(reqwest::Method::GET, path).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// A request to a path, to be finished and sent.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address))
    }

    /// How many items have this word as phase or verdict, as `/readyz` says.
    ///
    /// # Errors
    /// No answer came, or it cannot be read.
    pub async fn count(&self, word: &str) -> Result<u64, Failed> {
        let ready: Value = serde_json::from_str(&self.get("/readyz").await?.1)?;
        let counts = ready
            .pointer("/journal/counts")
            .and_then(Value::as_array)
            .ok_or("no counts")?;
        let of_word = counts
            .iter()
            .find(|pair| pair.get(0).and_then(Value::as_str) == Some(word));
        Ok(of_word
            .and_then(|pair| pair.get(1))
            .and_then(Value::as_u64)
            .unwrap_or(0))
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// It could not be waited for.
    pub fn kill(&mut self) -> Result<(), Failed> {
        self.child.kill()?;
        self.ended()?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// It could not be signalled or waited for.
    pub fn stop(&mut self) -> Result<ExitStatus, Failed> {
        let sent = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()?;
        if !sent.success() {
            return Err("the signal could not be sent".into());
        }
        self.ended()
    }

    /// Waits for the end, and until all that was logged has been read.
    fn ended(&mut self) -> Result<ExitStatus, Failed> {
        let status = self.child.wait()?;
        if let Some(collecting) = self.collecting.take() {
            collecting
                .join()
                .map_err(|_| "what it logged could not be read")?;
        }
        Ok(status)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process that this value started, and no other; one that has ended is ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an example to its end, with these bytes as its standard input.
///
/// # Errors
/// It has not been built, or could not be run.
pub fn run(
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &[u8],
) -> Result<Output, Failed> {
    let mut command = Command::new(example(name)?);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // Who reads none of it has ended before it was written.
    let _ = child.stdin.take().ok_or("no standard input")?.write_all(input);
    Ok(child.wait_with_output()?)
}

/// Runs the program to its end, which has to be a refusal; gives what it said.
///
/// # Errors
/// It started instead, or could not be run.
pub fn refusal(config: &Path) -> Result<String, Failed> {
    refusal_with(config, &[])
}

/// The same, with more in its environment.
///
/// # Errors
/// It started instead, or could not be run.
pub fn refusal_with(config: &Path, environment: &[(&str, &str)]) -> Result<String, Failed> {
    match Server::start_with(config, environment) {
        Ok(server) => Err(format!("host_server started, on {}", server.address()).into()),
        Err(error) => Ok(error.to_string()),
    }
}

fn command(config: &Path) -> Result<Command, Failed> {
    let mut command = Command::new(program()?);
    command.arg("--config").arg(config).env_clear();
    command.env("RELAY_SECRET", SECRET).env("RELAY_TEST_TOKEN", TOKEN);
    Ok(command)
}

/// Reads the child's log in a thread of its own, so that it never waits for us.
fn collect(child: &mut Child) -> Result<(Arc<Mutex<String>>, JoinHandle<()>), Failed> {
    let stderr = child.stderr.take().ok_or("no standard error")?;
    let text = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&text);
    let collecting = std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_str(&line);
            all.push('\n');
        }
    });
    Ok((text, collecting))
}

/// TLS that trusts nobody: everything here is plain http on loopback, and reqwest wants to be told.
fn no_tls() -> Result<rustls::ClientConfig, Failed> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}
