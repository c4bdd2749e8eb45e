//! A mail server that takes one mail and writes down the conversation.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) commands: Vec<String>,
    pub(super) mail: String,
}

/// The server; it knows the user `robot` with the password `hush`.
pub(super) struct SmtpSink {
    address: SocketAddr,
    session: JoinHandle<Session>,
}

impl SmtpSink {
    pub(super) async fn start(auth: bool) -> SmtpSink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let session = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut session = Session::default();
            // A client that goes away in the middle ends the session; what it said counts.
            let _ = converse(stream, auth, &mut session).await;
            session
        });
        SmtpSink { address, session }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The conversation, once it is over.
    pub(super) async fn session(self) -> Session {
        tokio::time::timeout(std::time::Duration::from_secs(10), self.session)
            .await
            .unwrap()
            .unwrap()
    }
}

async fn converse(stream: TcpStream, auth: bool, session: &mut Session) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim_end().to_owned();
        session.commands.push(command.clone());
        let verb = command.split([' ', ':']).next().unwrap_or("");
        let answer: &[u8] = match verb {
            "EHLO" if auth => b"250-sink\r\n250 AUTH PLAIN LOGIN\r\n",
            "EHLO" => b"250-sink\r\n250 8BITMIME\r\n",
            "AUTH" if command.ends_with("AHJvYm90AGh1c2g=") => b"235 welcome\r\n",
            "AUTH" => b"535 who are you\r\n",
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
        match verb {
            "DATA" => {
                session.mail = read_mail(&mut stream).await?;
                stream.write_all(b"250 taken\r\n").await?;
            }
            "QUIT" => return Ok(()),
            _ => {}
        }
    }
}

async fn read_mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(&line);
    }
}
