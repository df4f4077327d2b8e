# The parts of a local stack: a broker, workers, gateways, a proxy, Prometheus. For scripts to source.
# shellcheck shell=bash
#
# Each part has a folder below $stack with its process number (pid), port and log; `kafka` there holds the address of
# the broker. Whatever is not below $stack is not ours to stop. The logs of the last stack that stopped are in $logs.

# shellcheck source=compose/local/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
stack="$runtime/stack"
logs="$runtime/logs"
triage="$root/.build/release/triage"
partitions=12

# part KIND NUMBER: the folder of a worker or gateway.
part() { echo "$stack/$1-$2"; }
# parts KIND: the numbers of those that run.
parts() {
    local pid number
    for pid in "$stack/$1"-*/pid; do
        number=${pid%/pid}
        ! running "$pid" || echo "${number##*-}"
    done | sort -n
}
next_number() {
    local number=1
    while running "$(part "$1" "$number")/pid"; do ((number++)); done
    echo "$number"
}

# launch FOLDER COMMAND…: starts a program in a session of its own, so that Ctrl-C in the terminal reaches only this
# script, which then stops the parts in their order.
launch() {
    local folder=$1
    shift
    mkdir -p "$folder"
    # 9 is the lock of `run`.
    setsid "$@" </dev/null >>"$folder/log" 2>&1 9>&- &
    remember "$folder/pid" $!
    # Else the shell would tell of its end in words of its own.
    disown
}

# ready FOLDER URL: true when the program answers 200 there, or is gone.
ready() { ! running "$1/pid" || curl --silent --fail --output /dev/null --max-time 2 "$2"; }
# await FOLDER URL WHAT: waits until the program is ready; shows its log and fails if it does not become so.
await() {
    wait_until 60 ready "$1" "$2" && running "$1/pid" && return
    tail -n 10 "$1/log" >&2
    fail "$3 did not become ready; the end of its log stands above"
}

# The default is Tansu. What a newcomer meets there, and on noida-db, with clients as they come (three runs each):
#
#                                              Tansu                       noida-db
#   Python's confluent-kafka, the first record 23.2 s; so here with         0.45 s
#                                              --quick-joins: 3.6 s
#   a member is killed, or ends without a word the others take over         the group hangs, for minutes or for good
#   nobody sends anything                      nothing to do               each reader asks 12,000 times a second
#
# `quick_joins` is set by those who expect such clients: it puts a listener before the broker, which costs speed.
stack_broker() {
    mkdir -p "$stack"
    local address=${KAFKA:-} port=9092 kind=${BROKER:-tansu} options=()
    [[ $kind != tansu || -z ${quick_joins:-} ]] || options=(--quick-joins)
    if [[ -z $address ]]; then
        ! port_taken "$port" || port=0
        address=$("$root/compose/local/broker" start --kind "$kind" --port "$port" ${options[@]+"${options[@]}"} 9>&-)
        echo "${address##*:}" >"$stack/broker-port"
    fi
    [[ -z ${KAFKA:-} ]] || kind=external
    echo "$kind" >"$stack/broker-kind"
    echo "$address" >"$stack/kafka"
    "$triage" topics create --bootstrap-servers "$address" --partitions "$partitions" >"$stack/topics.log" 2>&1 || {
        cat "$stack/topics.log" >&2
        fail "the topics could not be created on $address"
    }
    # A Kafka that is given may have the topics already, with as many partitions as its owner likes.
    sed -nE 's/^classifications\.replies: .*, ([0-9]+) partitions$/\1/p' "$stack/topics.log" >"$stack/reply-partitions"
}

# What the embedded brokers need and Apache Kafka does not.
#
# Both can leave partitions without a worker for long, or for good, while cooperative workers hand them over in two rounds;
# with an eager assignment each change is one round, which deals out all of them. Tansu takes half of the session timeout
# for it, so sessions are short, and callers may wait longer than the usual 5 s. Tansu also looks through all batches of a
# partition at each fetch, for as long as the fetch may wait: with the usual 5 ms nothing arrives any more from a partition of
# 10,000 batches (a gateway's replies are in one), with 50 ms from one of 80,000. That costs each call 25 ms each way.
settle_for_broker() {
    worker_settings=() gateway_settings=()
    case $(<"$stack/broker-kind") in
        tansu)
            worker_settings=(
                --kafka partition.assignment.strategy=roundrobin --kafka session.timeout.ms=2000
                --kafka heartbeat.interval.ms=250 --kafka fetch.wait.max.ms=50)
            gateway_settings=(--kafka fetch.wait.max.ms=50 --request-timeout 20s)
            ;;
        noida) worker_settings=(--kafka partition.assignment.strategy=roundrobin) ;;
    esac
}

# Starts a worker, sets `launched` to its number, and does not wait for it.
launch_worker() {
    local number folder port
    settle_for_broker
    number=$(next_number worker)
    folder=$(part worker "$number")
    port=$(free_port)
    # As in the manifests, see compose/OPERATIONS.md.
    LD_PRELOAD=libmimalloc.so \
        launch "$folder" "$triage" worker --bootstrap-servers "$(<"$stack/kafka")" --model "$(<"$stack/model")" \
        --admin-port "$port" ${worker_settings[@]+"${worker_settings[@]}"}
    echo "$port" >"$folder/port"
    launched=$number
}
await_worker() { await "$(part worker "$1")" "http://127.0.0.1:$(<"$(part worker "$1")/port")/health/ready" "worker $1"; }

# check_port: fails when PORT names a port that somebody has.
check_port() {
    [[ -z ${PORT:-} ]] || ! port_taken "$PORT" ||
        fail "port $PORT is taken by another program; PORT=$((PORT % 65535 + 1)), say, serves on another"
}
# Prints the port for clients: PORT, or without it 8080 or a free one.
front_port() {
    if [[ -n ${PORT:-} ]]; then
        check_port
        echo "$PORT"
    elif port_taken 8080; then
        free_port
    else
        echo 8080
    fi
}

# Starts a gateway on the port $port_wanted, or else on a free one, and sets `launched` to its number. It reads a
# partition of its own.
launch_gateway() {
    local number folder port replies
    settle_for_broker
    replies=$(<"$stack/reply-partitions")
    number=$(next_number gateway)
    folder=$(part gateway "$number")
    port=${port_wanted:-$(free_port)}
    launch "$folder" "$triage" gateway --bootstrap-servers "$(<"$stack/kafka")" --host 127.0.0.1 --port "$port" \
        --instance-id "gateway-$number" --reply-partition "$(((number - 1) % ${replies:-1}))" \
        ${gateway_settings[@]+"${gateway_settings[@]}"}
    echo "$port" >"$folder/port"
    launched=$number
}
await_gateway() { await "$(part gateway "$1")" "http://127.0.0.1:$(<"$(part gateway "$1")/port")/health/ready" "gateway $1"; }

# True when the workers that run have all partitions of both lanes, or there is none.
settled() {
    local number count=0 sum=0
    for number in $(parts worker); do
        count=1
        sum=$((sum + $(curl --silent --max-time 2 "http://127.0.0.1:$(<"$(part worker "$number")/port")/metrics" |
            awk '/^triage_worker_assigned_partitions/ { sum += $2 } END { print sum + 0 }')))
    done
    ((count == 0 || sum == 2 * partitions))
}
# Waits until the group has come to rest. Tansu can leave partitions without a worker for good if a member leaves while
# the coming of another is still being dealt with. A Kafka that is given may have other members in the group.
settle() { [[ $(<"$stack/broker-kind") == external ]] || wait_until 30 settled || say "some partitions have no worker yet"; }

# remove KIND NUMBER: SIGTERM, and the time to finish what it holds.
remove() {
    local folder
    folder=$(part "$1" "$2")
    stop_process "$folder/pid" 20
    rm -f "$folder/pid" "$folder/port"
}

# The proxy's configuration for the gateways that run now, less the one with number $1.
proxy_configuration() {
    local number
    cat <<CONF
worker_processes 2;
daemon off;
pid $stack/nginx/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 8192; }
http {
    include $root/compose/nginx/http.conf;
    client_body_temp_path $stack/nginx/temporary/body;
    proxy_temp_path $stack/nginx/temporary/proxy;
    fastcgi_temp_path $stack/nginx/temporary/fastcgi;
    uwsgi_temp_path $stack/nginx/temporary/uwsgi;
    scgi_temp_path $stack/nginx/temporary/scgi;
    upstream gateways {
        zone gateways 256k;
        least_conn;
CONF
    for number in $(parts gateway); do
        [[ $number == "${1:-}" ]] ||
            echo "        server 127.0.0.1:$(<"$(part gateway "$number")/port") max_fails=3 fail_timeout=2s;"
    done
    cat <<CONF
        keepalive 128;
        keepalive_timeout 55s;
    }
    server {
        listen 127.0.0.1:$(<"$stack/nginx/port");
        include $root/compose/nginx/server.conf;
    }
}
CONF
}

launch_proxy() {
    local folder="$stack/nginx" port
    port=$(front_port)
    mkdir -p "$folder/temporary"
    # Its first process is root's when root starts it; those that serve are nobody's, and write here.
    ((EUID != 0)) || chmod 777 "$folder/temporary"
    echo "$port" >"$folder/port"
    proxy_configuration >"$folder/nginx.conf"
    launch "$folder" "$deps/bin/nginx" -e stderr -p "$folder" -c "$folder/nginx.conf"
    await "$folder" "http://127.0.0.1:$port/health/proxy" nginx
}

# Tells the proxy, if there is one, which gateways there are, less number $1. It loses no request over it.
reload_proxy() {
    local pid
    running "$stack/nginx/pid" || return 0
    proxy_configuration "${1:-}" >"$stack/nginx/nginx.conf.new"
    mv "$stack/nginx/nginx.conf.new" "$stack/nginx/nginx.conf"
    read -r pid _ <"$stack/nginx/pid"
    kill -HUP "$pid"
    sleep 0.2
}

# Tells Prometheus whom to ask. Moved into place, since Prometheus watches the files.
write_targets() {
    local kind number separator
    [[ -d $stack/prometheus ]] || return 0
    for kind in worker gateway; do
        {
            printf '['
            separator=
            for number in $(parts "$kind"); do
                printf '%s{"targets":["127.0.0.1:%s"],"labels":{"instance":"%s-%s"}}' "$separator" \
                    "$(<"$(part "$kind" "$number")/port")" "$kind" "$number"
                separator=,
            done
            printf ']\n'
        } >"$stack/prometheus/$kind.json.new"
        mv "$stack/prometheus/$kind.json.new" "$stack/prometheus/$kind.json"
    done
}

launch_prometheus() {
    local folder="$stack/prometheus" port=9090
    mkdir -p "$folder"
    ! port_taken "$port" || port=$(free_port)
    echo "$port" >"$folder/port"
    write_targets
    cat >"$folder/prometheus.yml" <<YAML
global: {scrape_interval: 2s, evaluation_interval: 2s}
rule_files: [$root/compose/prometheus/alerts.yaml]
scrape_configs:
  - {job_name: triage-worker, file_sd_configs: [{files: [$folder/worker.json], refresh_interval: 2s}]}
  - {job_name: triage-gateway, file_sd_configs: [{files: [$folder/gateway.json], refresh_interval: 2s}]}
YAML
    launch "$folder" "$deps/bin/prometheus" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
        --web.listen-address="127.0.0.1:$port" --log.level=warn
    await "$folder" "http://127.0.0.1:$port/-/ready" Prometheus
}

# Where clients send their requests: to the proxy if there is one, else to the first gateway.
stack_address() {
    local folder="$stack/nginx"
    running "$folder/pid" || folder=$(part gateway "$(parts gateway | head -n 1)")
    echo "127.0.0.1:$(<"$folder/port")"
}

# Fails when a stack runs. To be called before anything that would stop it.
check_alone() {
    [[ -z $(parts worker)$(parts gateway) ]] || fail "a stack runs already: compose/local/stack stop ends it"
}

# start_stack WORKERS GATEWAYS MODEL PROXY MONITORING: what is left of one that broke off is stopped first.
start_stack() {
    local number launched new_workers=() new_gateways=() port_wanted=''
    stop_stack
    mkdir -p "$stack"
    # A link stays one: to replace it is how a new model is put in place.
    realpath --no-symlinks "$3" >"$stack/model"
    stack_broker
    for ((number = 0; number < $1; number++)); do
        launch_worker
        new_workers+=("$launched")
    done
    [[ $4 == 1 ]] || port_wanted=$(front_port)
    for ((number = 0; number < $2; number++)); do
        launch_gateway
        new_gateways+=("$launched")
        port_wanted=
    done
    for number in ${new_workers[@]+"${new_workers[@]}"}; do await_worker "$number"; done
    settle
    for number in ${new_gateways[@]+"${new_gateways[@]}"}; do await_gateway "$number"; done
    [[ $4 != 1 ]] || launch_proxy
    [[ $5 != 1 ]] || launch_prometheus
}

# Stops all of it, whoever started it: clients' side first, the broker last.
stop_stack() {
    local pid number
    [[ -d $stack ]] || return 0
    stop_process "$stack/nginx/pid" 5
    # All at once: each takes its time to finish what it holds.
    for number in "$stack"/gateway-*/pid "$stack"/worker-*/pid; do
        ! running "$number" || { read -r pid _ <"$number" && kill -TERM "$pid" 2>/dev/null; } || true
    done
    for number in "$stack"/gateway-*/pid "$stack"/worker-*/pid; do stop_process "$number" 15; done
    stop_process "$stack/prometheus/pid" 5
    if [[ -f $stack/broker-port ]]; then
        local port
        port=$(<"$stack/broker-port")
        "$root/compose/local/broker" stop --port "$port" --keep-data
        mkdir -p "$stack/broker"
        mv "$runtime/broker-$port/log" "$stack/broker/log" || true
        rm -rf "$runtime/broker-$port"
    fi
    rm -rf "$logs"
    mkdir -p "$logs"
    for number in "$stack"/*/log; do
        [[ ! -f $number ]] || mv "$number" "$logs/$(basename "${number%/log}").log"
    done
    rm -rf "$stack"
}
