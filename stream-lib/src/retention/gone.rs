//! The traces of destroyed groups: with a group, Redis removes its pending entries, but
//! not the library's own keys and fields beside the stream.

use std::collections::BTreeSet;

use crate::command::{Sight, Traces, forget_group, traces};
use crate::connection::Wire;
use crate::error::Result;
use crate::keys::StreamKeys;

/// Removes the traces of groups that a stream doesn't have: waiting sets, lapsed signs of
/// life, marks of floors.
///
/// The script checks again, so that a group created meanwhile loses nothing.
pub(super) fn sweep(wire: &mut Wire, keys: &StreamKeys, sight: &Sight) -> Result<()> {
    let Traces { groups, beats } = traces(wire, keys)?;
    let stand = |name: &str| sight.groups.iter().any(|group| group.group == name);
    let of_a_group = |beat: &str| {
        let groups = sight.groups.iter();
        let mut rests = groups.filter_map(|group| beat.strip_prefix(group.group.as_str()));
        rests.any(|rest| rest.starts_with(':'))
    };
    let mut gone: BTreeSet<_> = groups.into_iter().filter(|name| !stand(name)).collect();
    let beats: Vec<_> = beats.into_iter().filter(|b| !of_a_group(b)).collect();
    // Names of consumers have no colon, unless a user has chosen one.
    gone.extend(beats.iter().filter_map(|beat| {
        let (group, _) = beat.rsplit_once(':')?;
        Some(group.to_owned())
    }));
    for group in gone {
        let own = |beat: &&String| {
            let rest = beat.strip_prefix(group.as_str());
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        let beats: Vec<_> = beats.iter().filter(own).collect();
        if forget_group(wire, keys, &group, &beats)? {
            log::debug!(
                "removed the traces of the destroyed group `{group}` of `{}`",
                keys.stream()
            );
        }
    }
    Ok(())
}
