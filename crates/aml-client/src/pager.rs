//! **Here**: [`Pager`]: pages of a list, one request a page.
//! **Not here**: which list (`ops`).
//! **Reads**: `client`; `ops` give pagers.
//! **Source**: the resource provider contract (`value`, `nextLink`), read 2026-11-23: a link is taken as it is, null, empty and absent all
//! end a list, and an empty page may have a link.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use futures_util::stream::{self, Stream, unfold};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::error::{Advice, Error, ErrorKind};
use crate::request::Call;
use crate::response;
use crate::retry::Effect;

/// A list that comes in pages. Ask for [`next_page`](Self::next_page) until there is none, or make a stream of it.
#[must_use = "nothing is asked before a page is"]
pub struct Pager<T> {
    caller: Caller,
    next: Next,
    seen: HashSet<String>,
    item: PhantomData<fn() -> T>,
}

enum Next {
    First(Box<Owned>),
    Link(String),
    End,
}

/// A call that outlives the names it was made of.
struct Owned {
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    api_version: Option<&'static str>,
    at_root: bool,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Page<T> {
    #[serde(default = "Vec::new", deserialize_with = "null_is_empty")]
    value: Vec<T>,
    #[serde(rename = "nextLink", default)]
    next_link: Option<String>,
}

impl<T: DeserializeOwned + Send> Pager<T> {
    pub(crate) fn new(caller: &Caller, path: &[&str], query: Vec<(&'static str, String)>) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self {
            caller: caller.clone(),
            next: Next::First(Box::new(Owned {
                path,
                query,
                api_version: None,
                at_root: false,
            })),
            seen: HashSet::new(),
            item: PhantomData,
        }
    }

    /// A list of another provider, which has versions of its own.
    pub(crate) fn with_api_version(caller: &Caller, path: &[&str], api_version: &'static str) -> Self {
        let mut pager = Self::new(caller, path, Vec::new());
        if let Next::First(first) = &mut pager.next {
            first.api_version = Some(api_version);
        }
        pager
    }

    /// A list that is not below the workspace.
    pub(crate) fn at_root(caller: &Caller, path: &[&str]) -> Self {
        let mut pager = Self::new(caller, path, Vec::new());
        if let Next::First(first) = &mut pager.next {
            first.at_root = true;
        }
        pager
    }

    /// A list that begins behind this link: [`continuation`](Self::continuation) of another pager.
    pub(crate) fn from_link(caller: &Caller, link: &str) -> Self {
        Self {
            caller: caller.clone(),
            next: Next::Link(link.to_owned()),
            seen: HashSet::new(),
            item: PhantomData,
        }
    }

    /// The link to what was not read yet, once a page was: another process goes on by it.
    #[must_use]
    pub fn continuation(&self) -> Option<&str> {
        match &self.next {
            Next::Link(link) => Some(link),
            Next::First(_) | Next::End => None,
        }
    }

    /// The next page; none at the end. A page may be empty, and others follow.
    ///
    /// # Errors
    /// The page could not be had; the same is asked again by the next call. A link that leads to another origin, or to a page that was
    /// read before, ends the list with an error.
    ///
    /// # Cancel safety
    /// Cancel safe: the same page is asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        let response = match &self.next {
            Next::End => return Ok(None),
            Next::First(first) => {
                let path: Vec<&str> = first.path.iter().map(String::as_str).collect();
                let call = first.query.iter().fold(Call::get(&path), |call, (name, value)| {
                    call.with_query(name, Some(value))
                });
                let call = match first.api_version {
                    Some(version) => call.with_api_version(version),
                    None => call,
                };
                let call = if first.at_root { call.at_root() } else { call };
                self.caller.call(Effect::Repeatable, &call).await?
            }
            Next::Link(link) => self.caller.follow(link).await?,
        };
        let page: Page<T> = response::json(&response, self.caller.now())?;
        self.next = match page.next_link.filter(|link| !link.is_empty()) {
            None => Next::End,
            Some(link) if self.seen.insert(link.clone()) => Next::Link(link),
            Some(_) => {
                self.next = Next::End;
                let text = "the list leads back to a page that was read before";
                return Err(Error::new(ErrorKind::Decode, Advice::GiveUp, text));
            }
        };
        Ok(Some(page.value))
    }

    /// A stream of pages. It ends after an error.
    pub fn into_pages(self) -> impl Stream<Item = Result<Vec<T>, Error>> + Send {
        unfold(Some(self), |pager| async move {
            let mut pager = pager?;
            match pager.next_page().await {
                Ok(Some(page)) => Some((Ok(page), Some(pager))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// A stream of items; one page of them is held at a time.
    pub fn into_items(self) -> impl Stream<Item = Result<T, Error>> + Send {
        use futures_util::StreamExt as _;

        self.into_pages().flat_map(|page| match page {
            Ok(items) => stream::iter(items.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        })
    }

    /// Everything, in one vector.
    ///
    /// # Errors
    /// As [`next_page`](Self::next_page).
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await? {
            all.extend(page);
        }
        Ok(all)
    }
}

impl<T> fmt::Debug for Pager<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}
