#!/bin/sh
# Installs requirements/lock.txt into .venv of the clone. Needs a Python (3.11 to 3.13) and nothing else; does nothing,
# in a few milliseconds, when the lock is installed already. Indexes, proxies and certificates come from the
# environment and the configuration of pip and uv, never from here.
set -eu
cd "$(dirname "$0")/.."

VENV=.venv
TOOLS=$VENV/.uv          # uv, apart from what it installs
STAMP=$VENV/.installed

fail() { printf 'error: %s\n' "$1" >&2; exit 1; }

wanted=$(cat requirements/lock.txt requirements/uv.txt stack/install.sh | cksum)
if [ -f $STAMP ] && [ "$(cat $STAMP)" = "$wanted" ] && $VENV/bin/python -c '' 2>/dev/null; then exit 0; fi

# 1. An interpreter. Each candidate is run: a name on PATH may be a shim for something that is not there.
usable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }
python=
if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" || fail "PYTHON=$PYTHON cannot be run or is not a Python from 3.11 to 3.13."
    python=$PYTHON
else
    for candidate in python3.12 python3.13 python3.11 python3 python; do
        if usable "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "no Python from 3.11 to 3.13 found; install one, or name it: make PYTHON=/path/to/python3.12 …"
fi

# 2. The environment, without pip: uv installs into it.
rm -f $STAMP
if ! usable $VENV/bin/python; then
    echo "creating $VENV with $("$python" --version)"
    "$python" -m venv --clear --without-pip $VENV || fail "$python cannot create an environment (module venv)."
fi

# 3. uv, pinned and checked by hash.
pip=
if ! $TOOLS/bin/uv --version 2>/dev/null | grep -qF "uv $(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements/uv.txt)"; then
    rm -rf $TOOLS
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv $TOOLS || fail "$python could not create the environment of the installer in $TOOLS."
        pip=$TOOLS/bin/pip
        $pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt ||
            fail "pip could not install uv (requirements/uv.txt); what it said is above."
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --target $TOOLS \
            -r requirements/uv.txt || fail "pip could not install uv (requirements/uv.txt); what it said is above."
    else
        fail "$python has neither ensurepip nor pip. Debian and Ubuntu keep it apart: apt install python3-venv."
    fi
fi

# 4. uv does not read pip's settings; people have those. What uv itself is told wins.
setting() {  # $1: name in the environment, $2: name in pip's configuration files
    eval "value=\${PIP_$1:-}"
    [ -n "$value" ] || value=$("$python" -m pip config get "global.$2" 2>/dev/null ||
        $TOOLS/bin/pip config get "global.$2" 2>/dev/null) || value=
    printf '%s' "$value" | tr '\n' ' '
}
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}${UV_FIND_LINKS:-}${UV_NO_INDEX:-}" ]; then
    index=$(setting INDEX_URL index-url)
    extra=$(setting EXTRA_INDEX_URL extra-index-url)
    links=$(setting FIND_LINKS find-links)
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    [ -z "$extra" ] || export UV_INDEX="$extra"
    [ -z "$links" ] || export UV_FIND_LINKS="$(echo $links | tr ' ' ',')"
    [ -z "${PIP_NO_INDEX:-}" ] || export UV_NO_INDEX=1
    # As pip does: the best match of all indexes. Every file is checked against the lock's hashes.
    export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
fi
if [ -z "${SSL_CERT_FILE:-}" ]; then
    certificates=$(setting CERT cert)
    [ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"
fi
# What the machine trusts (a company's own authority, say) counts for uv too, where the machine says what that is.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -s $bundle ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi
done
if [ -z "${UV_CACHE_DIR:-}${XDG_CACHE_HOME:-}" ] && { [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; }; then
    export UV_CACHE_DIR="$PWD/$TOOLS/cache"
fi

# 5. The lock, all of it and nothing else.
echo "installing requirements/lock.txt"
VIRTUAL_ENV="$PWD/$VENV" $TOOLS/bin/uv pip sync --quiet --require-hashes --python $VENV/bin/python requirements/lock.txt ||
    fail "uv could not install requirements/lock.txt; what it said is above."
printf '%s\n' "$wanted" > $STAMP
