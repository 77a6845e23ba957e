//! Errors of the graph, and their texts.

use rosenblatt::error::Quantity;
use rosenblatt_lecture::{
    Error,
    graph::{Graph, Operation},
};

#[test]
fn a_full_graph_is_an_error() {
    let graph = Graph::<3>::new();
    let x = graph.input(1.0);
    let y = x * 2.0;
    assert_eq!((y.value(), graph.len(), graph.capacity()), (Ok(2.0), 3, 3));
    let z = (y + x).tanh().named("z");
    let full = Error::GraphFull { capacity: 3, asked: 5 };
    assert_eq!(z.value(), Err(full));
    assert_eq!(z.gradient(), Err(full));
    assert_eq!(z.backward(), Err(full));
    assert_eq!(z.accumulate(), Err(full));
    assert_eq!(z.set(1.0), Err(full));
    assert_eq!(z.index(), Err(full));
    assert_eq!(z.operation(), Err(full));
    assert_eq!(z.inputs().map(|_| ()), Err(full));
    assert_eq!(
        (graph.forward(), graph.descend(0.1), graph.zero_gradients()),
        (Err(full), Err(full), Err(full))
    );
    // An incomplete expression is invalid. Even the nodes that fit cannot be read.
    assert_eq!((x.value(), y.backward(), graph.check()), (Err(full), Err(full), Err(full)));
    assert_eq!(full.to_string(), "the graph has room for 3 nodes; the expression has 5 so far");
    assert!(graph.to_string().ends_with(&full.to_string()));
    assert_eq!(graph.len(), 3);
}

#[test]
fn what_was_asked_for_is_what_is_needed() {
    fn expression<const N: usize>(graph: &Graph<N>) -> rosenblatt_lecture::Result<f32> {
        let x = [1.0, 2.0, 3.0].map(|x| graph.input(x));
        let p = graph.softmax(&x);
        graph.categorical_cross_entropy(&p, &[0.0, 1.0, 0.0].map(|t| graph.constant(t))).value()
    }
    let Err(Error::GraphFull { capacity: 5, asked }) = expression(&Graph::<5>::new()) else {
        panic!("five nodes are not enough")
    };
    assert_eq!(asked, 40);
    assert!(expression(&Graph::<39>::new()).is_err());
    assert!(expression(&Graph::<40>::new()).is_ok());
}

#[test]
fn no_room_at_all() {
    let graph = Graph::<0>::new();
    assert_eq!(graph.forward(), Ok(()));
    assert_eq!(graph.to_string().lines().count(), 1);
    assert_eq!(graph.svg().to_string().matches("<rect x=").count(), 0);
    let x = graph.input(1.0);
    assert_eq!((x + 1.0).value(), Err(Error::GraphFull { capacity: 0, asked: 3 }));
    assert!(format!("{x:?} {graph:?}").starts_with("Node(nowhere) Graph(0 of 0"));
}

#[test]
fn a_cleared_graph_is_a_new_one() {
    let mut graph = Graph::<2>::new();
    assert!((graph.input(1.0) + 1.0).value().is_err());
    graph.clear();
    assert_eq!((graph.check(), graph.len(), graph.is_empty()), (Ok(()), 0, true));
    assert_eq!(
        graph.input(1.0).exp().value().map(|e| (e - std::f32::consts::E).abs() < 1e-6),
        Ok(true)
    );
}

#[test]
fn nodes_of_two_graphs_do_not_mix() {
    let (one, other) = (Graph::<8>::new(), Graph::<8>::new());
    let x = one.input(1.0);
    other.input(2.0);
    let y = other.input(3.0);
    let sum = x + y;
    let foreign = Error::OtherGraph { node: 1 };
    assert_eq!((sum.value(), sum.exp().backward()), (Err(foreign), Err(foreign)));
    assert_eq!((x.value(), one.check()), (Err(foreign), Err(foreign)));
    assert_eq!(
        foreign.to_string(),
        "an expression uses node 1 of another graph; all nodes must be of one graph"
    );
    // The other graph is unchanged.
    assert_eq!((y.value(), other.check(), other.len()), (Ok(3.0), Ok(()), 2));
    for mixed in [
        |a: &Graph<8>, b: &Graph<8>| a.input(1.0).max(b.input(2.0)).value(),
        |a: &Graph<8>, b: &Graph<8>| a.sum(&[b.input(2.0)]).value(),
        |a: &Graph<8>, b: &Graph<8>| a.sum(&[a.input(1.0), b.input(2.0)]).value(),
        |a: &Graph<8>, b: &Graph<8>| a.neuron(&[], &[], b.input(2.0)).value(),
        |a: &Graph<8>, b: &Graph<8>| {
            a.neuron(&[a.input(0.0)], &[b.input(2.0)], a.input(1.0)).value()
        },
        |a: &Graph<8>, b: &Graph<8>| a.softmax(&[b.input(2.0)])[0].value(),
        |a: &Graph<8>, b: &Graph<8>| a.softmax(&[a.input(1.0), b.input(2.0)])[0].value(),
        |a: &Graph<8>, b: &Graph<8>| a.mean_squared_error(&[a.input(1.0)], &[b.input(2.0)]).value(),
        |a: &Graph<8>, b: &Graph<8>| a.mean_squared_error(&[b.input(1.0)], &[b.input(2.0)]).value(),
    ] {
        let result = mixed(&Graph::new(), &Graph::new());
        assert!(matches!(result, Err(Error::OtherGraph { .. })), "{result:?}");
    }
}

#[test]
fn only_leaves_are_set() {
    let graph = Graph::<8>::new();
    let (x, w) = (graph.input(1.0), graph.parameter(2.0));
    let y = x * w;
    let c = graph.constant(3.0);
    assert_eq!((x.set(2.0), w.set(4.0), y.value()), (Ok(()), Ok(()), Ok(8.0)));
    let error = Error::NotAnInput { node: 2, operation: "multiply" };
    assert_eq!((y.set(1.0), y.value()), (Err(error), Ok(8.0)));
    assert_eq!(
        error.to_string(),
        "node 2 (multiply) cannot be set; only inputs and parameters can"
    );
    assert_eq!(c.set(1.0), Err(Error::NotAnInput { node: 3, operation: "constant" }));
}

#[test]
fn a_bad_step_changes_nothing() {
    let graph = Graph::<8>::new();
    let (w, v) = (graph.parameter(0.0), graph.parameter(1.0));
    let y = w.ln() + v;
    y.backward().expect("room");
    assert_eq!(w.gradient(), Ok(f32::INFINITY));
    let error = Error::Library(rosenblatt::Error::NotFinite {
        what: Quantity::Gradient,
        epoch: 0,
        step: 0,
    });
    assert_eq!((graph.descend(0.1), w.value(), v.value()), (Err(error), Ok(0.0), Ok(1.0)));
    for lr in [-1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(
            graph.descend(lr),
            Err(Error::Library(rosenblatt::Error::HyperParameter { name: "lr", .. }))
        ));
    }
}

#[test]
fn nodes_can_be_walked() {
    let graph = Graph::<8>::new();
    let x = graph.input(1.0).named("x");
    let y = (x * 2.0).powi(3);
    assert_eq!(graph.nodes().len(), 4);
    let operations: Vec<_> = graph.nodes().map(|node| node.operation().expect("room")).collect();
    assert_eq!(
        operations,
        [Operation::Input, Operation::Constant, Operation::Multiply, Operation::Powi(3)]
    );
    assert_eq!(graph.nodes().next_back().map(|node| node.index()), Some(y.index()));
    assert_eq!(y.inputs().expect("room").first().map(|node| node.value()), Some(Ok(2.0)));
    assert_eq!(format!("{x:?}"), "Node(#0)");
}
