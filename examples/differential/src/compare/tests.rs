use super::*;

fn answer(body: &str) -> Answer {
    Answer::from_json(body.as_bytes()).unwrap()
}

fn vector(rows: &str) -> Answer {
    answer(&format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{rows}]}}}}"#
    ))
}

fn kind(peer: &Answer, ours: &Answer) -> Option<Kind> {
    compare(peer, ours, Order::Free).map(|d| d.kind)
}

#[test]
fn each_kind_of_difference_is_found() {
    let one = vector(r#"{"metric":{"a":"1"},"value":[1,"1"]}"#);
    let near = vector(r#"{"metric":{"a":"1"},"value":[1,"1.0000000001"]}"#);
    let far = vector(r#"{"metric":{"a":"1"},"value":[1,"1.00001"]}"#);
    let other = vector(r#"{"metric":{"a":"2"},"value":[1,"1"]}"#);
    let late = vector(r#"{"metric":{"a":"1"},"value":[2,"1"]}"#);
    let histogram = |count: u8| {
        vector(&format!(
            r#"{{"metric":{{"a":"1"}},"histogram":[1,{{"count":"1","sum":"1","buckets":[[0,"1","2","{count}"]]}}]}}"#
        ))
    };
    let error = answer(r#"{"status":"error","errorType":"execution","error":"x"}"#);
    let worse = answer(r#"{"status":"error","errorType":"bad_data","error":"x"}"#);
    let said = answer(r#"{"status":"error","errorType":"execution","error":"y"}"#);
    let scalar = answer(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#);
    let empty = vector("");
    let warned =
        answer(r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["w"]}"#);
    let informed = answer(r#"{"status":"success","data":{"resultType":"vector","result":[]},"infos":["w"]}"#);
    for (peer, ours, expected) in [
        (&one, &one, None),
        (&one, &near, None),
        (&one, &far, Some(Kind::Floats)),
        (&one, &other, Some(Kind::LabelSets)),
        (&one, &late, Some(Kind::Presence)),
        (&one, &histogram(1), Some(Kind::Presence)),
        (&histogram(1), &histogram(1), None),
        (&histogram(1), &histogram(2), Some(Kind::Histograms)),
        (&one, &error, Some(Kind::OnlyOneFails)),
        (&error, &worse, Some(Kind::ErrorType)),
        (&error, &said, Some(Kind::ErrorText)),
        (&one, &scalar, Some(Kind::ResultType)),
        (&empty, &warned, Some(Kind::Warnings)),
        (&informed, &empty, Some(Kind::Infos)),
    ] {
        assert_eq!(kind(peer, ours), expected, "{peer}{ours}");
    }
}

#[test]
fn order_counts_where_the_query_sorts() {
    let (a, b) = (
        r#"{"metric":{"a":"1"},"value":[1,"1"]}"#,
        r#"{"metric":{"a":"2"},"value":[1,"2"]}"#,
    );
    let (up, down) = (vector(&format!("{a},{b}")), vector(&format!("{b},{a}")));
    assert!(compare(&up, &down, Order::of("a + b")).is_none());
    assert_eq!(
        compare(&up, &down, Order::of("sort(a)")).unwrap().kind,
        Kind::Order
    );
    assert_eq!(
        compare(&up, &down, Order::of("sort_by_label(a)")).unwrap().kind,
        Kind::Order
    );
}

#[test]
fn special_floats_equal_themselves_only() {
    assert!(same(f64::NAN, f64::NAN) && same(f64::INFINITY, f64::INFINITY) && same(0.0, -0.0));
    assert!(
        !same(f64::INFINITY, f64::MAX) && !same(f64::INFINITY, f64::NEG_INFINITY) && !same(f64::NAN, 0.0)
    );
    assert!(!same(1e-300, 2e-300) && !same(0.0, 1e-300));
}
