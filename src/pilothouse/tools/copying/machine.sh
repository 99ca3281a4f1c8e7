# What the copying tools run on a machine. For any POSIX shell. Names come in lines in the file ./list, the answer
# goes to ./answer; what is said otherwise is the reason of a failure.
here=$PWD
tab=$(printf '\t')
: >"$here/answer"

give_up() {
    printf '%s\n' "$1"
    exit 1
}

absolute() {
    case $1 in
        /*) printf '%s\n' "$1" ;;
        '~') printf '%s\n' "${HOME:-/}" ;;
        '~/'*) printf '%s\n' "${HOME:-}/${1#??}" ;;
        *) printf '%s\n' "${HOME:-}/$1" ;;
    esac
}

digest() {
    if command -v sha256sum >/dev/null 2>&1; then
        set -- "$(sha256sum <"$1")"
    elif command -v shasum >/dev/null 2>&1; then
        set -- "$(shasum -a 256 <"$1")"
    elif command -v openssl >/dev/null 2>&1; then
        set -- "$(openssl dgst -sha256 -r <"$1")"
    else
        set -- -
    fi
    printf '%s\n' "${1%% *}"
}

mode_of() {
    stat -L -c %a -- "$1" 2>/dev/null || stat -L -f %Lp -- "$1"
}

# resolve PATH: the absolute path and what is there.
resolve() {
    found=$(absolute "$1")
    kind=-
    [ ! -e "$found" ] || kind=f
    [ ! -d "$found" ] || kind=d
    printf '%s\t%s\n' "$kind" "$found" >"$here/answer"
}

# list FOLLOW MISSING_OK: all that is below the paths and patterns in ./list.
list() {
    way=-H
    [ "$1" = 0 ] || way=-L
    missing_ok=$2
    while IFS= read -r name; do
        name=$(absolute "$name")
        set -- "$name"
        # a pattern stands for what it matches; no words are split
        [ -e "$name" ] || [ -L "$name" ] || { IFS= && set -- $name; }
        for found in "$@"; do
            if [ -e "$found" ] || [ -L "$found" ]; then
                list_one "$found" || give_up "$found: cannot be listed"
            elif [ "$missing_ok" = 1 ]; then
                printf 'WARN: %s is not there\n' "$found"
            else
                give_up "$found: there is no such file or folder"
            fi
        done
    done <"$here/list"
}

list_one() {
    printf 's\t%s\n' "$1" >>"$here/answer"
    # without this a link given as source would be listed as link, not followed as cp does
    find $way "$1" \( -type d -o -type f -o -type l \) -print >"$here/found" || return
    while IFS= read -r path; do
        if [ "$way" = -H ] && [ -L "$path" ] && [ "$path" != "$1" ]; then
            printf 'l\t0\t-\t%s\nt\t%s\n' "$path" "$(readlink -- "$path")"
        elif [ -d "$path" ]; then
            printf 'd\t%s\t-\t%s\n' "$(mode_of "$path")" "$path"
        else
            printf 'f\t%s\t%s\t%s\n' "$(mode_of "$path")" "$(digest "$path")" "$path"
        fi || return
    done <"$here/found" >>"$here/answer"
}

# prepare: lines of KIND MODE-OR-TARGET PATH; kind d is a folder with a mode, p one that others need, l a link.
prepare() {
    while IFS= read -r line; do
        kind=${line%%"$tab"*}
        line=${line#*"$tab"}
        first=${line%%"$tab"*}
        path=${line#*"$tab"}
        case $kind in
            p) [ -d "$path" ] || mkdir -p -- "$path" ;;
            d) { [ -d "$path" ] || mkdir -p -- "$path"; } && chmod -- "$first" "$path" ;;
            l)
                [ ! -d "$path" ] || [ -L "$path" ] || give_up "$path: is a folder, and a link is to be there"
                rm -f -- "$path" && ln -s -- "$first" "$path"
                ;;
        esac || exit 1
    done <"$here/list"
}

# place: lines of SUM MODE PART PATH; every part is verified first, then all are moved to their places.
place() {
    while IFS= read -r line; do
        wanted=${line%%"$tab"*}
        line=${line#*"$tab"*"$tab"}
        part=${line%%"$tab"*}
        path=${line#*"$tab"}
        found=$(digest "$part")
        [ "$found" != - ] || wanted=-
        if [ "$found" != "$wanted" ]; then
            discard
            give_up "$path: arrived with the SHA-256 sum $found instead of $wanted"
        fi
        if [ -d "$path" ]; then
            discard
            give_up "$path: is a folder, and a file is to be there"
        fi
    done <"$here/list"
    while IFS= read -r line; do
        line=${line#*"$tab"}
        mode=${line%%"$tab"*}
        line=${line#*"$tab"}
        part=${line%%"$tab"*}
        path=${line#*"$tab"}
        if [ "$mode" = - ]; then mode=$(printf '%o' $((0666 & ~$(umask)))); fi
        chmod -- "$mode" "$part" && mv -f -- "$part" "$path" || exit 1
    done <"$here/list"
}

discard() {
    while IFS= read -r line; do
        line=${line#*"$tab"*"$tab"}
        rm -f -- "${line%%"$tab"*}"
    done <"$here/list"
}

# remove: files, links and empty folders in ./list.
remove() {
    while IFS= read -r path; do
        if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir -- "$path"; else rm -f -- "$path"; fi || exit 1
    done <"$here/list"
}
