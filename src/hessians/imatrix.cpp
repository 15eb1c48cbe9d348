#include "hessians/imatrix.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "hessians/hessian_file.h"
#include "hessians/imatrix_gguf.h"

namespace dwubit {
namespace {

constexpr std::int64_t kMaxImportedSize = 1 << 16;  // its triangle takes 8 GiB, of 256 KiB in the file
constexpr std::int32_t kMaxNameBytes = 1024;
constexpr std::int32_t kMaxDatasetBytes = 1 << 20;

class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    bool at_end() const { return at_ == bytes_.size(); }

    // A count from min to max, each of `unit` bytes that must be in the file.
    Result<std::int32_t> count(std::string_view what, std::int32_t min, std::int32_t max, std::size_t unit) {
        std::int32_t value = 0;
        if (bytes_.size() - at_ < sizeof value) {
            return errorf(ErrorKind::kInvalidInput, "the file ends before {}", what);
        }
        std::memcpy(&value, bytes_.data() + at_, sizeof value);
        at_ += sizeof value;
        if (value < min || value > max) {
            return errorf(ErrorKind::kInvalidInput, "{} must be from {} to {}, got {}", what, min, max, value);
        }
        if (static_cast<std::size_t>(value) * unit > bytes_.size() - at_) {
            return errorf(ErrorKind::kInvalidInput, "{} is {}, which passes the end of the file", what, value);
        }
        return value;
    }

    // REQUIRES: size bytes are there.
    const std::byte* take(std::size_t size) {
        const std::byte* const begin = bytes_.data() + at_;
        at_ += size;
        return begin;
    }

    std::string text(std::int32_t size) {
        const auto bytes = static_cast<std::size_t>(size);
        return {reinterpret_cast<const char*>(take(bytes)), bytes};
    }

private:
    std::span<const std::byte> bytes_;
    std::size_t at_ = 0;
};

Result<ImatrixEntry> read_entry(Reader& reader) {
    constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
    ImatrixEntry entry;
    DWUBIT_ASSIGN(const std::int32_t length, reader.count("the length of its name", 1, kMaxNameBytes, 1));
    entry.name = reader.text(length);
    const std::string shown = "'" + printable(entry.name) + "'";
    DWUBIT_ASSIGN(entry.calls, reader.count("the calls of " + shown, 1, kMax, 0));
    DWUBIT_ASSIGN(const std::int32_t count,
                  reader.count("the values of " + shown, 1, static_cast<std::int32_t>(kMaxHessianSize), sizeof(float)));
    entry.values.resize(static_cast<std::size_t>(count));
    const std::size_t bytes = entry.values.size() * sizeof(float);
    std::memcpy(entry.values.data(), reader.take(bytes), bytes);
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
        if (std::isfinite(entry.values[i]) && entry.values[i] >= 0) continue;
        return errorf(ErrorKind::kInvalidInput, "{} has {} at [{}]: a sum of squares is finite and not negative", shown,
                      entry.values[i], i);
    }
    return entry;
}

Result<Imatrix> parse(std::span<const std::byte> file) {
    constexpr std::size_t kSmallestEntry = 17;  // three counts, one letter, one value
    Reader reader(file);
    Imatrix imatrix;
    DWUBIT_ASSIGN(const std::int32_t count, reader.count("the number of entries", 1, 1 << 24, kSmallestEntry));
    std::set<std::string> names;
    for (std::int32_t i = 0; i < count; ++i) {
        auto entry = read_entry(reader);
        if (!entry.ok()) {
            entry.error().message = fmt::format("entry {}: {}", i, entry.error().message);
            return std::move(entry).error();
        }
        if (!names.insert(entry->name).second) {
            return errorf(ErrorKind::kInvalidInput, "'{}' is there twice", printable(entry->name));
        }
        imatrix.entries.push_back(std::move(*entry));
    }
    if (reader.at_end()) return imatrix;
    DWUBIT_ASSIGN(imatrix.chunks, reader.count("the last chunk", std::numeric_limits<std::int32_t>::min(),
                                               std::numeric_limits<std::int32_t>::max(), 0));
    if (reader.at_end()) return imatrix;
    DWUBIT_ASSIGN(const std::int32_t length, reader.count("the length of the data set's name", 0, kMaxDatasetBytes, 1));
    imatrix.dataset = reader.text(length);
    if (!reader.at_end()) return errorf(ErrorKind::kInvalidInput, "there are bytes after its end");
    return imatrix;
}

void put(std::string& out, std::int64_t value) {
    const auto narrow = static_cast<std::int32_t>(value);
    char bytes[sizeof narrow];
    std::memcpy(bytes, &narrow, sizeof narrow);
    out.append(bytes, sizeof narrow);
}

const std::vector<std::string_view>& linears_of(Site site) {
    static const std::vector<std::string_view> kLinears[] = {
        {"attn_q", "attn_k", "attn_v"}, {"attn_output"}, {"ffn_gate", "ffn_up"}, {"ffn_down"}};
    return kLinears[static_cast<std::size_t>(site)];
}

using Place = std::tuple<std::int64_t, Site>;

// Of "blk.2.attn_q.weight"; nothing for other names.
std::optional<Place> place_of(std::string_view name) {
    constexpr std::string_view kStart = "blk.";
    if (!name.starts_with(kStart)) return std::nullopt;
    const char* const begin = name.data() + kStart.size();
    const char* const end = name.data() + name.size();
    std::int64_t layer = 0;
    const auto [stop, code] = std::from_chars(begin, end, layer);
    if (code != std::errc() || layer < 0 || layer > kMaxLayers) return std::nullopt;
    for (const Site site : kSites) {
        const auto names = imatrix_names(layer, site);
        if (std::find(names.begin(), names.end(), name) != names.end()) return Place(layer, site);
    }
    return std::nullopt;
}

Hessian diagonal_hessian(const ImatrixEntry& entry) {
    Hessian hessian;
    hessian.n = std::ssize(entry.values);
    hessian.ct = entry.calls;
    hessian.mu.assign(entry.values.size(), 0.0F);
    hessian.triangle.assign(static_cast<std::size_t>(hessian.n * (hessian.n + 1) / 2), 0.0F);
    std::size_t at = 0;
    for (std::size_t i = 0; i < entry.values.size(); ++i) {
        hessian.triangle[at] = entry.values[i] / static_cast<float>(entry.calls);
        at += i + 2;
    }
    return hessian;
}

}  // namespace

Result<Imatrix> parse_imatrix(std::span<const std::byte> file, const std::string& name) {
    auto imatrix = is_imatrix_gguf(file) ? parse_imatrix_gguf(file, name) : parse(file);
    if (!imatrix.ok()) imatrix.error().message = fmt::format("{}: {}", name, imatrix.error().message);
    return imatrix;
}

Result<void> write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix) {
    if (path.extension() == ".gguf") return write_imatrix_gguf(path, imatrix);
    DWUBIT_ASSIGN(AtomicFile file, AtomicFile::create(path));
    std::string head;
    put(head, std::ssize(imatrix.entries));
    for (const ImatrixEntry& entry : imatrix.entries) {
        put(head, std::ssize(entry.name));
        head += entry.name;
        put(head, entry.calls);
        put(head, std::ssize(entry.values));
        DWUBIT_TRY(file.write(head));
        DWUBIT_TRY(file.write(std::as_bytes(std::span(entry.values))));
        head.clear();
    }
    put(head, imatrix.chunks);
    put(head, std::ssize(imatrix.dataset));
    DWUBIT_TRY(file.write(head + imatrix.dataset));
    return file.commit();
}

std::vector<std::string> imatrix_names(std::int64_t layer, Site site) {
    std::vector<std::string> names;
    for (const std::string_view linear : linears_of(site)) {
        names.push_back(fmt::format("blk.{}.{}.weight", layer, linear));
    }
    return names;
}

Result<Imatrix> imatrix_of(const HessianStore& store, ProgressSink& progress) {
    Imatrix imatrix;
    imatrix.dataset = store.fingerprint().corpus.empty() ? "dwubit" : "dwubit " + store.fingerprint().corpus;
    progress.begin("export", std::ssize(store.records()), "sites");
    std::int64_t done = 0;
    for (const HessianRecord& record : store.records()) {
        DWUBIT_ASSIGN(const Hessian hessian, store.load(record.layer, record.site));
        const std::int64_t chunks = (hessian.ct + kImatrixChunk - 1) / kImatrixChunk;
        const auto calls =
            static_cast<std::int32_t>(std::min<std::int64_t>(chunks, std::numeric_limits<std::int32_t>::max()));
        std::vector<float> values(hessian.mu.size());
        std::size_t at = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = hessian.triangle[at] * static_cast<float>(calls);
            if (!std::isfinite(values[i])) {
                return errorf(ErrorKind::kInvalidInput, "{}: {} calls of {} at [{}] are more than float32 holds",
                              place_name(record.layer, record.site), calls, hessian.triangle[at], i);
            }
            at += i + 2;
        }
        imatrix.chunks = std::max(imatrix.chunks, calls);
        for (std::string& name : imatrix_names(record.layer, record.site)) {
            imatrix.entries.push_back({std::move(name), calls, values});
        }
        progress.update(++done);
    }
    progress.end();
    return imatrix;
}

Result<std::int64_t> import_imatrix(const Imatrix& imatrix, const std::filesystem::path& folder,
                                    HessianFingerprint fingerprint, ProgressSink& progress) {
    std::map<Place, const ImatrixEntry*> sites;
    std::int64_t others = 0;
    for (const ImatrixEntry& entry : imatrix.entries) {
        const auto place = place_of(entry.name);
        if (!place) {
            ++others;
            continue;
        }
        const auto [at, inserted] = sites.emplace(*place, &entry);
        if (std::ssize(entry.values) > kMaxImportedSize) {
            return errorf(ErrorKind::kUnsupported, "{} has {} values; a diagonal of at most {} becomes a Hessian",
                          entry.name, entry.values.size(), kMaxImportedSize);
        }
        if (!inserted && (at->second->calls != entry.calls || at->second->values != entry.values)) {
            return errorf(ErrorKind::kInvalidInput, "{} and {} have the same input but other values", at->second->name,
                          entry.name);
        }
    }
    if (sites.empty()) {
        return errorf(ErrorKind::kInvalidInput, "no entry is a linear of a layer (blk.0.attn_q.weight)");
    }
    fingerprint.settings = {{"source", "imatrix"}, {"dataset", imatrix.dataset}};
    DWUBIT_ASSIGN(HessianStoreWriter writer, HessianStoreWriter::open(folder, std::move(fingerprint)));
    progress.begin("import", std::ssize(sites), "sites");
    std::int64_t done = 0;
    for (const auto& [place, entry] : sites) {
        DWUBIT_TRY(writer.add(std::get<0>(place), std::get<1>(place), diagonal_hessian(*entry)));
        progress.update(++done);
    }
    progress.end();
    DWUBIT_TRY(writer.finish(Json::object()));
    return others;
}

}  // namespace dwubit
