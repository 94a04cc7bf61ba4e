//! **Here**: the one dispatch that every contender sends, and what the stand-in expects of it.
//! **Not here**: sending it (`contenders`), receiving it (`standin`).
//! **Reads**: nothing.
//! **Source**: the payload of the relay's own front-page example, and GitHub's `POST /repos/{owner}/{repo}/dispatches`.

use serde_json::{Map, Value, json};

/// The repository that is dispatched to.
pub(crate) const OWNER: &str = "contoso";
/// Its name.
pub(crate) const NAME: &str = "deploy";
/// What follows the API root.
pub(crate) const PATH: &str = "/repos/contoso/deploy/dispatches";
/// The `event_type`.
pub(crate) const EVENT_TYPE: &str = "deploy_pipeline_action";
/// A token as long as a personal one. The stand-in asks for it, and no log may show it.
pub(crate) const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

/// The `client_payload`.
pub(crate) fn client_payload() -> Map<String, Value> {
    let payload = json!({
        "event_type": "Microsoft.MachineLearningServices.ModelRegistered",
        "model_name": "credit-risk",
        "model_version": "7",
        "resource_group": "rg-models",
        "workspace": "ws-prod",
        "relay": { "id": "474p54ivefce66s2nsvlvyw7zg", "attempt": 1 },
    });
    payload.as_object().cloned().unwrap_or_default()
}

/// The whole body.
pub(crate) fn body() -> Value {
    json!({ "event_type": EVENT_TYPE, "client_payload": client_payload() })
}
