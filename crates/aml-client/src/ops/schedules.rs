//! **Here**: the calls for schedules.
//! **Not here**: what a schedule is (`wire`).
//! **Reads**: `client`, `pager`, `poller`.
//! **Source**: azure-ai-ml 1.35.2 `_restclient/arm_ml_service`, `Schedules_*`, read 2026-11-23. There is no call that only enables: a schedule is
//! read, edited and written.

use http::Method;

use crate::client::Client;
use crate::error::Error;
use crate::pager::Pager;
use crate::poller::Poller;
use crate::request::{Call, check_asset_part};
use crate::retry::Effect;
use crate::wire::Schedule;
use crate::wire::resource::for_put;

/// Which schedules are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the specification names these three")]
pub enum ScheduleView {
    /// Those that are enabled.
    #[default]
    EnabledOnly,
    /// Those that are not.
    DisabledOnly,
    /// All.
    All,
}

impl Client {
    /// Lists schedules: `GET {workspace}/schedules`.
    pub fn list_schedules(&self, view: ScheduleView) -> Pager<Schedule> {
        let view = match view {
            ScheduleView::EnabledOnly => None,
            ScheduleView::DisabledOnly => Some("DisabledOnly"),
            ScheduleView::All => Some("All"),
        };
        let query = view.map(|view| ("listViewType", view.to_owned()));
        Pager::new(self.caller(), &["schedules"], query.into_iter().collect())
    }

    /// Reads a schedule: `GET {workspace}/schedules/{name}`.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version).
    pub async fn get_schedule(&self, name: &str) -> Result<Schedule, Error> {
        check_asset_part("schedule name", name)?;
        self.caller().read(&Call::get(&["schedules", name])).await
    }

    /// Enables or disables a schedule: reads it, and writes it where it is otherwise. None where nothing had to be written.
    ///
    /// # Errors
    /// As [`get_model_version`](Self::get_model_version), and those of the operation. A change of somebody else between our read and our
    /// write is lost.
    pub async fn enable_schedule(
        &self,
        name: &str,
        enabled: bool,
    ) -> Result<Option<Poller<Schedule>>, Error> {
        let mut schedule = self.get_schedule(name).await?;
        if schedule.is_enabled() == enabled {
            return Ok(None);
        }
        schedule.properties.is_enabled = Some(enabled);
        let body = serde_json::to_value(&schedule)
            .map_err(|error| Error::invalid("the schedule cannot be written").with_source(error))?;
        let call = Call::new(Method::PUT, &["schedules", name]).with_json(&for_put(body))?;
        Poller::begin(self.caller(), Method::PUT, Effect::Repeatable, &call)
            .await
            .map(Some)
    }
}
