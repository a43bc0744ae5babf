#!/bin/sh
# Makes the locks anew from requirements.txt and requirements-dev.txt: every platform, Python 3.11 and later, with hashes.
# Needs uv. Further arguments go to uv, for example --upgrade-package django.
set -eu
cd "$(dirname "$0")/.."
export UV_SYSTEM_CERTS=1 # behind a proxy that inspects TLS uv's own roots fail
compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"
}
compile "$@" --output-file requirements.lock requirements.txt
compile "$@" --constraint requirements.lock --output-file requirements-dev.lock requirements-dev.txt # one set
compile "$@" --constraint requirements.lock --output-file requirements-parquet.lock requirements-parquet.txt # optional
compile "$@" --constraint requirements.lock --output-file requirements-s3.lock requirements-s3.txt # optional
compile "$@" --constraint requirements.lock --output-file requirements-hub.lock requirements-hub.txt # optional
