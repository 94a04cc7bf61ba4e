//! **Here**: [`Sabotage`]: ways in which the relay, or what it stands on, is made to break its promise, so that the judge shows that it looks.
//! **Not here**: the judge.
//! **Reads**: nothing; `disk` and `github` act by it.
//! **Source**: our own: a check that never fails has not been shown to check.

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// The journal says that it has accepted, and writes nothing, one time in eight.
    AcceptsWithoutWriting,
    /// The journal forgets that an identity or a repository is blocked.
    ForgetsBlocks,
    /// The journal forgets that a person paused.
    ForgetsPauses,
    /// Claims are made without a budget.
    HasNoBudget,
    /// Items have no lane.
    HasNoLanes,
    /// Items are placed in their lanes the wrong way round.
    OrdersBackwards,
    /// A look never sees a run, so that what took effect is sent again.
    SeesNoRun,
    /// A request is repeated at once when its outcome is not known, as many clients do.
    RepeatsOnError,
    /// What GitHub can never accept is sent again and again.
    RepeatsForEver,
    /// GitHub's limits are not heard.
    HearsNoLimit,
    /// What could not be sent is said to have been accepted.
    SaysItWasSent,
    /// A verdict is lost, and said to be written.
    LosesVerdicts,
    /// Nothing that is looked for is ever claimed: what is in doubt stays there.
    NeverLooks,
    /// The journal keeps another body than the one that came.
    ChangesBodies,
}

impl Sabotage {
    /// Every kind, with the words by which the judge is to find it.
    pub const ALL: [(Self, &'static [&'static str]); 14] = [
        (Self::AcceptsWithoutWriting, &["2xx before durable"]),
        (Self::ForgetsBlocks, &["sent to what is closed"]),
        (Self::ForgetsPauses, &["sent to what is paused"]),
        (Self::HasNoBudget, &["budget"]),
        (Self::HasNoLanes, &["order", "lane"]),
        (Self::OrdersBackwards, &["order", "superseded"]),
        (Self::SeesNoRun, &["took effect twice"]),
        (
            Self::RepeatsOnError,
            &["took effect twice", "sent again", "unasked"],
        ),
        (
            Self::RepeatsForEver,
            &["sent again after it was refused for ever"],
        ),
        (Self::HearsNoLimit, &["sent to what is closed", "budget"]),
        (Self::SaysItWasSent, &["dispatched without"]),
        (Self::LosesVerdicts, &["sent again", "verdict"]),
        (Self::NeverLooks, &["no verdict"]),
        (Self::ChangesBodies, &["body"]),
    ];
}
