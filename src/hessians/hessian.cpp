// One Hessian: names of sites, checks of values, what a record says of it.
#include <algorithm>
#include <bit>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

constexpr std::string_view kSiteNames[] = {"qkv", "o", "up", "down"};

bool is_finite(float value) {
    constexpr std::uint32_t kExponent = 0x7f800000u;
    return (std::bit_cast<std::uint32_t>(value) & kExponent) != kExponent;
}

bool all_finite(std::span<const float> values) {
    bool finite = true;
    for (const float value : values) finite &= is_finite(value);
    return finite;
}

std::size_t first_not_finite(std::span<const float> values) {
    return static_cast<std::size_t>(std::find_if_not(values.begin(), values.end(), is_finite) - values.begin());
}

Result<void> check_triangle(const Hessian& hessian, const std::string& where) {
    const std::span<const float> triangle = hessian.triangle;
    std::size_t at = 0;
    for (std::size_t row = 0; row < static_cast<std::size_t>(hessian.n); ++row) {
        const auto values = triangle.subspan(at, row + 1);
        if (!all_finite(values)) {
            const std::size_t column = first_not_finite(values);
            return errorf(ErrorKind::kInvalidInput, "{}: H has {} at [{}, {}]", where, values[column], row, column);
        }
        if (values[row] < 0) {
            return errorf(ErrorKind::kInvalidInput, "{}: H has {} on its diagonal, at [{}, {}]", where, values[row],
                          row, row)
                .with_hint("a sum of squares is never negative: the file is damaged or holds something else");
        }
        at += row + 1;
    }
    return {};
}

}  // namespace

std::string_view site_name(Site site) {
    return kSiteNames[static_cast<std::size_t>(site)];
}

Result<Site> site_from_name(std::string_view name) {
    for (const Site site : kSites) {
        if (site_name(site) == name) return site;
    }
    return errorf(ErrorKind::kInvalidInput, "'{}' is not a site", printable(name, 40))
        .with_hint("sites are qkv, o, up and down");
}

std::string hessian_file_name(std::int64_t layer, Site site) {
    return fmt::format("{}_{}.safetensors", layer, site_name(site));
}

std::string place_name(std::int64_t layer, Site site) {
    return fmt::format("layer {} site {}", layer, site_name(site));
}

Result<void> check_hessian(const Hessian& hessian, const std::string& where) {
    const std::int64_t n = hessian.n;
    if (n < 1 || n > kMaxHessianSize) {
        return errorf(ErrorKind::kInvalidInput, "{}: n must be from 1 to {}, got {}", where, kMaxHessianSize, n);
    }
    const auto expected = static_cast<std::size_t>(n * (n + 1) / 2);
    if (hessian.triangle.size() != expected) {
        return errorf(ErrorKind::kInvalidInput, "{}: the triangle of n = {} has {} values, not {}", where, n, expected,
                      hessian.triangle.size());
    }
    if (hessian.mu.size() != static_cast<std::size_t>(n)) {
        return errorf(ErrorKind::kInvalidInput, "{}: mu of n = {} has {} values", where, n, hessian.mu.size());
    }
    if (hessian.ct < 1 || hessian.ct > kMaxRows) {
        return errorf(ErrorKind::kInvalidInput, "{}: ct must be at least 1, got {}", where, hessian.ct);
    }
    if (hessian.nonfinite < 0 || hessian.nonfinite > kMaxRows) {
        return errorf(ErrorKind::kInvalidInput, "{}: nonfinite must not be negative, got {}", where, hessian.nonfinite);
    }
    DWUBIT_TRY(check_triangle(hessian, where));
    if (const std::size_t at = first_not_finite(hessian.mu); at < hessian.mu.size()) {
        return errorf(ErrorKind::kInvalidInput, "{}: mu has {} at [{}]", where, hessian.mu[at], at);
    }
    return {};
}

HessianRecord describe_hessian(std::int64_t layer, Site site, const Hessian& hessian) {
    HessianRecord record;
    record.layer = layer;
    record.site = site;
    record.n = hessian.n;
    record.ct = hessian.ct;
    record.nonfinite = hessian.nonfinite;
    std::size_t at = 0;
    for (std::int64_t row = 0; row < hessian.n; ++row) {
        const double value = hessian.triangle[at];
        record.trace += value;
        record.diag_min = row == 0 ? value : std::min(record.diag_min, value);
        record.diag_max = std::max(record.diag_max, value);
        if (value == 0) ++record.dead;
        at += static_cast<std::size_t>(row) + 2;
    }
    return record;
}

}  // namespace dwubit
