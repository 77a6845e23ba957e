//! The Rust modules that the tool writes compile, and their networks have the model's weights.

mod common;

use common::{read, saved_bytes};
use rosenblatt_tool::{run, rust};
use std::{fs, path::Path};

#[test]
fn a_name_is_one_that_a_type_can_have() {
    let model = read("dense.keras").model;
    for name in ["Self", "net", "A B", "Größe", ""] {
        let error = rust::module(&model, name, "a test").expect_err(name);
        assert!(error.to_string().contains("is no name for a type"), "{error}");
    }
}

#[test]
fn a_module_holds_the_weights_of_its_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = ["Dense", "Norm", "Cnn", "Pooled", "Conv1d", "Recurrent", "Nested"];
    let mut main = String::from("use std::{env, fs};\n");
    let mut checks = String::new();
    let mut places = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let model = read(&format!("{}.keras", name.to_lowercase())).model;
        // A name of its own, so that it does not hide the layer's.
        let module = rust::module(&model, &format!("{name}Net"), "a test").expect(name);
        main += &format!("mod m{i} {{\n{module}}}\n");
        let place = folder.path().join(name);
        fs::write(&place, saved_bytes(&model)).expect("a file");
        places.push(place);
        let constant = module.split("pub static ").nth(1).expect("a static");
        let constant = constant.split(':').next().expect("a name");
        checks += &format!(
            "    let mut file = vec![0; m{i}::{name}Net::SAVED_BYTES];\n    \
             m{i}::{constant}.save(&mut file).unwrap();\n    \
             assert!(file == fs::read(&places[{i}]).unwrap(), \"{name}\");\n"
        );
    }
    main += "fn run() -> Result<(), std::io::Error> {\n    let places: Vec<_> = env::args_os().skip(1).collect();\n";
    main += &checks;
    main += "    println!(\"equal\");\n    Ok(())\n}\n";
    let places: Vec<&Path> = places.iter().map(AsRef::as_ref).collect();
    assert_eq!(run::program(&main, &places).expect("it compiles"), "equal\n");
}
