use super::write::Writer;
use super::*;

#[test]
fn fields_come_back_in_order() {
    let mut writer = Writer::default();
    writer
        .text(1, "abc")
        .int64(2, -1)
        .double(3, 0.5)
        .nested(4, |inner| {
            inner.int64(1, 300);
        });
    let fields: Vec<Field<'_>> = Message::new(&writer.0).collect::<Result<_, _>>().unwrap();
    assert_eq!(fields[0].text().unwrap(), "abc");
    assert_eq!(fields[1].int64().unwrap(), -1);
    assert_eq!(fields[2].double().unwrap(), 0.5);
    let inner = fields[3].message().unwrap().next().unwrap().unwrap();
    assert_eq!(inner.int64().unwrap(), 300);
    assert_eq!(fields[0].int64(), Err(WireError::Type(1)));
}

#[test]
fn broken_messages_end_in_an_error() {
    let broken: [(&[u8], WireError); 6] = [
        (&[0x0a, 5, b'a'], WireError::Truncated),
        (&[0x0a], WireError::Truncated),
        (&[0x00, 1], WireError::Key),
        (&[0x0b], WireError::Key),
        (
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            WireError::Varint,
        ),
        (
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            WireError::Truncated,
        ),
    ];
    for (bytes, error) in broken {
        let mut message = Message::new(bytes);
        assert_eq!(message.next(), Some(Err(error)), "{bytes:02x?}");
        assert_eq!(message.next(), None);
    }
}

#[test]
fn text_is_checked() {
    let mut writer = Writer::default();
    writer.bytes(7, &[0xff]);
    let field = Message::new(&writer.0).next().unwrap().unwrap();
    assert_eq!(field.text(), Err(WireError::Utf8(7)));
}
