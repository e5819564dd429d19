//! Command lines: run without a shell, and ended with all that they have started.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::generator::reply::{Heard, Silence};
use crate::generator::request::CommandLine;

/// How long output is still read after the command's end: what it left running may hold the pipes open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The hub's own secrets are no business of the programs that it runs; everything else of its environment is. What a collector of
/// traces knows the hub by is one of them.
const SECRETS: [&str; 8] = [
    "API_KEYS",
    "CALLBACK_SECRET_KEY",
    "DATABASE_URL",
    "DELIVERY_SECRET",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "SECRETS_KEY",
    "WEBHOOK_SECRET_KEY",
];

pub(super) async fn output(line: &CommandLine) -> Result<Heard, Silence> {
    let mut running = Running::start(line)
        .map_err(|error| Silence::NotSent(format!("The program `{}` cannot be run: {error}", line.program)))?;
    let late = |_| Silence::Lost(format!("The command did not end within {} s", line.timeout.as_secs_f64()));
    // a limit that is hit drops `running`, which kills the group
    timeout(line.timeout, running.finish(line.output_limit)).await.map_err(late)?
}

/// A command and the group of processes that it leads.
struct Running {
    /// Goes first when this is dropped: as long as the child is not waited for, its number is nobody else's.
    group: Group,
    child: Child,
}

struct Group(Option<Pid>);

impl Running {
    fn start(line: &CommandLine) -> io::Result<Self> {
        let mut command = Command::new(&line.program);
        command.args(&line.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_secret)) {
            command.env_remove(name);
        }
        let child = command.spawn()?;
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { group: Group(leader), child })
    }

    async fn finish(&mut self, limit: usize) -> Result<Heard, Silence> {
        let (mut stdout, mut stderr) = (BytesMut::new(), BytesMut::new());
        let pipes = (self.child.stdout.take(), self.child.stderr.take());
        let ended = {
            let reading = async { tokio::try_join!(read(pipes.0, &mut stdout, limit), read(pipes.1, &mut stderr, limit)) };
            tokio::pin!(reading);
            let mut is_read = false;
            loop {
                tokio::select! {
                    read = &mut reading, if !is_read => {
                        read?;
                        is_read = true;
                    }
                    ended = self.child.wait() => {
                        // what it has left running goes on: that may be the job itself
                        self.group.release();
                        if !is_read {
                            timeout(LAST_WORDS, reading).await.unwrap_or(Ok(((), ())))?;
                        }
                        break ended;
                    }
                }
            }
        };
        let status = ended.map_err(|error| Silence::Lost(format!("The command's end cannot be seen: {error}")))?;
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ok(Heard::Output { code: status.code(), stdout: Bytes::from(stdout), stderr })
    }
}

/// # Errors
/// If there is more than the limit.
async fn read(pipe: Option<impl AsyncRead + Unpin>, text: &mut BytesMut, limit: usize) -> Result<(), Silence> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    loop {
        match pipe.read_buf(text).await {
            Ok(_) if text.len() > limit => return Err(Silence::TooLarge),
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Silence::Lost(format!("The command's output cannot be read: {error}"))),
        }
    }
}

impl Group {
    /// Its leader has ended and was waited for: from now on the number may be another's.
    const fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // it may be gone already
            let _ = killpg(leader, Signal::SIGKILL);
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.strip_prefix("CALLBACK_HUB_").unwrap_or(name);
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    let of_generator = name.starts_with("GENERATOR_") && (name.ends_with("_SECRET") || name.ends_with("_API_KEY"));
    of_generator || SECRETS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_secrets_are_known_by_their_names() {
        for name in [
            "API_KEYS",
            "CALLBACK_HUB_SECRETS_KEY",
            "DATABASE_URL_FILE",
            "GENERATOR_FAL_AI_API_KEY",
            "GENERATOR_X_SECRET_FILE",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "HOME", "OPENAI_API_KEY", "GENERATOR_X_BASE_URL", "GENERATORS_DIR", "LOG_LEVEL", "OTEL_SERVICE_NAME"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }
}
