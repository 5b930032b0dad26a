//! Any sequence of calls, against a list in memory.

use proptest::prelude::*;

use super::super::{Sequence, frame};
use super::{ErrorKind, OPTIONS, Spool, TempDir, refused};

#[derive(Debug, Clone)]
enum Call {
    Append(Vec<usize>),
    Peek(usize, u64),
    Remove(usize),
    SetAside,
    Direct(usize, bool),
    Reopen,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => prop::collection::vec(0..300_usize, 1..5).prop_map(Call::Append),
        2 => (1..6_usize, 0..2_000_u64).prop_map(|(n, bytes)| Call::Peek(n, bytes)),
        3 => (1..8_usize).prop_map(Call::Remove),
        1 => Just(Call::SetAside),
        2 => (1..4_usize, any::<bool>()).prop_map(|(n, keep)| Call::Direct(n, keep)),
        1 => Just(Call::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn spool_does_what_a_list_does(calls in prop::collection::vec(call(), 1..40)) {
        let directory = TempDir::new().unwrap();
        let options = super::SpoolOptions { max_bytes: 4_000, ..OPTIONS };
        let mut spool = Spool::open(directory.path(), options).unwrap();
        let id = spool.id();
        let mut model: Vec<(Vec<u8>, Option<Sequence>)> = Vec::new();
        let mut highest = Sequence::ZERO;
        let mut aside: Vec<String> = Vec::new();
        let mut letter = 0_u8;
        let mut message = |length: usize| {
            letter = letter.wrapping_add(1);
            vec![b'a' + letter % 26; length]
        };
        for call in calls {
            let bytes: u64 = model.iter().map(|(m, _)| frame::cost(m.len())).sum();
            match call {
                Call::Append(lengths) => {
                    let batch: Vec<_> = lengths.into_iter().map(&mut message).collect();
                    let cost: u64 = batch.iter().map(|m| frame::cost(m.len())).sum();
                    let result = spool.append(batch.clone());
                    let beside: usize = aside.iter().map(String::len).sum();
                    if bytes + cost + beside as u64 <= options.max_bytes {
                        prop_assert!(result.is_ok());
                        model.extend(batch.into_iter().map(|m| (m, None)));
                    } else {
                        prop_assert_eq!(result.unwrap_err().kind(), ErrorKind::Full);
                    }
                }
                Call::Peek(most, limit) => {
                    let records = spool.peek_oldest(most, limit).unwrap();
                    prop_assert!(records.len() <= most && records.is_empty() == model.is_empty());
                    let mut cost = 0;
                    for (position, (record, known)) in records.iter().zip(&mut model).enumerate() {
                        cost += record.cost();
                        prop_assert!(position == 0 || cost <= limit);
                        prop_assert_eq!(&record.message, &known.0);
                        prop_assert_eq!(record.spool, id);
                        // Once seen, a number stays.
                        prop_assert_eq!(record.sequence, *known.1.get_or_insert(record.sequence));
                    }
                }
                Call::Remove(n) => {
                    let records = spool.peek_oldest(n, u64::MAX).unwrap();
                    if let Some(last) = records.last() {
                        prop_assert_eq!(spool.remove_up_to(last.sequence).unwrap(), records.len() as u64);
                        model.drain(..records.len());
                    }
                }
                Call::SetAside => {
                    let records = spool.peek_oldest(1, u64::MAX).unwrap();
                    if let Some(record) = records.first() {
                        spool.set_aside(record, &record.message).unwrap();
                        aside.push(String::from_utf8(model.remove(0).0).unwrap());
                    }
                }
                Call::Direct(count, keep) => match spool.turn(count) {
                    Some(turn) => {
                        prop_assert!(model.is_empty());
                        prop_assert!(turn.first() > highest);
                        let first = turn.first();
                        highest = first.plus(count as u64 - 1);
                        if keep {
                            let batch: Vec<_> = (0..count).map(&mut message).collect();
                            let places: Vec<_> = (0..count).collect();
                            turn.keep(&places, batch.clone()).unwrap();
                            let numbers = (0..).map(|n| Some(first.plus(n)));
                            model.extend(batch.into_iter().zip(numbers));
                        }
                    }
                    None => prop_assert!(!model.is_empty()),
                },
                Call::Reopen => {
                    drop(spool);
                    spool = Spool::open(directory.path(), options).unwrap();
                    prop_assert_eq!(spool.id(), id);
                }
            }
            let all = spool.peek_oldest(usize::MAX, u64::MAX).unwrap();
            prop_assert_eq!(all.len(), model.len());
            prop_assert!(all.windows(2).all(|w| w[0].sequence < w[1].sequence));
            if let Some(last) = all.last() {
                highest = highest.max(last.sequence);
            }
            let bytes: u64 = model.iter().map(|(m, _)| frame::cost(m.len())).sum();
            prop_assert_eq!((spool.len(), spool.bytes()), (model.len() as u64, bytes));
            prop_assert_eq!(spool.is_empty(), model.is_empty());
            let beside: usize = aside.iter().map(String::len).sum();
            prop_assert_eq!(spool.refused(), (aside.len() as u64, beside as u64));
            // Their names rise as the numbers do.
            prop_assert_eq!(refused(directory.path()), aside.clone());
        }
    }
}
