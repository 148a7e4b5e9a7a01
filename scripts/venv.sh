# Sourced by the other scripts: a virtual environment of its own, with locked dependencies.

say() { printf '\n== %s\n' "$*"; }
fail() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

# A Python that is new enough, or a word what is missing.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found (found: $(python3 --version 2>&1 || echo none)). Install it, or name one: PYTHON=/path/to/python3.11 $0"
}

# make_venv FOLDER LOCKFILE: creates the environment, or keeps it if it was made from this very lock file.
make_venv() {
    local venv=$1 lock=$2 python stamp
    python=$(find_python)
    stamp=$(cat "$lock" pyproject.toml | cksum; "$python" --version)
    if [ -f "$venv/.made-from" ] && [ "$(cat "$venv/.made-from")" = "$stamp" ]; then
        return
    fi
    say "Setting up $venv with $("$python" --version) from $lock (500 to 800 MB on disk, a few minutes)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "the module venv is missing: on Debian, apt install python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$lock" || fail "the packages of $lock could not be installed. Is there a network, or a package index that pip can reach?"
    # Editable, so that what is tried is this very tree. hatchling and editables are what building it needs.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --editable . || fail "kitchenvision itself could not be installed from $PWD"
    printf '%s' "$stamp" > "$venv/.made-from"
}
