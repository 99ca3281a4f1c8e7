# Changing configuration files. Needs work.sh and output.sh; source all.

# edit_options ALLOWED "$@": read --file, --section, --user, --backup, --apply as far as allowed; the rest, line by
# line, goes to $private/wanted.
edit_options() {
    allowed=$1
    shift
    section= user= backup=0 apply=0
    while [ $# -gt 0 ]; do
        case $1 in
            --) shift && break ;;
            --*) case " $allowed " in *" $1 "*) ;; *) fail "there is no option $1; allowed: $allowed" ;; esac ;;
            *) break ;;
        esac
        case $1 in
            --backup | --apply)
                # a bare switch, or 1 or 0
                value=1
                name=${1#--}
                case ${2-} in 0 | 1) value=$2 && shift ;; esac
                case $name in backup) backup=$value ;; apply) apply=$value ;; esac
                shift
                continue
                ;;
        esac
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
            --file) file=$2 ;;
            --section) section=$2 ;;
            --user) user=$2 ;;
        esac
        shift 2
    done
    for text in "$@"; do lines "$text"; done | sed 's/^[[:space:]]*//; s/[[:space:]]*$//' | grep . >"$private/wanted" ||
        fail 'there is nothing to set; give at least one argument'
}

# need_pairs: every wanted line has to be name=value.
need_pairs() {
    ! grep -vE '^[^=[:space:]#;][^=]*=' "$private/wanted" >"$private/wrong" ||
        fail "the line '$(head -n 1 "$private/wrong")' sets nothing; allowed: name=value"
}

# edited PROGRAM [NAME=VALUE...]: run an awk program over $private/wanted (FILENAME differs) and the file, and put
# the result in the file's place: whole, with its owner and mode. Keeps a copy when asked, hands the text back.
edited() {
    program=$1
    shift
    [ -n "$file" ] || fail 'there is no file to change; give --file'
    [ ! -d "$file" ] || fail "$file is a folder"
    cat -- "$file" >"$private/old" 2>/dev/null || : >"$private/old"
    awk "$@" "$program" wanted=1 "$private/wanted" wanted=0 "$private/old" >"$private/new" ||
        fail "the new text of $file cannot be made" 1
    if [ -e "$file" ] && cmp -s "$private/old" "$private/new"; then
        printf 'FINE: %s is as wanted already\n' "$file"
    else
        if [ "$backup" = 1 ] && [ -e "$file" ]; then
            kept=$file.$(date +%Y%m%d-%H%M%S)
            cp -p -- "$file" "$kept" || fail "$file cannot be copied to $kept" 1
            printf 'INFO: the old text is in %s\n' "$kept"
        fi
        replace || fail "$file cannot be written" 1
        printf 'FINE: %s was changed\n' "$file"
    fi
    output_open && output_file resultText "$private/new" && output_close ||
        fail "the outputs cannot be written to $OUTPUT_PATH" 1
}

replace() {
    if [ -L "$file" ]; then
        cat "$private/new" >"$file"
        return
    fi
    beside=$file.new-$$
    if [ -e "$file" ]; then cp -p -- "$file" "$beside"; else : >"$beside"; fi || return
    # a file that is mounted by itself cannot be replaced, only written
    { cat "$private/new" >"$beside" && mv -f -- "$beside" "$file" 2>/dev/null; } ||
        { rm -f -- "$beside" && cat "$private/new" >"$file"; }
}
