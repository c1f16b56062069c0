//! Decides what a file of access tokens says: `NAME SHA256 [RIGHT,RIGHT]` a line, `#` begins a comment.

use std::path::Path;

use super::error::Error;
use super::section::{AccessToken, Right};
use super::value::TokenDigest;

/// Reads a token file.
pub(super) fn read(path: &Path) -> Result<Vec<(String, AccessToken)>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'));
    lines
        .map(|(index, line)| {
            token(line).map_err(|problem| Error::TokenFile { path: path.to_path_buf(), line: index + 1, problem })
        })
        .collect()
}

fn token(line: &str) -> Result<(String, AccessToken), &'static str> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(digest)) = (words.next(), words.next()) else {
        return Err("a name and a SHA-256 are needed");
    };
    let sha256 = TokenDigest::parse(digest).ok_or("the SHA-256 is not 64 hexadecimal digits")?;
    let rights = match words.next() {
        None => AccessToken::usual_rights(),
        Some(list) => list.split(',').map(right).collect::<Option<_>>().ok_or("rights are read, send and operate")?,
    };
    match words.next() {
        None => Ok((name.to_owned(), AccessToken { sha256, rights })),
        Some(_) => Err("there is too much on the line"),
    }
}

fn right(text: &str) -> Option<Right> {
    match text {
        "read" => Some(Right::Read),
        "send" => Some(Right::Send),
        "operate" => Some(Right::Operate),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_token_its_digest_and_its_rights() {
        let digest = "ab".repeat(32);
        let (name, read_and_send) = token(&format!("pbx {digest}")).unwrap();
        assert_eq!((name.as_str(), read_and_send.rights), ("pbx", vec![Right::Read, Right::Send]));
        assert_eq!(token(&format!("ops {digest} operate,read")).unwrap().1.rights, [Right::Operate, Right::Read]);
        for wrong in ["pbx".to_owned(), "pbx abc".into(), format!("pbx {digest} own"), format!("pbx {digest} read x")] {
            assert!(token(&wrong).is_err(), "{wrong}");
        }
    }
}
