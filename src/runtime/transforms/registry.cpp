#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "runtime/transforms/transform.h"

namespace dwubit {

#define DWUBIT_TRANSFORM(id) const Transform& id##_transform();
#include "runtime/transforms/transforms.inc"
#undef DWUBIT_TRANSFORM

std::span<const Transform* const> transforms() {
    static const Transform* const all[] = {
#define DWUBIT_TRANSFORM(id) &id##_transform(),
#include "runtime/transforms/transforms.inc"
#undef DWUBIT_TRANSFORM
    };
    return all;
}

Result<const Transform*> find_transform(std::string_view id) {
    std::vector<std::string> names;
    std::string all;
    for (const Transform* transform : transforms()) {
        if (transform->id == id) return transform;
        names.emplace_back(transform->id);
        all += (all.empty() ? "" : ", ") + names.back();
    }
    const auto nearest = nearest_name(id, names);
    return errorf(ErrorKind::kUnsupported, "transform '{}' is not known", printable(id))
        .with_hint(nearest ? fmt::format("did you mean '{}'?", *nearest) : "this build knows: " + all);
}

}  // namespace dwubit
