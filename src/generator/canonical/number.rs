//! Numbers as Python prints them, and as JavaScript does.

/// How a JSON number is printed: integers as they are, others as Python's `repr` of the nearest float.
pub(super) fn printed(literal: &str) -> String {
    if literal.contains(['.', 'e', 'E']) {
        return literal.parse().map(repr).unwrap_or_default();
    }
    // the integer has no sign
    if literal == "-0" { "0".to_owned() } else { literal.to_owned() }
}

/// JavaScript has floats only: none of them shows that it is one, and what is beyond them is null.
pub(super) fn printed_by_javascript(literal: &str) -> String {
    let number: f64 = literal.parse().unwrap_or_default();
    if number.is_infinite() {
        return "null".to_owned();
    }
    let (digits, exponent) = scientific(ryu::Buffer::new().format_finite(number.abs()));
    let sign = if number < 0.0 { "-" } else { "" };
    if (-6..21).contains(&exponent) {
        let printed = positional(&digits, exponent);
        return format!("{sign}{}", printed.strip_suffix(".0").unwrap_or(&printed));
    }
    let printed = exponential(&digits, exponent);
    // without the zero that Python puts before an exponent of one digit
    format!("{sign}{}", printed.replace("e-0", "e-").replace("e+0", "e+"))
}

/// The shortest digits that mean this very float, and of two that are as near the even one, which is why the standard
/// library's printing is not used; with an exponent below 1e-4 and from 1e16 on.
fn repr(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(number.abs());
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let (digits, exponent) = scientific(shortest);
    format!("{sign}{}", if (-4..16).contains(&exponent) { positional(&digits, exponent) } else { exponential(&digits, exponent) })
}

/// The digits, without zeros at either end, and the exponent of the first one.
fn scientific(shortest: &str) -> (String, i32) {
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return ("0".to_owned(), 0);
    }
    let exponent = exponent.parse().unwrap_or(0) + place(whole.len()) - 1 - place(digits.len() - significant.len());
    (significant.trim_end_matches('0').to_owned(), exponent)
}

/// Of a float's few digits.
fn place(digits: usize) -> i32 {
    i32::try_from(digits).unwrap_or_default()
}

fn exponential(digits: &str, exponent: i32) -> String {
    let (first, others) = digits.split_at(1);
    let point = if others.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{others}e{sign}{:02}", exponent.unsigned_abs())
}

/// `exponent`: of the first digit.
fn positional(digits: &str, exponent: i32) -> String {
    let places = usize::try_from(exponent.unsigned_abs()).unwrap_or_default();
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(places - 1));
    }
    match digits.split_at_checked(places + 1) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => format!("{digits:0<width$}.0", width = places + 1),
    }
}

/// The length of the number at the beginning; none if there is none.
pub(super) fn length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    // whatever follows a leading zero is no part of the number
    at += match text.get(at)? {
        b'0' => 1,
        b'1'..=b'9' => digits(at),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') && digits(at + 1) > 0 {
        at += 1 + digits(at + 1);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = if at + 1 + sign <= text.len() { digits(at + 1 + sign) } else { 0 };
        at += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    Some(at)
}
