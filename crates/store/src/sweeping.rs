//! Retention times that are not configurable, for both engines.

use std::time::Duration;

/// How long an authorization whose code was never redeemed is kept after the code expired: as long as its interaction may
/// still be asked for the same redirect.
pub(crate) const UNREDEEMED: Duration = Duration::from_mins(15);

/// How long an id that was seen is kept after what carried it expired: by the clock of another node it may be accepted still.
pub(crate) const SEEN: Duration = Duration::from_mins(1);

/// How long the counts of refusals are kept.
pub(crate) const REFUSALS: Duration = Duration::from_hours(90 * 24);
