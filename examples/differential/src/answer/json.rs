//! Answers of the HTTP API.

use serde_json::Value as Json;

use super::{Answer, Cell, Distribution, Row, Value};
use crate::Failure;

impl Answer {
    /// The answer in a body of `/api/v1/query` or `/api/v1/query_range`.
    pub(crate) fn from_json(body: &[u8]) -> Result<Answer, Failure> {
        let json: Json = serde_json::from_slice(body).map_err(|e| {
            format!(
                "the answer is not JSON ({e}): {}",
                String::from_utf8_lossy(&body[..body.len().min(200)])
            )
        })?;
        if json["status"] != "success" {
            return Ok(Answer::error(text(&json["errorType"])?, text(&json["error"])?));
        }
        let kind = text(&json["data"]["resultType"])?.to_owned();
        let result = &json["data"]["result"];
        let rows = match kind.as_str() {
            "scalar" | "string" => {
                let cell = match kind.as_str() {
                    "scalar" => Cell::Float(float(&result[1])?),
                    _ => Cell::Text(text(&result[1])?.to_owned()),
                };
                vec![Row {
                    labels: Default::default(),
                    cells: vec![(time(&result[0])?, cell)],
                }]
            }
            _ => list(result)?.iter().map(row).collect::<Result<_, _>>()?,
        };
        let texts = |key: &str| -> Result<_, Failure> {
            let list = json[key].as_array().into_iter().flatten();
            list.map(|t| Ok(text(t)?.to_owned())).collect()
        };
        Ok(Answer::Value(Value {
            kind,
            rows,
            warnings: texts("warnings")?,
            infos: texts("infos")?,
        }))
    }
}

fn row(json: &Json) -> Result<Row, Failure> {
    let labels = json["metric"].as_object().ok_or("a series without labels")?;
    let labels = labels
        .iter()
        .map(|(name, value)| Ok((name.clone(), text(value)?.to_owned())));
    let mut cells = Vec::new();
    for pair in list(&json["values"])?.iter().chain(json.get("value")) {
        cells.push((time(&pair[0])?, Cell::Float(float(&pair[1])?)));
    }
    for pair in list(&json["histograms"])?.iter().chain(json.get("histogram")) {
        cells.push((time(&pair[0])?, Cell::Histogram(distribution(&pair[1])?)));
    }
    Ok(Row {
        labels: labels.collect::<Result<_, Failure>>()?,
        cells,
    })
}

fn distribution(json: &Json) -> Result<Distribution, Failure> {
    let bucket = |b: &Json| {
        let ends = b[0].as_u64().ok_or("a bucket without its kind of ends")?;
        Ok((ends, float(&b[1])?, float(&b[2])?, float(&b[3])?))
    };
    Ok(Distribution {
        count: float(&json["count"])?,
        sum: float(&json["sum"])?,
        buckets: list(&json["buckets"])?
            .iter()
            .map(bucket)
            .collect::<Result<_, Failure>>()?,
    })
}

/// The elements of a list; none where it is absent.
fn list(json: &Json) -> Result<&[Json], Failure> {
    match json {
        Json::Null => Ok(&[]),
        Json::Array(list) => Ok(list),
        other => Err(format!("not a list: {other}").into()),
    }
}

fn text(json: &Json) -> Result<&str, Failure> {
    json.as_str().ok_or_else(|| format!("not a text: {json}").into())
}

fn float(json: &Json) -> Result<f64, Failure> {
    match text(json)? {
        "+Inf" => Ok(f64::INFINITY),
        other => Ok(other.parse()?),
    }
}

fn time(json: &Json) -> Result<i64, Failure> {
    let seconds = json.as_f64().ok_or("no time")?;
    Ok((seconds * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_histograms_and_errors_are_read() {
        let body = br#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"a":"b"},"histogram":[1.5,{"count":"3","sum":"+Inf","buckets":[[3,"-1","1","NaN"]]}]},
            {"metric":{},"value":[1.5,"-Inf"]}]},"infos":["x"]}"#;
        let Answer::Value(value) = Answer::from_json(body).unwrap() else {
            panic!("an error")
        };
        assert_eq!(value.rows[1].cells, [(1500, Cell::Float(f64::NEG_INFINITY))]);
        let (1500, Cell::Histogram(h)) = &value.rows[0].cells[0] else {
            panic!("no histogram")
        };
        assert!(h.sum.is_infinite() && h.buckets[0].3.is_nan());
        assert!(value.infos.contains("x"));
        let error = br#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": no"}"#;
        assert_eq!(Answer::from_json(error).unwrap(), Answer::error("bad_data", "no"));
        assert!(Answer::from_json(b"oops").is_err());
    }
}
