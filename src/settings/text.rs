//! Files that people write.

use std::path::Path;
use std::{fs, io};

/// In bytes: more than settings, generators or webhooks ever are.
const LARGEST: u64 = 4 << 20;

/// Its text. Files are read again while the hub runs: what is a pipe or a device would make it wait, or read without an end.
///
/// # Errors
/// It cannot be read, is no file, is too large, or no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        let kind = if about.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
        return Err(io::Error::new(kind, "it is no file"));
    }
    if about.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_pipe_or_reads_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        fs::File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            assert_eq!(read_text(path).unwrap_err().to_string(), "it is no file");
        }
        assert_eq!(read_text(&large).unwrap_err().to_string(), "it is larger than 4 MiB");
        let text = folder.path().join("text");
        fs::write(&text, "a = 1").unwrap();
        std::os::unix::fs::symlink(&text, folder.path().join("mounted")).unwrap();
        assert_eq!(read_text(&folder.path().join("mounted")).unwrap(), "a = 1");
    }
}
