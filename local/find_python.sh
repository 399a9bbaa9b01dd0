#!/bin/sh
# Prints the Python to make a virtual environment with: $PYTHON if set, otherwise the first that works
# of 3.13 (what Azure runs the service with), 3.14, 3.12 and 3.11, on PATH or kept by pyenv.
# usage: find_python.sh [VERSION ...]    to look for these versions alone

oldest="3, 11"
versions=${*:-3.13 3.14 3.12 3.11}

# A shim of pyenv is on PATH for versions that it then refuses to run, and Debian splits the parts that
# virtual environments need into a package of their own: so each candidate has to prove itself.
works() {
  "$1" -c "import ensurepip, sys, venv; sys.exit(sys.version_info < ($oldest))" >/dev/null 2>&1
}

path_of() {
  "$1" -c "import sys; print(sys.executable)"
}

if [ -n "$PYTHON" ]; then
  works "$PYTHON" && path_of "$PYTHON" && exit
  echo "error: PYTHON=$PYTHON is no Python 3.11 or newer that can make virtual environments" >&2
  exit 1
fi

pyenv_root=$(pyenv root 2>/dev/null)
for version in $versions; do
  for candidate in "python$version" "$pyenv_root/versions/$version"*/bin/python; do
    works "$candidate" && path_of "$candidate" && exit
  done
done
if [ $# -eq 0 ]; then
  for candidate in python3 python; do
    works "$candidate" && path_of "$candidate" && exit
  done
fi

echo "error: no Python $(echo "$versions" | sed 's/ /, /g') with its venv module:" \
  "install one (python3-venv too on Debian), or name it with PYTHON=..." >&2
exit 1
