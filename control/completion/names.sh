# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# names: what is asked of sluiced while a command line is typed; the part of the completions that is
# the same in bash and zsh.

# Prints column $1 of a list that sluicectl prints, without its head; nothing where sluiced is away.
_sluicectl_column()
{
	local column=$1
	shift
	sluicectl ${_sluicectl_socket:+"--socket=$_sluicectl_socket"} "$@" 2>/dev/null |
		awk -v column="$column" 'NR > 1 { print $column }'
}

# Prints the names of kind $1, those of backends in the pool $2.
_sluicectl_names()
{
	case $1 in
	pools) _sluicectl_column 1 pools ;;
	backends) _sluicectl_column 2 backends "$2" ;;
	services) _sluicectl_column 1 services ;;
	former_vips)
		sluicectl ${_sluicectl_socket:+"--socket=$_sluicectl_socket"} status 2>/dev/null |
			awk '/is no VIP any more and still filtered/ { print $2 }'
		;;
	esac
}
