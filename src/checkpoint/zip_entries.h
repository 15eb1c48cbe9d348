// The entries of a zip archive whose entries are stored, not compressed: name -> bytes. What torch.save writes.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "dwubit/result.h"

namespace dwubit {

// Views into `file`. Every length and offset is checked; two entries of one name are refused. Checksums are not
// compared: torch writes none where told so.
Result<std::map<std::string, std::span<const std::byte>>> read_zip_entries(std::span<const std::byte> file);

}  // namespace dwubit
