//! The graph as a table, as DOT and as SVG.

use rosenblatt_lecture::graph::Graph;

#[test]
fn a_table() {
    let graph = Graph::<16>::new();
    let (x, w) = (graph.input(2.0).named("x"), graph.parameter(-0.5).numbered("w", 11));
    let y = (w * x + 3.0).powi(2).named("square");
    y.backward().expect("room");
    let want = "    #  name    operation  inputs           value        gradient
    0  x       input                    2.000000       -2.000000
    1  w11     parameter               -0.500000        8.000000
    2          multiply   w11, x       -1.000000        4.000000
    3          constant                 3.000000        4.000000
    4          add        #2, #3        2.000000        4.000000
    5  square  power 2    #4            4.000000        1.000000";
    assert_eq!(graph.to_string(), want);
    // It shows the current values.
    x.set(8.0).expect("an input");
    assert!(
        graph
            .to_string()
            .contains("    4          add        #2, #3       -1.000000        4.000000\n")
    );
}

#[test]
fn columns_hold_any_number() {
    let graph = Graph::<16>::new();
    for value in [1e30, -1.5e-20, f32::MIN, f32::INFINITY, f32::NAN, -0.0, 999_999.9, 1e-45] {
        graph.input(value).named("größe");
    }
    let text = graph.to_string();
    println!("{text}");
    let lengths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{text}");
    assert!(text.contains("1.0000e30") && text.contains("-1.5000e-20") && text.contains("NaN"));
}

#[test]
fn dot() {
    let graph = Graph::<16>::new();
    let x = graph.input(2.0).named("a \"b\" \\");
    let y = x * x;
    y.backward().expect("room");
    let want = r#"digraph {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  n0 [label="a \"b\" \\: input\n2.0000\ngradient 4.0000", style=rounded];
  n1 [label="multiply\n4.0000\ngradient 1.0000"];
  n0 -> n1;
  n0 -> n1;
}
"#;
    assert_eq!(graph.dot().to_string(), want);
}

/// Tags are closed. Boxes do not overlap and lie inside the picture.
#[test]
fn svg() {
    let graph = Graph::<64>::new();
    let x = [0.5, -1.0].map(|x| graph.input(x).named("<x> & y"));
    let w = [0.25, 2.0].map(|w| graph.parameter(w));
    let y = graph.neuron(&x, &w, graph.parameter(1.0)).tanh();
    let t = graph.input(1.0);
    graph.binary_cross_entropy(&[y], &[t]).backward().expect("room");
    let text = graph.svg().to_string();
    assert!(text.contains("&lt;x&gt; &amp; y: input") && !text.contains("<x>"));
    assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    for tag in ["text", "g", "svg", "defs", "marker"] {
        let opened =
            text.matches(&format!("<{tag}>")).count() + text.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let number = |line: &str, key: &str| -> f32 {
        let rest =
            &line[line.find(&format!(" {key}=\"")).expect("the attribute") + key.len() + 3..];
        rest[..rest.find('"').expect("a quote")].parse().expect("a number")
    };
    let (wide, high) = (number(&text, "width"), number(&text, "height"));
    let boxes: Vec<[f32; 4]> = text
        .lines()
        .filter(|line| line.starts_with("<rect x="))
        .map(|line| ["x", "y", "width", "height"].map(|key| number(line, key)))
        .collect();
    assert_eq!(boxes.len(), graph.len());
    for (i, [x, y, w, h]) in boxes.iter().enumerate() {
        assert!(*x >= 0.0 && *y >= 0.0 && x + w <= wide && y + h <= high, "box {i} is outside");
        for [u, v, ..] in &boxes[..i] {
            assert!((x - u).abs() >= *w || (y - v).abs() >= *h, "box {i} lies on another");
        }
    }
    // One arrow per input, from left to right.
    let edges: usize = graph.nodes().map(|node| node.inputs().expect("room").len()).sum();
    assert_eq!(text.matches("marker-end").count(), edges);
    for node in graph.nodes() {
        for input in node.inputs().expect("room") {
            let (from, to) = (input.index().expect("room"), node.index().expect("room"));
            assert!(boxes[from][0] + boxes[from][2] < boxes[to][0], "{from} to {to}");
        }
    }
}

/// A layer whose height overflows an i32 must not cause a panic.
#[test]
fn very_many_nodes() {
    let graph = Box::new(Graph::<16_000>::new());
    let x = graph.input(1.0);
    for _ in 0..8_000 {
        let _ = x.relu();
    }
    assert_eq!(graph.svg().to_string().matches("<rect x=").count(), 8_001);
}
