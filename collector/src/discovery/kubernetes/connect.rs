//! How to reach the API server: as configured, by a kubeconfig, or from within the cluster.

use std::path::Path;

use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::config::{Auth, HttpConfig, KubernetesSdConfig, SecretSource};

/// Where a pod finds its own namespace.
const OWN_NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// A client and the namespaces to look at, none for all.
pub(super) async fn connect(
    config: &KubernetesSdConfig,
    base: &Path,
) -> Result<(Client, Vec<String>), String> {
    let kube_config = match (&config.kubeconfig_file, &config.api_server) {
        (Some(file), _) => {
            let kubeconfig = Kubeconfig::read_from(base.join(file)).map_err(|e| e.to_string())?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|e| e.to_string())?
        }
        (None, Some(server)) => explicit(server, &config.http, base)?,
        (None, None) => Config::infer().await.map_err(|e| e.to_string())?,
    };
    let client = Client::try_from(kube_config).map_err(|e| e.to_string())?;
    let mut namespaces = config.namespaces.clone();
    if config.own_namespace {
        let own = std::fs::read_to_string(OWN_NAMESPACE_FILE);
        let own = own.map_err(|e| format!("unable to read {OWN_NAMESPACE_FILE}: {e}"))?;
        namespaces.push(own.trim().to_owned());
    }
    Ok((client, namespaces))
}

fn explicit(server: &str, http: &HttpConfig, base: &Path) -> Result<Config, String> {
    let mut config = Config::new(server.parse().map_err(|e| format!("api_server: {e}"))?);
    config.auth_info = auth_info(http, base)?;
    config.accept_invalid_certs = http.tls.insecure_skip_verify;
    config.tls_server_name = http.tls.server_name.clone();
    config.root_cert_file = http.tls.ca_file.as_ref().map(|file| base.join(file));
    if let Some(pem) = &http.tls.ca {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let certificates: Result<Vec<Vec<u8>>, _> = certificates.map(|c| c.map(|c| c.to_vec())).collect();
        config.root_cert = Some(certificates.map_err(|e| format!("ca: {e}"))?);
    }
    Ok(config)
}

/// The client library's own description of who one is; its secrets can be set by deserializing only.
fn auth_info(http: &HttpConfig, base: &Path) -> Result<AuthInfo, String> {
    let mut fields = serde_json::Map::new();
    let mut set = |name: &str, value: String| {
        fields.insert(name.to_owned(), value.into());
    };
    match &http.auth {
        Auth::None => {}
        Auth::Basic { username, password } => {
            let read =
                |part: &Option<SecretSource>| part.as_ref().map_or(Ok(String::new()), |p| p.read(base));
            set("username", read(username)?);
            set("password", read(password)?);
        }
        Auth::Credentials { scheme, .. } if !scheme.eq_ignore_ascii_case("bearer") => {
            return Err(format!(
                "authorization type {scheme} is not supported for Kubernetes"
            ));
        }
        Auth::Credentials {
            credentials: SecretSource::File(file),
            ..
        } => {
            set("tokenFile", base.join(file).to_string_lossy().into_owned());
        }
        Auth::Credentials { credentials, .. } => set("token", credentials.read(base)?),
    }
    let tls = &http.tls;
    let path = |file: &Path| base.join(file).to_string_lossy().into_owned();
    let encoded = |pem: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(pem)
    };
    match (&tls.cert, &tls.cert_file) {
        (Some(pem), _) => set("client-certificate-data", encoded(pem)),
        (None, Some(file)) => set("client-certificate", path(file)),
        (None, None) => {}
    }
    match (&tls.key, &tls.key_file) {
        (Some(pem), _) => set("client-key-data", encoded(&pem.0)),
        (None, Some(file)) => set("client-key", path(file)),
        (None, None) => {}
    }
    serde_json::from_value(fields.into()).map_err(|e| e.to_string())
}
