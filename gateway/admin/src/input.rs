//! What a handler is given: typed, bounded, and able to say what an act is about.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::state::Admin;

/// What the record of an administrative act names as its subject: names and ids only, never a secret.
pub trait About {
    fn about(&self) -> String;
}

/// No input.
#[derive(Debug)]
pub struct Nothing;

/// One or more segments of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The entity tag that the caller knows, if it sent one.
#[derive(Debug)]
pub struct IfNoneMatch(pub Option<String>);

/// What follows the `?`.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// The body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl About for Nothing {
    fn about(&self) -> String {
        String::new()
    }
}

impl About for String {
    fn about(&self) -> String {
        self.clone()
    }
}

impl About for u64 {
    fn about(&self) -> String {
        self.to_string()
    }
}

impl<A: About, B: About> About for (A, B) {
    fn about(&self) -> String {
        let both = format!("{} {}", self.0.about(), self.1.about());
        both.trim_end().to_owned()
    }
}

impl<T: About> About for Path<T> {
    fn about(&self) -> String {
        self.0.about()
    }
}

impl About for IfNoneMatch {
    fn about(&self) -> String {
        String::new()
    }
}

impl<T> About for Query<T> {
    fn about(&self) -> String {
        String::new()
    }
}

impl<T: About> About for Body<T> {
    fn about(&self) -> String {
        self.0.about()
    }
}

impl FromRequestParts<Admin> for Nothing {
    type Rejection = Response;

    async fn from_request_parts(_: &mut Parts, _: &Admin) -> Result<Self, Response> {
        Ok(Self)
    }
}

impl FromRequestParts<Admin> for IfNoneMatch {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Response> {
        let sent = parts.headers.get(header::IF_NONE_MATCH);
        Ok(Self(
            sent.and_then(|tag| tag.to_str().ok()).map(str::to_owned),
        ))
    }
}

impl<T: serde::de::DeserializeOwned + Send> FromRequestParts<Admin> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Response> {
        let read = axum::extract::Path::from_request_parts(parts, admin).await;
        read.map(|axum::extract::Path(segments)| Self(segments))
            .map_err(IntoResponse::into_response)
    }
}

impl<T: serde::de::DeserializeOwned> FromRequestParts<Admin> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Response> {
        let read = axum::extract::Query::from_request_parts(parts, admin).await;
        read.map(|axum::extract::Query(query)| Self(query))
            .map_err(IntoResponse::into_response)
    }
}

impl<T: serde::de::DeserializeOwned> FromRequest<Admin> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Response> {
        let read = axum::Json::from_request(request, admin).await;
        read.map(|axum::Json(body)| Self(body))
            .map_err(IntoResponse::into_response)
    }
}
