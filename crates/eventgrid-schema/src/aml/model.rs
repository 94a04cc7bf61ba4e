//! **Here**: the payloads [`ModelRegistered`] and [`ModelDeployed`].
//! **Not here**: odd spellings (`tolerant`).
//! **Reads**: the fields of `data`.
//! **Source**: <https://learn.microsoft.com/azure/event-grid/event-schema-machine-learning>, read 2026-11-22.

use super::object::JsonObject;
use super::tolerant::Fields;
use crate::error::{Error, shown};
use crate::id::{ModelName, ModelVersion};

/// A model, or a version of one, was registered in the workspace.
///
/// Shape: `{"modelName": "credit-risk", "modelVersion": "20", "modelTags": {}, "modelProperties": {}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRegistered {
    model_name: ModelName,
    model_version: ModelVersion,
    model_tags: JsonObject,
    model_properties: JsonObject,
}

impl ModelRegistered {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        let name = fields.required("modelName")?;
        let version = fields.required("modelVersion")?;
        Ok(Self {
            model_name: ModelName::parse(&name)
                .map_err(|_| Error::new("data.modelName", "a name", shown(&name)))?,
            model_version: ModelVersion::parse(&version)
                .map_err(|_| Error::new("data.modelVersion", "a version", shown(&version)))?,
            model_tags: fields.object("modelTags")?,
            model_properties: fields.object("modelProperties")?,
        })
    }

    /// `modelName`: JSON text.
    #[must_use]
    pub const fn model_name(&self) -> &ModelName {
        &self.model_name
    }

    /// `modelVersion`: JSON text or number, kept as it was written.
    #[must_use]
    pub const fn model_version(&self) -> &ModelVersion {
        &self.model_version
    }

    /// `modelTags`: an object of any values; names may hold dots. Often empty: tags written after registration are not here.
    #[must_use]
    pub const fn model_tags(&self) -> &JsonObject {
        &self.model_tags
    }

    /// `modelProperties`: an object of any values, some of them JSON inside a text.
    #[must_use]
    pub const fn model_properties(&self) -> &JsonObject {
        &self.model_properties
    }
}

/// Models were deployed to an endpoint.
///
/// Shape: `{"serviceName": "blue", "serviceComputeType": "ACI", "modelIds": "a:1,b:2", "serviceTags": {}, …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDeployed {
    service_name: String,
    service_compute_type: Option<String>,
    model_ids: String,
    service_tags: JsonObject,
    service_properties: JsonObject,
}

/// One entry of `modelIds`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ModelReference {
    /// The model.
    pub name: ModelName,
    /// Its version; none where the entry has no colon.
    pub version: Option<ModelVersion>,
}

impl ModelDeployed {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            service_name: fields.required("serviceName")?.into_owned(),
            service_compute_type: fields.owned("serviceComputeType")?,
            model_ids: fields.owned("modelIds")?.unwrap_or_default(),
            service_tags: fields.object("serviceTags")?,
            service_properties: fields.object("serviceProperties")?,
        })
    }

    /// `serviceName`: JSON text.
    #[must_use]
    pub fn service_name(&self) -> &str {
        &self.service_name
    }

    /// `serviceComputeType`: JSON text, such as `ACI`, `AKS`.
    #[must_use]
    pub fn service_compute_type(&self) -> Option<&str> {
        self.service_compute_type.as_deref()
    }

    /// `modelIds` as written: one text with commas, not an array.
    #[must_use]
    pub fn model_ids_text(&self) -> &str {
        &self.model_ids
    }

    /// `modelIds` read: divided at commas, then at the last colon.
    #[must_use]
    pub fn model_ids(&self) -> Vec<ModelReference> {
        let entries = self.model_ids.split(',').map(str::trim);
        entries
            .filter_map(|entry| {
                let divided = entry.rsplit_once(':').and_then(|(name, version)| {
                    Some((ModelName::parse(name).ok()?, ModelVersion::parse(version).ok()?))
                });
                match divided {
                    Some((name, version)) => Some(ModelReference {
                        name,
                        version: Some(version),
                    }),
                    None => ModelName::parse(entry)
                        .ok()
                        .map(|name| ModelReference { name, version: None }),
                }
            })
            .collect()
    }

    /// `serviceTags`: an object of any values.
    #[must_use]
    pub const fn service_tags(&self) -> &JsonObject {
        &self.service_tags
    }

    /// `serviceProperties`: an object of any values.
    #[must_use]
    pub const fn service_properties(&self) -> &JsonObject {
        &self.service_properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(data: &str) -> Result<ModelRegistered, String> {
        let fields = Fields::read(Some(data)).map_err(|error| error.to_string())?;
        ModelRegistered::read(&fields).map_err(|error| error.to_string())
    }

    #[test]
    fn ok_any_casing_and_number_or_text() {
        let check = |data: &str, version: &str| {
            let model = registered(data).unwrap();
            assert_eq!(
                (model.model_name().as_str(), model.model_version().as_str()),
                ("m", version),
                "{data}"
            );
        };
        check(r#"{"modelName":"m","modelVersion":"3"}"#, "3");
        check(r#"{"ModelName":"m","ModelVersion":20}"#, "20");
        check(r#"{"MODELNAME":"m","modelversion":1.10}"#, "1.10");
        check(
            r#"{"modelName":"m","modelVersion":123456789012345678901234567890}"#,
            "123456789012345678901234567890",
        );
        check(r#"{"ModelName":"x","modelName":"m","modelVersion":"1"}"#, "1");
        check(
            r#"{"modelName":"m","modelVersion":"1","modelTags":null,"createdBy":{"a":1}}"#,
            "1",
        );
        let tags = registered(
            r#"{"modelName":"m","modelVersion":"1","modelTags":{"azureml.pipelineid":"p","n":3}}"#,
        )
        .unwrap();
        assert_eq!(tags.model_tags().text("azureml.pipelineid").as_deref(), Some("p"));
    }

    #[test]
    fn err_names_the_field() {
        let check = |data: &str, expect: &str| assert_eq!(registered(data).unwrap_err(), expect, "{data}");
        check("{}", "data.modelName: expected a text, found nothing");
        check(
            r#"{"modelName":"","modelVersion":"1"}"#,
            "data.modelName: expected a text that is not empty, found \"\"",
        );
        check(
            r#"{"modelName":"m","modelVersion":null}"#,
            "data.modelVersion: expected a text, found nothing",
        );
        check(
            r#"{"modelName":"m","modelVersion":["1"]}"#,
            "data.modelVersion: expected a text or a number, found an array",
        );
        check(
            r#"{"modelName":"m","modelVersion":"1","modelTags":"x"}"#,
            "data.modelTags: expected an object, found a text",
        );
        check("[]", "data: expected an object, found an array");
        check(
            r#"{"modelName":"\ud800","modelVersion":"1"}"#,
            "data.modelName: expected a text, found a text that cannot be read",
        );
        check(
            r#"{"modelName":"m","modelVersion":"1","modelTags":[]}"#,
            "data.modelTags: expected an object, found an array",
        );
    }

    /// Tags that nobody asks for spoil nothing; whoever asks is told.
    #[test]
    fn ok_a_tag_that_cannot_be_read_leaves_the_event_readable() {
        let model =
            registered(r#"{"modelName":"m","modelVersion":"1","modelTags":{"a":"\ud800","b":"x"}}"#).unwrap();
        assert_eq!(model.model_tags().text("b").as_deref(), Some("x"));
        let error = model.model_tags().to_map().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a: expected a value, found a value that cannot be read"
        );
    }

    #[test]
    fn ok_model_ids_are_divided_at_commas_then_at_the_last_colon() {
        let fields = Fields::read(Some(r#"{"serviceName":"s","modelIds":"a:1, b:c:2 ,d,"}"#)).unwrap();
        let ids: Vec<(String, Option<String>)> = ModelDeployed::read(&fields)
            .unwrap()
            .model_ids()
            .into_iter()
            .map(|id| (id.name.to_string(), id.version.map(|version| version.to_string())))
            .collect();
        let expect = [("a", Some("1")), ("b:c", Some("2")), ("d", None)];
        assert_eq!(
            ids,
            expect.map(|(name, version)| (name.to_owned(), version.map(str::to_owned)))
        );
    }
}
