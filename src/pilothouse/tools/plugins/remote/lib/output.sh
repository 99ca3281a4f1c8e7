# Handing back outputs: one JSON object in the file $OUTPUT_PATH, or ./output.json without it.
# For any POSIX shell; source it, then:
#
#   output_open
#   output_text  NAME VALUE      a text
#   output_file  NAME FILE       a file's content as a text; the last line end does not count
#   output_list  NAME FILE...    the contents of files as a list of texts
#   output_json  NAME JSON       JSON that the tool wrote itself
#   output_close                 only now is the file there, whole
#
# Bytes that are not UTF-8 become the Latin-1 characters of the same numbers, so that the file is always valid
# JSON and nothing is lost. NUL bytes are left out.

json_string() {
    LC_ALL=C tr -d '\000' | LC_ALL=C awk '
        function swap(text, from, to,    parts, count, i, result) {
            count = split(text, parts, from)
            result = count ? parts[1] : ""
            for (i = 2; i <= count; i++) result = result to parts[i]
            return result
        }
        function without_controls(text,    i, letter) {
            for (i = 1; i < 32; i++) {
                letter = sprintf("%c", i)
                if (index(text, letter)) text = swap(text, letter, sprintf("\\u%04x", i))
            }
            return text
        }
        function without_strays(text,    result) {
            while (text != "") {
                if (match(text, /^[\001-\177]+/) || match(text, "^(" utf8 ")+")) {
                    result = result substr(text, 1, RLENGTH)
                    text = substr(text, RLENGTH + 1)
                } else {
                    result = result sprintf("\\u%04x", number[substr(text, 1, 1)])
                    text = substr(text, 2)
                }
            }
            return result
        }
        function escaped(text,    rest) {
            gsub(/\\/, "&&", text)
            text = swap(text, "\"", "\\\"")
            text = swap(text, "\t", "\\t")
            text = swap(text, "\r", "\\r")
            if (text ~ /[\001-\037]/) text = without_controls(text)
            if (text ~ /[\200-\377]/) {
                rest = text
                gsub(utf8, "", rest)
                if (rest ~ /[\200-\377]/) text = without_strays(text)
            }
            return text
        }
        BEGIN {
            ORS = ""
            tail = "[\200-\277]"
            utf8 = "[\302-\337]" tail "|\340[\240-\277]" tail "|[\341-\354\356\357]" tail tail
            utf8 = utf8 "|\355[\200-\237]" tail "|\360[\220-\277]" tail tail
            utf8 = utf8 "|[\361-\363]" tail tail tail "|\364[\200-\217]" tail tail
            for (i = 128; i < 256; i++) number[sprintf("%c", i)] = i
            print "\""
        }
        { if (NR > 1) print "\\n"; print escaped($0) }
        END { print "\"" }
    '
}

output_open() {
    OUTPUT_PATH=${OUTPUT_PATH:-./output.json}
    case $OUTPUT_PATH in
        */*) mkdir -p "${OUTPUT_PATH%/*}/" || return ;;
    esac
    output_part=$OUTPUT_PATH.$$
    output_comma=
    # Outputs may hold passwords.
    (umask 077 && printf '{' >"$output_part")
}

output_text() {
    _output_name "$1"
    printf '%s\n' "$2" | json_string >>"$output_part"
}

output_file() {
    _output_name "$1"
    json_string <"$2" >>"$output_part"
}

output_list() {
    _output_name "$1"
    shift
    printf '[' >>"$output_part"
    output_item=
    for output_of in "$@"; do
        printf '%s' "$output_item" >>"$output_part"
        json_string <"$output_of" >>"$output_part"
        output_item=', '
    done
    printf ']' >>"$output_part"
}

output_json() {
    _output_name "$1"
    printf '%s' "$2" >>"$output_part"
}

output_close() {
    printf '}\n' >>"$output_part" && mv -f "$output_part" "$OUTPUT_PATH"
}

_output_name() {
    printf '%s' "$output_comma" >>"$output_part"
    printf '%s\n' "$1" | json_string >>"$output_part"
    printf ': ' >>"$output_part"
    output_comma=', '
}
