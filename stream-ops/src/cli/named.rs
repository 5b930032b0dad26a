//! Arguments of most commands: a stream, or a group of a stream.

use clap::Args as ClapArgs;

/// One stream.
#[derive(Debug, ClapArgs)]
pub(crate) struct OneStream {
    /// The stream.
    #[arg(value_name = "STREAM")]
    pub(crate) name: String,
}

/// One group of a stream.
#[derive(Debug, ClapArgs)]
pub(crate) struct OneGroup {
    /// The stream.
    #[arg(value_name = "STREAM")]
    pub(crate) name: String,
    /// The group.
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,
}
