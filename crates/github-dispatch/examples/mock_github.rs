//! Example: a GitHub on loopback as a program, for tests in whatever language.
//!
//! `cargo run -p github-dispatch --all-features --example mock_github -- contoso/deploy` prints its API root, and stays until its
//! standard input is closed. The id of a GitHub App may follow, which is installed everywhere then; its signatures are not looked at.
#![expect(clippy::print_stdout, reason = "a program talks to whoever runs it")]

use github_dispatch::mock::MockGitHub;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let repository = arguments.next();
    let github = MockGitHub::start(repository.as_deref().unwrap_or("contoso/deploy")).await;
    if let Some(app) = arguments.next() {
        github.add_app(&app, None, &[("actions", "write"), ("contents", "write")]);
    }
    println!("{}", github.uri());
    // The mock answers on threads of its own, so that this one may wait.
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    Ok(())
}
