// What may be absent, as JSON.
#pragma once

#include <optional>

#include "json/json.h"

namespace dwubit {

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

}  // namespace dwubit
