# Waiting for services and logs. Needs work.sh; source both.

# wait_options "$@": read the options that startwait and stopwait share; sets $logs to the folder of log patterns.
wait_options() {
    prescript= addr= eofstr= timeout=300 postscript=
    while [ $# -gt 0 ]; do
        case $1 in
            --prescript | --addr | --eofstr | --timeout | --postscript) [ $# -gt 1 ] || fail "$1 needs a value" ;;
        esac
        case $1 in
            --prescript) prescript=$2 ;;
            --addr) addr=$2 ;;
            --eofstr) eofstr=$2 ;;
            --timeout) timeout=$2 ;;
            --postscript) postscript=$2 ;;
            --) shift && break ;;
            --*) fail "there is no option $1; allowed: --prescript --addr --eofstr --timeout --postscript" ;;
            *) break ;;
        esac
        shift 2
    done
    case $timeout in '' | *[!0-9]*) fail "the time-out is '$timeout'; allowed: a number of seconds" ;; esac
    addr=$(printf '%s\n' "$addr" | sed 's/\\n/ /g' | tr ',\t\n' '   ' | sed 's/^ *//; s/ *$//')
    for target in $addr; do
        case $target in
            http://?* | https://?* | ?*:[0-9]*) ;;
            *) fail "the address is '$target'; allowed: a web address, or host:port" ;;
        esac
    done
    [ -n "$addr$eofstr" ] || fail 'there is nothing to wait for; give --addr or --eofstr'
    [ -z "$eofstr" ] || [ $# -gt 0 ] || fail '--eofstr needs at least one log to look into'
    : >"$private/patterns"
    for pattern in "$@"; do lines "$pattern" >>"$private/patterns"; done
    : >"$private/log"
    : >"$private/watched"
    : >"$private/followers"
    trap 'end_followers; rm -rf "$private"' 0
    # a log that is replaced goes on being followed, where tail can do that
    follow=-f
    [ "$(uname)" != Linux ] || follow=-F
    charset_of_end
}

# The text to wait for may say in which character set the log has it: {GBK}text.
charset_of_end() {
    case $eofstr in
        '{'*'}'*)
            charset=${eofstr%%\}*}
            charset=${charset#?}
            eofstr=$(printf '%s' "${eofstr#*\}}" | iconv -f UTF-8 -t "$charset") ||
                fail "the text to wait for cannot be written in $charset"
            ;;
    esac
}

# is_up TARGET: whether a service answers.
is_up() {
    case $1 in
        http://* | https://*) web_up "$1" ;;
        *) tcp_up "$1" ;;
    esac
}

tcp_up() {
    host=${1%:*}
    port=${1##*:}
    host=${host#\[}
    host=${host%\]}
    if command -v nc >/dev/null 2>&1; then
        nc -z -w 3 "$host" "$port" </dev/null >/dev/null 2>&1
    elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
        timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" >/dev/null 2>&1
    elif python=$(command -v python3 || command -v python); then
        "$python" -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)' \
            "$host" "$port" >/dev/null 2>&1
    elif command -v perl >/dev/null 2>&1; then
        perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3)' \
            "$host" "$port" >/dev/null 2>&1
    else
        fail 'this machine has nothing to ask a port with: nc, bash and timeout, python, or perl' 1
    fi
}

web_up() {
    if command -v curl >/dev/null 2>&1; then
        code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 -- "$1" 2>/dev/null)
    elif command -v wget >/dev/null 2>&1; then
        code=$(wget -q -S -O /dev/null -T 5 -t 1 --max-redirect=0 -- "$1" 2>&1 | awk '/HTTP\// { print $2; exit }')
    elif python=$(command -v python3); then
        code=$("$python" -c '
import sys, urllib.request
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None
try: print(urllib.request.build_opener(Stay).open(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as error: print(error.code)' "$1" 2>/dev/null)
    else
        fail 'this machine has nothing to ask a web address with: curl, wget, or python3' 1
    fi
    [ "$code" = 200 ] || [ "$code" = 302 ]
}

# all_are up|down: whether every address is.
all_are() {
    for target in $addr; do
        if is_up "$target"; then [ "$1" = up ]; else [ "$1" = down ]; fi || return 1
    done
}

# follow_logs FROM: show what the logs get from now on, in the log of the operation and in $private/log; those that
# appear later are shown from their beginning.
follow_logs() {
    while IFS= read -r pattern; do
        [ -n "$pattern" ] || continue
        IFS=
        set -- "$1" $pattern
        unset IFS
        shift_from=$1
        shift
        for file in "$@"; do
            [ -f "$file" ] && ! grep -qxF -- "$file" "$private/watched" || continue
            printf '%s\n' "$file" >>"$private/watched"
            tail -n "$shift_from" "$follow" -- "$file" >>"$private/log" 2>/dev/null &
            printf '%s\n' "$!" >>"$private/followers"
        done
        set -- "$shift_from"
    done <"$private/patterns"
}

show_logs() {
    shown=${shown:-0}
    written=$(wc -c <"$private/log")
    [ "$written" -gt "$shown" ] || return 0
    tail -c "+$((shown + 1))" "$private/log" | head -c "$((written - shown))"
    shown=$written
}

end_logs() {
    # what was written last gets a moment to arrive
    [ ! -s "$private/watched" ] || sleep 1
    show_logs
    end_followers
}

end_followers() {
    while IFS= read -r follower; do kill "$follower" 2>/dev/null; done <"$private/followers"
    : >"$private/followers"
}

# run_script WHAT TEXT: run a text as a script; ends the tool when it fails.
run_script() {
    [ -n "$2" ] || return 0
    lines "$2" >"$private/script"
    printf 'INFO: running the %s\n' "$1"
    sh "$private/script" </dev/null
    code=$?
    [ "$code" = 0 ] || { end_logs && fail "the $1 ended with exit code $code" 1; }
}

# wait_for up|down: the whole of startwait and stopwait.
wait_for() {
    if [ -n "$addr" ] && all_are "$1"; then
        printf 'FINE: %s is %s already\n' "$addr" "$1"
        exit 0
    fi
    follow_logs 0
    end=$(($(date +%s) + timeout))
    run_script prescript "$prescript"
    while :; do
        follow_logs +1
        show_logs
        if { [ -z "$addr" ] || all_are "$1"; } &&
            { [ -z "$eofstr" ] || LC_ALL=C grep -qF -- "$eofstr" "$private/log"; }; then
            break
        fi
        if [ "$(date +%s)" -ge "$end" ]; then
            end_logs
            fail "after $timeout seconds: ${addr:+$addr is not $1}${eofstr:+${addr:+, or }the logs do not say what they should}" 1
        fi
        sleep 1
    done
    end_logs
    printf 'FINE: %s\n' "${addr:+$addr is $1}${eofstr:+${addr:+, }the logs say so}"
    run_script postscript "$postscript"
    exit 0
}
