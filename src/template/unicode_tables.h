// Properties and case mappings of Unicode 14, as Python 3.11 has them. tests/oracle/_template_tables.py writes the
// tables.
#pragma once

#include <array>

namespace dwubit::tmpl {

// Up to three characters; 0 behind the last.
using CaseMapping = std::array<char32_t, 3>;

CaseMapping upper_case(char32_t c);
CaseMapping lower_case(char32_t c);  // the final sigma apart
CaseMapping title_case(char32_t c);

bool has_case(char32_t c);           // property Cased
bool is_case_ignorable(char32_t c);  // property Case_Ignorable
bool is_printable(char32_t c);       // what repr() does not escape

}  // namespace dwubit::tmpl
