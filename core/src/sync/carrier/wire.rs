//! The HTTP below a remote mailbox: one request, with deadlines and bounds, and a record of how it ended. What the
//! record means in words, and whether to try again, is for `remote`.

use std::error::Error as _;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use iroh::tls::CaTlsConfig;
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport};
#[cfg(any(target_os = "android", test))]
use rustls::pki_types::CertificateDer;

use crate::error::Error;

/// How long a connection may take, and every wait for more bytes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes a second below which a transfer is given up.
const SLOWEST: u64 = 4 * 1024;
/// However large it is, no transfer takes longer: the largest bundle that is written passes at the slowest pace.
const LONGEST: Duration = Duration::from_secs(20 * 60);
/// An answer that reports a failure is read so far.
const MAX_COMPLAINT: u64 = 64 * 1024;

/// How the last request of an operation ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The status of its answer, if there was one.
    pub(super) status: Option<u16>,
    /// The word between `<Code>` and `</Code>`, as S3 explains a failure.
    pub(super) code: String,
    /// Where the server would rather have us.
    pub(super) elsewhere: Option<String>,
    /// Why there was no answer, or not all of it.
    pub(super) broken: Option<Broken>,
}

/// Why an answer did not come, or not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Nobody answers at this address, with what the system said.
    NotReached(String),
    /// The server cannot prove who it is.
    Certificate(String),
    /// It broke off on the way.
    CutOff,
    /// It stalled.
    TooSlow,
    /// It holds more than may be taken.
    TooMuch,
}

impl Broken {
    /// What a person is told, who calls the server so.
    pub(super) fn at(&self, words: &str) -> Error {
        Error::Unreachable(match self {
            Self::Certificate(why) => {
                return Error::Denied(format!("this device does not trust the certificate of {words} ({why})"));
            }
            Self::NotReached(why) => format!("{words} cannot be reached now ({why})"),
            Self::CutOff => format!("the connection to {words} was cut off"),
            Self::TooSlow => format!("{words} did not answer in time"),
            Self::TooMuch => format!("{words} answers more than was asked for"),
        })
    }
}

/// A transport for one operation.
pub(super) struct Wire {
    client: reqwest::Client,
    most: u64,
    seen: Arc<Mutex<Seen>>,
}

impl Wire {
    /// A transport that takes at most so many bytes of an answer, and notes here how it went.
    pub(super) fn new(client: reqwest::Client, most: u64, seen: Arc<Mutex<Seen>>) -> Self {
        Self { client, most, seen }
    }

    async fn send(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Broken> {
        let (parts, body) = request.into_parts();
        let url = reqwest::Url::parse(&parts.uri.to_string()).map_err(|error| Broken::NotReached(error.to_string()))?;
        let uploading = time_for(body.len());
        let mut asking = self.client.request(parts.method, url).headers(parts.headers);
        if !body.is_empty() {
            asking = asking.body(body.to_bytes());
        }
        let answer = within(uploading, asking.send()).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let good = status.is_success();
        let body = read(answer, if good { self.most } else { MAX_COMPLAINT }).await;
        // What a failure says is worth having, and worth no second failure.
        let body = if good { body? } else { body.unwrap_or_default() };
        self.note(Seen {
            status: Some(status.as_u16()),
            code: code(&body),
            elsewhere: headers.get("location").and_then(|to| to.to_str().ok()).map(str::to_owned),
            broken: None,
        });
        let stream = futures_util::stream::iter([Ok(Buffer::from(body))]);
        let mut response = Response::new(HttpBody::new(stream, None));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl HttpTransport for Wire {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        match self.send(request).await {
            Ok(response) => Ok(response),
            Err(broken) => {
                self.note(Seen { broken: Some(broken), ..Seen::default() });
                Err(opendal::Error::new(ErrorKind::Unexpected, "no whole answer"))
            }
        }
    }
}

/// How long so many bytes may take.
fn time_for(bytes: usize) -> Duration {
    PATIENCE + Duration::from_secs(bytes as u64 / SLOWEST).min(LONGEST)
}

/// Reads an answer as it comes, with a bound; a server that sends drop by drop is given up.
async fn read(mut answer: reqwest::Response, most: u64) -> Result<Vec<u8>, Broken> {
    if answer.content_length().is_some_and(|length| length > most) {
        return Err(Broken::TooMuch);
    }
    let start = Instant::now();
    let mut body = Vec::new();
    loop {
        let allowed = time_for(body.len());
        let Some(bytes) = within(allowed.saturating_sub(start.elapsed()), answer.chunk()).await? else {
            return Ok(body);
        };
        if (body.len() + bytes.len()) as u64 > most {
            return Err(Broken::TooMuch);
        }
        body.extend_from_slice(&bytes);
    }
}

/// Asks for this page, reads none of it, and says with which status the server answers.
pub(super) async fn knock(url: reqwest::Url) -> Result<u16, Broken> {
    let client = client(url.scheme() == "https").map_err(|error| broken(&error))?;
    within(PATIENCE, client.get(url).send()).await.map(|answer| answer.status().as_u16())
}

async fn within<T>(time: Duration, work: impl Future<Output = reqwest::Result<T>>) -> Result<T, Broken> {
    match tokio::time::timeout(time, work).await {
        Ok(done) => done.map_err(|error| broken(&error)),
        Err(_) => Err(Broken::TooSlow),
    }
}

fn broken(error: &reqwest::Error) -> Broken {
    let mut deepest = error.source();
    while let Some(next) = deepest.and_then(std::error::Error::source) {
        deepest = Some(next);
    }
    let why = deepest.map_or_else(|| "no reason given".into(), ToString::to_string);
    if why.contains("certificate") {
        Broken::Certificate(why)
    } else if error.is_timeout() && !error.is_connect() {
        Broken::TooSlow
    } else if error.is_connect() {
        Broken::NotReached(why)
    } else {
        Broken::CutOff
    }
}

/// S3 explains itself in a small XML; its first code is all that is wanted of it.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code.chars().filter(char::is_ascii_alphanumeric).take(64).collect()).unwrap_or_default()
}

/// What Android trusts, a file each. From Android 14 on the first is updated apart from the system.
#[cfg(target_os = "android")]
const ANDROID_TRUSTS: [&str; 2] = ["/apex/com.android.conscrypt/cacerts", "/system/etc/security/cacerts"];

/// The certificates in the first of these folders that has any. A file that holds none is passed over.
#[cfg(any(target_os = "android", test))]
fn trusted(folders: &[&str]) -> Vec<CertificateDer<'static>> {
    use rustls::RootCertStore;
    use rustls::pki_types::pem::PemObject;
    let of_folder = |folder: &&str| {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let roots = files.filter_map(|file| CertificateDer::from_pem_file(file.path()).ok());
        roots.filter(|root| RootCertStore::empty().add(root.clone()).is_ok()).collect::<Vec<_>>()
    };
    folders.iter().map(of_folder).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The same as reqwest wants them.
#[cfg(any(target_os = "android", test))]
fn for_reqwest(trusted: &[CertificateDer<'_>]) -> Vec<reqwest::Certificate> {
    trusted.iter().filter_map(|root| reqwest::Certificate::from_der(root).ok()).collect()
}

/// The same for whoever speaks TLS without reqwest: what the system trusts.
pub(super) fn trusts() -> CaTlsConfig {
    #[cfg(target_os = "android")]
    {
        CaTlsConfig::custom_roots(trusted(&ANDROID_TRUSTS))
    }
    #[cfg(not(target_os = "android"))]
    {
        CaTlsConfig::system()
    }
}

/// A client that goes where it is told and nowhere else: no proxy of the environment, no redirect (a password would go
/// along, or a write be turned into a read), and certificates as the system trusts them.
pub(super) fn client(encrypted: bool) -> reqwest::Result<reqwest::Client> {
    // Whoever was first chose the cryptography for the whole process; any choice will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent("Kith")
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PATIENCE / 2)
        .pool_idle_timeout(PATIENCE);
    // Asked by the library that asks other systems, Android wants classes in each app, and a panic tells that they miss.
    #[cfg(target_os = "android")]
    if encrypted {
        builder = builder.tls_certs_only(for_reqwest(&trusted(&ANDROID_TRUSTS)));
    }
    if !encrypted {
        // A system without certificates can still speak to a server on its own network.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{PATIENCE, for_reqwest, time_for, trusted};

    /// Made with `openssl req -x509`.
    const ROOT: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBSDCB+6ADAgECAhQ4GvzcTsoJVJrwRB9JQaedU/TcAjAFBgMrZXAwGTEXMBUG\n\
        A1UEAwwOUm9vdCBvZiBhIHRlc3QwIBcNMjYxMTIzMTExMDExWhgPMjEyNjEwMzAx\n\
        MTEwMTFaMBkxFzAVBgNVBAMMDlJvb3Qgb2YgYSB0ZXN0MCowBQYDK2VwAyEAXVAi\n\
        Ks3Vs8tSpipiS2VnNyssmeH7coRRg+CEdMn20/WjUzBRMB0GA1UdDgQWBBR+u9/t\n\
        ytHApAuqwzEkLNSY74E/xzAfBgNVHSMEGDAWgBR+u9/tytHApAuqwzEkLNSY74E/\n\
        xzAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAHeYYdkhaip9SVJs162zvJWsHRV9\n\
        YlhXnkGiHWWucDVYGV5327QdKk6PwjsINlaNzpuHgnhn7lqclofyoWd6EAQ=\n\
        -----END CERTIFICATE-----\n";

    #[test]
    fn a_large_file_has_more_time_than_a_small_one_and_none_has_hours() {
        let minutes = |bytes: usize| (time_for(bytes) - PATIENCE).as_secs() / 60;
        assert_eq!((minutes(0), minutes(1024 * 1024), minutes(4 * 1024 * 1024)), (0, 4, 17));
        assert_eq!(minutes(64 * 1024 * 1024), 20);
    }

    #[test]
    fn a_phone_trusts_what_lies_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let [empty, full] = ["empty", "full"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
        [&empty, &full].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        std::fs::write(
            format!("{full}/0a1b2c3d.0"),
            format!("{ROOT}Certificate:\n  Data: in words, as Android has it\n"),
        )
        .unwrap();
        std::fs::write(format!("{full}/broken.0"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        std::fs::write(format!("{full}/notes"), [0, 159, 146]).unwrap();
        let folders = ["/not/there", empty.as_str(), full.as_str()];
        assert_eq!(trusted(&folders).len(), 1);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = for_reqwest(&trusted(&folders));
        assert_eq!(roots.len(), 1);
        assert!(reqwest::Client::builder().tls_certs_only(roots).build().is_ok());
        assert!(trusted(&folders[..2]).is_empty());
    }
}
