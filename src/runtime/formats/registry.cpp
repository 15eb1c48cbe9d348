#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "runtime/formats/format.h"

namespace dwubit {

#define DWUBIT_FORMAT(id) const Format& id##_format();
#include "runtime/formats/formats.inc"
#undef DWUBIT_FORMAT

std::span<const Format* const> formats() {
    static const Format* const all[] = {
#define DWUBIT_FORMAT(id) &id##_format(),
#include "runtime/formats/formats.inc"
#undef DWUBIT_FORMAT
    };
    return all;
}

Result<const Format*> find_format(std::string_view id, int version) {
    std::vector<std::string> names;
    for (const Format* format : formats()) {
        if (format->id != id) {
            names.emplace_back(format->id);
            continue;
        }
        if (version == format->version) return format;
        return errorf(ErrorKind::kUnsupported, "format {} version {} is not known; this build reads version {}", id,
                      version, format->version)
            .with_hint(version > format->version ? "a newer dwubit wrote it" : "");
    }
    const auto nearest = nearest_name(id, names);
    return errorf(ErrorKind::kNotFound, "format '{}' is not known", printable(id))
        .with_hint(nearest ? fmt::format("did you mean '{}'?", *nearest) : "dwubit formats lists all");
}

}  // namespace dwubit
