use std::fmt;
use std::path::Path;

use super::Text;

/// Where the database is. Prints without its password.
#[derive(Clone)]
pub struct DatabaseUrl(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

impl DatabaseUrl {
    /// With its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// An embedded database in this file, made if it is not there.
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        Self(format!("sqlite://{}?mode=rwc", path.display()))
    }

    /// Which of the two databases is meant.
    ///
    /// # Errors
    /// A sentence that tells the right form.
    pub fn kind(&self) -> Result<DatabaseKind, String> {
        let (scheme, rest) = self.0.split_once(':').unwrap_or(("", &self.0));
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" if rest.contains(":memory:") || rest.contains("mode=memory") => {
                Err(format!("is `{self}`, and in memory nothing is kept: name a file, like sqlite://callback-hub.db?mode=rwc"))
            }
            "sqlite" => Ok(DatabaseKind::Sqlite),
            "postgres" | "postgresql" => Ok(DatabaseKind::Postgres),
            scheme => Err(match scheme.split_once('+') {
                Some(("sqlite", _)) => wrong_spelling(self, &sqlite_form(rest)),
                Some(("postgres" | "postgresql", _)) => wrong_spelling(self, &masked(&format!("postgres:{rest}"))),
                _ => format!(
                    "is `{self}`, which is neither SQLite (sqlite://hub.db?mode=rwc) nor PostgreSQL (postgres://user:password@host/db)"
                ),
            }),
        }
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite://callback-hub.db?mode=rwc".to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl Text for DatabaseUrl {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

fn wrong_spelling(url: &DatabaseUrl, right: &str) -> String {
    format!("is `{url}`, which names a Python driver: write `{right}`")
}

/// SQLAlchemy has three slashes before a relative path, four before an absolute one, and none after them in memory.
fn sqlite_form(rest: &str) -> String {
    let path = rest.trim_start_matches("//");
    let path = path.strip_prefix('/').unwrap_or(path).split('?').next().unwrap_or_default();
    let path = if rest.starts_with("////") { format!("/{}", path.trim_start_matches('/')) } else { path.to_owned() };
    if path.is_empty() || path == ":memory:" { DatabaseUrl::default().0 } else { format!("sqlite://{path}?mode=rwc") }
}

/// Hides rather too much than too little: everything between the first colon after the scheme and the last `@`.
fn masked(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let query = url.find('?').unwrap_or(url.len());
    // an `@` of the query is no end of a password, unless nothing else is
    let end = url[..query].rfind('@').or_else(|| url.rfind('@'));
    let url = match (url[start..].find(':'), end) {
        (Some(colon), Some(end)) if start + colon < end => format!("{}:***{}", &url[..start + colon], &url[end..]),
        _ => url.to_owned(),
    };
    let Some((address, query)) = url.split_once('?') else { return url };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("password") => format!("{key}=***"),
        _ => pair.to_owned(),
    });
    format!("{address}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(url: &str) -> Result<DatabaseKind, String> {
        DatabaseUrl(url.to_owned()).kind()
    }

    #[test]
    fn the_two_databases_are_told_apart() {
        for url in ["sqlite://hub.db?mode=rwc", "sqlite:///var/hub.db", "sqlite:hub.db"] {
            assert_eq!(kind(url), Ok(DatabaseKind::Sqlite), "{url}");
        }
        for url in ["postgres://u:p@h/db", "postgresql://h/db"] {
            assert_eq!(kind(url), Ok(DatabaseKind::Postgres), "{url}");
        }
        for url in ["mysql://h/db", "hub.db", "", "C:\\hub.db"] {
            assert!(kind(url).unwrap_err().contains("neither"), "{url}");
        }
    }

    #[test]
    fn a_database_in_memory_would_be_another_one_for_each_connection() {
        for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x?mode=memory"] {
            assert!(kind(url).unwrap_err().contains("name a file"), "{url}");
        }
    }

    #[test]
    fn python_spellings_are_told_the_right_form() {
        let cases = [
            ("postgresql+psycopg2://u:p@h/db", "`postgres://u:***@h/db`"),
            ("postgresql+asyncpg://h/db", "`postgres://h/db`"),
            ("sqlite+aiosqlite:///x.db", "`sqlite://x.db?mode=rwc`"),
            ("sqlite+aiosqlite:////var/x.db", "`sqlite:///var/x.db?mode=rwc`"),
            ("sqlite+aiosqlite://", "`sqlite://callback-hub.db?mode=rwc`"),
        ];
        for (url, right) in cases {
            let told = kind(url).unwrap_err();
            assert!(told.ends_with(right), "{told}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        for url in [
            "postgres://u:p@ss:w0rd@h:5432/db",
            "postgres://h/db?user=u&password=p@ss:w0rd",
            "u:p@ss:w0rd@h/db",
            "postgres://u:p?ss:w0rd@h/db",
        ] {
            let shown = format!("{:?}", DatabaseUrl(url.to_owned()));
            assert!(!shown.contains("ss:w0rd") && shown.contains("***"), "{shown}");
        }
        assert_eq!(DatabaseUrl::default().to_string(), "sqlite://callback-hub.db?mode=rwc");
    }
}
