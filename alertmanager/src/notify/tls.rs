//! TLS for HTTP: rustls with ring, the system's roots or those that are configured.
//!
//! The configuration is built here rather than by the HTTP client, because the client refuses to exist on a
//! system without a CA bundle, even for plain HTTP. Where the system has none, Mozilla's roots step in.

mod unverified;

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::{TlsConfig, TlsVersion};

/// Largest PEM file read, in bytes.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// The system's roots, or Mozilla's where it has none.
pub(super) fn system_roots() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Arc::new(roots)
}

/// A client configuration as `tls_config` asks for it.
pub(super) fn client(
    config: Option<&TlsConfig>,
    base: &Path,
    system: &Arc<RootCertStore>,
) -> Result<ClientConfig, String> {
    let default = TlsConfig::default();
    let config = config.unwrap_or(&default);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let only_13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
    let versions = if config.min_version == Some(TlsVersion::Tls13) {
        only_13
    } else {
        rustls::ALL_VERSIONS
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?;
    let builder = if config.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(unverified::Unverified(provider)))
    } else {
        builder.with_root_certificates(roots(config, base, system)?)
    };
    match identity(config, base)? {
        Some(Identity { cert, key }) => {
            let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("tls_config: key: {e}"))?;
            builder
                .with_client_auth_cert(certificates(&cert)?, key)
                .map_err(|e| format!("tls_config: {e}"))
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

fn roots(config: &TlsConfig, base: &Path, system: &Arc<RootCertStore>) -> Result<Arc<RootCertStore>, String> {
    let Some(pem) = authorities(config, base)? else {
        return Ok(system.clone());
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&pem)? {
        roots
            .add(certificate)
            .map_err(|e| format!("tls_config: ca: {e}"))?;
    }
    if roots.is_empty() {
        return Err("tls_config: ca holds no certificate".to_owned());
    }
    Ok(Arc::new(roots))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    all.map_err(|e| format!("tls_config: certificate: {e}"))
}

/// The PEM of the configured authorities.
pub(super) fn authorities(config: &TlsConfig, base: &Path) -> Result<Option<Vec<u8>>, String> {
    inline_or_file(config.ca.as_deref(), config.ca_file.as_deref(), base)
}

/// The PEM of a client's certificate and key.
pub(super) struct Identity {
    pub(super) cert: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// The PEM of the client's certificate and key, where both are configured.
pub(super) fn identity(config: &TlsConfig, base: &Path) -> Result<Option<Identity>, String> {
    let cert = inline_or_file(config.cert.as_deref(), config.cert_file.as_deref(), base)?;
    let key = config.key.as_ref().map(|key| &*key.0);
    let key = inline_or_file(key, config.key_file.as_deref(), base)?;
    Ok(cert.zip(key).map(|(cert, key)| Identity { cert, key }))
}

fn inline_or_file(inline: Option<&str>, file: Option<&str>, base: &Path) -> Result<Option<Vec<u8>>, String> {
    match (inline, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => {
            let path = base.join(file);
            let failed = |e: std::io::Error| format!("could not read {}: {e}", path.display());
            if std::fs::metadata(&path).map_err(failed)?.len() > MAX_PEM_BYTES {
                return Err(format!("{} is larger than {MAX_PEM_BYTES} bytes", path.display()));
            }
            std::fs::read(&path).map(Some).map_err(failed)
        }
        (None, None) => Ok(None),
    }
}
