//! All drills, many times: `make drills ROUNDS=20`.

use std::env;
use std::panic::catch_unwind;

use super::drill::DRILLS;
use super::figures::Row;

/// How often each drill is run: `DRILL_ROUNDS`. `DRILLS=kill,planned` takes these
/// only.
#[test]
#[ignore = "takes long: `make drills` runs it"]
fn every_drill_many_times() {
    let rounds = env::var("DRILL_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let wanted = env::var("DRILLS").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|w| w == name);
    let mut rows: Vec<_> = DRILLS
        .iter()
        .filter(|drill| is_wanted(drill.name))
        .map(|drill| (drill, Row::default()))
        .collect();
    let mut wrong_runs = 0;
    for round in 1..=rounds {
        for (drill, row) in &mut rows {
            // A wait that has no end panics; the others are run all the same.
            let wrong = match catch_unwind(|| drill.run(round)) {
                Ok(Ok(figures)) => {
                    row.extend(figures);
                    continue;
                }
                Ok(Err(wrong)) => wrong,
                Err(_) => format!("the drill {} panicked in round {round}", drill.name),
            };
            println!("WRONG {wrong}");
            wrong_runs += 1;
        }
    }
    println!("{}", Row::HEADS);
    for (drill, row) in &rows {
        println!("{}", row.show(drill.name));
    }
    assert_eq!(wrong_runs, 0, "see above");
}
