//! **Here**: [`Delivery`]: what Event Grid says about one POST in its headers. All of it may be missing.
//! **Not here**: the body (`batch`), who may deliver (the receiver).
//! **Reads**: (name, value) pairs, so that no HTTP crate is needed.
//! **Source**: Event Grid delivery headers, message-headers page; observed captures. Read 2026-11-22.

/// The transport facts of one POST.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Delivery {
    from_event_grid: bool,
    event_type: Option<String>,
    subscription_name: Option<String>,
    delivery_count: Option<u32>,
    data_version: Option<String>,
}

impl Delivery {
    /// Reads headers; names in any casing. A header that a proxy dropped is simply not there.
    #[must_use]
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut delivery = Self::default();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            delivery.from_event_grid |= name.starts_with("aeg-");
            let value = || Some(value.to_owned());
            match name.as_str() {
                "aeg-event-type" => delivery.event_type = value(),
                "aeg-subscription-name" => delivery.subscription_name = value(),
                "aeg-delivery-count" => {
                    delivery.delivery_count = value().and_then(|count| count.trim().parse().ok());
                }
                "aeg-data-version" => delivery.data_version = value(),
                _ => {}
            }
        }
        delivery
    }

    /// Whether any `aeg-` header is present.
    #[must_use]
    pub const fn is_from_event_grid(&self) -> bool {
        self.from_event_grid
    }

    /// `aeg-event-type`: `Notification`, `SubscriptionValidation`, `SubscriptionDeletion`, `Unsubscribe`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// `aeg-subscription-name`, which arrives in upper case: compare without regard to case.
    #[must_use]
    pub fn subscription_name(&self) -> Option<&str> {
        self.subscription_name.as_deref()
    }

    /// `aeg-delivery-count`: how often it was tried before; 0 on the first attempt.
    #[must_use]
    pub const fn delivery_count(&self) -> Option<u32> {
        self.delivery_count
    }

    /// `aeg-data-version`; may be empty.
    #[must_use]
    pub fn data_version(&self) -> Option<&str> {
        self.data_version.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_names_in_any_casing_and_nothing_is_required() {
        let delivery = Delivery::from_headers([
            ("Aeg-Event-Type", "Notification"),
            ("AEG-SUBSCRIPTION-NAME", "RELAY"),
            ("aeg-delivery-count", "0"),
            ("aeg-data-version", ""),
            ("host", "x"),
        ]);
        assert!(delivery.is_from_event_grid());
        assert_eq!(delivery.event_type(), Some("Notification"));
        assert_eq!(delivery.subscription_name(), Some("RELAY"));
        assert_eq!(delivery.delivery_count(), Some(0));
        assert_eq!(delivery.data_version(), Some(""));
        assert!(!Delivery::from_headers([("host", "x")]).is_from_event_grid());
        assert_eq!(
            Delivery::from_headers([("aeg-delivery-count", "many")]).delivery_count(),
            None
        );
    }
}
