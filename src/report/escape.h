// The study's own words (ids, titles, paths) made safe for each kind of file. Ill-formed UTF-8 becomes U+FFFD, control
// characters blanks.
#pragma once

#include <string>
#include <string_view>

namespace dwubit::report {

// For text and attribute values of HTML and SVG.
std::string html(std::string_view text);

// For a line of a paragraph, a list or a cell of a table: nothing in it is markup, line breaks are blanks.
std::string markdown(std::string_view text);

// JSON that may stand inside <script>: no '<', '>', '&' outside \u escapes.
std::string json_in_script(std::string_view json);

// Letters, digits and dashes of `text`, for file names and ids; never empty.
std::string slug(std::string_view text);

}  // namespace dwubit::report
