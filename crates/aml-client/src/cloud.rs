//! **Here**: the clouds: where each one signs in, where its resource manager is, which scope a token for it has.
//! **Not here**: an endpoint of your own (`client`).
//! **Reads**: nothing before it; `client` takes endpoint and scope from it.
//! **Source**: Azure/azure-sdk-for-python `azure/ai/ml/_azure_environments.py` (azure-ai-ml 1.35.2) and
//! Azure/azure-sdk-for-rust `azure_identity/src/lib.rs`, read 2026-11-22.

/// A cloud.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// Azure for the government of the United States.
    UsGovernment,
    /// Azure in China.
    China,
}

impl Cloud {
    /// Where tokens come from, such as `https://login.microsoftonline.com`; no slash at the end.
    #[must_use]
    pub const fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// The resource manager, such as `https://management.azure.com`; no slash at the end.
    #[must_use]
    pub const fn resource_manager(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// The scope of a token for the data plane, such as scoring: `https://ml.azure.com/.default`.
    #[must_use]
    pub const fn ml_scope(self) -> &'static str {
        match self {
            Self::Public => "https://ml.azure.com/.default",
            Self::UsGovernment => "https://ml.azure.us/.default",
            Self::China => "https://ml.azure.cn/.default",
        }
    }

    /// The scope of a token for the resource manager, such as `https://management.azure.com/.default`.
    ///
    /// Exactly one slash stands before `.default`: with two it is another audience.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com/.default",
            Self::UsGovernment => "https://management.usgovcloudapi.net/.default",
            Self::China => "https://management.chinacloudapi.cn/.default",
        }
    }

    /// Whether a host, as an answer of the resource manager names it, belongs to this cloud's Azure ML: scoring, MLflow and its other
    /// services. Only there may a token go that was not asked for by name.
    #[must_use]
    pub fn is_data_plane(self, host: &str) -> bool {
        let domains: &[&str] = match self {
            Self::Public => &[".ml.azure.com", ".api.azureml.ms"],
            Self::UsGovernment => &[".ml.azure.us"],
            Self::China => &[".ml.azure.cn"],
        };
        domains.iter().any(|domain| host.ends_with(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_scope_is_the_resource_manager_and_one_slash() {
        for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
            assert_eq!(
                cloud.scope(),
                format!("{}/.default", cloud.resource_manager()),
                "{cloud:?}"
            );
            assert!(cloud.authority().starts_with("https://login."), "{cloud:?}");
        }
    }

    #[test]
    fn ok_hosts_of_the_data_plane() {
        for (cloud, host, expect) in [
            (Cloud::Public, "churn.westeurope.inference.ml.azure.com", true),
            (Cloud::Public, "westeurope.api.azureml.ms", true),
            (Cloud::Public, "ml.azure.com", false),
            (Cloud::Public, "xml.azure.com", false),
            (Cloud::Public, "a.ml.azure.com.example", false),
            (Cloud::Public, "a.ml.azure.us", false),
            (Cloud::UsGovernment, "usgovarizona.api.ml.azure.us", true),
            (Cloud::China, "chinaeast2.api.ml.azure.cn", true),
            (Cloud::China, "westeurope.api.azureml.ms", false),
        ] {
            assert_eq!(cloud.is_data_plane(host), expect, "{host}");
        }
    }
}
