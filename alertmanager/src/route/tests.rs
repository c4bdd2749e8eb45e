use super::*;
use crate::group::group_key;
use crate::matchers::parse_matchers;

fn options(receiver: &str) -> RouteOptions {
    RouteOptions {
        receiver: Arc::from(receiver),
        ..RouteOptions::default()
    }
}

/// Nodes as (depth, matchers, continue, receiver).
fn tree(nodes: &[(usize, &str, bool, &str)]) -> Tree {
    let mut builder = TreeBuilder::default();
    let mut path: Vec<usize> = Vec::new();
    for (depth, matchers, continues, receiver) in nodes {
        path.truncate(*depth);
        let matchers = Matchers::new(parse_matchers(matchers).unwrap());
        path.push(builder.add(path.last().copied(), matchers, *continues, options(receiver)));
    }
    builder.build()
}

fn labels(pairs: &str) -> Labels {
    Labels::from_pairs(pairs.split(',').filter_map(|pair| pair.split_once('=')))
}

#[test]
fn the_deepest_match_wins_and_continue_goes_on() {
    let tree = tree(&[
        (0, "", false, "root"),
        (1, "team=db", false, "db"),
        (2, "severity=page", true, "db-page"),
        (2, "owner=x", false, "db-x"),
        (1, "team=web", true, "web"),
        (1, "severity=~page|ticket", false, "duty"),
    ]);
    for (alert, expected) in [
        ("team=none", "root"),
        ("team=db", "db"),
        ("team=db,severity=page", "db-page"),
        ("team=db,severity=page,owner=x", "db-page db-x"),
        ("team=web", "web"),
        ("team=web,severity=ticket", "web duty"),
        ("severity=ticket", "duty"),
    ] {
        let found: Vec<_> = tree
            .matching(&labels(alert))
            .iter()
            .map(|r| r.options.receiver.to_string())
            .collect();
        assert_eq!(found.join(" "), expected, "{alert}");
    }
}

#[test]
fn group_keys_are_those_of_alertmanager() {
    let tree = tree(&[(0, "", false, "root"), (1, "severity=page,a!=b", false, "page")]);
    let alert = labels("severity=page,alertname=X \"y\",job=api");
    let route = tree.matching(&alert)[0];
    let by = RouteOptions {
        group_by: GroupBy::Names(vec!["alertname".into(), "job".into()]),
        ..options("")
    };
    assert_eq!(
        group_key(route, &by.group_labels(&alert)),
        r#"{}/{a!="b",severity="page"}:{alertname="X \"y\"", job="api"}"#
    );
    assert_eq!(group_key(tree.get(0).unwrap(), &Labels::empty()), "{}:{}");
    let all = RouteOptions {
        group_by: GroupBy::All,
        ..options("")
    };
    assert_eq!(all.group_labels(&alert), alert);
}
