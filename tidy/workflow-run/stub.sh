# The programs that the scripts of a workflow find: each writes down how it was called, and `gh` lists runs. Sourced by a file of the
# program's name, in a folder that is the only one on the path; so it must need no other program.
folder=${0%/*}
program=${0##*/}
printf '%s\0' "$#" "$program" "$@" >>"$folder/calls"
# The beginning of a call that is not to go well.
fails=$(<"$folder/fails")
[[ -z $fails || "$program $*" != "$fails"* ]] || exit 1
if [[ $program == gh && -s $folder/runs.json ]]; then
    list_runs "$folder/runs.json" "$@"
fi
