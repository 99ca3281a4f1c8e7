# Options of the tools that speak with web and FTP servers. Needs work.sh; source both.

# $scheme is ftp for those that speak with FTP servers.
# web_options ALLOWED "$@": read the options; those of the caller's own are in $allowed.
web_options() {
    allowed=$1
    shift
    addr= dir=. file= username= password= timeout=86400 mirror=0
    while [ $# -gt 0 ]; do
        case " $allowed " in
            *" $1 "*) ;;
            *) fail "there is no option $1; allowed: $allowed" ;;
        esac
        if [ "$1" = --mirror ]; then
            mirror=1
            case ${2-} in 0 | 1) mirror=$2 && shift ;; esac
            shift
            continue
        fi
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
            --addr) addr=$2 ;;
            --dir) dir=$2 ;;
            --file) file=$2 ;;
            --username) username=$2 ;;
            --password) password=$2 ;;
            --timeout) timeout=$2 ;;
        esac
        shift 2
    done
    case ${scheme-}:$addr in
        *[[:space:]]*) fail "the address '$addr' has blanks" ;;
        ftp:ftp://?*) ;;
        ftp:*) fail "'$addr' is no FTP address; allowed: ftp://host[:port]/path" ;;
        :http://?* | :https://?*) ;;
        *) fail "'$addr' is no web address; allowed: http://..., https://..." ;;
    esac
    case $timeout in '' | *[!0-9]*) fail "the time-out is '$timeout'; allowed: a number of seconds" ;; esac
    case "/$dir/$file/" in */../* | *,../* | */..,*) fail 'a path has .. in it' ;; esac
}

# curl_login: write curl's configuration with the login; a password never stands on a command line.
curl_login() {
    [ -n "$username" ] || return 0
    printf '%s:%s\n' "$username" "$password" | sed 's/[\\"]/\\&/g; s/^/user = "/; s/$/"/'
}
