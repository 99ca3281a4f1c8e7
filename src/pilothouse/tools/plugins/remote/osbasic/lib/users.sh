# Options and checks of the tools for users. Needs work.sh; source both.

# user_options ALLOWED "$@": read --name value pairs into variables of the same names.
user_options() {
    allowed=$1
    shift
    user= group= password= uid= gid= groups= home= shell= length=16
    while [ $# -gt 0 ]; do
        case " $allowed " in
            *" $1 "*) ;;
            *) fail "there is no option $1; allowed: $allowed" ;;
        esac
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
            --user) user=$2 ;;
            --group) group=$2 ;;
            --password) password=$2 ;;
            --uid) uid=$2 ;;
            --gid) gid=$2 ;;
            --groups) groups=$2 ;;
            --home) home=$2 ;;
            --shell) shell=$2 ;;
            --length) length=$2 ;;
        esac
        shift 2
    done
    for number in "$uid" "$gid" "$length"; do
        case $number in *[!0-9]*) fail "'$number' is no number" ;; esac
    done
    PATH=$PATH:/usr/sbin:/sbin
}

# need_name WHAT NAME: end the tool when NAME cannot name a user or a group.
need_name() {
    case $2 in
        '' | -* | *[!A-Za-z0-9_.-]*) fail "the $1 is '$2'; allowed: letters, digits, . _ and -, not beginning with -" ;;
    esac
}

is_there() {
    if command -v getent >/dev/null 2>&1; then
        getent "$1" "$2" >/dev/null
    else
        grep -q "^$2:" "/etc/$1"
    fi
}

# set_password USER PASSWORD: never by way of a command line.
set_password() {
    case $2 in *'
'*) fail 'the password has a line end' ;; esac
    printf '%s:%s\n' "$1" "$2" | chpasswd || fail "the password of $1 cannot be set" 1
}
