# embed.cmake -- writes the library's files as C arrays: cmake -D OUT=stdlib.c -D DIR=stdlib
# -D FILES="layers.nn activations.nn" -P embed.cmake

separate_arguments(FILES)
set(arrays "")
set(rows "")
foreach(file IN LISTS FILES)
    get_filename_component(stem ${file} NAME_WE)
    file(READ ${DIR}/${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    # Eight bytes a line; the last, 0, ends the string and is not part of its size.
    string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const unsigned char ${stem}_text[] = {\n${bytes}0x00};\n\n")
    string(APPEND rows
        "    {\"${file}\", (const char *)${stem}_text, sizeof ${stem}_text - 1},\n")
endforeach()

file(WRITE ${OUT} "// Made from stdlib/*.nn by embed.cmake.

#include \"stdlib/stdlib.h\"

${arrays}const StdlibFile stdlib_files[] = {
${rows}};

const size_t stdlib_file_count = sizeof stdlib_files / sizeof stdlib_files[0];
")
