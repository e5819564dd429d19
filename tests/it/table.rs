//! Tables as text, written by hand, and how they differ from what was found.

/// The cells of a table whose columns are separated by `|`; the first row is the head.
pub(crate) fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// # Panics
/// If any cell differs, with the rows at fault side by side.
pub(crate) fn assert_same(expected: &str, found: &[Vec<String>]) {
    let expected = rows(expected);
    if expected == found {
        return;
    }
    let all: Vec<_> = expected.iter().chain(found).collect();
    let columns = all.iter().map(|row| row.len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(|column| all.iter().map(|row| width(row, column)).max().unwrap_or(0)).collect();
    let mut difference = format!("  {}\n", line(&expected[0], &widths));
    for index in 1..expected.len().max(found.len()) {
        let (wanted, got) = (expected.get(index), found.get(index));
        let marked = if wanted == got { vec![(' ', wanted)] } else { vec![('-', wanted), ('+', got)] };
        let marked = marked.into_iter().filter_map(|(mark, row)| row.map(|row| (mark, row)));
        difference.extend(marked.map(|(mark, row)| format!("{mark} {}\n", line(row, &widths))));
    }
    panic!("the table (-) is not what happens (+):\n{difference}");
}

fn width(row: &[String], column: usize) -> usize {
    row.get(column).map_or(0, |cell| cell.chars().count())
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    cells.join(" | ").trim_end().to_owned()
}
