# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# unload_test.sh HEADERS FOLDER [COUNT]: a shared library with a static pkern inside is loaded and unloaded COUNT (1000) times.
headers=$1
folder=$2
mkdir -p "$folder" || exit 1
flags="-O2 -Wall -Wextra -Werror -pthread"
${CC:-cc} -std=gnu11 $flags -shared -fPIC -I"$headers" tests/dist/unload_library.c -o "$folder/unload_library.so" || exit 1
${CC:-cc} -std=gnu11 $flags tests/dist/unload_host.c -o "$folder/unload_host" -ldl || exit 1
"$folder/unload_host" "$folder/unload_library.so" "${3:-1000}"
