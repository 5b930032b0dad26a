//! `serve`: the dashboard.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::cli::args::Serve;
use crate::cli::context::{Context, pause};
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::serve::{Dashboard, Settings, Token};

/// The environment variable for the token.
const TOKEN: &str = "STREAMCTL_TOKEN";

/// The time between two looks for an interruption.
const STEP: Duration = Duration::from_millis(50);

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(200);

pub(crate) fn run(context: &Context, args: &Serve) -> Outcome {
    let settings = Settings {
        listen: args.listen,
        title: args.title.clone(),
        hosts: args.hosts.clone(),
        token: token(args.token_file.as_deref())?,
        allow: args.allow,
        streams: context.globals.only.clone(),
        every: args.every.max(SHORTEST),
    };
    settings
        .validate()
        .map_err(|why| Fault::new(Exit::Usage, why))?;
    let warning = settings.warning();
    let redis = context.redis()?.clone();
    let dashboard = Dashboard::start(redis, settings)
        .map_err(|e| Fault::new(Exit::Failed, format!("can't serve on {}: {e}", args.listen)))?;
    context.end_between_steps();
    if let Some(warning) = warning {
        context.output.note(&format!("streamctl: {warning}"));
    }
    // A program that starts it reads the address here.
    context.output.raw(&format!("{}\n", dashboard.url()))?;
    while !context.is_interrupted() {
        pause(STEP);
    }
    dashboard.stop();
    Ok(Exit::Done)
}

/// The token, from the file or the variable.
fn token(file: Option<&Path>) -> Outcome<Option<Token>> {
    let text = match file {
        Some(path) => fs::read_to_string(path).map(Some).map_err(|e| {
            Fault::new(
                Exit::Usage,
                format!("can't read the token from {}: {e}", path.display()),
            )
        })?,
        None => env::var(TOKEN).ok().filter(|text| !text.trim().is_empty()),
    };
    let token = text.map(|text| Token::new(&text)).transpose();
    token.map_err(|why| Fault::new(Exit::Usage, why))
}
