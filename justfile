# What a developer runs. `just` lists it.

# Lists the recipes.
default:
    @just --list

# Builds the four programs for trying them out.
build:
    cargo build --bins

# Shows everything at work: login, wildcards, QoS, last will.
demo:
    examples/weather-station.sh

# What should pass before each commit.
check: format lint test

# Whether the code is formatted.
format:
    cargo fmt --check

# Lints; a warning is an error.
lint:
    cargo clippy --locked --all-targets -- -D warnings

# All tests, or those that ARGUMENTS choose: just test --test fast guide::
test *ARGUMENTS:
    cargo test --locked {{ ARGUMENTS }}

# The packages of Node.js and Python that some tests use.
peers:
    npm ci --prefix tests/peers --no-audit --no-fund
    python3 -m venv target/peers/python
    target/peers/python/bin/pip install --quiet -r tests/peers/requirements.txt

# Works through the lab sheets.
lab:
    cargo test --locked --test peers lab_sheets

# The lab guide's commands against Debian's Mosquitto instead of our programs.
guide-with-mosquitto:
    MQ_BROKER_PROGRAM=mosquitto MQ_PUB_PROGRAM=mosquitto_pub \
        MQ_SUB_PROGRAM=mosquitto_sub MQ_PASSWD_PROGRAM=mosquitto_passwd \
        cargo test --locked --test fast guide::

# Kills the broker so many times under load: just crash 2000
crash ROUNDS="500":
    MQ_CRASH_ROUNDS={{ ROUNDS }} cargo test --locked --test durability crash

# Measures the broker's throughput.
bench:
    cargo bench --locked --bench broker

# Measures mq-pub and mq-sub beside Mosquitto's clients.
bench-clients:
    cargo bench --locked --bench clients

# The programs without libraries; prints their folder.
static:
    packaging/build-static.sh

# The container image's programs in an empty root, without an engine.
test-image:
    MQ_STATIC_PROGRAMS=$(packaging/build-static.sh) cargo test --locked --test peers container

# A Debian package and an archive of the static programs for TARGET, in target/packages.
package TARGET="x86_64-unknown-linux-gnu":
    packaging/build-static.sh {{ TARGET }}
    packaging/package.sh {{ TARGET }}

# Installs the Debian package PACKAGE, tries it, and purges it. For a machine to play with.
test-package PACKAGE:
    sudo packaging/test-debian.sh {{ PACKAGE }}

# The container image (needs an engine).
image:
    docker build -f packaging/Dockerfile -t mq .

# Lints the release workflow.
lint-workflows:
    npm ci --prefix .ci/workflows --no-audit --no-fund
    npm run --silent --prefix .ci/workflows lint

# Installs the four programs into ~/.cargo/bin.
install:
    cargo install --path . --locked

# Everything, with all peers installed first (Debian).
ci:
    .ci/run
