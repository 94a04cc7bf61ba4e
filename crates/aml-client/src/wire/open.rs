//! **Here**: `open!`: structs of which every member that has no field is kept as it came.
//! **Not here**: any such struct (the files beside it).
//! **Reads**: nothing before it.
//! **Source**: our own. `serde(flatten)` does the same in three times the work: it keeps every value in a form of its own before it
//! knows where it goes (measured by `just peers-azure-ml`, 2026-11-23).

use std::borrow::Cow;

use serde::Deserialize;

/// The name of a member, borrowed from the body where it holds no escape.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Structs whose fields are optional (absent and null read alike, and neither is written), with the rest of the members in `extra`, in the
/// order of their names. The field behind a semicolon has to be there.
macro_rules! open {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal, )*
            $( ; $(#[$must_meta:meta])* $must:ident: $must_type:ty = $must_wire:literal, )?
            ..
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
            $( $(#[$must_meta])* pub $must: $must_type, )?
            /// Every other member, as it came: those of a newer version of the service too.
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        $( let mut $field: $type = None; )*
                        $( let mut $must: Option<$must_type> = None; )?
                        let mut extra = serde_json::Map::new();
                        while let Some(name) = map.next_key::<$crate::wire::open::Name<'de>>()? {
                            match name.0.as_ref() {
                                $( $wire => $field = map.next_value()?, )*
                                $( $must_wire => $must = Some(map.next_value()?), )?
                                _ => {
                                    extra.insert(name.0.into_owned(), map.next_value()?);
                                }
                            }
                        }
                        Ok($name {
                            $( $field, )*
                            $( $must: $must.ok_or_else(|| serde::de::Error::missing_field($must_wire))?, )?
                            extra,
                        })
                    }
                }
                from.deserialize_map(Members)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = to.serialize_map(None)?;
                $(
                    if let Some(value) = &self.$field {
                        map.serialize_entry($wire, value)?;
                    }
                )*
                $( map.serialize_entry($must_wire, &self.$must)?; )?
                for (name, value) in &self.extra {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    )*};
}

/// What an operation ends with, where it ends with the resource.
macro_rules! results {
    ($($name:ident),* $(,)?) => {$(
        impl $crate::poller::OperationResult for $name {
            fn read(body: Option<Vec<u8>>, now: std::time::SystemTime) -> Result<Self, $crate::error::Error> {
                $crate::poller::resource(body, now)
            }
        }
    )*};
}
