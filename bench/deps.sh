#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
#
# usage: sh bench/deps.sh
#
# Installs from Debian or Ubuntu what the benches compare with and draw with. Each is optional: what can't be had is
# named, and the benches print it as skipped. Never fails.
set -u

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo > /dev/null 2>&1; then
    root=sudo
else
    root=false
fi

missing=0
updated=no

# want WHAT TEST PACKAGE...: runs TEST (a command); where it fails, installs the packages and runs it again
want() {
    what=$1 test=$2
    shift 2
    if sh -c "$test" > /dev/null 2>&1; then
        echo "have       $what"
        return
    fi
    if command -v apt-get > /dev/null 2>&1; then
        if [ $updated = no ]; then
            updated=yes
            $root apt-get update > /dev/null 2>&1
        fi
        DEBIAN_FRONTEND=noninteractive $root apt-get install -y --no-install-recommends "$@" > /dev/null 2>&1
    fi
    if sh -c "$test" > /dev/null 2>&1; then
        echo "installed  $what ($*)"
    else
        echo "MISSING    $what: install $* by hand; the benches go on without it"
        missing=$((missing + 1))
    fi
}

header() {
    echo "echo '#include <$1>' | ${2:-c++} -x ${3:-c++} -fsyntax-only -"
}

want "gcc with libgomp" "echo 'int main(void){return 0;}' | gcc -fopenmp -x c - -o /dev/null" gcc
want "g++" "command -v g++" g++
want "oneTBB" "$(header oneapi/tbb.h)" libtbb-dev
want "cargo and rustc" "cargo --version && rustc --version" cargo rustc
want "Rayon's crates" "ls -d /usr/share/cargo/registry/rayon-1*" librust-rayon-dev
want "FAISS" "$(header faiss/IndexBinaryFlat.h)" libfaiss-dev
want "BLAS for FAISS" "echo 'int main(){}' | c++ -x c++ - -o /dev/null -lopenblas" libopenblas-dev
want "hyperfine" "hyperfine --version" hyperfine
want "gnuplot" "gnuplot --version" gnuplot-nox

echo "$missing missing"
exit 0
