//! **Here**: [`DeployWorkflow`]: a workflow file that deploys the model of a dispatch, made of values that cannot break out of it.
//! **Not here**: putting it into a repository, reading other people's files (`workflow_file`).
//! **Reads**: names from configuration; gives the text of `.github/workflows/NAME.yml`.
//! **Source**: <https://docs.github.com/actions/concepts/security/script-injections>, <https://docs.github.com/actions/reference/security/oidc>,
//! and the receiving side of our own promise, read 2026-11-23.
//!
//! What it does that a file written by hand forgets: its `run-name` shows the relay id; its concurrency group holds copies of one dispatch
//! and nothing else, so that no version is swallowed; a first job checks the payload and ends the run when an earlier run shows the same
//! id; permissions are the least; no value of the payload is pasted into a shell line; the login needs no stored secret.
//!
//! ```
//! use github_dispatch::deploy_workflow::DeployWorkflow;
//! use github_dispatch::workflow_file;
//!
//! let text = DeployWorkflow::new("deploy_pipeline_action", "rg-prod", "ws-prod", "credit", "blue")?.render();
//! let facts = workflow_file::read_workflow(&text, "deploy_pipeline_action");
//! assert!(facts.listens && facts.shows_relay_id);
//! # Ok::<(), github_dispatch::deploy_workflow::InvalidWorkflowValue>(())
//! ```

/// `azure/login` v3.0.1, by its commit: a tag can be moved.
const AZURE_LOGIN: &str = "azure/login@f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca # v3.0.1";

/// A value that no Azure or GitHub name can be, or that could mean something else in the file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} has 1 to {max} letters, digits, - . and _, and begins with a letter, a digit or _")]
#[non_exhaustive]
pub struct InvalidWorkflowValue {
    /// Which value.
    pub field: &'static str,
    /// How many characters it may have.
    pub max: usize,
}

/// How the workflow logs in to Azure.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum AzureLogin {
    /// By OpenID Connect: a federated credential of the app, and the variables `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and
    /// `AZURE_SUBSCRIPTION_ID`. No secret is stored.
    #[default]
    Oidc,
    /// By the secret `AZURE_CREDENTIALS`, as the hack shows it.
    Secret,
}

/// A workflow that sets the model of an online deployment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeployWorkflow {
    event_type: String,
    resource_group: String,
    workspace: String,
    endpoint: String,
    deployment: String,
    environment: Option<String>,
    login: AzureLogin,
}

impl DeployWorkflow {
    /// A workflow that listens to this event type, and deploys to this deployment.
    ///
    /// # Errors
    /// A value has other characters than names have. Azure takes fewer in most places, and says so itself.
    pub fn new(
        event_type: &str,
        resource_group: &str,
        workspace: &str,
        endpoint: &str,
        deployment: &str,
    ) -> Result<Self, InvalidWorkflowValue> {
        Ok(Self {
            event_type: name("event_type", event_type, 100)?,
            resource_group: name("resource_group", resource_group, 90)?,
            workspace: name("workspace", workspace, 255)?,
            endpoint: name("endpoint", endpoint, 255)?,
            deployment: name("deployment", deployment, 255)?,
            environment: None,
            login: AzureLogin::default(),
        })
    }

    /// Deploys in this environment of the repository: its approvals, secrets and variables count.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_environment(mut self, environment: &str) -> Result<Self, InvalidWorkflowValue> {
        self.environment = Some(name("environment", environment, 255)?);
        Ok(self)
    }

    /// Logs in another way.
    #[must_use]
    pub const fn with_login(mut self, login: AzureLogin) -> Self {
        self.login = login;
        self
    }

    /// The file.
    #[must_use]
    pub fn render(&self) -> String {
        let environment = self
            .environment
            .as_ref()
            .map_or_else(String::new, |name| format!("    environment: \"{name}\"\n"));
        let (permissions, login) = match self.login {
            AzureLogin::Oidc => (
                "    permissions:\n      id-token: write # the login asks GitHub for a token\n",
                "          client-id: ${{ vars.AZURE_CLIENT_ID }}
          tenant-id: ${{ vars.AZURE_TENANT_ID }}
          subscription-id: ${{ vars.AZURE_SUBSCRIPTION_ID }}
",
            ),
            AzureLogin::Secret => (
                "    permissions: {}\n",
                "          creds: ${{ secrets.AZURE_CREDENTIALS }}\n",
            ),
        };
        TEMPLATE
            .replace("@EVENT_TYPE@", &self.event_type)
            .replace("@RESOURCE_GROUP@", &self.resource_group)
            .replace("@WORKSPACE@", &self.workspace)
            .replace("@ENDPOINT@", &self.endpoint)
            .replace("@DEPLOYMENT@", &self.deployment)
            .replace("@AZURE_LOGIN@", AZURE_LOGIN)
            .replace("@ENVIRONMENT@\n", &environment)
            .replace("@PERMISSIONS@\n", permissions)
            .replace("@LOGIN@\n", login)
    }
}

fn name(field: &'static str, text: &str, max: usize) -> Result<String, InvalidWorkflowValue> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins && text.len() <= max && text.chars().all(is_inner) {
        Ok(text.to_owned())
    } else {
        Err(InvalidWorkflowValue { field, max })
    }
}

const TEMPLATE: &str = r#"# Rendered by github-dispatch. Sets the model of an online deployment to the one that a dispatch names.
name: deploy model @ENDPOINT@
run-name: "deploy ${{ github.event.client_payload.model_name }} [${{ github.event.client_payload.relay.id }}]"
on:
  repository_dispatch:
    types: ["@EVENT_TYPE@"]
permissions: {}
concurrency:
  # Copies of one dispatch wait for each other. Other dispatches are never in the group, so that none of them is cancelled.
  group: "relay-${{ github.workflow }}-${{ github.event.client_payload.relay.id || github.run_id }}"
  cancel-in-progress: false
jobs:
  guard:
    name: Check the payload and look for a copy
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      actions: read # lists the runs of this workflow
    outputs:
      deploys: ${{ steps.guard.outputs.deploys }}
    steps:
      - name: Check the payload and look for a copy
        id: guard
        env:
          # Values of the payload reach the shell as variables, and are checked: pasted into a line they could be commands.
          MODEL_NAME: ${{ github.event.client_payload.model_name }}
          MODEL_VERSION: ${{ github.event.client_payload.model_version }}
          RELAY_ID: ${{ github.event.client_payload.relay.id }}
          WORKFLOW: ${{ github.workflow }}
          REPOSITORY: ${{ github.repository }}
          RUN_ID: ${{ github.run_id }}
          GH_TOKEN: ${{ github.token }}
          LC_ALL: C # else A-Z means other letters on some machines
        run: |
          set -euo pipefail
          [[ "$MODEL_NAME" =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$ ]] || { echo "::error::the model's name is no plain name"; exit 1; }
          [[ "$MODEL_VERSION" =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$ ]] || { echo "::error::the model's version is no plain version"; exit 1; }
          copies=""
          if [[ -n "$RELAY_ID" ]]; then
            [[ "$RELAY_ID" =~ ^[a-z2-7]{26}$ ]] || { echo "::error::the relay id is none"; exit 1; }
            copies="$(gh api --paginate "repos/$REPOSITORY/actions/runs?event=repository_dispatch&per_page=100" --jq '
              .workflow_runs[]
              | select(.name == env.WORKFLOW and .id < (env.RUN_ID | tonumber))
              | select((.display_title // "") | contains("[" + env.RELAY_ID + "]"))
              | select(.conclusion != "cancelled" and .conclusion != "startup_failure")
              | .id')"
          fi
          if [[ -n "$copies" ]]; then
            echo "::notice::an earlier run has this dispatch: ${copies%%$'\n'*}"
            echo "deploys=false" >> "$GITHUB_OUTPUT"
          else
            echo "deploys=true" >> "$GITHUB_OUTPUT"
          fi
  deploy:
    name: Deploy
    needs: guard
    if: needs.guard.outputs.deploys == 'true'
    runs-on: ubuntu-24.04
    timeout-minutes: 60
@ENVIRONMENT@
@PERMISSIONS@
    steps:
      - name: Log in to Azure
        uses: @AZURE_LOGIN@
        with:
@LOGIN@
      - name: Set the model of the deployment
        env:
          MODEL_NAME: ${{ github.event.client_payload.model_name }}
          MODEL_VERSION: ${{ github.event.client_payload.model_version }}
        run: |
          set -euo pipefail
          az extension add --name ml --yes
          az ml online-deployment update \
            --resource-group "@RESOURCE_GROUP@" \
            --workspace-name "@WORKSPACE@" \
            --endpoint-name "@ENDPOINT@" \
            --name "@DEPLOYMENT@" \
            --set "model=azureml:$MODEL_NAME:$MODEL_VERSION"
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow_file::read_workflow;

    fn workflow() -> DeployWorkflow {
        DeployWorkflow::new("deploy_pipeline_action", "rg-1", "ws_1", "credit.risk", "blue").unwrap()
    }

    #[test]
    fn ok_it_listens_to_its_type_alone_and_shows_the_id() {
        let text = workflow().render();
        let facts = read_workflow(&text, "deploy_pipeline_action");
        assert!(facts.listens && facts.shows_relay_id);
        assert!(!read_workflow(&text, "deploy").listens);
        assert!(
            !text.contains('@') || text.matches('@').count() == 1,
            "one is the pinned action's"
        );
    }

    #[test]
    fn ok_no_value_of_the_payload_stands_in_a_shell_line() {
        for login in [AzureLogin::Oidc, AzureLogin::Secret] {
            let text = workflow()
                .with_login(login)
                .with_environment("prod")
                .unwrap()
                .render();
            let mut shell_from = None;
            for line in text.lines() {
                let indent = line.len() - line.trim_start().len();
                if shell_from.is_some_and(|from| !line.trim().is_empty() && indent <= from) {
                    shell_from = None;
                }
                assert!(shell_from.is_none() || !line.contains("${{"), "{line}");
                if line.trim() == "run: |" {
                    shell_from = Some(indent);
                }
            }
            assert_eq!(text.matches("run: |").count(), 2);
            assert!(text.contains("    environment: \"prod\"\n"));
            assert_eq!(text.contains("id-token: write"), login == AzureLogin::Oidc);
            assert_eq!(text.contains("secrets."), login == AzureLogin::Secret);
        }
    }

    #[test]
    fn err_values_that_are_no_names() {
        for value in [
            "",
            "-a",
            ".a",
            "a b",
            "a\"b",
            "a\nb",
            "${{ x }}",
            "@ENDPOINT@",
            "a$(id)",
            "é",
            "a/b",
        ] {
            let error = DeployWorkflow::new("e", "r", "w", value, "d").unwrap_err();
            assert_eq!(error.field, "endpoint", "{value:?}");
            assert!(workflow().with_environment(value).is_err(), "{value:?}");
        }
        let long = "a".repeat(101);
        assert_eq!(
            DeployWorkflow::new(&long, "r", "w", "e", "d")
                .unwrap_err()
                .to_string(),
            "event_type has 1 to 100 letters, digits, - . and _, and begins with a letter, a digit or _"
        );
    }
}
