//! Charts: bars of several parts, drawn as SVG. Nothing in them is anybody's text.

use std::fmt::Write;

use super::render::grouped;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// Of a bar's place.
const GAP: f64 = 0.2;

/// A part of each bar: its name, its class in the stylesheet, and how much of it there is in each bar.
pub(super) struct Part {
    pub name: &'static str,
    pub class: &'static str,
    pub amounts: Vec<u64>,
}

/// Oldest first; `label` says what a bar stands for.
#[expect(clippy::cast_precision_loss, reason = "where a bar is drawn")]
pub(super) fn bars(title: &str, parts: &[Part], label: impl Fn(usize) -> String) -> String {
    let bars = parts.iter().map(|part| part.amounts.len()).max().unwrap_or(0);
    let of = |part: &Part, bar: usize| part.amounts.get(bar).copied().unwrap_or(0);
    let sums: Vec<u64> = (0..bars).map(|bar| parts.iter().map(|part| of(part, bar)).sum()).collect();
    let highest = sums.iter().copied().max().unwrap_or(0);
    let totals: Vec<String> = parts.iter().map(|part| format!("{} {}", grouped(part.amounts.iter().sum()), part.name)).collect();
    let told = format!("{title}: {}; at most {} at a time", totals.join(", "), grouped(highest));
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{told}">"#
    );
    let step = WIDTH / bars.max(1) as f64;
    for bar in (0..bars).filter(|bar| sums[*bar] > 0) {
        let _ = write!(svg, "<g><title>{}: ", label(bar));
        let named: Vec<String> = parts
            .iter()
            .filter(|part| of(part, bar) > 0)
            .map(|part| format!("{} {}", grouped(of(part, bar)), part.name))
            .collect();
        let _ = write!(svg, "{}</title>", named.join(", "));
        let mut bottom = HEIGHT;
        for part in parts.iter().filter(|part| of(part, bar) > 0) {
            let height = HEIGHT * of(part, bar) as f64 / highest as f64;
            bottom -= height;
            let (x, width) = (step * (bar as f64 + GAP / 2.0), step * (1.0 - GAP));
            let _ = write!(
                svg,
                r#"<rect class="{}" x="{x:.1}" y="{bottom:.2}" width="{width:.2}" height="{height:.2}"/>"#,
                part.class
            );
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

/// What the colours stand for, with the sums.
pub(super) fn legend(parts: &[Part]) -> String {
    let mut list = String::from(r#"<ul class="legend">"#);
    for Part { name, class, amounts } in parts {
        let _ = write!(list, r#"<li><span class="swatch {class}"></span>{name} <b>{}</b></li>"#, grouped(amounts.iter().sum()));
    }
    list.push_str("</ul>");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_parts() {
        let parts = [
            Part { name: "delivered", class: "good", amounts: vec![3, 0, 1] },
            Part { name: "dead", class: "bad", amounts: vec![1, 0, 0] },
        ];
        let svg = bars("Deliveries", &parts, |bar| format!("hour {bar}"));
        assert!(svg.contains(r#"aria-label="Deliveries: 4 delivered, 1 dead; at most 4 at a time""#), "{svg}");
        assert!(svg.contains("<title>hour 0: 3 delivered, 1 dead</title>"), "{svg}");
        assert_eq!((svg.matches("<rect").count(), svg.matches(r#"height="90.00""#).count()), (3, 1));
        assert!(!svg.contains("hour 1"), "an empty bar is none");
    }

    #[test]
    fn nothing_is_a_chart_too() {
        assert!(bars("Nothing", &[], |_| String::new()).contains("at most 0"));
    }
}
