//! Sentinels with users, passwords and TLS of their own.
