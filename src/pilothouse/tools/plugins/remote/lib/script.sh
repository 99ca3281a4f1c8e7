# Running a script that comes as a text. Needs work.sh; source both.

# script_main FOLDER --interpreter I --script TEXT [--destencoding E] [ARGUMENT...]
# Ends the tool with the script's exit code.
script_main() {
    script_folder=$1
    interpreter=
    script=
    encoding=
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --interpreter | --script | --destencoding) [ $# -gt 1 ] || fail "$1 needs a value" ;;
        esac
        case $1 in
            --interpreter) interpreter=$2 ;;
            --script) script=$2 ;;
            --destencoding) encoding=$2 ;;
            --) shift && break ;;
            *) break ;;
        esac
        shift 2
    done
    [ -n "$script" ] || fail 'there is no script to run; give it with --script'
    private_folder "$script_folder"
    lines "$script" >"$private/script" || exit
    script_encode
    script_run "$@"
}

script_encode() {
    case $encoding in
        '' | UTF-8 | utf-8 | UTF8 | utf8) return ;;
    esac
    mv "$private/script" "$private/utf8" &&
        iconv -f UTF-8 -t "$encoding" "$private/utf8" >"$private/script" ||
        fail "the script cannot be written in $encoding" 1
}

script_run() {
    case ${interpreter:=$(first_of bash sh)} in
        bash | sh | csh | tcsh) set -- "$interpreter" -l "$private/script" "$@" ;;
        ksh | perl | ruby) set -- "$interpreter" "$private/script" "$@" ;;
        python | python3) set -- "$(first_of python3 python)" "$private/script" "$@" ;;
        javascript) set -- node "$private/script" "$@" ;;
        *) fail "the interpreter $interpreter cannot be used here; allowed: bash sh csh ksh perl python ruby javascript" ;;
    esac
    command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed on this machine" 127
    "$@" </dev/null
    exit
}

# first_of NAME...: write the first of these programs that is installed, else the first name.
first_of() {
    for candidate in "$@"; do
        if command -v "$candidate" >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    printf '%s\n' "$1"
}
