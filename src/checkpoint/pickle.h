// The pickle machine of pt.h: instructions -> values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/pt.h"

namespace dwubit {

struct PickleValues {
    std::vector<PtValue> values;
    std::uint32_t root = 0;
};

// The bytes of a storage by its key; an error where there is none.
using StorageLookup = std::function<Result<std::span<const std::byte>>(const std::string& key)>;

Result<PickleValues> read_pickle(std::span<const std::byte> program, const StorageLookup& storage);

}  // namespace dwubit
