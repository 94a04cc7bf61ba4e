//! **Here**: what every resource has beside its properties, and how it is made ready to be sent back.
//! **Not here**: the properties of each kind (the files beside it).
//! **Reads**: nothing before it.
//! **Source**: the resource provider contract: a state that differs from the service's may be refused, so what is read only is left out;
//! read 2026-11-23.

use serde_json::{Map, Value};

/// Members that only the service writes, on the resource and among its properties.
const READ_ONLY: [&str; 4] = ["id", "name", "type", "systemData"];
const READ_ONLY_PROPERTIES: [&str; 4] = ["provisioningState", "scoringUri", "swaggerUri", "environmentType"];
const READ_ONLY_IDENTITY: [&str; 2] = ["principalId", "tenantId"];

/// A resource as JSON without what only the service writes. Everything else stays, whatever api version it is from.
pub(crate) fn for_put(mut resource: Value) -> Value {
    if let Some(resource) = resource.as_object_mut() {
        remove(resource, &READ_ONLY);
        if let Some(properties) = object(resource, "properties") {
            remove(properties, &READ_ONLY_PROPERTIES);
            // Where the last operation's status is; it is written by the service into what is otherwise the user's.
            if let Some(inner) = object(properties, "properties") {
                inner.retain(|name, _| !name.eq_ignore_ascii_case("AzureAsyncOperationUri"));
            }
        }
        if let Some(identity) = object(resource, "identity") {
            remove(identity, &READ_ONLY_IDENTITY);
            if let Some(assigned) = object(identity, "userAssignedIdentities") {
                for one in assigned.values_mut() {
                    *one = Value::Object(Map::new());
                }
            }
        }
    }
    resource
}

fn object<'m>(map: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    map.get_mut(name)?.as_object_mut()
}

fn remove(map: &mut Map<String, Value>, names: &[&str]) {
    map.retain(|name, _| !names.contains(&name.as_str()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ok_only_what_the_service_writes_is_left_out() {
        let read = json!({
            "id": "/x", "name": "ep", "type": "t", "systemData": {}, "location": "westeurope", "kind": "k", "newer": [1],
            "identity": {"type": "SystemAssigned,UserAssigned", "principalId": "p", "tenantId": "t",
                "userAssignedIdentities": {"/u": {"clientId": "c", "principalId": "p"}}},
            "properties": {"provisioningState": "Succeeded", "scoringUri": "https://x", "swaggerUri": "https://y", "authMode": "Key",
                "traffic": {"blue": 100}, "properties": {"AzureAsyncOperationUri": "https://z", "mine": "1"}, "newer": {"a": null}}
        });
        let expect = json!({
            "location": "westeurope", "kind": "k", "newer": [1],
            "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/u": {}}},
            "properties": {"authMode": "Key", "traffic": {"blue": 100}, "properties": {"mine": "1"}, "newer": {"a": null}}
        });
        assert_eq!(for_put(read), expect);
        for odd in [json!(null), json!([]), json!({"properties": 7, "identity": null})] {
            assert_eq!(for_put(odd.clone()), odd);
        }
    }
}
