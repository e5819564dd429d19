//! A disk that gets full: a small file system of its own where that may be mounted, else a bound on how large files of the
//! process may grow. In both cases it is the kernel that refuses to write.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::Pid;
use tempfile::TempDir;

use super::process::Process;

const SIZE: u64 = 48 << 20;
/// What else lies there, and can be removed.
const BALLAST: usize = 30 << 20;
/// For each of the files where there is no file system of its own.
const BOUND: u64 = 6 << 20;

/// Unmounted when dropped.
pub(crate) struct Disk {
    folder: TempDir,
    is_mounted: bool,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SIZE}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .expect("mount is there, if not for everybody");
        let is_mounted = mount.status.success();
        println!("the disk: {}", if is_mounted { "a file system of its own" } else { "a bound on files" });
        Self { folder, is_mounted }
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.folder.path().join("hub.db").display())
    }

    pub(crate) async fn start_hub(&self) -> Process {
        if self.is_mounted { Process::start(&self.url()).await } else { Process::with_bounded_files(&self.url()).await }
    }

    /// From now on there is little room.
    pub(crate) fn narrow(&self, hub: Pid) {
        if self.is_mounted {
            fs::write(self.ballast(), vec![b'x'; BALLAST]).expect("there is room for it");
        } else {
            bound(hub, &BOUND.to_string());
        }
    }

    /// There is room again.
    pub(crate) fn widen(&self, hub: Pid) {
        if self.is_mounted {
            fs::remove_file(self.ballast()).expect("it is there");
        } else {
            bound(hub, "unlimited");
        }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }
}

/// The soft bound: the hard one could not be lifted again by everybody.
fn bound(process: Pid, most: &str) {
    let bounded = Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={most}:")]).output();
    let bounded = bounded.expect("prlimit is needed where nothing can be mounted (Debian has it in util-linux)");
    assert!(bounded.status.success(), "{}", String::from_utf8_lossy(&bounded.stderr));
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // lazily: whoever still has a file open there keeps nobody else from going on
            let unmounted = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
            assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(), "it is unmounted");
        }
    }
}
