#include "lab/pipeline/model_card.h"

#include <gtest/gtest.h>

namespace dwubit::lab {
namespace {

Json manifest(const Json& proxy, int bits) {
    return {{"dwubit", "0.1.0"},
            {"method", "rtn"},
            {"recipe", "g128"},
            {"parameters", {{"bits", bits}}},
            {"model_sha256", "ab"},
            {"hessians", nullptr},
            {"bits_per_weight_linears", 2.125},
            {"bits_per_weight_file", 4.5},
            {"bytes", 100},
            {"bytes_per_token", 90},
            {"mean_relative_proxy", proxy},
            {"mean_relative_frobenius", 0.25},
            {"tensors",
             {{{"name", "model.layers.0.mlp.up_proj"},
               {"bits_per_weight", 2.125},
               {"relative_proxy", proxy},
               {"relative_frobenius", 0.25}}}}};
}

std::string card(const Json& name, const Json& proxy = 0.5, int bits = 2) {
    HfDir source;
    source.config = {{"_name_or_path", name}};
    return model_card(manifest(proxy, bits), source);
}

TEST(ModelCard, NamesTheSourceByTheLastPartOfItsPath) {
    EXPECT_NE(card("hub/orlik").find("# orlik by rtn\n"), std::string::npos);
    EXPECT_NE(card("/somewhere/secret\n\n# Hi").find("# secret\\n\\n# Hi by rtn\n"), std::string::npos);
    for (const Json& none : {Json(), Json(3), Json(""), Json("folder/")}) {
        EXPECT_NE(card(none).find("# A model by rtn\n"), std::string::npos) << dump_json(none);
    }
}

TEST(ModelCard, SaysWhatWasNotMeasured) {
    EXPECT_NE(card("m", 0.5).find("| up_proj | 1 | 2.1250 | 0.5000 | 0.2500 |"), std::string::npos);
    EXPECT_NE(card("m", nullptr).find("| up_proj | 1 | 2.1250 | not measured | 0.2500 |"), std::string::npos);
    EXPECT_NE(card("m", 0.5, 4).find("tags: [quantized, 4-bit, rtn]"), std::string::npos);
}

}  // namespace
}  // namespace dwubit::lab
