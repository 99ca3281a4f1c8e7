# What the tools share: a way to give up, a private folder that goes away, texts of several lines.
# For any POSIX shell; source it.

# fail MESSAGE [CODE]: end the tool; 2 means that it was called wrongly.
fail() {
    printf 'ERROR: %s\n' "$1"
    exit "${2:-2}"
}

# private_folder FOLDER: set $private to a new folder below FOLDER, else below the place for temporary files.
# It is removed when the tool ends, by a signal too.
private_folder() {
    private=$1/.work-$$
    if ! (umask 077 && mkdir "$private") 2>/dev/null; then
        private=${TMPDIR:-/tmp}/pilothouse-$$-$(date +%s)
        (umask 077 && mkdir "$private") || fail "no private folder can be made in $1 or ${TMPDIR:-/tmp}" 1
    fi
    trap 'rm -rf "$private"' 0
    trap 'exit 129' 1
    trap 'exit 130' 2
    trap 'exit 143' 15
}

# lines TEXT: write TEXT with its line ends. They come as the two characters \n, unless there are real ones.
lines() {
    case $1 in
        *'
'*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$1" | sed 's/\\n/\
/g' ;;
    esac
}
