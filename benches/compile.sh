#!/usr/bin/env bash
# How long a program with one network takes to compile: user seconds of `cargo build --release`
# after touching the program, with everything it depends on built already.
#
#     bash benches/compile.sh            all programs of benches/compile/src/bin, best of two
#     bash benches/compile.sh xor gru    only these
set -eu
cd "$(dirname "$0")/compile"
runs=${RUNS:-2}
programs=("$@")
[ $# -gt 0 ] || for file in src/bin/*.rs; do programs+=("$(basename "$file" .rs)"); done

# Prints the user seconds of a command.
user_seconds() {
    local TIMEFORMAT=%U
    { time "$@" >/dev/null 2>&3; } 3>&2 2>&1
}

cargo build --quiet --release
printf '%-12s %14s %10s\n' program 'user seconds' KiB
for program in "${programs[@]}"; do
    best=
    for _ in $(seq "$runs"); do
        touch "src/bin/$program.rs"
        seconds=$(user_seconds cargo build --quiet --release --bin "$program")
        best=$(printf '%s\n' $best "$seconds" | sort -n | head -1)
    done
    printf '%-12s %14s %10s\n' "$program" "$best" \
        $(($(stat -c %s "target/release/$program") / 1024))
done
