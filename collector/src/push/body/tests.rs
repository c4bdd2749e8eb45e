use std::io::Write;

use super::*;

fn packed(encoding: Encoding, data: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Identity => data.to_vec(),
        Encoding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(data).unwrap();
            writer.finish().unwrap()
        }
        Encoding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(data).unwrap();
            writer.finish().unwrap()
        }
        Encoding::Snappy => snap::raw::Encoder::new().compress_vec(data).unwrap(),
        Encoding::Zstd => zstd::encode_all(data, 1).unwrap(),
    }
}

const ALL: [Encoding; 5] = [
    Encoding::Identity,
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Snappy,
    Encoding::Zstd,
];

#[test]
fn every_encoding_comes_back() {
    let data = b"hello hello hello hello".repeat(100);
    for encoding in ALL {
        let body = packed(encoding, &data);
        assert_eq!(decode(encoding, &body, data.len()).unwrap(), data, "{encoding:?}");
    }
}

#[test]
fn what_unpacks_to_more_than_the_limit_is_refused() {
    let data = vec![0u8; 100_000];
    for encoding in ALL {
        let body = packed(encoding, &data);
        let error = decode(encoding, &body, data.len() - 1).unwrap_err();
        assert_eq!(
            error,
            PushError::TooLarge {
                limit: 99_999,
                unit: "bytes"
            },
            "{encoding:?}"
        );
    }
}

#[test]
fn a_snappy_length_that_lies_allocates_nothing() {
    let error = decode(Encoding::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 1 << 20).unwrap_err();
    assert_eq!(
        error,
        PushError::TooLarge {
            limit: 1 << 20,
            unit: "bytes"
        }
    );
}

#[test]
fn damaged_bodies_are_malformed() {
    for encoding in [
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Snappy,
        Encoding::Zstd,
    ] {
        let mut body = packed(encoding, &b"some text that is long enough".repeat(20));
        body.truncate(body.len() / 2);
        let error = decode(encoding, &body, 1 << 20).unwrap_err();
        assert!(
            matches!(error, PushError::Malformed { .. }),
            "{encoding:?}: {error}"
        );
        assert!(
            decode(encoding, b"no such thing", 1 << 20).is_err(),
            "{encoding:?}"
        );
    }
}

#[test]
fn header_values() {
    assert_eq!(Encoding::from_header(None).unwrap(), Encoding::Identity);
    assert_eq!(Encoding::from_header(Some("GZIP")).unwrap(), Encoding::Gzip);
    assert!(matches!(
        Encoding::from_header(Some("br")),
        Err(PushError::Unsupported { .. })
    ));
    assert!(matches!(
        Encoding::from_header(Some("gzip, gzip")),
        Err(PushError::Unsupported { .. })
    ));
}
