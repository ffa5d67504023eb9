# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# install_test.sh SCRATCH: installs below SCRATCH and builds a program by pkg-config and by CMake from there.
set -e
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$1"
mkdir -p "$1/project"
scratch=$(cd "$1" && pwd)
make --no-print-directory install PREFIX="$scratch/usr" > /dev/null
make --no-print-directory install PREFIX=/usr DESTDIR="$scratch/stage" > /dev/null
for file in include/pkern.h include/pkern_pool.h include/pkern_simd.h share/pkgconfig/pkern.pc share/cmake/pkern/pkernConfig.cmake; do
    [ -s "$scratch/stage/usr/$file" ]
done
grep -q '^prefix=/usr$' "$scratch/stage/usr/share/pkgconfig/pkern.pc"
cp "$here/use_pkern.c" "$scratch/project/"
if command -v pkg-config > /dev/null; then
    export PKG_CONFIG_PATH="$scratch/usr/share/pkgconfig"
    pkg-config --exists 'pkern >= 0.1'
    cc -O1 -DPKERN_IMPLEMENTATION "$scratch/project/use_pkern.c" -o "$scratch/by_pkg_config" \
        $(pkg-config --cflags --libs pkern)
    "$scratch/by_pkg_config"
    echo "pkg-config: ok"
else
    echo "pkg-config: skipped, it is not installed"
fi
if command -v cmake > /dev/null; then
    cat > "$scratch/project/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.10)
project(use C)
find_package(pkern 0.1 REQUIRED)
add_executable(use use_pkern.c)
target_compile_definitions(use PRIVATE PKERN_IMPLEMENTATION)
target_link_libraries(use pkern::pkern)
END
    cmake -S "$scratch/project" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/usr" > "$scratch/cmake.log"
    cmake --build "$scratch/build" >> "$scratch/cmake.log"
    "$scratch/build/use"
    ! sed 's/pkern 0.1/pkern 0.2/' -i "$scratch/project/CMakeLists.txt" ||
        ! cmake -S "$scratch/project" -B "$scratch/other" -DCMAKE_PREFIX_PATH="$scratch/usr" > /dev/null 2>&1
    echo "cmake: ok, and another minor version is refused"
else
    echo "cmake: skipped, it is not installed"
fi
