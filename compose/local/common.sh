# Shared by the scripts of this folder, which source it: paths, messages, ports, processes.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deps="$root/.deps"
# What runs from here keeps its process numbers, logs and data below this folder, one folder for each server.
# shellcheck disable=SC2034  # those who source this use it
runtime=${RUNTIME_DIRECTORY:-$deps/run}

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "${0##*/}: $*"
    exit "${status:-1}"
}
# Prints the comment at the script's head.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# settings "NAME…" ARGUMENT…: takes NAME=VALUE arguments as if the environment had them.
settings() {
    local names=$1 word
    for word in "${@:2}"; do
        [[ $word != -h && $word != --help ]] || { usage && exit; }
        [[ $word == *=* && " $names " == *" ${word%%=*} "* ]] ||
            status=64 fail "unknown setting '$word'; there are $names, each as NAME=VALUE"
        export "${word?}"
    done
}

# check_encoder NAME: fails unless set-up makes an encoder of that name.
check_encoder() { [[ $1 == use || $1 == e5 ]] || status=64 fail "ENCODER is use or e5, not '$1'"; }

# replace_folder FOLDER NEW: puts a new folder, with all that is in it, in the place of one that may be there.
replace_folder() {
    rm -rf "$1.old"
    [[ ! -e $1 ]] || mv "$1" "$1.old"
    mv "$2" "$1"
    rm -rf "$1.old"
}

# What `triage --version` tells as its commit: Package.swift takes it up. Sources that are no checkout have none.
[[ ! -e $root/.git || -n ${SOURCE_COMMIT+set} ]] ||
    SOURCE_COMMIT=$(git -C "$root" describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || true)
export SOURCE_COMMIT=${SOURCE_COMMIT:-}

# The processor as Python's wheels name it.
machine=$(uname -m)
[[ $machine == arm64 ]] && machine=aarch64

# True if version $1 is $2 or newer.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# True if something accepts connections on port $1 of this machine.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints a port that nobody listens on. It lies below the range from which the kernel takes the ports of outgoing
# connections, so that no client can slip onto it before its server has started.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        port_taken "$port" || {
            echo "$port"
            return
        }
    done
    fail "no free port between 20000 and 32000"
}

# When process $1 was started, in clock ticks since boot: with the number it names a process for good, since the
# kernel gives numbers out again. The name in /proc may hold spaces, so the fields are counted after it.
started_at() {
    local line fields
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${line##*) }"
    [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
}

# remember FILE PID: writes down a process so that `running` and `stop_process` find it, and only it, again.
remember() { echo "$2 $(started_at "$2")" >"$1"; }

# True while the process that FILE remembers runs.
running() {
    local pid start
    { read -r pid start <"$1"; } 2>/dev/null && [[ -n $start && $(started_at "$pid") == "$start" ]]
}

# stop_process FILE [SECONDS]: SIGTERM, and SIGKILL when that has not ended it after so long (default 10; 0: at once).
stop_process() {
    local pid rounds=$((${2:-10} * 20))
    running "$1" || return 0
    read -r pid _ <"$1"
    ((rounds == 0)) || kill -TERM "$pid" 2>/dev/null || true
    while ((rounds-- > 0)) && running "$1"; do sleep 0.05; done
    ! running "$1" || kill -KILL "$pid" 2>/dev/null || true
    for _ in {1..100}; do
        running "$1" || return 0
        sleep 0.02
    done
}

# wait_until SECONDS COMMAND…: repeats the command until it succeeds; fails when the time is over.
wait_until() {
    local rounds=$(($1 * 20))
    shift
    while ! "$@"; do
        ((rounds-- > 0)) || return 1
        sleep 0.05
    done
}

# Runs a command with the librdkafka of `.deps`, if there is one (kcat of Debian 12 comes with one too old for Tansu).
with_librdkafka() { LD_LIBRARY_PATH="$deps/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"; }
