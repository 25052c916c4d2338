#!/bin/sh
# How often each word occurs in the text on standard input, as JSON: { "words", "distinct", "top": [{ "word", "count" }] }.
# Any executable can be a function. This one needs nothing but a POSIX shell and its tools.
#
# TOP is how many words are listed (default 10). Words are letters, digits and apostrophes inside; A to Z become lower case. Bytes above 127 count as
# letters, so that words in UTF-8 stay whole, whatever the locale. Exit code: 0, 64 for a wrong TOP, 65 for a text without words.
set -eu
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}
export LC_ALL PATH

top=${TOP:-10}
case $top in
  '' | *[!0-9]* | ?????*)
    echo "word-frequency: TOP must be a whole number up to 9999, not '$top'." >&2
    exit 64
    ;;
esac

words=$(tr 'A-Z' 'a-z' | tr -cs "a-z0-9'\200-\377" '\n' | sed -e "s/^'*//" -e "s/'*\$//" -e '/^$/d')
if [ -z "$words" ]; then
  echo 'word-frequency: there are no words on standard input; send a text.' >&2
  exit 65
fi

# Equally frequent words in alphabetical order, so that the same text always gives the same answer.
counted=$(printf '%s\n' "$words" | sort | uniq -c | sort -k1,1nr -k2)

printf '{"words":%d,"distinct":%d,"top":[' "$(printf '%s\n' "$words" | wc -l)" "$(printf '%s\n' "$counted" | wc -l)"
# head may close the pipe before printf has written all of a long list: that is no failure. A word holds nothing that JSON would escape.
{ printf '%s\n' "$counted" 2>/dev/null || :; } | head -n "$top" | {
  comma=''
  while read -r count word; do
    printf '%s{"word":"%s","count":%d}' "$comma" "$word" "$count"
    comma=','
  done
}
printf ']}\n'
