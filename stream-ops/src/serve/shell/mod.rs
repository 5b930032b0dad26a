//! The connections of the dashboard: *listen* accepts and ends them, *paced* ends those
//! whose client doesn't read.

mod listen;
mod paced;

pub(crate) use self::listen::serve;
