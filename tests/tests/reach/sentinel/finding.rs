//! How the master is found, whatever some sentinels say.
