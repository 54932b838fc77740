# Sourced by scripts that fill a folder of their own anew at each start.
#
#   own_folder SCRIPT FOLDER: makes FOLDER, or empties what an earlier run of SCRIPT left there. Anything else ends the
#   script with exit code 2: a mark in the folder lists what the script wrote, and nothing besides is ever removed.

# Everything below a folder: kind, size of files, path.
folder_content() {
  find "$1/" -mindepth 1 ! -path "$2" \( -type d -printf 'd %P\0' -o -printf '%y %s %P\0' \) | LC_ALL=C sort -z
}

own_folder() {
  local script=$1 folder=${2%/} foreign
  own_mark=$folder/.$script
  own_place=$folder
  refuse() { echo "$script: --out $folder: $1" >&2; exit 2; }
  [ -n "$folder" ] || refuse 'name a folder'
  if [ -L "$folder" ] && [ ! -e "$folder" ]; then refuse 'is a link to nothing: remove it or name another folder'; fi
  if [ -e "$folder" ] && [ ! -d "$folder" ]; then refuse 'is a file: name another folder'; fi
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
    [ -f "$own_mark" ] || refuse "is not empty and not of an earlier $script: name another folder, or remove it yourself"
    foreign=$(folder_content "$folder" "$folder/.$script" | LC_ALL=C comm -z -23 - "$own_mark" | tr '\0' '\n' | sed -n '1s/^\(d\|. [0-9]*\) //p')
    [ -z "$foreign" ] || refuse "holds (or holds changed) $foreign, which $script did not write: move it away, or name another folder"
    find "$folder/" -mindepth 1 -delete
  fi
  mkdir -p "$folder" || exit 3
  : >"$own_mark" || exit 3
  trap 'folder_content "$own_place" "$own_mark" >"$own_mark"' EXIT
}
