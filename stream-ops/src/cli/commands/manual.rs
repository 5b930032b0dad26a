//! `completions` and `man`.

use std::fs;
use std::path::Path;

use clap_complete::Shell;

use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};

pub(crate) fn completions(context: &Context, shell: Shell) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), "streamctl", &mut text);
    context.output.raw(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}

pub(crate) fn man(context: &Context, dir: Option<&Path>) -> Outcome {
    let Some(dir) = dir else {
        let page = page(crate::cli::command())?;
        context.output.raw(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Done);
    };
    let failed = |e: std::io::Error| {
        Fault::new(
            Exit::Failed,
            format!("can't write into {}: {e}", dir.display()),
        )
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let mut command = crate::cli::command();
    command.build();
    let mut open = vec![("streamctl".to_owned(), command)];
    while let Some((name, command)) = open.pop() {
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            open.push((format!("{name}-{}", sub.get_name()), sub.clone()));
        }
        let page = page(command.name(name.clone()))?;
        fs::write(dir.join(format!("{name}.1")), page).map_err(failed)?;
    }
    Ok(Exit::Done)
}

fn page(command: clap::Command) -> Outcome<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
