//! Tests of the crate from outside, against servers on 127.0.0.1 and nothing else.
//!
//! | what is shown | module |
//! | --- | --- |
//! | what is sent, and that every 2xx is success | `repository` |
//! | whatever GitHub answers: kind, advice, one POST, no token in any text | `errors` |
//! | secrets that only GitHub can read, variables, environments, files | `provision` |
//! | the doctor says in plain words what is wrong | `setup` |
//! | 75 cells of status, headers and body, and every message | `table` |
//! | tokens of a GitHub App: asked for one time, narrowed, refreshed early; clocks that differ | `app` |
//! | refreshed, missing and hidden tokens; settings that cannot be right | `auth` |
//! | runs are listed and recognised | `runs` |
//! | what a check of a target finds | `check` |
//! | runs are found, followed, cancelled, run again; logs, limits and retries | `follow` |
//! | a dispatch whose answer was lost is found, or reported | `lost_answers` |
//! | the mock refuses what GitHub refuses, and loses what it is told to lose | `mock` |
//! | what a check promises, a look keeps, whatever the `run-name` | `props` |
//! | a backlog goes through GitHub's limits without one refusal | `drain` |
//! | the environment changes nothing | `env` |
//! | the shell of the rendered workflow: copies end, hostile values are no commands | `deploy_workflow` |
//! | one workflow is started at a ref, and its run named | `workflow_dispatch` |

#[cfg(test)]
#[cfg(all(feature = "app", feature = "mock", feature = "rustls"))]
mod app;
#[cfg(test)]
#[cfg(feature = "client")]
mod auth;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod check;
#[cfg(test)]
#[cfg(unix)]
mod deploy_workflow;
#[cfg(test)]
#[cfg(feature = "mock")]
mod drain;
#[cfg(test)]
#[cfg(feature = "client")]
mod env;
#[cfg(test)]
#[cfg(feature = "client")]
mod errors;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod follow;
#[cfg(test)]
#[cfg(feature = "mock")]
mod lost_answers;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod mock;
#[cfg(test)]
mod props;
#[cfg(test)]
#[cfg(all(feature = "mock", feature = "provision"))]
mod provision;
#[cfg(test)]
#[cfg(feature = "client")]
mod repository;
#[cfg(test)]
#[cfg(feature = "client")]
mod runs;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod setup;
#[cfg(test)]
#[cfg(feature = "client")]
mod support;
#[cfg(test)]
mod table;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod workflow_dispatch;
