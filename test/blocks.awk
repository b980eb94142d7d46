# blocks.awk: takes the fenced code blocks of a Markdown file apart.
#
#   awk -v dir=DIR -f blocks.awk README.md
#
# Writes each block to DIR/NNN.LANGUAGE, and a line for it to standard output:
#
#   NNN LANGUAGE LINE NEEDS HEADING
#
# A fence reads ```LANGUAGE or ```LANGUAGE needs=THING; NEEDS is "-" where
# nothing is needed.

/^#+ / && !inside {
    heading = $0
    sub(/^#+ */, "", heading)
}

/^```/ {
    if (inside) {
        close(file)
        inside = 0
        next
    }
    inside = 1
    language = substr($1, 4)
    if (language == "")
        language = "none"
    needs = "-"
    if ($2 ~ /^needs=/)
        needs = substr($2, 7)
    file = sprintf("%s/%03d.%s", dir, ++count, language)
    printf "" > file
    printf "%03d %s %d %s %s\n", count, language, NR, needs, heading
    next
}

inside { print > file }
