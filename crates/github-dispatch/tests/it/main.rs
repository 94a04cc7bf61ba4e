//! Tests of the crate from outside, against servers on 127.0.0.1 and nothing else.
//!
//! | what is shown | module |
//! | --- | --- |
//! | what is sent, and that every 2xx is success | `repository` |
//! | whatever GitHub answers: kind, advice, one POST, no token in any text | `errors` |
//! | refreshed, missing and hidden tokens; settings that cannot be right | `auth` |
//! | runs are listed and recognised | `runs` |
//! | what a check of a target finds | `check` |
//! | the mock refuses what GitHub refuses, and loses what it is told to lose | `mock` |
//! | what a check promises, a look keeps, whatever the `run-name` | `props` |
//! | the environment changes nothing | `env` |
//! | the shell of the rendered workflow: copies end, hostile values are no commands | `deploy_workflow` |
//! | one workflow is started at a ref, and its run named | `workflow_dispatch` |

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
#[cfg(feature = "client")]
mod env;
#[cfg(test)]
#[cfg(feature = "client")]
mod errors;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod mock;
#[cfg(test)]
mod props;
#[cfg(test)]
#[cfg(feature = "client")]
mod repository;
#[cfg(test)]
#[cfg(feature = "client")]
mod runs;
#[cfg(test)]
#[cfg(feature = "client")]
mod support;
#[cfg(test)]
#[cfg(all(feature = "client", feature = "mock"))]
mod workflow_dispatch;
