# The store: files that several operations of a job use. Each has its digest for a name once it is whole, never before;
# operations get copies, so that none can change what others get.
if [ ! -e "$ph_store" ] && [ ! -L "$ph_store" ]; then mkdir -m 700 "$ph_store" && : >"$ph_store/.pilothouse"; fi
stored() { [ -d "$ph_store" ] && [ ! -L "$ph_store" ] && [ -O "$ph_store" ]; }
# keep DIGEST FILE: a store that cannot be written costs only that the file is sent again.
keep() { if stored && cp "$2" "$ph_store/.$ph_token"; then mv -f "$ph_store/.$ph_token" "$ph_store/$1"; fi; }
# lay DIGEST FILE
lay() { if ! stored || ! cp "$ph_store/$1" "$2"; then say forgotten; return 1; fi; }
