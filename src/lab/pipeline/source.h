// The model that a lab command starts from.
#pragma once

#include <filesystem>
#include <string>

#include "base/thread_pool.h"
#include "runtime/model/open_model.h"

namespace dwubit::lab {

// An unquantized model, names and shapes checked. Throws Failure; for a packed one it says what to `verb` instead.
OpenModel open_dense_model(const std::filesystem::path& path, const char* verb);

// Looks at every weight: NaN and infinity are refused, naming the tensor. Returns model_sha256().
std::string check_and_hash(const OpenModel& model, ThreadPool& pool);

}  // namespace dwubit::lab
