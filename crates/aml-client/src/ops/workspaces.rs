//! **Here**: the calls for workspaces.
//! **Not here**: creating one: that is infrastructure, and not part of a release.
//! **Reads**: `client`, `pager`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service`, `Workspaces_*`, read 2026-11-23.

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::request::Call;
use crate::wire::Workspace;

const PROVIDER: [&str; 3] = ["providers", "Microsoft.MachineLearningServices", "workspaces"];

impl Client {
    /// Reads the workspace: `GET {workspace}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_workspace(&self) -> Result<Workspace, Error> {
        self.caller().read(&Call::get(&[])).await
    }

    /// Lists the workspaces of the resource group.
    pub fn list_workspaces_in_resource_group(&self) -> Pager<Workspace> {
        let scope = self.workspace();
        let group = [
            "subscriptions",
            scope.subscription(),
            "resourceGroups",
            scope.resource_group(),
        ];
        Pager::at_root(self.caller(), &[&group[..], &PROVIDER].concat())
    }

    /// Lists the workspaces of the subscription.
    pub fn list_workspaces(&self) -> Pager<Workspace> {
        let subscription = ["subscriptions", self.workspace().subscription()];
        Pager::at_root(self.caller(), &[&subscription[..], &PROVIDER].concat())
    }
}
