//! A message as a `curl` command.

use super::{InvalidMessage, Message};

/// Options with a value that is of no interest here.
const IGNORED_WITH_VALUE: &[&str] = &[
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--cacert",
    "--cert",
    "-E",
    "--key",
    "-x",
    "--proxy",
    "--resolve",
    "--connect-to",
    "--retry",
    "-w",
    "--write-out",
    "-c",
    "--cookie-jar",
];

/// Options with a value that are used, with their short forms.
const USED: [&[&str]; 6] = [
    &["-X", "--request"],
    &["-H", "--header"],
    &["-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"],
    &["-A", "--user-agent"],
    &["--url"],
    &["-b", "--cookie"],
];

/// Parses a command as a shell and `curl` would.
pub(super) fn parse(text: &str) -> Result<Message, InvalidMessage> {
    let mut words = words(text)?.into_iter();
    let mut message = Message {
        kind: super::Kind::Request,
        method: String::new(),
        url: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut bodies: Vec<String> = Vec::new();
    let mut is_get = false;
    // The first word is `curl`, after a prompt if one was copied.
    let program = words.next().filter(|word| word == "$").map_or(0, |_| 1);
    let mut words = words.skip(program);
    while let Some(word) = words.next() {
        let Some((used, attached)) = option(&word) else {
            if IGNORED_WITH_VALUE.contains(&word.as_str()) {
                words.next();
            } else if word == "-G" || word == "--get" {
                is_get = true;
            } else if word == "-F" || word == "--form" {
                return Err(InvalidMessage::new(
                    "a curl command with -F cannot be explained: the boundary is unknown; give the raw HTTP request",
                ));
            } else if !word.starts_with('-') {
                message.url = word;
            }
            continue;
        };
        let value = attached.or_else(|| words.next());
        let value =
            value.ok_or_else(|| InvalidMessage::new(format!("{word} in the curl command has no value")))?;
        match used {
            0 => message.method = value,
            1 => message.headers.extend(
                value.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())),
            ),
            2 if value.starts_with('@') => {
                return Err(InvalidMessage::new(
                    "the curl command reads its body from a file; give the raw HTTP request, or the body itself",
                ));
            }
            2 => bodies.push(value),
            3 => message.headers.push(("User-Agent".into(), value)),
            4 => message.url = value,
            _ => {}
        }
    }
    if message.url.is_empty() {
        return Err(InvalidMessage::new("the curl command has no URL"));
    }
    let body = bodies.join("&");
    if is_get && !body.is_empty() {
        let separator = if message.url.contains('?') { '&' } else { '?' };
        message.url = format!("{}{separator}{body}", message.url);
    } else {
        message.body = body.into_bytes();
    }
    if message.method.is_empty() {
        let has_body = !is_get && !bodies.is_empty();
        message.method = String::from(if has_body { "POST" } else { "GET" });
    }
    message.kind = Message::kind_of_request(&message.headers);
    Ok(message)
}

/// Returns the index in `USED` of an option, and its value if it is attached: `-XPOST`, `--request=POST`.
fn option(word: &str) -> Option<(usize, Option<String>)> {
    USED.iter().enumerate().find_map(|(index, names)| {
        names.iter().find_map(|name| {
            let rest = word.strip_prefix(name)?;
            if rest.is_empty() {
                Some((index, None))
            } else if name.starts_with("--") {
                rest.strip_prefix('=').map(|value| (index, Some(value.to_owned())))
            } else {
                Some((index, Some(rest.to_owned())))
            }
        })
    })
}

/// Splits a command into words, as a POSIX shell does, with `$'…'` of bash. Nothing is expanded.
fn words(text: &str) -> Result<Vec<String>, InvalidMessage> {
    let unclosed = || InvalidMessage::new("the curl command has an unclosed quote");
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => drop(chars.next_if_eq(&'\n')),
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(unclosed)? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(unclosed)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or_else(unclosed)? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            '\n' => {}
                            other => word.extend(['\\', other]),
                        },
                        inner => word.push(inner),
                    }
                }
            }
            '$' if chars.next_if_eq(&'\'').is_some() => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(unclosed)? {
                        '\'' => break,
                        '\\' => match chars.next().ok_or_else(unclosed)? {
                            'n' => word.push('\n'),
                            'r' => word.push('\r'),
                            't' => word.push('\t'),
                            other => word.push(other),
                        },
                        inner => word.push(inner),
                    }
                }
            }
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}
