//! TLS for scraping: rustls with ring, chosen here explicitly, so that it works before anything is installed.
//!
//! Roots come from the configuration, else from the system, else from the bundled Mozilla list: a container
//! image without a CA bundle must still be able to build a client, if only for plain HTTP.

use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, version};

use crate::config::{Secret, TlsConfig};

/// The client side of TLS as configured. Reads the named files.
pub(super) fn client_config(tls: &TlsConfig, base: &Path, http2: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(tls, base, &provider)?;
    let versions: &[&rustls::SupportedProtocolVersion] =
        match (tls.min_version.as_deref(), tls.max_version.as_deref()) {
            (Some("TLS13"), Some("TLS12")) => return Err("min_version is above max_version".to_owned()),
            (Some("TLS13"), _) => &[&version::TLS13],
            (_, Some("TLS12")) => &[&version::TLS12],
            _ => &[&version::TLS13, &version::TLS12],
        };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match client_certificate(tls, base)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|e| e.to_string())?,
        None => builder.with_no_client_auth(),
    };
    let protocols: &[&[u8]] = if http2 {
        &[b"h2", b"http/1.1"]
    } else {
        &[b"http/1.1"]
    };
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    Ok(config)
}

fn verifier(
    tls: &TlsConfig,
    base: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let algorithms = provider.signature_verification_algorithms;
    if tls.insecure_skip_verify {
        return Ok(Arc::new(AnyCertificate(algorithms)));
    }
    let roots = roots(tls, base)?;
    let inner = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
    let inner = inner.build().map_err(|e| e.to_string())?;
    match &tls.server_name {
        None => Ok(inner),
        Some(name) => {
            let name = ServerName::try_from(name.clone()).map_err(|e| format!("server_name: {e}"))?;
            Ok(Arc::new(OtherName { inner, name }))
        }
    }
}

fn roots(tls: &TlsConfig, base: &Path) -> Result<Arc<RootCertStore>, String> {
    let Some(pem) = pem(tls.ca.as_deref(), tls.ca_file.as_deref(), base)? else {
        return Ok(common_roots());
    };
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| format!("unable to use CA certificate: {e}"))?;
        store
            .add(certificate)
            .map_err(|e| format!("unable to use CA certificate: {e}"))?;
    }
    if store.is_empty() {
        Err("no CA certificate in ca or ca_file".to_owned())
    } else {
        Ok(Arc::new(store))
    }
}

/// What is trusted where a job names nothing: read once for all the clients that are alive at a time, for it is a few
/// hundred kilobytes.
fn common_roots() -> Arc<RootCertStore> {
    static ROOTS: Mutex<Weak<RootCertStore>> = Mutex::new(Weak::new());
    let mut known = ROOTS.lock();
    if let Some(roots) = known.upgrade() {
        return roots;
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let roots = Arc::new(store);
    *known = Arc::downgrade(&roots);
    roots
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_certificate(tls: &TlsConfig, base: &Path) -> Result<Option<Identity>, String> {
    let certificate = pem(tls.cert.as_deref(), tls.cert_file.as_deref(), base)?;
    let key = tls.key.as_ref().map(|Secret(key)| key.as_str());
    let key = pem(key, tls.key_file.as_deref(), base)?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(None);
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
    let chain = chain.map_err(|e| format!("unable to use client certificate: {e}"))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("unable to use client key: {e}"))?;
    Ok(Some((chain, key)))
}

fn pem(inline: Option<&str>, file: Option<&Path>, base: &Path) -> Result<Option<Vec<u8>>, String> {
    match (inline, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => {
            let path = base.join(file);
            std::fs::read(&path)
                .map(Some)
                .map_err(|e| format!("unable to read {}: {e}", path.display()))
        }
        (None, None) => Ok(None),
    }
}

/// `insecure_skip_verify`: signatures are checked, who signed is not.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// `server_name`: the certificate must bear this name instead of the host's.
#[derive(Debug)]
struct OtherName {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for OtherName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
