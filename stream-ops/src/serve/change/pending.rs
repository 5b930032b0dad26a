//! Changes that wait to be confirmed, and the results of made ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::question::Question;
use crate::serve::page::Rich;

/// The time until a question expires, and the most questions.
const GOOD_FOR: Duration = Duration::from_secs(600);
const MOST: usize = 256;

/// Questions by their nonce. Each is answered once, by the caller who was asked.
#[derive(Debug, Default)]
pub(crate) struct Pending(Kept<(String, Question)>);

impl Pending {
    /// Keeps the question to `who` until it is confirmed. Returns its nonce.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(crate) fn keep(&self, who: &str, question: Question) -> Result<String, String> {
        self.0.keep((who.to_owned(), question), Instant::now())
    }

    /// Takes the question with this nonce; `None` if it was for another caller.
    pub(crate) fn take(&self, who: &str, nonce: &str) -> Option<Question> {
        let (asked, question) = self.0.take(nonce, Instant::now())?;
        (asked == who).then_some(question)
    }
}

/// Results of changes, for the page that is shown next.
#[derive(Debug, Default)]
pub(crate) struct Told(Kept<Rich>);

impl Told {
    /// Keeps a sentence. Returns its key.
    ///
    /// # Errors
    ///
    /// As [`Pending::keep`].
    pub(crate) fn keep(&self, told: Rich) -> Result<String, String> {
        self.0.keep(told, Instant::now())
    }

    /// The sentence with this key, for ten minutes.
    pub(crate) fn read(&self, key: &str) -> Option<Rich> {
        self.0.read(key, Instant::now())
    }
}

#[derive(Debug)]
struct Kept<T>(Mutex<HashMap<String, (Instant, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    fn keep(&self, value: T, now: Instant) -> Result<String, String> {
        let key = nonce()?;
        let mut kept = self.0.lock();
        kept.retain(|_, (at, _)| is_good(*at, now));
        if kept.len() >= MOST {
            let oldest = kept
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| kept.remove(&key));
        }
        kept.insert(key.clone(), (now, value));
        Ok(key)
    }

    fn take(&self, key: &str, now: Instant) -> Option<T> {
        let (at, value) = self.0.lock().remove(key)?;
        is_good(at, now).then_some(value)
    }
}

impl<T: Clone> Kept<T> {
    fn read(&self, key: &str, now: Instant) -> Option<T> {
        let kept = self.0.lock();
        let (at, value) = kept.get(key)?;
        is_good(*at, now).then(|| value.clone())
    }
}

fn is_good(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < GOOD_FOR
}

/// A random text that can't be guessed.
pub(super) fn nonce() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| format!("no random numbers: {e}"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(who: &str, now: Instant) -> (Kept<String>, String) {
        let kept = Kept::default();
        let nonce = kept.keep(who.to_owned(), now).unwrap();
        (kept, nonce)
    }

    #[test]
    fn a_question_is_answered_once() {
        let now = Instant::now();
        let (pending, nonce) = kept("ada", now);
        assert_eq!(nonce.len(), 32);
        assert_eq!(pending.take("guess", now), None);
        assert_eq!(pending.read(&nonce, now).as_deref(), Some("ada"));
        assert_eq!(pending.take(&nonce, now).as_deref(), Some("ada"));
        assert_eq!(pending.take(&nonce, now), None);
    }

    #[test]
    fn a_question_lapses_after_ten_minutes() {
        let now = Instant::now();
        let almost = now + Duration::from_millis(599_999);
        let late = now + GOOD_FOR;
        let (pending, nonce) = kept("ada", now);
        assert_eq!(pending.read(&nonce, almost).as_deref(), Some("ada"));
        assert_eq!(pending.read(&nonce, late), None);
        assert_eq!(pending.take(&nonce, late), None);
        let (pending, nonce) = kept("ada", now);
        assert_eq!(pending.take(&nonce, almost).as_deref(), Some("ada"));
        // Lapsed ones don't pile up.
        let (pending, _) = kept("ada", now);
        pending.keep("bob".to_owned(), late).unwrap();
        assert_eq!(pending.0.lock().len(), 1);
    }

    #[test]
    fn the_oldest_questions_go_first() {
        let now = Instant::now();
        let (pending, first) = kept("ada", now);
        let later = now + Duration::from_secs(1);
        let rest: Vec<String> = (0..MOST)
            .map(|_| pending.keep("ada".to_owned(), later).unwrap())
            .collect();
        assert_eq!(pending.take(&first, later), None);
        assert!(pending.take(&rest[MOST - 1], later).is_some());
    }
}
