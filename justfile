# Development commands. `just` lists them.

# Lists the recipes.
default:
    @just --list

# Builds the four programs without optimisation.
build:
    cargo build --bins

# Demonstrates the programs: login, wildcards, QoS, last will.
demo:
    examples/weather-station.sh

# Runs the checks that every commit must pass.
check: format lint test

# Checks the formatting of the code.
format:
    cargo fmt --check

# Lints the code; warnings are errors.
lint:
    cargo clippy --locked --all-targets -- -D warnings

# Writes the manual pages and completions anew.
documents:
    cargo run --locked --example documents

# Builds the library's documentation; a broken link is an error.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --lib

# Checks licences, duplicates and advisories of the dependencies (needs cargo-deny).
deny:
    cargo deny --locked check

# Runs all tests, or those selected by ARGUMENTS: just test --test fast guide::
test *ARGUMENTS:
    cargo test --locked {{ ARGUMENTS }}

# Installs the Node.js and Python packages that some tests need.
peers:
    npm ci --prefix tests/peers --no-audit --no-fund
    python3 -m venv target/peers/python
    target/peers/python/bin/pip install --quiet -r tests/peers/requirements.txt

# Runs every command of the lab sheets.
lab:
    cargo test --locked --test peers lab_sheets

# Runs the commands of the lab guide with Debian's Mosquitto instead of our programs.
guide-with-mosquitto:
    MQ_BROKER_PROGRAM=mosquitto MQ_PUB_PROGRAM=mosquitto_pub \
        MQ_SUB_PROGRAM=mosquitto_sub MQ_PASSWD_PROGRAM=mosquitto_passwd \
        cargo test --locked --test fast guide::

# Kills the broker ROUNDS times under load: just crash 2000
crash ROUNDS="500":
    MQ_CRASH_ROUNDS={{ ROUNDS }} cargo test --locked --test durability crash

# Cuts the power CUTS times, with and without persistence_sync: just power-cuts 2000
power-cuts CUTS="500":
    MQ_POWER_CUTS={{ CUTS }} cargo test --locked --test durability power_cut

# Runs all behaviours of hostile clients at full size against an optimised broker (ten minutes).
hostile:
    cargo test --locked --release --test durability hostile:: -- --nocapture --test-threads=1

# Measures the broker.
bench:
    cargo bench --locked --bench broker

# Compares mq-pub and mq-sub with Mosquitto's clients.
bench-clients:
    cargo bench --locked --bench clients

# Builds static programs and prints their directory.
static:
    packaging/build-static.sh

# Tests the programs of the container image in an empty root, without a container engine.
test-image:
    MQ_STATIC_PROGRAMS=$(packaging/build-static.sh) cargo test --locked --test peers container

# Builds a Debian package and an archive of static programs for TARGET in target/packages.
package TARGET="x86_64-unknown-linux-gnu":
    packaging/build-static.sh {{ TARGET }}
    packaging/package.sh {{ TARGET }}

# Installs, tests and purges the Debian package PACKAGE. Use a disposable machine.
test-package PACKAGE:
    sudo packaging/test-debian.sh {{ PACKAGE }}

# Builds the container image (requires Docker).
image:
    docker build -f packaging/Dockerfile -t mq .

# Lints the release workflow.
lint-workflows:
    npm ci --prefix .ci/workflows --no-audit --no-fund
    npm run --silent --prefix .ci/workflows lint

# Installs the four programs into ~/.cargo/bin.
install:
    cargo install --path . --locked

# Installs all peers on Debian and runs every check.
ci:
    .ci/run
