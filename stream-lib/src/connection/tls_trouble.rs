//! Failures of TLS in plain words, with advice. The cause itself, in rustls' words, is
//! the source of the error.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// The problem of the server, or of this side, if `error` comes from TLS. The text
/// continues "the server".
pub(super) fn in_words(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?;
    if error.is::<Silence>() {
        return Some(SILENT);
    }
    Some(match error.downcast_ref()? {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::AlertReceived(alert) => refusal(*alert),
        // Not even the beginning of an answer.
        Error::InvalidMessage(_) => {
            "doesn't speak TLS at this port; for a plain port use a `redis://` URL"
        }
        _ => "can't agree with this client on TLS",
    })
}

const SILENT: &str = "has not answered the TLS handshake; for a plain port use a \
                      `redis://` URL";

fn certificate(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::UnknownIssuer => {
            "has a certificate of an authority that is not trusted; set `tls_root_certificates` to \
             that authority's certificate"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has a certificate that has expired; renew it there"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "has a certificate that is not valid yet; compare its clock with this machine's"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "has a certificate for other names than the URL's host"
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "shows the certificate of an authority (`CA:TRUE`) as its own; have the authority sign \
             one for the server"
        }
        _ => "has a certificate that can't be accepted",
    }
}

fn refusal(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "requires a client certificate; set `tls_client_certificate`"
        }
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown => "refuses our `tls_client_certificate`",
        _ => "has ended the TLS connection with an alert",
    }
}

/// A server that has sent nothing at all in a TLS handshake.
#[derive(Debug)]
pub(super) struct Silence;

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer to the TLS handshake")
    }
}

impl std::error::Error for Silence {}
