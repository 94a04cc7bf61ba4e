//! **Here**: [`ApiVersion`], and the version that is sent when nobody says otherwise.
//! **Not here**: where it is put (`request`).
//! **Reads**: `error` before it; `client` holds one.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service` (Microsoft's newest client sends 2025-12-01) and
//! Azure/azure-rest-api-specs `MachineLearningServices/stable/2026-09-01/openapi.json` (newest stable; the model
//! version has the same shape in both), read 2026-11-22.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;

/// The value of `api-version`, such as `2025-12-01` or `2026-07-15-preview`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiVersion(Cow<'static, str>);

impl ApiVersion {
    /// The version this crate is tested with.
    pub const DEFAULT: Self = Self(Cow::Borrowed("2025-12-01"));

    /// A version of your own choice.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): not `YYYY-MM-DD`, with or without `-preview`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let date = text.strip_suffix("-preview").unwrap_or(text);
        let is_date = date.len() == 10
            && date.bytes().enumerate().all(|(i, byte)| match i {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if is_date {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::invalid(
                "the api version is not of the form YYYY-MM-DD or YYYY-MM-DD-preview",
            ))
        }
    }

    /// The text that is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_dates_with_and_without_preview() {
        for text in [
            "2025-12-01",
            "2026-09-01",
            "2026-07-15-preview",
            ApiVersion::DEFAULT.as_str(),
        ] {
            assert_eq!(ApiVersion::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn err_anything_else() {
        for text in [
            "",
            "2025",
            "2025-12-1",
            "2025-12-01-beta",
            "2025-12-01&x=1",
            "-preview",
            "2025/12/01",
            "２０２５-12-01",
        ] {
            assert!(ApiVersion::parse(text).is_err(), "{text:?}");
        }
    }
}
