# The three demos: show every option as it arrived, then hand back one output of every shape.
# Needs work.sh and output.sh; source all three.

demo_main() {
    while [ $# -gt 0 ]; do
        case $1 in
            --switch) printf 'INFO: switch is on\n' && shift ;;
            --) shift && break ;;
            --*) [ $# -gt 1 ] || fail "$1 needs a value"
                demo_show "${1#--}" "$2"
                shift 2 ;;
            *) break ;;
        esac
    done
    for argument in "$@"; do
        printf 'INFO: argument = %s\n' "$argument"
    done
    demo_outputs
    printf 'FINE: the outputs are saved\n'
}

demo_show() {
    case $1 in
        password | *account) printf 'INFO: %s = ******\n' "$1" ;;
        received) printf 'FINE: received from an earlier operation: %s\n' "$2" ;;
        text | textarea | json | select | multiselect | checkbox | date | time | datetime | phase | userselect | node | file | filepath)
            printf 'INFO: %s = %s\n' "$1" "$2" ;;
        *) fail "there is no option --$1" ;;
    esac
}

demo_outputs() {
    output_open &&
        output_text outtext 'this is the text out value' &&
        output_text outfile 'this is the output file name' &&
        output_text outjson '{"key1":"value1", "key2":"value2"}' &&
        output_text outcsv '"name","sex","age"\n"张三“,"男“,"30"\n"李四","女“,"35"' &&
        output_text outpassword '{RC4}xxxxxxxxxx' &&
        output_close || fail "the outputs cannot be written to $OUTPUT_PATH" 1
}
