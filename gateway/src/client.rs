//! The command line as a client of the admin API: where the gateway is, who asks, and what its refusals mean.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http};
use zeroize::Zeroizing;

const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer that is read; an export comes in lines and has none.
const LARGEST: u64 = 64 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("`{0}` is not set (hint: {1})")]
    Unset(&'static str, &'static str),
    #[error("COUNTERSIGN_CA: {}: {cause}", .path.display())]
    Authority { path: PathBuf, cause: String },
    #[error(
        "the gateway at `{url}` cannot be reached: {cause} (hint: is it running, and is COUNTERSIGN_URL right?)"
    )]
    Unreachable { url: String, cause: String },
    #[error("{message}{}", .hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default())]
    Refused {
        status: u16,
        message: String,
        hint: Option<String>,
        answer: Value,
    },
    #[error("the gateway's answer makes no sense: {0}")]
    Nonsense(String),
}

/// A gateway, and whom it is asked as.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: Zeroizing<String>,
}

impl Client {
    /// From `COUNTERSIGN_URL`, `COUNTERSIGN_TOKEN` and `COUNTERSIGN_CA`.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let url = std::env::var("COUNTERSIGN_URL")
            .map_err(|_| Error::Unset("COUNTERSIGN_URL", "such as https://localhost:7443"))?;
        let token = std::env::var("COUNTERSIGN_TOKEN")
            .map(Zeroizing::new)
            .map_err(|_| {
                Error::Unset(
                    "COUNTERSIGN_TOKEN",
                    "an admin issues one with `countersign token create`",
                )
            })?;
        let mut tls = TlsConfig::builder();
        if let Some(path) = std::env::var_os("COUNTERSIGN_CA").map(PathBuf::from) {
            tls = tls.root_certs(RootCerts::new_with_certs(&authority(path)?));
        } else if url.starts_with("https:") {
            return Err(Error::Unset(
                "COUNTERSIGN_CA",
                "the CA file that `countersign init` wrote",
            ));
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(TIMEOUT))
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Where the gateway is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Error> {
        self.read(self.send("GET", path, None, TIMEOUT)?)
    }

    /// Asks whether something is another than it was: `known` is the tag of the last answer, and becomes that of this
    /// one. The gateway waits for a change as long as the path says; `None` is no change.
    pub(crate) fn get_changed(
        &self,
        path: &str,
        known: &mut Option<String>,
        wait: Duration,
    ) -> Result<Option<Value>, Error> {
        let mut request = self.request("GET", path)?;
        if let Some(tag) = known.as_deref().and_then(|tag| tag.parse().ok()) {
            request.headers_mut().insert("if-none-match", tag);
        }
        let response = self.run(request, TIMEOUT + wait)?;
        if response.status() == http::StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let tag = response
            .headers()
            .get("etag")
            .and_then(|tag| tag.to_str().ok());
        *known = tag.map(str::to_owned);
        self.read(response).map(Some)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.read(self.send("POST", path, Some(body), TIMEOUT)?)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Value, Error> {
        self.read(self.send("DELETE", path, None, TIMEOUT)?)
    }

    /// The answer's bytes as they come, without an end to wait for.
    pub(crate) fn stream(
        &self,
        path: &str,
        within: Duration,
    ) -> Result<impl std::io::Read + Send + use<>, Error> {
        let response = self.send("GET", path, None, within)?;
        if response.status().is_success() {
            return Ok(response
                .into_body()
                .into_with_config()
                .limit(u64::MAX)
                .reader());
        }
        match self.read(response) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::Nonsense(
                "neither an answer nor a refusal".to_owned(),
            )),
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<http::Response<Body>, Error> {
        let mut request = self.request(method, path)?;
        *request.body_mut() = body.map(Value::to_string).unwrap_or_default();
        self.run(request, timeout)
    }

    fn request(&self, method: &str, path: &str) -> Result<http::Request<String>, Error> {
        http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token.as_str()))
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .body(String::new())
            .map_err(|error| self.unreachable(&error))
    }

    fn run(
        &self,
        request: http::Request<String>,
        timeout: Duration,
    ) -> Result<http::Response<Body>, Error> {
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(timeout))
            .build();
        self.agent
            .run(request)
            .map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, cause: &dyn std::error::Error) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            cause: cause.to_string(),
        }
    }

    fn read(&self, response: http::Response<Body>) -> Result<Value, Error> {
        let status = response.status();
        let text = response
            .into_body()
            .into_with_config()
            .limit(LARGEST)
            .read_to_string()
            .map_err(|error| Error::Nonsense(error.to_string()))?;
        let answer: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).map_err(|error| Error::Nonsense(error.to_string()))?
        };
        if status.is_success() {
            Ok(answer)
        } else {
            Err(refused(status.as_u16(), answer))
        }
    }
}

/// A segment of a path or a value of a query, safe to stand in a URL.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn refused(status: u16, answer: Value) -> Error {
    let text = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .map(crate::output::visible)
    };
    let message = match (text("title"), text("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format!("the gateway answered {status}"),
    };
    let hint = match status {
        // whoever types has no header to send
        401 => Some("COUNTERSIGN_TOKEN is wrong, expired or revoked".to_owned()),
        _ => text("next"),
    };
    Error::Refused {
        status,
        message,
        hint,
        answer,
    }
}

fn authority(path: PathBuf) -> Result<Vec<Certificate<'static>>, Error> {
    let failed = |cause: String| Error::Authority {
        path: path.clone(),
        cause,
    };
    let pem = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
    let items = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(failed(error.to_string()))),
    });
    let certificates: Vec<_> = items.collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(failed("holds no certificate".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped() {
        assert_eq!(escaped("a b/c?d=é"), "a%20b%2Fc%3Fd%3D%C3%A9");
    }

    #[test]
    fn a_refusal_speaks_in_the_gateways_words() {
        let answer = serde_json::json!({"title": "decided already", "status": 409});
        let Error::Refused {
            status, message, ..
        } = refused(409, answer)
        else {
            panic!("refused")
        };
        assert_eq!((status, message.as_str()), (409, "decided already"));
    }
}
