// Golden files: tests/oracle/hessian_pt.py.
#include "checkpoint/pt.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/atomic_file.h"
#include "base/float16.h"
#include "json/json.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

fs::path golden(const std::string& name) {
    return fs::path(DWUBIT_SOURCE_DIR) / "tests/golden/pt" / name;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

template <class T>
std::vector<T> elements(const PtValue& tensor) {
    std::vector<T> values(tensor.bytes.size() / sizeof(T));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
}

// The part of a value that JSON has.
Json as_json(const PtFile& file, const PtValue& value) {
    switch (value.kind) {
        case PtKind::kBool:
            return value.integer != 0;
        case PtKind::kInteger:
            return value.integer;
        case PtKind::kNumber:
            return value.number;
        case PtKind::kText:
            return value.text;
        case PtKind::kList: {
            Json list = Json::array();
            for (const auto item : value.items) list.push_back(as_json(file, file.value(item)));
            return list;
        }
        case PtKind::kDict: {
            Json dict = Json::object();
            for (std::size_t i = 0; i < value.items.size(); i += 2) {
                dict[file.value(value.items[i]).text] = as_json(file, file.value(value.items[i + 1]));
            }
            return dict;
        }
        default:
            return nullptr;
    }
}

std::string error_of(const std::string& file) {
    const auto pt = PtFile::parse(bytes_of(file), "x.pt");
    return pt.ok() ? "read" : pt.error().message;
}

TEST(Pt, ReadsHessiansOfQuip) {
    const Json values = read_json_file(golden("values.json")).value();
    for (const auto& [name, expected] : values.items()) {
        const auto file = PtFile::open(golden(name + ".pt"));
        ASSERT_TRUE(file.ok()) << file.error().message;
        const auto n = file->integer("n", 1, 100);
        ASSERT_TRUE(n.ok());
        EXPECT_EQ(*n, expected["n"]);
        EXPECT_EQ(file->integer("ct", 1, 1000).value(), expected["ct"]);
        const auto flat = file->tensor("flatH", DType::kF32, {*n * (*n + 1) / 2});
        ASSERT_TRUE(flat.ok()) << flat.error().message;
        const bool centred = !expected["mu"].is_null();
        EXPECT_EQ(file->find("mu") != nullptr, centred);
        const auto mu = centred ? expected["mu"].get<std::vector<double>>() : std::vector<double>(10, 0.0);
        if (centred) {
            const auto found = elements<float>(*file->tensor("mu", DType::kF32, {*n}).value());
            for (std::size_t i = 0; i < found.size(); ++i) EXPECT_FLOAT_EQ(found[i], static_cast<float>(mu[i]));
        }
        std::size_t at = 0;
        const auto triangle = elements<float>(**flat);
        for (std::size_t i = 0; i < static_cast<std::size_t>(*n); ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                EXPECT_NEAR(triangle[at++] + mu[i] * mu[j], expected["h"][i][j].get<double>(), 1e-5);
            }
        }
    }
}

TEST(Pt, ReadsEveryKindOfValue) {
    const auto file = PtFile::open(golden("kinds.pt"));
    ASSERT_TRUE(file.ok()) << file.error().message;
    const Json expected = read_json_file(golden("kinds.json")).value();
    const Json found = as_json(*file, file->root());
    for (const auto& [name, value] : expected.items()) EXPECT_EQ(found[name], value) << name;

    EXPECT_EQ(elements<float>(*file->find("float32")), (std::vector<float>{1, 0, 1}));
    EXPECT_EQ(elements<double>(*file->find("float64")), (std::vector<double>{1, 0, 1}));
    EXPECT_EQ(elements<std::uint16_t>(*file->find("float16"))[2], to_f16(1).bits);
    EXPECT_EQ(elements<std::uint16_t>(*file->find("bfloat16"))[2], to_bf16(1).bits);
    EXPECT_EQ(elements<std::int64_t>(*file->find("int64")), (std::vector<std::int64_t>{1, 0, 1}));
    EXPECT_EQ(elements<std::int32_t>(*file->find("int32")), (std::vector<std::int32_t>{1, 0, 1}));
    EXPECT_EQ(elements<std::int16_t>(*file->find("int16")), (std::vector<std::int16_t>{1, 0, 1}));
    for (const char* name : {"int8", "uint8", "bool"}) {
        EXPECT_EQ(elements<std::int8_t>(*file->find(name)), (std::vector<std::int8_t>{1, 0, 1})) << name;
    }
    EXPECT_EQ(file->find("grid")->shape, (Shape{2, 3}));
    EXPECT_EQ(elements<float>(*file->find("row")), (std::vector<float>{3, 4, 5}));  // offset 3 of grid's storage
    EXPECT_EQ(file->find("empty")->shape, (Shape{0, 3}));
    EXPECT_EQ(file->integer("boxed", -10, 10).value(), -7);
    EXPECT_EQ(file->find("size")->items.size(), 2u);
    EXPECT_EQ(file->find("dtype")->text, "torch float32");
    EXPECT_EQ(file->find("state")->items.size(), 4u);
    EXPECT_EQ(file->find("none at all"), nullptr);
}

TEST(Pt, RefusesWhatItDoesNotKnow) {
    struct Case {
        const char* name;
        const char* says;
    };
    const Case cases[] = {{"system", "posix.system, which is not run"},
                          {"eval", "builtin"},
                          {"numpy", "which is not run"},
                          {"strided", "has strides [2]"},
                          {"parameter", "torch._utils._rebuild_parameter, which is not run"},
                          {"huge_integer", "an integer above 64 bits"},
                          {"protocol4", "has protocol 4"},
                          {"legacy", "torch before 1.6"},
                          {"bare", "a bare pickle"},
                          {"compressed", "is compressed"}};
    for (const Case& test : cases) {
        const auto file = PtFile::open(golden(std::string("refused/") + test.name + ".pt"));
        ASSERT_FALSE(file.ok()) << test.name;
        EXPECT_EQ(file.error().kind, ErrorKind::kUnsupported) << file.error().message;
        EXPECT_NE(file.error().message.find(test.says), std::string::npos) << file.error().message;
        EXPECT_EQ(file.error().message.find(std::string(test.name) + ".pt: "), 0u);
    }
    EXPECT_FALSE(fs::exists("dwubit-was-here"));
    const auto list = PtFile::open(golden("refused/list.pt"));
    ASSERT_TRUE(list.ok());
    EXPECT_EQ(list->integer("n", 0, 9).error().kind, ErrorKind::kNotFound);
}

TEST(Pt, TypedMembersSayWhatIsThere) {
    const auto file = PtFile::open(golden("kinds.pt"));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->tensor("grid", DType::kF32, {3, 2}).error().message,
              "kinds.pt: 'grid' must be F32 of shape [3, 2], it is F32 of shape [2, 3]");
    EXPECT_NE(file->tensor("text", DType::kF32, {3}).error().message.find("something else"), std::string::npos);
    EXPECT_NE(file->integer("boxed", 0, 10).error().message.find("must be from 0 to 10, got -7"), std::string::npos);
    EXPECT_FALSE(file->integer("text", 0, 10).ok());
    EXPECT_FALSE(file->integer("grid", 0, 10).ok());
}

// A file cut at any byte, and with any one byte changed, gives a value or an error.
TEST(Pt, BrokenFilesAreErrors) {
    const std::string whole = read_file(golden("quip/0_o.pt")).value();
    EXPECT_EQ(error_of(whole), "read");
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_of(whole.substr(0, size)), "read") << size;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ 0xFF);
        EXPECT_FALSE(error_of(changed).empty());
    }
    EXPECT_NE(error_of(std::string(whole).replace(whole.find("FloatStorage"), 12, "FloatStoragf")), "read");
    EXPECT_EQ(error_of("PK"), "x.pt: this is not a file of torch.save: it does not begin as a zip archive");
}

std::string file_with(const std::string& program) {
    // An archive whose pickle is `program`: that of a written file, exchanged for one of equal length.
    const TempFolder folder;
    const std::vector<PtMember> members = {{std::string(program.size(), '?'), std::int64_t{1}}};
    EXPECT_TRUE(write_pt(folder / "x.pt", members).ok());
    std::string file = read_file(folder / "x.pt").value();
    const std::size_t at = file.find("\x80\x02}(");
    file.replace(at, program.size(), program);
    return file;
}

TEST(Pt, BrokenProgramsAreErrors) {
    const std::string start = "\x80\x02";
    const std::string storage =
        start + "((X\x07" + std::string(3, '\0') + "storagectorch\nFloatStorage\nX\x01" + std::string(3, '\0');
    struct Case {
        std::string program;
        const char* says;
    };
    const Case cases[] = {
        {start + ".", "its stack is empty"},
        {start + "(.", "its stack is empty"},
        {start + "h\x05.", "recalls what it never had"},
        {start + "q\x05.", "remembers nothing"},
        {start + "}t.", "a mark is missing"},
        {start + "}(NNNu.", "a key has no value"},
        {start + "](NNu.", "added to what holds none"},
        {start + "N)R.", "calls what is no function"},
        {start + "ccollections\nOrderedDict\n(NtR.", "calls collections OrderedDict with 1 arguments"},
        {start + "cos\nsystem\n.", "os.system, which is not run"},
        {start + "c" + std::string(1000, 'x'), "a name does not end"},
        {start + "NNb.", "sets attributes of what has none"},
        {start + "NQ.", "a storage is not described"},
        {start + "I01\n.", "instruction 0x49 at byte 2"},
        {storage + "9X\x03" + std::string(3, '\0') + "cpuK\x01tQ.", "no data/9"},
        {start + "X\xff\xff\xff\xff", "a text passes its end"},
    };
    for (const Case& test : cases) {
        EXPECT_NE(error_of(file_with(test.program)).find(test.says), std::string::npos)
            << test.says << " <> " << error_of(file_with(test.program));
    }
}

// Containers that hold themselves and each other a thousandfold cost what their program's length costs.
TEST(Pt, RepeatedValuesAreNotCopied) {
    std::string program = "\x80\x02]q";
    program += '\0';
    for (int i = 0; i < 2000; ++i) program += std::string("(h\0h\0h\0h\0e", 10);
    const auto file = PtFile::parse(bytes_of(program), "x.pt");
    EXPECT_FALSE(file.ok());  // a bare pickle
    const std::string archive = file_with(program + ".");
    const auto list = PtFile::parse(bytes_of(archive), "x.pt");
    ASSERT_TRUE(list.ok()) << list.error().message;
    EXPECT_EQ(list->root().items.size(), 8000u);
    EXPECT_EQ(&list->value(list->root().items[0]), &list->root());
}

TEST(Pt, WritesWhatItReads) {
    const TempFolder folder;
    const std::vector<float> flat = {1, 2, 3, 4, 5, 6};
    const std::vector<float> mu = {0.5, -1, 2};
    const std::vector<PtMember> members = {{"flatH", PtTensor{DType::kF32, {6}, std::as_bytes(std::span(flat))}},
                                           {"mu", PtTensor{DType::kF32, {3, 1}, std::as_bytes(std::span(mu))}},
                                           {"n", std::int64_t{3}},
                                           {"ct", std::int64_t{-5'000'000'000}}};
    ASSERT_TRUE(write_pt(folder / "a.pt", members).ok());
    ASSERT_TRUE(write_pt(folder / "b.pt", members).ok());
    const std::string bytes = read_file(folder / "a.pt").value();
    EXPECT_EQ(bytes, read_file(folder / "b.pt").value());
    const auto file = PtFile::parse(bytes_of(bytes), "a.pt");
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(elements<float>(*file->find("flatH")), flat);
    EXPECT_EQ(elements<float>(*file->tensor("mu", DType::kF32, {3, 1}).value()), mu);
    EXPECT_EQ(file->integer("n", 0, 9).value(), 3);
    EXPECT_EQ(file->integer("ct", INT64_MIN, 0).value(), -5'000'000'000);
    for (const char* name : {"flatH", "mu"})
        EXPECT_EQ((file->find(name)->bytes.data() - bytes_of(bytes).data()) % 64, 0);
}

}  // namespace
}  // namespace dwubit
