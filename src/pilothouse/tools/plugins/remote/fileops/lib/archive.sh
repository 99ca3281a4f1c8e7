# Archives by the endings of their names. Needs work.sh; source both.

# kind_of NAME: set $kind to zip, or to tar with $filter, a program that packs and unpacks, or nothing.
kind_of() {
    filter=
    kind=tar
    case $1 in
        *.tar) ;;
        *.tar.gz | *.tgz) filter=gzip ;;
        *.tar.bz2) filter=bzip2 ;;
        *.tar.xz) filter=xz ;;
        *.zip | *.jar | *.war) kind=zip ;;
        *) fail "'$1' has no ending that says what it is; allowed: .tar .tar.gz .tgz .tar.bz2 .tar.xz .zip .jar .war" ;;
    esac
    [ -z "$filter" ] || command -v "$filter" >/dev/null 2>&1 || fail "$filter is not installed on this machine" 127
}

# confined PATH...: end the tool when a path leads upwards.
confined() {
    for path in "$@"; do
        case /$path/ in */../*) fail "the path '$path' has .. in it" ;; esac
    done
}
