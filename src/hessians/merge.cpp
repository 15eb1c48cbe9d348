#include "hessians/merge.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "hessians/hessian_file.h"

namespace dwubit {
namespace {

std::string_view name_of(const HessianStore& store) {
    return store.folder().native();
}

// The calibrations that went into a store: of a merged one its parts.
std::vector<Json> parts_of(const HessianStore& store) {
    const HessianFingerprint& own = store.fingerprint();
    const auto merged = own.settings.find("merged");
    if (merged != own.settings.end() && merged->is_array()) return {merged->begin(), merged->end()};
    Json part = {{"corpus", own.corpus}, {"chat_template", own.chat_template}, {"settings", own.settings}};
    // Without a corpus the files say which calibration it was.
    if (own.corpus.empty()) part["hessians"] = store.sha256();
    return {std::move(part)};
}

// Of a part, whose JSON may be anything.
std::string text_of(const Json& part, const char* member) {
    return part.is_object() && part.contains(member) && part[member].is_string() ? part[member].get<std::string>()
                                                                                 : std::string();
}

Result<void> check_same_model(const HessianStore& first, const HessianStore& other) {
    HessianFingerprint here = other.fingerprint();
    here.corpus.clear();
    here.chat_template.clear();
    here.settings = Json::object();
    const std::vector<std::string> lines = differences(here, first.fingerprint());
    if (lines.empty()) return {};
    return errorf(ErrorKind::kInvalidInput, "{} and {} do not belong together: {}", name_of(other), name_of(first),
                  fmt::join(lines, "; "));
}

Result<void> check_same_sites(const HessianStore& first, const HessianStore& other) {
    for (const auto& [one, two] : {std::pair(&first, &other), std::pair(&other, &first)}) {
        for (const HessianRecord& record : one->records()) {
            const HessianRecord* match = two->find(record.layer, record.site);
            if (match == nullptr) {
                return errorf(ErrorKind::kInvalidInput, "{} has {}, {} has not", name_of(*one),
                              place_name(record.layer, record.site), name_of(*two));
            }
            if (match->n != record.n) {
                return errorf(ErrorKind::kInvalidInput, "{} has n = {} in {}, {} has n = {}",
                              place_name(record.layer, record.site), record.n, name_of(*one), name_of(*two), match->n);
            }
            if (match->sha256 == record.sha256) {
                return errorf(ErrorKind::kInvalidInput, "{} and {} have the same {}: its rows would count twice",
                              name_of(*one), name_of(*two), place_name(record.layer, record.site));
            }
        }
    }
    return {};
}

std::vector<const HessianStore*> in_fixed_order(std::span<const HessianStore> stores) {
    std::vector<const HessianStore*> order;
    for (const HessianStore& store : stores) order.push_back(&store);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->sha256() < b->sha256(); });
    return order;
}

// out = sum(ct values) / total
class Mean {
public:
    explicit Mean(std::size_t size) : sum_(size) {}

    void add(std::span<const float> values, double ct) {
        for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += ct * static_cast<double>(values[i]);
    }
    std::vector<float> finish(double total) const {
        std::vector<float> out(sum_.size());
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sum_[i] / total);
        return out;
    }

private:
    std::vector<double> sum_;
};

Result<Hessian> merge_site(std::span<const HessianStore* const> stores, const HessianRecord& record) {
    Hessian merged;
    merged.n = record.n;
    Mean triangle(static_cast<std::size_t>(record.n * (record.n + 1) / 2));
    Mean mu(static_cast<std::size_t>(record.n));
    for (const HessianStore* store : stores) {
        DWUBIT_ASSIGN(const Hessian part, store->load(record.layer, record.site));
        const auto ct = static_cast<double>(part.ct);
        triangle.add(part.triangle, ct);
        mu.add(part.mu, ct);
        if (__builtin_add_overflow(merged.ct, part.ct, &merged.ct) ||
            __builtin_add_overflow(merged.nonfinite, part.nonfinite, &merged.nonfinite)) {
            return errorf(ErrorKind::kInvalidInput, "{}: more rows than 64 bits count",
                          place_name(record.layer, record.site));
        }
    }
    merged.triangle = triangle.finish(static_cast<double>(merged.ct));
    merged.mu = mu.finish(static_cast<double>(merged.ct));
    return merged;
}

// Sum of a count in the manifests; null where one lacks it.
Json sum_of(std::span<const HessianStore> stores, const char* member) {
    std::int64_t sum = 0;
    for (const HessianStore& store : stores) {
        const auto value = Fields(store.manifest(), kHessianManifest).integer(member, 0, kMaxRows);
        if (!value.ok() || __builtin_add_overflow(sum, *value, &sum)) return nullptr;
    }
    return sum;
}

}  // namespace

Result<HessianFingerprint> merged_fingerprint(std::span<const HessianStore> stores) {
    HessianFingerprint merged = stores.front().fingerprint();
    std::vector<Json> parts = parts_of(stores.front());
    for (std::size_t i = 1; i < stores.size(); ++i) {
        const HessianFingerprint& other = stores[i].fingerprint();
        for (std::size_t j = 0; j < i; ++j) {
            DWUBIT_TRY(check_same_model(stores[j], stores[i]));
            DWUBIT_TRY(check_same_sites(stores[j], stores[i]));
        }
        if (other.model.empty()) merged.model.clear();
        if (other.tokenizer.empty()) merged.tokenizer.clear();
        for (Json& part : parts_of(stores[i])) parts.push_back(std::move(part));
    }
    std::sort(parts.begin(), parts.end(), [](const Json& a, const Json& b) { return dump_json(a) < dump_json(b); });
    if (std::adjacent_find(parts.begin(), parts.end()) != parts.end()) {
        return make_error(ErrorKind::kInvalidInput,
                          "the same calibration is in two of the stores: its rows would count twice");
    }
    merged.corpus.clear();
    std::set<std::string> templates;
    bool known = true;
    for (const Json& part : parts) {
        const std::string corpus = text_of(part, "corpus");
        known = known && !corpus.empty();
        merged.corpus += corpus + "\n";
        templates.insert(text_of(part, "chat_template"));
    }
    merged.corpus = known ? sha256_hex(merged.corpus) : std::string();
    merged.chat_template = templates.size() == 1 ? *templates.begin() : "several";
    merged.settings = {{"merged", parts}};
    return merged;
}

Result<void> merge_hessians(std::span<const HessianStore> stores, const std::filesystem::path& folder,
                            ProgressSink& progress) {
    DWUBIT_ASSIGN(HessianFingerprint fingerprint, merged_fingerprint(stores));
    DWUBIT_ASSIGN(HessianStoreWriter writer, HessianStoreWriter::open(folder, std::move(fingerprint)));
    const auto order = in_fixed_order(stores);
    const auto& records = stores.front().records();
    progress.begin("merge", std::ssize(records), "sites");
    std::int64_t done = 0;
    for (const HessianRecord& record : records) {
        DWUBIT_ASSIGN(const Hessian merged, merge_site(order, record));
        DWUBIT_TRY(writer.add(record.layer, record.site, merged));
        progress.update(++done);
    }
    progress.end();
    return writer.finish({{"tokens", sum_of(stores, "tokens")}, {"sequences", sum_of(stores, "sequences")}});
}

}  // namespace dwubit
