#include "hessians/hessian_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "hessians/hessian_file.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

HessianFingerprint fingerprint_of(char model) {
    return {
        std::string(64, model), std::string(64, '1'), std::string(64, '2'), "", {{"length", 64}, {"dtype", "float32"}}};
}

// H = diag(1..n) with 0.5 below the diagonal, mu = 0.25.
Hessian some_hessian(std::int64_t n, std::int64_t ct = 100) {
    Hessian hessian{n, ct, 1, {}, std::vector<float>(static_cast<std::size_t>(n), 0.25F)};
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < i; ++j) hessian.triangle.push_back(0.5F);
        hessian.triangle.push_back(static_cast<float>(i + 1));
    }
    return hessian;
}

void write_store(const fs::path& folder, std::int64_t layers = 2) {
    auto writer = HessianStoreWriter::open(folder, fingerprint_of('a'));
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    for (std::int64_t layer = layers - 1; layer >= 0; --layer) {
        for (const Site site : kSites) {
            const auto added = writer->add(layer, site, some_hessian(site == Site::kDown ? 5 : 3));
            ASSERT_TRUE(added.ok()) << added.error().message;
        }
    }
    ASSERT_TRUE(writer->finish({{"tokens", 100}}).ok());
}

// hessians.json after `change`.
void edit_manifest(const fs::path& folder, const std::function<void(Json&)>& change) {
    Json json = read_json_file(folder / "hessians.json").value();
    change(json);
    ASSERT_TRUE(write_file_atomically(folder / "hessians.json", dump_json(json)).ok());
}

std::string open_error(const fs::path& folder) {
    const auto store = HessianStore::open(folder);
    return store.ok() ? "opened" : store.error().message + " | " + store.error().hint;
}

TEST(HessianStore, ReadsBackWhatWasWritten) {
    const TempFolder folder;
    write_store(folder / "h");
    const auto store = HessianStore::open(folder / "h");
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(digest(store->fingerprint()), digest(fingerprint_of('a')));
    EXPECT_EQ(store->manifest()["tokens"], 100);
    EXPECT_EQ(store->sha256(), sha256_file(folder / "h/hessians.json").value());
    ASSERT_EQ(store->records().size(), 8u);
    EXPECT_EQ(store->records()[3].file, "0_down.safetensors");
    EXPECT_EQ(store->records()[4].file, "1_qkv.safetensors");
    const HessianRecord* record = store->find(1, Site::kDown);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->n, 5);
    EXPECT_EQ(record->trace, 15);
    EXPECT_EQ(record->diag_min, 1);
    EXPECT_EQ(record->diag_max, 5);
    EXPECT_EQ(record->dead, 0);
    EXPECT_EQ(record->sha256, sha256_file(folder / "h/1_down.safetensors").value());
    const auto hessian = store->load(1, Site::kDown);
    ASSERT_TRUE(hessian.ok()) << hessian.error().message;
    EXPECT_EQ(hessian->triangle, some_hessian(5).triangle);
    EXPECT_EQ(hessian->mu, some_hessian(5).mu);
    EXPECT_EQ(hessian->ct, 100);
    EXPECT_EQ(hessian->nonfinite, 1);
    EXPECT_EQ(store->load(2, Site::kQkv).error().kind, ErrorKind::kNotFound);
}

TEST(HessianStore, SameInputSameBytesInAnyOrder) {
    const TempFolder folder;
    write_store(folder / "a");
    auto writer = HessianStoreWriter::open(folder / "b", fingerprint_of('a'));
    ASSERT_TRUE(writer.ok());
    for (const Site site : {Site::kDown, Site::kQkv, Site::kUp, Site::kO}) {
        for (const std::int64_t layer : {0, 1}) {
            ASSERT_TRUE(writer->add(layer, site, some_hessian(4)).ok());  // replaced below
            ASSERT_TRUE(writer->add(layer, site, some_hessian(site == Site::kDown ? 5 : 3)).ok());
        }
    }
    ASSERT_TRUE(writer->finish({{"tokens", 100}}).ok());
    for (const auto& entry : fs::directory_iterator(folder / "a")) {
        const fs::path other = folder / "b" / entry.path().filename();
        EXPECT_EQ(sha256_file(entry.path()).value(), sha256_file(other).value()) << other;
    }
}

TEST(HessianStore, WriterGoesOnFromItsRemains) {
    const TempFolder folder;
    {
        auto writer = HessianStoreWriter::open(folder / "h", fingerprint_of('a'));
        ASSERT_TRUE(writer->add(0, Site::kQkv, some_hessian(3)).ok());
        ASSERT_TRUE(writer->flush({{"next_layer", 1}}).ok());
        ASSERT_TRUE(writer->add(1, Site::kQkv, some_hessian(3)).ok());
    }
    EXPECT_NE(open_error(folder / "h").find("calibrate was interrupted"), std::string::npos);
    {
        auto again = HessianStoreWriter::open(folder / "h", fingerprint_of('a'));
        ASSERT_TRUE(again.ok()) << again.error().message;
        EXPECT_EQ(again->records().size(), 1u);
        EXPECT_EQ(again->progress()["next_layer"], 1);
    }
    const auto other = HessianStoreWriter::open(folder / "h", fingerprint_of('b'));
    ASSERT_FALSE(other.ok());
    EXPECT_NE(other.error().message.find("model: bbbbbbbbbbbb... here, aaaaaaaaaaaa... in the store"),
              std::string::npos);
    ASSERT_TRUE(write_file_atomically(folder / "h/0_qkv.safetensors", "cut").ok());
    EXPECT_FALSE(HessianStoreWriter::open(folder / "h", fingerprint_of('a')).ok());
}

TEST(HessianStore, RefusesWhatIsNoStore) {
    const TempFolder folder;
    EXPECT_EQ(HessianStore::open(folder / "none").error().kind, ErrorKind::kNotFound);
    EXPECT_NE(open_error(folder.path()).find("not a Hessian store"), std::string::npos);
    folder.write("hessians.json", "{}");
    EXPECT_NE(open_error(folder.path()).find("'format' must be 'dwubit_hessians'"), std::string::npos);
    folder.write("hessians.json", "[1]");
    EXPECT_NE(open_error(folder.path()).find("'format'"), std::string::npos);
    folder.write("hessians.json", "{");
    EXPECT_NE(open_error(folder.path()), "opened");
}

TEST(HessianStore, RefusesBrokenManifests) {
    struct Case {
        std::function<void(Json&)> change;
        const char* says;
    };
    const Case cases[] = {
        {[](Json& j) { j["version"] = 2; }, "version 2 of the Hessian store; this build reads version 1"},
        {[](Json& j) { j["fingerprint"]["model"] = std::string(64, 'b'); }, "does not fit the fingerprint"},
        {[](Json& j) { j["fingerprint"]["model"] = "B"; }, "'model' must be 64"},
        {[](Json& j) { j["sites"][0]["file"] = "../0_qkv.safetensors"; }, "'file' must be '0_qkv.safetensors'"},
        {[](Json& j) { j["sites"][0]["site"] = "gate"; }, "'gate' is not a site"},
        {[](Json& j) { j["sites"][0]["n"] = std::int64_t{1} << 40; }, "'n' must be"},
        {[](Json& j) { j["sites"][0]["n"] = 4; }, "of n = 3"},
        {[](Json& j) { j["sites"][0]["ct"] = -1; }, "'ct' must be"},
        {[](Json& j) { j["sites"][0]["trace"] = nullptr; }, "'trace' must be"},
        {[](Json& j) { j["sites"].push_back(j["sites"][0]); }, "layer 0 site qkv is there twice"},
        {[](Json& j) { j["sites"][0] = 7; }, "sites[0] must be an object"},
        {[](Json& j) { j["sites"] = Json::array(); }, "has no sites"},
        {[](Json& j) { j["complete"] = "yes"; }, "'complete' must be true or false"},
    };
    for (const Case& test : cases) {
        const TempFolder folder;
        write_store(folder / "h", 1);
        edit_manifest(folder / "h", test.change);
        EXPECT_NE(open_error(folder / "h").find(test.says), std::string::npos) << test.says << "\n"
                                                                               << open_error(folder / "h");
    }
}

TEST(HessianStore, RefusesBrokenFiles) {
    const TempFolder folder;
    write_store(folder / "h", 1);
    const fs::path file = folder / "h/0_up.safetensors";
    const std::string whole = read_file(file).value();
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
        std::ofstream(file, std::ios::binary).write(whole.data(), static_cast<std::streamsize>(size));
        EXPECT_NE(open_error(folder / "h").find("0_up.safetensors"), std::string::npos) << size;
    }
    std::string swapped = read_file(folder / "h/0_qkv.safetensors").value();
    std::ofstream(file, std::ios::binary) << swapped;
    EXPECT_NE(open_error(folder / "h").find("it is layer 0 site qkv"), std::string::npos);
    fs::remove(file);
    EXPECT_NE(open_error(folder / "h").find("0_up.safetensors"), std::string::npos);

    std::string changed = whole;
    changed.back() = static_cast<char>(changed.back() ^ 1);  // a bit of mu
    std::ofstream(file, std::ios::binary) << changed;
    const auto store = HessianStore::open(folder / "h");
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_NE(store->load(0, Site::kUp).error().message.find("SHA-256"), std::string::npos);
    EXPECT_TRUE(store->load(0, Site::kQkv).ok());
}

TEST(HessianStore, NamesTheFirstValueThatIsNotFinite) {
    const TempFolder folder;
    write_store(folder / "h", 1);
    const fs::path file = folder / "h/0_down.safetensors";
    Hessian bad = some_hessian(5);
    bad.triangle[3 * 4 / 2 + 1] = std::numeric_limits<float>::infinity();
    ASSERT_TRUE(write_hessian_file(file, 0, Site::kDown, bad, digest(fingerprint_of('a'))).ok());
    const auto loaded = HessianStore::open(folder / "h")->load(0, Site::kDown);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(loaded.error().message, "layer 0 site down: H has inf at [3, 1]");
}

TEST(HessianStore, ChecksAHessian) {
    const auto says = [](const std::function<void(Hessian&)>& change) {
        Hessian hessian = some_hessian(4);
        change(hessian);
        const auto checked = check_hessian(hessian, "here");
        return checked.ok() ? "good" : checked.error().message;
    };
    EXPECT_EQ(says([](Hessian&) {}), "good");
    EXPECT_EQ(says([](Hessian& h) { h.triangle[9] = std::nanf(""); }), "here: H has nan at [3, 3]");
    EXPECT_EQ(says([](Hessian& h) { h.triangle[2] = -1; }), "here: H has -1 on its diagonal, at [1, 1]");
    EXPECT_EQ(says([](Hessian& h) { h.triangle[1] = -1; }), "good");
    EXPECT_EQ(says([](Hessian& h) { h.mu[2] = -std::numeric_limits<float>::infinity(); }), "here: mu has -inf at [2]");
    EXPECT_EQ(says([](Hessian& h) { h.triangle.pop_back(); }), "here: the triangle of n = 4 has 10 values, not 9");
    EXPECT_EQ(says([](Hessian& h) { h.mu.pop_back(); }), "here: mu of n = 4 has 3 values");
    EXPECT_EQ(says([](Hessian& h) { h.ct = 0; }), "here: ct must be at least 1, got 0");
    EXPECT_NE(says([](Hessian& h) { h.n = std::int64_t{1} << 40; }).find("n must be"), std::string::npos);
    EXPECT_NE(says([](Hessian& h) { h.nonfinite = -1; }).find("nonfinite"), std::string::npos);
}

TEST(HessianStore, CountsDeadChannels) {
    Hessian hessian = some_hessian(4);
    hessian.triangle[0] = 0;
    const HessianRecord record = describe_hessian(0, Site::kO, hessian);
    EXPECT_EQ(record.dead, 1);
    EXPECT_EQ(record.diag_min, 0);
    EXPECT_EQ(record.trace, 9);
}

TEST(HessianFingerprint, DifferencesAreNamedAndUnknownFieldsNeverDiffer) {
    const HessianFingerprint here = fingerprint_of('a');
    EXPECT_TRUE(differences(here, here).empty());
    EXPECT_TRUE(differences(here, HessianFingerprint()).empty());
    HessianFingerprint store = fingerprint_of('b');
    store.settings["length"] = 128;
    const std::vector<std::string> expected = {"model: aaaaaaaaaaaa... here, bbbbbbbbbbbb... in the store",
                                               "length: '64' here, '128' in the store"};
    EXPECT_EQ(differences(here, store), expected);
    const auto again = fingerprint_from_json(to_json(store), "x");
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(digest(*again), digest(store));
    EXPECT_NE(digest(here), digest(store));
    EXPECT_FALSE(fingerprint_from_json(Json::array(), "x").ok());
}

}  // namespace
}  // namespace dwubit
