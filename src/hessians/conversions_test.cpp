// Stores merged, imported and exported. Golden .pt files: tests/oracle/hessian_pt.py.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "checkpoint/gguf_writer.h"
#include "ggml/block_type.h"
#include "hessians/imatrix.h"
#include "hessians/merge.h"
#include "hessians/quip.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

const fs::path kGolden = fs::path(DWUBIT_SOURCE_DIR) / "tests/golden/pt";

HessianFingerprint fingerprint_of(char corpus, char model = 'a') {
    return {std::string(64, model), std::string(64, '1'), std::string(64, corpus), "", {{"length", 64}}};
}

// The moments of `rows`: H = sum x xT / ct.
Hessian hessian_of(const std::vector<std::vector<float>>& rows) {
    Hessian hessian;
    hessian.n = std::ssize(rows.front());
    hessian.ct = std::ssize(rows);
    const auto mean = [&](auto term) {
        double sum = 0;
        for (const auto& row : rows) sum += term(row);
        return static_cast<float>(sum / static_cast<double>(rows.size()));
    };
    for (std::size_t i = 0; i < rows.front().size(); ++i) {
        hessian.mu.push_back(mean([&](const auto& row) { return double{row[i]}; }));
        for (std::size_t j = 0; j <= i; ++j) {
            hessian.triangle.push_back(mean([&](const auto& row) { return double{row[i]} * row[j]; }));
        }
    }
    return hessian;
}

const std::vector<std::vector<float>> kRowsA = {{1, 2, 3}, {-1, 0.5, 2}, {4, 4, 1}};
const std::vector<std::vector<float>> kRowsB = {{0, 1, -2}, {3, 3, 7}};

HessianStore make_store(const fs::path& folder, const HessianFingerprint& fingerprint, const Hessian& hessian) {
    auto writer = HessianStoreWriter::open(folder, fingerprint);
    EXPECT_TRUE(writer.ok());
    for (const Site site : kSites) EXPECT_TRUE(writer->add(0, site, hessian).ok());
    EXPECT_TRUE(writer->finish({{"tokens", hessian.ct}}).ok());
    auto store = HessianStore::open(folder);
    EXPECT_TRUE(store.ok()) << store.error().message;
    return std::move(*store);
}

TEST(MergeHessians, IsTheHessianOfAllRowsInAnyOrder) {
    const TempFolder folder;
    const HessianStore a = make_store(folder / "a", fingerprint_of('2'), hessian_of(kRowsA));
    const HessianStore b = make_store(folder / "b", fingerprint_of('3'), hessian_of(kRowsB));
    const std::vector<HessianStore> one = {a, b};
    const std::vector<HessianStore> two = {b, a};
    ASSERT_TRUE(merge_hessians(one, folder / "ab").ok());
    ASSERT_TRUE(merge_hessians(two, folder / "ba").ok());
    for (const auto& entry : fs::directory_iterator(folder / "ab")) {
        EXPECT_EQ(sha256_file(entry.path()).value(), sha256_file(folder / "ba" / entry.path().filename()).value());
    }
    auto rows = kRowsA;
    rows.insert(rows.end(), kRowsB.begin(), kRowsB.end());
    const Hessian expected = hessian_of(rows);
    const auto merged = HessianStore::open(folder / "ab");
    ASSERT_TRUE(merged.ok()) << merged.error().message;
    const Hessian found = merged->load(0, Site::kUp).value();
    EXPECT_EQ(found.ct, 5);
    for (std::size_t i = 0; i < expected.triangle.size(); ++i) EXPECT_FLOAT_EQ(found.triangle[i], expected.triangle[i]);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_FLOAT_EQ(found.mu[i], expected.mu[i]);
    EXPECT_EQ(merged->manifest()["tokens"], 5);
    EXPECT_EQ(merged->fingerprint().model, std::string(64, 'a'));
    EXPECT_EQ(merged->fingerprint().corpus, sha256_hex(std::string(64, '2') + "\n" + std::string(64, '3') + "\n"));
}

TEST(MergeHessians, RefusesWhatDoesNotBelongTogether) {
    const TempFolder folder;
    const HessianStore a = make_store(folder / "a", fingerprint_of('2'), hessian_of(kRowsA));
    const HessianStore b = make_store(folder / "b", fingerprint_of('3'), hessian_of(kRowsB));
    const auto says = [](const HessianStore& one, const HessianStore& two) {
        const auto merged = merged_fingerprint(std::vector<HessianStore>{one, two});
        if (merged.ok()) return std::string("merged");
        std::string text = merged.error().message;
        for (const std::string& line : merged.error().context) text += " | " + line;
        return text;
    };
    EXPECT_EQ(says(a, b), "merged");
    EXPECT_NE(says(a, a).find("count twice"), std::string::npos);
    const HessianStore again = make_store(folder / "again", fingerprint_of('2'), hessian_of(kRowsB));
    EXPECT_NE(says(a, again).find("the same calibration"), std::string::npos);
    ASSERT_TRUE(merge_hessians(std::vector<HessianStore>{a, b}, folder / "ab").ok());
    EXPECT_NE(says(HessianStore::open(folder / "ab").value(), a).find("the same calibration"), std::string::npos);

    const HessianStore other = make_store(folder / "other", fingerprint_of('3', 'b'), hessian_of(kRowsB));
    EXPECT_NE(says(a, other).find("model: bbbbbbbbbbbb... here, aaaaaaaaaaaa... in the store"), std::string::npos);
    const HessianStore wide = make_store(folder / "wide", fingerprint_of('3'), hessian_of({{1, 2, 3, 4}}));
    EXPECT_NE(says(a, wide).find("layer 0 site qkv has n = 3 in "), std::string::npos) << says(a, wide);
    auto writer = HessianStoreWriter::open(folder / "fewer", fingerprint_of('3'));
    ASSERT_TRUE(writer->add(0, Site::kQkv, hessian_of(kRowsB)).ok() && writer->finish(Json::object()).ok());
    EXPECT_NE(says(a, HessianStore::open(folder / "fewer").value()).find("has layer 0 site o, "), std::string::npos);
}

TEST(QuipHessians, ImportedWithTheMeanAddedBack) {
    const TempFolder folder;
    const Json values = read_json_file(kGolden / "values.json").value();
    for (const char* kind : {"quip", "qtip"}) {
        const auto done = import_quip(kGolden / kind, folder / kind, HessianFingerprint());
        ASSERT_TRUE(done.ok()) << done.error().message;
        EXPECT_EQ(done->without_mean, std::string_view(kind) == "qtip" ? 1 : 0);
        const auto store = HessianStore::open(folder / kind);
        ASSERT_TRUE(store.ok()) << store.error().message;
        EXPECT_EQ(std::ssize(store->records()), done->files);
        for (const HessianRecord& record : store->records()) {
            const Json& expected = values[fmt::format("{}/{}_{}", kind, record.layer, site_name(record.site))];
            const Hessian found = store->load(record.layer, record.site).value();
            EXPECT_EQ(found.ct, expected["ct"]);
            std::size_t at = 0;
            for (std::size_t i = 0; i < found.mu.size(); ++i) {
                for (std::size_t j = 0; j <= i; ++j) {
                    EXPECT_NEAR(found.triangle[at++], expected["h"][i][j].get<double>(), 2e-6);
                }
            }
        }
    }
}

TEST(QuipHessians, ExportComesBack) {
    const TempFolder folder;
    const HessianStore store = make_store(folder / "a", fingerprint_of('2'), hessian_of(kRowsA));
    fs::create_directories(folder / "quip");
    ASSERT_TRUE(export_quip(store, folder / "quip").ok());
    const auto centred = PtFile::open(folder / "quip/0_down.pt");
    ASSERT_TRUE(centred.ok());
    const Hessian original = hessian_of(kRowsA);
    float first = 0;
    std::memcpy(&first, centred->find("flatH")->bytes.data(), sizeof first);
    EXPECT_FLOAT_EQ(first, original.triangle[0] - original.mu[0] * original.mu[0]);
    ASSERT_TRUE(import_quip(folder / "quip", folder / "back", HessianFingerprint()).ok());
    const Hessian back = HessianStore::open(folder / "back")->load(0, Site::kDown).value();
    EXPECT_EQ(back.mu, original.mu);
    EXPECT_EQ(back.ct, original.ct);
    for (std::size_t i = 0; i < original.triangle.size(); ++i) {
        EXPECT_NEAR(back.triangle[i], original.triangle[i], 2e-6);
    }
}

TEST(QuipHessians, BadFilesAreNamed) {
    const TempFolder folder;
    const auto says = [&](const char* from) {
        const auto done = import_quip(folder / from, folder / "out", HessianFingerprint());
        return done.ok() ? "imported" : done.error().message;
    };
    EXPECT_NE(says("none").find("cannot read folder"), std::string::npos);
    fs::create_directories(folder / "empty");
    folder.write("empty/01_qkv.pt", "");
    folder.write("empty/0_gate.pt", "");
    EXPECT_NE(says("empty").find("no file named like 0_qkv.pt"), std::string::npos);
    folder.write("broken/0_qkv.pt", "PK\x03\x04");
    EXPECT_NE(says("broken").find("0_qkv.pt: the zip archive is broken"), std::string::npos);
    fs::create_directories(folder / "call");
    fs::copy_file(kGolden / "refused/system.pt", folder / "call/0_qkv.pt");
    EXPECT_NE(says("call").find("is not run"), std::string::npos);
    std::vector<float> flat = {1, 0, -1};
    std::vector<float> mu = {0, 0};
    std::vector<PtMember> members = {{"flatH", PtTensor{DType::kF32, {3}, std::as_bytes(std::span(flat))}},
                                     {"mu", PtTensor{DType::kF32, {2}, std::as_bytes(std::span(mu))}},
                                     {"n", std::int64_t{2}},
                                     {"ct", std::int64_t{0}}};
    ASSERT_TRUE(write_pt(folder / "x/3_o.pt", members).ok());
    EXPECT_NE(says("x").find("'ct' must be from 1"), std::string::npos);
    members.back().second = std::int64_t{7};
    ASSERT_TRUE(write_pt(folder / "x/3_o.pt", members).ok());
    EXPECT_EQ(says("x"), "layer 3 site o: H has -1 on its diagonal, at [1, 1]");
    members[2].second = std::int64_t{3};
    ASSERT_TRUE(write_pt(folder / "x/3_o.pt", members).ok());
    EXPECT_NE(says("x").find("'flatH' must be F32 of shape [6], it is F32 of shape [3]"), std::string::npos);
    members.erase(members.begin());
    ASSERT_TRUE(write_pt(folder / "x/3_o.pt", members).ok());
    EXPECT_NE(says("x").find("has no 'flatH'"), std::string::npos);
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

template <class T>
std::string raw(T value) {
    std::string text(sizeof value, '\0');
    std::memcpy(text.data(), &value, sizeof value);
    return text;
}

std::string entry(const std::string& name, std::int32_t calls, const std::vector<float>& values) {
    std::string text =
        raw(static_cast<std::int32_t>(name.size())) + name + raw(calls) + raw(static_cast<std::int32_t>(values.size()));
    for (const float value : values) text += raw(value);
    return text;
}

TEST(Imatrix, ExportIsTheDiagonalByteForByte) {
    const TempFolder folder;
    Hessian hessian = hessian_of(kRowsA);
    hessian.ct = 513;  // two chunks of 512
    const HessianStore store = make_store(folder / "a", fingerprint_of('2'), hessian);
    const auto imatrix = imatrix_of(store);
    ASSERT_TRUE(imatrix.ok());
    ASSERT_TRUE(write_imatrix(folder / "a.dat", *imatrix).ok());
    const std::vector<float> values = {2 * hessian.triangle[0], 2 * hessian.triangle[2], 2 * hessian.triangle[5]};
    std::string expected = raw(std::int32_t{7});
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
        expected += entry(fmt::format("blk.0.{}.weight", name), 2, values);
    }
    const std::string dataset = "dwubit " + std::string(64, '2');
    expected += raw(std::int32_t{2}) + raw(static_cast<std::int32_t>(dataset.size())) + dataset;
    EXPECT_EQ(read_file(folder / "a.dat").value(), expected);

    const auto back = parse_imatrix(bytes_of(expected), "a.dat");
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(import_imatrix(*back, folder / "back", HessianFingerprint()).value(), 0);
    const Hessian found = HessianStore::open(folder / "back")->load(0, Site::kDown).value();
    EXPECT_EQ(found.triangle,
              (std::vector<float>{hessian.triangle[0], 0, hessian.triangle[2], 0, 0, hessian.triangle[5]}));
    EXPECT_EQ(found.ct, 2);
}

TEST(Imatrix, ReadsWhatOthersWrite) {
    const std::string one = raw(std::int32_t{1}) + entry("output.weight", 3, {3, 6});
    for (const std::string& tail :
         {std::string(), raw(std::int32_t{9}), raw(std::int32_t{9}) + raw(std::int32_t{2}) + "pl"}) {
        const std::string file = one + tail;
        const auto imatrix = parse_imatrix(bytes_of(file), "x.dat");
        ASSERT_TRUE(imatrix.ok()) << imatrix.error().message;
        EXPECT_EQ(imatrix->entries[0].values, (std::vector<float>{3, 6}));
    }
    const TempFolder folder;
    const std::string two =
        raw(std::int32_t{2}) + entry("output.weight", 3, {3, 6}) + entry("blk.7.ffn_up.weight", 2, {4, 8});
    const auto imatrix = parse_imatrix(bytes_of(two), "x.dat");
    EXPECT_EQ(import_imatrix(*imatrix, folder / "h", HessianFingerprint()).value(), 1);
    EXPECT_EQ(HessianStore::open(folder / "h")->load(7, Site::kUp)->triangle, (std::vector<float>{2, 0, 4}));
}

TEST(Imatrix, BrokenFilesAreNamed) {
    const auto says = [](const std::string& file) {
        const auto imatrix = parse_imatrix(bytes_of(file), "x.dat");
        return imatrix.ok() ? "read" : imatrix.error().message;
    };
    const auto one = [](const std::string& text) { return raw(std::int32_t{1}) + text; };
    EXPECT_EQ(says(""), "x.dat: the file ends before the number of entries");
    EXPECT_NE(says(raw(std::int32_t{-1})).find("must be from 1"), std::string::npos);
    EXPECT_NE(says(raw(std::int32_t{1000})).find("passes the end"), std::string::npos);
    EXPECT_NE(says("GGUF" + std::string(40, '\0')).find("x.dat"), std::string::npos);
    const std::string pad(40, '\0');
    EXPECT_NE(says(one(raw(std::int32_t{-5}) + pad)).find("entry 0: the length of its name"), std::string::npos);
    EXPECT_NE(says(one(raw(std::int32_t{900}) + pad)).find("passes the end"), std::string::npos);
    EXPECT_NE(says(one(entry("a", 0, {1, 2, 3}))).find("the calls of 'a' must be from 1"), std::string::npos);
    EXPECT_NE(says(one(entry("a", 1, {1, -2, 3}))).find("'a' has -2 at [1]"), std::string::npos);
    EXPECT_NE(says(one(entry("a", 1, {1, 2, INFINITY}))).find("'a' has inf at [2]"), std::string::npos);
    EXPECT_NE(says(one(entry("abc", 1, {1, 2, 3}) + std::string("\0\0\0\0\0\0\0\0x", 9))).find("after its end"),
              std::string::npos);
    EXPECT_NE(says(raw(std::int32_t{2}) + entry("a", 1, {1, 2}) + entry("a", 1, {1, 2})).find("'a' is there twice"),
              std::string::npos);
    const std::string whole = one(entry("abc", 1, {1, 2, 3}));
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(says(whole.substr(0, size)), "read");
    const TempFolder folder;
    const std::string other =
        raw(std::int32_t{2}) + entry("blk.0.attn_q.weight", 1, {1, 2}) + entry("blk.0.attn_k.weight", 1, {1, 3});
    const auto differ = import_imatrix(parse_imatrix(bytes_of(other), "x").value(), folder / "h", {});
    EXPECT_NE(differ.error().message.find("have the same input but other values"), std::string::npos);
    const std::string none = one(entry("blk.0.attn_norm.weight", 1, {1, 2}));
    EXPECT_FALSE(import_imatrix(parse_imatrix(bytes_of(none), "x").value(), folder / "h", {}).ok());
}

TEST(Imatrix, GgufFormHasTheSameMeans) {
    const TempFolder folder;
    Hessian hessian = hessian_of(kRowsA);
    hessian.ct = 513;
    const Imatrix imatrix = imatrix_of(make_store(folder / "a", fingerprint_of('2'), hessian)).value();
    ASSERT_TRUE(write_imatrix(folder / "a.gguf", imatrix).ok());
    const GgufFile file = read_gguf(folder / "a.gguf").value();
    EXPECT_EQ(file.metadata.string("general.type").value(), "imatrix");
    EXPECT_EQ(file.metadata.integer("imatrix.chunk_count", 0, 100).value(), 2);
    EXPECT_EQ(file.metadata.integer("imatrix.chunk_size", 0, 1000).value(), 512);
    EXPECT_EQ(file.tensors.tensors().size(), 14U);
    std::vector<float> sums(3), count(1);
    ASSERT_TRUE(read_as_f32(*file.tensors.find("blk.0.attn_v.weight.in_sum2"), sums).ok());
    ASSERT_TRUE(read_as_f32(*file.tensors.find("blk.0.attn_v.weight.counts"), count).ok());
    EXPECT_EQ(count[0], 1024);
    EXPECT_EQ(sums[0] / count[0], hessian.triangle[0]);
    EXPECT_EQ(sums[2] / count[0], hessian.triangle[5]);

    const std::string bytes = read_file(folder / "a.gguf").value();
    const Imatrix back = parse_imatrix(bytes_of(bytes), "a.gguf").value();
    EXPECT_EQ(back.dataset, imatrix.dataset);
    ASSERT_EQ(back.entries.size(), imatrix.entries.size());
    for (const ImatrixEntry& entry : back.entries) {
        EXPECT_EQ(entry.calls, 2);
        EXPECT_EQ(entry.values, imatrix.entries[0].values);
    }
    EXPECT_EQ(import_imatrix(back, folder / "back", HessianFingerprint()).value(), 0);
}

// As llama.cpp reads it: a tensor that saw nothing has means of one; sums need counts; experts are refused.
TEST(Imatrix, GgufFormIsChecked) {
    const TempFolder folder;
    const auto made = [&](std::vector<GgufTensor> tensors, const std::vector<float>& data, const char* type) {
        GgufFields fields;
        fields.add("general.type", type);
        GgufWriter writer = GgufWriter::create(folder / "x.gguf", fields, tensors).value();
        std::size_t at = 0;
        for (const GgufTensor& tensor : tensors) {
            const std::size_t count = tensor.bytes() / sizeof(float);
            EXPECT_TRUE(writer.write(std::as_bytes(std::span(data).subspan(at, count))).ok());
            at += count;
        }
        EXPECT_TRUE(writer.commit().ok());
        const std::string bytes = read_file(folder / "x.gguf").value();
        std::filesystem::remove(folder / "x.gguf");
        return parse_imatrix(bytes_of(bytes), "x.gguf");
    };
    const BlockType* const f32 = find_block_type("F32");
    const GgufTensor sums = {"a.in_sum2", {1, 2}, f32}, counts = {"a.counts", {1, 1}, f32};
    EXPECT_EQ(made({sums, counts}, {3, 4, 0}, "imatrix")->entries[0].values, (std::vector<float>{1, 1}));
    EXPECT_EQ(made({sums, counts}, {6, 8, 2}, "imatrix")->entries[0].values, (std::vector<float>{3, 4}));
    const auto says = [&](const auto& result) { return result.ok() ? "read" : result.error().message; };
    EXPECT_NE(says(made({sums, counts}, {3, 4, 1}, "model")).find("expected 'imatrix'"), std::string::npos);
    EXPECT_NE(says(made({sums}, {3, 4}, "imatrix")).find("a.counts"), std::string::npos);
    EXPECT_NE(says(made({counts}, {3}, "imatrix")).find("in_sum2"), std::string::npos);
    EXPECT_NE(says(made({sums, counts}, {3, -4, 1}, "imatrix")).find("has -4 at [1]"), std::string::npos);
    const GgufTensor experts = {"a.in_sum2", {2, 2}, f32};
    EXPECT_NE(says(made({experts, counts}, {1, 2, 3, 4, 1}, "imatrix")).find("experts"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
