# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# need.sh THING PACKAGE...: succeeds if THING, a command or a header (dir/name.h), is there or could be installed
# from Debian's PACKAGEs. Otherwise it says what is missing and fails.
thing=$1
shift
there() {
    case $thing in
    *.h) echo "#include <$thing>" | ${CC:-cc} -E - > /dev/null 2>&1 ;;
    *) command -v "$thing" > /dev/null 2>&1 ;;
    esac
}
there && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
    echo "installing $*"
    (
        flock 9 # one at a time, where steps run beside each other
        for attempt in 1 2; do
            there && break
            DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" && break
            [ $attempt = 1 ] && apt-get update
        done
    ) 9> "${TMPDIR:-/tmp}/pkern_need.lock" > /dev/null 2>&1
    there && exit 0
fi
echo "$thing is missing and could not be installed (Debian: apt-get install $*)" >&2
exit 1
