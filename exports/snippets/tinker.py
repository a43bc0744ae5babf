"""Tinker: a script for its service. A flag `trainable` needs `CUSTOMIZED`, and is refused otherwise."""

from exports.snippets.snippet import Export, Snippet, SnippetFile, join_lines, quote

FORMATS = ("messages",)
NOTE = (
    "pip install tinker tinker-cookbook, and set TINKER_API_KEY. It takes one file and makes its own test split, if any: "
    "keep the validation and test files for later."
)


def build(export: Export) -> Snippet:
    what = "CUSTOMIZED" if export.options.train_flags == "trainable" else "ALL_ASSISTANT_MESSAGES"
    text = join_lines(
        [
            "import asyncio",
            "",
            "from tinker_cookbook import model_info",
            "from tinker_cookbook.renderers import TrainOnWhat",
            "from tinker_cookbook.supervised import train",
            "from tinker_cookbook.supervised.data import FromConversationFileBuilder",
            "from tinker_cookbook.supervised.types import ChatDatasetBuilderCommonConfig",
            "",
            f"model = {quote(export.model)}",
            "common = ChatDatasetBuilderCommonConfig(",
            "    model_name_for_tokenizer=model,",
            "    renderer_name=model_info.get_recommended_renderer_name(model),",
            f"    max_length={export.max_tokens},",
            "    batch_size=32,",
            f"    train_on_what=TrainOnWhat.{what},",
            ")",
            f"data = FromConversationFileBuilder(common_config=common, file_path={quote(export.train)})",
            "config = train.Config(",
            '    log_path="lora",',
            "    model_name=model,",
            '    recipe_name="lorapipe",',
            "    dataset_builder=data,",
            "    learning_rate=1e-4,",
            "    num_epochs=3,",
            ")",
            "asyncio.run(train.main(config))",
        ]
    )
    return Snippet("tinker", "Tinker", NOTE, (SnippetFile("train.py", "python", text),))
