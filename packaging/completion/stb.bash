# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# bash completion of stapc, stb and stap-load. What options there are, each
# program says itself: its usage is asked once a shell, of stb that of a command.

_stb_usage()	# PROGRAM [COMMAND]
{
	case ${1##*/}:$2 in
	stb:)	"$1" --help | grep '^  stb -' ;;
	stb:*)	echo '-h --help'
		"$1" "$2" --help | grep -E '^(  stb| {9,}) ' ;;
	*)	"$1" --help ;;
	esac 2>/dev/null
}

_stb_options()	# PROGRAM [COMMAND]: what begins with - in its usage
{
	local cache="_stb_words_${1//[^a-z]/_}_${2//[^a-z]/_}"

	if [ -z "${!cache-}" ]; then
		printf -v "$cache" '%s' "$(_stb_usage "$1" "$2" |
			grep -oE '(^|[][ ,|(])--?[A-Za-z]([A-Za-z-]*[A-Za-z])?=?' |
			tr -d '][ ,|(' | sort -u | tr '\n' ' ')"
	fi
	printf '%s' "${!cache}"
}

_stb_recorders()
{
	stap-load --list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_stb_values()	# PROGRAM OPTION: what it may be, where that is no file
{
	case $1:$2 in
	stap-load:--attach|stap-load:--dump|stap-load:--stop|stap-load:--rotate)
		_stb_recorders ;;
	stap-load:--format|stb:--format)
		echo text ndjson chrome folded ;;
	stap-load:--engine)
		echo bpf module ;;
	stap-load:--check)
		echo json ;;
	stapc:--engine)
		echo auto bpf module both ;;
	stapc:--privilege)
		echo stapdev stapsys stapusr ;;
	stapc:--dump)
		echo tokens ast lib sites typed list ir c plan ;;
	stapc:--missing)
		echo error warn ignore ;;
	stapc:--prologue-searching)
		echo never always auto ;;
	stapc:-p)
		echo 1 2 3 4 ;;
	esac
}

_stb()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} command= words=

	# --option=value is three words
	if [ "$cur" = '=' ]; then
		cur=
	elif [ "$prev" = '=' ] && [ "$COMP_CWORD" -gt 2 ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	[ "$COMP_CWORD" = 1 ] || command=${COMP_WORDS[1]}
	words=$(_stb_values "${program##*/}" "$prev")
	case $cur:$words:$COMP_CWORD:${program##*/} in
	-*::*)	words=$(_stb_options "$program" "$command") ;;
	*::1:stb)
		words=$("$program" --help 2>/dev/null |
			sed -n 's/^  stb \([a-z]*\) .*/\1/p' | sort -u) ;;
	esac
	# shellcheck disable=SC2207
	[ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$cur"))
	[ -n "${COMPREPLY[*]-}" ] || compopt -o default 2>/dev/null || :
}

complete -F _stb stapc stb stap-load
