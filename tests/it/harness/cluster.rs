//! A PostgreSQL server of a test's own, for what must not be done to a shared one: crashing it, and watching its syncs.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Stopped when dropped.
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    owner: Option<Owner>,
    port: u16,
}

/// PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let owner = is_root().then(Owner::postgres);
        if let Some(owner) = owner {
            chown(folder.path(), Some(owner.user), Some(owner.group)).expect("root may give folders away");
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let cluster = Self { folder, programs: programs(), owner, port: free.port() };
        cluster.run("initdb", &["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--pgdata"], &[]);
        cluster.boot("start", &[]);
        cluster
    }

    pub(crate) fn url(&self) -> String {
        self.url_by_way_of(self.address())
    }

    /// The same, for whoever does not go there directly.
    pub(crate) fn url_by_way_of(&self, address: SocketAddr) -> String {
        format!("postgres://postgres@{address}/postgres")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The server's first process, whose children serve the sessions.
    pub(crate) fn postmaster(&self) -> i32 {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("a server that runs");
        file.lines().next().and_then(|line| line.trim().parse().ok()).expect("its first line is the id")
    }

    /// All its processes vanish at once, without a checkpoint, unless they have done so already; then it recovers from its log.
    pub(crate) fn crash(&self) {
        self.boot("restart", &["--mode=immediate"]);
    }

    /// It ends all sessions, and itself.
    pub(crate) fn stop(&self) {
        self.control("stop", &["--mode=fast"]);
    }

    /// After [`Self::stop`].
    pub(crate) fn start_again(&self) {
        self.boot("start", &[]);
    }

    fn boot(&self, command: &str, how: &[&str]) {
        let sockets = self.folder.path().display();
        let options = format!("-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories={sockets}", self.port);
        self.control(command, &[how, &["--options", &options]].concat());
    }

    fn control(&self, command: &str, rest: &[&str]) {
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &[command, "--wait", "--silent", "--log", &log, "--pgdata"], rest);
    }

    /// Runs one of PostgreSQL's programs; the data's folder comes between the two lists.
    fn run(&self, program: &str, arguments: &[&str], rest: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).arg(self.data()).args(rest).current_dir(self.folder.path());
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        // a server that inherits a pipe keeps its reader waiting for ever
        let output = self.folder.path().join("output");
        let file = || fs::File::options().create(true).append(true).open(&output).expect("a file for the output");
        let status = command.stdout(file()).stderr(file()).status().expect("PostgreSQL's programs are there");
        let told = || [output.clone(), self.folder.path().join("log")].map(|path| fs::read_to_string(path).unwrap_or_default());
        assert!(status.success(), "{program} fails: {}", told().join("\n"));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.control("stop", &["--mode=immediate"]);
        }
    }
}

impl Owner {
    fn postgres() -> Self {
        let users = fs::read_to_string("/etc/passwd").expect("a list of users");
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "postgres");
        let fields = fields.expect("PostgreSQL is needed, with its user `postgres` (`tests/run` installs it)");
        let number = |field: usize| fields[field].parse().expect("a number");
        Self { user: number(2), group: number(3) }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("a Linux machine").uid() == 0
}

/// The newest version's, where Debian puts them, or else those on the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).filter(|folder| has_server(folder)).collect();
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    folders.sort();
    let found = folders.pop().or_else(|| on_path.into_iter().find(|folder| has_server(folder)));
    found.expect(
        "PostgreSQL's server is needed: initdb and pg_ctl (`tests/run` installs it; on Debian: apt-get install postgresql)",
    )
}

fn has_server(folder: &Path) -> bool {
    folder.join("initdb").exists() && folder.join("pg_ctl").exists()
}
