use super::*;

fn whole(text: &str) -> (Head, usize) {
    head(text.as_bytes()).expect("valid").expect("complete")
}

#[test]
fn a_head_says_where_the_body_ends() {
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\ncontent-length: 12\r\n\r\nbody";
    let (found, length) = whole(text);
    assert_eq!(&text[length..], "body");
    assert_eq!(found.framing, Framing::Length(12));
    assert_eq!(found.content_type.as_deref(), Some("text/plain; version=0.0.4"));
    assert!(found.keep_alive && found.encoding.is_none());

    let chunked = whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Encoding: GZIP\r\n\r\n").0;
    assert_eq!(chunked.framing, Framing::Chunked);
    assert_eq!(chunked.encoding.as_deref(), Some("gzip"));
    assert_eq!(whole("HTTP/1.0 200 OK\r\n\r\n").0.framing, Framing::UntilClose);
    assert_eq!(
        whole("HTTP/1.1 304 Not Modified\r\n\r\n").0.framing,
        Framing::Length(0)
    );
}

#[test]
fn connections_are_kept_as_the_head_says() {
    let kept = |text: &str| whole(text).0.keep_alive;
    assert!(kept("HTTP/1.1 200 OK\r\n\r\n"));
    assert!(!kept("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n"));
    assert!(!kept("HTTP/1.0 200 OK\r\n\r\n"));
    assert!(kept("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"));
}

#[test]
fn interim_answers_are_skipped_and_nonsense_is_refused() {
    assert_eq!(
        whole("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n")
            .0
            .status,
        404
    );
    assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(None));
    for wrong in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ] {
        assert!(head(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD));
    assert!(head(endless.as_bytes()).is_err());
}

/// Feeds `pieces` one after the other behind `prefix`.
fn decoded(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut buffer = b"head".to_vec();
    let (mut chunks, mut excess) = (Chunks::new(4), 0);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if chunks.advance(&mut buffer, &mut excess)? {
            assert_eq!(&buffer[..4], b"head");
            return Ok(Some((buffer.split_off(4), excess)));
        }
    }
    Ok(None)
}

#[test]
fn chunks_come_together_however_they_are_cut() {
    let body = b"5\r\nhello\r\nA;name=value\r\n, chunked \r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
    let expected = Ok(Some((b"hello, chunked !".to_vec(), 0)));
    assert_eq!(decoded(&[body]), expected);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(decoded(&bytes), expected);
    for cut in 1..body.len() {
        let (a, b) = body.split_at(cut);
        assert_eq!(decoded(&[a, b]), expected, "cut at {cut}");
        assert_eq!(decoded(&[a]), Ok(None), "cut at {cut}");
    }
    assert_eq!(decoded(&[b"0\r\n\r\nmore"]), Ok(Some((Vec::new(), 4))));
}

#[test]
fn chunks_that_are_none_are_refused() {
    for wrong in [
        &b"x\r\n"[..],
        b"5\r\nhelloXX",
        b"11111111111111111\r\n",
        &[b'1'; 5000],
        &[b' '; 5000],
    ] {
        assert!(decoded(&[wrong]).is_err(), "{:?}", String::from_utf8_lossy(wrong));
    }
    let endless = [b"0\r\n".to_vec(), vec![b't'; 5000]].concat();
    assert!(decoded(&[&endless]).is_err());
}
